//! How fast an hour of sound and of film is cleaned, on one core and on two, beside the filters of ffmpeg in the same run,
//! and how much memory ten hours take. Writes the tables of `docs/formats.md`.

use crate::formats::{PAGE, with_table};
use crate::{build_aeden, program, target};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

const SPEECH: &str = "tests/fixtures/noisy.wav";

/// What is run: how it is called, its input, its output, and ffmpeg's filter where it is not aeden.
const RUNS: [(&str, &str, &str, Option<&str>); 10] = [
    ("`aeden clean`, mono WAV", "mono.wav", "out.wav", None),
    (
        "`arnndn`, mono WAV",
        "mono.wav",
        "out.wav",
        Some("arnndn=m=MODEL"),
    ),
    ("`afftdn`, mono WAV", "mono.wav", "out.wav", Some("afftdn")),
    ("`aeden clean`, stereo WAV", "stereo.wav", "out.wav", None),
    (
        "`arnndn`, stereo WAV",
        "stereo.wav",
        "out.wav",
        Some("arnndn=m=MODEL"),
    ),
    ("`afftdn`, stereo WAV", "stereo.wav", "out.wav", Some("afftdn")),
    ("`aeden clean`, stereo FLAC", "stereo.flac", "out.flac", None),
    ("`aeden clean`, film with stereo AAC", "film.mp4", "out.mp4", None),
    (
        "`arnndn`, film with stereo AAC",
        "film.mp4",
        "out.mp4",
        Some("arnndn=m=MODEL"),
    ),
    (
        "`afftdn`, film with stereo AAC",
        "film.mp4",
        "out.mp4",
        Some("afftdn"),
    ),
];

/// How much is run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Seconds of sound
    #[arg(long, value_name = "N", default_value_t = 3600)]
    seconds: u32,
    /// Turns, in each of which everything is run once
    #[arg(long, value_name = "N", default_value_t = 3)]
    turns: u32,
    /// Without the ten hours
    #[arg(long)]
    speed_only: bool,
}

/// Runs everything and writes the tables.
///
/// # Errors
/// If a program fails, or the page has no place for a table.
pub fn run(options: &Options) -> Result<()> {
    // In a turn everything is run once: what else the machine does, it does to all.
    let (seconds, turns) = (options.seconds, options.turns);
    let aeden = build_aeden()?;
    let folder = target().join("hour");
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    make(&folder, seconds)?;

    let mut results = vec![[(); 2].map(|()| Vec::new()); RUNS.len()];
    for turn in 1..=turns.max(1) {
        for (number, run) in RUNS.iter().enumerate() {
            for (cores, results) in [1, 2].into_iter().zip(&mut results[number]) {
                let (wall, cpu) = program::timed(&mut command(&aeden, &folder, run, cores))?;
                eprintln!(
                    "turn {turn}, {} on {cores}: {wall:.1} s, {cpu:.1} s of CPU",
                    run.0
                );
                results.push((f64::from(seconds) / wall, f64::from(seconds) / cpu));
            }
        }
    }
    let mut rows = Vec::new();
    for ((what, ..), results) in RUNS.iter().zip(results) {
        let [one, two] = results.map(|results| {
            let (wall, cpu): (Vec<_>, Vec<_>) = results.into_iter().unzip();
            (median(wall), median(cpu))
        });
        rows.push(format!("| {what} | {:.0} | {:.0} | {:.0} |", one.0, two.0, one.1));
    }
    let mut page = std::fs::read_to_string(PAGE).context(PAGE)?;
    page = with_table(
        &page,
        "hour",
        &rows.iter().map(String::as_str).collect::<Vec<_>>(),
    )?;
    if !options.speed_only {
        let rows = ten_hours(&aeden, &folder, 10 * seconds)?;
        page = with_table(
            &page,
            "memory",
            &rows.iter().map(String::as_str).collect::<Vec<_>>(),
        )?;
    }
    std::fs::write(PAGE, page).context(PAGE)?;
    std::fs::remove_dir_all(folder)?;
    println!("{}\n{PAGE}: written", rows.join("\n"));
    Ok(())
}

/// The files that are cleaned, and RNNoise's own network in the form that `arnndn` reads.
fn make(folder: &Path, seconds: u32) -> Result<()> {
    std::fs::write(folder.join("rnnoise.txt"), rnnoise()?)?;
    let length = seconds.to_string();
    let sound = |name: &str, more: &[&str]| -> Result<()> {
        let mut ffmpeg = ffmpeg();
        ffmpeg.args(["-stream_loop", "-1", "-i", SPEECH, "-t", &length]);
        program::run(ffmpeg.args(more).arg(folder.join(name)))
    };
    sound("mono.wav", &["-c:a", "pcm_s16le"])?;
    sound("stereo.wav", &["-ac", "2", "-c:a", "pcm_s16le"])?;
    sound("stereo.flac", &["-ac", "2", "-c:a", "flac", "-sample_fmt", "s16"])?;
    // The picture of a minute over and over: nothing about it is computed.
    let mut minute = ffmpeg();
    minute.args(["-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=60"]);
    minute.args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "50"]);
    program::run(minute.arg(folder.join("minute.mp4")))?;
    let mut film = ffmpeg();
    film.args(["-stream_loop", "-1", "-i"])
        .arg(folder.join("minute.mp4"));
    film.args(["-i"]).arg(folder.join("stereo.wav"));
    film.args([
        "-t", &length, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "128k",
    ]);
    program::run(film.arg(folder.join("film.mp4")))
}

/// ffmpeg, quiet, in place of what is there.
pub fn ffmpeg() -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]);
    command
}

/// The network that `nnnoiseless` carries, in the text format of rnnoise-nu: for every layer its numbers of inputs and
/// neurons and its activation, then the weights.
fn rnnoise() -> Result<String> {
    let packages = program::packages()?;
    let manifest = packages
        .iter()
        .find(|package| package["name"] == "nnnoiseless")
        .and_then(|package| package["manifest_path"].as_str())
        .context("nnnoiseless is not among the packages")?;
    let bytes = std::fs::read(Path::new(manifest).with_file_name("src").join("weights.rnn"))?;
    let mut numbers = bytes.iter().map(|byte| *byte as i8);
    let mut text = "rnnoise-nu model file version 1\n".to_owned();
    for recurrent in [false, true, true, true, false, false] {
        let mut line = |count: usize| -> Result<Vec<i8>> {
            let line: Vec<i8> = numbers.by_ref().take(count).collect();
            anyhow::ensure!(line.len() == count, "weights.rnn is shorter than it says");
            let words: Vec<String> = line.iter().map(i8::to_string).collect();
            text.push_str(&words.join(" "));
            text.push('\n');
            Ok(line)
        };
        let head = line(3)?;
        let (inputs, neurons) = (head[0] as usize, head[1] as usize);
        if recurrent {
            line(3 * inputs * neurons)?;
            line(3 * neurons * neurons)?;
            line(3 * neurons)?;
        } else {
            line(inputs * neurons)?;
            line(neurons)?;
        }
    }
    Ok(text)
}

/// One run, kept to so many cores.
fn command(aeden: &Path, folder: &Path, run: &(&str, &str, &str, Option<&str>), cores: usize) -> Command {
    let (_, input, output, filter) = run;
    let mut command = Command::new("taskset");
    command.args(["-c", if cores == 1 { "0" } else { "0,1" }]);
    let cores = cores.to_string();
    match filter {
        None => {
            command
                .arg(aeden)
                .args(["clean", input, output, "-y", "-q", "--jobs", &cores]);
        }
        Some(filter) => {
            command.args(["ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", &cores]);
            command.args(["-filter_threads", &cores, "-i", input]);
            command.args(["-af", &filter.replace("MODEL", "rnnoise.txt")]);
            command.args(["-c:v", "copy", "-threads", &cores, output]);
        }
    }
    command.current_dir(folder);
    command
}

/// The most memory that long files take.
fn ten_hours(aeden: &Path, folder: &Path, seconds: u32) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    for (what, name, more) in [
        ("mono WAV", "long.wav", &["-c:a", "pcm_s16le"][..]),
        (
            "stereo MP3",
            "long.mp3",
            &["-ac", "2", "-c:a", "libmp3lame", "-b:a", "64k"],
        ),
    ] {
        let input: PathBuf = folder.join(name);
        let mut ffmpeg = ffmpeg();
        ffmpeg.args(["-stream_loop", "-1", "-i", SPEECH, "-t", &seconds.to_string()]);
        program::run(ffmpeg.args(more).arg(&input))?;
        for cores in ["1", "2"] {
            let mut clean = Command::new(aeden);
            let output = folder.join(format!("out-{name}"));
            clean
                .arg("clean")
                .args([&input, &output])
                .args(["-y", "-q", "--jobs", cores]);
            let (_, peak) = program::watch(clean)?;
            eprintln!("{what} on {cores}: {peak:.1} MB");
            rows.push(format!("| {what} | {cores} | {peak:.1} |"));
        }
    }
    Ok(rows)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
