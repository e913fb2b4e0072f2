//! Recordings cleaned with what comes later in view.
//!
//! ```text
//! recording ─┬─► denoiser with an Ear ──► frames ──► estimators, a part each ──► masks ─┐
//!            └─────────────────────── waits for them ───────────────────────────────────┴─► denoiser with a Hand ──► output
//! ```
//!
//! The recording passes twice through a [`Denoiser`](crate::denoiser::Denoiser): in the first an [`Ear`] changes nothing and
//! tells what there is to hear, in the second a [`Hand`] applies the masks that were found. Both see the same frames, so that
//! rates, channels, levels, silence and controls are treated as in real time, in the same code. Masks are found for some
//! seconds at a time, with some more on either side in view.

use super::forwards::Forwards;
use crate::denoiser::Config;
use crate::engine::Engine;
use crate::error::Error;
use crate::stft::Framing;
use crate::studio::{Estimator, Hearing, Masks, Studio};
use crate::team::side_by_side;
use rustfft::num_complex::Complex32;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What masks are found for in one go, in seconds, unless that were more than [`MOST`] samples.
const PART: f64 = 16.0;

/// The most samples in a part, all channels together, as long as it lasts [`SHORTEST`] seconds.
const MOST: f64 = 4e6;
const SHORTEST: f64 = 2.0;

/// What is in view before and after a part, in seconds: more gains little (`models/EXPERIMENTS.md`, 030).
const CONTEXT: f64 = 4.0;

/// How much passes to the denoisers in one go, in seconds, and to their engines, in frames.
const STEP: f64 = 0.1;
const FRAMES: usize = 64;

/// Cleans a recording with what comes later in view.
pub(super) struct InView {
    ear: Forwards,
    hand: Forwards,
    groups: Vec<Group>,
    /// In samples.
    step: usize,
    /// By channel, the recording from the first sample on that the hand has not been given.
    input: Vec<Vec<f32>>,
    /// How much of that the ear has been given.
    heard: usize,
    /// For each step that the ear took and the hand did not: how many samples, and the frames of each group that had been
    /// heard by then.
    steps: VecDeque<(usize, Vec<usize>)>,
    /// What comes out of the ear's denoiser.
    unchanged: Vec<Vec<f32>>,
}

impl InView {
    /// Builds one; everything as in [`Denoiser::new`](crate::denoiser::Denoiser::new).
    pub(super) fn new(config: &Config, studio: &Studio) -> Result<Self, Error> {
        let (rate, channels) = (f64::from(config.sample_rate), config.channels);
        let seconds = (MOST / (rate * channels as f64)).clamp(SHORTEST, PART);
        let framing = studio.framing();
        let frames = |seconds: f64| (seconds * f64::from(framing.rate) / framing.hop as f64).ceil() as usize;
        let (mut heard, mut groups, mut hands) = (Vec::new(), Vec::new(), VecDeque::new());
        let ear = Forwards::new(config, 0.0, |width| {
            let (tell, listen) = channel();
            heard.push((width, listen));
            Ok(Box::new(Ear {
                studio: studio.clone(),
                hearing: studio.hearing(),
                channels: width,
                anew: false,
                tell,
            }))
        })?;
        for (channels, heard) in heard {
            let (give, masks) = channel();
            hands.push_back(Hand {
                studio: studio.clone(),
                channels,
                masks,
                now: None,
                mask: vec![0.0; framing.bins()],
            });
            groups.push(Group {
                heard,
                masks: give,
                part: frames(seconds),
                view: View {
                    studio: studio.clone(),
                    context: frames(CONTEXT),
                    features: Vec::new(),
                    low: vec![Vec::new(); channels],
                },
                done: 0,
                all_heard: 0,
                all_done: 0,
            });
        }
        let hand = Forwards::new(config, 0.0, |channels| match hands.pop_front() {
            Some(hand) if hand.channels == channels => Ok(Box::new(hand)),
            _ => Err(Error::Model("the two ways through a recording differ".to_owned())),
        })?;
        Ok(Self {
            ear,
            hand,
            groups,
            step: (STEP * rate) as usize,
            input: vec![Vec::new(); channels],
            heard: 0,
            steps: VecDeque::new(),
            unchanged: vec![Vec::new(); channels],
        })
    }

    /// As [`Cleaner::push`](super::Cleaner::push), on as many cores as there are estimators, at least one.
    pub(super) fn push(
        &mut self,
        input: &[impl AsRef<[f32]>],
        output: &mut [Vec<f32>],
        estimators: &mut [Estimator],
    ) {
        for (all, new) in self.input.iter_mut().zip(input) {
            all.extend_from_slice(new.as_ref());
        }
        while self.input[0].len() - self.heard >= self.step {
            self.hear(self.step, estimators);
            self.estimate(false, estimators);
            self.give(output);
        }
    }

    /// As [`Cleaner::finish`](super::Cleaner::finish).
    pub(super) fn finish(&mut self, output: &mut [Vec<f32>], estimators: &mut [Estimator]) {
        self.hear(self.input[0].len() - self.heard, estimators);
        self.ear.finish(&mut self.unchanged);
        self.listen(estimators);
        self.estimate(true, estimators);
        self.give(output);
        self.hand.finish(output);
        self.unchanged.iter_mut().for_each(Vec::clear);
        self.groups.iter_mut().for_each(Group::begin);
    }

    /// Passes the next samples through the ear.
    fn hear(&mut self, samples: usize, estimators: &mut [Estimator]) {
        let part = self.heard..self.heard + samples;
        let input: Vec<&[f32]> = self.input.iter().map(|all| &all[part.clone()]).collect();
        self.ear.push(&input, &mut self.unchanged);
        self.unchanged.iter_mut().for_each(Vec::clear);
        self.heard = part.end;
        self.listen(estimators);
        let heard = self.groups.iter().map(|group| group.all_heard).collect();
        self.steps.push_back((samples, heard));
    }

    /// Takes what the ear has told.
    fn listen(&mut self, estimators: &mut [Estimator]) {
        for group in &mut self.groups {
            group.listen(estimators);
        }
    }

    /// Finds the masks of the parts of which enough is in view, or of all that is left.
    fn estimate(&mut self, at_the_end: bool, estimators: &mut [Estimator]) {
        for group in &mut self.groups {
            group.estimate(estimators, at_the_end);
        }
    }

    /// Passes what has masks through the hand.
    fn give(&mut self, output: &mut [Vec<f32>]) {
        let mut given = 0;
        while let Some((samples, heard)) = self.steps.front() {
            let mut groups = self.groups.iter().zip(heard);
            if groups.any(|(group, &heard)| heard > group.all_done) {
                break;
            }
            let part = given..given + samples;
            let input: Vec<&[f32]> = self.input.iter().map(|all| &all[part.clone()]).collect();
            self.hand.push(&input, output);
            given = part.end;
            self.steps.pop_front();
        }
        self.heard -= given;
        for all in &mut self.input {
            all.drain(..given);
        }
    }
}

/// Channels that share a mask.
struct Group {
    heard: Receiver<Heard>,
    masks: Sender<Cleaned>,
    view: View,
    /// In frames.
    part: usize,
    /// How many of the frames in view have masks.
    done: usize,
    /// How many frames were heard so far, and how many of them have masks.
    all_heard: usize,
    all_done: usize,
}

impl Group {
    /// Takes what the ear has told. Where it begins anew, nothing beyond is in view.
    fn listen(&mut self, estimators: &mut [Estimator]) {
        while let Ok(heard) = self.heard.try_recv() {
            if heard.anew {
                self.estimate(estimators, true);
                self.begin();
            }
            self.all_heard += self.view.extend(heard);
        }
    }

    /// Forgets all frames.
    fn begin(&mut self) {
        self.view.forget(self.view.frames());
        self.done = 0;
    }

    /// Finds the masks of as many parts as there are estimators, or of all frames that there are.
    fn estimate(&mut self, estimators: &mut [Estimator], to_the_end: bool) {
        let (frames, context) = (self.view.frames(), self.view.context);
        let (mut parts, mut start) = (Vec::new(), self.done);
        while start + self.part + context <= frames {
            parts.push(start..start + self.part);
            start += self.part;
        }
        if to_the_end {
            while start < frames {
                let end = frames.min(start + self.part);
                parts.push(start..end);
                start = end;
            }
        } else if parts.len() < estimators.len() {
            return;
        }
        for parts in parts.chunks(estimators.len()) {
            let view = &self.view;
            let mut cleaned: Vec<Option<Cleaned>> = parts.iter().map(|_| None).collect();
            let jobs = estimators.iter_mut().zip(parts).zip(&mut cleaned);
            side_by_side(&mut jobs.collect::<Vec<_>>(), |((estimator, part), cleaned)| {
                **cleaned = Some(view.clean(estimator, part.clone()));
            });
            for cleaned in cleaned.into_iter().flatten() {
                self.all_done += cleaned.frames;
                // The hand is there as long as this is.
                let _ = self.masks.send(cleaned);
            }
        }
        let old = start.saturating_sub(context);
        self.view.forget(old);
        self.done = start - old;
    }
}

/// Frames in a row, from what is to be seen before the first without a mask on.
struct View {
    studio: Studio,
    /// How far to see on either side, in frames.
    context: usize,
    /// `[frame][feature]`
    features: Vec<f32>,
    /// By channel, `[frame][low bin]`
    low: Vec<Vec<Complex32>>,
}

impl View {
    fn frames(&self) -> usize {
        self.features.len() / self.studio.features()
    }

    /// Appends frames; how many.
    fn extend(&mut self, heard: Heard) -> usize {
        let frames = self.frames();
        self.features.extend(heard.features);
        for (all, new) in self.low.iter_mut().zip(heard.low) {
            all.extend(new);
        }
        self.frames() - frames
    }

    /// Drops the first frames.
    fn forget(&mut self, frames: usize) {
        self.features.drain(..frames * self.studio.features());
        for low in &mut self.low {
            low.drain(..frames * self.studio.settings().filter_bins);
        }
    }

    /// Masks of a part, and its filtered low bins.
    fn clean(&self, estimator: &mut Estimator, part: Range<usize>) -> Cleaned {
        let seen = part.start.saturating_sub(self.context)..self.frames().min(part.end + self.context);
        let numbers = self.studio.features();
        let features = &self.features[seen.start * numbers..seen.end * numbers];
        let wanted = part.start - seen.start..part.end - seen.start;
        let Masks { gains, filters } = estimator.estimate(features, wanted);
        let bins = self.studio.settings().filter_bins;
        let filtered = |all: &Vec<Complex32>| {
            let mut low = all[part.start * bins..part.end * bins].to_vec();
            for (frame, at) in part.clone().enumerate() {
                let spectrum = &mut low[frame * bins..(frame + 1) * bins];
                self.studio.filter(&filters, frame, all, at, spectrum);
            }
            low
        };
        Cleaned {
            frames: part.len(),
            low: self.low.iter().map(filtered).collect(),
            gains,
        }
    }
}

/// What an [`Ear`] tells of frames.
struct Heard {
    /// Whether they have nothing to do with those before.
    anew: bool,
    /// `[frame][feature]`
    features: Vec<f32>,
    /// By channel, `[frame][low bin]`
    low: Vec<Vec<Complex32>>,
}

/// What a [`Hand`] does to frames.
struct Cleaned {
    frames: usize,
    /// By channel, `[frame][low bin]` after the filters.
    low: Vec<Vec<Complex32>>,
    /// `[frame][band]`
    gains: Vec<f32>,
}

/// An engine that changes nothing and tells what it hears.
struct Ear {
    studio: Studio,
    hearing: Hearing,
    channels: usize,
    anew: bool,
    tell: Sender<Heard>,
}

impl Engine for Ear {
    fn framing(&self) -> &Framing {
        self.studio.framing()
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        FRAMES
    }

    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]) {
        let bins = self.studio.framing().bins();
        let mut features = Vec::new();
        for frame in guide.chunks_exact(bins) {
            self.hearing.hear(frame, &mut features);
        }
        let low = |channel: &[Complex32]| {
            let frames = channel.chunks_exact(bins);
            frames
                .flat_map(|frame| &frame[..self.studio.settings().filter_bins])
                .copied()
                .collect()
        };
        let heard = Heard {
            anew: std::mem::take(&mut self.anew),
            low: spectra.chunks_exact(guide.len().max(1)).map(low).collect(),
            features,
        };
        // Who listens lives as long as this.
        let _ = self.tell.send(heard);
    }

    fn reset(&mut self) {
        self.hearing.reset();
        self.anew = true;
    }

    fn is_real_time(&self) -> bool {
        false
    }

    fn tail(&self) -> usize {
        tail(&self.studio)
    }
}

/// An engine that applies masks frame by frame, whatever it hears.
struct Hand {
    studio: Studio,
    channels: usize,
    masks: Receiver<Cleaned>,
    /// The masks in use, and the frame that is next.
    now: Option<(Cleaned, usize)>,
    /// Scratch: `[bin]`
    mask: Vec<f32>,
}

impl Engine for Hand {
    fn framing(&self) -> &Framing {
        self.studio.framing()
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        FRAMES
    }

    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]) {
        let (bins, low) = (self.studio.framing().bins(), self.studio.settings().filter_bins);
        for frame in 0..guide.len() / bins {
            while self
                .now
                .as_ref()
                .is_none_or(|(masks, next)| *next == masks.frames)
            {
                // There is a mask for every frame before the frame is there.
                let Ok(masks) = self.masks.try_recv() else { return };
                self.now = Some((masks, 0));
            }
            let Some((masks, next)) = &mut self.now else {
                return;
            };
            for (channel, filtered) in spectra.chunks_exact_mut(guide.len()).zip(&masks.low) {
                let spectrum = &mut channel[frame * bins..(frame + 1) * bins];
                spectrum[..low].copy_from_slice(&filtered[*next * low..(*next + 1) * low]);
                (self.studio).apply_gains(&masks.gains, *next, &mut self.mask, spectrum);
            }
            *next += 1;
        }
    }

    fn reset(&mut self) {}

    fn is_real_time(&self) -> bool {
        false
    }

    fn tail(&self) -> usize {
        tail(&self.studio)
    }
}

/// Filters let sound appear in so many later frames.
fn tail(studio: &Studio) -> usize {
    let settings = studio.settings();
    settings.filter_taps - 1 - settings.filter_ahead
}
