//! Recordings in few bits: speech in one channel takes about 8, 16 or 34 kbit/s.
//!
//! An undercomplete autoencoder tells in 600 bit/s how loud each band is; the waves, with their phases, are coefficients of
//! a cosine transform (MDCT, frames of 32 ms every 16 ms) in steps that follow these envelopes, stored by an adaptive
//! range coder. Every block of 1.28 s has a checksum, and every machine reads what any machine has written. The layout of
//! the bytes stands in `codec/container.rs`.
//!
//! - Input: 1 to 64 channels, 8 to 192 kHz, any length. It is needed twice, once for its envelopes ([`Codec::listen`]) and
//!   once for its waves ([`Codec::encoder`]), in constant memory but for the envelopes (5 kB a second and channel).
//! - Output: the same rate, channels and length, in step with the input.
//! - Cost: about 500 × real time on one core for encoding, 400 × for decoding.
//!
//! ```
//! use aeden_jobs::codec::{Codec, Coarseness, Depth};
//!
//! let samples: Vec<f32> = (0..96_000).map(|n| (n as f32 * 0.03).sin() * 0.2).collect();
//! let codec = Codec::new();
//! let bytes = codec.encode(&[&samples], 48_000, Depth::Int16, Coarseness::MID)?;
//! assert!(bytes.len() < 4_000);
//!
//! let mut decoder = codec.decoder(&bytes[..])?; // any reader
//! let mut decoded = Vec::new();
//! while let Some(channels) = decoder.next_block()? {
//!     decoded.extend_from_slice(&channels[0]);
//! }
//! assert_eq!(decoded.len(), samples.len());
//! # Ok::<(), aeden_jobs::Error>(())
//! ```

mod blocks;
mod coefficients;
mod container;
mod decoder;
mod encoder;
mod entropy;
mod envelope;

use crate::Error;
use aeden::autoencoder::{Autoencoder, Kind};
use envelope::Envelopes;
use std::io::{Read, Write};
use std::sync::Arc;

pub use container::{Depth, Header};
pub use decoder::Decoder;
pub use encoder::{Encoder, Heard, Listening};

/// A decibel, as a natural logarithm of sizes.
const DECIBEL: f32 = std::f32::consts::LN_10 / 20.0;

/// How coarse the steps of the coefficients are: fewer bits the coarser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coarseness(pub(crate) u16);

impl Coarseness {
    /// About 8 kbit/s of clean speech in one channel.
    pub const LOW: Coarseness = Coarseness(590);
    /// About 16 kbit/s.
    pub const MID: Coarseness = Coarseness(520);
    /// About 34 kbit/s.
    pub const HIGH: Coarseness = Coarseness(425);
    /// The coarsest.
    const MOST: u16 = 1200;

    /// In dB; 10 dB more are steps three times as large.
    pub fn decibels(self) -> f32 {
        f32::from(self.0) / 10.0 - 60.0
    }
}

/// Encodes and decodes with one network.
#[derive(Clone, Debug)]
pub struct Codec {
    envelopes: Arc<Envelopes>,
}

#[cfg(feature = "models")]
impl Default for Codec {
    fn default() -> Self {
        Codec::new()
    }
}

impl Codec {
    /// With the built-in network.
    ///
    /// # Panics
    /// Never: the tests run it.
    #[cfg(feature = "models")]
    pub fn new() -> Codec {
        Codec::with_model(crate::models::envelopes()).expect("the built-in network has a linear code")
    }

    /// With another network. Decoding needs the one of encoding.
    ///
    /// # Errors
    /// [`Error::Kind`] for a network whose code is not linear.
    pub fn with_model(model: Autoencoder) -> Result<Codec, Error> {
        match model.kind() {
            Kind::Undercomplete | Kind::DenoisingL1 | Kind::DenoisingL2 | Kind::Variational => Ok(Codec {
                envelopes: Arc::new(Envelopes::new(model)?),
            }),
            found => Err(Error::Kind {
                job: "the codec",
                wanted: "an undercomplete autoencoder, whose code is linear",
                found,
            }),
        }
    }

    /// The network.
    pub fn model(&self) -> &Autoencoder {
        self.envelopes.model()
    }

    /// Begins to listen to a recording, the first of two times.
    ///
    /// # Errors
    /// [`Error::Rate`] for a rate that is not 8 to 192 kHz; [`Error::Channels`] if there are none or more than 64.
    pub fn listen(&self, rate: u32, channels: usize) -> Result<Listening, Error> {
        Listening::new(&self.envelopes, rate, channels)
    }

    /// Begins to write a recording that has been listened to, and passes its samples on a second time.
    ///
    /// # Errors
    /// [`Error::Io`] if `out` cannot be written.
    pub fn encoder<W: Write>(
        &self,
        heard: &Heard,
        depth: Depth,
        coarseness: Coarseness,
        out: W,
    ) -> Result<Encoder<W>, Error> {
        Encoder::new(&self.envelopes, heard, depth, coarseness, out)
    }

    /// Begins to read.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that are not those of an encoded recording; [`Error::OtherModel`] if another network
    /// encoded it; [`Error::Io`].
    pub fn decoder<R: Read>(&self, input: R) -> Result<Decoder<R>, Error> {
        Decoder::new(&self.envelopes, input)
    }

    /// Encodes a whole recording, one slice of samples a channel, full scale ±1.
    ///
    /// # Errors
    /// Those of [`listen`](Codec::listen) and [`Listening::push`].
    pub fn encode<S: AsRef<[f32]>>(
        &self,
        channels: &[S],
        rate: u32,
        depth: Depth,
        coarseness: Coarseness,
    ) -> Result<Vec<u8>, Error> {
        let mut listening = self.listen(rate, channels.len())?;
        listening.push(channels)?;
        let mut encoder = self.encoder(&listening.finish(), depth, coarseness, Vec::new())?;
        encoder.push(channels)?;
        encoder.finish()?;
        Ok(encoder.into_inner())
    }
}

/// Looks for the finest steps with which a recording takes no more than so many bytes, by encoding it again and again.
///
/// ```
/// # use aeden_jobs::codec::{Codec, Depth, Search};
/// # let samples: Vec<f32> = (0..48_000).map(|n| (n as f32 * 0.03).sin() * 0.2).collect();
/// # let codec = Codec::new();
/// let mut search = Search::new(1_500);
/// while let Some(coarseness) = search.next() {
///     let bytes = codec.encode(&[&samples], 48_000, Depth::Int16, coarseness)?;
///     search.tell(bytes.len() as u64);
/// }
/// let bytes = codec.encode(&[&samples], 48_000, Depth::Int16, search.found())?;
/// assert!(bytes.len() <= 1_500);
/// # Ok::<(), aeden_jobs::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Search {
    bytes: u64,
    low: u16,
    high: u16,
}

impl Search {
    /// How many times a recording is encoded at most.
    pub const TRIALS: usize = 11;

    /// Begins.
    pub fn new(bytes: u64) -> Search {
        Search {
            bytes,
            low: 0,
            high: Coarseness::MOST,
        }
    }

    fn middle(&self) -> u16 {
        self.low + (self.high - self.low) / 2
    }

    /// What to try; `None` if it has been found.
    #[allow(clippy::should_implement_trait)] // what comes next depends on what is told
    pub fn next(&self) -> Option<Coarseness> {
        (self.low < self.high).then(|| Coarseness(self.middle()))
    }

    /// How many bytes came of what [`next`](Search::next) said.
    pub fn tell(&mut self, bytes: u64) {
        let middle = self.middle();
        if bytes <= self.bytes {
            self.high = middle;
        } else {
            self.low = (middle + 1).min(self.high);
        }
    }

    /// The finest steps; the coarsest there are, if even these take more.
    pub fn found(&self) -> Coarseness {
        Coarseness(self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_at_the_finest_that_fits() {
        for limit in [0, 1, 599, 600, 601, 1_199, 1_200, 1_201, 5_000] {
            let mut search = Search::new(limit);
            let mut trials = 0;
            while let Some(Coarseness(tried)) = search.next() {
                trials += 1;
                search.tell(1_200 - u64::from(tried));
            }
            assert!(trials <= Search::TRIALS, "{limit}: {trials}");
            assert_eq!(search.found().0, 1_200 - limit.min(1_200) as u16, "{limit}");
        }
    }
}
