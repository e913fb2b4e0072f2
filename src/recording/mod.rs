//! Recordings, of which more than the past can be known: cleaned in step, without the latency of a stream.
//!
//! [`Cleaner`] takes a recording block by block and gives as much back. How it was built says what it may have heard of the
//! recording before it decides.

mod forwards;
mod in_view;
mod spun;

use crate::denoiser::Config;
use crate::engine::Engine;
use crate::error::Error;
use crate::studio::Studio;
use forwards::Forwards;
use spun::Spun;

/// What a denoiser hears before the part that counts, in seconds: by then it knows what it will ever know of the noise.
const LEAD: f64 = 4.0;

/// What has been heard of a recording before a network for streams cleans it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quality {
    /// What came before, as in a stream: what a [`Denoiser`](crate::denoiser::Denoiser) gives, bit for bit, less its latency.
    RealTime,
    /// The first four seconds, heard before it begins; from then on as in a stream.
    #[default]
    Standard,
}

/// Cleans a recording. Not for an audio thread: it allocates.
///
/// What comes out is the same, bit for bit, whatever blocks the recording is given in.
///
/// ```
/// use aeden::denoiser::Config;
/// use aeden::model::Model;
/// use aeden::recording::{Cleaner, Quality};
///
/// let model = Model::builtin();
/// let mut cleaner = Cleaner::new(&Config::default(), Quality::Standard, |channels| {
///     Ok(Box::new(model.engine(channels, 64)))
/// })?;
/// let recording = vec![0.0; 30_000];
/// let mut cleaned = vec![Vec::new()];
/// for block in recording.chunks(4096) {
///     cleaner.push(&[block], &mut cleaned);
/// }
/// cleaner.finish(&mut cleaned);
/// assert_eq!(cleaned[0].len(), recording.len());
/// # Ok::<(), aeden::Error>(())
/// ```
pub struct Cleaner(Way);

enum Way {
    Forwards(Box<Forwards>),
    Spun(Box<Spun>),
}

impl Cleaner {
    /// Builds one; `engine` is called once for each network that runs, as in
    /// [`Denoiser::new`](crate::denoiser::Denoiser::new).
    ///
    /// # Errors
    /// As [`Denoiser::new`](crate::denoiser::Denoiser::new).
    pub fn new(
        config: &Config,
        quality: Quality,
        engine: impl FnMut(usize) -> Result<Box<dyn Engine>, Error>,
    ) -> Result<Self, Error> {
        let way = match quality {
            Quality::RealTime => Way::Forwards(Box::new(Forwards::new(config, 0.0, engine)?)),
            Quality::Standard => Way::Forwards(Box::new(Forwards::new(config, LEAD, engine)?)),
        };
        Ok(Self(way))
    }

    /// Builds one that has the surroundings of every moment in view, at least four seconds on either side, and works on up to
    /// so many cores, at most eight. It gives its output in parts of up to sixteen seconds for each core; their number changes
    /// no bit of it.
    ///
    /// # Errors
    /// As [`Denoiser::new`](crate::denoiser::Denoiser::new).
    pub fn best(config: &Config, studio: &Studio, cores: usize) -> Result<Self, Error> {
        Ok(Self(Way::Spun(Box::new(Spun::new(config, studio, cores)?))))
    }

    /// Channels of the recording.
    pub fn channels(&self) -> usize {
        match &self.0 {
            Way::Forwards(way) => way.channels(),
            Way::Spun(way) => way.channels(),
        }
    }

    /// Takes the next samples of each channel, all as many, and appends to `output` what is ready.
    ///
    /// # Panics
    /// If there are more or fewer channels than configured.
    pub fn push(&mut self, input: &[impl AsRef<[f32]>], output: &mut [Vec<f32>]) {
        assert_eq!(input.len(), self.channels(), "channels in");
        assert_eq!(output.len(), self.channels(), "channels out");
        match &mut self.0 {
            Way::Forwards(way) => way.push(input, output),
            Way::Spun(way) => way.push(input, output),
        }
    }

    /// Appends the rest to `output`, and is ready for another recording.
    ///
    /// # Panics
    /// If `output` has more or fewer channels than configured.
    pub fn finish(&mut self, output: &mut [Vec<f32>]) {
        assert_eq!(output.len(), self.channels(), "channels out");
        match &mut self.0 {
            Way::Forwards(way) => way.finish(output),
            Way::Spun(way) => way.finish(output),
        }
    }
}
