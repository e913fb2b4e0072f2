//! Levels: which samples a network gets, and which spectra it may give.

use crate::kernels::Kernels;
use rustfft::num_complex::Complex32;

/// Inputs smaller than this (−300 dBFS) are silence to the network.
pub const TINY: f32 = 1e-15;

/// Samples beyond ± this (+140 dBFS) are no sound: the network gets 0 for them. Recordings in floats scaled to 16 or 24 bits,
/// whose samples reach 8.4e6, fit with room for what filters add.
pub const HUGE: f32 = 1e7;

/// A part of a spectrum beyond ± this cannot come from an engine in order: inputs up to [`HUGE`] under the longest window
/// stay well below it. Squares of it fit `f32`.
const ABSURD: f32 = 1e16;

/// Energy of a bin under which the guide is silent; far above denormals.
const SILENT_BIN: f32 = 1e-30;

/// The sum's energy relative to the channels' under which they count as cancelling.
const CANCELLED: f32 = 1e-6;

/// A sample as the network gets it.
#[inline(always)]
pub(super) fn audible(x: f32) -> f32 {
    // Also false for NaN.
    if (TINY..=HUGE).contains(&x.abs()) { x } else { 0.0 }
}

/// The sample, but zero of the same sign for a subnormal number, which would slow down what comes after.
#[inline(always)]
pub(super) fn flushed(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE {
        0f32.copysign(x)
    } else {
        x
    }
}

/// Tells whether no part of the spectrum is NaN, infinite or absurdly large.
pub(crate) fn is_sane(kernels: Kernels, spectrum: &[Complex32]) -> bool {
    // Looks at all bins, whatever it finds: without a way out the compiler compares several at a time.
    let sane = |x: &Complex32| (x.re.abs() <= ABSURD) & (x.im.abs() <= ABSURD);
    kernels.compiled(
        #[inline(always)]
        || spectrum.iter().fold(true, |all, x| all & sane(x)),
    )
}

/// Mixes spectra `[channel][frame][bin]` down to the one that stands for all channels, `[frame][bin]`: the root mean
/// square of their magnitudes with the phase of their sum. Where they cancel, it has the phase of the loudest, so that a
/// voice in opposite phase does not vanish.
pub(crate) fn mix_down(spectra: &[Complex32], guide: &mut [Complex32]) {
    let plane = guide.len();
    let channels = (spectra.len() / plane) as f32;
    for (i, guide) in guide.iter_mut().enumerate() {
        let (mut sum, mut energy) = (Complex32::ZERO, 0.0);
        let (mut loudest, mut most) = (Complex32::ZERO, 0.0);
        for &x in spectra[i..].iter().step_by(plane) {
            let own = x.norm_sqr();
            sum += x;
            energy += own;
            if own > most {
                (loudest, most) = (x, own);
            }
        }
        *guide = if energy < SILENT_BIN {
            Complex32::ZERO
        } else if sum.norm_sqr() > CANCELLED * energy {
            sum * (energy / channels / sum.norm_sqr()).sqrt()
        } else {
            loudest * (energy / channels / most).sqrt()
        };
    }
}
