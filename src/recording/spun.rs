//! Recordings cleaned twice, with frames that lie half a hop apart.
//!
//! Some of what goes wrong depends on where frames begin; the mean of both has less of it (cycle spinning: Coifman & Donoho,
//! "Translation-invariant de-noising", 1995).

use super::in_view::InView;
use crate::denoiser::{Config, flushed};
use crate::error::Error;
use crate::studio::{Estimator, Studio};
use crate::team::side_by_side;

/// More cores would take memory, 70 MB each, rather than time.
const MOST_CORES: usize = 8;

/// Cleans a recording as the mean of two ways through it.
pub(super) struct Spun {
    ways: [Way; 2],
    estimators: Vec<Estimator>,
}

/// One way, and what it has given that the other has not.
struct Way {
    in_view: InView,
    cleaned: Vec<Vec<f32>>,
    /// Samples of silence before the recording, and how many of them have still to come out.
    shift: usize,
    early: usize,
    begun: bool,
}

impl Spun {
    /// Builds one that works on so many cores; the rest is as in [`Denoiser::new`](crate::denoiser::Denoiser::new).
    pub(super) fn new(config: &Config, studio: &Studio, cores: usize) -> Result<Self, Error> {
        let framing = studio.framing();
        let half_a_hop = framing.hop as f64 / 2.0 / f64::from(framing.rate);
        let way = |shift: usize| -> Result<Way, Error> {
            Ok(Way {
                in_view: InView::new(config, studio)?,
                cleaned: vec![Vec::new(); config.channels],
                shift,
                early: shift,
                begun: false,
            })
        };
        Ok(Self {
            ways: [
                way(0)?,
                way((half_a_hop * f64::from(config.sample_rate)).round() as usize)?,
            ],
            estimators: (0..cores.clamp(1, MOST_CORES))
                .map(|_| studio.estimator())
                .collect(),
        })
    }

    /// Channels of the recording.
    pub(super) fn channels(&self) -> usize {
        self.ways[0].cleaned.len()
    }

    /// As [`Cleaner::push`](super::Cleaner::push).
    pub(super) fn push(&mut self, input: &[impl AsRef<[f32]>], output: &mut [Vec<f32>]) {
        let input: Vec<&[f32]> = input.iter().map(AsRef::as_ref).collect();
        self.both(|way, estimators| way.push(&input, estimators));
        self.give(output);
    }

    /// As [`Cleaner::finish`](super::Cleaner::finish).
    pub(super) fn finish(&mut self, output: &mut [Vec<f32>]) {
        self.both(Way::finish);
        self.give(output);
    }

    /// Does the same on both ways, at once if there are cores enough.
    fn both(&mut self, work: impl Fn(&mut Way, &mut [Estimator]) + Sync) {
        let [first, second] = &mut self.ways;
        let half = self.estimators.len() / 2;
        if half == 0 {
            work(first, &mut self.estimators);
            work(second, &mut self.estimators);
            return;
        }
        let (some, others) = self.estimators.split_at_mut(half);
        side_by_side(&mut [(first, some), (second, others)], |(way, estimators)| {
            work(way, estimators);
        });
    }

    /// Appends the mean of what both ways have given.
    fn give(&mut self, output: &mut [Vec<f32>]) {
        let [first, second] = &mut self.ways;
        for ((output, a), b) in output.iter_mut().zip(&mut first.cleaned).zip(&mut second.cleaned) {
            let ready = a.len().min(b.len());
            let pairs = a.drain(..ready).zip(b.drain(..ready));
            output.extend(pairs.map(|(a, b)| flushed(0.5 * (a + b))));
        }
    }
}

impl Way {
    fn push(&mut self, input: &[impl AsRef<[f32]>], estimators: &mut [Estimator]) {
        if !self.begun {
            self.begun = true;
            let silence = vec![vec![0.0; self.shift]; self.cleaned.len()];
            self.in_view.push(&silence, &mut self.cleaned, estimators);
        }
        self.in_view.push(input, &mut self.cleaned, estimators);
        self.drop_early();
    }

    fn finish(&mut self, estimators: &mut [Estimator]) {
        self.in_view.finish(&mut self.cleaned, estimators);
        self.drop_early();
        (self.begun, self.early) = (false, self.shift);
    }

    fn drop_early(&mut self) {
        let early = self.early.min(self.cleaned[0].len());
        self.early -= early;
        for cleaned in &mut self.cleaned {
            cleaned.drain(..early);
        }
    }
}
