//! The examples do what they say.

#[allow(dead_code, reason = "`main` is for the command line")]
#[path = "../examples/clean_wav.rs"]
mod clean_wav;
#[allow(dead_code, reason = "`main` is for the command line")]
#[path = "../examples/own_model.rs"]
mod own_model;
#[allow(dead_code, reason = "`main` is for the command line")]
#[path = "../examples/stream.rs"]
mod stream;

use aeden::Model;

#[test]
fn a_wav_file_is_cleaned() {
    let cleaned = std::env::temp_dir().join(format!("aeden-example-{}.wav", std::process::id()));
    let noisy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/noisy.wav");
    clean_wav::clean(noisy, cleaned.to_str().unwrap()).unwrap();
    let length = |path: &std::path::Path| hound::WavReader::open(path).unwrap().duration();
    let (before, after) = (length(noisy.as_ref()), length(&cleaned));
    std::fs::remove_file(&cleaned).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_stream_loses_its_noise() {
    for rate in [44_100, 48_000] {
        let (before, after) = stream::stream(rate).unwrap();
        assert!(after < 0.1 * before, "{after} of {before} at {rate} Hz");
    }
}

#[test]
fn a_model_tells_what_it_is() {
    let about = own_model::about(&Model::light()).unwrap();
    assert!(
        about.contains("denoising") && about.contains("959 samples late"),
        "{about}"
    );
    let about = own_model::about(&Model::best()).unwrap();
    assert!(!about.contains("late"), "{about}");
}
