//! Sixteen lanes in four 128-bit registers, and sums of bytes in one instruction: 64-bit Arm with the dot product extension
//! (Cortex-A55, A76 and later, Apple from A11).

// Where the whole crate is compiled for these instructions, the compiler finds the calls safe and the blocks needless.
#![allow(unused_unsafe)]

use super::direction::Direction;
use super::lanes::{self, Sums};
use super::matrix::{Activation, Matrix, Rows};
use super::mixer::Mixer;
use super::neon::{self, Neon, NeonSums};
use super::panel::PANEL;
use std::arch::aarch64::*;
use std::arch::asm;
use std::array::from_fn;

/// Tells whether this processor has the instructions of this module.
pub(super) fn is_available() -> bool {
    neon::is_available() && std::arch::is_aarch64_feature_detected!("dotprod")
}

/// Sixteen sums in four registers.
#[derive(Clone, Copy)]
struct DotSums(NeonSums);

impl Sums for DotSums {
    type Lanes = Neon;
    type Weights = [int8x16_t; 4];
    const RAISED: bool = false;

    #[inline(always)]
    unsafe fn load(from: &[i32; PANEL]) -> Self {
        // SAFETY: as the caller's.
        unsafe { Self(NeonSums::load(from)) }
    }

    #[inline(always)]
    unsafe fn weights(from: &[i8; 4 * PANEL]) -> [int8x16_t; 4] {
        // SAFETY: as the caller's.
        unsafe { NeonSums::weights(from) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: [u8; 4], weights: [int8x16_t; 4]) -> Self {
        // SAFETY: the processor has the instruction, as the trait demands. The compiler has an intrinsic for it from a
        // later version on than this crate needs.
        unsafe {
            let inputs = vreinterpretq_s8_u32(vdupq_n_u32(u32::from_ne_bytes(inputs)));
            Self(NeonSums(from_fn(|i| {
                let mut sums = self.0.0[i];
                asm!(
                    "sdot {sums:v}.4s, {weights:v}.16b, {inputs:v}.16b",
                    sums = inout(vreg) sums,
                    weights = in(vreg) weights[i],
                    inputs = in(vreg) inputs,
                    options(pure, nomem, nostack, preserves_flags)
                );
                sums
            })))
        }
    }

    #[inline(always)]
    unsafe fn to_lanes(self) -> Neon {
        // SAFETY: as the caller's.
        unsafe { self.0.to_lanes() }
    }
}

// As for NEON.
lanes::entry_points!(Neon, sums: DotSums, panels: 1, one: 4, rows: 5, units: 4, features: "neon,dotprod");
