//! The short-time Fourier transform, a frame of the network, and a second of sound in each quality.
//!
//! `cargo bench --bench denoiser`
#![expect(missing_docs, reason = "criterion's macros make public functions")]

use aeden::engine::Engine;
use aeden::spectrum::{Framing, Stft};
use aeden::{Cleaner, Complex32, Config, Context, Denoiser, Model};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const RATE: u32 = 48_000;

/// Noise without end.
fn noise(len: usize) -> Vec<f32> {
    let mut seed = 1_u32;
    let next = |_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        0.1 * (seed >> 8) as f32 / (1 << 23) as f32 - 0.1
    };
    (0..len).map(next).collect()
}

fn transforms(c: &mut Criterion) {
    for (window, hop) in [(960, 480), (1536, 768)] {
        let framing = Framing {
            window,
            hop,
            ..Framing::default()
        };
        let stft = Stft::new(&framing).unwrap();
        let (mut analysis, mut synthesis, mut spectrum) =
            (stft.analysis(), stft.synthesis(), stft.spectrum());
        let (samples, mut out) = (noise(hop), vec![0.0; hop]);
        c.bench_function(&format!("stft, there and back, window {window}"), |b| {
            b.iter(|| {
                analysis.frame(black_box(&samples), &mut spectrum);
                synthesis.frame(&spectrum, &mut out);
            })
        });
    }
}

fn frames(c: &mut Criterion) {
    let model = Model::light();
    let bins = model.framing().bins();
    for count in [1, 16] {
        let spectra: Vec<Complex32> = noise(2 * count * bins)
            .chunks(2)
            .map(|pair| Complex32::new(pair[0], pair[1]))
            .collect();
        let mut engine = model.native(1).unwrap().with_frames(count);
        let mut out = spectra.clone();
        let mut group = c.benchmark_group("network");
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("{count} frames a call"), |b| {
            b.iter(|| {
                out.copy_from_slice(&spectra);
                engine.process(black_box(&spectra), &mut out)
            })
        });
    }
}

fn seconds(c: &mut Criterion) {
    let second = noise(RATE as usize);
    let mut group = c.benchmark_group("a second of mono");
    group.sample_size(10);

    let mut denoiser = Denoiser::new(RATE, 1).unwrap();
    group.bench_function("stream, blocks of 10 ms", |b| {
        b.iter(|| {
            let mut sound = second.clone();
            sound
                .chunks_mut(480)
                .for_each(|block| denoiser.process(&mut [block]));
        })
    });
    // Long enough that the start and the context of parts do not count.
    for (context, model, seconds) in [
        (Context::LeadIn, Model::light(), 60),
        (Context::LookAhead, Model::best(), 20),
    ] {
        let sound = noise(seconds * RATE as usize);
        let mut cleaner = Cleaner::with_model(&model, context, &Config::new(RATE, 1)).unwrap();
        group.throughput(Throughput::Elements(seconds as u64));
        group.bench_function(format!("{context:?}, {seconds} of them"), |b| {
            b.iter(|| {
                let mut cleaned = vec![Vec::new()];
                for block in sound.chunks(1 << 16) {
                    cleaner.push(&[block], &mut cleaned);
                }
                cleaner.finish(&mut cleaned);
            })
        });
    }
}

criterion_group!(benches, transforms, frames, seconds);
criterion_main!(benches);
