//! What the network hears: the spectrum relative to a running level and to the noise floor of each band, so that
//! loudness does not matter.

use crate::bands::Bands;
use crate::kernels::Kernels;
use crate::model::Settings;
use rustfft::num_complex::Complex32;

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

/// A rough noise floor of every band: a mean of its log power that is slow upwards and fast downwards (an expectile).
/// It starts as the plain mean of what was heard.
#[derive(Clone, Debug)]
struct NoiseFloor {
    /// `[band]`
    floor: Vec<f32>,
    /// Frames heard, up to [`SETTLED`].
    count: f32,
}

/// After so many frames the start of a noise floor no longer counts, whatever its speed.
const SETTLED: f32 = 16_777_216.0;

impl NoiseFloor {
    /// Takes the log powers of a frame that was heard; `rise` becomes a quarter of their height above the floor.
    fn hear(&mut self, heard: bool, level: f32, log_powers: &[f32], rise: &mut [f32], settings: &Settings) {
        if heard {
            self.count = (self.count + 1.0).min(SETTLED);
        }
        let start = 1.0 / self.count.max(1.0);
        let (up, down) = (settings.floor_up.max(start), settings.floor_down.max(start));
        for ((floor, log_power), rise) in self.floor.iter_mut().zip(log_powers).zip(rise) {
            let now = log_power + level;
            if heard {
                let difference = now - *floor;
                *floor += if difference < 0.0 { down } else { up } * difference;
            }
            *rise = (now - *floor) * 0.25;
        }
    }

    fn reset(&mut self) {
        self.floor.fill(0.0);
        self.count = 0.0;
    }
}

/// Turns spectra into features, remembering the level and the frame before.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    settings: Settings,
    level: RunningLevel,
    floor: NoiseFloor,
    /// The low bins of the frame before, and their |X|².
    before: Vec<Complex32>,
    power_before: Vec<f32>,
    /// Scratch: |X|² of every bin.
    power: Vec<f32>,
}

impl Features {
    pub(crate) fn new(settings: &Settings, bands: usize) -> Features {
        Features {
            level: RunningLevel::default(),
            floor: NoiseFloor {
                floor: vec![0.0; bands],
                count: 0.0,
            },
            before: vec![Complex32::ZERO; settings.coherent_bins],
            power_before: vec![0.0; settings.coherent_bins],
            power: vec![0.0; settings.window / 2 + 1],
            settings: settings.clone(),
        }
    }

    pub(crate) fn reset(&mut self) {
        self.level = RunningLevel::default();
        self.floor.reset();
        self.before.fill(Complex32::ZERO);
        self.power_before.fill(0.0);
    }

    /// One frame: spectrum `[bin]` → log powers `[band]`, their rise above the noise floor `[band]`, then the real and
    /// the imaginary part of the phase advance of the low bins, `[coherent bin]` each.
    pub(crate) fn hear(
        &mut self,
        spectrum: &[Complex32],
        bands: &Bands,
        kernels: Kernels,
        features: &mut [f32],
    ) {
        kernels.compiled(
            #[inline(always)]
            || self.hear_compiled(spectrum, bands, kernels, features),
        );
    }

    #[inline(always)]
    fn hear_compiled(
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
        let level = self.level.hear(energy, s);
        let inverse = (-level).exp();

        let (log_powers, features) = features.split_at_mut(bands.len());
        let (rise, advance) = features.split_at_mut(bands.len());
        bands.pool(&self.power, log_powers);
        for v in log_powers.iter_mut() {
            *v = *v * inverse + 1e-6;
        }
        kernels.ln(log_powers);
        self.floor.hear(energy > s.silence, level, log_powers, rise, s);
        for v in log_powers.iter_mut() {
            *v = (*v + 4.0) / 4.0;
        }

        let (real, imaginary) = advance.split_at_mut(s.coherent_bins);
        let (low, power) = (&spectrum[..s.coherent_bins], &self.power[..s.coherent_bins]);
        // From the power before to the scale of the bin.
        for (scale, power) in self.power_before.iter_mut().zip(power) {
            let size = (power * *scale).sqrt() * inverse;
            *scale = inverse / (size + 1e-3);
        }
        let sides = low.iter().zip(&self.before).zip(&self.power_before);
        for (bin, ((now, before), scale)) in sides.enumerate() {
            // A tone in the middle of its bin advances by a half turn from hop to hop in every odd bin.
            let flip = if bin % 2 == 0 { 1.0 } else { -1.0 };
            let turn = now * before.conj() * flip * scale;
            (real[bin], imaginary[bin]) = (turn.re, turn.im);
        }
        self.before.copy_from_slice(low);
        self.power_before.copy_from_slice(power);
    }
}
