//! `aeden find`: sounds that sound like another one.

#[path = "find_page.rs"]
mod page;

use super::outputs::failure;
use super::reading::{Input, Seen, describe, each, model, seen};
use crate::args::find::{Action, FindArgs, IndexArgs, IndexFile, QueryArgs};
use crate::run::plan::{Source, inputs, spare_recordings};
use crate::run::progress::Progress;
use aeden_jobs::find::{Change, Describer, Index, Match};
use aeden_jobs::{Error, FormatError, models};
use aeden_media::output::print;
use aeden_media::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem, counted, guarded, one_line};
use aeden_media::unfinished::{clean_up_when_stopped, sweep};
use etcetera::BaseStrategy;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What has been heard is written down that often.
const COMMIT: Duration = Duration::from_secs(2);

/// Does what the arguments say, and returns the exit status.
pub fn find(args: &FindArgs) -> Result<u8, Problem> {
    match &args.action {
        Action::Index(args) => take_in(args),
        Action::Query(args) => query(args),
    }
}

impl IndexFile {
    fn path(&self) -> Result<PathBuf, Problem> {
        match &self.index {
            Some(file) => Ok(file.clone()),
            None => etcetera::choose_base_strategy()
                .map(|folders| folders.data_dir().join("aeden").join("sounds.redb"))
                .map_err(|_| {
                    Problem::usage("there is no home folder for the index; name a file with --index")
                }),
        }
    }

    fn describer(&self) -> Result<Describer, Problem> {
        model(self.model.as_deref(), models::sparse).map(Describer::with_model)
    }
}

/// What is wrong with an index, and what to do about it.
fn unusable(file: &Path, error: &Error) -> Problem {
    const ANEW: &str = "make it anew with: aeden find index --rebuild DIR";
    let what = match error {
        Error::Io(e) if e.kind() == ErrorKind::NotFound => {
            "there is no index yet; make one with: aeden find index DIR".into()
        }
        Error::Io(e) => return Problem::io(file, e),
        Error::OtherModel { .. } => {
            "was made with another model; name that with --model, or use --rebuild".into()
        }
        Error::Format(FormatError::Version { .. }) => format!("was made by another version of aeden; {ANEW}"),
        Error::Format(FormatError::Foreign) => format!(
            "the index cannot be used: it is none, or damaged; name another file with --index, or {ANEW}"
        ),
        Error::Format(e) => format!("the index cannot be used: it is damaged ({e}); {ANEW}"),
        Error::Index(e) => format!("the index cannot be used: {e}; {ANEW}"),
        e => format!("the index cannot be used: {e}"),
    };
    Problem::file(file, what)
}

/// `aeden find index`.
fn take_in(args: &IndexArgs) -> Result<u8, Problem> {
    let describer = args.place.describer()?;
    let file = args.place.path()?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| Problem::io(folder, &e))?;
    }
    if args.rebuild && file.exists() {
        spare_recordings(&file)?;
        std::fs::remove_file(&file).map_err(|e| Problem::io(&file, &e))?;
    }
    let index = Index::create(&file, &describer).map_err(|e| unusable(&file, &e))?;
    // What has been written down stays; there is nothing to remove.
    clean_up_when_stopped(|| INTERRUPTED);
    let inputs = inputs(&args.inputs);
    let run = Run {
        args,
        file: &file,
        describer: &describer,
        index: &index,
        progress: Progress::new(!args.quiet),
        inputs,
    };
    let mut counts = Counts::default();
    let present = run.hear_all(&mut counts)?;
    run.remove_gone(&present, &mut counts)?;
    if !args.quiet {
        let all = index.count().map_err(|e| unusable(&file, &e))?;
        let all = counted(usize::try_from(all).unwrap_or(usize::MAX), "sound", "sounds");
        let line = format!("{counts}; {all} in the index");
        run.progress
            .line(&format!("aeden: find: {}: {line}", file.display()));
    }
    Ok(if counts.failed == 0 { DONE } else { FILE_FAILED })
}

#[derive(Clone, Copy, Default)]
struct Counts {
    heard: usize,
    unchanged: usize,
    gone: usize,
    failed: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} heard, {} unchanged, {} gone, {} failed",
            self.heard, self.unchanged, self.gone, self.failed
        )
    }
}

/// Folders being taken into an index.
struct Run<'a> {
    args: &'a IndexArgs,
    file: &'a Path,
    describer: &'a Describer,
    index: &'a Index,
    inputs: Vec<Input>,
    progress: Progress,
}

/// What is new about a file, and its length.
type News = Option<(Change, f64)>;

impl Run<'_> {
    /// Hears everything that is new, writes it down, and tells of it. Gives the files that are there.
    fn hear_all(&self, counts: &mut Counts) -> Result<HashSet<PathBuf>, Problem> {
        let (mut waiting, mut written) = (Vec::new(), Instant::now());
        let mut present = HashSet::new();
        let take = |number: usize, news: Result<News, Problem>| {
            let name = self.inputs[number].0.name();
            if let Ok(path) = name.canonicalize() {
                present.insert(path);
            }
            match news {
                Ok(None) => counts.unchanged += 1,
                Ok(Some((change, seconds))) => {
                    counts.heard += 1;
                    if let Change::Put { path, .. } | Change::Touch { path, .. } = &change {
                        let file = path.display().to_string();
                        self.tell(json!({ "file": file, "status": "indexed", "seconds": seconds }))?;
                    }
                    waiting.push(change);
                }
                Err(problem) => {
                    counts.failed += 1;
                    self.progress.line(&format!("aeden: find: {problem}"));
                    self.tell(failure(name, &problem))?;
                }
            }
            if written.elapsed() > COMMIT {
                self.apply(&waiting)?;
                waiting.clear();
                written = Instant::now();
            }
            Ok(())
        };
        let hear = |_: usize, source: &Source, progress: &Progress| self.hear(source, progress);
        each(&self.inputs, self.args.jobs, &self.progress, hear, take)?;
        self.apply(&waiting)?;
        Ok(present)
    }

    /// What is new about a file; `None` if nothing is.
    fn hear(&self, source: &Source, progress: &Progress) -> Result<News, Problem> {
        let Source::File(name) = source else {
            return Err(Problem::file(
                source.name(),
                "has no place to be found again; give files and folders",
            ));
        };
        let path = name.canonicalize().map_err(|e| Problem::io(name, &e))?;
        let known = self.index.entry(&path).map_err(|e| unusable(self.file, &e))?;
        let now = seen(&path, known.map(|known| known.stamp)).map_err(|e| Problem::io(name, &e))?;
        let stamp = match (now, known) {
            (Seen::Untouched(_), _) => return Ok(None),
            (Seen::Same(stamp), Some(known)) => {
                return Ok(Some((Change::Touch { path, stamp }, known.seconds)));
            }
            (Seen::Same(stamp) | Seen::Other(stamp), _) => stamp,
        };
        let sound = describe(source, self.describer, progress)?;
        let seconds = sound.seconds;
        Ok(Some((Change::Put { path, stamp, sound }, seconds)))
    }

    /// Takes out what the folders no longer have.
    fn remove_gone(&self, present: &HashSet<PathBuf>, counts: &mut Counts) -> Result<(), Problem> {
        let mut gone = Vec::new();
        for folder in self.args.inputs.iter().filter(|input| input.is_dir()) {
            let folder = folder.canonicalize().map_err(|e| Problem::io(folder, &e))?;
            let found = self.index.gone(&folder, present);
            gone.extend(found.map_err(|e| unusable(self.file, &e))?);
        }
        counts.gone = gone.len();
        for path in &gone {
            self.tell(json!({ "file": path.display().to_string(), "status": "removed" }))?;
        }
        self.apply(&gone.into_iter().map(Change::Remove).collect::<Vec<_>>())
    }

    fn apply(&self, changes: &[Change]) -> Result<(), Problem> {
        self.index.apply(changes).map_err(|e| unusable(self.file, &e))
    }

    fn tell(&self, line: Value) -> Result<(), Problem> {
        match self.args.json {
            true => print(&format!("{line}\n")),
            false => Ok(()),
        }
    }
}

/// `aeden find query`.
fn query(args: &QueryArgs) -> Result<u8, Problem> {
    let describer = args.place.describer()?;
    let file = args.place.path()?;
    let index = Index::open(&file, &describer).map_err(|e| unusable(&file, &e))?;
    let mut page = match &args.html {
        Some(file) => {
            clean_up_when_stopped(|| INTERRUPTED);
            let page = page::Page::begin(file, args.overwrite)?;
            sweep(&page.folder());
            Some(page)
        }
        None => None,
    };
    let mut status = DONE;
    let progress = Progress::new(!args.json);
    for sound in &args.sounds {
        let source = Source::from_path(sound);
        let found = guarded(sound, || {
            let query = describe(&source, &describer, &progress)?;
            let itself = sound.canonicalize().ok();
            let found = index.search(&query.descriptor, args.top as usize, itself.as_deref());
            found.map_err(|e| unusable(&file, &e))
        });
        match found {
            Ok(matches) => {
                print(&if args.json {
                    lines(sound, &matches)
                } else {
                    table(sound, &matches)
                })?;
                if let Some(page) = &mut page {
                    page.add(sound, &matches)?;
                }
            }
            Err(problem) => {
                status = FILE_FAILED;
                progress.line(&format!("aeden: find: {problem}"));
                if args.json {
                    print(&format!("{}\n", failure(sound, &problem)))?;
                }
            }
        }
    }
    page.map_or(Ok(()), page::Page::end)?;
    Ok(status)
}

fn lines(sound: &Path, matches: &[Match]) -> String {
    let line = |(rank, found): (usize, &Match)| {
        let line = json!({
            "query": sound.display().to_string(),
            "rank": rank + 1,
            "file": found.path.display().to_string(),
            "likeness": (f64::from(found.similarity) * 1e4).round() / 1e4,
            "seconds": found.seconds,
        });
        format!("{line}\n")
    };
    matches.iter().enumerate().map(line).collect()
}

fn table(sound: &Path, matches: &[Match]) -> String {
    let line = |found: &Match| {
        let name = one_line(&found.path.display().to_string());
        format!("  {:.3}  {:7.1} s  {name}\n", found.similarity, found.seconds)
    };
    let title = format!("{}\n", one_line(&sound.display().to_string()));
    [title].into_iter().chain(matches.iter().map(line)).collect()
}
