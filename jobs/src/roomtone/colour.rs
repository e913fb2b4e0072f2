//! The long-term spectrum of a room: noise, how alike its channels are, and steady tones.

use realfft::num_complex::{Complex32, Complex64};
use realfft::{RealFftPlanner, RealToComplex};
use std::f64::consts::{PI, TAU};
use std::sync::Arc;

/// Seconds of the window in which noise is analysed, at most; it is a power of two.
const WINDOW: f64 = 0.17;
/// Windows in which tones are looked for are longer by this: tones stand out more.
pub const LONGER: usize = 4;
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
/// Noise is smoothed over this share of the frequency.
const SMOOTH: f64 = 0.005;

/// What a room sounds like on average.
pub struct Colour {
    /// Samples of the window; there are window / 2 + 1 bins.
    pub window: usize,
    channels: usize,
    /// `[bin][i (i + 1) / 2 + j]`, j ≤ i: a lower triangle L with L·Lᴴ the cross-spectrum of the channels.
    factors: Vec<Complex32>,
    /// Steady tones.
    pub tones: Vec<Tone>,
}

/// A steady sine.
#[derive(Clone)]
pub struct Tone {
    /// Turns per sample.
    pub turn: f64,
    /// Amplitude and phase in every channel.
    pub parts: Vec<Complex64>,
}

/// The window for a rate.
pub fn window(rate: u32) -> usize {
    ((WINDOW * f64::from(rate)) as usize).next_power_of_two()
}

impl Colour {
    /// Of stretches of a recording, `[stretch][channel]`, each at least a window long.
    pub fn of(stretches: &[Vec<&[f32]>], rate: u32) -> Colour {
        let window = window(rate);
        let long = Spectra::new(LONGER * window);
        let tones = find(&long, stretches, rate);
        let channels = stretches[0].len();
        let width = triangle(channels);
        let bins = window / 2 + 1;
        let mut sums = vec![Complex64::ZERO; bins * width];
        let mut count = 0.0;
        let spectra = Spectra::new(window);
        for (s, stretch) in stretches.iter().enumerate() {
            let rest: Vec<Vec<f32>> = stretch
                .iter()
                .enumerate()
                .map(|(channel, samples)| {
                    let inside = tones
                        .iter()
                        .map(|found| (found.tone.turn, found.pieces[s][channel].as_slice()));
                    without(samples, &inside.collect::<Vec<_>>(), &long)
                })
                .collect();
            for start in spectra.starts(rest[0].len()) {
                let each: Vec<Vec<Complex32>> = rest.iter().map(|x| spectra.at(x, start)).collect();
                for (bin, sums) in sums.chunks_exact_mut(width).enumerate() {
                    let mut at = 0;
                    for i in 0..channels {
                        for j in 0..=i {
                            let cross = each[i][bin] * each[j][bin].conj();
                            sums[at] += Complex64::new(cross.re.into(), cross.im.into());
                            at += 1;
                        }
                    }
                }
                count += 1.0;
            }
        }
        let scale = 1.0 / (count * spectra.squares);
        sums.iter_mut().for_each(|s| *s *= scale);
        // No rumble below what the window can tell from a constant.
        sums[..width].fill(Complex64::ZERO);
        let smooth = smoothed(&sums, width);
        let mut factors = vec![Complex32::ZERO; smooth.len()];
        for (cross, factor) in smooth.chunks_exact(width).zip(factors.chunks_exact_mut(width)) {
            cholesky(cross, channels, factor);
        }
        Colour {
            window,
            channels,
            factors,
            tones: tones.into_iter().map(|found| found.tone).collect(),
        }
    }

    /// Channels that it has.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The same sound in more channels, if it has one: all alike.
    pub fn spread(&mut self, channels: usize) {
        let bins = self.window / 2 + 1;
        let mut factors = vec![Complex32::ZERO; bins * triangle(channels)];
        for (one, all) in self
            .factors
            .iter()
            .zip(factors.chunks_exact_mut(triangle(channels)))
        {
            (0..channels).for_each(|i| all[triangle(i)] = *one);
        }
        for tone in &mut self.tones {
            tone.parts = vec![tone.parts[0]; channels];
        }
        (self.channels, self.factors) = (channels, factors);
    }

    /// The triangle L between bins: `place` counts in bins.
    pub fn factor(&self, place: f32, out: &mut [Complex32]) {
        let width = triangle(self.channels);
        let below = (place as usize).min(self.window / 2);
        let above = (below + 1).min(self.window / 2);
        let share = place - below as f32;
        let (a, b) = (&self.factors[below * width..], &self.factors[above * width..]);
        for (out, (a, b)) in out.iter_mut().zip(a.iter().zip(b)) {
            *out = a + (b - a) * share;
        }
    }
}

/// Numbers of a lower triangle.
pub fn triangle(channels: usize) -> usize {
    channels * (channels + 1) / 2
}

/// Spectra of tapered pieces (Hann) that overlap by half.
struct Spectra {
    transform: Arc<dyn RealToComplex<f32>>,
    taper: Vec<f32>,
    /// Sum of the squares of the taper.
    squares: f64,
}

impl Spectra {
    fn new(window: usize) -> Spectra {
        let taper: Vec<f32> = (0..window)
            .map(|n| (PI * n as f64 / window as f64).sin().powi(2) as f32)
            .collect();
        Spectra {
            transform: RealFftPlanner::new().plan_fft_forward(window),
            squares: taper.iter().map(|&w| f64::from(w) * f64::from(w)).sum(),
            taper,
        }
    }

    fn window(&self) -> usize {
        self.taper.len()
    }

    fn starts(&self, samples: usize) -> impl Iterator<Item = usize> + use<> {
        let last = samples.checked_sub(self.window());
        let step = self.window() / 2;
        (0..last.map_or(0, |last| last / step + 1)).map(move |i| i * step)
    }

    fn at(&self, samples: &[f32], start: usize) -> Vec<Complex32> {
        let mut tapered: Vec<f32> = samples[start..]
            .iter()
            .zip(&self.taper)
            .map(|(x, w)| x * w)
            .collect();
        let mut spectrum = self.transform.make_output_vec();
        self.transform
            .process(&mut tapered, &mut spectrum)
            .expect("the lengths are those that were planned");
        spectrum
    }
}

/// Something of every piece: `[stretch][channel][piece]`.
type Pieces = Vec<Vec<Vec<Complex64>>>;

/// A tone, and its amplitudes.
struct Found {
    tone: Tone,
    pieces: Pieces,
}

/// Looks for steady tones, the strongest first.
fn find(spectra: &Spectra, stretches: &[Vec<&[f32]>], rate: u32) -> Vec<Found> {
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
fn without(samples: &[f32], tones: &[(f64, &[Complex64])], spectra: &Spectra) -> Vec<f32> {
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

/// Means over neighbouring bins, the more of them the higher the frequency.
fn smoothed(sums: &[Complex64], width: usize) -> Vec<Complex64> {
    let bins = sums.len() / width;
    let mut smooth = vec![Complex64::ZERO; sums.len()];
    for bin in 1..bins {
        let reach = ((bin as f64 * SMOOTH) as usize).min(bins - 1 - bin);
        let share = 1.0 / (2 * reach + 1) as f64;
        for near in bin - reach..=bin + reach {
            for i in 0..width {
                smooth[bin * width + i] += sums[near * width + i] * share;
            }
        }
    }
    smooth
}

/// L with L·Lᴴ = S, both lower triangles; S is raised a little where that is needed.
fn cholesky(cross: &[Complex64], channels: usize, factor: &mut [Complex32]) {
    let at = |i: usize, j: usize| triangle(i) + j;
    let most = (0..channels).map(|i| cross[at(i, i)].re).fold(0.0, f64::max);
    if most <= 0.0 {
        return;
    }
    let mut l = vec![Complex64::ZERO; cross.len()];
    for i in 0..channels {
        for j in 0..=i {
            let known: Complex64 = (0..j).map(|k| l[at(i, k)] * l[at(j, k)].conj()).sum();
            let left = cross[at(i, j)] - known;
            l[at(i, j)] = match i == j {
                true => Complex64::new(left.re.max(1e-12 * most).sqrt(), 0.0),
                false => left / l[at(j, j)].re,
            };
        }
    }
    for (out, l) in factor.iter_mut().zip(l) {
        *out = Complex32::new(l.re as f32, l.im as f32);
    }
}
