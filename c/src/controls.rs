//! Controls that any thread may set while another one processes.

use aeden::{Denoiser, Listen};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32};

/// The controls as they were set last.
#[derive(Debug)]
pub struct Controls {
    /// In dB; infinite for no limit.
    strength: AtomicU32,
    mix: AtomicU32,
    /// In dB.
    gain: AtomicU32,
    removed: AtomicBool,
    bypass: AtomicBool,
    /// Whether one was set since they were applied.
    changed: AtomicBool,
}

/// A control that is a number.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    Strength,
    Mix,
    Gain,
}

/// A control that is on or off.
#[derive(Clone, Copy, Debug)]
pub enum Switch {
    Removed,
    Bypass,
}

impl Controls {
    /// Those of a new denoiser.
    pub fn new() -> Self {
        Self {
            strength: AtomicU32::new(f32::INFINITY.to_bits()),
            mix: AtomicU32::new(1f32.to_bits()),
            gain: AtomicU32::new(0f32.to_bits()),
            removed: AtomicBool::new(false),
            bypass: AtomicBool::new(false),
            changed: AtomicBool::new(false),
        }
    }

    pub fn set(&self, control: Number, value: f32) {
        let place = match control {
            Number::Strength => &self.strength,
            Number::Mix => &self.mix,
            Number::Gain => &self.gain,
        };
        place.store(value.to_bits(), Relaxed);
        self.changed.store(true, Release);
    }

    pub fn switch(&self, control: Switch, on: bool) {
        let place = match control {
            Switch::Removed => &self.removed,
            Switch::Bypass => &self.bypass,
        };
        place.store(on, Relaxed);
        self.changed.store(true, Release);
    }

    /// Passes them on, if any was set since the last call.
    pub fn apply(&self, denoiser: &mut Denoiser) {
        if !self.changed.swap(false, Acquire) {
            return;
        }
        let number = |place: &AtomicU32| f32::from_bits(place.load(Relaxed));
        denoiser.set_attenuation_limit(Some(number(&self.strength)).filter(|limit| limit.is_finite()));
        denoiser.set_mix(number(&self.mix));
        denoiser.set_output_gain(number(&self.gain));
        denoiser.set_listen(if self.removed.load(Relaxed) {
            Listen::Removed
        } else {
            Listen::Cleaned
        });
        denoiser.set_bypass(self.bypass.load(Relaxed));
    }
}
