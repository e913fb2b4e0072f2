//! Sixteen lanes in plain Rust, for every processor; the compiler maps them to what the target surely has.

use super::direction::Direction;
use super::half::F16;
use super::lanes::{self, Lanes, ROOT_HALF_BITS, Sums};
use super::matrix::{Activation, Matrix, Rows};
use super::mixer::Mixer;
use super::panel::PANEL;
use std::array::from_fn;

#[derive(Clone, Copy)]
struct Portable([f32; PANEL]);

impl Portable {
    #[inline(always)]
    fn map(self, f: impl Fn(f32) -> f32) -> Self {
        Self(from_fn(|i| f(self.0[i])))
    }

    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(from_fn(|i| f(self.0[i], other.0[i])))
    }
}

// No function here needs any instruction set: all are safe, whatever the trait says.
impl Lanes for Portable {
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; PANEL])
    }

    #[inline(always)]
    unsafe fn load(from: &[f32; PANEL]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    unsafe fn load_f16(from: &[u16; PANEL]) -> Self {
        Self(from_fn(|i| F16(from[i]).to_f32()))
    }

    #[inline(always)]
    unsafe fn store(self, to: &mut [f32; PANEL]) {
        *to = self.0;
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }

    // Not `f32::mul_add`: without a fused instruction that is a slow call into the C library.
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(from_fn(|i| self.0[i] * factor.0[i] + addend.0[i]))
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn times_two_to(self, shifted: Self) -> Self {
        self.zip(shifted, |x, shifted| {
            f32::from_bits(x.to_bits().wrapping_add(shifted.to_bits() << 23))
        })
    }

    #[inline(always)]
    unsafe fn split_exponent(self) -> (Self, Self) {
        let exponent = |v: f32| (v.to_bits() as i32).wrapping_sub(ROOT_HALF_BITS) >> 23;
        let mantissa = |v: f32| f32::from_bits((v.to_bits() as i32).wrapping_sub(exponent(v) << 23) as u32);
        (self.map(mantissa), self.map(|v| exponent(v) as f32))
    }

    #[inline(always)]
    unsafe fn highest(self) -> f32 {
        self.0
            .into_iter()
            .fold(f32::NEG_INFINITY, |most, v| if v > most { v } else { most })
    }

    #[inline(always)]
    unsafe fn low_bytes(self, raised: bool, to: &mut [u8; PANEL]) {
        let sign = if raised { 0x80 } else { 0 };
        *to = self.0.map(|v| v.to_bits() as u8 ^ sign);
    }
}

/// Sixteen sums in an array.
#[derive(Clone, Copy)]
struct PortableSums([i32; PANEL]);

impl Sums for PortableSums {
    type Lanes = Portable;
    type Weights = [i8; 4 * PANEL];
    const RAISED: bool = false;

    #[inline(always)]
    unsafe fn load(from: &[i32; PANEL]) -> Self {
        Self(*from)
    }

    #[inline(always)]
    unsafe fn weights(from: &[i8; 4 * PANEL]) -> [i8; 4 * PANEL] {
        *from
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: [u8; 4], weights: [i8; 4 * PANEL]) -> Self {
        let inputs = inputs.map(|x| i32::from(x as i8));
        let mut sums = self.0;
        for (sum, w) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
            *sum += inputs[0] * i32::from(w[0])
                + inputs[1] * i32::from(w[1])
                + inputs[2] * i32::from(w[2])
                + inputs[3] * i32::from(w[3]);
        }
        Self(sums)
    }

    #[inline(always)]
    unsafe fn to_lanes(self) -> Portable {
        Portable(self.0.map(|sum| sum as f32))
    }
}

// Of the sixteen registers that the compiler has for sure on x86-64, two rows take eight.
lanes::entry_points!(Portable, sums: PortableSums, panels: 1, one: 2, rows: 2, units: 1);
