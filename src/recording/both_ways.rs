//! Recordings that need not be cleaned while they are heard: what comes later helps as well.
//!
//! An engine knows only what came before, while what follows a moment tells as much about it as what precedes it.
//! [`BothWays`] lets a denoiser run through the recording forwards and another one backwards, each with some seconds
//! beyond the edge to begin with, and gives the mean. Their errors differ, so that
//! the mean has fewer; averaging over directions of time is what bidirectional recurrent networks learn (Schuster &
//! Paliwal 1997), here without another network.

use super::LEAD;
use super::forwards::Forwards;
use crate::denoiser::{Config, Denoiser};
use crate::engine::Engine;
use crate::error::Error;

/// What is cleaned backwards in one go, in seconds, unless that were more than [`MOST`] samples.
const PART: f64 = 20.0;

/// The most samples in a part, all channels together, as long as it lasts [`SHORTEST`] seconds.
const MOST: f64 = 4e6;
const SHORTEST: f64 = 2.0;

/// How long two parts overlap, in seconds.
const OVERLAP: f64 = 0.1;

/// Cleans a recording from both sides.
pub(super) struct BothWays {
    forward: Forwards,
    backward: Denoiser,
    /// Lengths in samples.
    lead: usize,
    part: usize,
    overlap: usize,
    /// By channel, the recording from the first sample that has not been given out.
    input: Vec<Vec<f32>>,
    /// The same, cleaned forwards, as far as it is.
    forwards: Vec<Vec<f32>>,
    /// The first samples of the same, cleaned backwards with what comes up to the end of the part before.
    backwards: Vec<Vec<f32>>,
}

impl BothWays {
    /// Builds one; everything as in [`Denoiser::new`], but twice.
    pub(super) fn new(
        config: &Config,
        mut engine: impl FnMut(usize) -> Result<Box<dyn Engine>, Error>,
    ) -> Result<Self, Error> {
        let (forward, backward) = (
            Forwards::new(config, LEAD, &mut engine)?,
            Denoiser::new(config, &mut engine)?,
        );
        let (rate, channels) = (f64::from(config.sample_rate), config.channels);
        let seconds = (MOST / (rate * channels as f64)).clamp(SHORTEST, PART);
        Ok(Self {
            forward,
            backward,
            lead: (LEAD * rate) as usize,
            part: (seconds * rate) as usize,
            overlap: (OVERLAP * rate) as usize,
            input: vec![Vec::new(); channels],
            forwards: vec![Vec::new(); channels],
            backwards: vec![Vec::new(); channels],
        })
    }

    /// Channels of the recording.
    pub(super) fn channels(&self) -> usize {
        self.input.len()
    }

    /// As [`Cleaner::push`](super::Cleaner::push).
    pub(super) fn push(&mut self, input: &[impl AsRef<[f32]>], output: &mut [Vec<f32>]) {
        for (all, new) in self.input.iter_mut().zip(input) {
            all.extend_from_slice(new.as_ref());
        }
        self.forward.push(input, &mut self.forwards);
        while self.waiting() >= self.part + self.lead {
            self.give(self.part, output);
        }
    }

    /// As [`Cleaner::finish`](super::Cleaner::finish).
    pub(super) fn finish(&mut self, output: &mut [Vec<f32>]) {
        self.forward.finish(&mut self.forwards);
        // What would come next is taken to be what came last, the other way round.
        let end = self.waiting();
        let known = self.lead.min(end);
        for input in &mut self.input {
            input.extend_from_within(end - known..);
            input[end..].reverse();
        }
        self.give(end, output);
        self.input.iter_mut().for_each(Vec::clear);
        self.backwards.iter_mut().for_each(Vec::clear);
    }

    /// Samples of a channel that have not been given out.
    fn waiting(&self) -> usize {
        self.input[0].len()
    }

    /// Cleans so many samples backwards, beginning at the end of what is known, and gives out the mean: all of it if
    /// that is the rest, else all but the overlap with the next part.
    fn give(&mut self, len: usize, output: &mut [Vec<f32>]) {
        let rest = len == self.forwards[0].len();
        let beyond = len + self.lead.min(self.waiting() - len);
        let mut sound: Vec<Vec<f32>> = (self.input.iter())
            .map(|input| input[..beyond].iter().rev().copied().collect())
            .collect();
        let mut channels: Vec<_> = sound.iter_mut().map(Vec::as_mut_slice).collect();
        self.backward.process_recording(&mut channels);
        let given = if rest { len } else { len - self.overlap };
        for (c, mut backwards) in sound.into_iter().enumerate() {
            backwards.reverse();
            backwards.truncate(len);
            let before = &mut self.backwards[c];
            let fade = before.len().min(len) as f32;
            for (n, (new, old)) in backwards.iter_mut().zip(before.iter()).enumerate() {
                let share = (n as f32 + 0.5) / fade;
                *new = share * *new + (1.0 - share) * old;
            }
            before.clear();
            before.extend(backwards.drain(given..));
            let forwards = self.forwards[c].drain(..given);
            output[c].extend(forwards.zip(&backwards).map(|(f, b)| 0.5 * (f + b)));
            self.input[c].drain(..given);
        }
    }
}
