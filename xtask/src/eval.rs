//! Scores the release build on recordings that no model was trained on, beside other denoisers.

mod behaviour;
mod places;
mod results;

use crate::{build_aeden, program, setup, target};
use anyhow::{Context, Result, bail};
use clap::builder::PossibleValuesParser;
use places::{ALL, Places, Recordings, empty};
use serde_json::{Map, Value};
use std::collections::HashMap;
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

/// A way in which `aeden clean` is run.
struct Way {
    /// For people.
    name: &'static str,
    /// `--quality`
    quality: &'static str,
    /// More arguments of `aeden clean`.
    arguments: &'static [&'static str],
}

/// The qualities, those of streams as plugin and live give them. The default comes last: the pictures are about it.
const QUALITIES: [Way; 3] = [
    Way {
        name: "aeden light --streaming",
        quality: "light",
        arguments: &["--quality", "light", "--streaming"],
    },
    Way {
        name: "aeden high --streaming",
        quality: "high",
        arguments: &["--quality", "high", "--streaming"],
    },
    Way {
        name: "aeden",
        quality: "best",
        arguments: &["--quality", "best"],
    },
];

/// A model of the user's own, as it can run.
const OWN: [Way; 1] = [Way {
    name: "aeden --model",
    quality: "",
    arguments: &[],
}];

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

/// Ratings that `--mos` adds.
const MOS: (&str, &str) = ("distill_mos", "M");

/// Score the release build on noisy recordings, beside other denoisers
///
/// Cleans recordings in three qualities, compares them with the clean ones, and prints a table
/// in Markdown; JSON goes to target/eval. Which recordings:
///
///   cargo xtask eval
///       the development recordings, if ../shared has them (AEDEN_SHARED names another folder);
///       if not, the small set
///   cargo xtask eval --small
///       eight sentences by espeak-ng under made-up noise: whether a change helps or harms
///   cargo xtask eval --pairs FOLDER
///       your own: FOLDER/noisy/NAME.wav beside FOLDER/clean/NAME.wav (or .flac)
///
/// Figures of the documents stand in docs/results.json: --keep puts the scores there, and --chart
/// draws docs/quality.svg and writes the tables from it.
///
/// Columns: PESQ (wideband), STOI, ESTOI and SI-SDR (dB) at 16 kHz, log-spectral distance (dB,
/// lower is better), OVRL of DNSMOS. The Python packages for them go into .venv-eval;
/// AEDEN_EVAL_VENV names another virtual environment.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, group = clap::ArgGroup::new("mode"))]
pub struct Options {
    /// Recordings of your own: FOLDER/noisy and FOLDER/clean with WAV or FLAC files of the same names
    #[arg(long, value_name = "FOLDER", value_parser = crate::path, conflicts_with = "small")]
    pairs: Option<PathBuf>,
    /// The small set, also where there are development recordings
    #[arg(long)]
    small: bool,
    /// A model file instead of the built-in model
    #[arg(long, value_name = "FILE", value_parser = crate::path)]
    model: Option<PathBuf>,
    /// native or onnxruntime
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// Run and score these peers again, separated by commas, or all; stored scores are shown otherwise
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = PossibleValuesParser::new(PEERS.iter().copied().chain([ALL])))]
    peers: Vec<String>,
    /// Also the plugin at Best and full strength, as pedalboard renders this VST3 bundle: target/bundled/aeden.vst3
    #[arg(long, value_name = "BUNDLE", value_parser = crate::path, conflicts_with_all = ["mode", "model", "engine"])]
    plugin: Option<PathBuf>,
    /// Every column of the scores
    #[arg(long)]
    all_metrics: bool,
    /// Also a column M, ratings of 1 to 5 by Distill-MOS; another Python that has it can be named: --mos=.venv/bin/python
    #[arg(long, value_name = "PYTHON", value_parser = crate::path, num_args = 0..=1, require_equals = true)]
    mos: Option<Option<PathBuf>>,
    /// Spectrograms of the five recordings that it helps least, into this folder
    #[arg(long, value_name = "FOLDER", value_parser = crate::path)]
    pictures: Option<PathBuf>,
    /// Only write the chart docs/quality.svg, and the tables of docs/quality.md and docs/speed.md, from docs/results.json
    #[arg(long, group = "mode", conflicts_with_all = ["pairs", "small", "model", "engine", "peers", "quality", "pictures"])]
    chart: bool,
    /// Put the scores into docs/results.json, and write what is made from it; of the development recordings
    #[arg(long, conflicts_with_all = ["mode", "pairs", "small", "model", "engine"])]
    keep: bool,
    /// Instead of scores, what is left of the voice and of the noise, each apart, in dB
    ///
    /// The gain of the output in every bin of the spectrogram is applied to the clean speech and to the noise by themselves.
    /// Voice: change of level while somebody speaks, recordings of 0 dB SNR and less. Bins lost: share of the speech below
    /// 500 Hz that is lowered by more than 10 dB. Noise: in pauses and under speech, recordings of 5 dB and more. Peers that
    /// were run are shown too.
    #[arg(long, group = "mode")]
    apart: bool,
    /// Instead of scores, what it leaves alone and what it removes: clean speech, levels, keys, rooms, noise
    #[arg(long, group = "mode", conflicts_with_all = ["pairs", "small"])]
    behaviour: bool,
    /// One quality: best with --behaviour, all three otherwise if it is not given
    #[arg(long, value_name = "NAME", conflicts_with_all = ["model", "engine"], value_parser = QUALITIES.map(|way| way.quality))]
    quality: Option<String>,
}

impl Options {
    /// The ways in which `aeden` is run.
    fn ways(&self) -> Vec<&'static Way> {
        if self.model.is_some() || self.engine.is_some() {
            return OWN.iter().collect();
        }
        let wanted = |way: &&Way| self.quality.as_deref().is_none_or(|wanted| wanted == way.quality);
        QUALITIES.iter().filter(wanted).collect()
    }

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

/// Runs what the options ask for, prints Markdown, and writes JSON to `target/eval/`.
pub fn run(options: &Options) -> Result<()> {
    if options.chart {
        return results::write_pages();
    }
    let wanted = match &options.pairs {
        Some(folder) => Some(Recordings::Pairs(folder.clone())),
        None if options.small => Some(Recordings::Small),
        None if options.behaviour => Some(Recordings::Development),
        None => None,
    };
    let places = Places::find(wanted)?;
    if options.keep && !places.are_development() {
        bail!("--keep is for the development recordings, and they are not here");
    }
    let aeden = build_aeden()?;
    if options.behaviour {
        let way = options.ways().last().copied().context("no such quality")?;
        behaviour::run(options, &places, &aeden, way)
    } else if options.apart {
        apart(options, &places, &aeden)
    } else {
        scores(options, &places, &aeden)
    }
}

/// Cleans a folder of WAV files into another, which is emptied first.
fn clean(options: &Options, aeden: &Path, way: &Way, source: &Path, out: &Path) -> Result<()> {
    empty(out)?;
    let mut command = Command::new(aeden);
    command
        .arg("clean")
        .arg(source)
        .arg("-o")
        .arg(out)
        .args(options.network())
        .args(["--bits", "32f", "--quiet"])
        .args(way.arguments);
    program::run(&mut command)
}

/// Renders a folder of WAV files through the plugin into another.
fn render(python: &Path, bundle: &Path, source: &Path, out: &Path) -> Result<()> {
    for entry in std::fs::read_dir(source)? {
        let file = entry?.path();
        let mut command = Command::new(python);
        command
            .arg("plugin/host/tests/python/render_in_pedalboard.py")
            .args([bundle, &file, &out.join(file.file_name().context("a file")?)])
            .args(["512", "quality=\"Best\"", "strength_db=\"∞\""]);
        program::output(&mut command)?;
    }
    Ok(())
}

fn scores(options: &Options, places: &Places, aeden: &Path) -> Result<()> {
    let noisy = places.noisy()?;
    let mut rows = Vec::new();
    for &peer in PEERS {
        let file = places.work.join(format!("{peer}.json"));
        let asked = options.peers.iter().any(|p| p == peer || p == ALL);
        if asked || (peer == "noisy" && !places.are_development()) {
            let row = score(places, peer, &noisy, |source, out| {
                run_peer(places, peer, source, out)
            })?;
            std::fs::write(&file, serde_json::to_string_pretty(&row)?)?;
            rows.push((peer.to_owned(), row));
        } else if !places.are_development() {
            // Stored scores would be those of other recordings.
        } else if let Ok(text) = std::fs::read_to_string(&file) {
            let row = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
            rows.push((format!("{peer} (stored in {})", file.display()), row));
        } else {
            eprintln!("{peer}: no stored scores; --peers {peer} makes them");
        }
    }
    for way in options.ways() {
        let row = score(places, way.name, &noisy, |source, out| {
            clean(options, aeden, way, source, out)
        })?;
        rows.push((format!("**{}**", way.name), row));
    }
    if let Some(bundle) = &options.plugin {
        let python = setup::test_python()?;
        let name = "aeden plugin best";
        let row = score(places, name, &noisy, |source, out| {
            render(&python, bundle, source, out)
        })?;
        rows.push((name.to_owned(), row));
    }

    let mut columns = COLUMNS.to_vec();
    if let Some(python) = &options.mos
        && add_ratings(places, python.as_deref(), &mut rows)?
    {
        columns.push(MOS);
    }
    if options.all_metrics {
        columns.extend(MORE_COLUMNS);
    }
    let whole: Map<_, _> = rows.iter().cloned().collect();
    std::fs::write(
        places.work.join("scores.json"),
        serde_json::to_string_pretty(&whole)?,
    )?;
    print!("{}", table(places.groups, &rows, &columns));
    if options.keep {
        results::keep(&rows, "cargo xtask eval --keep")?;
        results::write_pages()?;
    }
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
    let list = std::fs::read_to_string(places.recordings.join("pairs.tsv")).unwrap_or_default();
    // name, rate, SNR, noise
    let list: HashMap<&str, Vec<&str>> = list
        .lines()
        .map(|line| {
            (
                line.split('\t').next().unwrap_or_default(),
                line.split('\t').collect(),
            )
        })
        .collect();
    let mut found = Vec::new();
    for group in places.groups {
        let stoi = |row: &Value, file: &str| row[group]["files"][file]["stoi"].as_f64();
        for file in ours[group]["files"].as_object().into_iter().flat_map(Map::keys) {
            let name = file.trim_end_matches(".wav");
            let told = |column: usize| list.get(name).and_then(|columns| columns.get(column).copied());
            let (Some(after), Some(before)) = (stoi(ours, file), stoi(noisy, file)) else {
                bail!("no STOI of {name}");
            };
            found.push((
                after - before,
                name,
                told(2).unwrap_or("–"),
                told(3).unwrap_or(name),
            ));
        }
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
            .arg(places.work.join("input").join(format!("{name}.wav")))
            .arg(scratch);
        program::run(&mut command)?;
        println!("| ![{name}]({name}.png) | {noise} | {snr} | {rise:+.3} |");
    }
    Ok(())
}

/// The folder of what a denoiser makes of a group.
fn output(places: &Places, name: &str, group: &str) -> PathBuf {
    match group {
        ALL => places.work.join(name),
        group => places.work.join(format!("{name}-{group}")),
    }
}

/// Runs another denoiser.
fn run_peer(places: &Places, peer: &str, source: &Path, out: &Path) -> Result<()> {
    if peer == "noisy" {
        for entry in std::fs::read_dir(source)? {
            let entry = entry?;
            std::fs::copy(entry.path(), out.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let mut command = places.python();
    if peer == "nnnoiseless" {
        command.env("PATH", path_with_nnnoiseless()?);
    }
    command.arg(places.shared()?.join("eval/run_peer.py")).arg(peer);
    program::run(command.arg(source).arg(out))
}

/// Adds what Distill-MOS says of the outputs that lie in their folders. `false` where it is not installed.
fn add_ratings(places: &Places, python: Option<&Path>, rows: &mut [(String, Value)]) -> Result<bool> {
    let python = python.unwrap_or(&places.python);
    let script = "xtask/python/distill_mos.py";
    if !program::succeeds(Command::new(python).args(["-c", "import distillmos, torch, soundfile, soxr"])) {
        eprintln!(
            "column M is left out: {} cannot import distillmos, torch, soundfile and soxr (models/recipe/requirements.txt has them; \
             --mos=PYTHON names another Python)",
            python.display()
        );
        return Ok(false);
    }
    for (name, row) in rows {
        let name = name
            .trim_matches('*')
            .split(" (stored")
            .next()
            .unwrap_or_default();
        for group in places.groups {
            let folder = output(places, name, group);
            if !folder.is_dir() {
                continue;
            }
            let said = program::output(Command::new(python).arg(script).arg(&folder))?;
            let said: Value = serde_json::from_str(&said).context(script)?;
            let ratings = said[folder.to_string_lossy().as_ref()]
                .as_object()
                .context("no ratings")?;
            for (file, rating) in ratings {
                row[group]["files"][file][MOS.0] = rating.clone();
            }
            let sum: f64 = ratings.values().filter_map(Value::as_f64).sum();
            row[group]["mean"][MOS.0] = (sum / ratings.len().max(1) as f64).into();
        }
    }
    Ok(true)
}

/// What is left of the voice and of the noise, each apart: `apart.py` says how.
fn apart(options: &Options, places: &Places, aeden: &Path) -> Result<()> {
    let noisy = places.noisy()?;
    let mut outputs = Vec::new();
    for &peer in PEERS.iter().filter(|peer| **peer != "noisy") {
        for (group, source) in places.groups.iter().zip(&noisy) {
            let out = output(places, peer, group);
            let asked = options.peers.iter().any(|p| p == peer || p == ALL);
            if asked {
                empty(&out)?;
                run_peer(places, peer, source, &out)?;
            }
            // What lies there is of the same recordings only where those do not change.
            if asked || (places.are_development() && out.is_dir()) {
                outputs.push(out);
            }
        }
    }
    for way in options.ways() {
        for (group, source) in places.groups.iter().zip(&noisy) {
            let out = output(places, way.name, group);
            clean(options, aeden, way, source, &out)?;
            outputs.push(out);
        }
    }
    let mut command = places.python();
    command.arg("xtask/python/apart.py");
    command.args(["clean", "noisy", "pairs.tsv"].map(|name| places.recordings.join(name)));
    program::run(command.args(outputs))
}

/// Cleans all groups with `clean` and gives the scores: group -> { mean, files }.
fn score(
    places: &Places,
    name: &str,
    noisy: &[PathBuf],
    clean: impl Fn(&Path, &Path) -> Result<()>,
) -> Result<Value> {
    let mut scores = Map::new();
    for (group, noisy) in places.groups.iter().zip(noisy) {
        let out = output(places, name, group);
        empty(&out)?;
        clean(noisy, &out)?;
        let file = out.join("scores.json");
        program::output(places.scorer(&out).arg("--json").arg(&file))?;
        let result: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        let (scored, given) = (
            result["files"].as_object().map_or(0, Map::len),
            std::fs::read_dir(noisy)?.count(),
        );
        if scored != given {
            bail!("{name}: {scored} of {given} files of {group} were scored");
        }
        scores.insert((*group).to_owned(), result);
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

/// Markdown: a row for each denoiser, the columns once for each group.
fn table(groups: &[&str], rows: &[(String, Value)], columns: &[(&str, &str)]) -> String {
    let mut text = String::from("|");
    for group in groups {
        for (i, (_, title)) in columns.iter().enumerate() {
            text += &if i == 0 && *group != ALL {
                format!(" | {group} {title}")
            } else {
                format!(" | {title}")
            };
        }
    }
    text += " |\n|---";
    text += &"|---:".repeat(groups.len() * columns.len());
    text += "|\n";
    for (name, row) in rows {
        text += &format!("| {name}");
        for group in groups {
            for (key, _) in columns {
                text += &match (row[group]["mean"][key].as_f64(), *key) {
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
