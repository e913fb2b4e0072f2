//! Half-size floating-point numbers, in which weights and states are stored.

/// The bits of a number in IEEE 754 binary16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct F16(pub u16);

impl F16 {
    /// The nearest number to a finite one, at most 65 504.
    pub fn from_f32(x: f32) -> F16 {
        let sign = (x.to_bits() >> 16) as u16 & 0x8000;
        let size = x.abs().min(65_504.0);
        if size < 2f32.powi(-14) {
            return F16(sign | (size * 2f32.powi(24)).round_ties_even() as u16);
        }
        let bits = size.to_bits();
        // Half of the last place, and a little less where that place is even.
        let rounded = bits + 0xfff + (bits >> 13 & 1);
        F16(sign | ((rounded >> 13) - (112 << 10)) as u16)
    }

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

#[cfg(test)]
mod tests {
    use super::F16;

    #[test]
    fn every_number_comes_back_and_others_become_the_nearest() {
        for bits in (0..0x7c00).chain(0x8000..0xfc00) {
            assert_eq!(F16::from_f32(F16(bits).to_f32()), F16(bits));
        }
        for (x, nearest) in [
            (1.000_4, 1.0),
            (1.000_6, 1.000_976_6),
            (-0.333_3, -0.333_251_95),
            (1e9, 65_504.0),
            (-1e9, -65_504.0),
            (1e-9, 0.0),
            // The lowest numbers lie evenly, 2⁻²⁴ apart.
            (6.0e-5, 1007.0 / 16_777_216.0),
        ] {
            let found = F16::from_f32(x).to_f32();
            assert!((found - nearest).abs() <= 1e-7 * nearest.abs(), "{x}: {found}");
        }
    }
}
