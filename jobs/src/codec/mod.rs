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
mod coarseness;
mod coefficients;
mod container;
mod decoder;
mod encoder;
mod entropy;
mod envelope;

use crate::Error;
use aeden::Kind;
use aeden::autoencoder::Autoencoder;
use envelope::Envelopes;
use std::io::{Read, Write};
use std::sync::Arc;

pub use coarseness::{Coarseness, Search};
pub use container::{Depth, Header};
pub use decoder::Decoder;
pub use encoder::{Encoder, Heard, Listening};

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
