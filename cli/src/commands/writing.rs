//! Recordings that a job makes: WAV and FLAC files.

use crate::run::plan::{is_same_file, spare_recordings};
use aeden_media::ffmpeg::container;
use aeden_media::ffmpeg::flac::{self, FlacWriter};
use aeden_media::output::{Output, Sealed, Target, exists};
use aeden_media::problem::Problem;
use aeden_media::sink::{Place, Sink, WavFile};
use aeden_media::wav::samples::Encoder;
use aeden_media::wav::write::Expected;
use aeden_media::wav::{Chunk, Format, plain_header};
use std::io::Write;
use std::path::Path;

/// That an output is a file that is read.
pub fn is_input(output: &Path) -> Problem {
    Problem::file(output, "is the input itself, which is never replaced")
}

/// Refuses to write where something is that must not be replaced: what exists already, unless that is said to be fine, and
/// files that are read.
pub fn check(output: &Path, inputs: &[&Path], overwrite: bool) -> Result<(), Problem> {
    if output.exists() && inputs.iter().any(|input| is_same_file(input, output)) {
        return Err(is_input(output));
    }
    match !overwrite && output.symlink_metadata().is_ok() {
        true => Err(exists(output)),
        false => Ok(()),
    }
}

/// The same for a page, a table or a picture, which is never put in the place of a recording.
pub fn check_beside(output: &Path, inputs: &[&Path], overwrite: bool) -> Result<(), Problem> {
    check(output, inputs, overwrite)?;
    spare_recordings(output)
}

/// A small file that is complete at once.
pub fn whole(path: &Path, overwrite: bool, bytes: &[u8]) -> Result<Sealed, Problem> {
    let mut output = Output::create(&Target::File(path.into()), overwrite)?;
    output.write_all(bytes).map_err(|e| Problem::io(path, &e))?;
    output.seal(&[])
}

/// A recording that aeden writes without ffmpeg.
pub enum Recording {
    /// A WAV file or stream.
    Wav(Box<WavFile>),
    /// A FLAC file.
    Flac(Box<FlacWriter>),
}

impl Place for Recording {
    fn write(&mut self, raw: &[u8], planes: &[Vec<f32>]) -> Result<(), Problem> {
        match self {
            Recording::Wav(file) => Place::write(file.as_mut(), raw, planes),
            Recording::Flac(file) => Place::write(file.as_mut(), raw, planes),
        }
    }
}

impl Recording {
    /// Ends a WAV file with these chunks, or a FLAC file, which has had all of its own.
    pub fn finish(self, after: &[Chunk]) -> Result<Sealed, Problem> {
        match self {
            Recording::Wav(file) => file.finish(after),
            Recording::Flac(file) => file.finish(),
        }
    }
}

/// A new recording of so many frames, WAV or FLAC by its ending; `command` is who writes it.
pub fn create(
    command: &str,
    format: &Format,
    frames: u64,
    target: &Target,
    overwrite: bool,
) -> Result<Sink<Recording>, Problem> {
    let flac = match target {
        Target::File(path) if !container::is_wav(path) && path.extension().is_some() => {
            if container::of(path).is_none_or(|container| container.muxer != "flac") {
                return Err(Problem::file(
                    path,
                    format!("{command} writes WAV and FLAC; give OUT such an ending"),
                ));
            }
            true
        }
        _ => false,
    };
    let (place, encoding) = if flac {
        let encoding = flac::encoding_for(format.encoding);
        let (blocks, _) = flac::blocks_of_wav(&plain_header(format.clone()), &[]);
        let format = Format {
            encoding,
            ..format.clone()
        };
        let file = FlacWriter::create(target, overwrite, &format, blocks)?;
        (Recording::Flac(Box::new(file)), encoding)
    } else {
        let expected = Expected {
            frames: Some(frames),
            after: Some(0),
            ..Expected::default()
        };
        let file = WavFile::create(target, overwrite, &plain_header(format.clone()), expected)?;
        (Recording::Wav(Box::new(file)), format.encoding)
    };
    let dither = encoding.resolution() <= 16;
    Ok(Sink::new(
        place,
        Encoder::new(encoding, format.channels.into(), dither),
    ))
}
