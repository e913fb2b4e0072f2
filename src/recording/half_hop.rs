//! The mean of two outputs, from frames that lie half a hop apart.
//!
//! Some of what goes wrong depends on where frames begin; the mean of both has less of it (cycle spinning: Coifman & Donoho,
//! "Translation-invariant de-noising", 1995).

use super::look_ahead::{Estimator, LookAhead};
use crate::denoiser::Config;
use crate::error::Error;
use crate::network::Network;
use std::sync::Arc;

/// More threads would wait for each other rather than work.
const MOST_THREADS: usize = 8;

/// Cleans a recording twice, and gives the mean.
#[derive(Debug)]
pub(super) struct HalfHop {
    passes: [Pass; 2],
    /// One for both passes, or one for each.
    estimators: Vec<Estimator>,
}

/// One pass, and its output that the other has not given yet.
#[derive(Debug)]
struct Pass {
    look_ahead: LookAhead,
    cleaned: Vec<Vec<f32>>,
    /// Samples of silence before the recording, and how many of them have still to come out.
    shift: usize,
    early: usize,
    begun: bool,
}

impl HalfHop {
    pub(super) fn new(config: &Config, network: &Arc<Network>) -> Result<Self, Error> {
        let framing = &network.framing;
        let half_a_hop = framing.hop as f64 / 2.0 / f64::from(framing.rate);
        let pass = |shift: usize| -> Result<Pass, Error> {
            Ok(Pass {
                look_ahead: LookAhead::new(config, network)?,
                cleaned: vec![Vec::new(); config.channels],
                shift,
                early: shift,
                begun: false,
            })
        };
        let threads = config.threads.clamp(1, MOST_THREADS);
        let threads = match threads {
            1 => vec![1],
            _ => vec![threads / 2, threads - threads / 2],
        };
        Ok(Self {
            passes: [
                pass(0)?,
                pass((half_a_hop * f64::from(config.sample_rate)).round() as usize)?,
            ],
            estimators: threads
                .into_iter()
                .map(|threads| Estimator::new(network, threads))
                .collect(),
        })
    }

    /// Channels of the recording.
    pub(super) fn channels(&self) -> usize {
        self.passes[0].cleaned.len()
    }

    /// As [`Cleaner::push`](super::Cleaner::push).
    pub(super) fn push(&mut self, input: &[impl AsRef<[f32]>], output: &mut [Vec<f32>]) {
        let input: Vec<&[f32]> = input.iter().map(AsRef::as_ref).collect();
        self.both(|pass, estimator| pass.push(&input, estimator));
        self.give(output);
    }

    /// As [`Cleaner::finish`](super::Cleaner::finish).
    pub(super) fn finish(&mut self, output: &mut [Vec<f32>]) {
        self.both(Pass::finish);
        self.give(output);
    }

    /// Does the same in both passes, side by side if there are threads for it.
    fn both(&mut self, work: impl Fn(&mut Pass, &mut Estimator) + Sync) {
        let [first, second] = &mut self.passes;
        match &mut self.estimators[..] {
            [one, other] => std::thread::scope(|scope| {
                scope.spawn(|| work(first, one));
                work(second, other);
            }),
            estimators => {
                for estimator in estimators {
                    work(first, estimator);
                    work(second, estimator);
                }
            }
        }
    }

    /// Appends the mean of the samples that both passes have given.
    fn give(&mut self, output: &mut [Vec<f32>]) {
        let [first, second] = &mut self.passes;
        for ((output, a), b) in output.iter_mut().zip(&mut first.cleaned).zip(&mut second.cleaned) {
            let ready = a.len().min(b.len());
            output.extend(a.drain(..ready).zip(b.drain(..ready)).map(|(a, b)| 0.5 * (a + b)));
        }
    }
}

impl Pass {
    fn push(&mut self, input: &[impl AsRef<[f32]>], estimator: &mut Estimator) {
        if !self.begun {
            self.begun = true;
            let silence = vec![vec![0.0; self.shift]; self.cleaned.len()];
            self.look_ahead.push(&silence, &mut self.cleaned, estimator);
        }
        self.look_ahead.push(input, &mut self.cleaned, estimator);
        self.drop_early();
    }

    fn finish(&mut self, estimator: &mut Estimator) {
        self.look_ahead.finish(&mut self.cleaned, estimator);
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
