//! The scheduler: runs the layers of a network over frames, on one thread or several, forward in time or in both directions,
//! a whole call at once or chunk by chunk.
//!
//! GRUs belong to a sub-band, mixing to a frame. So several threads take turns: first each runs its sub-bands through all
//! frames of a call, then each takes its frames with all their sub-bands. Rows of a product get the same bits whatever
//! stands beside them, so that neither threads nor calls nor chunks change a result.

use super::passes::{CHUNK, Pass, Span, Time, Work, passes};
use super::threads::{Outputs, by_frames, side_by_side};
use crate::kernels::{Activation, Aligned, Direction, Kernels, Matrix, Mixer, Rows};
use crate::network::{Gru, Network, SubBandScratch};
use std::ops::Range;
use std::sync::Arc;

/// More would wait rather than work: there are only so many sub-bands.
const MOST_THREADS: usize = 8;

/// The hidden state of every forward GRU, `[sub-band][channel]`, carried from call to call by whoever owns the stream.
#[derive(Debug)]
pub(crate) struct HiddenState {
    layers: Vec<Aligned>,
}

impl HiddenState {
    pub(crate) fn new(network: &Network) -> HiddenState {
        let layer = |_| Aligned::zeros(network.frame());
        HiddenState {
            layers: (0..network.recurrent_layers()).map(layer).collect(),
        }
    }

    pub(crate) fn reset(&mut self) {
        self.layers.iter_mut().for_each(|layer| layer.fill(0.0));
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        self.layers.iter().map(|layer| layer.len()).sum()
    }

    /// Writes them one layer after the other.
    pub(crate) fn save(&self, mut state: &mut [f32]) {
        for layer in &self.layers {
            let (now, later) = state.split_at_mut(layer.len());
            now.copy_from_slice(layer);
            state = later;
        }
    }

    /// Takes what [`save`](Self::save) wrote. A GRU's state lies between −1 and 1.
    pub(crate) fn restore(&mut self, mut state: &[f32]) {
        for layer in &mut self.layers {
            let (now, later) = state.split_at(layer.len());
            for (to, from) in layer.iter_mut().zip(now) {
                *to = from.clamp(-1.0, 1.0);
            }
            state = later;
        }
    }
}

/// Input, state and output of a call.
pub(super) struct Call<'a> {
    pub(super) span: Span,
    /// `[frame][feature]`
    pub(super) features: &'a [f32],
    /// The state before the first frame; each layer's moves on to the last wanted frame.
    pub(super) state: &'a mut HiddenState,
    /// Of the wanted frames: `[frame][band]`, and `[frame]` of `[re, im][tap][bin]`.
    pub(super) gains: &'a mut [f32],
    pub(super) filters: &'a mut [f32],
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
    /// A hidden state that ends with the call: that of a backward GRU, or of a forward one behind the wanted frames.
    passing: Aligned,
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
                    passing: Aligned::zeros(if network.looks_ahead() { width } else { 0 }),
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

    /// Runs the network over frames that follow those of `state`. The first `wanted` frames get gains, `[frame][band]`, and filters,
    /// `[frame]` of `[re, im][tap][bin]`; `state` moves on to the last of them. Backward GRUs begin anew at the last frame of all.
    ///
    /// `features` are `[frame][feature]`. Does not allocate on one thread for as many frames as planned.
    pub(crate) fn run(
        &mut self,
        features: &[f32],
        state: &mut HiddenState,
        wanted: usize,
        gains: &mut [f32],
        filters: &mut [f32],
    ) {
        let network = self.network.clone();
        let frames = features.len() / network.features();
        self.make_room(frames);
        let mut call = Call {
            span: Span { frames, wanted },
            features,
            state,
            gains,
            filters,
        };
        for pass in passes(&network) {
            self.work(&pass, 0..pass.frames(call.span), &mut call);
        }
    }

    /// Does a pass for some of its frames. Those of a pass come in the pass's direction of time, and all passes one after the other.
    pub(super) fn work(&mut self, pass: &Pass, frames: Range<usize>, call: &mut Call) {
        let held = if self.lanes.len() > 1 {
            pass.held(call.span)
        } else {
            0
        };
        match pass.work {
            Work::Encode => self.encode(frames, call.features),
            Work::Recur(gru, time) => {
                let layer = Recurrence {
                    kernels: self.kernels,
                    gru,
                    time,
                    whole: call.span,
                    frames,
                };
                let mut none = [];
                let state = match time {
                    Time::Forward { state, .. } => &mut call.state.layers[state][..],
                    Time::Backward => &mut none,
                };
                self.recur(&layer, state, held);
            }
            Work::Mix(channels, across) => self.mix(frames, channels, across, held > 0),
            Work::Decode => self.decode(frames, call, held > 0),
        }
    }

    /// Input layers, by frames.
    fn encode(&mut self, frames: Range<usize>, features: &[f32]) {
        let (network, kernels) = (&self.network, self.kernels);
        let (frame, inputs) = (network.frame(), network.features());
        let code = &mut self.code[frames.start * frame..frames.end * frame];
        by_frames(&mut self.shares, frames, code, Outputs::none(), |share| {
            let features = &features[share.start * inputs..];
            let chunks = share.code.chunks_mut(CHUNK * frame);
            for (code, features) in chunks.zip(features.chunks(CHUNK * inputs)) {
                let features = &features[..code.len() / frame * inputs];
                network.encode(kernels, features, &mut share.scratch.sub_band, code);
            }
        });
    }

    /// A GRU, by sub-bands. The lanes hold the code of the first `held` frames already.
    fn recur(&mut self, layer: &Recurrence, mut state: &mut [f32], held: usize) {
        if let [lane] = &mut self.lanes[..] {
            let width = self.network.frame();
            return layer.run(width, &mut self.code, &mut self.sum, state, &mut lane.scratch);
        }
        let (channels, frame, code) = (self.network.channels(), self.network.frame(), &self.code);
        let lanes = self.lanes.iter_mut();
        let mut jobs: Vec<_> = lanes
            .filter_map(|lane| {
                let width = (lane.sub_bands.len() * channels).min(state.len());
                Some((lane, state.split_off_mut(..width)?))
            })
            .collect();
        side_by_side(&mut jobs, |(lane, state)| {
            let own = lane.sub_bands.start * channels..lane.sub_bands.end * channels;
            let width = own.len();
            for at in layer.frames.start.max(held)..layer.frames.end {
                let row = &code[at * frame..][own.clone()];
                lane.code[at * width..][..width].copy_from_slice(row);
            }
            layer.run(width, &mut lane.code, &mut lane.sum, state, &mut lane.scratch);
        });
    }

    /// A mixing layer, by frames: channels → channels, ReLU, then a mixture across sub-bands.
    fn mix(&mut self, frames: Range<usize>, channels: &Matrix, across: &Mixer, in_lanes: bool) {
        let (kernels, frame, lanes) = (self.kernels, self.network.frame(), &self.lanes);
        let code = &mut self.code[frames.start * frame..frames.end * frame];
        by_frames(&mut self.shares, frames, code, Outputs::none(), |share| {
            for (index, code) in share.code.chunks_mut(CHUNK * frame).enumerate() {
                if in_lanes {
                    gather(lanes, share.start + index * CHUNK, frame, code);
                }
                let inner = &mut share.scratch.inner[..code.len()];
                let rows = Rows::of(channels, code.len() / channels.inputs());
                kernels.affine_rows(channels, code, rows, Activation::Relu, inner);
                kernels.mix(across, inner, code);
            }
        });
    }

    /// Output layers, by frames.
    fn decode(&mut self, frames: Range<usize>, call: &mut Call, in_lanes: bool) {
        let (network, kernels, lanes) = (&self.network, self.kernels, &self.lanes);
        let (frame, inputs, features) = (network.frame(), network.features(), call.features);
        let (bands, coefficients) = (network.bands.len(), network.coefficients());
        let code = &mut self.code[frames.start * frame..frames.end * frame];
        let outputs = Outputs {
            gains: (bands, &mut call.gains[frames.start * bands..frames.end * bands]),
            filters: (
                coefficients,
                &mut call.filters[frames.start * coefficients..frames.end * coefficients],
            ),
        };
        by_frames(&mut self.shares, frames, code, outputs, |share| {
            for (index, code) in share.code.chunks_mut(CHUNK * frame).enumerate() {
                let (first, count) = (index * CHUNK, code.len() / frame);
                let start = share.start + first;
                if in_lanes {
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

/// A GRU over some frames.
struct Recurrence<'a> {
    kernels: Kernels,
    gru: &'a Gru,
    time: Time,
    /// All frames of the call, and those to run over.
    whole: Span,
    frames: Range<usize>,
}

impl Recurrence<'_> {
    /// Adds the hidden state after every frame to `code`: in place, or, in a layer of both directions, to a copy of it in `sum`.
    /// The result of the layer is in `code`. Both are `[frame][number]`, `width` numbers of some sub-bands.
    fn run(
        &self,
        width: usize,
        code: &mut Aligned,
        sum: &mut Aligned,
        state: &mut [f32],
        scratch: &mut GruScratch,
    ) {
        let wanted = self.whole.wanted;
        match self.time {
            Time::Forward { alone, .. } => {
                for chunk in self.whole.chunks(self.frames.clone()) {
                    let own = chunk.start * width..chunk.end * width;
                    let code = &mut code[own.clone()];
                    let (input, sum) = if alone {
                        (None, code)
                    } else {
                        let sum = &mut sum[own];
                        sum.copy_from_slice(code);
                        (Some(&*code), sum)
                    };
                    if chunk.start == wanted {
                        scratch.passing.copy_from_slice(state);
                    }
                    let state = (chunk.start < wanted).then_some(&mut *state);
                    self.add(Direction::Forward, input, sum, state, scratch);
                }
            }
            Time::Backward => {
                for chunk in self.whole.chunks(self.frames.clone()).rev() {
                    let own = chunk.start * width..chunk.end * width;
                    if chunk.end == self.whole.frames {
                        scratch.passing.fill(0.0);
                    }
                    let input = Some(&code[own.clone()]);
                    self.add(Direction::Backward, input, &mut sum[own], None, scratch);
                }
                if self.frames.start == 0 {
                    std::mem::swap(code, sum);
                }
            }
        }
    }

    /// Adds the hidden state after every frame of a chunk to `sum`. The input is `input`, or what is in `sum`; the state goes on
    /// from `state`, or from the passing one.
    fn add(
        &self,
        direction: Direction,
        input: Option<&[f32]>,
        sum: &mut [f32],
        state: Option<&mut [f32]>,
        scratch: &mut GruScratch,
    ) {
        let GruScratch {
            gates,
            product,
            passing,
        } = scratch;
        let gates = &mut gates[..3 * sum.len()];
        let input = input.unwrap_or(&*sum);
        let rows = input.len() / self.gru.input.inputs();
        self.kernels.affine(&self.gru.input, input, rows, gates);
        let state = state.unwrap_or(passing);
        self.kernels
            .gru(&self.gru.state, direction, gates, state, product, sum);
    }
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
