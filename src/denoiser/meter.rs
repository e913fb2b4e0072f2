//! The meter: levels of the last frame, before and after the network.

use super::config::Config;
use super::front::energy_of;
use crate::spectrum::Framing;
use rustfft::num_complex::Complex32;

/// The mean square under which a frame holds nothing to compare, −120 dBFS.
const NOTHING: f32 = 1e-12;

/// Mean squares of the last frame, over all channels.
#[derive(Debug)]
pub(super) struct Meter {
    channels: usize,
    bins: usize,
    /// From the energy of the bins between 0 Hz and half the rate, one channel's, to the mean square of samples.
    scale: f32,
    noisy: f32,
    clean: f32,
}

impl Meter {
    pub(super) fn new(framing: &Framing, channels: usize) -> Self {
        let window = framing.window;
        let taper: f64 = (0..window).map(|n| framing.shape.at(n, window).powi(2)).sum();
        Self {
            channels,
            bins: framing.bins(),
            // Parseval: every bin stands for its mirror image too.
            scale: (2.0 / (window as f64 * taper)) as f32,
            noisy: 0.0,
            clean: 0.0,
        }
    }

    pub(super) fn reset(&mut self) {
        (self.noisy, self.clean) = (0.0, 0.0);
    }

    /// Takes `frames` frames, `[channel][frame][bin]`, and measures the last.
    pub(super) fn take(&mut self, frames: usize, noisy: &[Complex32], clean: &[Complex32]) {
        let sound = 1..self.bins - 1;
        let scale = self.scale / self.channels as f32;
        let level = |spectra| scale * energy_of(spectra, frames, frames - 1, self.bins, sound.clone());
        (self.noisy, self.clean) = (level(noisy), level(clean));
    }

    /// The level of the noisy frame less that of the clean one, in dB, 0 to [`Config::MAX_LIMIT`].
    pub(super) fn reduction(&self) -> f32 {
        if self.noisy < NOTHING {
            return 0.0;
        }
        (10.0 * (self.noisy / self.clean).log10()).clamp(0.0, Config::MAX_LIMIT)
    }

    /// The level of the clean frame in dBFS.
    pub(super) fn speech_level(&self) -> f32 {
        10.0 * self.clean.log10()
    }
}
