//! Engines whose effect is known, and signals to feed them.
#![allow(dead_code, reason = "every test program uses some of these")]

use aeden::engine::Engine;
use aeden::spectrum::Framing;
use aeden::{Complex32, Config, Denoiser, Error};

/// What a [`Known`] engine does to a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// Nothing.
    Identity,
    /// Every bin times this.
    Gain(f32),
    /// 0 from the bin with this number on; else nothing.
    LowPass(usize),
    /// 0 from the frame with this number on; else nothing.
    SilentFrom(usize),
    /// A gain for every bin that depends on all frames so far and on the guide, so that a wrong order, a forgotten
    /// frame or another split shows.
    Memory,
    /// NaN in the frame with this number, counted from 0; else nothing.
    NanAt(usize),
    /// From the frame with this number on NaN, until it is reset.
    PoisonedAt(usize),
    /// The guide in place of every channel.
    Guide,
}

/// An engine with a known [`Effect`].
pub struct Known {
    pub framing: Framing,
    pub channels: usize,
    pub effect: Effect,
    pub max_frames: usize,
    frames: usize,
    poisoned: bool,
    memory: Vec<f32>,
}

impl Known {
    pub fn new(effect: Effect, channels: usize) -> Self {
        Self::with_framing(effect, channels, Framing::default())
    }

    pub fn with_framing(effect: Effect, channels: usize, framing: Framing) -> Self {
        let memory = vec![0.0; framing.bins()];
        Self {
            framing,
            channels,
            effect,
            max_frames: 7,
            frames: 0,
            poisoned: false,
            memory,
        }
    }
}

impl Engine for Known {
    fn framing(&self) -> &Framing {
        &self.framing
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        self.max_frames
    }

    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]) {
        let bins = self.framing.bins();
        let frames = guide.len() / bins;
        assert!(frames >= 1 && frames <= self.max_frames && spectra.len() == self.channels * guide.len());
        for f in 0..frames {
            let guide = &guide[f * bins..][..bins];
            match self.effect {
                Effect::NanAt(frame) => self.poisoned = self.frames == frame,
                Effect::PoisonedAt(frame) => self.poisoned |= self.frames == frame,
                Effect::Memory => {
                    for (memory, x) in self.memory.iter_mut().zip(guide) {
                        *memory = 0.9 * *memory + x.norm() / (1.0 + x.norm());
                    }
                }
                _ => {}
            }
            self.frames += 1;
            for c in 0..self.channels {
                for (k, x) in spectra[(c * frames + f) * bins..][..bins].iter_mut().enumerate() {
                    match self.effect {
                        Effect::Gain(gain) => *x *= gain,
                        Effect::LowPass(bin) if k >= bin => *x = Complex32::ZERO,
                        Effect::SilentFrom(frame) if self.frames > frame => *x = Complex32::ZERO,
                        Effect::Memory => *x *= 1.0 - 0.09 * self.memory[k],
                        Effect::Guide => *x = guide[k],
                        _ if self.poisoned => *x *= f32::NAN,
                        _ => {}
                    }
                }
            }
        }
    }

    fn reset(&mut self) {
        self.memory.fill(0.0);
        self.poisoned = false;
    }

    fn is_real_time(&self) -> bool {
        true
    }
}

/// The defaults, for such a recording.
pub fn config(sample_rate: u32, channels: usize) -> Config {
    Config::new(sample_rate, channels)
}

/// A denoiser around [`Known`] engines.
pub fn denoiser(config: &Config, effect: Effect) -> Denoiser {
    try_denoiser(config, effect).unwrap()
}

pub fn try_denoiser(config: &Config, effect: Effect) -> Result<Denoiser, Error> {
    Denoiser::with_engines(config, |channels| Ok(Box::new(Known::new(effect, channels))))
}

/// Numbers without pattern, the same in every run (xorshift64*).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    /// White noise of ±0.5.
    pub fn noise(&mut self, len: usize) -> Vec<f32> {
        (0..len)
            .map(|_| self.below(1 << 20) as f32 / (1 << 20) as f32 - 0.5)
            .collect()
    }

    pub fn channels(&mut self, channels: usize, len: usize) -> Vec<Vec<f32>> {
        (0..channels).map(|_| self.noise(len)).collect()
    }
}

/// Feeds `channels` in blocks of the lengths that `length` gives.
pub fn run(denoiser: &mut Denoiser, channels: &mut [Vec<f32>], mut length: impl FnMut() -> usize) {
    let end = channels[0].len();
    let mut start = 0;
    while start < end {
        let stop = end.min(start + length());
        let mut block: Vec<&mut [f32]> = channels.iter_mut().map(|c| &mut c[start..stop]).collect();
        denoiser.process(&mut block);
        start = stop;
    }
}

/// Feeds `channels` in one block.
pub fn run_at_once(denoiser: &mut Denoiser, channels: &mut [Vec<f32>]) {
    denoiser.process(&mut channels.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
}

/// Power of `a − b` relative to that of `b`, in dB.
pub fn difference_db(a: &[f32], b: &[f32]) -> f64 {
    let power = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>();
    let error = power(&mut a.iter().zip(b).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    10.0 * (error / power(&mut b.iter().map(|x| f64::from(*x)))).log10()
}
