//! `aeden repair`: fills what is missing, and leaves everything else as it is.

use super::outputs::{Naming, Told, arrow, each};
use super::reading::{hear, model, problem};
use crate::args::repair::RepairArgs;
use crate::input::Input;
use crate::media::container::is_wav;
use crate::media::flac::{self, FlacWriter};
use crate::media::{Form, Material, form};
use crate::output::{Target, commit};
use crate::plan::Source;
use crate::problem::{Problem, counted};
use crate::progress::Progress;
use crate::sink::{Place, Sink, WavFile};
use crate::wav::samples::Encoder;
use crate::wav::write::Expected;
use crate::wav::{Encoding, Format};
use aeden_jobs::repair::{Damage, Mended, Repairer};
use aeden_jobs::{Autoencoder, models};
use serde_json::{Value, json};

const NAMING: Naming = Naming {
    command: "repair",
    infix: Some("repaired"),
    ending: "wav",
    keeps: |path| {
        is_wav(path)
            || path
                .extension()
                .is_some_and(|ending| ending.eq_ignore_ascii_case("flac"))
    },
    takes: None,
};

/// Does what the arguments say, and returns the exit status.
pub fn repair(args: &RepairArgs) -> Result<u8, Problem> {
    let network = match args.prediction_only {
        true => None,
        false => Some(model(args.job.model.as_deref(), models::repair)?),
    };
    if let Some(network) = &network {
        // What is wrong with it is told before anything is read.
        Repairer::with_model(48_000, 1, network.clone()).map_err(Problem::model)?;
    }
    each(&NAMING, &args.paths, &args.job, |source, target, progress| {
        one(args, network.as_ref(), source, target, progress)
    })
}

/// One file.
fn one(
    args: &RepairArgs,
    network: Option<&Autoencoder>,
    source: &Source,
    target: &Target,
    progress: &Progress,
) -> Result<Told, Problem> {
    let (name, mut input) = (source.name(), Input::open(source)?);
    let format = input.format().clone();
    let wrong = |e| problem(name, &e);
    let mut repairer = repairer(args, network, &format).map_err(wrong)?;
    let mut out = Destination::create(&input, source, target, args)?;
    let bar = progress.file(name, input.frames_about(), format.rate);
    let mut mended = vec![Vec::new(); format.channels.into()];
    hear(&mut input, name, |raw, planes| {
        bar.advance(planes[0].len());
        repairer.push(planes, &mut mended).map_err(wrong)?;
        out.write(raw, &mut mended, repairer.mended())
    })?;
    repairer.finish(&mut mended).map_err(wrong)?;
    out.write(&[], &mut mended, repairer.mended())?;
    drop(bar);
    let (seconds, clipped) = (out.frames as f64 / f64::from(format.rate), out.clipped());
    let after = input.after().unwrap_or_default();
    commit(vec![out.sink.finish(after)?])?;

    let mut warnings = input.warnings().to_vec();
    if repairer.left_alone() > 0 {
        warnings.push(format!(
            "{} damaged so densely that nothing is changed there",
            counted(repairer.left_alone(), "stretch is", "stretches are")
        ));
    }
    if clipped > 0 {
        warnings.push(format!(
            "{clipped} restored samples were above full scale and have been limited to it; --float keeps them"
        ));
    }
    Ok(Told {
        text: text(
            source,
            target,
            repairer.mended(),
            out.frames * u64::from(format.channels),
        ),
        lines: lines(source, target, repairer.mended(), &format, seconds),
        warnings,
    })
}

/// Looks for what was asked for.
fn repairer(
    args: &RepairArgs,
    network: Option<&Autoencoder>,
    format: &Format,
) -> Result<Repairer, aeden_jobs::Error> {
    let (rate, channels) = (format.rate, format.channels.into());
    let repairer = match network {
        Some(network) => Repairer::with_model(rate, channels, network.clone())?,
        None => Repairer::predicting(rate, channels)?,
    };
    let damages: Vec<Damage> = match (args.find.is_empty(), args.regions.is_empty()) {
        (true, true) => Damage::FOUND.to_vec(),
        _ => args.find.iter().map(|&damage| damage.into()).collect(),
    };
    let step = match format.encoding {
        Encoding::Int { valid_bits, .. } => 2.0 / (1u64 << valid_bits) as f32,
        Encoding::Float { .. } => 0.0,
    };
    let repairer = repairer.looking_for(&damages).filling(&args.regions);
    Ok(repairer.in_steps_of(step))
}

/// Where the result goes. Where the output has the input's encoding, all samples but the mended ones are stored with the
/// very bytes of the input.
struct Destination {
    sink: Sink,
    /// Stores mended samples; `None` where all are encoded anew.
    patcher: Option<Encoder>,
    format: Format,
    /// Bytes of the input that are not yet written.
    raw: Vec<u8>,
    /// Frames that are written.
    frames: u64,
    /// Damages that lie in them as a whole.
    patched: usize,
}

impl Destination {
    fn create(input: &Input, source: &Source, target: &Target, args: &RepairArgs) -> Result<Self, Problem> {
        let path = match source {
            Source::File(path) if !matches!(input, Input::Stream(_)) => Some(path.as_path()),
            _ => None,
        };
        let material = Material {
            path,
            media: input.media(),
            format: input.format(),
        };
        let wanted = if args.float {
            Encoding::FLOAT32
        } else {
            input.depth()
        };
        let (place, encoding) = match form(&material, target, None, None)? {
            Form::Wav => {
                let header = input.header().clone().with_encoding(wanted);
                let expected = Expected {
                    frames: input.frames(),
                    ..Expected::default()
                };
                let file = WavFile::create(target, args.job.overwrite, &header, expected)?;
                (Place::Wav(file), wanted)
            }
            Form::Flac => {
                if args.float {
                    return Err(Problem::usage(
                        "FLAC has no floating point; give OUT the ending .wav for --float",
                    ));
                }
                let encoding = flac::encoding_for(wanted);
                let (blocks, _) = match input {
                    Input::Flac(reader) => (flac::blocks_of_flac(reader.metadata()), Vec::new()),
                    input => flac::blocks_of_wav(input.header(), input.after().unwrap_or_default()),
                };
                let format = Format {
                    encoding,
                    ..input.format().clone()
                };
                let file = FlacWriter::create(target, args.job.overwrite, &format, blocks)?;
                (Place::Flac(Box::new(file)), encoding)
            }
            Form::Sound(_) | Form::Film(_) => {
                return Err(Problem::file(
                    target.name(),
                    "repair writes WAV, and FLAC from WAV and FLAC; give OUT such an ending",
                ));
            }
        };
        let format = input.format().clone();
        let exact = encoding == format.encoding;
        Ok(Destination {
            patcher: exact.then(|| Encoder::new(encoding, 1, false)),
            sink: Sink::new(place, Encoder::new(encoding, format.channels.into(), false)),
            format,
            raw: Vec::new(),
            frames: 0,
            patched: 0,
        })
    }

    /// Takes more of the input, and all of what is mended so far.
    fn write(&mut self, raw: &[u8], planes: &mut [Vec<f32>], mended: &[Mended]) -> Result<(), Problem> {
        let frames = planes[0].len();
        let until = self.frames + frames as u64;
        if let Some(patcher) = &mut self.patcher {
            self.raw.extend_from_slice(raw);
            let (bytes, frame) = (self.format.encoding.bytes(), self.format.frame_bytes());
            let mut stored = Vec::new();
            for damage in &mended[self.patched..] {
                let from = damage.samples.start.max(self.frames);
                let to = damage.samples.end.min(until);
                if from >= to {
                    continue;
                }
                let part = (from - self.frames) as usize..(to - self.frames) as usize;
                patcher.encode(&[planes[damage.channel][part.clone()].to_vec()], &mut stored);
                for (t, sample) in part.zip(stored.chunks_exact(bytes)) {
                    let at = t * frame + damage.channel * bytes;
                    self.raw[at..at + bytes].copy_from_slice(sample);
                }
            }
            self.sink.write(planes, Some(&self.raw[..frames * frame]))?;
            self.raw.drain(..frames * frame);
        } else {
            self.sink.write(planes, None)?;
        }
        self.patched += mended[self.patched..]
            .iter()
            .take_while(|damage| damage.samples.end <= until)
            .count();
        self.frames = until;
        planes.iter_mut().for_each(Vec::clear);
        Ok(())
    }

    fn clipped(&self) -> u64 {
        self.sink.clipped() + self.patcher.as_ref().map_or(0, Encoder::clipped)
    }
}

fn text(source: &Source, target: &Target, mended: &[Mended], samples: u64) -> String {
    let changed: u64 = mended.iter().map(|m| m.samples.end - m.samples.start).sum();
    let kinds = [
        (Damage::DropOut, "drop-out", "drop-outs"),
        (Damage::Click, "click", "clicks"),
        (Damage::Peak, "clipped peak", "clipped peaks"),
        (Damage::Region, "region", "regions"),
    ];
    let counts = kinds.map(|(damage, one, several)| {
        counted(mended.iter().filter(|m| m.damage == damage).count(), one, several)
    });
    format!(
        "{}: {}; {changed} samples of {samples} changed\n",
        arrow(source, target),
        counts.join(", ")
    )
}

fn lines(source: &Source, target: &Target, mended: &[Mended], format: &Format, seconds: f64) -> Vec<Value> {
    let in_seconds = |frames: u64| (frames as f64 / f64::from(format.rate) * 1e6).round() / 1e6;
    let file = source.name().display().to_string();
    let mut sorted: Vec<&Mended> = mended.iter().collect();
    sorted.sort_by_key(|m| (m.samples.start, m.channel));
    let lines = sorted.iter().map(|m| {
        json!({
            "file": file,
            "kind": m.damage.name(),
            "channel": m.channel + 1,
            "start": in_seconds(m.samples.start),
            "end": in_seconds(m.samples.end),
            "samples": m.samples.end - m.samples.start,
        })
    });
    let whole = json!({
        "status": "repaired",
        "file": file,
        "output": target.name().display().to_string(),
        "seconds": seconds,
        "damages": mended.len(),
        "samples": mended.iter().map(|m| m.samples.end - m.samples.start).sum::<u64>(),
    });
    lines.chain([whole]).collect()
}
