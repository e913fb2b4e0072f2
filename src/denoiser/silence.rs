//! The silence gate: when a network works, rests, or begins anew.

use crate::spectrum::Framing;
use rustfft::num_complex::Complex32;

/// Mean |X|² relative to the window's length up to which a frame is silent: −127 dBFS of noise.
const SILENT: f32 = 1e-13;

/// Silence in seconds after which a network rests.
const REST: f64 = 5.0;

/// The network's part in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Turn {
    Work,
    /// Works, after a reset.
    Fresh,
    /// Rests: the frame stays as it is.
    Rest,
}

/// Follows the silence of a stream.
#[derive(Debug)]
pub(crate) struct SilenceGate {
    /// Energy of a frame up to which it is silent.
    silence: f32,
    /// Silent frames in a row so far; before the stream there was nothing else.
    silent: usize,
    /// Silent frames after which the network rests.
    patience: usize,
}

impl SilenceGate {
    /// For a network that lets sound appear in `tail` frames after it.
    pub(crate) fn new(framing: &Framing, tail: usize) -> SilenceGate {
        let rest = (REST * f64::from(framing.rate) / framing.hop as f64).ceil() as usize;
        SilenceGate {
            silence: SILENT * framing.window as f32 * framing.bins() as f32,
            silent: usize::MAX,
            patience: rest.max(tail),
        }
    }

    pub(crate) fn reset(&mut self) {
        self.silent = usize::MAX;
    }

    /// Tells whether the last frame was silent.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent > 0
    }

    /// Takes the next frame of the guide, `[bin]`. Rest is followed by more rest or by a fresh start.
    pub(crate) fn turn(&mut self, guide: &[Complex32]) -> Turn {
        let energy: f32 = guide.iter().map(Complex32::norm_sqr).sum();
        if energy > self.silence {
            let fresh = self.silent > self.patience;
            self.silent = 0;
            return if fresh { Turn::Fresh } else { Turn::Work };
        }
        self.silent = self.silent.saturating_add(1);
        if self.silent > self.patience {
            Turn::Rest
        } else {
            Turn::Work
        }
    }
}
