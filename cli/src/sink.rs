//! Where cleaned sound goes: WAV files and streams, and ffmpeg.

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
    encoder: Encoder,
    raw: Vec<u8>,
    target: Target,
}

impl WavFile {
    /// Begins a file with this header. `dither` as in [`Encoder::new`].
    pub fn create(
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
        Ok(WavFile {
            writer,
            encoder,
            raw: Vec::new(),
            target: target.clone(),
        })
    }

    /// Takes the next samples, one vector a channel.
    pub fn write(&mut self, planes: &[Vec<f32>]) -> Result<(), Problem> {
        self.encoder.encode(planes, &mut self.raw);
        self.writer
            .write(&self.raw)
            .map_err(|e| Problem::io(self.target.name(), &e))
    }

    /// Takes samples as they are stored.
    pub fn write_raw(&mut self, raw: &[u8]) -> Result<(), Problem> {
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

/// Takes cleaned sound.
pub enum Sink {
    /// A WAV file or stream.
    Wav(WavFile),
    /// An output that ffmpeg writes at the same time.
    Encoded(Encoded),
    /// A FLAC file.
    Flac(Box<FlacWriter>),
    /// A track that goes into a film later.
    Spool(Spool),
}

impl Sink {
    /// Takes the next samples, one vector a channel; `raw` if exactly these bytes are to be stored for them.
    pub fn write(&mut self, planes: &[Vec<f32>], raw: Option<&[u8]>) -> Result<(), Problem> {
        match (self, raw) {
            (Sink::Wav(file), Some(raw)) => file.write_raw(raw),
            (Sink::Wav(file), None) => file.write(planes),
            (Sink::Encoded(encoded), Some(raw)) => encoded.write_raw(raw),
            (Sink::Encoded(encoded), None) => encoded.write(planes),
            (Sink::Flac(file), Some(raw)) => file.write_raw(raw),
            (Sink::Flac(file), None) => file.write(planes),
            (Sink::Spool(spool), Some(raw)) => spool.write_raw(raw, planes),
            (Sink::Spool(spool), None) => spool.write(planes),
        }
    }

    /// How many samples have been clipped so far.
    pub fn clipped(&self) -> u64 {
        match self {
            Sink::Wav(file) => file.encoder.clipped(),
            Sink::Encoded(encoded) => encoded.clipped(),
            Sink::Flac(file) => file.clipped(),
            Sink::Spool(spool) => spool.clipped(),
        }
    }
}
