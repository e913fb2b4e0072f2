//! The engine that runs aeden's own networks over streams.

use super::interface::Engine;
use super::masks::Masks;
use super::passes::CHUNK;
use super::schedule::{HiddenState, Scheduler};
use crate::error::Error;
use crate::kernels::{Instructions, Kernels};
use crate::network::Network;
use crate::spectrum::{Features, Framing};
use rustfft::num_complex::Complex32;
use std::sync::Arc;

/// Runs a network of aeden over a stream in kernels of our own: exactly, without allocation, lock or panic.
///
/// One mask is estimated from the guide and applied to every channel. Costs are stated in docs/speed.md and measured by
/// `cargo xtask bench`. [`Model::native`](crate::Model::native) builds it.
#[derive(Debug)]
pub struct NativeEngine {
    scheduler: Scheduler,
    channels: usize,
    max_frames: usize,
    /// Frames that go through the network together.
    block: usize,
    extractor: Features,
    state: HiddenState,
    masks: Masks,
    /// `[frame][feature]` of a block.
    features: Vec<f32>,
    /// By channel, the low bins `[frame][bin]` of the last frames that filters reach back to, and of a block.
    low: Vec<Vec<Complex32>>,
}

impl NativeEngine {
    /// All counts are taken as at least 1.
    pub(crate) fn new(
        network: Arc<Network>,
        kernels: Kernels,
        channels: usize,
        max_frames: usize,
        threads: usize,
    ) -> NativeEngine {
        let (channels, max_frames) = (channels.max(1), max_frames.max(1));
        // Several threads share a whole call; a single one is fastest on a few frames.
        let block = if threads > 1 {
            max_frames
        } else {
            max_frames.min(CHUNK)
        };
        let s = &network.settings;
        let low = vec![Complex32::ZERO; (s.filter_taps - 1 + block) * s.filter_bins];
        NativeEngine {
            channels,
            max_frames,
            block,
            extractor: network.feature_extractor(),
            state: HiddenState::new(&network),
            masks: Masks::new(&network, block),
            features: vec![0.0; block * network.features()],
            low: vec![low; channels],
            scheduler: Scheduler::new(network, kernels, threads, block),
        }
    }

    /// Rebuilds the engine for calls of up to so many frames, at least 1.
    #[must_use]
    pub fn with_frames(self, max_frames: usize) -> NativeEngine {
        let threads = self.scheduler.threads();
        self.rebuilt(self.scheduler.kernels(), max_frames, threads)
    }

    /// Rebuilds the engine so that this many threads share the work of long calls: faster, bit for bit the same, and not
    /// [real-time](Engine::is_real_time).
    #[must_use]
    pub fn with_threads(self, threads: usize) -> NativeEngine {
        self.rebuilt(self.scheduler.kernels(), self.max_frames, threads)
    }

    /// Rebuilds the engine with the kernels of another instruction set than the fastest.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where this processor does not have it.
    pub fn with_instructions(self, instructions: Instructions) -> Result<NativeEngine, Error> {
        let kernels = Kernels::new(instructions).ok_or_else(|| Error::no_instructions(instructions))?;
        Ok(self.rebuilt(kernels, self.max_frames, self.scheduler.threads()))
    }

    fn rebuilt(&self, kernels: Kernels, max_frames: usize, threads: usize) -> NativeEngine {
        let network = self.scheduler.network().suited_to(kernels.instructions());
        NativeEngine::new(Arc::new(network), kernels, self.channels, max_frames, threads)
    }

    fn network(&self) -> &Network {
        self.scheduler.network()
    }
}

impl Engine for NativeEngine {
    fn framing(&self) -> &Framing {
        &self.network().framing
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        self.max_frames
    }

    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]) {
        debug_assert_eq!(spectra.len(), guide.len() * self.channels);
        if guide.is_empty() {
            return;
        }
        let (network, kernels) = (self.scheduler.network().clone(), self.scheduler.kernels());
        let bins = network.bands.bins();
        let (low_bins, past) = (network.settings.filter_bins, network.settings.filter_taps - 1);
        let block = self.block * bins;
        for (index, guide_part) in guide.chunks(block).enumerate() {
            let frames = guide_part.len() / bins;
            let features = &mut self.features[..frames * network.features()];
            for (spectrum, row) in guide_part
                .chunks_exact(bins)
                .zip(features.chunks_exact_mut(network.features()))
            {
                self.extractor.extract(spectrum, &network.bands, kernels, row);
            }
            (self.masks).estimate(&mut self.scheduler, features, &mut self.state, frames);
            for (channel, low) in spectra.chunks_exact_mut(guide.len()).zip(&mut self.low) {
                let part = channel[index * block..][..guide_part.len()].chunks_exact_mut(bins);
                for (frame, spectrum) in part.enumerate() {
                    let at = past + frame;
                    low[at * low_bins..][..low_bins].copy_from_slice(&spectrum[..low_bins]);
                    (self.masks).apply(&network, kernels, frame, low, at, spectrum);
                }
                low.copy_within(frames * low_bins..(frames + past) * low_bins, 0);
            }
        }
    }

    fn reset(&mut self) {
        self.extractor.reset();
        self.state.reset();
        for low in &mut self.low {
            low.fill(Complex32::ZERO);
        }
    }

    fn state_of(&self) -> (u64, usize) {
        (
            self.network().checksum,
            self.extractor.learned() + self.state.len(),
        )
    }

    fn save(&self, state: &mut [f32]) {
        let (learned, hidden) = state.split_at_mut(self.extractor.learned());
        self.extractor.save(learned);
        self.state.save(hidden);
    }

    fn restore(&mut self, state: &[f32]) {
        self.reset();
        let (learned, hidden) = state.split_at(self.extractor.learned());
        self.extractor.restore(learned);
        self.state.restore(hidden);
    }

    fn is_real_time(&self) -> bool {
        self.scheduler.threads() == 1
    }

    fn tail(&self) -> usize {
        let s = &self.network().settings;
        if s.filter_bins == 0 { 0 } else { s.filter_taps - 1 }
    }
}
