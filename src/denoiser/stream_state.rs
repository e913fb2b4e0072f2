//! What a denoiser has learned of a stream, for the start of another one.

use crate::error::Error;
use crate::kernels::F16;

/// The first bytes of a state, and the version of what follows.
const MAGIC: [u8; 8] = *b"aeden.st";
const VERSION: u32 = 1;
/// Bytes before the numbers: magic, version, network, numbers of a mask, masks.
const HEADER: usize = 8 + 4 + 8 + 4 + 4;
/// What a denoiser has learned of a stream: running levels, noise floors and the hidden state of its network. None of the sound
/// itself is in it.
///
/// [`Denoiser::state`](crate::Denoiser::state) takes it, [`Denoiser::begin_with`](crate::Denoiser::begin_with) lets another stream
/// begin with it, at any rate and with any number of channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamState {
    /// The network that learned it; see [`Engine::state_of`](crate::engine::Engine::state_of).
    pub(super) network: u64,
    /// Numbers of an engine.
    pub(super) len: usize,
    /// `[mask][number]`, such as bytes hold exactly.
    pub(super) numbers: Vec<f32>,
}

impl StreamState {
    /// The most numbers of all masks, which makes the most bytes too: 2 MiB.
    pub const MAX_NUMBERS: usize = 1 << 20;

    /// Tells whether nothing has been learned.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Makes room for so many numbers.
    pub(crate) fn reserve(&mut self, numbers: usize) {
        self.numbers
            .reserve_exact(numbers.saturating_sub(self.numbers.len()));
    }

    /// Takes numbers as bytes hold them, so that a state sounds the same before and after it was saved.
    pub(super) fn round(&mut self) {
        for number in &mut self.numbers {
            *number = F16::from_f32(*number).to_f32();
        }
    }

    /// Gives it as bytes, for files.
    pub fn to_bytes(&self) -> Vec<u8> {
        let masks = self.numbers.len().checked_div(self.len).unwrap_or(0);
        let mut bytes = Vec::with_capacity(HEADER + 2 * self.numbers.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.network.to_le_bytes());
        bytes.extend((self.len as u32).to_le_bytes());
        bytes.extend((masks as u32).to_le_bytes());
        let half = |number: &f32| F16::from_f32(*number).0.to_le_bytes();
        bytes.extend(self.numbers.iter().flat_map(half));
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) gave. Nothing in it is trusted.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that are no such state, one of another version, or one with numbers that nothing learns.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |what: &str| Error::format(format!("state of a stream: {what}"));
        let (header, numbers) = bytes
            .split_at_checked(HEADER)
            .filter(|(header, _)| header.starts_with(&MAGIC))
            .ok_or_else(|| wrong("this is none"))?;
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if word(8) != VERSION {
            return Err(wrong(&format!("version {} is not known here", word(8))));
        }
        let (len, masks) = (word(20) as usize, word(24) as usize);
        let count = len.checked_mul(masks).filter(|count| *count <= Self::MAX_NUMBERS);
        if count.map(|count| 2 * count) != Some(numbers.len()) || (len == 0) != (masks == 0) {
            return Err(wrong("its length is not that of its numbers"));
        }
        let (numbers, _) = numbers.as_chunks::<2>();
        let number = |bytes: &[u8; 2]| F16(u16::from_le_bytes(*bytes)).to_f32();
        let numbers: Vec<f32> = numbers.iter().map(number).collect();
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(wrong("there are numbers in it that nothing learns"));
        }
        Ok(Self {
            network: u64::from(word(12)) | u64::from(word(16)) << 32,
            len,
            numbers,
        })
    }
}
