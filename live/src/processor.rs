//! What sound goes through on its way: a denoiser with settings that may change, or whatever its owner has built.

use aeden::{Config, Denoiser};
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// Cleans blocks as they come. Neither allocates nor waits in [`process`](Self::process), which a thread calls that sound waits for.
pub trait Processor: Send + Debug {
    /// Channels of what it cleans.
    fn channels(&self) -> usize;

    /// Its delay in frames.
    fn latency(&self) -> usize;

    /// Cleans a block in place: a slice a channel, all of one length of at most [`BLOCK`](crate::audio::BLOCK) frames.
    fn process(&mut self, planes: &mut [&mut [f32]]);
}

/// Settings that may change while sound flows.
#[derive(Debug)]
pub struct Controls {
    bypass: AtomicBool,
    /// Bits of an `f32`; NaN for none.
    limit: AtomicU32,
    mix: AtomicU32,
    /// Raised by every change, so that the worker looks.
    changes: AtomicU32,
}

impl Controls {
    /// Starts with what a denoiser is configured with.
    pub fn new(config: &Config) -> Self {
        Controls {
            bypass: AtomicBool::new(config.bypass),
            limit: AtomicU32::new(config.attenuation_limit.unwrap_or(f32::NAN).to_bits()),
            mix: AtomicU32::new(config.mix.to_bits()),
            changes: AtomicU32::new(1),
        }
    }

    /// Lets sound pass untouched, or not.
    pub fn set_bypass(&self, bypass: bool) {
        self.bypass.store(bypass, Relaxed);
        self.changes.fetch_add(1, Relaxed);
    }

    /// Tells whether sound passes untouched.
    pub fn bypass(&self) -> bool {
        self.bypass.load(Relaxed)
    }

    /// Sets the most that anything is attenuated, in dB; `None` for no limit.
    pub fn set_limit(&self, limit: Option<f32>) {
        self.limit.store(limit.unwrap_or(f32::NAN).to_bits(), Relaxed);
        self.changes.fetch_add(1, Relaxed);
    }

    /// The most that anything is attenuated, in dB.
    pub fn limit(&self) -> Option<f32> {
        Some(f32::from_bits(self.limit.load(Relaxed))).filter(|limit| !limit.is_nan())
    }

    /// Sets the share of the cleaned sound, 0 to 1.
    pub fn set_mix(&self, mix: f32) {
        self.mix.store(mix.to_bits(), Relaxed);
        self.changes.fetch_add(1, Relaxed);
    }

    /// The share of the cleaned sound.
    pub fn mix(&self) -> f32 {
        f32::from_bits(self.mix.load(Relaxed))
    }
}

/// A denoiser that does what its controls say.
#[derive(Debug)]
pub(crate) struct Controlled {
    denoiser: Denoiser,
    controls: Arc<Controls>,
    seen_changes: u32,
}

impl Controlled {
    pub(crate) fn new(denoiser: Denoiser, controls: Arc<Controls>) -> Self {
        Self {
            denoiser,
            controls,
            seen_changes: 0,
        }
    }
}

impl Processor for Controlled {
    fn channels(&self) -> usize {
        self.denoiser.channels()
    }

    fn latency(&self) -> usize {
        self.denoiser.latency()
    }

    fn process(&mut self, planes: &mut [&mut [f32]]) {
        let changes = self.controls.changes.load(Relaxed);
        if changes != self.seen_changes {
            self.seen_changes = changes;
            self.denoiser.set_bypass(self.controls.bypass());
            self.denoiser.set_attenuation_limit(self.controls.limit());
            self.denoiser.set_mix(self.controls.mix());
        }
        self.denoiser.process(planes);
    }
}
