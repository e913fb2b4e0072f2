//! The level of each band over time: codes of the undercomplete autoencoder, rounded to whole numbers.

use crate::Error;
use aeden::Instructions;
use aeden::autoencoder::Autoencoder;

/// An autoencoder that gives the same numbers on every machine: reading needs the very numbers of writing.
#[derive(Clone, Debug)]
pub struct Envelopes {
    model: Autoencoder,
    /// The frequency of each band, in bins of the model's.
    centres: Vec<usize>,
}

impl Envelopes {
    /// `model` without functions that machines compute differently.
    pub fn new(model: Autoencoder) -> Result<Envelopes, Error> {
        let view = model.view();
        Ok(Envelopes {
            centres: view.division().centres().to_vec(),
            model: model.with_instructions(Instructions::Portable)?,
        })
    }

    /// The autoencoder.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// Numbers in a code.
    pub fn code(&self) -> usize {
        self.model.code()
    }

    /// Rounded codes of patches of `frames` frames side by side, for so many of them: what is missing at the end is as
    /// the last frame. `powers` are standardised.
    pub fn encode(&self, powers: &[f32], patches: usize) -> Vec<i32> {
        let bands = self.centres.len();
        let mut powers = powers.to_vec();
        let last = powers[powers.len() - bands..].to_vec();
        let wanted = patches * self.model.input();
        while powers.len() < wanted {
            powers.extend_from_slice(&last);
        }
        let codes = self.model.encode(&powers[..wanted]);
        codes.iter().map(|c| c.round().clamp(-1e6, 1e6) as i32).collect()
    }

    /// Relative log powers `[frame][band]` of rounded codes.
    pub fn decode(&self, codes: &[i32]) -> Vec<f32> {
        let codes: Vec<f32> = codes.iter().map(|&c| c as f32).collect();
        let mut powers = self.model.decode(&codes);
        self.model.restore(&mut powers);
        // Whatever a model of somebody's says: nothing that is no number, or beyond reason.
        powers.iter_mut().for_each(|p| {
            *p = if p.is_finite() {
                p.clamp(-40.0, 40.0)
            } else {
                -40.0
            }
        });
        powers
    }

    /// The mean of frames in a row, with such shares, at so many places, which lie `spacing` bins apart: straight lines
    /// between bands.
    pub fn spread(&self, frames: &[f32], shares: &[f32], spacing: f32, places: &mut [f32]) {
        let bands = self.centres.len();
        let frames = || frames.chunks_exact(bands).zip(shares);
        let sum: f32 = frames().map(|(_, share)| share).sum();
        let mean: Vec<f32> = (0..bands)
            .map(|band| frames().map(|(f, share)| f[band] * share).sum::<f32>() / sum)
            .collect();
        let mut band = 0;
        for (k, place) in places.iter_mut().enumerate() {
            let bin = (k as f32 + 0.5) * spacing;
            while band + 2 < bands && self.centres[band + 1] as f32 <= bin {
                band += 1;
            }
            let (low, high) = (self.centres[band] as f32, self.centres[band + 1] as f32);
            let share = ((bin - low) / (high - low)).clamp(0.0, 1.0);
            *place = mean[band] + share * (mean[band + 1] - mean[band]);
        }
    }
}
