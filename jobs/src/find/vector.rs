//! A sound as one short vector, and how alike two are.

use aeden::autoencoder::Autoencoder;

/// What the network says of a whole sound ([`Autoencoder::describe`]), in steps of 1/127 of the largest: bytes of `i8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector(pub Vec<u8>);

impl Vector {
    /// Of standardised log powers.
    pub fn of(model: &Autoencoder, powers: &[f32]) -> Vector {
        let values = model.describe(powers);
        let largest = values.iter().fold(1e-9f32, |m, v| m.max(v.abs()));
        let byte = |v: &f32| (v / largest * 127.0).round() as i8 as u8;
        Vector(values.iter().map(byte).collect())
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
