//! Short-time Fourier transform with perfect reconstruction.
//!
//! [`Stft`] plans the transforms of one [`Framing`]; each channel then has its own [`Analysis`] and [`Synthesis`],
//! which own every buffer they need, so that a hop costs two transforms and no allocation. Synthesis divides by the
//! sum of the squared windows that overlap at a sample, hence every [`WindowShape`](super::WindowShape) and every hop that divides the
//! window, up to half of it, reconstructs the signal to the rounding of `f32` (about 137 dB).
//!
//! ```
//! use aeden::spectrum::{Framing, Stft};
//!
//! let stft = Stft::new(&Framing::default())?;
//! let (mut analysis, mut synthesis) = (stft.analysis(), stft.synthesis());
//! let mut spectrum = stft.spectrum();
//! let (hop, mut out) = ([0.5; 480], [0.0; 480]);
//! for _ in 0..3 {
//!     analysis.frame(&hop, &mut spectrum);
//!     synthesis.frame(&spectrum, &mut out); // what went in window - hop = 480 samples earlier
//! }
//! assert!(out.iter().all(|y| (y - 0.5).abs() < 1e-6));
//! # Ok::<(), aeden::Error>(())
//! ```

use super::framing::Framing;
use super::real_fft::{RealFft, Scratch};
use crate::error::Error;
use crate::kernels::Kernels;
use rustfft::num_complex::Complex32;
use std::sync::Arc;

/// The planned transforms and windows of one [`Framing`], shared by any number of channels.
#[derive(Clone, Debug)]
pub struct Stft {
    framing: Framing,
    analysis_window: Arc<[f32]>,
    /// Also carries 1/window, the inverse transform's scale, and the sum of squares.
    synthesis_window: Arc<[f32]>,
    fft: RealFft,
}

impl Stft {
    /// Plans the transforms.
    ///
    /// # Errors
    /// Those of [`Framing::validate`].
    pub fn new(framing: &Framing) -> Result<Self, Error> {
        framing.validate()?;
        let Framing {
            window, hop, shape, ..
        } = *framing;
        let taper: Vec<f64> = (0..window).map(|n| shape.at(n, window)).collect();
        let squares: Vec<f64> = (0..hop)
            .map(|n| taper.iter().skip(n).step_by(hop).map(|w| w * w).sum())
            .collect();
        Ok(Self {
            framing: framing.clone(),
            analysis_window: taper.iter().map(|&w| w as f32).collect(),
            synthesis_window: (0..window)
                .map(|n| (taper[n] / squares[n % hop] / window as f64) as f32)
                .collect(),
            fft: RealFft::new(window),
        })
    }

    /// The framing that was planned.
    pub fn framing(&self) -> &Framing {
        &self.framing
    }

    /// The forward side for one channel, silent so far.
    pub fn analysis(&self) -> Analysis {
        Analysis {
            kernels: Kernels::best(),
            hop: self.framing.hop,
            window: self.analysis_window.clone(),
            recent: vec![0.0; self.framing.window],
            scratch: self.fft.scratch(),
            fft: self.fft.clone(),
        }
    }

    /// The inverse side for one channel, silent so far.
    pub fn synthesis(&self) -> Synthesis {
        Synthesis {
            kernels: Kernels::best(),
            hop: self.framing.hop,
            window: self.synthesis_window.clone(),
            frame: vec![0.0; self.framing.window],
            overlap: vec![0.0; self.framing.window - self.framing.hop],
            scratch: self.fft.scratch(),
            fft: self.fft.clone(),
        }
    }

    /// A spectrum of zeros, [`Framing::bins`] long.
    pub fn spectrum(&self) -> Vec<Complex32> {
        vec![Complex32::ZERO; self.framing.bins()]
    }
}

/// Turns samples into spectra, one channel, hop by hop.
#[derive(Debug)]
pub struct Analysis {
    kernels: Kernels,
    hop: usize,
    window: Arc<[f32]>,
    fft: RealFft,
    /// The last `window` samples.
    recent: Vec<f32>,
    scratch: Scratch,
}

impl Analysis {
    /// Takes the next `hop` samples and gives the spectrum of the last `window` samples: the unnormalised forward
    /// transform of the tapered samples, `bins` long.
    ///
    /// # Panics
    /// If `samples` is not one hop or `spectrum` not [`Framing::bins`] long.
    pub fn frame(&mut self, samples: &[f32], spectrum: &mut [Complex32]) {
        let kept = self.recent.len() - self.hop;
        self.recent.copy_within(self.hop.., 0);
        self.recent[kept..].copy_from_slice(samples);
        self.kernels.compiled(
            #[inline(always)]
            || {
                let (recent, window) = (self.recent.as_chunks::<2>().0, self.window.as_chunks::<2>().0);
                for ((y, x), w) in self.scratch.pairs.iter_mut().zip(recent).zip(window) {
                    *y = Complex32::new(x[0] * w[0], x[1] * w[1]);
                }
            },
        );
        self.fft.forward(&mut self.scratch, spectrum);
    }

    /// The hop of input that [`Synthesis::frame`] gives back for the frame just analysed, if nothing is changed.
    pub fn aligned(&self) -> &[f32] {
        &self.recent[..self.hop]
    }

    /// Forgets all samples.
    pub fn reset(&mut self) {
        self.recent.fill(0.0);
    }
}

/// Turns spectra into samples, one channel, hop by hop.
#[derive(Debug)]
pub struct Synthesis {
    kernels: Kernels,
    hop: usize,
    window: Arc<[f32]>,
    fft: RealFft,
    frame: Vec<f32>,
    /// The sum of the frames so far, from the next sample to give on.
    overlap: Vec<f32>,
    scratch: Scratch,
}

impl Synthesis {
    /// Adds the next frame and gives the `hop` samples that it completes, those that went into the analysis
    /// `window - hop` samples earlier. The imaginary parts of the first and the last bin, which no real signal has,
    /// are ignored.
    ///
    /// # Panics
    /// If `spectrum` is not [`Framing::bins`] long or `samples` not one hop.
    pub fn frame(&mut self, spectrum: &[Complex32], samples: &mut [f32]) {
        self.fft.inverse(spectrum, &mut self.scratch);
        self.kernels.compiled(
            #[inline(always)]
            || {
                let (frame, window) = (self.frame.as_chunks_mut::<2>().0, self.window.as_chunks::<2>().0);
                for ((y, x), w) in frame.iter_mut().zip(&self.scratch.pairs).zip(window) {
                    *y = [x.re * w[0], x.im * w[1]];
                }
                let (given, kept) = self.frame.split_at(self.hop);
                for ((sample, x), sum) in samples.iter_mut().zip(given).zip(&self.overlap) {
                    *sample = sum + x;
                }
                // All but the last hop overlaps with frames before.
                let older = self.overlap.len() - self.hop;
                self.overlap.copy_within(self.hop.., 0);
                let (older, newest) = self.overlap.split_at_mut(older);
                let (kept, new) = kept.split_at(older.len());
                for (sum, x) in older.iter_mut().zip(kept) {
                    *sum += x;
                }
                newest.copy_from_slice(new);
            },
        );
    }

    /// Forgets the frames that have not been given completely.
    pub fn reset(&mut self) {
        self.overlap.fill(0.0);
    }
}
