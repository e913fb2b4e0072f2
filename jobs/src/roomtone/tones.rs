//! Steady tones in noise: hum and whistles.

use super::spectra::Spectra;
use realfft::num_complex::Complex64;
use std::f64::consts::{PI, TAU};

/// A tone is so many times stronger than the noise in its bin …
const STRONGER: f64 = 8.0;
/// … and its power varies less than this; that of noise has a relative variance of 1.
const UNSTEADY: f64 = 0.35;
/// Bins on each side among which the noise beside a tone is the median, and those next to it that do not count.
const BESIDE: usize = 24;
const NEAR: usize = 3;
/// The lowest tone in Hz, and how many there are at most.
const LOWEST: f64 = 15.0;
const MOST: usize = 40;
/// A steady sine.
#[derive(Clone)]
pub struct Tone {
    /// Turns per sample.
    pub turn: f64,
    /// Amplitude and phase in every channel.
    pub parts: Vec<Complex64>,
}

/// Something of every piece: `[stretch][channel][piece]`.
pub type Pieces = Vec<Vec<Vec<Complex64>>>;

/// A tone, and its amplitudes.
pub struct Found {
    pub tone: Tone,
    pub pieces: Pieces,
}

/// Looks for steady tones, the strongest first.
pub fn find(spectra: &Spectra, stretches: &[Vec<&[f32]>], rate: u32) -> Vec<Found> {
    let window = spectra.window();
    let (mut mean, mut square) = (vec![0.0f64; window / 2 + 1], vec![0.0f64; window / 2 + 1]);
    let mut count = 0usize;
    for stretch in stretches {
        for start in spectra.starts(stretch[0].len()) {
            let mut power = vec![0.0f64; mean.len()];
            for samples in stretch {
                for (power, x) in power.iter_mut().zip(spectra.at(samples, start)) {
                    *power += f64::from(x.norm_sqr());
                }
            }
            for (k, power) in power.into_iter().enumerate() {
                mean[k] += power;
                square[k] += power * power;
            }
            count += 1;
        }
    }
    if count < 4 {
        return Vec::new();
    }
    for (mean, square) in mean.iter_mut().zip(&mut square) {
        *mean /= count as f64;
        *square /= count as f64;
    }
    let floor = |k: usize| {
        let beside =
            (k.saturating_sub(BESIDE)..(k + BESIDE + 1).min(mean.len())).filter(|&i| i.abs_diff(k) > NEAR);
        let mut beside: Vec<f64> = beside.map(|i| mean[i]).collect();
        let middle = beside.len() / 2;
        *beside.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    let lowest = (LOWEST * window as f64 / f64::from(rate)).ceil() as usize;
    let mut peaks: Vec<(usize, f64)> = (lowest.max(NEAR)..mean.len() - NEAR)
        .filter(|&k| (1..NEAR).all(|d| mean[k] >= mean[k - d] && mean[k] > mean[k + d]))
        .filter(|&k| square[k] / (mean[k] * mean[k]).max(1e-300) - 1.0 < UNSTEADY)
        .map(|k| (k, floor(k)))
        .filter(|&(k, floor)| mean[k] > STRONGER * floor)
        .collect();
    peaks.sort_by(|a, b| mean[b.0].total_cmp(&mean[a.0]));
    let mut chosen: Vec<(usize, f64)> = Vec::new();
    for peak in peaks {
        // What leaks from a stronger tone is none of its own.
        let leaks = |&(k, _): &(usize, f64)| {
            let d = k.abs_diff(peak.0) as f64 - 0.5;
            mean[peak.0] < 8.0 * mean[k] / (PI * d * (d * d - 1.0)).powi(2)
        };
        if chosen.len() < MOST
            && !chosen
                .iter()
                .any(|other| other.0.abs_diff(peak.0) <= NEAR || leaks(other))
        {
            chosen.push(peak);
        }
    }
    let bins: Vec<usize> = chosen.iter().map(|&(k, _)| k).collect();
    let values = gather(spectra, stretches, &bins);
    chosen
        .iter()
        .zip(values)
        .map(|(&(k, floor), values)| measure(k, floor, &mean, values, window))
        .collect()
}

/// Values of some bins: `[bin][stretch][channel][piece]`.
fn gather(spectra: &Spectra, stretches: &[Vec<&[f32]>], bins: &[usize]) -> Vec<Pieces> {
    let mut values: Vec<_> = bins
        .iter()
        .map(|_| {
            stretches
                .iter()
                .map(|s| vec![Vec::new(); s.len()])
                .collect::<Vec<_>>()
        })
        .collect();
    if bins.is_empty() {
        return values;
    }
    for (s, stretch) in stretches.iter().enumerate() {
        for start in spectra.starts(stretch[0].len()) {
            for (channel, samples) in stretch.iter().enumerate() {
                let spectrum = spectra.at(samples, start);
                for (value, &bin) in values.iter_mut().zip(bins) {
                    let x = spectrum[bin];
                    value[s][channel].push(Complex64::new(x.re.into(), x.im.into()));
                }
            }
        }
    }
    values
}

/// Frequency, amplitudes and phases of the tone in bin `k`.
fn measure(k: usize, floor: f64, mean: &[f64], values: Pieces, window: usize) -> Found {
    let [a, b, c] = [mean[k - 1], mean[k], mean[k + 1]].map(|p| p.max(1e-300).ln());
    let offset = (0.5 * (a - c) / (a - 2.0 * b + c)).clamp(-0.5, 0.5);
    // From piece to piece the phase tells more exactly how fast the tone turns.
    let step = (window / 2) as f64;
    let advance: Complex64 = values
        .iter()
        .flatten()
        .flat_map(|piece| piece.windows(2).map(|pair| pair[1] * pair[0].conj()))
        .sum();
    let (rough, part) = ((k as f64 + offset) / window as f64 * step, advance.arg() / TAU);
    let turn = ((rough - part).round() + part) / step;
    let offset = (turn * window as f64 - k as f64).clamp(-1.0, 1.0);
    // The Hann window's transform at that distance from the bin.
    let gain = if offset.abs() < 1e-6 {
        1.0
    } else if offset.abs() > 1.0 - 1e-6 {
        0.5
    } else {
        (PI * offset).sin() / (PI * offset) / (1.0 - offset * offset)
    };
    let scale = Complex64::from_polar(4.0 / (window as f64 * gain), -PI * offset);
    let pieces: Pieces = values
        .into_iter()
        .map(|stretch| {
            let scaled = |channel: Vec<Complex64>| channel.into_iter().map(|x| x * scale).collect();
            stretch.into_iter().map(scaled).collect()
        })
        .collect();

    // Amplitudes are means over all pieces, less the noise; phases among channels too. That of the loudest channel is
    // the one in the middle of the longest stretch.
    let channels = pieces[0].len();
    let all = |channel: usize| pieces.iter().flat_map(move |s| &s[channel]);
    let power: Vec<f64> = (0..channels)
        .map(|c| all(c).map(Complex64::norm_sqr).sum::<f64>() / all(c).count() as f64)
        .collect();
    let total: f64 = power.iter().sum();
    let tonal = (1.0 - floor / mean[k]).max(0.0);
    let first = (0..channels)
        .max_by(|&a, &b| power[a].total_cmp(&power[b]))
        .unwrap_or(0);
    let longest = pieces
        .iter()
        .max_by_key(|s| s[0].len())
        .map_or(0.0, |s| s[first][s[first].len() / 2].arg());
    let parts = (0..channels)
        .map(|c| {
            let cross: Complex64 = all(c).zip(all(first)).map(|(x, y)| x * y.conj()).sum();
            let own = (power[c] * tonal).sqrt() * f64::from(power[c] > 1e-9 * total);
            Complex64::from_polar(own, cross.arg() + longest)
        })
        .collect();
    Found {
        tone: Tone { turn, parts },
        pieces,
    }
}

/// Samples less their mean and less tones, whose amplitudes are known in every piece; as far as there are pieces.
pub fn without(samples: &[f32], tones: &[(f64, &[Complex64])], spectra: &Spectra) -> Vec<f32> {
    let mean = (samples.iter().map(|&x| f64::from(x)).sum::<f64>() / samples.len() as f64) as f32;
    let mut rest: Vec<f32> = samples.iter().map(|x| x - mean).collect();
    if tones.is_empty() {
        return rest;
    }
    let (mut tonal, mut weights, mut end) = (vec![0.0f32; rest.len()], vec![1e-6f32; rest.len()], 0);
    for (piece, start) in spectra.starts(rest.len()).enumerate() {
        end = start + spectra.window();
        weights[start..]
            .iter_mut()
            .zip(&spectra.taper)
            .for_each(|(sum, w)| *sum += w);
        for &(turn, values) in tones {
            let (turn, mut value) = (Complex64::from_polar(1.0, TAU * turn), values[piece]);
            for (sum, w) in tonal[start..].iter_mut().zip(&spectra.taper) {
                *sum += value.re as f32 * w;
                value *= turn;
            }
        }
    }
    rest.truncate(end);
    for ((x, tonal), weight) in rest.iter_mut().zip(tonal).zip(weights) {
        *x -= tonal / weight;
    }
    rest
}
