//! Takes a WAV stream apart, without ever needing to seek and without trusting a size that it states.

use super::{Chunk, Container, Format, Header, printable};
use crate::kind::Kind;
use std::io::{self, Read, Seek, SeekFrom};

/// Memory for the chunks that are carried along, in bytes; what does not fit is left out with a warning.
pub const CHUNK_MEMORY: u64 = 64 << 20;

/// A `fmt ` chunk longer than this is damaged.
const FORMAT_MEMORY: u64 = 4096;

/// What writers state that cannot know the length of the sound, or were killed before they could say it: about 2 GB (SoX
/// 0x7ffff000, others 0x7fffffff or 0x80000000), about 4 GB (all ones, or that less the header), each rounded to whole frames.
const UNKNOWN: [std::ops::RangeInclusive<u64>; 2] = [0x7fff_0000..=0x8000_0000, 0xffff_0000..=0xffff_ffff];

/// What becomes of a recording that ends before its header says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Damage {
    /// It is an error.
    #[default]
    Refuse,
    /// What is there is taken, with a warning.
    Accept,
}

/// Why a stream cannot be read.
#[derive(Debug)]
pub enum Error {
    /// The operating system said so.
    Io(io::Error),
    /// The bytes are not those of a WAV file; the text says what is wrong and what to do.
    Malformed(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Io(e) => write!(f, "{e}"),
            Error::Malformed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Self {
        Error::Io(e)
    }
}

fn malformed<T>(text: impl Into<String>) -> Result<T, Error> {
    Err(Error::Malformed(text.into()))
}

/// A WAV stream, opened: the header has been read, the sound comes next.
#[derive(Debug)]
pub struct Reader<R> {
    input: Ahead<R>,
    damage: Damage,
    /// Bytes taken from `input`.
    position: u64,
    /// Bytes in the whole stream, where that is known.
    total: Option<u64>,
    header: Header,
    /// Bytes of sound; `None`: everything up to the end of the stream.
    sound: Option<u64>,
    /// Bytes of sound already given out.
    given: u64,
    /// Chunks after the sound, once they have been read.
    after: Option<Vec<Chunk>>,
    /// 64-bit sizes of chunks whose own size field is too narrow, from `ds64`.
    wide_sizes: Vec<([u8; 4], u64)>,
    memory_left: u64,
    warnings: Vec<String>,
}

/// What has been gathered when the header has been walked through.
#[derive(Default)]
struct Walk {
    position: u64,
    wide_sizes: Vec<([u8; 4], u64)>,
    /// `ds64`'s own size of the sound.
    wide_sound: Option<u64>,
    memory_left: u64,
    warnings: Vec<String>,
}

impl<R: Read> Reader<R> {
    /// Reads the header of a stream that may be a pipe. `total` is the number of bytes in it, if that is known; then
    /// stated sizes are checked at once instead of when the stream ends.
    pub fn new(input: R, total: Option<u64>) -> Result<Self, Error> {
        Reader::begin(input, total, Damage::Refuse)
    }

    /// The same, where the recording may be damaged.
    pub fn begin(input: R, total: Option<u64>, damage: Damage) -> Result<Self, Error> {
        let mut input = Ahead {
            first: Vec::new(),
            rest: input,
        };
        let mut walk = Walk {
            memory_left: CHUNK_MEMORY,
            ..Walk::default()
        };
        let mut first = [0; 12];
        let got = read_up_to(&mut input, &mut first)?;
        walk.position = got as u64;
        if got == 0 {
            return malformed("the file is empty; record or export it again");
        }
        let container = match &first[..4] {
            b"RIFF" => Container::Riff,
            b"RF64" => Container::Rf64,
            b"BW64" => Container::Bw64,
            _ if b"RIFF".starts_with(&first[..got.min(4)]) => Container::Riff,
            _ => return malformed(format!("not a WAV file but {}", what_it_is(&first[..got]))),
        };
        if got < 12 {
            return malformed("the file ends inside its header; copy or export it again");
        }
        if &first[8..12] != b"WAVE" {
            return malformed(format!(
                "a RIFF file that holds {:?} instead of \"WAVE\"; convert it: ffmpeg -i IN OUT.wav",
                printable([first[8], first[9], first[10], first[11]])
            ));
        }
        let stated = u64::from(u32_at(&first, 4));
        if let Some(total) = total
            && container == Container::Riff
            && stated < u64::from(u32::MAX) - 8
            && !is_unknown(stated)
            && !is_unknown(stated.saturating_sub(36))
            // Some writers count the eight bytes before the count, or a padding byte that is not there.
            && stated + 8 > total + 9
        {
            walk.warnings.push(format!(
                "the header says {} bytes, the file has {total}; what may have followed the sound is missing",
                stated + 8
            ));
        }

        let mut format: Option<(Format, Vec<u8>)> = None;
        let (mut chunks, mut format_at, mut fact) = (Vec::new(), 0, false);
        let mut padded = false;
        let stated_sound = loop {
            let Some((id, size)) = walk.chunk_header(&mut input, padded)? else {
                return malformed(
                    "the file ends before its sound begins (no \"data\" chunk); copy or export it again",
                );
            };
            if !is_id(id) {
                return malformed(format!(
                    "no chunk begins at byte {} where one should; the header is damaged",
                    walk.position - 8
                ));
            }
            if &id == b"data" {
                break size;
            }
            let size = walk.wide_size(id, size);
            if let Some(total) = total
                && size > total - walk.position
            {
                return Err(too_long(id, size, total - walk.position));
            }
            match &id {
                b"ds64" if container != Container::Riff => {
                    let body = walk.body(&mut input, id, size, CHUNK_MEMORY)?;
                    walk.take_ds64(&body)?;
                }
                b"fmt " => {
                    if format.is_some() {
                        return malformed("the header has two \"fmt \" chunks; it is damaged");
                    }
                    if size > FORMAT_MEMORY {
                        return malformed(format!(
                            "the \"fmt \" chunk says it has {size} bytes; the header is damaged"
                        ));
                    }
                    let body = walk.body(&mut input, id, size, FORMAT_MEMORY)?;
                    format = Some((Format::parse(&body).map_err(Error::Malformed)?, body));
                    format_at = chunks.len();
                }
                _ => {
                    fact |= &id == b"fact";
                    walk.keep_or_skip(&mut input, id, size, &mut chunks)?;
                }
            }
            padded = size % 2 == 1;
        };

        let Some((format, format_bytes)) = format else {
            return malformed(
                "the sound comes without a \"fmt \" chunk that says what it is; the header is damaged",
            );
        };
        let frame = format.frame_bytes() as u64;
        let left = total.map(|t| t - walk.position);
        let unfinished = stated == 0 || is_unknown(stated);
        let sound = match walk.wide_sound {
            Some(u64::MAX) => None,
            Some(wide) if stated_sound == u64::from(u32::MAX) => Some(wide),
            _ if stated_sound == u64::from(u32::MAX) => None,
            _ if is_unknown(stated_sound) && left.is_none_or(|left| left < stated_sound) => None,
            _ if stated_sound == 0 && (unfinished || !input.begins_with_chunk(left)?) => None,
            _ => Some(stated_sound),
        };
        if sound.is_none() && stated_sound == 0 && left.is_some_and(|left| left > 0) {
            let text = "the header was never completed; everything after it is taken as sound";
            walk.warnings.push(text.into());
        }
        let sound = match (sound, left) {
            (Some(sound), Some(left)) if sound > left && damage == Damage::Accept => {
                walk.warnings
                    .push(cut_short(sound, left) + "; what is there is taken");
                Some(left - left % frame)
            }
            (Some(sound), Some(left)) if sound > left => {
                return malformed(cut_short(sound, left) + ADVICE);
            }
            (Some(sound), _) if sound % frame != 0 && damage == Damage::Accept => {
                let text =
                    "the size of the sound is no whole number of frames; what is beyond the last is left out";
                walk.warnings.push(text.into());
                Some(sound - sound % frame)
            }
            (sound, _) => sound,
        };
        if let Some(sound) = sound
            && sound % frame != 0
        {
            return malformed(format!(
                "the \"data\" chunk says {sound} bytes, which is no whole number of {frame}-byte frames; \
                 the header is damaged, convert the file: ffmpeg -i IN OUT.wav"
            ));
        }
        Ok(Reader {
            input,
            damage,
            position: walk.position,
            total,
            header: Header {
                container,
                format,
                format_bytes,
                chunks,
                format_at,
                fact,
            },
            sound,
            given: 0,
            after: None,
            wide_sizes: walk.wide_sizes,
            memory_left: walk.memory_left,
            warnings: walk.warnings,
        })
    }

    /// Everything before the sound.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What the samples mean.
    pub fn format(&self) -> &Format {
        &self.header.format
    }

    /// Frames in the stream; `None` if only its end will tell.
    pub fn frames(&self) -> Option<u64> {
        let frame = self.header.format.frame_bytes() as u64;
        match self.sound {
            Some(bytes) => Some(bytes / frame),
            None => self
                .total
                .map(|total| (total - (self.position - self.given)) / frame),
        }
    }

    /// What a user should know, in the order of discovery.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Reads up to `frames` frames into `raw`, replacing what is in it, and returns their number: 0 at the end.
    pub fn read(&mut self, frames: usize, raw: &mut Vec<u8>) -> Result<usize, Error> {
        let frame = self.header.format.frame_bytes();
        let mut want = (frames * frame) as u64;
        if let Some(sound) = self.sound {
            want = want.min(sound - self.given);
        }
        raw.clear();
        let got = (&mut self.input).take(want).read_to_end(raw)?;
        self.position += got as u64;
        self.given += got as u64;
        if got as u64 == want {
            return Ok(got / frame);
        }
        if let Some(sound) = self.sound {
            let text = cut_short(sound, self.given);
            if self.damage == Damage::Refuse {
                return malformed(text + ADVICE);
            }
            self.warnings.push(text + "; what is there is taken");
            self.sound = Some(self.given);
        }
        if got % frame != 0 {
            raw.truncate(got / frame * frame);
            self.warnings
                .push("the sound ends inside a frame; the incomplete frame is left out".into());
        }
        Ok(got / frame)
    }

    /// The chunks after the sound; call it when [`read`](Reader::read) has given 0.
    pub fn finish(&mut self) -> Result<&[Chunk], Error> {
        if self.after.is_none() {
            let after = if self.sound.is_some() {
                self.read_after()?
            } else {
                Vec::new()
            };
            self.after = Some(after);
        }
        Ok(self.after.as_deref().unwrap_or_default())
    }

    /// The chunks after the sound, if they are known already.
    pub fn after(&self) -> Option<&[Chunk]> {
        self.after.as_deref()
    }

    /// Reads what follows the sound. Damage here costs the rest of the chunks, not the sound.
    fn read_after(&mut self) -> Result<Vec<Chunk>, Error> {
        let sound = self.sound.unwrap_or(0);
        let mut walk = Walk {
            position: self.position,
            wide_sizes: std::mem::take(&mut self.wide_sizes),
            memory_left: self.memory_left,
            ..Walk::default()
        };
        let mut chunks = Vec::new();
        let mut padded = sound % 2 == 1;
        let damage = loop {
            let start = walk.position;
            match walk.chunk_header(&mut self.input, padded) {
                Ok(None) => break None,
                Ok(Some((id, size))) if is_id(id) => {
                    if &id == b"data" {
                        return malformed("there are two \"data\" chunks; the header is damaged");
                    }
                    let size = walk.wide_size(id, size);
                    let fits = self.total.is_none_or(|total| size <= total - walk.position);
                    if !fits {
                        break Some(format!(
                            "the chunk {:?} after the sound is cut short",
                            printable(id)
                        ));
                    }
                    match walk.keep_or_skip(&mut self.input, id, size, &mut chunks) {
                        Ok(()) => padded = size % 2 == 1,
                        Err(Error::Malformed(text)) => break Some(text),
                        Err(e) => return Err(e),
                    }
                }
                Ok(Some(_)) | Err(Error::Malformed(_)) => {
                    break Some(format!("what follows the sound from byte {start} on is no chunk"));
                }
                Err(e) => return Err(e),
            }
        };
        self.warnings.append(&mut walk.warnings);
        if let Some(damage) = damage {
            if sound == 0 && self.damage == Damage::Refuse {
                return malformed(
                    "the header says 0 bytes of sound, but more than that follows; repair the header",
                );
            }
            self.warnings.push(format!("{damage}; it is left out"));
        }
        Ok(chunks)
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Reads the header and the chunks after the sound, so that damage shows before any work is done.
    pub fn open(input: R) -> Result<Self, Error> {
        Reader::open_damaged(input, Damage::Refuse)
    }

    /// The same, where the recording may be damaged.
    pub fn open_damaged(mut input: R, damage: Damage) -> Result<Self, Error> {
        let total = input.seek(SeekFrom::End(0))?;
        input.seek(SeekFrom::Start(0))?;
        let mut reader = Reader::begin(input, Some(total), damage)?;
        if damage == Damage::Accept {
            reader.take_what_is_no_chunk(total)?;
        }
        if let Some(sound) = reader.sound {
            let start = reader.position;
            reader.position = reader.input.seek(SeekFrom::Start(start + sound))?;
            reader.finish()?;
            reader.position = reader.input.seek(SeekFrom::Start(start))?;
        } else {
            reader.after = Some(Vec::new());
        }
        Ok(reader)
    }

    /// Takes everything as sound where most of the file lies beyond what the header calls sound, and is no chunk: then the size is
    /// wrong, not the sound.
    fn take_what_is_no_chunk(&mut self, total: u64) -> Result<(), Error> {
        let (start, Some(sound)) = (self.position, self.sound) else {
            return Ok(());
        };
        let beyond = total.saturating_sub(start + sound);
        if beyond > sound {
            self.input.seek(SeekFrom::Start(start + sound))?;
            if !self.input.begins_with_chunk(Some(beyond))? {
                self.sound = None;
                self.warnings.push(format!(
                    "the header says {sound} bytes of sound, and {beyond} that are no chunk follow; all are taken as sound"
                ));
            }
            self.input.seek(SeekFrom::Start(start))?;
        }
        Ok(())
    }
}

impl Walk {
    /// The next chunk's letters and size; `None` at the end of the stream. `padded`: a padding byte should come first,
    /// but writers that forget it are known.
    fn chunk_header(&mut self, input: &mut impl Read, padded: bool) -> Result<Option<([u8; 4], u64)>, Error> {
        let mut bytes = [0; 8];
        let mut got = read_up_to(input, &mut bytes)?;
        self.position += got as u64;
        if padded && got > 0 && bytes[0] == 0 {
            bytes.copy_within(1.., 0);
            let more = read_up_to(input, &mut bytes[got - 1..got])?;
            self.position += more as u64;
            got = got - 1 + more;
        }
        match got {
            0 => Ok(None),
            8 => Ok(Some((
                [bytes[0], bytes[1], bytes[2], bytes[3]],
                u32_at(&bytes, 4).into(),
            ))),
            _ => malformed("the file ends inside its header; copy or export it again"),
        }
    }

    fn wide_size(&self, id: [u8; 4], size: u64) -> u64 {
        let wide = self
            .wide_sizes
            .iter()
            .find(|(i, _)| *i == id && size == u64::from(u32::MAX));
        wide.map_or(size, |&(_, wide)| wide)
    }

    /// The whole body of a chunk. The memory grows with what arrives, not with what `size` promises.
    fn body(&mut self, input: &mut impl Read, id: [u8; 4], size: u64, most: u64) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        let got = input.take(size.min(most)).read_to_end(&mut body)? as u64;
        self.position += got;
        if got < size {
            return Err(too_long(id, size, got));
        }
        Ok(body)
    }

    /// `ds64`: size of everything, of the sound, number of frames, then a table of other large chunks.
    fn take_ds64(&mut self, body: &[u8]) -> Result<(), Error> {
        if body.len() < 28 {
            return malformed(format!(
                "the \"ds64\" chunk has {} bytes instead of 28 or more; the header is damaged",
                body.len()
            ));
        }
        self.wide_sound = Some(u64_at(body, 8));
        let entries = u32_at(body, 24) as usize;
        for entry in body[28..].chunks_exact(12).take(entries) {
            self.wide_sizes
                .push(([entry[0], entry[1], entry[2], entry[3]], u64_at(entry, 4)));
        }
        Ok(())
    }

    /// Carries a chunk along, unless it would be wrong in the output or does not fit into memory.
    fn keep_or_skip(
        &mut self,
        input: &mut impl Read,
        id: [u8; 4],
        size: u64,
        chunks: &mut Vec<Chunk>,
    ) -> Result<(), Error> {
        // Bookkeeping counts too: a file may be nothing but empty chunks.
        let needed = size.saturating_add(size_of::<Chunk>() as u64 * 2);
        // `fact` is written anew; peaks (`PEAK`, `levl`) and the checksum of the sound will have changed.
        let stale = matches!(&id, b"fact" | b"PEAK" | b"levl" | b"MD5 ");
        if !stale && needed <= self.memory_left {
            let body = self.body(input, id, size, size)?;
            self.memory_left -= needed;
            chunks.push(Chunk { id, body });
            return Ok(());
        }
        if !stale {
            self.warnings.push(format!(
                "the chunk {:?} of {size} bytes is too large to be kept; it is left out",
                printable(id)
            ));
        }
        let got = io::copy(&mut input.take(size), &mut io::sink())?;
        self.position += got;
        if got < size {
            Err(too_long(id, size, got))
        } else {
            Ok(())
        }
    }
}

fn too_long(id: [u8; 4], size: u64, left: u64) -> Error {
    Error::Malformed(format!(
        "the chunk {:?} says it has {size} bytes, but only {left} are left; the file is cut short or its header damaged",
        printable(id)
    ))
}

fn is_id(id: [u8; 4]) -> bool {
    id.iter().all(|b| (b' '..=b'~').contains(b))
}

fn is_unknown(size: u64) -> bool {
    UNKNOWN.iter().any(|sizes| sizes.contains(&size))
}

fn cut_short(stated: u64, there: u64) -> String {
    format!("the sound is cut short: the header says {stated} bytes, there are {there}")
}

const ADVICE: &str = "; copy or export it again, or take what is there: --accept-damage";

/// A stream whose next bytes have been looked at.
#[derive(Debug)]
struct Ahead<R> {
    first: Vec<u8>,
    rest: R,
}

impl<R: Read> Ahead<R> {
    /// Whether a chunk comes next, or nothing; `left`: bytes until the end, where that is known.
    fn begins_with_chunk(&mut self, left: Option<u64>) -> io::Result<bool> {
        let mut bytes = [0; 8];
        let got = read_up_to(&mut self.rest, &mut bytes)?;
        self.first = bytes[..got].to_vec();
        let fits = left.is_none_or(|left| u64::from(u32_at(&bytes, 4)) + 8 <= left);
        Ok(got == 0 || (got == 8 && fits && is_id([bytes[0], bytes[1], bytes[2], bytes[3]])))
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.first.is_empty() {
            return self.rest.read(into);
        }
        let got = into.len().min(self.first.len());
        into[..got].copy_from_slice(&self.first[..got]);
        self.first.drain(..got);
        Ok(got)
    }
}

impl<R: Seek> Seek for Ahead<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.first.clear();
        self.rest.seek(to)
    }
}

/// Fills as much of `bytes` as the stream has.
fn read_up_to(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < bytes.len() {
        match input.read(&mut bytes[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Names what was found instead, and the way to a WAV file.
fn what_it_is(first: &[u8]) -> String {
    let name = match Kind::of(first) {
        Kind::Text => return "text, not sound; name a recording".into(),
        Kind::Wav | Kind::Other | Kind::Unknown => {
            return "something else; give a WAV file, or convert it: ffmpeg -i IN OUT.wav".into();
        }
        Kind::Flac => "FLAC",
        Kind::Named(name) => name,
    };
    format!("{name}; only WAV can be read from a pipe, give a file or convert it: ffmpeg -i IN -f wav -")
}
