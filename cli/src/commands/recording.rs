//! A recording that is encoded: heard once, and read again for every trial.

use super::reading::{hear, problem};
use crate::run::input::Input;
use crate::run::plan::Source;
use crate::run::progress::{FileProgress, Progress};
use aeden_jobs::codec::{Coarseness, Codec, Depth, Encoder, Heard, Search};
use aeden_media::ffmpeg::film::Progress as _;
use aeden_media::problem::Problem;
use aeden_media::wav::{Encoding, Format};
use std::io::{self, Write};

/// A recording that has been listened to.
pub struct Recording<'a> {
    source: &'a Source,
    codec: &'a Codec,
    format: Format,
    depth: Depth,
    heard: Heard,
}

impl<'a> Recording<'a> {
    /// Listens to what is open already.
    pub fn listen(
        source: &'a Source,
        codec: &'a Codec,
        input: &mut Input,
        bar: &FileProgress,
    ) -> Result<Self, Problem> {
        let (format, depth, name) = (input.format().clone(), depth(input.depth()), source.name());
        let listening = codec.listen(format.rate, format.channels.into());
        let mut listening = listening.map_err(|e| problem(name, &e))?;
        hear(input, name, |_, planes| {
            bar.advance(planes[0].len());
            listening.push(planes).map_err(|e| problem(name, &e))
        })?;
        Ok(Recording {
            source,
            codec,
            format,
            depth,
            heard: listening.finish(),
        })
    }

    /// The same as another network has it.
    pub fn with_codec(&self, codec: &'a Codec) -> Result<Self, Problem> {
        let mut input = Input::open(self.source)?;
        let bar = Progress::new(false).file(self.source.name(), None, self.format.rate);
        Recording::listen(self.source, codec, &mut input, &bar)
    }

    /// Where it is.
    pub fn source(&self) -> &Source {
        self.source
    }

    /// Its rate and channels.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// What encodes it.
    pub fn codec(&self) -> &Codec {
        self.codec
    }

    /// Its length.
    pub fn seconds(&self) -> f64 {
        self.heard.seconds()
    }

    /// Its length in samples a channel.
    pub fn frames(&self) -> u64 {
        self.heard.frames()
    }

    /// Bytes that its header takes.
    pub fn header_bytes(&self) -> u64 {
        self.heard.header_bytes()
    }

    /// Encodes it once more. Gives what was written to, and how many bytes that were.
    pub fn write<W: Write>(
        &self,
        coarseness: Coarseness,
        out: W,
        bar: &FileProgress,
    ) -> Result<(W, u64), Problem> {
        let name = self.source.name();
        let wrong = |e: aeden_jobs::Error| problem(name, &e);
        let mut input = Input::open(self.source)?;
        let format = input.format();
        if format.channels != self.format.channels || format.rate != self.format.rate {
            return Err(Problem::file(name, "was changed while it was read"));
        }
        let encoder = self.codec.encoder(&self.heard, self.depth, coarseness, out);
        let mut encoder: Encoder<W> = encoder.map_err(wrong)?;
        let mut done = 0;
        hear(&mut input, name, |_, planes| {
            done += planes[0].len();
            bar.reach(done as f64 / f64::from(self.format.rate));
            encoder.push(planes).map_err(wrong)
        })?;
        let bytes = encoder.finish().map_err(wrong)?;
        Ok((encoder.into_inner(), bytes))
    }

    /// The finest steps with which it takes no more than so many bytes.
    pub fn finest(&self, bytes: u64, bar: &FileProgress) -> Result<Coarseness, Problem> {
        let mut search = Search::new(bytes);
        for trial in 1.. {
            let Some(coarseness) = search.next() else { break };
            bar.begin(&format!("trial {trial} of {}", Search::TRIALS));
            let (_, bytes) = self.write(coarseness, io::sink(), bar)?;
            search.tell(bytes);
        }
        Ok(search.found())
    }
}

/// The samples that a decoder is to give again.
fn depth(encoding: Encoding) -> Depth {
    match encoding {
        Encoding::Int { bytes: 1, .. } => Depth::Int8,
        Encoding::Int {
            valid_bits: ..=16, ..
        } => Depth::Int16,
        Encoding::Int {
            valid_bits: ..=24, ..
        } => Depth::Int24,
        _ => Depth::Float32,
    }
}
