//! One file through the denoiser.

use crate::aligned::Aligned;
use crate::args::{Bits, CleanArgs};
use crate::cleaner::{Network, Settings};
use crate::level::Levels;
use crate::loudness::{Adjustment, Loudness, Spool};
use crate::output::{Output, Sealed, Target, commit};
use crate::plan::{Job, Source};
use crate::plot::{Spectrogram, draw};
use crate::problem::{Problem, describe};
use crate::progress::Progress;
use crate::wav::read::{Error, Reader};
use crate::wav::samples::{Encoder, decode};
use crate::wav::write::{Expected, Writer};
use crate::wav::{Chunk, Encoding, Format, Header};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::time::Instant;

/// Samples of all channels that are worked on at once: enough to keep the network busy, little enough for memory.
const BLOCK_SAMPLES: usize = 1 << 16;
const BLOCK_FRAMES: std::ops::RangeInclusive<usize> = 4_096..=32_768;

/// What is the same for all files of a run.
pub struct Options {
    /// How the sound is cleaned.
    pub settings: Settings,
    /// How loud it is to be; `None`: as it comes out.
    pub loudness: Option<Loudness>,
    /// How it is stored.
    pub bits: Bits,
    /// Whether existing outputs are replaced.
    pub overwrite: bool,
    /// Whether folders are made for outputs.
    pub make_folders: bool,
}

impl Options {
    /// From the command line.
    pub fn new(args: &CleanArgs) -> Self {
        Options {
            settings: args.sound.settings(),
            loudness: args.loudness,
            bits: args.bits,
            overwrite: args.overwrite,
            make_folders: args.output_dir.is_some() || args.template.is_some(),
        }
    }
}

/// What became of one file; a line of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The input as it was named, `-` for standard input.
    pub input: String,
    /// The output likewise.
    pub output: String,
    /// Length of the recording in seconds.
    pub seconds: f64,
    /// Sampling rate in Hz.
    pub rate: u32,
    /// Number of channels.
    pub channels: u16,
    /// Samples of the output: `16`, `24`, `32f`, …
    pub bits: String,
    /// Seconds that the work took.
    pub took_seconds: f64,
    /// Seconds of sound in a second of work.
    pub speed: f64,
    /// Samples that were beyond full scale of the output and have been limited to it.
    pub clipped: u64,
    /// By how much the noise floor went down, in dB; null for an empty recording.
    pub noise_reduction_db: Option<f32>,
    /// With `--loudness`, what was done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loudness: Option<Adjustment>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Where sound is read from. What is not a regular file is read as a stream.
pub enum Input {
    /// A regular file: what follows the sound is known at once.
    File(Reader<BufReader<File>>),
    /// A pipe or device.
    Stream(Reader<Box<dyn Read>>),
}

impl Input {
    /// Opens a source and reads the header.
    pub fn open(source: &Source) -> Result<Self, Problem> {
        let name = source.name();
        let stream: Box<dyn Read> = match source {
            Source::Stdin => Box::new(io::stdin().lock()),
            Source::File(path) => {
                let (file, about) = File::open(path)
                    .and_then(|file| file.metadata().map(|about| (file, about)))
                    .map_err(|e| Problem::io(name, &e))?;
                if about.is_dir() {
                    return Err(Problem::file(name, "is a folder; give a file"));
                }
                if about.is_file() {
                    let reader = Reader::open(BufReader::with_capacity(1 << 17, file));
                    return reader.map(Input::File).map_err(|e| unreadable(name, &e));
                }
                Box::new(BufReader::new(file))
            }
        };
        Reader::new(stream, None)
            .map(Input::Stream)
            .map_err(|e| unreadable(name, &e))
    }

    /// Everything before the sound.
    pub fn header(&self) -> &Header {
        match self {
            Input::File(reader) => reader.header(),
            Input::Stream(reader) => reader.header(),
        }
    }

    /// What the samples mean.
    pub fn format(&self) -> &Format {
        &self.header().format
    }

    /// Frames in it, if that is known.
    pub fn frames(&self) -> Option<u64> {
        match self {
            Input::File(reader) => reader.frames(),
            Input::Stream(reader) => reader.frames(),
        }
    }

    /// See [`Reader::read`].
    pub fn read(&mut self, frames: usize, raw: &mut Vec<u8>) -> Result<usize, Error> {
        match self {
            Input::File(reader) => reader.read(frames, raw),
            Input::Stream(reader) => reader.read(frames, raw),
        }
    }

    /// See [`Reader::after`].
    pub fn after(&self) -> Option<&[Chunk]> {
        match self {
            Input::File(reader) => reader.after(),
            Input::Stream(reader) => reader.after(),
        }
    }

    /// See [`Reader::finish`].
    pub fn finish(&mut self) -> Result<&[Chunk], Error> {
        match self {
            Input::File(reader) => reader.finish(),
            Input::Stream(reader) => reader.finish(),
        }
    }

    /// See [`Reader::warnings`].
    pub fn warnings(&self) -> &[String] {
        match self {
            Input::File(reader) => reader.warnings(),
            Input::Stream(reader) => reader.warnings(),
        }
    }
}

/// A [`Problem`] of reading.
pub fn unreadable(name: &Path, error: &Error) -> Problem {
    match error {
        Error::Io(e) => Problem::io(name, e),
        Error::Malformed(text) => Problem::file(name, text),
    }
}

/// Decodes a block, or says where a sample is that is none. `start`: frames before this block.
pub fn decode_block(
    name: &Path,
    format: &Format,
    raw: &[u8],
    start: u64,
    planes: &mut [Vec<f32>],
) -> Result<(), Problem> {
    decode(format, raw, planes).map_err(|(frame, channel)| {
        let seconds = (start + frame as u64) as f64 / f64::from(format.rate);
        let what = "is not a finite number; the file is damaged, export it again";
        Problem::file(
            name,
            format!("the sample at {seconds:.6} s in channel {} {what}", channel + 1),
        )
    })
}

/// How many frames are worked on at once.
pub fn block_frames(channels: u16) -> usize {
    (BLOCK_SAMPLES / usize::from(channels)).clamp(*BLOCK_FRAMES.start(), *BLOCK_FRAMES.end())
}

/// A WAV file that is being written.
struct SoundFile {
    writer: Writer<Output>,
    encoder: Encoder,
    raw: Vec<u8>,
    target: Target,
}

impl SoundFile {
    fn create(
        target: &Target,
        overwrite: bool,
        header: &Header,
        expected: Expected,
        dither: bool,
    ) -> Result<Self, Problem> {
        let output = Output::create(target, overwrite)?;
        let expected = Expected {
            correctable: output.is_seekable(),
            ..expected
        };
        let writer = Writer::begin(output, header, expected).map_err(|e| Problem::io(target.name(), &e))?;
        let encoder = Encoder::new(header.format.encoding, header.format.channels.into(), dither);
        Ok(SoundFile {
            writer,
            encoder,
            raw: Vec::new(),
            target: target.clone(),
        })
    }

    fn write(&mut self, planes: &[Vec<f32>]) -> Result<(), Problem> {
        self.encoder.encode(planes, &mut self.raw);
        self.writer
            .write(&self.raw)
            .map_err(|e| Problem::io(self.target.name(), &e))
    }

    fn write_raw(&mut self, raw: &[u8]) -> Result<(), Problem> {
        self.writer
            .write(raw)
            .map_err(|e| Problem::io(self.target.name(), &e))
    }

    fn finish(self, after: &[Chunk]) -> Result<Sealed, Problem> {
        let (output, patches) = self
            .writer
            .finish(after)
            .map_err(|e| Problem::io(self.target.name(), &e))?;
        output.seal(&patches)
    }
}

/// Everything that takes part in the sound before and after.
struct Results {
    cleaned: SoundFile,
    /// Where cleaned sound waits for its gain.
    spool: Option<Spool>,
    removed: Option<SoundFile>,
    levels: [Levels; 2],
    pictures: Option<[Spectrogram; 3]>,
    difference: Vec<Vec<f32>>,
}

impl Results {
    /// Takes a block before and after cleaning; `raw` if the output is to have exactly these bytes.
    fn take(&mut self, before: &[Vec<f32>], after: &[Vec<f32>], raw: Option<&[u8]>) -> Result<(), Problem> {
        match (&mut self.spool, raw) {
            (Some(spool), _) => spool
                .push(before, after)
                .map_err(|e| Problem::io(self.cleaned.target.name(), &e))?,
            (None, Some(raw)) => self.cleaned.write_raw(raw)?,
            (None, None) => self.cleaned.write(after)?,
        }
        self.levels[0].push(before);
        self.levels[1].push(after);
        if self.removed.is_some() || self.pictures.is_some() {
            for ((difference, before), after) in self.difference.iter_mut().zip(before).zip(after) {
                difference.clear();
                difference.extend(before.iter().zip(after).map(|(b, a)| b - a));
            }
        }
        if let Some(removed) = &mut self.removed {
            removed.write(&self.difference)?;
        }
        if let Some([a, b, c]) = &mut self.pictures {
            a.push(before);
            b.push(after);
            c.push(&self.difference);
        }
        Ok(())
    }
}

/// Cleans one file. If anything fails, nothing has been written under the names of the outputs.
pub fn clean(
    job: &Job,
    options: &Options,
    network: &Network,
    progress: &Progress,
) -> Result<Report, Problem> {
    let name = job.input.name();
    let mut input = Input::open(&job.input)?;
    let started = Instant::now();
    let format = input.format().clone();
    let channels = usize::from(format.channels);
    let bar = progress.file(name, input.frames(), format.rate);

    let encoding = match options.bits {
        Bits::Keep => format.encoding,
        Bits::Int16 => Encoding::INT16,
        Bits::Int24 => Encoding::INT24,
        Bits::Float32 => Encoding::FLOAT32,
    };
    let unchanged = options.settings.change_nothing();
    let coarse = matches!(
        encoding,
        Encoding::Int {
            valid_bits: ..=16,
            ..
        }
    );
    let dither = coarse
        && (!unchanged || options.loudness.is_some() || format.encoding.resolution() > encoding.resolution());
    let header = input.header().clone().with_encoding(encoding);
    let streamed = !matches!(job.output, Target::File(_));
    let after_bytes = |chunks: &[Chunk]| chunks.iter().map(Chunk::stored_bytes).sum();
    let expected = Expected {
        frames: input.frames(),
        // Between two pipes there is no place for what is only known at the end.
        after: input.after().map(after_bytes).or(streamed.then_some(0)),
        ..Expected::default()
    };
    if let Some(folder) = job.output.name().parent()
        && options.make_folders
    {
        std::fs::create_dir_all(folder).map_err(|e| Problem::io(folder, &e))?;
    }
    let mut results = Results {
        cleaned: SoundFile::create(&job.output, options.overwrite, &header, expected, dither)?,
        spool: match options.loudness {
            Some(_) => Some(Spool::new(name, &job.output.folder(), format.rate, channels)?),
            None => None,
        },
        removed: match &job.removed {
            Some(target) => Some(SoundFile::create(
                target,
                options.overwrite,
                &header,
                expected,
                coarse,
            )?),
            None => None,
        },
        levels: [(); 2].map(|()| Levels::new(format.rate, channels)),
        pictures: job
            .plot
            .is_some()
            .then(|| [(); 3].map(|()| Spectrogram::new(format.rate, channels))),
        difference: vec![Vec::new(); channels],
    };
    // Created now, so that an unwritable place shows before the work.
    let mut plot = match &job.plot {
        Some(target) => Some(Output::create(target, options.overwrite)?),
        None => None,
    };

    let mut way = match unchanged {
        true => None,
        false => Some(Aligned::new(
            network.cleaner(format.rate, channels, &options.settings)?,
            channels,
        )),
    };
    let block = block_frames(format.channels);
    let (mut raw, mut planes) = (Vec::new(), vec![Vec::new(); channels]);
    let mut frames = 0u64;
    loop {
        let got = input.read(block, &mut raw).map_err(|e| unreadable(name, &e))?;
        if got == 0 {
            break;
        }
        decode_block(name, &format, &raw, frames, &mut planes)?;
        match &mut way {
            Some(way) => {
                way.push(&planes);
                results.take(&way.before, &way.after, None)?;
            }
            None => {
                let exact = (encoding == format.encoding).then_some(&raw[..]);
                results.take(&planes, &planes, exact)?;
            }
        }
        frames += got as u64;
        bar.advance(got);
    }
    if let Some(way) = &mut way {
        while way.flush(block) {
            results.take(&way.before, &way.after, None)?;
        }
    }

    let mut warnings = Vec::new();
    let after = input.finish().map_err(|e| unreadable(name, &e))?;
    let after = match expected.after {
        Some(0) if !after.is_empty() => {
            warnings
                .push("the chunks after the sound cannot be kept in a stream; they are left out".to_string());
            &[]
        }
        _ => after,
    };
    let mut loudness = None;
    if let Some((spool, wish)) = results.spool.take().zip(options.loudness) {
        let broken = |e| Problem::io(job.output.name(), &e);
        let adjustment = spool.play(wish, broken, |planes| results.cleaned.write(planes))?;
        warnings.extend(adjustment.warning.clone());
        loudness = Some(adjustment);
    }
    let clipped = results.cleaned.encoder.clipped();
    let mut sealed = vec![results.cleaned.finish(after)?];
    if let Some(removed) = results.removed {
        sealed.push(removed.finish(after)?);
    }
    if let (Some(output), Some(mut pictures), Some(target)) = (&mut plot, results.pictures, &job.plot) {
        pictures.iter_mut().for_each(Spectrogram::finish);
        let [before, after, removed] = &pictures;
        draw(before, after, removed, &mut *output).map_err(|e| Problem::file(target.name(), describe(&e)))?;
    }
    if let Some(plot) = plot {
        sealed.push(plot.seal(&[])?);
    }
    commit(sealed)?;
    drop(bar);

    warnings.splice(0..0, input.warnings().iter().cloned());
    if clipped > 0 {
        warnings.push(format!(
            "{clipped} samples were beyond full scale and have been clipped; --bits 32f keeps them"
        ));
    }
    let [mut before, mut after] = results.levels;
    before.finish();
    after.finish();
    let seconds = frames as f64 / f64::from(format.rate);
    let took_seconds = started.elapsed().as_secs_f64();
    Ok(Report {
        input: name.display().to_string(),
        output: job.output.name().display().to_string(),
        seconds,
        rate: format.rate,
        channels: format.channels,
        bits: encoding.short_name(),
        took_seconds,
        speed: seconds / took_seconds,
        clipped,
        noise_reduction_db: before
            .noise_floor()
            .zip(after.noise_floor())
            .map(|(before, after)| before - after),
        loudness,
        warnings,
    })
}

/// One line for a person.
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} -> {}: {:.1} s in {:.1} s ({:.0} x real time)",
            self.input, self.output, self.seconds, self.took_seconds, self.speed
        )?;
        if let Some(reduction) = self.noise_reduction_db {
            write!(f, ", noise floor {reduction:.0} dB lower")?;
        }
        match &self.loudness {
            Some(Adjustment {
                output_lufs: Some(lufs),
                gain_db,
                ..
            }) => write!(f, ", {lufs:.1} LUFS ({gain_db:+.1} dB)"),
            _ => Ok(()),
        }
    }
}
