//! A sound as one short vector, and how alike two are.

use aeden::autoencoder::Autoencoder;

/// Frames from patch to patch: half a patch of the models that ship.
const EVERY: usize = 8;

/// Mean and deviation of every unit of the code over the sound, in steps of 1/127 of the largest: bytes of `i8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector(pub Vec<u8>);

impl Vector {
    /// Of standardised log powers.
    pub fn of(model: &Autoencoder, powers: &[f32]) -> Vector {
        let code = model.code();
        let (mut sums, mut squares) = (vec![0.0f64; code], vec![0.0f64; code]);
        let every = EVERY * model.view().bands();
        // A long recording piece by piece: codes are small, patches are not.
        let mut count = 0;
        let last = powers.len() - model.input();
        for start in (0..=last).step_by(64 * every) {
            let end = (start + 63 * every).min(last) + model.input();
            let codes = model.encode(&model.patches(&powers[start..end], EVERY));
            for patch in codes.chunks_exact(code) {
                count += 1;
                for ((sum, square), &h) in sums.iter_mut().zip(&mut squares).zip(patch) {
                    *sum += f64::from(h);
                    *square += f64::from(h) * f64::from(h);
                }
            }
        }
        let n = f64::from(count);
        let deviations = sums.iter().zip(&squares).map(|(sum, square)| {
            let mean = sum / n;
            (square / n - mean * mean).max(0.0).sqrt()
        });
        let values: Vec<f64> = sums.iter().map(|sum| sum / n).chain(deviations).collect();
        let largest = values.iter().fold(1e-9f64, |m, v| m.max(v.abs()));
        Vector(
            values
                .iter()
                .map(|v| (v / largest * 127.0).round() as i8 as u8)
                .collect(),
        )
    }

    /// The cosine of the angle to another one: 1 for alike.
    pub fn likeness(&self, other: &[u8]) -> f32 {
        // Plain sums of integers, which the compiler puts side by side.
        let dot = |a: &[u8], b: &[u8]| -> i32 {
            let products = a
                .iter()
                .zip(b)
                .map(|(&x, &y)| i32::from(x as i8) * i32::from(y as i8));
            products.sum()
        };
        let size = (dot(&self.0, &self.0) as f32 * dot(other, other) as f32).sqrt();
        if size == 0.0 {
            0.0
        } else {
            dot(&self.0, other) as f32 / size
        }
    }
}
