//! Sixteen lanes in two 256-bit registers, and sums of bytes in one instruction: x86-64 with AVX2 and AVX-VNNI (Intel from
//! Alder Lake, AMD from Zen 5).

// Where the whole crate is compiled for AVX-VNNI, the compiler finds the calls safe and the blocks needless.
#![allow(unused_unsafe)]

use super::avx2::{self, Avx2, Sums256};
use super::direction::Direction;
use super::lanes::{self, Sums};
use super::matrix::{Activation, Matrix, Rows};
use super::mixer::Mixer;
use super::panel::PANEL;
use std::arch::x86_64::*;

/// Tells whether this processor has the instructions of this module.
pub(super) fn is_available() -> bool {
    avx2::is_available() && is_x86_feature_detected!("avxvnni")
}

/// Sixteen sums in two registers.
#[derive(Clone, Copy)]
struct VnniSums(Sums256);

impl Sums for VnniSums {
    type Lanes = Avx2;
    type Weights = (__m256i, __m256i);
    const RAISED: bool = true;

    #[inline(always)]
    unsafe fn load(from: &[i32; PANEL]) -> Self {
        // SAFETY: as the caller's.
        unsafe { Self(Sums256::load(from)) }
    }

    #[inline(always)]
    unsafe fn weights(from: &[i8; 4 * PANEL]) -> (__m256i, __m256i) {
        // SAFETY: as the caller's.
        unsafe { Sums256::weights(from) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: [u8; 4], weights: (__m256i, __m256i)) -> Self {
        // SAFETY: the processor has AVX-VNNI, as the trait demands.
        unsafe {
            let inputs = _mm256_set1_epi32(i32::from_ne_bytes(inputs));
            Self(Sums256(
                _mm256_dpbusd_avx_epi32(self.0.0, inputs, weights.0),
                _mm256_dpbusd_avx_epi32(self.0.1, inputs, weights.1),
            ))
        }
    }

    #[inline(always)]
    unsafe fn to_lanes(self) -> Avx2 {
        // SAFETY: as the caller's.
        unsafe { self.0.to_lanes() }
    }
}

// Of sixteen registers, as for AVX2.
lanes::entry_points!(Avx2, sums: VnniSums, panels: 1, one: 6, rows: 6, units: 4, features: "avx2,fma,f16c,avxvnni");
