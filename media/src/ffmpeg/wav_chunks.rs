//! Tags, chapters and pictures in a WAV file.

use super::id3;
use super::probe::Probe;
use super::tags::{Chapter, Tags};
use crate::wav::{Chunk, compressed};
use std::path::Path;

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

/// What chunks of a WAV file say: `LIST` of type `INFO`, and `id3 ` for what that leaves out. And names of frames of the latter
/// that cannot be read.
pub fn tags_of<'a>(chunks: impl Iterator<Item = &'a Chunk>) -> (Tags, Vec<String>) {
    let (mut tags, mut untold) = (Tags::default(), Vec::new());
    let mut second = Tags::default();
    for chunk in chunks {
        match &chunk.id {
            b"LIST" => tags.fields.extend(info(&chunk.body)),
            b"id3 " | b"ID3 " => {
                second = id3::tags_of(&chunk.body);
                untold = id3::untold(&chunk.body);
            }
            _ => {}
        }
    }
    let has = |tags: &Tags, name: &str| tags.fields.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    second.fields.retain(|(key, _)| !has(&tags, key));
    tags.fields.append(&mut second.fields);
    (
        Tags {
            fields: tags.fields,
            ..second
        },
        untold,
    )
}

/// Adds to what ffprobe has told of a WAV file: where that has both kinds of tags, ffmpeg leaves out what is in `id3 `.
pub fn complete(path: &Path, mut probe: Probe) -> Probe {
    if probe.is("wav") {
        let chunks = compressed::chunks(path).unwrap_or_default();
        let mut fields = tags_of(chunks.iter()).0.fields;
        fields.retain(|(key, _)| probe.tag(key).is_none());
        probe.format.tags.extend(fields.iter().cloned());
        probe.passed_over = fields;
    }
    probe
}

/// Tags of a `LIST` chunk. What has no other name goes by its four letters, as with ffmpeg.
fn info(body: &[u8]) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    let mut rest = body.strip_prefix(b"INFO").unwrap_or_default();
    while let Some((head, body)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some(text) = body.get(..size) else { break };
        let known = INFO.iter().find(|(id, _)| head.starts_with(*id));
        let own: String = head[..4].iter().copied().map(char::from).collect();
        let text = match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => text.iter().copied().map(char::from).collect(),
        };
        let text = text.trim_end_matches('\0').trim();
        if !text.is_empty() {
            tags.push((
                known.map_or(own, |(_, names)| names[0].to_owned()),
                text.to_owned(),
            ));
        }
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
    tags
}

/// Four letters of a `LIST` chunk of type `INFO`, and what others call the same. The first of several is written.
const INFO: [(&[u8; 4], &[&str]); 10] = [
    (b"INAM", &["title"]),
    (b"IART", &["artist"]),
    (b"IPRD", &["album"]),
    (b"ITRK", &["track", "tracknumber"]),
    (b"IPRT", &["track", "tracknumber"]),
    (b"ICRD", &["date"]),
    (b"IGNR", &["genre"]),
    (b"ICMT", &["comment"]),
    (b"ICOP", &["copyright"]),
    (b"ISFT", &["encoder"]),
];
