//! The margin: sound that is buffered against callbacks that come late; as little as the last half minute allows.

/// The margin of one output, in seconds. It rises at once when sound was lacking, and sinks while more than
/// [`SAFE`](Self::SAFE) was left unused.
#[derive(Clone, Debug)]
pub struct Margin {
    value: f64,
    /// Its value before the last underrun.
    before: f64,
    /// The least that was left after a callback in this window.
    least: f64,
    /// Seconds since the window began.
    age: f64,
}

impl Margin {
    /// At the start, and the least rise.
    pub const FIRST: f64 = 0.005;
    /// More than this is never kept in hand.
    pub const MAX: f64 = 0.100;
    /// Sound that should be left even after the worst callback.
    pub const SAFE: f64 = 0.003;
    /// The window over which the worst callback is sought.
    const WINDOW: f64 = 30.0;

    /// The margin to start with.
    pub fn new() -> Self {
        Margin {
            value: Self::FIRST,
            before: Self::FIRST,
            least: f64::INFINITY,
            age: 0.0,
        }
    }

    /// In seconds.
    pub fn seconds(&self) -> f64 {
        self.value
    }

    /// After a callback of `elapsed` seconds of sound, `left` seconds were still there.
    pub fn observe(&mut self, left: f64, elapsed: f64) {
        self.least = self.least.min(left);
        self.age += elapsed;
        if self.age >= Self::WINDOW {
            let unused = self.least - Self::SAFE;
            // Half of it, so that the level follows gently.
            self.value = (self.value - (unused / 2.0).clamp(-0.002, 0.002)).clamp(0.0, Self::MAX);
            (self.least, self.age) = (f64::INFINITY, 0.0);
        }
    }

    /// An underrun longer than any margin: a stall, from which nothing is to be learnt.
    pub fn stalled(&mut self) {
        self.value = self.before;
    }

    /// `seconds` of sound were lacking in one block.
    pub fn lacked(&mut self, seconds: f64) {
        self.before = self.value;
        self.value = (self.value + seconds.clamp(Self::FIRST / 2.0, 2.0 * Self::FIRST)).min(Self::MAX);
        (self.least, self.age) = (f64::INFINITY, 0.0);
    }
}

impl Default for Margin {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_used_is_given_up_but_for_the_safe_rest() {
        let mut margin = Margin::new();
        margin.lacked(0.010);
        // Callbacks that are up to 4 ms late use up 4 ms of the margin.
        for _ in 0..100_000 {
            margin.observe(margin.seconds() - 0.004, 0.01);
        }
        assert!((margin.seconds() - 0.007).abs() < 2e-4, "{}", margin.seconds());
    }

    #[test]
    fn a_stall_teaches_nothing() {
        let mut margin = Margin::new();
        margin.lacked(0.01);
        margin.stalled();
        assert_eq!(margin.seconds(), Margin::FIRST);
    }

    #[test]
    fn lacking_sound_raises_it_at_once_and_not_without_end() {
        let mut margin = Margin::new();
        margin.lacked(0.001);
        assert!(margin.seconds() > Margin::FIRST);
        for _ in 0..100 {
            margin.lacked(1.0);
        }
        assert_eq!(margin.seconds(), Margin::MAX);
    }
}
