//! A model file is not trusted: whatever is wrong with it is told in one line, and nothing panics.

use aeden::engine::Engine;
use aeden::{Complex32, Error, Model};
use safetensors::Dtype;
use serde_json::{Value, json};

mod random_model;
use random_model::{ModelFile, Random, small_settings};

fn file() -> ModelFile {
    ModelFile::random(small_settings(), Dtype::F16, 1)
}

/// The error of a file that must be refused, which must be one line and hold all of `parts`.
fn refused(bytes: &[u8], parts: &[&str]) {
    let text = match Model::from_bytes(bytes) {
        Ok(_) => panic!("accepted; expected an error with {parts:?}"),
        Err(error @ (Error::Model(_) | Error::Format { .. })) => error.to_string(),
        Err(other) => panic!("{other:?} is not a model error"),
    };
    assert!(!text.contains('\n'), "{text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// The file after a change.
fn changed(change: impl FnOnce(&mut ModelFile)) -> Vec<u8> {
    let mut file = file();
    change(&mut file);
    file.bytes()
}

/// The file with one setting changed.
fn with_setting(name: &str, value: Value) -> Vec<u8> {
    changed(|f| f.description["settings"][name] = value)
}

#[test]
fn a_missing_tensor_is_named() {
    for name in file().tensors.keys() {
        refused(&changed(|f| drop(f.tensors.remove(name))), &[name, "missing"]);
    }
}

#[test]
fn a_wrong_shape_is_named_with_both_shapes() {
    for (name, tensor) in file().tensors {
        let shape = [tensor.shape.iter().product()];
        let bytes = changed(|f| f.tensors.get_mut(&name).unwrap().shape = [&[1], &shape[..]].concat());
        refused(
            &bytes,
            &[
                &name,
                "expected shape",
                &format!("{:?}", tensor.shape),
                &format!("[1, {}]", shape[0]),
            ],
        );
    }
}

#[test]
fn a_wrong_type_is_named() {
    for (name, tensor) in file().tensors {
        let (dtype, size) = if tensor.shape.len() == 1 {
            (Dtype::F16, 2)
        } else {
            (Dtype::F64, 8)
        };
        let bytes = changed(|f| {
            let t = f.tensors.get_mut(&name).unwrap();
            t.dtype = dtype;
            t.bytes = vec![0; tensor.shape.iter().product::<usize>() * size];
        });
        refused(&bytes, &[&name, "F32", &dtype.to_string()]);
    }
}

#[test]
fn weights_that_are_not_finite_are_refused() {
    for (name, tensor) in file().tensors {
        let bad: &[&[u8]] = match tensor.dtype {
            Dtype::F16 => &[&[0x00, 0x7c], &[0x01, 0xfe]],
            _ => &[&[0, 0, 0x80, 0xff], &[0, 0, 0xc0, 0x7f]],
        };
        for bad in bad {
            let bytes =
                changed(|f| f.tensors.get_mut(&name).unwrap().bytes[..bad.len()].copy_from_slice(bad));
            refused(&bytes, &[&name, "finite"]);
        }
    }
}

#[test]
fn a_tensor_too_many_is_named() {
    let extra = file().tensors["decoder.0.input.bias"].clone();
    refused(
        &changed(|f| drop(f.tensors.insert("decoder.7.input.bias".into(), extra))),
        &["decoder.7", "unexpected"],
    );
}

#[test]
fn settings_out_of_range_are_named_with_the_range() {
    for (name, value) in [
        ("rate", json!(0)),
        ("rate", json!(4_000_000_000_u32)),
        ("window", json!(0)),
        ("window", json!(65)),
        ("window", json!(32_768)),
        ("hop", json!(0)),
        ("hop", json!(31)),
        ("channels", json!(0)),
        ("channels", json!(1_000_000_000)),
        ("low_positions", json!(0)),
        ("low_positions", json!(2)),
        ("low_positions", json!(257)),
        ("high_positions", json!(0)),
        ("high_positions", json!(9)),
        ("encoder_layers", json!(17)),
        ("decoder_layers", json!(u64::MAX)),
        ("heads", json!(0)),
        ("heads", json!(5)),
        ("coherent_bins", json!(0)),
        ("coherent_bins", json!(34)),
        ("filter_bins", json!(34)),
        ("filter_taps", json!(0)),
        ("filter_taps", json!(33)),
        ("level_last_bin", json!(33)),
        ("level_first_bin", json!(21)),
        ("level_smoothing", json!(-0.1)),
        ("level_smoothing", json!(1.5)),
        ("floor_up", json!(2)),
        ("floor_down", json!(-1)),
        ("silence", json!(0.0)),
        ("silence", json!(1e300)),
        ("band_steps", json!([[0, 4]])),
        ("band_steps", json!(vec![[1, 1]; 65])),
        ("band_steps", json!([[1, 7], [2, 9]])),
    ] {
        refused(&with_setting(name, value.clone()), &[name, "expected", "found"]);
    }
}

#[test]
fn settings_of_another_type_are_refused() {
    for (name, value) in [
        ("channels", json!(-3)),
        ("channels", json!("many")),
        ("window", json!(64.5)),
        ("level_smoothing", json!(null)),
        ("band_steps", json!([[1, 2, 3]])),
        ("band_steps", json!(7)),
    ] {
        refused(&with_setting(name, value), &["settings"]);
    }
    refused(
        &changed(|f| {
            drop(
                f.description["settings"]
                    .as_object_mut()
                    .unwrap()
                    .remove("channels"),
            )
        }),
        &["channels"],
    );
}

#[test]
fn band_counts_beyond_all_memory_stop_at_the_nyquist_bin() {
    // One band per bin, however many are asked for: then the tensors have the wrong shape.
    let endless = with_setting("band_steps", json!([[1, u64::MAX]]));
    refused(&endless, &["gains.weight", "[6, 8, 18]", "[6, 3, 18]"]);
    let wide = with_setting("band_steps", json!([[1, 8], [u64::MAX, u64::MAX]]));
    refused(&wide, &["high_positions"]);
}

#[test]
fn padding_does_not_multiply_memory() {
    // Heads of one channel take sixteen times the channels in memory, and 256 times the weights.
    let mut settings = small_settings();
    settings["channels"] = json!(300);
    settings["heads"] = json!(300);
    refused(
        &ModelFile::random(settings, Dtype::F16, 1).bytes(),
        &["weights", "padding"],
    );
}

#[test]
fn another_format_or_kind_is_refused() {
    refused(
        &changed(|f| f.description["format"] = json!(3)),
        &["format 3", "reads 2"],
    );
    refused(
        &changed(|f| f.description["kind"] = json!("sparse")),
        &["denoising", "sparse"],
    );
    refused(&changed(|f| f.description = json!("text")), &["aeden"]);
    refused(&changed(|f| f.description = json!({})), &["format"]);
    let bare = safetensors::serialize(Vec::<(String, safetensors::tensor::TensorView)>::new(), None).unwrap();
    refused(&bare, &["aeden", "metadata"]);
}

#[test]
fn cut_and_foreign_files_are_refused() {
    let whole = file().bytes();
    for length in (0..whole.len()).step_by(97).chain([1, 7, 8, 9, whole.len() - 1]) {
        refused(&whole[..length], &["safetensors"]);
    }
    refused(&[&whole[..], b"more"].concat(), &["safetensors"]);
    refused(b"#!/bin/sh\necho this is a program\n", &["safetensors"]);
    refused(&[0; 100], &["safetensors"]);
    for claimed in [99_999_999_u64, 100_000_001, u64::MAX, 1 << 40] {
        refused(
            &[&claimed.to_le_bytes()[..], &whole[8..]].concat(),
            &["safetensors"],
        );
    }
    let deep = "[".repeat(200_000);
    refused(
        &[&(deep.len() as u64).to_le_bytes()[..], deep.as_bytes()].concat(),
        &["safetensors"],
    );
}

#[test]
fn sizes_that_overflow_are_refused() {
    let header = |shape: &str, end: &str| {
        let text =
            format!(r#"{{"encode.weight":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    };
    refused(&header("[4611686018427387904,4]", "0"), &["safetensors"]);
    refused(&header("[4294967296,4294967296]", "0"), &["safetensors"]);
    refused(&header("[4]", "18446744073709551615"), &["safetensors"]);
    refused(
        &header("[1152921504606846976]", "4611686018427387904"),
        &["safetensors"],
    );
}

/// Changes bytes, cuts, repeats and swaps pieces at random.
fn mutated(random: &mut Random, whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    // The header is small beside the weights and matters most.
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    for _ in 0..1 + random.below(4) {
        let limit = if random.below(4) == 0 {
            bytes.len()
        } else {
            header.min(bytes.len())
        };
        if limit == 0 {
            break;
        }
        let at = random.below(limit);
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.bits() as u8,
            2 => bytes[at] = b"0123456789[]{},\":eE-."[random.below(21)],
            3 => drop(bytes.splice(at..at, *b"99")),
            4 => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    if random.below(2) == 0 && bytes.len() > 8 {
        // Make the claimed length of the header fit again, to get past the first check.
        let grown = header as i64 - 8 + bytes.len() as i64 - whole.len() as i64;
        bytes[..8].copy_from_slice(&(grown.max(0) as u64).to_le_bytes());
    }
    bytes
}

/// More rounds: `cargo xtask fuzz`.
#[test]
fn fuzz_damaged_files_never_panic_and_what_is_accepted_runs() {
    let rounds =
        std::env::var("AEDEN_FUZZ_ROUNDS").map_or(20_000, |r| r.parse().expect("a number of rounds"));
    let mut settings = small_settings();
    for (name, value) in [
        ("channels", 4),
        ("low_positions", 1),
        ("high_positions", 2),
        ("filter_bins", 2),
        ("coherent_bins", 2),
        ("decoder_layers", 1),
    ] {
        settings[name] = json!(value);
    }
    let whole = ModelFile::random(settings, Dtype::F16, 1).bytes();
    let mut random = Random(11);
    let mut accepted = 0;
    for _ in 0..rounds {
        if let Ok(model) = Model::from_bytes(&mutated(&mut random, &whole)) {
            accepted += 1;
            let mut engine = model.native(1).unwrap().with_frames(2);
            let mut spectra = vec![Complex32::new(0.5, -0.5); 2 * (model.framing().window / 2 + 1)];
            let guide = spectra.clone();
            engine.process(&guide, &mut spectra);
        }
    }
    assert!(
        accepted > 0 && accepted < rounds,
        "{accepted} of {rounds} were accepted: the mutations are too tame or wild"
    );
}

#[test]
fn a_path_that_cannot_be_read_is_named() {
    let folder = std::env::temp_dir();
    for path in [folder.join("there-is-no-such-model.safetensors"), folder] {
        let error = Model::open(&path).unwrap_err().to_string();
        assert!(
            error.contains(&path.display().to_string()) && error.contains("cannot be read"),
            "{error}"
        );
    }
}

#[test]
fn a_model_on_disk_is_opened_and_its_faults_name_the_file() {
    let path = std::env::temp_dir().join(format!("aeden-model-file-{}.safetensors", std::process::id()));
    std::fs::write(&path, file().bytes()).unwrap();
    let opened = Model::open(&path).map(|m| m.name().to_owned());
    std::fs::write(&path, "no model").unwrap();
    let refused = Model::open(&path).map(|_| ()).unwrap_err().to_string();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(opened.unwrap(), "random");
    assert!(
        refused.contains(&path.display().to_string()) && refused.contains("safetensors"),
        "{refused}"
    );
    assert_eq!(refused.matches("model: ").count(), 1, "{refused}");
}
