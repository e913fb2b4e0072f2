//! Where cleaned sound goes: WAV files and streams, FLAC files, and ffmpeg.

use crate::media::encode::{Encoded, Spool};
use crate::media::flac::FlacWriter;
use crate::output::{Output, Sealed, Target};
use crate::problem::Problem;
use crate::wav::samples::Encoder;
use crate::wav::write::{Expected, Writer};
use crate::wav::{Chunk, Header};

/// A WAV file that is being written.
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
pub enum Place {
    /// A WAV file or stream.
    Wav(WavFile),
    /// An output that ffmpeg writes at the same time.
    Encoded(Encoded),
    /// A FLAC file.
    Flac(Box<FlacWriter>),
    /// A track that goes into a film later.
    Spool(Spool),
}

/// Takes samples.
pub struct Sink {
    place: Place,
    encoder: Encoder,
    raw: Vec<u8>,
}

impl Sink {
    /// `encoder` gives what `place` expects.
    pub fn new(place: Place, encoder: Encoder) -> Self {
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
        match &mut self.place {
            Place::Wav(file) => file.write(raw),
            Place::Encoded(encoded) => encoded.write(raw),
            Place::Flac(file) => file.write(raw),
            Place::Spool(spool) => spool.write(raw, planes),
        }
    }

    /// How many samples have been clipped so far.
    pub fn clipped(&self) -> u64 {
        self.encoder.clipped()
    }

    /// Ends a WAV file with these chunks, or a FLAC file, which has had all of its own.
    ///
    /// # Panics
    /// If ffmpeg writes the output: that ends in other ways.
    pub fn finish(self, after: &[Chunk]) -> Result<Sealed, Problem> {
        match self.place {
            Place::Wav(file) => file.finish(after),
            Place::Flac(file) => file.finish(),
            Place::Encoded(_) | Place::Spool(_) => unreachable!("ffmpeg writes it"),
        }
    }

    /// What has them all.
    pub fn into_place(self) -> Place {
        self.place
    }
}
