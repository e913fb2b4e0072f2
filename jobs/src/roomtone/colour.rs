//! The long-term spectrum of a room: noise, how alike its channels are, and steady tones.

use super::spectra::Spectra;
use super::tones::{Tone, find, without};
use realfft::num_complex::{Complex32, Complex64};

/// Seconds of the window in which noise is analysed, at most; it is a power of two.
const WINDOW: f64 = 0.17;
/// Windows in which tones are looked for are longer by this: tones stand out more.
pub const LONGER: usize = 4;
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

    /// The same sound of one channel in more channels, all alike.
    pub fn spread(&self, channels: usize) -> Colour {
        let bins = self.window / 2 + 1;
        let mut factors = vec![Complex32::ZERO; bins * triangle(channels)];
        for (one, all) in self
            .factors
            .iter()
            .zip(factors.chunks_exact_mut(triangle(channels)))
        {
            (0..channels).for_each(|i| all[triangle(i)] = *one);
        }
        let spread = |tone: &Tone| Tone {
            turn: tone.turn,
            parts: vec![tone.parts[0]; channels],
        };
        Colour {
            window: self.window,
            channels,
            factors,
            tones: self.tones.iter().map(spread).collect(),
        }
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
