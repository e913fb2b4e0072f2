//! The engine of the family computes what PyTorch computes, from samples on, with every kind that ships.
//!
//! `models/family/NAME.golden.safetensors` holds samples, and what `models/recipe/family.py` makes of them: standardised
//! log powers, codes and reconstructions of every eighth patch, and the description of the whole sound.

use aeden::Instructions;
use aeden::autoencoder::{Autoencoder, Listener};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

fn models() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/family");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let goldens = files.filter(|path| path.to_str().unwrap().ends_with(".golden.safetensors"));
    goldens
        .map(|path| path.to_str().unwrap().replace(".golden.", ".").into())
        .collect()
}

fn numbers(file: &SafeTensors, name: &str) -> Vec<f32> {
    let data = file.tensor(name).unwrap().data();
    data.as_chunks()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b))
        .collect()
}

/// The largest difference, relative to the largest number, and at least 1.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(1.0f32, |m, x| m.max(x.abs()));
    a.iter().zip(b).fold(0.0f32, |m, (x, y)| m.max((x - y).abs())) / largest
}

#[test]
fn what_is_seen_encoded_and_decoded_is_what_pytorch_computes() {
    let models = models();
    assert!(!models.is_empty());
    for path in models {
        let golden = std::fs::read(
            path.to_str()
                .unwrap()
                .replace(".safetensors", ".golden.safetensors"),
        )
        .unwrap();
        let golden = SafeTensors::deserialize(&golden).unwrap();
        for instructions in Instructions::available() {
            let model = Autoencoder::open(&path)
                .unwrap()
                .with_instructions(instructions)
                .unwrap();
            let mut listener = Listener::new(model.view(), model.view().framing.rate).unwrap();
            numbers(&golden, "input")
                .chunks(1000)
                .for_each(|x| listener.push(x));
            let mut seen = listener.finish();
            model.standardise(&mut seen);
            let close = |name: &str, computed: &[f32]| {
                let off = difference(computed, &numbers(&golden, name));
                assert!(off <= 1e-5, "{} {instructions:?} {name}: {off:e}", path.display());
            };
            let off = difference(&seen, &numbers(&golden, "seen"));
            assert!(
                off <= 1e-4,
                "{} {instructions:?} log powers: {off:e}",
                path.display()
            );
            let codes = model.encode(&model.patches(&numbers(&golden, "seen"), 8));
            close("code", &codes);
            close("output", &model.decode(&numbers(&golden, "code")));
            // Models for jobs that describe no sounds come without.
            if golden.tensor("sound").is_ok() {
                close("sound", &model.describe(&numbers(&golden, "seen")));
            }
        }
    }
}

#[test]
fn files_that_are_no_such_model_are_errors() {
    let path = &models()[0];
    let whole = std::fs::read(path).unwrap();
    for length in [0, 7, 100, whole.len() - 1] {
        assert!(Autoencoder::from_bytes(&whole[..length]).is_err());
    }
    let mut random = 1u32;
    for _ in 0..300 {
        let mut damaged = whole[..4000.min(whole.len())].to_vec();
        damaged.extend_from_slice(&whole[4000.min(whole.len())..]);
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let at = random as usize % 3000;
        damaged[at] ^= 1 << (random >> 29);
        let _ = Autoencoder::from_bytes(&damaged); // must not panic
    }
    let denoiser =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/light/light.safetensors")).unwrap();
    let problem = Autoencoder::from_bytes(&denoiser).unwrap_err().to_string();
    assert!(problem.contains("its kind is \"denoising\""), "{problem}");
}
