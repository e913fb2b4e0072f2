//! Recordings on their way to a job, and what a job says of them.

use crate::run::input::{self, block_frames, unreadable};
use crate::run::plan::Source;
use crate::run::progress::Progress;
use aeden_jobs::find::{Describer, Sound, Stamp};
use aeden_jobs::{Autoencoder, Error, FormatError};
use aeden_media::problem::{Problem, counted, guarded};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::UNIX_EPOCH;

/// An input and whether it can be used.
pub type Input = (Source, Result<(), Problem>);

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
    input: &mut input::Input,
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
    let mut input = input::Input::open(source)?;
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

/// Looks at inputs, several at a time: `find` gets each with its number and a share of the progress, `take` what came of it, in
/// the order in which that comes. Ends early if `take` fails.
pub fn each<T: Send>(
    inputs: &[Input],
    jobs: Option<u16>,
    progress: &Progress,
    find: impl Fn(usize, &Source, &Progress) -> Result<T, Problem> + Sync,
    mut take: impl FnMut(usize, Result<T, Problem>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let sizes: Vec<u64> = inputs
        .iter()
        .map(|(source, _)| std::fs::metadata(source.name()).map_or(0, |about| about.len()))
        .collect();
    let progress = progress.clone().with_total(sizes.iter().sum());
    progress.tell(&counted(inputs.len(), "sound", "sounds"));
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<_>| {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((source, usable)) = inputs.get(number) else {
                return;
            };
            let share = progress.of_file(sizes[number]);
            let found = usable
                .clone()
                .and_then(|()| guarded(source.name(), || find(number, source, &share)));
            if sender.send((number, found)).is_err() {
                return; // nobody wants them
            }
        }
    };
    let taken = std::thread::scope(|scope| {
        for _ in 0..workers(jobs).min(inputs.len()) {
            let sender = sender.clone();
            scope.spawn(|| work(sender));
        }
        drop(sender);
        receiver
            .into_iter()
            .try_for_each(|(number, found)| take(number, found))
    });
    progress.finish();
    taken
}

/// As many as were asked for, or as the machine has cores.
pub fn workers(jobs: Option<u16>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    jobs.map_or_else(cores, usize::from)
}

/// What a file is beside what was known of it, with the marks that it has now.
pub enum Seen {
    /// Neither size nor time have changed; it was not read, and has the marks that were known.
    Untouched(Stamp),
    /// Touched, or copied back: it has the same contents.
    Same(Stamp),
    /// Another one.
    Other(Stamp),
}

/// Looks whether a file is what was known, and reads it if it may be another.
pub fn seen(path: &Path, known: Option<Stamp>) -> io::Result<Seen> {
    let mut stamp = stamp_unread(path)?;
    if let Some(known) = known.filter(|known| (known.size, known.changed) == (stamp.size, stamp.changed)) {
        return Ok(Seen::Untouched(known));
    }
    stamp.checksum = checksum(path)?;
    let is_same = known.is_some_and(|known| (known.size, known.checksum) == (stamp.size, stamp.checksum));
    Ok(if is_same {
        Seen::Same(stamp)
    } else {
        Seen::Other(stamp)
    })
}

/// The marks of a file that can be seen without reading it.
fn stamp_unread(path: &Path) -> io::Result<Stamp> {
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
fn checksum(path: &Path) -> io::Result<u32> {
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
