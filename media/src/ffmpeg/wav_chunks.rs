//! Tags, chapters and pictures in a WAV file.

use super::id3;
use super::tags::{Chapter, Tags};
use crate::wav::Chunk;

/// Chunks of a WAV file that say the same: `LIST` of type `INFO` for what has a place there, `id3 ` for everything but
/// chapters, `cue ` and `LIST` of type `adtl` for these.
pub fn of(tags: &Tags, rate: u32) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut info = b"INFO".to_vec();
    for (key, value) in &tags.fields {
        let known = INFO
            .iter()
            .find(|(_, names)| names.iter().any(|name| key.eq_ignore_ascii_case(name)));
        if let Some((id, _)) = known {
            push_text(&mut info, id, &[], value);
        }
    }
    if info.len() > 4 {
        chunks.push(Chunk {
            id: *b"LIST",
            body: info,
        });
    }
    if !tags.fields.is_empty() || !tags.pictures.is_empty() {
        let without = Tags {
            chapters: Vec::new(),
            ..tags.clone()
        };
        chunks.push(Chunk {
            id: *b"id3 ",
            body: id3::tag_of(&without),
        });
    }
    if !tags.chapters.is_empty() {
        chunks.extend(marks(&tags.chapters, rate));
    }
    chunks
}

/// Chapters as marks of a WAV file: from each to the next.
fn marks(chapters: &[Chapter], rate: u32) -> [Chunk; 2] {
    let mut cue = (chapters.len() as u32).to_le_bytes().to_vec();
    let mut labels = b"adtl".to_vec();
    for (number, chapter) in (1u32..).zip(chapters) {
        let at = ((chapter.start * f64::from(rate)).round() as u32).to_le_bytes();
        let number = number.to_le_bytes();
        cue.extend([&number[..], &at, b"data", &[0; 8], &at].concat());
        push_text(&mut labels, b"labl", &number, &chapter.title);
    }
    [
        Chunk {
            id: *b"cue ",
            body: cue,
        },
        Chunk {
            id: *b"LIST",
            body: labels,
        },
    ]
}

fn push_text(chunk: &mut Vec<u8>, id: &[u8; 4], head: &[u8], text: &str) {
    let body = [head, text.as_bytes(), b"\0"].concat();
    chunk.extend(id);
    chunk.extend((body.len() as u32).to_le_bytes());
    chunk.extend(&body);
    if body.len() % 2 == 1 {
        chunk.push(0);
    }
}

/// Four letters of a `LIST` chunk of type `INFO`, and what others call the same.
const INFO: [(&[u8; 4], &[&str]); 8] = [
    (b"INAM", &["title"]),
    (b"IART", &["artist"]),
    (b"IPRD", &["album"]),
    (b"ITRK", &["track", "tracknumber"]),
    (b"ICRD", &["date"]),
    (b"IGNR", &["genre"]),
    (b"ICMT", &["comment"]),
    (b"ICOP", &["copyright"]),
];
