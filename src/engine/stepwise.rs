//! A network that runs in both directions of time, a small step at a time: for an audio thread, which has to share a long job out
//! evenly. Gives the same bits as the scheduler in one call.

use super::schedule::{CHUNK, HiddenState, mix, recur};
use crate::kernels::{Aligned, Direction, Kernels};
use crate::network::{Gru, Layer, Network, SubBandScratch};
use std::ops::Range;
use std::sync::Arc;

/// One job after the other, with all buffers for the longest.
#[derive(Debug)]
pub(crate) struct Stepwise {
    network: Arc<Network>,
    kernels: Kernels,
    /// `[frame][feature]` of the job.
    features: Vec<f32>,
    /// Frames of the job, and the first of them whose masks are wanted.
    frames: usize,
    wanted: usize,
    /// The next step: a pass over all frames, and a chunk of it.
    pass: usize,
    chunk: usize,
    /// `[frame][sub-band][channel]`, and the same with what a layer has added so far.
    code: Aligned,
    sum: Aligned,
    /// Hidden state of a backward GRU.
    backward: Aligned,
    gates: Aligned,
    product: Aligned,
    inner: Aligned,
    sub_band: SubBandScratch,
    /// `[frame][band]`, and `[frame]` of `[re, im][tap][bin]`, of the wanted frames.
    pub(super) gains: Vec<f32>,
    pub(super) filters: Vec<f32>,
}

/// A pass over the frames of a job.
enum Pass<'a> {
    Encode,
    Forward {
        layer: usize,
        gru: &'a Gru,
        in_place: bool,
    },
    Backward(&'a Gru),
    Mix(&'a Layer),
    Decode,
}

impl Stepwise {
    /// For jobs of up to `frames` frames, of which `wanted` get masks.
    pub(crate) fn new(network: &Arc<Network>, frames: usize, wanted: usize) -> Stepwise {
        let frame = network.frame();
        Stepwise {
            kernels: Kernels::best(),
            features: vec![0.0; frames * network.features()],
            frames: 0,
            wanted: 0,
            pass: usize::MAX,
            chunk: 0,
            code: Aligned::zeros(frames * frame),
            sum: Aligned::zeros(frames * frame),
            backward: Aligned::zeros(frame),
            gates: Aligned::zeros(CHUNK * 3 * frame),
            product: Aligned::zeros(3 * frame),
            inner: Aligned::zeros(CHUNK * frame),
            sub_band: SubBandScratch::new(network, CHUNK),
            gains: vec![0.0; wanted * network.bands.len()],
            filters: vec![0.0; wanted * network.coefficients()],
            network: network.clone(),
        }
    }

    /// Begins a job: the first `wanted` of `frames` frames get masks. The features are to be written where this says.
    pub(crate) fn begin(&mut self, frames: usize, wanted: usize) -> &mut [f32] {
        (self.frames, self.wanted) = (frames, wanted);
        (self.pass, self.chunk) = (0, 0);
        &mut self.features[..frames * self.network.features()]
    }

    /// Gives up the job.
    pub(crate) fn stop(&mut self) {
        self.pass = usize::MAX;
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_done(&self) -> bool {
        self.pass >= self.passes()
    }

    fn passes(&self) -> usize {
        let of = |layer: &Layer| match layer {
            Layer::Recurrent {
                backward: Some(_), ..
            } => 2,
            _ => 1,
        };
        2 + self.network.layers.iter().map(of).sum::<usize>()
    }

    /// All steps of the job, and those that are done.
    pub(crate) fn progress(&self) -> (usize, usize) {
        let passes = self.passes();
        let steps = |to: usize| {
            (0..to)
                .map(|pass| self.chunks(self.frames_in(pass)))
                .sum::<usize>()
        };
        (steps(passes), steps(self.pass.min(passes)) + self.chunk)
    }

    /// The frames that a pass has to do: all, as long as one comes after it that runs backward in time.
    fn frames_in(&self, pass: usize) -> usize {
        let (mut number, mut last) = (0, 0);
        for layer in &self.network.layers {
            number += 1;
            if let Layer::Recurrent {
                backward: Some(_), ..
            } = layer
            {
                number += 1;
                last = number;
            }
        }
        // The forward GRU of the last such layer comes before its backward one, which does not need it.
        if pass > last || pass + 1 == last {
            self.wanted
        } else {
            self.frames
        }
    }

    /// The chunks of so many frames: none goes on both sides of the last wanted one.
    fn chunks(&self, frames: usize) -> usize {
        let wanted = self.wanted.min(frames);
        wanted.div_ceil(CHUNK) + (frames - wanted).div_ceil(CHUNK)
    }

    /// The frames of a chunk of this number.
    fn frames_of(&self, chunk: usize) -> Range<usize> {
        let before = self.wanted.div_ceil(CHUNK);
        let (start, end) = match chunk.checked_sub(before) {
            None => (chunk * CHUNK, self.wanted),
            Some(behind) => (self.wanted + behind * CHUNK, self.frames),
        };
        start..end.min(start + CHUNK)
    }

    fn pass<'a>(network: &'a Network, number: usize) -> Pass<'a> {
        let mut left = match number.checked_sub(1) {
            None => return Pass::Encode,
            Some(left) => left,
        };
        let mut recurrent = 0;
        for layer in &network.layers {
            match layer {
                Layer::Recurrent { forward, backward } => {
                    match (left, backward) {
                        (0, _) => {
                            return Pass::Forward {
                                layer: recurrent,
                                gru: forward,
                                in_place: backward.is_none(),
                            };
                        }
                        (1, Some(backward)) => return Pass::Backward(backward),
                        _ => left -= 1 + usize::from(backward.is_some()),
                    }
                    recurrent += 1;
                }
                Layer::Mixing { .. } if left == 0 => return Pass::Mix(layer),
                Layer::Mixing { .. } => left -= 1,
            }
        }
        Pass::Decode
    }

    /// Does the next step. `state` is that of the frame before the job; it moves on to the last wanted one.
    pub(crate) fn step(&mut self, state: &mut HiddenState) {
        if self.is_done() {
            return;
        }
        let network = self.network.clone();
        let (kernels, frame, inputs) = (self.kernels, network.frame(), network.features());
        let chunks = self.chunks(self.frames_in(self.pass));
        match Self::pass(&network, self.pass) {
            Pass::Encode => {
                let own = self.frames_of(self.chunk);
                let features = &self.features[own.start * inputs..own.end * inputs];
                let code = &mut self.code[own.start * frame..own.end * frame];
                network.encode(kernels, features, &mut self.sub_band, code);
            }
            Pass::Forward { layer, gru, in_place } => {
                let own = self.frames_of(self.chunk);
                let last = own.end == self.wanted;
                let own = own.start * frame..own.end * frame;
                let (now, kept) = state.of_layer(layer);
                let (code, sum) = (&mut self.code[own.clone()], &mut self.sum[own]);
                let (input, sum) = if in_place {
                    (None, code)
                } else {
                    sum.copy_from_slice(code);
                    (Some(&*code), sum)
                };
                let scratch = (&mut *self.gates, &mut *self.product);
                recur(kernels, gru, Direction::Forward, input, sum, now, scratch);
                if last {
                    kept.copy_from_slice(now);
                }
                if self.chunk + 1 == chunks {
                    now.copy_from_slice(kept);
                }
            }
            Pass::Backward(gru) => {
                if self.chunk == 0 {
                    self.backward.fill(0.0);
                }
                let own = self.frames_of(chunks - 1 - self.chunk);
                let own = own.start * frame..own.end * frame;
                let (code, sum) = (&self.code[own.clone()], &mut self.sum[own]);
                let (last, scratch) = (&mut *self.backward, (&mut *self.gates, &mut *self.product));
                recur(kernels, gru, Direction::Backward, Some(code), sum, last, scratch);
                if self.chunk + 1 == chunks {
                    std::mem::swap(&mut self.code, &mut self.sum);
                }
            }
            Pass::Mix(Layer::Mixing { channels, across }) => {
                let own = self.frames_of(self.chunk);
                let code = &mut self.code[own.start * frame..own.end * frame];
                mix(kernels, channels, across, &mut self.inner, code);
            }
            Pass::Mix(Layer::Recurrent { .. }) => {}
            Pass::Decode => {
                let own = self.frames_of(self.chunk);
                let (bands, coefficients) = (network.bands.len(), network.coefficients());
                network.decode(
                    kernels,
                    &self.features[own.start * inputs..own.end * inputs],
                    &self.code[own.start * frame..own.end * frame],
                    &mut self.sub_band,
                    &mut self.gains[own.start * bands..own.end * bands],
                    &mut self.filters[own.start * coefficients..own.end * coefficients],
                );
            }
        }
        self.chunk += 1;
        if self.chunk == chunks {
            (self.pass, self.chunk) = (self.pass + 1, 0);
        }
    }
}
