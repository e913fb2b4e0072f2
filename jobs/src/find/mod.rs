//! Sounds that sound like another one.
//!
//! A sparse autoencoder has units that are silent most of the time. Which of them a sound wakes, how much and how steadily,
//! is its [`Descriptor`]: two bytes a unit, 256 for the built-in network. Sounds with like descriptors sound alike,
//! whatever their loudness and length. An [`Index`] keeps the descriptors of many files in one file of its own.
//!
//! - Input: 1 channel or more, mixed to one; any rate from 8 to 192 kHz; any length, what is shorter than 0.16 s is filled
//!   up with silence.
//! - Cost: about 2500 × real time on one core; 26 kB of memory for a second of sound. A search looks at every descriptor:
//!   100,000 in about 60 ms.
//!
//! ```
//! use aeden_jobs::find::{Change, Describer, Index, Stamp};
//!
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("sounds.index");
//! # let tone = |hz: f32| (0..48_000).map(|n| (hz * n as f32 / 7639.4).sin() * 0.2).collect::<Vec<f32>>();
//! # let hiss: Vec<f32> = (0..48_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e8 - 0.08).collect();
//! let describer = Describer::new();
//! let index = Index::create(&file, &describer)?;
//! for (name, samples) in [("note.wav", &tone(440.0)), ("hiss.wav", &hiss)] {
//!     let sound = describer.describe(&[samples], 48_000)?;
//!     index.apply(&[Change::Put { path: name.into(), stamp: Stamp::default(), sound }])?;
//! }
//! let query = describer.describe(&[tone(450.0)], 48_000)?;
//! let found = index.search(&query.descriptor, 1, None)?;
//! assert_eq!(found[0].path.to_str(), Some("note.wav"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checked;
mod descriptor;
mod index;

use crate::Error;
use crate::listen;
use aeden::autoencoder::Autoencoder;
use std::sync::Arc;

pub use descriptor::Descriptor;
pub use index::{Change, Entry, Index, Match, Stamp};

/// Describes sounds.
#[derive(Clone, Debug)]
pub struct Describer {
    model: Arc<Autoencoder>,
}

/// A sound in short.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    /// What it sounds like.
    pub descriptor: Descriptor,
    /// Its length.
    pub seconds: f64,
}

#[cfg(feature = "models")]
impl Default for Describer {
    fn default() -> Self {
        Describer::new()
    }
}

impl Describer {
    /// With the built-in network.
    #[cfg(feature = "models")]
    pub fn new() -> Describer {
        Describer::with_model(crate::models::sparse())
    }

    /// With a network of any kind.
    pub fn with_model(model: Autoencoder) -> Describer {
        Describer {
            model: Arc::new(model),
        }
    }

    /// The network.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// Differs from network to network.
    pub fn fingerprint(&self) -> u64 {
        self.model.fingerprint()
    }

    /// Begins to listen to a recording that comes block by block.
    ///
    /// # Errors
    /// [`Error::Rate`] for a rate that is not 8 to 192 kHz; [`Error::Channels`] for none.
    pub fn listen(&self, rate: u32, channels: usize) -> Result<Listening, Error> {
        Ok(Listening {
            heard: listen::Listening::new(&self.model, rate, channels)?,
            model: self.model.clone(),
        })
    }

    /// Describes a whole sound, one slice of samples a channel, full scale ±1.
    ///
    /// # Errors
    /// Those of [`listen`](Describer::listen) and [`Listening::push`].
    pub fn describe<S: AsRef<[f32]>>(&self, channels: &[S], rate: u32) -> Result<Sound, Error> {
        let mut listening = self.listen(rate, channels.len())?;
        listening.push(channels)?;
        Ok(listening.finish())
    }
}

/// A sound that is being listened to.
#[derive(Debug)]
pub struct Listening {
    heard: listen::Listening,
    model: Arc<Autoencoder>,
}

impl Listening {
    /// Takes the next samples, equally many of every channel. How a sound is cut into blocks changes nothing.
    ///
    /// # Errors
    /// [`Error::Channels`], [`Error::Lengths`] for another shape; [`Error::Sample`] for a sample that is no number or
    /// beyond [`LARGEST`](crate::LARGEST).
    pub fn push<S: AsRef<[f32]>>(&mut self, channels: &[S]) -> Result<(), Error> {
        self.heard.push(channels)
    }

    /// Ends the sound.
    pub fn finish(self) -> Sound {
        let (mut powers, seconds) = self.heard.finish();
        self.model.standardise(&mut powers);
        Sound {
            descriptor: Descriptor::of(&self.model, &powers),
            seconds,
        }
    }
}
