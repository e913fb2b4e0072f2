//! The network between patches and codes.

use super::log_powers::{FLOOR, View};
use super::standard::Standard;
use crate::error::Error;
use crate::kernels::{Activation, Instructions, Kernels, Matrix, Rows};
use crate::network::Kind;

/// Frames from patch to patch where a whole sound is described: half a patch of the models that ship.
const PATCH_STEP: usize = 8;
/// Patches that go through the network side by side.
const ROWS: usize = 32;

/// An autoencoder, read from a file and checked.
#[derive(Clone, Debug)]
pub struct Autoencoder {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) parameters: usize,
    pub(super) fingerprint: u64,
    pub(super) view: View,
    pub(super) code: usize,
    /// Of the log powers, `[band]`.
    pub(super) bands: Standard,
    pub(super) encoder: Vec<Matrix>,
    pub(super) decoder: Vec<Matrix>,
    /// What a patch of a whole sound counts for: its power to this exponent.
    pub(super) loudness: f32,
    /// Of the statistics of whole sounds, `[unit and statistic]`.
    pub(super) sounds: Option<Standard>,
    pub(super) kernels: Kernels,
}

impl Autoencoder {
    /// Runs the network in the kernels of another instruction set than the fastest.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where this processor does not have the instructions.
    pub fn with_instructions(mut self, instructions: Instructions) -> Result<Autoencoder, Error> {
        self.kernels = Kernels::new(instructions).ok_or_else(|| Error::no_instructions(instructions))?;
        Ok(self)
    }

    /// The name that the file gives itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of network.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of weights.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// A hash of the file, by which codes of different networks are told apart.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The view of sound: framing, bands, and frames of a patch.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Numbers in a patch.
    pub fn input(&self) -> usize {
        self.view.frames * self.bands.len()
    }

    /// Numbers in a code.
    pub fn code(&self) -> usize {
        self.code
    }

    /// Gives every band of log powers `[frame][band]` the mean 0 and the deviation 1 that it has in the training material.
    pub fn standardise(&self, powers: &mut [f32]) {
        self.bands.apply(powers);
    }

    /// Undoes [`standardise`](Autoencoder::standardise).
    pub fn restore(&self, powers: &mut [f32]) {
        self.bands.undo(powers);
    }

    /// Cuts standardised log powers into patches that begin every so many frames, one after another.
    pub fn patches(&self, powers: &[f32], every: usize) -> Vec<f32> {
        let (bands, input) = (self.bands.len(), self.input());
        let starts = (0..=powers.len().saturating_sub(input)).step_by(every * bands);
        starts
            .filter(|start| start + input <= powers.len())
            .flat_map(|start| &powers[start..start + input])
            .copied()
            .collect()
    }

    /// Encodes patches: `[patch][input]` → `[patch][code]`; a variational network gives the means.
    ///
    /// # Panics
    /// If `patches` are no whole number of patches.
    pub fn encode(&self, patches: &[f32]) -> Vec<f32> {
        let last = match self.kind {
            Kind::SparseL1 => Activation::Relu,
            _ => Activation::Linear,
        };
        let mut codes = self.run(&self.encoder, patches, self.input(), self.code, last);
        if matches!(self.kind, Kind::SparseKl | Kind::Contractive) {
            self.kernels.sigmoid(&mut codes);
        }
        codes
    }

    /// Decodes codes: `[patch][code]` → `[patch][input]`.
    ///
    /// # Panics
    /// If `codes` are no whole number of codes.
    pub fn decode(&self, codes: &[f32]) -> Vec<f32> {
        self.run(&self.decoder, codes, self.code, self.input(), Activation::Linear)
    }

    /// Describes a whole sound, at least a patch of standardised log powers, by two numbers a unit: mean and deviation over its
    /// patches, their roots where units are never negative, so that rare units count beside frequent ones; standardised
    /// over the sounds of the training material. Loud patches count more, if the model says so.
    ///
    /// # Panics
    /// If there is no patch.
    pub fn describe(&self, powers: &[f32]) -> Vec<f32> {
        let (mut sums, mut squares) = (vec![0.0f64; self.code], vec![0.0f64; self.code]);
        let every = PATCH_STEP * self.bands.len();
        let last = powers.len() - self.input();
        let mut all = 0.0;
        // A long recording piece by piece: codes are small, patches are not.
        for start in (0..=last).step_by(64 * every) {
            let end = (start + 63 * every).min(last) + self.input();
            let patches = self.patches(&powers[start..end], PATCH_STEP);
            let codes = self.encode(&patches);
            for (code, patch) in codes
                .chunks_exact(self.code)
                .zip(patches.chunks_exact(self.input()))
            {
                let weight = self.weight(patch);
                all += weight;
                for ((sum, square), &h) in sums.iter_mut().zip(&mut squares).zip(code) {
                    *sum += weight * f64::from(h);
                    *square += weight * f64::from(h) * f64::from(h);
                }
            }
        }
        let deviations = sums.iter().zip(&squares).map(|(sum, square)| {
            let mean = sum / all;
            (square / all - mean * mean).max(0.0).sqrt()
        });
        let mut found: Vec<f32> = sums
            .iter()
            .map(|sum| sum / all)
            .chain(deviations)
            .map(|x| x as f32)
            .collect();
        if matches!(self.kind, Kind::SparseL1 | Kind::SparseKl | Kind::Contractive) {
            found.iter_mut().for_each(|x| *x = x.sqrt());
        }
        if let Some(sounds) = &self.sounds {
            sounds.apply(&mut found);
        }
        found
    }

    /// What a patch of a sound counts for. Noise beside the sound, and silence after it, change loud patches least.
    fn weight(&self, patch: &[f32]) -> f64 {
        if self.loudness == 0.0 {
            return 1.0;
        }
        let mut powers = patch.to_vec();
        self.bands.undo(&mut powers);
        let power = powers.iter().map(|x| f64::from(x.exp())).sum::<f64>() / powers.len() as f64;
        (power.min(1e30) + f64::from(FLOOR)).powf(f64::from(self.loudness))
    }

    /// Runs layers over rows of inputs; `last` ends the last layer, ReLU the others.
    fn run(
        &self,
        layers: &[Matrix],
        from: &[f32],
        inputs: usize,
        outputs: usize,
        last: Activation,
    ) -> Vec<f32> {
        assert!(from.len().is_multiple_of(inputs), "whole rows");
        let mut out = Vec::with_capacity(from.len() / inputs * outputs);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for rows in from.chunks(ROWS * inputs) {
            x.clear();
            x.extend_from_slice(rows);
            let rows = rows.len() / inputs;
            for (i, layer) in layers.iter().enumerate() {
                let activation = if i + 1 < layers.len() {
                    Activation::Relu
                } else {
                    last
                };
                y.resize(rows * layer.padded_outputs(), 0.0);
                self.kernels
                    .affine_rows(layer, &x, Rows::of(layer, rows), activation, &mut y);
                std::mem::swap(&mut x, &mut y);
            }
            for row in x.chunks_exact(x.len() / rows) {
                out.extend_from_slice(&row[..outputs]);
            }
        }
        out
    }
}
