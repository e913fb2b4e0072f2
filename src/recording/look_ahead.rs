//! Recordings cleaned by a network that runs in both directions of time.
//!
//! ```text
//! recording ─┬─► front end ─► frames wait ─► masks, a part at a time ─► back end ─► output
//!            └───────────── dry path waits ──────────────────────────────┘
//! ```
//!
//! Front end and back end are the denoiser's, so that rates, channels, levels, silence and controls are treated as in real
//! time. Masks are estimated for some seconds at a time, with some more of context on either side.

use crate::denoiser::{BackEnd, Config, Frames, FrontEnd, SilenceGate, Timing, Turn, is_sane, mix_down};
use crate::engine::{HiddenState, Masks, Scheduler};
use crate::error::Error;
use crate::kernels::Kernels;
use crate::network::Network;
use crate::spectrum::{Features, Stft};
use rustfft::num_complex::Complex32;
use std::ops::Range;
use std::sync::Arc;

/// Seconds of a part, whose masks are estimated together, unless that were more than [`MOST`] samples.
const PART: f64 = 16.0;

/// The most samples in a part, all channels together, as long as it lasts [`SHORTEST`] seconds.
const MOST: f64 = 4e6;
const SHORTEST: f64 = 2.0;

/// Seconds of context before and after a part: more gains little (`models/EXPERIMENTS.md`, 030).
const CONTEXT: f64 = 4.0;

/// The most frames that pass through the front end and the back end at once.
const FRAMES: usize = 64;

/// Estimates masks; its buffers serve any number of recordings.
#[derive(Debug)]
pub(super) struct Estimator {
    scheduler: Scheduler,
    masks: Masks,
}

impl Estimator {
    /// On so many threads.
    pub(super) fn new(network: &Arc<Network>, threads: usize) -> Estimator {
        Estimator {
            scheduler: Scheduler::new(network.clone(), Kernels::best(), threads, 1),
            masks: Masks::new(network, 1),
        }
    }
}

/// Cleans a recording with its future known.
#[derive(Debug)]
pub(super) struct LookAhead {
    timing: Timing,
    front: FrontEnd,
    groups: Vec<Waiting>,
    back: BackEnd,
    /// Frames as they come from the front end, and as they go to the back end.
    analysed: Frames,
    cleaned: Frames,
    /// By channel, the input that has not come out.
    input: Vec<Vec<f32>>,
    /// Output samples still to be dropped.
    early: usize,
}

impl LookAhead {
    /// Everything as in [`Denoiser::with_model`](crate::Denoiser::with_model).
    pub(super) fn new(config: &Config, network: &Arc<Network>) -> Result<Self, Error> {
        config.validate()?;
        let (groups, width) = config.groups();
        let framing = &network.framing;
        // Filters let sound appear in so many later frames.
        let tail = network.settings.filter_taps - 1 - network.settings.filter_ahead;
        let timing = Timing::new(config, framing, FRAMES, tail)?;
        let stft = Stft::new(framing)?;
        let front = FrontEnd::new(&timing, &stft, config.channels, width)?;
        let rate = f64::from(config.sample_rate);
        let seconds = (MOST / (rate * config.channels as f64)).clamp(SHORTEST, PART);
        let frames = |seconds: f64| (seconds * f64::from(framing.rate) / framing.hop as f64).ceil() as usize;
        let group = |_| Waiting::new(network, width, tail, frames(seconds), frames(CONTEXT));
        Ok(Self {
            groups: (0..groups).map(group).collect(),
            back: BackEnd::new(&timing, &stft, config, width)?,
            analysed: front.frames(&timing),
            cleaned: front.frames(&timing),
            front,
            input: vec![Vec::new(); config.channels],
            early: timing.latency,
            timing,
        })
    }

    /// As [`Cleaner::push`](super::Cleaner::push).
    pub(super) fn push(
        &mut self,
        input: &[impl AsRef<[f32]>],
        output: &mut [Vec<f32>],
        estimator: &mut Estimator,
    ) {
        let len = input.iter().map(|channel| channel.as_ref().len()).min();
        let len = len.unwrap_or(0);
        for start in (0..len).step_by(self.timing.chunk) {
            let part = start..len.min(start + self.timing.chunk);
            for (all, new) in self.input.iter_mut().zip(input) {
                all.extend_from_slice(&new.as_ref()[part.clone()]);
            }
            let blocks = self.front.take(input, part);
            self.back.owe(blocks);
            while self.front.analyse(&mut self.analysed) {
                for (number, group) in self.groups.iter_mut().enumerate() {
                    group.take(&self.analysed, number, estimator);
                }
            }
            self.give(output);
        }
    }

    /// As [`Cleaner::finish`](super::Cleaner::finish).
    pub(super) fn finish(&mut self, output: &mut [Vec<f32>], estimator: &mut Estimator) {
        let rest = vec![vec![0.0; self.timing.latency]; self.input.len()];
        self.push(&rest, output, estimator);
        for group in &mut self.groups {
            group.end(estimator);
        }
        self.give(output);
        self.front.reset();
        self.back.reset();
        self.groups.iter_mut().for_each(Waiting::reset);
        self.input.iter_mut().for_each(Vec::clear);
        self.early = self.timing.latency;
    }

    /// Passes frames that are cleaned through the back end, and appends the samples that it gives to `output`.
    fn give(&mut self, output: &mut [Vec<f32>]) {
        let mut ready = self.groups.iter().map(|group| group.cleaned).min().unwrap_or(0);
        let mut given = 0;
        loop {
            let count = ready.min(BackEnd::room(&self.timing));
            if count > 0 {
                for (number, group) in self.groups.iter_mut().enumerate() {
                    group.give(count, &mut self.cleaned, number);
                }
                ready -= count;
                (self.back).synthesise(count, &self.cleaned.spectra, &self.cleaned.around);
            }
            let part = given..self.input[0].len().min(given + self.back.ready());
            given = part.end;
            let mut rows: Vec<&mut [f32]> = self.input.iter_mut().map(|row| &mut row[..]).collect();
            self.back.give(&mut rows, part);
            if ready == 0 {
                break;
            }
        }
        let early = self.early.min(given);
        self.early -= early;
        for (row, output) in self.input.iter_mut().zip(output) {
            output.extend_from_slice(&row[early..given]);
            row.drain(..given);
        }
        for group in &mut self.groups {
            group.forget();
        }
    }
}

/// The channels under one mask, and their frames that wait.
#[derive(Debug)]
struct Waiting {
    network: Arc<Network>,
    kernels: Kernels,
    gate: SilenceGate,
    extractor: Features,
    state: HiddenState,
    /// `[frame][bin]`, with several channels.
    guide: Vec<Complex32>,
    /// Frames of a part, and of the context on either side.
    part: usize,
    context: usize,
    /// Frames on their way from the front end to the back end, `[channel]` of `[frame][bin]` and `[frame][sample]`, the
    /// first `given` of which have gone, and `cleaned` more are ready to go.
    spectra: Vec<Vec<Complex32>>,
    aligned: Vec<Vec<f32>>,
    energy: Vec<f32>,
    given: usize,
    cleaned: usize,
    /// Input of the network since the last reset, from the context of the first frame without a mask on: `[frame][feature]`,
    /// and `[channel]` of `[frame][low bin]`; the first `masked` frames have masks.
    features: Vec<f32>,
    low: Vec<Vec<Complex32>>,
    masked: usize,
}

impl Waiting {
    fn new(network: &Arc<Network>, channels: usize, tail: usize, part: usize, context: usize) -> Self {
        Self {
            kernels: Kernels::best(),
            gate: SilenceGate::new(&network.framing, tail),
            extractor: network.feature_extractor(),
            state: HiddenState::new(network),
            guide: Vec::new(),
            part,
            context,
            spectra: vec![Vec::new(); channels],
            aligned: vec![Vec::new(); channels],
            energy: Vec::new(),
            given: 0,
            cleaned: 0,
            features: Vec::new(),
            low: vec![Vec::new(); channels],
            masked: 0,
            network: network.clone(),
        }
    }

    fn reset(&mut self) {
        self.gate.reset();
        self.begin();
        self.spectra.iter_mut().for_each(Vec::clear);
        self.aligned.iter_mut().for_each(Vec::clear);
        self.energy.clear();
        (self.given, self.cleaned) = (0, 0);
    }

    /// Resets the network: nothing before is known to what follows.
    fn begin(&mut self) {
        self.extractor.reset();
        self.features.clear();
        self.low.iter_mut().for_each(Vec::clear);
        self.masked = 0;
    }

    /// Frames whose features are known.
    fn known(&self) -> usize {
        self.features.len() / self.network.features()
    }

    /// Takes this group's channels of some frames, and estimates the masks of parts whose context is complete.
    fn take(&mut self, frames: &Frames, number: usize, estimator: &mut Estimator) {
        let (count, bins) = (frames.count, self.network.framing.bins());
        let first = number * self.spectra.len();
        let all = &frames.spectra[first * count * bins..][..self.spectra.len() * count * bins];
        for (queue, spectra) in self.spectra.iter_mut().zip(all.chunks_exact(count * bins)) {
            queue.extend_from_slice(spectra);
        }
        if !frames.around.energy.is_empty() {
            let samples = count * self.network.framing.hop;
            let aligned = frames.around.aligned[first * samples..].chunks_exact(samples);
            for (queue, aligned) in self.aligned.iter_mut().zip(aligned) {
                queue.extend_from_slice(aligned);
            }
            self.energy
                .extend_from_slice(&frames.around.energy[number * count..][..count]);
        }
        let mut guide = std::mem::take(&mut self.guide);
        guide.resize(count * bins, Complex32::ZERO);
        if self.spectra.len() == 1 {
            guide.copy_from_slice(all);
        } else {
            mix_down(all, &mut guide);
        }
        for (f, guide) in guide.chunks_exact(bins).enumerate() {
            match self.gate.turn(guide) {
                Turn::Rest => {
                    self.end(estimator);
                    self.cleaned += 1; // as it is
                    continue;
                }
                Turn::Fresh => {
                    self.end(estimator);
                    self.begin();
                }
                Turn::Work => {}
            }
            self.extract(guide);
            let channels = self.low.iter_mut().zip(all.chunks_exact(count * bins));
            for (low, spectra) in channels {
                let low_bins = self.network.settings.filter_bins;
                low.extend_from_slice(&spectra[f * bins..][..low_bins]);
            }
        }
        self.guide = guide;
        while self.masked + self.part + self.context <= self.known() {
            self.clean(self.masked..self.masked + self.part, estimator);
        }
    }

    fn extract(&mut self, guide: &[Complex32]) {
        let from = self.features.len();
        self.features.resize(from + self.network.features(), 0.0);
        let features = &mut self.features[from..];
        self.extractor
            .extract(guide, &self.network.bands, self.kernels, features);
    }

    /// Estimates the masks of all frames that wait; no more context is to come.
    fn end(&mut self, estimator: &mut Estimator) {
        while self.masked < self.known() {
            let end = self.known().min(self.masked + self.part);
            self.clean(self.masked..end, estimator);
        }
    }

    /// Estimates the masks of a part, the first without, and cleans its frames.
    fn clean(&mut self, part: Range<usize>, estimator: &mut Estimator) {
        let Estimator { scheduler, masks } = estimator;
        let seen = part.start.saturating_sub(self.context)..self.known().min(part.end + self.context);
        let wanted = part.start - seen.start..part.end - seen.start;
        let inputs = self.network.features();
        let features = &self.features[seen.start * inputs..seen.end * inputs];
        self.state.reset();
        masks.estimate(scheduler, features, &mut self.state, wanted);

        let bins = self.network.framing.bins();
        let from = (self.given + self.cleaned) * bins;
        for (spectra, low) in self.spectra.iter_mut().zip(&self.low) {
            let spectra = spectra[from..].chunks_exact_mut(bins);
            for (frame, (at, spectrum)) in part.clone().zip(spectra).enumerate() {
                masks.apply(&self.network, self.kernels, frame, low, at, spectrum);
                if !is_sane(self.kernels, spectrum) {
                    spectrum.fill(Complex32::ZERO);
                }
            }
        }
        self.cleaned += part.len();
        self.masked = part.end;
    }

    /// Copies the next cleaned frames to this group's place among all channels.
    fn give(&mut self, count: usize, frames: &mut Frames, number: usize) {
        let (hop, bins) = (self.network.framing.hop, self.network.framing.bins());
        let first = number * self.spectra.len();
        for (c, spectra) in self.spectra.iter().enumerate() {
            frames.spectra[(first + c) * count * bins..][..count * bins]
                .copy_from_slice(&spectra[self.given * bins..][..count * bins]);
        }
        if !self.energy.is_empty() {
            for (c, aligned) in self.aligned.iter().enumerate() {
                frames.around.aligned[(first + c) * count * hop..][..count * hop]
                    .copy_from_slice(&aligned[self.given * hop..][..count * hop]);
            }
            frames.around.energy[number * count..][..count]
                .copy_from_slice(&self.energy[self.given..][..count]);
        }
        self.given += count;
        self.cleaned -= count;
    }

    /// Drops what nothing needs any more.
    fn forget(&mut self) {
        let (hop, bins) = (self.network.framing.hop, self.network.framing.bins());
        if self.given > 0 {
            for spectra in &mut self.spectra {
                spectra.drain(..self.given * bins);
            }
            for aligned in &mut self.aligned {
                aligned.drain(..(self.given * hop).min(aligned.len()));
            }
            self.energy.drain(..self.given.min(self.energy.len()));
            self.given = 0;
        }
        let old = self.masked.saturating_sub(self.context);
        if old > 0 {
            self.features.drain(..old * self.network.features());
            for low in &mut self.low {
                low.drain(..old * self.network.settings.filter_bins);
            }
            self.masked -= old;
        }
    }
}
