//! `aeden encode`: recordings as small files.

use super::compare::{self, Compared};
use super::outputs::{Naming, Told, arrow, each};
use super::reading::{hear, model, problem};
use crate::args::codec::{EncodeArgs, Rate};
use crate::input::Input;
use crate::media::container::has_known_ending;
use crate::output::{Output, Target, commit};
use crate::plan::Source;
use crate::problem::Problem;
use crate::progress::{FileProgress, Progress};
use crate::wav::{Encoding, Format};
use aeden_jobs::codec::{Coarseness, Codec, Depth, Encoder, Heard, Search};
use aeden_jobs::models;
use serde_json::json;
use std::io::{self, Write};

const NAMING: Naming = Naming {
    command: "encode",
    infix: None,
    ending: "aeden",
    keeps: |_| false,
    takes: None,
};

/// Does what the arguments say, and returns the exit status.
pub fn encode(args: &EncodeArgs) -> Result<u8, Problem> {
    if let [_, output] = args.paths.paths.as_slice()
        && args.paths.output_dir.is_none()
        && has_known_ending(output)
    {
        return Err(Problem::usage(format!(
            "{}: this ending is that of another format; give OUT the ending .aeden",
            output.display()
        )));
    }
    let model = model(args.job.model.as_deref(), models::envelopes)?;
    let codec = Codec::with_model(model).map_err(Problem::model)?;
    each(&NAMING, &args.paths, &args.job, |source, target, progress| {
        if *source == Source::Stdin {
            return Err(Problem::usage(
                "encode reads the sound more than once; give a file instead of '-'",
            ));
        }
        one(args, &codec, source, target, progress)
    })
}

/// A recording that has been listened to.
pub struct Recording<'a> {
    source: &'a Source,
    codec: &'a Codec,
    format: Format,
    depth: Depth,
    heard: Heard,
}

/// One file.
fn one(
    args: &EncodeArgs,
    codec: &Codec,
    source: &Source,
    target: &Target,
    progress: &Progress,
) -> Result<Told, Problem> {
    let mut input = Input::open(source)?;
    let bar = progress.file(source.name(), input.frames_about(), input.format().rate);
    let recording = Recording::listen(source, codec, &mut input, &bar)?;
    let coarseness = match args.rate {
        Rate::Steps(coarseness) => coarseness,
        Rate::Kilobits(kilobits) => {
            let bytes = (kilobits * 125.0 * recording.heard.seconds()) as u64;
            recording.finest(bytes + recording.heard.header_bytes(), &bar)?
        }
    };
    bar.begin("writing");
    let output = Output::create(target, args.job.overwrite)?;
    let (output, bytes, compared) = if args.compare {
        let (encoded, bytes) = recording.write(coarseness, Vec::new(), &bar)?;
        let mut output = output;
        output
            .write_all(&encoded)
            .map_err(|e| Problem::io(target.name(), &e))?;
        bar.begin("comparing");
        (output, bytes, compare::all(&recording, &encoded)?)
    } else {
        let (output, bytes) = recording.write(coarseness, output, &bar)?;
        (output, bytes, Vec::new())
    };
    drop(bar);
    commit(vec![output.seal(&[])?])?;
    Ok(recording.told(target, coarseness, bytes, &compared))
}

impl<'a> Recording<'a> {
    fn listen(
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

    fn told(&self, target: &Target, coarseness: Coarseness, bytes: u64, compared: &[Compared]) -> Told {
        let seconds = self.seconds();
        let kilobits = |bytes: u64| bytes as f64 / 125.0 / seconds.max(1e-9);
        let frame = self.format.frame_bytes() as u64;
        let ratio = (self.heard.frames() * frame) as f64 / bytes as f64;
        let mut text = format!(
            "{}: {seconds:.1} s, {bytes} bytes, {:.1} kbit/s, {ratio:.1} times smaller\n",
            arrow(self.source, target),
            kilobits(bytes),
        );
        for one in compared {
            text += &format!(
                "  {:6} {:8} bytes  {:6.1} kbit/s  SI-SDR {:5.1} dB  log-spectral distance {:4.1} dB\n",
                one.name,
                one.bytes,
                kilobits(one.bytes),
                one.si_sdr,
                one.lsd
            );
        }
        let compared = compared.iter().map(|one| {
            json!({
                "name": one.name,
                "bytes": one.bytes,
                "kbit_s": kilobits(one.bytes),
                "si_sdr_db": one.si_sdr,
                "lsd_db": one.lsd,
            })
        });
        let line = json!({
            "status": "encoded",
            "file": self.source.name().display().to_string(),
            "output": target.name().display().to_string(),
            "seconds": seconds,
            "bytes": bytes,
            "kbit_s": kilobits(bytes),
            "coarseness_db": coarseness.decibels(),
            "ratio": ratio,
            "compared": compared.collect::<Vec<_>>(),
        });
        Told {
            text,
            lines: vec![line],
            warnings: Vec::new(),
        }
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
