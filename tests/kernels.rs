//! Every instruction set that this processor has computes what plain Rust computes.

#[path = "../src/kernels/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the crate uses the rest")]
mod kernels;
use kernels::{Activation, Direction, F16, Instructions, Kernels, Matrix, Mixer, PANEL, Rows};

#[path = "random_model/random.rs"]
mod random;
use random::Random;

fn all() -> impl Iterator<Item = Kernels> {
    Instructions::available().map(|set| Kernels::new(set).unwrap())
}

fn numbers(random: &mut Random, count: usize) -> Vec<f32> {
    (0..count).map(|_| random.number()).collect()
}

/// Sizes with every remainder that the blocks of the kernels know.
fn sizes(random: &mut Random) -> (usize, usize, usize) {
    (1 + random.below(260), random.below(70), 1 + random.below(40))
}

#[test]
fn products_agree_with_sums_in_double_precision() {
    let mut random = Random(1);
    for round in 0..60 {
        let (outputs, inputs, frames) = sizes(&mut random);
        let weights = numbers(&mut random, outputs * inputs);
        let bias = numbers(&mut random, outputs);
        let x = numbers(&mut random, frames * inputs);
        let matrix = Matrix::new(outputs, inputs, |o, k| weights[o * inputs + k], |o| bias[o]);
        let padded = matrix.padded_outputs();
        for kernels in all() {
            let mut y = vec![f32::NAN; frames * padded];
            kernels.affine(&matrix, &x, frames, &mut y);
            for frame in 0..frames {
                for o in 0..padded {
                    let terms = (0..inputs)
                        .map(|k| f64::from(weights[o * inputs + k] * 1.0) * f64::from(x[frame * inputs + k]));
                    let expected = if o < outputs {
                        f64::from(bias[o]) + terms.sum::<f64>()
                    } else {
                        0.0
                    };
                    let found = f64::from(y[frame * padded + o]);
                    assert!(
                        (found - expected).abs() <= 1e-5,
                        "{:?}, round {round}: {outputs} x {inputs}, frame {frame}, output {o}: {found}, not {expected}",
                        kernels.instructions()
                    );
                }
            }
        }
    }
}

#[test]
fn a_frame_gives_the_same_bits_alone_and_among_others() {
    let mut random = Random(2);
    for _ in 0..30 {
        let (outputs, inputs, frames) = sizes(&mut random);
        let half = |bits: u64| F16(bits as u16 & 0xbfff); // below 2, either sign
        let weights: Vec<F16> = (0..outputs * inputs).map(|_| half(random.bits())).collect();
        let x = numbers(&mut random, frames * inputs);
        let narrow = Matrix::new(outputs, inputs, |o, k| weights[o * inputs + k], |_| 0.5);
        for (kernels, matrix) in all().flat_map(|k| [(k, narrow.clone()), (k, narrow.widened())]) {
            let mut together = vec![0.0; frames * matrix.padded_outputs()];
            kernels.affine(&matrix, &x, frames, &mut together);
            for (frame, together) in together.chunks(matrix.padded_outputs()).enumerate() {
                let mut alone = vec![0.0; matrix.padded_outputs()];
                kernels.affine(&matrix, &x[frame * inputs..][..inputs], 1, &mut alone);
                let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(
                    bits(&alone),
                    bits(together),
                    "{:?}, frame {frame}",
                    kernels.instructions()
                );
            }
        }
    }
}

#[test]
fn rows_that_lie_apart_give_the_same_bits_and_leave_the_rest_alone() {
    let mut random = Random(7);
    for _ in 0..30 {
        let (outputs, inputs, count) = sizes(&mut random);
        let (weights, bias) = (
            numbers(&mut random, outputs * inputs),
            numbers(&mut random, outputs),
        );
        let matrix = Matrix::new(outputs, inputs, |o, k| weights[o * inputs + k], |o| bias[o]);
        let rows = Rows {
            count,
            x_step: inputs + random.below(9),
            y_step: matrix.padded_outputs() + random.below(9),
        };
        let x = numbers(&mut random, count * rows.x_step + inputs);
        for kernels in all() {
            let mut y = vec![f32::NAN; count * rows.y_step + 3];
            kernels.affine_rows(&matrix, &x, rows, Activation::Relu, &mut y);
            for (row, y) in y.chunks(rows.y_step).take(count).enumerate() {
                let mut alone = vec![0.0; matrix.padded_outputs()];
                kernels.affine(&matrix, &x[row * rows.x_step..][..inputs], 1, &mut alone);
                let (found, rest) = y.split_at(alone.len());
                assert!(
                    found.iter().zip(alone).all(|(y, sum)| *y == sum.max(0.0)),
                    "{:?}, row {row}",
                    kernels.instructions()
                );
                assert!(rest.iter().all(|y| y.is_nan()), "between the rows");
            }
        }
    }
}

/// A row as products with whole numbers hear it: rounded to whole numbers, the largest to ±127.
fn rounded(row: &[f32]) -> Vec<f64> {
    let most = row.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let factor = if most > 1e-30 { 127.0 / most } else { 0.0 };
    let whole = row.iter().map(|x| f64::from((x * factor).round_ties_even()));
    whole.map(|w| w * f64::from(most) / 127.0).collect()
}

#[test]
fn products_of_whole_numbers_agree_with_sums_in_double_precision() {
    let mut random = Random(9);
    for round in 0..60 {
        let (outputs, inputs, count) = sizes(&mut random);
        let (mut weights, bias) = (
            numbers(&mut random, outputs * inputs),
            numbers(&mut random, outputs),
        );
        weights.iter_mut().take(inputs).for_each(|w| *w = 0.0); // an output without weights
        let mut x = numbers(&mut random, count * inputs);
        x[..inputs].fill(0.0);
        let quantised = Matrix::new(outputs, inputs, |o, k| weights[o * inputs + k], |o| bias[o]).quantised();
        let of_output = |o: usize| {
            let own = &weights[o * inputs..][..inputs];
            let scale = own.iter().fold(0.0_f32, |most, w| most.max(w.abs())) / 63.0;
            let whole = own.iter().map(move |w| {
                if scale > 0.0 {
                    (w / scale).round_ties_even()
                } else {
                    0.0
                }
            });
            whole
                .map(move |w| f64::from(w) * f64::from(scale))
                .collect::<Vec<f64>>()
        };
        let rounded: Vec<_> = x.chunks(inputs.max(1)).map(rounded).collect();
        for kernels in all() {
            let set = kernels.instructions();
            let matrix = quantised.stored(set.storage());
            let padded = matrix.padded_outputs();
            let rows = Rows {
                count,
                x_step: inputs,
                y_step: padded + 1,
            };
            let mut y = vec![f32::NAN; count * rows.y_step];
            kernels.affine_rows(&matrix, &x, rows, Activation::Relu, &mut y);
            for o in 0..outputs {
                let weights = of_output(o);
                for frame in 0..count {
                    let row = rounded.get(frame).map_or(&[][..], |row| &row[..]);
                    let sum: f64 = weights.iter().zip(row).map(|(w, x)| w * x).sum();
                    let expected = (f64::from(bias[o]) + sum).max(0.0);
                    let found = f64::from(y[frame * rows.y_step + o]);
                    assert!(
                        (found - expected).abs() <= 1e-5,
                        "{set:?}, round {round}: {outputs} x {inputs}, row {frame}, output {o}: {found}, not {expected}"
                    );
                }
            }
            assert!(
                y.chunks(rows.y_step).all(|row| row[padded].is_nan()),
                "between the rows"
            );
            let mut alone = vec![0.0; padded];
            for (frame, row) in y.chunks(rows.y_step).enumerate() {
                kernels.affine_rows(
                    &matrix,
                    &x[frame * inputs..][..inputs],
                    Rows::of(&matrix, 1),
                    Activation::Relu,
                    &mut alone,
                );
                assert_eq!(alone, row[..padded], "{set:?}: a row alone and among others");
            }
        }
    }
}

#[test]
fn whole_numbers_survive_every_way_of_storing_them() {
    let mut random = Random(10);
    let (outputs, inputs) = (37, 91);
    let weights = numbers(&mut random, outputs * inputs);
    let matrix = Matrix::new(outputs, inputs, |o, k| weights[o * inputs + k], |_| 0.0).quantised();
    let x = numbers(&mut random, inputs);
    let sets: Vec<_> = Instructions::available().collect();
    for (a, b) in sets.iter().flat_map(|a| sets.iter().map(move |b| (*a, *b))) {
        let product = |matrix: &Matrix| {
            let mut y = vec![0.0; matrix.padded_outputs()];
            Kernels::new(b).unwrap().affine(matrix, &x, 1, &mut y);
            y
        };
        let (direct, around) = (
            matrix.stored(b.storage()),
            matrix.stored(a.storage()).stored(b.storage()),
        );
        assert_eq!(product(&direct), product(&around), "{a:?} to {b:?}");
        assert_eq!(
            product(&direct),
            product(&direct.quantised()),
            "{b:?}: quantised twice"
        );
    }
}

#[test]
#[should_panic(expected = "rows out")]
fn a_row_outside_its_slice_is_refused() {
    let matrix = Matrix::new(3, 2, |_, _| 1.0_f32, |_| 0.0);
    let rows = Rows {
        count: 2,
        x_step: 2,
        y_step: usize::MAX,
    };
    Kernels::best().affine_rows(&matrix, &[0.0; 4], rows, Activation::Linear, &mut [0.0; 32]);
}

/// Binary16 as IEEE 754 defines it, in arithmetic instead of bits.
fn half_by_definition(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let fraction = f64::from(bits & 0x3ff) / 1024.0;
    sign * match bits >> 10 & 0x1f {
        0 => fraction * 2f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1.0 + fraction) * 2f64.powi(i32::from(exponent) - 15),
    }
}

#[test]
fn all_65536_half_size_numbers_widen_exactly() {
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    for bits in 0..=u16::MAX {
        let (found, expected) = (f64::from(F16(bits).to_f32()), half_by_definition(bits));
        assert!(same(found, expected), "{bits:#06x}: {found}, not {expected}");
        assert_eq!(
            F16(bits).to_f32().is_finite(),
            expected.is_finite(),
            "{bits:#06x}"
        );
    }
    // Through the matrix product of every instruction set: one input of 1, one output for each number.
    let matrix = Matrix::new(65_536, 1, |o, _| F16(o as u16), |_| 0.0);
    for (kernels, matrix) in all().flat_map(|k| [(k, matrix.clone()), (k, matrix.widened())]) {
        let mut y = vec![0.0; 65_536];
        kernels.affine(&matrix, &[1.0], 1, &mut y);
        for bits in 0..=u16::MAX {
            let (found, expected) = (f64::from(y[usize::from(bits)]), half_by_definition(bits));
            assert!(
                same(found, expected),
                "{:?}, {bits:#06x}: {found}",
                kernels.instructions()
            );
        }
    }
}

/// The worst error of `function` over `range`, relative where the result is larger than `floor`.
fn worst(
    kernels: Kernels,
    function: fn(Kernels, &mut [f32]),
    exact: fn(f64) -> f64,
    range: (f32, f32),
    floor: f64,
) -> f64 {
    let steps = 200_003; // not a multiple of sixteen
    let x: Vec<f32> = (0..steps)
        .map(|i| range.0 + (range.1 - range.0) * (i as f32 / (steps - 1) as f32))
        .collect();
    let mut y = x.clone();
    function(kernels, &mut y);
    let error = |(x, y): (&f32, &f32)| {
        let expected = exact(f64::from(*x));
        (f64::from(*y) - expected).abs() / expected.abs().max(floor)
    };
    x.iter()
        .zip(&y)
        .map(error)
        .fold(0.0, |max, e| if e <= max { max } else { e })
}

#[test]
fn smooth_functions_are_exact_to_a_few_units_in_the_last_place() {
    for kernels in all() {
        let check = |name: &str, error: f64, limit: f64| {
            println!("{:?} {name}: {error:.2e}", kernels.instructions());
            assert!(error <= limit, "{:?} {name}: {error:e}", kernels.instructions());
        };
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        check(
            "sigmoid",
            worst(kernels, Kernels::sigmoid, sigmoid, (-80.0, 80.0), 1e-37),
            3e-7,
        );
        check(
            "sigmoid near 0",
            worst(kernels, Kernels::sigmoid, sigmoid, (-3.0, 3.0), 1e-37),
            3e-7,
        );
        check("ln", worst(kernels, Kernels::ln, f64::ln, (1e-6, 4.0), 1.0), 2e-7);
        check(
            "ln of large numbers",
            worst(kernels, Kernels::ln, f64::ln, (4.0, 1e12), 1.0),
            2e-7,
        );
    }
}

#[test]
fn smooth_functions_stay_in_bounds_for_any_bits() {
    let mut random = Random(3);
    let mut wild: Vec<f32> = (0..100_000)
        .map(|_| f32::from_bits(random.bits() as u32))
        .collect();
    wild.extend([
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::MAX,
        f32::MIN,
        0.0,
        -0.0,
    ]);
    for kernels in all() {
        let (mut s, mut l) = (wild.clone(), wild.clone());
        kernels.sigmoid(&mut s);
        kernels.ln(&mut l);
        assert!(
            s.iter().all(|v| (0.0..=1.0).contains(v)),
            "{:?}",
            kernels.instructions()
        );
    }
}

#[test]
fn recurrence_agrees_with_its_formula_in_double_precision() {
    let mut random = Random(4);
    for units in [16, 48, 64, 96, 112] {
        let frames = 20;
        let weights: Vec<f32> = numbers(&mut random, 3 * units * units)
            .iter()
            .map(|w| w * 0.3)
            .collect();
        let bias = numbers(&mut random, 3 * units);
        let gates = numbers(&mut random, frames * 3 * units);
        let matrix = Matrix::new(3 * units, units, |o, k| weights[o * units + k], |o| bias[o]);

        let mut h = vec![0.0_f64; units];
        let mut expected = Vec::new();
        for gates in gates.chunks(3 * units) {
            let inner: Vec<f64> = (0..3 * units)
                .map(|o| {
                    f64::from(bias[o])
                        + (0..units)
                            .map(|k| f64::from(weights[o * units + k]) * h[k])
                            .sum::<f64>()
                })
                .collect();
            let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
            h = (0..units)
                .map(|unit| {
                    let at = |gate: usize| unit / PANEL * 3 * PANEL + gate * PANEL + unit % PANEL;
                    let g = |gate: usize| f64::from(gates[at(gate)]);
                    let r = sigmoid(g(0) + inner[at(0)]);
                    let z = sigmoid(g(1) + inner[at(1)]);
                    let n = (g(2) + r * inner[at(2)]).tanh();
                    n + z * (h[unit] - n)
                })
                .collect();
            expected.extend_from_slice(&h);
        }
        for kernels in all() {
            let (mut state, mut product) = (vec![0.0; units], vec![0.0; 3 * units]);
            let mut out = vec![1.0; frames * units];
            // In two calls: the state goes on from one to the next.
            let (first, second) = out.split_at_mut(7 * units);
            let (first_gates, second_gates) = gates.split_at(7 * 3 * units);
            kernels.gru(
                &matrix,
                Direction::Forward,
                first_gates,
                &mut state,
                &mut product,
                first,
            );
            kernels.gru(
                &matrix,
                Direction::Forward,
                second_gates,
                &mut state,
                &mut product,
                second,
            );
            for (found, expected) in out.iter().zip(&expected) {
                assert!(
                    (f64::from(*found) - 1.0 - expected).abs() < 2e-6,
                    "{:?}: {found}, not {expected}",
                    kernels.instructions()
                );
            }
        }
    }
}

#[test]
fn recurrence_of_many_rows_is_that_of_each_row() {
    let mut random = Random(5);
    let (units, rows, frames) = (32, 5, 9);
    let weights = numbers(&mut random, 3 * units * units);
    let bias = numbers(&mut random, 3 * units);
    let matrix = Matrix::new(3 * units, units, |o, k| weights[o * units + k] * 0.3, |o| bias[o]);
    let gates = numbers(&mut random, frames * rows * 3 * units);
    for kernels in all() {
        let mut together = vec![0.0; frames * rows * units];
        let (mut state, mut product) = (vec![0.0; rows * units], vec![0.0; rows * 3 * units]);
        kernels.gru(
            &matrix,
            Direction::Forward,
            &gates,
            &mut state,
            &mut product,
            &mut together,
        );
        for row in 0..rows {
            let mine = |all: &[f32], width: usize| -> Vec<f32> {
                let parts = all.chunks(width).skip(row).step_by(rows);
                parts.flatten().copied().collect()
            };
            let mut alone = vec![0.0; frames * units];
            let (mut state, mut product) = (vec![0.0; units], vec![0.0; 3 * units]);
            let gates = mine(&gates, 3 * units);
            kernels.gru(
                &matrix,
                Direction::Forward,
                &gates,
                &mut state,
                &mut product,
                &mut alone,
            );
            assert_eq!(mine(&together, units), alone, "{:?}", kernels.instructions());
        }
    }
}

#[test]
fn mixing_agrees_with_its_formula_in_double_precision() {
    let mut random = Random(6);
    for (positions, heads, panels) in [(1, 1, 1), (6, 2, 1), (13, 1, 2), (24, 3, 1)] {
        let channels = heads * panels * PANEL;
        let frame = positions * channels;
        let weights = numbers(&mut random, heads * positions * positions);
        let bias = numbers(&mut random, frame);
        let across = Mixer::new(
            positions,
            heads,
            panels,
            |head, p, q| weights[(head * positions + p) * positions + q],
            |p, c| bias[p * channels + c],
        );
        assert_eq!(across.frame(), frame);
        let (x, y) = (numbers(&mut random, 3 * frame), numbers(&mut random, 3 * frame));
        for kernels in all() {
            let mut found = y.clone();
            kernels.mix(&across, &x, &mut found);
            for (at, found) in found.iter().enumerate() {
                let (start, p, c) = (at / frame * frame, at % frame / channels, at % channels);
                let head = c / (panels * PANEL);
                let sum: f64 = (0..positions)
                    .map(|q| {
                        let weight = weights[(head * positions + p) * positions + q];
                        f64::from(weight) * f64::from(x[start + q * channels + c])
                    })
                    .sum();
                let expected = f64::from(y[at]) + f64::from(bias[p * channels + c]) + sum;
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-5,
                    "{:?}: {found}, not {expected}",
                    kernels.instructions()
                );
            }
        }
    }
}

#[test]
fn backward_recurrence_is_forward_recurrence_of_frames_in_reverse() {
    let mut random = Random(8);
    let (units, rows, frames) = (48, 3, 10);
    let weights = numbers(&mut random, 3 * units * units);
    let matrix = Matrix::new(3 * units, units, |o, k| weights[o * units + k] * 0.3, |_| 0.1);
    let gates = numbers(&mut random, frames * rows * 3 * units);
    let reversed =
        |x: &[f32], width: usize| -> Vec<f32> { x.chunks(width).rev().flatten().copied().collect() };
    for kernels in all() {
        let run = |direction, gates: &[f32]| {
            let mut out = vec![0.0; frames * rows * units];
            let (mut state, mut product) = (vec![0.0; rows * units], vec![0.0; rows * 3 * units]);
            kernels.gru(&matrix, direction, gates, &mut state, &mut product, &mut out);
            (out, state)
        };
        let (backward, last) = run(Direction::Backward, &gates);
        let (forward, state) = run(Direction::Forward, &reversed(&gates, rows * 3 * units));
        assert_eq!(
            (backward, last),
            (reversed(&forward, rows * units), state),
            "{:?}",
            kernels.instructions()
        );
    }
}
