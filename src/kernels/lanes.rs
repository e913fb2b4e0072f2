//! The kernels, written once over sixteen lanes; each instruction set brings the lanes.
//!
//! Everything here is `#[inline(always)]` so that it is compiled inside a function that has the instruction set
//! switched on (see `avx2`, `avx512`, `neon`); nothing else may call it.

use super::{Across, Matrix, PANEL, Row, Weights};

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
    /// In each lane `yes` where `self < limit`, else `no`.
    unsafe fn if_less(self, limit: Self, yes: Self, no: Self) -> Self;
    /// 2^n for lanes that hold n + [`ROUNDER`], n a whole number in −126 … 127.
    unsafe fn power_of_two(self) -> Self;
    /// (m, e) with `self` = m 2^e and m in √½ … √2, for positive, finite, normal lanes.
    unsafe fn split_exponent(self) -> (Self, Self);
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
    unsafe fn widen<L: Lanes>(row: &Row<Self>) -> L;
}

impl Stored for f32 {
    #[inline(always)]
    unsafe fn widen<L: Lanes>(row: &Row<f32>) -> L {
        // SAFETY: as the caller's.
        unsafe { L::load(&row.0) }
    }
}

impl Stored for u16 {
    #[inline(always)]
    unsafe fn widen<L: Lanes>(row: &Row<u16>) -> L {
        // SAFETY: as the caller's.
        unsafe { L::load_f16(&row.0) }
    }
}

/// `y = W x + b` for `frames` rows of `x`; see [`super::Kernels::affine`], which checks the lengths.
///
/// One frame walks `ONE` panels side by side and many frames go `ROWS` at a time through one panel, so that enough
/// sums are under way to hide the latency of an addition. Each sum by itself always runs from the bias over the
/// inputs in order: the blocking never changes a bit of the result.
///
/// # Safety
/// The processor has the instruction set of `L`; `x` holds `frames * matrix.inputs()` and `y`
/// `frames * matrix.padded_outputs()` numbers.
#[inline(always)]
pub(super) unsafe fn affine<L: Lanes, const ONE: usize, const ROWS: usize>(
    matrix: &Matrix,
    x: &[f32],
    frames: usize,
    y: &mut [f32],
) {
    // SAFETY: as the caller's.
    unsafe {
        match &matrix.weights {
            Weights::F32(weights) => affine_of::<L, f32, ONE, ROWS>(matrix, weights, x, frames, y),
            Weights::F16(weights) => affine_of::<L, u16, ONE, ROWS>(matrix, weights, x, frames, y),
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
    frames: usize,
    y: &mut [f32],
) {
    const { assert!(ROWS <= 8, "there are tiles of up to eight rows") };
    let panels = matrix.bias.len();
    let (x, y) = (x.as_ptr(), y.as_mut_ptr());
    // SAFETY: panel + P <= panels and frame + R <= frames below, which with the caller's lengths is what `tile` asks.
    unsafe {
        let mut panel = 0;
        if frames == 1 {
            while panel + ONE <= panels {
                tile::<L, S, ONE, 1>(matrix, weights, panel, x, y.add(panel * PANEL));
                panel += ONE;
            }
            while panel + 2 <= panels {
                tile::<L, S, 2, 1>(matrix, weights, panel, x, y.add(panel * PANEL));
                panel += 2;
            }
        }
        for panel in panel..panels {
            // Blocks of nearly the same size: 32 frames are 6 + 6 + 5 + 5 + 5 + 5, not 5 times 6 and a slow rest.
            let mut frame = 0;
            let mut blocks = frames.div_ceil(ROWS);
            while blocks > 0 {
                let rows = (frames - frame).div_ceil(blocks);
                let x = x.add(frame * matrix.inputs);
                let y = y.add((frame * panels + panel) * PANEL);
                match rows {
                    1 => tile::<L, S, 1, 1>(matrix, weights, panel, x, y),
                    2 => tile::<L, S, 1, 2>(matrix, weights, panel, x, y),
                    3 => tile::<L, S, 1, 3>(matrix, weights, panel, x, y),
                    4 => tile::<L, S, 1, 4>(matrix, weights, panel, x, y),
                    5 => tile::<L, S, 1, 5>(matrix, weights, panel, x, y),
                    6 => tile::<L, S, 1, 6>(matrix, weights, panel, x, y),
                    7 => tile::<L, S, 1, 7>(matrix, weights, panel, x, y),
                    _ => tile::<L, S, 1, 8>(matrix, weights, panel, x, y),
                }
                frame += rows;
                blocks -= 1;
            }
        }
    }
}

/// `P` panels of outputs for `R` frames, all sums in registers.
///
/// # Safety
/// The processor has the instruction set of `L`; the matrix has panels `panel` … `panel + P`; `x` points to `R` rows
/// of `matrix.inputs()` numbers, `y` to the first of these outputs in the first of `R` rows of
/// `matrix.padded_outputs()`.
#[inline(always)]
unsafe fn tile<L: Lanes, S: Stored, const P: usize, const R: usize>(
    matrix: &Matrix,
    weights: &[Row<S>],
    panel: usize,
    x: *const f32,
    y: *mut f32,
) {
    let inputs = matrix.inputs;
    let stride = matrix.bias.len() * PANEL;
    // SAFETY: `weights` holds `inputs` rows for each panel (kept by `Matrix`), so every row read lies inside it; `x`
    // and `y` are used inside what the caller vouches for, and `y` is not aliased, being a unique borrow up there.
    unsafe {
        let rows: [*const Row<S>; P] = std::array::from_fn(|p| weights.as_ptr().add((panel + p) * inputs));
        let mut sums: [[L; P]; R] = [std::array::from_fn(|p| L::load(&matrix.bias[panel + p].0)); R];
        for k in 0..inputs {
            let heard: [L; R] = std::array::from_fn(|r| L::splat(*x.add(r * inputs + k)));
            for p in 0..P {
                let weight = S::widen::<L>(&*rows[p].add(k));
                for r in 0..R {
                    sums[r][p] = heard[r].mul_add(weight, sums[r][p]);
                }
            }
        }
        for r in 0..R {
            for p in 0..P {
                sums[r][p].store(&mut *y.add(r * stride + p * PANEL).cast());
            }
        }
    }
}

/// A gated recurrent unit's walk through time for `state.len() / matrix.inputs()` rows side by side; see
/// [`super::Kernels::recur`], which checks the lengths.
///
/// # Safety
/// The processor has the instruction set of `L`; the lengths are those that `recur` asks for.
#[inline(always)]
pub(super) unsafe fn recur<L: Lanes, const ONE: usize, const ROWS: usize>(
    matrix: &Matrix,
    gates: &[f32],
    state: &mut [f32],
    product: &mut [f32],
    out: &mut [f32],
) {
    let rows = state.len() / matrix.inputs;
    for (gates, out) in gates
        .chunks_exact(product.len())
        .zip(out.chunks_exact_mut(state.len()))
    {
        // SAFETY: `rows` rows in and out, of the lengths that the caller vouches for.
        unsafe { affine::<L, ONE, ROWS>(matrix, state, rows, product) };
        let units = state
            .as_chunks_mut::<PANEL>()
            .0
            .iter_mut()
            .zip(out.as_chunks_mut::<PANEL>().0);
        let sides = gates
            .as_chunks::<PANEL>()
            .0
            .chunks_exact(3)
            .zip(product.as_chunks::<PANEL>().0.chunks_exact(3));
        for ((state, out), (gate, inner)) in units.zip(sides) {
            // SAFETY: the processor has the instruction set, says the caller.
            unsafe {
                let reset = sigmoid(L::load(&gate[0]).add(L::load(&inner[0])));
                let keep = sigmoid(L::load(&gate[1]).add(L::load(&inner[1])));
                let new = tanh(reset.mul_add(L::load(&inner[2]), L::load(&gate[2])));
                let next = keep.mul_add(L::load(state).sub(new), new);
                next.store(state);
                next.store(out);
            }
        }
    }
}

/// `y += bias + A x` across the positions of each frame; see [`super::Kernels::mix`], which checks the lengths.
///
/// # Safety
/// The processor has the instruction set of `L`; the lengths are those that `mix` asks for.
#[inline(always)]
pub(super) unsafe fn mix<L: Lanes, const ROWS: usize>(across: &Across, x: &[f32], y: &mut [f32]) {
    const { assert!(ROWS <= 8, "there are tiles of up to eight rows") };
    let positions = across.positions;
    let stride = across.bias.len() / positions;
    let frame = positions * stride;
    for (x, y) in x.chunks_exact(frame).zip(y.chunks_exact_mut(frame)) {
        let panels = stride / PANEL;
        for panel in 0..panels {
            let head = panel * across.heads / panels;
            let mut first = 0;
            let mut blocks = positions.div_ceil(ROWS);
            while blocks > 0 {
                let rows = (positions - first).div_ceil(blocks);
                // SAFETY: first + rows <= positions, panel < stride / PANEL, and x and y are whole frames.
                unsafe {
                    match rows {
                        1 => mix_tile::<L, 1>(across, head, first, panel, x, y),
                        2 => mix_tile::<L, 2>(across, head, first, panel, x, y),
                        3 => mix_tile::<L, 3>(across, head, first, panel, x, y),
                        4 => mix_tile::<L, 4>(across, head, first, panel, x, y),
                        5 => mix_tile::<L, 5>(across, head, first, panel, x, y),
                        6 => mix_tile::<L, 6>(across, head, first, panel, x, y),
                        7 => mix_tile::<L, 7>(across, head, first, panel, x, y),
                        _ => mix_tile::<L, 8>(across, head, first, panel, x, y),
                    }
                }
                first += rows;
                blocks -= 1;
            }
        }
    }
}

/// `R` positions from `first` on, of one frame and one panel of channels.
///
/// # Safety
/// The processor has the instruction set of `L`; `first + R` is at most the number of positions, `x` and `y` are one
/// frame, and it has that panel.
#[inline(always)]
unsafe fn mix_tile<L: Lanes, const R: usize>(
    across: &Across,
    head: usize,
    first: usize,
    panel: usize,
    x: &[f32],
    y: &mut [f32],
) {
    let positions = across.positions;
    let stride = across.bias.len() / positions;
    let (x, y, bias) = (x.as_ptr(), y.as_mut_ptr(), across.bias.as_ptr());
    // SAFETY: every place is position * stride + panel * PANEL with position < positions, and every weight
    // (head * positions + position) * positions + position, inside what `Across` and the caller vouch for.
    unsafe {
        let weights = across
            .weights
            .as_ptr()
            .add((head * positions + first) * positions);
        let place = |position: usize| position * stride + panel * PANEL;
        let mut sums: [L; R] = std::array::from_fn(|r| {
            let at = place(first + r);
            L::load(&*y.add(at).cast()).add(L::load(&*bias.add(at).cast()))
        });
        for q in 0..positions {
            let heard = L::load(&*x.add(place(q)).cast());
            for r in 0..R {
                sums[r] = L::splat(*weights.add(r * positions + q)).mul_add(heard, sums[r]);
            }
        }
        for r in 0..R {
            sums[r].store(&mut *y.add(place(first + r)).cast());
        }
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
        p.mul(shifted.power_of_two())
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

/// Hyperbolic tangent, relative error below 3e-7.
///
/// As the Cephes library does (S. L. Moshier, `tanhf`): an odd polynomial where |x| < 0.625, which keeps small values
/// exact, else 1 - 2 / (e^2|x| + 1) with the sign of x.
///
/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn tanh<L: Lanes>(x: L) -> L {
    // SAFETY: as the caller's.
    unsafe {
        let (zero, one, two) = (L::splat(0.0), L::splat(1.0), L::splat(2.0));
        let x = x.max(L::splat(-20.0)).min(L::splat(20.0));
        let size = x.max(zero.sub(x));
        let far = one.sub(two.div(exp(size.add(size)).add(one)));
        let far = x.if_less(zero, zero.sub(far), far);
        let square = x.mul(x);
        let p = polynomial(
            square,
            [
                -5.704_988_7e-3,
                2.063_909e-2,
                -5.373_971_6e-2,
                1.333_144_2e-1,
                -3.333_328e-1,
            ],
        );
        let near = p.mul(square).mul_add(x, x);
        size.if_less(L::splat(0.625), near, far)
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
