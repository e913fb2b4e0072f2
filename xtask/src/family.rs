//! Measures how well the family of autoencoders does its jobs, beside baselines.

mod map;

use crate::formats::with_table;
use crate::hour::ffmpeg;
use crate::{build_aeden, program, target};
use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Measure how well find, detect, repair, encode and roomtone do their jobs
///
/// On sounds that no model was trained on, beside baselines; a line of JSON for each. `speed`, only if it is named: how fast they
/// and `aeden map` are on one core; it writes the table of docs/family.md. `map`, in the same way: maps of 50,000 sounds.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Jobs, instead of all but speed and map
    #[arg(value_parser = PossibleValuesParser::new(JOBS.into_iter().chain([SPEED, MAP])))]
    jobs: Vec<String>,
    /// The folder that models/recipe/pack.py wrote; speed and map need none
    #[arg(long, value_name = "DIR", value_parser = crate::path)]
    cache: Option<PathBuf>,
    /// Python with the packages of models/recipe/requirements.txt, instead of python3
    #[arg(long, value_name = "FILE", value_parser = crate::path)]
    python: Option<PathBuf>,
    /// Another model beside those that are built in; can be given again
    #[arg(long = "model", value_name = "NAME=FILE", value_parser = named_file)]
    models: Vec<String>,
}

/// The jobs that can be scored, and what is run only if it is named: their speed, and maps.
const JOBS: [&str; 5] = ["find", "detect", "repair", "encode", "roomtone"];
const SPEED: &str = "speed";
const MAP: &str = "map";

/// `NAME=FILE` with the whole path of the file.
fn named_file(text: &str) -> Result<String> {
    let (name, file) = text.split_once('=').context("NAME=FILE is wanted")?;
    Ok(format!("{name}={}", std::path::absolute(file)?.display()))
}

/// One job after another; a line of JSON for each model and baseline.
pub fn run(options: &Options) -> Result<()> {
    let jobs = match options.jobs.is_empty() {
        true => JOBS.map(String::from).to_vec(),
        false => options.jobs.clone(),
    };
    if options.cache.is_none() && jobs.iter().any(|job| ![SPEED, MAP].contains(&job.as_str())) {
        bail!("family: --cache DIR is missing, the folder that models/recipe/pack.py wrote");
    }
    let aeden = build_aeden()?;
    for job in &jobs {
        println!("{job}");
        let Some(cache) = options.cache.as_ref().filter(|_| JOBS.contains(&job.as_str())) else {
            match job.as_str() {
                MAP => map::run(&aeden)?,
                _ => speed(&aeden)?,
            }
            continue;
        };
        let mut command = Command::new(options.python.as_deref().unwrap_or(Path::new("python3")));
        let work = target().join("family").join(job);
        match job.as_str() {
            "find" | "detect" => command
                .args(["models/recipe/score_family.py", job])
                .args([&aeden, cache, &work])
                .arg("built-in")
                .args(&options.models),
            job => command
                .arg(format!("models/recipe/score_{job}.py"))
                .args([&aeden, cache, &work])
                .args(options.models.iter().filter(|_| job == "roomtone")),
        };
        program::run(&mut command)?;
    }
    Ok(())
}

/// The page with the table of speeds.
const PAGE: &str = "docs/family.md";

/// How long the sound is that all jobs are given.
const SECONDS: u32 = 300;

/// What is run for its speed.
const RUNS: [(&str, &[&str]); 8] = [
    (
        "`aeden encode --rate mid`",
        &["encode", "talk.wav", "talk.aeden", "-y", "-q"],
    ),
    (
        "`aeden encode --rate 16`, which searches for it",
        &["encode", "talk.wav", "talk.aeden", "-y", "-q", "--rate", "16"],
    ),
    (
        "`aeden decode`",
        &["decode", "talk.aeden", "decoded.wav", "-y", "-q"],
    ),
    (
        "`aeden repair`, nothing to mend",
        &["repair", "talk.wav", "mended.wav", "-y", "-q"],
    ),
    (
        "`aeden repair`, a drop-out of 20 ms every 2 s",
        &["repair", "damaged.wav", "mended.wav", "-y", "-q"],
    ),
    (
        "`aeden find index`",
        &[
            "find",
            "index",
            "sounds",
            "--index",
            "sounds.redb",
            "--rebuild",
            "-q",
            "--jobs",
            "1",
        ],
    ),
    ("`aeden detect`", &["detect", "talk.wav", "-q"]),
    ("`aeden map`", &["map", "sounds", "-o", "map.html", "-y", "-q"]),
];

/// Measures how many times faster than real time the jobs are, in CPU time on one core, and writes the table of
/// `docs/family.md`. Each is run three times, in turns; the median counts.
fn speed(aeden: &Path) -> Result<()> {
    let folder = target().join("family").join(SPEED);
    let sounds = folder.join("sounds");
    std::fs::create_dir_all(&sounds)?;
    let length = SECONDS.to_string();
    let talk = || {
        let mut ffmpeg = ffmpeg();
        ffmpeg.args([
            "-stream_loop",
            "-1",
            "-i",
            "tests/fixtures/clean.wav",
            "-t",
            &length,
        ]);
        ffmpeg
    };
    program::run(talk().arg(folder.join("talk.wav")))?;
    let gaps = "asetnsamples=480,volume=0:enable='lt(mod(t,2),0.019)'";
    program::run(talk().args(["-af", gaps]).arg(folder.join("damaged.wav")))?;
    let parts = ["-f", "segment", "-segment_time", "10", "-c", "copy"];
    program::run(talk().args(parts).arg(sounds.join("%03d.wav")))?;

    let mut results = vec![Vec::new(); RUNS.len()];
    for _ in 0..3 {
        for ((what, arguments), results) in RUNS.iter().zip(&mut results) {
            let mut command = Command::new("taskset");
            command.args(["-c", "0"]).arg(aeden).args(*arguments);
            let (_, cpu) = program::timed(command.current_dir(&folder))?;
            eprintln!("{what}: {cpu:.2} s of CPU for {SECONDS} s");
            results.push(f64::from(SECONDS) / cpu.max(0.001));
        }
    }
    let rows: Vec<String> = RUNS
        .iter()
        .zip(results)
        .map(|((what, _), mut results)| {
            results.sort_by(f64::total_cmp);
            format!("| {what} | {:.0} |", results[results.len() / 2])
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let page = std::fs::read_to_string(PAGE).context(PAGE)?;
    std::fs::write(PAGE, with_table(&page, SPEED, &rows)?).context(PAGE)?;
    std::fs::remove_dir_all(folder)?;
    println!("{}\n{PAGE}: written", rows.join("\n"));
    Ok(())
}
