//! The channels under one mask, cleaned by an engine frame by frame.

use super::levels::{is_sane, mix_down};
use super::silence::{SilenceGate, Turn};
use crate::engine::Engine;
use crate::kernels::Kernels;
use rustfft::num_complex::Complex32;

/// An engine and what surrounds it.
pub(super) struct Group {
    kernels: Kernels,
    pub(super) engine: Box<dyn Engine>,
    channels: usize,
    bins: usize,
    /// `[frame][bin]`; empty with one channel, which is its own guide.
    guide: Vec<Complex32>,
    /// `[channel][bin]`, a frame on its own.
    single: Vec<Complex32>,
    gate: SilenceGate,
    start: Start,
    /// `[frame]`
    turns: Vec<Turn>,
}

/// What an engine begins a stream with.
struct Start {
    learned: Vec<f32>,
    is_learned: bool,
}

impl Start {
    /// Brings an engine there.
    fn bring(&self, engine: &mut dyn Engine) {
        if self.is_learned {
            engine.restore(&self.learned);
        } else {
            engine.reset();
        }
    }
}

impl Group {
    /// For calls of up to `frames` frames.
    pub(super) fn new(engine: Box<dyn Engine>, frames: usize) -> Self {
        let framing = engine.framing();
        let (channels, bins) = (engine.channels(), framing.bins());
        Self {
            kernels: Kernels::best(),
            gate: SilenceGate::new(framing, engine.tail()),
            channels,
            bins,
            guide: vec![Complex32::ZERO; if channels == 1 { 0 } else { frames * bins }],
            single: vec![Complex32::ZERO; channels * bins],
            turns: vec![Turn::Work; frames],
            start: Start {
                learned: vec![0.0; engine.state_of().1],
                is_learned: false,
            },
            engine,
        }
    }

    pub(super) fn reset(&mut self) {
        self.start.bring(&mut *self.engine);
        self.gate.reset();
    }

    /// Lets streams begin with what another one has taught, from the next reset on; or with nothing.
    pub(super) fn begin_with(&mut self, learned: Option<&[f32]>) {
        self.start.is_learned = learned.is_some();
        if let Some(learned) = learned {
            self.start.learned.copy_from_slice(learned);
        }
    }

    /// Cleans spectra, `[channel][frame][bin]`, from `noisy` to `clean`.
    pub(super) fn clean(&mut self, noisy: &[Complex32], clean: &mut [Complex32]) {
        let frames = noisy.len() / (self.channels * self.bins);
        clean.copy_from_slice(noisy);
        // One channel is its own guide.
        let guide = if self.channels == 1 {
            noisy
        } else {
            let guide = &mut self.guide[..frames * self.bins];
            mix_down(noisy, guide);
            guide
        };
        if self.engine.delay() > 0 {
            // It gets every frame, since sound comes out of silent ones. What it has not given yet is lost where it is reset.
            self.turns[..frames].fill(Turn::Work);
            for f in 0..frames {
                self.clean_single(f, noisy, clean);
            }
            return;
        }
        for (turn, guide) in self.turns.iter_mut().zip(guide.chunks_exact(self.bins)) {
            *turn = self.gate.turn(guide);
        }
        let turns = &self.turns[..frames];
        if turns.iter().all(|&turn| turn == Turn::Rest) {
            return;
        }
        let mut from = 0;
        if turns[0] != Turn::Rest && turns[1..].iter().all(|&turn| turn == Turn::Work) {
            if turns[0] == Turn::Fresh {
                self.start.bring(&mut *self.engine);
            }
            self.engine.process(guide, clean);
            let Some(bad) = self.first_bad(clean, frames) else {
                return;
            };
            for channel in clean.chunks_exact_mut(frames * self.bins) {
                channel[bad * self.bins..(bad + 1) * self.bins].fill(Complex32::ZERO);
            }
            self.engine.reset();
            from = bad + 1;
        }
        // Frames after a bad one are done again, and all of them where the engine rests or is reset on the way: one by one,
        // so that the result does not depend on how many frames are in a call.
        for f in from..frames {
            self.clean_single(f, noisy, clean);
        }
    }

    /// The first frame in which the engine gave something that no engine should give.
    fn first_bad(&self, clean: &[Complex32], frames: usize) -> Option<usize> {
        let is_bad = |f: &usize| {
            let channels = clean.chunks_exact(frames * self.bins);
            let mut spectra = channels.map(|channel| &channel[f * self.bins..(f + 1) * self.bins]);
            spectra.any(|spectrum| !is_sane(self.kernels, spectrum))
        };
        (0..frames).find(is_bad)
    }

    /// Cleans frame `f` in a call of its own.
    fn clean_single(&mut self, f: usize, noisy: &[Complex32], clean: &mut [Complex32]) {
        match self.turns[f] {
            Turn::Rest => return,
            Turn::Fresh => self.start.bring(&mut *self.engine),
            Turn::Work => {}
        }
        let (bins, all) = (self.bins, noisy.len() / self.channels);
        let of_frame = f * bins..(f + 1) * bins;
        for (single, noisy) in self.single.chunks_exact_mut(bins).zip(noisy.chunks_exact(all)) {
            single.copy_from_slice(&noisy[of_frame.clone()]);
        }
        let guide = if self.channels == 1 { noisy } else { &self.guide };
        self.engine.process(&guide[of_frame.clone()], &mut self.single);
        if !is_sane(self.kernels, &self.single) {
            self.single.fill(Complex32::ZERO);
            self.engine.reset();
        }
        for (single, clean) in self.single.chunks_exact(bins).zip(clean.chunks_exact_mut(all)) {
            clean[of_frame.clone()].copy_from_slice(single);
        }
    }
}
