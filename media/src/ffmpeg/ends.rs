//! Ends of files that nothing in their header promises: a cut shows only where the last piece is not whole.

use super::id3::tail_bytes;
use super::mpeg_audio::frame_bytes;
use super::probe::Probe;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Bytes at the end that are looked at: more than a page of Ogg, and many frames of MPEG.
const LAST: u64 = 1 << 17;

/// What shows that a file has lost its end; `None` if nothing does.
pub fn missing(path: &Path, probe: &Probe) -> Option<&'static str> {
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let mut last = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(LAST))).ok()?;
    file.take(LAST).read_to_end(&mut last).ok()?;
    let cut = match probe.format.format_name.split(',').next()? {
        "ogg" => !ogg_ends(&last)?,
        "mp3" => !mpeg_audio_ends(&last)?,
        "mpegts" => size % 188 != 0 && size % 192 != 0 && size % 204 != 0,
        "avi" => !riff_ends(path, size)?,
        _ => false,
    };
    cut.then_some(match probe.format.format_name.as_str() {
        "ogg" => "its last page is not marked as the last",
        "mp3" => "its last frame is not whole",
        "mpegts" => "its last packet is not whole",
        _ => "it is shorter than its header says",
    })
}

/// Whether a file ends with zeros, which hold no sound.
pub fn is_empty(path: &Path) -> bool {
    let mut last = [1; 16];
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-(last.len() as i64)))?;
        file.read_exact(&mut last)
    });
    read.is_ok() && last.iter().all(|byte| *byte == 0)
}

/// Whether the last page of an Ogg file is whole and marked as the last of its stream (RFC 3533).
fn ogg_ends(last: &[u8]) -> Option<bool> {
    const END_OF_STREAM: u8 = 4;
    let at = last.windows(4).rposition(|bytes| bytes == b"OggS")?;
    let page = &last[at..];
    let segments = usize::from(*page.get(26)?);
    let body: usize = page
        .get(27..27 + segments)?
        .iter()
        .map(|size| usize::from(*size))
        .sum();
    Some(page[5] & END_OF_STREAM != 0 && page.len() >= 27 + segments + body)
}

/// Whether the size that a RIFF file states is there.
fn riff_ends(path: &Path, size: u64) -> Option<bool> {
    let mut head = [0; 8];
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    let stated = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
    // More than 4 GB are stored as several such pieces, and a recorder that was killed has stated nothing.
    Some(stated == 0 || stated + 8 <= size + 1 || stated >= u64::from(u32::MAX) - 8)
}

/// Whether the last frame of MPEG audio is whole, behind which tags may stand. `None` if no frames are found.
fn mpeg_audio_ends(last: &[u8]) -> Option<bool> {
    let end = last.len().saturating_sub(tail_bytes(last));
    // A frame is one if the two after it begin where they should.
    let first = (0..end).find(|&at| {
        let second = frame_bytes(&last[at..]).map(|bytes| at + bytes);
        let third = second.and_then(|at| Some(at + frame_bytes(last.get(at..)?)?));
        third.is_some_and(|at| at <= end)
    })?;
    let mut at = first;
    while at < end {
        match frame_bytes(&last[at..end]) {
            Some(bytes) => at += bytes,
            // Less than a header, or something else that follows.
            None => return Some(end - at >= 4 || end == at),
        }
    }
    Some(at == end)
}
