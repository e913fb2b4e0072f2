//! `aeden map`: how the sounds of a folder lie in the space of codes.

use super::outputs::failure;
use super::reading::{describe, model};
use crate::args::map::{Colour, MapArgs};
use crate::commands::page;
use crate::commands::report::clip::clip;
use crate::run::plan::{Source, inputs};
use crate::run::progress::Progress;
use aeden_jobs::find::{Describer, Sound};
use aeden_jobs::map::{MOST, Place, place};
use aeden_jobs::models;
use aeden_media::output::{Output, Target, commit, exists, print};
use aeden_media::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem, counted, guarded};
use aeden_media::unfinished::{clean_up_when_stopped, sweep};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Seconds of sound on the page that all share, and what one has at least and at most.
const SHARED_SECONDS: f64 = 600.0;
const SECONDS: (f64, f64) = (0.5, 5.0);

const STYLE: &str = include_str!("map.css");
const SCRIPT: &str = include_str!("map.js");

/// Does what the arguments say, and returns the exit status.
pub fn map(args: &MapArgs) -> Result<u8, Problem> {
    let target = Target::File(args.output.clone());
    if args.output.is_dir() {
        return Err(Problem::usage(format!(
            "{}: a folder; -o takes the name of the page, such as map.html",
            args.output.display()
        )));
    }
    if !args.job.overwrite && args.output.symlink_metadata().is_ok() {
        return Err(exists(&args.output));
    }
    let describer = Describer::with_model(model(args.job.model.as_deref(), models::sparse)?);
    let inputs = inputs(&args.inputs);
    if inputs.len() > MOST {
        return Err(Problem::usage(format!(
            "{} sounds; a map has at most {MOST}, give fewer folders",
            inputs.len()
        )));
    }
    clean_up_when_stopped(|| INTERRUPTED);
    sweep(&target.folder());
    let out = Output::create(&target, args.job.overwrite)?;
    let mut teller = Teller {
        json: args.job.json,
        progress: Progress::new(!args.job.quiet),
        failed: 0,
    };
    let sounds = listen(&inputs, &describer, &mut teller)?;
    if sounds.is_empty() {
        return Err(Problem::file(
            &args.output,
            "not written: there is no sound to show",
        ));
    }
    let folders: BTreeSet<String> = sounds.iter().map(|(source, _)| folder(source)).collect();
    let clusters = args.clusters.map_or(folders.len().clamp(2, 12), usize::from);
    let descriptors: Vec<_> = sounds.iter().map(|(_, sound)| sound.descriptor.clone()).collect();
    let places = place(&descriptors, clusters).map_err(|e| Problem::file(&args.output, e))?;
    let page = Map {
        args,
        seconds: (SHARED_SECONDS / sounds.len() as f64).clamp(SECONDS.0, SECONDS.1),
    };
    page.write(out, &sounds, &places, &mut teller)?;
    if !args.job.quiet && !args.job.json {
        let line = format!(
            "{}, {}",
            counted(sounds.len(), "sound", "sounds"),
            counted(clusters, "cluster", "clusters")
        );
        teller
            .progress
            .line(&format!("aeden: map: {}: {line}", args.output.display()));
    }
    Ok(if teller.failed == 0 { DONE } else { FILE_FAILED })
}

/// Tells of files that cannot be read, and counts them.
struct Teller {
    json: bool,
    progress: Progress,
    failed: usize,
}

impl Teller {
    fn failed(&mut self, name: &Path, problem: &Problem) -> Result<(), Problem> {
        self.failed += 1;
        self.progress.line(&format!("aeden: map: {problem}"));
        match self.json {
            true => print(&format!("{}\n", failure(name, problem))),
            false => Ok(()),
        }
    }
}

/// Describes every sound that can be read.
fn listen<'a>(
    inputs: &'a [(Source, Result<(), Problem>)],
    describer: &Describer,
    teller: &mut Teller,
) -> Result<Vec<(&'a Source, Sound)>, Problem> {
    let mut sounds = Vec::new();
    for (source, usable) in inputs {
        let heard = usable
            .clone()
            .and_then(|()| guarded(source.name(), || describe(source, describer, &teller.progress)));
        match heard {
            Ok(sound) => sounds.push((source, sound)),
            Err(problem) => teller.failed(source.name(), &problem)?,
        }
    }
    Ok(sounds)
}

/// The name of the folder that a sound lies in.
fn folder(source: &Source) -> String {
    let parent = source.name().parent().and_then(Path::file_name);
    parent.map_or_else(|| ".".into(), |name| name.to_string_lossy().into_owned())
}

/// The page as it is asked for.
struct Map<'a> {
    args: &'a MapArgs,
    /// Of every sound.
    seconds: f64,
}

impl Map<'_> {
    fn write(
        &self,
        out: Output,
        sounds: &[(&Source, Sound)],
        places: &[Place],
        teller: &mut Teller,
    ) -> Result<(), Problem> {
        let broken = |e: std::io::Error| Problem::io(&self.args.output, &e);
        let mut page = page::Page::begin(out, "Map of sounds", STYLE, &top()).map_err(broken)?;
        for ((source, sound), place) in sounds.iter().zip(places) {
            let about = about(source, sound, place);
            if self.args.job.json {
                print(&format!("{about}\n"))?;
            }
            let clip = match guarded(source.name(), || clip(source, self.seconds)) {
                Ok(clip) => clip,
                Err(problem) => {
                    teller.failed(source.name(), &problem)?;
                    Vec::new()
                }
            };
            let mut about = about;
            about["group"] = match self.args.colour {
                Colour::Folder => about["folder"].clone(),
                Colour::Cluster => format!("cluster {}", place.cluster + 1).into(),
            };
            about["sound"] = STANDARD.encode(clip).into();
            page.add_data("sound", &about).map_err(broken)?;
        }
        let out = page.end(SCRIPT).map_err(broken)?;
        commit(vec![out.seal(&[])?])
    }
}

/// What stands above the map.
fn top() -> Markup {
    html! {
        h1 { "Map of sounds" }
        p {
            "What sounds alike lies together; the axes mean nothing else. A click on a point plays it, one on a name hides \
             its points."
        }
        div #legend {}
        svg viewBox="-2 -2 104 74" role="group" aria-label="Map" {}
        p #name { "\u{a0}" }
        audio #player controls {}
    }
}

fn about(source: &Source, sound: &Sound, place: &Place) -> Value {
    let round = |share: f64| (share * 1e4).round() / 1e4;
    json!({
        "file": source.name().display().to_string(),
        "folder": folder(source),
        "cluster": place.cluster + 1,
        "x": round(place.x),
        "y": round(place.y),
        "seconds": sound.seconds,
    })
}
