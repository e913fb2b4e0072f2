//! Tests of private items; all others are in `tests/`.

use crate::Model;
use safetensors::Dtype;

#[path = "../tests/random_model/mod.rs"]
mod random_model;
use random_model::{ModelFile, small_settings};

#[test]
fn a_whole_file_is_read_with_its_settings() {
    let model = Model::from_bytes(&ModelFile::random(small_settings(), Dtype::F16, 1).bytes()).unwrap();
    assert_eq!(model.name(), "random");
    let settings = &model.network().unwrap().settings;
    assert_eq!((settings.channels, settings.heads), (18, 2));
    assert_eq!(settings.band_steps, [(1, 8), (2, 4), (5, 3)]);
    // Bands at 0 … 8, 10 … 16, 21, 26, 31, 32: three for each of six positions, two for the last.
    let (bands, positions, channels) = (17, 6, 18);
    let recurrent = 2 * (3 * channels * channels + 3 * channels);
    let mixing = channels * channels + channels + 2 * positions * positions + positions * channels;
    let expected = positions * (channels * 8 * 3 + channels)
        + 3 * recurrent
        + 4 * mixing
        + positions * (3 * channels + 3)
        + bands
        + 3 * (24 * channels + 24);
    assert_eq!(model.parameters(), Some(expected));
}
