//! A true-peak limiter that knows what comes: a gain for all channels that is down before a peak arrives.
//!
//! True peaks are those of the sound between the samples, found by interpolation to at least 192 kHz (ITU-R BS.1770-4,
//! annex 2; the filters here are windowed sincs, longer than those of the annex). The gain that a peak needs is held back
//! over the look-ahead by a sliding minimum (Lemire, "Streaming Maximum-Minimum Filter", 2006), rises again slowly, and is
//! smoothed by two means whose lengths add up to the look-ahead: so it is never above what a peak needs, and has no corners.
//! Where no peak is near it is exactly 1.

use std::collections::VecDeque;
use std::f64::consts::PI;

/// Seconds in which the gain goes down before a peak.
const AHEAD: f64 = 0.005;

/// Seconds in which the gain comes back by 63 %.
const RELEASE: f64 = 0.150;

/// Samples on either side from which a value in between is interpolated.
const SIDE: usize = 12;

/// By how much a true peak may exceed all samples around it at most: what is below needs no interpolation.
const BETWEEN: f32 = 2.0;

/// Samples, one vector a channel.
type Planes = Vec<Vec<f32>>;

/// Amplifies sound and keeps its true peaks below a ceiling. What comes out belongs to the same place in time.
#[derive(Debug)]
pub struct Limiter {
    gain: f32,
    ceiling: f32,
    phases: Vec<[f32; 2 * SIDE]>,
    /// By channel, amplified samples that have not been given out.
    waiting: Vec<VecDeque<f32>>,
    /// How many of them, from the first, have had their true peak found.
    measured: usize,
    /// Frames before the first of `waiting`, which interpolation still needs.
    before: Planes,
    curve: Curve,
    /// Frames of the silence that stands before the sound, which are still to be dropped.
    early: usize,
    /// The smallest gain so far.
    least: f32,
}

impl Limiter {
    /// For so many channels at this rate; `gain` and `ceiling` as amplitudes.
    pub fn new(rate: u32, channels: usize, gain: f32, ceiling: f32) -> Self {
        let ahead = ((f64::from(rate) * AHEAD) as usize).max(2);
        let factor = 192_000u32.div_ceil(rate).clamp(1, 4);
        let mut limiter = Limiter {
            gain,
            ceiling,
            phases: (1..factor)
                .map(|phase| sinc(f64::from(phase) / f64::from(factor)))
                .collect(),
            waiting: vec![VecDeque::new(); channels],
            measured: 0,
            before: vec![vec![0.0; SIDE]; channels],
            curve: Curve::new(ahead, rate),
            early: ahead,
            least: 1.0,
        };
        // A peak at the very beginning needs a gain that has come down before it.
        limiter.push(&vec![vec![0.0; ahead]; channels], &mut vec![Vec::new(); channels]);
        limiter
    }

    /// Takes the next samples, and appends to `out` those that are ready.
    pub fn push(&mut self, planes: &[Vec<f32>], out: &mut [Vec<f32>]) {
        for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
            waiting.extend(plane.iter().map(|x| x * self.gain));
        }
        self.advance(SIDE, out);
    }

    /// Appends the rest to `out`.
    pub fn finish(&mut self, out: &mut [Vec<f32>]) {
        let rest = self.waiting.first().map_or(0, VecDeque::len);
        // Silence after the end, as much as everything needs that is still to come out.
        let silence = vec![vec![0.0; SIDE + self.curve.ahead]; self.waiting.len()];
        let mut all = vec![Vec::new(); self.waiting.len()];
        self.push(&silence, &mut all);
        for (out, all) in out.iter_mut().zip(all) {
            out.extend(all.into_iter().take(rest));
        }
    }

    /// The most that anything was lowered, in dB.
    pub fn reduction(&self) -> f64 {
        -20.0 * f64::from(self.least).log10()
    }

    /// Measures what has `side` samples after it, and gives out what the curve has reached.
    fn advance(&mut self, side: usize, out: &mut [Vec<f32>]) {
        let there = self.waiting.first().map_or(0, VecDeque::len);
        let end = there.saturating_sub(side);
        if end <= self.measured {
            return;
        }
        let peaks = self.peaks(self.measured, end);
        self.measured = end;
        let mut gains = Vec::with_capacity(peaks.len());
        for peak in peaks {
            let needed = if peak > self.ceiling {
                self.ceiling / peak
            } else {
                1.0
            };
            gains.extend(self.curve.push(needed));
        }
        self.least = gains.iter().copied().fold(self.least, f32::min);
        let given = gains.len();
        let dropped = self.early.min(given);
        self.early -= dropped;
        for ((waiting, before), out) in self.waiting.iter_mut().zip(&mut self.before).zip(out) {
            let samples: Vec<f32> = waiting.drain(..given).collect();
            let limited = samples.iter().zip(&gains).map(|(x, gain)| x * gain);
            out.extend(limited.skip(dropped));
            before.extend(samples);
            before.drain(..before.len() - SIDE);
        }
        self.measured -= given;
    }

    /// The true peak of all channels around each frame from `start` to `end`.
    fn peaks(&self, start: usize, end: usize) -> Vec<f32> {
        let mut peaks = vec![0f32; end - start];
        for (waiting, before) in self.waiting.iter().zip(&self.before) {
            // From SIDE before the first on, as far as there is something.
            let around = before.iter().chain(waiting).skip(start).copied();
            let around: Vec<f32> = around.take(end - start + 2 * SIDE).collect();
            for (n, peak) in peaks.iter_mut().enumerate() {
                *peak = peak.max(around[n + SIDE].abs());
            }
            let loudest = around.iter().fold(0f32, |most, x| most.max(x.abs()));
            if loudest * BETWEEN <= self.ceiling {
                continue;
            }
            for (next, taps) in around.windows(2 * SIDE).enumerate() {
                let near = taps.iter().fold(0f32, |most, x| most.max(x.abs()));
                if near * BETWEEN <= self.ceiling {
                    continue;
                }
                for phase in &self.phases {
                    let value: f32 = phase.iter().zip(taps).map(|(a, b)| a * b).sum();
                    // Between this frame, which may be the last one of before, and the next one, which may be the first one to
                    // come.
                    let frames = next.saturating_sub(1)..(next + 1).min(peaks.len());
                    for peak in &mut peaks[frames] {
                        *peak = peak.max(value.abs());
                    }
                }
            }
        }
        peaks
    }
}

/// A windowed sinc that gives the value so far behind the middle of `2 * SIDE` samples, 0 to 1.
fn sinc(behind: f64) -> [f32; 2 * SIDE] {
    let side = SIDE as f64;
    let mut taps = [0.0; 2 * SIDE];
    for (n, tap) in taps.iter_mut().enumerate() {
        let x = n as f64 - (side - 1.0) - behind;
        let window = (0.5 * PI * x / side).cos().powi(2);
        *tap = if x == 0.0 {
            1.0
        } else {
            (PI * x).sin() / (PI * x) * window
        };
    }
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| (tap / sum) as f32)
}

/// The gain along time.
#[derive(Debug)]
struct Curve {
    /// Frames of look-ahead.
    ahead: usize,
    /// Frames taken so far.
    taken: u64,
    /// Those of the last `ahead + 1` needs that no later one is below, with their frames.
    least: VecDeque<(u64, f32)>,
    /// The gain that comes back slowly, and by what part of the way in a frame.
    slow: f64,
    release: f64,
    means: [Mean; 2],
}

impl Curve {
    fn new(ahead: usize, rate: u32) -> Self {
        let first = ahead / 2;
        Curve {
            ahead,
            taken: 0,
            least: VecDeque::new(),
            slow: 1.0,
            release: 1.0 - (-1.0 / (RELEASE * f64::from(rate))).exp(),
            means: [Mean::new(first + 1), Mean::new(ahead - first + 1)],
        }
    }

    /// Takes what a frame needs, and gives the gain of the frame that came `ahead` before it, once there is one.
    fn push(&mut self, needed: f32) -> Option<f32> {
        while self.least.back().is_some_and(|(_, last)| *last >= needed) {
            self.least.pop_back();
        }
        self.least.push_back((self.taken, needed));
        self.taken += 1;
        if self.taken <= self.ahead as u64 {
            return None;
        }
        let oldest = self.taken - 1 - self.ahead as u64;
        while self.least.front().is_some_and(|(frame, _)| *frame < oldest) {
            self.least.pop_front();
        }
        let least = f64::from(self.least.front().map_or(1.0, |(_, least)| *least));
        // What is nearly there is there: then nothing is changed any more.
        let back = self.slow + (1.0 - self.slow) * self.release;
        self.slow = least.min(if back > 1.0 - 1e-5 { 1.0 } else { back });
        let slow = self.slow;
        let smooth = self.means.iter_mut().fold(slow, |value, mean| mean.push(value));
        Some(smooth as f32)
    }
}

/// The mean of the last values; before the first they were 1.
#[derive(Debug)]
struct Mean {
    values: VecDeque<f64>,
    sum: f64,
    /// How many of them are not 1, so that the mean of ones is 1.
    changed: usize,
}

impl Mean {
    fn new(length: usize) -> Self {
        Mean {
            values: vec![1.0; length].into(),
            sum: length as f64,
            changed: 0,
        }
    }

    fn push(&mut self, value: f64) -> f64 {
        let old = self.values.pop_front().unwrap_or(1.0);
        self.values.push_back(value);
        self.changed = self.changed + usize::from(value != 1.0) - usize::from(old != 1.0);
        self.sum += value - old;
        if self.changed == 0 {
            self.sum = self.values.len() as f64;
            return 1.0;
        }
        self.sum / self.values.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(sound: &[Vec<f32>], rate: u32, gain: f32, ceiling: f32, blocks: usize) -> (Planes, f64) {
        let mut limiter = Limiter::new(rate, sound.len(), gain, ceiling);
        let mut out = vec![Vec::new(); sound.len()];
        let length = sound[0].len();
        for start in (0..length).step_by(blocks) {
            let part: Planes = sound
                .iter()
                .map(|x| x[start..length.min(start + blocks)].to_vec())
                .collect();
            limiter.push(&part, &mut out);
        }
        limiter.finish(&mut out);
        (out, limiter.reduction())
    }

    fn true_peak(sound: &[Vec<f32>], rate: u32) -> f64 {
        let mut meter = ebur128::EbuR128::new(sound.len() as u32, rate, ebur128::Mode::TRUE_PEAK).unwrap();
        let planes: Vec<&[f32]> = sound.iter().map(Vec::as_slice).collect();
        meter.add_frames_planar_f32(&planes).unwrap();
        (0..sound.len() as u32)
            .map(|c| meter.true_peak(c).unwrap())
            .fold(0.0, f64::max)
    }

    /// Noise, tones between whose samples the peaks lie, clicks, and quiet in between.
    fn sound() -> Planes {
        let mut state = 1u64;
        let mut next = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        };
        let wave = |n: usize| (std::f32::consts::PI * (n as f32 * 0.5 + 0.25)).sin();
        let left = (0..30_000usize).map(|n| match n / 3000 {
            0 | 4 | 7 => 0.9 * next(),
            1 | 5 => 0.9 * wave(n),
            2 => 0.05 * next(),
            _ if n % 701 == 0 => 1.0,
            _ => 0.1 * (n as f32 * 0.03).sin(),
        });
        let left: Vec<f32> = left.collect();
        let right = left.iter().map(|x| -0.5 * x).collect();
        vec![left, right]
    }

    #[test]
    fn no_true_peak_is_above_the_ceiling_and_length_and_place_stay() {
        for rate in [8_000, 44_100, 48_000, 96_000, 192_000] {
            for gain in [0.5, 1.0, 4.0] {
                let sound = sound();
                let (out, reduction) = limited(&sound, rate, gain, 0.8, 4096);
                assert_eq!([out[0].len(), out[1].len()], [30_000; 2]);
                let peak = true_peak(&out, rate);
                // Other meters interpolate in other ways.
                assert!(peak <= 0.8 * 1.05, "{rate} Hz, gain {gain}: {peak}");
                assert!(reduction > 0.0 || gain < 1.0);
                // Both channels have the same gain.
                for n in 0..30_000 {
                    assert!((out[1][n] + 0.5 * out[0][n]).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn what_needs_no_limit_is_amplified_and_nothing_else() {
        let sound = sound();
        let (out, reduction) = limited(&sound, 48_000, 0.25, 0.8, 1000);
        assert_eq!(reduction, 0.0);
        for (out, sound) in out.iter().zip(&sound) {
            assert!(out.iter().zip(sound).all(|(y, x)| *y == 0.25 * x));
        }
    }

    #[test]
    fn blocks_change_no_bit() {
        let sound = sound();
        let whole = limited(&sound, 48_000, 3.0, 0.9, 30_000);
        for blocks in [1, 7, 480, 4096] {
            assert!(limited(&sound, 48_000, 3.0, 0.9, blocks) == whole, "{blocks}");
        }
    }

    #[test]
    fn the_gain_has_no_steps() {
        let mut curve = Curve::new(240, 48_000);
        let needs = (0..20_000).map(|n| if n % 3001 == 1500 { 0.1 } else { 1.0 });
        let gains: Vec<f32> = needs.filter_map(|need| curve.push(need)).collect();
        let step = gains.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        assert!(step < 0.016, "{step}");
    }
}
