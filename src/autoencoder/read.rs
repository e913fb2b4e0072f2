//! Reads autoencoders from model files.

use super::coder::Autoencoder;
use super::log_powers::View;
use super::standard::Standard;
use crate::error::Error;
use crate::kernels::{Kernels, Matrix, PANEL};
use crate::network::{Kind, MAX_WEIGHTS, Tensors, read_file};
use crate::spectrum::{Framing, WindowShape};
use serde::Deserialize;
use std::path::Path;

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
    /// Files from before it was there do without.
    #[serde(default)]
    loudness: f32,
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
        let kind = description.kind;
        if kind == Kind::Denoising {
            return Err(Error::Unsupported(
                "model: its kind is \"denoising\"; this takes undercomplete, sparse-l1, sparse-kl, contractive, \
                 denoising-l1, denoising-l2 or variational"
                    .into(),
            ));
        }
        let layout: Layout = serde_json::from_value(description.settings)
            .map_err(|e| Error::damaged("metadata `aeden`: settings", e))?;
        let view = layout.view()?;
        let (encoder, decoder) = layout.layers(&view, kind, &tensors)?;
        let code = layout.code;
        // Files made for other jobs do without.
        let sounds = if tensors.has("sound_mean") || tensors.has("sound_deviation") {
            let sounds = Standard::read(&tensors, "sound_mean", "sound_deviation", 2 * code)?;
            Some(sounds)
        } else {
            None
        };
        Ok(Autoencoder {
            name: description.name,
            kind,
            parameters: tensors.parameters(),
            fingerprint: fnv_1a(bytes),
            code,
            loudness: layout.loudness,
            bands: Standard::read(&tensors, "mean", "deviation", view.bands())?,
            encoder,
            decoder,
            sounds,
            kernels: Kernels::best(),
            view,
        })
    }
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
        if !(0.0..=4.0).contains(&self.loudness) {
            return Err(Error::Model(format!(
                "setting loudness: expected 0 to 4, found {}",
                self.loudness
            )));
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

    /// Reads the layers of encoder and decoder.
    fn layers(
        &self,
        view: &View,
        kind: Kind,
        tensors: &Tensors,
    ) -> Result<(Vec<Matrix>, Vec<Matrix>), Error> {
        let input = view.frames * view.bands();
        let ends = self.code * if kind == Kind::Variational { 2 } else { 1 };
        let forward: Vec<usize> = [input].into_iter().chain(self.nodes.clone()).collect();
        let backward: Vec<usize> = forward.iter().rev().copied().collect();
        let encoder: Vec<usize> = forward.into_iter().chain([ends]).collect();
        let decoder: Vec<usize> = [self.code].into_iter().chain(backward).collect();
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
        Ok((
            read_layers(tensors, "encoder", &encoder)?,
            read_layers(tensors, "decoder", &decoder)?,
        ))
    }
}

/// Reads layers from a number of units to the next; each takes the padded outputs of the one before.
fn read_layers(tensors: &Tensors, part: &str, sizes: &[usize]) -> Result<Vec<Matrix>, Error> {
    let mut padded_inputs = sizes[0];
    let layers = sizes.windows(2).enumerate().map(|(i, pair)| {
        let (name, [inputs, outputs]) = (format!("{part}.{i}"), [pair[0], pair[1]]);
        tensors.check(&format!("{name}.weight"), &[outputs, inputs])?;
        tensors.check(&format!("{name}.bias"), &[outputs])?;
        let column = |k| (k < inputs).then_some(k);
        let matrix = tensors.matrix(&name, (outputs, padded_inputs), Some, column)?;
        padded_inputs = matrix.padded_outputs();
        Ok(matrix.widened())
    });
    layers.collect()
}

/// The hash of Fowler, Noll and Vo, 64 bits.
fn fnv_1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
