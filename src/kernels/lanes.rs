//! The kernels, written once over sixteen lanes; each instruction set brings the lanes.
//!
//! Everything here is `#[inline(always)]` so that it is compiled inside a function that has the instruction set
//! switched on (see `avx2`, `avx512`, `neon`); nothing else may call it.

use super::direction::Direction;
use super::matrix::{Activation, Matrix, Rows, Weights};
use super::mixer::Mixer;
use super::panel::{PANEL, Row};
use super::whole::{MAX_INPUTS, WholeBytes, WholeRows};
use std::array::from_fn;

/// Defines the functions that [`super::Kernels`] dispatches to, for one kind of lanes.
///
/// `sums`: sixteen sums of whole numbers of the same instruction set, of which `panels` panels go side by side; `one`: how many panels a single row takes side by side; `rows`: how many rows take one panel together; `units`: how many times
/// sixteen units of a GRU advance side by side.
macro_rules! entry_points {
    ($lanes:ty, sums: $sums:ty, panels: $panels:literal, one: $one:literal, rows: $rows:literal, units: $units:literal $(, features: $features:literal)?) => {
        /// # Safety
        /// The processor has the instruction set, and the rows lie inside `x` and `y`.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn affine(matrix: &Matrix, x: &[f32], rows: Rows, activation: Activation, y: &mut [f32]) {
            // SAFETY: as the caller's.
            unsafe { lanes::affine::<$lanes, $sums, $one, $rows, $panels>(matrix, x, rows, activation, y) }
        }

        /// # Safety
        /// The processor has the instruction set; the lengths are those that [`super::Kernels::mix`] asks for.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn mix(mixer: &Mixer, x: &[f32], y: &mut [f32]) {
            // SAFETY: as the caller's.
            unsafe { lanes::mix::<$lanes, $rows>(mixer, x, y) }
        }

        /// # Safety
        /// The processor has the instruction set; the lengths are those that [`super::Kernels::gru`] asks for.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn gru(
            matrix: &Matrix,
            direction: Direction,
            gates: &[f32],
            state: &mut [f32],
            product: &mut [f32],
            out: &mut [f32],
        ) {
            // SAFETY: as the caller's.
            unsafe { lanes::gru::<$lanes, $rows, $units>(affine, matrix, direction, gates, state, product, out) }
        }

        /// # Safety
        /// The processor has the instruction set.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn compiled<R>(work: impl FnOnce() -> R) -> R {
            work()
        }

        lanes::entry_points!(each: sigmoid, $lanes $(, features: $features)?);
        lanes::entry_points!(each: ln, $lanes $(, features: $features)?);
    };
    (each: $function:ident, $lanes:ty $(, features: $features:literal)?) => {
        /// # Safety
        /// The processor has the instruction set.
        $(#[target_feature(enable = $features)])?
        pub(super) unsafe fn $function(values: &mut [f32]) {
            // SAFETY: as the caller's.
            unsafe { lanes::each(values, |v: $lanes| lanes::$function(v)) }
        }
    };
}
pub(super) use entry_points;

/// Sixteen `f32` side by side, in as many registers as the instruction set needs.
///
/// # Safety
/// Every function may be called only on a processor that has the instruction set of the implementation.
pub(super) trait Lanes: Copy {
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: &[f32; PANEL]) -> Self;
    /// Sixteen numbers in IEEE 754 binary16, widened exactly.
    unsafe fn load_f16(from: &[u16; PANEL]) -> Self;
    unsafe fn store(self, to: &mut [f32; PANEL]);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once where the instruction set can.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    /// `self` times 2^n for lanes of `shifted` that hold n + [`ROUNDER`], n a whole number; the result must be positive
    /// and normal.
    unsafe fn times_two_to(self, shifted: Self) -> Self;
    /// (m, e) with `self` = m 2^e and m in √½ … √2, for positive, finite, normal lanes.
    unsafe fn split_exponent(self) -> (Self, Self);
    /// The largest lane.
    unsafe fn highest(self) -> f32;
    /// The lowest byte of each lane's bits, its highest bit turned over if `raised`.
    unsafe fn low_bytes(self, raised: bool, to: &mut [u8; PANEL]);
}

/// Sixteen sums of products of whole numbers side by side, in as many registers as the instruction set needs.
///
/// # Safety
/// As for [`Lanes`].
pub(super) trait Sums: Copy {
    type Lanes: Lanes;
    /// The weights of sixteen outputs for four inputs, in registers.
    type Weights: Copy;
    /// Inputs are raised by 128, so that bytes have no sign.
    const RAISED: bool;
    /// Rows whose sums go side by side, at most [`BLOCK`].
    const ROWS: usize = BLOCK;
    unsafe fn load(from: &[i32; PANEL]) -> Self;
    unsafe fn weights(from: &[i8; 4 * PANEL]) -> Self::Weights;
    /// Adds the products of four inputs with their weights; no sum of two of them may leave 16 bits.
    unsafe fn dot(self, inputs: [u8; 4], weights: Self::Weights) -> Self;
    unsafe fn to_lanes(self) -> Self::Lanes;
}

/// Adding this to a small f32 rounds it to a whole number, which then stands in the lowest bits.
pub(super) const ROUNDER: f32 = 12_582_912.0; // 1.5 * 2^23

/// The bits of √½ rounded down: subtracting them before taking the exponent centres the mantissa on 1.
pub(super) const ROOT_HALF_BITS: i32 = 0x3f35_04f3;

/// A number type in which weights are stored.
///
/// # Safety
/// As for [`Lanes`].
trait Stored: Copy {
    unsafe fn widen<L: Lanes>(row: &[Self; PANEL]) -> L;
}

impl Stored for f32 {
    #[inline(always)]
    unsafe fn widen<L: Lanes>(row: &[f32; PANEL]) -> L {
        // SAFETY: as the caller's.
        unsafe { L::load(row) }
    }
}

impl Stored for u16 {
    #[inline(always)]
    unsafe fn widen<L: Lanes>(row: &[u16; PANEL]) -> L {
        // SAFETY: as the caller's.
        unsafe { L::load_f16(row) }
    }
}

/// The weights of sixteen outputs: sixteen numbers for the first input, and `step` times sixteen further on those for
/// the next.
#[derive(Clone, Copy)]
struct Panel<S> {
    first: *const [S; PANEL],
    step: usize,
    inputs: usize,
}

/// `y = W x + b` for rows of `x`; see [`super::Kernels::affine`], which checks the lengths.
///
/// One row walks `ONE` panels side by side and many rows go `ROWS` at a time through one panel, so that enough
/// sums are under way to hide the latency of an addition. Each sum by itself always runs from the bias over the
/// inputs in order: the blocking never changes a bit of the result.
///
/// # Safety
/// The processor has the instruction set of `L`; the rows, of `matrix.inputs()` and `matrix.padded_outputs()` numbers,
/// lie inside `x` and `y`.
#[inline(always)]
pub(super) unsafe fn affine<
    L: Lanes,
    S: Sums<Lanes = L>,
    const ONE: usize,
    const ROWS: usize,
    const PANELS: usize,
>(
    matrix: &Matrix,
    x: &[f32],
    rows: Rows,
    activation: Activation,
    y: &mut [f32],
) {
    // SAFETY: as the caller's.
    unsafe {
        // Compiled for each activation: a choice between them would keep the sums of plain arrays out of the registers.
        let (linear, relu) = (|sum: L| sum, |sum: L| sum.max(L::splat(0.0)));
        match (&matrix.weights, activation) {
            (Weights::F32(weights), Activation::Linear) => {
                affine_of::<L, f32, ONE, ROWS>(matrix, weights, x, rows, linear, y)
            }
            (Weights::F16(weights), Activation::Linear) => {
                affine_of::<L, u16, ONE, ROWS>(matrix, weights, x, rows, linear, y)
            }
            (Weights::F32(weights), Activation::Relu) => {
                affine_of::<L, f32, ONE, ROWS>(matrix, weights, x, rows, relu, y)
            }
            (Weights::F16(weights), Activation::Relu) => {
                affine_of::<L, u16, ONE, ROWS>(matrix, weights, x, rows, relu, y)
            }
            (Weights::Bytes(weights), Activation::Linear) => {
                affine_of_bytes::<S, PANELS>(matrix, weights, x, rows, linear, y)
            }
            (Weights::Bytes(weights), Activation::Relu) => {
                affine_of_bytes::<S, PANELS>(matrix, weights, x, rows, relu, y)
            }
            (Weights::Whole(weights), Activation::Linear) => {
                affine_of_whole::<L, ROWS>(matrix, weights, x, rows, linear, y)
            }
            (Weights::Whole(weights), Activation::Relu) => {
                affine_of_whole::<L, ROWS>(matrix, weights, x, rows, relu, y)
            }
        }
    }
}

/// # Safety
/// As for [`affine`].
#[inline(always)]
unsafe fn affine_of<L: Lanes, S: Stored, const ONE: usize, const ROWS: usize>(
    matrix: &Matrix,
    weights: &[Row<S>],
    x: &[f32],
    rows: Rows,
    activation: impl Fn(L) -> L + Copy,
    y: &mut [f32],
) {
    let panels = matrix.bias.len();
    let (x, y) = (x.as_ptr(), y.as_mut_ptr());
    // SAFETY: `weights` holds `inputs` rows for each panel, kept by `Matrix`; the caller vouches for the rest.
    unsafe {
        let panel_at = |panel: usize| Panel {
            first: weights.as_ptr().add(panel * matrix.inputs).cast(),
            step: 1,
            inputs: matrix.inputs,
        };
        let bias_at = |panel: usize| L::load(&matrix.bias[panel].0);
        let mut panel = 0;
        if rows.count == 1 {
            while panel + ONE <= panels {
                let weights: [_; ONE] = from_fn(|p| panel_at(panel + p));
                let bias: [_; ONE] = from_fn(|p| bias_at(panel + p));
                tile::<L, S, ONE, 1>(weights, |_| bias, x, rows, activation, y.add(panel * PANEL));
                panel += ONE;
            }
        }
        for panel in panel..panels {
            let bias = bias_at(panel);
            column::<L, S, ROWS>(
                panel_at(panel),
                |_| [bias],
                x,
                rows,
                activation,
                y.add(panel * PANEL),
            );
        }
    }
}

/// Rows that are rounded together.
const BLOCK: usize = 8;

/// A row of rounded activations, as bytes or as `f32`.
#[repr(C, align(64))]
struct Rounded<T>([[T; MAX_INPUTS]; BLOCK]);

/// Splits rows into blocks of at most so many, of nearly the same size, as in [`column`]: the first of each and how many.
#[inline(always)]
fn blocks(rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = rows.div_ceil(most);
    let (size, larger) = (rows / blocks.max(1), rows % blocks.max(1));
    (0..blocks).map(move |block| {
        (
            block * size + block.min(larger),
            size + usize::from(block < larger),
        )
    })
}

/// The factor that brings the largest of a row to ±127, so that the rest becomes whole numbers in between, and its inverse.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
unsafe fn to_bytes<L: Lanes>(full: &[[f32; PANEL]], last: &[f32; PANEL]) -> (f32, f32) {
    /// Under this, a row is silent.
    const NOTHING: f32 = 1e-30;
    // SAFETY: as the caller's.
    let most = unsafe {
        let zero = L::splat(0.0);
        let mut most = zero;
        for part in full.iter().chain([last]) {
            let part = L::load(part);
            most = most.max(part).max(zero.sub(part));
        }
        most.highest()
    };
    let factor = if most > NOTHING { 127.0 / most } else { 0.0 };
    (factor, most * (1.0 / 127.0))
}

/// A row in whole registers: those, and the rest with zeros behind it.
#[inline(always)]
fn parts(x: &[f32]) -> (&[[f32; PANEL]], [f32; PANEL]) {
    let (full, rest) = x.as_chunks::<PANEL>();
    let mut last = [0.0; PANEL];
    last[..rest.len()].copy_from_slice(rest);
    (full, last)
}

/// [`affine`] with weights that are whole numbers in bytes. Each row of inputs is rounded to whole numbers as well. Sums of whole
/// numbers are exact, so that every instruction set gives the same.
///
/// # Safety
/// As for [`affine`].
#[inline(always)]
unsafe fn affine_of_bytes<S: Sums, const PANELS: usize>(
    matrix: &Matrix,
    weights: &WholeBytes,
    x: &[f32],
    rows: Rows,
    activation: impl Fn(S::Lanes) -> S::Lanes + Copy,
    y: &mut [f32],
) {
    let mut bytes = Rounded([[0_u8; MAX_INPUTS]; BLOCK]);
    let mut scales = [0.0; BLOCK];
    for (row, count) in blocks(rows.count, S::ROWS) {
        for ((bytes, scale), row) in bytes.0.iter_mut().zip(&mut scales).zip(row..row + count) {
            let (full, last) = parts(&x[row * rows.x_step..][..matrix.inputs]);
            // SAFETY: as the caller's.
            unsafe {
                let (factor, inverse) = to_bytes::<S::Lanes>(full, &last);
                *scale = inverse;
                let (factor, rounder) = (S::Lanes::splat(factor), S::Lanes::splat(ROUNDER));
                for (part, bytes) in full.iter().chain([&last]).zip(bytes.as_chunks_mut::<PANEL>().0) {
                    let rounded = S::Lanes::load(part).mul(factor).add(rounder);
                    rounded.low_bytes(S::RAISED, bytes);
                }
            }
        }
        let y = &mut y[row * rows.y_step..];
        // SAFETY: as the caller's; a block has one to BLOCK rows.
        unsafe {
            macro_rules! rows {
                ($($count:literal)*) => {
                    match count {
                        $($count if $count <= S::ROWS => bytes_block::<S, $count, PANELS>(matrix, weights, &bytes, &scales, activation, rows.y_step, y),)*
                        _ => unreachable!("blocks have one to S::ROWS rows"),
                    }
                };
            }
            rows!(1 2 3 4 5 6 7 8);
        }
    }
}

/// All outputs of `R` rows of bytes.
///
/// # Safety
/// As for [`affine`]; `y` begins with the first of the rows.
#[inline(always)]
unsafe fn bytes_block<S: Sums, const R: usize, const PANELS: usize>(
    matrix: &Matrix,
    weights: &WholeBytes,
    bytes: &Rounded<u8>,
    scales: &[f32; BLOCK],
    activation: impl Fn(S::Lanes) -> S::Lanes + Copy,
    y_step: usize,
    y: &mut [f32],
) {
    let panels = matrix.bias.len();
    let mut panel = 0;
    // SAFETY: as the caller's; panels up to the last.
    unsafe {
        while panel + PANELS <= panels {
            bytes_tile::<S, R, PANELS>(matrix, weights, bytes, scales, activation, panel, y_step, y);
            panel += PANELS;
        }
        while panel < panels {
            bytes_tile::<S, R, 1>(matrix, weights, bytes, scales, activation, panel, y_step, y);
            panel += 1;
        }
    }
}

/// `P` panels of outputs for `R` rows of bytes, all sums in registers.
///
/// # Safety
/// As for [`affine`]; there are `P` panels from `panel` on, and `y` begins with the first of the rows.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "inlined")]
unsafe fn bytes_tile<S: Sums, const R: usize, const P: usize>(
    matrix: &Matrix,
    whole: &WholeBytes,
    bytes: &Rounded<u8>,
    scales: &[f32; BLOCK],
    activation: impl Fn(S::Lanes) -> S::Lanes + Copy,
    panel: usize,
    y_step: usize,
    y: &mut [f32],
) {
    let groups = matrix.inputs.div_ceil(4);
    // SAFETY: `Matrix` keeps so many weights and sums; `MAX_INPUTS` bytes are a whole number of fours; `affine` has checked y.
    unsafe {
        let start: [S; P] = from_fn(|p| {
            let raised = &whole.raised.get_unchecked(panel + p).0;
            S::load(if S::RAISED { raised } else { &[0; PANEL] })
        });
        let mut sums = [start; R];
        let weights: [_; P] = from_fn(|p| whole.weights.as_ptr().add((panel + p) * groups));
        for group in 0..groups {
            let inputs: [[u8; 4]; R] = from_fn(|r| *bytes.0[r].as_ptr().add(4 * group).cast());
            for p in 0..P {
                let weights = S::weights(&(*weights[p].add(group)).0);
                for r in 0..R {
                    sums[r][p] = sums[r][p].dot(inputs[r], weights);
                }
            }
        }
        for p in 0..P {
            let scale = S::Lanes::load(&whole.scale.get_unchecked(panel + p).0);
            let bias = S::Lanes::load(&matrix.bias.get_unchecked(panel + p).0);
            for r in 0..R {
                let scale = scale.mul(S::Lanes::splat(scales[r]));
                let sum = sums[r][p].to_lanes().mul_add(scale, bias);
                activation(sum).store(&mut *y.as_mut_ptr().add(r * y_step + (panel + p) * PANEL).cast());
            }
        }
    }
}

/// [`affine`] with weights that are whole numbers in `f32`: what [`affine_of_bytes`] gives, but for the roundings of the last
/// multiplication and addition, in the arithmetic that every processor has.
///
/// # Safety
/// As for [`affine`].
#[inline(always)]
unsafe fn affine_of_whole<L: Lanes, const ROWS: usize>(
    matrix: &Matrix,
    whole: &WholeRows,
    x: &[f32],
    rows: Rows,
    activation: impl Fn(L) -> L + Copy,
    y: &mut [f32],
) {
    let mut numbers = Rounded([[0.0; MAX_INPUTS]; BLOCK]);
    let mut scales = [0.0; BLOCK];
    for (row, count) in blocks(rows.count, BLOCK) {
        for ((numbers, scale), row) in numbers.0.iter_mut().zip(&mut scales).zip(row..row + count) {
            let (full, last) = parts(&x[row * rows.x_step..][..matrix.inputs]);
            // SAFETY: as the caller's.
            unsafe {
                let (factor, inverse) = to_bytes::<L>(full, &last);
                *scale = inverse;
                let (factor, rounder) = (L::splat(factor), L::splat(ROUNDER));
                for (part, numbers) in full.iter().chain([&last]).zip(numbers.as_chunks_mut::<PANEL>().0) {
                    L::load(part).mul(factor).add(rounder).sub(rounder).store(numbers);
                }
            }
        }
        let of_block = Rows {
            count,
            x_step: MAX_INPUTS,
            ..rows
        };
        let y = y[row * rows.y_step..].as_mut_ptr();
        for panel in 0..matrix.bias.len() {
            // SAFETY: as for `affine_of`; the sums of a block are in y, which `affine` has checked.
            unsafe {
                let own = Panel {
                    first: whole.weights.as_ptr().add(panel * matrix.inputs).cast(),
                    step: 1,
                    inputs: matrix.inputs,
                };
                let y = y.add(panel * PANEL);
                let zero = L::splat(0.0);
                column::<L, f32, ROWS>(own, |_| [zero], numbers.0.as_ptr().cast(), of_block, |sum| sum, y);
                let (scale, bias) = (L::load(&whole.scale[panel].0), L::load(&matrix.bias[panel].0));
                for (r, &of_row) in scales[..count].iter().enumerate() {
                    let y = &mut *y.add(r * rows.y_step).cast::<[f32; PANEL]>();
                    let sum = L::load(y).mul_add(scale.mul(L::splat(of_row)), bias);
                    activation(sum).store(y);
                }
            }
        }
    }
}

/// `y += bias + A x` across the sub-bands of each frame; see [`super::Kernels::mix`], which checks the lengths. What is a
/// row of x to [`affine`] is a row of weights here, and sixteen channels of x are what is weighted.
///
/// # Safety
/// The processor has the instruction set of `L`; the lengths are those that `mix` asks for.
#[inline(always)]
pub(super) unsafe fn mix<L: Lanes, const ROWS: usize>(mixer: &Mixer, x: &[f32], y: &mut [f32]) {
    let sub_bands = mixer.sub_bands;
    let channels = mixer.bias.len() / sub_bands;
    let panels = channels / PANEL;
    let rows = Rows {
        count: sub_bands,
        x_step: sub_bands,
        y_step: channels,
    };
    let frame = sub_bands * channels;
    for (x, y) in x.chunks_exact(frame).zip(y.chunks_exact_mut(frame)) {
        let y = y.as_mut_ptr();
        for panel in 0..panels {
            let head = panel * mixer.heads / panels;
            let weights = mixer.weights[head * sub_bands * sub_bands..].as_ptr();
            // SAFETY: every sub-band has sixteen channels from `panel * PANEL` on, in `x`, `y` and the bias, and
            // `sub_bands` weights for each sub-band.
            unsafe {
                let input = Panel {
                    first: x.as_ptr().add(panel * PANEL).cast::<[f32; PANEL]>(),
                    step: panels,
                    inputs: sub_bands,
                };
                let start = |row: usize| {
                    let at = row * channels + panel * PANEL;
                    [L::load(&*y.add(at).cast()).add(L::load(&*mixer.bias.as_ptr().add(at).cast()))]
                };
                column::<L, f32, ROWS>(input, start, weights, rows, |sum| sum, y.add(panel * PANEL));
            }
        }
    }
}

/// Sixteen outputs of all rows, up to `ROWS` at a time; `start` gives what a row's sums begin with.
///
/// # Safety
/// As for [`tile`], for all rows.
#[inline(always)]
unsafe fn column<L: Lanes, S: Stored, const ROWS: usize>(
    weights: Panel<S>,
    start: impl Fn(usize) -> [L; 1],
    x: *const f32,
    rows: Rows,
    activation: impl Fn(L) -> L + Copy,
    y: *mut f32,
) {
    const { assert!(ROWS <= 8, "there are tiles of up to eight rows") };
    let w = [weights];
    // Blocks of nearly the same size: 32 rows are 6 + 6 + 5 + 5 + 5 + 5, not 5 times 6 and a slow rest.
    let blocks = rows.count.div_ceil(ROWS);
    let (size, larger) = (rows.count / blocks.max(1), rows.count % blocks.max(1));
    let mut row = 0;
    for block in 0..blocks {
        let count = size + usize::from(block < larger);
        // SAFETY: row + count <= rows.count, and count <= ROWS.
        unsafe {
            let (x, y) = (x.add(row * rows.x_step), y.add(row * rows.y_step));
            let s = |r: usize| start(row + r);
            match count {
                1 => tile::<L, S, 1, 1>(w, s, x, rows, activation, y),
                2 => tile::<L, S, 1, 2>(w, s, x, rows, activation, y),
                3 if ROWS >= 3 => tile::<L, S, 1, 3>(w, s, x, rows, activation, y),
                4 if ROWS >= 4 => tile::<L, S, 1, 4>(w, s, x, rows, activation, y),
                5 if ROWS >= 5 => tile::<L, S, 1, 5>(w, s, x, rows, activation, y),
                6 if ROWS >= 6 => tile::<L, S, 1, 6>(w, s, x, rows, activation, y),
                7 if ROWS >= 7 => tile::<L, S, 1, 7>(w, s, x, rows, activation, y),
                8 if ROWS >= 8 => tile::<L, S, 1, 8>(w, s, x, rows, activation, y),
                _ => unreachable!("blocks have one to ROWS rows"),
            }
        }
        row += count;
    }
}

/// `P` panels of outputs for `R` rows, all sums in registers, from what `start` gives for a row on.
///
/// # Safety
/// The processor has the instruction set of `L`; `weights` point to what they say, all with the same number of inputs;
/// `x` to the first of `R` rows of so many numbers, and `y` to the first of these outputs in the first of `R` rows,
/// which nothing else borrows; `rows` has the steps from row to row.
#[inline(always)]
unsafe fn tile<L: Lanes, S: Stored, const P: usize, const R: usize>(
    weights: [Panel<S>; P],
    start: impl Fn(usize) -> [L; P],
    x: *const f32,
    rows: Rows,
    activation: impl Fn(L) -> L + Copy,
    y: *mut f32,
) {
    // SAFETY: every access lies inside what the caller vouches for.
    unsafe {
        let mut sums: [[L; P]; R] = from_fn(start);
        for k in 0..weights[0].inputs {
            let input: [L; R] = from_fn(|r| L::splat(*x.add(r * rows.x_step + k)));
            for p in 0..P {
                let weight = S::widen::<L>(&*weights[p].first.add(k * weights[p].step));
                for r in 0..R {
                    sums[r][p] = input[r].mul_add(weight, sums[r][p]);
                }
            }
        }
        for r in 0..R {
            for p in 0..P {
                activation(sums[r][p]).store(&mut *y.add(r * rows.y_step + p * PANEL).cast());
            }
        }
    }
}

/// [`affine`] of one instruction set.
pub(super) type Affine = unsafe fn(&Matrix, &[f32], Rows, Activation, &mut [f32]);

/// Gated recurrent units over frames; see [`super::Kernels::gru`], which checks the lengths.
///
/// `ROWS` rows go through all frames before the next ones do, so that all they need stays in the first cache. `TOGETHER` times
/// sixteen units advance side by side: each is a long chain of steps that wait for one another.
///
/// # Safety
/// The processor has the instruction set of `L`, to which `affine` belongs; the lengths are those that `gru` asks for.
#[inline(always)]
pub(super) unsafe fn gru<L: Lanes, const ROWS: usize, const TOGETHER: usize>(
    affine: Affine,
    matrix: &Matrix,
    direction: Direction,
    gates: &[f32],
    state: &mut [f32],
    product: &mut [f32],
    out: &mut [f32],
) {
    let (frame, block) = (state.len(), ROWS * matrix.inputs);
    let frames = out.len() / frame;
    for (index, state) in state.chunks_mut(block).enumerate() {
        let own = index * block..index * block + state.len();
        let rows = Rows::of(matrix, state.len() / matrix.inputs);
        let product = &mut product[..3 * state.len()];
        for step in 0..frames {
            let at = frame
                * match direction {
                    Direction::Forward => step,
                    Direction::Backward => frames - 1 - step,
                };
            let (gates, out) = (&gates[3 * at..3 * (at + frame)], &mut out[at..at + frame]);
            // SAFETY: the rows of the lengths that the caller vouches for.
            unsafe { affine(matrix, state, rows, Activation::Linear, product) };
            let (gates, rest_of_gates) = units(&gates[3 * own.start..3 * own.end]).as_chunks::<TOGETHER>();
            let (inner, rest_of_inner) = units(product).as_chunks::<TOGETHER>();
            let (state, rest_of_state) = state.as_chunks_mut::<PANEL>().0.as_chunks_mut::<TOGETHER>();
            let (out, rest_of_out) = out[own.clone()]
                .as_chunks_mut::<PANEL>()
                .0
                .as_chunks_mut::<TOGETHER>();
            for ((gates, inner), (state, out)) in gates.iter().zip(inner).zip(state.iter_mut().zip(out)) {
                // SAFETY: the processor has the instruction set, says the caller.
                unsafe { advance::<L, TOGETHER>(gates, inner, state, out) };
            }
            let gates = rest_of_gates.as_chunks::<1>().0.iter();
            let gates = gates.zip(rest_of_inner.as_chunks::<1>().0);
            let states = rest_of_state.as_chunks_mut::<1>().0.iter_mut();
            let states = states.zip(rest_of_out.as_chunks_mut::<1>().0);
            for ((gates, inner), (state, out)) in gates.zip(states) {
                // SAFETY: likewise.
                unsafe { advance::<L, 1>(gates, inner, state, out) };
            }
        }
    }
}

/// The three gates of sixteen units.
type Gates = [[f32; PANEL]; 3];

fn units(gates: &[f32]) -> &[Gates] {
    gates.as_chunks::<PANEL>().0.as_chunks::<3>().0
}

/// `N` times sixteen units go one frame on.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
unsafe fn advance<L: Lanes, const N: usize>(
    gates: &[Gates; N],
    inner: &[Gates; N],
    state: &mut [[f32; PANEL]; N],
    out: &mut [[f32; PANEL]; N],
) {
    // SAFETY: as the caller's.
    unsafe {
        let one = L::splat(1.0);
        let sum = |gate: usize| from_fn(|i| L::load(&gates[i][gate]).add(L::load(&inner[i][gate])));
        // r = 1 / (1 + a), z = 1 / (1 + b), n = (1 - c) / (1 + c); z and n share one quotient.
        let a: [L; N] = exp_minus(sum(0), 1.0);
        let reset: [L; N] = from_fn(|i| L::load(&inner[i][2]).div(one.add(a[i])));
        let b: [L; N] = exp_minus(sum(1), 1.0);
        let c: [L; N] = exp_minus(from_fn(|i| L::load(&gates[i][2]).add(reset[i])), 2.0);
        let above: [L; N] = from_fn(|i| {
            let h = L::load(&state[i]);
            c[i].mul_add(h.sub(b[i]), h.add(b[i]))
        });
        let below: [L; N] = from_fn(|i| {
            let b = one.add(b[i]);
            c[i].mul_add(b, b)
        });
        let next: [L; N] = from_fn(|i| above[i].div(below[i]));
        for i in 0..N {
            next[i].store(&mut state[i]);
            L::load(&out[i]).add(next[i]).store(&mut out[i]);
        }
    }
}

/// e^(-`factor` x), relative error below 2e-7 (1 + |`factor` x|), exactly 1 for 0; beyond 2^±60 it is that, so that the
/// product of two stays finite.
///
/// 2^(n + r) with a polynomial for 2^r fitted to the least relative error, 1.1e-7 (Lawson's iteration).
///
/// # Safety
/// As for [`Lanes`].
#[inline(always)]
unsafe fn exp_minus<L: Lanes, const N: usize>(x: [L; N], factor: f32) -> [L; N] {
    const LIMIT: f32 = 60.0;
    const POWERS: [f32; 6] = [
        1.330_060_5e-3,
        9.669_691e-3,
        5.550_558_5e-2,
        2.402_228_3e-1,
        std::f32::consts::LN_2,
        1.0,
    ];
    // SAFETY: as the caller's.
    unsafe {
        let x: [L; N] = from_fn(|i| x[i].mul(L::splat(-factor * std::f32::consts::LOG2_E)));
        let x: [L; N] = from_fn(|i| x[i].max(L::splat(-LIMIT)).min(L::splat(LIMIT)));
        let shifted: [L; N] = from_fn(|i| x[i].add(L::splat(ROUNDER)));
        let r: [L; N] = from_fn(|i| x[i].sub(shifted[i].sub(L::splat(ROUNDER))));
        let mut sums = [L::splat(POWERS[0]); N];
        for power in &POWERS[1..] {
            sums = from_fn(|i| sums[i].mul_add(r[i], L::splat(*power)));
        }
        from_fn(|i| sums[i].times_two_to(shifted[i]))
    }
}

/// Replaces every number by a function of it.
///
/// # Safety
/// The processor has the instruction set of `L`.
#[inline(always)]
pub(super) unsafe fn each<L: Lanes>(values: &mut [f32], function: impl Fn(L) -> L) {
    let (whole, rest) = values.as_chunks_mut::<PANEL>();
    // SAFETY: as the caller's.
    unsafe {
        for block in whole {
            function(L::load(block)).store(block);
        }
        if !rest.is_empty() {
            let mut block = [1.0; PANEL];
            block[..rest.len()].copy_from_slice(rest);
            function(L::load(&block)).store(&mut block);
            rest.copy_from_slice(&block[..rest.len()]);
        }
    }
}

/// e^x for x in −87 … 87, relative error below 1.2e-7.
///
/// x = n ln 2 + r; polynomial for e^r from the Cephes library (S. L. Moshier, `expf`).
///
/// # Safety
/// As for [`Lanes`].
#[inline(always)]
unsafe fn exp<L: Lanes>(x: L) -> L {
    // SAFETY: as the caller's.
    unsafe {
        let shifted = x.mul_add(L::splat(std::f32::consts::LOG2_E), L::splat(ROUNDER));
        let n = shifted.sub(L::splat(ROUNDER));
        let r = n.mul_add(L::splat(-LN_2_HIGH), x);
        let r = n.mul_add(L::splat(-LN_2_LOW), r);
        let p = polynomial(
            r,
            [
                1.987_569_1e-4,
                1.398_2e-3,
                8.333_452e-3,
                4.166_579_6e-2,
                1.666_666_5e-1,
                0.5,
            ],
        );
        let p = p.mul_add(r.mul(r), r).add(L::splat(1.0));
        p.times_two_to(shifted)
    }
}

/// ln 2 in two parts, the high one short enough for exact products with small whole numbers.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// The value at `x` of the polynomial with these coefficients, highest power first (Horner's scheme).
///
/// # Safety
/// As for [`Lanes`].
#[inline(always)]
unsafe fn polynomial<L: Lanes, const N: usize>(x: L, coefficients: [f32; N]) -> L {
    // SAFETY: as the caller's.
    unsafe {
        let mut sum = L::splat(coefficients[0]);
        for &c in &coefficients[1..] {
            sum = sum.mul_add(x, L::splat(c));
        }
        sum
    }
}

/// 1 / (1 + e^-x), relative error below 3e-7; x beyond ±87 counts as ±87.
///
/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn sigmoid<L: Lanes>(x: L) -> L {
    // SAFETY: as the caller's.
    unsafe {
        let x = x.max(L::splat(-87.0)).min(L::splat(87.0));
        let one = L::splat(1.0);
        one.div(one.add(exp(L::splat(0.0).sub(x))))
    }
}

/// Natural logarithm of positive, normal numbers; error below 1e-7 of the larger of 1 and the result.
///
/// Polynomial from the Cephes library (S. L. Moshier, `logf`).
///
/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn ln<L: Lanes>(x: L) -> L {
    // SAFETY: as the caller's.
    unsafe {
        let (m, e) = x.split_exponent();
        let x = m.sub(L::splat(1.0));
        let square = x.mul(x);
        let p = polynomial(
            x,
            [
                7.037_683_6e-2,
                -1.151_461e-1,
                1.167_699_9e-1,
                -1.242_014_1e-1,
                1.424_932_3e-1,
                -1.666_805_8e-1,
                2.000_071_5e-1,
                -2.499_999_4e-1,
                3.333_333e-1,
            ],
        );
        let y = p.mul(x).mul(square);
        let y = e.mul_add(L::splat(LN_2_LOW), y);
        let y = square.mul_add(L::splat(-0.5), y);
        e.mul_add(L::splat(LN_2_HIGH), x.add(y))
    }
}
