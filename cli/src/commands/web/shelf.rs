//! The recordings of a page: those that the command named and those that the page sends, one after the other through the denoiser.

use crate::args::Quality;
use crate::run::clean::{Options, Report, clean};
use crate::run::cleaner::{ChosenNetwork, CleanerSettings};
use crate::run::plan::{Job, Source, beside};
use crate::run::progress::{Follower, Progress};
use aeden::BandLimits;
use aeden::presets::UNLIMITED;
use aeden_media::output::Target;
use aeden_media::problem::{Problem, guarded, one_line};
use aeden_media::readers::of_one_file;
use aeden_media::unfinished::Scratch;
use aeden_media::wav::read::Damage;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What stays free on the disk.
const SPARE: u64 = 64 << 20;

/// The longest name, in bytes.
const MOST_NAME: usize = 1024;

/// Recordings at a time; a page that wants more has gone wrong.
const MOST_RECORDINGS: usize = 10_000;

/// All recordings, and the one denoiser that they wait for.
pub struct Shelf {
    scratch: Scratch,
    cores: usize,
    verify: bool,
    state: Mutex<State>,
    /// Something has come into the queue.
    wake: Condvar,
}

#[derive(Default)]
struct State {
    last: u64,
    recordings: BTreeMap<u64, Recording>,
    queue: VecDeque<u64>,
    /// Bytes that were announced and have not come yet.
    promised: u64,
}

struct Recording {
    name: String,
    /// For what is made of it, and for itself where the page sends it.
    folder: PathBuf,
    source: PathBuf,
    stage: Stage,
    /// The cleaned file with what was asked for, while there is one.
    result: Option<(PathBuf, Wish)>,
}

enum Stage {
    /// Bytes that are to come.
    Announced(u64),
    Arriving,
    Here,
    Waiting(Arc<Work>),
    Cleaning(Arc<Work>),
    Done(Arc<Work>, Box<Report>),
    Failed(String),
    Cancelled,
}

/// What a recording is to become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// The network.
    pub quality: Quality,
    /// The most that the level is lowered, in dB; no limit from [`UNLIMITED`] on.
    pub strength: f32,
    /// The most that the level is lowered along frequency.
    pub bands: BandLimits,
    /// Whether the page wants to hear it: the sound before and after is kept for it too.
    pub heard: bool,
}

/// The work on a recording, as the page follows it.
struct Work {
    wish: Wish,
    stopped: AtomicBool,
    /// Frames that are cleaned, of about so many, at a rate.
    done: AtomicU64,
    frames: AtomicU64,
    rate: AtomicU64,
    /// What is done after the cleaning.
    turn: Mutex<String>,
    name: String,
    /// Frames in f32, little-endian: all channels before, then all channels after.
    sound: Mutex<Option<BufWriter<File>>>,
}

/// Why a page does not get what it wants: a status of HTTP, and a line for a person.
pub struct Refusal(pub u16, pub String);

impl Refusal {
    fn unknown() -> Refusal {
        Refusal(404, "there is no such recording".into())
    }

    fn disk(e: &io::Error) -> Refusal {
        let status = match e.kind() {
            io::ErrorKind::StorageFull => 507,
            _ => 500,
        };
        Refusal(status, aeden_media::problem::describe(e))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf {
    /// With the files of the command.
    pub fn new(scratch: Scratch, files: Vec<PathBuf>, cores: usize, verify: bool) -> io::Result<Shelf> {
        let shelf = Shelf {
            scratch,
            cores,
            verify,
            state: Mutex::default(),
            wake: Condvar::new(),
        };
        for file in files {
            let name = file
                .file_name()
                .unwrap_or(file.as_os_str())
                .to_string_lossy()
                .into_owned();
            shelf.put(name, |_| file, Stage::Here)?;
        }
        Ok(shelf)
    }

    fn put(&self, name: String, source: impl FnOnce(&Path) -> PathBuf, stage: Stage) -> io::Result<u64> {
        let mut state = lock(&self.state);
        state.last += 1;
        let id = state.last;
        let folder = self.scratch.path().join(id.to_string());
        fs::create_dir(&folder)?;
        if let Stage::Announced(size) = stage {
            state.promised += size;
        }
        let recording = Recording {
            source: source(&folder),
            name,
            folder,
            stage,
            result: None,
        };
        state.recordings.insert(id, recording);
        Ok(id)
    }

    /// A recording that the page is about to send; gives its number.
    pub fn announce(&self, name: &str, size: u64) -> Result<u64, Refusal> {
        if name.is_empty() || name.len() > MOST_NAME {
            return Err(Refusal(400, format!("a name has 1 to {MOST_NAME} bytes")));
        }
        let (count, promised) = {
            let state = lock(&self.state);
            (state.recordings.len(), state.promised)
        };
        if count >= MOST_RECORDINGS {
            return Err(Refusal(409, format!("{MOST_RECORDINGS} recordings are enough")));
        }
        let free = fs4::available_space(self.scratch.path()).map_err(|e| Refusal::disk(&e))?;
        // Once for itself, once for what it becomes.
        let needed = size
            .saturating_mul(2)
            .saturating_add(promised)
            .saturating_add(SPARE);
        if needed > free {
            let what = format!(
                "too large for the disk: it needs {}, and {} has {}; free some, or start aeden web with --scratch on another disk",
                bytes(needed),
                self.scratch.path().display(),
                bytes(free)
            );
            return Err(Refusal(507, what));
        }
        // Of the name only the ending goes to the disk, which says what to write.
        let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
        let ending =
            ending.filter(|ending| ending.len() <= 8 && ending.bytes().all(|b| b.is_ascii_alphanumeric()));
        let file = match ending {
            Some(ending) => format!("recording.{ending}"),
            None => "recording".into(),
        };
        self.put(
            name.to_owned(),
            |folder| folder.join(file),
            Stage::Announced(size),
        )
        .map_err(|e| Refusal::disk(&e))
    }

    /// Takes an announced recording in.
    pub fn receive(&self, id: u64, length: u64, body: impl Read) -> Result<(), Refusal> {
        let path = {
            let mut state = lock(&self.state);
            let recording = state.recordings.get_mut(&id).ok_or_else(Refusal::unknown)?;
            match recording.stage {
                Stage::Announced(size) if size == length => recording.stage = Stage::Arriving,
                Stage::Announced(size) => {
                    return Err(Refusal(400, format!("{size} bytes were announced, not {length}")));
                }
                _ => return Err(Refusal(409, "this recording is here already".into())),
            }
            recording.source.clone()
        };
        let got = File::create_new(&path).and_then(|mut file| io::copy(&mut body.take(length), &mut file));
        let mut state = lock(&self.state);
        state.promised -= length;
        let outcome = match got {
            Ok(got) if got == length => Ok(()),
            Ok(_) => Err(Refusal(400, "the recording did not come whole".into())),
            Err(e) => Err(Refusal::disk(&e)),
        };
        match (&outcome, state.recordings.get_mut(&id)) {
            (Ok(()), Some(recording)) => recording.stage = Stage::Here,
            // It was taken away meanwhile.
            (_, None) => _ = fs::remove_file(path),
            (Err(_), Some(_)) => take_away(&mut state, id),
        }
        outcome
    }

    /// Lets a recording wait for its turn.
    pub fn order(&self, id: u64, wish: Wish) -> Result<(), Refusal> {
        let mut state = lock(&self.state);
        let recording = state.recordings.get_mut(&id).ok_or_else(Refusal::unknown)?;
        match recording.stage {
            Stage::Announced(_) | Stage::Arriving => {
                return Err(Refusal(409, "this recording has not come yet".into()));
            }
            Stage::Waiting(_) | Stage::Cleaning(_) => {
                return Err(Refusal(409, "this recording is at work already".into()));
            }
            _ => {}
        }
        let work = Work {
            wish,
            stopped: AtomicBool::new(false),
            done: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            rate: AtomicU64::new(0),
            turn: Mutex::default(),
            name: recording.name.clone(),
            sound: Mutex::default(),
        };
        recording.stage = Stage::Waiting(Arc::new(work));
        state.queue.push_back(id);
        self.wake.notify_one();
        Ok(())
    }

    /// Ends the work on a recording.
    pub fn cancel(&self, id: u64) -> Result<(), Refusal> {
        let mut state = lock(&self.state);
        let recording = state.recordings.get_mut(&id).ok_or_else(Refusal::unknown)?;
        match &recording.stage {
            Stage::Waiting(work) | Stage::Cleaning(work) => {
                work.stopped.store(true, Relaxed);
                recording.stage = Stage::Cancelled;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a recording away with all that was made of it. A file that the command named stays.
    pub fn remove(&self, id: u64) -> Result<(), Refusal> {
        let mut state = lock(&self.state);
        if !state.recordings.contains_key(&id) {
            return Err(Refusal::unknown());
        }
        take_away(&mut state, id);
        Ok(())
    }

    /// All recordings, as the page is told of them.
    pub fn list(&self) -> Value {
        let state = lock(&self.state);
        state
            .recordings
            .iter()
            .map(|(id, recording)| recording.told(*id))
            .collect()
    }

    /// One of them.
    pub fn tell(&self, id: u64) -> Result<Value, Refusal> {
        let state = lock(&self.state);
        let recording = state.recordings.get(&id).ok_or_else(Refusal::unknown)?;
        Ok(recording.told(id))
    }

    /// The sound before and after, for the page: frames in f32, little-endian, all channels before and then all after.
    pub fn sound(&self, id: u64) -> Result<File, Refusal> {
        let state = lock(&self.state);
        let recording = state.recordings.get(&id).ok_or_else(Refusal::unknown)?;
        match recording.stage {
            Stage::Done(..) => open(&recording.sound()),
            _ => Err(Refusal(409, "this recording is not clean yet".into())),
        }
    }

    /// The cleaned file, and the name to save it under.
    pub fn result(&self, id: u64) -> Result<(File, String), Refusal> {
        let state = lock(&self.state);
        let recording = state.recordings.get(&id).ok_or_else(Refusal::unknown)?;
        match &recording.result {
            Some((path, _)) => Ok((open(path)?, recording.saved(path))),
            None => Err(Refusal(409, "this recording is not clean yet".into())),
        }
    }

    /// Cleans what waits, without end.
    pub fn work(&self) {
        let mut networks: Vec<(Quality, ChosenNetwork)> = Vec::new();
        loop {
            let (id, work, source, folder) = self.next();
            let quality = work.wish.quality;
            if !networks.iter().any(|(known, _)| *known == quality) {
                networks.push((quality, ChosenNetwork::built_in(quality)));
            }
            let network = networks.iter().find(|(known, _)| *known == quality);
            let Some((_, network)) = network else {
                unreachable!("it was put there")
            };
            let outcome = guarded(&source, || {
                of_one_file(|| self.clean(&work, &source, &folder, network))
            });
            let mut state = lock(&self.state);
            let Some(recording) = state.recordings.get_mut(&id) else {
                // It was taken away meanwhile.
                let _ = fs::remove_dir_all(folder);
                continue;
            };
            if !matches!(&recording.stage, Stage::Cleaning(current) if Arc::ptr_eq(current, &work)) {
                continue;
            }
            recording.stage = match outcome {
                Ok((path, report)) => {
                    recording.result = Some((path, work.wish));
                    Stage::Done(work, Box::new(report))
                }
                Err(problem) => Stage::Failed(recording.without_path(&problem.to_string())),
            };
        }
    }

    /// Waits for a recording whose turn it is.
    fn next(&self) -> (u64, Arc<Work>, PathBuf, PathBuf) {
        let mut state = lock(&self.state);
        loop {
            while let Some(id) = state.queue.pop_front() {
                let Some(recording) = state.recordings.get_mut(&id) else {
                    continue;
                };
                let Stage::Waiting(work) = &recording.stage else {
                    continue;
                };
                let work = work.clone();
                recording.stage = Stage::Cleaning(work.clone());
                return (id, work, recording.source.clone(), recording.folder.clone());
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn clean(
        &self,
        work: &Arc<Work>,
        source: &Path,
        folder: &Path,
        network: &ChosenNetwork,
    ) -> Result<(PathBuf, Report), Problem> {
        let named = beside(source);
        let output = folder.join(named.file_name().unwrap_or_default());
        let job = Job {
            input: Source::File(source.to_owned()),
            output: Target::File(output.clone()),
            removed: None,
            plot: None,
            replace: true,
            chosen: false,
        };
        let strength = work.wish.strength;
        let options = Options {
            settings: CleanerSettings {
                limit: (strength < UNLIMITED).then_some(strength),
                bands: work.wish.bands,
                ..CleanerSettings::default()
            },
            loudness: None,
            bits: None,
            tracks: None,
            damage: Damage::Refuse,
            strict: false,
            verify: self.verify,
            make_folders: false,
        };
        let broken = |e: io::Error| Problem::io(source, &e);
        if work.wish.heard {
            let file = File::create(folder.join(SOUND)).map_err(broken)?;
            *lock(&work.sound) = Some(BufWriter::with_capacity(1 << 17, file));
        }
        let report = clean(
            &job,
            &options,
            network,
            self.cores,
            &Progress::followed(work.clone()),
        )?;
        if let Some(mut sound) = lock(&work.sound).take() {
            sound.flush().map_err(broken)?;
        }
        Ok((output, report))
    }
}

/// The name of the sound that the page hears.
const SOUND: &str = "sound";

fn open(path: &Path) -> Result<File, Refusal> {
    File::open(path).map_err(|e| Refusal::disk(&e))
}

fn take_away(state: &mut State, id: u64) {
    let Some(recording) = state.recordings.remove(&id) else {
        return;
    };
    match recording.stage {
        Stage::Announced(size) => state.promised -= size,
        // What is being written there is removed by whoever writes it.
        Stage::Waiting(work) | Stage::Cleaning(work) => work.stopped.store(true, Relaxed),
        _ => {}
    }
    let _ = fs::remove_dir_all(recording.folder);
}

fn bytes(count: u64) -> String {
    match count {
        0..1_000_000 => format!("{count} bytes"),
        1_000_000..1_000_000_000 => format!("{} MB", count / 1_000_000),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

impl Recording {
    fn sound(&self) -> PathBuf {
        self.folder.join(SOUND)
    }

    /// The name of the result at `path`: that of the recording with the result's ending.
    fn saved(&self, path: &Path) -> String {
        let stem = Path::new(&self.name).file_stem().unwrap_or(self.name.as_ref());
        let ending = path.extension().unwrap_or_default().to_string_lossy();
        format!("{}.clean.{ending}", stem.to_string_lossy())
    }

    /// What is said of a file, without the places where it lies: the page knows it by its name.
    fn without_path(&self, text: &str) -> String {
        let place = one_line(&self.source.display().to_string());
        let text = text.replace(&format!("{place}: "), "");
        let folder = one_line(&self.folder.display().to_string());
        text.replace(&place, &one_line(&self.name))
            .replace(&format!("{folder}{}", std::path::MAIN_SEPARATOR), "")
    }

    fn told(&self, id: u64) -> Value {
        let mut told = json!({ "id": id, "name": self.name });
        let mut tell = |state: &str, work: Option<&Work>| {
            told["state"] = state.into();
            if let Some(work) = work {
                let quality = work.wish.quality.to_possible_value();
                told["quality"] = quality.map(|quality| quality.get_name().to_owned()).into();
                told["strength"] = work.wish.strength.into();
                told["bands"] = work.wish.bands.to_string().into();
                told["progress"] = work.progress().into();
                told["turn"] = lock(&work.turn).clone().into();
            }
        };
        match &self.stage {
            Stage::Announced(_) => tell("announced", None),
            Stage::Arriving => tell("arriving", None),
            Stage::Here => tell("here", None),
            Stage::Waiting(work) => tell("waiting", Some(work)),
            Stage::Cleaning(work) => tell("cleaning", Some(work)),
            Stage::Done(work, report) => {
                tell("done", Some(work));
                let warnings = report.warnings.iter().map(|warning| self.without_path(warning));
                told["warnings"] = warnings.collect();
                told["rate"] = work.rate.load(Relaxed).into();
                told["frames"] = work.done.load(Relaxed).into();
                told["verified"] = report.verified.as_ref().map(ToString::to_string).into();
            }
            Stage::Failed(problem) => {
                tell("failed", None);
                told["problem"] = problem.clone().into();
            }
            Stage::Cancelled => tell("cancelled", None),
        }
        if let Some((path, wish)) = &self.result {
            told["saved"] = self.saved(path).into();
            told["saved_strength"] = wish.strength.into();
        }
        told
    }
}

impl Work {
    /// The share that is cleaned; `None` where the whole is not known.
    fn progress(&self) -> Option<f64> {
        let frames = self.frames.load(Relaxed);
        (frames > 0).then(|| (self.done.load(Relaxed) as f64 / frames as f64).min(1.0))
    }
}

impl Follower for Work {
    fn begin(&self, frames: Option<u64>, rate: u32) {
        self.frames.store(frames.unwrap_or(0), Relaxed);
        self.rate.store(rate.into(), Relaxed);
    }

    fn hear(&self, before: &[Vec<f32>], after: &[Vec<f32>]) -> Result<(), Problem> {
        let name = Path::new(&self.name);
        if self.stopped.load(Relaxed) {
            return Err(Problem::file(name, "was cancelled"));
        }
        let frames = before.first().map_or(0, Vec::len);
        if let Some(sound) = &mut *lock(&self.sound) {
            let planes = || before.iter().chain(after);
            let written = (0..frames).try_for_each(|frame| {
                planes().try_for_each(|plane| sound.write_all(&plane[frame].to_le_bytes()))
            });
            written.map_err(|e| Problem::io(name, &e))?;
        }
        self.done.fetch_add(frames as u64, Relaxed);
        Ok(())
    }

    fn turn_to(&self, what: &str) {
        *lock(&self.turn) = what.to_owned();
    }
}
