//! The settings that a denoiser is built with.

use super::band_limits::BandLimits;
use crate::error::Error;
use crate::spectrum::Framing;

/// The mask of several channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Link {
    /// One mask for all channels, estimated from all of them: keeps the stereo image.
    #[default]
    Linked,
    /// Every channel on its own, each with its own engine: for unrelated recordings side by side.
    Independent,
}

/// The signal at the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listen {
    /// The sound without the noise.
    #[default]
    Cleaned,
    /// The noise: the delayed input less the cleaned sound.
    Removed,
}

/// The settings that a [`Denoiser`](crate::Denoiser) or a [`Cleaner`](crate::Cleaner) is built with.
///
/// ```
/// use aeden::{Config, Link};
///
/// let config = Config::new(44_100, 2).link(Link::Independent).attenuation_limit(Some(20.0)).mix(0.9);
/// # assert!(aeden::Denoiser::with_model(&aeden::Model::light(), &config).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The host's samples per second, [`MIN_SAMPLE_RATE`](Self::MIN_SAMPLE_RATE) to
    /// [`MAX_SAMPLE_RATE`](Self::MAX_SAMPLE_RATE).
    pub sample_rate: u32,
    /// Channels of every block, 1 to [`MAX_CHANNELS`](Self::MAX_CHANNELS).
    pub channels: usize,
    /// One mask for all channels, or one for each. No difference with one channel.
    pub link: Link,
    /// The most that the level is lowered anywhere, in dB, 0 to [`MAX_LIMIT`](Self::MAX_LIMIT); `None` for no limit.
    pub attenuation_limit: Option<f32>,
    /// Limits along frequency; without nodes there are none.
    pub bands: BandLimits,
    /// The share of the cleaned sound, 0 (the input untouched) to 1 (cleaned).
    pub mix: f32,
    /// The signal at the output: the cleaned sound, or the noise.
    pub listen: Listen,
    /// Gain of the output, in dB, ± [`MAX_GAIN`](Self::MAX_GAIN).
    pub output_gain: f32,
    /// Bypass: the input passes untouched, delayed by the latency. Then nothing else counts, the gain neither.
    pub bypass: bool,
    /// Threads that share the work of long blocks. With more than one a denoiser is not for an audio thread; their number
    /// changes no bit of the output.
    pub threads: usize,
}

impl Config {
    /// The lowest host rate, in Hz.
    pub const MIN_SAMPLE_RATE: u32 = Framing::MIN_RATE;
    /// The default host rate, in Hz.
    pub const DEFAULT_SAMPLE_RATE: u32 = 48_000;
    /// The highest host rate, in Hz.
    pub const MAX_SAMPLE_RATE: u32 = Framing::MAX_RATE;
    /// The most channels.
    pub const MAX_CHANNELS: usize = 64;
    /// The largest attenuation limit, in dB.
    pub const MAX_LIMIT: f32 = BandLimits::MAX_LIMIT;
    /// The default mix: the cleaned sound.
    pub const DEFAULT_MIX: f32 = 1.0;
    /// The largest output gain, in dB, and with a minus the smallest.
    pub const MAX_GAIN: f32 = 60.0;

    /// Cleans so many channels at a rate in Hz fully: linked, without a limit or a gain, on one thread.
    pub fn new(sample_rate: u32, channels: usize) -> Self {
        Self {
            sample_rate,
            channels,
            link: Link::default(),
            attenuation_limit: None,
            bands: BandLimits::default(),
            mix: Self::DEFAULT_MIX,
            listen: Listen::default(),
            output_gain: 0.0,
            bypass: false,
            threads: 1,
        }
    }

    /// Sets [`link`](Self::link).
    #[must_use]
    pub fn link(self, link: Link) -> Self {
        Self { link, ..self }
    }

    /// Sets [`attenuation_limit`](Self::attenuation_limit).
    #[must_use]
    pub fn attenuation_limit(self, attenuation_limit: Option<f32>) -> Self {
        Self {
            attenuation_limit,
            ..self
        }
    }

    /// Sets [`bands`](Self::bands).
    #[must_use]
    pub fn bands(self, bands: BandLimits) -> Self {
        Self { bands, ..self }
    }

    /// Sets [`mix`](Self::mix).
    #[must_use]
    pub fn mix(self, mix: f32) -> Self {
        Self { mix, ..self }
    }

    /// Sets [`listen`](Self::listen).
    #[must_use]
    pub fn listen(self, listen: Listen) -> Self {
        Self { listen, ..self }
    }

    /// Sets [`output_gain`](Self::output_gain).
    #[must_use]
    pub fn output_gain(self, output_gain: f32) -> Self {
        Self { output_gain, ..self }
    }

    /// Sets [`bypass`](Self::bypass).
    #[must_use]
    pub fn bypass(self, bypass: bool) -> Self {
        Self { bypass, ..self }
    }

    /// Sets [`threads`](Self::threads).
    #[must_use]
    pub fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The number of masks, and the channels under each.
    pub(crate) fn groups(&self) -> (usize, usize) {
        match self.link {
            Link::Linked => (1, self.channels),
            Link::Independent => (self.channels, 1),
        }
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`Error::Setting`], with the range.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let (rate, channels, mix, gain) = (self.sample_rate, self.channels, self.mix, self.output_gain);
        let (min, max) = (Self::MIN_SAMPLE_RATE, Self::MAX_SAMPLE_RATE);
        if !(min..=max).contains(&rate) {
            return Err(Error::Setting(format!(
                "the sample rate must be {min} to {max} Hz, not {rate}"
            )));
        }
        let max = Self::MAX_CHANNELS;
        if !(1..=max).contains(&channels) {
            return Err(Error::Setting(format!(
                "the number of channels must be 1 to {max}, not {channels}"
            )));
        }
        let max = Self::MAX_LIMIT;
        let limit = self.attenuation_limit;
        if let Some(limit) = limit.filter(|limit| !(0.0..=max).contains(limit)) {
            return Err(Error::Setting(format!(
                "the attenuation limit must be 0 to {max} dB, not {limit}"
            )));
        }
        if !(0.0..=1.0).contains(&mix) {
            return Err(Error::Setting(format!("the mix must be 0 to 1, not {mix}")));
        }
        let max = Self::MAX_GAIN;
        if !(-max..=max).contains(&gain) {
            return Err(Error::Setting(format!(
                "the output gain must be -{max} to {max} dB, not {gain}"
            )));
        }
        Ok(())
    }
}

impl Default for Config {
    /// One channel at 48 kHz.
    fn default() -> Self {
        Self::new(Self::DEFAULT_SAMPLE_RATE, 1)
    }
}
