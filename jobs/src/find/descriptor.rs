//! A sound as one short vector, and how alike two are.

use aeden::autoencoder::Autoencoder;

/// What a network says of a whole sound (`Autoencoder::describe`): a number for each unit's mean and one for its deviation,
/// in steps of 1/127 of the largest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Fingerprint of the network.
    model: u64,
    values: Vec<i8>,
}

impl Descriptor {
    /// Of standardised log powers `[frame][band]`, a patch at least.
    pub(super) fn of(model: &Autoencoder, powers: &[f32]) -> Descriptor {
        let values = model.describe(powers);
        let largest = values.iter().fold(1e-9f32, |m, v| m.max(v.abs()));
        Descriptor {
            model: model.fingerprint(),
            values: values
                .iter()
                .map(|v| (v / largest * 127.0).round() as i8)
                .collect(),
        }
    }

    /// One whose numbers were kept elsewhere: what [`model`](Descriptor::model) and [`values`](Descriptor::values) said.
    pub fn restore(model: u64, values: Vec<i8>) -> Descriptor {
        Descriptor { model, values }
    }

    /// The numbers, -127 to 127: twice as many as the network's code has.
    pub fn values(&self) -> &[i8] {
        &self.values
    }

    /// Fingerprint of the network that it comes from. Only descriptors of one network can be compared.
    pub fn model(&self) -> u64 {
        self.model
    }

    /// The cosine of the angle to another one, -1 to 1: 1 for sounds that are alike.
    pub fn similarity(&self, other: &Descriptor) -> f32 {
        cosine(&self.values, other.values.iter().map(|&x| x as u8))
    }

    /// The same to stored numbers.
    pub(super) fn similarity_to(&self, stored: &[u8]) -> f32 {
        cosine(&self.values, stored.iter().copied())
    }

    /// The numbers as they are stored.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.values.iter().map(|&x| x as u8).collect()
    }
}

fn cosine(a: &[i8], b: impl Iterator<Item = u8> + Clone) -> f32 {
    // Plain sums of integers, which the compiler puts side by side.
    let dot: i32 = a
        .iter()
        .zip(b.clone())
        .map(|(&x, y)| i32::from(x) * i32::from(y as i8))
        .sum();
    let own: i32 = a.iter().map(|&x| i32::from(x) * i32::from(x)).sum();
    let other: i32 = b.map(|y| i32::from(y as i8) * i32::from(y as i8)).sum();
    let size = (own as f32 * other as f32).sqrt();
    if size == 0.0 { 0.0 } else { dot as f32 / size }
}
