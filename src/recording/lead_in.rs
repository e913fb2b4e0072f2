//! Recordings cleaned as streams, after a lead-in.
//!
//! At the start of a stream an engine knows nothing yet about voice and noise. In a recording the first seconds can be
//! processed beforehand: [`LeadIn`] passes them through the denoiser, drops the output, and begins again. From then on
//! everything is as in real time.

use crate::denoiser::{Config, Denoiser};
use crate::engine::Engine;
use crate::error::Error;

/// Seconds over which the lead-in fades out.
const FADE: f64 = 0.01;

/// Cleans a recording forward in time.
#[derive(Debug)]
pub(super) struct LeadIn {
    denoiser: Denoiser,
    /// Samples of the lead-in, and of its fade.
    lead: usize,
    fade: usize,
    /// By channel, the start of the recording while it is shorter than the lead-in; then `None`.
    start: Option<Vec<Vec<f32>>>,
    /// Output samples still to be dropped.
    early: usize,
}

impl LeadIn {
    /// For a lead-in of so many seconds; the rest is as in [`Denoiser::with_engines`].
    pub(super) fn new(
        config: &Config,
        lead: f64,
        engine: impl FnMut(usize) -> Result<Box<dyn Engine>, Error>,
    ) -> Result<Self, Error> {
        Ok(Self {
            denoiser: Denoiser::with_engines(config, engine)?,
            lead: (lead * f64::from(config.sample_rate)) as usize,
            fade: (FADE * f64::from(config.sample_rate)) as usize,
            start: Some(vec![Vec::new(); config.channels]),
            early: 0,
        })
    }

    /// Channels of the recording.
    pub(super) fn channels(&self) -> usize {
        self.denoiser.channels()
    }

    /// As [`Cleaner::push`](super::Cleaner::push).
    pub(super) fn push(&mut self, input: &[impl AsRef<[f32]>], output: &mut [Vec<f32>]) {
        let Some(start) = &mut self.start else {
            return self.pass(input, output);
        };
        for (all, new) in start.iter_mut().zip(input) {
            all.extend_from_slice(new.as_ref());
        }
        if start.iter().all(|start| start.len() >= self.lead) {
            self.begin(output);
        }
    }

    /// As [`Cleaner::finish`](super::Cleaner::finish).
    pub(super) fn finish(&mut self, output: &mut [Vec<f32>]) {
        self.begin(output);
        let rest = vec![vec![0.0; self.denoiser.latency()]; self.channels()];
        self.pass(&rest, output);
        self.denoiser.reset();
        self.start = Some(vec![Vec::new(); self.channels()]);
    }

    /// Passes the lead-in, and then the samples that were held back for it.
    fn begin(&mut self, output: &mut [Vec<f32>]) {
        let Some(start) = self.start.take() else { return };
        let known = self.lead.min(start[0].len());
        self.early = known + self.denoiser.latency();
        // Faded out, so that no step lies between its end and the start.
        let fade = self.fade.min(known);
        let before: Vec<Vec<f32>> = (start.iter())
            .map(|start| {
                let mut before = start[..known].to_vec();
                for (n, x) in before[known - fade..].iter_mut().enumerate() {
                    *x *= 1.0 - (n + 1) as f32 / fade as f32;
                }
                before
            })
            .collect();
        self.pass(&before, output);
        self.pass(&start, output);
    }

    fn pass(&mut self, input: &[impl AsRef<[f32]>], output: &mut [Vec<f32>]) {
        let mut parts: Vec<&mut [f32]> = (output.iter_mut().zip(input))
            .map(|(all, new)| {
                let from = all.len();
                all.extend_from_slice(new.as_ref());
                &mut all[from..]
            })
            .collect();
        let len = parts[0].len();
        self.denoiser.process(&mut parts);
        let early = self.early.min(len);
        self.early -= early;
        if early > 0 {
            for all in output {
                let from = all.len() - len;
                all.drain(from..from + early);
            }
        }
    }
}
