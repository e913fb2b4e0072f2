//! `aeden encode` and `aeden decode`: recordings as small files and back.

#[path = "../../../jobs/src/codec/coefficients.rs"]
mod coefficients;
#[path = "compare.rs"]
mod compare;
#[path = "../../../jobs/src/codec/entropy.rs"]
mod entropy;
#[path = "../../../jobs/src/codec/envelope.rs"]
mod envelope;
#[path = "../../../jobs/src/codec/container.rs"]
mod file;
#[path = "../../../jobs/src/codec/blocks.rs"]
mod stream;

use crate::args::codec::{DecodeArgs, EncodeArgs, Rate};
use crate::family::{create, target};
use crate::input::Input;
use crate::media::container::has_known_ending;
use crate::output::{Output, Target, clean_up_when_stopped, commit, print, sweep};
use crate::plan::Source;
use crate::problem::{DONE, INTERRUPTED, Problem, one_line};
use crate::wav::{Encoding, Extension, Format, PLAIN_GUID_TAIL};
use aeden::autoencoder::{Autoencoder, Kind};
use envelope::Envelopes;
use file::{Error, Header};
use serde_json::json;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// A decibel, as a natural logarithm of sizes.
const DECIBEL: f32 = std::f32::consts::LN_10 / 20.0;

fn envelopes(model: Option<&Path>) -> Result<Envelopes, Problem> {
    let model = match model {
        Some(file) => Autoencoder::open(file).map_err(Problem::model)?,
        None => Autoencoder::for_envelopes(),
    };
    match model.kind() {
        Kind::Undercomplete | Kind::DenoisingL1 | Kind::DenoisingL2 | Kind::Variational => {
            Envelopes::new(model)
        }
        kind => Err(Problem::model(format!(
            "encode and decode take an undercomplete autoencoder, whose code is linear, not a {} one",
            kind.name()
        ))),
    }
}

/// `aeden encode`.
pub fn encode(args: &EncodeArgs) -> Result<u8, Problem> {
    let options = &args.options;
    let source = Source::from_path(&args.input);
    if source == Source::Stdin {
        return Err(Problem::usage(
            "encode reads the sound more than once; give a file instead of '-'",
        ));
    }
    let target = target(&args.input, &args.output, options)?;
    if matches!(target, Target::File(_)) && has_known_ending(&args.output) {
        return Err(Problem::usage(format!(
            "{}: this ending is that of another format; give OUT the ending .aeden",
            args.output.display()
        )));
    }
    let envelopes = envelopes(options.model.as_deref())?;
    clean_up_when_stopped(|| INTERRUPTED);
    let format = Input::open(&source).map(|input| (input.format().clone(), input.depth()))?;
    let encoding = match format.1 {
        Encoding::Int {
            valid_bits: ..=16,
            bytes: 2..,
        } => Encoding::INT16,
        Encoding::Int { bytes: 1, .. } => Encoding::Int {
            bytes: 1,
            valid_bits: 8,
        },
        Encoding::Int {
            valid_bits: ..=24, ..
        } => Encoding::INT24,
        _ => Encoding::FLOAT32,
    };
    let envelope = stream::listen(&source, &envelopes)?;
    let header = Header {
        model: envelopes.model().fingerprint(),
        rate: format.0.rate,
        channels: format.0.channels,
        encoding,
        coarseness: 0,
        frames: envelope.frames,
        means: envelope.means.clone(),
    };
    let seconds = header.frames as f64 / f64::from(header.rate);
    let size = |coarseness: u16| -> Result<u64, Problem> {
        let mut bytes = 0;
        let header = Header {
            coarseness,
            ..header.clone()
        };
        stream::write(&source, &header, &envelopes, &envelope, |_, block| {
            bytes += file::block_size(block);
            Ok(())
        })?;
        Ok(bytes)
    };
    let coarseness = match args.rate {
        Rate::Quality(coarseness) => coarseness,
        Rate::Kilobits(kilobits) => finest(kilobits * 125.0 * seconds, size)?,
    };
    let header = Header { coarseness, ..header };

    let name = target.name();
    sweep(&target.folder());
    let mut output = Output::create(&target, options.overwrite)?;
    let broken = |e: io::Error| Problem::io(name, &e);
    header.write(&mut output).map_err(broken)?;
    let mut bytes = header.size();
    let mut blocks = Vec::new();
    stream::write(&source, &header, &envelopes, &envelope, |number, block| {
        file::write_block(&mut output, number, block).map_err(broken)?;
        bytes += file::block_size(block);
        if args.compare {
            blocks.push(block.to_vec());
        }
        Ok(())
    })?;
    let compared = match args.compare {
        true => compare::all(&source, &header, &envelopes, blocks, bytes)?,
        false => Vec::new(),
    };
    commit(vec![output.seal(&[])?])?;

    let kilobits = |bytes: u64| bytes as f64 / 125.0 / seconds.max(1e-9);
    let before = header.frames * u64::from(header.channels) * format.0.encoding.bytes() as u64;
    if options.json {
        let line = json!({
            "status": "encoded",
            "file": args.input.display().to_string(),
            "output": name.display().to_string(),
            "seconds": seconds,
            "bytes": bytes,
            "kbit_s": kilobits(bytes),
            "coarseness_db": header.decibels(),
            "ratio": before as f64 / bytes as f64,
            "compared": compared.iter().map(|one| json!({
                "name": one.name, "bytes": one.bytes, "kbit_s": kilobits(one.bytes), "si_sdr_db": one.si_sdr, "lsd_db": one.lsd,
            })).collect::<Vec<_>>(),
        });
        print(&format!("{line}\n"))?;
    } else if !options.quiet && target != Target::Stdout {
        let mut text = format!(
            "{} -> {}: {seconds:.1} s, {bytes} bytes, {:.1} kbit/s, {:.1} times smaller\n",
            one_line(&args.input.display().to_string()),
            one_line(&name.display().to_string()),
            kilobits(bytes),
            before as f64 / bytes as f64
        );
        for one in &compared {
            text += &format!(
                "  {:6} {:8} bytes  {:6.1} kbit/s  SI-SDR {:5.1} dB  log-spectral distance {:4.1} dB\n",
                one.name,
                one.bytes,
                kilobits(one.bytes),
                one.si_sdr,
                one.lsd
            );
        }
        print(&text)?;
    }
    Ok(DONE)
}

/// The finest coarseness that takes no more than so many bytes; the coarsest if none does.
fn finest(bytes: f64, mut size: impl FnMut(u16) -> Result<u64, Problem>) -> Result<u16, Problem> {
    let (mut low, mut high) = (0, 1200);
    while low < high {
        let middle = low + (high - low) / 2;
        if size(middle)? as f64 <= bytes {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

/// `aeden decode`.
pub fn decode(args: &DecodeArgs) -> Result<u8, Problem> {
    let options = &args.options;
    let target = target(&args.input, &args.output, options)?;
    let envelopes = envelopes(options.model.as_deref())?;
    clean_up_when_stopped(|| INTERRUPTED);
    let source = Source::from_path(&args.input);
    let name = source.name();
    let mut input: Box<dyn Read> = match &source {
        Source::Stdin => Box::new(io::stdin().lock()),
        Source::File(path) => {
            if path.is_dir() {
                return Err(Problem::file(name, "is a folder; give a file"));
            }
            Box::new(BufReader::new(
                File::open(path).map_err(|e| Problem::io(name, &e))?,
            ))
        }
    };
    let wrong = |error: Error| match error {
        Error::Io(e) => Problem::io(name, &e),
        Error::Malformed(what) => Problem::file(name, what),
    };
    let header = Header::read(&mut input).map_err(wrong)?;
    if header.model != envelopes.model().fingerprint() {
        return Err(Problem::model(format!(
            "{}: was encoded with another model (number {:016x}, this is {:016x}); give that with --model",
            name.display(),
            header.model,
            envelopes.model().fingerprint()
        )));
    }
    sweep(&target.folder());
    let format = Format {
        channels: header.channels,
        rate: header.rate,
        encoding: header.encoding,
        extension: (header.channels > 2).then_some(Extension {
            mask: 0,
            guid_tail: PLAIN_GUID_TAIL,
        }),
    };
    let mut sink = create("decode", &format, header.frames, &target, options.overwrite)?;
    let damaged = || Problem::file(name, "its bytes make no sense; it was not written by aeden");
    stream::read(
        &header,
        &envelopes,
        |number| file::read_block(&mut input, number).map_err(wrong),
        |planes| sink.write(planes, None),
        damaged,
    )?;
    file::read_end(&mut input).map_err(wrong)?;
    let clipped = sink.clipped();
    commit(vec![sink.finish(&[])?])?;
    let seconds = header.frames as f64 / f64::from(header.rate);
    if options.json {
        let line = json!({
            "status": "decoded",
            "file": name.display().to_string(),
            "output": target.name().display().to_string(),
            "seconds": seconds,
            "rate": header.rate,
            "channels": header.channels,
            "clipped": clipped,
        });
        print(&format!("{line}\n"))?;
    } else if !options.quiet && target != Target::Stdout {
        print(&format!(
            "{} -> {}: {seconds:.1} s, {} channels at {} Hz\n",
            one_line(&name.display().to_string()),
            one_line(&target.name().display().to_string()),
            header.channels,
            header.rate
        ))?;
    }
    Ok(DONE)
}
