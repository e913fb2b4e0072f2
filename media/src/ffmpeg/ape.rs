//! APE tags, in which WavPack and TTA have their covers; ffmpeg reads covers there and writes none.
//!
//! "APEv2 specification", Hydrogenaudio.

use super::id3::Around;
use super::tags::Picture;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes of a header, and of a footer.
const FRAME: usize = 32;
const NAME: &[u8] = b"APETAGEX";
const VERSION: u32 = 2000;
/// Flags of a tag: it has a header, and this is it.
const HAS_HEADER: u32 = 1 << 31;
const IS_HEADER: u32 = 1 << 29;
/// Flag of an item: its value is no text.
const BINARY: u32 = 1 << 1;

/// Adds pictures to the tag at the end of a file, which gets one if it has none.
pub fn add_pictures(path: &Path, pictures: &[Picture]) -> io::Result<()> {
    let tail = Around::of(path)?.tail;
    let mut file = File::options().write(true).open(path)?;
    let end = file.seek(SeekFrom::End(0))? - tail.len() as u64;
    let tail = with_pictures(&tail, pictures);
    file.seek(SeekFrom::Start(end))?;
    file.write_all(&tail)
}

/// An APE tag and an ID3v1 behind it, each of which may be missing, with these pictures in the first.
fn with_pictures(tail: &[u8], pictures: &[Picture]) -> Vec<u8> {
    let behind = match tail.len().checked_sub(128).map(|at| tail.split_at(at)) {
        Some((_, id3)) if id3.starts_with(b"TAG") => id3,
        _ => &[],
    };
    let own = &tail[..tail.len() - behind.len()];
    let number = |at: usize| u32::from_le_bytes([own[at], own[at + 1], own[at + 2], own[at + 3]]);
    let (mut items, mut count) = match own.len().checked_sub(FRAME) {
        Some(footer) => {
            let first = if own.starts_with(NAME) && footer > 0 {
                FRAME
            } else {
                0
            };
            (own[first.min(footer)..footer].to_vec(), number(footer + 16))
        }
        None => (Vec::new(), 0),
    };
    let mut kinds = Vec::new();
    for picture in pictures {
        // Every name may be there once.
        if kinds.contains(&name_of(picture)) {
            continue;
        }
        kinds.push(name_of(picture));
        let ending = picture
            .mime
            .rsplit('/')
            .next()
            .unwrap_or("jpeg")
            .replace("jpeg", "jpg");
        let value = [format!("cover.{ending}\0").as_bytes(), &picture.data].concat();
        items.extend((value.len() as u32).to_le_bytes());
        items.extend(BINARY.to_le_bytes());
        items.extend(name_of(picture).as_bytes());
        items.push(0);
        items.extend(value);
        count += 1;
    }
    let frame = |flags: u32| {
        let numbers = [VERSION, (items.len() + FRAME) as u32, count, flags, 0, 0];
        let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
        NAME.iter().copied().chain(numbers).collect::<Vec<u8>>()
    };
    [
        &frame(HAS_HEADER | IS_HEADER),
        items.as_slice(),
        &frame(HAS_HEADER),
        behind,
    ]
    .concat()
}

/// What taggers call a picture.
fn name_of(picture: &Picture) -> &'static str {
    match picture.kind {
        4 => "Cover Art (Back)",
        5 => "Cover Art (Leaflet)",
        6 => "Cover Art (Media)",
        8 => "Cover Art (Artist)",
        1 | 2 => "Cover Art (Icon)",
        _ => "Cover Art (Front)",
    }
}
