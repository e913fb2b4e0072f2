//! The front end: samples of the host become frames of spectra at the network's rate.

use super::fifo::Fifo;
use super::levels::audible;
use super::timing::Timing;
use crate::error::Error;
use crate::kernels::Kernels;
use crate::spectrum::{Analysis, Blocks, Framing, Resampler, Stft};
use rustfft::num_complex::Complex32;
use std::ops::Range;

/// A number of frames of all channels.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) count: usize,
    /// `[channel][frame][bin]`
    pub(crate) spectra: Vec<Complex32>,
    /// The sound that goes around the network, where the rate is converted; else empty.
    pub(crate) around: Around,
}

impl Frames {
    /// Samples of a hop.
    pub(crate) fn hop(&self) -> usize {
        self.around.hop
    }
}

/// The part of some frames that the back end needs to let sound go around the network.
#[derive(Debug)]
pub(crate) struct Around {
    /// The input at the network's rate in step with the output, `[channel][frame][sample of a hop]`.
    pub(crate) aligned: Vec<f32>,
    /// Energy in the bins whose gain is followed, `[group][frame]`.
    pub(crate) energy: Vec<f32>,
    /// Samples of a hop.
    hop: usize,
}

/// Lets frames wait for an engine that looks ahead, with what goes around the network.
#[derive(Debug)]
pub(super) struct LateFrames {
    /// `[frame]` of `[channel][bin]`, of `[channel][sample of a hop]` and of `[group]`, rings of as many frames.
    spectra: Vec<Complex32>,
    aligned: Vec<f32>,
    energy: Vec<f32>,
    frames: usize,
    channels: usize,
    groups: usize,
    bins: usize,
    hop: usize,
    /// The oldest frame.
    oldest: usize,
}

impl LateFrames {
    /// For frames that come so many frames late.
    pub(super) fn new(
        frames: &Frames,
        framing: &Framing,
        channels: usize,
        groups: usize,
        late: usize,
    ) -> Self {
        let around = if frames.around.energy.is_empty() { 0 } else { late };
        let (bins, hop) = (framing.bins(), framing.hop);
        Self {
            spectra: vec![Complex32::ZERO; late * channels * bins],
            aligned: vec![0.0; around * channels * hop],
            energy: vec![0.0; around * groups],
            frames: late,
            channels,
            groups,
            bins,
            hop,
            oldest: 0,
        }
    }

    pub(super) fn reset(&mut self) {
        self.spectra.fill(Complex32::ZERO);
        self.aligned.fill(0.0);
        self.energy.fill(0.0);
    }

    /// Puts earlier frames in the place of those that have come.
    pub(super) fn exchange(&mut self, frames: &mut Frames) {
        if self.frames == 0 {
            return;
        }
        let (count, bins, hop) = (frames.count, self.bins, self.hop);
        for f in 0..count {
            let spectra = self.spectra[self.oldest * self.channels * bins..].chunks_exact_mut(bins);
            for (c, kept) in spectra.take(self.channels).enumerate() {
                frames.spectra[(c * count + f) * bins..][..bins].swap_with_slice(kept);
            }
            if !self.energy.is_empty() {
                let aligned = self.aligned[self.oldest * self.channels * hop..].chunks_exact_mut(hop);
                for (c, kept) in aligned.take(self.channels).enumerate() {
                    frames.around.aligned[(c * count + f) * hop..][..hop].swap_with_slice(kept);
                }
                let energy = &mut self.energy[self.oldest * self.groups..][..self.groups];
                for (group, kept) in energy.iter_mut().enumerate() {
                    std::mem::swap(&mut frames.around.energy[group * count + f], kept);
                }
            }
            self.oldest = (self.oldest + 1) % self.frames;
        }
    }
}

/// Takes samples and gives frames.
#[derive(Debug)]
pub(crate) struct FrontEnd {
    kernels: Kernels,
    /// Channels under one mask.
    width: usize,
    hop: usize,
    bins: usize,
    top: Range<usize>,
    conversion: Option<Down>,
    /// Input at the network's rate, less than a hop between calls.
    samples: Fifo,
    /// `[channel]`
    analyses: Vec<Analysis>,
}

/// From the host's rate to the network's.
#[derive(Debug)]
struct Down {
    blocks: Blocks,
    resampler: Resampler,
    /// Less than a block of the host's samples between calls.
    input: Fifo,
}

impl FrontEnd {
    /// For so many channels, `width` of them under one mask.
    pub(crate) fn new(timing: &Timing, stft: &Stft, channels: usize, width: usize) -> Result<Self, Error> {
        let conversion = |blocks: Blocks| -> Result<Down, Error> {
            Ok(Down {
                blocks,
                resampler: Resampler::new(blocks.host, blocks.model, channels)?,
                input: Fifo::new(channels, blocks.host + timing.chunk, 0),
            })
        };
        let framing = &timing.framing;
        Ok(Self {
            kernels: Kernels::best(),
            width,
            hop: framing.hop,
            bins: framing.bins(),
            top: timing.top.clone(),
            conversion: timing.blocks.map(conversion).transpose()?,
            samples: Fifo::new(channels, framing.hop + timing.most, 0),
            analyses: (0..channels).map(|_| stft.analysis()).collect(),
        })
    }

    /// Room for as many frames as come at once.
    pub(crate) fn frames(&self, timing: &Timing) -> Frames {
        let (channels, frames) = (self.analyses.len(), timing.frames);
        let around = if self.conversion.is_some() { frames } else { 0 };
        Frames {
            count: 0,
            spectra: vec![Complex32::ZERO; channels * frames * self.bins],
            around: Around {
                aligned: vec![0.0; channels * around * self.hop],
                energy: vec![0.0; channels / self.width * around],
                hop: self.hop,
            },
        }
    }

    /// Takes `part` of every channel, at most [`Timing::chunk`] samples; missing channels are silent. Gives the number of
    /// blocks that were converted.
    pub(crate) fn take(&mut self, channels: &[impl AsRef<[f32]>], part: Range<usize>) -> usize {
        let input = match &mut self.conversion {
            Some(conversion) => &mut conversion.input,
            None => &mut self.samples,
        };
        let room = input.room(part.len());
        for (c, row) in input.rows.iter_mut().enumerate() {
            match channels.get(c) {
                Some(channel) => self.kernels.compiled(
                    #[inline(always)]
                    || {
                        let samples = &channel.as_ref()[part.clone()];
                        for (y, &x) in row[room.clone()].iter_mut().zip(samples) {
                            *y = audible(x);
                        }
                    },
                ),
                None => row[room.clone()].fill(0.0),
            }
        }
        input.commit(part.len());
        let samples = &mut self.samples;
        self.conversion
            .as_mut()
            .map_or(0, |conversion| conversion.convert(samples))
    }

    /// Analyses the next frames, as many as are complete and fit, into `frames`; whether there were any.
    pub(crate) fn analyse(&mut self, frames: &mut Frames) -> bool {
        let room = frames.spectra.len() / (self.analyses.len() * self.bins);
        let count = (self.samples.len() / self.hop).min(room);
        frames.count = count;
        if count == 0 {
            return false;
        }
        let read = self.samples.front(count * self.hop);
        for (c, analysis) in self.analyses.iter_mut().enumerate() {
            let hops = self.samples.rows[c][read.clone()].chunks_exact(self.hop);
            let spectra = frames.spectra[c * count * self.bins..].chunks_exact_mut(self.bins);
            for (f, (hop, spectrum)) in hops.zip(spectra).enumerate() {
                analysis.frame(hop, spectrum);
                if self.conversion.is_some() {
                    let aligned = &mut frames.around.aligned[(c * count + f) * self.hop..];
                    aligned[..self.hop].copy_from_slice(analysis.aligned());
                }
            }
        }
        if self.conversion.is_some() {
            let groups = frames.spectra.chunks_exact(self.width * count * self.bins);
            for (energy, group) in frames.around.energy.chunks_exact_mut(count).zip(groups) {
                for (f, energy) in energy.iter_mut().enumerate() {
                    *energy = energy_of(group, count, f, self.bins, self.top.clone());
                }
            }
        }
        self.samples.consume(count * self.hop);
        true
    }

    pub(crate) fn reset(&mut self) {
        if let Some(conversion) = &mut self.conversion {
            conversion.resampler.reset();
            conversion.input.reset();
        }
        self.samples.reset();
        self.analyses.iter_mut().for_each(Analysis::reset);
    }
}

impl Down {
    /// Converts every complete block; how many.
    fn convert(&mut self, samples: &mut Fifo) -> usize {
        let Blocks { host, model } = self.blocks;
        let mut count = 0;
        while self.input.len() >= host {
            let (read, write) = (self.input.front(host), samples.room(model));
            self.resampler
                .process(&self.input.rows, read.start, &mut samples.rows, write.start);
            self.input.consume(host);
            samples.commit(model);
            count += 1;
        }
        count
    }
}

/// Energy of frame `f` of `frames` in some bins of all channels of `spectra`, `[channel][frame][bin]`.
pub(super) fn energy_of(
    spectra: &[Complex32],
    frames: usize,
    f: usize,
    bins: usize,
    top: Range<usize>,
) -> f32 {
    let channels = spectra.chunks_exact(frames * bins);
    let frame = channels.flat_map(|channel| &channel[f * bins..][top.clone()]);
    frame.map(Complex32::norm_sqr).sum()
}
