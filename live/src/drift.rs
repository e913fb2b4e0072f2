//! Two clocks that do not agree: how much faster or slower the samples have to be played so that none pile up or lack.

/// The furthest that the speed is changed, relative: 0.2 %, three cents, which nobody hears. Clocks are within 0.03 %.
pub const MAX_CORRECTION: f64 = 0.002;

/// A PI controller from the error of a buffer's level to the speed of the resampler that fills it.
///
/// The level integrates the speed, so that proportional gain ω·2 and integral gain ω² give a loop that is critically
/// damped at ω = 0.1 rad/s: a drift of 300 ppm that sets in suddenly moves the level by 1.1 ms at most (drift / (e·ω)),
/// and is gone after a minute. Jitter of the callbacks is averaged over [`SMOOTHING`](Self::SMOOTHING) first.
#[derive(Clone, Debug)]
pub struct DriftControl {
    /// The smoothed error, in seconds.
    error: f64,
    /// Estimated difference of the clocks, relative.
    drift: f64,
}

impl DriftControl {
    /// Seconds over which the error is averaged; short beside the loop's 10 s.
    pub const SMOOTHING: f64 = 0.5;
    /// Relative speed per second of error.
    pub const PROPORTIONAL: f64 = 0.2;
    /// Relative speed per second of error and second.
    pub const INTEGRAL: f64 = 0.01;

    /// Starts from a drift known from before, relative; 0 if none is.
    pub fn new(drift: f64) -> Self {
        DriftControl { error: 0.0, drift }
    }

    /// Takes the level's error in seconds, too full being positive, observed `elapsed` seconds after the last one.
    /// Returns the speed of the resampler's output relative to nominal.
    pub fn update(&mut self, error: f64, elapsed: f64) -> f64 {
        self.error += (error - self.error) * (1.0 - (-elapsed / Self::SMOOTHING).exp());
        self.drift =
            (self.drift + Self::INTEGRAL * self.error * elapsed).clamp(-MAX_CORRECTION, MAX_CORRECTION);
        1.0 - (self.drift + Self::PROPORTIONAL * self.error).clamp(-MAX_CORRECTION, MAX_CORRECTION)
    }

    /// The level has been set right by other means: the drift stays known, the error is forgotten.
    pub fn level_was_set(&mut self) {
        self.error = 0.0;
    }

    /// Drift: the speed of the input's clock over the output's, less 1.
    pub fn drift(&self) -> f64 {
        self.drift
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error in the first ten minutes and in the last one, with a drift that sets in at once.
    fn errors(drift: f64) -> (f64, f64) {
        let (mut control, mut error, mut largest) = (DriftControl::new(0.0), 0.0, 0.0f64);
        let mut last = 0.0f64;
        for step in 0..60_000 {
            let speed = control.update(error, 0.01);
            error += (drift + speed - 1.0) * 0.01;
            largest = largest.max(error.abs());
            if step >= 54_000 {
                last = last.max(error.abs());
            }
        }
        (largest, last)
    }

    #[test]
    fn a_drift_of_300_ppm_moves_the_level_by_little_and_leaves_nothing() {
        for drift in [-300e-6, 300e-6] {
            let (largest, last) = errors(drift);
            assert!(largest < 1.3e-3, "{largest} s");
            assert!(last < 1e-6, "{last} s");
        }
    }

    #[test]
    fn the_speed_stays_within_what_nobody_hears() {
        let mut control = DriftControl::new(0.0);
        for error in [10.0, -10.0] {
            for _ in 0..10_000 {
                assert!((control.update(error, 0.01) - 1.0).abs() <= MAX_CORRECTION + 1e-12);
            }
        }
    }
}
