//! Affine maps, packed as the kernels read them.

use super::half::F16;
use super::panel::{PANEL, Row};
use super::whole::{MAX_INPUTS, WholeBytes, WholeRows};
use std::borrow::Cow;

/// The rows of all panels, `[panel][input]`.
#[derive(Clone, Debug)]
pub enum Weights {
    /// Stored as they are used.
    F32(Vec<Row<f32>>),
    /// Stored in half the size, as the bits of binary16.
    F16(Vec<Row<u16>>),
    /// Whole numbers.
    Whole(WholeRows),
    /// Whole numbers packed as bytes.
    Bytes(WholeBytes),
}

/// The number types in which an instruction set reads weights fast.
#[derive(Clone, Copy, Debug)]
pub struct Storage {
    /// Binary16, widened in hardware; else `f32` is better.
    pub f16: bool,
    /// Bytes, multiplied in hardware; else whole numbers are better stored as `f32`.
    pub bytes: bool,
}

/// A number type that a [`Matrix`] can be stored in.
pub trait Weight: Copy {
    /// The weight of padding.
    const ZERO: Self;
    /// Packs rows of sixteen weights.
    fn pack(rows: impl Iterator<Item = [Self; PANEL]>) -> Weights;
}

impl Weight for f32 {
    const ZERO: f32 = 0.0;

    fn pack(rows: impl Iterator<Item = [f32; PANEL]>) -> Weights {
        Weights::F32(rows.map(Row).collect())
    }
}

impl Weight for F16 {
    const ZERO: F16 = F16(0);

    fn pack(rows: impl Iterator<Item = [F16; PANEL]>) -> Weights {
        Weights::F16(rows.map(|row| Row(row.map(|w| w.0))).collect())
    }
}

/// Weights and biases of an affine map, packed in panels of sixteen outputs, input by input.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub(super) inputs: usize,
    /// `[panel]`; the length is the number of panels.
    pub(super) bias: Vec<Row<f32>>,
    /// `[panel][input]`: always `bias.len() * inputs` rows.
    pub(super) weights: Weights,
}

impl Matrix {
    /// Packs `outputs` × `inputs` numbers `weight(output, input)` and `outputs` numbers `bias(output)`.
    pub fn new<W: Weight>(
        outputs: usize,
        inputs: usize,
        weight: impl Fn(usize, usize) -> W,
        bias: impl Fn(usize) -> f32,
    ) -> Matrix {
        let panels = outputs.div_ceil(PANEL);
        let lanes = |panel: usize| std::array::from_fn::<usize, PANEL, _>(|lane| panel * PANEL + lane);
        let rows = (0..panels).flat_map(|panel| (0..inputs).map(move |input| (panel, input)));
        Matrix {
            inputs,
            bias: (0..panels)
                .map(|panel| Row(lanes(panel).map(|o| if o < outputs { bias(o) } else { 0.0 })))
                .collect(),
            weights: W::pack(rows.map(|(panel, input)| {
                lanes(panel).map(|o| if o < outputs { weight(o, input) } else { W::ZERO })
            })),
        }
    }

    /// Numbers in a row of input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers in a row of output: the outputs and then zeros, up to a multiple of [`PANEL`].
    pub fn padded_outputs(&self) -> usize {
        self.bias.len() * PANEL
    }

    /// The same map with its weights stored as `f32`.
    pub fn widened(&self) -> Matrix {
        self.with(Weights::F32(self.rows().into_owned()))
    }

    /// The nearest map whose weights are [whole numbers](WholeRows). With no inputs, or more than [`MAX_INPUTS`], it stays as it is.
    pub fn quantised(&self) -> Matrix {
        match &self.weights {
            Weights::F32(_) | Weights::F16(_) if (1..=MAX_INPUTS).contains(&self.inputs) => {
                self.with(Weights::Whole(WholeRows::nearest(&self.rows(), self.inputs)))
            }
            _ => self.clone(),
        }
    }

    /// The same map, stored as it suits an instruction set best.
    pub fn stored(&self, storage: Storage) -> Matrix {
        match &self.weights {
            Weights::F16(_) if !storage.f16 => self.widened(),
            Weights::Whole(rows) if storage.bytes => {
                self.with(Weights::Bytes(WholeBytes::pack(rows, self.inputs)))
            }
            Weights::Bytes(bytes) if !storage.bytes => self.with(Weights::Whole(bytes.unpack(self.inputs))),
            _ => self.clone(),
        }
    }

    fn with(&self, weights: Weights) -> Matrix {
        Matrix {
            weights,
            bias: self.bias.clone(),
            ..*self
        }
    }

    /// Its weights, `[panel][input]`.
    fn rows(&self) -> Cow<'_, [Row<f32>]> {
        match &self.weights {
            Weights::F32(rows) => Cow::Borrowed(rows),
            Weights::F16(rows) => {
                let widened = |row: &Row<u16>| Row(row.0.map(|w| F16(w).to_f32()));
                rows.iter().map(widened).collect()
            }
            Weights::Whole(rows) => rows.scaled(self.inputs).into(),
            Weights::Bytes(bytes) => bytes.unpack(self.inputs).scaled(self.inputs).into(),
        }
    }
}

/// The place of the rows of a product in memory.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// The number of rows.
    pub count: usize,
    /// Numbers from the start of a row of x to that of the next.
    pub x_step: usize,
    /// The same of y.
    pub y_step: usize,
}

impl Rows {
    /// Rows of a matrix's inputs and outputs, one right after another.
    pub fn of(matrix: &Matrix, count: usize) -> Rows {
        Rows {
            count,
            x_step: matrix.inputs(),
            y_step: matrix.padded_outputs(),
        }
    }
}

/// The activation function that ends a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// None: the sums are the result.
    Linear,
    /// ReLU: max(0, sum).
    Relu,
}
