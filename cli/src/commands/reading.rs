//! Recordings on their way to a job, and what a job says of them.

use crate::run::input::{Input, block_frames, unreadable};
use crate::run::plan::Source;
use crate::run::progress::Progress;
use aeden_jobs::find::{Describer, Sound, Stamp};
use aeden_jobs::{Autoencoder, Error, FormatError};
use aeden_media::problem::Problem;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// A network from a file of the user's, or that of `built_in`.
pub fn model(file: Option<&Path>, built_in: impl FnOnce() -> Autoencoder) -> Result<Autoencoder, Problem> {
    match file {
        Some(file) => Autoencoder::open(file).map_err(Problem::model),
        None => Ok(built_in()),
    }
}

/// Passes a recording on from beginning to end: `push` gets, block by block, the bytes as they are stored and the samples,
/// one vector a channel.
pub fn hear(
    input: &mut Input,
    name: &Path,
    mut push: impl FnMut(&[u8], &[Vec<f32>]) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let block = block_frames(input.format().channels);
    input.read_all(name, block, |raw, planes| push(raw, planes).map(|()| true))?;
    input.finish().map_err(|e| unreadable(name, &e))?;
    Ok(())
}

/// What a recording sounds like.
pub fn describe(source: &Source, describer: &Describer, progress: &Progress) -> Result<Sound, Problem> {
    let name = source.name();
    let mut input = Input::open(source)?;
    let format = input.format().clone();
    let bar = progress.file(name, input.frames_about(), format.rate);
    let listening = describer.listen(format.rate, format.channels.into());
    let mut listening = listening.map_err(|e| problem(name, &e))?;
    hear(&mut input, name, |_, planes| {
        bar.advance(planes[0].len());
        listening.push(planes).map_err(|e| problem(name, &e))
    })?;
    Ok(listening.finish())
}

/// The marks of a file that can be seen without reading it.
pub fn stamp_unread(path: &Path) -> io::Result<Stamp> {
    let about = std::fs::metadata(path)?;
    let changed = about.modified().ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Ok(Stamp {
        size: about.len(),
        changed: changed.map_or(0, |time| time.as_nanos() as u64),
        checksum: 0,
    })
}

/// The mark for which it has to be read.
pub fn checksum(path: &Path) -> io::Result<u32> {
    let (mut file, mut sum, mut block) = (File::open(path)?, crc32fast::Hasher::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(sum.finalize()),
            got => sum.update(&block[..got]),
        }
    }
}

/// What a job says of a file, as a line for a person.
pub fn problem(name: &Path, error: &Error) -> Problem {
    match error {
        Error::Io(e) => Problem::io(name, e),
        Error::Kind { .. } | Error::Model(_) => Problem::model(error),
        Error::Sample { .. } => Problem::file(
            name,
            format!("{error}; the file is damaged, or its full scale is not 1: export it again"),
        ),
        Error::Changed { .. } => Problem::file(name, "was changed while it was read"),
        Error::Format(e) => Problem::file(name, advice(*e)),
        _ => Problem::file(name, error),
    }
}

/// What to do about stored bytes.
fn advice(error: FormatError) -> String {
    match error {
        FormatError::Foreign => "no .aeden file; `aeden encode` makes one".into(),
        FormatError::Version { found, known } => {
            format!("is of version {found}, this aeden reads version {known}; take the aeden that made it")
        }
        FormatError::CutShort => "the file is cut short; copy it again".into(),
        FormatError::Altered => "its bytes are not those that were written (checksum); copy it again".into(),
        FormatError::Trailing => "there is something after its end; copy it again".into(),
        _ => "its bytes make no sense; it was not written by aeden".into(),
    }
}
