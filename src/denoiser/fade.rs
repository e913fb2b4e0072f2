//! Controls, and the fades from one setting to the next.

use super::band_limits::BandLimits;
use super::config::{Config, Listen};
use super::levels::{HUGE, flushed};
use crate::kernels::Kernels;

/// Seconds that a change of a control takes.
pub(super) const FADE_SECONDS: f64 = 0.010;

/// The controls as the user has set them.
#[derive(Debug)]
pub(super) struct Controls {
    pub(super) attenuation_limit: Option<f32>,
    pub(super) bands: BandLimits,
    pub(super) mix: f32,
    pub(super) listen: Listen,
    pub(super) output_gain: f32,
    pub(super) bypass: bool,
}

impl Controls {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            attenuation_limit: config.attenuation_limit,
            bands: config.bands,
            mix: config.mix,
            listen: config.listen,
            output_gain: config.output_gain,
            bypass: config.bypass,
        }
    }

    /// The shares that all controls together ask for.
    pub(super) fn shares(&self) -> Shares {
        if self.bypass {
            return Shares::UNTOUCHED;
        }
        let kept = if self.bands.leave_untouched() {
            1.0
        } else {
            self.attenuation_limit.map_or(0.0, amplitude_below)
        };
        let cleaned = self.mix * (1.0 - kept);
        // Without a gain exactly 1, so that the shares of an untouched sound stay exact too.
        let gain = amplitude_below(-self.output_gain);
        match self.listen {
            Listen::Cleaned => Shares {
                wet: gain * cleaned,
                dry: gain * (1.0 - cleaned),
            },
            Listen::Removed => Shares {
                wet: -gain * cleaned,
                dry: gain * cleaned,
            },
        }
    }
}

/// The amplitude that lies so many dB below 1.
pub(super) fn amplitude_below(decibels: f32) -> f32 {
    10f32.powf(-decibels / 20.0)
}

/// The shares of the cleaned and of the untouched sound in the output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shares {
    wet: f32,
    dry: f32,
}

impl Shares {
    const UNTOUCHED: Shares = Shares { wet: 0.0, dry: 1.0 };
    const CLEANED: Shares = Shares { wet: 1.0, dry: 0.0 };

    #[inline(always)]
    fn blend(self, dry: f32, wet: f32) -> f32 {
        // Not `wet * 0 + dry`, which would lose the sign of a zero.
        if self == Shares::UNTOUCHED {
            return dry;
        }
        let wet = wet.clamp(-HUGE, HUGE);
        if self == Shares::CLEANED {
            return flushed(wet);
        }
        let dry = if dry.abs() <= HUGE { dry } else { 0.0 };
        flushed(wet * self.wet + dry * self.dry)
    }
}

/// Shares that go to where they are told in a straight line over `length` samples.
#[derive(Debug)]
pub(super) struct Fade {
    from: Shares,
    to: Shares,
    /// Samples since it was told.
    done: usize,
    length: usize,
}

impl Fade {
    pub(super) fn new(shares: Shares, length: usize) -> Self {
        Self {
            from: shares,
            to: shares,
            done: length,
            length,
        }
    }

    pub(super) fn go_to(&mut self, to: Shares) {
        if to != self.to {
            (self.from, self.to, self.done) = (self.at(0), to, 0);
        }
    }

    /// Replaces `dry` by the blend of it and `wet`, from now on.
    pub(super) fn blend(&self, kernels: Kernels, dry: &mut [f32], wet: &[f32]) {
        let fading = (self.length - self.done).min(dry.len());
        let (dry_now, dry) = dry.split_at_mut(fading);
        let (wet_now, wet) = wet.split_at(fading);
        for (i, (dry, wet)) in dry_now.iter_mut().zip(wet_now).enumerate() {
            *dry = self.at(i).blend(*dry, *wet);
        }
        let shares = self.to;
        if shares != Shares::UNTOUCHED {
            kernels.compiled(
                #[inline(always)]
                || {
                    for (dry, wet) in dry.iter_mut().zip(wet) {
                        *dry = shares.blend(*dry, *wet);
                    }
                },
            );
        }
    }

    /// The shares `i` samples from now; they depend on the sample alone, not on how far it was advanced at once.
    fn at(&self, i: usize) -> Shares {
        let done = self.done + i;
        if done >= self.length {
            return self.to;
        }
        let part = done as f32 / self.length as f32;
        Shares {
            wet: between((self.from.wet, self.to.wet), part),
            dry: between((self.from.dry, self.to.dry), part),
        }
    }

    pub(super) fn advance(&mut self, samples: usize) {
        self.done = self.length.min(self.done + samples);
    }

    pub(super) fn finish(&mut self) {
        self.done = self.length;
    }
}

/// The number between two, at a part of the way.
pub(super) fn between((from, to): (f32, f32), part: f32) -> f32 {
    from + (to - from) * part
}
