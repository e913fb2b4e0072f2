//! From samples to descriptors.

use super::descriptor::Descriptor;
use crate::Error;
use crate::listen;
use aeden::autoencoder::Autoencoder;
use std::sync::Arc;

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
