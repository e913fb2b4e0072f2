//! Recordings, of which more than the past can be known: cleaned in step, without the latency of a stream.
//!
//! [`Cleaner`] takes a recording block by block and gives as much back. Its [`Context`] says what it may know of the
//! recording when it cleans a moment.

mod lead_in;
mod look_ahead;

use crate::denoiser::Config;
use crate::engine::Engine;
use crate::error::Error;
use crate::model::Model;
use lead_in::LeadIn;
use look_ahead::LookAhead;

/// The part of a recording that is known when a moment of it is cleaned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Context {
    /// The past, as in a stream: the output of a [`Denoiser`](crate::Denoiser), bit for bit, less its latency.
    Stream,
    /// The past, and the first four seconds, which the network hears before it begins: by then it knows what it will ever
    /// know of the noise.
    #[default]
    LeadIn,
    /// The past and the future, at least four seconds on either side; by a network that
    /// [looks ahead](crate::Model::looks_ahead).
    LookAhead,
}

impl Context {
    /// Checks that a model can clean in this context.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where it looks ahead and the context does not, or the other way round.
    pub fn check(self, model: &Model) -> Result<(), Error> {
        let problem = match (self, model.looks_ahead()) {
            (Context::LookAhead, false) => {
                "this network runs over streams; the quality best takes one that runs both ways over recordings \
                 (train it with --set both_ways=True)"
            }
            (Context::Stream | Context::LeadIn, true) => {
                "this network runs over recordings in both directions, not over streams: it serves the quality best"
            }
            _ => return Ok(()),
        };
        Err(Error::Unsupported(problem.into()))
    }
}

/// Seconds of a recording that are its lead-in.
const LEAD: f64 = 4.0;

/// Cleans a recording. Not for an audio thread: it allocates.
///
/// The output is the same, bit for bit, whatever blocks the recording is given in, and on however many
/// [threads](Config::threads).
///
/// ```
/// use aeden::Cleaner;
///
/// let mut cleaner = Cleaner::new(48_000, 1)?;
/// let recording = vec![0.0; 30_000];
/// let mut cleaned = vec![Vec::new()];
/// for block in recording.chunks(4096) {
///     cleaner.push(&[block], &mut cleaned);
/// }
/// cleaner.finish(&mut cleaned);
/// assert_eq!(cleaned[0].len(), recording.len());
/// # Ok::<(), aeden::Error>(())
/// ```
#[derive(Debug)]
pub struct Cleaner(Way);

#[derive(Debug)]
enum Way {
    LeadIn(Box<LeadIn>),
    LookAhead(Box<LookAhead>),
}

impl Cleaner {
    /// Builds a cleaner with the built-in network for streams and a [lead-in](Context::LeadIn), for a rate in Hz,
    /// [`Config::MIN_SAMPLE_RATE`] to [`Config::MAX_SAMPLE_RATE`], and 1 to [`Config::MAX_CHANNELS`] channels.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate or a number of channels outside its range.
    #[cfg(feature = "high")]
    pub fn new(sample_rate: u32, channels: usize) -> Result<Self, Error> {
        let config = Config::new(sample_rate, channels);
        Self::with_model(&Model::high(), Context::LeadIn, &config)
    }

    /// Builds a cleaner with another network, or other settings.
    ///
    /// With [`Context::LookAhead`] the output comes in parts of up to twenty seconds, and more than eight threads count as
    /// eight.
    ///
    /// # Errors
    /// As [`Denoiser::with_model`](crate::Denoiser::with_model); [`Error::Unsupported`] for a model that does not fit the
    /// context.
    pub fn with_model(model: &Model, context: Context, config: &Config) -> Result<Self, Error> {
        context.check(model)?;
        if context != Context::LookAhead {
            let engine = |channels| model.engine(channels, config.threads);
            return Self::with_engines(context, config, engine);
        }
        let way = LookAhead::new(config, model.network()?)?;
        Ok(Self(Way::LookAhead(Box::new(way))))
    }

    /// Builds a cleaner with engines of your own; `engine` is called as in
    /// [`Denoiser::with_engines`](crate::Denoiser::with_engines).
    ///
    /// # Errors
    /// As [`Denoiser::with_engines`](crate::Denoiser::with_engines); [`Error::Unsupported`] for [`Context::LookAhead`],
    /// since engines know the past alone.
    pub fn with_engines(
        context: Context,
        config: &Config,
        engine: impl FnMut(usize) -> Result<Box<dyn Engine>, Error>,
    ) -> Result<Self, Error> {
        let lead = match context {
            Context::Stream => 0.0,
            Context::LeadIn => LEAD,
            Context::LookAhead => return Err(Error::Unsupported("engines do not look ahead".into())),
        };
        Ok(Self(Way::LeadIn(Box::new(LeadIn::new(config, lead, engine)?))))
    }

    /// Channels of the recording.
    pub fn channels(&self) -> usize {
        match &self.0 {
            Way::LeadIn(way) => way.channels(),
            Way::LookAhead(way) => way.channels(),
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
            Way::LeadIn(way) => way.push(input, output),
            Way::LookAhead(way) => way.push(input, output),
        }
    }

    /// Appends the rest to `output`, and is ready for another recording.
    ///
    /// # Panics
    /// If `output` has more or fewer channels than configured.
    pub fn finish(&mut self, output: &mut [Vec<f32>]) {
        assert_eq!(output.len(), self.channels(), "channels out");
        match &mut self.0 {
            Way::LeadIn(way) => way.finish(output),
            Way::LookAhead(way) => way.finish(output),
        }
    }
}
