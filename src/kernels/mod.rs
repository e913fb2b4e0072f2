//! The arithmetic under the network: matrix products, GRU steps and smooth functions in `f32`, for each instruction
//! set of the processor.
//!
//! All the `unsafe` code of the crate is in here. The algorithms stand once, in `lanes`, over sixteen numbers at a
//! time; one file per instruction set says what sixteen numbers are. Results differ between instruction sets by a
//! few units in the last place and never within one, whatever the number of frames in a call.
//!
//! The folder uses nothing of the crate, so that `tests/kernels.rs` and `benches/kernels.rs` compile it as their own.

mod aligned;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_vnni;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod direction;
mod half;
mod instructions;
mod lanes;
mod matrix;
mod mixer;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
mod neon_dot;
mod panel;
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
mod whole;

pub use aligned::Aligned;
pub use direction::Direction;
pub use half::F16;
pub use instructions::Instructions;
pub use matrix::{Activation, Matrix, Rows};
pub use mixer::Mixer;
pub use panel::PANEL;

/// The kernels of one instruction set, which this processor has.
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
            Instructions::Avx2Vnni => unsafe { avx2_vnni::$name($($argument),*) },
            // SAFETY: likewise.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => unsafe { avx512::$name($($argument),*) },
            // SAFETY: likewise.
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => unsafe { neon::$name($($argument),*) },
            // SAFETY: likewise.
            #[cfg(target_arch = "aarch64")]
            Instructions::NeonDot => unsafe { neon_dot::$name($($argument),*) },
            // SAFETY: the whole program is compiled for the instructions; the method has checked the lengths.
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            _ => unsafe { simd128::$name($($argument),*) },
            // SAFETY: these lanes need no instruction set; the method has checked the lengths.
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
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

    /// Computes `y = W x + b`: `x` is `[row][input]`, `y` `[row][padded output]`.
    ///
    /// A row's result does not depend on how many others are in the call.
    ///
    /// # Panics
    /// Where a slice is of another size.
    pub fn affine(self, matrix: &Matrix, x: &[f32], rows: usize, y: &mut [f32]) {
        assert_eq!(x.len(), rows * matrix.inputs(), "numbers in");
        assert_eq!(y.len(), rows * matrix.padded_outputs(), "numbers out");
        let rows = Rows::of(matrix, rows);
        dispatch!(self, affine(matrix, x, rows, Activation::Linear, y))
    }

    /// Computes `y = activation(W x + b)` for rows that may lie apart. What lies between the rows of y stays as it is.
    ///
    /// # Panics
    /// Where a row lies outside its slice.
    pub fn affine_rows(self, matrix: &Matrix, x: &[f32], rows: Rows, activation: Activation, y: &mut [f32]) {
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
        dispatch!(self, affine(matrix, x, rows, activation, y))
    }

    /// Runs a gated recurrent unit (GRU) over frames, after the input side of its gates is known:
    /// r, z = σ(g + U h + b), n = tanh(g + r (U h + b)), h ← n + z (h − n), as in `torch.nn.GRU`; the error that a step
    /// adds to h is below 1e-6.
    ///
    /// `matrix` holds U and b, `gates` is the input side, `[frame][unit / 16][r, z, n][16]`, which is also the order
    /// of the outputs of `matrix`. `state` is h, one number a unit; it goes on from call to call. `product` is
    /// scratch of three times its size. h after every frame is added to `out`, `[frame][unit]`.
    ///
    /// Several rows with the same weights and hidden states of their own go side by side: `state` is then `[row][unit]`,
    /// and so is every frame of the others.
    ///
    /// # Panics
    /// Where a slice is of another size, or the units are no multiple of 16.
    pub fn gru(
        self,
        matrix: &Matrix,
        direction: Direction,
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
        dispatch!(self, gru(matrix, direction, gates, state, product, out))
    }

    /// Adds to `y` the mixture of `x` across the sub-bands of each frame, and the bias: both are
    /// `[frame][sub-band][padded channel]`.
    ///
    /// # Panics
    /// Where a slice is not a whole number of frames, or the two differ in length.
    pub fn mix(self, mixer: &Mixer, x: &[f32], y: &mut [f32]) {
        assert!(x.len().is_multiple_of(mixer.frame()), "whole frames");
        assert_eq!(x.len(), y.len(), "numbers in and out");
        dispatch!(self, mix(mixer, x, y))
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
