//! The engine that runs a network in both directions of time over a stream, with what it looks ahead as latency.
//!
//! ```text
//! frames          ├─ part ─┼─────── context ───────┤
//! job                                              ├─ steps, as many a frame ─┤
//! out                                                                         ├─ part ─┤
//! ```
//!
//! Masks are estimated for [`PART`] frames at a time, when [`CONTEXT`] more are known. The job is shared out evenly among the
//! samples that come meanwhile, and done when the first frame of the part is due. So nothing depends on threads, on how fast
//! samples come or on how they are cut into blocks.

use super::silence::{SilenceGate, Turn};
use crate::engine::{Engine, HiddenState, Interleaved, Masks, Stepwise};
use crate::error::Error;
use crate::kernels::Kernels;
use crate::model::Model;
use crate::network::Network;
use crate::spectrum::{Features, Framing};
use rustfft::num_complex::Complex32;
use std::sync::Arc;

/// Frames whose masks are estimated together. Fewer cost more work, more are longer under way or see less of what comes.
const PART: usize = 12;

/// Frames of context behind a part: with a part twice and a window, two seconds with the frames of `best`.
const CONTEXT: usize = 100;

/// Frames that a job waits for.
const SEEN: usize = PART + CONTEXT;

/// Frames after a frame before it is given: those that its job waits for, and those among which the job is shared out.
const DELAY: usize = SEEN + PART - 1;

/// The most frames a call.
const FRAMES: usize = 8;

/// An engine for so many channels under one mask.
pub(super) fn engine(model: &Model, channels: usize) -> Result<Box<dyn Engine>, Error> {
    let network = model.network()?;
    if !network.looks_ahead() {
        return Err(Error::Unsupported(format!(
            "model: {}: it runs over streams, and does not look ahead",
            model.name()
        )));
    }
    let engine = |_| Box::new(Ahead::new(network, channels)) as Box<dyn Engine>;
    let engines = (0..network.settings.grids).map(engine).collect();
    Ok(Box::new(Interleaved::new(engines)))
}

/// A network over one grid of frames.
struct Ahead {
    network: Arc<Network>,
    kernels: Kernels,
    channels: usize,
    extractor: Features,
    gate: SilenceGate,
    /// Frames since the reset.
    now: usize,
    /// Number of the sound, from 1 on; in silence that of the last sound.
    sound: usize,
    /// Rings of the last frames, [`RING`] of each: the sound that a frame belongs to, 0 for none; whether it is silent; features;
    /// spectra, by channel.
    sounds: Vec<usize>,
    silent: Vec<bool>,
    features: Vec<f32>,
    spectra: Vec<Vec<Complex32>>,
    job: Stepwise,
    /// The state before the job, and the sound that it knows.
    state: HiddenState,
    known: usize,
    /// The number of frames when the job began, and the share of a frame's work that was done since the last frame.
    began: usize,
    pace: f32,
    /// The frames that the job is for, and those of the masks in use.
    working: Option<Part>,
    done: Part,
    masks: Masks,
    /// The low bins of the frames around one, `[frame][bin]`.
    low: Vec<Complex32>,
}

/// Frames in a row of one sound, by their numbers.
#[derive(Clone, Copy, Default)]
struct Part {
    start: usize,
    end: usize,
}

/// Frames that are kept: those on their way, and those before that filters reach back to.
const RING: usize = DELAY + 32;

impl Ahead {
    fn new(network: &Arc<Network>, channels: usize) -> Ahead {
        let s = &network.settings;
        let bins = network.framing.bins();
        let tail = s.filter_taps - 1 - s.filter_ahead;
        Ahead {
            kernels: Kernels::best(),
            channels,
            extractor: network.feature_extractor(),
            gate: SilenceGate::new(&network.framing, tail.max(PART)),
            now: 0,
            sound: 0,
            sounds: vec![0; RING],
            silent: vec![true; RING],
            features: vec![0.0; RING * network.features()],
            spectra: vec![vec![Complex32::ZERO; RING * bins]; channels],
            job: Stepwise::new(network, SEEN, PART),
            state: HiddenState::new(network),
            known: 0,
            began: 0,
            pace: 0.0,
            working: None,
            done: Part::default(),
            masks: Masks::new(network, PART),
            low: vec![Complex32::ZERO; s.filter_taps * s.filter_bins],
            network: network.clone(),
        }
    }

    /// Takes a frame of the guide and of every channel; they are put into the rings.
    fn take<'a>(&mut self, guide: &[Complex32], frame: impl Iterator<Item = &'a [Complex32]>) {
        let (slot, bins, inputs) = (self.now % RING, guide.len(), self.network.features());
        let turn = self.gate.turn(guide);
        if turn == Turn::Fresh {
            self.extractor.reset();
            self.sound += 1;
        }
        self.sounds[slot] = if turn == Turn::Rest { 0 } else { self.sound };
        self.silent[slot] = self.gate.is_silent();
        if turn != Turn::Rest {
            let features = &mut self.features[slot * inputs..][..inputs];
            self.extractor
                .extract(guide, &self.network.bands, self.kernels, features);
        }
        for (kept, spectrum) in self.spectra.iter_mut().zip(frame) {
            kept[slot * bins..][..bins].copy_from_slice(spectrum);
        }
        self.now += 1;
    }

    /// The sound of a frame that is kept.
    fn sound_of(&self, frame: usize) -> usize {
        self.sounds[frame % RING]
    }

    /// Begins a job where the context of a part is complete. A part in which two sounds meet gets the masks of the second: of
    /// the first it has but silence.
    fn begin(&mut self) {
        let Some(start) = self
            .now
            .checked_sub(SEEN)
            .filter(|start| start.is_multiple_of(PART))
        else {
            return;
        };
        let part = start..start + PART;
        let sound = part.clone().map(|frame| self.sound_of(frame)).max().unwrap_or(0);
        let is_of_it = |frame: &usize| self.sound_of(*frame) == sound;
        let Some(first) = part.clone().find(is_of_it).filter(|_| sound > 0) else {
            return;
        };
        let seen = (first..self.now).take_while(is_of_it).count();
        let wanted = seen.min(part.end - first);
        // Backward GRUs begin where the sound ends: silence behind it would tell them that there is no noise.
        let is_heard = |frame: &usize| !self.silent[frame % RING];
        let heard = (first..first + seen).rev().find(is_heard);
        let seen = heard.map_or(wanted, |last| (last + 1 - first).max(wanted));
        if self.known != sound {
            self.state.reset();
            self.known = sound;
        }
        let inputs = self.network.features();
        let rows = self.job.begin(seen, wanted).chunks_exact_mut(inputs);
        for (row, frame) in rows.zip(first..) {
            row.copy_from_slice(&self.features[frame % RING * inputs..][..inputs]);
        }
        self.working = Some(Part {
            start: first,
            end: first + wanted,
        });
        self.began = self.now;
    }

    /// Does the job up to a share that belongs to so many frames.
    fn work_up_to(&mut self, frames: f32) {
        let (all, done) = self.job.progress();
        let due = (all as f32 * (frames / PART as f32).min(1.0)).ceil() as usize;
        for _ in done..due {
            self.job.step(&mut self.state);
        }
    }

    /// Does what is left of a frame's share, and changes masks where the first frame is due to which the new ones belong.
    fn keep_pace(&mut self) {
        self.pace = 0.0;
        let Some(part) = self.working else { return };
        let frames = self.now - self.began;
        self.work_up_to(frames as f32);
        if frames == PART {
            self.masks.take(&mut self.job);
            (self.done, self.working) = (part, None);
        }
    }

    /// Cleans the frame that is due, and puts it in the place of the newest.
    fn give<'a>(&mut self, frame: impl Iterator<Item = &'a mut [Complex32]>) {
        let Some(due) = (self.now - 1).checked_sub(DELAY) else {
            frame.for_each(|spectrum| spectrum.fill(Complex32::ZERO));
            return;
        };
        let s = &self.network.settings;
        let (bins, low_bins, past) = (
            self.network.framing.bins(),
            s.filter_bins,
            s.filter_taps - 1 - s.filter_ahead,
        );
        let Part { start, end } = self.done;
        let sound = self.sound_of(due);
        for (kept, spectrum) in self.spectra.iter().zip(frame) {
            spectrum.copy_from_slice(&kept[due % RING * bins..][..bins]);
            if !(start..end).contains(&due) || sound == 0 {
                continue;
            }
            for (place, low) in self.low.chunks_exact_mut(low_bins.max(1)).enumerate() {
                let frame = (due + place).checked_sub(past);
                match frame.filter(|frame| *frame < self.now && self.sounds[frame % RING] == sound) {
                    Some(frame) => low.copy_from_slice(&kept[frame % RING * bins..][..low_bins]),
                    None => low.fill(Complex32::ZERO),
                }
            }
            self.masks.apply(
                &self.network,
                self.kernels,
                due - start,
                &self.low,
                past,
                spectrum,
            );
        }
    }
}

impl Engine for Ahead {
    fn framing(&self) -> &Framing {
        &self.network.framing
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        FRAMES
    }

    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]) {
        let bins = self.network.framing.bins();
        for (f, frame) in guide.chunks_exact(bins).enumerate() {
            let of_frame = f * bins..(f + 1) * bins;
            self.take(
                frame,
                spectra
                    .chunks_exact(guide.len())
                    .map(|channel| &channel[of_frame.clone()]),
            );
            self.keep_pace();
            self.give(
                spectra
                    .chunks_exact_mut(guide.len())
                    .map(|channel| &mut channel[of_frame.clone()]),
            );
            self.begin();
        }
    }

    fn reset(&mut self) {
        self.extractor.reset();
        self.gate.reset();
        self.sounds.fill(0);
        self.silent.fill(true);
        self.job.stop();
        self.state.reset();
        (self.now, self.sound, self.known) = (0, 0, 0);
        (self.working, self.done) = (None, Part::default());
    }

    fn work(&mut self, share: f32) {
        self.pace += share;
        if self.working.is_some() {
            self.work_up_to((self.now - self.began) as f32 + self.pace.min(1.0));
        }
    }

    fn is_real_time(&self) -> bool {
        true
    }

    fn delay(&self) -> usize {
        DELAY
    }

    fn tail(&self) -> usize {
        let s = &self.network.settings;
        s.filter_taps - 1 - s.filter_ahead
    }
}
