//! Sixteen lanes in four 128-bit registers: WebAssembly with `simd128`, which every browser has since 2023.
//!
//! What a program may use is settled when it is compiled (`-C target-feature=+simd128`), so there is nothing to find out.

// The compiler finds these calls safe, and the blocks needless.
#![allow(unused_unsafe)]

use super::direction::Direction;
use super::half::F16;
use super::lanes::{self, Lanes, ROOT_HALF_BITS, Sums};
use super::matrix::{Activation, Matrix, Rows};
use super::mixer::Mixer;
use super::panel::PANEL;
use std::arch::wasm32::*;
use std::array::from_fn;

#[derive(Clone, Copy)]
pub(super) struct Simd128([v128; 4]);

/// Defines a function of whole registers as four calls of an intrinsic.
macro_rules! four {
    ($name:ident($other:ident) = $intrinsic:ident) => {
        #[inline(always)]
        unsafe fn $name(self, $other: Self) -> Self {
            Self(from_fn(|i| $intrinsic(self.0[i], $other.0[i])))
        }
    };
}

impl Lanes for Simd128 {
    four!(add(other) = f32x4_add);
    four!(sub(other) = f32x4_sub);
    four!(mul(other) = f32x4_mul);
    four!(div(other) = f32x4_div);

    // One instruction on every processor, unlike `min` and `max`, which care about NaN and the sign of 0. Turned round, so that of a
    // NaN and a bound the bound is left.
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(from_fn(|i| f32x4_pmin(other.0[i], self.0[i])))
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(from_fn(|i| f32x4_pmax(other.0[i], self.0[i])))
    }

    // Rounded twice: there is no fused instruction that gives the same everywhere.
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(from_fn(|i| {
            f32x4_add(f32x4_mul(self.0[i], factor.0[i]), addend.0[i])
        }))
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([f32x4_splat(value); 4])
    }

    #[inline(always)]
    unsafe fn load(from: &[f32; PANEL]) -> Self {
        // SAFETY: 16 numbers lie there, and the loads need no alignment.
        Self(from_fn(|i| unsafe { v128_load(from.as_ptr().add(4 * i).cast()) }))
    }

    // In software: there is no instruction for it. `Network` widens once instead.
    #[inline(always)]
    unsafe fn load_f16(from: &[u16; PANEL]) -> Self {
        // SAFETY: as the caller's.
        unsafe { Self::load(&from.map(|bits| F16(bits).to_f32())) }
    }

    #[inline(always)]
    unsafe fn store(self, to: &mut [f32; PANEL]) {
        for i in 0..4 {
            // SAFETY: 16 numbers fit there, and the stores need no alignment.
            unsafe { v128_store(to.as_mut_ptr().add(4 * i).cast(), self.0[i]) }
        }
    }

    #[inline(always)]
    unsafe fn times_two_to(self, shifted: Self) -> Self {
        Self(from_fn(|i| i32x4_add(self.0[i], i32x4_shl(shifted.0[i], 23))))
    }

    #[inline(always)]
    unsafe fn split_exponent(self) -> (Self, Self) {
        let parts: [(v128, v128); 4] = from_fn(|i| {
            let bits = self.0[i];
            let e = i32x4_shr(i32x4_sub(bits, i32x4_splat(ROOT_HALF_BITS)), 23);
            (i32x4_sub(bits, i32x4_shl(e, 23)), f32x4_convert_i32x4(e))
        });
        (Self(parts.map(|p| p.0)), Self(parts.map(|p| p.1)))
    }

    #[inline(always)]
    unsafe fn highest(self) -> f32 {
        let four = f32x4_pmax(f32x4_pmax(self.0[0], self.0[1]), f32x4_pmax(self.0[2], self.0[3]));
        let two = f32x4_pmax(four, i32x4_shuffle::<2, 3, 0, 1>(four, four));
        f32x4_extract_lane::<0>(f32x4_pmax(two, i32x4_shuffle::<1, 0, 3, 2>(two, two)))
    }

    #[inline(always)]
    unsafe fn low_bytes(self, raised: bool, to: &mut [u8; PANEL]) {
        let low = self.0.map(|bits| v128_and(bits, i32x4_splat(0xff)));
        let words = [
            u16x8_narrow_i32x4(low[0], low[1]),
            u16x8_narrow_i32x4(low[2], low[3]),
        ];
        let sign = u8x16_splat(if raised { 0x80 } else { 0 });
        // SAFETY: 16 bytes fit there, and the store needs no alignment.
        unsafe {
            v128_store(
                to.as_mut_ptr().cast(),
                v128_xor(u8x16_narrow_i16x8(words[0], words[1]), sign),
            )
        }
    }
}

/// Sixteen sums in four registers.
#[derive(Clone, Copy)]
struct Sums128([v128; 4]);

impl Sums for Sums128 {
    type Lanes = Simd128;
    /// Four outputs in each: their weights for the first two inputs, and for the other two, as words.
    type Weights = [[v128; 2]; 4];
    const RAISED: bool = false;
    // Of sixteen registers, eight for the sums of two rows.
    const ROWS: usize = 2;

    #[inline(always)]
    unsafe fn load(from: &[i32; PANEL]) -> Self {
        // SAFETY: 16 numbers lie there, and the loads need no alignment.
        Self(from_fn(|i| unsafe { v128_load(from.as_ptr().add(4 * i).cast()) }))
    }

    #[inline(always)]
    unsafe fn weights(from: &[i8; 4 * PANEL]) -> [[v128; 2]; 4] {
        from_fn(|i| {
            // SAFETY: 64 bytes lie there, and the loads need no alignment.
            let four = unsafe { v128_load(from.as_ptr().add(16 * i).cast()) };
            let pairs = i8x16_shuffle::<0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15>(four, four);
            [i16x8_extend_low_i8x16(pairs), i16x8_extend_high_i8x16(pairs)]
        })
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: [u8; 4], weights: [[v128; 2]; 4]) -> Self {
        let words = i16x8_extend_low_i8x16(i32x4_splat(i32::from_ne_bytes(inputs)));
        let first = i32x4_shuffle::<0, 0, 0, 0>(words, words);
        let other = i32x4_shuffle::<1, 1, 1, 1>(words, words);
        Self(from_fn(|i| {
            let sum = i32x4_add(self.0[i], i32x4_dot_i16x8(first, weights[i][0]));
            i32x4_add(sum, i32x4_dot_i16x8(other, weights[i][1]))
        }))
    }

    #[inline(always)]
    unsafe fn to_lanes(self) -> Simd128 {
        Simd128(self.0.map(|sums| f32x4_convert_i32x4(sums)))
    }
}

// Of the sixteen registers that x86-64 has, two rows take eight.
lanes::entry_points!(Simd128, sums: Sums128, panels: 1, one: 2, rows: 2, units: 2);
