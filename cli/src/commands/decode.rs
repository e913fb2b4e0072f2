//! `aeden decode`: small files as recordings again.

use super::outputs::{Naming, Told, arrow, each};
use super::reading::{model, problem};
use super::writing::create;
use crate::args::codec::DecodeArgs;
use crate::run::plan::Source;
use crate::run::progress::Progress;
use aeden_jobs::codec::{Codec, Decoder, Depth, Header};
use aeden_jobs::{Error, models};
use aeden_media::output::{Target, commit};
use aeden_media::problem::{Problem, counted};
use aeden_media::wav::{Encoding, Extension, Format, PLAIN_GUID_TAIL};
use serde_json::json;
use std::fs::File;
use std::io::{self, BufReader, Read};

const NAMING: Naming = Naming {
    command: "decode",
    infix: Some("decoded"),
    ending: "wav",
    keeps: |_| false,
    takes: Some("aeden"),
};

/// Does what the arguments say, and returns the exit status.
pub fn decode(args: &DecodeArgs) -> Result<u8, Problem> {
    let model = model(args.job.model.as_deref(), models::envelopes)?;
    let codec = Codec::with_model(model).map_err(Problem::model)?;
    each(&NAMING, &args.paths, &args.job, |source, target, progress| {
        one(args, &codec, source, target, progress)
    })
}

/// One file.
fn one(
    args: &DecodeArgs,
    codec: &Codec,
    source: &Source,
    target: &Target,
    progress: &Progress,
) -> Result<Told, Problem> {
    let wrong = |e: Error| match e {
        Error::OtherModel { stored, given } => Problem::model(format!(
            "{}: was encoded with another model (number {stored:016x}, this is {given:016x}); give that with --model",
            source.name().display(),
        )),
        e => problem(source.name(), &e),
    };
    let mut decoder: Decoder<_> = codec.decoder(open(source)?).map_err(wrong)?;
    let Header {
        rate,
        channels,
        depth,
        frames,
        ..
    } = *decoder.header();
    let format = Format {
        channels,
        rate,
        encoding: encoding(depth),
        extension: (channels > 2).then_some(Extension {
            mask: 0,
            guid_tail: PLAIN_GUID_TAIL,
        }),
    };
    let mut sink = create("decode", &format, frames, target, args.job.overwrite)?;
    let bar = progress.file(source.name(), Some(frames), rate);
    while let Some(planes) = decoder.next_block().map_err(wrong)? {
        bar.advance(planes[0].len());
        sink.write(planes, None)?;
    }
    let clipped = sink.clipped();
    commit(vec![sink.into_place().finish(&[])?])?;
    let seconds = frames as f64 / f64::from(rate);
    Ok(Told {
        text: format!(
            "{}: {seconds:.1} s, {} at {rate} Hz\n",
            arrow(source, target),
            counted(channels.into(), "channel", "channels"),
        ),
        lines: vec![json!({
            "status": "decoded",
            "file": source.name().display().to_string(),
            "output": target.name().display().to_string(),
            "seconds": seconds,
            "rate": rate,
            "channels": channels,
            "clipped": clipped,
        })],
        warnings: Vec::new(),
    })
}

fn open(source: &Source) -> Result<Box<dyn Read>, Problem> {
    let Source::File(path) = source else {
        return Ok(Box::new(io::stdin().lock()));
    };
    if path.is_dir() {
        return Err(Problem::file(path, "is a folder; give a file"));
    }
    let file = File::open(path).map_err(|e| Problem::io(path, &e))?;
    Ok(Box::new(BufReader::new(file)))
}

fn encoding(depth: Depth) -> Encoding {
    match depth {
        Depth::Int8 => Encoding::Int {
            bytes: 1,
            valid_bits: 8,
        },
        Depth::Int16 => Encoding::INT16,
        Depth::Int24 => Encoding::INT24,
        Depth::Float32 => Encoding::FLOAT32,
    }
}
