//! Puts a WAV stream together, with 64-bit sizes where 32 bits do not reach.

use super::read::CHUNK_MEMORY;
use super::{Chunk, Container, Format, Header};
use std::io::{self, Write};

/// The largest size that a RIFF file states; one more means "unknown".
pub const RIFF_LIMIT: u64 = 0xffff_fffe;

/// The most bytes of sound that are believed beforehand: sums of this and all else in a file fit 64 bits.
const MOST_BYTES: u64 = 1 << 62;

/// Bytes of a `ds64` body without a table, and of the `JUNK` that keeps its place.
const DS64_BYTES: u32 = 28;

/// What is known before the first sample is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// Frames to come.
    pub frames: Option<u64>,
    /// Bytes that the chunks after the sound will take.
    pub after: Option<u64>,
    /// Whether what [`Writer::finish`] returns can be carried out; then room for 64-bit sizes is reserved where needed.
    pub correctable: bool,
    /// Largest size for which plain RIFF is used; [`RIFF_LIMIT`] where `None`. Tests lower it.
    pub riff_limit: Option<u64>,
}

/// A correction to bytes already written: where, and what.
pub type Patch = (u64, Vec<u8>);

/// Writes one stream, front to back.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    format: Format,
    /// As the header says it now.
    container: Container,
    expected: Expected,
    /// Where things are that may have to be corrected.
    ds64_at: Option<u64>,
    fact_at: Option<u64>,
    data_at: u64,
    sound: u64,
    /// Whether what was expected is known in full, so that the header is right already if it comes true.
    settled: Option<(u64, u64)>,
}

impl<W: Write> Writer<W> {
    /// Writes everything before the sound. With frames and bytes known the header is right from the start; otherwise
    /// it says "unknown" as streams do, and [`finish`](Writer::finish) returns what to correct.
    pub fn begin(out: W, header: &Header, expected: Expected) -> io::Result<Self> {
        let frame = header.format.frame_bytes() as u64;
        // A length that no file can have comes from a damaged header: then only the end will tell.
        let expected = Expected {
            frames: expected.frames.filter(|frames| *frames <= MOST_BYTES / frame),
            after: expected.after.filter(|after| *after <= MOST_BYTES),
            ..expected
        };
        let known = expected
            .frames
            .zip(expected.after)
            .map(|(frames, after)| (frames * frame, after));
        let fixed = 4
            + chunk_bytes(header.format_bytes.len() as u64)
            + if header.fact { chunk_bytes(4) } else { 0 }
            + header.chunks.iter().map(Chunk::stored_bytes).sum::<u64>()
            + 8;
        let limit = expected.riff_limit.unwrap_or(RIFF_LIMIT);
        let plain_size = known.map(|(sound, after)| fixed + sound + sound % 2 + after);
        let container = match (header.container, plain_size) {
            (Container::Riff, Some(size)) if size > limit => Container::Rf64,
            (container, _) => container,
        };
        let wide = container != Container::Riff;
        // Unknown chunks after the sound are kept within that memory.
        let most = expected
            .frames
            .map(|frames| fixed + frames * frame + CHUNK_MEMORY);
        let may_outgrow = known.is_none() && most.is_none_or(|most| most > limit);
        let reserved = wide || (may_outgrow && expected.correctable);
        let size = plain_size.map(|size| {
            size + if reserved {
                chunk_bytes(DS64_BYTES.into())
            } else {
                0
            }
        });

        let mut head = Vec::new();
        head.extend(container.id());
        head.extend(narrow(if wide { None } else { size }));
        head.extend(b"WAVE");
        let ds64_at = reserved.then_some(head.len() as u64);
        if wide {
            head.extend(ds64(
                size,
                expected.frames.map(|frames| frames * frame),
                expected.frames,
            ));
        } else if reserved {
            head.extend(b"JUNK");
            head.extend(DS64_BYTES.to_le_bytes());
            head.extend([0; DS64_BYTES as usize]);
        }
        let mut fact_at = None;
        for position in 0..=header.chunks.len() {
            if position == header.format_at {
                push_chunk(&mut head, *b"fmt ", &header.format_bytes);
                if header.fact {
                    fact_at = Some(head.len() as u64 + 8);
                    push_chunk(&mut head, *b"fact", &narrow(expected.frames));
                }
            }
            if let Some(chunk) = header.chunks.get(position) {
                push_chunk(&mut head, chunk.id, &chunk.body);
            }
        }
        head.extend(b"data");
        head.extend(narrow(if wide {
            None
        } else {
            expected.frames.map(|frames| frames * frame)
        }));
        let mut writer = Writer {
            out,
            format: header.format.clone(),
            container,
            expected,
            ds64_at,
            fact_at,
            data_at: head.len() as u64,
            sound: 0,
            settled: known,
        };
        writer.out.write_all(&head)?;
        Ok(writer)
    }

    /// Writes whole frames.
    pub fn write(&mut self, raw: &[u8]) -> io::Result<()> {
        self.out.write_all(raw)?;
        self.sound += raw.len() as u64;
        Ok(())
    }

    /// Pads the sound, writes the chunks that follow it, and returns the stream with the corrections that the header
    /// needs. Where they cannot be made the file still says "length unknown", which readers of streams accept.
    pub fn finish(mut self, after: &[Chunk]) -> io::Result<(W, Vec<Patch>)> {
        // Where the header goes on saying "up to the end", padding would be taken for sound.
        let open_ended = self.expected.frames.is_none() && !self.expected.correctable;
        let padding = if open_ended { 0 } else { self.sound % 2 };
        let mut tail = vec![0; padding as usize];
        for chunk in after {
            push_chunk(&mut tail, chunk.id, &chunk.body);
        }
        self.out.write_all(&tail)?;
        let after_bytes = tail.len() as u64 - padding;
        if self.settled == Some((self.sound, after_bytes)) {
            return Ok((self.out, Vec::new()));
        }
        let frames = self.sound / self.format.frame_bytes() as u64;
        let size = self.data_at + self.sound + tail.len() as u64 - 8;
        let wide = self.container != Container::Riff || size > self.expected.riff_limit.unwrap_or(RIFF_LIMIT);
        let mut patches = Vec::new();
        if let (true, Some(at)) = (wide, self.ds64_at) {
            let id = if self.container == Container::Riff {
                Container::Rf64
            } else {
                self.container
            }
            .id();
            patches.push((0, [id, [0xff; 4]].concat()));
            patches.push((at, ds64(Some(size), Some(self.sound), Some(frames))));
            patches.push((self.data_at - 4, vec![0xff; 4]));
        } else {
            patches.push((4, narrow(Some(size)).to_vec()));
            patches.push((self.data_at - 4, narrow(Some(self.sound)).to_vec()));
        }
        if let Some(at) = self.fact_at {
            patches.push((at, narrow(Some(frames)).to_vec()));
        }
        Ok((self.out, patches))
    }
}

/// A chunk of `body` bytes in a file.
fn chunk_bytes(body: u64) -> u64 {
    8 + body + body % 2
}

fn push_chunk(out: &mut Vec<u8>, id: [u8; 4], body: &[u8]) {
    out.extend(id);
    // Chunks are kept within read::CHUNK_MEMORY, far below 4 GB.
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    if body.len() % 2 == 1 {
        out.push(0);
    }
}

/// A 32-bit size; all ones if it is unknown or does not fit.
fn narrow(size: Option<u64>) -> [u8; 4] {
    size.and_then(|size| u32::try_from(size).ok())
        .unwrap_or(u32::MAX)
        .to_le_bytes()
}

/// A whole `ds64` chunk with an empty table; all ones where a size is unknown.
fn ds64(size: Option<u64>, sound: Option<u64>, frames: Option<u64>) -> Vec<u8> {
    let mut out = b"ds64".to_vec();
    out.extend(DS64_BYTES.to_le_bytes());
    for value in [size, sound, frames] {
        out.extend(value.unwrap_or(u64::MAX).to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    out
}
