//! `aeden detect`: what does not sound like the rest.

use super::outputs::failure;
use super::reading::{hear, model, problem};
use super::writing::{check, check_beside, whole};
use crate::args::detect::DetectArgs;
use crate::run::input::{Input, block_frames, unreadable};
use crate::run::plan::{Source, inputs};
use crate::run::progress::Progress;
use aeden_jobs::detect::{Detection, Detector, Event, Heard, Normal};
use aeden_jobs::models;
use aeden_media::output::{Sealed, Target, commit, print};
use aeden_media::plot::{Spectrogram, draw_curve};
use aeden_media::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem, counted, guarded, one_line};
use aeden_media::sink::WavFile;
use aeden_media::unfinished::{clean_up_when_stopped, sweep};
use aeden_media::wav::markers::{self, Marker};
use aeden_media::wav::write::Expected;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Does what the arguments say, and returns the exit status.
pub fn detect(args: &DetectArgs) -> Result<u8, Problem> {
    let inputs = match args.files.as_slice() {
        [file] if !file.is_dir() => vec![(Source::from_path(file), Ok(()))],
        files => inputs(files),
    };
    check_outputs(args, &inputs)?;
    let detector = Detector::with_model(model(args.job.model.as_deref(), models::pca)?);
    clean_up_when_stopped(|| INTERRUPTED);
    let progress = Progress::new(!args.job.quiet && !args.job.json);
    let normal = learn(&args.normal, &detector, &progress)?;
    let mut failed = 0;
    for (source, usable) in &inputs {
        let name = source.name();
        let told = usable.clone().and_then(|()| {
            guarded(name, || {
                let found = examine(args, source, &detector, normal.as_ref(), &progress)?;
                write(args, source, &found)?;
                Ok(found.detection)
            })
        });
        match told {
            Ok(detection) if args.job.json => print(&lines(name, &detection, args.threshold))?,
            Ok(_) if args.job.quiet => {}
            Ok(detection) => print(&table(name, &detection, args.threshold))?,
            Err(problem) => {
                failed += 1;
                if args.job.json {
                    print(&format!("{}\n", failure(name, &problem)))?;
                }
                if inputs.len() == 1 {
                    return Err(problem);
                }
                progress.line(&format!("aeden: detect: {problem}"));
            }
        }
    }
    Ok(if failed == 0 { DONE } else { FILE_FAILED })
}

/// Refuses outputs that would replace something, or that many recordings would share.
fn check_outputs(args: &DetectArgs, inputs: &[(Source, Result<(), Problem>)]) -> Result<(), Problem> {
    let beside: Vec<&PathBuf> = [&args.csv, &args.labels, &args.plot]
        .into_iter()
        .flatten()
        .collect();
    let [(source, _)] = inputs else {
        return match beside.is_empty() && args.markers.is_none() {
            true => Ok(()),
            false => Err(Problem::usage(
                "--csv, --labels, --markers and --plot take one recording, but there are several; give them one by one",
            )),
        };
    };
    let normal = args.normal.iter().map(PathBuf::as_path);
    let read: Vec<&Path> = normal.chain([source.name()]).collect();
    for path in beside {
        check_beside(path, &read, args.job.overwrite)?;
    }
    if let Some(path) = &args.markers {
        check(path, &read, args.job.overwrite)?;
    }
    if args.markers.is_some() && *source == Source::Stdin {
        return Err(Problem::usage(
            "--markers reads the sound twice; give a file instead of '-'",
        ));
    }
    Ok(())
}

/// What was found in a recording, and what it looks like.
struct Found {
    detection: Detection,
    rate: u32,
    picture: Option<Spectrogram>,
}

fn listen(
    source: &Source,
    detector: &Detector,
    progress: &Progress,
    mut picture: Option<&mut Option<Spectrogram>>,
) -> Result<(Heard, u32), Problem> {
    let name = source.name();
    let mut input = Input::open(source)?;
    let (rate, channels) = (input.format().rate, usize::from(input.format().channels));
    let listening = detector.listen(rate, channels);
    let mut listening = listening.map_err(|e| problem(name, &e))?;
    let bar = progress.file(name, input.frames_about(), rate);
    hear(&mut input, name, |_, planes| {
        bar.advance(planes[0].len());
        if let Some(picture) = &mut picture {
            picture
                .get_or_insert_with(|| Spectrogram::new(rate, channels))
                .push(planes);
        }
        listening.push(planes).map_err(|e| problem(name, &e))
    })?;
    Ok((listening.finish(), rate))
}

fn examine(
    args: &DetectArgs,
    source: &Source,
    detector: &Detector,
    normal: Option<&Normal>,
    progress: &Progress,
) -> Result<Found, Problem> {
    let mut picture = None;
    let drawn = args.plot.is_some().then_some(&mut picture);
    let (heard, rate) = listen(source, detector, progress, drawn)?;
    picture.iter_mut().for_each(Spectrogram::finish);
    Ok(Found {
        detection: detector.examine(heard, normal, args.threshold),
        rate,
        picture,
    })
}

/// What is normal, after recordings; `None` without any.
fn learn(paths: &[PathBuf], detector: &Detector, progress: &Progress) -> Result<Option<Normal>, Problem> {
    if paths.is_empty() {
        return Ok(None);
    }
    let (mut heard, mut problems) = (Vec::new(), Vec::new());
    for (source, usable) in inputs(paths) {
        let listened =
            usable.and_then(|()| guarded(source.name(), || listen(&source, detector, progress, None)));
        match listened {
            Ok((one, _)) => heard.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    let Some(normal) = detector.learn(heard) else {
        let nothing = || Problem::file(&paths[0], "has no recordings, so nothing is known to be normal");
        return Err(problems.into_iter().next().unwrap_or_else(nothing));
    };
    // One broken file is no reason to give up, but it should be known.
    for problem in problems {
        progress.line(&format!("aeden: detect: warning: {problem}"));
    }
    Ok(Some(normal))
}

/// Writes the files that were asked for, all or none.
fn write(args: &DetectArgs, source: &Source, found: &Found) -> Result<(), Problem> {
    let (detection, overwrite) = (&found.detection, args.job.overwrite);
    let outputs = [&args.csv, &args.labels, &args.markers, &args.plot];
    for path in outputs.into_iter().flatten() {
        sweep(&Target::File(path.clone()).folder());
    }
    let mut sealed = Vec::new();
    if let Some(path) = &args.csv {
        sealed.push(whole(path, overwrite, csv(detection, args.threshold).as_bytes())?);
    }
    if let Some(path) = &args.labels {
        let line = |e: &Event| format!("{:.6}\t{:.6}\t{}\n", e.start, e.end, label(e));
        let labels: String = detection.events.iter().map(line).collect();
        sealed.push(whole(path, overwrite, labels.as_bytes())?);
    }
    if let Some(path) = &args.plot {
        let picture = draw(found, args.threshold).map_err(|e| Problem::io(path, &e))?;
        sealed.push(whole(path, overwrite, &picture)?);
    }
    if let Some(path) = &args.markers {
        sealed.push(mark(source, path, overwrite, found)?);
    }
    commit(sealed)
}

fn csv(detection: &Detection, threshold: f32) -> String {
    let line =
        |(frame, score): (usize, &f32)| format!("{:.3},{score:.4},{threshold:.4}\n", detection.moment(frame));
    let text: String = detection.scores.iter().enumerate().map(line).collect();
    format!("seconds,score,threshold\n{text}")
}

fn draw(found: &Found, threshold: f32) -> std::io::Result<Vec<u8>> {
    let empty;
    let spectrogram = match &found.picture {
        Some(spectrogram) => spectrogram,
        None => {
            empty = Spectrogram::new(found.rate, 1);
            &empty
        }
    };
    let events = found.detection.events.iter();
    let marked: Vec<(f64, f64)> = events.map(|e| (e.start, e.end)).collect();
    let (mut picture, scores) = (Vec::new(), found.detection.scores.as_slice());
    draw_curve(spectrogram, ("score", scores), threshold, &marked, &mut picture)?;
    Ok(picture)
}

/// An event in a few words.
fn label(event: &Event) -> String {
    format!(
        "{} {:.1}, {:.0} Hz",
        event.change.name(),
        event.score,
        event.frequency
    )
}

/// Copies the sound and puts markers beside it.
fn mark(source: &Source, path: &Path, overwrite: bool, found: &Found) -> Result<Sealed, Problem> {
    let name = source.name();
    let mut input = Input::open(source)?;
    let mut header = input.header().clone();
    header.chunks.retain(|chunk| !markers::is_marking(chunk));
    header.format_at = header.format_at.min(header.chunks.len());
    let frames = |seconds: f64| (seconds * f64::from(found.rate)).round() as u64;
    let events = found.detection.events.iter();
    let places: Vec<Marker> = events
        .map(|e| Marker {
            start: frames(e.start),
            length: frames(e.end - e.start),
            name: label(e),
        })
        .collect();
    let expected = Expected {
        frames: input.frames(),
        ..Expected::default()
    };
    let mut file = WavFile::create(&Target::File(path.into()), overwrite, &header, expected)?;
    input.read_all(name, block_frames(header.format.channels), |raw, _| {
        file.write(raw).map(|()| true)
    })?;
    let after = input.finish().map_err(|e| unreadable(name, &e))?;
    let kept = after.iter().filter(|chunk| !markers::is_marking(chunk)).cloned();
    let after: Vec<_> = kept.chain(markers::chunks(&places)).collect();
    file.finish(&after)
}

fn lines(file: &Path, detection: &Detection, threshold: f32) -> String {
    let file = file.display().to_string();
    let round = |value: f64, digits: f64| (value * digits).round() / digits;
    let event = |e: &Event| {
        json!({
            "file": file,
            "start": round(e.start, 1e3),
            "end": round(e.end, 1e3),
            "score": round(e.score.into(), 1e3),
            "hz": round(e.frequency, 1.0),
            "kind": e.change.name(),
        })
    };
    let whole = json!({
        "file": file,
        "status": "heard",
        "seconds": detection.seconds,
        "events": detection.events.len(),
        "threshold": round(threshold.into(), 1e3),
    });
    let all = detection.events.iter().map(event).chain([whole]);
    all.map(|line: Value| format!("{line}\n")).collect()
}

fn table(file: &Path, detection: &Detection, threshold: f32) -> String {
    let title = format!(
        "{}: {} with a score above {threshold:.2}\n",
        one_line(&file.display().to_string()),
        counted(detection.events.len(), "event", "events"),
    );
    let line = |e: &Event| {
        format!(
            "  {:9.2} … {:<9.2} s  score {:6.1}  {:7}  around {:5.0} Hz\n",
            e.start,
            e.end,
            e.score,
            e.change.name(),
            e.frequency
        )
    };
    let events = detection.events.iter().map(line);
    [title].into_iter().chain(events).collect()
}
