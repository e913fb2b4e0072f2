//! `--record`: raw and cleaned sound, written by a thread that may wait for the disk.
//!
//! Whatever ends a recording early, a full disk or a microphone that becomes another one, the files are completed with what
//! they have, and the microphone goes on without it.

use aeden_live::bridge::Recording;
use aeden_media::problem::{Problem, counted};
use aeden_media::wav::write::{Expected, Writer};
use aeden_media::wav::{Container, Encoding, Format, Header};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
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
        let thread = std::thread::Builder::new()
            .name("aeden-record".into())
            .spawn(move || write(files, &receiver))
            .map_err(|e| Problem::io(file, &e))?;
        Ok(Recorder { thread, sources })
    }

    /// Goes on with another source. One of another format ends the recording.
    pub fn follow(&mut self, recording: Recording) {
        // Where nobody writes any more, `has_ended` tells.
        let _ = self.sources.send(recording);
    }

    /// Whether nothing is written any more, although it should be; [`finish`](Self::finish) tells why.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Writes what is left, and completes the headers.
    pub fn finish(self) -> Result<(), Problem> {
        drop(self.sources);
        let ended = self.thread.join();
        ended.unwrap_or_else(|_| {
            Err(Problem::usage(
                "the recording has ended: aeden itself is at fault here",
            ))
        })
    }
}

/// One of the two files.
struct Track {
    path: PathBuf,
    writer: Writer<File>,
    /// Bytes that are in the file for certain: the header, and whole blocks.
    length: u64,
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
        let begin = || -> io::Result<_> {
            let place = file.try_clone()?;
            let writer = Writer::begin(file, &header, expected)?;
            Ok((writer, place.metadata()?.len()))
        };
        let (writer, length) = begin().map_err(|e| Problem::io(&path, &e))?;
        Ok(Track {
            path,
            writer,
            length,
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
        // A file without a buffer of ours: what has been written is known, also when the disk is full in the middle.
        self.writer
            .write(&self.bytes)
            .map_err(|e| Problem::io(&self.path, &e))?;
        self.length += self.bytes.len() as u64;
        Ok(())
    }

    /// Cuts off a block that was written in part, and completes the header. That takes no room on the disk.
    fn finish(self) -> Result<(), Problem> {
        let Track {
            path, writer, length, ..
        } = self;
        let finish = || -> io::Result<()> {
            let (mut out, patches) = writer.finish(&[])?;
            out.set_len(length)?;
            for (at, bytes) in patches {
                out.seek(SeekFrom::Start(at))?;
                out.write_all(&bytes)?;
            }
            out.sync_all()
        };
        finish().map_err(|e| Problem::io(&path, &e))
    }
}

/// The thread: writes whatever source is the latest, until no other can come, and completes the files.
fn write(files: [(PathBuf, File); 2], sources: &Receiver<Recording>) -> Result<(), Problem> {
    let Ok(source) = sources.recv() else {
        return Ok(());
    };
    let [(raw_path, raw), (clean_path, clean)] = files;
    let mut tracks = [
        Track::begin(raw_path, raw, &source, 0)?,
        Track::begin(clean_path, clean, &source, source.latency)?,
    ];
    let written = write_all(&mut tracks, source, sources);
    let finished = tracks.map(Track::finish);
    // What went wrong first is why.
    written.and(finished.into_iter().collect())
}

fn write_all(
    [raw, clean]: &mut [Track; 2],
    mut source: Recording,
    sources: &Receiver<Recording>,
) -> Result<(), Problem> {
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
                return Err(Problem::usage(format!(
                    "the recording ends here: the microphone now has {} at {} Hz, which its files cannot change to; start \
                     a new one",
                    counted(other.channels, "channel", "channels"),
                    other.rate
                )));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // What the denoiser has kept to itself.
                let silence = vec![0.0; channels];
                return clean.write((0..source.latency).map(|_| &silence[..]));
            }
        }
    }
}
