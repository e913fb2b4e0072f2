//! Controls that any thread may set while another one processes.

use aeden::{BandLimits, Denoiser, Listen};
use std::array::from_fn;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::fence;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};

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
    bands: Bands,
    /// One was set since they were applied.
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
    /// The controls of a new denoiser.
    pub fn new() -> Self {
        Self {
            strength: AtomicU32::new(f32::INFINITY.to_bits()),
            mix: AtomicU32::new(1f32.to_bits()),
            gain: AtomicU32::new(0f32.to_bits()),
            removed: AtomicBool::new(false),
            bypass: AtomicBool::new(false),
            bands: Bands::default(),
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

    pub fn set_bands(&self, bands: &BandLimits) {
        self.bands.store(bands);
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
        match self.bands.load() {
            Some(bands) => denoiser.set_bands(bands),
            // They are being written: the next block takes them.
            None => self.changed.store(true, Relaxed),
        }
    }
}

/// Band limits, written by any thread and read without waiting: a number that is odd while they are written, and another one
/// afterwards.
#[derive(Debug, Default)]
struct Bands {
    written: AtomicU32,
    count: AtomicUsize,
    nodes: [[AtomicU32; 2]; BandLimits::MAX_NODES],
}

impl Bands {
    fn store(&self, bands: &BandLimits) {
        // One writer at a time: a second one waits for as long as twelve numbers take.
        let mut before = self.written.load(Relaxed);
        loop {
            let free = before & !1;
            match self
                .written
                .compare_exchange_weak(free, free + 1, Acquire, Relaxed)
            {
                Ok(_) => break,
                Err(now) => before = now,
            }
            std::hint::spin_loop();
        }
        fence(Release);
        for ([frequency, limit], node) in self.nodes.iter().zip(bands.nodes()) {
            frequency.store(node.0.to_bits(), Relaxed);
            limit.store(node.1.to_bits(), Relaxed);
        }
        self.count.store(bands.nodes().len(), Relaxed);
        self.written.fetch_add(1, Release);
    }

    /// The value written last; nothing while somebody writes.
    fn load(&self) -> Option<BandLimits> {
        let before = self.written.load(Acquire);
        let number = |place: &AtomicU32| f32::from_bits(place.load(Relaxed));
        let nodes: [(f32, f32); BandLimits::MAX_NODES] =
            from_fn(|node| (number(&self.nodes[node][0]), number(&self.nodes[node][1])));
        let count = self.count.load(Relaxed);
        fence(Acquire);
        let whole = before.is_multiple_of(2) && self.written.load(Relaxed) == before;
        nodes.get(..count).filter(|_| whole).and_then(BandLimits::checked)
    }
}
