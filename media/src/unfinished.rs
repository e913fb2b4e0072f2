//! What is under way: files and folders that are gone when the process is, however it ends.
//!
//! Each is locked by its process, a file by itself and a folder by a file in it. So whoever finds one that is not locked
//! knows that its process was killed, and removes it. Where files cannot be locked, nothing is known of their owners, and
//! all of them stay.

use crate::problem::{Problem, describe};
use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;
use tempfile::{Builder, NamedTempFile};

/// Unfinished files and folders of this process, for the moment when it is told to stop.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Their names.
const PREFIX: &str = ".aeden-";
const SUFFIX: &str = ".part";

/// The file in a [`Scratch`] that its process holds locked.
const LOCK: &str = "lock";

/// The list of what is under way. While it is held, the process cannot be told to stop.
pub(crate) fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From here on Ctrl-C, and a request to terminate or to hang up, remove what is unfinished and end the process with the
/// status that `farewell` gives.
pub fn clean_up_when_stopped(farewell: impl Fn() -> u8 + Send + 'static) {
    // A second handler would be refused; there is only this one, and without it the program still works.
    let _ = ctrlc::set_handler(move || {
        // The lock is kept: nothing is created or renamed any more.
        let paths = unfinished();
        // Programs first: one that goes on writing might make its file again.
        crate::ffmpeg::programs::kill_all();
        paths.iter().for_each(|path| remove(path));
        std::process::exit(farewell().into());
    });
}

/// Removes what is unfinished where that needs neither memory nor a lock that somebody has: what is left is removed by the
/// next run.
pub fn clean_up_if_possible() {
    if let Ok(paths) = UNFINISHED.try_lock() {
        paths.iter().for_each(|path| remove(path));
    }
}

/// Removes a file, or a folder though threads of this process may be writing into it.
fn remove(path: &Path) {
    if fs::remove_file(path).is_ok() {
        return;
    }
    for _ in 0..20 {
        match fs::remove_dir_all(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(20)),
            _ => return,
        }
    }
}

/// Begins a file in a folder, which is its user's alone; `unfinished` is the list, with it on return.
pub(crate) fn begin(folder: &Path, unfinished: &mut Vec<PathBuf>) -> io::Result<NamedTempFile> {
    loop {
        let file = named(folder, None)?;
        // Another process may have swept it away between its creation and its lock: then it takes another one.
        let lost = matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock));
        if !lost && file.path().exists() {
            unfinished.push(file.path().to_path_buf());
            return Ok(file);
        }
    }
}

/// A new file under the name of an unfinished one, with `permissions` as far as the system gives them, or its user's alone.
pub(crate) fn named(folder: &Path, permissions: Option<Permissions>) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    if let Some(permissions) = permissions {
        builder.permissions(permissions);
    }
    builder.tempfile_in(folder).map_err(|e| e.kind().into())
}

/// Removes what killed processes have left unfinished in a folder. What cannot be removed stays.
pub fn sweep(folder: &Path) {
    let is_file = |path: &Path| fs::symlink_metadata(path).is_ok_and(|about| about.is_file());
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.as_encoded_bytes();
        if !name.starts_with(PREFIX.as_bytes()) {
            continue;
        }
        // Pipes would be waited for without end, and links lead elsewhere.
        let Ok(kind) = entry.file_type() else { continue };
        let lock = path.join(LOCK);
        if kind.is_file() && name.ends_with(SUFFIX.as_bytes()) && is_abandoned(&path) {
            let _ = fs::remove_file(path);
        } else if kind.is_dir() && is_file(&lock) && is_abandoned(&lock) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// Whether nobody holds the lock of a file.
fn is_abandoned(file: &Path) -> bool {
    let opened = File::options().write(true).open(file);
    opened.is_ok_and(|file| file.try_lock().is_ok())
}

/// A folder for what is made on the way to an output. It vanishes when it is dropped, or when the process is told to stop.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes one among the temporary files of the system; the first one of a process sweeps there.
    pub fn new() -> Result<Self, Problem> {
        static SWEPT: Once = Once::new();
        let place = std::env::temp_dir();
        SWEPT.call_once(|| sweep(&place));
        Scratch::within(&place).map_err(|e| {
            let what = format!(
                "no temporary files can be made here: {}",
                describe(&e.kind().into())
            );
            Problem::file(&place, what)
        })
    }

    /// Makes one in a folder.
    pub fn within(place: &Path) -> io::Result<Self> {
        let mut list = unfinished();
        let folder = Builder::new().prefix(PREFIX).tempdir_in(place)?;
        // The file gets its name when it is locked: nobody may take the folder for abandoned before.
        let new = folder.path().join("lock.new");
        let lock = File::create_new(&new)?;
        let _ = lock.try_lock();
        fs::rename(new, folder.path().join(LOCK))?;
        let folder = folder.keep();
        list.push(folder.clone());
        Ok(Scratch { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut list = unfinished();
        remove(&self.folder);
        list.retain(|path| *path != self.folder);
    }
}
