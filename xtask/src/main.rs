//! Tasks of the project, `cargo xtask TASK`: one file a task.

mod bare_root;
#[cfg(feature = "bench")]
mod bench;
mod bundle;
mod deny;
mod eval;
mod family;
mod fixtures;
mod formats;
mod hour;
#[path = "../../plugin/src/identity.rs"]
mod identity;
mod licences;
mod package;
mod pictures;
mod prefix;
mod program;
mod python;
mod setup;
mod test;
mod vst3_preset;
mod web;

use anyhow::{Context, Result};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Tasks of the project: tests, evaluation, benchmarks, packages
#[derive(Debug, Parser)]
#[command(
    bin_name = "cargo xtask",
    disable_version_flag = true,
    after_help = "`cargo xtask TASK --help` tells what a task does, needs and writes. A new contributor begins with CONTRIBUTING.md."
)]
enum Task {
    /// Install what the tests need
    ///
    /// Debian packages (as root) and Python packages in .venv. Changes nothing that is there. Other systems and users install
    /// what the messages name.
    Setup,
    /// Run every check and test there is, after `setup`
    ///
    /// Format, lints, builds for Windows and macOS (where their targets are installed), licences, the crates as crates.io would
    /// get them, plugin bundles, all tests in Rust and Python, documentation. Prints one total; what could not run is
    /// listed with its reason. `--quick` is for every change.
    Test(test::Options),
    /// Check licences, sources and versions of all dependencies with cargo-deny
    ///
    /// deny.toml says what they may be. Installs cargo-deny if it is missing, which takes some minutes; without it `test` reads
    /// licences and sources itself.
    Deny {
        /// Also known faults, from the RustSec database on GitHub
        #[arg(long)]
        advisories: bool,
    },
    /// Run the tests with `fuzz` in their names for long
    ///
    /// They feed invented and damaged files to all readers, in the development build, which stops at arithmetic that
    /// overflows.
    Fuzz {
        /// Invented files for each test
        #[arg(long, value_name = "N", default_value_t = 1_000_000)]
        cases: u32,
    },
    /// Run `aeden live` for a day on a clock that runs ahead
    ///
    /// At -300, 0 and +300 ppm of drift, with jitter and stalls; takes minutes. Fails if the sound was not what it should be
    /// at any time.
    AllDay {
        /// Length of the day
        #[arg(long, value_name = "N", default_value = "24", value_parser = hours)]
        hours: f64,
    },
    /// Clean many recordings in runs that are killed and resumed
    ///
    /// A twentieth of the files is broken. Fails if a file was lost, half done or left over.
    Batch {
        /// Recordings and films
        #[arg(long, value_name = "N", default_value_t = 200)]
        files: u32,
        /// Runs that are killed
        #[arg(long, value_name = "N", default_value_t = 20)]
        kills: u32,
    },
    Eval(eval::Options),
    /// Time frames, files, the plugin, start-up and memory
    ///
    /// Beside nnnoiseless on the same sound in the same run: on a shared machine ratios hold where times do not. Prints the
    /// rows of the table in docs/speed.md.
    Bench(BenchOptions),
    /// Time an hour of sound and of film, beside ffmpeg's filters
    ///
    /// On one core and on two, then the memory that ten hours take. Writes tables of docs/formats.md. Needs ffmpeg.
    Hour(hour::Options),
    Family(family::Options),
    /// Clean a file of every format and measure it
    ///
    /// Writes the tables of docs/formats.md. Needs ffmpeg.
    Formats,
    Bundle(bundle::Options),
    Package(package::Options),
    /// Take the pictures of the plugin's editor in docs/plugin
    ///
    /// Of the release build, on a screen in memory (Xvfb).
    Pictures,
    /// Build the library and the page for browsers into target/web
    ///
    /// By rustup's target wasm32-unknown-unknown, or by Debian's packages, which are fetched and unpacked. `target/web` is the page, for
    /// any server; `target/web/aeden` is the npm package. Tests need chromium and node.
    Web(web::Options),
    /// Build the Python bindings into target/wheels
    Wheel,
    /// Write the pages of all commands, docs/commands, from the program's arguments
    Manual,
    /// Write the list of crates that are linked in, with their licences, which `aeden licences` prints
    Licences,
    /// Make the sample recording tests/fixtures/noisy.wav again
    ///
    /// Needs espeak-ng.
    Fixtures,
}

/// What is timed.
#[derive(Debug, clap::Args)]
pub struct BenchOptions {
    /// A model file instead of the built-in model
    #[arg(long, value_name = "FILE", value_parser = path)]
    model: Option<PathBuf>,
    /// Also the memory that a 2-hour stereo file takes, and a search among 100,000 sounds
    #[arg(long)]
    long: bool,
}

/// Whole paths from here on, since tasks run in the repository's root.
fn path(text: &str) -> std::io::Result<PathBuf> {
    std::path::absolute(text)
}

fn hours(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|hours| *hours > 0.0);
    number.ok_or_else(|| "a number above 0 is wanted".to_owned())
}

fn main() -> ExitCode {
    match run(Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    std::env::set_current_dir(root()).context("the repository's root")?;
    match task {
        Task::Setup => setup::run(),
        Task::Test(options) => test::run(&options),
        Task::Deny { advisories } => deny::run(advisories),
        Task::Fuzz { cases } => test::fuzz(cases),
        Task::AllDay { hours } => test::all_day(hours),
        Task::Batch { files, kills } => test::batch(files, kills),
        Task::Eval(options) => eval::run(&options),
        #[cfg(feature = "bench")]
        Task::Bench(options) => bench::run(&options),
        #[cfg(not(feature = "bench"))]
        Task::Bench(options) => bench(&options),
        Task::Hour(options) => hour::run(&options),
        Task::Family(options) => family::run(&options),
        Task::Formats => formats::run(),
        Task::Bundle(options) => bundle::run(&options),
        Task::Package(options) => package::run(options),
        Task::Pictures => pictures::run(),
        Task::Web(options) => web::run(&options),
        Task::Wheel => python::wheel(),
        Task::Manual => manual(),
        Task::Licences => licences::run(),
        Task::Fixtures => fixtures::run(),
    }
}

/// Starts this program again with the benchmark in it.
#[cfg(not(feature = "bench"))]
fn bench(options: &BenchOptions) -> Result<()> {
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
    if let Some(file) = &options.model {
        cargo.arg("--model").arg(file);
    }
    if options.long {
        cargo.arg("--long");
    }
    program::run(&mut cargo)
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

/// Writes the pages of the program's commands; a test of the program holds that they are those of its arguments.
fn manual() -> Result<()> {
    let pages = ["man", "--all", "docs/commands", "--markdown"];
    let mut cargo = Command::new("cargo");
    program::run(
        cargo
            .args(["run", "--quiet", "--package", "aeden-cli", "--"])
            .args(pages),
    )
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

#[cfg(test)]
#[path = "../../tests/markdown/blocks.rs"]
mod blocks;
#[cfg(test)]
#[path = "../../tests/markdown/mod.rs"]
mod markdown;
#[cfg(test)]
#[path = "../../tests/markdown/commands.rs"]
mod shell;

#[cfg(test)]
mod tests {
    use super::{Task, shell};
    use clap::error::ErrorKind;
    use clap::{CommandFactory, Parser};

    /// Arguments of a task, where a command runs one.
    fn arguments(words: &[String]) -> Option<&[String]> {
        words.strip_prefix(&["cargo".to_owned(), "xtask".to_owned()])
    }

    #[test]
    fn every_option_that_a_sentence_names_with_its_task_is_there() {
        let mut program = Task::command();
        program.build();
        let (_, wrong) = shell::named_wrong(&program, arguments);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn every_task_that_a_page_names_is_understood() {
        let (count, wrong) = shell::typed_wrong(arguments, |words| {
            let words = std::iter::once("xtask").chain(words.iter().map(String::as_str));
            let error = Task::try_parse_from(words).err()?;
            (error.kind() != ErrorKind::DisplayHelp).then(|| error.to_string())
        });
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(count > 10, "{count} tasks");
    }

    #[test]
    fn every_task_says_what_it_does() {
        Task::command().debug_assert();
        for task in Task::command().get_subcommands() {
            let text =
                |text: Option<&clap::builder::StyledStr>| text.map(ToString::to_string).unwrap_or_default();
            assert!(!text(task.get_about()).is_empty(), "{}", task.get_name());
            for argument in task.get_arguments() {
                assert!(
                    !text(argument.get_help()).is_empty(),
                    "{} {}",
                    task.get_name(),
                    argument.get_id()
                );
            }
        }
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        for wrong in [
            "fuzz --cases -1",
            "fuzz --cases",
            "all-day --hours 0",
            "batch --kills x",
            "setup --now",
            "nothing",
        ] {
            let words = wrong.split(' ');
            assert!(
                Task::try_parse_from(["xtask"].into_iter().chain(words)).is_err(),
                "{wrong}"
            );
        }
    }
}
