//! `aeden detect`: what does not sound like the rest.

#[path = "../../../jobs/src/detect/score.rs"]
mod score;

use crate::args::detect::DetectArgs;
use crate::family::{listen, load};
use crate::input::{Input, block_frames, unreadable};
use crate::output::{Output, Sealed, Target, clean_up_when_stopped, commit, exists, print, sweep};
use crate::plan::{Source, inputs};
use crate::plot::{Spectrogram, draw_curve};
use crate::problem::{DONE, INTERRUPTED, Problem, one_line};
use crate::sink::WavFile;
use crate::wav::markers::{self, Marker};
use crate::wav::write::Expected;
use aeden::autoencoder::{Autoencoder, Kind};
use aeden::patches::{level, raise};
use score::{Event, Heard, Normal, events};
use serde_json::json;
use std::io::{self, Write};
use std::path::Path;

/// Events less than so many seconds apart are one.
const GAP: f64 = 0.15;

/// An event in units of people.
struct Found {
    start: f64,
    end: f64,
    score: f32,
    /// Where in the spectrum it is most unusual.
    hz: f64,
    /// `louder` or `quieter` than it should be.
    kind: &'static str,
}

/// Does what the arguments say, and returns the exit status.
pub fn detect(args: &DetectArgs) -> Result<u8, Problem> {
    let source = Source::from_path(&args.file);
    let outputs = [&args.csv, &args.labels, &args.markers, &args.plot];
    for path in outputs.into_iter().flatten() {
        if !args.options.overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        if path.exists() && path.canonicalize().ok() == args.file.canonicalize().ok() {
            return Err(Problem::file(
                path,
                "is the recording itself, which is never replaced",
            ));
        }
    }
    if args.markers.is_some() && source == Source::Stdin {
        return Err(Problem::usage(
            "--markers reads the sound twice; give a file instead of '-'",
        ));
    }
    let model = load(args.options.model.as_deref(), Kind::Contractive)?;
    clean_up_when_stopped(|| INTERRUPTED);

    let mut spectrogram = None;
    let mut seen = listen(&source, &model, |rate, planes| {
        if args.plot.is_some() {
            let spectrogram = spectrogram.get_or_insert_with(|| Spectrogram::new(rate, planes.len()));
            spectrogram.push(planes);
        }
    })?;
    let learned = learn(&args.normal, &model)?;
    let common = learned.as_ref().map(|(_, level)| *level);
    let heard = hear(&model, std::mem::take(&mut seen.powers), common);
    let normal = learned.map_or_else(|| Normal::most_of(&heard), |(normal, _)| normal);
    let threshold = args.threshold;
    let scores = normal.scores(&heard);
    let frame_rate = model.view().frame_rate();
    let found = events(&normal, &heard, &scores, threshold, (GAP * frame_rate) as usize);
    let found: Vec<Found> = found
        .iter()
        .map(|event| describe(event, &model, seen.seconds))
        .collect();

    let mut sealed = Vec::new();
    let write = |path: &Path, text: &[u8]| -> Result<Sealed, Problem> {
        let target = Target::File(path.into());
        sweep(&target.folder());
        let mut output = Output::create(&target, args.options.overwrite)?;
        output.write_all(text).map_err(|e| Problem::io(path, &e))?;
        output.seal(&[])
    };
    if let Some(path) = &args.csv {
        let line = |(frame, score): (usize, &f32)| {
            format!("{:.3},{score:.4},{threshold:.4}\n", moment(frame, &model))
        };
        let text: String = scores.iter().enumerate().map(line).collect();
        sealed.push(write(
            path,
            format!("seconds,score,threshold\n{text}").as_bytes(),
        )?);
    }
    if let Some(path) = &args.labels {
        let line = |e: &Found| format!("{:.6}\t{:.6}\t{}\n", e.start, e.end, e.name());
        sealed.push(write(
            path,
            found.iter().map(line).collect::<String>().as_bytes(),
        )?);
    }
    if let Some(path) = &args.plot {
        let mut spectrogram = spectrogram.unwrap_or_else(|| Spectrogram::new(seen.rate, 1));
        spectrogram.finish();
        let marked: Vec<(f64, f64)> = found.iter().map(|e| (e.start, e.end)).collect();
        let mut picture = Vec::new();
        draw_curve(
            &spectrogram,
            ("score", scores.as_slice()),
            threshold,
            &marked,
            &mut picture,
        )
        .map_err(|e| Problem::io(path, &e))?;
        sealed.push(write(path, &picture)?);
    }
    if let Some(path) = &args.markers {
        sealed.push(mark(&source, path, args.options.overwrite, &found, seen.rate)?);
    }
    commit(sealed)?;
    if args.options.json {
        print(&lines(&args.file, &found, threshold, seen.seconds))?;
    } else if !args.options.quiet {
        print(&table(&args.file, &found, threshold))?;
    }
    Ok(DONE)
}

/// What is normal, after recordings, and their level; `None` without any.
fn learn(paths: &[std::path::PathBuf], model: &Autoencoder) -> Result<Option<(Normal, f32)>, Problem> {
    if paths.is_empty() {
        return Ok(None);
    }
    let (mut heard, mut problems, mut common) = (Vec::new(), Vec::new(), None);
    for (source, usable) in inputs(paths) {
        match usable.and_then(|()| listen(&source, model, |_, _| {})) {
            Ok(seen) => {
                let common = *common.get_or_insert_with(|| level(&seen.powers, model.view().bands()));
                heard.push(hear(model, seen.powers, Some(common)));
            }
            Err(problem) => problems.push(problem),
        }
    }
    let Some(common) = common else {
        let nothing = || Problem::file(&paths[0], "has no recordings, so nothing is known to be normal");
        return Err(problems.into_iter().next().unwrap_or_else(nothing));
    };
    // One broken file is no reason to give up, but it should be known.
    for problem in problems {
        let _ = writeln!(io::stderr(), "aeden: detect: warning: {problem}");
    }
    Ok(Some((Normal::of(&heard), common)))
}

/// What the network makes of log powers, at a common level if there is one: their level is that relative to the mean,
/// which one loud event changes.
fn hear(model: &Autoencoder, mut powers: Vec<f32>, common: Option<f32>) -> Heard {
    if let Some(common) = common {
        let by = common - level(&powers, model.view().bands());
        raise(&mut powers, by);
    }
    model.standardise(&mut powers);
    Heard::of(model, powers)
}

/// The middle of a frame in seconds.
fn moment(frame: usize, model: &Autoencoder) -> f64 {
    let framing = &model.view().framing;
    (frame * framing.hop + framing.window / 2) as f64 / f64::from(framing.rate)
}

fn describe(event: &Event, model: &Autoencoder, seconds: f64) -> Found {
    let half = 0.5 / model.view().frame_rate();
    Found {
        start: (moment(event.start, model) - half).min(seconds),
        end: (moment(event.end - 1, model) + half).min(seconds),
        score: event.score,
        hz: model.view().centre(event.band),
        kind: if event.louder { "louder" } else { "quieter" },
    }
}

impl Found {
    fn name(&self) -> String {
        format!("{} {:.1}, {:.0} Hz", self.kind, self.score, self.hz)
    }
}

/// Copies the sound and puts markers beside it.
fn mark(
    source: &Source,
    path: &Path,
    overwrite: bool,
    found: &[Found],
    rate: u32,
) -> Result<Sealed, Problem> {
    let name = source.name();
    let mut input = Input::open(source)?;
    let mut header = input.header().clone();
    header.chunks.retain(|chunk| !markers::is_marking(chunk));
    header.format_at = header.format_at.min(header.chunks.len());
    let frames = |seconds: f64| (seconds * f64::from(rate)).round() as u64;
    let places: Vec<Marker> = found
        .iter()
        .map(|e| Marker {
            start: frames(e.start),
            length: frames(e.end - e.start),
            name: e.name(),
        })
        .collect();
    let target = Target::File(path.into());
    sweep(&target.folder());
    let expected = Expected {
        frames: input.frames(),
        ..Expected::default()
    };
    let mut file = WavFile::create(&target, overwrite, &header, expected)?;
    input.read_all(name, block_frames(header.format.channels), |raw, _| {
        file.write(raw).map(|()| true)
    })?;
    let after = input.finish().map_err(|e| unreadable(name, &e))?;
    let kept = after.iter().filter(|chunk| !markers::is_marking(chunk)).cloned();
    let after: Vec<_> = kept.chain(markers::chunks(&places)).collect();
    file.finish(&after)
}

fn lines(file: &Path, found: &[Found], threshold: f32, seconds: f64) -> String {
    let file = file.display().to_string();
    let round = |value: f64, digits: f64| (value * digits).round() / digits;
    let event = |e: &Found| {
        json!({
            "file": file,
            "start": round(e.start, 1e3),
            "end": round(e.end, 1e3),
            "score": round(e.score.into(), 1e3),
            "hz": round(e.hz, 1.0),
            "kind": e.kind,
        })
    };
    let whole = json!({
        "file": file,
        "status": "heard",
        "seconds": seconds,
        "events": found.len(),
        "threshold": round(threshold.into(), 1e3),
    });
    let all = found.iter().map(event).chain([whole]);
    all.map(|line| format!("{line}\n")).collect()
}

fn table(file: &Path, found: &[Found], threshold: f32) -> String {
    let events = if found.len() == 1 { "event" } else { "events" };
    let title = format!(
        "{}: {} {events} with a score above {threshold:.2}\n",
        one_line(&file.display().to_string()),
        found.len()
    );
    let line = |e: &Found| {
        format!(
            "  {:9.2} … {:<9.2} s  score {:6.1}  {:7}  around {:5.0} Hz\n",
            e.start, e.end, e.score, e.kind, e.hz
        )
    };
    [title].into_iter().chain(found.iter().map(line)).collect()
}
