//! The index: an embedded database (redb) with a vector for every sound, and what its file was like when it was heard.

use super::vector::Vector;
use crate::problem::Problem;
use aeden::autoencoder::Autoencoder;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::path::{Path, PathBuf};

/// What the index is of.
const ABOUT: TableDefinition<&str, u64> = TableDefinition::new("about");
/// Path → size, time of change in ns, checksum, number, milliseconds.
const FILES: TableDefinition<&[u8], (u64, u64, u32, u64, u64)> = TableDefinition::new("files");
/// Number → vector; apart from the rest, so that a search reads nothing else.
const VECTORS: TableDefinition<u64, &[u8]> = TableDefinition::new("vectors");
/// Number → path.
const PATHS: TableDefinition<u64, &[u8]> = TableDefinition::new("paths");

const VERSION: u64 = 1;

/// How a file is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// In bytes.
    pub size: u64,
    /// When it was changed, in nanoseconds since 1970.
    pub changed: u64,
    /// CRC-32 of its contents.
    pub checksum: u32,
}

/// What happened to a file.
pub enum Change {
    /// Its sound is to be known by this.
    Heard {
        /// Absolute path.
        path: PathBuf,
        /// As it is now.
        stamp: Stamp,
        /// What it sounds like; `None`: as before.
        vector: Option<Vector>,
        /// Length.
        seconds: f64,
    },
    /// It is no longer there.
    Gone(PathBuf),
}

/// A sound that was found.
#[derive(Debug, PartialEq)]
pub struct Match {
    /// Where it is.
    pub path: PathBuf,
    /// The cosine of the angle between its vector and that of the query.
    pub likeness: f32,
    /// Its length.
    pub seconds: f64,
}

/// An open index.
pub struct Index {
    path: PathBuf,
    database: Database,
}

impl Index {
    /// Opens an index to add to it, and makes it if it is not there.
    pub fn create(path: &Path, model: &Autoencoder) -> Result<Index, Problem> {
        let database = Database::create(path).map_err(|e| unusable(path, &e))?;
        let index = Index {
            path: path.into(),
            database,
        };
        let write = index.database.begin_write().map_err(|e| index.broken(e))?;
        {
            let mut about = write.open_table(ABOUT).map_err(|e| index.broken(e))?;
            let known = about.get("version").map_err(|e| index.broken(e))?.is_some();
            if !known {
                for (key, value) in [("version", VERSION), ("model", model.fingerprint()), ("next", 0)] {
                    about.insert(key, value).map_err(|e| index.broken(e))?;
                }
                write.open_table(FILES).map_err(|e| index.broken(e))?;
                write.open_table(VECTORS).map_err(|e| index.broken(e))?;
                write.open_table(PATHS).map_err(|e| index.broken(e))?;
            }
        }
        write.commit().map_err(|e| index.broken(e))?;
        index.check(model)?;
        Ok(index)
    }

    /// Opens an index to search it.
    pub fn open(path: &Path, model: &Autoencoder) -> Result<Index, Problem> {
        if !path.exists() {
            let what = "there is no index yet; make one with: aeden find index DIR";
            return Err(Problem::file(path, what));
        }
        let database = Database::open(path).map_err(|e| unusable(path, &e))?;
        let index = Index {
            path: path.into(),
            database,
        };
        index.check(model)?;
        Ok(index)
    }

    fn broken(&self, e: impl Into<redb::Error>) -> Problem {
        unusable(&self.path, &e.into())
    }

    fn check(&self, model: &Autoencoder) -> Result<(), Problem> {
        let read = self.database.begin_read().map_err(|e| self.broken(e))?;
        let about = read.open_table(ABOUT).map_err(|e| self.broken(e))?;
        let value = |key: &str| -> Result<u64, Problem> {
            let found = about.get(key).map_err(|e| self.broken(e))?;
            found.map_or_else(
                || {
                    Err(Problem::file(
                        &self.path,
                        "is no index of aeden; name another file",
                    ))
                },
                |v| Ok(v.value()),
            )
        };
        if value("version")? != VERSION {
            let what =
                "was made by another version of aeden; make it anew with: aeden find index --rebuild DIR";
            return Err(Problem::file(&self.path, what));
        }
        if value("model")? != model.fingerprint() {
            let what = "was made with another model; name that with --model, or use --rebuild";
            return Err(Problem::file(&self.path, what));
        }
        Ok(())
    }

    /// How a file was when it was heard.
    pub fn stamp(&self, path: &Path) -> Result<Option<(Stamp, f64)>, Problem> {
        let read = self.database.begin_read().map_err(|e| self.broken(e))?;
        let files = read.open_table(FILES).map_err(|e| self.broken(e))?;
        let found = files.get(key(path)).map_err(|e| self.broken(e))?;
        Ok(found.map(|entry| {
            let (size, changed, checksum, _, milliseconds) = entry.value();
            let stamp = Stamp {
                size,
                changed,
                checksum,
            };
            (stamp, milliseconds as f64 / 1000.0)
        }))
    }

    /// The files below a folder that the index has and `present` has not.
    pub fn gone(&self, folder: &Path, present: &HashSet<PathBuf>) -> Result<Vec<PathBuf>, Problem> {
        let read = self.database.begin_read().map_err(|e| self.broken(e))?;
        let files = read.open_table(FILES).map_err(|e| self.broken(e))?;
        let mut gone = Vec::new();
        // The paths below a folder begin with its name, so they follow it.
        for entry in files.range(key(folder)..).map_err(|e| self.broken(e))? {
            let (path, _) = entry.map_err(|e| self.broken(e))?;
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

    /// Writes changes down, all or none.
    pub fn apply(&self, changes: &[Change]) -> Result<(), Problem> {
        let write = self.database.begin_write().map_err(|e| self.broken(e))?;
        {
            let mut about = write.open_table(ABOUT).map_err(|e| self.broken(e))?;
            let mut files = write.open_table(FILES).map_err(|e| self.broken(e))?;
            let mut vectors = write.open_table(VECTORS).map_err(|e| self.broken(e))?;
            let mut paths = write.open_table(PATHS).map_err(|e| self.broken(e))?;
            let mut next = about
                .get("next")
                .map_err(|e| self.broken(e))?
                .map_or(0, |v| v.value());
            for change in changes {
                match change {
                    Change::Heard {
                        path,
                        stamp,
                        vector,
                        seconds,
                    } => {
                        let known = files.get(key(path)).map_err(|e| self.broken(e))?;
                        let known = known.map(|entry| entry.value().3);
                        let number = known.unwrap_or_else(|| {
                            next += 1;
                            next
                        });
                        let milliseconds = (seconds * 1000.0).round() as u64;
                        let entry = (stamp.size, stamp.changed, stamp.checksum, number, milliseconds);
                        files.insert(key(path), entry).map_err(|e| self.broken(e))?;
                        paths.insert(number, key(path)).map_err(|e| self.broken(e))?;
                        if let Some(vector) = vector {
                            vectors
                                .insert(number, vector.0.as_slice())
                                .map_err(|e| self.broken(e))?;
                        }
                    }
                    Change::Gone(path) => {
                        let known = files.remove(key(path)).map_err(|e| self.broken(e))?;
                        if let Some(number) = known.map(|entry| entry.value().3) {
                            vectors.remove(number).map_err(|e| self.broken(e))?;
                            paths.remove(number).map_err(|e| self.broken(e))?;
                        }
                    }
                }
            }
            about.insert("next", next).map_err(|e| self.broken(e))?;
        }
        write.commit().map_err(|e| self.broken(e))
    }

    /// How many sounds it has.
    pub fn count(&self) -> Result<u64, Problem> {
        use redb::ReadableTableMetadata;
        let read = self.database.begin_read().map_err(|e| self.broken(e))?;
        let vectors = read.open_table(VECTORS).map_err(|e| self.broken(e))?;
        vectors.len().map_err(|e| self.broken(e))
    }

    /// The sounds that are most like a vector, but for the file `itself`, the most alike first.
    pub fn search(&self, vector: &Vector, top: usize, itself: Option<&Path>) -> Result<Vec<Match>, Problem> {
        let read = self.database.begin_read().map_err(|e| self.broken(e))?;
        let files = read.open_table(FILES).map_err(|e| self.broken(e))?;
        let vectors = read.open_table(VECTORS).map_err(|e| self.broken(e))?;
        let paths = read.open_table(PATHS).map_err(|e| self.broken(e))?;
        let itself = match itself {
            Some(path) => files
                .get(key(path))
                .map_err(|e| self.broken(e))?
                .map(|entry| entry.value().3),
            None => None,
        };
        // The least alike of those kept so far is on top.
        let mut best = BinaryHeap::new();
        for entry in vectors.iter().map_err(|e| self.broken(e))? {
            let (number, stored) = entry.map_err(|e| self.broken(e))?;
            let likeness = vector.likeness(stored.value());
            let number = number.value();
            if Some(number) != itself {
                best.push(Reverse((Order(likeness), Reverse(number))));
                if best.len() > top {
                    best.pop();
                }
            }
        }
        let best = best.into_sorted_vec().into_iter();
        best.map(|Reverse((Order(likeness), Reverse(number)))| {
            let path = paths.get(number).map_err(|e| self.broken(e))?;
            let path = path.ok_or_else(|| Problem::file(&self.path, "a path is missing; use --rebuild"))?;
            let file = files.get(path.value()).map_err(|e| self.broken(e))?;
            Ok(Match {
                seconds: file.map_or(0.0, |entry| entry.value().4 as f64 / 1000.0),
                path: path_of(path.value()),
                likeness,
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

/// What a person can do about a database that does not work.
fn unusable(path: &Path, e: &(impl std::error::Error + ?Sized)) -> Problem {
    Problem::file(path, format!("the index cannot be used: {e}"))
}
