//! The input of the autoencoders: log powers in bands, a patch of frames at a time.
//!
//! | step | shape | |
//! |---|---|---|
//! | samples | mono, any rate | converted to the model's rate |
//! | spectrum X | frames × (window / 2 + 1) | a frame every hop, none beyond the ends |
//! | power P | frames × bands | weighted mean of \|X\|² in triangular bands |
//! | log power | frames × bands | ln(P / mean P + 1e-7), the mean over all frames and bands of the recording |
//!
//! So loudness changes nothing. `models/recipe/family.py` is the same in PyTorch. A patch is a number of frames in a row,
//! hence a slice of the log powers.

use super::converter::Converter;
use crate::error::Error;
use crate::spectrum::{Analysis, Bands, Blocks, Framing, Stft, centres};
use rustfft::num_complex::Complex32;

/// The constant added to relative powers before the logarithm: 70 dB below the mean.
pub const FLOOR: f32 = 1e-7;
/// Recordings whose mean power is below this are silence.
const SILENCE: f64 = 1e-12;

/// A view of sound: framing, bands, and frames of a patch.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Rate, window and hop.
    pub framing: Framing,
    /// Pairs (bins, how many), as the denoiser's settings have them.
    pub band_steps: Vec<(usize, usize)>,
    /// Frames in a patch.
    pub frames: usize,
}

impl View {
    /// The division of a spectrum into bands.
    pub fn division(&self) -> Bands {
        Bands::new(&self.band_steps, self.framing.window / 2)
    }

    /// The number of bands of a frame.
    pub fn bands(&self) -> usize {
        centres(&self.band_steps, self.framing.window / 2).len()
    }

    /// The frequency in the middle of a band, in Hz.
    ///
    /// # Panics
    /// If there is no such band.
    pub fn centre(&self, band: usize) -> f64 {
        let bin = centres(&self.band_steps, self.framing.window / 2)[band];
        bin as f64 * f64::from(self.framing.rate) / self.framing.window as f64
    }

    /// Frames in a second.
    pub fn frame_rate(&self) -> f64 {
        f64::from(self.framing.rate) / self.framing.hop as f64
    }
}

/// Computes the logarithm of the power of the median frame, of log powers `[frame][band]`.
pub fn level(powers: &[f32], bands: usize) -> f32 {
    let power = |frame: &[f32]| frame.iter().map(|x| f64::from(*x).exp()).sum::<f64>() / bands as f64;
    let mut all: Vec<f64> = powers.chunks_exact(bands).map(power).collect();
    let middle = all.len().saturating_sub(1) / 2;
    let (_, middle, _) = all.select_nth_unstable_by(middle, f64::total_cmp);
    middle.ln() as f32
}

/// Changes the level of log powers, the floor staying where it is.
pub fn raise(powers: &mut [f32], by: f32) {
    let (floor, change) = (f64::from(FLOOR), f64::from(by).exp());
    for x in powers {
        let power = (f64::from(*x).exp() - floor).max(0.0);
        *x = (power * change + floor).ln() as f32;
    }
}

/// Turns the samples of one recording into log powers; memory grows by 26 kB a second.
#[derive(Debug)]
pub struct Listener {
    view: View,
    bands: Bands,
    analysis: Analysis,
    converter: Option<Converter>,
    spectrum: Vec<Complex32>,
    bins: Vec<f32>,
    /// Samples at the model's rate, less than a hop between calls.
    waiting: Vec<f32>,
    hops: usize,
    /// `[frame][band]`
    powers: Vec<f32>,
}

impl Listener {
    /// Begins a recording at `rate`, in Hz.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate or a framing out of range.
    pub fn new(view: &View, rate: u32) -> Result<Listener, Error> {
        let stft = Stft::new(&view.framing)?;
        let converter = Blocks::between(rate, view.framing.rate)?.map(Converter::new);
        Ok(Listener {
            bands: view.division(),
            analysis: stft.analysis(),
            converter: converter.transpose()?,
            spectrum: stft.spectrum(),
            bins: vec![0.0; view.framing.bins()],
            waiting: Vec::new(),
            hops: 0,
            powers: Vec::new(),
            view: view.clone(),
        })
    }

    /// Takes the next samples, which must be finite.
    pub fn push(&mut self, samples: &[f32]) {
        match &mut self.converter {
            Some(converter) => converter.push(samples, &mut self.waiting),
            None => self.waiting.extend_from_slice(samples),
        }
        self.analyse();
    }

    fn analyse(&mut self) {
        let hop = self.view.framing.hop;
        let (overlap, bands) = (self.view.framing.window / hop - 1, self.bands.len());
        for samples in self.waiting.chunks_exact(hop) {
            self.analysis.frame(samples, &mut self.spectrum);
            self.hops += 1;
            if self.hops <= overlap {
                continue; // begins before the recording
            }
            for (power, x) in self.bins.iter_mut().zip(&self.spectrum) {
                *power = x.norm_sqr();
            }
            let at = self.powers.len();
            self.powers.resize(at + bands, 0.0);
            self.bands.pool(&self.bins, &mut self.powers[at..]);
        }
        let rest = self.waiting.len() % hop;
        self.waiting.drain(..self.waiting.len() - rest);
    }

    /// Ends the recording: its log powers, `[frame][band]`. What is shorter than a patch is filled up with silence.
    pub fn finish(self) -> Vec<f32> {
        self.finish_with_mean().0
    }

    /// The same, and the mean power that they are relative to.
    pub fn finish_with_mean(mut self) -> (Vec<f32>, f64) {
        if let Some(converter) = &mut self.converter {
            converter.finish(&mut self.waiting);
            self.analyse();
        }
        let framing = &self.view.framing;
        let least = self.view.frames + framing.window / framing.hop - 1;
        if self.hops < least {
            self.waiting.resize((least - self.hops) * framing.hop, 0.0);
            self.analyse();
        }
        let sum: f64 = self.powers.iter().map(|&p| f64::from(p)).sum();
        let mean = (sum / self.powers.len() as f64).max(SILENCE);
        let inverse = (1.0 / mean) as f32;
        for power in &mut self.powers {
            *power = (*power * inverse + FLOOR).ln();
        }
        (self.powers, mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View {
            framing: Framing::default(),
            band_steps: vec![(1, 15), (2, 12), (4, 10), (8, 10), (16, 8), (24, 7)],
            frames: 16,
        }
    }

    fn powers(samples: &[f32], rate: u32, block: usize) -> Vec<f32> {
        let mut listener = Listener::new(&view(), rate).unwrap();
        samples.chunks(block).for_each(|part| listener.push(part));
        listener.finish()
    }

    fn tone(rate: u32, seconds: f32) -> Vec<f32> {
        let samples = (rate as f32 * seconds) as usize;
        let turn = std::f32::consts::TAU * 1000.0 / rate as f32;
        (0..samples).map(|n| (turn * n as f32).sin() * 0.1).collect()
    }

    #[test]
    fn neither_loudness_nor_block_size_changes_what_is_seen() {
        let quiet = tone(48_000, 0.5);
        let loud: Vec<f32> = quiet.iter().map(|x| x * 8.0).collect();
        let seen = powers(&quiet, 48_000, 7);
        assert_eq!(seen.len(), 49 * view().bands());
        for (a, b) in seen.iter().zip(powers(&loud, 48_000, 1000)) {
            assert!((a - b).abs() < 1e-3, "{a} {b}");
        }
    }

    #[test]
    fn a_recording_at_another_rate_is_seen_alike_and_as_long() {
        let (a, b) = (
            powers(&tone(48_000, 0.5), 48_000, 999),
            powers(&tone(44_100, 0.5), 44_100, 999),
        );
        assert_eq!(a.len(), b.len());
        let bands = view().bands();
        // The band of the tone; the filter spreads the edges.
        let band = view()
            .division()
            .centres()
            .iter()
            .position(|&bin| bin >= 20)
            .unwrap();
        for frame in 3..a.len() / bands - 3 {
            let (a, b) = (a[frame * bands + band], b[frame * bands + band]);
            assert!((a - b).abs() < 0.05, "frame {frame}: {a} {b}");
        }
    }

    #[test]
    fn a_level_can_be_raised_without_its_floor() {
        let bands = view().bands();
        let mut samples = tone(48_000, 0.5);
        let seen = powers(&samples, 48_000, 999);
        // Louder for a quarter of the time: the rest is lower in relation to the mean, and can be put back.
        samples[18_000..].iter_mut().for_each(|x| *x *= 3.0);
        let mut other = powers(&samples, 48_000, 999);
        assert!(level(&other, bands) < level(&seen, bands) - 0.5);
        let by = level(&seen, bands) - level(&other, bands);
        raise(&mut other, by);
        for (a, b) in seen.iter().zip(&other).take(30 * bands) {
            assert!((a - b).abs() < 0.02, "{a} {b}");
        }
    }

    #[test]
    fn what_is_short_or_silent_makes_a_patch() {
        for samples in [vec![], vec![0.5; 100], vec![0.0; 48_000]] {
            let seen = powers(&samples, 48_000, 4096);
            assert!(seen.len() >= 16 * view().bands());
            assert!(seen.iter().all(|x| x.is_finite()));
        }
    }
}
