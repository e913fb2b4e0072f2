//! Conversion of a whole recording between rates, without the resampler's delay.

use crate::error::Error;
use crate::spectrum::{Blocks, Resampler};

/// Converts from the recording's rate to the model's.
#[derive(Debug)]
pub(super) struct Converter {
    blocks: Blocks,
    resampler: Resampler,
    input: Vec<Vec<f32>>,
    output: Vec<Vec<f32>>,
    /// Samples that still come before the first one.
    early: usize,
    taken: u64,
    given: u64,
}

impl Converter {
    pub(super) fn new(blocks: Blocks) -> Result<Converter, Error> {
        let resampler = Resampler::new(blocks.host, blocks.model, 1)?;
        Ok(Converter {
            early: resampler.delay(),
            input: vec![Vec::new()],
            output: vec![vec![0.0; blocks.model]],
            blocks,
            resampler,
            taken: 0,
            given: 0,
        })
    }

    pub(super) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.taken += samples.len() as u64;
        self.convert(samples, out);
    }

    fn convert(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.input[0].extend_from_slice(samples);
        let mut read = 0;
        while self.input[0].len() - read >= self.blocks.host {
            self.resampler.process(&self.input, read, &mut self.output, 0);
            read += self.blocks.host;
            let skipped = self.early.min(self.blocks.model);
            self.early -= skipped;
            out.extend_from_slice(&self.output[0][skipped..]);
            self.given += (self.blocks.model - skipped) as u64;
        }
        self.input[0].drain(..read);
    }

    /// Brings out what is left, so that there are as many samples as the recording is long.
    pub(super) fn finish(&mut self, out: &mut Vec<f32>) {
        let whole = self.taken * self.blocks.model as u64 / self.blocks.host as u64;
        while self.given < whole {
            self.convert(&vec![0.0; self.blocks.host], out);
        }
        out.truncate(out.len() - (self.given - whole) as usize);
    }
}
