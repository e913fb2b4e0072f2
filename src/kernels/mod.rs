//! The arithmetic under the network: matrix products, recurrence and smooth functions in `f32`, for each instruction
//! set of the processor.
//!
//! All the `unsafe` code of the crate is in here. The algorithms stand once, in `lanes`, over sixteen numbers at a
//! time; one file per instruction set says what sixteen numbers are. Results differ between instruction sets by a
//! few units in the last place and never within one, whatever the number of frames in a call.
//!
//! ```
//! use aeden::kernels::{Instructions, Kernels, Matrix};
//!
//! // y = 2 x + 1, for two frames of one number.
//! let matrix = Matrix::new(1, 1, |_, _| 2.0_f32, |_| 1.0);
//! let mut y = [0.0; 32];
//! Kernels::new(Instructions::best()).unwrap().affine(&matrix, &[10.0, 20.0], 2, &mut y);
//! assert_eq!((y[0], y[16]), (21.0, 41.0));
//! ```

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

/// Outputs that are computed side by side; rows of results are padded to a multiple of it.
pub const PANEL: usize = 16;

/// What the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// Plain Rust for every processor: the yardstick of the others.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512F.
    Avx512,
    /// 64-bit Arm with NEON.
    Neon,
}

impl Instructions {
    /// The sets that this processor has, the fastest first; [`Portable`](Instructions::Portable) is always there.
    pub fn available() -> impl Iterator<Item = Instructions> {
        [
            Instructions::Avx512,
            Instructions::Avx2,
            Instructions::Neon,
            Instructions::Portable,
        ]
        .into_iter()
        .filter(|set| set.is_available())
    }

    /// The fastest set that this processor has.
    pub fn best() -> Instructions {
        Instructions::available().next().unwrap_or(Instructions::Portable)
    }

    /// Whether this processor has the set.
    pub fn is_available(self) -> bool {
        match self {
            Instructions::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => avx2::is_available(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => avx512::is_available(),
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => neon::is_available(),
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Whether the set widens 16-bit weights in hardware. Where it does not, [`Matrix::widened`] pays.
    pub fn widens_f16(self) -> bool {
        matches!(self, Instructions::Avx2 | Instructions::Avx512)
    }
}

/// The bits of a number in IEEE 754 binary16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct F16(pub u16);

impl F16 {
    /// The same number as an `f32`, exactly; a NaN stays one.
    pub fn to_f32(self) -> f32 {
        let sign = u32::from(self.0 & 0x8000) << 16;
        let exponent = self.0 >> 10 & 0x1f;
        let fraction = u32::from(self.0 & 0x3ff);
        let size = match exponent {
            0 => (fraction as f32 * 2f32.powi(-24)).to_bits(),
            0x1f => 0x7f80_0000 | fraction << 13,
            _ => (u32::from(exponent) + 112) << 23 | fraction << 13,
        };
        f32::from_bits(sign | size)
    }

    /// Whether it is neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.0 & 0x7c00 != 0x7c00
    }
}

/// The weights of one panel for one input, on their own part of a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
struct Row<S>([S; PANEL]);

#[derive(Clone, Debug)]
enum Weights {
    F32(Vec<Row<f32>>),
    F16(Vec<Row<u16>>),
}

/// A number type that a [`Matrix`] can be stored in: `f32` or [`F16`].
pub trait Weight: sealed::Packed {}
impl Weight for f32 {}
impl Weight for F16 {}

mod sealed {
    use super::{F16, PANEL, Row, Weights};

    pub trait Packed: Copy {
        const ZERO: Self;
        #[allow(private_interfaces)]
        fn pack(rows: impl Iterator<Item = [Self; PANEL]>) -> Weights;
    }

    impl Packed for f32 {
        const ZERO: f32 = 0.0;
        #[allow(private_interfaces)]
        fn pack(rows: impl Iterator<Item = [f32; PANEL]>) -> Weights {
            Weights::F32(rows.map(Row).collect())
        }
    }

    impl Packed for F16 {
        const ZERO: F16 = F16(0);
        #[allow(private_interfaces)]
        fn pack(rows: impl Iterator<Item = [F16; PANEL]>) -> Weights {
            Weights::F16(rows.map(|row| Row(row.map(|w| w.0))).collect())
        }
    }
}

/// Weights and biases of an affine map, packed in panels of sixteen outputs, input by input.
#[derive(Clone, Debug)]
pub struct Matrix {
    inputs: usize,
    /// `[panel]`; the length is the number of panels.
    bias: Vec<Row<f32>>,
    /// `[panel][input]`: always `bias.len() * inputs` rows.
    weights: Weights,
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
        let weights = match &self.weights {
            Weights::F32(rows) => rows.clone(),
            Weights::F16(rows) => rows
                .iter()
                .map(|row| Row(row.0.map(|w| F16(w).to_f32())))
                .collect(),
        };
        Matrix {
            weights: Weights::F32(weights),
            bias: self.bias.clone(),
            ..*self
        }
    }
}

/// A matrix across the positions of a frame for each head of channels, and a bias for every position and channel.
#[derive(Clone, Debug)]
pub struct Across {
    positions: usize,
    heads: usize,
    /// `[head][position out][position in]`
    weights: Vec<f32>,
    /// `[position][padded channel]`; a head is a whole number of panels.
    bias: Vec<f32>,
}

impl Across {
    /// `heads` matrices `weight(head, out, in)`, each for `panels` panels of sixteen channels, and `bias(position,
    /// channel)`, at least one of everything.
    ///
    /// # Panics
    /// Where there is nothing to mix.
    pub fn new(
        positions: usize,
        heads: usize,
        panels: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
        bias: impl Fn(usize, usize) -> f32,
    ) -> Across {
        assert!(positions > 0 && heads > 0 && panels > 0, "something to mix");
        let channels = heads * panels * PANEL;
        let cells = |columns: usize, count: usize| (0..count).map(move |i| (i / columns, i % columns));
        Across {
            positions,
            heads,
            weights: cells(positions, heads * positions * positions)
                .map(|(row, q)| weight(row / positions, row % positions, q))
                .collect(),
            bias: cells(channels, positions * channels)
                .map(|(p, c)| bias(p, c))
                .collect(),
        }
    }

    /// Positions of a frame.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Numbers in a frame: positions times padded channels.
    pub fn frame(&self) -> usize {
        self.bias.len()
    }
}

/// Where the rows of a product lie.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// How many there are.
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

/// What becomes of the sums of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// They are the result.
    Sums,
    /// The negative ones are cut off.
    Rectified,
}

/// The functions of one instruction set, which this processor has.
#[derive(Clone, Copy, Debug)]
pub struct Kernels {
    instructions: Instructions,
}

/// Calls a kernel of the chosen instruction set.
macro_rules! dispatch {
    ($kernels:expr, $name:ident($($argument:expr),*)) => {
        match $kernels.instructions {
            // SAFETY: `Kernels::new` has found the instructions; the method has checked the lengths.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => unsafe { avx2::$name($($argument),*) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => unsafe { avx512::$name($($argument),*) },
            // SAFETY: likewise.
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => unsafe { neon::$name($($argument),*) },
            // SAFETY: these lanes need no instruction set; the method has checked the lengths.
            _ => unsafe { portable::$name($($argument),*) },
        }
    };
}

impl Kernels {
    /// `None` where this processor lacks the instructions.
    pub fn new(instructions: Instructions) -> Option<Kernels> {
        instructions.is_available().then_some(Kernels { instructions })
    }

    /// The fastest that this processor has.
    pub fn best() -> Kernels {
        Kernels {
            instructions: Instructions::best(),
        }
    }

    /// The set that is in use.
    pub fn instructions(self) -> Instructions {
        self.instructions
    }

    /// `y = W x + b`: `x` is `[row][input]`, `y` `[row][padded output]`.
    ///
    /// A row's result does not depend on how many others are in the call.
    ///
    /// # Panics
    /// Where a slice is of another size.
    pub fn affine(self, matrix: &Matrix, x: &[f32], rows: usize, y: &mut [f32]) {
        assert_eq!(x.len(), rows * matrix.inputs(), "numbers in");
        assert_eq!(y.len(), rows * matrix.padded_outputs(), "numbers out");
        dispatch!(self, affine(matrix, x, Rows::of(matrix, rows), End::Sums, y))
    }

    /// As [`affine`](Kernels::affine), with rows that may lie apart, and what `end` makes of the sums. What lies between
    /// the rows of y stays as it is.
    ///
    /// # Panics
    /// Where a row lies outside its slice.
    pub fn affine_rows(self, matrix: &Matrix, x: &[f32], rows: Rows, end: End, y: &mut [f32]) {
        let fits = |step: usize, width: usize, len: usize| {
            let last = rows.count.checked_sub(1).map(|last| last.checked_mul(step));
            last.is_none_or(|start| {
                start
                    .and_then(|start| start.checked_add(width))
                    .is_some_and(|end| end <= len)
            })
        };
        assert!(fits(rows.x_step, matrix.inputs(), x.len()), "rows in");
        assert!(fits(rows.y_step, matrix.padded_outputs(), y.len()), "rows out");
        dispatch!(self, affine(matrix, x, rows, end, y))
    }

    /// A gated recurrent unit's walk through time, after the input side of its gates is known:
    /// r, z = σ(g + U h + b), n = tanh(g + r (U h + b)), h ← n + z (h − n), as in `torch.nn.GRU`; the error that a step
    /// adds to h is below 1e-6.
    ///
    /// `matrix` holds U and b, `gates` is the input side, `[frame][unit / 16][r, z, n][16]`, which is also the order
    /// of the outputs of `matrix`. `state` is h, one number a unit; it goes on from call to call. `product` is
    /// scratch of three times its size. h after every frame is added to `out`, `[frame][unit]`.
    ///
    /// Several rows with the same weights and memories of their own go side by side: `state` is then `[row][unit]`,
    /// and so is every frame of the others.
    ///
    /// # Panics
    /// Where a slice is of another size, or the units are no multiple of 16.
    pub fn recur(
        self,
        matrix: &Matrix,
        gates: &[f32],
        state: &mut [f32],
        product: &mut [f32],
        out: &mut [f32],
    ) {
        let units = matrix.inputs();
        assert!(units > 0 && units.is_multiple_of(PANEL), "units in whole panels");
        assert_eq!(matrix.padded_outputs(), 3 * units, "numbers out");
        assert!(
            !state.is_empty() && state.len().is_multiple_of(units),
            "whole rows"
        );
        assert_eq!(product.len(), 3 * state.len(), "scratch");
        assert_eq!(gates.len(), 3 * out.len(), "gates for every output");
        assert!(out.len().is_multiple_of(state.len()), "whole frames");
        dispatch!(self, recur(matrix, gates, state, product, out))
    }

    /// `y += bias + A x` across the positions of each frame: x and y are `[frame][position][padded channel]`.
    ///
    /// # Panics
    /// Where a slice is not a whole number of frames, or the two differ in length.
    pub fn mix(self, across: &Across, x: &[f32], y: &mut [f32]) {
        assert!(x.len().is_multiple_of(across.frame()), "whole frames");
        assert_eq!(x.len(), y.len(), "numbers in and out");
        dispatch!(self, mix(across, x, y))
    }

    /// Does `work` as compiled for the instruction set. That counts for all that is inlined into it: plain loops then
    /// use the wide registers too, and give the same bits.
    #[inline]
    pub fn compiled<R>(self, work: impl FnOnce() -> R) -> R {
        dispatch!(self, compiled(work))
    }

    /// Replaces every number by 1 / (1 + e^-x), relative error below 3e-7.
    pub fn sigmoid(self, values: &mut [f32]) {
        dispatch!(self, sigmoid(values))
    }

    /// Replaces every number by its natural logarithm, which must be positive and normal; error below 2e-7 of the
    /// larger of 1 and the result. Other numbers give a meaningless result, never a panic.
    pub fn ln(self, values: &mut [f32]) {
        dispatch!(self, ln(values))
    }
}
