//! The program `aeden` as a library: `main` only calls [`run`](fn@run).
//!
//! [`args`] says what can be typed, `config` has the user's defaults, and `commands` do what they say. Cleaning is in the
//! room `run`. Files are read and written by `aeden_media`, sound is worked on by `aeden` and `aeden_jobs`.

pub mod args;
mod commands;
mod config;
pub mod memory;
mod run;

use args::Command;
use commands::{
    decode, demo, detect, encode, find, inspect, licences, live, manual, map, models, repair, report,
    roomtone, web,
};
use std::io::{self, Write};
use std::process::ExitCode;

/// Does what the command line says.
pub fn run() -> ExitCode {
    survive_large_files();
    let mut cli = match config::command_line(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "aeden: {problem}");
            return ExitCode::from(problem.status());
        }
    };
    cli.command.settle();
    let (name, result) = match &cli.command {
        Command::Clean(args) => (
            "clean",
            match &args.watch {
                Some(folder) => run::watch::watch(args, folder),
                None => run::batch::clean(args),
            },
        ),
        Command::Live(args) => ("live", live::live(args)),
        Command::Demo(args) => ("demo", demo::demo(args)),
        Command::Devices(args) => ("devices", live::devices(args)),
        Command::Inspect(args) => ("inspect", inspect::inspect_all(args)),
        Command::Report(args) => ("report", report::report(args)),
        Command::Web(args) => ("web", web::web(args)),
        Command::Detect(args) => ("detect", detect::detect(args)),
        Command::Find(args) => ("find", find::find(args)),
        Command::Map(args) => ("map", map::map(args)),
        Command::Encode(args) => ("encode", encode::encode(args)),
        Command::Decode(args) => ("decode", decode::decode(args)),
        Command::Repair(args) => ("repair", repair::repair(args)),
        Command::Roomtone(args) => ("roomtone", roomtone::roomtone(args)),
        Command::Models(args) => ("models", models::describe_all(args)),
        Command::Licences(args) => ("licences", licences::licences(args)),
        Command::Completions { shell } => ("completions", manual::completions(*shell)),
        Command::Man {
            all: Some(folder),
            markdown: true,
            ..
        } => ("man", manual::all_pages_in_markdown(folder)),
        Command::Man {
            all: Some(folder), ..
        } => ("man", manual::all_pages(folder)),
        Command::Man { command, .. } => ("man", manual::man(command.as_deref())),
    };
    let status = result.unwrap_or_else(|problem| {
        let _ = writeln!(io::stderr(), "aeden: {name}: {problem}");
        problem.status()
    });
    ExitCode::from(status)
}

/// Lets a write beyond the user's limit of a file's size (`ulimit -f`) fail with an error, where it would end the program without a
/// word.
fn survive_large_files() {
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Default::default());
}
