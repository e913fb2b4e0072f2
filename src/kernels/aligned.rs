//! Buffers that begin on a cache line.

use std::ops::{Deref, DerefMut};

/// The bytes of a cache line, and of the widest registers.
const LINE: usize = 64;

/// A buffer of `f32` that begins on a cache line, so that sixteen numbers from a multiple of sixteen on never lie on two
/// lines, which would cost two accesses.
#[derive(Debug)]
pub struct Aligned {
    numbers: Vec<f32>,
    start: usize,
}

impl Aligned {
    /// Takes memory for so many zeros.
    pub fn zeros(count: usize) -> Aligned {
        let spare = LINE / size_of::<f32>() - 1;
        let mut numbers = vec![0.0_f32; count + spare];
        let start = numbers.as_ptr().align_offset(LINE).min(spare);
        numbers.truncate(start + count);
        Aligned { numbers, start }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..]
    }
}
