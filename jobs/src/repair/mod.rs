//! Fills gaps and damaged samples from the sound on both sides. Every other sample stays as it is.
//!
//! Up to 5 ms: the samples that an autoregressive predictor errs least on. Above: both sides continued by such predictors,
//! their waves brought together; from 15 ms on, a denoising autoencoder that was trained with gaps tells how loud each
//! band should be. Made for gaps up to 80 ms in speech.
//!
//! - Input: any number of channels, 8 to 192 kHz; any length. Each channel is repaired by itself.
//! - Output: the same shape, in step with the input; about 5.5 s late in a stream, which is what is looked through at once.
//! - Cost: 180 × real time on one core where nothing is to mend, 100 × with a drop-out every 2 s.
//!
//! ```
//! use aeden_jobs::repair::{Damage, Repairer};
//!
//! let mut samples: Vec<f32> = (0..96_000).map(|n| (n as f32 * 0.03).sin() * 0.3).collect();
//! samples[40_000..40_960].fill(0.0); // 20 ms are missing
//! let mut repairer = Repairer::new(48_000, 1)?;
//! let mut mended = vec![Vec::new()];
//! repairer.push(&[&samples], &mut mended)?; // blocks of any length
//! repairer.finish(&mut mended)?;
//! assert_eq!(mended[0].len(), samples.len());
//! assert!(mended[0][40_400].abs() > 0.0 && repairer.mended()[0].damage == Damage::DropOut);
//! # Ok::<(), aeden_jobs::Error>(())
//! ```

mod autoregression;
mod damage;
mod envelope;
mod fill;

use crate::Error;
use crate::gate::Gate;
use aeden::Kind;
use aeden::autoencoder::Autoencoder;
use damage::{Gap, find};
use envelope::Envelope;
use fill::{CONTEXT, Filler, SHORT};
use std::ops::Range;

pub use damage::Damage;

/// The longest region that is filled, in seconds: beyond, there is nothing to guess from.
pub const LONGEST: f64 = 0.25;
/// Seconds that are worked on at once, and that must be known on each side of them.
const WORK: f64 = 5.0;
const AROUND: f64 = LONGEST + 2.0 * CONTEXT;
/// The autoencoder corrects gaps from this length on, in seconds; measured by `cargo xtask family`.
const SHAPED: f64 = 0.015;
/// Short gaps that lie nearer than this, in seconds, are filled together.
const TOGETHER: f64 = 0.01;
/// But no more of them than lie within this, in seconds.
const GROUP: f64 = 0.05;
/// Where more of a stretch is damaged than this, there is nothing to repair it from.
const TOO_MUCH: f64 = 0.5;

/// Sound is looked at in blocks of so many samples of all channels, so many of one, whatever it comes in.
const BLOCK_SAMPLES: usize = 1 << 16;
const BLOCK: std::ops::RangeInclusive<usize> = 4_096..=32_768;

/// A stretch of time to be filled in all channels, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Its start.
    pub start: f64,
    /// Its end, at most [`LONGEST`] later.
    pub end: f64,
}

/// Damage that has been mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mended {
    /// The kind of damage.
    pub damage: Damage,
    /// In which channel, counted from 0.
    pub channel: usize,
    /// The samples of it that are new.
    pub samples: Range<u64>,
}

/// Repairs one recording, block by block.
pub struct Repairer {
    gate: Gate,
    /// The kinds of damage that are looked for.
    damages: Vec<Damage>,
    /// What was asked for, in samples, by their beginning; and in seconds.
    regions: Vec<Range<u64>>,
    asked: Vec<Region>,
    /// Between stored integers; 0 for floating point.
    step: f32,
    plain: Filler,
    /// Corrects long gaps by the network.
    shaping: Option<Filler>,
    /// Samples of a channel that have been given out.
    gone: u64,
    /// Samples of what is held that are done.
    done: usize,
    planes: Vec<Vec<f32>>,
    /// Samples that are not yet looked at, less than a block.
    waiting: Vec<Vec<f32>>,
    block: usize,
    mended: Vec<Mended>,
    left_alone: usize,
}

impl std::fmt::Debug for Repairer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repairer")
            .field("gate", &self.gate)
            .field("damages", &self.damages)
            .field("mended", &self.mended)
            .finish_non_exhaustive()
    }
}

impl Repairer {
    /// For a recording: looks for all kinds of damage, and fills long gaps with the help of the built-in network.
    ///
    /// # Errors
    /// [`Error::Rate`] for a rate that is not 8 to 192 kHz; [`Error::Channels`] for none.
    #[cfg(feature = "models")]
    pub fn new(rate: u32, channels: usize) -> Result<Repairer, Error> {
        Repairer::with_model(rate, channels, crate::models::repair())
    }

    /// The same with another network.
    ///
    /// # Errors
    /// [`Error::Kind`] for a network that is no denoising one; those of [`predicting`](Repairer::predicting).
    pub fn with_model(rate: u32, channels: usize, model: Autoencoder) -> Result<Repairer, Error> {
        if !matches!(model.kind(), Kind::DenoisingL1 | Kind::DenoisingL2) {
            return Err(Error::Kind {
                job: "repair",
                wanted: "a denoising autoencoder",
                found: model.kind(),
            });
        }
        let mut repairer = Repairer::predicting(rate, channels)?;
        repairer.shaping = Some(Filler::new(rate, Some(Envelope::new(model, rate)?)));
        Ok(repairer)
    }

    /// The same without a network: long gaps are filled by prediction alone.
    ///
    /// # Errors
    /// [`Error::Rate`] for a rate that is not 8 to 192 kHz; [`Error::Channels`] for none.
    pub fn predicting(rate: u32, channels: usize) -> Result<Repairer, Error> {
        Ok(Repairer {
            gate: Gate::new(rate, channels)?,
            damages: Damage::FOUND.to_vec(),
            regions: Vec::new(),
            asked: Vec::new(),
            step: 0.0,
            plain: Filler::new(rate, None),
            shaping: None,
            gone: 0,
            done: 0,
            planes: vec![Vec::new(); channels],
            waiting: vec![Vec::new(); channels],
            block: (BLOCK_SAMPLES / channels).clamp(*BLOCK.start(), *BLOCK.end()),
            mended: Vec::new(),
            left_alone: 0,
        })
    }

    /// Looks for these kinds only.
    #[must_use]
    pub fn looking_for(mut self, damages: &[Damage]) -> Repairer {
        self.damages = damages.to_vec();
        self
    }

    /// Also fills these regions, whatever stands there.
    #[must_use]
    pub fn filling(mut self, regions: &[Region]) -> Repairer {
        let samples = |seconds: f64| (seconds * f64::from(self.gate.rate())).round() as u64;
        self.regions = regions
            .iter()
            .map(|region| samples(region.start)..samples(region.end).max(samples(region.start) + 1))
            .collect();
        self.regions.sort_by_key(|region| region.start);
        self.asked = regions.to_vec();
        self
    }

    /// Takes the samples for integers that are stored in steps of so much, such as 2⁻¹⁵ for 16 bits: what is smaller than a
    /// few steps is no damage. Without it, they are taken for floating point.
    #[must_use]
    pub fn in_steps_of(mut self, step: f32) -> Repairer {
        self.step = step;
        self
    }

    /// Takes the next samples, equally many of every channel, full scale ±1, and appends what is done to `out`, one vector
    /// a channel. How a recording is cut into blocks changes no sample.
    ///
    /// # Errors
    /// [`Error::Channels`], [`Error::Lengths`] for another shape; [`Error::Sample`] for a sample that is no number or
    /// beyond [`LARGEST`](crate::LARGEST).
    pub fn push<S: AsRef<[f32]>>(&mut self, channels: &[S], out: &mut [Vec<f32>]) -> Result<(), Error> {
        self.gate.admit(channels)?;
        for (waiting, plane) in self.waiting.iter_mut().zip(channels) {
            waiting.extend_from_slice(plane.as_ref());
        }
        while self.waiting[0].len() >= self.block {
            self.take(self.block, out);
        }
        Ok(())
    }

    /// Ends the recording: appends what is left.
    ///
    /// # Errors
    /// [`Error::Region`] if a region that was to be filled ends after the recording.
    pub fn finish(&mut self, out: &mut [Vec<f32>]) -> Result<(), Error> {
        self.take(self.waiting[0].len(), out);
        self.advance(self.planes[0].len(), 0, out);
        let seconds = self.gate.seconds();
        match self.asked.iter().find(|region| region.end > seconds + 1e-9) {
            Some(&Region { start, end }) => Err(Error::Region { start, end, seconds }),
            None => Ok(()),
        }
    }

    /// Repairs so far, in about the order of time.
    pub fn mended(&self) -> &[Mended] {
        &self.mended
    }

    /// Number of stretches that were damaged too densely to be repaired.
    pub fn left_alone(&self) -> usize {
        self.left_alone
    }

    fn at(&self, seconds: f64) -> usize {
        (seconds * f64::from(self.gate.rate())) as usize
    }

    /// Looks at the next samples, and mends what can be mended once there are enough.
    fn take(&mut self, samples: usize, out: &mut [Vec<f32>]) {
        for (held, waiting) in self.planes.iter_mut().zip(&mut self.waiting) {
            held.extend(waiting.drain(..samples));
        }
        let held = self.planes[0].len();
        if held > self.done + self.at(WORK + AROUND) {
            let around = self.at(AROUND);
            self.advance(held - around, around, out);
        }
    }

    /// Mends what begins before `end`, and gives out all but the `keep` samples before it, which the next part needs.
    fn advance(&mut self, end: usize, keep: usize, out: &mut [Vec<f32>]) {
        for channel in 0..self.planes.len() {
            self.mend(channel, self.done..end);
        }
        let given = end.saturating_sub(keep);
        for (plane, out) in self.planes.iter_mut().zip(out) {
            out.extend(plane.drain(..given));
        }
        self.gone += given as u64;
        self.done = end - given;
    }

    /// Mends damage of one channel that begins in `within`.
    fn mend(&mut self, channel: usize, within: Range<usize>) {
        let gaps = apart(self.gaps(channel, within));
        let (short, long): (Vec<_>, Vec<_>) = gaps
            .into_iter()
            .partition(|gap| gap.range.len() <= self.at(SHORT));
        // Short ones first, so that long ones have whole sides.
        self.mend_short(channel, &short);
        for (i, gap) in long.iter().enumerate() {
            let ahead = long
                .get(i + 1)
                .map_or(usize::MAX, |next| next.range.start - gap.range.end);
            let filler = match &self.shaping {
                Some(shaping) if gap.range.len() >= self.at(SHAPED) => shaping,
                _ => &self.plain,
            };
            filler.fill_long(&mut self.planes[channel], gap.range.clone(), ahead);
            self.note(channel, gap);
        }
    }

    /// What is found and what was asked for, in the order of time.
    fn gaps(&self, channel: usize, within: Range<usize>) -> Vec<Gap> {
        let plane = &self.planes[channel];
        let mut gaps = find(plane, within.clone(), self.gate.rate(), self.step, &self.damages);
        gaps.extend(self.regions.iter().filter_map(|region| {
            let start = usize::try_from(region.start.checked_sub(self.gone)?).ok()?;
            let end = (start + (region.end - region.start) as usize).min(plane.len());
            within.contains(&start).then_some(Gap {
                damage: Damage::Region,
                range: start..end,
                level: 0.0,
            })
        }));
        gaps.sort_by_key(|gap| gap.range.start);
        gaps
    }

    /// Mends short gaps in groups.
    fn mend_short(&mut self, channel: usize, gaps: &[Gap]) {
        let together = self.at(TOGETHER);
        let most = self.at(GROUP);
        let mut rest = gaps;
        while let Some(first) = rest.first() {
            let near = rest.windows(2).take_while(|pair| {
                pair[1].range.start < pair[0].range.end + together
                    && pair[1].range.end < first.range.start + most
            });
            let (group, after) = rest.split_at(1 + near.count());
            rest = after;
            let ranges: Vec<_> = group.iter().map(|gap| (gap.range.clone(), gap.level)).collect();
            let missing: usize = ranges.iter().map(|(range, _)| range.len()).sum();
            let span = group[group.len() - 1].range.end - first.range.start;
            if missing as f64 > TOO_MUCH * (span + together) as f64 {
                self.left_alone += 1;
                continue;
            }
            self.plain.fill_short(&mut self.planes[channel], &ranges);
            for gap in group {
                self.note(channel, gap);
            }
        }
    }

    fn note(&mut self, channel: usize, gap: &Gap) {
        self.mended.push(Mended {
            damage: gap.damage,
            channel,
            samples: self.gone + gap.range.start as u64..self.gone + gap.range.end as u64,
        });
    }
}

/// Damage that overlaps becomes one; a region of the user's swallows what it meets.
fn apart(sorted: Vec<Gap>) -> Vec<Gap> {
    let mut apart: Vec<Gap> = Vec::new();
    for gap in sorted {
        match apart.last_mut() {
            Some(last)
                if gap.range.start <= last.range.end
                    && (last.damage, gap.damage) != (Damage::Peak, Damage::Peak) =>
            {
                last.range.end = last.range.end.max(gap.range.end);
                last.level = 0.0;
                if gap.damage == Damage::Region {
                    last.damage = Damage::Region;
                }
            }
            _ => apart.push(gap),
        }
    }
    apart
}
