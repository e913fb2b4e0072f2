//! Where sound comes from: WAV files and streams, and everything that ffmpeg reads, all as blocks of samples.

use crate::run::plan::Source;
use aeden_media::ffmpeg::flac::FlacReader;
use aeden_media::ffmpeg::{Contents, Media, Reading, TrackChoice};
use aeden_media::kind::Kind;
use aeden_media::problem::Problem;
use aeden_media::readers;
use aeden_media::wav::compressed::is_compressed;
use aeden_media::wav::read::{Error, Reader};
use aeden_media::wav::samples::decode;
use aeden_media::wav::{Chunk, Container, Encoding, Format, Header};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Samples of all channels that are worked on at once: enough to keep the network busy, little enough for memory.
const BLOCK_SAMPLES: usize = 1 << 16;
const BLOCK_FRAMES: std::ops::RangeInclusive<usize> = 4_096..=32_768;

/// Sound that is being read. What is not a regular file is read as a stream, and must be WAV.
pub enum Input {
    /// A WAV file: what follows the sound is known at once.
    File(Reader<BufReader<File>>),
    /// WAV from a pipe or device.
    Stream(Reader<Box<dyn Read>>),
    /// A FLAC file, which needs no other program.
    Flac(Box<FlacReader>),
    /// A track of any other file.
    Media(Box<Media>),
}

impl Input {
    /// Opens a source and reads the header. Of several tracks of sound, the first.
    pub fn open(source: &Source) -> Result<Self, Problem> {
        Input::open_as(source, Reading::default())
    }

    /// Opens a source at one of its tracks of sound and reads the header. WAV and FLAC have one.
    pub fn open_as(source: &Source, reading: Reading) -> Result<Self, Problem> {
        let input = Input::open_any(source, reading)?;
        match reading.track {
            TrackChoice::Number(number) if number != 1 && !matches!(input, Input::Media(_)) => {
                Err(Problem::file(
                    source.name(),
                    format!("has one track of sound, not {number}; leave out --track"),
                ))
            }
            _ => Ok(input),
        }
    }

    fn open_any(source: &Source, reading: Reading) -> Result<Self, Problem> {
        let name = source.name();
        let stream: Box<dyn Read> = match source {
            Source::Stdin => {
                #[cfg(unix)]
                readers::note_stream(io::stdin());
                Box::new(io::stdin().lock())
            }
            Source::File(path) => {
                let (mut file, about) = File::open(path)
                    .and_then(|file| file.metadata().map(|about| (file, about)))
                    .map_err(|e| Problem::io(name, &e))?;
                if about.is_dir() {
                    return Err(Problem::file(name, "is a folder; give a file"));
                }
                readers::note(&about);
                if about.is_file() {
                    return match Kind::of_file(&mut file).map_err(|e| Problem::io(name, &e))? {
                        Kind::Wav if is_compressed(&mut file).map_err(|e| Problem::io(name, &e))? => {
                            Media::open(path, reading).map(|media| Input::Media(Box::new(media)))
                        }
                        Kind::Wav => {
                            let file = BufReader::with_capacity(1 << 17, file);
                            let reader = Reader::open_damaged(file, reading.damage);
                            reader.map(Input::File).map_err(|e| unreadable(name, &e))
                        }
                        Kind::Flac => FlacReader::open_damaged(file, about.len(), reading.damage)
                            .map(|reader| Input::Flac(Box::new(reader)))
                            .map_err(|e| unreadable(name, &e)),
                        Kind::Text => Err(Problem::file(name, "is text, not sound; name a recording")),
                        Kind::Other => Err(Problem::file(
                            name,
                            "is a picture, a document, an archive or a program, not sound; name a recording",
                        )),
                        _ => Media::open(path, reading).map(|media| Input::Media(Box::new(media))),
                    };
                }
                Box::new(BufReader::new(file))
            }
        };
        Reader::begin(stream, None, reading.damage)
            .map(Input::Stream)
            .map_err(|e| unreadable(name, &e))
    }

    /// Everything before the sound.
    pub fn header(&self) -> &Header {
        match self {
            Input::File(reader) => reader.header(),
            Input::Stream(reader) => reader.header(),
            Input::Flac(reader) => reader.header(),
            Input::Media(media) => media.header(),
        }
    }

    /// What the samples mean.
    pub fn format(&self) -> &Format {
        &self.header().format
    }

    /// What kind of file it is, for a person.
    pub fn container(&self) -> String {
        match (self, self.header().container) {
            (Input::Media(media), _) => media.description(),
            (Input::Flac(_), _) => "FLAC".into(),
            (_, Container::Riff) => "RIFF".into(),
            (_, Container::Rf64) => "RF64".into(),
            (_, Container::Bw64) => "BW64".into(),
        }
    }

    /// Samples that lose nothing that the input has: its own, or 24 bits for what comes out of a lossy codec.
    pub fn depth(&self) -> Encoding {
        match self {
            Input::Media(media) => media.depth(),
            _ => self.format().encoding,
        }
    }

    /// What it is, whatever its name says.
    pub fn contents(&self) -> Contents<'_> {
        match self {
            Input::File(_) | Input::Stream(_) => Contents::Wav,
            Input::Flac(reader) => Contents::Flac(reader),
            Input::Media(media) => Contents::Media(media),
        }
    }

    /// Frames in it, if that is known for certain.
    pub fn frames(&self) -> Option<u64> {
        match self {
            Input::File(reader) => reader.frames(),
            Input::Stream(reader) => reader.frames(),
            Input::Flac(reader) => reader.frames(),
            Input::Media(_) => None,
        }
    }

    /// Frames in it, if that is known more or less.
    pub fn frames_about(&self) -> Option<u64> {
        match self {
            Input::Media(media) => media.frames_about(),
            _ => self.frames(),
        }
    }

    /// Begins with so many seconds of silence, where that is not in the file itself. Nothing has been read yet.
    pub fn begin_with_silence(&mut self, seconds: f64) {
        if let Input::Media(media) = self {
            let frames = (seconds * f64::from(media.header().format.rate)).round() as u64;
            media.decoder().begin_with_silence(frames);
        }
    }

    /// See [`Reader::read`].
    fn read(&mut self, frames: usize, raw: &mut Vec<u8>) -> Result<usize, Error> {
        match self {
            Input::File(reader) => reader.read(frames, raw),
            Input::Stream(reader) => reader.read(frames, raw),
            Input::Flac(reader) => reader.read(frames, raw),
            Input::Media(media) => media.decoder().read(frames, raw),
        }
    }

    /// Reads what is left, as long as `take` wants more: it gets, so many frames at a time, the bytes as they are stored and
    /// what they mean, one vector a channel. Gives the number of frames.
    pub fn read_all(
        &mut self,
        name: &Path,
        block: usize,
        mut take: impl FnMut(&[u8], &[Vec<f32>]) -> Result<bool, Problem>,
    ) -> Result<u64, Problem> {
        let format = self.format().clone();
        let (mut raw, mut planes) = (Vec::new(), vec![Vec::new(); format.channels.into()]);
        let mut frames = 0;
        loop {
            let got = self.read(block, &mut raw).map_err(|e| unreadable(name, &e))?;
            if got == 0 {
                return Ok(frames);
            }
            decode_block(name, &format, &raw, frames, &mut planes)?;
            frames += got as u64;
            if !take(&raw, &planes)? {
                return Ok(frames);
            }
        }
    }

    /// See [`Reader::after`].
    pub fn after(&self) -> Option<&[Chunk]> {
        match self {
            Input::File(reader) => reader.after(),
            Input::Stream(reader) => reader.after(),
            Input::Flac(_) | Input::Media(_) => Some(&[]),
        }
    }

    /// See [`Reader::finish`].
    pub fn finish(&mut self) -> Result<&[Chunk], Error> {
        match self {
            Input::File(reader) => reader.finish(),
            Input::Stream(reader) => reader.finish(),
            Input::Flac(_) | Input::Media(_) => Ok(&[]),
        }
    }

    /// See [`Reader::warnings`].
    pub fn warnings(&self) -> &[String] {
        match self {
            Input::File(reader) => reader.warnings(),
            Input::Stream(reader) => reader.warnings(),
            Input::Flac(reader) => reader.warnings(),
            Input::Media(media) => media.warnings(),
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
fn decode_block(
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
