//! `aeden clean`: all files of a command, several at a time, each reported when it is done.

use crate::args::CleanArgs;
use crate::run::clean::{Options, Report};
use crate::run::cleaner::ChosenNetwork;
use crate::run::cores::Cores;
use crate::run::named::Named;
use crate::run::plan::{Job, Source, Step, plan};
use crate::run::progress::{Progress, Speed};
use aeden_media::output::{Target, print};
use aeden_media::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem, counted, one_line};
use aeden_media::readers::of_one_file;
use aeden_media::unfinished::{clean_up_when_stopped, sweep};
use serde::Serialize;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Does what the arguments say, and returns the exit status.
pub fn clean(args: &CleanArgs) -> Result<u8, Problem> {
    let steps = plan(args)?;
    if args.dry_run {
        let options = Options::new(args);
        let steps = steps.into_iter().map(|step| foreseen(step, &options));
        return show_plan(&steps.collect::<Vec<_>>(), args.run.json);
    }
    let batch = Batch::new(args)?;
    let several = steps.len() > 1 && !args.run.quiet;
    let (progress, tally) = (batch.progress.clone(), batch.tally.clone());
    clean_up_when_stopped(move || {
        if several {
            tell_summary(&tally, &progress);
        }
        INTERRUPTED
    });
    let single = match steps.as_slice() {
        [Step::Clean(job)] => Some(job.input.clone()),
        _ => None,
    };
    batch.work(steps);
    if several {
        tell_summary(&batch.tally, &batch.progress);
    }
    if let (Some(Source::File(input)), DONE) = (single, batch.status()) {
        batch.advise(&input);
    }
    Ok(batch.status())
}

/// What is the same for all files of a command, and how they went.
pub struct Batch<'a> {
    args: &'a CleanArgs,
    options: Options,
    network: ChosenNetwork,
    /// Where lines and bars are shown.
    pub progress: Progress,
    /// How the files went so far.
    pub tally: Arc<Mutex<Tally>>,
}

impl<'a> Batch<'a> {
    /// Loads the network.
    pub fn new(args: &'a CleanArgs) -> Result<Self, Problem> {
        let network = ChosenNetwork::load(&args.network, args.sound.quality, args.sound.streaming)?;
        if !args.run.quiet {
            network.tell_library("clean");
        }
        Ok(Batch {
            args,
            options: Options::new(args),
            network,
            progress: Progress::new(!args.run.quiet),
            tally: Arc::default(),
        })
    }

    /// Goes through all steps and returns when they are done: the largest first, so that at the end no core waits long
    /// for the others.
    pub fn work(&self, steps: Vec<Step>) {
        let mut steps: Vec<(u64, Step)> = steps.into_iter().map(|step| (step.size(), step)).collect();
        steps.sort_by_key(|(size, _)| Reverse(*size));
        for folder in steps
            .iter()
            .flat_map(|(_, step)| folders(step))
            .collect::<BTreeSet<_>>()
        {
            sweep(&folder);
        }
        let progress = self.progress.clone();
        let progress = match steps.as_slice() {
            [_, _, ..] => progress.with_total(steps.iter().map(|(size, _)| size).sum()),
            _ => progress,
        };
        // Those that are skipped or refused take no time.
        let to_clean = steps
            .iter()
            .filter(|(_, step)| matches!(step, Step::Clean(_)))
            .count();
        let cores = Cores::share(self.args.run.jobs, to_clean);
        progress.tell(&format!("0 of {}", counted(steps.len(), "file", "files")));
        let done = AtomicUsize::new(0);
        cores.for_each(steps.len(), |number| {
            let (size, step) = &steps[number];
            let outcome = match step {
                Step::Clean(job) => self.clean_one(job, cores.each, &progress.of_file(*size)),
                Step::Skip(job) => Outcome::Skipped(job.clone()),
                Step::Refuse(source, problem) => Outcome::Failed(source.clone(), problem.clone()),
            };
            let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.add(outcome, self.args, &progress);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            progress.tell(&match tally.failed {
                0 => format!("{done} of {}", counted(steps.len(), "file", "files")),
                failed => format!(
                    "{done} of {}, {failed} failed",
                    counted(steps.len(), "file", "files")
                ),
            });
        });
        progress.finish();
    }

    fn clean_one(&self, job: &Job, cores: usize, progress: &Progress) -> Outcome {
        // A defect that one file brings to light must not stop the others.
        let result = catch_unwind(AssertUnwindSafe(|| {
            of_one_file(|| crate::run::clean::clean(job, &self.options, &self.network, cores, progress))
        }));
        let result = result.unwrap_or_else(|_| {
            Err(Problem::file(
                job.input.name(),
                "aeden itself is at fault here; please report it with this file",
            ))
        });
        match result {
            Ok(report) => Outcome::Cleaned(Box::new(report)),
            // Another run over the same folder was faster.
            Err(_) if self.args.skip_existing && !job.replace && job.output_exists() => {
                Outcome::Skipped(job.clone())
            }
            Err(problem) => Outcome::Failed(job.input.clone(), problem),
        }
    }

    /// Says at a terminal how to hear what was done to a recording, and the option that most people look for next.
    fn advise(&self, input: &Path) {
        let sound = &self.args.sound;
        if self.progress.is_shown() && sound.preset.is_none() && sound.limit.is_none() && sound.mix.is_none()
        {
            let input = input.display().to_string();
            let input = match input.contains(char::is_whitespace) {
                true => format!("'{input}'"),
                false => input,
            };
            self.progress.line(&format!(
                "Hear it before and after: aeden web {input}. Leave some of the room: --limit 20"
            ));
        }
    }

    /// The exit status so far.
    pub fn status(&self) -> u8 {
        status(&self.tally)
    }
}

/// The exit status of files that went so.
pub fn status(tally: &Mutex<Tally>) -> u8 {
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    match tally.failed == 0 && !tally.mute {
        true => DONE,
        false => FILE_FAILED,
    }
}

/// One line at the end. It may come while the work is being stopped, so it does not wait for long: a file's line may be
/// stuck in a pipe that nobody reads.
pub fn tell_summary(tally: &Mutex<Tally>, progress: &Progress) {
    for _ in 0..50 {
        if let Ok(tally) = tally.try_lock() {
            return progress.line(&format!("aeden: clean: {tally}"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where a step writes.
fn folders(step: &Step) -> Vec<PathBuf> {
    let Step::Clean(job) = step else { return Vec::new() };
    let targets = [Some(&job.output), job.removed.as_ref(), job.plot.as_ref()];
    let files = targets
        .into_iter()
        .flatten()
        .filter(|target| matches!(target, Target::File(_)));
    files.map(Target::folder).collect()
}

/// What became of one step.
enum Outcome {
    Cleaned(Box<Report>),
    Skipped(Job),
    Failed(Source, Problem),
}

/// How a run went so far.
#[derive(Default)]
pub struct Tally {
    cleaned: usize,
    skipped: usize,
    failed: usize,
    /// Standard output has refused a line of `--json`.
    mute: bool,
    /// Of sound, and of work.
    seconds: f64,
    took_seconds: f64,
}

impl Tally {
    /// Counts and reports one outcome.
    fn add(&mut self, outcome: Outcome, args: &CleanArgs, progress: &Progress) {
        let warn = |text: &str| {
            if !args.run.quiet {
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
                // Who watches a folder in the background reads what became of each file later.
                let watched = args.watch.is_some() && !args.run.quiet && !args.run.json;
                if progress.is_shown() || watched {
                    progress.line(&report.to_string());
                } else if report.verified.is_some() && !args.run.quiet && !args.run.json {
                    // A proof was asked for. A reader that has gone is no reason to stop.
                    let _ = print(&format!("{}\n", one_line(&report.to_string())));
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
        // Who asks for lines and does not get them must know.
        if args.run.json
            && !self.mute
            && let Err(problem) = print(&format!("{line}\n"))
        {
            self.mute = true;
            progress.line(&format!("aeden: clean: {problem}"));
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
                "; {:.1} s of sound, {} a job",
                self.seconds,
                Speed(self.seconds / self.took_seconds)
            )?;
        }
        Ok(())
    }
}

/// The step as far as it can be told without doing it: what cannot be read, or not be written in that form, is refused.
fn foreseen(step: Step, options: &Options) -> Step {
    match step {
        Step::Clean(job) => match crate::run::clean::foresee(&job, options) {
            Ok(()) => Step::Clean(job),
            Err(problem) => Step::Refuse(job.input, problem),
        },
        step => step,
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

/// A line of `--json` about a file that was not cleaned.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(flatten)]
    input: Named,
    #[serde(flatten)]
    output: Option<Named>,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn entry(status: &str, job: &Job) -> Value {
    json!(Entry {
        input: Named::new("input", job.input.name()),
        output: Some(Named::new("output", job.output.name())),
        status,
        error: None,
    })
}

fn failure(status: &str, source: &Source, problem: &Problem) -> Value {
    json!(Entry {
        input: Named::new("input", source.name()),
        output: None,
        status,
        error: Some(problem.to_string()),
    })
}
