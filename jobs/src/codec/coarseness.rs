//! How coarse the steps of the coefficients are, and the search for the finest that fit.

/// How coarse the steps of the coefficients are: fewer bits the coarser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coarseness(pub(super) u16);

impl Coarseness {
    /// About 8 kbit/s of clean speech in one channel.
    pub const LOW: Coarseness = Coarseness(590);
    /// About 16 kbit/s.
    pub const MID: Coarseness = Coarseness(520);
    /// About 34 kbit/s.
    pub const HIGH: Coarseness = Coarseness(425);
    /// The coarsest.
    const MOST: u16 = 1200;

    /// In dB; 10 dB more are steps three times as large.
    pub fn decibels(self) -> f32 {
        f32::from(self.0) / 10.0 - 60.0
    }
}

/// Looks for the finest steps with which a recording takes no more than so many bytes, by encoding it again and again.
///
/// ```
/// # use aeden_jobs::codec::{Codec, Depth, Search};
/// # let samples: Vec<f32> = (0..48_000).map(|n| (n as f32 * 0.03).sin() * 0.2).collect();
/// # let codec = Codec::new();
/// let mut search = Search::new(1_500);
/// while let Some(coarseness) = search.next() {
///     let bytes = codec.encode(&[&samples], 48_000, Depth::Int16, coarseness)?;
///     search.tell(bytes.len() as u64);
/// }
/// let bytes = codec.encode(&[&samples], 48_000, Depth::Int16, search.found())?;
/// assert!(bytes.len() <= 1_500);
/// # Ok::<(), aeden_jobs::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Search {
    bytes: u64,
    low: u16,
    high: u16,
}

impl Search {
    /// How many times a recording is encoded at most.
    pub const TRIALS: usize = 11;

    /// Begins.
    pub fn new(bytes: u64) -> Search {
        Search {
            bytes,
            low: 0,
            high: Coarseness::MOST,
        }
    }

    fn middle(&self) -> u16 {
        self.low + (self.high - self.low) / 2
    }

    /// What to try; `None` if it has been found.
    #[allow(clippy::should_implement_trait)] // what comes next depends on what is told
    pub fn next(&self) -> Option<Coarseness> {
        (self.low < self.high).then(|| Coarseness(self.middle()))
    }

    /// How many bytes came of what [`next`](Search::next) said.
    pub fn tell(&mut self, bytes: u64) {
        let middle = self.middle();
        if bytes <= self.bytes {
            self.high = middle;
        } else {
            self.low = (middle + 1).min(self.high);
        }
    }

    /// The finest steps; the coarsest there are, if even these take more.
    pub fn found(&self) -> Coarseness {
        Coarseness(self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_at_the_finest_that_fits() {
        for limit in [0, 1, 599, 600, 601, 1_199, 1_200, 1_201, 5_000] {
            let mut search = Search::new(limit);
            let mut trials = 0;
            while let Some(Coarseness(tried)) = search.next() {
                trials += 1;
                search.tell(1_200 - u64::from(tried));
            }
            assert!(trials <= Search::TRIALS, "{limit}: {trials}");
            assert_eq!(search.found().0, 1_200 - limit.min(1_200) as u16, "{limit}");
        }
    }
}
