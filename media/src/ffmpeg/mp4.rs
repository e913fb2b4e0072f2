//! What ffmpeg leaves out when it copies a file of the family of MP4, put back from the original: tags as they are stored,
//! descriptions of copied tracks (Dolby Vision, timed metadata, spherical video), names and references of tracks.
//!
//! ISO/IEC 14496-12 and Apple's QuickTime File Format: a file is a row of boxes (size, four letters, body), `moov` holds all
//! about the tracks. ffmpeg writes it last, so that it may grow without moving anything.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The largest `moov`, and other boxes to be carried along, that are read.
const MEMORY: u64 = 256 << 20;

/// A box with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    kind: [u8; 4],
    body: Vec<u8>,
}

/// Where a box of the file itself lies.
struct Place {
    kind: [u8; 4],
    at: u64,
    size: u64,
}

/// The boxes in some bytes; `None` if they are not a row of boxes.
fn parts(mut bytes: &[u8]) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while bytes.len() >= 8 {
        let stated = u32::from_be_bytes(bytes[..4].try_into().ok()?) as usize;
        let size = if stated == 0 { bytes.len() } else { stated };
        let body = bytes.get(8..size)?.to_vec();
        parts.push(Part {
            kind: bytes[4..8].try_into().ok()?,
            body,
        });
        bytes = &bytes[size..];
    }
    // QuickTime ends some rows with four bytes of zero.
    bytes.iter().all(|byte| *byte == 0).then_some(parts)
}

fn joined(parts: &[Part]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend((part.body.len() as u32 + 8).to_be_bytes());
        bytes.extend(part.kind);
        bytes.extend(&part.body);
    }
    bytes
}

fn find<'a>(parts: &'a [Part], kind: &[u8; 4]) -> Option<&'a Part> {
    parts.iter().find(|part| part.kind == *kind)
}

/// The box at the end of a way through boxes that hold nothing but boxes.
fn along(parts: &[Part], way: &[&[u8; 4]]) -> Option<Part> {
    let (first, rest) = way.split_first()?;
    let part = find(parts, first)?;
    match rest {
        [] => Some(part.clone()),
        _ => along(&self::parts(&part.body)?, rest),
    }
}

/// Puts a box in the place of its like, or behind the others.
fn put(parts: &mut Vec<Part>, new: Part) {
    match parts.iter_mut().find(|part| part.kind == new.kind) {
        Some(old) => *old = new,
        None => parts.push(new),
    }
}

/// Changes what is in the box at the end of a way.
fn change(parts: &mut [Part], way: &[&[u8; 4]], change_it: &mut dyn FnMut(&mut Vec<Part>)) -> Option<()> {
    let (first, rest) = way.split_first()?;
    let part = parts.iter_mut().find(|part| part.kind == **first)?;
    let mut inner = self::parts(&part.body)?;
    match rest {
        [] => change_it(&mut inner),
        _ => change(&mut inner, rest, change_it)?,
    }
    part.body = joined(&inner);
    Some(())
}

/// The boxes that a file consists of.
fn places(file: &mut File) -> io::Result<Vec<Place>> {
    let end = file.seek(SeekFrom::End(0))?;
    let (mut places, mut at) = (Vec::new(), 0);
    while at + 8 <= end {
        let mut head = [0; 16];
        file.seek(SeekFrom::Start(at))?;
        let got = head.len().min((end - at) as usize);
        file.read_exact(&mut head[..got])?;
        let size = match u32::from_be_bytes([head[0], head[1], head[2], head[3]]) {
            0 => end - at,
            1 => u64::from_be_bytes(head[8..].try_into().expect("eight bytes")),
            size => size.into(),
        };
        if size < 8 || size > end - at {
            break;
        }
        let kind = [head[4], head[5], head[6], head[7]];
        places.push(Place { kind, at, size });
        at += size;
    }
    Ok(places)
}

fn read(file: &mut File, place: &Place) -> io::Result<Part> {
    if place.size > MEMORY {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut body = vec![0; place.size as usize - 8];
    file.seek(SeekFrom::Start(place.at + 8))?;
    file.read_exact(&mut body)?;
    Ok(Part {
        kind: place.kind,
        body,
    })
}

/// A track of a file.
struct Track {
    id: u32,
    parts: Vec<Part>,
}

fn tracks(moov: &[Part]) -> Vec<Track> {
    let all = moov.iter().filter(|part| &part.kind == b"trak");
    let read = |part: &Part| {
        let parts = parts(&part.body)?;
        let id = id(find(&parts, b"tkhd")?)?;
        Some(Track { id, parts })
    };
    all.filter_map(read).collect()
}

/// The number of a track, from its header of either version.
fn id(header: &Part) -> Option<u32> {
    let at = if *header.body.first()? == 1 { 20 } else { 12 };
    Some(u32::from_be_bytes(header.body.get(at..at + 4)?.try_into().ok()?))
}

/// A track that has come from the original.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Its number in the original.
    pub before: u32,
    /// Its number in the output.
    pub after: u32,
    /// Whether its packets are those of the original.
    pub copied: bool,
}

/// Puts back what ffmpeg has left out. Gives what undoes that, should nobody be able to read the file then; `None` if nothing
/// could be put back.
pub fn restore(original: &Path, output: &Path, origins: &[Origin]) -> io::Result<Option<Undo>> {
    let (mut before, mut after) = (
        File::open(original)?,
        File::options().read(true).write(true).open(output)?,
    );
    let (places_before, places_after) = (places(&mut before)?, places(&mut after)?);
    let is_moov = |place: &&Place| &place.kind == b"moov";
    let (Some(from), Some(to)) = (
        places_before.iter().find(is_moov),
        places_after.iter().find(is_moov),
    ) else {
        return Ok(None);
    };
    // Only where nothing lies behind it that would have to move.
    if places_after
        .iter()
        .any(|place| &place.kind == b"mdat" && place.at > to.at)
    {
        return Ok(None);
    }
    let (from, old) = (read(&mut before, from)?, read(&mut after, to)?);
    let (Some(source), Some(mut target)) = (parts(&from.body), parts(&old.body)) else {
        return Ok(None);
    };
    for kind in [b"udta", b"meta"] {
        if let Some(part) = find(&source, kind) {
            put(&mut target, without_stale(part.clone()));
        }
    }
    restore_tracks(&tracks(&source), &mut target, origins);
    let at = to.at;
    let mut written = vec![Part {
        kind: *b"moov",
        body: joined(&target),
    }];
    // What others have put beside it: XMP, for one.
    for place in places_before
        .iter()
        .filter(|place| matches!(&place.kind, b"uuid" | b"meta"))
    {
        if !places_after.iter().any(|other| other.kind == place.kind) && place.size < MEMORY {
            written.push(read(&mut before, place)?);
        }
    }
    let undo = Undo {
        at,
        bytes: joined(&[old]),
    };
    Undo {
        at,
        bytes: joined(&written),
    }
    .write(&mut after)?;
    Ok(Some(undo))
}

/// Adds free tags, as iTunes has them, to a file that ffmpeg has written. Gives whether it could.
pub fn add_free(output: &Path, fields: &[(&str, &str)]) -> io::Result<bool> {
    let mut file = File::options().read(true).write(true).open(output)?;
    let all = places(&mut file)?;
    let Some(place) = all.iter().find(|place| &place.kind == b"moov") else {
        return Ok(false);
    };
    let Some(mut moov) = parts(&read(&mut file, place)?.body) else {
        return Ok(false);
    };
    if all.last().is_none_or(|last| last.at != place.at) {
        return Ok(false);
    }
    let tags: Vec<Part> = fields.iter().map(|(key, value)| free_tag(key, value)).collect();
    let part = |kind: &[u8; 4], body: Vec<u8>| Part { kind: *kind, body };
    let mut udta = find(&moov, b"udta")
        .and_then(|udta| parts(&udta.body))
        .unwrap_or_default();
    // Version and flags, then who reads it.
    let handler = || part(b"hdlr", [&[0; 8][..], b"mdirappl", &[0; 9]].concat());
    let mut meta = match find(&udta, b"meta").and_then(|meta| parts(meta.body.get(4..)?)) {
        Some(meta) => meta,
        None => vec![handler()],
    };
    let mut items = find(&meta, b"ilst")
        .and_then(|items| parts(&items.body))
        .unwrap_or_default();
    items.extend(tags);
    put(&mut meta, part(b"ilst", joined(&items)));
    put(&mut udta, part(b"meta", [vec![0; 4], joined(&meta)].concat()));
    put(&mut moov, part(b"udta", joined(&udta)));
    let bytes = joined(&[part(b"moov", joined(&moov))]);
    Undo { at: place.at, bytes }.write(&mut file)?;
    Ok(true)
}

fn free_tag(key: &str, value: &str) -> Part {
    let part = |kind: &[u8; 4], head: &[u8], text: &str| Part {
        kind: *kind,
        body: [head, text.as_bytes()].concat(),
    };
    // Version and flags; of the value that it is UTF-8, and its country.
    let all = [
        part(b"mean", &[0; 4], "com.apple.iTunes"),
        part(b"name", &[0; 4], key),
        part(b"data", &[0, 0, 0, 1, 0, 0, 0, 0], value),
    ];
    Part {
        kind: *b"----",
        body: joined(&all),
    }
}

/// The end of a file as it was.
#[derive(Debug)]
pub struct Undo {
    at: u64,
    bytes: Vec<u8>,
}

impl Undo {
    fn write(&self, file: &mut File) -> io::Result<()> {
        file.set_len(self.at)?;
        file.seek(SeekFrom::Start(self.at))?;
        file.write_all(&self.bytes)
    }

    /// Writes it again.
    pub fn apply(&self, output: &Path) -> io::Result<()> {
        self.write(&mut File::options().write(true).open(output)?)
    }
}

fn restore_tracks(source: &[Track], target: &mut [Part], origins: &[Origin]) {
    let renamed: BTreeMap<u32, u32> = origins
        .iter()
        .map(|origin| (origin.before, origin.after))
        .collect();
    for part in target.iter_mut().filter(|part| &part.kind == b"trak") {
        let Some(mut own) = parts(&part.body) else {
            continue;
        };
        let number = find(&own, b"tkhd").and_then(id);
        let Some(origin) = origins.iter().find(|origin| Some(origin.after) == number) else {
            continue;
        };
        let Some(track) = source.iter().find(|track| track.id == origin.before) else {
            continue;
        };
        for kind in [b"udta", b"meta", b"tapt"] {
            if let Some(kept) = find(&track.parts, kind) {
                put(&mut own, kept.clone());
            }
        }
        if let Some(references) = find(&track.parts, b"tref") {
            restore_references(references, &mut own, &renamed);
        }
        if origin.copied {
            restore_description(&track.parts, &mut own);
        }
        part.body = joined(&own);
    }
}

/// What a track refers to, under the numbers of today; what ffmpeg has written of that stays.
fn restore_references(references: &Part, own: &mut Vec<Part>, renamed: &BTreeMap<u32, u32>) {
    let Some(all) = parts(&references.body) else {
        return;
    };
    let mut kept = find(own, b"tref")
        .and_then(|part| parts(&part.body))
        .unwrap_or_default();
    for reference in all {
        let numbers = reference.body.as_chunks::<4>().0.iter();
        let numbers = numbers.filter_map(|bytes| renamed.get(&u32::from_be_bytes(*bytes)));
        let body: Vec<u8> = numbers.flat_map(|number| number.to_be_bytes()).collect();
        if !body.is_empty() && find(&kept, &reference.kind).is_none() {
            kept.push(Part { body, ..reference });
        }
    }
    if !kept.is_empty() {
        put(
            own,
            Part {
                kind: *b"tref",
                body: joined(&kept),
            },
        );
    }
}

/// The description of a track's packets, which are those of the original, and who handles them.
fn restore_description(source: &[Part], own: &mut [Part]) {
    let table: [&[u8; 4]; 4] = [b"mdia", b"minf", b"stbl", b"stsd"];
    let Some(description) = along(source, &table) else {
        return;
    };
    // ffmpeg refers to the first of several.
    if description.body.get(4..8) != Some(&1u32.to_be_bytes()) {
        return;
    }
    let _ = change(own, &table[..3], &mut |stbl| put(stbl, description.clone()));
    let media = [b"vmhd", b"smhd"];
    let header = along(source, &table[..2])
        .and_then(|part| parts(&part.body))
        .and_then(|minf| {
            let other = minf
                .into_iter()
                .find(|part| !matches!(&part.kind, b"hdlr" | b"dinf" | b"stbl"));
            other.filter(|part| !media.contains(&&part.kind))
        });
    // Neither picture nor sound: timed metadata and the like, whose handler says what they are.
    if let Some(header) = header {
        let handler = along(source, &[b"mdia", b"hdlr"]);
        let _ = change(own, &[b"mdia"], &mut |mdia| {
            if let Some(handler) = &handler {
                put(mdia, handler.clone());
            }
        });
        let _ = change(own, &table[..2], &mut |minf| {
            minf.retain(|part| matches!(&part.kind, b"hdlr" | b"dinf" | b"stbl"));
            minf.insert(0, header.clone());
        });
    }
}

/// Tags without iTunes's count of samples before and after the sound, which the encoder has changed.
fn without_stale(part: Part) -> Part {
    let stale = |item: &Part| &item.kind == b"----" && item.body.windows(8).any(|bytes| bytes == b"iTunSMPB");
    let clean_meta = |meta: Part| -> Part {
        // In MP4 four bytes of version and flags come first, in QuickTime none.
        for head in [4, 0] {
            let Some(mut inner) = meta.body.get(head..).and_then(parts) else {
                continue;
            };
            if change(&mut inner, &[b"ilst"], &mut |items| {
                items.retain(|item| !stale(item))
            })
            .is_some()
            {
                let body = [&meta.body[..head], &joined(&inner)].concat();
                return Part { body, ..meta };
            }
        }
        meta
    };
    if &part.kind == b"meta" {
        return clean_meta(part);
    }
    let Some(mut inner) = parts(&part.body) else {
        return part;
    };
    for item in &mut inner {
        if &item.kind == b"meta" {
            *item = clean_meta(item.clone());
        }
    }
    let body = joined(&inner);
    Part { body, ..part }
}

/// Names of the pieces of metadata in a file: tags, and what else stands beside the tracks. Free tags go by their own names.
pub fn pieces(path: &Path) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let mut names = Vec::new();
    for place in places(&mut file)? {
        match &place.kind {
            b"moov" => {
                let moov = parts(&read(&mut file, &place)?.body).unwrap_or_default();
                for part in moov.iter().filter(|part| matches!(&part.kind, b"udta" | b"meta")) {
                    name_items(part, &mut names);
                }
            }
            b"uuid" => names.push("uuid".into()),
            _ => {}
        }
    }
    Ok(names)
}

fn name_items(part: &Part, names: &mut Vec<String>) {
    for head in if &part.kind == b"meta" { &[4, 0][..] } else { &[0] } {
        let Some(items) = part.body.get(*head..).and_then(parts) else {
            continue;
        };
        for item in items {
            match &item.kind {
                b"meta" => name_items(&item, names),
                b"ilst" => {
                    let tags = parts(&item.body).unwrap_or_default();
                    names.extend(tags.iter().map(tag_name));
                }
                b"hdlr" | b"free" | b"keys" | b"skip" => {}
                _ => names.push(letters(item.kind)),
            }
        }
        return;
    }
}

fn tag_name(tag: &Part) -> String {
    let free = parts(&tag.body).and_then(|parts| find(&parts, b"name").cloned());
    match free.filter(|_| &tag.kind == b"----") {
        Some(name) => String::from_utf8_lossy(name.body.get(4..).unwrap_or_default()).into_owned(),
        None => letters(tag.kind),
    }
}

fn letters(kind: [u8; 4]) -> String {
    kind.iter().map(|byte| char::from(*byte)).collect()
}
