//! A stream of samples, and the way from one model to another while it runs.

use crate::controls::Controls;
use crate::meter::Meter;
use aeden::{Config, Denoiser, Error, Model};

/// The most samples of a channel in a call.
pub(crate) const BLOCK: usize = 4096;

/// Seconds that a new denoiser hears beyond its latency before it is heard: by then it knows the noise a little.
const WARM: f64 = 0.5;

/// Seconds of the crossfade to it.
const FADE: f64 = 0.02;

pub(crate) struct Stream {
    rate: u32,
    controls: Controls,
    denoiser: Denoiser,
    /// The denoiser that takes its place. After that it is the former one, kept so that nothing is freed on the audio thread.
    other: Option<Denoiser>,
    /// Samples that the new one has heard; `None` where there is none.
    heard: Option<usize>,
    /// `[channel][sample]`, what the other one makes
    scratch: Vec<Vec<f32>>,
    input: Meter,
    output: Meter,
}

impl Stream {
    pub(crate) fn denoiser(model: &Model, rate: u32, channels: usize) -> Result<Denoiser, Error> {
        Denoiser::with_model(model, &Config::new(rate, channels))
    }

    pub(crate) fn new(denoiser: Denoiser, rate: u32) -> Stream {
        Stream {
            rate,
            controls: Controls::default(),
            scratch: vec![vec![0.0; BLOCK]; denoiser.channels()],
            denoiser,
            other: None,
            heard: None,
            input: Meter::default(),
            output: Meter::default(),
        }
    }

    pub(crate) fn fits(&self, rate: u32, channels: usize) -> bool {
        (self.rate, self.denoiser.channels()) == (rate, channels)
    }

    /// Puts another denoiser in place of this one, once it has heard enough.
    pub(crate) fn switch(&mut self, mut next: Denoiser) {
        set(&mut next, self.controls);
        next.reset(); // ends the fades of the controls
        self.other = Some(next);
        self.heard = Some(0);
    }

    pub(crate) fn latency(&self) -> usize {
        let next = self.other.as_ref().filter(|_| self.heard.is_some());
        next.unwrap_or(&self.denoiser).latency()
    }

    pub(crate) fn control(&mut self, change: impl FnOnce(&mut Controls)) {
        change(&mut self.controls);
        set(&mut self.denoiser, self.controls);
        if let Some(other) = &mut self.other {
            set(other, self.controls);
        }
    }

    pub(crate) fn reset(&mut self) {
        self.denoiser.reset();
        if let (Some(other), Some(heard)) = (&mut self.other, &mut self.heard) {
            other.reset();
            *heard = 0;
        }
    }

    /// Cleans the first samples of every channel, at most [`BLOCK`].
    pub(crate) fn process(&mut self, samples: &mut [Vec<f32>], frames: usize) {
        self.input.hear(samples, frames);
        match (&mut self.other, self.heard) {
            (Some(other), Some(heard)) => {
                for (copy, samples) in self.scratch.iter_mut().zip(&*samples) {
                    copy[..frames].copy_from_slice(&samples[..frames]);
                }
                process(other, &mut self.scratch, frames);
                process(&mut self.denoiser, samples, frames);
                let start = other.latency() as f64 + WARM * f64::from(self.rate);
                let length = FADE * f64::from(self.rate);
                let share = |frame: usize| (((heard + frame) as f64 - start) / length).clamp(0.0, 1.0) as f32;
                for (out, new) in samples.iter_mut().zip(&self.scratch) {
                    for (frame, (out, new)) in out[..frames].iter_mut().zip(new).enumerate() {
                        *out += share(frame) * (new - *out);
                    }
                }
                self.heard = Some(heard + frames);
                if (heard + frames) as f64 >= start + length {
                    std::mem::swap(other, &mut self.denoiser);
                    self.heard = None;
                }
            }
            _ => process(&mut self.denoiser, samples, frames),
        }
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

fn set(denoiser: &mut Denoiser, controls: Controls) {
    denoiser.set_attenuation_limit(controls.limit());
    denoiser.set_mix(controls.mix);
    denoiser.set_listen(controls.listen());
    denoiser.set_bypass(controls.bypass);
}

/// Cleans the first samples of every channel, of which a page has one or two and never more than aeden takes.
fn process(denoiser: &mut Denoiser, channels: &mut [Vec<f32>], frames: usize) {
    /// Slices lie on the stack, so that nothing is allocated.
    const MOST: usize = Config::MAX_CHANNELS;
    let mut slices: [&mut [f32]; MOST] = std::array::from_fn(|_| Default::default());
    let count = channels.len().min(MOST);
    for (slice, channel) in slices.iter_mut().zip(channels) {
        *slice = &mut channel[..frames];
    }
    denoiser.process(&mut slices[..count]);
}
