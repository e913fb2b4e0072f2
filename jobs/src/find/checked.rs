//! The file of an index: blocks with checksums. redb, which keeps the index in order, trusts what it has written and
//! panics where that was altered; here it meets an error instead, since no block with a wrong checksum is passed on.
//!
//! | bytes | |
//! |---|---|
//! | 8 | which file this is |
//! | 8 | length of what redb has stored, little-endian |
//! | 4 | checksum (CRC-32) of these |
//! | then, a block | 4: checksum of the block's number (8 bytes) and its bytes; 4096: the bytes |

use crate::{Error, FormatError};
use redb::StorageBackend;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// No text, and changed by what takes it for text.
const MAGIC: [u8; 8] = *b"aeden\x8e\r\n";
const HEAD: usize = 20;
/// As large as redb's pages.
const BLOCK: usize = 4096;
const CHECKSUM: usize = 4;

/// A locked file of blocks.
#[derive(Debug)]
pub struct Checked(Mutex<Blocks>);

#[derive(Debug)]
struct Blocks {
    file: File,
    /// Of what is stored in blocks.
    length: u64,
}

impl Checked {
    /// Opens a file, or makes it if it is not there; what is empty is as if it was not there.
    pub fn create(path: &Path) -> Result<Checked, Error> {
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        lock(&file)?;
        let mut blocks = Blocks { file, length: 0 };
        if blocks.file.metadata()?.len() == 0 {
            blocks.write_head()?;
        } else {
            blocks.read_head()?;
        }
        Ok(Checked(Mutex::new(blocks)))
    }

    /// Opens a file that is there.
    pub fn open(path: &Path) -> Result<Checked, Error> {
        let file = File::options().read(true).write(true).open(path)?;
        lock(&file)?;
        let mut blocks = Blocks { file, length: 0 };
        blocks.read_head()?;
        Ok(Checked(Mutex::new(blocks)))
    }

    /// Whether nothing has been stored yet.
    pub fn is_empty(&self) -> bool {
        self.blocks().length == 0
    }

    fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps others out until the file is closed.
fn lock(file: &File) -> Result<(), Error> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Busy),
        Err(TryLockError::Error(e)) => Err(e.into()),
    }
}

fn altered() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, FormatError::Altered)
}

fn checksum(number: u64, bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize().to_le_bytes()
}

/// The blocks that hold a range of bytes: the number of each, the part of it, and where that lies in the range.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, std::ops::Range<usize>, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let at = offset + done as u64;
        let from = (at % BLOCK as u64) as usize;
        let to = BLOCK.min(from + length - done);
        let part = (at / BLOCK as u64, from..to, done);
        done += to - from;
        Some(part)
    })
}

impl Blocks {
    fn count(length: u64) -> u64 {
        length.div_ceil(BLOCK as u64)
    }

    fn seek(&mut self, number: u64) -> io::Result<()> {
        let at = HEAD as u64 + number * (CHECKSUM + BLOCK) as u64;
        self.file.seek(SeekFrom::Start(at)).map(drop)
    }

    fn read_head(&mut self) -> Result<(), Error> {
        let mut head = Vec::with_capacity(HEAD);
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(HEAD as u64).read_to_end(&mut head)?;
        if !head.starts_with(&MAGIC) {
            return Err(FormatError::Foreign.into());
        }
        let Some((known, check)) = head.split_last_chunk::<CHECKSUM>().filter(|_| head.len() == HEAD) else {
            return Err(FormatError::CutShort.into());
        };
        if crc32fast::hash(known).to_le_bytes() != *check {
            return Err(FormatError::Altered.into());
        }
        let mut length = [0; 8];
        length.copy_from_slice(&known[MAGIC.len()..]);
        self.length = u64::from_le_bytes(length);
        // More may be there: what was growing when its process was killed.
        let blocks = u128::from(Blocks::count(self.length)) * (CHECKSUM + BLOCK) as u128;
        if u128::from(self.file.metadata()?.len()) < HEAD as u128 + blocks {
            return Err(FormatError::CutShort.into());
        }
        Ok(())
    }

    fn write_head(&mut self) -> io::Result<()> {
        let mut head = MAGIC.to_vec();
        head.extend(self.length.to_le_bytes());
        head.extend(crc32fast::hash(&head).to_le_bytes());
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&head)
    }

    /// Reads a whole block. `stored` has room for it and its checksum.
    fn load(&mut self, number: u64, stored: &mut [u8]) -> io::Result<()> {
        self.seek(number)?;
        self.file.read_exact(stored)?;
        match checksum(number, &stored[CHECKSUM..]) == stored[..CHECKSUM] {
            true => Ok(()),
            false => Err(altered()),
        }
    }

    /// Writes a whole block in one call, so that a process that is killed leaves the old one or the new one.
    fn store(&mut self, number: u64, stored: &mut [u8]) -> io::Result<()> {
        let check = checksum(number, &stored[CHECKSUM..]);
        stored[..CHECKSUM].copy_from_slice(&check);
        self.seek(number)?;
        self.file.write_all(stored)
    }

    fn inside(&self, offset: u64, length: usize) -> io::Result<()> {
        match offset.checked_add(length as u64) {
            Some(end) if end <= self.length => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn resize(&mut self, length: u64) -> io::Result<()> {
        let (before, after) = (Blocks::count(self.length), Blocks::count(length));
        let mut stored = vec![0; CHECKSUM + BLOCK];
        for number in before..after {
            stored.fill(0);
            self.store(number, &mut stored)?;
        }
        let last = (length % BLOCK as u64) as usize;
        if length < self.length && last > 0 {
            self.load(after - 1, &mut stored)?;
            stored[CHECKSUM + last..].fill(0);
            self.store(after - 1, &mut stored)?;
        }
        // The head last when it grows, and first when it shrinks: at every moment all that it tells of is there.
        self.length = length;
        self.write_head()?;
        if after < before {
            self.file
                .set_len(HEAD as u64 + after * (CHECKSUM + BLOCK) as u64)?;
        }
        Ok(())
    }
}

impl StorageBackend for Checked {
    fn len(&self) -> io::Result<u64> {
        Ok(self.blocks().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut blocks = self.blocks();
        blocks.inside(offset, out.len())?;
        let mut stored = vec![0; CHECKSUM + BLOCK];
        for (number, part, at) in parts(offset, out.len()) {
            blocks.load(number, &mut stored)?;
            let bytes = &stored[CHECKSUM..][part];
            out[at..at + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.blocks().resize(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.blocks().file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut blocks = self.blocks();
        blocks.inside(offset, data.len())?;
        let mut stored = vec![0; CHECKSUM + BLOCK];
        for (number, part, at) in parts(offset, data.len()) {
            if part.len() < BLOCK {
                blocks.load(number, &mut stored)?;
            }
            let bytes = &data[at..at + part.len()];
            stored[CHECKSUM..][part].copy_from_slice(bytes);
            blocks.store(number, &mut stored)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blocks");
        (folder, path)
    }

    #[test]
    fn what_is_written_is_read_across_blocks_and_after_growing_and_shrinking() {
        let (_folder, path) = file();
        let store = Checked::create(&path).unwrap();
        assert!(store.is_empty());
        store.set_len(10_000).unwrap();
        let bytes: Vec<u8> = (0..5_000).map(|i| (i % 251) as u8).collect();
        store.write(4_000, &bytes).unwrap();
        assert!(store.write(6_000, &bytes).is_err() && store.read(10_000, &mut [0]).is_err());
        store.set_len(20_000).unwrap();
        store.set_len(8_500).unwrap();
        store.set_len(9_000).unwrap();
        drop(store);
        let store = Checked::open(&path).unwrap();
        assert_eq!(store.len().unwrap(), 9_000);
        let mut read = vec![1; 9_000];
        store.read(0, &mut read).unwrap();
        assert!(read[..4_000].iter().chain(&read[8_500..]).all(|b| *b == 0));
        assert_eq!(read[4_000..8_500], bytes[..4_500]);
    }

    #[test]
    fn no_altered_byte_is_passed_on() {
        let (_folder, path) = file();
        let store = Checked::create(&path).unwrap();
        store.set_len(8_192).unwrap();
        drop(store);
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(97).chain(0..40) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            std::fs::write(&path, &bytes).unwrap();
            let read = Checked::open(&path).and_then(|store| Ok(store.read(0, &mut vec![0; 8_192])?));
            assert!(read.is_err(), "byte {at}");
        }
        // One block in the place of another.
        let mut bytes = whole.clone();
        bytes.copy_within(HEAD..HEAD + CHECKSUM + BLOCK, HEAD + CHECKSUM + BLOCK);
        std::fs::write(&path, &bytes).unwrap();
        assert!(Checked::open(&path).unwrap().read(4_096, &mut [0; 10]).is_err());
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert!(matches!(
            Checked::open(&path),
            Err(Error::Format(FormatError::CutShort))
        ));
    }

    #[test]
    fn two_cannot_open_it_at_once() {
        let (_folder, path) = file();
        let first = Checked::create(&path).unwrap();
        assert!(matches!(Checked::open(&path), Err(Error::Busy)));
        drop(first);
        assert!(Checked::open(&path).is_ok());
    }
}
