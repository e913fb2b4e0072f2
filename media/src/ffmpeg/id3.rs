//! Tags that stand before and behind the sound itself: ID3v2 at the beginning, an APE tag and ID3v1 at the end. Files of the
//! same kind take them over as they are, with every frame that ffmpeg does not know.
//!
//! ID3v2: id3.org, "ID3 tag version 2.3.0" and "2.4.0". APE: "APEv2 specification", Hydrogenaudio.

use super::tags::{Chapter, Picture, Tags};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The largest tag that is carried along.
const MEMORY: usize = 64 << 20;

/// What surrounds the sound of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// ID3v2, with its header.
    pub head: Vec<u8>,
    /// APE tag and ID3v1.
    pub tail: Vec<u8>,
}

impl Around {
    /// Of a file that may have them.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut first = [0; 10];
        let head = match file.read_exact(&mut first).ok().and_then(|()| head_bytes(&first)) {
            Some(bytes) => take(&mut file, 0, bytes)?,
            None => Vec::new(),
        };
        let end = file.seek(SeekFrom::End(0))?;
        let last = take(
            &mut file,
            end.saturating_sub(128 + 32),
            (128 + 32).min(end as usize),
        )?;
        let bytes = tail_bytes(&last) as u64;
        let tail = take(&mut file, end.saturating_sub(bytes), bytes.min(end) as usize)?;
        Ok(Around { head, tail })
    }

    /// Puts them around the sound of another file, in place of its own.
    pub fn put(&self, path: &Path) -> io::Result<()> {
        let own = Around::of(path)?;
        let mut file = File::options().read(true).write(true).open(path)?;
        let end = file.seek(SeekFrom::End(0))?;
        file.set_len(end - own.tail.len() as u64)?;
        file.seek(SeekFrom::End(0))?;
        file.write_all(&self.tail)?;
        let head = without_stale(&self.head);
        move_sound(&mut file, own.head.len() as u64, head.len() as u64)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&head)
    }
}

fn take(file: &mut File, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
    if bytes > MEMORY {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut taken = vec![0; bytes];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut taken)?;
    Ok(taken)
}

/// Moves everything from `from` on to `to`, in constant memory.
pub fn move_sound(file: &mut File, from: u64, to: u64) -> io::Result<()> {
    const PIECE: u64 = 1 << 20;
    let end = file.seek(SeekFrom::End(0))?;
    let mut piece = Vec::new();
    let mut done = 0;
    while done < end - from && from != to {
        let bytes = PIECE.min(end - from - done);
        // What moves up is moved from its end, so that nothing is written over before it has been read.
        let at = if to > from {
            end - done - bytes
        } else {
            from + done
        };
        piece.resize(bytes as usize, 0);
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut piece)?;
        file.seek(SeekFrom::Start(at - from + to))?;
        file.write_all(&piece)?;
        done += bytes;
    }
    file.set_len(end - from + to)
}

/// Bytes of the ID3v2 tag whose header this is.
fn head_bytes(header: &[u8]) -> Option<usize> {
    let size = header.get(6..10)?.iter().try_fold(0, |size, byte| {
        (byte & 0x80 == 0).then_some(size << 7 | usize::from(*byte))
    })?;
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    header.starts_with(b"ID3").then_some(10 + size + footer)
}

/// Bytes of ID3v1 and of an APE tag at the end of a file, of which these are the last 160 bytes or more.
pub fn tail_bytes(last: &[u8]) -> usize {
    let id3 = match last.len().checked_sub(128).map(|at| &last[at..at + 3]) {
        Some(b"TAG") => 128,
        _ => 0,
    };
    let rest = &last[..last.len() - id3];
    let footer = rest.len().checked_sub(32).map(|at| &rest[at..]);
    let ape = footer
        .filter(|footer| footer.starts_with(b"APETAGEX"))
        .map_or(0, |footer| {
            let number = |at: usize| u32::from_le_bytes(footer[at..at + 4].try_into().expect("four bytes"));
            // The size counts the footer, but not the header, which a flag tells of.
            let header = if number(20) & 1 << 31 != 0 { 32 } else { 0 };
            number(12) as usize + header
        });
    id3 + ape
}

/// A frame of an ID3v2 tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Three or four letters.
    pub name: String,
    /// As it is stored, with its header.
    stored: Vec<u8>,
    /// Without it.
    pub body: Vec<u8>,
}

/// The frames of a tag of any version; `None` where it is stored in a way that only few programs write.
pub fn frames(tag: &[u8]) -> Option<Vec<Frame>> {
    let (major, flags) = (*tag.get(3)?, *tag.get(5)?);
    // Unsynchronisation and extended headers.
    if flags & 0xc0 != 0 {
        return None;
    }
    let end = head_bytes(tag)?.min(tag.len());
    frames_in(tag.get(10..end)?, major)
}

/// Frames one after the other, as tags and chapters hold them, of a version.
fn frames_in(bytes: &[u8], major: u8) -> Option<Vec<Frame>> {
    let (name_bytes, header) = if major == 2 { (3, 6) } else { (4, 10) };
    let (mut frames, mut at) = (Vec::new(), 0);
    while at + header <= bytes.len() && bytes[at] != 0 {
        let size = &bytes[at + name_bytes..at + 2 * name_bytes];
        let bits = if major == 4 { 7 } else { 8 };
        let size = size
            .iter()
            .fold(0usize, |sum, byte| sum << bits | usize::from(*byte));
        let stored = bytes
            .get(at..at.checked_add(header + size)?)
            .filter(|_| size > 0)?;
        frames.push(Frame {
            name: String::from_utf8_lossy(&stored[..name_bytes]).into_owned(),
            stored: stored.to_vec(),
            body: stored[header..].to_vec(),
        });
        at += header + size;
    }
    Some(frames)
}

/// What a tag says, by the names that ffmpeg gives. What [`untold`] names is not in it.
pub fn tags_of(tag: &[u8]) -> Tags {
    let mut tags = Tags::default();
    for frame in frames(tag).unwrap_or_default() {
        // Compressed, encrypted, or with lengths before it.
        if frame.stored.len() > frame.body.len() + 6 && frame.stored[9] != 0 {
            continue;
        }
        let Some((encoding, body)) = frame.body.split_first() else {
            continue;
        };
        let after_language = || text(*encoding, body.get(3..).unwrap_or_default());
        let (key, value) = match frame.name.as_str() {
            "TXXX" | "TXX" => {
                let (key, value) = text(*encoding, body);
                (key, text(*encoding, value).0)
            }
            "COMM" | "COM" => {
                let (about, value) = after_language();
                let key = if about.is_empty() { "comment".into() } else { about };
                (key, text(*encoding, value).0)
            }
            "USLT" | "ULT" => ("lyrics".into(), text(*encoding, after_language().1).0),
            "APIC" => {
                tags.pictures.extend(picture(*encoding, body));
                continue;
            }
            "CHAP" => {
                tags.chapters.extend(chapter(&frame.body, tag[3]));
                continue;
            }
            name if name.starts_with('T') => {
                let known = FRAMES.iter().find(|(_, frame)| *frame == name);
                (
                    known.map_or(name, |(key, _)| key).to_owned(),
                    text(*encoding, body).0,
                )
            }
            _ => continue,
        };
        if !key.is_empty() && !value.is_empty() {
            tags.fields.push((key, value));
        }
    }
    tags
}

fn picture(encoding: u8, body: &[u8]) -> Option<Picture> {
    const LATIN: u8 = 0;
    let (mime, rest) = text(LATIN, body);
    let (kind, rest) = rest.split_first()?;
    let (description, data) = text(encoding, rest);
    (!data.is_empty()).then(|| Picture {
        kind: *kind,
        mime,
        description,
        data: data.to_vec(),
    })
}

fn chapter(body: &[u8], major: u8) -> Option<Chapter> {
    let at = body.iter().position(|byte| *byte == 0)? + 1;
    let times = body.get(at..at + 8)?.as_chunks::<4>().0;
    let seconds = |which: usize| f64::from(u32::from_be_bytes(times[which])) / 1000.0;
    let inside = frames_in(body.get(at + 16..)?, major).unwrap_or_default();
    let title = inside.iter().find(|frame| frame.name == "TIT2");
    let title = title.and_then(|frame| frame.body.split_first());
    Some(Chapter {
        start: seconds(0),
        end: seconds(1),
        title: title.map_or_else(String::new, |(encoding, body)| text(*encoding, body).0),
    })
}

/// The text up to the zero that ends it, and what comes behind: in ISO 8859-1, UTF-16 with or without a mark, or UTF-8.
fn text(encoding: u8, bytes: &[u8]) -> (String, &[u8]) {
    if matches!(encoding, 1 | 2) {
        let units = bytes.as_chunks::<2>().0;
        let end = units
            .iter()
            .position(|unit| *unit == [0, 0])
            .unwrap_or(units.len());
        let little = units.first() == Some(&[0xff, 0xfe]);
        let read = |unit: &[u8; 2]| {
            if little {
                u16::from_le_bytes(*unit)
            } else {
                u16::from_be_bytes(*unit)
            }
        };
        let text = units[..end].iter().map(read).collect::<Vec<u16>>();
        let text = String::from_utf16_lossy(&text);
        let rest = bytes.get(2 * end + 2..).unwrap_or_default();
        return (text.trim_start_matches('\u{feff}').to_owned(), rest);
    }
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = match encoding {
        3 => String::from_utf8_lossy(&bytes[..end]).into_owned(),
        _ => bytes[..end].iter().copied().map(char::from).collect(),
    };
    (text, bytes.get(end + 1..).unwrap_or_default())
}

/// A tag without iTunes's count of samples before and after the sound, which the encoder has changed.
pub fn without_stale(tag: &[u8]) -> Vec<u8> {
    let wide: Vec<u8> = b"iTunSMPB".iter().flat_map(|byte| [*byte, 0]).collect();
    let is_stale = |frame: &Frame| {
        let has = |text: &[u8]| frame.body.windows(text.len()).any(|bytes| bytes == text);
        matches!(frame.name.as_str(), "COMM" | "TXXX" | "COM" | "TXX")
            && (has(b"iTunSMPB") || has(&wide[..15]))
    };
    let Some(frames) = frames(tag).filter(|frames| frames.iter().any(is_stale)) else {
        return tag.to_vec();
    };
    let kept = frames.iter().filter(|frame| !is_stale(frame));
    let body: Vec<u8> = kept.flat_map(|frame| frame.stored.iter().copied()).collect();
    let mut tag = tag[..10].to_vec();
    // Without a footer, which would count too.
    tag[5] &= !0x10;
    tag[6..].copy_from_slice(&seven_bits(body.len()));
    tag.extend(body);
    tag
}

fn seven_bits(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (size >> shift & 0x7f) as u8)
}

/// Frames for common names of tags; others become `TXXX`.
const FRAMES: [(&str, &str); 24] = [
    ("title", "TIT2"),
    ("artist", "TPE1"),
    ("album", "TALB"),
    ("album_artist", "TPE2"),
    ("albumartist", "TPE2"),
    ("composer", "TCOM"),
    ("performer", "TPE3"),
    ("genre", "TCON"),
    ("date", "TDRC"),
    ("track", "TRCK"),
    ("tracknumber", "TRCK"),
    ("disc", "TPOS"),
    ("discnumber", "TPOS"),
    ("publisher", "TPUB"),
    ("copyright", "TCOP"),
    ("encoded_by", "TENC"),
    ("encoder", "TSSE"),
    ("language", "TLAN"),
    ("isrc", "TSRC"),
    ("bpm", "TBPM"),
    ("grouping", "TIT1"),
    ("title-sort", "TSOT"),
    ("artist-sort", "TSOP"),
    ("album-sort", "TSOA"),
];

/// A tag of version 2.4 with everything in UTF-8.
pub fn tag_of(tags: &Tags) -> Vec<u8> {
    const UTF8: u8 = 3;
    let mut body = Vec::new();
    for (key, value) in &tags.fields {
        let (name, text) = match FRAMES.iter().find(|(known, _)| key.eq_ignore_ascii_case(known)) {
            Some((_, name)) => (*name, value.clone().into_bytes()),
            None if key.eq_ignore_ascii_case("comment") => ("COMM", [b"und\0", value.as_bytes()].concat()),
            None if key.eq_ignore_ascii_case("lyrics") => ("USLT", [b"und\0", value.as_bytes()].concat()),
            None => ("TXXX", [key.as_bytes(), b"\0", value.as_bytes()].concat()),
        };
        push_frame(&mut body, name, &[&[UTF8], text.as_slice()].concat());
    }
    for picture in &tags.pictures {
        let head = [
            &[UTF8],
            picture.mime.as_bytes(),
            &[0, picture.kind],
            picture.description.as_bytes(),
            &[0],
        ]
        .concat();
        push_frame(&mut body, "APIC", &[head, picture.data.clone()].concat());
    }
    for (number, chapter) in tags.chapters.iter().enumerate() {
        let mut frame = format!("chp{number}\0").into_bytes();
        for seconds in [chapter.start, chapter.end] {
            frame.extend(((seconds * 1000.0).round() as u32).to_be_bytes());
        }
        // No places in the file.
        frame.extend([0xff; 8]);
        push_frame(&mut frame, "TIT2", &[&[UTF8], chapter.title.as_bytes()].concat());
        push_frame(&mut body, "CHAP", &frame);
    }
    let size = seven_bits(body.len());
    [&b"ID3\x04\0\0"[..], &size, &body].concat()
}

fn push_frame(tag: &mut Vec<u8>, name: &str, body: &[u8]) {
    tag.extend(name.as_bytes());
    tag.extend(seven_bits(body.len()));
    tag.extend([0; 2]);
    tag.extend(body);
}

/// Names of the frames that ffmpeg does not tell: what is in them is lost where another kind of tag takes their place. Of
/// texts with several values it tells the first.
pub fn untold(tag: &[u8]) -> Vec<String> {
    let told = |frame: &Frame| {
        let name = frame.name.as_str();
        let several = name.starts_with('T') && frame.body.len() > 1 && {
            let text = match frame.body[0] {
                0 | 3 => frame.body[1..]
                    .split(|byte| *byte == 0)
                    .filter(|part| !part.is_empty())
                    .count(),
                _ => {
                    let units = frame.body[1..].as_chunks::<2>().0;
                    units
                        .split(|unit| *unit == [0, 0])
                        .filter(|part| !part.is_empty())
                        .count()
                }
            };
            text > if matches!(name, "TXXX" | "TXX") { 2 } else { 1 }
        };
        let known = [
            "COMM", "COM", "USLT", "ULT", "APIC", "PIC", "CHAP", "CTOC", "PRIV",
        ];
        (name.starts_with('T') && !several) || known.contains(&name)
    };
    let frames = frames(tag).unwrap_or_default();
    frames
        .iter()
        .filter(|frame| !told(frame))
        .map(|frame| frame.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags() -> Tags {
        let fields = [("title", "Talk"), ("comment", "a word"), ("Own", "thing")];
        Tags {
            fields: fields
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec(),
            chapters: vec![Chapter {
                start: 0.0,
                end: 2.5,
                title: "One".into(),
            }],
            pictures: vec![Picture {
                kind: 3,
                mime: "image/png".into(),
                description: "cover".into(),
                data: vec![1; 300],
            }],
        }
    }

    #[test]
    fn frames_of_a_tag_are_found_again() {
        let tag = tag_of(&tags());
        let names: Vec<String> = frames(&tag)
            .unwrap()
            .into_iter()
            .map(|frame| frame.name)
            .collect();
        assert_eq!(names, ["TIT2", "COMM", "TXXX", "APIC", "CHAP"]);
        assert_eq!(head_bytes(&tag), Some(tag.len()));
        assert!(untold(&tag).is_empty());
        assert_eq!(tags_of(&tag), tags());
    }

    #[test]
    fn texts_are_read_in_all_encodings_and_broken_ones_do_no_harm() {
        let wide = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>()
        };
        let mut body = Vec::new();
        push_frame(&mut body, "TIT2", b"\0Caf\xe9");
        push_frame(
            &mut body,
            "TPE1",
            &[&b"\x01\xff\xfe"[..], &wide("J\u{fc}rg \u{1f3a4}"), &[0; 2]].concat(),
        );
        push_frame(&mut body, "TALB", b"\x02\0A\0l");
        push_frame(
            &mut body,
            "TXXX",
            &[&b"\x01\xff\xfe"[..], &wide("mood\0\u{feff}calm")].concat(),
        );
        push_frame(&mut body, "COMM", b"\x03engshort\0a word");
        let tag = [&b"ID3\x04\0\0"[..], &seven_bits(body.len()), &body].concat();
        let found = tags_of(&tag).fields;
        let found: Vec<(&str, &str)> = found.iter().map(|(key, value)| (&key[..], &value[..])).collect();
        assert_eq!(
            found,
            [
                ("title", "Caf\u{e9}"),
                ("artist", "J\u{fc}rg \u{1f3a4}"),
                ("album", "Al"),
                ("mood", "calm"),
                ("short", "a word"),
            ]
        );
        let whole = tag_of(&tags());
        for cut in 0..whole.len() {
            let _ = tags_of(&whole[..cut]);
            let mut other = whole.clone();
            other[cut] ^= 0xff;
            let _ = tags_of(&other);
        }
    }

    #[test]
    fn stale_counts_of_samples_go_and_the_rest_stays() {
        let mut stale = tags();
        stale
            .fields
            .push(("iTunSMPB".into(), " 00000000 00000210".into()));
        assert_eq!(without_stale(&tag_of(&stale)), tag_of(&tags()));
        assert_eq!(without_stale(b"ID3 and nothing"), b"ID3 and nothing");
    }

    #[test]
    fn tags_move_from_one_file_to_another() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let ape = [&b"APETAGEX\xd0\x07\0\0\x20\0\0\0"[..], &[0; 16]].concat();
        let v1 = [&b"TAG"[..], &[7; 125]].concat();
        for (tail, sound) in [
            (Vec::new(), 3_000_000),
            (v1.clone(), 10),
            (ape.clone(), 200),
            ([ape, v1].concat(), 5),
        ] {
            let head = tag_of(&tags());
            std::fs::write(&a, [&head[..], b"old sound that goes", &tail].concat()).unwrap();
            let around = Around::of(&a).unwrap();
            assert_eq!((&around.head, &around.tail), (&head, &tail));
            let sound: Vec<u8> = (0..sound).map(|i| (i % 251) as u8 | 1).collect();
            for other in [
                &b""[..],
                &b"ID3\x04\0\0\0\0\0\x03abc"[..],
                &[&b"ID3\x04\0\0\0\0\x10\0"[..], &[0; 2048]].concat(),
            ] {
                std::fs::write(&b, [other, &sound].concat()).unwrap();
                around.put(&b).unwrap();
                assert!(std::fs::read(&b).unwrap() == [&head[..], &sound, &tail].concat());
            }
        }
    }
}
