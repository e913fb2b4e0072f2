//! The reserve of a device: sound that it is given in advance, so that it does not run dry when we come late; as little as it takes.
//!
//! A [`Margin`](crate::margin::Margin) is for callbacks that come late while the device goes on asking; this is for the
//! time in which nobody answers the device, since the computer is busy.

/// The reserve of one device, in seconds.
#[derive(Clone, Debug)]
pub struct Reserve {
    value: f64,
    /// Seconds since the device ran dry, or since the value was lowered.
    quiet: f64,
    /// Seconds without an underrun before the value is lowered for the first time.
    patience: f64,
    /// The value has been lowered since the last underrun.
    lowered: bool,
}

impl Reserve {
    /// At the start, and the least: two blocks.
    pub const FIRST: f64 = 0.020;
    /// The most.
    pub const MAX: f64 = 0.200;
    /// Seconds that it rises by at an underrun.
    pub const RISE: f64 = 0.010;
    /// Seconds that it sinks by at a time: altogether 100 ppm, a drift like that of clocks, which is followed without a wobble.
    pub const FALL: f64 = 0.0005;
    /// Seconds from one fall to the next.
    const PACE: f64 = 5.0;
    /// Seconds of quiet before the first fall; doubled up to the second number each time that a fall was too much.
    const PATIENCE: (f64, f64) = (60.0, 3600.0);

    /// The first value.
    pub fn new() -> Self {
        Reserve {
            value: Self::FIRST,
            quiet: 0.0,
            patience: Self::PATIENCE.0,
            lowered: false,
        }
    }

    /// In seconds.
    pub fn seconds(&self) -> f64 {
        self.value
    }

    /// The device has run dry.
    pub fn ran_dry(&mut self) {
        if self.lowered {
            self.patience = (2.0 * self.patience).min(Self::PATIENCE.1);
        }
        self.value = (self.value + Self::RISE).min(Self::MAX);
        (self.quiet, self.lowered) = (0.0, false);
    }

    /// Another `elapsed` seconds of sound have been taken.
    pub fn observe(&mut self, elapsed: f64) {
        self.quiet += elapsed;
        let wait = if self.lowered { Self::PACE } else { self.patience };
        if self.quiet >= wait && self.value > Self::FIRST {
            self.value = (self.value - Self::FALL).max(Self::FIRST);
            (self.quiet, self.lowered) = (0.0, true);
        }
    }
}

impl Default for Reserve {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(reserve: &mut Reserve, seconds: f64) {
        for _ in 0..(seconds * 100.0) as usize {
            reserve.observe(0.01);
        }
    }

    #[test]
    fn it_rises_at_once_and_sinks_when_it_is_quiet() {
        let mut reserve = Reserve::new();
        for _ in 0..3 {
            reserve.ran_dry();
        }
        assert!((reserve.seconds() - 0.050).abs() < 1e-9);
        pass(&mut reserve, 55.0);
        assert!((reserve.seconds() - 0.050).abs() < 1e-9);
        pass(&mut reserve, 400.0);
        assert_eq!(reserve.seconds(), Reserve::FIRST);
    }

    #[test]
    fn it_does_not_rise_without_end() {
        let mut reserve = Reserve::new();
        for _ in 0..100 {
            reserve.ran_dry();
        }
        assert_eq!(reserve.seconds(), Reserve::MAX);
    }

    #[test]
    fn what_was_given_up_too_early_is_kept_longer_the_next_time() {
        let mut reserve = Reserve::new();
        let mut kept = Vec::new();
        for _ in 0..4 {
            reserve.ran_dry();
            let before = reserve.seconds();
            let mut seconds = 0;
            while reserve.seconds() == before {
                pass(&mut reserve, 1.0);
                seconds += 1;
            }
            kept.push(seconds);
        }
        assert!(kept.windows(2).all(|pair| pair[1] >= 2 * pair[0] - 2), "{kept:?}");
    }
}
