//! The instruction sets that kernels exist for.

use super::matrix::Storage;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx2_vnni, avx512};
#[cfg(target_arch = "aarch64")]
use super::{neon, neon_dot};

/// An instruction set that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Instructions {
    /// Plain Rust for every processor: the reference of the others. Left out of WebAssembly with `simd128`, for its size.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX2, FMA, F16C and AVX-VNNI.
    Avx2Vnni,
    /// x86-64 with AVX-512F, BW and VNNI.
    Avx512,
    /// 64-bit Arm with NEON.
    Neon,
    /// 64-bit Arm with NEON and the dot product extension.
    NeonDot,
    /// WebAssembly with `simd128`, in programs that are compiled for it.
    Simd128,
}

impl Instructions {
    /// Lists the sets that this processor has, the fastest first; there is always one.
    pub fn available() -> impl Iterator<Item = Instructions> {
        [
            Instructions::Avx512,
            Instructions::Avx2Vnni,
            Instructions::Avx2,
            Instructions::NeonDot,
            Instructions::Neon,
            Instructions::Simd128,
            Instructions::Portable,
        ]
        .into_iter()
        .filter(|set| set.is_available())
    }

    /// The fastest set that this processor has.
    pub fn best() -> Instructions {
        Instructions::available().next().unwrap_or(Instructions::Portable)
    }

    /// Tells whether this processor has the set.
    pub fn is_available(self) -> bool {
        match self {
            Instructions::Portable => !cfg!(all(target_arch = "wasm32", target_feature = "simd128")),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => avx2::is_available(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2Vnni => avx2_vnni::is_available(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => avx512::is_available(),
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => neon::is_available(),
            #[cfg(target_arch = "aarch64")]
            Instructions::NeonDot => neon_dot::is_available(),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Instructions::Simd128 => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// The number types in which the set reads weights fast.
    pub(crate) fn storage(self) -> Storage {
        Storage {
            f16: matches!(
                self,
                Instructions::Avx2 | Instructions::Avx2Vnni | Instructions::Avx512
            ),
            bytes: self != Instructions::Portable,
        }
    }
}
