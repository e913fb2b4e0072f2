//! A folder for what is under way, which is gone when the program is, however it ends.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "aeden-web-";

/// The file in it that its process holds locked: whoever finds it unlocked knows that the process was killed.
const LOCK: &str = "lock";

/// The folder; the user's alone.
pub struct Scratch {
    folder: PathBuf,
    _lock: File,
}

impl Scratch {
    /// Makes one, and removes those that killed processes have left.
    pub fn create(place: &Path) -> io::Result<Scratch> {
        sweep(place);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(place)?.keep();
        // It gets its name when it is locked. Where files cannot be locked, nobody takes the folder for abandoned either.
        let new = folder.join("lock.new");
        let lock = File::create_new(&new)?;
        let _ = lock.try_lock();
        fs::rename(new, folder.join(LOCK))?;
        Ok(Scratch { folder, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

/// Removes the folder, though others may be writing into it.
pub fn remove(folder: &Path) {
    for _ in 0..20 {
        match fs::remove_dir_all(folder) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            _ => return,
        }
    }
}

fn sweep(place: &Path) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        // A link leads elsewhere.
        let is_ours = entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(PREFIX.as_bytes())
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_ours {
            continue;
        }
        let lock = entry.path().join(LOCK);
        let is_file = fs::symlink_metadata(&lock).is_ok_and(|about| about.is_file());
        if is_file
            && File::options()
                .write(true)
                .open(&lock)
                .is_ok_and(|lock| lock.try_lock().is_ok())
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
