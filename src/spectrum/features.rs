//! The input of the denoising network: the spectrum relative to a running level and to the noise floor of each band, so
//! that loudness does not matter.

use super::bands::Bands;
use crate::kernels::Kernels;
use rustfft::num_complex::Complex32;

/// The definition of the features besides their bands.
#[derive(Clone, Debug)]
pub(crate) struct FeatureSettings {
    /// Low bins whose phase advance is a feature.
    pub(crate) coherent_bins: usize,
    /// First and last bin of the running level.
    pub(crate) level_bins: (usize, usize),
    /// Share of the newest frame in the running level, 0 … 1.
    pub(crate) level_smoothing: f32,
    /// Mean |X|² in the level's bins up to which a frame is silent.
    pub(crate) silence: f32,
    /// Speed of a noise floor upwards and downwards, share per frame, 0 … 1.
    pub(crate) floor_up: f32,
    pub(crate) floor_down: f32,
}

impl FeatureSettings {
    /// Features of a frame with so many bands: log power and rise of each band, phase advance of the coherent bins.
    pub(crate) fn features(&self, bands: usize) -> usize {
        2 * bands + 2 * self.coherent_bins
    }
}

/// The running mean of the log power of a few bins; frames of silence leave it where it was.
#[derive(Clone, Debug, Default)]
struct RunningLevel {
    /// Σ decay^age · ln(energy), over the frames that are not silent
    numerator: f32,
    /// Σ decay^age, over the same
    denominator: f32,
}

/// Below this the weight of all frames so far is as good as nothing, and going on would end in denormal numbers.
const VANISHED: f32 = 1e-30;

impl RunningLevel {
    fn update(&mut self, energy: f32, settings: &FeatureSettings) -> f32 {
        let keep = 1.0 - settings.level_smoothing;
        self.numerator *= keep;
        self.denominator *= keep;
        if energy > settings.silence {
            self.numerator += (energy + settings.silence).ln();
            self.denominator += 1.0;
        } else if self.denominator < VANISHED {
            *self = RunningLevel::default();
        }
        self.numerator / (self.denominator + 1e-20)
    }
}

/// A rough noise floor of every band: a mean of its log power that is slow upwards and fast downwards (an expectile).
/// It starts as the plain mean of the frames so far.
#[derive(Clone, Debug)]
struct NoiseFloor {
    /// `[band]`
    floor: Vec<f32>,
    /// Frames that were not silent, up to [`SETTLED`].
    count: f32,
}

/// After so many frames the start of a noise floor no longer counts, whatever its speed.
const SETTLED: f32 = 16_777_216.0;

impl NoiseFloor {
    /// Takes the log powers of a frame; `rise` becomes a quarter of their height above the floor.
    fn update(
        &mut self,
        audible: bool,
        level: f32,
        log_powers: &[f32],
        rise: &mut [f32],
        settings: &FeatureSettings,
    ) {
        if audible {
            self.count = (self.count + 1.0).min(SETTLED);
        }
        let start = 1.0 / self.count.max(1.0);
        let (up, down) = (settings.floor_up.max(start), settings.floor_down.max(start));
        for ((floor, log_power), rise) in self.floor.iter_mut().zip(log_powers).zip(rise) {
            let now = log_power + level;
            if audible {
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

/// No logarithm of a power that can be heard is larger, nor smaller with a minus.
const LOUDEST: f32 = 60.0;

/// Turns the spectra of a stream into features; remembers level, noise floor and the frame before.
#[derive(Clone, Debug)]
pub(crate) struct Features {
    settings: FeatureSettings,
    level: RunningLevel,
    floor: NoiseFloor,
    /// The low bins of the frame before, and their |X|².
    before: Vec<Complex32>,
    power_before: Vec<f32>,
    /// Scratch: |X|² of every bin.
    power: Vec<f32>,
}

impl Features {
    pub(crate) fn new(settings: FeatureSettings, bands: &Bands) -> Features {
        Features {
            level: RunningLevel::default(),
            floor: NoiseFloor {
                floor: vec![0.0; bands.len()],
                count: 0.0,
            },
            before: vec![Complex32::ZERO; settings.coherent_bins],
            power_before: vec![0.0; settings.coherent_bins],
            power: vec![0.0; bands.bins()],
            settings,
        }
    }

    pub(crate) fn reset(&mut self) {
        self.level = RunningLevel::default();
        self.floor.reset();
        self.before.fill(Complex32::ZERO);
        self.power_before.fill(0.0);
    }

    /// Numbers that are learned of a stream: the running level, and the noise floors. The frame before is none of them.
    pub(crate) fn learned(&self) -> usize {
        3 + self.floor.floor.len()
    }

    /// Writes them.
    pub(crate) fn save(&self, learned: &mut [f32]) {
        let (level, floor) = learned.split_at_mut(3);
        level.copy_from_slice(&[self.level.numerator, self.level.denominator, self.floor.count]);
        floor.copy_from_slice(&self.floor.floor);
    }

    /// Takes what [`save`](Self::save) wrote, each number into its range.
    pub(crate) fn restore(&mut self, learned: &[f32]) {
        let (level, floor) = learned.split_at(3);
        let frames = 1.0 / self.settings.level_smoothing.max(1e-6);
        let denominator = level[1].clamp(0.0, frames);
        let most = LOUDEST * denominator;
        self.level = RunningLevel {
            numerator: level[0].clamp(-most, most),
            denominator,
        };
        self.floor.count = level[2].clamp(0.0, SETTLED);
        for (to, from) in self.floor.floor.iter_mut().zip(floor) {
            *to = from.clamp(-LOUDEST, LOUDEST);
        }
    }

    /// Takes the next frame: spectrum `[bin]` → log powers `[band]`, their rise above the noise floor `[band]`, then the
    /// real and the imaginary part of the phase advance of the low bins, `[coherent bin]` each.
    pub(crate) fn extract(
        &mut self,
        spectrum: &[Complex32],
        bands: &Bands,
        kernels: Kernels,
        features: &mut [f32],
    ) {
        kernels.compiled(
            #[inline(always)]
            || self.extract_compiled(spectrum, bands, kernels, features),
        );
    }

    #[inline(always)]
    fn extract_compiled(
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
        let of_level = &self.power[s.level_bins.0..=s.level_bins.1];
        let energy = of_level.iter().sum::<f32>() / of_level.len() as f32;
        let level = self.level.update(energy, s);
        let inverse = (-level).exp();

        let (log_powers, features) = features.split_at_mut(bands.len());
        let (rise, advance) = features.split_at_mut(bands.len());
        bands.pool(&self.power, log_powers);
        for v in log_powers.iter_mut() {
            *v = *v * inverse + 1e-6;
        }
        kernels.ln(log_powers);
        self.floor.update(energy > s.silence, level, log_powers, rise, s);
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
