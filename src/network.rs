//! The denoising network: spectrum → features → encoder → code → decoder → mask → spectrum.
//!
//! `models/recipe/model.py` computes the same, and `tests/reference.rs` compares the two.

use crate::bands::Bands;
use crate::engine::Engine;
use crate::features::Features;
use crate::kernels::{Kernels, Matrix};
use crate::model::Settings;
use crate::stft::Framing;
use realfft::num_complex::Complex32;
use std::sync::Arc;

/// Frames that go through the matrix products together. More gain nothing and fall out of the fast caches.
const CHUNK: usize = 32;

/// The weights of a denoiser and the constants that follow from its settings.
///
/// Units are padded group by group to whole panels; the padding computes zeros and is multiplied by zeros.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) settings: Settings,
    pub(crate) framing: Framing,
    pub(crate) bands: Bands,
    /// Features → units.
    pub(crate) encode: Matrix,
    pub(crate) layers: Vec<Layer>,
    /// Units → bands.
    pub(crate) gains: Matrix,
    /// `[band]`: what the rise of a band above its noise floor adds to its gain, before the sigmoid.
    pub(crate) rise: Vec<f32>,
    /// Units → `[re, im][tap][filter bin]`.
    pub(crate) filters: Matrix,
}

/// A gated recurrent unit per group.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) groups: Vec<Group>,
}

/// The outputs of both matrices stand as `[unit / 16][r, z, n][16]`.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// All units → the gates of the group.
    pub(crate) input: Matrix,
    /// The units of the group → its gates.
    pub(crate) recurrent: Matrix,
}

impl Network {
    /// The same network with every weight stored as `f32`.
    pub(crate) fn widened(&self) -> Network {
        let group = |g: &Group| Group {
            input: g.input.widened(),
            recurrent: g.recurrent.widened(),
        };
        Network {
            encode: self.encode.widened(),
            layers: self
                .layers
                .iter()
                .map(|l| Layer {
                    groups: l.groups.iter().map(group).collect(),
                })
                .collect(),
            gains: self.gains.widened(),
            filters: self.filters.widened(),
            ..self.clone()
        }
    }

    /// Units with their padding.
    fn units(&self) -> usize {
        self.encode.padded_outputs()
    }
}

/// Runs a [`Model`](crate::model::Model) in kernels of our own: exactly, without allocation, lock or panic.
///
/// One mask is estimated from the guide and applied to every channel. Costs are stated in the README and measured by
/// `cargo xtask bench`.
#[derive(Debug)]
pub struct NativeEngine {
    network: Arc<Network>,
    kernels: Kernels,
    channels: usize,
    max_frames: usize,
    features: Features,
    /// `[layer][unit]`
    states: Vec<Vec<f32>>,
    /// `[channel]`
    filters: Vec<Filter>,
    scratch: Scratch,
}

/// Buffers for one chunk of frames.
#[derive(Debug)]
struct Scratch {
    features: Vec<f32>,
    units: Vec<f32>,
    /// The gates of one group, input side.
    gates: Vec<f32>,
    /// The gates of one group and frame, recurrent side.
    product: Vec<f32>,
    /// New states, `[group][frame][unit of the group]`.
    heard: Vec<f32>,
    gains: Vec<f32>,
    filters: Vec<f32>,
    /// `[bin]`
    mask: Vec<f32>,
}

impl NativeEngine {
    /// `channels` and `max_frames` count as at least 1.
    pub(crate) fn new(
        network: Arc<Network>,
        kernels: Kernels,
        channels: usize,
        max_frames: usize,
    ) -> NativeEngine {
        let n = &*network;
        let (channels, max_frames) = (channels.max(1), max_frames.max(1));
        let frames = max_frames.min(CHUNK);
        let gates = n
            .layers
            .iter()
            .flat_map(|l| &l.groups)
            .map(|g| g.input.padded_outputs())
            .max()
            .unwrap_or(0);
        NativeEngine {
            kernels,
            channels,
            max_frames,
            features: Features::new(&n.settings, n.bands.len()),
            states: vec![vec![0.0; n.units()]; n.layers.len()],
            filters: vec![Filter::new(&n.settings); channels],
            scratch: Scratch {
                features: vec![0.0; frames * n.encode.inputs()],
                units: vec![0.0; frames * n.units()],
                gates: vec![0.0; frames * gates],
                product: vec![0.0; gates],
                heard: vec![0.0; frames * n.units()],
                gains: vec![0.0; frames * n.gains.padded_outputs()],
                filters: vec![0.0; frames * n.filters.padded_outputs()],
                mask: vec![0.0; n.bands.bins()],
            },
            network,
        }
    }

    /// From `guide`, up to [`CHUNK`] frames, the gains and filters of every frame, in the scratch.
    fn estimate(&mut self, guide: &[Complex32]) {
        let (n, k, s) = (&*self.network, self.kernels, &mut self.scratch);
        let frames = guide.len() / n.bands.bins();

        let features = &mut s.features[..frames * n.encode.inputs()];
        for (spectrum, row) in guide
            .chunks_exact(n.bands.bins())
            .zip(features.chunks_exact_mut(n.encode.inputs()))
        {
            self.features.hear(spectrum, &n.bands, k, row);
        }

        let units = &mut s.units[..frames * n.units()];
        k.affine(&n.encode, features, frames, units);
        for v in units.iter_mut() {
            *v = v.max(0.0);
        }

        for (layer, state) in n.layers.iter().zip(&mut self.states) {
            let width = n.units() / layer.groups.len();
            let heard = &mut s.heard[..frames * n.units()];
            let groups = layer.groups.iter().zip(state.chunks_exact_mut(width));
            for ((group, state), heard) in groups.zip(heard.chunks_exact_mut(frames * width)) {
                let gates = &mut s.gates[..frames * 3 * width];
                k.affine(&group.input, units, frames, gates);
                k.recur(&group.recurrent, gates, state, &mut s.product[..3 * width], heard);
            }
            for (group, heard) in heard.chunks_exact(frames * width).enumerate() {
                for (row, heard) in units.chunks_exact_mut(n.units()).zip(heard.chunks_exact(width)) {
                    for (v, h) in row[group * width..].iter_mut().zip(heard) {
                        *v += h;
                    }
                }
            }
        }

        let gains = &mut s.gains[..frames * n.gains.padded_outputs()];
        k.affine(&n.gains, units, frames, gains);
        for (gains, features) in gains
            .chunks_exact_mut(n.gains.padded_outputs())
            .zip(features.chunks_exact(n.encode.inputs()))
        {
            for ((gain, rise), weight) in gains.iter_mut().zip(&features[n.bands.len()..]).zip(&n.rise) {
                *gain += rise * weight;
            }
        }
        k.sigmoid(gains);
        k.affine(
            &n.filters,
            units,
            frames,
            &mut s.filters[..frames * n.filters.padded_outputs()],
        );
    }
}

impl Engine for NativeEngine {
    fn framing(&self) -> &Framing {
        &self.network.framing
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        self.max_frames
    }

    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]) {
        debug_assert_eq!(spectra.len(), guide.len() * self.channels);
        let bins = self.network.bands.bins();
        if guide.is_empty() {
            return;
        }
        let chunk = self.max_frames.min(CHUNK) * bins;
        for (index, part) in guide.chunks(chunk).enumerate() {
            self.estimate(part);
            let (network, scratch) = (&self.network, &mut self.scratch);
            let (gains, filters) = (network.gains.padded_outputs(), network.filters.padded_outputs());
            for (channel, filter) in spectra.chunks_exact_mut(guide.len()).zip(&mut self.filters) {
                let frames = channel[index * chunk..][..part.len()].chunks_exact_mut(bins);
                for (frame, spectrum) in frames.enumerate() {
                    filter.apply(&scratch.filters[frame * filters..], spectrum);
                    network.bands.expand(
                        &scratch.gains[frame * gains..][..network.bands.len()],
                        &mut scratch.mask,
                    );
                    for (x, gain) in spectrum.iter_mut().zip(&scratch.mask) {
                        *x *= gain;
                    }
                }
            }
        }
    }

    fn reset(&mut self) {
        self.features.reset();
        self.states.iter_mut().for_each(|s| s.fill(0.0));
        self.filters
            .iter_mut()
            .for_each(|f| f.heard.fill(Complex32::ZERO));
    }

    fn is_real_time(&self) -> bool {
        true
    }

    fn tail(&self) -> usize {
        let filters = self.filters.iter();
        filters.map(|filter| filter.taps() - 1).max().unwrap_or(0)
    }
}

/// A complex filter over the last frames of one channel's low bins, new coefficients for every frame.
#[derive(Clone, Debug)]
struct Filter {
    bins: usize,
    /// `[tap][bin]`: what was heard, this frame first; every frame back is turned by the phase that a tone in the
    /// middle of its bin advances in one hop, a half turn in every odd bin.
    heard: Vec<Complex32>,
}

impl Filter {
    fn new(settings: &Settings) -> Filter {
        let bins = settings.filter_bins;
        Filter {
            bins,
            heard: vec![Complex32::ZERO; settings.filter_taps * bins],
        }
    }

    /// How many frames it reaches over, at least 1.
    fn taps(&self) -> usize {
        (self.heard.len() / self.bins.max(1)).max(1)
    }

    /// `coefficients` are `[re, im][tap][bin]`, added to a filter that lets everything pass.
    fn apply(&mut self, coefficients: &[f32], spectrum: &mut [Complex32]) {
        let low = &mut spectrum[..self.bins];
        for tap in (1..self.taps()).rev() {
            let (newer, older) = self.heard.split_at_mut(tap * self.bins);
            let newer = &newer[(tap - 1) * self.bins..];
            for (bin, (old, new)) in older.iter_mut().zip(newer).enumerate() {
                *old = if bin % 2 == 0 { *new } else { -*new };
            }
        }
        self.heard[..self.bins].copy_from_slice(low);
        let (real, imaginary) = coefficients.split_at(self.heard.len());
        let taps = self.heard.chunks_exact(self.bins.max(1));
        let (real, imaginary) = (
            real.chunks_exact(self.bins.max(1)),
            imaginary.chunks_exact(self.bins.max(1)),
        );
        for ((heard, real), imaginary) in taps.zip(real).zip(imaginary) {
            for (((y, x), re), im) in low.iter_mut().zip(heard).zip(real).zip(imaginary) {
                *y += Complex32::new(re * x.re - im * x.im, re * x.im + im * x.re);
            }
        }
    }
}
