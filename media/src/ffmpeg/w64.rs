//! Sony's Wave64, whose chunks end at multiples of 8 bytes. ffmpeg counts what fills them up as sound.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes of the head of a chunk: its name and its size, which counts the head.
const HEAD: u64 = 24;

/// Bytes before the first chunk: the form's name, its size, and its kind.
const FORM: u64 = 40;

/// Chunks are filled up to a multiple of so many bytes.
const STEP: u64 = 8;

/// What the name of the chunk with the samples begins with; the rest is that of all such names.
const DATA: [u8; 4] = *b"data";

/// Gives the chunk with the samples its true size, of `bytes` of sound. A file that has another form stays as it is.
///
/// # Errors
/// What keeps the file from being read and written.
pub fn set_size(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let end = file.metadata()?.len();
    let mut at = FORM;
    while at + HEAD <= end {
        let mut head = [0; HEAD as usize];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let size = u64::from_le_bytes(head[16..].try_into().unwrap_or_default());
        if head[..4] == DATA {
            let is = HEAD + bytes;
            if size > is && size - is < STEP {
                file.seek(SeekFrom::Start(at + 16))?;
                file.write_all(&is.to_le_bytes())?;
            }
            return Ok(());
        }
        let Some(next) = size.checked_next_multiple_of(STEP).filter(|size| *size >= HEAD) else {
            return Ok(());
        };
        at += next;
    }
    Ok(())
}
