//! The `.aeden` file: a header, then blocks, each with its length and a checksum (CRC-32). All numbers are
//! little-endian.
//!
//! | bytes | |
//! |---|---|
//! | 8 | `aeden` and three bytes that text modes and truncation to seven bits would change: 0x8f, carriage return, line feed |
//! | 2 | version, 2 |
//! | 8 | which model: its fingerprint |
//! | 4 | frames a second |
//! | 2 | channels |
//! | 1 | samples of the output: 8, 16, 24 bits, or 32: floating point |
//! | 2 | coarseness, in steps of 0.1 dB from -60 dB |
//! | 8 | frames |
//! | 4 a channel | mean power of its spectra, natural logarithm, floating point |
//! | 4 | checksum of all that |
//! | then, a block | 4: bytes; 4: checksum of the block's number (4 bytes) and its bytes; the bytes |

use super::coarseness::Coarseness;
use crate::range::RATES;
use crate::{Error, FormatError};
use std::io::{self, Read, Write};

const MAGIC: [u8; 8] = *b"aeden\x8f\r\n";
/// Version 1 had other transforms, steps and probabilities.
const VERSION: u16 = 2;
/// Bytes before the channels.
const HEAD: u64 = 35;
/// No block that is written is larger.
const LARGEST: u32 = 1 << 26;
/// No more can be stored.
pub(super) const MAX_CHANNELS: u16 = 64;

/// Samples of a recording before it was encoded, which decoding is to give again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Integers of 8 bits.
    Int8,
    /// Integers of 16 bits.
    Int16,
    /// Integers of 24 bits.
    Int24,
    /// Floating point.
    Float32,
}

impl Depth {
    const ALL: [(u8, Depth); 4] = [
        (8, Depth::Int8),
        (16, Depth::Int16),
        (24, Depth::Int24),
        (32, Depth::Float32),
    ];
}

/// The header of an encoded recording.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Header {
    /// Fingerprint of the network.
    pub model: u64,
    /// Frames a second.
    pub rate: u32,
    /// Channels, 1 to 64.
    pub channels: u16,
    /// Samples of the recording before it was encoded.
    pub depth: Depth,
    /// How coarse the steps are.
    pub coarseness: Coarseness,
    /// Length.
    pub frames: u64,
    /// Mean power of each channel, natural logarithm.
    pub means: Vec<f32>,
}

impl Header {
    fn bytes(&self) -> Vec<u8> {
        let bits = Depth::ALL.iter().find(|(_, depth)| *depth == self.depth);
        let bits = bits.map_or(32, |(bits, _)| *bits);
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.model.to_le_bytes());
        out.extend(self.rate.to_le_bytes());
        out.extend(self.channels.to_le_bytes());
        out.push(bits);
        out.extend(self.coarseness.0.to_le_bytes());
        out.extend(self.frames.to_le_bytes());
        self.means.iter().for_each(|mean| out.extend(mean.to_le_bytes()));
        out
    }

    /// Bytes in a file, with its checksum.
    pub(super) fn size(&self) -> u64 {
        self.bytes().len() as u64 + 4
    }

    /// Writes it.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let bytes = self.bytes();
        out.write_all(&bytes)?;
        out.write_all(&crc32fast::hash(&bytes).to_le_bytes())
    }

    /// Reads it.
    pub(super) fn read(input: &mut impl Read) -> Result<Header, Error> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD).read_to_end(&mut head)?;
        if !head.starts_with(&MAGIC[..head.len().min(8)]) || head.is_empty() {
            return Err(FormatError::Foreign.into());
        }
        if head.len() < HEAD as usize {
            return Err(FormatError::CutShort.into());
        }
        let number = |from: usize, bytes: usize| {
            head[from..from + bytes]
                .iter()
                .rev()
                .fold(0u64, |n, b| n << 8 | u64::from(*b))
        };
        let version = number(8, 2);
        if version != u64::from(VERSION) {
            return Err(FormatError::Version {
                found: version,
                known: VERSION.into(),
            }
            .into());
        }
        let channels = number(22, 2) as u16;
        let depth = Depth::ALL.iter().find(|(bits, _)| *bits == head[24]);
        let depth = depth.map(|(_, depth)| *depth).ok_or(FormatError::Altered)?;
        if channels == 0 || channels > MAX_CHANNELS {
            return Err(FormatError::Altered.into());
        }
        let mut means = vec![0; 4 * usize::from(channels)];
        input.read_exact(&mut means).map_err(short)?;
        let mut checksum = [0; 4];
        input.read_exact(&mut checksum).map_err(short)?;
        let header = Header {
            model: number(10, 8),
            rate: number(18, 4) as u32,
            channels,
            depth,
            coarseness: Coarseness(number(25, 2) as u16),
            frames: number(27, 8),
            means: means
                .as_chunks()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect(),
        };
        let all = [head.as_slice(), &means].concat();
        let sound = header.means.iter().all(|mean| mean.is_finite()) && RATES.contains(&header.rate);
        if crc32fast::hash(&all).to_le_bytes() != checksum || !sound {
            return Err(FormatError::Altered.into());
        }
        Ok(header)
    }
}

/// What is read as a whole and ends too early.
fn short(e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::UnexpectedEof => FormatError::CutShort.into(),
        _ => e.into(),
    }
}

fn checksum(number: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// Bytes of a block in a file, with what stands before them.
pub fn block_size(bytes: &[u8]) -> u64 {
    bytes.len() as u64 + 8
}

/// Writes a block.
pub fn write_block(out: &mut impl Write, number: u32, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&(bytes.len() as u32).to_le_bytes())?;
    out.write_all(&checksum(number, bytes).to_le_bytes())?;
    out.write_all(bytes)
}

/// Reads a block.
pub fn read_block(input: &mut impl Read, number: u32) -> Result<Vec<u8>, Error> {
    let mut head = [0; 8];
    input.read_exact(&mut head).map_err(short)?;
    let [length, expected] =
        [0, 4].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
    if length > LARGEST {
        return Err(FormatError::Altered.into());
    }
    // Memory grows with what is there, not with what is stated.
    let mut bytes = Vec::new();
    input.by_ref().take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() < length as usize {
        return Err(FormatError::CutShort.into());
    }
    if checksum(number, &bytes) != expected {
        return Err(FormatError::Altered.into());
    }
    Ok(bytes)
}

/// Nothing may follow the last block.
pub fn read_end(input: &mut impl Read) -> Result<(), Error> {
    match input.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(FormatError::Trailing.into()),
    }
}
