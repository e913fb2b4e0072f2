//! Sixteen lanes in one 512-bit register: x86-64 with AVX-512F (Intel servers from Skylake, AMD from Zen 4).

// Where the whole crate is compiled for AVX-512F, the compiler finds the calls safe and the blocks needless.
#![allow(unused_unsafe)]

use super::direction::Direction;
use super::lanes::{self, Lanes, ROOT_HALF_BITS, Sums};
use super::matrix::{Activation, Matrix, Rows};
use super::mixer::Mixer;
use super::panel::PANEL;
use std::arch::x86_64::*;

/// Tells whether this processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

#[derive(Clone, Copy)]
struct Avx512(__m512);

/// Defines a function of whole registers as one intrinsic.
macro_rules! one {
    ($name:ident($($other:ident),*) = $intrinsic:ident) => {
        #[inline(always)]
        unsafe fn $name(self, $($other: Self),*) -> Self {
            // SAFETY: the processor has AVX-512F, as the trait demands.
            unsafe { Self($intrinsic(self.0, $($other.0),*)) }
        }
    };
}

impl Lanes for Avx512 {
    one!(add(other) = _mm512_add_ps);
    one!(sub(other) = _mm512_sub_ps);
    one!(mul(other) = _mm512_mul_ps);
    one!(div(other) = _mm512_div_ps);
    one!(min(other) = _mm512_min_ps);
    one!(max(other) = _mm512_max_ps);
    one!(mul_add(factor, addend) = _mm512_fmadd_ps);

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the processor has AVX-512F, as the trait demands.
        unsafe { Self(_mm512_set1_ps(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: &[f32; PANEL]) -> Self {
        // SAFETY: 16 numbers lie there, and the load needs no alignment.
        unsafe { Self(_mm512_loadu_ps(from.as_ptr())) }
    }

    #[inline(always)]
    unsafe fn load_f16(from: &[u16; PANEL]) -> Self {
        // SAFETY: 16 half-size numbers lie there, and the load needs no alignment.
        unsafe { Self(_mm512_cvtph_ps(_mm256_loadu_si256(from.as_ptr().cast()))) }
    }

    #[inline(always)]
    unsafe fn store(self, to: &mut [f32; PANEL]) {
        // SAFETY: 16 numbers fit there, and the store needs no alignment.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    unsafe fn times_two_to(self, shifted: Self) -> Self {
        // SAFETY: the processor has AVX-512F, as the trait demands.
        unsafe {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(shifted.0));
            Self(_mm512_castsi512_ps(_mm512_add_epi32(
                _mm512_castps_si512(self.0),
                exponent,
            )))
        }
    }

    #[inline(always)]
    unsafe fn split_exponent(self) -> (Self, Self) {
        // SAFETY: the processor has AVX-512F, as the trait demands.
        unsafe {
            let bits = _mm512_castps_si512(self.0);
            let e = _mm512_srai_epi32::<23>(_mm512_sub_epi32(bits, _mm512_set1_epi32(ROOT_HALF_BITS)));
            let m = _mm512_sub_epi32(bits, _mm512_slli_epi32::<23>(e));
            (Self(_mm512_castsi512_ps(m)), Self(_mm512_cvtepi32_ps(e)))
        }
    }

    #[inline(always)]
    unsafe fn highest(self) -> f32 {
        // SAFETY: the processor has AVX-512F, as the trait demands.
        unsafe { _mm512_reduce_max_ps(self.0) }
    }

    #[inline(always)]
    unsafe fn low_bytes(self, raised: bool, to: &mut [u8; PANEL]) {
        // SAFETY: the processor has AVX-512F, as the trait demands; 16 bytes fit there.
        unsafe {
            let bytes = _mm512_cvtepi32_epi8(_mm512_castps_si512(self.0));
            let sign = _mm_set1_epi8(if raised { i8::MIN } else { 0 });
            _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_xor_si128(bytes, sign));
        }
    }
}

/// Sixteen sums in one register.
#[derive(Clone, Copy)]
struct Sums512(__m512i);

impl Sums for Sums512 {
    type Lanes = Avx512;
    type Weights = __m512i;
    const RAISED: bool = true;

    #[inline(always)]
    unsafe fn load(from: &[i32; PANEL]) -> Self {
        // SAFETY: 16 numbers lie there, and the load needs no alignment.
        unsafe { Self(_mm512_loadu_si512(from.as_ptr().cast())) }
    }

    #[inline(always)]
    unsafe fn weights(from: &[i8; 4 * PANEL]) -> __m512i {
        // SAFETY: 64 bytes lie there, and the load needs no alignment.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: [u8; 4], weights: __m512i) -> Self {
        // SAFETY: the processor has AVX-512 VNNI, as the trait demands.
        unsafe {
            let inputs = _mm512_set1_epi32(i32::from_ne_bytes(inputs));
            Self(_mm512_dpbusd_epi32(self.0, inputs, weights))
        }
    }

    #[inline(always)]
    unsafe fn to_lanes(self) -> Avx512 {
        // SAFETY: the processor has AVX-512F, as the trait demands.
        unsafe { Avx512(_mm512_cvtepi32_ps(self.0)) }
    }
}

// Twelve sums under way for one row and eight for eight, of thirty-two registers.
lanes::entry_points!(Avx512, sums: Sums512, panels: 2, one: 12, rows: 8, units: 4, features: "avx512f,avx512bw,avx512vnni");
