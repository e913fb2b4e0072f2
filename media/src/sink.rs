//! Where cleaned sound goes: WAV files and streams, FLAC files, and ffmpeg.

use crate::ffmpeg::encode::{Encoded, Spool};
use crate::ffmpeg::flac::FlacWriter;
use crate::output::{Output, Sealed, Target};
use crate::problem::Problem;
use crate::wav::samples::Encoder;
use crate::wav::write::{Expected, Writer};
use crate::wav::{Chunk, Header};

/// A WAV file that is being written.
#[derive(Debug)]
pub struct WavFile {
    writer: Writer<Output>,
    target: Target,
}

impl WavFile {
    /// Begins a file with this header.
    pub fn create(
        target: &Target,
        overwrite: bool,
        header: &Header,
        expected: Expected,
    ) -> Result<Self, Problem> {
        let output = Output::create(target, overwrite)?;
        let expected = Expected {
            correctable: output.is_seekable(),
            ..expected
        };
        let writer = Writer::begin(output, header, expected).map_err(|e| Problem::io(target.name(), &e))?;
        Ok(WavFile {
            writer,
            target: target.clone(),
        })
    }

    /// Takes samples as they are stored.
    pub fn write(&mut self, raw: &[u8]) -> Result<(), Problem> {
        self.writer
            .write(raw)
            .map_err(|e| Problem::io(self.target.name(), &e))
    }

    /// Ends the file with these chunks.
    pub fn finish(self, after: &[Chunk]) -> Result<Sealed, Problem> {
        let (output, patches) = self
            .writer
            .finish(after)
            .map_err(|e| Problem::io(self.target.name(), &e))?;
        output.seal(&patches)
    }
}

/// What takes the bytes of samples.
pub trait Place {
    /// Takes samples as they are stored, which are those of `planes`.
    fn write(&mut self, raw: &[u8], planes: &[Vec<f32>]) -> Result<(), Problem>;
}

impl Place for WavFile {
    fn write(&mut self, raw: &[u8], _planes: &[Vec<f32>]) -> Result<(), Problem> {
        WavFile::write(self, raw)
    }
}

impl Place for FlacWriter {
    fn write(&mut self, raw: &[u8], _planes: &[Vec<f32>]) -> Result<(), Problem> {
        FlacWriter::write(self, raw)
    }
}

/// An output that ffmpeg writes at the same time.
impl Place for Encoded {
    fn write(&mut self, raw: &[u8], _planes: &[Vec<f32>]) -> Result<(), Problem> {
        Encoded::write(self, raw)
    }
}

/// A track that goes into a film later.
impl Place for Spool {
    fn write(&mut self, raw: &[u8], planes: &[Vec<f32>]) -> Result<(), Problem> {
        Spool::write(self, raw, planes)
    }
}

/// Takes samples, and encodes them for a place.
#[derive(Debug)]
pub struct Sink<P> {
    place: P,
    encoder: Encoder,
    raw: Vec<u8>,
}

impl<P: Place> Sink<P> {
    /// `encoder` gives what `place` expects.
    pub fn new(place: P, encoder: Encoder) -> Self {
        Sink {
            place,
            encoder,
            raw: Vec::new(),
        }
    }

    /// Takes the next samples, one vector a channel; `raw` if exactly these bytes are to be stored for them.
    pub fn write(&mut self, planes: &[Vec<f32>], raw: Option<&[u8]>) -> Result<(), Problem> {
        let raw = match raw {
            Some(raw) => raw,
            None => {
                self.encoder.encode(planes, &mut self.raw);
                &self.raw
            }
        };
        self.place.write(raw, planes)
    }

    /// How many samples have been clipped so far.
    pub fn clipped(&self) -> u64 {
        self.encoder.clipped()
    }

    /// What has them all.
    pub fn into_place(self) -> P {
        self.place
    }
}
