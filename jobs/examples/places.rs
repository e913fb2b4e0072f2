//! How well and how fast a map of many sounds is made: `places COUNT` for descriptors drawn at random in groups, or
//! `places FOLDER` for the WAV files in it and below. A tenth of them comes later.
//!
//! Prints a line of JSON for the map, for what came later, and for all laid out at once. `kept` is the share of the ten nearest
//! neighbours that are among the ten nearest on the plane; `trustworthiness` that of Venna & Kaski (2001) for ten neighbours,
//! 1 if nothing lies near that is not alike. Both are means over up to 1000 sounds, taken at equal steps.

use aeden_jobs::find::{Describer, Descriptor};
use aeden_jobs::map::Map;
use rand_distr::{Distribution, Normal};
use std::error::Error;
use std::path::Path;

const NEAREST: usize = 10;
const LOOKED_AT: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let what = std::env::args().nth(1).ok_or("places COUNT, or places FOLDER")?;
    let sounds = match what.parse() {
        Ok(count) => drawn(count)?,
        Err(_) => heard(Path::new(&what))?,
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = std::env::args().nth(2).map_or(Ok(cores), |text| text.parse())?;
    // Every tenth comes later.
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for (number, sound) in sounds.iter().enumerate() {
        if number % 10 == 9 { &mut later } else { &mut first }.push(sound.clone());
    }
    let added = first.len()..sounds.len();
    let begun = cpu_seconds();
    let mut map = Map::new(first, 12, workers)?;
    report("map", &map, 0..added.start, begun, workers);
    let begun = cpu_seconds();
    map.add(later, workers)?;
    report("added", &map, added.clone(), begun, workers);
    report("with added", &map, 0..added.end, begun, workers);
    let begun = cpu_seconds();
    let whole = Map::new(map.sounds().to_vec(), 12, workers)?;
    report("at once", &whole, 0..added.end, begun, workers);
    report("at once, those", &whole, added, begun, workers);
    Ok(())
}

/// Descriptors as the built-in network gives them in width, around a middle for each 100 of them, and those around others.
fn drawn(count: usize) -> Result<Vec<Descriptor>, Box<dyn Error>> {
    let mut random = rand_pcg::Pcg64Mcg::new(1);
    let mut draw = |middle: &[f64], width: f64| -> Result<Vec<f64>, Box<dyn Error>> {
        let normal = Normal::new(0.0, width)?;
        Ok(middle.iter().map(|m| m + normal.sample(&mut random)).collect())
    };
    let kinds = (0..24)
        .map(|_| draw(&[0.0; 256], 25.0))
        .collect::<Result<Vec<_>, _>>()?;
    let groups = (0..count.div_ceil(100)).map(|g| draw(&kinds[g % kinds.len()], 12.0));
    let groups = groups.collect::<Result<Vec<_>, _>>()?;
    let sound = |n: usize| {
        let values = draw(&groups[n % groups.len()], 12.0)?;
        let values = values
            .iter()
            .map(|x| x.round().clamp(-127.0, 127.0) as i8)
            .collect();
        Ok(Descriptor::restore(0, values))
    };
    (0..count).map(sound).collect()
}

/// Descriptors of the WAV files in a folder and below.
fn heard(folder: &Path) -> Result<Vec<Descriptor>, Box<dyn Error>> {
    let describer = Describer::new();
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "wav") {
                files.push(path);
            }
        }
    }
    files.sort();
    let sound = |file: &std::path::PathBuf| {
        let mut reader = hound::WavReader::open(file)?;
        let spec = reader.spec();
        let samples: Vec<f32> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples().collect::<Result<_, _>>()?,
            hound::SampleFormat::Int => {
                let full = (1u64 << (spec.bits_per_sample - 1)) as f32;
                let samples = reader.samples::<i32>();
                samples
                    .map(|x| x.map(|x| x as f32 / full))
                    .collect::<Result<_, _>>()?
            }
        };
        let channels: usize = spec.channels.into();
        let channels: Vec<Vec<f32>> = (0..channels)
            .map(|channel| samples.iter().skip(channel).step_by(channels).copied().collect())
            .collect();
        Ok(describer.describe(&channels, spec.sample_rate)?.descriptor)
    };
    files.iter().map(sound).collect()
}

/// Prints how sounds of a map lie among all of it.
fn report(what: &str, map: &Map, sounds: std::ops::Range<usize>, begun: f64, workers: usize) {
    let (seconds, memory) = (cpu_seconds() - begun, megabytes());
    let (all, places) = (map.sounds(), map.places());
    let step = sounds.len().div_ceil(LOOKED_AT).max(1);
    let (mut kept, mut worse, mut looked_at) = (0, 0, 0);
    for own in sounds.clone().step_by(step) {
        let alike = order(all.len(), own, |other| {
            -f64::from(all[own].similarity(&all[other]))
        });
        let near = order(all.len(), own, |other| {
            let (x, y) = (places[other].x - places[own].x, places[other].y - places[own].y);
            x * x + y * y
        });
        let mut rank = vec![0; all.len()];
        alike
            .iter()
            .enumerate()
            .for_each(|(place, &other)| rank[other] = place);
        for &other in near.iter().take(NEAREST) {
            kept += usize::from(rank[other] < NEAREST);
            worse += (rank[other] + 1).saturating_sub(NEAREST);
        }
        looked_at += 1;
    }
    let (n, k, looked_at) = (all.len() as f64, NEAREST as f64, f64::from(looked_at).max(1.0));
    let trust = 1.0 - 2.0 * worse as f64 / (looked_at * k * (2.0 * n - 3.0 * k - 1.0));
    println!(
        "{{\"what\": \"{what}\", \"sounds\": {}, \"of\": {n}, \"kept\": {:.3}, \"trustworthiness\": {trust:.4}, \"cpu_s\": {seconds:.1}, \"threads\": {workers}, \"memory_mb\": {memory}}}",
        sounds.len(),
        kept as f64 / (looked_at * k)
    );
}

/// All but one, in the order of what a function gives.
fn order(count: usize, own: usize, away: impl Fn(usize) -> f64) -> Vec<usize> {
    let mut others: Vec<(f64, usize)> = (0..count).filter(|&o| o != own).map(|o| (away(o), o)).collect();
    others.sort_by(|a, b| a.0.total_cmp(&b.0));
    others.into_iter().map(|(_, other)| other).collect()
}

/// CPU time of all threads of this process, where Linux tells.
fn cpu_seconds() -> f64 {
    let about = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may have anything in it; in hundredths.
    let fields: Vec<&str> = about
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<f64>().ok());
    (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0
}

/// The most memory that this process has had, where Linux tells.
fn megabytes() -> u64 {
    let about = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = about.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    number.unwrap_or(0) / 1024
}
