//! Files that appear complete or not at all: written beside their target under another name, brought to the disk, then
//! renamed.

use crate::problem::{Problem, is_harmless};
use crate::readers;
use crate::unfinished::{begin, named, unfinished};
use std::collections::BTreeSet;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Permissions of which the system takes those away that new files are not to have.
fn for_all() -> Option<Permissions> {
    #[cfg(unix)]
    return Some(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    #[cfg(not(unix))]
    None
}

/// Writes to standard error, whoever else is writing there.
pub fn write_to_stderr(line: &[u8]) -> io::Result<()> {
    #[cfg(unix)]
    return File::from(std::os::fd::AsFd::as_fd(&io::stderr()).try_clone_to_owned()?).write_all(line);
    #[cfg(not(unix))]
    return io::stderr().write_all(line);
}

/// Where bytes go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// A regular file, new or to be replaced.
    File(PathBuf),
    /// Something else that has a name: a device or a named pipe. It is written to directly.
    Device(PathBuf),
}

impl Target {
    /// As the user knows it.
    pub fn name(&self) -> &Path {
        match self {
            Target::Stdout => Path::new("-"),
            Target::File(path) | Target::Device(path) => path,
        }
    }

    /// A folder with room for files beside it: its own, or that for temporary files.
    pub fn folder(&self) -> PathBuf {
        match self {
            Target::File(path) => folder_of(path).to_path_buf(),
            Target::Stdout | Target::Device(_) => std::env::temp_dir(),
        }
    }
}

/// An output under way. Dropped without [`seal`](Output::seal) and [`commit`], it leaves nothing.
#[derive(Debug)]
pub struct Output {
    target: Target,
    overwrite: bool,
    stream: BufWriter<Stream>,
}

enum Stream {
    Temporary(Temporary),
    Open(Box<dyn Write + Send>),
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Stream::Temporary(file) => file.fmt(f),
            Stream::Open(_) => f.write_str("Open"),
        }
    }
}

/// An output that is complete and waits for its name.
#[derive(Debug)]
pub struct Sealed {
    target: Target,
    overwrite: bool,
    temporary: Option<Temporary>,
}

impl Sealed {
    /// The complete file under the name that it has until then; `None` if it is no file.
    pub fn path(&self) -> Option<&Path> {
        self.file().map(NamedTempFile::path)
    }

    /// Notes from which file it was made, for [`was_made_from`], where the file system can keep such a note.
    pub fn note_source(&self, source: &Path) {
        if let Some(file) = self.file() {
            origin::note(file.as_file(), source);
        }
    }

    fn file(&self) -> Option<&NamedTempFile> {
        self.temporary.as_ref()?.file.as_ref()
    }

    /// Waits until all of it is on the disk: a name that outlives a power cut must not stand for an empty file.
    fn sync(&self) -> Result<(), Problem> {
        let synced = self.file().map_or(Ok(()), |file| file.as_file().sync_all());
        synced.map_err(|e| Problem::io(self.target.name(), &e))
    }
}

/// Whether `output` is a file that was made from `source`, as its note says.
pub fn was_made_from(output: &Path, source: &Path) -> bool {
    origin::is(output, source)
}

/// An extended attribute that tells of which file another was made, as a checksum of its place: no name is given away.
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod origin {
    use rustix::fs::{XattrFlags, fsetxattr, getxattr};
    use std::fs::File;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    const NAME: &str = "user.aeden.made_from";

    fn of(source: &Path) -> Option<[u8; 4]> {
        let place = source.canonicalize().ok()?;
        Some(crc32fast::hash(place.as_os_str().as_bytes()).to_le_bytes())
    }

    /// What cannot be noted is not: then the output counts as any other file.
    pub fn note(output: &File, source: &Path) {
        if let Some(of) = of(source) {
            let _ = fsetxattr(output, NAME, &of, XattrFlags::empty());
        }
    }

    pub fn is(output: &Path, source: &Path) -> bool {
        let mut found = [0; 4];
        getxattr(output, NAME, &mut found) == Ok(4) && of(source) == Some(found)
    }
}

/// Where there are no such attributes, no file is known to be made from another.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod origin {
    use std::fs::File;
    use std::path::Path;

    pub fn note(_output: &File, _source: &Path) {}

    pub fn is(_output: &Path, _source: &Path) -> bool {
        false
    }
}

/// A file that is removed when it is dropped, or when the process is told to stop. The user's alone until it is complete.
#[derive(Debug)]
struct Temporary {
    /// Gone once it has its name.
    file: Option<NamedTempFile>,
    /// What it will be allowed to others, as far as the inputs are.
    permissions: Permissions,
}

impl Output {
    /// Begins writing. `overwrite`: an existing file may be replaced when all is done.
    pub fn create(target: &Target, overwrite: bool) -> Result<Self, Problem> {
        let stream = match target {
            Target::Stdout => Ok(Stream::Open(Box::new(io::stdout()))),
            Target::Device(path) => File::options()
                .write(true)
                .open(path)
                .map(|file| Stream::Open(Box::new(file))),
            Target::File(path) => Temporary::beside(path).map(Stream::Temporary),
        };
        let stream = stream.map_err(|e| Problem::io(target.name(), &e))?;
        Ok(Output {
            target: target.clone(),
            overwrite,
            stream: BufWriter::with_capacity(1 << 17, stream),
        })
    }

    /// The unfinished file, where another program may write instead; `None` if the output is none.
    pub fn path(&self) -> Option<&Path> {
        match self.stream.get_ref() {
            Stream::Temporary(temporary) => temporary.file.as_ref().map(NamedTempFile::path),
            Stream::Open(_) => None,
        }
    }

    /// Whether [`seal`](Output::seal) can correct what has been written.
    pub fn is_seekable(&self) -> bool {
        matches!(self.target, Target::File(_))
    }

    /// Writes out what is left, then `patches` (position, bytes) where that is possible.
    pub fn seal(mut self, patches: &[(u64, Vec<u8>)]) -> Result<Sealed, Problem> {
        let written = self.stream.flush().and_then(|()| match self.stream.get_mut() {
            Stream::Temporary(temporary) => {
                temporary.patch(patches)?;
                // File systems without permissions refuse: there is nothing to open then.
                let permissions = temporary.permissions.clone();
                let _ = readers::open_up(temporary.file(), permissions);
                Ok(())
            }
            Stream::Open(stream) => stream.flush(),
        });
        written.map_err(|e| Problem::io(self.target.name(), &e))?;
        let Ok(stream) = self.stream.into_inner() else {
            unreachable!("flushed just above")
        };
        let temporary = match stream {
            Stream::Temporary(temporary) => Some(temporary),
            Stream::Open(_) => None,
        };
        Ok(Sealed {
            target: self.target,
            overwrite: self.overwrite,
            temporary,
        })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Temporary(temporary) => temporary.file().write(bytes),
            Stream::Open(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Temporary(temporary) => temporary.file().flush(),
            Stream::Open(stream) => stream.flush(),
        }
    }
}

/// The folder that a file lies in, as it can be opened.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Gives complete outputs their names, all of them or, if one fails, none that was new. They are on the disk then, and so
/// are their names.
pub fn commit(outputs: Vec<Sealed>) -> Result<(), Problem> {
    outputs.iter().try_for_each(Sealed::sync)?;
    let folders: BTreeSet<PathBuf> = outputs
        .iter()
        .filter(|output| output.temporary.is_some())
        .map(|output| output.target.folder())
        .collect();
    let mut lock = unfinished();
    let mut named: Vec<PathBuf> = Vec::new();
    for output in outputs {
        let (Target::File(path), Some(temporary)) = (&output.target, output.temporary) else {
            continue;
        };
        let existed = path.exists();
        match temporary.rename(path, output.overwrite, &mut lock) {
            Ok(()) if !existed => named.push(path.clone()),
            Ok(()) => {}
            Err(e) => {
                for path in named {
                    let _ = std::fs::remove_file(path);
                }
                // Dropping the remaining temporary files needs the list.
                drop(lock);
                return Err(match e.kind() {
                    io::ErrorKind::AlreadyExists => exists(path),
                    _ => Problem::io(path, &e),
                });
            }
        }
    }
    drop(lock);
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Waits until the names in a folder are on the disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), Problem> {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Not every file system can, and a folder that may be written to need not be readable.
        Err(e) if !matches!(e.kind(), InvalidInput | PermissionDenied | Unsupported) => {
            Err(Problem::io(folder, &e))
        }
        _ => Ok(()),
    }
}

/// Windows keeps its own journal of names.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), Problem> {
    Ok(())
}

/// The refusal to replace a file, by a command that cannot go on where it stopped.
pub fn exists(path: &Path) -> Problem {
    Problem::file(path, "exists already; -y replaces it")
}

/// The refusal to replace a file, by one that can.
pub fn exists_or_skip(path: &Path) -> Problem {
    Problem::file(path, "exists already; -y replaces it, --skip-existing leaves it")
}

impl Temporary {
    fn beside(target: &Path) -> io::Result<Self> {
        let folder = folder_of(target);
        let mut list = unfinished();
        // A replaced file keeps what it has.
        let permissions = match std::fs::metadata(target) {
            Ok(about) => about.permissions(),
            // What a new file gets in this folder tells only a new file, which is gone at once.
            Err(_) => named(folder, for_all())?.as_file().metadata()?.permissions(),
        };
        let file = Some(begin(folder, &mut list)?);
        Ok(Temporary { file, permissions })
    }

    fn file(&mut self) -> &mut File {
        self.file.as_mut().expect("present until renamed").as_file_mut()
    }

    fn patch(&mut self, patches: &[(u64, Vec<u8>)]) -> io::Result<()> {
        for (at, bytes) in patches {
            self.file().seek(SeekFrom::Start(*at))?;
            self.file().write_all(bytes)?;
        }
        Ok(())
    }

    /// On failure the file is removed.
    fn rename(mut self, target: &Path, overwrite: bool, unfinished: &mut Vec<PathBuf>) -> io::Result<()> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let own = file.path().to_path_buf();
        let result = if overwrite {
            file.persist(target).map(drop)
        } else {
            file.persist_noclobber(target).map(drop).or_else(|e| {
                // Some file systems, FAT for one, cannot rename without replacing.
                if e.error.kind() == io::ErrorKind::AlreadyExists || target.exists() {
                    return Err(tempfile::PersistError {
                        error: io::ErrorKind::AlreadyExists.into(),
                        file: e.file,
                    });
                }
                e.file.persist(target).map(drop)
            })
        };
        unfinished.retain(|path| *path != own);
        result.map_err(|e| e.error)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        let mut lock = unfinished();
        let own = file.path().to_path_buf();
        drop(file);
        lock.retain(|path| *path != own);
    }
}

/// Standard output takes what a command makes, or what it tells as JSON.
pub fn one_on_stdout(json: bool, target: &Target) -> Result<(), Problem> {
    match json && *target == Target::Stdout {
        true => Err(Problem::usage(
            "--json and the output cannot both go to standard output; give OUT or leave out --json",
        )),
        false => Ok(()),
    }
}

/// Writes lines of text or JSON to standard output; a reader that has gone is no problem. What a terminal would obey or
/// hide is written as JSON escapes it, which in JSON changes nothing.
pub fn print(text: &str) -> Result<(), Problem> {
    let mut harmless = String::with_capacity(text.len());
    for c in text.chars() {
        if c == '\n' || is_harmless(c) {
            harmless.push(c);
        } else {
            let units = &mut [0; 2];
            let escaped = c.encode_utf16(units).iter().map(|unit| format!("\\u{unit:04x}"));
            harmless.extend(escaped);
        }
    }
    let mut out = io::stdout().lock();
    match out.write_all(harmless.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Problem::io(Path::new("-"), &e)),
        _ => Ok(()),
    }
}
