//! Recordings that need not be cleaned while they are heard: what comes later helps as well.
//!
//! An engine knows only what came before. At the start of a recording that is nothing, and what follows a moment tells as
//! much about it as what precedes it. [`BothWays`] lets a denoiser run through the recording forwards and another one
//! backwards, each with some seconds beyond the edge to begin with, and gives the mean. Their errors differ, so that
//! the mean has fewer; averaging over directions of time is what bidirectional recurrent networks learn (Schuster &
//! Paliwal 1997), here without another network.

use crate::denoiser::{Config, Denoiser};
use crate::engine::Engine;
use crate::error::Error;

/// What a denoiser hears before the part that counts, in seconds.
const LEAD: f64 = 4.0;

/// What is cleaned backwards in one go, in seconds, unless that were more than [`MOST`] samples.
const PART: f64 = 20.0;

/// The most samples in a part, all channels together, as long as it lasts [`SHORTEST`] seconds.
const MOST: f64 = 4e6;
const SHORTEST: f64 = 2.0;

/// How long two parts overlap, in seconds.
const OVERLAP: f64 = 0.1;

/// Cleans a recording from both sides. Not for an audio thread: it allocates, and gives its output in parts of some seconds.
///
/// What comes out is the same, bit for bit, whatever blocks the recording is given in.
///
/// ```
/// use aeden::both_ways::BothWays;
/// use aeden::denoiser::Config;
/// use aeden::model::Model;
///
/// let model = Model::builtin();
/// let mut cleaner = BothWays::new(&Config::default(), |channels| Ok(Box::new(model.engine(channels, 64))))?;
/// let recording = vec![0.0; 30_000];
/// let mut cleaned = vec![Vec::new()];
/// for block in recording.chunks(4096) {
///     cleaner.push(&[block], &mut cleaned);
/// }
/// cleaner.finish(&mut cleaned);
/// assert_eq!(cleaned[0].len(), recording.len());
/// # Ok::<(), aeden::Error>(())
/// ```
pub struct BothWays {
    forward: Denoiser,
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
    /// Samples of `input` that were cleaned forwards; `None` before the start.
    fed: Option<usize>,
    /// Samples that the forward denoiser has still to give before those that count.
    early: usize,
}

impl BothWays {
    /// Builds one; everything as in [`Denoiser::new`], but twice.
    ///
    /// # Errors
    /// As [`Denoiser::new`].
    pub fn new(
        config: &Config,
        mut engine: impl FnMut(usize) -> Result<Box<dyn Engine>, Error>,
    ) -> Result<Self, Error> {
        let (forward, backward) = (
            Denoiser::new(config, &mut engine)?,
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
            fed: None,
            early: 0,
        })
    }

    /// Channels of the recording.
    pub fn channels(&self) -> usize {
        self.input.len()
    }

    /// Takes the next samples of each channel, all as many, and appends to `output` what is ready.
    ///
    /// # Panics
    /// If there are more or fewer channels than configured.
    pub fn push(&mut self, input: &[impl AsRef<[f32]>], output: &mut [Vec<f32>]) {
        assert_eq!(input.len(), self.channels(), "channels");
        for (all, new) in self.input.iter_mut().zip(input) {
            all.extend_from_slice(new.as_ref());
        }
        if self.waiting() >= self.lead {
            self.feed();
        }
        while self.waiting() >= self.part + self.lead {
            self.give(self.part, output);
        }
    }

    /// Appends the rest to `output`, and is ready for another recording.
    pub fn finish(&mut self, output: &mut [Vec<f32>]) {
        self.feed();
        let latency = self.forward.latency();
        self.forwards(vec![vec![0.0; latency]; self.channels()]);
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
        self.fed = None;
        self.forward.reset();
    }

    /// Samples of a channel that have not been given out.
    fn waiting(&self) -> usize {
        self.input[0].len()
    }

    /// Cleans forwards all that there is.
    fn feed(&mut self) {
        let fed = self.fed.unwrap_or_else(|| {
            // What came before the start is taken to be what comes first, the other way round.
            let known = self.lead.min(self.waiting());
            let before = |input: &Vec<f32>| input[..known].iter().rev().copied().collect();
            let before: Vec<Vec<f32>> = self.input.iter().map(before).collect();
            self.early = self.forward.latency() + known;
            self.forwards(before);
            0
        });
        self.forwards(self.input.iter().map(|input| input[fed..].to_vec()).collect());
        self.fed = Some(self.waiting());
    }

    /// Passes sound through the forward denoiser, which appends to `forwards`.
    fn forwards(&mut self, mut sound: Vec<Vec<f32>>) {
        let mut channels: Vec<_> = sound.iter_mut().map(Vec::as_mut_slice).collect();
        self.forward.process(&mut channels);
        let early = self.early.min(sound[0].len());
        self.early -= early;
        for (all, new) in self.forwards.iter_mut().zip(&sound) {
            all.extend_from_slice(&new[early..]);
        }
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
        self.fed = self.fed.map(|fed| fed - given);
    }
}
