//! `aeden clean`: all files of a command, several at a time, each reported when it is done.

use crate::args::CleanArgs;
use crate::clean::{Options, Report};
use crate::cleaner::Network;
use crate::output::{clean_up_when_stopped, print};
use crate::plan::{Job, Source, Step, plan};
use crate::problem::{DONE, FILE_FAILED, Problem, one_line};
use crate::progress::Progress;
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does what the arguments say, and returns the exit status.
pub fn clean(args: &CleanArgs) -> Result<u8, Problem> {
    let steps = plan(args)?;
    if args.dry_run {
        return show_plan(&steps, args.json);
    }
    let network = Network::load(&args.network)?;
    clean_up_when_stopped();
    let options = Options::new(args);
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
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(outcome, args, &progress);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });

    let tally = tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    if steps.len() > 1 && !args.quiet {
        progress.line(&format!("aeden: clean: {tally}"));
    }
    Ok(if tally.failed == 0 { DONE } else { FILE_FAILED })
}

/// What became of one step.
enum Outcome {
    Cleaned(Report),
    Skipped(Job),
    Failed(Source, Problem),
}

fn clean_one(job: &Job, options: &Options, network: &Network, progress: &Progress) -> Outcome {
    // A defect that one file brings to light must not stop the others.
    let result = catch_unwind(AssertUnwindSafe(|| {
        crate::clean::clean(job, options, network, progress)
    }));
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
                progress.line(&format!("aeden: clean: {text}"));
            }
        };
        let line = match outcome {
            Outcome::Cleaned(report) => {
                self.cleaned += 1;
                self.seconds += report.seconds;
                self.took_seconds += report.took_seconds;
                for warning in &report.warnings {
                    warn(&format!("{}: warning: {warning}", report.input));
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
                entry("skipped", &job)
            }
            Outcome::Failed(source, problem) => {
                self.failed += 1;
                progress.line(&format!("aeden: clean: {problem}"));
                failure("failed", &source, &problem)
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

/// Prints what would be done.
fn show_plan(steps: &[Step], as_json: bool) -> Result<u8, Problem> {
    let mut failed = false;
    for step in steps {
        failed |= matches!(step, Step::Refuse(..));
        let line = match step {
            Step::Clean(job) if as_json => entry("would clean", job).to_string(),
            Step::Skip(job) if as_json => entry("would skip", job).to_string(),
            Step::Refuse(source, problem) if as_json => failure("would fail", source, problem).to_string(),
            step => one_line(&step.to_string()),
        };
        print(&format!("{line}\n"))?;
    }
    Ok(if failed { FILE_FAILED } else { DONE })
}

/// A line of `--json`. Names that are no Unicode are shown as well as they can be.
fn entry(status: &str, job: &Job) -> Value {
    json!({
        "input": job.input.name().to_string_lossy(),
        "output": job.output.name().to_string_lossy(),
        "status": status,
    })
}

fn failure(status: &str, source: &Source, problem: &Problem) -> Value {
    json!({
        "input": source.name().to_string_lossy(),
        "status": status,
        "error": problem.to_string(),
    })
}
