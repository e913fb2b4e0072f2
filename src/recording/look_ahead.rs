//! Recordings cleaned by a network that runs in both directions of time.
//!
//! ```text
//! recording ─┬─► front end ─► frames wait ─► masks, a part at a time ─► back end ─► output
//!            └───────────── dry path waits ──────────────────────────────┘
//! ```
//!
//! Front end and back end are the denoiser's, so that rates, channels, levels, silence and controls are treated as in real
//! time. Masks are estimated for some seconds at a time. Forward GRUs go on from part to part; backward GRUs begin some seconds
//! behind the part.
//!
//! A network may have several grids of frames, each shifted by a part of a hop: then every grid has its own masks, and the
//! synthesis adds the frames of all (see `engine::Interleaved`).

use crate::denoiser::{BackEnd, Config, Frames, FrontEnd, SilenceGate, Timing, Turn, is_sane, mix_down};
use crate::engine::{CHUNK, HiddenState, Masks, Scheduler, side_by_side};
use crate::error::Error;
use crate::kernels::Kernels;
use crate::network::Network;
use crate::spectrum::{Features, Stft};
use rustfft::num_complex::Complex32;
use std::sync::Arc;

/// Seconds of a part, whose masks are estimated together, unless that were more than [`MOST`] samples.
const PART: f64 = 20.0;

/// The most samples in a part, all channels together, as long as it lasts [`SHORTEST`] seconds.
const MOST: f64 = 4e6;
const SHORTEST: f64 = 2.0;

/// Seconds of context behind a part: more gains little (`models/EXPERIMENTS.md`, 030).
const CONTEXT: f64 = 4.0;

/// More threads would wait for each other rather than work.
const MOST_THREADS: usize = 8;

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
    /// One for each grid of frames.
    grids: Vec<Grid>,
    /// One for all grids, or one for each.
    estimators: Vec<Estimator>,
    /// The grid of the next frame that comes from the front end, and of the next that goes to the back end.
    coming: usize,
    going: usize,
    back: BackEnd,
    /// Frames as they come from the front end, and as they go to the back end.
    analysed: Frames,
    cleaned: Vec<Complex32>,
    /// The same frames as they were, where band limits keep a part of them; else of no meaning.
    noisy: Frames,
    /// By channel, the input that has not come out.
    input: Vec<Vec<f32>>,
    /// Output samples still to be dropped.
    early: usize,
}

/// Every so-manieth frame of all channels, one group for each mask.
#[derive(Debug)]
struct Grid {
    groups: Vec<Waiting>,
}

/// The frames of a grid among some in a row.
#[derive(Clone, Copy)]
struct Every {
    first: usize,
    step: usize,
}

impl Every {
    /// Their number among so many frames.
    fn of(self, frames: usize) -> usize {
        frames.saturating_sub(self.first).div_ceil(self.step)
    }

    fn numbers(self, frames: usize) -> impl Iterator<Item = usize> {
        (self.first..frames).step_by(self.step)
    }
}

impl LookAhead {
    /// Everything as in [`Denoiser::with_model`](crate::Denoiser::with_model).
    pub(super) fn new(config: &Config, network: &Arc<Network>) -> Result<Self, Error> {
        config.validate()?;
        let (groups, width) = config.groups();
        let (framing, grids) = (&network.framing, network.settings.grids);
        // Filters let sound appear in so many later frames.
        let tail = network.settings.filter_taps - 1 - network.settings.filter_ahead;
        let timing = Timing::new(config, &network.settings.framing_of_grids(), FRAMES, tail * grids)?;
        let stft = Stft::new(&timing.framing)?;
        let front = FrontEnd::new(&timing, &stft, config.channels, width)?;
        let rate = f64::from(config.sample_rate);
        let seconds = (MOST / (rate * config.channels as f64)).clamp(SHORTEST, PART);
        let frames = |seconds: f64| (seconds * f64::from(framing.rate) / framing.hop as f64).ceil() as usize;
        let part = frames(seconds).next_multiple_of(CHUNK);
        let grid = |_| Grid {
            groups: (0..groups)
                .map(|_| {
                    let keeps_noisy = !config.bands.is_empty();
                    Waiting::new(network, width, tail, part, frames(CONTEXT), keeps_noisy)
                })
                .collect(),
        };
        let threads = config.threads.clamp(1, MOST_THREADS);
        let side_by_side = threads.min(grids);
        let estimator = |n: usize| {
            let threads = threads * (n + 1) / side_by_side - threads * n / side_by_side;
            Estimator::new(network, threads)
        };
        Ok(Self {
            grids: (0..grids).map(grid).collect(),
            estimators: (0..side_by_side).map(estimator).collect(),
            coming: 0,
            going: 0,
            back: BackEnd::new(&timing, &stft, config, width)?,
            analysed: front.frames(&timing),
            noisy: front.frames(&timing),
            cleaned: front.frames(&timing).spectra,
            front,
            input: vec![Vec::new(); config.channels],
            early: timing.latency,
            timing,
        })
    }

    /// Channels of the recording.
    pub(super) fn channels(&self) -> usize {
        self.input.len()
    }

    /// As [`Cleaner::push`](super::Cleaner::push).
    pub(super) fn push(&mut self, input: &[impl AsRef<[f32]>], output: &mut [Vec<f32>]) {
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
                let (frames, step, coming) = (&self.analysed, self.grids.len(), self.coming);
                on_each_grid(
                    &mut self.grids,
                    &mut self.estimators,
                    |number, grid, estimator| {
                        let first = (number + step - coming) % step;
                        for (group, at) in grid.groups.iter_mut().zip(0..) {
                            group.take(frames, Every { first, step }, at, estimator);
                        }
                    },
                );
                self.coming = (self.coming + self.analysed.count) % self.grids.len();
            }
            self.give(output);
        }
    }

    /// As [`Cleaner::finish`](super::Cleaner::finish).
    pub(super) fn finish(&mut self, output: &mut [Vec<f32>]) {
        let rest = vec![vec![0.0; self.timing.latency]; self.input.len()];
        self.push(&rest, output);
        on_each_grid(&mut self.grids, &mut self.estimators, |_, grid, estimator| {
            grid.groups.iter_mut().for_each(|group| group.end(estimator));
        });
        self.give(output);
        self.front.reset();
        self.back.reset();
        let groups = self.grids.iter_mut().flat_map(|grid| &mut grid.groups);
        groups.for_each(Waiting::reset);
        (self.coming, self.going) = (0, 0);
        self.input.iter_mut().for_each(Vec::clear);
        self.early = self.timing.latency;
    }

    /// Passes frames that are cleaned through the back end, and appends the samples that it gives to `output`.
    fn give(&mut self, output: &mut [Vec<f32>]) {
        let step = self.grids.len();
        let first_of = |number: usize, going: usize| (number + step - going) % step;
        // Frames up to the first that a grid still lacks.
        let ready = self.grids.iter().enumerate().map(|(number, grid)| {
            let cleaned = grid.groups.iter().map(|group| group.cleaned).min();
            first_of(number, self.going) + step * cleaned.unwrap_or(0)
        });
        let mut ready = ready.min().unwrap_or(0);
        let mut given = 0;
        loop {
            let count = ready.min(BackEnd::room(&self.timing));
            if count > 0 {
                self.noisy.count = count;
                for (number, grid) in self.grids.iter_mut().enumerate() {
                    let first = first_of(number, self.going);
                    for (group, at) in grid.groups.iter_mut().zip(0..) {
                        group.give(&mut self.cleaned, &mut self.noisy, Every { first, step }, at);
                    }
                }
                self.going = (self.going + count) % step;
                ready -= count;
                self.back.synthesise(&self.noisy, &self.cleaned);
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
        for group in self.grids.iter_mut().flat_map(|grid| &mut grid.groups) {
            group.forget();
        }
    }
}

/// Does the same on every grid, side by side as far as there are estimators.
fn on_each_grid(
    grids: &mut [Grid],
    estimators: &mut [Estimator],
    work: impl Fn(usize, &mut Grid, &mut Estimator) + Sync,
) {
    let each = grids.len().div_ceil(estimators.len());
    let shares = grids.chunks_mut(each).zip(estimators).enumerate();
    side_by_side(&mut shares.collect::<Vec<_>>(), |(share, (grids, estimator))| {
        for (number, grid) in grids.iter_mut().enumerate() {
            work(*share * each + number, grid, estimator);
        }
    });
}

/// The channels under one mask.
#[derive(Debug)]
struct Waiting {
    network: Arc<Network>,
    kernels: Kernels,
    gate: SilenceGate,
    extractor: Features,
    state: HiddenState,
    /// `[frame][bin]`, with several channels.
    guide: Vec<Complex32>,
    /// Frames of a part, and of the context behind it.
    part: usize,
    context: usize,
    /// Frames on their way from the front end to the back end, `[channel]` of `[frame][bin]` and `[frame][sample]`, the
    /// first `given` of which have gone, and `cleaned` more are ready to go.
    spectra: Vec<Vec<Complex32>>,
    /// The spectra as they were; empty unless band limits keep a part of them.
    noisy: Vec<Vec<Complex32>>,
    keeps_noisy: bool,
    aligned: Vec<Vec<f32>>,
    energy: Vec<f32>,
    given: usize,
    cleaned: usize,
    /// Input of the network from the first frame without a mask on, `[frame][feature]`.
    features: Vec<f32>,
    /// `[channel]` of `[frame][low bin]`, from as many frames before as filters reach back, `before`.
    low: Vec<Vec<Complex32>>,
    before: usize,
    past: usize,
}

impl Waiting {
    fn new(
        network: &Arc<Network>,
        channels: usize,
        tail: usize,
        part: usize,
        context: usize,
        keeps_noisy: bool,
    ) -> Self {
        Self {
            kernels: Kernels::best(),
            gate: SilenceGate::new(&network.framing, tail),
            extractor: network.feature_extractor(),
            state: HiddenState::new(network),
            guide: Vec::new(),
            part,
            context,
            spectra: vec![Vec::new(); channels],
            noisy: vec![Vec::new(); channels],
            keeps_noisy,
            aligned: vec![Vec::new(); channels],
            energy: Vec::new(),
            given: 0,
            cleaned: 0,
            features: Vec::new(),
            low: vec![Vec::new(); channels],
            before: 0,
            past: tail,
            network: network.clone(),
        }
    }

    fn reset(&mut self) {
        self.gate.reset();
        self.begin();
        self.spectra.iter_mut().for_each(Vec::clear);
        self.noisy.iter_mut().for_each(Vec::clear);
        self.aligned.iter_mut().for_each(Vec::clear);
        self.energy.clear();
        (self.given, self.cleaned) = (0, 0);
    }

    /// Resets the network: nothing before is known to what follows.
    fn begin(&mut self) {
        self.extractor.reset();
        self.state.reset();
        self.features.clear();
        self.low.iter_mut().for_each(Vec::clear);
        self.before = 0;
    }

    /// Frames whose features are known, but not their masks.
    fn known(&self) -> usize {
        self.features.len() / self.network.features()
    }

    /// Takes this group's channels, those of mask number `at`, of some frames, and cleans parts whose context is complete.
    fn take(&mut self, frames: &Frames, every: Every, at: usize, estimator: &mut Estimator) {
        let (count, bins, hop) = (frames.count, self.network.framing.bins(), frames.hop());
        let (own, channels) = (every.of(count), self.spectra.len());
        let all = &frames.spectra[at * channels * count * bins..][..channels * count * bins];
        let queues = self.spectra.iter_mut().zip(&mut self.noisy);
        for ((queue, noisy), spectra) in queues.zip(all.chunks_exact(count * bins)) {
            for frame in every.numbers(count) {
                let spectrum = &spectra[frame * bins..][..bins];
                queue.extend_from_slice(spectrum);
                if self.keeps_noisy {
                    noisy.extend_from_slice(spectrum);
                }
            }
        }
        if !frames.around.energy.is_empty() {
            let aligned = frames.around.aligned[at * channels * count * hop..].chunks_exact(count * hop);
            for (queue, aligned) in self.aligned.iter_mut().zip(aligned) {
                for frame in every.numbers(count) {
                    queue.extend_from_slice(&aligned[frame * hop..][..hop]);
                }
            }
            let energy = &frames.around.energy[at * count..][..count];
            self.energy
                .extend(every.numbers(count).map(|frame| energy[frame]));
        }
        let waiting = self.spectra[0].len() / bins - own;
        for frame in waiting..waiting + own {
            let guide = self.guide(frame);
            match self.gate.turn(&guide) {
                Turn::Rest => {
                    self.end(estimator);
                    self.cleaned += 1; // as it is
                    self.guide = guide;
                    continue;
                }
                Turn::Fresh => {
                    self.end(estimator);
                    self.begin();
                }
                Turn::Work => {}
            }
            self.extract(&guide);
            let low_bins = self.network.settings.filter_bins;
            for (low, spectra) in self.low.iter_mut().zip(&self.spectra) {
                low.extend_from_slice(&spectra[frame * bins..][..low_bins]);
            }
            self.guide = guide;
        }
        while self.part + self.context <= self.known() {
            self.clean(self.part, estimator);
        }
    }

    /// The spectrum from which the mask of a frame that waits is estimated; its memory is used again.
    fn guide(&mut self, frame: usize) -> Vec<Complex32> {
        let bins = self.network.framing.bins();
        let mut guide = std::mem::take(&mut self.guide);
        guide.resize(bins, Complex32::ZERO);
        let spectrum = |spectra: &Vec<Complex32>| spectra[frame * bins..][..bins].to_vec();
        match &self.spectra[..] {
            [one] => guide.copy_from_slice(&one[frame * bins..][..bins]),
            several => {
                let spectra: Vec<Complex32> = several.iter().flat_map(spectrum).collect();
                mix_down(&spectra, &mut guide);
            }
        }
        guide
    }

    fn extract(&mut self, guide: &[Complex32]) {
        let from = self.features.len();
        self.features.resize(from + self.network.features(), 0.0);
        let features = &mut self.features[from..];
        self.extractor
            .extract(guide, &self.network.bands, self.kernels, features);
    }

    /// Cleans all frames that wait; no more context is to come.
    fn end(&mut self, estimator: &mut Estimator) {
        while self.known() > 0 {
            self.clean(self.known().min(self.part), estimator);
        }
    }

    /// Estimates the masks of a part, the first frames without, and cleans them. The forward hidden state goes on from part to part;
    /// what is to come is known for [`CONTEXT`] seconds.
    fn clean(&mut self, part: usize, estimator: &mut Estimator) {
        let Estimator { scheduler, masks } = estimator;
        let seen = self.known().min(part + self.context);
        let features = &self.features[..seen * self.network.features()];
        masks.estimate(scheduler, features, &mut self.state, part);

        let bins = self.network.framing.bins();
        let from = (self.given + self.cleaned) * bins;
        for (spectra, low) in self.spectra.iter_mut().zip(&self.low) {
            let spectra = spectra[from..].chunks_exact_mut(bins).take(part);
            for (frame, spectrum) in spectra.enumerate() {
                let at = self.before + frame;
                masks.apply(&self.network, self.kernels, frame, low, at, spectrum);
                if !is_sane(self.kernels, spectrum) {
                    spectrum.fill(Complex32::ZERO);
                }
            }
        }
        self.cleaned += part;
        self.features.drain(..part * self.network.features());
        let old = (self.before + part).saturating_sub(self.past);
        for low in &mut self.low {
            low.drain(..old * self.network.settings.filter_bins);
        }
        self.before += part - old;
    }

    /// Copies the next cleaned frames to their places among those of all channels and grids.
    fn give(&mut self, clean: &mut [Complex32], frames: &mut Frames, every: Every, at: usize) {
        let (count, bins, hop) = (frames.count, self.network.framing.bins(), frames.hop());
        let channels = self.spectra.len();
        let mut copy = |from: usize, to: usize| {
            for (c, spectra) in self.spectra.iter().enumerate() {
                let place = ((at * channels + c) * count + to) * bins;
                clean[place..][..bins].copy_from_slice(&spectra[from * bins..][..bins]);
                if self.keeps_noisy {
                    frames.spectra[place..][..bins].copy_from_slice(&self.noisy[c][from * bins..][..bins]);
                }
            }
            if !self.energy.is_empty() {
                for (c, aligned) in self.aligned.iter().enumerate() {
                    frames.around.aligned[((at * channels + c) * count + to) * hop..][..hop]
                        .copy_from_slice(&aligned[from * hop..][..hop]);
                }
                frames.around.energy[at * count + to] = self.energy[from];
            }
        };
        for (from, to) in (self.given..).zip(every.numbers(count)) {
            copy(from, to);
        }
        self.given += every.of(count);
        self.cleaned -= every.of(count);
    }

    /// Drops what nothing needs any more.
    fn forget(&mut self) {
        let given = std::mem::take(&mut self.given);
        if given == 0 {
            return;
        }
        let noisy = self.noisy.iter_mut().filter(|_| self.keeps_noisy);
        for spectra in self.spectra.iter_mut().chain(noisy) {
            spectra.drain(..given * self.network.framing.bins());
        }
        if !self.energy.is_empty() {
            let hop = self.network.settings.framing_of_grids().hop;
            for aligned in &mut self.aligned {
                aligned.drain(..given * hop);
            }
            self.energy.drain(..given);
        }
    }
}
