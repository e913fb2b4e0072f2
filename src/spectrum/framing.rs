//! Frames: sampling rate, window and hop.

use crate::error::Error;
use std::f64::consts::PI;

/// A way to cut samples into frames: sampling rate, window and hop.
#[derive(Clone, Debug, PartialEq)]
pub struct Framing {
    /// Samples per second, [`MIN_RATE`](Self::MIN_RATE) to [`MAX_RATE`](Self::MAX_RATE).
    pub rate: u32,
    /// Samples in a frame: even, at most [`MAX_WINDOW`](Self::MAX_WINDOW).
    pub window: usize,
    /// Samples between the starts of neighbouring frames: divides the window, at most half of it.
    pub hop: usize,
    /// The taper of analysis and synthesis.
    pub shape: WindowShape,
}

/// The taper of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowShape {
    /// Power-complementary window of the Vorbis I specification, section 4.3.1, in analysis and synthesis.
    Vorbis,
    /// Square root of the periodic Hann window, in analysis and synthesis.
    SqrtHann,
    /// Periodic Hann window in analysis and synthesis, divided by the sum of its squares.
    Hann,
}

impl WindowShape {
    /// The taper at sample `n` of `window`, 0 to 1.
    pub(crate) fn at(self, n: usize, window: usize) -> f64 {
        let turn = PI / window as f64;
        match self {
            Self::Vorbis => (PI / 2.0 * (turn * (n as f64 + 0.5)).sin().powi(2)).sin(),
            Self::SqrtHann => (turn * n as f64).sin(),
            Self::Hann => (turn * n as f64).sin().powi(2),
        }
    }
}

impl Default for Framing {
    /// 48 kHz, window 960 (20 ms), hop 480 (10 ms), Vorbis window.
    fn default() -> Self {
        Self {
            rate: 48_000,
            window: 960,
            hop: 480,
            shape: WindowShape::Vorbis,
        }
    }
}

impl Framing {
    /// The lowest rate, in Hz.
    pub const MIN_RATE: u32 = 8_000;
    /// The highest rate, in Hz.
    pub const MAX_RATE: u32 = 192_000;
    /// The longest window, in samples.
    pub const MAX_WINDOW: usize = 65_536;

    /// Frequency bins of a spectrum, from 0 Hz to half the rate: `window / 2 + 1`.
    pub fn bins(&self) -> usize {
        self.window / 2 + 1
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    /// [`Error::Setting`], which names the field, its range and what was found.
    pub fn validate(&self) -> Result<(), Error> {
        let Self {
            rate, window, hop, ..
        } = *self;
        let (min, max) = (Self::MIN_RATE, Self::MAX_RATE);
        if !(min..=max).contains(&rate) {
            return Err(Error::Setting(format!(
                "framing: the rate must be {min} to {max} Hz, not {rate}"
            )));
        }
        let max = Self::MAX_WINDOW;
        if window == 0 || window % 2 != 0 || window > max {
            return Err(Error::Setting(format!(
                "framing: the window must be even and 2 to {max}, not {window}"
            )));
        }
        if hop == 0 || hop > window / 2 || window % hop != 0 {
            return Err(Error::Setting(format!(
                "framing: the hop must divide the window, {window}, and be at most half of it, not {hop}"
            )));
        }
        Ok(())
    }
}
