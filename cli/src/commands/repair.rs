//! `aeden repair`: fills what is missing, and leaves everything else as it is.

use super::outputs::{Naming, Told, arrow, each};
use super::reading::{hear, model, problem};
use crate::args::repair::RepairArgs;
use crate::run::input::Input;
use crate::run::plan::Source;
use crate::run::progress::{FileProgress, Progress};
use aeden_jobs::repair::{Damage, Mended, Repairer};
use aeden_jobs::{Autoencoder, models};
use aeden_media::ffmpeg::container::{self, is_wav};
use aeden_media::ffmpeg::encode::{Encoded, Spool};
use aeden_media::ffmpeg::film::{Cleaned, assemble, complete};
use aeden_media::ffmpeg::flac::{self, FlacWriter};
use aeden_media::ffmpeg::inventory::{Loss, without_place};
use aeden_media::ffmpeg::{Arrangement, Form, Material, form, misnamed};
use aeden_media::output::{Sealed, Target, commit};
use aeden_media::problem::{Problem, counted};
use aeden_media::sink::{Place, Sink, WavFile};
use aeden_media::wav::samples::Encoder;
use aeden_media::wav::write::Expected;
use aeden_media::wav::{Encoding, Format};
use serde_json::{Value, json};

const NAMING: Naming = Naming {
    command: "repair",
    infix: Some("repaired"),
    ending: "wav",
    keeps: |path| is_wav(path) || container::of(path).is_some(),
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
    let mut input = Input::open(source)?;
    let path = match source {
        Source::File(path) if !matches!(input, Input::Stream(_)) => Some(path.as_path()),
        _ => None,
    };
    let material = Material {
        path,
        source: input.contents(),
        format: input.format(),
    };
    let wanted = args.float.then_some(Encoding::FLOAT32);
    // Beside the input or in a folder, the output is what the input is, as far as it keeps its ending.
    let given = args.paths.output_dir.is_none() && args.paths.paths.len() > 1;
    let chosen = given || target.name().extension() != source.name().extension();
    let form = form(&material, target, chosen, wanted, None)?;
    let misnamed = misnamed(&material, target, chosen);
    if let Form::Wav(Some(arrangement)) | Form::Sound(arrangement) = &form {
        input.begin_with_silence(arrangement.silence);
    }
    let format = input.format().clone();
    let work = Work {
        args,
        network,
        source,
        target,
        bar: progress.file(source.name(), input.frames_about(), format.rate),
    };
    let mut done = match form {
        Form::Wav(arrangement) => work.to_wav(&mut input, arrangement.as_ref()),
        Form::Flac => work.to_flac(&mut input),
        Form::Sound(arrangement) => work.to_sound(&mut input, &arrangement),
        Form::Film(arrangement) => work.to_film(input, arrangement),
    }?;
    done.warnings.extend(misnamed);
    drop(work.bar);
    Ok(Told {
        text: text(
            source,
            target,
            &done.mended,
            done.frames * u64::from(format.channels),
        ),
        lines: lines(source, target, &done, &format),
        warnings: done.warnings,
    })
}

/// What came of a file.
struct Done {
    mended: Vec<Mended>,
    /// Its length.
    frames: u64,
    /// What the user should know.
    warnings: Vec<String>,
}

impl Done {
    fn lose(&mut self, losses: Vec<Loss>) {
        for loss in losses {
            if !self.warnings.contains(&loss.text) {
                self.warnings.push(loss.text);
            }
        }
    }
}

/// One file under way.
struct Work<'a> {
    args: &'a RepairArgs,
    network: Option<&'a Autoencoder>,
    source: &'a Source,
    target: &'a Target,
    bar: FileProgress,
}

impl Work<'_> {
    /// Gives an output its name, and notes what it was made from.
    fn commit(&self, sealed: Sealed) -> Result<(), Problem> {
        if let Source::File(path) = self.source {
            sealed.note_source(path);
        }
        commit(vec![sealed])
    }

    /// A WAV file or stream.
    fn to_wav(&self, input: &mut Input, arrangement: Option<&Arrangement>) -> Result<Done, Problem> {
        let encoding = if self.args.float {
            Encoding::FLOAT32
        } else {
            input.depth()
        };
        let (chunks, others) = input.contents().wav_chunks()?;
        let mut header = input.header().clone().with_encoding(encoding);
        header.chunks.extend(chunks);
        let expected = Expected {
            frames: input.frames(),
            ..Expected::default()
        };
        let file = WavFile::create(self.target, self.args.job.overwrite, &header, expected)?;
        let (file, mut done) = self.mend(input, file, encoding)?;
        let sealed = file.finish(input.after().unwrap_or_default())?;
        done.lose(without_place("WAV has no place for these blocks", others));
        if let (Some(arrangement), Some(place)) = (arrangement, sealed.path()) {
            done.lose(complete(&arrangement.assembly(), place, self.target.name())?.0);
        }
        self.commit(sealed)?;
        Ok(done)
    }

    /// A FLAC file from a FLAC or WAV file.
    fn to_flac(&self, input: &mut Input) -> Result<Done, Problem> {
        if self.args.float {
            return Err(Problem::usage(
                "FLAC has no floating point; give OUT the ending .wav for --float",
            ));
        }
        let encoding = flac::encoding_for(input.depth());
        let (blocks, lost) = match &*input {
            Input::Flac(reader) => (flac::blocks_of_flac(reader.metadata()), Vec::new()),
            input => flac::blocks_of_wav(input.header(), input.after().unwrap_or_default()),
        };
        let format = Format {
            encoding,
            ..input.format().clone()
        };
        let file = FlacWriter::create(self.target, self.args.job.overwrite, &format, blocks)?;
        let (file, mut done) = self.mend(input, file, encoding)?;
        self.commit(file.finish()?)?;
        done.lose(without_place("FLAC has no place for these chunks", lost));
        Ok(done)
    }

    /// One track of sound, which ffmpeg encodes at the same time.
    fn to_sound(&self, input: &mut Input, arrangement: &Arrangement) -> Result<Done, Problem> {
        let assembly = arrangement.assembly();
        let encoded = Encoded::start(self.target, self.args.job.overwrite, &assembly)?;
        let (encoded, mut done) = self.mend(input, encoded, assembly.tracks[0].codec.feed)?;
        let sealed = encoded.finish()?;
        if let Some(place) = sealed.path() {
            done.lose(complete(&assembly, place, self.target.name())?.0);
        }
        self.commit(sealed)?;
        Ok(done)
    }

    /// The first track of sound of a film, among what stands beside it.
    fn to_film(&self, mut input: Input, mut arrangement: Arrangement) -> Result<Done, Problem> {
        let track = std::mem::take(&mut arrangement.tracks).into_iter().next();
        let (Target::File(path), Some(track)) = (self.target, track) else {
            return Err(Problem::file(
                self.target.name(),
                "a film is made from a file, and into one; give both",
            ));
        };
        let spool = Spool::create(path)?;
        let (spool, mut done) = self.mend(&mut input, spool, track.codec.feed)?;
        let finished = assemble(
            &self.bar,
            &mut arrangement,
            &mut [Cleaned { track, spool }],
            (self.target, self.args.job.overwrite),
            |_, _, _| Ok(()),
        )?;
        self.commit(finished.sealed)?;
        done.warnings.extend(finished.warnings);
        done.lose(finished.losses);
        Ok(done)
    }

    /// Repairs a track into a place that takes samples of this encoding.
    fn mend<P: Place>(&self, input: &mut Input, place: P, encoding: Encoding) -> Result<(P, Done), Problem> {
        let (name, format) = (self.source.name(), input.format().clone());
        let wrong = |e| problem(name, &e);
        let mut repairer = repairer(self.args, self.network, &format).map_err(wrong)?;
        let mut out = Destination::new(place, encoding, &format);
        let mut mended = vec![Vec::new(); format.channels.into()];
        hear(input, name, |raw, planes| {
            self.bar.advance(planes[0].len());
            repairer.push(planes, &mut mended).map_err(wrong)?;
            out.write(raw, &mut mended, repairer.mended())
        })?;
        repairer.finish(&mut mended).map_err(wrong)?;
        out.write(&[], &mut mended, repairer.mended())?;
        let mut warnings = input.warnings().to_vec();
        if repairer.left_alone() > 0 {
            warnings.push(format!(
                "{} damaged so densely that nothing is changed there",
                counted(repairer.left_alone(), "stretch is", "stretches are")
            ));
        }
        if out.clipped() > 0 {
            warnings.push(format!(
                "{} restored samples were above full scale and have been limited to it; --float keeps them",
                out.clipped()
            ));
        }
        let done = Done {
            mended: repairer.mended().to_vec(),
            frames: out.frames,
            warnings,
        };
        Ok((out.sink.into_place(), done))
    }
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
struct Destination<P> {
    sink: Sink<P>,
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

impl<P: Place> Destination<P> {
    fn new(place: P, encoding: Encoding, format: &Format) -> Self {
        let exact = encoding == format.encoding;
        Destination {
            patcher: exact.then(|| Encoder::new(encoding, 1, false)),
            sink: Sink::new(place, Encoder::new(encoding, format.channels.into(), false)),
            format: format.clone(),
            raw: Vec::new(),
            frames: 0,
            patched: 0,
        }
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

fn lines(source: &Source, target: &Target, done: &Done, format: &Format) -> Vec<Value> {
    let in_seconds = |frames: u64| (frames as f64 / f64::from(format.rate) * 1e6).round() / 1e6;
    let file = source.name().display().to_string();
    let mut sorted: Vec<&Mended> = done.mended.iter().collect();
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
        "seconds": done.frames as f64 / f64::from(format.rate),
        "damages": done.mended.len(),
        "samples": done.mended.iter().map(|m| m.samples.end - m.samples.start).sum::<u64>(),
    });
    lines.chain([whole]).collect()
}
