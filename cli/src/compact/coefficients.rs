//! The fine structure of sound: coefficients of a cosine transform, quantised in steps that follow the envelope.
//!
//! The envelope says how large a coefficient is likely to be; how many steps that is, in classes of 3 dB, and the
//! sizes of its neighbours in frequency and time choose the probabilities. So bits go where the envelope is not sure.

use super::entropy::{Adaptive, Bits};

/// Classes of expected size, 3 dB each, from 2^-3 of a step on; smaller coefficients are not stored.
const CLASSES: usize = 20;
const LOWEST: f32 = -6.0;
/// Classes of the neighbours' sizes.
const NEIGHBOURS: usize = 8;
/// Decisions with probabilities of their own for a size.
const SIZES: usize = 14;
/// By how much the step follows the envelope: 0, the same noise everywhere; 1, the same signal-to-noise ratio.
const FOLLOWING: f32 = 0.55;
/// Coefficients up to so many steps become 0.
const DEAD_ZONE: f32 = 0.62;
/// How loud noise takes the place of zeros, of what the envelope expects and of a step.
const NOISE: [f32; 2] = [0.6, 0.22];

/// What has been learnt from the coefficients so far; the same when writing and reading.
#[derive(Clone)]
pub struct Coder {
    models: Vec<[Adaptive; SIZES]>,
    /// Sizes in the last frame, by channel.
    last: Vec<Vec<u8>>,
}

/// The step for an expected size, both as natural logarithms; `coarseness` of the recording.
pub fn step(expected: f32, coarseness: f32) -> f32 {
    coarseness + FOLLOWING * expected
}

impl Coder {
    /// For a new recording.
    pub fn new(channels: usize, coefficients: usize) -> Coder {
        Coder {
            models: vec![[Adaptive::default(); SIZES]; CLASSES * NEIGHBOURS],
            last: vec![vec![0; coefficients + 2]; channels],
        }
    }

    /// Writes or reads the integers of a frame of a channel. `steps`: how many steps large a coefficient is expected
    /// to be, as a natural logarithm.
    pub fn frame(&mut self, bits: &mut impl Bits, channel: usize, steps: &[f32], values: &mut [i32]) {
        let last = &mut self.last[channel];
        let mut sizes = vec![0u8; last.len()];
        let (mut one, mut two) = (0u32, 0u32);
        for (k, (value, &steps)) in values.iter_mut().zip(steps).enumerate() {
            // Halves of powers of two of the size: 3 dB.
            let class = steps * (2.0 / std::f32::consts::LN_2) - LOWEST;
            if class < 0.0 {
                (*value, two, one) = (0, one, 0);
                continue;
            }
            let before = |i: usize| u32::from(last[i]);
            let around = 2 * one + two + before(k) + 2 * before(k + 1) + before(k + 2);
            let near = match around {
                0..=3 => around,
                4..=5 => 4,
                6..=8 => 5,
                9..=14 => 6,
                _ => 7,
            };
            let context = (class as usize).min(CLASSES - 1) * NEIGHBOURS + near as usize;
            *value = bits.signed(&mut self.models[context], *value);
            let size = value.unsigned_abs().min(100);
            sizes[k + 1] = size as u8;
            (two, one) = (one, size);
        }
        *last = sizes;
    }
}

/// The integer for a coefficient, of which a step is so large.
pub fn quantised(x: f32, step: f32) -> i32 {
    let size = (x.abs() / step + 1.0 - DEAD_ZONE).floor().min(1e6);
    (size * x.signum()) as i32
}

/// The coefficient for an integer; noise for zeros, as loud as what they stand for usually is. `expected`: its size.
pub fn restored(value: i32, step: f32, expected: f32, noise: f32) -> f32 {
    match value {
        0 => noise * (NOISE[0] * expected).min(NOISE[1] * step),
        value => value as f32 * step,
    }
}
