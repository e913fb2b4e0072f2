//! The engine computes what the PyTorch reference computes, on every exported model.
//!
//! A model `NAME.safetensors` with a `golden.safetensors` beside it is compared: its tensor `input` holds samples, its
//! tensor `output` the clean spectrum `[frame][bin][re, im]` that `models/recipe/model.py` makes of their transform.
//! Models are looked for in `models/*/` and in the folders under `$AEDEN_REFERENCES`.

use aeden::engine::Engine;
use aeden::spectrum::Framing;
use aeden::{Cleaner, Complex32, Config, Context, Instructions, Model};
use realfft::RealFftPlanner;
use safetensors::SafeTensors;
use std::f64::consts::PI;
use std::path::{Path, PathBuf};

mod random_model;
use random_model::{difference, peak};

fn references() -> Vec<(PathBuf, PathBuf)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("models")];
    folders.extend(std::env::var_os("AEDEN_REFERENCES").map(PathBuf::from));
    let inside = |folder: PathBuf| {
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
    };
    let mut found = Vec::new();
    for folder in folders
        .into_iter()
        .flat_map(inside)
        .filter(|f| f.join("golden.safetensors").exists())
    {
        let name = folder.file_name().unwrap().to_str().unwrap();
        found.push((
            folder.join(format!("{name}.safetensors")),
            folder.join("golden.safetensors"),
        ));
    }
    found
}

fn numbers(file: &SafeTensors, name: &str) -> Vec<f32> {
    let tensor = file.tensor(name).unwrap();
    assert_eq!(tensor.dtype(), safetensors::Dtype::F32, "{name}");
    tensor
        .data()
        .as_chunks()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect()
}

/// The unnormalised transform of frames under the Vorbis window, one after another, in double precision.
fn transform(samples: &[f32], window: usize, hop: usize) -> Vec<Complex32> {
    // The window is rounded to `f32`, as that of the reference is.
    let taper = |n: usize| (PI / 2.0 * (PI * (n as f64 + 0.5) / window as f64).sin().powi(2)).sin() as f32;
    let taper: Vec<f64> = (0..window).map(|n| taper(n).into()).collect();
    let forward = RealFftPlanner::<f64>::new().plan_fft_forward(window);
    let mut spectra = Vec::new();
    for frame in samples.windows(window).step_by(hop) {
        let mut tapered: Vec<f64> = frame.iter().zip(&taper).map(|(x, w)| f64::from(*x) * w).collect();
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut tapered, &mut spectrum).unwrap();
        spectra.extend(spectrum.iter().map(|x| Complex32::new(x.re as f32, x.im as f32)));
    }
    spectra
}

#[test]
fn every_exported_model_agrees_with_the_pytorch_reference() {
    for (model, golden) in references() {
        let bytes = std::fs::read(&golden).unwrap();
        let golden = SafeTensors::deserialize(&bytes).unwrap();
        let expected = numbers(&golden, "output");
        let expected: Vec<_> = expected
            .chunks_exact(2)
            .map(|c| Complex32::new(c[0], c[1]))
            .collect();
        let reference = model.display().to_string();
        let transformed = |framing: &Framing| {
            let noisy = transform(&numbers(&golden, "input"), framing.window, framing.hop);
            assert_eq!(
                noisy.len(),
                expected.len(),
                "{reference}: frames of input and output"
            );
            noisy
        };
        let model = Model::from_bytes_in_f32(&std::fs::read(&model).unwrap()).unwrap();
        let noisy = transformed(model.framing());
        let mut clean = noisy.clone();
        model.clean_spectra(&mut clean).unwrap();
        let error = difference(&clean, &expected) / peak(&expected);
        println!("{reference}: {error:.2e}");
        assert!(error <= 1e-5, "{reference}: {error:e} of the peak");
        if model.looks_ahead() {
            continue;
        }
        let framing = model.framing().clone();
        for instructions in Instructions::available() {
            for most in [1, 32] {
                let mut engine = model
                    .native(1)
                    .unwrap()
                    .with_frames(most)
                    .with_instructions(instructions)
                    .unwrap();
                let mut clean = noisy.clone();
                for (part, guide) in clean
                    .chunks_mut(most * (framing.window / 2 + 1))
                    .zip(noisy.chunks(most * (framing.window / 2 + 1)))
                {
                    engine.process(guide, part);
                }
                let error = difference(&clean, &expected) / peak(&expected);
                println!("{reference}, {instructions:?}, {most} frames a call: {error:.2e}");
                assert!(
                    error <= 1e-5,
                    "{reference}: {instructions:?}, {most} frames a call: {error:e} of the peak"
                );
            }
        }
    }
}

#[test]
fn whole_numbers_change_a_cleaned_recording_by_less_than_33_db_below_it() {
    let mut file = hound::WavReader::open("tests/fixtures/noisy.wav").unwrap();
    let rate = file.spec().sample_rate;
    let noisy: Vec<f32> = file
        .samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32768.0)
        .collect();
    for (path, _) in references() {
        let bytes = std::fs::read(&path).unwrap();
        let cleaned = |model: Model| {
            let context = if model.looks_ahead() {
                Context::LookAhead
            } else {
                Context::LeadIn
            };
            let mut cleaner = Cleaner::with_model(&model, context, &Config::new(rate, 1)).unwrap();
            let mut output = vec![Vec::new()];
            cleaner.push(&[&noisy], &mut output);
            cleaner.finish(&mut output);
            output.remove(0)
        };
        let in_f32 = cleaned(Model::from_bytes_in_f32(&bytes).unwrap());
        let in_whole_numbers = cleaned(Model::from_bytes(&bytes).unwrap());
        let energy = |x: f64, y: &f32| x + f64::from(*y).powi(2);
        let wrong: Vec<f32> = in_f32.iter().zip(in_whole_numbers).map(|(a, b)| a - b).collect();
        let db = 10.0 * (wrong.iter().fold(0.0, energy) / in_f32.iter().fold(0.0, energy)).log10();
        println!("{}: {db:.1} dB", path.display());
        assert!(db < -33.0, "{}: {db} dB", path.display());
    }
}
