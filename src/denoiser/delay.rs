//! The dry path: the input, delayed to be in step with the output.

/// Delays every channel by the same number of samples, at least 1.
#[derive(Debug)]
pub(super) struct Delay {
    rows: Vec<Vec<f32>>,
    /// The oldest sample, which the next one replaces.
    at: usize,
}

impl Delay {
    pub(super) fn new(channels: usize, samples: usize) -> Self {
        Self {
            rows: vec![vec![0.0; samples]; channels],
            at: 0,
        }
    }

    /// Replaces samples by the delayed ones, NaN and infinities by 0. All channels have their turn before
    /// [`advance`](Self::advance).
    pub(super) fn exchange(&mut self, channel: usize, mut samples: &mut [f32]) {
        let line = &mut self.rows[channel];
        let mut at = self.at;
        while !samples.is_empty() {
            let (now, later) = samples.split_at_mut(samples.len().min(line.len() - at));
            for (x, slot) in now.iter_mut().zip(&mut line[at..]) {
                let next = if x.is_finite() { *x } else { 0.0 };
                *x = std::mem::replace(slot, next);
            }
            samples = later;
            at = 0;
        }
    }

    pub(super) fn advance(&mut self, samples: usize) {
        self.at = (self.at + samples) % self.rows[0].len();
    }

    pub(super) fn reset(&mut self) {
        self.rows.iter_mut().for_each(|row| row.fill(0.0));
        self.at = 0;
    }
}
