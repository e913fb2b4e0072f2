//! The Fourier transform of real numbers by a complex one of half the length.
//!
//! As `realfft`, but what goes on before and after the complex transform is compiled for the processor's instruction
//! set, and spectra are not overwritten. With z_n = x_2n + i x_(2n+1), M of them, and Z its transform, the spectrum of x
//! is X_k = E_k + W^k O_k; E and O, those of the even and the odd numbers, are the symmetric parts of Z, and
//! W = e^(-iπ/M).

use crate::kernels::Kernels;
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};
use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

/// The planned transforms of so many real numbers, shared by all who use them.
#[derive(Clone)]
pub(crate) struct RealFft {
    kernels: Kernels,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    /// -i/2 W^k for k = 1 … M - 1
    turns: Arc<[Complex32]>,
}

/// Buffers of one user.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// The numbers in pairs, and their transform.
    pub(crate) pairs: Vec<Complex32>,
    other: Vec<Complex32>,
    fft: Vec<Complex32>,
}

impl fmt::Debug for RealFft {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("RealFft")
            .field("len", &(2 * self.forward.len()))
            .finish()
    }
}

impl RealFft {
    /// For `len` real numbers, an even number and at least 2.
    pub(crate) fn new(len: usize) -> RealFft {
        let half = len / 2;
        let turn = |k: usize| {
            let (sin, cos) = (PI * k as f64 / half as f64).sin_cos();
            Complex32::new((-0.5 * sin) as f32, (-0.5 * cos) as f32)
        };
        let mut planner = FftPlanner::new();
        RealFft {
            kernels: Kernels::best(),
            forward: planner.plan_fft_forward(half),
            inverse: planner.plan_fft_inverse(half),
            turns: (1..half).map(turn).collect(),
        }
    }

    pub(crate) fn scratch(&self) -> Scratch {
        let half = vec![Complex32::ZERO; self.forward.len()];
        let need = |fft: &dyn Fft<f32>| fft.get_outofplace_scratch_len();
        Scratch {
            pairs: half.clone(),
            other: half,
            fft: vec![Complex32::ZERO; need(&*self.forward).max(need(&*self.inverse))],
        }
    }

    /// From the numbers in `scratch.pairs` to their spectrum of `len` / 2 + 1 bins.
    pub(crate) fn forward(&self, scratch: &mut Scratch, spectrum: &mut [Complex32]) {
        let Scratch { pairs, other, fft } = scratch;
        assert_eq!(spectrum.len(), pairs.len() + 1, "bins");
        self.forward.process_outofplace_with_scratch(pairs, other, fft);
        let (edge, z) = (other[0], &other[1..]);
        let last = spectrum.len() - 1;
        spectrum[0] = Complex32::new(edge.re + edge.im, 0.0);
        spectrum[last] = Complex32::new(edge.re - edge.im, 0.0);
        self.kernels.compiled(
            #[inline(always)]
            || {
                let mirrored = z.iter().zip(z.iter().rev());
                for ((x, (a, b)), turn) in spectrum[1..last].iter_mut().zip(mirrored).zip(&self.turns[..]) {
                    let (even, odd) = symmetric(*a, *b);
                    *x = even * 0.5 + odd * turn;
                }
            },
        );
    }

    /// From a spectrum to the numbers times `len`, in `scratch.pairs`. The imaginary parts of the first and the last bin,
    /// which no real signal has, are ignored.
    pub(crate) fn inverse(&self, spectrum: &[Complex32], scratch: &mut Scratch) {
        let Scratch { pairs, other, fft } = scratch;
        assert_eq!(spectrum.len(), pairs.len() + 1, "bins");
        let last = spectrum.len() - 1;
        let (first, inner) = (spectrum[0].re, &spectrum[1..last]);
        other[0] = Complex32::new(first + spectrum[last].re, first - spectrum[last].re);
        self.kernels.compiled(
            #[inline(always)]
            || {
                let mirrored = inner.iter().zip(inner.iter().rev());
                for ((z, (a, b)), turn) in other[1..].iter_mut().zip(mirrored).zip(&self.turns[..]) {
                    let (even, odd) = symmetric(*a, *b);
                    *z = even + odd * turn.conj() * 2.0;
                }
            },
        );
        self.inverse.process_outofplace_with_scratch(other, pairs, fft);
    }
}

/// a + b* and a - b*.
#[inline(always)]
fn symmetric(a: Complex32, b: Complex32) -> (Complex32, Complex32) {
    (a + b.conj(), a - b.conj())
}

#[cfg(test)]
mod tests {
    use super::*;
    use realfft::RealFftPlanner;

    #[test]
    fn transforms_are_those_of_realfft() {
        for len in [2, 4, 6, 30, 34, 256, 960, 962] {
            let x: Vec<f32> = (0..len).map(|i| ((i * i * 7 + 3) % 23) as f32 - 11.0).collect();
            let (fft, mut planner) = (RealFft::new(len), RealFftPlanner::<f32>::new());
            let (mut scratch, plan) = (fft.scratch(), planner.plan_fft_forward(len));
            let (mut expected, mut found) = (plan.make_output_vec(), plan.make_output_vec());
            plan.process(&mut x.clone(), &mut expected).unwrap();
            for (pair, x) in scratch.pairs.iter_mut().zip(x.chunks(2)) {
                *pair = Complex32::new(x[0], x[1]);
            }
            fft.forward(&mut scratch, &mut found);
            let size = 1e-6 * (len as f32).sqrt() * 11.0;
            assert!(
                expected.iter().zip(&found).all(|(a, b)| (a - b).norm() < size),
                "{len}"
            );

            found[0].im = 5.0;
            fft.inverse(&found, &mut scratch);
            let back = scratch.pairs.iter().flat_map(|pair| [pair.re, pair.im]);
            assert!(
                back.zip(x).all(|(back, x)| (back / len as f32 - x).abs() < 1e-4),
                "{len}, back"
            );
        }
    }
}
