//! A network that runs in both directions of time, a chunk at a time: for an audio thread, which has to share a long job out
//! evenly.

use super::passes::{Span, passes};
use super::schedule::{Call, HiddenState, Scheduler};
use crate::kernels::Kernels;
use crate::network::Network;
use std::sync::Arc;

/// One job after the other, with all buffers for the longest. The scheduler does each, chunk by chunk.
#[derive(Debug)]
pub(crate) struct Stepwise {
    scheduler: Scheduler,
    /// `[frame][feature]` of the job.
    features: Vec<f32>,
    span: Span,
    /// The next step: a pass, and a chunk of it.
    pass: usize,
    chunk: usize,
    /// All steps of the job, and those that are done.
    steps: usize,
    done: usize,
    /// `[frame][band]`, and `[frame]` of `[re, im][tap][bin]`, of the wanted frames.
    pub(super) gains: Vec<f32>,
    pub(super) filters: Vec<f32>,
}

impl Stepwise {
    /// For jobs of up to `frames` frames, of which `wanted` get masks.
    pub(crate) fn new(network: &Arc<Network>, frames: usize, wanted: usize) -> Stepwise {
        Stepwise {
            scheduler: Scheduler::new(network.clone(), Kernels::best(), 1, frames),
            features: vec![0.0; frames * network.features()],
            span: Span::default(),
            pass: 0,
            chunk: 0,
            steps: 0,
            done: 0,
            gains: vec![0.0; wanted * network.bands.len()],
            filters: vec![0.0; wanted * network.coefficients()],
        }
    }

    /// Begins a job: the first `wanted` of `frames` frames get masks. The features are to be written where this says.
    pub(crate) fn begin(&mut self, frames: usize, wanted: usize) -> &mut [f32] {
        let (network, span) = (self.scheduler.network(), Span { frames, wanted });
        let chunks = passes(network).map(|pass| span.chunks(0..pass.frames(span)).count());
        self.steps = chunks.sum();
        (self.done, self.pass, self.chunk) = (0, 0, 0);
        self.span = span;
        &mut self.features[..frames * network.features()]
    }

    /// Gives up the job.
    pub(crate) fn stop(&mut self) {
        (self.steps, self.done) = (0, 0);
    }

    /// All steps of the job, and those that are done.
    pub(crate) fn progress(&self) -> (usize, usize) {
        (self.steps, self.done)
    }

    /// Does the next step. `state` is that of the frame before the job; it moves on to the last wanted one.
    pub(crate) fn step(&mut self, state: &mut HiddenState) {
        if self.done == self.steps {
            return;
        }
        let network = self.scheduler.network().clone();
        let mut call = Call {
            span: self.span,
            features: &self.features,
            state,
            gains: &mut self.gains,
            filters: &mut self.filters,
        };
        for pass in passes(&network).skip(self.pass) {
            if let Some(frames) = pass.chunk(self.chunk, self.span) {
                self.scheduler.work(&pass, frames, &mut call);
                (self.chunk, self.done) = (self.chunk + 1, self.done + 1);
                return;
            }
            (self.pass, self.chunk) = (self.pass + 1, 0);
        }
    }
}
