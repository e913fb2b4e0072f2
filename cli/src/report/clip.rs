//! A part of a recording to listen to, small enough for a page.

use super::excerpt::Excerpt;
use crate::input::{Input, block_frames, decode_block, unreadable};
use crate::plan::Source;
use crate::problem::Problem;

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
    let (mut raw, mut planes) = (Vec::new(), vec![Vec::new(); format.channels.into()]);
    let mut frames = 0u64;
    loop {
        let got = input
            .read(block_frames(format.channels), &mut raw)
            .map_err(|e| unreadable(name, &e))?;
        if got == 0 {
            break;
        }
        decode_block(name, &format, &raw, frames, &mut planes)?;
        excerpt.push(&planes, &planes);
        frames += got as u64;
    }
    excerpt.finish();
    let [sound, _] = excerpt.sounds().map_err(|e| Problem::io(name, &e))?;
    Ok(sound)
}
