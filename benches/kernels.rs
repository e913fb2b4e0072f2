//! The kernels of every instruction set, at the sizes of the built-in networks.
//!
//! `cargo bench --bench kernels`
#![expect(missing_docs, reason = "criterion's macros make public functions")]

#[path = "../src/kernels/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the crate uses the rest")]
mod kernels;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kernels::{Direction, Instructions, Kernels, Matrix, Mixer, PANEL, Rows};
use std::hint::black_box;

/// Sub-bands and frames that go through a layer together.
const SUB_BANDS: usize = 32;
const FRAMES: usize = 8;

fn products(c: &mut Criterion) {
    for channels in [48, 96] {
        let matrix = Matrix::new(
            3 * channels,
            channels,
            |o, k| ((o + k) % 7) as f32 * 0.01,
            |_| 0.0,
        );
        let mut group = c.benchmark_group(format!("affine, {channels} channels"));
        for rows in [1, SUB_BANDS * FRAMES] {
            let (x, mut y) = (
                vec![0.5; rows * channels],
                vec![0.0; rows * matrix.padded_outputs()],
            );
            group.throughput(Throughput::Elements((rows * 3 * channels * channels) as u64));
            for set in Instructions::available() {
                let kernels = Kernels::new(set).unwrap();
                group.bench_function(format!("{set:?}, {rows} rows"), |b| {
                    b.iter(|| kernels.affine(&matrix, black_box(&x), rows, &mut y))
                });
            }
        }
    }
}

fn recurrence(c: &mut Criterion) {
    for channels in [48, 96] {
        let matrix = Matrix::new(
            3 * channels,
            channels,
            |o, k| ((o + k) % 7) as f32 * 0.01,
            |_| 0.0,
        );
        let width = SUB_BANDS * channels;
        let gates = vec![0.1; FRAMES * 3 * width];
        let mut group = c.benchmark_group(format!("gru, {channels} channels, {FRAMES} frames"));
        group.throughput(Throughput::Elements((FRAMES * width * 3 * channels) as u64));
        for set in Instructions::available() {
            let kernels = Kernels::new(set).unwrap();
            for direction in [Direction::Forward, Direction::Backward] {
                let (mut state, mut product, mut out) =
                    (vec![0.0; width], vec![0.0; 3 * width], vec![0.0; FRAMES * width]);
                group.bench_function(format!("{set:?}, {direction:?}"), |b| {
                    b.iter(|| {
                        kernels.gru(
                            &matrix,
                            direction,
                            black_box(&gates),
                            &mut state,
                            &mut product,
                            &mut out,
                        )
                    })
                });
            }
        }
    }
}

fn mixing(c: &mut Criterion) {
    let panels = 3;
    let mixer = Mixer::new(
        SUB_BANDS,
        1,
        panels,
        |_, o, k| ((o + k) % 5) as f32 * 0.01,
        |_, _| 0.0,
    );
    let x = vec![0.1; FRAMES * SUB_BANDS * panels * PANEL];
    let mut y = vec![0.0; x.len()];
    let mut group = c.benchmark_group(format!("mix, {} channels, {FRAMES} frames", panels * PANEL));
    group.throughput(Throughput::Elements((x.len() * SUB_BANDS) as u64));
    for set in Instructions::available() {
        let kernels = Kernels::new(set).unwrap();
        group.bench_function(format!("{set:?}"), |b| {
            b.iter(|| kernels.mix(&mixer, black_box(&x), &mut y))
        });
    }
}

fn functions(c: &mut Criterion) {
    let mut group = c.benchmark_group("functions of 1024 numbers");
    for set in Instructions::available() {
        let kernels = Kernels::new(set).unwrap();
        let mut values = vec![0.7; 1024];
        group.bench_function(format!("sigmoid, {set:?}"), |b| {
            b.iter(|| kernels.sigmoid(black_box(&mut values)))
        });
        let mut values = vec![1.3; 1024];
        group.bench_function(format!("ln, {set:?}"), |b| {
            b.iter(|| {
                values.fill(1.3);
                kernels.ln(black_box(&mut values))
            })
        });
    }
}

/// Rows that lie apart, as in the input and output layers.
fn rows_apart(c: &mut Criterion) {
    let matrix = Matrix::new(48, 96, |o, k| ((o + k) % 7) as f32 * 0.01, |_| 0.0);
    let rows = Rows {
        y_step: SUB_BANDS * 48,
        ..Rows::of(&matrix, FRAMES)
    };
    let (x, mut y) = (vec![0.5; FRAMES * 96], vec![0.0; FRAMES * SUB_BANDS * 48]);
    c.bench_function("affine, rows apart", |b| {
        b.iter(|| {
            let relu = kernels::Activation::Relu;
            Kernels::best().affine_rows(&matrix, black_box(&x), rows, relu, &mut y)
        })
    });
}

criterion_group!(benches, products, recurrence, mixing, functions, rows_apart);
criterion_main!(benches);
