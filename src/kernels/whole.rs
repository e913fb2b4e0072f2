//! Weights as whole numbers, whose products and sums are exact.
//!
//! A weight is a whole number from −63 to 63 times a scale of its output; a product with it rounds its inputs to whole
//! numbers from −127 to 127 times a scale of their row (post-training quantisation with dynamic activations: Jacob et al.
//! 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference"). Every instruction
//! set sums the same whole numbers; only the last multiplication and addition, in `f32`, may be rounded differently.
//!
//! Weights have seven bits, so that sums of two products with a byte fit 16 bits, which is what AVX2 and NEON have.

use super::panel::{PANEL, Row};
use std::array::from_fn;

/// The most inputs: a few rows of so many lie on the stack, and their sums are exact in `f32`.
pub const MAX_INPUTS: usize = 512;

/// The largest weight.
const MAX_WEIGHT: f32 = 63.0;

/// Whole numbers in `f32`, whose products and sums are exact as well, for processors that have no products of bytes.
#[derive(Clone, Debug)]
pub struct WholeRows {
    /// `[panel][input]`
    pub(super) weights: Vec<Row<f32>>,
    /// The scale of each output, `[panel]`.
    pub(super) scale: Vec<Row<f32>>,
}

/// Whole numbers as bytes.
#[derive(Clone, Debug)]
pub struct WholeBytes {
    /// `[panel][input / 4]`
    pub(super) weights: Vec<Fours>,
    /// The scale of each output, `[panel]`.
    pub(super) scale: Vec<Row<f32>>,
    /// The start of sums over inputs that are raised by 128, so that they have no sign: −128 times the sum of the output's
    /// weights, `[panel]`.
    pub(super) raised: Vec<Row<i32>>,
}

/// The weights of one panel for four inputs, `[output][input]`, in a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Fours(pub(super) [i8; 4 * PANEL]);

impl WholeRows {
    /// The nearest whole numbers to `rows`, `[panel][input]`.
    pub(super) fn nearest(rows: &[Row<f32>], inputs: usize) -> WholeRows {
        let panels = || rows.chunks(inputs.max(1));
        let scale = |panel: &[Row<f32>]| {
            let most = |o: usize| panel.iter().fold(0.0_f32, |most, row| most.max(row.0[o].abs()));
            Row(from_fn(|o| most(o) / MAX_WEIGHT))
        };
        let scale: Vec<Row<f32>> = panels().map(scale).collect();
        let whole = |weight: f32, scale: f32| {
            if scale > 0.0 {
                (weight / scale).round_ties_even().clamp(-MAX_WEIGHT, MAX_WEIGHT)
            } else {
                0.0
            }
        };
        let weights = panels().zip(&scale).flat_map(|(panel, scale)| {
            let row = move |row: &Row<f32>| Row(from_fn(|o| whole(row.0[o], scale.0[o])));
            panel.iter().map(row)
        });
        WholeRows {
            weights: weights.collect(),
            scale,
        }
    }

    /// The weights that they stand for, `[panel][input]`.
    pub(super) fn scaled(&self, inputs: usize) -> Vec<Row<f32>> {
        let panels = self.weights.chunks(inputs.max(1)).zip(&self.scale);
        let scaled = panels.flat_map(|(panel, scale)| {
            let row = move |row: &Row<f32>| Row(from_fn(|o| row.0[o] * scale.0[o]));
            panel.iter().map(row)
        });
        scaled.collect()
    }
}

impl WholeBytes {
    pub(super) fn pack(rows: &WholeRows, inputs: usize) -> WholeBytes {
        let panels = || rows.weights.chunks(inputs.max(1));
        let four =
            |rows: &[Row<f32>]| Fours(from_fn(|i| rows.get(i % 4).map_or(0, |row| row.0[i / 4] as i8)));
        let raised =
            |panel: &[Row<f32>]| Row(from_fn(|o| panel.iter().map(|row| -128 * row.0[o] as i32).sum()));
        WholeBytes {
            weights: panels().flat_map(|panel| panel.chunks(4).map(four)).collect(),
            scale: rows.scale.clone(),
            raised: panels().map(raised).collect(),
        }
    }

    pub(super) fn unpack(&self, inputs: usize) -> WholeRows {
        let panels = self.weights.chunks(inputs.div_ceil(4).max(1));
        let rows = panels.flat_map(|panel| {
            (0..inputs).map(|i| Row(from_fn(|o| f32::from(panel[i / 4].0[4 * o + i % 4]))))
        });
        WholeRows {
            weights: rows.collect(),
            scale: self.scale.clone(),
        }
    }
}
