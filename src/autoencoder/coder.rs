//! The network between patches and codes.

use super::log_powers::View;
use crate::error::Error;
use crate::kernels::{Instructions, Kernels, Matrix, PANEL};
use crate::network::{Kind, MAX_WEIGHTS, Tensors, read_file};
use crate::spectrum::{Framing, WindowShape};
use serde::Deserialize;
use std::path::Path;

/// Frames from patch to patch where a whole sound is described: half a patch of the models that ship.
const PATCH_STEP: usize = 8;
/// Patches that go through the network side by side.
const ROWS: usize = 32;

/// The activation function of a layer.
#[derive(Clone, Copy, PartialEq)]
enum Activation {
    Linear,
    Relu,
    Sigmoid,
}

/// The activation function that ends the encoder.
fn code_activation(kind: Kind) -> Activation {
    match kind {
        Kind::SparseL1 => Activation::Relu,
        Kind::SparseKl | Kind::Contractive => Activation::Sigmoid,
        _ => Activation::Linear,
    }
}

/// The fields of `Settings` in `models/recipe/family.py`.
#[derive(Deserialize)]
struct Layout {
    code: usize,
    nodes: Vec<usize>,
    frames: usize,
    rate: u32,
    window: usize,
    hop: usize,
    band_steps: Vec<(usize, usize)>,
}

/// An autoencoder, read from a file and checked.
#[derive(Clone, Debug)]
pub struct Autoencoder {
    name: String,
    kind: Kind,
    parameters: usize,
    fingerprint: u64,
    view: View,
    code: usize,
    /// `[band]`
    mean: Vec<f32>,
    deviation: Vec<f32>,
    encoder: Vec<Matrix>,
    decoder: Vec<Matrix>,
    /// Mean and deviation of the statistics of whole sounds, over the training material.
    sounds: Option<(Vec<f32>, Vec<f32>)>,
    kernels: Kernels,
}

impl Autoencoder {
    /// Reads a model from a file.
    ///
    /// # Errors
    /// As [`Model::open`](crate::Model::open); [`Error::Unsupported`] for a denoiser.
    pub fn open(path: impl AsRef<Path>) -> Result<Autoencoder, Error> {
        read_file(path.as_ref(), Autoencoder::from_bytes)
    }

    /// Reads a model from the contents of a file.
    ///
    /// # Errors
    /// As [`Model::from_bytes`](crate::Model::from_bytes); [`Error::Unsupported`] for a denoiser.
    pub fn from_bytes(bytes: &[u8]) -> Result<Autoencoder, Error> {
        let (description, tensors) = Tensors::read(bytes)?;
        if description.kind == Kind::Denoising {
            return Err(Error::Unsupported(
                "model: its kind is \"denoising\"; this takes undercomplete, sparse-l1, sparse-kl, contractive, \
                 denoising-l1, denoising-l2 or variational"
                    .into(),
            ));
        }
        let kind = description.kind;
        let settings: Layout = serde_json::from_value(description.settings)
            .map_err(|e| Error::damaged("metadata `aeden`: settings", e))?;
        let view = settings.view()?;
        let input = view.frames * view.bands();
        let ends = settings.code * if kind == Kind::Variational { 2 } else { 1 };

        let forward: Vec<usize> = [input].into_iter().chain(settings.nodes.clone()).collect();
        let backward: Vec<usize> = forward.iter().rev().copied().collect();
        let encoder: Vec<usize> = forward.into_iter().chain([ends]).collect();
        let decoder: Vec<usize> = [settings.code].into_iter().chain(backward).collect();
        let padded = |n: usize| n.next_multiple_of(PANEL) as u64;
        let weights: u64 = [&encoder, &decoder]
            .iter()
            .flat_map(|sizes| sizes.windows(2))
            .map(|pair| padded(pair[0]) * padded(pair[1]))
            .sum();
        if weights > MAX_WEIGHTS {
            return Err(Error::Model(format!(
                "expected at most {MAX_WEIGHTS} weights, found {weights} with padding"
            )));
        }
        let read = |part: &str, sizes: &[usize]| -> Result<Vec<Matrix>, Error> {
            let mut seen = sizes[0];
            let layers = sizes.windows(2).enumerate().map(|(i, pair)| {
                let (name, [inputs, outputs]) = (format!("{part}.{i}"), [pair[0], pair[1]]);
                tensors.check(&format!("{name}.weight"), &[outputs, inputs])?;
                tensors.check(&format!("{name}.bias"), &[outputs])?;
                let column = |k| (k < inputs).then_some(k);
                let matrix = tensors.matrix(&name, (outputs, seen), Some, column)?;
                seen = matrix.padded_outputs();
                Ok(matrix)
            });
            layers.collect()
        };
        let (encoder, decoder) = (read("encoder", &encoder)?, read("decoder", &decoder)?);
        for name in ["mean", "deviation"] {
            tensors.check(name, &[view.bands()])?;
        }
        let deviation = tensors.vector("deviation")?;
        if deviation.iter().any(|d| *d <= 0.0) {
            return Err(Error::Model(
                "tensor \"deviation\": expected positive numbers".into(),
            ));
        }
        // Files made for other jobs do without.
        let sounds = if tensors.has("sound_mean") || tensors.has("sound_deviation") {
            for name in ["sound_mean", "sound_deviation"] {
                tensors.check(name, &[2 * settings.code])?;
            }
            let deviation = tensors.vector("sound_deviation")?;
            if deviation.iter().any(|d| *d <= 0.0) {
                return Err(Error::Model(
                    "tensor \"sound_deviation\": expected positive numbers".into(),
                ));
            }
            Some((tensors.vector("sound_mean")?, deviation))
        } else {
            None
        };
        Ok(Autoencoder {
            name: description.name,
            kind,
            parameters: tensors.parameters(),
            fingerprint: fnv_1a(bytes),
            code: settings.code,
            mean: tensors.vector("mean")?,
            deviation,
            encoder: encoder.iter().map(Matrix::widened).collect(),
            decoder: decoder.iter().map(Matrix::widened).collect(),
            sounds,
            kernels: Kernels::best(),
            view,
        })
    }

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
        self.view.frames * self.mean.len()
    }

    /// Numbers in a code.
    pub fn code(&self) -> usize {
        self.code
    }

    /// Gives every band of log powers `[frame][band]` the mean 0 and the deviation 1 that it has in the training material.
    pub fn standardise(&self, powers: &mut [f32]) {
        for frame in powers.chunks_exact_mut(self.mean.len()) {
            for ((x, mean), deviation) in frame.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *x = (*x - mean) / deviation;
            }
        }
    }

    /// Undoes [`standardise`](Autoencoder::standardise).
    pub fn restore(&self, powers: &mut [f32]) {
        for frame in powers.chunks_exact_mut(self.mean.len()) {
            for ((x, mean), deviation) in frame.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *x = *x * deviation + mean;
            }
        }
    }

    /// Cuts standardised log powers into patches that begin every so many frames, one after another.
    pub fn patches(&self, powers: &[f32], every: usize) -> Vec<f32> {
        let (bands, input) = (self.mean.len(), self.input());
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
        self.run(
            &self.encoder,
            patches,
            self.input(),
            self.code,
            code_activation(self.kind),
        )
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
    /// over the sounds of the training material.
    ///
    /// # Panics
    /// If there is no patch.
    pub fn describe(&self, powers: &[f32]) -> Vec<f32> {
        let (mut sums, mut squares) = (vec![0.0f64; self.code], vec![0.0f64; self.code]);
        let every = PATCH_STEP * self.mean.len();
        let last = powers.len() - self.input();
        let mut count = 0;
        // A long recording piece by piece: codes are small, patches are not.
        for start in (0..=last).step_by(64 * every) {
            let end = (start + 63 * every).min(last) + self.input();
            for code in self
                .encode(&self.patches(&powers[start..end], PATCH_STEP))
                .chunks_exact(self.code)
            {
                count += 1;
                for ((sum, square), &h) in sums.iter_mut().zip(&mut squares).zip(code) {
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
        let mut found: Vec<f32> = sums
            .iter()
            .map(|sum| sum / n)
            .chain(deviations)
            .map(|x| x as f32)
            .collect();
        if code_activation(self.kind) != Activation::Linear {
            found.iter_mut().for_each(|x| *x = x.sqrt());
        }
        if let Some((mean, deviation)) = &self.sounds {
            for ((x, mean), deviation) in found.iter_mut().zip(mean).zip(deviation) {
                *x = (*x - mean) / deviation;
            }
        }
        found
    }

    fn run(
        &self,
        layers: &[Matrix],
        from: &[f32],
        inputs: usize,
        outputs: usize,
        end: Activation,
    ) -> Vec<f32> {
        assert!(from.len().is_multiple_of(inputs), "whole rows");
        let mut out = Vec::with_capacity(from.len() / inputs * outputs);
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for rows in from.chunks(ROWS * inputs) {
            x.clear();
            x.extend_from_slice(rows);
            let rows = rows.len() / inputs;
            for (i, layer) in layers.iter().enumerate() {
                y.resize(rows * layer.padded_outputs(), 0.0);
                self.kernels.affine(layer, &x, rows, &mut y);
                match if i + 1 < layers.len() {
                    Activation::Relu
                } else {
                    end
                } {
                    Activation::Linear => {}
                    Activation::Relu => y.iter_mut().for_each(|v| *v = v.max(0.0)),
                    Activation::Sigmoid => self.kernels.sigmoid(&mut y),
                }
                std::mem::swap(&mut x, &mut y);
            }
            for row in x.chunks_exact(x.len() / rows) {
                out.extend_from_slice(&row[..outputs]);
            }
        }
        out
    }
}

/// The hash of Fowler, Noll and Vo, 64 bits.
fn fnv_1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

impl Layout {
    /// Checks everything against its range, so that sizes can be computed and memory be taken.
    fn view(&self) -> Result<View, Error> {
        let within = |name: &str, value: usize, most: usize| {
            if (1..=most).contains(&value) {
                return Ok(());
            }
            Err(Error::Model(format!(
                "setting {name}: expected 1 to {most}, found {value}"
            )))
        };
        within("code", self.code, 16_384)?;
        within("frames", self.frames, 1_024)?;
        within("nodes (layers)", self.nodes.len() + 1, 16)?;
        for &nodes in &self.nodes {
            within("nodes", nodes, 16_384)?;
        }
        if self.band_steps.len() > 64 || self.band_steps.iter().any(|&(step, _)| step == 0) {
            return Err(Error::Model(
                "setting band_steps: expected at most 64 pairs with widths of 1 bin or more".to_owned(),
            ));
        }
        let framing = Framing {
            rate: self.rate,
            window: self.window,
            hop: self.hop,
            shape: WindowShape::Vorbis,
        };
        framing
            .validate()
            .map_err(|e| Error::Model(format!("setting {e}")))?;
        Ok(View {
            framing,
            band_steps: self.band_steps.clone(),
            frames: self.frames,
        })
    }
}
