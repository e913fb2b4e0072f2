//! WAV files of every common form, read and written as streams: a file of any length takes the same memory.
//!
//! [`read`] takes a stream apart into a [`Header`], sound and the chunks around it; [`samples`] turns sound into numbers
//! and back; [`mod@write`] puts a stream together again. RIFF and `WAVE`: Microsoft and IBM, "Multimedia Programming
//! Interface and Data Specifications 1.0" (1991) and `mmreg.h`. RF64 and `ds64`: EBU Tech 3306; BW64: ITU-R BS.2088.

use crate::problem::counted;

pub mod compressed;
pub mod markers;
pub mod read;
pub mod samples;
pub mod write;

/// The outermost chunk, which says how large sizes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// `RIFF`: 32-bit sizes, up to 4 GB.
    Riff,
    /// `RF64` of EBU Tech 3306: 64-bit sizes in a `ds64` chunk.
    Rf64,
    /// `BW64` of ITU-R BS.2088: RF64 under the name that object-based audio uses.
    Bw64,
}

impl Container {
    /// The four letters that a file begins with.
    pub fn id(self) -> [u8; 4] {
        match self {
            Container::Riff => *b"RIFF",
            Container::Rf64 => *b"RF64",
            Container::Bw64 => *b"BW64",
        }
    }
}

/// How one sample is stored, always little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Integers in `bytes` bytes (1 to 4) of which the upper `valid_bits` bits count; one byte is unsigned.
    Int {
        /// Size in the file.
        bytes: u8,
        /// Resolution, at most 8 × `bytes`.
        valid_bits: u8,
    },
    /// IEEE 754 numbers of 4 or 8 bytes, full scale ±1.
    Float {
        /// Size in the file.
        bytes: u8,
    },
}

impl Encoding {
    /// Signed integers of 16 bits.
    pub const INT16: Encoding = Encoding::Int {
        bytes: 2,
        valid_bits: 16,
    };
    /// Signed integers of 24 bits in three bytes.
    pub const INT24: Encoding = Encoding::Int {
        bytes: 3,
        valid_bits: 24,
    };
    /// Floating point of 32 bits.
    pub const FLOAT32: Encoding = Encoding::Float { bytes: 4 };

    /// Bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Encoding::Int { bytes, .. } | Encoding::Float { bytes } => bytes.into(),
        }
    }

    /// Resolution in bits; that of the mantissa for floating point.
    pub fn resolution(self) -> u32 {
        match self {
            Encoding::Int { valid_bits, .. } => valid_bits.into(),
            Encoding::Float { bytes: 4 } => f32::MANTISSA_DIGITS,
            Encoding::Float { .. } => f64::MANTISSA_DIGITS,
        }
    }

    /// As options and JSON name it: `16`, `24`, `24in32`, `32f`.
    pub fn short_name(self) -> String {
        match self {
            Encoding::Int { bytes, valid_bits } if bytes * 8 != valid_bits => {
                format!("{valid_bits}in{}", u32::from(bytes) * 8)
            }
            Encoding::Int { valid_bits, .. } => valid_bits.to_string(),
            Encoding::Float { bytes } => format!("{}f", u32::from(bytes) * 8),
        }
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Encoding::Int { bytes, valid_bits } if bytes * 8 != *valid_bits => {
                write!(f, "{valid_bits}-bit integer in {} bits", u32::from(*bytes) * 8)
            }
            Encoding::Int { valid_bits, .. } => write!(f, "{valid_bits}-bit integer"),
            Encoding::Float { bytes } => write!(f, "{}-bit floating point", u32::from(*bytes) * 8),
        }
    }
}

/// The `fmt ` chunk: what the numbers of the `data` chunk mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// 1 to [`MAX_CHANNELS`], interleaved.
    pub channels: u16,
    /// Frames (one sample of every channel) a second, within [`RATES`].
    pub rate: u32,
    /// One sample.
    pub encoding: Encoding,
    /// The further fields of `WAVE_FORMAT_EXTENSIBLE`, if the file has them.
    pub extension: Option<Extension>,
}

/// What `WAVE_FORMAT_EXTENSIBLE` adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// One bit for every loudspeaker position that has a channel, `dwChannelMask`.
    pub mask: u32,
    /// The sub-format's GUID after its first two bytes, which are the format tag: plain sound or Ambisonics.
    pub guid_tail: [u8; 14],
}

/// Tail of `KSDATAFORMAT_SUBTYPE_PCM` and `…_IEEE_FLOAT`.
pub const PLAIN_GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/// Tail of `SUBTYPE_AMBISONIC_B_FORMAT_PCM` and `…_IEEE_FLOAT`.
pub const AMBISONIC_GUID_TAIL: [u8; 14] = [0, 0, 0x21, 7, 0xd3, 0x11, 0x86, 0x44, 0xc8, 0xc1, 0xca, 0, 0, 0];

/// The most channels that are accepted.
pub const MAX_CHANNELS: u16 = 64;
/// The sampling rates that are accepted, in Hz.
pub const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;

const TAG_INT: u16 = 1;
const TAG_FLOAT: u16 = 3;
const TAG_EXTENSIBLE: u16 = 0xfffe;

impl Format {
    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> usize {
        self.encoding.bytes() * usize::from(self.channels)
    }

    /// Reads the body of a `fmt ` chunk. The error says what is wrong and what to do.
    pub fn parse(body: &[u8]) -> Result<Format, String> {
        if body.len() < 16 {
            return Err(format!(
                "the \"fmt \" chunk has {} bytes instead of 16 or more; the header is damaged",
                body.len()
            ));
        }
        let u16_at = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
        let u32_at = |at: usize| u32::from_le_bytes([body[at], body[at + 1], body[at + 2], body[at + 3]]);
        let (mut tag, channels, rate) = (u16_at(0), u16_at(2), u32_at(4));
        let (block, bits) = (u16_at(12), u16_at(14));
        if channels == 0 {
            return Err("the header says 0 channels; the file is damaged, export it again".into());
        }
        if channels > MAX_CHANNELS {
            return Err(format!(
                "the header says {channels} channels, at most {MAX_CHANNELS} are supported; split the file or repair it"
            ));
        }
        if !RATES.contains(&rate) {
            return Err(format!(
                "the header says {rate} Hz, supported are {} to {} Hz; resample the file or repair it",
                RATES.start(),
                RATES.end()
            ));
        }
        let mut valid_bits = bits;
        let mut extension = None;
        if tag == TAG_EXTENSIBLE {
            if body.len() < 40 {
                return Err(format!(
                    "the \"fmt \" chunk has {} bytes instead of 40, as WAVE_FORMAT_EXTENSIBLE needs; the header is damaged",
                    body.len()
                ));
            }
            if u16_at(18) != 0 {
                valid_bits = u16_at(18);
            }
            tag = u16_at(24);
            let mut guid_tail = [0; 14];
            guid_tail.copy_from_slice(&body[26..40]);
            if guid_tail != PLAIN_GUID_TAIL && guid_tail != AMBISONIC_GUID_TAIL {
                return Err("the sound is stored in an unknown sub-format; convert it: ffmpeg -i IN -c:a pcm_s24le OUT.wav".into());
            }
            extension = Some(Extension {
                mask: u32_at(20),
                guid_tail,
            });
        }
        let bytes = bits.div_ceil(8);
        let encoding = match tag {
            TAG_INT if (1..=4).contains(&bytes) && (1..=bits).contains(&valid_bits) => {
                // A depth such as 12 bits is stored in the upper bits of whole bytes.
                Encoding::Int {
                    bytes: bytes as u8,
                    valid_bits: valid_bits as u8,
                }
            }
            TAG_FLOAT if bits == 32 || bits == 64 => Encoding::Float { bytes: bytes as u8 },
            TAG_INT | TAG_FLOAT => {
                let kind = if tag == TAG_INT {
                    "integer"
                } else {
                    "floating-point"
                };
                return Err(format!(
                    "the header says {kind} samples of {bits} bits ({valid_bits} valid), which do not exist; repair or convert the file"
                ));
            }
            other => {
                return Err(format!(
                    "the sound is compressed ({}); convert it: ffmpeg -i IN -c:a pcm_s16le OUT.wav",
                    tag_name(other)
                ));
            }
        };
        let format = Format {
            channels,
            rate,
            encoding,
            extension,
        };
        if usize::from(block) != format.frame_bytes() {
            return Err(format!(
                "the header says {block} bytes a frame, but {} of {bits} bits take {}; the header is damaged",
                counted(channels.into(), "channel", "channels"),
                format.frame_bytes()
            ));
        }
        Ok(format)
    }

    /// Body of a `fmt ` chunk that says the same.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (tag, valid_bits) = match self.encoding {
            Encoding::Int { valid_bits, .. } => (TAG_INT, valid_bits),
            Encoding::Float { bytes } => (TAG_FLOAT, bytes * 8),
        };
        let container_bits = self.encoding.bytes() as u16 * 8;
        let mut out = Vec::with_capacity(40);
        out.extend(
            if self.extension.is_some() {
                TAG_EXTENSIBLE
            } else {
                tag
            }
            .to_le_bytes(),
        );
        out.extend(self.channels.to_le_bytes());
        out.extend(self.rate.to_le_bytes());
        out.extend(self.bytes_per_second().to_le_bytes());
        out.extend((self.frame_bytes() as u16).to_le_bytes());
        // Without the extension, a depth such as 12 bits stands in the only field there is.
        let bits = if self.extension.is_some() {
            container_bits
        } else {
            u16::from(valid_bits)
        };
        out.extend(bits.to_le_bytes());
        if let Some(extension) = &self.extension {
            out.extend(22u16.to_le_bytes());
            out.extend(u16::from(valid_bits).to_le_bytes());
            out.extend(extension.mask.to_le_bytes());
            out.extend(tag.to_le_bytes());
            out.extend(extension.guid_tail);
        } else if tag == TAG_FLOAT {
            out.extend(0u16.to_le_bytes());
        }
        out
    }

    /// `nAvgBytesPerSec`; 64 channels of 8 bytes at 192 kHz fit.
    fn bytes_per_second(&self) -> u32 {
        self.rate * self.frame_bytes() as u32
    }
}

/// Names of the compressed formats that are met most.
fn tag_name(tag: u16) -> String {
    let name = match tag {
        2 => "Microsoft ADPCM",
        6 => "A-law",
        7 => "mu-law",
        0x11 => "IMA ADPCM",
        0x31 => "GSM 6.10",
        0x50 => "MPEG",
        0x55 => "MP3",
        0xff => "AAC",
        0x161 => "Windows Media Audio",
        _ => return format!("format tag {tag:#06x}"),
    };
    name.into()
}

/// A chunk that is carried from the input to the output without being understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Four letters.
    pub id: [u8; 4],
    /// Without the padding byte that follows an odd number of bytes.
    pub body: Vec<u8>,
}

impl Chunk {
    /// Bytes in a file: header, body and padding.
    pub fn stored_bytes(&self) -> u64 {
        let body = self.body.len() as u64;
        8 + body + body % 2
    }
}

/// Everything that stands before the sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The outermost chunk.
    pub container: Container,
    /// What the samples mean.
    pub format: Format,
    /// The body of the `fmt ` chunk as it came, so that an unchanged format is written as it was.
    pub format_bytes: Vec<u8>,
    /// Chunks that are kept, in their order.
    pub chunks: Vec<Chunk>,
    /// How many of `chunks` stand before the `fmt ` chunk.
    pub format_at: usize,
    /// Whether a `fact` chunk (the number of frames) follows the `fmt ` chunk.
    pub fact: bool,
}

impl Header {
    /// The same header for samples of another encoding.
    pub fn with_encoding(mut self, encoding: Encoding) -> Header {
        if encoding != self.format.encoding {
            self.format.encoding = encoding;
            self.format_bytes = self.format.to_bytes();
            // mmreg.h asks for `fact` with everything that is not integer.
            self.fact = matches!(encoding, Encoding::Float { .. });
        }
        self
    }
}

/// Four letters for a message: letters that do not print become dots.
pub fn printable(id: [u8; 4]) -> String {
    id.iter()
        .map(|&b| {
            if (b' '..=b'~').contains(&b) {
                char::from(b)
            } else {
                '.'
            }
        })
        .collect()
}
/// The header of a WAV file of such samples.
pub fn plain_header(format: Format) -> Header {
    Header {
        container: Container::Riff,
        format_bytes: format.to_bytes(),
        fact: matches!(format.encoding, Encoding::Float { .. }),
        format,
        chunks: Vec::new(),
        format_at: 0,
    }
}
