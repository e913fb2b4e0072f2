//! Half-size floating-point numbers, in which weights are stored.

/// The bits of a number in IEEE 754 binary16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct F16(pub u16);

impl F16 {
    /// The same number as an `f32`, exactly; a NaN stays one.
    pub fn to_f32(self) -> f32 {
        let sign = u32::from(self.0 & 0x8000) << 16;
        let exponent = self.0 >> 10 & 0x1f;
        let fraction = u32::from(self.0 & 0x3ff);
        let size = match exponent {
            0 => (fraction as f32 * 2f32.powi(-24)).to_bits(),
            0x1f => 0x7f80_0000 | fraction << 13,
            _ => (u32::from(exponent) + 112) << 23 | fraction << 13,
        };
        f32::from_bits(sign | size)
    }
}
