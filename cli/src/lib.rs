//! The program `aeden` as a library: `main` only calls [`run`].
//!
//! [`args`] says what can be typed, [`plan`] turns it into steps that are settled before anything is done, and
//! [`clean`] does one of them. [`wav`] reads and writes the files, [`output`] makes them appear complete or not at all.

pub mod aligned;
pub mod args;
pub mod clean;
pub mod cleaner;
pub mod inspect;
pub mod level;
pub mod models;
pub mod output;
pub mod plan;
pub mod plot;
pub mod problem;
pub mod progress;
pub mod wav;

use args::{CleanArgs, Cli, Command, InspectArgs, ModelsArgs};
use clap::{CommandFactory, Parser};
use cleaner::Network;
use plan::{Job, Source, Step};
use problem::{DONE, FILE_FAILED, Problem};
use progress::Progress;
use serde_json::json;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does what the command line says.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let (name, result) = match &cli.command {
        Command::Clean(args) => ("clean", clean_all(args)),
        Command::Inspect(args) => ("inspect", inspect_all(args)),
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

/// `aeden clean`.
fn clean_all(args: &CleanArgs) -> Result<u8, Problem> {
    let steps = plan::plan(args)?;
    if args.dry_run {
        return show_plan(&steps, args.json);
    }
    let network = Network::load(&args.network)?;
    output::clean_up_when_stopped();
    let options = clean::Options::new(args);
    let progress = Progress::new(!args.quiet);
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or_else(cores, usize::from).min(steps.len());

    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        while let Some(step) = steps.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = match step {
                Step::Clean(job) => clean_one(job, &options, &network, &progress),
                Step::Skip(job) => Outcome::Skipped(job.clone()),
                Step::Refuse(source, problem) => Outcome::Failed(source.clone(), problem.clone()),
            };
            let mut tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            tally.add(outcome, args, &progress);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });

    let tally = tally
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if steps.len() > 1 && !args.quiet {
        progress.line(&format!("aeden: clean: {tally}"));
    }
    Ok(if tally.failed == 0 { DONE } else { FILE_FAILED })
}

/// What became of one step.
enum Outcome {
    Cleaned(clean::Report),
    Skipped(Job),
    Failed(Source, Problem),
}

fn clean_one(job: &Job, options: &clean::Options, network: &Network, progress: &Progress) -> Outcome {
    // A defect that one file brings to light must not stop the others.
    let result = catch_unwind(AssertUnwindSafe(|| clean::clean(job, options, network, progress)));
    let result = result.unwrap_or_else(|_| {
        Err(Problem::file(
            job.input.name(),
            "aeden itself is at fault here; please report it with this file",
        ))
    });
    match result {
        Ok(report) => Outcome::Cleaned(report),
        Err(problem) => Outcome::Failed(job.input.clone(), problem),
    }
}

/// How a run went so far.
#[derive(Default)]
struct Tally {
    cleaned: usize,
    skipped: usize,
    failed: usize,
    /// Of sound, and of work.
    seconds: f64,
    took_seconds: f64,
}

impl Tally {
    /// Counts and reports one outcome.
    fn add(&mut self, outcome: Outcome, args: &CleanArgs, progress: &Progress) {
        let warn = |text: &str| {
            if !args.quiet {
                progress.line(&format!("aeden: clean: {}", Problem::usage(text)));
            }
        };
        let line = match outcome {
            Outcome::Cleaned(report) => {
                self.cleaned += 1;
                self.seconds += report.seconds;
                self.took_seconds += report.took_seconds;
                for warning in &report.warnings {
                    warn(&format!("{}: warning: {warning}", report.input.display()));
                }
                if progress.is_shown() {
                    progress.line(&report.to_string());
                }
                let mut line = json!(report);
                line["status"] = "cleaned".into();
                line
            }
            Outcome::Skipped(job) => {
                self.skipped += 1;
                json!({ "input": job.input.name(), "output": job.output.name(), "status": "skipped" })
            }
            Outcome::Failed(source, problem) => {
                self.failed += 1;
                progress.line(&format!("aeden: clean: {problem}"));
                json!({ "input": source.name(), "status": "failed", "error": problem.to_string() })
            }
        };
        if args.json {
            // A reader that has gone is told by the exit status of the next program, not by ours.
            let _ = print(&format!("{line}\n"));
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} cleaned, {} skipped, {} failed",
            self.cleaned, self.skipped, self.failed
        )?;
        if self.cleaned > 0 {
            write!(
                f,
                "; {:.1} s of sound, {:.0} x real time a job",
                self.seconds,
                self.seconds / self.took_seconds
            )?;
        }
        Ok(())
    }
}

/// `aeden clean --dry-run`.
fn show_plan(steps: &[Step], as_json: bool) -> Result<u8, Problem> {
    let mut failed = false;
    for step in steps {
        failed |= matches!(step, Step::Refuse(..));
        let line = match step {
            Step::Clean(job) if as_json => {
                json!({ "input": job.input.name(), "output": job.output.name(), "status": "would clean" })
                    .to_string()
            }
            Step::Skip(job) if as_json => {
                json!({ "input": job.input.name(), "output": job.output.name(), "status": "would skip" })
                    .to_string()
            }
            Step::Refuse(source, problem) if as_json => {
                json!({ "input": source.name(), "status": "would fail", "error": problem.to_string() })
                    .to_string()
            }
            step => Problem::usage(step).to_string(),
        };
        print(&format!("{line}\n"))?;
    }
    Ok(if failed { FILE_FAILED } else { DONE })
}

/// `aeden inspect`.
fn inspect_all(args: &InspectArgs) -> Result<u8, Problem> {
    let network = Network::load(&args.network)?;
    let mut status = DONE;
    for path in &args.files {
        match inspect::inspect(&Source::from_path(path), &network) {
            Ok(findings) if args.json => print(&format!("{}\n", json!(findings)))?,
            Ok(findings) => {
                for warning in &findings.warnings {
                    let line = Problem::file(path, format!("warning: {warning}"));
                    let _ = writeln!(io::stderr(), "aeden: inspect: {line}");
                }
                print(&findings.to_string())?;
            }
            Err(problem) => {
                status = FILE_FAILED;
                let _ = writeln!(io::stderr(), "aeden: inspect: {problem}");
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
        let description = models::describe(file)?;
        print(&if args.json {
            format!("{}\n", json!(description))
        } else {
            description.to_string()
        })?;
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

/// Writes text to standard output; a reader that has gone is no problem.
fn print(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Problem::io(Path::new("-"), &e)),
        _ => Ok(()),
    }
}
