//! Models other than the built-in one, and the program that runs them.

use crate::recordings::{Folder, fixture, noise_file, samples16};

fn with_input() -> Folder {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(2, 48_000, 20_000));
    folder
}

#[test]
fn a_model_file_takes_the_place_of_the_built_in_model() {
    let folder = with_input();
    let model = fixture("small/small.safetensors");
    folder
        .aeden(&format!("clean in.wav a.wav --model {model}"))
        .quietly();
    folder
        .aeden(&format!("clean in.wav b.wav --model {model} --engine native"))
        .quietly();
    folder.aeden("clean in.wav c.wav").quietly();
    assert!(folder.read("a.wav") == folder.read("b.wav"));
    assert!(folder.read("a.wav") != folder.read("c.wav"));
    folder.aeden(&format!("inspect in.wav --model {model}")).quietly();
}

#[test]
fn linked_channels_share_a_mask_and_independent_ones_do_not() {
    let folder = with_input();
    let model = fixture("small/small.safetensors");
    for channels in ["linked", "independent"] {
        folder
            .aeden(&format!(
                "clean in.wav {channels}.wav --channels {channels} --model {model}"
            ))
            .quietly();
    }
    folder
        .aeden(&format!("clean in.wav default.wav --model {model}"))
        .quietly();
    assert!(folder.read("linked.wav") == folder.read("default.wav"));
    assert!(folder.read("linked.wav") != folder.read("independent.wav"));
}

#[test]
fn the_limit_and_the_mix_bring_the_output_nearer_to_the_input() {
    let folder = with_input();
    let model = fixture("small/small.safetensors");
    let input = samples16(&folder.read("in.wav"));
    let mut distances = Vec::new();
    for option in ["--mix 1", "--limit 6", "--mix 0.1", "--limit 0", "--mix 0"] {
        folder
            .aeden(&format!("clean in.wav out.wav {option} --model {model} -y"))
            .quietly();
        let output = samples16(&folder.read("out.wav"));
        let squares = input
            .iter()
            .zip(&output)
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        distances.push(squares.sum::<f64>());
    }
    assert!(
        distances
            .windows(2)
            .all(|pair| pair[0] > pair[1] || pair == [0.0, 0.0]),
        "{distances:?}"
    );
    assert_eq!(distances[3..], [0.0, 0.0]);
}

#[test]
fn an_engine_that_cannot_run_a_model_says_what_to_do() {
    let folder = with_input();
    let onnx = fixture("small/small.onnx");
    folder
        .aeden(&format!("clean in.wav --model {onnx} --engine native"))
        .failed(3, "safetensors");
    assert_eq!(folder.names(), ["in.wav"]);
}

#[test]
fn the_best_quality_has_networks_of_its_own_kind() {
    let folder = with_input();
    let studio = format!("{}/../models/best/best.safetensors", env!("CARGO_MANIFEST_DIR"));
    folder.aeden("clean in.wav a.wav --quality best").quietly();
    folder
        .aeden(&format!("clean in.wav b.wav --quality best --model {studio}"))
        .quietly();
    assert!(folder.read("a.wav") == folder.read("b.wav"));
    // A model of the user's own runs as it can, unless a quality is asked for.
    folder
        .aeden(&format!("clean in.wav b.wav -y --model {studio}"))
        .quietly();
    assert!(folder.read("a.wav") == folder.read("b.wav"));
    let small = fixture("small/small.safetensors");
    for (arguments, told) in [
        (format!("--quality best --model {small}"), "both_ways"),
        ("--quality best --engine onnxruntime".to_owned(), "--quality best"),
        (format!("--quality high --model {studio}"), "quality best"),
        (format!("--streaming --model {studio}"), "streams"),
        ("--quality best --streaming".to_owned(), "--quality high"),
    ] {
        folder
            .aeden(&format!("clean in.wav c.wav {arguments}"))
            .failed(3, told);
    }
    assert_eq!(folder.names(), ["a.wav", "b.wav", "in.wav"]);
    let described = folder.aeden(&format!("models {studio}")).quietly().stdout();
    assert!(described.contains("for recordings"), "{described}");
}

#[cfg(not(feature = "onnx"))]
#[test]
fn without_onnx_runtime_the_program_says_how_to_get_it() {
    let folder = with_input();
    let onnx = fixture("small/small.onnx");
    folder
        .aeden(&format!("clean in.wav --model {onnx}"))
        .failed(3, "--features onnx");
}

#[cfg(feature = "onnx")]
mod onnx_runtime {
    use super::*;

    #[test]
    fn no_library_is_told_in_one_line() {
        let folder = with_input();
        let model = fixture("small/small.onnx");
        let mut command = folder.command(["clean", "in.wav", "--model", &model]);
        let output = command
            .env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.lines().count() == 1 && stderr.contains("/nowhere/libonnxruntime.so"),
            "{stderr}"
        );
        assert_eq!(folder.names(), ["in.wav"]);
    }

    #[test]
    fn both_engines_give_the_same_sound() {
        // One channel: with several, a network that hides its filters can only be carried over approximately.
        let folder = Folder::new();
        folder.write("in.wav", &std::fs::read(fixture("noisy.wav")).unwrap());
        if !has_library() {
            return;
        }
        let small = |ending| format!("--model {}", fixture(&format!("small/small.{ending}")));
        for (by_runtime, native) in [
            ("--engine onnxruntime".to_owned(), "--quality high".to_owned()),
            (small("onnx"), small("safetensors")),
        ] {
            for (out, model) in [("a.wav", by_runtime), ("b.wav", native)] {
                folder
                    .aeden(format!("clean in.wav {out} -y --bits 32f {model}").trim_end())
                    .quietly();
            }
            let [a, b] = ["a.wav", "b.wav"].map(|name| crate::recordings::samples32f(&folder.read(name)));
            // The native engine runs in whole numbers, ONNX Runtime in f32: tests/onnx.rs compares both in f32.
            let energy = |sum: f32, x: f32| sum + x * x;
            let apart = a.iter().zip(&b).map(|(a, b)| a - b).fold(0.0, energy);
            let ratio = apart / b.iter().copied().fold(0.0, energy);
            assert!(ratio < 1e-3, "{ratio}");
        }
    }

    #[test]
    fn foreign_onnx_files_are_refused_in_one_line() {
        let folder = with_input();
        if !has_library() {
            return;
        }
        folder.write("broken.onnx", b"\x08\x07rubbish");
        for model in [
            "onnx/foreign-input.onnx",
            "onnx/no-metadata.onnx",
            "onnx/wrong-bins.onnx",
        ] {
            folder
                .aeden(&format!("clean in.wav --model {}", fixture(model)))
                .failed(3, model);
        }
        folder
            .aeden("clean in.wav --model broken.onnx")
            .failed(3, "broken.onnx");
        assert_eq!(folder.names(), ["broken.onnx", "in.wav"]);
    }

    fn has_library() -> bool {
        let found = aeden::onnx::load_library(None);
        if let Err(e) = &found {
            println!("skipped: {e}");
        }
        found.is_ok()
    }
}
