//! The fine structure of sound: coefficients of a cosine transform, quantised in steps that follow the envelope.
//!
//! The envelope says how large a coefficient is likely to be; how many steps that is, in classes of 3 dB, its place, and the
//! sizes of its neighbours in frequency and time are contexts of its probabilities. So bits go where the envelope is not
//! sure.
//!
//! How steps follow the envelope was chosen by PESQ on voices that are not among those that are scored; so were the other
//! constants.

use super::entropy::{Bits, Numbers, rough};

/// A decibel, as a natural logarithm of sizes.
pub const DECIBEL: f32 = std::f32::consts::LN_10 / 20.0;

/// Classes of expected size, 3 dB each, from 2^-4 of a step on; smaller coefficients are not stored.
const CLASSES: usize = 22;
const LOWEST: f32 = -8.0;
/// Classes of the neighbours' sizes.
const NEIGHBOURS: usize = 8;
/// By how much the step follows the level of a frame, and a band's level in it: 0, the same noise everywhere; 1, the same
/// signal-to-noise ratio.
const FOLLOWING: [f32; 2] = [0.5, 0.45];
/// The level of a frame is a mean over frequencies up to this, in Hz.
const HEARD: f32 = 8000.0;
/// How much finer (negative) or coarser steps are at frequencies, in Hz and dB; straight lines between.
const FINER: [(f32, f32); 6] = [
    (250.0, -5.0),
    (500.0, -1.0),
    (1000.0, -2.0),
    (2000.0, 0.0),
    (4000.0, 3.0),
    (8000.0, 2.0),
];
/// Coefficients up to so many steps become 0, and from a whole number of steps on, so many more stay there.
const DEAD_ZONE: [f32; 2] = [0.66, 0.56];
/// By how many steps what is decoded is nearer to zero than the middle of what it stands for.
const NEARER: f32 = 0.03;
/// How loud noise takes the place of zeros at most: of what the envelope expects, and of a step, beside others than zeros and
/// among zeros.
const NOISE: [f32; 3] = [0.6, 0.12, 0.2];

/// How steps follow expected sizes.
pub struct Steps {
    /// Of each coefficient in the level of a frame.
    shares: Vec<f32>,
    /// By how much each step is larger, as a natural logarithm.
    larger: Vec<f32>,
}

impl Steps {
    /// For so many coefficients up to half the rate.
    pub fn new(coefficients: usize, rate: f32) -> Steps {
        let hertz = |k: usize| (k as f32 + 0.5) * rate / 2.0 / coefficients as f32;
        // As on a logarithmic scale of frequency, from 500 Hz on.
        let weight = |k| {
            if hertz(k) < HEARD {
                1.0 / (hertz(k) + 500.0)
            } else {
                0.0
            }
        };
        let sum: f32 = (0..coefficients).map(weight).sum();
        let larger = |k| {
            let above = FINER.iter().position(|(f, _)| *f > hertz(k));
            let decibels = match above {
                Some(0) => FINER[0].1,
                Some(i) => {
                    let ((f, a), (g, b)) = (FINER[i - 1], FINER[i]);
                    a + (b - a) * (hertz(k) - f) / (g - f)
                }
                None => FINER[FINER.len() - 1].1,
            };
            decibels * DECIBEL
        };
        Steps {
            shares: (0..coefficients).map(|k| weight(k) / sum).collect(),
            larger: (0..coefficients).map(larger).collect(),
        }
    }

    /// How many steps large each coefficient of a frame is expected to be. Natural logarithms, of the coarseness of the
    /// recording too.
    pub fn within(&self, expected: &[f32], coarseness: f32, steps: &mut [f32]) {
        let level: f32 = self.shares.iter().zip(expected).map(|(share, e)| share * e).sum();
        for ((steps, e), larger) in steps.iter_mut().zip(expected).zip(&self.larger) {
            *steps = e - (coarseness + FOLLOWING[0] * level + FOLLOWING[1] * (e - level) + larger);
        }
    }
}

/// What has been learnt from the coefficients so far; the same when writing and reading.
pub struct Coder {
    numbers: Numbers<4>,
    /// Sizes in the last frame and in that before, by channel, with two zeros at either end.
    last: Vec<[Vec<u8>; 2]>,
}

impl Coder {
    /// For a new recording.
    pub fn new(channels: usize, coefficients: usize) -> Coder {
        let none = vec![0; coefficients + 4];
        Coder {
            numbers: Numbers::new([CLASSES * NEIGHBOURS, CLASSES * 24, CLASSES * 32, 256 * 3]),
            last: vec![[none.clone(), none]; channels],
        }
    }

    /// Writes or reads the integers of a frame of a channel. `steps`: how many steps large a coefficient is expected
    /// to be, as a natural logarithm.
    pub fn frame(&mut self, bits: &mut impl Bits, channel: usize, steps: &[f32], values: &mut [i32]) {
        let [last, older] = &mut self.last[channel];
        let mut sizes = vec![0u8; last.len()];
        let (mut one, mut two, mut three) = (0u32, 0u32, 0u32);
        for (k, (value, &steps)) in values.iter_mut().zip(steps).enumerate() {
            // Halves of powers of two of the size: 3 dB.
            let class = steps * (2.0 / std::f32::consts::LN_2) - LOWEST;
            if class < 0.0 {
                (*value, three, two, one) = (0, two, one, 0);
                continue;
            }
            let class = (class as usize).min(CLASSES - 1);
            let [b, c, d, e, f] = [0, 1, 2, 3, 4].map(|i| u32::from(last[k + i]));
            let [h, i, j] = [1, 2, 3].map(|i| u32::from(older[k + i]));
            let near = match 2 * one + two + c + 2 * d + e {
                around @ 0..=3 => around,
                4..=5 => 4,
                6..=8 => 5,
                9..=14 => 6,
                _ => 7,
            };
            let wide = 2 * (2 * one + two + three + c + 2 * d + e) + b + f + h + 2 * i + j;
            let few = [one, two, d, c.max(e)]
                .iter()
                .fold(0, |few, x| 4 * few + x.min(&3));
            let contexts = [
                class * NEIGHBOURS + near as usize,
                class * 24 + rough(wide).min(23),
                class * 32 + rough(k as u32).min(31),
                few as usize * 3 + i.min(2) as usize,
            ];
            *value = self.numbers.signed(bits, contexts, *value);
            let size = value.unsigned_abs().min(100);
            sizes[k + 2] = size as u8;
            (three, two, one) = (two, one, size);
        }
        *older = std::mem::replace(last, sizes);
    }
}

/// The integer for a coefficient, of which a step is so large.
pub fn quantised(x: f32, step: f32) -> i32 {
    let size = x.abs() / step;
    let zone = DEAD_ZONE[usize::from(size >= 1.0)];
    ((size + 1.0 - zone).floor().min(1e6) * x.signum()) as i32
}

/// The coefficient for an integer of a frame; noise for zeros, as loud as what they stand for usually is. `expected`: its
/// size.
pub fn restored(values: &[i32], k: usize, step: f32, expected: f32, noise: f32) -> f32 {
    match values[k] {
        0 => {
            let around = &values[k.saturating_sub(2)..(k + 3).min(values.len())];
            let most = NOISE[if around.iter().all(|v| *v == 0) { 2 } else { 1 }];
            noise * (NOISE[0] * expected).min(most * step)
        }
        value => (value as f32 - NEARER * value.signum() as f32) * step,
    }
}
