//! `aeden encode`: recordings as small files.

use super::compare::{self, Compared};
use super::outputs::{Naming, Told, arrow, each};
use super::reading::model;
use super::recording::Recording;
use crate::args::codec::{EncodeArgs, Rate};
use crate::run::input::Input;
use crate::run::plan::Source;
use crate::run::progress::Progress;
use aeden_jobs::codec::{Coarseness, Codec};
use aeden_jobs::models;
use aeden_media::ffmpeg::container::has_known_ending;
use aeden_media::ffmpeg::film::Progress as _;
use aeden_media::output::{Output, Target, commit};
use aeden_media::problem::Problem;
use serde_json::json;
use std::io::Write;

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
            let bytes = (kilobits * 125.0 * recording.seconds()) as u64;
            recording.finest(bytes + recording.header_bytes(), &bar)?
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
    Ok(told(&recording, target, coarseness, bytes, &compared))
}

/// What is said about it.
fn told(
    recording: &Recording,
    target: &Target,
    coarseness: Coarseness,
    bytes: u64,
    compared: &[Compared],
) -> Told {
    let seconds = recording.seconds();
    let kilobits = |bytes: u64| bytes as f64 / 125.0 / seconds.max(1e-9);
    let frame = recording.format().frame_bytes() as u64;
    let ratio = (recording.frames() * frame) as f64 / bytes as f64;
    let mut text = format!(
        "{}: {seconds:.1} s, {bytes} bytes, {:.1} kbit/s, {ratio:.1} times smaller\n",
        arrow(recording.source(), target),
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
        "file": recording.source().name().display().to_string(),
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
