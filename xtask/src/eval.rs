//! Scores the release build on recordings that no model was trained on, beside other denoisers.

use crate::{build_aeden, program, setup, target};
use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that runs in `run_peer.py`, and is shown.
const PEERS: &[&str] = &[
    "noisy",
    "rnnoise",
    "nnnoiseless",
    "gtcrn",
    "ulunas",
    "dtln",
    "dfn3",
];

/// The halves of the development set, by the first letters of the file names: 16 kHz and 48 kHz.
const HALVES: &[&str] = &["wb", "fb"];

/// The columns of the table: names in the scores, names for people.
const COLUMNS: &[(&str, &str)] = &[
    ("pesq_wb", "PESQ"),
    ("stoi", "STOI"),
    ("estoi", "ESTOI"),
    ("si_sdr", "SI-SDR"),
    ("lsd", "LSD"),
    ("ovrl", "OVRL"),
];

/// Columns that only `--all-metrics` shows.
const MORE_COLUMNS: &[(&str, &str)] = &[
    ("lsd_lo", "LSD < 8k"),
    ("lsd_hi", "LSD > 8k"),
    ("sig", "SIG"),
    ("bak", "BAK"),
    ("p808", "P.808"),
    ("lag_ms", "lag ms"),
];

/// Score the release build beside other denoisers
///
/// Cleans the development recordings (../shared/data/dev) and prints a table in Markdown; writes JSON to target/eval.
/// AEDEN_SHARED names the shared folder if it is not ../shared, AEDEN_EVAL_VENV a virtual environment with its
/// eval/requirements.txt if not .venv-eval.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// A model file instead of the built-in model
    #[arg(long, value_name = "FILE", value_parser = crate::path)]
    model: Option<PathBuf>,
    /// native or onnxruntime
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// Run and score these peers again, separated by commas, or all; stored scores are shown otherwise
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = PossibleValuesParser::new(PEERS.iter().copied().chain([ALL])))]
    peers: Vec<String>,
    /// Every column of the scores
    #[arg(long)]
    all_metrics: bool,
    /// Spectrograms of the five recordings that it helps least, into this folder
    #[arg(long, value_name = "FOLDER", value_parser = crate::path)]
    pictures: Option<PathBuf>,
    /// What it leaves alone and what it removes: clean speech, levels, keys, rooms, noise
    #[arg(long)]
    behaviour: bool,
    /// The same in another quality than standard
    #[arg(long, value_name = "NAME")]
    quality: Option<String>,
}

/// Every one of the peers.
const ALL: &str = "all";

impl Options {
    /// Arguments of `aeden clean` that choose the network.
    fn network(&self) -> Vec<&OsStr> {
        let model = self
            .model
            .iter()
            .flat_map(|file| ["--model".as_ref(), file.as_os_str()]);
        let engine = self.engine.iter().flat_map(|name| ["--engine", name]);
        model.chain(engine.map(OsStr::new)).collect()
    }
}

/// Where things lie.
struct Places {
    /// The development set.
    dev: PathBuf,
    /// The scripts that score and run peers.
    scripts: PathBuf,
    /// Python with what those scripts need.
    python: PathBuf,
    /// Scratch and results.
    work: PathBuf,
}

impl Places {
    fn find() -> Result<Self> {
        let shared =
            std::env::var_os("AEDEN_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
        let (dev, scripts) = (shared.join("data/dev"), shared.join("eval"));
        if !dev.is_dir() || !scripts.is_dir() {
            bail!(
                "{} has no data/dev and eval: the development recordings and the scoring scripts are not part of \
                 this repository; set AEDEN_SHARED to the folder that has them",
                shared.display()
            );
        }
        let python = match std::env::var_os("AEDEN_EVAL_VENV") {
            Some(folder) => std::path::absolute(Path::new(&folder).join("bin/python"))?,
            None => setup::venv(Path::new(".venv-eval"), &scripts.join("requirements.txt"))?,
        };
        let work = target().join("eval");
        std::fs::create_dir_all(&work)?;
        Ok(Self {
            dev: dev.canonicalize()?,
            scripts: scripts.canonicalize()?,
            python,
            work,
        })
    }

    fn python(&self) -> Command {
        let mut python = Command::new(&self.python);
        // Scores must not depend on how many cores there are.
        python.env("OMP_NUM_THREADS", "1").env("PYTHONWARNINGS", "ignore");
        python
    }

    /// A folder of the development set as float WAV files.
    fn prepare(&self, source: &Path, name: &str) -> Result<PathBuf> {
        let folder = self.work.join(name);
        let mut python = self.python();
        python.arg("xtask/python/prepare.py").arg(source).arg(&folder);
        program::output(&mut python)?;
        Ok(folder)
    }
}

/// Runs what the options ask for, prints Markdown, and writes JSON to `target/eval/`.
pub fn run(options: &Options) -> Result<()> {
    let places = Places::find()?;
    let aeden = build_aeden()?;
    match (&options.quality, options.behaviour) {
        (None, false) => scores(options, &places, &aeden),
        (quality, _) => behaviour(options, &places, &aeden, quality.as_deref().unwrap_or("standard")),
    }
}

/// Cleans a folder of WAV files into another, which is emptied first.
fn clean(options: &Options, aeden: &Path, quality: &str, source: &Path, out: &Path) -> Result<()> {
    empty(out)?;
    let mut command = Command::new(aeden);
    command
        .arg("clean")
        .arg(source)
        .arg("-o")
        .arg(out)
        .args(options.network())
        .args(["--bits", "32f", "--quiet", "--quality", quality]);
    program::run(&mut command)
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}

fn scores(options: &Options, places: &Places, aeden: &Path) -> Result<()> {
    let mut noisy = Vec::new();
    let all = places.prepare(&places.dev.join("noisy"), "noisy")?;
    for half in HALVES {
        // A folder for each half, because everything here takes folders.
        let folder = places.work.join(format!("input-{half}"));
        empty(&folder)?;
        for entry in std::fs::read_dir(&all)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(half) {
                std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
            }
        }
        noisy.push(folder);
    }

    let mut rows = Vec::new();
    for &peer in PEERS {
        let file = places.work.join(format!("{peer}.json"));
        if options.peers.iter().any(|p| p == peer || p == ALL) {
            let mut command = places.python();
            if peer == "nnnoiseless" {
                command.env("PATH", path_with_nnnoiseless()?);
            }
            command.arg(places.scripts.join("run_peer.py")).arg(peer);
            let row = score(places, peer, &noisy, |source, out| {
                let mut command = copy(&command);
                program::run(command.arg(source).arg(out))
            })?;
            std::fs::write(&file, serde_json::to_string_pretty(&row)?)?;
            rows.push((peer.to_owned(), row));
        } else if let Ok(text) = std::fs::read_to_string(&file) {
            let row = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
            rows.push((format!("{peer} (stored in {})", file.display()), row));
        } else {
            eprintln!("{peer}: no stored scores; --peers {peer} makes them");
        }
    }
    // The default comes last: the pictures are about it.
    for (name, quality) in [
        ("aeden --quality real-time", "real-time"),
        ("aeden --quality best", "best"),
        ("aeden", "standard"),
    ] {
        let row = score(places, name, &noisy, |source, out| {
            clean(options, aeden, quality, source, out)
        })?;
        rows.push((format!("**{name}**"), row));
    }

    let mut columns = COLUMNS.to_vec();
    if options.all_metrics {
        columns.extend(MORE_COLUMNS);
    }
    let whole: Map<_, _> = rows.iter().cloned().collect();
    std::fs::write(
        places.work.join("scores.json"),
        serde_json::to_string_pretty(&whole)?,
    )?;
    print!("{}", table(&rows, &columns));
    match &options.pictures {
        Some(folder) => pictures(options, places, aeden, &rows, folder),
        None => Ok(()),
    }
}

/// Draws the five recordings, each of another kind of noise, whose STOI rises least: before, after and what was removed.
/// Prints what they are.
fn pictures(
    options: &Options,
    places: &Places,
    aeden: &Path,
    rows: &[(String, Value)],
    folder: &Path,
) -> Result<()> {
    let (Some((_, noisy)), Some((_, ours))) =
        (rows.iter().find(|(n, _)| n.starts_with("noisy")), rows.last())
    else {
        bail!("the scores of the noisy recordings are needed beside ours: --peers noisy makes them");
    };
    let pairs = std::fs::read_to_string(places.dev.join("pairs.tsv"))?;
    let mut found = Vec::new();
    for pair in pairs.lines().skip(1) {
        let mut columns = pair.split('\t');
        let (Some(name), _, Some(snr), Some(noise)) =
            (columns.next(), columns.next(), columns.next(), columns.next())
        else {
            bail!("pairs.tsv: {pair:?}");
        };
        let half = name.get(..2).unwrap_or_default();
        let stoi = |row: &Value| {
            let files = &row[half]["files"];
            let of = files.get(name).or_else(|| files.get(format!("{name}.wav")));
            of.and_then(|scores| scores["stoi"].as_f64())
                .with_context(|| format!("no STOI of {name}"))
        };
        found.push((stoi(ours)? - stoi(noisy)?, name, snr, noise));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    std::fs::create_dir_all(folder)?;
    let mut seen = Vec::new();
    println!("\n| recording | noise | SNR, dB | STOI, change |\n|---|---|---:|---:|");
    for (rise, name, snr, noise) in found {
        if seen.contains(&noise) || seen.len() == 5 {
            continue;
        }
        seen.push(noise);
        let scratch = places.work.join("picture.wav");
        let mut command = Command::new(aeden);
        command
            .args(["clean", "--quiet", "--overwrite", "--plot"])
            .arg(folder.join(format!("{name}.png")))
            .args(options.network())
            .arg(places.work.join("noisy").join(format!("{name}.wav")))
            .arg(scratch);
        program::run(&mut command)?;
        println!("| ![{name}]({name}.png) | {noise} | {snr} | {rise:+.3} |");
    }
    Ok(())
}

/// The same program, arguments and environment once more.
fn copy(command: &Command) -> Command {
    let mut copy = Command::new(command.get_program());
    copy.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => copy.env(name, value),
            None => copy.env_remove(name),
        };
    }
    copy
}

/// Cleans both halves with `clean` and gives the scores: half -> { mean, files }.
fn score(
    places: &Places,
    name: &str,
    noisy: &[PathBuf],
    clean: impl Fn(&Path, &Path) -> Result<()>,
) -> Result<Value> {
    let mut scores = Map::new();
    for (half, noisy) in HALVES.iter().zip(noisy) {
        let out = places.work.join(format!("{name}-{half}"));
        empty(&out)?;
        clean(noisy, &out)?;
        let file = out.join("scores.json");
        let mut command = places.python();
        command
            .arg(places.scripts.join("score.py"))
            .arg(places.dev.join("clean"))
            .arg(&out);
        program::output(command.args(["--fast", "--json"]).arg(&file))?;
        let result: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        let (scored, given) = (
            result["files"].as_object().map_or(0, Map::len),
            std::fs::read_dir(noisy)?.count(),
        );
        if scored != given {
            bail!("{name}: {scored} of {given} files of {half} were scored");
        }
        scores.insert((*half).to_owned(), result);
    }
    Ok(Value::Object(scores))
}

/// The search path with nnnoiseless on it, installed if need be.
fn path_with_nnnoiseless() -> Result<std::ffi::OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if program::find("nnnoiseless").is_some() {
        return Ok(path);
    }
    let root = std::path::absolute(target().join("peers"))?;
    if !root.join("bin/nnnoiseless").exists() {
        let install = [
            "install",
            "nnnoiseless",
            "--version",
            "=0.5.2",
            "--features",
            "bin",
            "--root",
        ];
        program::run(Command::new("cargo").args(install).arg(&root))?;
    }
    Ok(std::env::join_paths(
        std::iter::once(root.join("bin")).chain(std::env::split_paths(&path)),
    )?)
}

/// Markdown: a row for each denoiser, the columns once for each half.
fn table(rows: &[(String, Value)], columns: &[(&str, &str)]) -> String {
    let mut text = String::from("|");
    for half in HALVES {
        for (i, (_, title)) in columns.iter().enumerate() {
            text += &if i == 0 {
                format!(" | {half} {title}")
            } else {
                format!(" | {title}")
            };
        }
    }
    text += " |\n|---";
    text += &"|---:".repeat(HALVES.len() * columns.len());
    text += "|\n";
    for (name, row) in rows {
        text += &format!("| {name}");
        for half in HALVES {
            for (key, _) in columns {
                text += &match (row[half]["mean"][key].as_f64(), *key) {
                    (None, _) => " | –".to_owned(),
                    (Some(v), "pesq_wb" | "stoi" | "estoi") => format!(" | {v:.3}"),
                    (Some(v), _) => format!(" | {v:.2}"),
                };
            }
        }
        text += " |\n";
    }
    text
}

/// What the model leaves alone, and what it removes: `behaviour.py` says what that is.
fn behaviour(options: &Options, places: &Places, aeden: &Path, quality: &str) -> Result<()> {
    let work = places.work.join("behaviour");
    empty(&work)?;
    let shared = places.dev.join("../..").canonicalize()?;
    let script = |task: &str| {
        let mut python = places.python();
        python
            .args(["xtask/python/behaviour.py", task])
            .arg(&shared)
            .arg(&work);
        program::output(&mut python)
    };
    program::output(places.python().args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "pocketsphinx",
    ]))?;
    script("prepare")?;
    for entry in std::fs::read_dir(work.join("in"))? {
        let case = entry?;
        clean(
            options,
            aeden,
            quality,
            &case.path(),
            &work.join("out").join(case.file_name()),
        )?;
    }
    let text = script("measure")?;
    std::fs::write(places.work.join("behaviour.json"), &text)?;
    let rows: Vec<Value> = serde_json::from_str(&text).context("behaviour.py")?;

    println!("| | files | mean | median | worst | wanted |\n|---|---:|---:|---:|---:|---|");
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let mut values: Vec<f64> = row["values"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, v)| v.as_f64())
            .collect();
        values.sort_by(f64::total_cmp);
        let (&[lowest, ..], &[.., highest]) = (&values[..], &values[..]) else {
            bail!("behaviour.py gave nothing for: {} {}", text("what"), text("half"));
        };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let median = values[values.len() / 2];
        let worst = if text("worst") == "lowest" {
            lowest
        } else {
            highest
        };
        println!(
            "| {} {} | {} | {mean:.2} | {median:.2} | {worst:.2} | {} |",
            text("what"),
            text("half"),
            values.len(),
            text("wanted")
        );
    }
    Ok(())
}
