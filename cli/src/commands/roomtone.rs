//! `aeden roomtone`: new sound that is like the quiet parts of a recording, as long as one likes.

use super::outputs::{Naming, Told, arrow, each};
use super::reading::{model, problem};
use super::writing::{check, check_beside, create};
use crate::args::roomtone::RoomtoneArgs;
use crate::run::input::{Input, block_frames, unreadable};
use crate::run::plan::Source;
use crate::run::progress::Progress;
use aeden_jobs::roomtone::{LEARNED, Learner, Room, Tone};
use aeden_jobs::{Error, models};
use aeden_media::ffmpeg::container::{self, is_wav};
use aeden_media::output::{Output, Sealed, Target, commit};
use aeden_media::plot::{Spectrogram, draw};
use aeden_media::problem::{Problem, counted};
use aeden_media::wav::Format;
use serde_json::json;
use std::path::Path;
use std::time::Instant;

const NAMING: Naming = Naming {
    command: "roomtone",
    infix: Some("roomtone"),
    ending: "wav",
    keeps: |path| is_wav(path) || container::of(path).is_some_and(|container| container.muxer == "flac"),
    takes: None,
};

/// Does what the arguments say, and returns the exit status.
pub fn roomtone(args: &RoomtoneArgs) -> Result<u8, Problem> {
    if args.plot.is_some() && args.paths.output_dir.is_some() {
        return Err(Problem::usage(
            "--plot takes one recording, without -o; give them one by one",
        ));
    }
    if let Some(path) = &args.plot {
        check_beside(path, &[], args.job.overwrite)?;
    }
    let model = model(args.job.model.as_deref(), models::roomtone)?;
    let learner = Learner::with_model(model)
        .map_err(Problem::model)?
        .from_everything(args.all)
        .steady(args.steady);
    each(&NAMING, &args.paths, &args.job, |source, target, progress| {
        if let (Some(other), Target::File(path)) = (&args.towards, target) {
            check(path, &[other], true)?;
        }
        one(args, &learner, source, target, progress)
    })
}

/// One file.
fn one(
    args: &RoomtoneArgs,
    learner: &Learner,
    source: &Source,
    target: &Target,
    progress: &Progress,
) -> Result<Told, Problem> {
    let began = Instant::now();
    let recording = Recording::read(source, args.plot.is_some())?;
    let (rate, channels) = (recording.format.rate, recording.planes.len());
    let room = recording.learn(learner, args.all)?;
    let other = match &args.towards {
        Some(path) => {
            let other = Recording::read(&Source::from_path(path), args.plot.is_some())?;
            let room = other.learn(&learner.clone().at_rate(rate), args.all)?;
            Some((other, room))
        }
        None => None,
    };
    let total = (args.seconds * f64::from(rate)).round().max(1.0) as u64;
    let tone = match &other {
        Some((_, to)) => Tone::between(&room, to, total, args.seed),
        None => Tone::new(&room, total, args.seed),
    };
    let mut tone = tone.map_err(|e| unlike(args, source, &e))?;
    let mut sink = create("roomtone", &recording.format, total, target, args.job.overwrite)?;
    let bar = progress.file(target.name(), Some(total), rate);
    let mut picture = args.plot.is_some().then(|| Spectrogram::new(rate, channels));
    while let Some(planes) = tone.next_block() {
        sink.write(planes, None)?;
        if let Some(picture) = &mut picture {
            picture.push(planes);
        }
        bar.advance(planes[0].len());
    }
    drop(bar);
    let clipped = sink.clipped();
    let mut sealed = vec![sink.into_place().finish(&[])?];
    if let Source::File(path) = source {
        sealed[0].note_source(path);
    }
    if let (Some(path), Some(mut picture)) = (&args.plot, picture) {
        picture.finish();
        let other = other.as_ref().and_then(|(other, _)| other.picture.as_ref());
        sealed.push(paint(
            path,
            args.job.overwrite,
            &picture,
            recording.picture.as_ref(),
            other,
        )?);
    }
    commit(sealed)?;
    let took = began.elapsed().as_secs_f64();
    Ok(told(args, source, target, &room, total, clipped, took))
}

/// Why there is no way from one room to the other.
fn unlike(args: &RoomtoneArgs, source: &Source, error: &Error) -> Problem {
    match (error, &args.towards) {
        (Error::Channels { expected, found }, Some(path)) => Problem::file(
            path,
            format!("has {found} channels, IN {expected}; give recordings with equally many, or one in mono"),
        ),
        (error, _) => problem(source.name(), error),
    }
}

fn told(
    args: &RoomtoneArgs,
    source: &Source,
    target: &Target,
    room: &Room,
    total: u64,
    clipped: u64,
    took: f64,
) -> Told {
    let seconds = total as f64 / f64::from(room.rate());
    let mut warnings = Vec::new();
    if clipped > 0 {
        warnings.push(format!(
            "{clipped} samples were above full scale and have been limited to it"
        ));
    }
    let learned_from = room.learned_from().iter();
    let line = json!({
        "status": "made",
        "file": source.name().display().to_string(),
        "towards": args.towards.as_ref().map(|path| path.display().to_string()),
        "output": target.name().display().to_string(),
        "seconds": seconds,
        "rate": room.rate(),
        "channels": room.channels(),
        "seed": args.seed,
        "learned_from": learned_from.map(|part| json!([part.start, part.end])).collect::<Vec<_>>(),
        "learned_seconds": room.learned_seconds(),
        "tones_hz": room.tones().collect::<Vec<_>>(),
        "directions": room.directions(),
        "clipped": clipped,
        "took_seconds": took,
        "speed": seconds / took,
    });
    let text = format!(
        "{}: {seconds:.1} s from {:.1} s of room tone; {}, moving in {}\n",
        arrow(source, target),
        room.learned_seconds(),
        counted(room.tones().count(), "steady tone", "steady tones"),
        counted(room.directions(), "direction", "directions"),
    );
    Told {
        text,
        lines: vec![line],
        warnings,
    }
}

/// Recordings and what was made of them, under one another.
fn paint(
    path: &Path,
    overwrite: bool,
    made: &Spectrogram,
    source: Option<&Spectrogram>,
    other: Option<&Spectrogram>,
) -> Result<Sealed, Problem> {
    let mut output = Output::create(&Target::File(path.into()), overwrite)?;
    let panels = [("source", source), ("tone", Some(made)), ("other", other)];
    let panels: Vec<_> = panels
        .into_iter()
        .filter_map(|(title, picture)| Some((title, picture?)))
        .collect();
    draw(&panels, &mut output).map_err(|e| Problem::io(path, &e))?;
    output.seal(&[])
}

/// The beginning of a recording.
struct Recording {
    name: std::path::PathBuf,
    format: Format,
    planes: Vec<Vec<f32>>,
    picture: Option<Spectrogram>,
}

impl Recording {
    fn read(source: &Source, drawn: bool) -> Result<Recording, Problem> {
        let name = source.name();
        let mut input = Input::open(source)?;
        let format = Format {
            encoding: input.depth(),
            ..input.format().clone()
        };
        let most = (LEARNED * f64::from(format.rate)) as usize;
        let mut planes: Vec<Vec<f32>> = vec![Vec::new(); format.channels.into()];
        let mut picture = drawn.then(|| Spectrogram::new(format.rate, planes.len()));
        input.read_all(name, block_frames(format.channels), |_, block| {
            for (plane, block) in planes.iter_mut().zip(block) {
                plane.extend_from_slice(&block[..block.len().min(most - plane.len())]);
            }
            Ok(planes[0].len() < most)
        })?;
        if planes[0].len() < most {
            input.finish().map_err(|e| unreadable(name, &e))?;
        }
        if let Some(picture) = &mut picture {
            picture.push(&planes);
            picture.finish();
        }
        Ok(Recording {
            name: name.into(),
            format,
            planes,
            picture,
        })
    }

    fn learn(&self, learner: &Learner, all: bool) -> Result<Room, Problem> {
        let room = learner.learn(&self.planes, self.format.rate);
        room.map_err(|error| match error {
            Error::Silent => Problem::file(&self.name, "is silent; there is no room tone in it"),
            Error::TooLittle {
                quiet,
                seconds,
                needed,
            } => Problem::file(&self.name, too_little(quiet, seconds, needed, all)),
            error => problem(&self.name, &error),
        })
    }
}

/// What to do where there is too little to learn from.
fn too_little(quiet: f64, seconds: f64, needed: f64, all: bool) -> String {
    if seconds < needed {
        return format!(
            "has {seconds:.2} s of sound; room tone is learned from {needed:.0} s at least, 5 s and more are better"
        );
    }
    match all {
        true => {
            format!("has {quiet:.2} s that are not silent; room tone is learned from {needed:.0} s at least")
        }
        false => format!(
            "has {quiet:.2} s where nothing stands out, and room tone is learned from {needed:.0} s at least; \
             give a recording with longer pauses, or learn from all of it with --all"
        ),
    }
}
