//! The program `aeden` as a library: `main` only calls [`run`].
//!
//! [`args`] says what can be typed, [`plan`] turns it into steps that are settled before anything is done, [`batch`]
//! works on many files at a time, and [`clean`] does one of them. [`wav`] reads and writes the files, [`output`] makes
//! them appear complete or not at all, and no more readable than what they come from ([`readers`]). [`watch`] waits for more of
//! them, [`config`] has the user's defaults. [`report`] shows what was done. [`live`] is about microphones. [`commands`] do
//! other jobs with the autoencoders of `aeden_jobs`.

pub mod args;
pub mod batch;
pub mod clean;
pub mod cleaner;
pub mod commands;
pub mod config;
pub mod cores;
pub mod input;
pub mod inspect;
pub mod kind;
pub mod level;
pub mod limiter;
pub mod live;
pub mod loudness;
pub mod media;
pub mod memory;
pub mod models;
pub mod named;
pub mod output;
pub mod page;
pub mod paired;
pub mod plan;
pub mod plot;
pub mod problem;
pub mod progress;
pub mod readers;
pub mod report;
pub mod sink;
pub mod template;
pub mod watch;
pub mod wav;

use args::{Cli, Command, InspectArgs, ModelsArgs, Quality};
use clap::CommandFactory;
use cleaner::{Network, Settings};
use cores::Cores;
use output::print;
use plan::Source;
use problem::{DONE, FILE_FAILED, Problem};
use progress::Progress;
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Does what the command line says.
pub fn run() -> ExitCode {
    let cli = match config::command_line(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "aeden: {problem}");
            return ExitCode::from(problem.status());
        }
    };
    let (name, result) = match &cli.command {
        Command::Clean(args) => (
            "clean",
            match &args.watch {
                Some(folder) => watch::watch(args, folder),
                None => batch::clean(args),
            },
        ),
        Command::Live(args) => ("live", live::live(args)),
        Command::Devices(args) => ("devices", live::devices(args)),
        Command::Inspect(args) => ("inspect", inspect_all(args)),
        Command::Report(args) => ("report", report::report(args)),
        Command::Detect(args) => ("detect", commands::detect::detect(args)),
        Command::Find(args) => ("find", commands::find::find(args)),
        Command::Map(args) => ("map", commands::map::map(args)),
        Command::Encode(args) => ("encode", commands::encode::encode(args)),
        Command::Decode(args) => ("decode", commands::decode::decode(args)),
        Command::Repair(args) => ("repair", commands::repair::repair(args)),
        Command::Roomtone(args) => ("roomtone", commands::roomtone::roomtone(args)),
        Command::Models(args) => ("models", describe_models(args)),
        Command::Completions { shell } => ("completions", completions(*shell)),
        Command::Man { command } => ("man", man(command.as_deref())),
    };
    let status = result.unwrap_or_else(|problem| {
        let _ = writeln!(io::stderr(), "aeden: {name}: {problem}");
        problem.status()
    });
    ExitCode::from(status)
}

/// `aeden inspect`.
fn inspect_all(args: &InspectArgs) -> Result<u8, Problem> {
    // Fast, and good enough for figures.
    let quality = args.network.model.is_none().then_some(Quality::High);
    let network = Network::load(&args.network, quality, false)?;
    let progress = Progress::new(!args.quiet);
    if !args.quiet {
        network.tell_library("inspect");
    }
    // Standard input has a name here: nothing is written beside it.
    let (pipes, files): (Vec<PathBuf>, Vec<PathBuf>) = args
        .files
        .iter()
        .cloned()
        .partition(|path| path == Path::new("-"));
    let pipes = pipes.iter().map(|path| (Source::from_path(path), Ok(())));
    let mut status = DONE;
    for (source, usable) in pipes.chain(plan::inputs(&files)) {
        let name = source.name();
        let found = usable.and_then(|()| {
            let mut bar = None;
            let cores = Cores::share(None, 1).each;
            inspect::inspect(
                &source,
                &network,
                &Settings::default(),
                cores,
                |about, before, _| {
                    let bar = bar.get_or_insert_with(|| progress.file(name, about.frames, about.rate));
                    bar.advance(before.first().map_or(0, Vec::len));
                },
            )
        });
        match found {
            Ok(findings) if args.json => print(&format!("{}\n", json!(findings)))?,
            Ok(findings) => {
                for warning in findings.warnings.iter().filter(|_| !args.quiet) {
                    let line = Problem::file(name, format!("warning: {warning}"));
                    progress.line(&format!("aeden: inspect: {line}"));
                }
                print(&findings.to_string())?;
            }
            Err(problem) => {
                status = FILE_FAILED;
                progress.line(&format!("aeden: inspect: {problem}"));
            }
        }
    }
    Ok(status)
}

/// `aeden models`.
fn describe_models(args: &ModelsArgs) -> Result<u8, Problem> {
    let files: Vec<Option<&Path>> = match args.files.as_slice() {
        [] => vec![None],
        files => files.iter().map(|file| Some(file.as_path())).collect(),
    };
    for file in files {
        for description in models::describe(file)? {
            print(&if args.json {
                format!("{}\n", json!(description))
            } else {
                description.to_string()
            })?;
        }
    }
    Ok(DONE)
}

/// `aeden completions`.
fn completions(shell: clap_complete::Shell) -> Result<u8, Problem> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "aeden", &mut text);
    print(&String::from_utf8_lossy(&text)).map(|()| DONE)
}

/// `aeden man`.
fn man(name: Option<&str>) -> Result<u8, Problem> {
    let mut program = Cli::command();
    program.build();
    let command = match name {
        None => program,
        Some(name) => {
            let found = program.find_subcommand(name).cloned();
            let names = || {
                program
                    .get_subcommands()
                    .map(|c| c.get_name())
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            found.ok_or_else(|| Problem::usage(format!("there is no command {name:?}, only: {}", names())))?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut text)
        .map_err(|e| Problem::io(Path::new("-"), &e))?;
    print(&String::from_utf8_lossy(&text)).map(|()| DONE)
}
