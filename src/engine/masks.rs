//! Masks: what a network estimates for frames, and how spectra are changed by it.

use super::passes::CHUNK;
use super::schedule::{HiddenState, Scheduler};
use super::stepwise::Stepwise;
use crate::kernels::Kernels;
use crate::network::Network;
use rustfft::num_complex::Complex32;
use std::sync::Arc;

/// Gains of bands and filters over time of low bins, for a number of frames.
#[derive(Debug)]
pub(crate) struct Masks {
    /// `[frame][band]`
    gains: Vec<f32>,
    /// `[frame]` of `[re, im][tap][bin]`, added to a filter that lets everything pass.
    filters: Vec<f32>,
    /// Scratch: the gains of one frame, `[bin]`.
    bins: Vec<f32>,
}

impl Masks {
    /// Buffers for so many frames.
    pub(crate) fn new(network: &Network, frames: usize) -> Masks {
        Masks {
            gains: vec![0.0; frames * network.bands.len()],
            filters: vec![0.0; frames * network.coefficients()],
            bins: vec![0.0; network.bands.bins()],
        }
    }

    /// Estimates the masks of the first `wanted` frames with these features; see [`Scheduler::run`].
    pub(crate) fn estimate(
        &mut self,
        scheduler: &mut Scheduler,
        features: &[f32],
        state: &mut HiddenState,
        wanted: usize,
    ) {
        let network = scheduler.network();
        let (gains, filters) = (wanted * network.bands.len(), wanted * network.coefficients());
        if self.gains.len() < gains || self.filters.len() < filters {
            self.gains.resize(gains, 0.0);
            self.filters.resize(filters, 0.0);
        }
        let (gains, filters) = (&mut self.gains[..gains], &mut self.filters[..filters]);
        scheduler.run(features, state, wanted, gains, filters);
    }

    /// Takes the masks of a job that is done, and gives its memory for the next, made for as many frames.
    pub(crate) fn take(&mut self, job: &mut Stepwise) {
        std::mem::swap(&mut self.gains, &mut job.gains);
        std::mem::swap(&mut self.filters, &mut job.filters);
    }

    /// Applies the mask of `frame` to a spectrum. `low` are the low bins, `[frame][bin]`, of frames in a row, of which
    /// number `at` is this one; beyond them there is silence.
    pub(crate) fn apply(
        &mut self,
        network: &Network,
        kernels: Kernels,
        frame: usize,
        low: &[Complex32],
        at: usize,
        spectrum: &mut [Complex32],
    ) {
        let (bands, coefficients) = (network.bands.len(), network.coefficients());
        let gains = &self.gains[frame * bands..][..bands];
        let filters = &self.filters[frame * coefficients..][..coefficients];
        let bins = &mut self.bins;
        kernels.compiled(
            #[inline(always)]
            || {
                filter(network, filters, low, at, spectrum);
                network.bands.expand(gains, bins);
                for (x, gain) in spectrum.iter_mut().zip(&*bins) {
                    *x *= gain;
                }
            },
        );
    }
}

/// Adds to the low bins of `spectrum` what a frame's filter makes of the frames around it.
#[inline(always)]
fn filter(network: &Network, filters: &[f32], low: &[Complex32], at: usize, spectrum: &mut [Complex32]) {
    let s = &network.settings;
    let (bins, taps) = (s.filter_bins, s.filter_taps);
    let (real, imaginary) = filters.split_at(taps * bins);
    let frames = low.len() / bins.max(1);
    for tap in 0..taps {
        let Some(other) = (at + s.filter_ahead)
            .checked_sub(tap)
            .filter(|&other| other < frames)
        else {
            continue;
        };
        // A tone in the middle of its bin turns by half a turn a hop in every odd bin.
        let odd = if other.abs_diff(at) % 2 == 0 { 1.0 } else { -1.0 };
        let (real, imaginary) = (&real[tap * bins..], &imaginary[tap * bins..]);
        let inputs = low[other * bins..][..bins].iter().zip(real).zip(imaginary);
        for (bin, (y, ((x, re), im))) in spectrum.iter_mut().zip(inputs).enumerate() {
            let turn = if bin % 2 == 0 { 1.0 } else { odd };
            let (re, im) = (turn * re, turn * im);
            *y += Complex32::new(re * x.re - im * x.im, re * x.im + im * x.re);
        }
    }
}

/// Cleans the spectra of one channel in place, `[frame][bin]`, all of them known.
///
/// # Panics
/// If `spectra` are not whole frames.
pub(crate) fn clean_all(network: &Arc<Network>, kernels: Kernels, spectra: &mut [Complex32]) {
    let (bins, low_bins) = (network.bands.bins(), network.settings.filter_bins);
    assert!(spectra.len().is_multiple_of(bins), "whole frames");
    let frames = spectra.len() / bins;
    let (mut extractor, mut low) = (network.feature_extractor(), Vec::new());
    let mut features = vec![0.0; frames * network.features()];
    for (frame, row) in spectra
        .chunks_exact(bins)
        .zip(features.chunks_exact_mut(network.features()))
    {
        extractor.extract(frame, &network.bands, kernels, row);
        low.extend_from_slice(&frame[..low_bins]);
    }
    let mut scheduler = Scheduler::new(network.clone(), kernels, 1, CHUNK);
    let mut masks = Masks::new(network, frames);
    let mut state = HiddenState::new(network);
    masks.estimate(&mut scheduler, &features, &mut state, frames);
    for (frame, spectrum) in spectra.chunks_exact_mut(bins).enumerate() {
        masks.apply(network, kernels, frame, &low, frame, spectrum);
    }
}
