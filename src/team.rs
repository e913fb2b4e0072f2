//! Several threads that estimate together what one estimates alone, to the bit.
//!
//! Memory along time belongs to a position, exchange among positions to a frame. So the threads take turns: first each
//! walks its positions through all frames of a call, then each takes its frames with all their positions.

use crate::aligned::Aligned;
use crate::features::Features;
use crate::kernels::{Across, End, Kernels, Rows};
use crate::network::{CHUNK, Layer, Network, PositionScratch};
use rustfft::num_complex::Complex32;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// More would wait rather than work: there are only so many positions.
const MOST_THREADS: usize = 8;

/// The state of all threads between calls.
#[derive(Debug)]
pub(crate) struct Team {
    kernels: Kernels,
    features: Features,
    lanes: Vec<Lane>,
    parts: Vec<Part>,
    /// `[frame][feature]`
    heard: Vec<f32>,
    /// `[frame][position][channel]`
    code: Aligned,
    /// `[frame][band]`
    gains: Vec<f32>,
    /// `[frame]` of `[re, im][tap][bin]`
    filters: Vec<f32>,
}

/// The positions of one thread.
#[derive(Debug)]
struct Lane {
    positions: Range<usize>,
    /// `[recurrent layer][position of these][channel]`
    states: Vec<Aligned>,
    /// `[frame][position of these][channel]`
    code: Aligned,
    /// What a layer adds to it, or tells the other positions.
    inner: Aligned,
    /// The input side of the gates of a few frames, and the state side of one.
    gates: Aligned,
    product: Aligned,
    scratch: PositionScratch,
}

/// The frames of one thread.
#[derive(Debug)]
struct Part {
    /// `[frame][position][channel]` of a few frames.
    inner: Aligned,
    scratch: PositionScratch,
}

/// Layers up to an exchange among positions.
#[derive(Clone, Copy)]
struct Stretch<'a> {
    layers: &'a [Layer],
    /// Recurrent layers before these.
    states: usize,
    first: bool,
    last: bool,
}

/// What one thread makes of its frames.
struct Share<'a> {
    part: &'a mut Part,
    /// The first of them.
    start: usize,
    heard: &'a [f32],
    code: &'a mut [f32],
    gains: &'a mut [f32],
    filters: &'a mut [f32],
}

impl Team {
    /// For calls of up to `frames` frames.
    pub(crate) fn new(network: &Network, kernels: Kernels, threads: usize, frames: usize) -> Team {
        let positions = network.positions.len();
        let threads = threads.clamp(1, MOST_THREADS.min(positions));
        let lane = |lane: usize| {
            Lane::new(
                network,
                positions * lane / threads..positions * (lane + 1) / threads,
                frames,
            )
        };
        let part = |_| Part {
            inner: Aligned::zeros(CHUNK * network.frame()),
            scratch: PositionScratch::new(network, CHUNK),
        };
        Team {
            kernels,
            features: Features::new(&network.settings, network.bands.len()),
            lanes: (0..threads).map(lane).collect(),
            parts: (0..threads).map(part).collect(),
            heard: vec![0.0; frames * network.features()],
            code: Aligned::zeros(frames * network.frame()),
            gains: vec![0.0; frames * network.bands.len()],
            filters: vec![0.0; frames * network.coefficients()],
        }
    }

    /// Forgets everything heard so far.
    pub(crate) fn reset(&mut self) {
        self.features.reset();
        let states = self.lanes.iter_mut().flat_map(|lane| &mut lane.states);
        states.for_each(|state| state.fill(0.0));
    }

    /// From `guide` the gains and filters of every frame.
    pub(crate) fn estimate(&mut self, network: &Network, guide: &[Complex32]) -> (&[f32], &[f32]) {
        let (bins, features) = (network.bands.bins(), network.features());
        let frames = guide.len() / bins;
        let heard = &mut self.heard[..frames * features];
        for (spectrum, row) in guide.chunks_exact(bins).zip(heard.chunks_exact_mut(features)) {
            self.features.hear(spectrum, &network.bands, self.kernels, row);
        }

        let mut states = 0;
        let is_exchange = |layer: &Layer| matches!(layer, Layer::Mixing { .. });
        let mut stretches = network.layers.split_inclusive(is_exchange).peekable();
        let mut first = true;
        while let Some(layers) = stretches.next() {
            let stretch = Stretch {
                layers,
                states,
                first,
                last: stretches.peek().is_none(),
            };
            self.advance(network, frames, stretch);
            states += layers.iter().filter(|layer| !is_exchange(layer)).count();
            first = false;
        }
        (&self.gains, &self.filters)
    }

    /// Takes all frames through one stretch.
    fn advance(&mut self, network: &Network, frames: usize, stretch: Stretch) {
        let kernels = self.kernels;
        let (heard, code) = (&self.heard[..frames * network.features()], &self.code);
        side_by_side(&mut self.lanes, |lane| {
            lane.walk(network, kernels, stretch, heard, code);
        });

        let across = match stretch.layers.last() {
            Some(Layer::Mixing { across, .. }) => Some(across),
            _ => None,
        };
        let each = frames.div_ceil(self.parts.len()).max(1);
        let mut shares: Vec<Share> = self
            .parts
            .iter_mut()
            .zip(heard.chunks(each * network.features()))
            .zip(self.code.chunks_mut(each * network.frame()))
            .zip(self.gains.chunks_mut(each * network.bands.len()))
            .enumerate()
            .map(|(number, (((part, heard), code), gains))| Share {
                part,
                start: number * each,
                heard,
                code,
                gains,
                filters: &mut [],
            })
            .collect();
        // A network may have no filters.
        let filters = self.filters.chunks_mut((each * network.coefficients()).max(1));
        for (share, filters) in shares.iter_mut().zip(filters) {
            share.filters = filters;
        }
        let lanes = &self.lanes;
        side_by_side(&mut shares, |share| {
            share.exchange(network, kernels, lanes, across, stretch.last);
        });
    }
}

impl Lane {
    fn new(network: &Network, positions: Range<usize>, frames: usize) -> Lane {
        let width = positions.len() * network.channels();
        let recurrent = |layer: &&Layer| matches!(layer, Layer::Recurrent { .. });
        let layers = network.layers.iter().filter(recurrent);
        Lane {
            states: layers.map(|_| Aligned::zeros(width)).collect(),
            code: Aligned::zeros(frames * width),
            inner: Aligned::zeros(frames * width),
            gates: Aligned::zeros(CHUNK * 3 * width),
            product: Aligned::zeros(3 * width),
            scratch: PositionScratch::new(network, CHUNK),
            positions,
        }
    }

    /// Takes its positions of all frames through one stretch, up to what they tell each other at its end. `heard` is what
    /// the network hears, `code` what is known of all positions since the stretch before.
    fn walk(&mut self, network: &Network, kernels: Kernels, stretch: Stretch, heard: &[f32], code: &[f32]) {
        let (features, channels, frame) = (network.features(), network.channels(), network.frame());
        let width = self.positions.len() * channels;
        let frames = heard.len() / features;
        for start in (0..frames).step_by(CHUNK) {
            let count = CHUNK.min(frames - start);
            let rows = count * self.positions.len();
            let own = &mut self.code[start * width..][..count * width];
            let inner = &mut self.inner[start * width..][..count * width];
            if stretch.first {
                let heard = &heard[start * features..][..count * features];
                network.encode(kernels, self.positions.clone(), heard, &mut self.scratch, own);
            } else {
                let all = code[start * frame..].chunks_exact(frame);
                for (own, all) in own.chunks_exact_mut(width).zip(all) {
                    own.copy_from_slice(&all[self.positions.start * channels..][..width]);
                }
            }
            let mut states = self.states[stretch.states..].iter_mut();
            for layer in stretch.layers {
                match layer {
                    Layer::Recurrent { before, .. } => {
                        let Some(memory) = states.next() else { continue };
                        let gates = &mut self.gates[..count * 3 * width];
                        kernels.affine(&before.input, own, rows, gates);
                        kernels.recur(&before.state, gates, memory, &mut self.product, own);
                    }
                    Layer::Mixing { channels, .. } => {
                        kernels.affine_rows(channels, own, Rows::of(channels, rows), End::Rectified, inner);
                    }
                }
            }
        }
    }
}

impl Share<'_> {
    /// Gathers all positions, lets them hear each other, and at the end tells gains and filters.
    fn exchange(
        &mut self,
        network: &Network,
        kernels: Kernels,
        lanes: &[Lane],
        across: Option<&Across>,
        last: bool,
    ) {
        let (features, channels, frame) = (network.features(), network.channels(), network.frame());
        let (bands, coefficients) = (network.bands.len(), network.coefficients());
        let frames = self.heard.len() / features;
        for start in (0..frames).step_by(CHUNK) {
            let count = CHUNK.min(frames - start);
            let code = &mut self.code[start * frame..][..count * frame];
            let inner = &mut self.part.inner[..count * frame];
            for lane in lanes {
                let (first, width) = (lane.positions.start * channels, lane.positions.len() * channels);
                let from = (self.start + start) * width;
                for row in 0..count {
                    let (to, from) = (row * frame + first, from + row * width);
                    code[to..to + width].copy_from_slice(&lane.code[from..from + width]);
                    inner[to..to + width].copy_from_slice(&lane.inner[from..from + width]);
                }
            }
            if let Some(across) = across {
                kernels.mix(across, inner, code);
            }
            if last {
                network.decode(
                    kernels,
                    &self.heard[start * features..][..count * features],
                    code,
                    &mut self.part.scratch,
                    &mut self.gains[start * bands..][..count * bands],
                    &mut self.filters[start * coefficients..][..count * coefficients],
                );
            }
        }
    }
}

/// Works on every item in a thread of its own, or in fewer threads where the system gives no more.
pub(crate) fn side_by_side<T: Send>(items: &mut [T], work: impl Fn(&mut T) + Sync) {
    let others = items.len().saturating_sub(1);
    let left = Mutex::new(items.iter_mut());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(item) = next() {
            work(item);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..others {
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
}
