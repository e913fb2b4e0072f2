//! FLAC, read and written without ffmpeg: every bit of the sound, and every block of metadata that stays true.

use super::tags::{Picture, Tags};
use super::wav_chunks;
use crate::output::{Output, Sealed, Target};
use crate::problem::{Problem, describe};
use crate::wav::read::{Damage, Error};
use crate::wav::{
    Chunk, Encoding, Extension, Format, Header, PLAIN_GUID_TAIL, RATES, plain_header, printable,
};
use flac_codec::decode::{FlacSampleReader, Metadata, Verified, verify};
use flac_codec::encode::{FlacSampleWriter, Options};
use flac_codec::metadata::{BlockList, BlockRef, Padding, PictureType, VorbisComment};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Chain, Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::rc::Rc;
use std::sync::Once;

/// The most channels that the format has.
pub const MAX_CHANNELS: u16 = 8;

/// No sound is compressed so well over a whole file, but for silence, of which a minute more is allowed: a small damaged
/// file may not fill hours. In bits a second.
const FEWEST_BITS: u64 = 400;

/// Bytes of metadata that are read at most.
const METADATA: u64 = 256 << 20;

/// Blocks of it, at most.
const BLOCKS: usize = 1000;

/// A FLAC file as a stream of samples.
pub struct FlacReader {
    reader: FlacSampleReader<Chain<Cursor<Vec<u8>>, Counted>>,
    /// Bytes of the file behind its metadata, and how many of them the decoder has taken.
    behind: (u64, Rc<Cell<u64>>),
    file: File,
    header: Header,
    /// Frames that the header promises.
    stated: Option<u64>,
    /// Of all samples so far, and what the header says of all that there should be.
    checksum: Option<(md5::Context, [u8; 16])>,
    /// Samples that have been decoded and not given out, interleaved.
    waiting: Vec<i32>,
    /// Bytes of which the checksum is taken.
    raw: Vec<u8>,
    given: u64,
    most_frames: u64,
    ended: bool,
    damage: Damage,
    warnings: Vec<String>,
}

impl std::fmt::Debug for FlacReader {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("FlacReader").finish_non_exhaustive()
    }
}

impl FlacReader {
    /// Reads the header of a file of `bytes` bytes.
    pub fn open(file: File, bytes: u64) -> Result<Self, Error> {
        FlacReader::open_damaged(file, bytes, Damage::Refuse)
    }

    /// The same, where the recording may end early.
    pub fn open_damaged(file: File, bytes: u64, damage: Damage) -> Result<Self, Error> {
        let mut file = file;
        let mut warnings = Vec::new();
        let Head {
            bytes: head,
            end,
            stated,
        } = readable_head(&mut file, &mut warnings)?;
        let taken = Rc::new(Cell::new(0));
        let counted = Counted {
            file: BufReader::with_capacity(1 << 17, file.try_clone()?),
            taken: taken.clone(),
        };
        let reader = guarded(|| FlacSampleReader::new(Cursor::new(head).chain(counted)))?;
        let format = format_of(reader.metadata()).map_err(Error::Malformed)?;
        let checksum = reader.metadata().md5().copied();
        let seconds = (bytes * 8 / FEWEST_BITS).saturating_add(60);
        Ok(FlacReader {
            reader,
            behind: (bytes.saturating_sub(end), taken),
            file,
            most_frames: seconds.saturating_mul(format.rate.into()),
            header: plain_header(format),
            stated,
            checksum: checksum.map(|checksum| (md5::Context::new(), checksum)),
            waiting: Vec::new(),
            raw: Vec::new(),
            given: 0,
            ended: false,
            damage,
            warnings,
        })
    }

    /// A header that says what the samples mean.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Frames in the file, if it says so and is not damaged.
    pub fn frames(&self) -> Option<u64> {
        self.stated.filter(|_| self.damage == Damage::Refuse)
    }

    /// What a user should know, in the order of discovery.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Tags, pictures and the rest.
    pub fn metadata(&self) -> &BlockList {
        self.reader.metadata()
    }

    /// Reads up to `frames` frames into `raw` as WAV stores them, replacing what is in it, and returns their number: 0 at the
    /// end.
    pub fn read(&mut self, frames: usize, raw: &mut Vec<u8>) -> Result<usize, Error> {
        let channels = usize::from(self.header.format.channels);
        while self.waiting.len() < frames * channels && !self.ended {
            self.ended = self.decode()? == 0;
        }
        let got = (self.waiting.len() / channels).min(frames);
        store(
            self.header.format.encoding,
            self.waiting.drain(..got * channels),
            raw,
        );
        self.given += got as u64;
        if got == 0 {
            self.tell_rest()?;
        }
        if self.given > self.most_frames {
            return Err(Error::Malformed(
                "more silence comes out of it than a file of its size can mean; it is damaged, export it again".into(),
            ));
        }
        Ok(got)
    }

    /// Decodes a frame of the format, and gives the number of its samples: 0 at the end.
    fn decode(&mut self) -> Result<usize, Error> {
        let channels = usize::from(self.header.format.channels);
        let (begin, old) = (self.behind.1.get(), self.waiting.len());
        let (reader, waiting) = (&mut self.reader, &mut self.waiting);
        let decoded = guarded(|| {
            let decoded = reader.fill_buf()?;
            waiting.extend_from_slice(decoded);
            let count = decoded.len();
            reader.consume(count);
            Ok(count)
        });
        let accepts = self.damage == Damage::Accept;
        let all = self.given + (old / channels) as u64;
        let why = match decoded {
            Ok(0) => None,
            Ok(count) => {
                let all = all + (count / channels) as u64;
                if let Some(stated) = self.stated.filter(|&stated| all > stated && !accepts) {
                    return Err(Error::Malformed(format!(
                        "the header says {stated} samples, and there are more; copy or export it again, or take all of them: \
                         --accept-damage"
                    )));
                }
                if let Some((checksum, _)) = &mut self.checksum {
                    let bytes = self.header.format.encoding.bytes();
                    self.raw.clear();
                    let words = self.waiting[old..].iter().map(|sample| sample.to_le_bytes());
                    words.for_each(|word| self.raw.extend_from_slice(&word[..bytes]));
                    checksum.consume(&self.raw);
                }
                return Ok(count);
            }
            Err(Error::Malformed(why)) => Some(why),
            Err(e) => return Err(e),
        };
        let reason = why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        match (self.stated, why) {
            (Some(stated), _) if stated > all => {
                let text = format!(
                    "the sound is cut short or damaged: the header says {stated} samples, {all} could be read{reason}"
                );
                if !accepts || all == 0 {
                    return Err(Error::Malformed(text + "; copy or export it again, or take those: --accept-damage"));
                }
                self.warnings.push(text + "; what is before is taken");
            }
            (Some(stated), _) if stated < all => self.warnings.push(format!(
                "the header says {stated} samples, and there are {all}, all of which are taken"
            )),
            (None, Some(why)) if !accepts || all == 0 => return Err(Error::Malformed(why)),
            (None, Some(_)) => self.warnings.push(format!(
                "the sound is cut short or damaged: {all} samples could be read{reason}; what is before is taken"
            )),
            (Some(_), _) | (None, None) => {
                // What has been tried and is no frame stands behind the sound.
                self.behind.1.set(begin);
                let differs = |(found, stated): (md5::Context, [u8; 16])| found.finalize().0 != stated;
                if self.checksum.take().is_some_and(differs) {
                    self.warnings.push(
                        "its samples do not have the checksum that the header says: it is damaged, or its header is wrong; what is \
                         there is taken"
                            .into(),
                    );
                }
            }
        }
        Ok(0)
    }
}

impl FlacReader {
    /// Tells of what stands behind the sound: another file that has been joined to this one, above all.
    fn tell_rest(&mut self) -> Result<(), Error> {
        let (bytes, taken) = (self.behind.0, self.behind.1.get());
        if taken >= bytes {
            return Ok(());
        }
        // Told once.
        self.behind.1.set(bytes);
        let mut first = [0; 4];
        self.file.seek(SeekFrom::End(taken as i64 - bytes as i64))?;
        let _ = self.file.read(&mut first)?;
        match &first {
            b"fLaC" => self.warnings.push(
                "a second FLAC stream follows the first and is left out; join them in one: ffmpeg -i IN OUT.flac".into(),
            ),
            [b'T', b'A', b'G', _] if bytes - taken == ID3V1 as u64 => self.tell_tag()?,
            _ => self.warnings.push(format!("{} bytes behind the sound are left out", bytes - taken)),
        }
        Ok(())
    }

    /// Tells of what only ID3v1 says: mostly the comments say the same, and more of it.
    fn tell_tag(&mut self) -> io::Result<()> {
        let mut tag = [0; ID3V1];
        self.file.seek(SeekFrom::End(-(ID3V1 as i64)))?;
        self.file.read_exact(&mut tag)?;
        let comments = self.metadata().get::<VorbisComment>();
        let values: Vec<&str> = comments
            .iter()
            .flat_map(|comments| &comments.fields)
            .filter_map(|field| Some(field.split_once('=')?.1))
            .collect();
        let said = [3..33, 33..63, 63..93, 93..97, 97..125].map(|place| -> String {
            let bytes = tag[place].iter().take_while(|byte| **byte != 0);
            bytes.map(|byte| char::from(*byte)).collect()
        });
        let lost: Vec<&str> = said
            .iter()
            .map(|text| text.trim())
            .filter(|text| !text.is_empty() && !values.iter().any(|value| value.starts_with(text)))
            .collect();
        if !lost.is_empty() {
            self.warnings.push(format!(
                "the ID3v1 tag behind the sound is left out: {}",
                lost.join(", ")
            ));
        }
        Ok(())
    }
}

/// Bytes of ID3v1: `TAG`, then title, artist, album, year and comment.
const ID3V1: usize = 128;

/// A file that counts what is taken from it.
struct Counted {
    file: BufReader<File>,
    taken: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.file.read(into)?;
        self.taken.set(self.taken.get() + got as u64);
        Ok(got)
    }
}

/// Bytes of STREAMINFO.
const STREAMINFO: usize = 34;

/// Everything before the frames.
struct Head {
    /// As the decoder gets it.
    bytes: Vec<u8>,
    /// Where it ends in the file.
    end: u64,
    /// Frames that it promises.
    stated: Option<u64>,
}

/// STREAMINFO as the decoder gets it, and the number of frames that it states. The decoder refuses frames that are longer than
/// the longest that is stated here, and cannot go on behind the last that is: it gets neither.
fn without_promises(info: &[u8]) -> (Vec<u8>, Option<u64>) {
    let mut info = info.to_vec();
    if info.len() != STREAMINFO {
        return (info, None);
    }
    info[..4].copy_from_slice(&[0, 16, 0xff, 0xff]);
    // Behind four bits of the resolution.
    let total = u64::from_be_bytes(info[10..18].try_into().expect("eight bytes")) & ((1 << 36) - 1);
    info[13] &= 0xf0;
    info[14..18].fill(0);
    (info, (total > 0).then_some(total))
}

/// The metadata of a file: blocks that the decoder does not take are mended or left out, with a
/// warning. `flac -t` takes most of them.
fn readable_head(file: &mut File, warnings: &mut Vec<String>) -> Result<Head, Error> {
    const COMMENTS: u8 = 4;
    let cut = || Error::Malformed("this FLAC file ends inside its header; copy or export it again".into());
    let mut magic = [0; 4];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut magic).map_err(|_| cut())?;
    let (mut blocks, mut at, mut last) = (Vec::<(u8, Vec<u8>)>::new(), 4, false);
    while !last {
        let mut head = [0; 4];
        file.read_exact(&mut head).map_err(|_| cut())?;
        let size = u64::from(u32::from_be_bytes([0, head[1], head[2], head[3]]));
        let mut body = Vec::new();
        file.take(size).read_to_end(&mut body)?;
        if (body.len() as u64) < size {
            return Err(cut());
        }
        at += 4 + size;
        if at > METADATA {
            return Err(Error::Malformed(
                "this FLAC file has too much metadata; it is damaged".into(),
            ));
        }
        last = head[0] & 0x80 != 0;
        blocks.push((head[0] & 0x7f, body));
    }
    let head_of = |blocks: &[&(u8, Vec<u8>)]| {
        let mut bytes = magic.to_vec();
        for (number, (kind, body)) in blocks.iter().enumerate() {
            bytes.push(kind | if number + 1 == blocks.len() { 0x80 } else { 0 });
            bytes.extend(&(body.len() as u32).to_be_bytes()[1..]);
            bytes.extend(body);
        }
        bytes
    };
    let reads = |bytes: &[u8]| guarded(|| BlockList::read(bytes)).is_ok();
    let head = |bytes, stated| Head {
        bytes,
        end: at,
        stated,
    };
    let Some((info, others)) = blocks.split_first().filter(|(info, _)| info.0 == 0) else {
        return Ok(head(head_of(&blocks.iter().collect::<Vec<_>>()), None));
    };
    let (info, stated) = without_promises(&info.1);
    let info = (0, info);
    let mut kept = vec![&info];
    let mended: Vec<(u8, Vec<u8>)> = others
        .iter()
        .map(|(kind, body)| match *kind {
            COMMENTS => (COMMENTS, in_utf8(body, warnings)),
            kind => (kind, body.clone()),
        })
        .collect();
    if mended.len() > BLOCKS {
        return Err(Error::Malformed(
            "this FLAC file has too many metadata blocks; it is damaged".into(),
        ));
    }
    kept.extend(&mended);
    if reads(&head_of(&kept)) {
        return Ok(head(head_of(&kept), stated));
    }
    kept.truncate(1);
    for block in &mended {
        kept.push(block);
        if !reads(&head_of(&kept)) {
            kept.pop();
            // Seek points are made anew.
            if block.0 != 3 {
                warnings.push(format!(
                    "the metadata block {} cannot be read and is left out",
                    block_name(block.0)
                ));
            }
        }
    }
    Ok(head(head_of(&kept), stated))
}

/// What the format calls a kind of block.
fn block_name(kind: u8) -> String {
    let names = [
        "STREAMINFO",
        "PADDING",
        "APPLICATION",
        "SEEKTABLE",
        "VORBIS_COMMENT",
        "CUESHEET",
        "PICTURE",
    ];
    names
        .get(usize::from(kind))
        .map_or_else(|| format!("of the reserved kind {kind}"), |name| (*name).into())
}

/// Vorbis comments whose texts are UTF-8, as they should be; others are taken for Latin-1, which they mostly are.
fn in_utf8(body: &[u8], warnings: &mut Vec<String>) -> Vec<u8> {
    let (mut out, mut rest, mut changed) = (Vec::new(), body, false);
    let mut count = None;
    // The vendor, the number of comments, the comments.
    while rest.len() >= 4 {
        let (size, after) = rest.split_at(4);
        let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]) as usize;
        if count.is_none() && !out.is_empty() {
            out.extend(&rest[..4]);
            (count, rest) = (Some(size), after);
            continue;
        }
        let Some(text) = after.get(..size) else {
            return body.to_vec();
        };
        let text = match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                changed = true;
                text.iter().map(|byte| char::from(*byte)).collect()
            }
        };
        out.extend((text.len() as u32).to_le_bytes());
        out.extend(text.as_bytes());
        rest = &after[size..];
    }
    if changed {
        warnings.push("comments that are no UTF-8 have been taken for Latin-1".into());
    }
    out
}

thread_local! {
    /// Whether this thread is in [`guarded`], where a panic is not told to the user as one.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Does a part of the decoder's work, whose predictors overflow in damaged files: development builds stop there. Should damage bring out a defect in it, that is an error of this file only.
fn guarded<T>(work: impl FnOnce() -> Result<T, flac_codec::Error>) -> Result<T, Error> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                usual(panic);
            }
        }));
    });
    GUARDED.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    let why = match done {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(flac_codec::Error::Io(e))) if e.kind() != io::ErrorKind::UnexpectedEof => {
            return Err(Error::Io(e.kind().into()));
        }
        Ok(Err(e)) => e.to_string(),
        Err(_) => "the decoder gave up".into(),
    };
    Err(Error::Malformed(format!(
        "this FLAC file cannot be read ({why}); copy or export it again"
    )))
}

/// What the samples of a file mean.
fn format_of(metadata: &BlockList) -> Result<Format, String> {
    let (rate, channels, bits) = (
        metadata.sample_rate(),
        metadata.channel_count(),
        metadata.bits_per_sample(),
    );
    if !RATES.contains(&rate) {
        return Err(format!(
            "has {rate} Hz, supported are {} to {} Hz; resample it: ffmpeg -i IN -ar 48000 OUT",
            RATES.start(),
            RATES.end()
        ));
    }
    let mask: u32 = metadata.channel_mask().into();
    Ok(Format {
        channels: channels.into(),
        rate,
        encoding: Encoding::Int {
            bytes: bits.div_ceil(8) as u8,
            valid_bits: bits as u8,
        },
        extension: (channels > 2).then_some(Extension {
            mask,
            guid_tail: PLAIN_GUID_TAIL,
        }),
    })
}

/// Numbers as WAV stores them.
fn store(encoding: Encoding, samples: impl Iterator<Item = i32>, raw: &mut Vec<u8>) {
    raw.clear();
    let (bytes, unused) = (
        encoding.bytes(),
        encoding.bytes() as u32 * 8 - encoding.resolution(),
    );
    for sample in samples {
        let mut word = (sample << unused).to_le_bytes();
        // One byte is stored with an offset.
        word[0] ^= if bytes == 1 { 0x80 } else { 0 };
        raw.extend_from_slice(&word[..bytes]);
    }
}

/// The inverse of [`store`].
fn restore(encoding: Encoding, raw: &[u8], samples: &mut Vec<i32>) {
    samples.clear();
    let bytes = encoding.bytes();
    for stored in raw.chunks_exact(bytes) {
        let mut word = [0; 4];
        word[4 - bytes..].copy_from_slice(stored);
        // One byte is stored with an offset.
        word[3] ^= if bytes == 1 { 0x80 } else { 0 };
        samples.push(i32::from_le_bytes(word) >> (32 - encoding.resolution()));
    }
}

/// A FLAC file that is being written.
pub struct FlacWriter {
    writer: FlacSampleWriter<BufWriter<File>>,
    encoding: Encoding,
    numbers: Vec<i32>,
    output: Output,
    target: Target,
}

impl std::fmt::Debug for FlacWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("FlacWriter").finish_non_exhaustive()
    }
}

/// The samples that a FLAC file has for sound of some encoding.
pub fn encoding_for(wanted: Encoding) -> Encoding {
    match wanted {
        Encoding::Int { valid_bits: 4.., .. } => wanted,
        Encoding::Int { .. } => Encoding::INT16,
        Encoding::Float { .. } => Encoding::INT24,
    }
}

impl FlacWriter {
    /// Begins a file with samples of `format`, whose encoding is one of [`encoding_for`], and with metadata from
    /// [`blocks_of_flac`] or [`blocks_of_wav`].
    pub fn create(
        target: &Target,
        overwrite: bool,
        format: &Format,
        options: Options,
    ) -> Result<Self, Problem> {
        let name = target.name();
        if format.channels > MAX_CHANNELS {
            return Err(Problem::file(
                name,
                format!("FLAC has at most {MAX_CHANNELS} channels; name the output .wav"),
            ));
        }
        let output = Output::create(target, overwrite)?;
        let Some(place) = output.path() else {
            return Err(Problem::file(name, "FLAC is written to files only; give a file"));
        };
        let file = File::options()
            .write(true)
            .open(place)
            .map_err(|e| Problem::io(name, &e))?;
        let writer = FlacSampleWriter::new(
            BufWriter::with_capacity(1 << 17, file),
            options,
            format.rate,
            format.encoding.resolution(),
            format.channels as u8,
            None,
        );
        Ok(FlacWriter {
            writer: writer.map_err(|e| unwritable(name, &e))?,
            encoding: format.encoding,
            numbers: Vec::new(),
            output,
            target: target.clone(),
        })
    }

    /// Takes samples as WAV stores them.
    pub fn write(&mut self, raw: &[u8]) -> Result<(), Problem> {
        restore(self.encoding, raw, &mut self.numbers);
        self.writer
            .write(&self.numbers)
            .map_err(|e| unwritable(self.target.name(), &e))
    }

    /// Writes what is left, and the length and checksum into the header.
    pub fn finish(self) -> Result<Sealed, Problem> {
        self.writer
            .finalize()
            .map_err(|e| unwritable(self.target.name(), &e))?;
        self.output.seal(&[])
    }
}

/// Decodes a finished file and compares it with its checksum.
pub fn prove(path: &Path, subject: &Path) -> Result<(), Problem> {
    match verify(path) {
        Ok(Verified::MD5Match) => Ok(()),
        Ok(_) => Err(Problem::file(
            subject,
            "does not decode to what was written; nothing is kept",
        )),
        Err(e) => Err(Problem::file(
            subject,
            format!("does not decode ({e}); nothing is kept"),
        )),
    }
}

fn unwritable(name: &Path, error: &flac_codec::Error) -> Problem {
    match error {
        flac_codec::Error::Io(e) => Problem::file(name, describe(e)),
        e => Problem::file(name, format!("cannot be written as FLAC ({e})")),
    }
}

/// What a FLAC file says about itself, for other kinds of files, and the names of the blocks that say something else.
pub fn tags_of(metadata: &BlockList) -> (Tags, Vec<String>) {
    let (mut tags, mut others) = (Tags::default(), Vec::new());
    for block in metadata.blocks() {
        match block {
            BlockRef::VorbisComment(block) => {
                let fields = block.fields.iter().filter_map(|field| field.split_once('='));
                tags.take_comments(fields);
            }
            BlockRef::Picture(block) => tags.pictures.push(Picture {
                kind: block.picture_type as u8,
                mime: block.media_type.clone(),
                description: block.description.clone(),
                data: block.data.clone(),
            }),
            BlockRef::Cuesheet(_) => others.push("CUESHEET".into()),
            BlockRef::Application(_) => others.push("APPLICATION".into()),
            BlockRef::Padding(_) | BlockRef::Streaminfo(_) | BlockRef::SeekTable(_) => {}
        }
    }
    (tags, others)
}

/// Settings that carry a FLAC file's tags, pictures, cue sheet and application data along. Seek points are made anew.
pub fn blocks_of_flac(metadata: &BlockList) -> Options {
    let mut options = Options::default();
    for block in metadata.blocks() {
        match block {
            BlockRef::VorbisComment(block) => _ = options.add_block(block.clone()),
            BlockRef::Picture(block) => _ = options.add_block(block.clone()),
            BlockRef::Cuesheet(block) => _ = options.add_block(block.clone()),
            BlockRef::Application(block) => _ = options.add_block(block.clone()),
            BlockRef::Padding(Padding { size }) => _ = options.add_block(Padding { size: *size }),
            BlockRef::Streaminfo(_) | BlockRef::SeekTable(_) => {}
        }
    }
    options
}

/// Settings that carry a WAV file's tags along, and the names of the chunks for which FLAC has no place.
pub fn blocks_of_wav(header: &Header, after: &[Chunk]) -> (Options, Vec<String>) {
    let chunks = || header.chunks.iter().chain(after);
    let (tags, mut lost) = wav_chunks::tags_of(chunks());
    for chunk in chunks() {
        match &chunk.id {
            b"LIST" if chunk.body.starts_with(b"INFO") => {}
            b"id3 " | b"ID3 " | b"JUNK" | b"PAD " | b"FLLR" => {}
            _ => lost.push(printable(chunk.id)),
        }
    }
    let mut comment = VorbisComment::default();
    let mut found = false;
    for (name, text) in tags.comments() {
        let is_name = |byte: u8| (0x20..=0x7d).contains(&byte) && byte != b'=';
        if name.bytes().all(is_name) {
            comment.insert(vorbis_name(&name), &text);
            found = true;
        } else {
            lost.push(name);
        }
    }
    // FLAC tells loudspeakers only where they are not the usual ones for so many channels.
    if let Some(extension) = header
        .format
        .extension
        .as_ref()
        .filter(|_| header.format.channels > 2)
    {
        comment.set(
            "WAVEFORMATEXTENSIBLE_CHANNEL_MASK",
            format!("0x{:04X}", extension.mask),
        );
        found = true;
    }
    let mut options = Options::default();
    if found {
        options.add_block(comment);
    }
    for picture in tags.pictures {
        options.add_block(flac_codec::metadata::Picture {
            picture_type: KINDS
                .into_iter()
                .nth(picture.kind.into())
                .unwrap_or(PictureType::Other),
            media_type: picture.mime,
            description: picture.description,
            width: 0,
            height: 0,
            color_depth: 0,
            colors_used: None,
            data: picture.data,
        });
    }
    (options, lost)
}

/// What Vorbis comments call some tags otherwise than ffmpeg.
fn vorbis_name(name: &str) -> &str {
    match name {
        "track" => "TRACKNUMBER",
        "disc" => "DISCNUMBER",
        "album_artist" => "ALBUMARTIST",
        _ => name,
    }
}

/// Kinds of pictures in the order of their numbers, which ID3v2 has too.
const KINDS: [PictureType; 21] = [
    PictureType::Other,
    PictureType::Png32x32,
    PictureType::GeneralFileIcon,
    PictureType::FrontCover,
    PictureType::BackCover,
    PictureType::LinerNotes,
    PictureType::MediaLabel,
    PictureType::LeadArtist,
    PictureType::Artist,
    PictureType::Conductor,
    PictureType::Band,
    PictureType::Composer,
    PictureType::Lyricist,
    PictureType::RecordingLocation,
    PictureType::DuringRecording,
    PictureType::DuringPerformance,
    PictureType::ScreenCapture,
    PictureType::Fish,
    PictureType::Illustration,
    PictureType::BandLogo,
    PictureType::PublisherLogo,
];
