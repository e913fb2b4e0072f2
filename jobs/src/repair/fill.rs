//! Computes the samples of a gap from both sides of it.

use super::autoregression::{burg, continued, interpolate};
use super::envelope::Envelope;
use std::f64::consts::PI;
use std::ops::Range;

/// Up to here, in seconds, the samples of a gap are those with the least error of prediction over it; beyond, that
/// would fade away towards the middle, and both sides are continued instead.
pub const SHORT: f64 = 0.005;
/// Seconds on each side that a gap is filled from.
pub const CONTEXT: f64 = 0.1;
/// Seconds that the predictor of a long gap, and of a short one, looks back.
const LONG_ORDER: f64 = 0.021;
const SHORT_ORDER: f64 = 0.002;
/// Seconds that both sides may be moved towards each other, so that their waves meet.
const MOVE: f64 = 0.002;
/// Rounds of estimating the predictor and the missing samples in turn.
const ROUNDS: usize = 3;

/// Fills gaps of one channel.
pub struct Filler {
    rate: f64,
    envelope: Option<Envelope>,
}

impl Filler {
    /// Without `envelope`, gaps of every length are filled by prediction alone.
    pub fn new(rate: u32, envelope: Option<Envelope>) -> Self {
        Filler {
            rate: rate.into(),
            envelope,
        }
    }

    /// Fills a long gap; what lies `ahead` of it is good that far.
    pub fn fill_long(&self, samples: &mut [f32], gap: Range<usize>, ahead: usize) {
        let context = (CONTEXT * self.rate) as usize;
        let order = (LONG_ORDER * self.rate) as usize;
        let n = gap.len();
        let spare = (MOVE * self.rate) as usize;
        let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let past = wide(&samples[gap.start.saturating_sub(context)..gap.start]);
        let mut future = wide(&samples[gap.end..samples.len().min(gap.end + context.min(ahead))]);
        future.reverse();
        let side = |known: &[f64]| continued(&burg(&[known], order), known, n + spare);
        let (forward, backward) = (side(&past), side(&future));
        let most = spare.min(n / 5);
        let share = |t: usize| (PI / 2.0 * (t as f64 + 0.5) / n as f64).cos().powi(2);
        // Moved by a distance that grows from nothing at the edge; both meet where both still count.
        let moved = |side: &[f64], t: usize, by: f64| {
            let u = (t as f64 + 0.5) / n as f64;
            let at = (t as f64 + by * u * u).clamp(0.0, (side.len() - 1) as f64);
            let below = (at as usize).min(side.len() - 2);
            side[below] + (at - below as f64) * (side[below + 1] - side[below])
        };
        let agreement = |by: f64| {
            let (mut product, mut power) = (0.0, [1e-12; 2]);
            for t in (0..n).step_by(2) {
                let (f, b) = (moved(&forward, t, by), moved(&backward, n - 1 - t, -by));
                let weight = share(t) * (1.0 - share(t));
                product += weight * f * b;
                power[0] += weight * f * f;
                power[1] += weight * b * b;
            }
            // Without need, nothing is moved.
            product / (power[0] * power[1]).sqrt() - 0.1 * by.abs() / spare.max(1) as f64
        };
        let steps = most.min(40) as i32;
        let by = (-steps..=steps)
            .map(|step| f64::from(step) / f64::from(steps.max(1)) * most as f64)
            .map(|by| (agreement(by), by))
            .fold(
                (f64::NEG_INFINITY, 0.0),
                |best, one| if one.0 > best.0 { one } else { best },
            )
            .1;
        // Nothing may grow beyond what stands around, should a prediction run away.
        let limit = 1.5 * past.iter().chain(&future).fold(0.0f64, |m, x| m.max(x.abs()));
        for t in 0..n {
            let (f, b) = (moved(&forward, t, by), moved(&backward, n - 1 - t, -by));
            let value = match (past.is_empty(), future.is_empty()) {
                (true, _) => (1.0 - share(t)) * b,
                (_, true) => share(t) * f,
                _ => share(t) * f + (1.0 - share(t)) * b,
            };
            samples[gap.start + t] = value.clamp(-limit, limit) as f32;
        }
        if let Some(envelope) = &self.envelope {
            envelope.shape(samples, gap);
        }
    }

    /// Fills short gaps that lie near each other, all at once. `least`: what a sample must reach at least, for peaks
    /// that are known to have been higher; 0 for others.
    pub fn fill_short(&self, samples: &mut [f32], gaps: &[(Range<usize>, f32)]) {
        let (Some(first), Some(last)) = (gaps.first(), gaps.last()) else {
            return;
        };
        let context = (CONTEXT / 4.0 * self.rate) as usize;
        let start = first.0.start.saturating_sub(context);
        let end = samples.len().min(last.0.end + context);
        let mut part: Vec<f64> = samples[start..end].iter().map(|&x| x.into()).collect();
        let unknown: Vec<usize> = gaps
            .iter()
            .flat_map(|(gap, _)| gap.start - start..gap.end - start)
            .collect();
        for (gap, least) in gaps {
            // A first guess: peaks as they are, clicks as a straight line.
            if *least == 0.0 {
                let at = |t: Option<usize>| t.and_then(|t| part.get(t).copied()).unwrap_or(0.0);
                let (a, b) = (gap.start - start, gap.end - start);
                let (left, right) = (at(a.checked_sub(1)), at(Some(b)));
                for t in a..b {
                    part[t] = left + (right - left) * (t - a + 1) as f64 / (b - a + 1) as f64;
                }
            }
        }
        for _ in 0..ROUNDS {
            let a = burg(&[&part], (SHORT_ORDER * self.rate) as usize + 2);
            interpolate(&a, &mut part, &unknown);
            for (gap, least) in gaps {
                let least = f64::from(*least);
                for t in gap.start - start..gap.end - start {
                    part[t] = match least {
                        least if least > 0.0 => part[t].clamp(least, 4.0 * least),
                        least if least < 0.0 => part[t].clamp(4.0 * least, least),
                        _ => part[t],
                    };
                }
            }
        }
        for (t, value) in unknown.iter().map(|&t| (t, part[t])) {
            samples[start + t] = value as f32;
        }
    }
}
