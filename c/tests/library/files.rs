//! Networks in files.

use super::Random;
use super::programs::{cleaned, source};
use aeden::{Config, Model};
use aeden_c::interface::*;
use aeden_c::status::Status;
use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::null_mut;

/// What the library makes of noise with the network in a file, and whether it is for real-time threads; or what it says.
fn with(file: &Path, rate: u32) -> Result<(Vec<f32>, i32), String> {
    let path = CString::new(file.to_str().unwrap()).unwrap();
    let (mut denoiser, mut message) = (null_mut(), [0; 500]);
    // SAFETY: a denoiser until it is freed, room for the message, and enough samples.
    unsafe {
        let say = message.as_mut_ptr();
        if aeden_create_from_file(path.as_ptr(), rate, 1, AEDEN_LINK_LINKED, &mut denoiser, say, 500)
            != Status::Ok
        {
            return Err(CStr::from_ptr(say).to_string_lossy().into_owned());
        }
        let mut sound = Random(5).noise(20_000);
        assert_eq!(
            aeden_process_interleaved_f32(denoiser, sound.as_ptr(), sound.as_mut_ptr(), sound.len()),
            Status::Ok
        );
        let is_real_time = aeden_is_real_time(denoiser);
        assert_eq!(aeden_free(denoiser), Status::Ok);
        Ok((sound, is_real_time))
    }
}

fn of_crate(model: &Model, rate: u32) -> Vec<f32> {
    cleaned(model, &Config::new(rate, 1), &[Random(5).noise(20_000)]).remove(0)
}

#[test]
fn a_file_of_aeden_gives_the_samples_of_the_crate() {
    let file = source("../models/light/light.safetensors");
    assert!(with(&file, 44_100).unwrap() == (of_crate(&Model::light(), 44_100), 1));
    let said = with(&source("../models/best/best.safetensors"), 44_100).unwrap_err();
    assert!(said.contains("best"), "{said}");
}

#[test]
#[cfg(feature = "onnx")]
fn so_does_an_onnx_file_with_its_description_beside_it() {
    if let Err(e) = aeden::onnx::load_library(None) {
        println!("skipped: {e}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.onnx");
    std::fs::copy(source("../tests/fixtures/onnx/no-metadata.onnx"), &file).unwrap();
    let said = with(&file, 48_000).unwrap_err();
    assert!(said.contains(".json"), "{said}");
    let description = r#"{"format": 1, "name": "echo", "kind": "denoising", "rate": 16000, "window": 64, "hop": 32,
        "window_shape": "hann", "input": "spectrum", "output": "clean", "states": [["before", "after"]]}"#;
    std::fs::write(file.with_extension("json"), description).unwrap();
    assert!(with(&file, 48_000).unwrap() == (of_crate(&Model::open(&file).unwrap(), 48_000), 0));
}
