//! The controls of streams and recordings.

use aeden::presets::UNLIMITED;
use aeden::{BandLimits, Config, Listen};

/// The controls as they stand.
#[derive(Clone, Copy)]
pub(crate) struct Controls {
    /// The most that the level is lowered, in dB; from [`UNLIMITED`] on there is no limit.
    pub(crate) strength: f32,
    /// The most that the level is lowered along frequency.
    pub(crate) bands: BandLimits,
    /// The share of the cleaned sound.
    pub(crate) mix: f32,
    /// What is removed is given, not the cleaned sound.
    pub(crate) removed: bool,
    /// The input passes.
    pub(crate) bypass: bool,
}

impl Default for Controls {
    /// Everything that is noise goes.
    fn default() -> Controls {
        Controls {
            strength: UNLIMITED,
            bands: BandLimits::default(),
            mix: Config::DEFAULT_MIX,
            removed: false,
            bypass: false,
        }
    }
}

impl Controls {
    pub(crate) fn limit(&self) -> Option<f32> {
        (self.strength < UNLIMITED).then_some(self.strength)
    }

    pub(crate) fn listen(&self) -> Listen {
        if self.removed {
            Listen::Removed
        } else {
            Listen::Cleaned
        }
    }
}
