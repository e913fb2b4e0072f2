//! Sixteen lanes in four 128-bit registers: NEON, which every 64-bit Arm processor that Rust targets has.

// Where the whole crate is compiled for NEON, the compiler finds the calls safe and the blocks needless.
#![allow(unused_unsafe)]

use super::direction::Direction;
use super::half::F16;
use super::lanes::{self, Lanes, ROOT_HALF_BITS, Sums};
use super::matrix::{Activation, Matrix, Rows};
use super::mixer::Mixer;
use super::panel::PANEL;
use std::arch::aarch64::*;
use std::array::from_fn;

/// Tells whether this processor has the instructions.
pub(super) fn is_available() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}

#[derive(Clone, Copy)]
pub(super) struct Neon([float32x4_t; 4]);

/// Defines a function of whole registers as four calls of an intrinsic.
macro_rules! four {
    ($name:ident($other:ident) = $intrinsic:ident) => {
        #[inline(always)]
        unsafe fn $name(self, $other: Self) -> Self {
            // SAFETY: the processor has NEON, as the trait demands.
            Self(from_fn(|i| unsafe { $intrinsic(self.0[i], $other.0[i]) }))
        }
    };
}

impl Lanes for Neon {
    four!(add(other) = vaddq_f32);
    four!(sub(other) = vsubq_f32);
    four!(mul(other) = vmulq_f32);
    four!(div(other) = vdivq_f32);
    four!(min(other) = vminnmq_f32);
    four!(max(other) = vmaxnmq_f32);

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the processor has NEON, as the trait demands. `vfmaq` adds the product to its first operand.
        Self(from_fn(|i| unsafe {
            vfmaq_f32(addend.0[i], self.0[i], factor.0[i])
        }))
    }

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the processor has NEON, as the trait demands.
        Self([unsafe { vdupq_n_f32(value) }; 4])
    }

    #[inline(always)]
    unsafe fn load(from: &[f32; PANEL]) -> Self {
        // SAFETY: 16 numbers lie there, and the loads need no more than their alignment.
        Self(from_fn(|i| unsafe { vld1q_f32(from.as_ptr().add(4 * i)) }))
    }

    // In software: the widening intrinsics need a newer compiler than this crate does. `Network` widens once instead.
    #[inline(always)]
    unsafe fn load_f16(from: &[u16; PANEL]) -> Self {
        // SAFETY: as the caller's.
        unsafe { Self::load(&from.map(|bits| F16(bits).to_f32())) }
    }

    #[inline(always)]
    unsafe fn store(self, to: &mut [f32; PANEL]) {
        for i in 0..4 {
            // SAFETY: 16 numbers fit there, and the stores need no more than their alignment.
            unsafe { vst1q_f32(to.as_mut_ptr().add(4 * i), self.0[i]) }
        }
    }

    #[inline(always)]
    unsafe fn times_two_to(self, shifted: Self) -> Self {
        // SAFETY: the processor has NEON, as the trait demands.
        Self(from_fn(|i| unsafe {
            let exponent = vshlq_n_s32::<23>(vreinterpretq_s32_f32(shifted.0[i]));
            vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(self.0[i]), exponent))
        }))
    }

    #[inline(always)]
    unsafe fn split_exponent(self) -> (Self, Self) {
        // SAFETY: the processor has NEON, as the trait demands.
        let parts: [(float32x4_t, float32x4_t); 4] = from_fn(|i| unsafe {
            let bits = vreinterpretq_s32_f32(self.0[i]);
            let e = vshrq_n_s32::<23>(vsubq_s32(bits, vdupq_n_s32(ROOT_HALF_BITS)));
            let m = vsubq_s32(bits, vshlq_n_s32::<23>(e));
            (vreinterpretq_f32_s32(m), vcvtq_f32_s32(e))
        });
        (Self(parts.map(|p| p.0)), Self(parts.map(|p| p.1)))
    }

    #[inline(always)]
    unsafe fn highest(self) -> f32 {
        // SAFETY: the processor has NEON, as the trait demands.
        unsafe {
            let (a, b) = (
                vmaxnmq_f32(self.0[0], self.0[1]),
                vmaxnmq_f32(self.0[2], self.0[3]),
            );
            vmaxnmvq_f32(vmaxnmq_f32(a, b))
        }
    }

    #[inline(always)]
    unsafe fn low_bytes(self, raised: bool, to: &mut [u8; PANEL]) {
        // SAFETY: the processor has NEON, as the trait demands; 16 bytes fit there.
        unsafe {
            let words: [uint16x4_t; 4] = from_fn(|i| vmovn_u32(vreinterpretq_u32_f32(self.0[i])));
            let low = vmovn_u16(vcombine_u16(words[0], words[1]));
            let high = vmovn_u16(vcombine_u16(words[2], words[3]));
            let sign = vdupq_n_u8(if raised { 0x80 } else { 0 });
            vst1q_u8(to.as_mut_ptr(), veorq_u8(vcombine_u8(low, high), sign));
        }
    }
}

/// Sixteen sums in four registers.
#[derive(Clone, Copy)]
pub(super) struct NeonSums(pub(super) [int32x4_t; 4]);

impl NeonSums {
    /// Sixteen numbers.
    #[inline(always)]
    pub(super) unsafe fn load(from: &[i32; PANEL]) -> Self {
        // SAFETY: 16 numbers lie there, and the loads need no more than their alignment.
        Self(from_fn(|i| unsafe { vld1q_s32(from.as_ptr().add(4 * i)) }))
    }

    /// The weights of four outputs in each register.
    #[inline(always)]
    pub(super) unsafe fn weights(from: &[i8; 4 * PANEL]) -> [int8x16_t; 4] {
        // SAFETY: 64 bytes lie there.
        from_fn(|i| unsafe { vld1q_s8(from.as_ptr().add(16 * i)) })
    }

    #[inline(always)]
    pub(super) unsafe fn to_lanes(self) -> Neon {
        // SAFETY: the processor has NEON, as the trait demands.
        Neon(self.0.map(|sums| unsafe { vcvtq_f32_s32(sums) }))
    }
}

impl Sums for NeonSums {
    type Lanes = Neon;
    type Weights = [int8x16_t; 4];
    const RAISED: bool = false;

    #[inline(always)]
    unsafe fn load(from: &[i32; PANEL]) -> Self {
        // SAFETY: as the caller's.
        unsafe { NeonSums::load(from) }
    }

    #[inline(always)]
    unsafe fn weights(from: &[i8; 4 * PANEL]) -> [int8x16_t; 4] {
        // SAFETY: as the caller's.
        unsafe { NeonSums::weights(from) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: [u8; 4], weights: [int8x16_t; 4]) -> Self {
        // SAFETY: the processor has NEON, as the trait demands. Sums of two products fit 16 bits: 2 * 127 * 63.
        unsafe {
            let inputs = vreinterpret_s8_u32(vdup_n_u32(u32::from_ne_bytes(inputs)));
            Self(from_fn(|i| {
                let (low, high) = (vget_low_s8(weights[i]), vget_high_s8(weights[i]));
                let pairs = vpaddq_s16(vmull_s8(low, inputs), vmull_s8(high, inputs));
                vpadalq_s16(self.0[i], pairs)
            }))
        }
    }

    #[inline(always)]
    unsafe fn to_lanes(self) -> Neon {
        // SAFETY: as the caller's.
        unsafe { NeonSums::to_lanes(self) }
    }
}

// Sixteen sums under way for one row and twenty for five, of thirty-two registers.
lanes::entry_points!(Neon, sums: NeonSums, panels: 1, one: 4, rows: 5, units: 4, features: "neon");
