//! Files of the user's own settings: read without waiting, written whole or not at all.

use serde::Serialize;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// The most bytes that are read.
const MOST_BYTES: u64 = 1 << 16;

/// The content of a file.
///
/// # Errors
/// What the system says; [`ErrorKind::InvalidData`] for what is too large, and for what is no file, which may never end.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() > MOST_BYTES {
        return Err(ErrorKind::InvalidData.into());
    }
    fs::read(path)
}

/// Writes JSON, in the place of a file of this name, into a folder that is made if it is not there.
///
/// # Errors
/// What the system says. What was there is untouched then.
pub fn write(path: &Path, content: &impl Serialize) -> io::Result<()> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    fs::create_dir_all(folder)?;
    let name = name.to_string_lossy();
    let unfinished = folder.join(format!(".{name}.{}.part", std::process::id()));
    let written = fs::File::create(&unfinished).and_then(|mut file| {
        file.write_all(&serde_json::to_vec_pretty(content)?)?;
        file.sync_all()
    });
    let done = written.and_then(|()| fs::rename(&unfinished, path));
    if done.is_err() {
        // It may not even be there.
        let _ = fs::remove_file(unfinished);
    }
    done
}
