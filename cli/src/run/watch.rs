//! `aeden clean --watch`: what comes into a folder is cleaned when it is complete.
//!
//! The folder is looked through again and again. The system's notices of changes would come sooner, but not from
//! network drives, and that a file has stopped growing no notice tells: that takes a second look anyway.

use crate::args::CleanArgs;
use crate::run::batch::{Batch, status, tell_summary};
use crate::run::plan::{Job, Step, files, may_be_recording, plan_files};
use aeden_media::problem::Problem;
use aeden_media::unfinished::clean_up_when_stopped;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(500);

/// What a file that does not change keeps.
type Look = (u64, Option<SystemTime>);

/// What is known of a file.
struct Seen {
    look: Look,
    since: Instant,
    /// It has had its turn, and has another one only when it changes.
    done: bool,
    /// It has had one before it changed.
    again: bool,
}

/// Watches until the process is told to stop.
pub fn watch(args: &CleanArgs, folder: &Path) -> Result<u8, Problem> {
    // Existing outputs are fine: they come from the time before.
    let args = CleanArgs {
        skip_existing: true,
        ..args.clone()
    };
    let Some(output) = &args.output_dir else {
        return Err(Problem::usage(
            "--watch needs a folder for the outputs; add -o DIR",
        ));
    };
    if !folder.is_dir() {
        return Err(Problem::usage(format!(
            "{}: not a folder; --watch needs one",
            folder.display()
        )));
    }
    // What is wrong with the command shows now, and not when the first file comes.
    plan_files(&args, folder, Vec::new())?;
    let batch = Batch::new(&args)?;
    let (progress, tally, quiet) = (batch.progress.clone(), batch.tally.clone(), args.run.quiet);
    clean_up_when_stopped(move || {
        if !quiet {
            tell_summary(&tally, &progress);
        }
        status(&tally)
    });
    if !args.run.quiet {
        let line = format!("watching {}; Ctrl-C ends it", folder.display());
        batch.progress.line(&format!("aeden: clean: {line}"));
    }
    let settle = Duration::from_secs_f64(args.settle);
    let (mut seen, mut troubles, mut ours) = (HashMap::new(), Vec::new(), HashSet::new());
    loop {
        let (files, found_troubles) = look_through(folder, output);
        // A drive that is away for an hour is told once.
        for trouble in found_troubles
            .iter()
            .filter(|trouble| !troubles.contains(*trouble))
        {
            batch.progress.line(&format!("aeden: clean: {trouble}"));
        }
        troubles = found_troubles;
        let mut ready = take_settled(&mut seen, files, settle, Instant::now());
        ready.retain(|(path, _)| may_be_recording(path));
        if !ready.is_empty() {
            let again: HashSet<PathBuf> = ready
                .iter()
                .filter(|(_, again)| *again)
                .map(|(path, _)| path.clone())
                .collect();
            let files = ready.into_iter().map(|(path, _)| path).collect();
            let mut steps = plan_files(&args, folder, files)?;
            for step in &mut steps {
                if let Some(stays) = renew(step, &again, &ours) {
                    batch.progress.line(&format!("aeden: clean: {stays}"));
                }
                if let Step::Clean(job) = step {
                    ours.insert(job.output.name().to_path_buf());
                }
            }
            batch.work(steps);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Makes an output anew whose input has changed since it had its turn: a recording that went on after a pause, or another one
/// under the same name. What others have put there stays, and what is to be said about that is given.
fn renew(step: &mut Step, again: &HashSet<PathBuf>, ours: &HashSet<PathBuf>) -> Option<Problem> {
    let Step::Skip(job) = step else { return None };
    if !again.contains(job.input.name()) {
        return None;
    }
    if !ours.contains(job.output.name()) && !job.was_done_before() {
        let what =
            "has changed, but aeden has not made what is there under the name of its output, which stays";
        return Some(Problem::file(job.input.name(), what));
    }
    let job = Job {
        replace: true,
        ..job.clone()
    };
    *step = Step::Clean(job);
    None
}

/// All files, and what hinders from seeing them.
fn look_through(folder: &Path, output: &Path) -> (HashMap<PathBuf, Look>, Vec<String>) {
    let (mut looks, mut troubles) = (HashMap::new(), Vec::new());
    for found in files(folder, output) {
        match found {
            // One that has just gone is no trouble.
            Ok(path) => {
                if let Ok(about) = fs::metadata(&path).map(|about| (about.len(), about.modified().ok())) {
                    looks.insert(path, about);
                }
            }
            Err((folder, e)) => troubles.push(Problem::io(&folder, &e).to_string()),
        }
    }
    (looks, troubles)
}

/// Those files whose turn it is, in the order of names: they have not changed for so long, and not had their turn. Beside each whether
/// it has had one before it changed.
fn take_settled(
    seen: &mut HashMap<PathBuf, Seen>,
    files: HashMap<PathBuf, Look>,
    settle: Duration,
    now: Instant,
) -> Vec<(PathBuf, bool)> {
    seen.retain(|path, _| files.contains_key(path));
    let mut ready = Vec::new();
    for (path, look) in files {
        let fresh = || Seen {
            look,
            since: now,
            done: false,
            again: false,
        };
        let known = seen.entry(path.clone()).or_insert_with(fresh);
        if known.look != look {
            *known = Seen {
                again: known.done || known.again,
                ..fresh()
            };
        }
        if !known.done && now - known.since >= settle {
            known.done = true;
            ready.push((path, known.again));
        }
    }
    ready.sort();
    ready
}

#[cfg(test)]
mod tests {
    use super::take_settled;
    use std::collections::HashMap;
    use std::path::PathBuf;
    use std::time::{Duration, Instant};

    #[test]
    fn a_file_has_its_turn_once_when_it_has_stopped_growing() {
        let (mut seen, start) = (HashMap::new(), Instant::now());
        let mut look = |seconds: u64, size: u64| {
            let files = HashMap::from([(PathBuf::from("a.wav"), (size, None))]);
            let now = start + Duration::from_secs(seconds);
            take_settled(&mut seen, files, Duration::from_secs(2), now).len()
        };
        let turns = [
            (0, 1),
            (1, 1),
            (2, 5),
            (3, 5),
            (4, 5),
            (5, 5),
            (9, 6),
            (10, 6),
            (11, 6),
        ];
        assert_eq!(
            turns.map(|(at, size)| look(at, size)),
            [0, 0, 0, 0, 1, 0, 0, 0, 1]
        );
    }
}
