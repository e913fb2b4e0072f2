//! Cleaned samples on their way to ffmpeg: through a pipe where they are the whole output, through a file where other
//! tracks stand beside them.

use super::mux::Assembly;
use super::programs::{Feed, Program, unwritable};
use super::w64;
use crate::output::{Output, Sealed, Target};
use crate::problem::Problem;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// An output that ffmpeg encodes while it is cleaned.
#[derive(Debug)]
pub struct Encoded {
    /// Gone once it has been asked for its end.
    running: Option<(Program, BufWriter<Feed>)>,
    /// Bytes of uncompressed sound so far, where ffmpeg does not count them well.
    counted: Option<u64>,
    output: Output,
    target: Target,
}

impl Encoded {
    /// Starts ffmpeg, which writes what is to become `target`.
    pub fn start(target: &Target, overwrite: bool, assembly: &Assembly) -> Result<Self, Problem> {
        let output = Output::create(target, overwrite)?;
        let Some(place) = output.path() else {
            return Err(Problem::file(
                target.name(),
                "ffmpeg needs a file to write to; give a file",
            ));
        };
        let mut command = assembly.command(place);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let program = Program::start(&mut command, target.name())?;
        let stdin = program.stdin().map_err(|e| Problem::io(target.name(), &e))?;
        let Some(stdin) = stdin else {
            unreachable!("piped just above")
        };
        Ok(Encoded {
            running: Some((program, BufWriter::with_capacity(1 << 16, stdin))),
            counted: is_miscounted(assembly).then_some(0),
            output,
            target: target.clone(),
        })
    }

    /// Takes samples as they are fed.
    pub fn write(&mut self, raw: &[u8]) -> Result<(), Problem> {
        let Some((_, stdin)) = &mut self.running else {
            unreachable!("gone only after an error")
        };
        match stdin.write_all(raw) {
            Ok(()) => {
                self.counted = self.counted.map(|bytes| bytes + raw.len() as u64);
                Ok(())
            }
            Err(e) => Err(self
                .end()
                .err()
                .unwrap_or_else(|| Problem::io(self.target.name(), &e))),
        }
    }

    /// Closes the pipe and waits for ffmpeg. The error is what it says.
    fn end(&mut self) -> Result<(), Problem> {
        let name = self.target.name();
        let Some((program, mut stdin)) = self.running.take() else {
            return Ok(());
        };
        let flushed = stdin.flush();
        // What is left in the buffer of a broken pipe is not tried again.
        drop(stdin.into_parts());
        let (content, said) = program.end().map_err(|e| Problem::io(name, &e))?;
        match flushed {
            _ if !content || said.contains("No space left") => Err(unwritable(name, &said)),
            Err(e) => Err(Problem::io(name, &e)),
            Ok(()) => Ok(()),
        }
    }

    /// Waits until ffmpeg has written everything.
    pub fn finish(mut self) -> Result<Sealed, Problem> {
        self.end()?;
        if let (Some(bytes), Some(place)) = (self.counted, self.output.path()) {
            w64::set_size(place, bytes).map_err(|e| Problem::io(self.target.name(), &e))?;
        }
        self.output.seal(&[])
    }
}

/// Whether the output is Wave64 with samples as they are fed.
fn is_miscounted(assembly: &Assembly) -> bool {
    let encoder = assembly.tracks[0].codec.encoder.as_str();
    assembly.container.muxer == "w64"
        && encoder.starts_with("pcm_")
        && !matches!(encoder, "pcm_alaw" | "pcm_mulaw")
}

/// What is beyond can be recognised, in parts of full scale.
const LOUD: f32 = 0.01;

/// What is below is silence that an encoder has put behind the sound.
const SILENT: f32 = 1e-4;

/// Cleaned samples in a file without a header beside the output, which vanishes with this.
#[derive(Debug)]
pub struct Spool {
    output: Output,
    target: PathBuf,
    frames: u64,
    loud_at: Option<u64>,
    /// Frames behind which nothing but silence has come.
    silent_from: u64,
}

impl Spool {
    /// Begins a file beside `target`.
    pub fn create(target: &Path) -> Result<Self, Problem> {
        Ok(Spool {
            output: Output::create(&Target::File(target.into()), true)?,
            target: target.into(),
            frames: 0,
            loud_at: None,
            silent_from: 0,
        })
    }

    /// Takes samples as they are fed, which are those of `planes`.
    pub fn write(&mut self, raw: &[u8], planes: &[Vec<f32>]) -> Result<(), Problem> {
        if self.loud_at.is_none() {
            let loud = planes
                .iter()
                .filter_map(|plane| plane.iter().position(|x| x.abs() > LOUD))
                .min();
            self.loud_at = loud.map(|at| self.frames + at as u64);
        }
        let heard = planes
            .iter()
            .filter_map(|plane| plane.iter().rposition(|x| x.abs() > SILENT))
            .max();
        if let Some(last) = heard {
            self.silent_from = self.frames + last as u64 + 1;
        }
        self.frames += planes.first().map_or(0, Vec::len) as u64;
        self.output
            .write_all(raw)
            .map_err(|e| Problem::io(&self.target, &e))
    }

    /// Frames taken so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The first frame that is not silent.
    pub fn loud_at(&self) -> Option<u64> {
        self.loud_at
    }

    /// Frames of silence at the end.
    pub fn silence_behind(&self) -> u64 {
        self.frames - self.silent_from
    }

    /// Writes out what is left and gives the file's place.
    pub fn path(&mut self) -> Result<PathBuf, Problem> {
        self.output.flush().map_err(|e| Problem::io(&self.target, &e))?;
        let path = self.output.path().map(Path::to_path_buf);
        path.ok_or_else(|| Problem::file(&self.target, "ffmpeg needs a file to write to; give a file"))
    }
}
