//! Model files with random weights, made on the fly.
#![allow(dead_code)] // every test file uses its own part

mod random;
pub use random::Random;

use realfft::num_complex::Complex32;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// One tensor of a file.
#[derive(Clone)]
pub struct Tensor {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// A model file in parts, to be changed and then written.
#[derive(Clone)]
pub struct ModelFile {
    pub description: Value,
    pub tensors: BTreeMap<String, Tensor>,
}

/// A small network for quick tests: a window of 64 samples, 1 + 2 recurrent layers, odd sizes.
pub fn small_settings() -> Value {
    json!({
        "rate": 48_000, "window": 64, "hop": 32, "channels": 18, "low_positions": 3, "high_positions": 3, "heads": 2,
        "encoder_layers": 1, "decoder_layers": 2, "coherent_bins": 9, "filter_bins": 12, "filter_taps": 3,
        "level_first_bin": 1, "level_last_bin": 20, "level_smoothing": 0.05, "silence": 1e-8,
        "floor_up": 0.01, "floor_down": 0.08,
        "band_steps": [[1, 8], [2, 4], [5, 3]],
    })
}

/// A network for streams with frames of 32 ms: a window of 1,536 samples, 3 + 3 recurrent layers, 5 filter taps.
pub fn long_frames() -> Value {
    json!({
        "rate": 48_000, "window": 1536, "hop": 768, "channels": 16, "low_positions": 8, "high_positions": 8, "heads": 2,
        "encoder_layers": 3, "decoder_layers": 3, "coherent_bins": 64, "filter_bins": 96, "filter_taps": 5,
        "level_first_bin": 2, "level_last_bin": 200, "level_smoothing": 0.05, "silence": 1e-8,
        "floor_up": 0.01, "floor_down": 0.08,
        "band_steps": [[1, 64], [2, 20], [4, 20], [8, 30], [16, 40]],
    })
}

/// A small network that runs both ways over so many grids, with random weights, or one that lets everything pass.
pub fn looking_ahead(identity: bool, grids: usize) -> ModelFile {
    let mut settings = small_settings();
    settings["both_ways"] = true.into();
    settings["grids"] = grids.into();
    settings["filter_ahead"] = 1.into();
    let mut file = ModelFile::random(settings, Dtype::F32, 3);
    if identity {
        file.let_pass();
    }
    file
}

/// The binary16 number nearest to a number of ordinary size.
fn to_f16(value: f32) -> u16 {
    let scaled = value.abs() * 2f32.powi(-112); // subnormal numbers of f32 then end in those of binary16
    let bits = scaled.to_bits();
    let rounded = (bits + 0xfff + (bits >> 13 & 1)) >> 13;
    rounded as u16 | if value.is_sign_negative() { 0x8000 } else { 0 }
}

impl ModelFile {
    /// Random weights of a size that keeps every layer alive, biases in F32 and weights in `dtype`.
    pub fn random(settings: Value, dtype: Dtype, seed: u64) -> ModelFile {
        let get = |key: &str| settings[key].as_u64().unwrap() as usize;
        let nyquist = get("window") / 2;
        let mut centres = vec![0];
        for step in settings["band_steps"].as_array().unwrap() {
            for _ in 0..step[1].as_u64().unwrap() {
                centres.push(centres[centres.len() - 1] + step[0].as_u64().unwrap() as usize);
            }
        }
        let bands = centres.iter().filter(|&&c| c < nyquist).count() + 1;
        let (low, high, channels, heads) = (
            get("low_positions"),
            get("high_positions"),
            get("channels"),
            get("heads"),
        );
        let (positions, coherent) = (low + high, get("coherent_bins"));
        let most_bands = (coherent / low).max((bands - coherent).div_ceil(high));
        let coefficients = 2 * get("filter_taps") * get("filter_bins") / low;

        let mut random = Random(seed);
        let mut tensors = BTreeMap::new();
        let mut add = |name: &str, dtype: Dtype, shape: Vec<usize>, size: f32| {
            let values = (0..shape.iter().product()).map(|_| random.number() * size);
            let bytes = match dtype {
                Dtype::F16 => values.flat_map(|v| to_f16(v).to_le_bytes()).collect(),
                _ => values.flat_map(f32::to_le_bytes).collect(),
            };
            tensors.insert(name.to_owned(), Tensor { dtype, shape, bytes });
        };
        let mut affine = |name: &str, weights: Vec<usize>, size: f32| {
            let (inputs, outputs) = (weights[weights.len() - 1], weights[..weights.len() - 1].to_vec());
            add(
                &format!("{name}.weight"),
                dtype,
                weights,
                size / (inputs as f32).sqrt(),
            );
            add(&format!("{name}.bias"), Dtype::F32, outputs, 0.3);
        };
        affine("encode", vec![positions, channels, 8 * coherent / low], 1.5);
        affine("gains", vec![positions, most_bands, channels], 1.0);
        affine("filters", vec![low, coefficients, channels], 0.3);
        let encoder = (0..2 * get("encoder_layers") + 1).map(|i| (format!("encoder.{i}"), i % 2 == 1));
        let decoder = (0..2 * get("decoder_layers")).map(|i| (format!("decoder.{i}"), i % 2 == 0));
        let layers: Vec<(String, bool)> = encoder.chain(decoder).collect();
        for (layer, recurrent) in &layers {
            if *recurrent {
                let both = settings["both_ways"].as_bool() == Some(true);
                let ways: &[&str] = if both { &["before.", "after."] } else { &[""] };
                for way in ways {
                    affine(&format!("{layer}.{way}input"), vec![3 * channels, channels], 1.5);
                    affine(&format!("{layer}.{way}state"), vec![3 * channels, channels], 1.5);
                }
            } else {
                affine(&format!("{layer}.channels"), vec![channels, channels], 1.5);
            }
        }
        for (layer, _) in layers.iter().filter(|(_, recurrent)| !recurrent) {
            let size = 1.0 / (positions as f32).sqrt();
            add(
                &format!("{layer}.across"),
                dtype,
                vec![heads, positions, positions],
                size,
            );
            add(
                &format!("{layer}.bias"),
                Dtype::F32,
                vec![positions, channels],
                0.3,
            );
        }
        add("rise", Dtype::F32, vec![bands], 1.0);
        let description = json!({
            "format": 2, "name": "random", "kind": "denoising", "settings": settings, "note": "ignored"
        });
        ModelFile { description, tensors }
    }

    /// Sets all numbers of an F32 tensor.
    pub fn fill(&mut self, name: &str, value: f32) {
        let tensor = self.tensors.get_mut(name).unwrap();
        assert_eq!(tensor.dtype, Dtype::F32);
        tensor.bytes = value.to_le_bytes().repeat(tensor.bytes.len() / 4);
    }

    /// Makes the network let everything pass; all its tensors must be F32.
    pub fn let_pass(&mut self) {
        for name in ["gains.weight", "rise", "filters.weight", "filters.bias"] {
            self.fill(name, 0.0);
        }
        self.fill("gains.bias", 40.0);
    }

    /// The file's contents.
    pub fn bytes(&self) -> Vec<u8> {
        let views = self
            .tensors
            .iter()
            .map(|(name, t)| (name, TensorView::new(t.dtype, t.shape.clone(), &t.bytes).unwrap()));
        let metadata = HashMap::from([("aeden".to_owned(), self.description.to_string())]);
        safetensors::serialize(views, Some(metadata)).unwrap()
    }
}

/// Noise-like spectra, `[frame][bin]`, of changing loudness, with a stretch of silence.
pub fn spectra(frames: usize, bins: usize, seed: u64) -> Vec<Complex32> {
    let mut random = Random(seed);
    let mut out = Vec::new();
    for frame in 0..frames {
        let loudness = if frame % 17 == 5 {
            0.0
        } else {
            3f32.powf(random.number() * 3.0)
        };
        out.extend((0..bins).map(|_| Complex32::new(random.number(), random.number()) * loudness));
    }
    out
}

/// Largest |a − b|, and an infinite one where the lengths differ or a number is missing.
pub fn difference(a: &[Complex32], b: &[Complex32]) -> f32 {
    if a.len() != b.len() {
        return f32::INFINITY;
    }
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).norm())
        .fold(0.0, |max, d| if d <= max { max } else { d })
}

/// Largest |a|.
pub fn peak(a: &[Complex32]) -> f32 {
    a.iter().map(|a| a.norm()).fold(0.0, f32::max)
}
