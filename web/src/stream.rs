//! A stream of samples.

use crate::controls::Controls;
use crate::meter::Meter;
use aeden::{Config, Denoiser, Error, Model};

/// The most samples of a channel in a call.
pub(crate) const BLOCK: usize = 4096;

pub(crate) struct Stream {
    controls: Controls,
    denoiser: Denoiser,
    input: Meter,
    output: Meter,
}

impl Stream {
    pub(crate) fn new(model: &Model, rate: u32, channels: usize) -> Result<Stream, Error> {
        Ok(Stream {
            controls: Controls::default(),
            denoiser: Denoiser::with_model(model, &Config::new(rate, channels))?,
            input: Meter::default(),
            output: Meter::default(),
        })
    }

    pub(crate) fn latency(&self) -> usize {
        self.denoiser.latency()
    }

    pub(crate) fn control(&mut self, change: impl FnOnce(&mut Controls)) {
        change(&mut self.controls);
        self.denoiser.set_attenuation_limit(self.controls.limit());
        self.denoiser.set_bands(self.controls.bands);
        self.denoiser.set_mix(self.controls.mix);
        self.denoiser.set_listen(self.controls.listen());
        self.denoiser.set_bypass(self.controls.bypass);
    }

    pub(crate) fn reset(&mut self) {
        self.denoiser.reset();
    }

    /// Cleans the first samples of every channel, at most [`BLOCK`]. Of channels a page has one or two and never more than
    /// aeden takes.
    pub(crate) fn process(&mut self, samples: &mut [Vec<f32>], frames: usize) {
        /// Slices lie on the stack, so that nothing is allocated.
        const MOST: usize = Config::MAX_CHANNELS;
        self.input.hear(samples, frames);
        let mut slices: [&mut [f32]; MOST] = std::array::from_fn(|_| Default::default());
        let count = samples.len().min(MOST);
        for (slice, channel) in slices.iter_mut().zip(&mut *samples) {
            *slice = &mut channel[..frames];
        }
        self.denoiser.process(&mut slices[..count]);
        self.output.hear(samples, frames);
    }

    /// A level since it was last asked for; `which` as for `aeden_meter`.
    pub(crate) fn meter(&mut self, which: usize) -> f32 {
        match which {
            0 => self.input.peak(),
            1 => self.output.peak(),
            2 => self.input.mean_square(),
            _ => self.output.mean_square(),
        }
    }
}
