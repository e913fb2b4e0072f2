//! What a page keeps of its sounds, so that the map can be gone on with.

use crate::args::map::{Colour, Heard};
use crate::commands::page::{Page, data_in, file_in, inert};
use aeden_jobs::find::{Descriptor, Stamp};
use aeden_jobs::map::Place;
use aeden_media::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

/// Of what is kept; a page of another version is made anew.
const VERSION: u64 = 1;

/// A sound on a page.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its file, from the folder of the page; empty for what came from a pipe.
    pub link: String,
    /// The name of its folder.
    pub folder: String,
    pub seconds: f64,
    pub stamp: Stamp,
    pub descriptor: Descriptor,
    /// A part of it as a FLAC file.
    pub clip: Option<Vec<u8>>,
}

/// A map as a page has it.
#[derive(Debug)]
pub struct Kept {
    pub entries: Vec<Entry>,
    pub places: Vec<Place>,
    pub unit: f64,
}

/// What the script of the page reads.
#[derive(Serialize, Deserialize)]
struct Shown {
    /// Names of folders.
    folders: Vec<String>,
    /// Link, number of the folder, cluster, x, y, seconds.
    sounds: Vec<(String, usize, usize, f64, f64, f64)>,
    cluster: bool,
    inside: bool,
}

/// What it does not.
#[derive(Serialize, Deserialize)]
struct State {
    version: u64,
    /// Fingerprint of the network.
    model: String,
    unit: f64,
    /// Size, time of change, checksum.
    stamps: Vec<(u64, u64, u32)>,
    /// All descriptors, one after another.
    descriptors: String,
}

/// Adds a map to a page: places, and all that is needed to go on with it.
pub fn write<W: Write>(
    page: &mut Page<W>,
    model: u64,
    map: &Kept,
    colour: Colour,
    heard: Heard,
) -> io::Result<()> {
    let (mut folders, mut numbers) = (Vec::new(), HashMap::new());
    let mut sounds = Vec::with_capacity(map.entries.len());
    let mut descriptors = Vec::new();
    for (entry, place) in map.entries.iter().zip(&map.places) {
        let folder = *numbers.entry(entry.folder.as_str()).or_insert_with(|| {
            folders.push(entry.folder.clone());
            folders.len() - 1
        });
        let (x, y) = (rounded(place.x), rounded(place.y));
        sounds.push((entry.link.clone(), folder, place.cluster, x, y, entry.seconds));
        descriptors.extend(entry.descriptor.values().iter().map(|&x| x as u8));
    }
    let shown = json!(Shown {
        folders,
        sounds,
        cluster: colour == Colour::Cluster,
        inside: heard == Heard::Inside,
    });
    let stamps = map.entries.iter().map(|entry| entry.stamp);
    let state = json!(State {
        version: VERSION,
        model: format!("{model:016x}"),
        unit: map.unit,
        stamps: stamps.map(|s| (s.size, s.changed, s.checksum)).collect(),
        descriptors: STANDARD.encode(descriptors),
    });
    page.add_data("map", &shown)?;
    page.add_data("state", &state)?;
    page.add_data("sum", &json!(sum(&inert(&shown), &inert(&state))))
}

/// A coordinate as it is kept: read and written again, it is the same.
pub fn rounded(coordinate: f64) -> f64 {
    (coordinate * 1e6).round() / 1e6
}

fn sum(shown: &str, state: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(shown.as_bytes());
    hasher.update(state.as_bytes());
    hasher.finalize()
}

/// Reads the map of a page, to go on with it.
pub fn read(file: &Path, model: u64) -> Result<Kept, Problem> {
    let anew = |what: &str| Problem::file(file, format!("{what}; -y makes the map anew"));
    let bytes = std::fs::read(file).map_err(|e| Problem::io(file, &e))?;
    let foreign = || Problem::file(file, "exists already and is no map to go on with; -y replaces it");
    let page = String::from_utf8(bytes).map_err(|_| foreign())?;
    let (mut shown, mut state, mut stored_sum, mut clips) = (None, None, None, HashMap::new());
    for line in page.lines() {
        if let Some(data) = data_in(line, "map") {
            shown = Some(data);
        } else if let Some(data) = data_in(line, "state") {
            state = Some(data);
        } else if let Some(data) = data_in(line, "sum") {
            stored_sum = data.parse::<u32>().ok();
        } else if let Some((id, clip)) = file_in(line) {
            clips.insert(id, clip);
        }
    }
    let shown = shown.ok_or_else(foreign)?;
    let altered = || anew("is damaged, or was altered after aeden wrote it");
    let state = state.ok_or_else(altered)?;
    if stored_sum != Some(sum(shown, state)) {
        return Err(altered());
    }
    let found: Value = serde_json::from_str(state).map_err(|_| altered())?;
    if found["version"] != VERSION {
        return Err(anew("was made by another version of aeden"));
    }
    let shown: Shown = serde_json::from_str(shown).map_err(|_| altered())?;
    let state: State = serde_json::from_value(found).map_err(|_| altered())?;
    if state.model != format!("{model:016x}") {
        return Err(anew("was made with another model; name that with --model"));
    }
    let count = shown.sounds.len();
    let descriptors = STANDARD.decode(&state.descriptors).map_err(|_| altered())?;
    if state.stamps.len() != count || descriptors.len() % count.max(1) != 0 {
        return Err(altered());
    }
    let width = (descriptors.len() / count.max(1)).max(1);
    let mut kept = Kept {
        entries: Vec::with_capacity(count),
        places: Vec::with_capacity(count),
        unit: state.unit,
    };
    let sounds = shown.sounds.into_iter().zip(state.stamps);
    for (number, ((sound, stamp), values)) in sounds.zip(descriptors.chunks_exact(width)).enumerate() {
        let (link, folder, cluster, x, y, seconds) = sound;
        kept.entries.push(Entry {
            link,
            folder: shown.folders.get(folder).cloned().ok_or_else(altered)?,
            seconds,
            stamp: Stamp {
                size: stamp.0,
                changed: stamp.1,
                checksum: stamp.2,
            },
            descriptor: Descriptor::restore(model, values.iter().map(|&x| x as i8).collect()),
            clip: clips.remove(format!("clip{number}").as_str()),
        });
        kept.places.push(Place { x, y, cluster });
    }
    Ok(kept)
}
