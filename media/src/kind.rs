//! What a file is, by its first bytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Bytes that tell one kind from another.
const FIRST: usize = 64;

/// What pictures, documents, archives and programs begin with.
const OTHERS: [&[u8]; 11] = [
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"II*\0",
    b"MM\0*",
    b"%PDF",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"\x7fELF",
    b"SQLite format 3",
];

/// What a file seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RIFF, RF64 or BW64 with sound, or too short to tell from one.
    Wav,
    /// FLAC.
    Flac,
    /// Words.
    Text,
    /// A picture, a document, an archive or a program.
    Other,
    /// Something with a name.
    Named(&'static str),
    /// Anything else, MPEG and raw streams among it, which begin in many ways.
    Unknown,
}

impl Kind {
    /// Of bytes that a file begins with.
    pub fn of(first: &[u8]) -> Self {
        let is = |at: usize, magic: &[u8]| first.get(at..at + magic.len()) == Some(magic);
        let begun = |magic: &[u8]| magic.starts_with(&first[..first.len().min(magic.len())]);
        let riff = is(0, b"RIFF") || is(0, b"RF64") || is(0, b"BW64");
        let name = if riff && is(8, b"AVI ") {
            "AVI"
        } else if (riff && (first.len() < 12 || is(8, b"WAVE"))) || begun(b"RIFF") {
            return Kind::Wav;
        } else if riff {
            return Kind::Unknown;
        } else if is(0, b"fLaC") {
            return Kind::Flac;
        } else if is(0, b"OggS") {
            "Ogg"
        } else if is(0, b"ID3") || is(0, &[0xff, 0xfb]) || is(0, &[0xff, 0xf3]) || is(0, &[0xff, 0xf2]) {
            "MP3"
        } else if is(0, b"FORM") {
            "AIFF"
        } else if is(0, b"RIFX") {
            "big-endian RIFX"
        } else if is(0, b"riff") {
            "Wave64"
        } else if is(0, b"caff") {
            "CAF"
        } else if is(4, b"ftyp") {
            "MP4"
        } else if is(0, &[0x1a, 0x45, 0xdf, 0xa3]) {
            "Matroska or WebM"
        } else if is(0, b"wvpk") {
            "WavPack"
        } else if is(0, b"#!AMR") {
            "AMR"
        } else if OTHERS.iter().any(|magic| is(0, magic)) {
            return Kind::Other;
        } else if first
            .iter()
            .all(|b| (b' '..=b'~').contains(b) || b"\t\r\n".contains(b))
        {
            return Kind::Text;
        } else {
            return Kind::Unknown;
        };
        Kind::Named(name)
    }

    /// Of a file, which is then at its beginning again.
    pub fn of_file(file: &mut File) -> io::Result<Self> {
        let mut first = Vec::with_capacity(FIRST);
        file.take(FIRST as u64).read_to_end(&mut first)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Kind::of(&first))
    }

    /// As the beginning of a sentence about a file.
    pub fn this_file(self) -> String {
        match self {
            Kind::Wav => "this WAV file".into(),
            Kind::Flac => "this FLAC file".into(),
            Kind::Named(name) => format!("this {name} file"),
            Kind::Text | Kind::Other | Kind::Unknown => "this file".into(),
        }
    }
}
