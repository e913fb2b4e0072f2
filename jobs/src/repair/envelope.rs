//! How loud a gap should be in each band: what the denoising autoencoder makes of both sides.

use crate::Error;
use aeden::autoencoder::{Autoencoder, FLOOR};
use aeden::spectrum::{Bands, Framing, Stft, WindowShape};
use realfft::num_complex::Complex32;
use std::ops::Range;

/// Seconds at the edges of a gap over which the correction sets in.
const FADE: f32 = 0.002;
/// How far a band is raised or lowered at most, as an amplitude.
const GAIN: std::ops::RangeInclusive<f32> = 0.1..=10.0;

/// Corrects the spectrum of what prediction has put into a gap.
pub struct Envelope {
    model: Autoencoder,
    stft: Stft,
    bands: Bands,
}

impl Envelope {
    /// For sound at `rate`.
    pub fn new(model: Autoencoder, rate: u32) -> Result<Envelope, Error> {
        let view = model.view();
        // Frames as long as the model's, so that bins lie as densely.
        let share = f64::from(rate) / f64::from(view.framing.rate);
        let hop = (view.framing.hop as f64 * share) as usize;
        let framing = Framing {
            rate,
            window: hop * (view.framing.window / view.framing.hop),
            hop,
            shape: WindowShape::Vorbis,
        };
        let last = framing.window.min(view.framing.window) / 2;
        Ok(Envelope {
            stft: Stft::new(&framing)?,
            bands: Bands::new(&view.band_steps, last),
            model,
        })
    }

    /// Corrects `gap`, which prediction has filled. Gaps that leave nothing of a patch stay as they are.
    pub fn shape(&self, samples: &mut [f32], gap: Range<usize>) {
        let Framing { window, hop, .. } = *self.stft.framing();
        let (frames, bands) = (self.model.view().frames, self.model.view().bands());
        let length = frames * hop + window - hop;
        let start = (gap.start + gap.end) as isize / 2 - length as isize / 2;
        let part: Vec<f32> = (start..start + length as isize)
            .map(|t| {
                usize::try_from(t)
                    .ok()
                    .and_then(|t| samples.get(t))
                    .copied()
                    .unwrap_or(0.0)
            })
            .collect();
        let touched = |frame: usize| {
            let begin = start + (frame * hop) as isize;
            begin < gap.end as isize && begin + window as isize > gap.start as isize
        };
        let Some(first) = (0..frames).find(|&t| touched(t)) else {
            return;
        };
        let end = (first..frames).find(|&t| !touched(t)).unwrap_or(frames);
        if first == 0 || end == frames {
            return;
        }

        // What stands there now, and what the network expects.
        let spectra = self.spectra(&part);
        let used = self.bands.len();
        let mut powers = vec![0.0; frames * bands];
        let mut bins = vec![0.0; self.bands.bins()];
        for (spectrum, powers) in spectra.iter().zip(powers.chunks_exact_mut(bands)) {
            bins.iter_mut()
                .zip(spectrum)
                .for_each(|(power, x)| *power = x.norm_sqr());
            self.bands.pool(&bins, &mut powers[..used]);
        }
        let known = (0..first)
            .chain(end..frames)
            .flat_map(|t| &powers[t * bands..t * bands + used]);
        let (sum, count) = known.fold((0.0, 0), |(sum, count), p| (sum + p, count + 1));
        let mean = sum / count as f32;
        if mean < f32::MIN_POSITIVE {
            return;
        }
        let seen: Vec<f32> = powers.iter().map(|p| (p / mean + FLOOR).ln()).collect();
        let expected = self.expected(&seen, first..end);

        // Halfway between both: measured best. The predicted waves know the pitch, the network the loudness.
        let (analysed, mut synthesis) = (spectra, self.stft.synthesis());
        let (mut gains, mut gain_of_bin) = (vec![1.0; used], vec![1.0; self.bands.bins()]);
        let mut shaped = vec![0.0; length + window];
        let blank = vec![Complex32::ZERO; analysed[0].len()];
        for (t, spectrum) in analysed
            .iter()
            .chain(std::iter::repeat_n(&blank, window / hop - 1))
            .enumerate()
        {
            let mut spectrum = spectrum.clone();
            if (first..end).contains(&t) {
                for band in 0..used {
                    let change = expected[t * bands + band] - seen[t * bands + band];
                    gains[band] = (0.25 * change).exp().clamp(*GAIN.start(), *GAIN.end());
                }
                self.bands.expand(&gains, &mut gain_of_bin);
                let above = gain_of_bin[gain_of_bin.len() - 1];
                for (k, x) in spectrum.iter_mut().enumerate() {
                    *x *= gain_of_bin.get(k).copied().unwrap_or(above);
                }
            }
            synthesis.frame(&spectrum, &mut shaped[t * hop..(t + 1) * hop]);
        }
        let n = gap.len();
        let fade = ((FADE * self.stft.framing().rate as f32) as usize)
            .min(n / 4)
            .max(1) as f32;
        for (i, t) in gap.enumerate() {
            let share = ((i.min(n - 1 - i) as f32 + 0.5) / fade).min(1.0);
            let at = (t as isize - start) as usize;
            samples[t] += share * (shaped[at] - samples[t]);
        }
    }

    /// Log powers in which the frames of the gap are the network's: straight lines across it, and what it adds to them.
    fn expected(&self, seen: &[f32], gap: Range<usize>) -> Vec<f32> {
        let bands = self.model.view().bands();
        let mut patch = seen.to_vec();
        self.model.standardise(&mut patch);
        for t in gap.clone() {
            let share = (t - gap.start + 1) as f32 / (gap.len() + 1) as f32;
            for band in 0..bands {
                let (left, right) = (
                    patch[(gap.start - 1) * bands + band],
                    patch[gap.end * bands + band],
                );
                patch[t * bands + band] = left + (right - left) * share;
            }
        }
        let added = self.model.decode(&self.model.encode(&patch));
        for at in gap.start * bands..gap.end * bands {
            patch[at] += added[at];
        }
        self.model.restore(&mut patch);
        patch
    }

    /// Of all frames that lie in `part`.
    fn spectra(&self, part: &[f32]) -> Vec<Vec<Complex32>> {
        let Framing { window, hop, .. } = *self.stft.framing();
        let mut analysis = self.stft.analysis();
        let frames = part.chunks_exact(hop).map(|samples| {
            let mut spectrum = self.stft.spectrum();
            analysis.frame(samples, &mut spectrum);
            spectrum
        });
        frames.skip(window / hop - 1).collect()
    }
}
