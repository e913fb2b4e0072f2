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
    /// Noisy frames of which the clean ones come later, a ring, and the oldest in it.
    waiting: Vec<f32>,
    oldest: usize,
}

impl Meter {
    /// Clean frames come `late` frames after the noisy ones.
    pub(super) fn new(framing: &Framing, channels: usize, late: usize) -> Self {
        let window = framing.window;
        let taper: f64 = (0..window).map(|n| framing.shape.at(n, window).powi(2)).sum();
        Self {
            channels,
            bins: framing.bins(),
            // Parseval: every bin stands for its mirror image too.
            scale: (2.0 / (window as f64 * taper)) as f32,
            noisy: 0.0,
            clean: 0.0,
            waiting: vec![0.0; late],
            oldest: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        (self.noisy, self.clean) = (0.0, 0.0);
        self.waiting.fill(0.0);
    }

    /// Takes `frames` frames, `[channel][frame][bin]`, and measures the last.
    pub(super) fn take(&mut self, frames: usize, noisy: &[Complex32], clean: &[Complex32]) {
        let sound = 1..self.bins - 1;
        let scale = self.scale / self.channels as f32;
        let bins = self.bins;
        let level = |spectra, frame| scale * energy_of(spectra, frames, frame, bins, sound.clone());
        self.clean = level(clean, frames - 1);
        if self.waiting.is_empty() {
            self.noisy = level(noisy, frames - 1);
            return;
        }
        for frame in 0..frames {
            self.noisy = std::mem::replace(&mut self.waiting[self.oldest], level(noisy, frame));
            self.oldest = (self.oldest + 1) % self.waiting.len();
        }
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
