//! The denoiser for recordings: a network whose memory runs from the start to the end and from the end to the start.
//!
//! What follows a moment tells as much about it as what precedes it (bidirectional recurrent networks: Schuster & Paliwal
//! 1997). [`Studio`] holds such a network; [`Cleaner::best`](crate::recording::Cleaner::best) cleans recordings of any length,
//! rate and number of channels with it. It is made of the same layers as the network for streams, but has more and wider ones,
//! and longer frames.

use crate::aligned::Aligned;
use crate::denoiser::is_sane;
use crate::error::Error;
use crate::features::Features;
use crate::kernels::{End, Kernels, Rows};
use crate::model::{Model, Settings};
use crate::network::{CHUNK, Layer, Memory, Network, PositionScratch};
use crate::stft::Framing;
use crate::weights::{self, bad};
use rustfft::num_complex::Complex32;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A denoising network for recordings, read from a file and checked; cheap to clone.
///
/// The file is of the format that [`Model`] reads, with `both_ways` among its settings, and as little of it is trusted.
#[derive(Clone, Debug)]
pub struct Studio(Model);

impl Studio {
    /// The network that comes with this crate; `models/studio/CARD.md` describes it.
    ///
    /// # Panics
    /// Never: the tests read it.
    pub fn builtin() -> Studio {
        Studio::from_bytes(include_bytes!("../models/studio/studio.safetensors"))
            .expect("the built-in model is whole")
    }

    /// Reads a network from a file.
    ///
    /// # Errors
    /// [`Error::Model`], naming the file and what is wrong with it.
    pub fn open(path: impl AsRef<Path>) -> Result<Studio, Error> {
        weights::open(path.as_ref(), Studio::from_bytes)
    }

    /// Reads a network from the contents of a file.
    ///
    /// # Errors
    /// [`Error::Model`], naming the tensor or setting, what was expected and what was found.
    pub fn from_bytes(bytes: &[u8]) -> Result<Studio, Error> {
        let model = Model::of_any_kind(bytes)?;
        if !model.settings().both_ways {
            return Err(bad(
                "this network runs over streams; the quality best takes one that runs both ways over recordings (train it with --set both_ways=True)"
                    .to_owned(),
            ));
        }
        Ok(Studio(model))
    }

    /// The name that the model gives itself.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What defines the network besides its weights.
    pub fn settings(&self) -> &Settings {
        self.0.settings()
    }

    /// How many numbers were learnt.
    pub fn parameters(&self) -> usize {
        self.0.parameters()
    }

    /// The framing of the spectra that the network cleans.
    pub fn framing(&self) -> &Framing {
        self.0.framing()
    }

    /// Cleans the spectra of one channel in place, `[frame][bin]`, all of them in view: unnormalised forward transforms of
    /// windowed samples. Takes memory for all frames at once.
    ///
    /// # Panics
    /// If `spectra` are not whole frames.
    pub fn clean(&self, spectra: &mut [Complex32]) {
        let bins = self.framing().bins();
        assert!(spectra.len().is_multiple_of(bins), "whole frames");
        let mut hearing = self.hearing();
        let (mut features, mut low) = (Vec::new(), Vec::new());
        for frame in spectra.chunks_exact(bins) {
            hearing.hear(frame, &mut features);
            low.extend_from_slice(&frame[..self.settings().filter_bins]);
        }
        let frames = spectra.len() / bins;
        let masks = self.estimator().estimate(&features, 0..frames);
        let mut mask = vec![0.0; bins];
        for (frame, spectrum) in spectra.chunks_exact_mut(bins).enumerate() {
            self.filter(&masks.filters, frame, &low, frame, spectrum);
            self.apply_gains(&masks.gains, frame, &mut mask, spectrum);
        }
    }

    /// What hears frames, in their order, for [`Estimator`]s.
    pub(crate) fn hearing(&self) -> Hearing {
        let network = self.0.network().clone();
        Hearing {
            features: Features::new(&network.settings, network.bands.len()),
            kernels: Kernels::best(),
            network,
        }
    }

    pub(crate) fn estimator(&self) -> Estimator {
        let network = self.0.network().clone();
        let n = &*network;
        Estimator {
            kernels: Kernels::best(),
            position: PositionScratch::new(n, CHUNK),
            code: Aligned::zeros(0),
            sum: Aligned::zeros(0),
            inner: Aligned::zeros(CHUNK * n.frame()),
            gates: Aligned::zeros(CHUNK * 3 * n.frame()),
            product: Aligned::zeros(3 * n.frame()),
            state: Aligned::zeros(n.frame()),
            network,
        }
    }

    /// Numbers that [`Hearing::hear`] gives for a frame.
    pub(crate) fn features(&self) -> usize {
        self.0.network().features()
    }

    /// Replaces the low bins of `spectrum` by what the filters of a frame make of `low`, the low bins of frames in a row of
    /// which `at` is this one; beyond them there is silence.
    pub(crate) fn filter(
        &self,
        filters: &[f32],
        frame: usize,
        low: &[Complex32],
        at: usize,
        spectrum: &mut [Complex32],
    ) {
        let s = self.settings();
        let bins = s.filter_bins;
        let (frames, taps) = (low.len() / bins.max(1), s.filter_taps);
        let (real, imaginary) = filters[frame * 2 * taps * bins..][..2 * taps * bins].split_at(taps * bins);
        Kernels::best().compiled(
            #[inline(always)]
            || {
                for tap in 0..taps {
                    let Some(other) = (at + s.filter_ahead)
                        .checked_sub(tap)
                        .filter(|&other| other < frames)
                    else {
                        continue;
                    };
                    // A tone in the middle of its bin turns by half a turn a hop in every odd bin.
                    let odd = if other.abs_diff(at) % 2 == 0 { 1.0 } else { -1.0 };
                    let (real, imaginary) = (&real[tap * bins..], &imaginary[tap * bins..]);
                    let heard = low[other * bins..][..bins].iter().zip(real).zip(imaginary);
                    for (bin, (y, ((x, re), im))) in spectrum.iter_mut().zip(heard).enumerate() {
                        let turn = if bin % 2 == 0 { 1.0 } else { odd };
                        let (re, im) = (turn * re, turn * im);
                        *y += Complex32::new(re * x.re - im * x.im, re * x.im + im * x.re);
                    }
                }
            },
        );
    }

    /// Multiplies a spectrum by the gains of a frame; `mask` is scratch of one number a bin. What no network in its right mind
    /// gives becomes silent.
    pub(crate) fn apply_gains(
        &self,
        gains: &[f32],
        frame: usize,
        mask: &mut [f32],
        spectrum: &mut [Complex32],
    ) {
        let bands = &self.0.network().bands;
        let kernels = Kernels::best();
        kernels.compiled(
            #[inline(always)]
            || {
                bands.expand(&gains[frame * bands.len()..][..bands.len()], mask);
                for (x, gain) in spectrum.iter_mut().zip(&*mask) {
                    *x *= gain;
                }
            },
        );
        if !is_sane(kernels, spectrum) {
            spectrum.fill(Complex32::ZERO);
        }
    }
}

/// Turns spectra into what an [`Estimator`] looks at, remembering what came before.
pub(crate) struct Hearing {
    network: Arc<Network>,
    kernels: Kernels,
    features: Features,
}

impl Hearing {
    /// Appends the features of a frame.
    pub(crate) fn hear(&mut self, spectrum: &[Complex32], features: &mut Vec<f32>) {
        let from = features.len();
        features.resize(from + self.network.features(), 0.0);
        (self.features).hear(spectrum, &self.network.bands, self.kernels, &mut features[from..]);
    }

    /// Forgets everything heard.
    pub(crate) fn reset(&mut self) {
        self.features.reset();
    }
}

/// Gains and filters of a number of frames.
pub(crate) struct Masks {
    /// `[frame][band]`
    pub(crate) gains: Vec<f32>,
    /// `[frame]` of `[re, im][tap][bin]`
    pub(crate) filters: Vec<f32>,
}

/// Runs the network over a number of frames, all in view.
pub(crate) struct Estimator {
    network: Arc<Network>,
    kernels: Kernels,
    position: PositionScratch,
    /// `[frame][position][channel]`, and the same with what a recurrent layer has added so far.
    code: Aligned,
    sum: Aligned,
    /// What mixing adds, of a few frames; the input side of the gates of as many; the state side, and the state, of one.
    inner: Aligned,
    gates: Aligned,
    product: Aligned,
    state: Aligned,
}

impl Estimator {
    /// From the features of some frames the masks of `wanted` among them.
    pub(crate) fn estimate(&mut self, features: &[f32], wanted: Range<usize>) -> Masks {
        let network = self.network.clone();
        let (n, k) = (&*network, self.kernels);
        let (frame, positions) = (n.frame(), n.positions.len());
        let frames = features.len() / n.features();
        if self.code.len() < frames * frame {
            self.code = Aligned::zeros(frames * frame);
            self.sum = Aligned::zeros(frames * frame);
        }
        let few = features.chunks(CHUNK * n.features());
        for (features, code) in few.zip(self.code.chunks_mut(CHUNK * frame)) {
            let frames = features.len() / n.features();
            n.encode(
                k,
                0..positions,
                features,
                &mut self.position,
                &mut code[..frames * frame],
            );
        }
        for layer in &n.layers {
            match layer {
                Layer::Recurrent { before, after } => {
                    self.sum[..frames * frame].copy_from_slice(&self.code[..frames * frame]);
                    self.remember(before, frames, false);
                    if let Some(after) = after {
                        self.remember(after, frames, true);
                    }
                    std::mem::swap(&mut self.code, &mut self.sum);
                }
                Layer::Mixing { channels, across } => {
                    for code in self.code[..frames * frame].chunks_mut(CHUNK * frame) {
                        let inner = &mut self.inner[..code.len()];
                        let rows = Rows::of(channels, code.len() / frame * positions);
                        k.affine_rows(channels, code, rows, End::Rectified, inner);
                        k.mix(across, inner, code);
                    }
                }
            }
        }
        let mut masks = Masks {
            gains: vec![0.0; wanted.len() * n.bands.len()],
            filters: vec![0.0; wanted.len() * n.coefficients()],
        };
        for (index, start) in wanted.clone().step_by(CHUNK).enumerate() {
            let (first, count) = (index * CHUNK, CHUNK.min(wanted.end - start));
            n.decode(
                k,
                &features[start * n.features()..][..count * n.features()],
                &self.code[start * frame..][..count * frame],
                &mut self.position,
                &mut masks.gains[first * n.bands.len()..][..count * n.bands.len()],
                &mut masks.filters[first * n.coefficients()..][..count * n.coefficients()],
            );
        }
        masks
    }

    /// Adds to the sum what a memory makes of all frames, from the first to the last or the other way.
    fn remember(&mut self, memory: &Memory, frames: usize, backwards: bool) {
        let (k, frame, positions) = (self.kernels, self.network.frame(), self.network.positions.len());
        self.state.fill(0.0);
        let starts = (0..frames).step_by(CHUNK);
        let mut walk = |start: usize| {
            let count = CHUNK.min(frames - start);
            let code = &self.code[start * frame..][..count * frame];
            let sum = &mut self.sum[start * frame..][..count * frame];
            let gates = &mut self.gates[..3 * count * frame];
            k.affine(&memory.input, code, count * positions, gates);
            if backwards {
                let each = gates.chunks_exact(3 * frame).zip(sum.chunks_exact_mut(frame));
                for (gates, sum) in each.rev() {
                    k.recur(&memory.state, gates, &mut self.state, &mut self.product, sum);
                }
            } else {
                k.recur(&memory.state, gates, &mut self.state, &mut self.product, sum);
            }
        };
        if backwards {
            starts.rev().for_each(&mut walk);
        } else {
            starts.for_each(&mut walk);
        }
    }
}
