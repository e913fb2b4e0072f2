//! What the network hears: the spectrum relative to a running level, so that loudness does not matter.

use crate::bands::Bands;
use crate::kernels::Kernels;
use crate::model::Settings;
use realfft::num_complex::Complex32;

/// The running mean of the log power of a few bins; frames of silence leave it where it was.
#[derive(Clone, Debug, Default)]
struct RunningLevel {
    /// Σ decay^age · heard · ln(energy)
    numerator: f32,
    /// Σ decay^age · heard
    denominator: f32,
}

/// Below this the weight of everything heard is as good as nothing, and going on would end in denormal numbers.
const FORGOTTEN: f32 = 1e-30;

impl RunningLevel {
    fn hear(&mut self, energy: f32, settings: &Settings) -> f32 {
        let keep = 1.0 - settings.level_smoothing;
        self.numerator *= keep;
        self.denominator *= keep;
        if energy > settings.silence {
            self.numerator += (energy + settings.silence).ln();
            self.denominator += 1.0;
        } else if self.denominator < FORGOTTEN {
            *self = RunningLevel::default();
        }
        self.numerator / (self.denominator + 1e-20)
    }
}

/// Turns spectra into features, remembering the level and the frame before.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    settings: Settings,
    level: RunningLevel,
    /// The low bins of the frame before, and their |X|².
    before: Vec<Complex32>,
    power_before: Vec<f32>,
    /// Scratch: |X|² of every bin.
    power: Vec<f32>,
}

impl Features {
    pub(crate) fn new(settings: &Settings) -> Features {
        Features {
            level: RunningLevel::default(),
            before: vec![Complex32::ZERO; settings.coherent_bins],
            power_before: vec![0.0; settings.coherent_bins],
            power: vec![0.0; settings.window / 2 + 1],
            settings: settings.clone(),
        }
    }

    pub(crate) fn reset(&mut self) {
        self.level = RunningLevel::default();
        self.before.fill(Complex32::ZERO);
        self.power_before.fill(0.0);
    }

    /// One frame: spectrum `[bin]` → log powers `[band]`, then the real and the imaginary part of the phase advance
    /// of the low bins, `[coherent bin]` each.
    pub(crate) fn hear(
        &mut self,
        spectrum: &[Complex32],
        bands: &Bands,
        kernels: Kernels,
        features: &mut [f32],
    ) {
        let s = &self.settings;
        for (power, x) in self.power.iter_mut().zip(spectrum) {
            *power = x.norm_sqr();
        }
        let heard = &self.power[s.level_first_bin..=s.level_last_bin];
        let energy = heard.iter().sum::<f32>() / heard.len() as f32;
        let inverse = (-self.level.hear(energy, s)).exp();

        let (level, advance) = features.split_at_mut(bands.len());
        bands.pool(&self.power, level);
        for v in level.iter_mut() {
            *v = *v * inverse + 1e-6;
        }
        kernels.ln(level);
        for v in level.iter_mut() {
            *v = (*v + 4.0) / 4.0;
        }

        let (real, imaginary) = advance.split_at_mut(s.coherent_bins);
        for bin in 0..s.coherent_bins {
            // A tone in the middle of its bin advances by a half turn from hop to hop in every odd bin.
            let flip = if bin % 2 == 0 { 1.0 } else { -1.0 };
            let turn = spectrum[bin] * self.before[bin].conj() * flip;
            let size = (self.power[bin] * self.power_before[bin]).sqrt() * inverse;
            let turn = turn * (inverse / (size + 1e-3));
            (real[bin], imaginary[bin]) = (turn.re, turn.im);
        }
        self.before.copy_from_slice(&spectrum[..s.coherent_bins]);
        self.power_before.copy_from_slice(&self.power[..s.coherent_bins]);
    }
}
