//! Which output is made of which input, and how all of them go.

use super::writing;
use crate::args::job::{JobArgs, PathArgs, is_pattern};
use crate::run::cores::Cores;
use crate::run::plan::{self, Source, inputs};
use crate::run::progress::Progress;
use aeden_media::ffmpeg::is_recording;
use aeden_media::output::{Target, one_on_stdout, print, was_made_from};
use aeden_media::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem, guarded, one_line};
use aeden_media::unfinished::{clean_up_when_stopped, sweep};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How outputs are called that nobody has named.
pub struct Naming {
    /// The command.
    pub command: &'static str,
    /// What stands between the name of the input and its ending, beside it.
    pub infix: Option<&'static str>,
    /// The ending, for inputs whose own the command does not write.
    pub ending: &'static str,
    /// Whether the input's own ending is kept.
    pub keeps: fn(&Path) -> bool,
    /// The ending of what a folder is searched for; recordings and films of every kind without it.
    pub takes: Option<&'static str>,
}

/// What is made of one input.
struct Step {
    input: Source,
    output: Result<Target, Problem>,
}

/// What has been done, to be told.
pub struct Told {
    /// For a person; nothing more need be said of what goes to standard output.
    pub text: String,
    /// Lines of `--json`.
    pub lines: Vec<Value>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Naming {
    fn ending<'a>(&self, input: &'a Path) -> &'a std::ffi::OsStr
    where
        Self: 'a,
    {
        let own = input.extension().filter(|_| (self.keeps)(input));
        own.unwrap_or(self.ending.as_ref())
    }

    /// Beside an input.
    fn beside(&self, input: &Path) -> PathBuf {
        let mut name = input.file_stem().unwrap_or_default().to_os_string();
        if let Some(infix) = self.infix {
            name.push(".");
            name.push(infix);
        }
        name.push(".");
        name.push(self.ending(input));
        input.with_file_name(name)
    }

    /// What a path stands for. Of a folder, what lies in that of the outputs is left out.
    fn found(&self, path: &Path, outputs: &Path) -> Vec<(Source, Result<(), Problem>)> {
        if !path.is_dir() {
            return inputs(&[path.into()]);
        }
        let found = match (self.takes, path.to_str()) {
            (Some(ending), Some(name)) => {
                inputs(&[format!("{}/**/*.{ending}", glob::Pattern::escape(name)).into()])
            }
            _ => inputs(&[path.into()]),
        };
        let own = outputs.canonicalize().ok().filter(|own| {
            let whole = path.canonicalize();
            whole.is_ok_and(|whole| !whole.starts_with(own))
        });
        let is_own = |source: &Source| match (&own, source.name().canonicalize()) {
            (Some(own), Ok(place)) => place.starts_with(own),
            _ => false,
        };
        found.into_iter().filter(|(source, _)| !is_own(source)).collect()
    }

    /// In another folder, for an input at `below` in its own.
    fn inside(&self, folder: &Path, below: &Path) -> PathBuf {
        folder.join(below).with_extension(self.ending(below))
    }
}

/// Does `work` with every input, several at a time, and tells how it went. `work` gets the input, the output, and where
/// progress is shown. Returns the exit status.
pub fn each(
    naming: &Naming,
    paths: &PathArgs,
    job: &JobArgs,
    work: impl Fn(&Source, &Target, &Progress) -> Result<Told, Problem> + Sync,
) -> Result<u8, Problem> {
    let steps = settle(naming, paths, job)?;
    clean_up_when_stopped(|| INTERRUPTED);
    let targets = steps.iter().filter_map(|step| step.output.as_ref().ok());
    for folder in targets.map(Target::folder).collect::<BTreeSet<_>>() {
        sweep(&folder);
    }
    let sizes: Vec<u64> = steps
        .iter()
        .map(|step| std::fs::metadata(step.input.name()).map_or(0, |about| about.len()))
        .collect();
    let progress = Progress::new(!job.quiet && !job.json);
    let progress = match steps.as_slice() {
        [_] => progress,
        _ => progress.with_total(sizes.iter().sum()),
    };
    let teller = Mutex::new(Teller {
        command: naming.command,
        job,
        progress: progress.clone(),
        several: steps.len() > 1,
        waiting: BTreeMap::new(),
        next: 0,
        done: 0,
        failed: 0,
        problem: None,
    });
    Cores::share(paths.jobs, steps.len()).for_each(steps.len(), |number| {
        let Step { input, output } = &steps[number];
        let told = output.clone().and_then(|target| {
            let told = guarded(input.name(), || {
                if let (Target::File(path), true) = (&target, paths.output_dir.is_some())
                    && let Some(folder) = path.parent()
                {
                    std::fs::create_dir_all(folder).map_err(|e| Problem::io(folder, &e))?;
                }
                work(input, &target, &progress.of_file(sizes[number]))
            });
            told.map(|told| (told, target))
        });
        let mut teller = teller.lock().unwrap_or_else(PoisonError::into_inner);
        teller.take(number, input, told);
    });
    progress.finish();
    let teller = teller.into_inner().unwrap_or_else(PoisonError::into_inner);
    teller.end()
}

/// What is said of an input and where its output is, or why there is none.
type Outcome = Result<(Told, Target), Problem>;

/// Tells of inputs in their order, whichever is done first.
struct Teller<'a> {
    command: &'a str,
    job: &'a JobArgs,
    progress: Progress,
    several: bool,
    waiting: BTreeMap<usize, (PathBuf, Outcome)>,
    next: usize,
    done: usize,
    failed: usize,
    /// Why the only input failed, or why nothing can be printed.
    problem: Option<Problem>,
}

impl Teller<'_> {
    fn take(&mut self, number: usize, input: &Source, told: Outcome) {
        self.waiting.insert(number, (input.name().into(), told));
        while let Some((name, told)) = self.waiting.remove(&self.next) {
            self.next += 1;
            let told = match told {
                Ok((told, target)) => self.tell_done(&name, &told, &target),
                Err(problem) => self.tell_failed(&name, problem),
            };
            if let Err(problem) = told {
                self.problem.get_or_insert(problem);
            }
        }
    }

    fn tell_done(&mut self, name: &Path, told: &Told, target: &Target) -> Result<(), Problem> {
        self.done += 1;
        if !self.job.quiet {
            for warning in &told.warnings {
                let line = Problem::file(name, format!("warning: {warning}"));
                self.progress.line(&format!("aeden: {}: {line}", self.command));
            }
        }
        if self.job.json {
            let lines = told.lines.iter().map(|line| format!("{line}\n"));
            return print(&lines.collect::<String>());
        }
        match self.job.quiet || *target == Target::Stdout {
            true => Ok(()),
            false => print(&told.text),
        }
    }

    fn tell_failed(&mut self, name: &Path, problem: Problem) -> Result<(), Problem> {
        self.failed += 1;
        let line = failure(name, &problem);
        if self.several {
            self.progress.line(&format!("aeden: {}: {problem}", self.command));
        } else {
            self.problem.get_or_insert(problem);
        }
        match self.job.json {
            true => print(&format!("{line}\n")),
            false => Ok(()),
        }
    }

    fn end(self) -> Result<u8, Problem> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        if self.several && !self.job.quiet {
            let line = format!("{} done, {} failed", self.done, self.failed);
            self.progress.line(&format!("aeden: {}: {line}", self.command));
        }
        Ok(if self.failed == 0 { DONE } else { FILE_FAILED })
    }
}

/// The line of `--json` for a file that could not be done.
pub fn failure(name: &Path, problem: &Problem) -> Value {
    json!({
        "status": "failed",
        "file": name.display().to_string(),
        "error": problem.to_string(),
    })
}

/// Settles what happens to every input. The error is one of usage: nothing at all should be done then.
fn settle(naming: &Naming, paths: &PathArgs, job: &JobArgs) -> Result<Vec<Step>, Problem> {
    let pairs = pairs(naming, paths)?;
    let sources: Vec<PathBuf> = pairs.iter().map(|(source, _)| source.name().into()).collect();
    let mut claimed: Vec<PathBuf> = Vec::new();
    let mut steps = Vec::new();
    for (input, output) in pairs {
        let output = output.and_then(|output| {
            let target = plan::target(&output).map_err(|e| Problem::file(&output, e))?;
            one_on_stdout(job.json, &target)?;
            if let Target::File(path) = &target {
                let sources: Vec<&Path> = sources.iter().map(PathBuf::as_path).collect();
                writing::check(&output, &sources, job.overwrite)?;
                // What the command takes may have been meant as a second input.
                if paths.paths.len() == 2
                    && paths.output_dir.is_none()
                    && !paths.output_is_named
                    && naming.takes.is_none()
                    && is_recording(path)
                    && !was_made_from(path, input.name())
                {
                    return Err(plan::is_a_recording(path));
                }
                if claimed.contains(path) {
                    let what = format!(
                        "its output {} is made of another input; give it another name",
                        path.display()
                    );
                    return Err(Problem::file(input.name(), what));
                }
                claimed.push(path.clone());
            }
            Ok(target)
        });
        if let Err(problem) = &output
            && problem.status() == aeden_media::problem::USAGE
        {
            return Err(problem.clone());
        }
        steps.push(Step { input, output });
    }
    Ok(steps)
}

/// An input with its output, or why there is none.
type Pair = (Source, Result<PathBuf, Problem>);

/// All inputs with their outputs.
fn pairs(naming: &Naming, paths: &PathArgs) -> Result<Vec<Pair>, Problem> {
    if let Some(folder) = &paths.output_dir {
        if folder.exists() && !folder.is_dir() {
            return Err(Problem::usage(format!(
                "{}: not a folder; -o needs one",
                folder.display()
            )));
        }
        let pairs = paths.paths.iter().flat_map(|path| {
            let base = base(path);
            let into = move |(source, usable): (Source, Result<(), Problem>)| {
                let name = source.name();
                let below = name.strip_prefix(&base).unwrap_or(name);
                let output = usable.map(|()| naming.inside(folder, below));
                (source, output)
            };
            naming.found(path, folder).into_iter().map(into)
        });
        // What is named twice is one input.
        let mut seen = HashSet::new();
        let pairs = pairs.filter(|(source, _)| seen.insert(source.name().to_path_buf()));
        return Ok(pairs.collect());
    }
    let (input, output) = match paths.paths.as_slice() {
        [input] => (input, None),
        [input, output] => (input, Some(output)),
        _ => {
            return Err(Problem::usage(
                "several inputs need a folder for their outputs; add -o DIR",
            ));
        }
    };
    if input.is_dir() {
        return Err(Problem::usage(format!(
            "{}: a folder stands for several inputs, which need a folder for their outputs; add -o DIR",
            input.display()
        )));
    }
    let output = match output {
        Some(output) if output.is_dir() => {
            return Err(Problem::usage(format!(
                "{0}: a folder; to write into it say: -o {0}",
                output.display()
            )));
        }
        Some(output) => output.clone(),
        None if input == Path::new("-") => input.clone(),
        None => naming.beside(input),
    };
    Ok(vec![(Source::from_path(input), Ok(output))])
}

/// The part of an input's path that is not repeated in the folder of outputs.
fn base(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.into();
    }
    if path.exists() || !is_pattern(path) {
        return path.parent().unwrap_or(Path::new("")).into();
    }
    path.components()
        .take_while(|part| !is_pattern(part.as_ref()))
        .collect()
}

/// Two files on one line.
pub fn arrow(input: &Source, output: &Target) -> String {
    format!(
        "{} -> {}",
        one_line(&input.name().display().to_string()),
        one_line(&output.name().display().to_string())
    )
}
