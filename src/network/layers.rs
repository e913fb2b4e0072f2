//! The layers of a denoising network, with their weights.

use super::settings::NetworkSettings;
use crate::kernels::{Activation, Aligned, Instructions, Kernels, Matrix, Mixer, Rows};
use crate::spectrum::{Bands, Features, Framing};
use std::ops::Range;

/// The weights of a denoiser and the constants that follow from its settings.
///
/// A frame is described by so many channels in each of its sub-bands. Channels are padded head by head to whole panels;
/// the padding computes zeros and is multiplied by zeros.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Of the file that it was read from; other weights have another.
    pub(crate) checksum: u64,
    pub(crate) settings: NetworkSettings,
    pub(crate) framing: Framing,
    pub(crate) bands: Bands,
    /// The input and output layers.
    pub(crate) sub_bands: Vec<SubBand>,
    /// The layers between them.
    pub(crate) layers: Vec<Layer>,
    /// `[band]`: weight of the rise above the noise floor in the band's gain, before the sigmoid.
    pub(crate) rise: Vec<f32>,
}

/// The layers of one sub-band alone.
#[derive(Clone, Debug)]
pub(crate) struct SubBand {
    /// Features that are its input, as many as of every sub-band.
    pub(crate) features: Vec<usize>,
    /// Features → channels.
    pub(crate) encode: Matrix,
    /// The bands whose gains it gives.
    pub(crate) bands: Range<usize>,
    /// Channels → `[re, im][tap][filter bin of the sub-band]`, then the gains of its bands.
    pub(crate) decode: Matrix,
    /// Outputs of `decode` that belong to filters, none above the filtered bins.
    pub(crate) filters: usize,
}

/// A layer whose weights all sub-bands share. Its result is added to its input.
#[derive(Clone, Debug)]
// Not `expect`: with the smaller pointers of browsers no variant is large.
#[allow(clippy::large_enum_variant, reason = "a network has a dozen")]
pub(crate) enum Layer {
    /// GRUs along time.
    Recurrent {
        forward: Gru,
        /// In a network for recordings.
        backward: Option<Gru>,
    },
    /// Channels → channels, ReLU, then a mixture across sub-bands.
    Mixing { channels: Matrix, across: Mixer },
}

/// GRU weights shared by all sub-bands: input and hidden-state matrices, channels → gates. The outputs of both stand as
/// `[channel / 16][r, z, n][16]`.
#[derive(Clone, Debug)]
pub(crate) struct Gru {
    pub(crate) input: Matrix,
    pub(crate) state: Matrix,
}

impl Gru {
    fn map(&self, change: impl Fn(&Matrix) -> Matrix) -> Gru {
        Gru {
            input: change(&self.input),
            state: change(&self.state),
        }
    }
}

impl Layer {
    /// The same layer with its matrices changed.
    fn map(&self, change: impl Fn(&Matrix) -> Matrix) -> Layer {
        match self {
            Layer::Recurrent { forward, backward } => Layer::Recurrent {
                forward: forward.map(&change),
                backward: backward.as_ref().map(|gru| gru.map(&change)),
            },
            Layer::Mixing { channels, across } => Layer::Mixing {
                channels: change(channels),
                across: across.clone(),
            },
        }
    }
}

impl Network {
    /// The same network with the weights that all sub-bands share as whole numbers.
    pub(crate) fn quantised(&self) -> Network {
        Network {
            layers: self
                .layers
                .iter()
                .map(|layer| layer.map(Matrix::quantised))
                .collect(),
            ..self.clone()
        }
    }

    /// The same network, stored as it suits an instruction set best.
    pub(crate) fn suited_to(&self, instructions: Instructions) -> Network {
        let suited = |matrix: &Matrix| matrix.stored(instructions.storage());
        let sub_band = |band: &SubBand| SubBand {
            encode: suited(&band.encode),
            decode: suited(&band.decode),
            ..band.clone()
        };
        Network {
            sub_bands: self.sub_bands.iter().map(sub_band).collect(),
            layers: self.layers.iter().map(|layer| layer.map(suited)).collect(),
            ..self.clone()
        }
    }

    /// Tells whether its layers run in both directions of time, so that it cleans recordings, not streams.
    pub(crate) fn looks_ahead(&self) -> bool {
        self.settings.both_ways
    }

    /// Channels of a sub-band, with their padding.
    pub(crate) fn channels(&self) -> usize {
        self.sub_bands[0].encode.padded_outputs()
    }

    /// Numbers that describe a frame: sub-bands times channels.
    pub(crate) fn frame(&self) -> usize {
        self.sub_bands.len() * self.channels()
    }

    /// Features of a frame.
    pub(crate) fn features(&self) -> usize {
        self.settings.features().features(self.bands.len())
    }

    /// Builds the feature extractor of a stream.
    pub(crate) fn feature_extractor(&self) -> Features {
        Features::new(self.settings.features(), &self.bands)
    }

    /// Complex filter coefficients of a frame, real and imaginary parts.
    pub(crate) fn coefficients(&self) -> usize {
        self.settings.coefficients()
    }

    /// GRU layers.
    pub(crate) fn recurrent_layers(&self) -> usize {
        let is_recurrent = |layer: &&Layer| matches!(layer, Layer::Recurrent { .. });
        self.layers.iter().filter(is_recurrent).count()
    }

    /// Multiply-adds of a frame, padding left out.
    pub(crate) fn multiply_adds(&self) -> usize {
        let (count, d) = (self.sub_bands.len(), self.settings.channels);
        let inputs = self.sub_bands[0].features.len();
        let gains = self
            .sub_bands
            .iter()
            .map(|band| band.bands.len())
            .max()
            .unwrap_or(0);
        let directions = if self.looks_ahead() { 2 } else { 1 };
        let layer = |layer: &Layer| match layer {
            Layer::Recurrent { .. } => directions * count * 6 * d * d,
            Layer::Mixing { .. } => count * d * d + count * count * d,
        };
        let layers: usize = self.layers.iter().map(layer).sum();
        count * (inputs + gains) * d + layers + self.coefficients() * d
    }

    /// The largest of what the sub-bands have, at least 1.
    fn most(&self, size: impl Fn(&SubBand) -> usize) -> usize {
        self.sub_bands.iter().map(size).max().unwrap_or(0).max(1)
    }

    /// The input layers: from `[frame][feature]` to `code`, `[frame][sub-band][channel]`.
    pub(crate) fn encode(
        &self,
        kernels: Kernels,
        features: &[f32],
        scratch: &mut SubBandScratch,
        code: &mut [f32],
    ) {
        let (frames, channels, frame) = (features.len() / self.features(), self.channels(), self.frame());
        for (index, band) in self.sub_bands.iter().enumerate() {
            let inputs = &mut scratch.inputs[..frames * band.features.len()];
            for (row, features) in inputs
                .chunks_exact_mut(band.features.len())
                .zip(features.chunks_exact(self.features()))
            {
                for (v, &at) in row.iter_mut().zip(&band.features) {
                    *v = features[at];
                }
            }
            let rows = Rows {
                y_step: frame,
                ..Rows::of(&band.encode, frames)
            };
            let code = &mut code[index * channels..];
            kernels.affine_rows(&band.encode, inputs, rows, Activation::Relu, code);
        }
    }

    /// The output layers: from `[frame][feature]` and `[frame][sub-band][channel]` to gains, `[frame][band]`, and
    /// filters, `[frame]` of `[re, im][tap][bin]`.
    pub(crate) fn decode(
        &self,
        kernels: Kernels,
        features: &[f32],
        code: &[f32],
        scratch: &mut SubBandScratch,
        gains: &mut [f32],
        filters: &mut [f32],
    ) {
        let (frames, channels, frame) = (features.len() / self.features(), self.channels(), self.frame());
        let (all_gains, all_filters) = (self.bands.len(), self.coefficients());
        let mut first_bin = 0;
        for (index, band) in self.sub_bands.iter().enumerate() {
            let rows = Rows {
                x_step: frame,
                ..Rows::of(&band.decode, frames)
            };
            let (code, outputs) = (&code[index * channels..], &mut scratch.outputs);
            kernels.affine_rows(&band.decode, code, rows, Activation::Linear, outputs);
            let outputs = outputs.chunks_exact(rows.y_step);
            for (row, outputs) in gains.chunks_exact_mut(all_gains).zip(outputs.clone()) {
                let row = &mut row[band.bands.clone()];
                row.copy_from_slice(&outputs[band.filters..][..row.len()]);
            }
            if band.filters > 0 {
                let bins = self.settings.filter_bins / self.settings.low_positions;
                for (row, outputs) in filters.chunks_exact_mut(all_filters).zip(outputs) {
                    let taps = row.chunks_exact_mut(self.settings.filter_bins);
                    for (tap, outputs) in taps.zip(outputs.chunks_exact(bins)) {
                        tap[first_bin..first_bin + bins].copy_from_slice(outputs);
                    }
                }
                first_bin += bins;
            }
        }
        for (gains, features) in gains
            .chunks_exact_mut(all_gains)
            .zip(features.chunks_exact(self.features()))
        {
            for ((gain, rise), weight) in gains.iter_mut().zip(&features[all_gains..]).zip(&self.rise) {
                *gain += rise * weight;
            }
        }
        kernels.sigmoid(gains);
    }
}

/// Buffers for the input and output layers of one sub-band, for a few frames.
#[derive(Debug)]
pub(crate) struct SubBandScratch {
    inputs: Aligned,
    outputs: Aligned,
}

impl SubBandScratch {
    pub(crate) fn new(network: &Network, frames: usize) -> SubBandScratch {
        SubBandScratch {
            inputs: Aligned::zeros(frames * network.most(|band| band.features.len())),
            outputs: Aligned::zeros(frames * network.most(|band| band.decode.padded_outputs())),
        }
    }
}
