//! `aeden map`: how the sounds of a folder lie in the space of codes.

mod kept;
mod library;
mod link;

use super::reading::{Input, model, workers};
use crate::args::map::{Heard, MapArgs};
use crate::commands::page;
use crate::commands::report::clip::clip;
use crate::run::plan::{Source, inputs, spare_recordings};
use crate::run::progress::Progress;
use aeden_jobs::find::Describer;
use aeden_jobs::map::{MOST, Map, Place};
use aeden_jobs::{Error, models};
use aeden_media::output::{Output, Target, commit, print};
use aeden_media::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem, counted, guarded};
use aeden_media::unfinished::{clean_up_when_stopped, sweep};
use kept::{Entry, Kept};
use library::{Found, Library, Teller, folder};
use maud::{Markup, html};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

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
    // What is there may be gone on with.
    spare_recordings(&args.output)?;
    let describer = Describer::with_model(model(args.job.model.as_deref(), models::sparse)?);
    let goes_on = !args.job.overwrite && args.output.symlink_metadata().is_ok();
    let before = match goes_on {
        true => Some(kept::read(&args.output, describer.fingerprint())?),
        false => None,
    };
    let inputs = inputs(&args.inputs);
    clean_up_when_stopped(|| INTERRUPTED);
    sweep(&target.folder());
    let out = Output::create(&target, args.job.overwrite || goes_on)?;
    let folder = target.folder();
    let folder = folder.canonicalize().map_err(|e| Problem::io(&folder, &e))?;
    let known = before.as_ref().map_or(&[][..], |before| &before.entries);
    let library = Library::new(&folder, &args.inputs, &inputs, known);
    if library.total() > MOST {
        return Err(Problem::usage(format!(
            "{} sounds; a map has at most {MOST}, give fewer folders",
            library.total()
        )));
    }
    let mut teller = Teller {
        json: args.job.json,
        progress: Progress::new(!args.job.quiet),
        failed: 0,
    };
    let found = library.hear(&describer, args.jobs, &mut teller)?;
    let (sounds, changes) = settle(&folder, &inputs, &library, before.as_ref(), found);
    if sounds.is_empty() {
        let what = match before {
            Some(_) => "left as it is: none of its sounds would stay",
            None => "not written: there is no sound to show",
        };
        return Err(Problem::file(&args.output, what));
    }
    let map = place(args, &sounds, before.as_ref(), workers(args.jobs))?;
    let page = Page {
        args,
        folder: &folder,
        model: describer.fingerprint(),
    };
    let heard = page.heard(sounds.len());
    let clusters: BTreeSet<usize> = map.places().iter().map(|place| place.cluster).collect();
    let count = counted(sounds.len(), "sound", "sounds");
    page.write(out, sounds, &map, &changes, &mut teller)?;
    if !args.job.quiet && !args.job.json {
        let told = if goes_on {
            format!(" ({changes})")
        } else {
            String::new()
        };
        let mut line = format!(
            "{count}{told}, {}",
            counted(clusters.len(), "cluster", "clusters")
        );
        if heard == Heard::Files {
            line += "; a click plays the files where they lie";
        }
        teller
            .progress
            .line(&format!("aeden: map: {}: {line}", args.output.display()));
    }
    Ok(if teller.failed == 0 { DONE } else { FILE_FAILED })
}

/// A sound that is to be on the map.
struct Sound {
    entry: Entry,
    /// As the user knows it.
    file: PathBuf,
    /// Where a map has it already.
    place: Option<Place>,
}

/// What became of the sounds of a map.
#[derive(Default)]
struct Changes {
    stay: usize,
    new: usize,
    /// Of the new ones, those whose files had other contents before.
    changed: usize,
    gone: Vec<PathBuf>,
}

impl std::fmt::Display for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} where they were, {} new, {} changed and placed anew, {} gone",
            self.stay,
            self.new - self.changed,
            self.changed,
            self.gone.len()
        )
    }
}

/// What is on the map: sounds that stay, in their order, then new ones, in the order of the inputs.
fn settle(
    page: &Path,
    inputs: &[Input],
    library: &Library,
    before: Option<&Kept>,
    found: Vec<(usize, Found)>,
) -> (Vec<Sound>, Changes) {
    let known = before
        .into_iter()
        .flat_map(|kept| kept.entries.iter().zip(&kept.places));
    let mut stay: Vec<Option<Sound>> = known
        .enumerate()
        .map(|(number, (entry, place))| {
            (!library.is_gone(number)).then(|| Sound {
                entry: entry.clone(),
                file: link::path(page, &entry.link),
                place: Some(*place),
            })
        })
        .collect();
    let (mut new, mut changes) = (Vec::new(), Changes::default());
    for (number, found) in found {
        let file = inputs[number].0.name().to_path_buf();
        match (found, before) {
            (Found::Known(number, stamp, link), Some(before)) => {
                let mut entry = before.entries[number].clone();
                let moved = entry.link != link;
                let is_free = !moved || stay[number].is_none();
                (entry.stamp, entry.link, entry.folder) = (stamp, link, folder(&file));
                let place = is_free.then(|| before.places[number]);
                let sound = Sound { entry, file, place };
                // Of copies of one that has gone, the first has its place.
                if is_free {
                    stay[number] = Some(sound)
                } else {
                    new.push(sound)
                }
            }
            (Found::New(entry), _) => {
                if let Some(before) = library.known(&entry.link) {
                    stay[before] = None;
                    changes.changed += 1;
                }
                let (entry, place) = (*entry, None);
                new.push(Sound { entry, file, place });
            }
            (Found::Known(..), None) => {}
        }
    }
    let all = stay.iter().enumerate();
    let gone = all.filter(|(number, sound)| sound.is_none() && library.is_gone(*number));
    let entries = before.map_or(&[][..], |before| &before.entries);
    changes.gone = gone
        .map(|(number, _)| link::path(page, &entries[number].link))
        .collect();
    let mut sounds: Vec<Sound> = stay.into_iter().flatten().collect();
    (changes.stay, changes.new) = (sounds.len(), new.len());
    sounds.extend(new);
    (sounds, changes)
}

/// Lays out what is new, among what has a place.
fn place(args: &MapArgs, sounds: &[Sound], before: Option<&Kept>, workers: usize) -> Result<Map, Problem> {
    let places: Vec<Place> = sounds.iter().map_while(|sound| sound.place).collect();
    let mut descriptors: Vec<_> = sounds
        .iter()
        .map(|sound| sound.entry.descriptor.clone())
        .collect();
    let lay_out = || match before.filter(|_| !places.is_empty()) {
        Some(before) => {
            let new = descriptors.split_off(places.len());
            let mut map = Map::restore(descriptors, places, before.unit)?;
            map.add(new, workers)?;
            if let Some(count) = args.clusters {
                map.cluster(count.into());
            }
            Ok(map)
        }
        None => {
            let folders: BTreeSet<&str> = sounds.iter().map(|sound| sound.entry.folder.as_str()).collect();
            let clusters = args.clusters.map_or(folders.len().clamp(2, 12), usize::from);
            Map::new(descriptors, clusters, workers)
        }
    };
    lay_out().map_err(|e: Error| Problem::file(&args.output, e))
}

/// The page as it is asked for.
struct Page<'a> {
    args: &'a MapArgs,
    /// Canonical.
    folder: &'a Path,
    /// Fingerprint of the network.
    model: u64,
}

impl Page<'_> {
    /// Where the sound of so many is.
    fn heard(&self, sounds: usize) -> Heard {
        let few = sounds as f64 * SECONDS.0 <= SHARED_SECONDS;
        let usual = if few { Heard::Inside } else { Heard::Files };
        self.args.sound.unwrap_or(usual)
    }

    fn write(
        &self,
        out: Output,
        sounds: Vec<Sound>,
        map: &Map,
        changes: &Changes,
        teller: &mut Teller,
    ) -> Result<(), Problem> {
        let broken = |e: std::io::Error| Problem::io(&self.args.output, &e);
        let heard = self.heard(sounds.len());
        let seconds = (SHARED_SECONDS / sounds.len() as f64).clamp(SECONDS.0, SECONDS.1);
        let mut page = page::Page::begin(out, "Map of sounds", STYLE, &top(heard)).map_err(broken)?;
        for (number, (sound, place)) in sounds.iter().zip(map.places()).enumerate() {
            if self.args.job.json {
                let status = if number < changes.stay { "kept" } else { "new" };
                print(&format!("{}\n", about(sound, place, status)))?;
            }
            let Some(clip) = self.clip(sound, heard, seconds, teller)? else {
                continue;
            };
            page.add_file(&format!("clip{number}"), &clip).map_err(broken)?;
        }
        if self.args.job.json {
            for file in &changes.gone {
                print(&format!(
                    "{}\n",
                    json!({ "file": file.display().to_string(), "status": "removed" })
                ))?;
            }
        }
        let map = Kept {
            entries: sounds.into_iter().map(|sound| sound.entry).collect(),
            places: map.places().to_vec(),
            unit: map.unit(),
        };
        kept::write(&mut page, self.model, &map, self.args.colour, heard).map_err(broken)?;
        let out = page.end(SCRIPT).map_err(broken)?;
        commit(vec![out.seal(&[])?])
    }

    /// What is heard of a sound on the page.
    fn clip(
        &self,
        sound: &Sound,
        heard: Heard,
        seconds: f64,
        teller: &mut Teller,
    ) -> Result<Option<Vec<u8>>, Problem> {
        if heard == Heard::Files {
            return Ok(None);
        }
        if let Some(clip) = &sound.entry.clip {
            return Ok(Some(clip.clone()));
        }
        let source = match sound.entry.link.as_str() {
            "" => Source::Stdin,
            link => Source::File(link::path(self.folder, link)),
        };
        match guarded(&sound.file, || clip(&source, seconds)) {
            Ok(clip) => Ok(Some(clip)),
            Err(problem) => teller.failed(&sound.file, &problem).map(|()| None),
        }
    }
}

/// What stands above the map.
fn top(heard: Heard) -> Markup {
    html! {
        h1 { "Map of sounds" }
        p {
            "What sounds alike lies together; the axes mean nothing else. A click on a point plays it"
            @if heard == Heard::Files { " from its file, so this page stays where it is, or moves with the files" }
            ". Wheel or pinch: nearer. Drag: elsewhere."
        }
        div #controls {
            label { "Search " input #search type="search" placeholder="part of a name" autocomplete="off"; }
            label { "Colours " select #colour { option value="folder" { "folder" } option value="cluster" { "cluster" } } }
            span {
                button #in type="button" aria-label="Nearer" { "+" }
                button #out type="button" aria-label="Farther" { "\u{2212}" }
                button #all type="button" { "All" }
            }
            output #count {}
        }
        div #legend role="group" aria-label="Groups: press to hide" {}
        div #frame {
            canvas #plane tabindex="0" role="application" aria-label="Map" aria-describedby="keys" {}
            div #ring.ring hidden {}
            div #tip hidden {}
        }
        p #keys {
            kbd { "\u{2190}" } " " kbd { "\u{2191}" } " " kbd { "\u{2192}" } " " kbd { "\u{2193}" } " next sound in that direction, "
            kbd { "Enter" } " plays it, " kbd { "+" } " " kbd { "\u{2212}" } " nearer and farther, " kbd { "0" } " all"
        }
        p #name aria-live="polite" { "\u{a0}" }
        audio #player controls {}
        h2 #list-title { "Sounds beside it" }
        ol #list {}
    }
}

fn about(sound: &Sound, place: &Place, status: &str) -> serde_json::Value {
    json!({
        "file": sound.file.display().to_string(),
        "folder": sound.entry.folder,
        "cluster": place.cluster + 1,
        "x": kept::rounded(place.x),
        "y": kept::rounded(place.y),
        "seconds": sound.entry.seconds,
        "status": status,
    })
}
