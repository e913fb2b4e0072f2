//! Tasks of the project, `cargo xtask TASK`: one file a task.

#[cfg(feature = "bench")]
mod bench;
mod bundle;
mod eval;
mod family;
mod fixtures;
mod formats;
mod hour;
mod pictures;
mod program;
mod python;
mod setup;
mod supply_chain;
mod test;
mod vst3_preset;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
cargo xtask TASK

  setup      install what the tests need: Debian packages (as root), and Python packages in .venv
  test       setup, then every check and test there is
  fuzz       tests with `fuzz` in their names, a million cases each
               --cases N          another number of cases
  all-day    `aeden live` on a clock that runs ahead: a day at -300, 0 and +300 ppm of drift, with jitter and stalls
               --hours N          instead of 24
  batch      200 recordings, 10 of them broken, cleaned in runs of which 20 are killed
               --files N          instead of 200
               --kills N          instead of 20
  eval       clean ../shared/data/dev with the release build and score it beside other denoisers
               --model FILE       a model file instead of the built-in model
               --engine NAME      native or onnxruntime
               --peers a,b|all    run and score these peers again, instead of showing stored scores
               --all-metrics      every column of the scores
               --pictures FOLDER  spectrograms of the five recordings that it helps least
               --behaviour        what it leaves alone and what it removes: clean speech, levels, keys, rooms, noise
               --quality NAME     the same in another quality than standard
             AEDEN_SHARED names the shared folder if it is not ../shared, AEDEN_EVAL_VENV a virtual environment
             with its eval/requirements.txt if not .venv-eval
  bench      time a frame and the plugin beside nnnoiseless, files, start-up, memory
               --model FILE       a model file instead of the built-in model
               --long             also the memory that a 2-hour stereo file takes, and a search among 100,000 sounds
  hour       clean an hour of sound and of film on one core and on two, beside the filters of ffmpeg, and ten hours for
             the memory they take; writes tables of docs/formats.md
               --seconds N        instead of 3600
               --turns N          in which everything is run once, instead of 3
               --speed-only       without the ten hours
  family [find] [detect] [repair] [encode] [roomtone] [speed]
             how well these commands do their jobs on sounds that no model was trained on, beside baselines; speed, only
             if it is named: how fast they and `aeden map` are on one core; writes the table of docs/family.md
               --cache DIR        what models/recipe/pack.py wrote; speed needs none
               --python FILE      with the packages of models/recipe/requirements.txt, instead of python3
               --model NAME=FILE  another model too; can be given again
  formats    clean a file of every format and measure it; writes the tables of docs/formats.md
  bundle     build `plugin` as VST3 and CLAP, into target/bundled
               --release          optimised, for use
               --standalone       also the program aeden-standalone
               --install          also copy it to where this user's hosts look, the program to ~/.local/bin
               --target TRIPLE    for another platform, as rustc names it
  pictures   take the pictures of the plugin's editor in docs/plugin, with the release build
  wheel      build the Python bindings into target/wheels
  fixtures   make the sample recording tests/fixtures/noisy.wav again";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    std::env::set_current_dir(root()).context("the repository's root")?;
    let (task, options) = match arguments {
        [] => bail!("no task given\n\n{USAGE}"),
        [task, options @ ..] => (task.as_str(), options),
    };
    match task {
        "eval" => eval::run(&eval::Options::parse(options)?),
        #[cfg(feature = "bench")]
        "bench" => bench::run(options),
        #[cfg(not(feature = "bench"))]
        "bench" => {
            let mut cargo = Command::new("cargo");
            cargo.args([
                "run",
                "--quiet",
                "--release",
                "--package",
                "xtask",
                "--features",
                "bench",
                "--",
                "bench",
            ]);
            program::run(cargo.args(options))
        }
        "family" => family::run(&family::Options::parse(options)?),
        "bundle" => bundle::run(&bundle::Options::parse(options)?),
        "fuzz" => test::fuzz(options),
        "batch" => test::batch(options),
        "all-day" => test::all_day(options),
        "setup" | "test" | "pictures" | "wheel" | "fixtures" | "formats" if !options.is_empty() => {
            bail!("{task} takes no options\n\n{USAGE}")
        }
        "setup" => setup::run(),
        "test" => test::run(),
        "pictures" => pictures::run(),
        "wheel" => python::wheel(),
        "fixtures" => fixtures::run(),
        "formats" => formats::run(),
        "hour" => hour::run(options),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("no task {task:?}\n\n{USAGE}"),
    }
}

/// The repository's root, from which every task runs.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask/ lies in the root")
}

/// Where cargo builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds the command line's release version and gives its path.
fn build_aeden() -> Result<PathBuf> {
    program::run(Command::new("cargo").args(["build", "--release", "--package", "aeden-cli"]))?;
    Ok(target()
        .join("release")
        .join(format!("aeden{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds the plugin's release version and gives the path of its library.
fn build_plugin() -> Result<PathBuf> {
    program::run(Command::new("cargo").args(["build", "--release", "--package", "aeden-plugin", "--lib"]))?;
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Ok(target()
        .join("release")
        .join(format!("{prefix}aeden_plugin{suffix}")))
}
