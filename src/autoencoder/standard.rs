//! Standardisation: mean 0 and deviation 1, as over the training material.

use crate::error::Error;
use crate::network::Tensors;

/// Mean and deviation of each number in a row.
#[derive(Clone, Debug)]
pub(super) struct Standard {
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Standard {
    /// Reads two tensors of `len` numbers.
    pub(super) fn read(
        tensors: &Tensors,
        mean: &str,
        deviation: &str,
        len: usize,
    ) -> Result<Standard, Error> {
        for name in [mean, deviation] {
            tensors.check(name, &[len])?;
        }
        let deviations = tensors.vector(deviation)?;
        if deviations.iter().any(|d| *d <= 0.0) {
            return Err(Error::Model(format!(
                "tensor {deviation:?}: expected positive numbers"
            )));
        }
        Ok(Standard {
            mean: tensors.vector(mean)?,
            deviation: deviations,
        })
    }

    /// Numbers in a row.
    pub(super) fn len(&self) -> usize {
        self.mean.len()
    }

    /// Standardises whole rows.
    pub(super) fn apply(&self, rows: &mut [f32]) {
        self.each(rows, |x, mean, deviation| (x - mean) / deviation);
    }

    /// Undoes [`apply`](Self::apply).
    pub(super) fn undo(&self, rows: &mut [f32]) {
        self.each(rows, |x, mean, deviation| x * deviation + mean);
    }

    fn each(&self, rows: &mut [f32], change: impl Fn(f32, f32, f32) -> f32) {
        for row in rows.chunks_exact_mut(self.len()) {
            for ((x, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *x = change(*x, *mean, *deviation);
            }
        }
    }
}
