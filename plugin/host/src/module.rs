//! The library inside a bundle.

use crate::{Error, Format};
use libloading::Library;
use std::path::{Path, PathBuf};

/// Loads the library of a bundle.
pub(crate) fn load(bundle: &Path, format: Format) -> Result<(Library, PathBuf), Error> {
    let file = find(bundle, format)?;
    let library = open(&file).map_err(|e| Error::Load(format!("{}: {e}", file.display())))?;
    Ok((library, file))
}

/// Resolves all that the library needs at once, as some hosts do, so that nothing can be found missing later.
#[cfg(unix)]
fn open(file: &Path) -> Result<Library, libloading::Error> {
    use libloading::os::unix::{self, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: whoever asks to load a plugin trusts its initialisers.
    unsafe { unix::Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) }.map(Library::from)
}

#[cfg(not(unix))]
fn open(file: &Path) -> Result<Library, libloading::Error> {
    // SAFETY: as above.
    unsafe { Library::new(file) }
}

/// Where this machine's library lies: in the places that the formats lay down, or the file itself.
fn find(bundle: &Path, format: Format) -> Result<PathBuf, Error> {
    if bundle.is_file() {
        return Ok(bundle.to_owned());
    }
    let name = bundle.file_stem().unwrap_or_default().to_string_lossy();
    let machine = std::env::consts::ARCH;
    let inside = if cfg!(target_os = "macos") {
        format!("Contents/MacOS/{name}")
    } else if cfg!(windows) {
        format!("Contents/{machine}-win/{name}.vst3")
    } else {
        format!("Contents/{machine}-linux/{name}.so")
    };
    let file = bundle.join(inside);
    if file.is_file() {
        return Ok(file);
    }
    Err(Error::Load(format!(
        "{} is no {format:?} bundle for this machine: {} is missing",
        bundle.display(),
        file.display()
    )))
}
