//! Sixteen lanes in two 256-bit registers: x86-64 with AVX2, FMA and F16C (Intel from Haswell, AMD from Excavator).

// Where the whole crate is compiled for AVX2, the compiler finds the calls safe and the blocks needless.
#![allow(unused_unsafe)]

use super::direction::Direction;
use super::lanes::{self, Lanes, ROOT_HALF_BITS, Sums};
use super::matrix::{Activation, Matrix, Rows};
use super::mixer::Mixer;
use super::panel::PANEL;
use std::arch::x86_64::*;

/// Tells whether this processor has the instructions.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

#[derive(Clone, Copy)]
pub(super) struct Avx2(pub(super) __m256, pub(super) __m256);

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

    #[inline(always)]
    unsafe fn highest(self) -> f32 {
        // SAFETY: the processor has AVX2, as the trait demands.
        unsafe {
            let eight = _mm256_max_ps(self.0, self.1);
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    unsafe fn low_bytes(self, raised: bool, to: &mut [u8; PANEL]) {
        // SAFETY: the processor has AVX2, as the trait demands; 16 bytes fit there.
        unsafe {
            let byte = _mm256_set1_epi32(0xff);
            let low = |v| _mm256_and_si256(_mm256_castps_si256(v), byte);
            // Packing goes by halves of registers: 0-3 and 8-11, 4-7 and 12-15.
            let words =
                _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(low(self.0), low(self.1)));
            let bytes = _mm_packus_epi16(
                _mm256_castsi256_si128(words),
                _mm256_extracti128_si256::<1>(words),
            );
            let sign = _mm_set1_epi8(if raised { i8::MIN } else { 0 });
            _mm_storeu_si128(to.as_mut_ptr().cast(), _mm_xor_si128(bytes, sign));
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

/// Sixteen sums in two registers.
#[derive(Clone, Copy)]
pub(super) struct Sums256(pub(super) __m256i, pub(super) __m256i);

impl Sums for Sums256 {
    type Lanes = Avx2;
    type Weights = (__m256i, __m256i);
    const RAISED: bool = true;

    #[inline(always)]
    unsafe fn load(from: &[i32; PANEL]) -> Self {
        let from = from.as_ptr().cast::<__m256i>();
        // SAFETY: 16 numbers lie there, and the loads need no alignment.
        unsafe { Self(_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1))) }
    }

    #[inline(always)]
    unsafe fn weights(from: &[i8; 4 * PANEL]) -> (__m256i, __m256i) {
        let from = from.as_ptr().cast::<__m256i>();
        // SAFETY: 64 bytes lie there, and the loads need no alignment.
        unsafe { (_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1))) }
    }

    #[inline(always)]
    unsafe fn dot(self, inputs: [u8; 4], weights: (__m256i, __m256i)) -> Self {
        // SAFETY: the processor has AVX2, as the trait demands.
        unsafe {
            let inputs = _mm256_set1_epi32(i32::from_ne_bytes(inputs));
            // Pairs of products fit 16 bits: 2 * 255 * 63.
            let sum = |sum, weights| {
                let pairs = _mm256_maddubs_epi16(inputs, weights);
                _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
            };
            Self(sum(self.0, weights.0), sum(self.1, weights.1))
        }
    }

    #[inline(always)]
    unsafe fn to_lanes(self) -> Avx2 {
        // SAFETY: the processor has AVX2, as the trait demands.
        unsafe { Avx2(_mm256_cvtepi32_ps(self.0), _mm256_cvtepi32_ps(self.1)) }
    }
}

// Twelve sums under way, of sixteen registers, for one row and for six.
lanes::entry_points!(Avx2, sums: Sums256, panels: 1, one: 6, rows: 6, units: 4, features: "avx2,fma,f16c");
