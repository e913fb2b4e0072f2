//! The part of the noisy spectrum that band limits keep.

use super::band_limits::BandLimits;
use super::fade::amplitude_below;
use crate::kernels::Kernels;
use crate::spectrum::Framing;
use rustfft::num_complex::Complex32;

/// Blends noisy and cleaned spectra by [`BandLimits`], bin by bin.
///
/// The limit for all frequencies keeps its share at the output, sample by sample. What bands keep beyond it is kept here, in
/// each frame, so that a change of bands fades as frames overlap.
#[derive(Debug)]
pub(super) struct Kept {
    /// The limits that the shares were computed for, and the ones that were set since.
    done: (BandLimits, Option<f32>),
    wanted: (BandLimits, Option<f32>),
    /// `[bin]`, in Hz.
    frequencies: Vec<f32>,
    /// `[bin]`, the share of the noisy spectrum, 0 to 1.
    shares: Vec<f32>,
    /// Any is above 0.
    any: bool,
    blended: Vec<Complex32>,
}

impl Kept {
    pub(super) fn new(framing: &Framing, bands: BandLimits, limit: Option<f32>) -> Self {
        let bins = framing.bins();
        let spacing = f64::from(framing.rate) / framing.window as f64;
        Self {
            done: Default::default(),
            wanted: (bands, limit),
            frequencies: (0..bins).map(|bin| (bin as f64 * spacing) as f32).collect(),
            shares: vec![0.0; bins],
            any: false,
            blended: vec![Complex32::ZERO; bins],
        }
    }

    /// Changes the limits from the next frame on.
    pub(super) fn go_to(&mut self, bands: BandLimits, limit: Option<f32>) {
        self.wanted = (bands, limit);
    }

    /// Computes the shares, if limits have changed. Once a frame at most, however often they were set.
    pub(super) fn settle(&mut self) {
        let (bands, limit) = self.wanted;
        if self.wanted == self.done {
            return;
        }
        self.done = self.wanted;
        let everywhere = limit.map_or(0.0, amplitude_below);
        for (share, frequency) in self.shares.iter_mut().zip(&self.frequencies) {
            let kept = bands.at(*frequency).map_or(0.0, amplitude_below);
            // Together with what is kept everywhere it is the larger of both. Where that is all, there is nothing more.
            *share = if kept > everywhere {
                ((kept - everywhere) / (1.0 - everywhere)).min(1.0)
            } else {
                0.0
            };
        }
        self.any = self.shares.iter().any(|share| *share > 0.0);
    }

    /// The share in a bin.
    pub(super) fn share(&self, bin: usize) -> f32 {
        self.shares[bin]
    }

    /// The cleaned spectrum with what is kept of the noisy one.
    pub(super) fn blend<'a>(
        &'a mut self,
        kernels: Kernels,
        clean: &'a [Complex32],
        noisy: &[Complex32],
    ) -> &'a [Complex32] {
        if !self.any {
            return clean;
        }
        kernels.compiled(
            #[inline(always)]
            || {
                let spectra = clean.iter().zip(noisy).zip(&self.shares);
                for (blended, ((clean, noisy), share)) in self.blended.iter_mut().zip(spectra) {
                    // In this form exact where all or nothing is kept.
                    *blended = clean * (1.0 - share) + noisy * share;
                }
            },
        );
        &self.blended
    }
}
