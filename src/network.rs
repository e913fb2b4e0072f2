//! The denoising network: spectrum → features → encoder → code → decoder → mask → spectrum.
//!
//! `models/recipe/model.py` computes the same, and `tests/reference.rs` compares the two.

use crate::aligned::Aligned;
use crate::bands::Bands;
use crate::engine::Engine;
use crate::features::Features;
use crate::kernels::{Across, End, Kernels, Matrix, Rows};
use crate::model::Settings;
use crate::stft::Framing;
use crate::team::Team;
use rustfft::num_complex::Complex32;
use std::ops::Range;
use std::sync::Arc;

/// Frames that go through the layers together. The weights of a layer fit the first cache, so that a few frames are
/// enough to hide the rest; more would fall out of the second.
pub(crate) const CHUNK: usize = 8;

/// The weights of a denoiser and the constants that follow from its settings.
///
/// A frame is described at `positions` along frequency, by so many channels each. Channels are padded head by head to
/// whole panels; the padding computes zeros and is multiplied by zeros.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) settings: Settings,
    pub(crate) framing: Framing,
    pub(crate) bands: Bands,
    pub(crate) positions: Vec<Position>,
    pub(crate) layers: Vec<Layer>,
    /// `[band]`: what the rise of a band above its noise floor adds to its gain, before the sigmoid.
    pub(crate) rise: Vec<f32>,
}

/// What belongs to one position alone.
#[derive(Clone, Debug)]
pub(crate) struct Position {
    /// Which features it sees, as many as at every position.
    pub(crate) seen: Vec<usize>,
    /// Those features → channels.
    pub(crate) encode: Matrix,
    /// The bands whose gains it gives.
    pub(crate) bands: Range<usize>,
    /// Channels → `[re, im][tap][filter bin of the position]`, then the gains of its bands.
    pub(crate) decode: Matrix,
    /// How many of them are of filters; positions above the filtered bins have none.
    pub(crate) filters: usize,
}

/// What happens at all positions alike.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    /// Memory of what came before and, in a network for recordings, of what comes after; both are added to the channels.
    Recurrent { before: Memory, after: Option<Memory> },
    /// Exchange among positions: channels → channels, the negative ones cut off, then across.
    Mixing { channels: Matrix, across: Across },
}

/// Memory along time, with the same weights at every position: channels → gates, on either side of the sum. The outputs of
/// both stand as `[channel / 16][r, z, n][16]`.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) input: Matrix,
    pub(crate) state: Matrix,
}

impl Memory {
    fn widened(&self) -> Memory {
        Memory {
            input: self.input.widened(),
            state: self.state.widened(),
        }
    }
}

impl Network {
    /// The same network with every matrix stored as `f32`.
    pub(crate) fn widened(&self) -> Network {
        let position = |p: &Position| Position {
            encode: p.encode.widened(),
            decode: p.decode.widened(),
            ..p.clone()
        };
        let layer = |l: &Layer| match l {
            Layer::Recurrent { before, after } => Layer::Recurrent {
                before: before.widened(),
                after: after.as_ref().map(Memory::widened),
            },
            Layer::Mixing { channels, across } => Layer::Mixing {
                channels: channels.widened(),
                across: across.clone(),
            },
        };
        Network {
            positions: self.positions.iter().map(position).collect(),
            layers: self.layers.iter().map(layer).collect(),
            ..self.clone()
        }
    }

    /// Channels of a position, with their padding.
    pub(crate) fn channels(&self) -> usize {
        self.positions[0].encode.padded_outputs()
    }

    /// Numbers that describe a frame.
    pub(crate) fn frame(&self) -> usize {
        self.positions.len() * self.channels()
    }

    /// Features of a frame.
    pub(crate) fn features(&self) -> usize {
        self.settings.features(self.bands.len())
    }

    /// The largest of what the positions have, at least 1.
    fn most(&self, size: impl Fn(&Position) -> usize) -> usize {
        self.positions.iter().map(size).max().unwrap_or(0).max(1)
    }

    /// Complex filter coefficients of a frame, real and imaginary parts.
    pub(crate) fn coefficients(&self) -> usize {
        2 * self.settings.filter_taps * self.settings.filter_bins
    }

    /// What `positions` make of `[frame][feature]`: `code` becomes `[frame][position of these][channel]`.
    pub(crate) fn encode(
        &self,
        kernels: Kernels,
        positions: Range<usize>,
        features: &[f32],
        scratch: &mut PositionScratch,
        code: &mut [f32],
    ) {
        let (frames, channels) = (features.len() / self.features(), self.channels());
        let frame = positions.len() * channels;
        for (index, position) in self.positions[positions].iter().enumerate() {
            let seen = &mut scratch.seen[..frames * position.seen.len()];
            for (row, features) in seen
                .chunks_exact_mut(position.seen.len())
                .zip(features.chunks_exact(self.features()))
            {
                for (v, &at) in row.iter_mut().zip(&position.seen) {
                    *v = features[at];
                }
            }
            let rows = Rows {
                y_step: frame,
                ..Rows::of(&position.encode, frames)
            };
            kernels.affine_rows(
                &position.encode,
                seen,
                rows,
                End::Rectified,
                &mut code[index * channels..],
            );
        }
    }

    /// From `[frame][feature]` and `[frame][position][channel]` to gains, `[frame][band]`, and filters,
    /// `[frame]` of `[re, im][tap][bin]`.
    pub(crate) fn decode(
        &self,
        kernels: Kernels,
        features: &[f32],
        code: &[f32],
        scratch: &mut PositionScratch,
        gains: &mut [f32],
        filters: &mut [f32],
    ) {
        let (frames, channels, frame) = (features.len() / self.features(), self.channels(), self.frame());
        let (all_gains, all_filters) = (self.bands.len(), self.coefficients());
        let mut first_bin = 0;
        for (index, position) in self.positions.iter().enumerate() {
            let rows = Rows {
                x_step: frame,
                ..Rows::of(&position.decode, frames)
            };
            let given = &mut scratch.given;
            kernels.affine_rows(
                &position.decode,
                &code[index * channels..],
                rows,
                End::Sums,
                given,
            );
            let given = given.chunks_exact(rows.y_step);
            for (row, given) in gains.chunks_exact_mut(all_gains).zip(given.clone()) {
                let row = &mut row[position.bands.clone()];
                row.copy_from_slice(&given[position.filters..][..row.len()]);
            }
            if position.filters > 0 {
                let bins = self.settings.filter_bins / self.settings.low_positions;
                for (row, given) in filters.chunks_exact_mut(all_filters).zip(given) {
                    let taps = row.chunks_exact_mut(self.settings.filter_bins);
                    for (tap, given) in taps.zip(given.chunks_exact(bins)) {
                        tap[first_bin..first_bin + bins].copy_from_slice(given);
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

/// Buffers for what one position sees and gives in a few frames.
#[derive(Debug)]
pub(crate) struct PositionScratch {
    /// Its features.
    seen: Aligned,
    /// Its filters and gains.
    given: Aligned,
}

impl PositionScratch {
    pub(crate) fn new(network: &Network, frames: usize) -> PositionScratch {
        PositionScratch {
            seen: Aligned::zeros(frames * network.most(|p| p.seen.len())),
            given: Aligned::zeros(frames * network.most(|p| p.decode.padded_outputs())),
        }
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
    /// `[recurrent layer][position][channel]`
    states: Vec<Aligned>,
    /// `[channel of sound]`
    filters: Vec<Filter>,
    scratch: Scratch,
    /// The threads that share the work, if there are several; then `features`, `states` and `scratch` rest.
    team: Option<Team>,
}

/// Buffers for one chunk of frames.
#[derive(Debug)]
struct Scratch {
    features: Vec<f32>,
    position: PositionScratch,
    /// `[frame][position][channel]`
    code: Aligned,
    /// What a layer adds to it, or computes on the way.
    inner: Aligned,
    /// The input side of the gates, three times the size of `code`.
    gates: Aligned,
    /// The state side, of one frame.
    product: Aligned,
    /// `[frame][band]`
    gains: Vec<f32>,
    /// `[frame]` of `[re, im][tap][bin]`
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
        let recurrent = n.layers.iter().filter(|l| matches!(l, Layer::Recurrent { .. }));
        NativeEngine {
            kernels,
            channels,
            max_frames,
            features: Features::new(&n.settings, n.bands.len()),
            states: recurrent.map(|_| Aligned::zeros(n.frame())).collect(),
            filters: vec![Filter::new(&n.settings); channels],
            scratch: Scratch {
                features: vec![0.0; frames * n.features()],
                position: PositionScratch::new(n, frames),
                code: Aligned::zeros(frames * n.frame()),
                inner: Aligned::zeros(frames * n.frame()),
                gates: Aligned::zeros(frames * 3 * n.frame()),
                product: Aligned::zeros(3 * n.frame()),
                gains: vec![0.0; frames * n.bands.len()],
                filters: vec![0.0; frames * n.coefficients()],
                mask: vec![0.0; n.bands.bins()],
            },
            network,
            team: None,
        }
    }

    /// The same, with the work of long calls shared among so many threads: faster, bit for bit the same, and not
    /// [real-time](Engine::is_real_time). It starts as if it had heard nothing.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> NativeEngine {
        self.reset();
        self.team = (threads > 1).then(|| Team::new(&self.network, self.kernels, threads, self.max_frames));
        self
    }

    /// From `guide`, up to [`CHUNK`] frames, the gains and filters of every frame, in the scratch.
    fn estimate(&mut self, guide: &[Complex32]) {
        let (n, k, s) = (&*self.network, self.kernels, &mut self.scratch);
        let frames = guide.len() / n.bands.bins();
        let frame = n.frame();

        let features = &mut s.features[..frames * n.features()];
        for (spectrum, row) in guide
            .chunks_exact(n.bands.bins())
            .zip(features.chunks_exact_mut(n.features()))
        {
            self.features.hear(spectrum, &n.bands, k, row);
        }

        let code = &mut s.code[..frames * frame];
        n.encode(k, 0..n.positions.len(), features, &mut s.position, code);

        let rows = frames * n.positions.len();
        let inner = &mut s.inner[..frames * frame];
        let mut states = self.states.iter_mut();
        for layer in &n.layers {
            match layer {
                Layer::Recurrent { before, .. } => {
                    let Some(memory) = states.next() else { continue };
                    let gates = &mut s.gates[..frames * 3 * frame];
                    k.affine(&before.input, code, rows, gates);
                    k.recur(&before.state, gates, memory, &mut s.product, code);
                }
                Layer::Mixing {
                    channels: own,
                    across,
                } => {
                    k.affine_rows(own, code, Rows::of(own, rows), End::Rectified, inner);
                    k.mix(across, inner, code);
                }
            }
        }

        let gains = &mut s.gains[..frames * n.bands.len()];
        let filters = &mut s.filters[..frames * n.coefficients()];
        n.decode(k, features, code, &mut s.position, gains, filters);
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
        let frames = match self.team {
            None => self.max_frames.min(CHUNK),
            Some(_) => self.max_frames,
        };
        let chunk = frames * bins;
        for (index, part) in guide.chunks(chunk).enumerate() {
            let (all_gains, all_filters) = match &mut self.team {
                None => {
                    self.estimate(part);
                    (&self.scratch.gains[..], &self.scratch.filters[..])
                }
                Some(team) => team.estimate(&self.network, part),
            };
            let (network, mask) = (&self.network, &mut self.scratch.mask);
            let (gains, filters) = (network.bands.len(), network.coefficients());
            for (channel, filter) in spectra.chunks_exact_mut(guide.len()).zip(&mut self.filters) {
                let frames = channel[index * chunk..][..part.len()].chunks_exact_mut(bins);
                for (frame, spectrum) in frames.enumerate() {
                    let filters = &all_filters[frame * filters..][..filters];
                    let gains = &all_gains[frame * gains..][..gains];
                    self.kernels.compiled(
                        #[inline(always)]
                        || {
                            filter.apply(filters, spectrum);
                            network.bands.expand(gains, mask);
                            for (x, gain) in spectrum.iter_mut().zip(&*mask) {
                                *x *= gain;
                            }
                        },
                    );
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
        if let Some(team) = &mut self.team {
            team.reset();
        }
    }

    fn is_real_time(&self) -> bool {
        self.team.is_none()
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
    #[inline(always)]
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
