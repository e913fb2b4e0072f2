//! A part of a recording to listen to, small enough for a page.

use super::excerpt::Excerpt;
use crate::run::input::{Input, block_frames};
use crate::run::plan::Source;
use aeden_media::problem::Problem;

/// As many seconds as that of a recording, where it is loudest, as a FLAC file.
pub fn clip(source: &Source, seconds: f64) -> Result<Vec<u8>, Problem> {
    let name = source.name();
    if *source == Source::Stdin {
        return Err(Problem::file(
            name,
            "came from a pipe, which cannot be heard again",
        ));
    }
    let mut input = Input::open(source)?;
    let format = input.format().clone();
    let mut excerpt = Excerpt::new(format.rate, format.channels.into(), seconds);
    input.read_all(name, block_frames(format.channels), |_, planes| {
        excerpt.push(planes, planes);
        Ok(true)
    })?;
    excerpt.finish();
    let [sound, _] = excerpt.sounds().map_err(|e| Problem::io(name, &e))?;
    Ok(sound)
}
