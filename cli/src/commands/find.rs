//! `aeden find`: sounds that sound like another one.

#[path = "../../../jobs/src/find/index.rs"]
mod index;
#[path = "find_page.rs"]
mod page;
#[path = "../../../jobs/src/find/vector.rs"]
pub(crate) mod vector;

use crate::args::find::{Action, FindArgs, IndexArgs, Place, QueryArgs};
use crate::family::{load, see};
use crate::output::{clean_up_when_stopped, print, sweep};
use crate::plan::{Source, inputs};
use crate::problem::{DONE, FILE_FAILED, INTERRUPTED, Problem, one_line};
use crate::progress::Progress;
use aeden::autoencoder::{Autoencoder, Kind};
use etcetera::BaseStrategy;
use index::{Change, Index, Match, Stamp};
use serde_json::json;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use vector::Vector;

/// What has been heard is written down that often.
const COMMIT: Duration = Duration::from_secs(2);

/// Does what the arguments say, and returns the exit status.
pub fn find(args: &FindArgs) -> Result<u8, Problem> {
    match &args.action {
        Action::Index(args) => take_in(args),
        Action::Query(args) => query(args),
    }
}

impl Place {
    fn index(&self) -> Result<PathBuf, Problem> {
        match &self.index {
            Some(file) => Ok(file.clone()),
            None => etcetera::choose_base_strategy()
                .map(|folders| folders.data_dir().join("aeden").join("sounds.redb"))
                .map_err(|_| {
                    Problem::usage("there is no home folder for the index; name a file with --index")
                }),
        }
    }

    fn model(&self) -> Result<Autoencoder, Problem> {
        load(self.model.as_deref(), Kind::SparseKl)
    }
}

/// `aeden find index`.
fn take_in(args: &IndexArgs) -> Result<u8, Problem> {
    let model = args.place.model()?;
    let file = args.place.index()?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| Problem::io(folder, &e))?;
    }
    if args.rebuild && file.exists() {
        std::fs::remove_file(&file).map_err(|e| Problem::io(&file, &e))?;
    }
    let index = Index::create(&file, &model)?;
    // What has been written down stays; there is nothing to remove.
    clean_up_when_stopped(|| INTERRUPTED);
    let inputs = inputs(&args.inputs);
    let sizes =
        |(source, _): &(Source, Result<(), Problem>)| std::fs::metadata(source.name()).map_or(0, |m| m.len());
    let progress = Progress::new(!args.quiet).with_total(inputs.iter().map(sizes).sum());
    progress.tell(&format!("{} sounds", inputs.len()));

    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    let work = |sender: mpsc::Sender<(usize, Result<Option<Change>, Problem>)>| {
        while let Some((number, (source, usable))) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            inputs.get(number).map(|input| (number, input))
        } {
            let share = progress.of_file(sizes(&inputs[number]));
            let _bar = share.file(source.name(), None, 48_000);
            let heard = usable.clone().and_then(|()| {
                // A defect that one file brings to light must not stop the others.
                catch_unwind(AssertUnwindSafe(|| hear(source, &model, &index))).unwrap_or_else(|_| {
                    let what = "aeden itself is at fault here; please report it with this file";
                    Err(Problem::file(source.name(), what))
                })
            });
            if sender.send((number, heard)).is_err() {
                return; // the index cannot be written
            }
        }
    };
    let jobs = args.jobs.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let mut counts = Counts::default();
    let mut present = HashSet::new();
    std::thread::scope(|scope| -> Result<(), Problem> {
        for _ in 0..jobs.min(inputs.len()) {
            let sender = sender.clone();
            scope.spawn(|| work(sender));
        }
        drop(sender);
        let (mut waiting, mut written) = (Vec::new(), Instant::now());
        for (number, heard) in receiver {
            let name = inputs[number].0.name();
            if let Ok(path) = name.canonicalize() {
                present.insert(path);
            }
            match heard {
                Ok(None) => counts.unchanged += 1,
                Ok(Some(change)) => {
                    counts.heard += 1;
                    if let (true, Change::Heard { path, seconds, .. }) = (args.json, &change) {
                        tell(
                            json!({ "file": path.display().to_string(), "status": "indexed", "seconds": seconds }),
                        )?;
                    }
                    waiting.push(change);
                }
                Err(problem) => {
                    counts.failed += 1;
                    progress.line(&format!("aeden: find: {problem}"));
                    if args.json {
                        let name = name.display().to_string();
                        tell(json!({ "file": name, "status": "failed", "error": problem.to_string() }))?;
                    }
                }
            }
            if written.elapsed() > COMMIT {
                index.apply(&waiting)?;
                waiting.clear();
                written = Instant::now();
            }
        }
        index.apply(&waiting)
    })?;
    let mut gone = Vec::new();
    for folder in args.inputs.iter().filter(|input| input.is_dir()) {
        let folder = folder.canonicalize().map_err(|e| Problem::io(folder, &e))?;
        gone.extend(index.gone(&folder, &present)?);
    }
    if args.json {
        for path in &gone {
            tell(json!({ "file": path.display().to_string(), "status": "removed" }))?;
        }
    }
    counts.gone = gone.len();
    index.apply(&gone.into_iter().map(Change::Gone).collect::<Vec<_>>())?;
    progress.finish();
    if !args.quiet {
        let all = index.count()?;
        let Counts {
            heard,
            unchanged,
            gone,
            failed,
        } = counts;
        let line = format!(
            "{heard} heard, {unchanged} unchanged, {gone} gone, {failed} failed; {all} sounds in the index"
        );
        progress.line(&format!("aeden: find: {}: {line}", file.display()));
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

fn tell(line: serde_json::Value) -> Result<(), Problem> {
    print(&format!("{line}\n"))
}

/// What is new about a file; `None` if nothing is.
fn hear(source: &Source, model: &Autoencoder, index: &Index) -> Result<Option<Change>, Problem> {
    let Source::File(name) = source else {
        return Err(Problem::file(
            source.name(),
            "has no place to be found again; give files and folders",
        ));
    };
    let path = name.canonicalize().map_err(|e| Problem::io(name, &e))?;
    let about = std::fs::metadata(&path).map_err(|e| Problem::io(name, &e))?;
    let changed = about
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.map_or(0, |time| time.as_nanos() as u64);
    let known = index.stamp(&path)?;
    if known.is_some_and(|(stamp, _)| (stamp.size, stamp.changed) == (about.len(), changed)) {
        return Ok(None);
    }
    let stamp = Stamp {
        size: about.len(),
        changed,
        checksum: checksum(&path).map_err(|e| Problem::io(name, &e))?,
    };
    if let Some((before, seconds)) = known
        && (before.size, before.checksum) == (stamp.size, stamp.checksum)
    {
        // Touched, or copied back.
        return Ok(Some(Change::Heard {
            path,
            stamp,
            vector: None,
            seconds,
        }));
    }
    let seen = see(source, model, |_, _| {})?;
    Ok(Some(Change::Heard {
        path,
        stamp,
        vector: Some(Vector::of(model, &seen.powers)),
        seconds: seen.seconds,
    }))
}

fn checksum(path: &Path) -> io::Result<u32> {
    let (mut file, mut sum, mut block) = (File::open(path)?, crc32fast::Hasher::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(sum.finalize()),
            got => sum.update(&block[..got]),
        }
    }
}

/// `aeden find query`.
fn query(args: &QueryArgs) -> Result<u8, Problem> {
    let model = args.place.model()?;
    let index = Index::open(&args.place.index()?, &model)?;
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
    for sound in &args.sounds {
        let source = Source::from_path(sound);
        let found = see(&source, &model, |_, _| {}).and_then(|seen| {
            let itself = sound.canonicalize().ok();
            index.search(
                &Vector::of(&model, &seen.powers),
                args.top as usize,
                itself.as_deref(),
            )
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
                let _ = writeln!(io::stderr(), "aeden: find: {problem}");
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
            "likeness": (f64::from(found.likeness) * 1e4).round() / 1e4,
            "seconds": found.seconds,
        });
        format!("{line}\n")
    };
    matches.iter().enumerate().map(line).collect()
}

fn table(sound: &Path, matches: &[Match]) -> String {
    let line = |found: &Match| {
        let name = one_line(&found.path.display().to_string());
        format!("  {:.3}  {:7.1} s  {name}\n", found.likeness, found.seconds)
    };
    let title = format!("{}\n", one_line(&sound.display().to_string()));
    [title].into_iter().chain(matches.iter().map(line)).collect()
}
