//! The index: an embedded database (redb) with a descriptor for every sound, and what its file was like when it was heard.

use super::checked::Checked;
use super::describer::{Describer, Sound};
use super::descriptor::Descriptor;
use crate::{Error, FormatError};
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::path::{Path, PathBuf};

/// What the index is of.
const ABOUT: TableDefinition<&str, u64> = TableDefinition::new("about");
/// Path → size, time of change in ns, checksum, number, milliseconds.
const FILES: TableDefinition<&[u8], (u64, u64, u32, u64, u64)> = TableDefinition::new("files");
/// Number → descriptor; apart from the rest, so that a search reads nothing else.
const DESCRIPTORS: TableDefinition<u64, &[u8]> = TableDefinition::new("descriptors");
/// Number → path.
const PATHS: TableDefinition<u64, &[u8]> = TableDefinition::new("paths");

/// Version 1 was a file of redb without checksums.
const VERSION: u64 = 2;

/// The marks by which a file is known again. A mark that does not matter to the user of an index may be 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// In bytes.
    pub size: u64,
    /// When it was changed, in nanoseconds since 1970.
    pub changed: u64,
    /// CRC-32 of its contents.
    pub checksum: u32,
}

/// A file's entry in an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// As it was when it was heard.
    pub stamp: Stamp,
    /// Its length, to a millisecond.
    pub seconds: f64,
}

/// A change to an index.
#[derive(Clone, Debug)]
pub enum Change {
    /// The sound of this file is new, or another than before.
    Put {
        /// Where it is, under the name by which it is to be found.
        path: PathBuf,
        /// As it is now.
        stamp: Stamp,
        /// What it sounds like.
        sound: Sound,
    },
    /// The file looks different and sounds as before. A file that the index does not know is left out.
    Touch {
        /// Where it is.
        path: PathBuf,
        /// As it is now.
        stamp: Stamp,
    },
    /// The file is no longer there.
    Remove(PathBuf),
}

/// A sound that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Where it is.
    pub path: PathBuf,
    /// The cosine of the angle between its descriptor and that of the query, -1 to 1.
    pub similarity: f32,
    /// Its length.
    pub seconds: f64,
}

/// An open index. While it is open, nobody else can open it.
pub struct Index {
    database: Database,
    /// Fingerprint of the network.
    model: u64,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("model", &self.model).finish()
    }
}

impl Index {
    /// Opens an index to add to it, and makes it if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Busy`]; [`Error::Format`] for a file that is no index, or damaged;
    /// [`Error::OtherModel`] if another network made it.
    pub fn create(path: impl AsRef<Path>, describer: &Describer) -> Result<Index, Error> {
        let store = Checked::create(path.as_ref())?;
        let is_new = store.is_empty();
        let index = Index::over(store, describer)?;
        if is_new {
            let write = index.database.begin_write().map_err(broken)?;
            {
                let mut about = write.open_table(ABOUT).map_err(broken)?;
                for (key, value) in [("version", VERSION), ("model", index.model), ("next", 0)] {
                    about.insert(key, value).map_err(broken)?;
                }
                write.open_table(FILES).map_err(broken)?;
                write.open_table(DESCRIPTORS).map_err(broken)?;
                write.open_table(PATHS).map_err(broken)?;
            }
            write.commit().map_err(broken)?;
        }
        index.check()?;
        Ok(index)
    }

    /// Opens an index that is there.
    ///
    /// # Errors
    /// Those of [`create`](Index::create); [`Error::Io`] if there is none.
    pub fn open(path: impl AsRef<Path>, describer: &Describer) -> Result<Index, Error> {
        let store = Checked::open(path.as_ref())?;
        if store.is_empty() {
            return Err(FormatError::CutShort.into());
        }
        let index = Index::over(store, describer)?;
        index.check()?;
        Ok(index)
    }

    fn over(store: Checked, describer: &Describer) -> Result<Index, Error> {
        Ok(Index {
            database: Database::builder().create_with_backend(store).map_err(broken)?,
            model: describer.fingerprint(),
        })
    }

    fn check(&self) -> Result<(), Error> {
        let read = self.database.begin_read().map_err(broken)?;
        let about = read.open_table(ABOUT).map_err(broken)?;
        let value = |key: &str| -> Result<u64, Error> {
            let found = about.get(key).map_err(broken)?;
            found.map_or(Err(FormatError::Senseless.into()), |v| Ok(v.value()))
        };
        let (found, stored) = (value("version")?, value("model")?);
        if found != VERSION {
            let known = VERSION;
            return Err(FormatError::Version { found, known }.into());
        }
        self.of_own_model(stored)
    }

    fn of_own_model(&self, stored: u64) -> Result<(), Error> {
        match stored == self.model {
            true => Ok(()),
            false => Err(Error::OtherModel {
                stored,
                given: self.model,
            }),
        }
    }

    /// A file's entry, if there is one.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`], [`Error::Index`] if the index cannot be read.
    pub fn entry(&self, path: impl AsRef<Path>) -> Result<Option<Entry>, Error> {
        let read = self.database.begin_read().map_err(broken)?;
        let files = read.open_table(FILES).map_err(broken)?;
        let found = files.get(key(path.as_ref())).map_err(broken)?;
        Ok(found.map(|entry| {
            let (size, changed, checksum, _, milliseconds) = entry.value();
            let stamp = Stamp {
                size,
                changed,
                checksum,
            };
            Entry {
                stamp,
                seconds: milliseconds as f64 / 1000.0,
            }
        }))
    }

    /// The files below a folder that the index has and `present` has not.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`], [`Error::Index`] if the index cannot be read.
    pub fn gone(&self, folder: impl AsRef<Path>, present: &HashSet<PathBuf>) -> Result<Vec<PathBuf>, Error> {
        let folder = folder.as_ref();
        let read = self.database.begin_read().map_err(broken)?;
        let files = read.open_table(FILES).map_err(broken)?;
        let mut gone = Vec::new();
        // The paths below a folder begin with its name, so they follow it.
        for entry in files.range(key(folder)..).map_err(broken)? {
            let (path, _) = entry.map_err(broken)?;
            if !path.value().starts_with(key(folder)) {
                break;
            }
            let path = path_of(path.value());
            if path.starts_with(folder) && !present.contains(&path) {
                gone.push(path);
            }
        }
        Ok(gone)
    }

    /// Writes changes down, all or none. They are on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::OtherModel`] for a sound that another network has described; [`Error::Io`], [`Error::Format`],
    /// [`Error::Index`] if the index cannot be written.
    pub fn apply(&self, changes: &[Change]) -> Result<(), Error> {
        for change in changes {
            if let Change::Put { sound, .. } = change {
                self.of_own_model(sound.descriptor.model())?;
            }
        }
        let write = self.database.begin_write().map_err(broken)?;
        {
            let mut about = write.open_table(ABOUT).map_err(broken)?;
            let mut files = write.open_table(FILES).map_err(broken)?;
            let mut descriptors = write.open_table(DESCRIPTORS).map_err(broken)?;
            let mut paths = write.open_table(PATHS).map_err(broken)?;
            let next = about.get("next").map_err(broken)?;
            let mut next = next.map_or(0, |v| v.value());
            for change in changes {
                match change {
                    Change::Put { path, stamp, sound } => {
                        let known = files.get(key(path)).map_err(broken)?;
                        let known = known.map(|entry| entry.value().3);
                        let number = known.unwrap_or_else(|| {
                            next += 1;
                            next
                        });
                        let milliseconds = (sound.seconds * 1000.0).round() as u64;
                        let entry = (stamp.size, stamp.changed, stamp.checksum, number, milliseconds);
                        files.insert(key(path), entry).map_err(broken)?;
                        paths.insert(number, key(path)).map_err(broken)?;
                        descriptors
                            .insert(number, sound.descriptor.bytes().as_slice())
                            .map_err(broken)?;
                    }
                    Change::Touch { path, stamp } => {
                        let known = files.get(key(path)).map_err(broken)?;
                        let known = known.map(|entry| entry.value());
                        if let Some((_, _, _, number, milliseconds)) = known {
                            let entry = (stamp.size, stamp.changed, stamp.checksum, number, milliseconds);
                            files.insert(key(path), entry).map_err(broken)?;
                        }
                    }
                    Change::Remove(path) => {
                        let known = files.remove(key(path)).map_err(broken)?;
                        if let Some(number) = known.map(|entry| entry.value().3) {
                            descriptors.remove(number).map_err(broken)?;
                            paths.remove(number).map_err(broken)?;
                        }
                    }
                }
            }
            about.insert("next", next).map_err(broken)?;
        }
        write.commit().map_err(broken)
    }

    /// Number of sounds.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Format`], [`Error::Index`] if the index cannot be read.
    pub fn count(&self) -> Result<u64, Error> {
        let read = self.database.begin_read().map_err(broken)?;
        let descriptors = read.open_table(DESCRIPTORS).map_err(broken)?;
        descriptors.len().map_err(broken)
    }

    /// The `top` sounds that are most like a query, the most alike first; the file `itself` is left out. Every sound of the
    /// index is looked at: 100,000 take about 60 ms.
    ///
    /// # Errors
    /// [`Error::OtherModel`] for a query that another network has described; [`Error::Io`], [`Error::Format`],
    /// [`Error::Index`] if the index cannot be read.
    pub fn search(&self, query: &Descriptor, top: usize, itself: Option<&Path>) -> Result<Vec<Match>, Error> {
        self.of_own_model(query.model())?;
        let read = self.database.begin_read().map_err(broken)?;
        let files = read.open_table(FILES).map_err(broken)?;
        let descriptors = read.open_table(DESCRIPTORS).map_err(broken)?;
        let paths = read.open_table(PATHS).map_err(broken)?;
        let itself = match itself {
            Some(path) => files.get(key(path)).map_err(broken)?.map(|entry| entry.value().3),
            None => None,
        };
        // The least alike of those kept so far is on top.
        let mut best = BinaryHeap::new();
        for entry in descriptors.iter().map_err(broken)? {
            let (number, stored) = entry.map_err(broken)?;
            let similarity = query.similarity_to(stored.value());
            let number = number.value();
            if Some(number) != itself {
                best.push(Reverse((Order(similarity), Reverse(number))));
                if best.len() > top {
                    best.pop();
                }
            }
        }
        let best = best.into_sorted_vec().into_iter();
        best.map(|Reverse((Order(similarity), Reverse(number)))| {
            let path = paths.get(number).map_err(broken)?;
            let path = path.ok_or(FormatError::Senseless)?;
            let file = files.get(path.value()).map_err(broken)?;
            Ok(Match {
                seconds: file.map_or(0.0, |entry| entry.value().4 as f64 / 1000.0),
                path: path_of(path.value()),
                similarity,
            })
        })
        .collect()
    }
}

/// Numbers that are never NaN, in their order.
#[derive(PartialEq)]
struct Order(f32);

impl Eq for Order {}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

fn key(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

fn path_of(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        std::ffi::OsStr::from_bytes(bytes).into()
    }
    #[cfg(not(unix))]
    {
        String::from_utf8_lossy(bytes).into_owned().into()
    }
}

/// What redb says, as an error of ours: a checksum that did not fit comes back through it.
fn broken(error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(e) if e.kind() == std::io::ErrorKind::InvalidData => FormatError::Altered.into(),
        redb::Error::Io(e) => e.into(),
        redb::Error::Corrupted(_) | redb::Error::TableDoesNotExist(_) => FormatError::Senseless.into(),
        other => Error::Index(Box::new(other)),
    }
}
