//! Sixteen lanes in two 256-bit registers: x86-64 with AVX2, FMA and F16C (Intel from Haswell, AMD from Excavator).

// Where the whole crate is compiled for AVX2, the compiler finds the calls safe and the blocks needless.
#![allow(unused_unsafe)]

use super::direction::Direction;
use super::lanes::{self, Lanes, ROOT_HALF_BITS};
use super::matrix::{Activation, Matrix, PANEL, Rows};
use super::mixer::Mixer;
use std::arch::x86_64::*;

/// Tells whether this processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

#[derive(Clone, Copy)]
struct Avx2(__m256, __m256);

/// Defines a function of whole registers as two calls of an intrinsic.
macro_rules! both {
    ($name:ident($($other:ident),*) = $intrinsic:ident) => {
        #[inline(always)]
        unsafe fn $name(self, $($other: Self),*) -> Self {
            // SAFETY: the processor has AVX2 and FMA, as the trait demands.
            unsafe { Self($intrinsic(self.0, $($other.0),*), $intrinsic(self.1, $($other.1),*)) }
        }
    };
}

impl Lanes for Avx2 {
    both!(add(other) = _mm256_add_ps);
    both!(sub(other) = _mm256_sub_ps);
    both!(mul(other) = _mm256_mul_ps);
    both!(div(other) = _mm256_div_ps);
    both!(min(other) = _mm256_min_ps);
    both!(max(other) = _mm256_max_ps);
    both!(mul_add(factor, addend) = _mm256_fmadd_ps);

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the processor has AVX2, as the trait demands.
        unsafe { Self(_mm256_set1_ps(value), _mm256_set1_ps(value)) }
    }

    #[inline(always)]
    unsafe fn load(from: &[f32; PANEL]) -> Self {
        let from = from.as_ptr();
        // SAFETY: 16 numbers lie there, and the loads need no alignment.
        unsafe { Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
    }

    #[inline(always)]
    unsafe fn load_f16(from: &[u16; PANEL]) -> Self {
        let from = from.as_ptr().cast::<__m128i>();
        // SAFETY: 16 half-size numbers lie there, and the loads need no alignment; the processor has F16C.
        unsafe {
            Self(
                _mm256_cvtph_ps(_mm_loadu_si128(from)),
                _mm256_cvtph_ps(_mm_loadu_si128(from.add(1))),
            )
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: &mut [f32; PANEL]) {
        let to = to.as_mut_ptr();
        // SAFETY: 16 numbers fit there, and the stores need no alignment.
        unsafe {
            _mm256_storeu_ps(to, self.0);
            _mm256_storeu_ps(to.add(8), self.1);
        }
    }

    #[inline(always)]
    unsafe fn times_two_to(self, shifted: Self) -> Self {
        // SAFETY: the processor has AVX2, as the trait demands.
        unsafe { Self(times_two_to(self.0, shifted.0), times_two_to(self.1, shifted.1)) }
    }

    #[inline(always)]
    unsafe fn split_exponent(self) -> (Self, Self) {
        // SAFETY: the processor has AVX2, as the trait demands.
        unsafe {
            let ((m0, e0), (m1, e1)) = (split_exponent(self.0), split_exponent(self.1));
            (Self(m0, m1), Self(e0, e1))
        }
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn times_two_to(x: __m256, shifted: __m256) -> __m256 {
    let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted));
    _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), exponent))
}

#[target_feature(enable = "avx2")]
#[inline]
fn split_exponent(x: __m256) -> (__m256, __m256) {
    let bits = _mm256_castps_si256(x);
    let e = _mm256_srai_epi32::<23>(_mm256_sub_epi32(bits, _mm256_set1_epi32(ROOT_HALF_BITS)));
    let m = _mm256_sub_epi32(bits, _mm256_slli_epi32::<23>(e));
    (_mm256_castsi256_ps(m), _mm256_cvtepi32_ps(e))
}

// Twelve sums under way, of sixteen registers, for one row and for six.
lanes::entry_points!(Avx2, one: 6, rows: 6, units: 4, features: "avx2,fma,f16c");
