//! Samples in the caller's memory, in any layout, as planes of `f32` and back.

/// A sample as callers have it.
pub trait Sample: Copy {
    /// With full scale 1.
    fn to_f32(self) -> f32;
    /// From full scale 1.
    fn from_f32(x: f32) -> Self;
}

impl Sample for f32 {
    fn to_f32(self) -> f32 {
        self
    }

    fn from_f32(x: f32) -> f32 {
        x
    }
}

impl Sample for i16 {
    fn to_f32(self) -> f32 {
        f32::from(self) / 32_768.0
    }

    /// To the nearest; what is too loud is limited.
    fn from_f32(x: f32) -> i16 {
        // A cast from a float takes the nearest number that there is.
        (x * 32_768.0).round() as i16
    }
}

/// Copies samples that lie `stride` apart from the caller's memory.
///
/// # Safety
/// `from` must be readable for `(row.len() - 1) * stride + 1` samples; it need not be aligned.
pub unsafe fn read<S: Sample>(from: *const S, stride: usize, row: &mut [f32]) {
    for (i, x) in row.iter_mut().enumerate() {
        // SAFETY: the caller says so.
        *x = unsafe { from.add(i * stride).read_unaligned() }.to_f32();
    }
}

/// Copies samples to where they lie `stride` apart in the caller's memory.
///
/// # Safety
/// As for [`read`], but writable.
pub unsafe fn write<S: Sample>(row: &[f32], to: *mut S, stride: usize) {
    for (i, x) in row.iter().enumerate() {
        // SAFETY: the caller says so.
        unsafe { to.add(i * stride).write_unaligned(S::from_f32(*x)) };
    }
}
