//! The scheduler: runs the layers of a network over frames, on one thread or several, forward in time or in both directions.
//!
//! GRUs belong to a sub-band, mixing to a frame. So several threads take turns: first each runs its sub-bands through all
//! frames of a call, then each takes its frames with all their sub-bands. Rows of a product get the same bits whatever
//! stands beside them, so that neither threads nor calls change a result.

use crate::kernels::{Activation, Aligned, Direction, Kernels, Matrix, Mixer, Rows};
use crate::network::{Gru, Layer, Network, SubBandScratch};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Frames that go through a layer together. The weights of a layer fit the first cache, so that a few frames are enough to
/// hide the rest; more would fall out of the second.
pub(crate) const CHUNK: usize = 8;

/// More would wait rather than work: there are only so many sub-bands.
const MOST_THREADS: usize = 8;

/// The hidden state of every forward GRU, carried from call to call by whoever owns the stream.
#[derive(Debug)]
pub(crate) struct HiddenState {
    layers: Vec<LayerState>,
    /// Frames of the next call after which the state is kept.
    mark: Option<usize>,
}

/// The hidden state of a layer.
#[derive(Debug)]
struct LayerState {
    /// `[sub-band][channel]`
    now: Aligned,
    /// The state at the mark; empty where there is never one.
    marked: Aligned,
}

impl HiddenState {
    /// For a stream.
    pub(crate) fn new(network: &Network) -> HiddenState {
        HiddenState::with_marks(network, 0)
    }

    /// For a recording, in which calls overlap.
    pub(crate) fn with_mark(network: &Network) -> HiddenState {
        HiddenState::with_marks(network, network.frame())
    }

    fn with_marks(network: &Network, kept: usize) -> HiddenState {
        let layer = |_| LayerState {
            now: Aligned::zeros(network.frame()),
            marked: Aligned::zeros(kept),
        };
        HiddenState {
            layers: (0..network.recurrent_layers()).map(layer).collect(),
            mark: None,
        }
    }

    /// Lets the next call keep the state after so many of its frames, a multiple of [`CHUNK`] or all of them.
    pub(crate) fn mark(&mut self, frames: usize) {
        self.mark = Some(frames);
    }

    /// Goes back to the mark of the last call.
    pub(crate) fn return_to_mark(&mut self) {
        for layer in &mut self.layers {
            layer.now.copy_from_slice(&layer.marked);
        }
    }

    /// The state of a layer, now and at the mark.
    pub(super) fn of_layer(&mut self, layer: usize) -> (&mut [f32], &mut [f32]) {
        let LayerState { now, marked } = &mut self.layers[layer];
        (now, marked)
    }

    pub(crate) fn reset(&mut self) {
        self.layers.iter_mut().for_each(|layer| layer.now.fill(0.0));
    }
}

/// The part of a layer's state that some sub-bands have.
struct StateOf<'a> {
    now: &'a mut [f32],
    marked: &'a mut [f32],
    /// Frames after which `now` is copied to `marked`.
    mark: Option<usize>,
}

/// Runs one network. Its buffers serve any number of streams, one after the other.
#[derive(Debug)]
pub(crate) struct Scheduler {
    network: Arc<Network>,
    kernels: Kernels,
    /// `[frame][sub-band][channel]`
    code: Aligned,
    /// The same with what a layer of both directions has added so far.
    sum: Aligned,
    /// The sub-bands of each thread, and its frames.
    lanes: Vec<Lane>,
    shares: Vec<ShareScratch>,
}

/// The sub-bands of one thread.
#[derive(Debug)]
struct Lane {
    sub_bands: Range<usize>,
    /// `[frame][sub-band of these][channel]`, before and after a layer; empty where one thread does all in place.
    code: Aligned,
    sum: Aligned,
    scratch: GruScratch,
}

/// Buffers for the GRUs of a number of sub-bands.
#[derive(Debug)]
struct GruScratch {
    /// The input side of the gates of a few frames.
    gates: Aligned,
    /// The hidden-state side, of one frame.
    product: Aligned,
    /// Hidden state of a backward GRU.
    backward: Aligned,
}

/// Buffers for a few frames of one thread, with all sub-bands.
#[derive(Debug)]
struct ShareScratch {
    /// `[frame][sub-band][channel]` between the two products of a mixing layer.
    inner: Aligned,
    sub_band: SubBandScratch,
}

impl Scheduler {
    /// For calls of up to `frames` frames on so many threads; longer calls take more memory when they come.
    pub(crate) fn new(network: Arc<Network>, kernels: Kernels, threads: usize, frames: usize) -> Scheduler {
        let sub_bands = network.sub_bands.len();
        let threads = threads.clamp(1, MOST_THREADS.min(sub_bands));
        let lane = |lane: usize| {
            let own = sub_bands * lane / threads..sub_bands * (lane + 1) / threads;
            let width = own.len() * network.channels();
            Lane {
                sub_bands: own,
                code: Aligned::zeros(0),
                sum: Aligned::zeros(0),
                scratch: GruScratch {
                    gates: Aligned::zeros(CHUNK * 3 * width),
                    product: Aligned::zeros(3 * width),
                    backward: Aligned::zeros(if network.looks_ahead() { width } else { 0 }),
                },
            }
        };
        let share = |_| ShareScratch {
            inner: Aligned::zeros(CHUNK * network.frame()),
            sub_band: SubBandScratch::new(&network, CHUNK),
        };
        let mut scheduler = Scheduler {
            kernels,
            code: Aligned::zeros(0),
            sum: Aligned::zeros(0),
            lanes: (0..threads).map(lane).collect(),
            shares: (0..threads).map(share).collect(),
            network,
        };
        scheduler.make_room(frames);
        scheduler
    }

    pub(crate) fn network(&self) -> &Arc<Network> {
        &self.network
    }

    pub(crate) fn kernels(&self) -> Kernels {
        self.kernels
    }

    pub(crate) fn threads(&self) -> usize {
        self.lanes.len()
    }

    fn make_room(&mut self, frames: usize) {
        let (frame, channels) = (self.network.frame(), self.network.channels());
        if self.code.len() >= frames * frame {
            return;
        }
        self.code = Aligned::zeros(frames * frame);
        let both = self.network.looks_ahead();
        if self.lanes.len() == 1 {
            self.sum = Aligned::zeros(if both { frames * frame } else { 0 });
            return;
        }
        for lane in &mut self.lanes {
            let width = lane.sub_bands.len() * channels;
            lane.code = Aligned::zeros(frames * width);
            lane.sum = Aligned::zeros(if both { frames * width } else { 0 });
        }
    }

    /// Runs the network over frames that follow those of `state`, which moves on to the last of them. Backward GRUs begin
    /// anew at the last frame.
    ///
    /// `features` are `[frame][feature]`. For the frames `wanted` among them it computes the gains, `[frame][band]`, and
    /// the filters, `[frame]` of `[re, im][tap][bin]`. Does not allocate on one thread for as many frames as planned.
    pub(crate) fn run(
        &mut self,
        features: &[f32],
        state: &mut HiddenState,
        wanted: Range<usize>,
        gains: &mut [f32],
        filters: &mut [f32],
    ) {
        let network = self.network.clone();
        let frames = features.len() / network.features();
        self.make_room(frames);
        self.encode(&network, features);
        let mark = state.mark.take();
        let mut states = state.layers.iter_mut().map(|layer| StateOf {
            now: &mut layer.now,
            marked: &mut layer.marked,
            mark,
        });
        let mut scattered = false;
        for layer in &network.layers {
            match layer {
                Layer::Recurrent { forward, backward } => {
                    let Some(state) = states.next() else { continue };
                    self.recur(frames, forward, backward.as_ref(), state, scattered);
                    scattered = self.lanes.len() > 1;
                }
                Layer::Mixing { channels, across } => {
                    self.mix(frames, channels, across, scattered);
                    scattered = false;
                }
            }
        }
        self.decode(&network, features, wanted, (gains, filters), scattered);
    }

    /// Input layers, by frames.
    fn encode(&mut self, network: &Network, features: &[f32]) {
        let (kernels, frame, inputs) = (self.kernels, network.frame(), network.features());
        let code = &mut self.code[..features.len() / inputs * frame];
        by_frames(&mut self.shares, frame, code, Outputs::none(), |share| {
            let features = &features[share.start * inputs..];
            let chunks = share.code.chunks_mut(CHUNK * frame);
            for (code, features) in chunks.zip(features.chunks(CHUNK * inputs)) {
                let features = &features[..code.len() / frame * inputs];
                network.encode(kernels, features, &mut share.scratch.sub_band, code);
            }
        });
    }

    /// A recurrent layer, by sub-bands. `scattered` says that the lanes hold the code already.
    fn recur(
        &mut self,
        frames: usize,
        forward: &Gru,
        backward: Option<&Gru>,
        mut state: StateOf,
        scattered: bool,
    ) {
        let (kernels, channels, frame) = (self.kernels, self.network.channels(), self.network.frame());
        if let [lane] = &mut self.lanes[..] {
            let code = &mut self.code[..frames * frame];
            let layer = Recurrence {
                kernels,
                forward,
                backward,
                width: frame,
            };
            if layer.run(code, &mut self.sum, &mut state, &mut lane.scratch) {
                std::mem::swap(&mut self.code, &mut self.sum);
            }
            return;
        }
        let code = &self.code[..frames * frame];
        let StateOf {
            mut now,
            mut marked,
            mark,
        } = state;
        let lanes = self.lanes.iter_mut();
        let mut jobs: Vec<_> = lanes
            .filter_map(|lane| {
                let width = lane.sub_bands.len() * channels;
                let kept = width.min(marked.len());
                let state = StateOf {
                    now: now.split_off_mut(..width)?,
                    marked: marked.split_off_mut(..kept)?,
                    mark,
                };
                Some((lane, state))
            })
            .collect();
        side_by_side(&mut jobs, |(lane, state)| {
            let own = lane.sub_bands.start * channels..lane.sub_bands.end * channels;
            let width = own.len();
            if !scattered {
                for (to, row) in lane.code.chunks_exact_mut(width).zip(code.chunks_exact(frame)) {
                    to.copy_from_slice(&row[own.clone()]);
                }
            }
            let layer = Recurrence {
                kernels,
                forward,
                backward,
                width,
            };
            let code = &mut lane.code[..frames * width];
            if layer.run(code, &mut lane.sum, state, &mut lane.scratch) {
                std::mem::swap(&mut lane.code, &mut lane.sum);
            }
        });
    }

    /// A mixing layer, by frames.
    fn mix(&mut self, frames: usize, channels: &Matrix, across: &Mixer, scattered: bool) {
        let (kernels, frame, lanes) = (self.kernels, self.network.frame(), &self.lanes);
        let code = &mut self.code[..frames * frame];
        by_frames(&mut self.shares, frame, code, Outputs::none(), |share| {
            for (index, code) in share.code.chunks_mut(CHUNK * frame).enumerate() {
                if scattered {
                    gather(lanes, share.start + index * CHUNK, frame, code);
                }
                mix(kernels, channels, across, &mut share.scratch.inner, code);
            }
        });
    }

    /// Output layers, by frames.
    fn decode(
        &mut self,
        network: &Network,
        features: &[f32],
        wanted: Range<usize>,
        (gains, filters): (&mut [f32], &mut [f32]),
        scattered: bool,
    ) {
        let (kernels, frame, inputs, lanes) =
            (self.kernels, network.frame(), network.features(), &self.lanes);
        let (bands, coefficients) = (network.bands.len(), network.coefficients());
        let code = &mut self.code[wanted.start * frame..wanted.end * frame];
        let outputs = Outputs {
            gains: (bands, gains),
            filters: (coefficients, filters),
        };
        by_frames(&mut self.shares, frame, code, outputs, |share| {
            for (index, code) in share.code.chunks_mut(CHUNK * frame).enumerate() {
                let (first, count) = (index * CHUNK, code.len() / frame);
                let start = wanted.start + share.start + first;
                if scattered {
                    gather(lanes, start, frame, code);
                }
                network.decode(
                    kernels,
                    &features[start * inputs..][..count * inputs],
                    code,
                    &mut share.scratch.sub_band,
                    &mut share.gains[first * bands..][..count * bands],
                    &mut share.filters[first * coefficients..][..count * coefficients],
                );
            }
        });
    }
}

/// A recurrent layer over a number of sub-bands.
struct Recurrence<'a> {
    kernels: Kernels,
    forward: &'a Gru,
    backward: Option<&'a Gru>,
    /// Numbers of these sub-bands in a frame.
    width: usize,
}

impl Recurrence<'_> {
    /// Adds the hidden state after every frame to `code`: in place, or, in both directions, to a copy of it in `sum`. Tells
    /// whether the result is in `sum`.
    fn run(&self, code: &mut [f32], sum: &mut [f32], state: &mut StateOf, scratch: &mut GruScratch) -> bool {
        let GruScratch {
            gates,
            product,
            backward: last,
        } = scratch;
        let mut walk = |gru: &Gru, direction, code: Option<&[f32]>, sum: &mut [f32], state: &mut StateOf| {
            let (frames, step) = (sum.len() / self.width, CHUNK * self.width);
            let chunks = frames.div_ceil(CHUNK);
            for index in 0..chunks {
                let start = step
                    * match direction {
                        Direction::Forward => index,
                        Direction::Backward => chunks - 1 - index,
                    };
                let sum = &mut sum[start..];
                let len = step.min(sum.len());
                let sum = &mut sum[..len];
                let input = code.map(|code| &code[start..start + len]);
                recur(
                    self.kernels,
                    gru,
                    direction,
                    input,
                    sum,
                    state.now,
                    (gates, product),
                );
                if state.mark.is_some_and(|mark| mark * self.width == start + len) {
                    state.marked.copy_from_slice(state.now);
                }
            }
        };
        let Some(backward) = self.backward else {
            walk(self.forward, Direction::Forward, None, code, state);
            return false;
        };
        let sum = &mut sum[..code.len()];
        sum.copy_from_slice(code);
        walk(self.forward, Direction::Forward, Some(code), sum, state);
        last.fill(0.0);
        let mut last = StateOf {
            now: last,
            marked: &mut [],
            mark: None,
        };
        walk(backward, Direction::Backward, Some(code), sum, &mut last);
        true
    }
}

/// Adds to `sum` the hidden state of a GRU after every frame of a chunk, at most [`CHUNK`], whose input is `input`, or what is in `sum`.
/// `last` is the hidden state of the frame before, in the direction of time; the gates' input and hidden-state sides are scratch.
pub(super) fn recur(
    kernels: Kernels,
    gru: &Gru,
    direction: Direction,
    input: Option<&[f32]>,
    sum: &mut [f32],
    last: &mut [f32],
    (gates, product): (&mut [f32], &mut [f32]),
) {
    let gates = &mut gates[..3 * sum.len()];
    let input = input.unwrap_or(&*sum);
    kernels.affine(&gru.input, input, input.len() / gru.input.inputs(), gates);
    kernels.gru(&gru.state, direction, gates, last, product, sum);
}

/// A mixing layer over a chunk of frames, at most [`CHUNK`], with all sub-bands.
pub(super) fn mix(kernels: Kernels, channels: &Matrix, across: &Mixer, inner: &mut [f32], code: &mut [f32]) {
    let inner = &mut inner[..code.len()];
    let rows = Rows::of(channels, code.len() / channels.inputs());
    kernels.affine_rows(channels, code, rows, Activation::Relu, inner);
    kernels.mix(across, inner, code);
}

/// Copies frames from `start` on from the lanes to `code`, `[frame][sub-band][channel]`.
fn gather(lanes: &[Lane], start: usize, frame: usize, code: &mut [f32]) {
    let mut first = 0;
    for lane in lanes {
        let width = lane.scratch.product.len() / 3;
        let rows = lane.code[start * width..].chunks_exact(width);
        for (row, own) in code.chunks_exact_mut(frame).zip(rows) {
            row[first..first + width].copy_from_slice(own);
        }
        first += width;
    }
}

/// Results of the output layers, with their numbers a frame.
struct Outputs<'a> {
    gains: (usize, &'a mut [f32]),
    filters: (usize, &'a mut [f32]),
}

impl Outputs<'_> {
    fn none() -> Self {
        Outputs {
            gains: (0, &mut []),
            filters: (0, &mut []),
        }
    }
}

/// The frames of one thread.
struct Share<'a> {
    scratch: &'a mut ShareScratch,
    /// The first of them.
    start: usize,
    code: &'a mut [f32],
    gains: &'a mut [f32],
    filters: &'a mut [f32],
}

/// Shares the frames of `code` and `outputs` among as many threads as there is scratch, and works on each share.
fn by_frames(
    scratch: &mut [ShareScratch],
    frame: usize,
    code: &mut [f32],
    outputs: Outputs,
    work: impl Fn(&mut Share) + Sync,
) {
    let (bands, mut gains) = outputs.gains;
    let (coefficients, mut filters) = outputs.filters;
    let each = (code.len() / frame).div_ceil(scratch.len());
    let mut rest = code;
    let mut next = |number: usize, scratch| {
        let count = each.min(rest.len() / frame);
        Some(Share {
            scratch,
            start: number * each,
            code: rest.split_off_mut(..count * frame)?,
            gains: gains.split_off_mut(..count * bands)?,
            filters: filters.split_off_mut(..count * coefficients)?,
        })
    };
    if let [own] = scratch {
        return next(0, own).iter_mut().for_each(work);
    }
    let scratch = scratch.iter_mut().enumerate();
    let mut shares: Vec<_> = scratch
        .filter_map(|(number, scratch)| next(number, scratch))
        .filter(|share| !share.code.is_empty())
        .collect();
    side_by_side(&mut shares, work);
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
