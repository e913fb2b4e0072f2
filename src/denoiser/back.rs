//! The back end: cleaned frames become samples of the host, in step with the dry path.

use super::config::Config;
use super::delay::Delay;
use super::fade::{Controls, FADE_SECONDS, Fade, between};
use super::fifo::Fifo;
use super::front::{Frames, energy_of};
use super::kept::Kept;
use super::levels::audible;
use super::timing::Timing;
use crate::error::Error;
use crate::kernels::Kernels;
use crate::spectrum::{Blocks, Resampler, Stft, Synthesis};
use rustfft::num_complex::Complex32;
use std::ops::Range;

/// Energy (of unnormalised bins) at the top of the band under which the engine's gain there is unknown.
const NO_ENERGY: f32 = 1e-20;

/// Takes cleaned frames and gives samples.
#[derive(Debug)]
pub(crate) struct BackEnd {
    channels: usize,
    /// Channels under one mask.
    width: usize,
    hop: usize,
    bins: usize,
    top: Range<usize>,
    /// `[channel]`
    syntheses: Vec<Synthesis>,
    /// Cleaned, at the network's rate.
    samples: Fifo,
    conversion: Option<Up>,
    dry: Delay,
    controls: Controls,
    /// The shares of the cleaned and the untouched sound in the output.
    shares: Fade,
    /// Shares that band limits keep, frame by frame.
    kept: Kept,
    kernels: Kernels,
}

/// From the network's rate to the host's.
#[derive(Debug)]
struct Up {
    blocks: Blocks,
    resampler: Resampler,
    /// The network's share of the output, then for every group the gain of what goes around the network.
    output: Fifo,
    channels: usize,
    hop: usize,
    /// The network's samples that waited from the start.
    ahead: usize,
    /// Blocks that the front end has converted and this has not.
    owed: usize,
    /// Blocks that this has converted.
    done: i64,
    /// `[group]`
    gains: Vec<TopGain>,
    /// A hop from the synthesis.
    cleaned: Vec<f32>,
}

/// The gain of what goes around the network, by frames.
#[derive(Clone, Debug)]
struct TopGain {
    /// The gains of the last frames, a ring.
    ring: Vec<f32>,
    last: f32,
    /// Frames so far.
    done: i64,
    /// Hops between a frame's completing its first hop and the hop at its middle.
    late: i64,
}

impl BackEnd {
    /// For the channels of `config`, `width` of them under one mask.
    pub(crate) fn new(timing: &Timing, stft: &Stft, config: &Config, width: usize) -> Result<Self, Error> {
        let (channels, groups) = (config.channels, config.channels / width);
        let (framing, ahead, most) = (&timing.framing, timing.ahead, timing.most);
        let hop = framing.hop;
        // Gains are looked up a block late, half a block more for the filter, and by what waits ahead.
        let remembered = (ahead + 3 * most) / hop + framing.window / hop + 8;
        let gain = TopGain {
            ring: vec![1.0; remembered],
            last: 1.0,
            done: 0,
            late: (framing.window / hop / 2) as i64,
        };
        let conversion = |blocks: Blocks| -> Result<Up, Error> {
            let Blocks { host, model } = blocks;
            // Frames may come late and many at once: then so many more blocks are complete.
            let room = timing.chunk + (2 + ahead / model) * host;
            Ok(Up {
                blocks,
                resampler: Resampler::new(model, host, channels)?,
                output: Fifo::new(channels + groups, host + room, host - 1),
                channels,
                hop,
                ahead,
                owed: 0,
                done: 0,
                gains: vec![gain; groups],
                cleaned: vec![0.0; hop],
            })
        };
        let block = timing.blocks.map_or(0, |blocks| blocks.model);
        let controls = Controls::new(config);
        let mut back = Self {
            channels,
            width,
            hop,
            bins: framing.bins(),
            top: timing.top.clone(),
            syntheses: (0..channels).map(|_| stft.synthesis()).collect(),
            samples: Fifo::new(channels, ahead + hop + most + block, ahead),
            conversion: timing.blocks.map(conversion).transpose()?,
            dry: Delay::new(channels, timing.latency),
            kernels: Kernels::best(),
            shares: Fade::new(
                controls.shares(),
                (f64::from(config.sample_rate) * FADE_SECONDS) as usize,
            ),
            kept: Kept::new(framing, controls.bands, controls.attenuation_limit),
            controls,
        };
        back.reset();
        Ok(back)
    }

    /// The most frames that fit at once.
    pub(crate) fn room(timing: &Timing) -> usize {
        (timing.most / timing.framing.hop).clamp(1, timing.frames)
    }

    pub(crate) fn reset(&mut self) {
        self.syntheses.iter_mut().for_each(Synthesis::reset);
        self.samples.reset();
        if let Some(conversion) = &mut self.conversion {
            conversion.reset();
        }
        self.dry.reset();
        self.shares.finish();
    }

    /// Changes the controls; the output fades to what they ask for.
    pub(super) fn control(&mut self, change: impl FnOnce(&mut Controls)) {
        change(&mut self.controls);
        self.shares.go_to(self.controls.shares());
        self.kept
            .go_to(self.controls.bands, self.controls.attenuation_limit);
    }

    /// Notes blocks that the front end has converted: as many are to come back.
    pub(crate) fn owe(&mut self, blocks: usize) {
        if let Some(conversion) = &mut self.conversion {
            conversion.owed += blocks;
            conversion.convert(&mut self.samples);
        }
    }

    /// Adds the frames of `noisy` as they are cleaned, `[channel][frame][bin]`.
    pub(crate) fn synthesise(&mut self, noisy: &Frames, clean: &[Complex32]) {
        let (count, around) = (noisy.count, &noisy.around);
        self.kept.settle();
        // What goes around the network has the limit of the highest frequency that the network knows.
        let kept_around = self.kept.share(self.top.end - 1);
        let write = self.samples.room(count * self.hop);
        for f in 0..count {
            let at = write.start + f * self.hop;
            for first in (0..self.channels).step_by(self.width) {
                let group = &clean[first * count * self.bins..][..self.width * count * self.bins];
                let gains = self.conversion.as_mut().map(|conversion| {
                    let number = first / self.width;
                    let energy = energy_of(group, count, f, self.bins, self.top.clone());
                    conversion.gains[number].follow(around.energy[number * count + f], energy, kept_around)
                });
                for c in first..first + self.width {
                    let of_frame = (c * count + f) * self.bins..(c * count + f + 1) * self.bins;
                    let (clean, noisy) = (&clean[of_frame.clone()], &noisy.spectra[of_frame]);
                    let spectrum = self.kept.blend(self.kernels, clean, noisy);
                    let output = &mut self.samples.rows[c][at..at + self.hop];
                    match (&mut self.conversion, gains) {
                        (Some(conversion), Some(gains)) => {
                            let aligned = &around.aligned[(c * count + f) * self.hop..];
                            let cleaned = &mut conversion.cleaned;
                            self.syntheses[c].frame(spectrum, cleaned);
                            let samples = output.iter_mut().zip(&*cleaned).zip(aligned);
                            for (i, ((output, cleaned), aligned)) in samples.enumerate() {
                                let gain = between(gains, i as f32 / self.hop as f32);
                                *output = cleaned - gain * aligned;
                            }
                        }
                        _ => self.syntheses[c].frame(spectrum, output),
                    }
                }
            }
        }
        self.samples.commit(count * self.hop);
        if let Some(conversion) = &mut self.conversion {
            conversion.convert(&mut self.samples);
        }
    }

    /// Samples that can be given.
    pub(crate) fn ready(&self) -> usize {
        self.conversion
            .as_ref()
            .map_or(&self.samples, |conversion| &conversion.output)
            .len()
    }

    /// Replaces `part` of every channel, the input, by the output.
    pub(crate) fn give(&mut self, channels: &mut [&mut [f32]], part: Range<usize>) {
        let len = part.len();
        let output = match &mut self.conversion {
            Some(conversion) => &mut conversion.output,
            None => &mut self.samples,
        };
        let ready = output.front(len);
        let (wet_rows, gain_rows) = output.rows.split_at_mut(self.channels);
        for (c, wet) in wet_rows.iter_mut().enumerate() {
            let wet = &mut wet[ready.clone()];
            let Some(channel) = channels.get_mut(c) else {
                // The wet samples are dropped; as good a place as any for the dry ones.
                wet.fill(0.0);
                self.dry.exchange(c, wet);
                continue;
            };
            let channel = &mut channel[part.clone()];
            self.dry.exchange(c, channel);
            // Independent channels have a gain each, linked ones share one.
            if let Some(gains) = gain_rows.get(c).or(gain_rows.first()) {
                for ((wet, dry), gain) in wet.iter_mut().zip(&*channel).zip(&gains[ready.clone()]) {
                    *wet += gain * audible(*dry);
                }
            }
            self.shares.blend(self.kernels, channel, wet);
        }
        self.dry.advance(len);
        self.shares.advance(len);
        output.consume(len);
    }
}

impl Up {
    /// Converts the blocks that are complete, and finds the gains that belong to them. They are known: the filter's delay
    /// puts them half a block before the block's last frame.
    fn convert(&mut self, samples: &mut Fifo) {
        let Blocks { host, model } = self.blocks;
        while self.owed > 0 && samples.len() >= model {
            let (read, write) = (samples.front(model), self.output.room(host));
            self.resampler.process(
                &samples.rows,
                read.start,
                &mut self.output.rows[..self.channels],
                write.start,
            );
            // The filter's delay and what waited ahead lie between the block and the hops that it shows.
            let first = self.done * model as i64 - (model / 2 + self.ahead) as i64;
            let (hop, within) = (
                first.div_euclid(self.hop as i64),
                first.rem_euclid(self.hop as i64),
            );
            let (per_hop, ratio) = (1.0 / self.hop as f32, model as f32 / host as f32);
            for (gains, group) in self.output.rows[self.channels..].iter_mut().zip(&self.gains) {
                let (mut current, mut ends) = (0, group.of(hop));
                for (i, gain) in gains[write.clone()].iter_mut().enumerate() {
                    let hops = (within as f32 + i as f32 * ratio) * per_hop;
                    if hops as i64 != current {
                        current = hops as i64;
                        ends = group.of(hop + current);
                    }
                    *gain = between(ends, hops - current as f32);
                }
            }
            samples.consume(model);
            self.output.commit(host);
            self.owed -= 1;
            self.done += 1;
        }
    }

    fn reset(&mut self) {
        self.resampler.reset();
        self.output.reset();
        (self.owed, self.done) = (0, 0);
        self.gains.iter_mut().for_each(TopGain::reset);
    }
}

impl TopGain {
    /// Takes the energies of the next frame at the top of the band, before and after cleaning, and the share that bands keep
    /// there; gives the gains at the start and the end of the hop that the frame completes.
    fn follow(&mut self, noisy: f32, clean: f32, kept: f32) -> (f32, f32) {
        if noisy > NO_ENERGY {
            self.last = (clean / noisy).sqrt().min(1.0);
        }
        let remembered = self.ring.len() as i64;
        self.ring[(self.done % remembered) as usize] = between((self.last, 1.0), kept);
        self.done += 1;
        self.of(self.done - 1)
    }

    /// The gains at the start and the end of an output hop.
    fn of(&self, hop: i64) -> (f32, f32) {
        // The hop that a frame completes is its first; its middle lies half a window later.
        let frame = hop - self.late;
        let of = |frame: i64| {
            if frame < 0 {
                1.0
            } else {
                self.ring[(frame % self.ring.len() as i64) as usize]
            }
        };
        (of(frame), of(frame + 1))
    }

    fn reset(&mut self) {
        self.last = 1.0;
        self.done = 0;
    }
}
