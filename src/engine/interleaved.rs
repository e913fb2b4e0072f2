//! Frames that begin between those of a network, cleaned by engines that take turns.
//!
//! Some errors of a mask depend on where frames begin; the mean over several grids has less of them (cycle spinning: Coifman &
//! Donoho, "Translation-invariant de-noising", 1995). A shorter hop is that mean: synthesis adds up all frames that overlap.

use super::interface::Engine;
use crate::spectrum::Framing;
use rustfft::num_complex::Complex32;

/// Engines of one network that take turns, each with every so-manieth frame. Together they have a hop that many times shorter,
/// and the same latency.
pub(crate) struct Interleaved {
    /// One for each grid of frames.
    engines: Vec<Box<dyn Engine>>,
    framing: Framing,
    /// The engine that takes the next frame.
    next: usize,
    /// The frames of one engine, `[frame][bin]` and `[channel][frame][bin]`.
    guide: Vec<Complex32>,
    spectra: Vec<Complex32>,
}

impl Interleaved {
    /// For at least one engine, all alike, whose hop is a multiple of their number.
    pub(crate) fn new(engines: Vec<Box<dyn Engine>>) -> Interleaved {
        let (own, frames, channels) = (
            engines[0].framing(),
            engines[0].max_frames(),
            engines[0].channels(),
        );
        Interleaved {
            framing: Framing {
                hop: own.hop / engines.len(),
                ..own.clone()
            },
            next: 0,
            guide: vec![Complex32::ZERO; frames * own.bins()],
            spectra: vec![Complex32::ZERO; channels * frames * own.bins()],
            engines,
        }
    }
}

impl Engine for Interleaved {
    fn framing(&self) -> &Framing {
        &self.framing
    }

    fn channels(&self) -> usize {
        self.engines[0].channels()
    }

    fn max_frames(&self) -> usize {
        self.engines[0].max_frames() * self.engines.len()
    }

    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]) {
        let (bins, count) = (self.framing.bins(), self.engines.len());
        let frames = guide.len() / bins;
        for turn in 0..count.min(frames) {
            let engine = &mut self.engines[(self.next + turn) % count];
            let own = (frames - turn).div_ceil(count) * bins;
            let of_engine = |frames: &[Complex32], own: &mut [Complex32]| {
                let frames = frames.chunks_exact(bins).skip(turn).step_by(count);
                for (own, frame) in own.chunks_exact_mut(bins).zip(frames) {
                    own.copy_from_slice(frame);
                }
            };
            of_engine(guide, &mut self.guide[..own]);
            let own_spectra = &mut self.spectra[..spectra.len() / guide.len() * own];
            for (all, own) in spectra
                .chunks_exact(guide.len())
                .zip(own_spectra.chunks_exact_mut(own))
            {
                of_engine(all, own);
            }
            engine.process(&self.guide[..own], own_spectra);
            for (all, own) in spectra
                .chunks_exact_mut(guide.len())
                .zip(own_spectra.chunks_exact(own))
            {
                let frames = all.chunks_exact_mut(bins).skip(turn).step_by(count);
                for (frame, own) in frames.zip(own.chunks_exact(bins)) {
                    frame.copy_from_slice(own);
                }
            }
        }
        self.next = (self.next + frames) % count;
    }

    fn work(&mut self, share: f32) {
        let share = share / self.engines.len() as f32;
        self.engines.iter_mut().for_each(|engine| engine.work(share));
    }

    fn reset(&mut self) {
        self.next = 0;
        self.engines.iter_mut().for_each(|engine| engine.reset());
    }

    /// They have heard the same, so that one speaks for all.
    fn state_of(&self) -> (u64, usize) {
        self.engines[0].state_of()
    }

    fn save(&self, state: &mut [f32]) {
        self.engines[0].save(state);
    }

    fn restore(&mut self, state: &[f32]) {
        self.next = 0;
        self.engines.iter_mut().for_each(|engine| engine.restore(state));
    }

    fn is_real_time(&self) -> bool {
        self.engines.iter().all(|engine| engine.is_real_time())
    }

    fn delay(&self) -> usize {
        self.engines[0].delay() * self.engines.len()
    }

    fn tail(&self) -> usize {
        self.engines[0].tail() * self.engines.len()
    }
}
