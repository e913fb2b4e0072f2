//! `--record`: raw and cleaned sound, written by a thread that may wait for the disk.

use crate::problem::{Problem, describe};
use crate::wav::write::{Expected, Writer};
use crate::wav::{Container, Encoding, Format, Header};
use aeden_live::bridge::Recording;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the thread sleeps between two looks; the ring holds a second.
const PAUSE: Duration = Duration::from_millis(50);

/// Writes `NAME.raw.wav` and `NAME.clean.wav`, frame by frame in step.
pub struct Recorder {
    thread: JoinHandle<Result<(), Problem>>,
    sources: Sender<Recording>,
}

impl Recorder {
    /// Makes the files. They grow as sound comes, and have complete headers after [`finish`](Self::finish); a crash leaves
    /// files that say "length unknown", which aeden and ffmpeg read to their end.
    pub fn new(file: &Path, overwrite: bool) -> Result<Self, Problem> {
        let open = |kind: &str| {
            let path = file.with_extension(format!("{kind}.wav"));
            let opened = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(overwrite)
                .create_new(!overwrite)
                .open(&path);
            match opened {
                Ok(file) => Ok((path, file)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    Err(Problem::file(&path, "exists already; -y replaces it"))
                }
                Err(e) => Err(Problem::io(&path, &e)),
            }
        };
        let files = [open("raw")?, open("clean")?];
        let (sources, receiver) = channel();
        let thread = std::thread::spawn(move || write(files, &receiver));
        Ok(Recorder { thread, sources })
    }

    /// Goes on with another source. Its format must be the first one's.
    pub fn follow(&mut self, recording: Recording) -> Result<(), Problem> {
        self.sources.send(recording).map_err(|_| gone())
    }

    /// Whether it still writes.
    pub fn check(&self) -> Result<(), Problem> {
        if self.thread.is_finished() {
            Err(gone())
        } else {
            Ok(())
        }
    }

    /// Writes what is left, and completes the headers.
    pub fn finish(self) -> Result<(), Problem> {
        drop(self.sources);
        self.thread.join().map_err(|_| gone())?
    }
}

fn gone() -> Problem {
    Problem::usage("the recording has ended early; is the disk full?")
}

/// One of the two files.
struct Track {
    path: PathBuf,
    writer: Writer<BufWriter<File>>,
    /// Frames to leave out at the start, so that both files begin with the same moment.
    skip: usize,
    bytes: Vec<u8>,
}

impl Track {
    fn begin(path: PathBuf, file: File, recording: &Recording, skip: usize) -> Result<Self, Problem> {
        let format = Format {
            channels: recording.channels as u16,
            rate: recording.rate,
            encoding: Encoding::FLOAT32,
            extension: None,
        };
        let header = Header {
            container: Container::Riff,
            format_bytes: format.to_bytes(),
            format,
            chunks: Vec::new(),
            format_at: 0,
            fact: true,
        };
        let expected = Expected {
            correctable: true,
            ..Expected::default()
        };
        let writer =
            Writer::begin(BufWriter::new(file), &header, expected).map_err(|e| Problem::io(&path, &e))?;
        Ok(Track {
            path,
            writer,
            skip,
            bytes: Vec::new(),
        })
    }

    fn write<'a>(&mut self, frames: impl Iterator<Item = &'a [f32]>) -> Result<(), Problem> {
        self.bytes.clear();
        for frame in frames {
            if self.skip > 0 {
                self.skip -= 1;
                continue;
            }
            self.bytes.extend(frame.iter().flat_map(|x| x.to_le_bytes()));
        }
        self.writer
            .write(&self.bytes)
            .map_err(|e| Problem::file(&self.path, describe(&e)))
    }

    fn finish(self) -> Result<(), Problem> {
        let Track { path, writer, .. } = self;
        let finish = || -> io::Result<()> {
            let (mut out, patches) = writer.finish(&[])?;
            for (at, bytes) in patches {
                out.seek(SeekFrom::Start(at))?;
                out.write_all(&bytes)?;
            }
            out.flush()
        };
        finish().map_err(|e| Problem::io(&path, &e))
    }
}

/// The thread: writes whatever source is the latest, until no other can come.
fn write(files: [(PathBuf, File); 2], sources: &Receiver<Recording>) -> Result<(), Problem> {
    let Ok(mut source) = sources.recv() else {
        return Ok(());
    };
    let [(raw_path, raw), (clean_path, clean)] = files;
    let mut raw = Track::begin(raw_path, raw, &source, 0)?;
    let mut clean = Track::begin(clean_path, clean, &source, source.latency)?;
    let (channels, rate) = (source.channels, source.rate);
    let mut samples = Vec::new();
    loop {
        let next = sources.recv_timeout(PAUSE);
        source.take(&mut samples);
        let frames = || samples.chunks_exact(2 * channels);
        raw.write(frames().map(|frame| &frame[..channels]))?;
        clean.write(frames().map(|frame| &frame[channels..]))?;
        match next {
            // The new denoiser begins with as much silence as the last one has kept to itself, so the files stay in step.
            Ok(other) if (other.channels, other.rate) == (channels, rate) => source = other,
            Ok(other) => {
                let what = format!(
                    "the microphone now has {} channels at {} Hz; a recording cannot change, start a new one",
                    other.channels, other.rate
                );
                raw.finish()?;
                clean.finish()?;
                return Err(Problem::usage(what));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                raw.finish()?;
                // What the denoiser has kept to itself.
                let silence = vec![0.0; channels];
                clean.write((0..source.latency).map(|_| &silence[..]))?;
                return clean.finish();
            }
        }
    }
}
