//! The probability of a voice, from what the denoiser measures.

/// The reduction in dB at which a voice is as likely as none, and the dB over which the odds change by e: a logistic regression over
/// the development recordings, see docs/rnnoise.md.
const MIDDLE: f32 = 19.0;
const SCALE: f32 = 7.2;

/// From the reduction in dB and the level in dBFS of what is left: 0 to 1.
pub fn probability(reduction: f32, level: f32) -> f32 {
    if level == f32::NEG_INFINITY {
        return 0.0;
    }
    1.0 / (1.0 + ((reduction - MIDDLE) / SCALE).exp())
}
