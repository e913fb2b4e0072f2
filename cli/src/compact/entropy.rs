//! Numbers to bits and back: binary decisions whose probabilities adapt, through the range coder of `constriction`.
//!
//! What is written and how it is read is one piece of code: both go through [`Bits`], of which the reader ignores the
//! value it is given. All arithmetic is on integers, so that every machine reads what any machine has written.

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{DefaultRangeDecoder, DefaultRangeEncoder};
use constriction::stream::{Decode, Encode};
use std::borrow::Borrow;
use std::num::NonZeroU16;

/// Probabilities are parts of 2^15.
const PRECISION: usize = 15;
const ONE: u16 = 1 << PRECISION;

/// How likely a decision is no: the mean of a guess that follows quickly and one that follows slowly.
#[derive(Clone, Copy, Debug)]
pub struct Adaptive {
    quick: u16,
    slow: u16,
}

impl Default for Adaptive {
    fn default() -> Self {
        Adaptive {
            quick: ONE / 2,
            slow: ONE / 2,
        }
    }
}

impl Adaptive {
    fn no(self) -> u16 {
        ((self.quick + self.slow) / 2).clamp(ONE / 512, ONE - ONE / 512)
    }

    fn learn(&mut self, yes: bool) {
        let towards = |p: &mut u16, shift: u32| match yes {
            true => *p -= *p >> shift,
            false => *p += (ONE - *p) >> shift,
        };
        towards(&mut self.quick, 4);
        towards(&mut self.slow, 7);
    }
}

/// A decision with the probability of no, as `constriction` wants it.
#[derive(Clone, Copy)]
struct Decision(u16);

impl Decision {
    fn part(self, yes: bool) -> (u16, NonZeroU16) {
        let (left, share) = if yes { (self.0, ONE - self.0) } else { (0, self.0) };
        (left, NonZeroU16::new(share).unwrap_or(NonZeroU16::MIN))
    }
}

impl EntropyModel<PRECISION> for Decision {
    type Symbol = bool;
    type Probability = u16;
}

impl EncoderModel<PRECISION> for Decision {
    fn left_cumulative_and_probability(&self, yes: impl Borrow<bool>) -> Option<(u16, NonZeroU16)> {
        Some(self.part(*yes.borrow()))
    }
}

impl DecoderModel<PRECISION> for Decision {
    fn quantile_function(&self, quantile: u16) -> (bool, u16, NonZeroU16) {
        let yes = quantile >= self.0;
        let (left, share) = self.part(yes);
        (yes, left, share)
    }
}

/// A place where decisions are written to or read from.
pub trait Bits {
    /// Writes the decision, or reads it.
    fn code(&mut self, no: u16, yes: bool) -> bool;

    /// A decision that is as likely as it was before.
    fn bit(&mut self, model: &mut Adaptive, yes: bool) -> bool {
        let yes = self.code(model.no(), yes);
        model.learn(yes);
        yes
    }

    /// A decision that could go either way.
    fn even(&mut self, yes: bool) -> bool {
        self.code(ONE / 2, yes)
    }

    /// A number from 0 on: small ones decision by decision, the rest as an exponent and bits (Elias).
    fn number(&mut self, models: &mut [Adaptive], value: u32) -> u32 {
        for (i, model) in models.iter_mut().enumerate() {
            if !self.bit(model, value > i as u32) {
                return i as u32;
            }
        }
        let rest = value.wrapping_sub(models.len() as u32).wrapping_add(1);
        let mut length = 0;
        // Nothing that is written is larger; what is damaged might be.
        while length < 20 && self.even(rest >> (length + 1) != 0) {
            length += 1;
        }
        let mut read = 1;
        for i in (0..length).rev() {
            read = read << 1 | u32::from(self.even(rest >> i & 1 == 1));
        }
        read - 1 + models.len() as u32
    }

    /// A number with a sign.
    fn signed(&mut self, models: &mut [Adaptive], value: i32) -> i32 {
        let size = self.number(models, value.unsigned_abs()) as i32;
        if size != 0 && self.even(value < 0) {
            -size
        } else {
            size
        }
    }
}

/// Writes.
#[derive(Default)]
pub struct Writer(DefaultRangeEncoder);

impl Bits for Writer {
    fn code(&mut self, no: u16, yes: bool) -> bool {
        // Memory takes everything, and every decision has a probability.
        let _ = self.0.encode_symbol(yes, Decision(no));
        yes
    }
}

impl Writer {
    /// What has been written.
    pub fn finish(self) -> Vec<u8> {
        let words = self.0.into_compressed().unwrap_or_default();
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        // The reader takes missing bytes for zeros.
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        bytes
    }
}

/// Reads.
pub struct Reader {
    decoder: DefaultRangeDecoder,
    damaged: bool,
}

impl Reader {
    /// Of bytes that a [`Writer`] has given.
    pub fn new(bytes: &[u8]) -> Reader {
        let word = |part: &[u8]| {
            let mut word = [0; 4];
            word[..part.len()].copy_from_slice(part);
            u32::from_be_bytes(word)
        };
        let words: Vec<u32> = bytes.chunks(4).map(word).collect();
        let Ok(decoder) = DefaultRangeDecoder::from_compressed(words);
        Reader {
            decoder,
            damaged: false,
        }
    }

    /// Whether something came that no writer writes.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }
}

impl Bits for Reader {
    fn code(&mut self, no: u16, _: bool) -> bool {
        self.decoder.decode_symbol(Decision(no)).unwrap_or_else(|_| {
            self.damaged = true;
            false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_the_likely_is_short() {
        let values: Vec<i32> = (0..20_000i32)
            .map(|i| if i % 50 == 0 { i * 7 - 70_000 } else { i % 3 % 2 })
            .collect();
        let mut writer = Writer::default();
        let mut models = [Adaptive::default(); 12];
        for &value in &values {
            writer.signed(&mut models, value);
        }
        let bytes = writer.finish();
        assert!(bytes.len() < 20_000 * 3 / 8, "{}", bytes.len());
        let mut reader = Reader::new(&bytes);
        let mut models = [Adaptive::default(); 12];
        for &value in &values {
            assert_eq!(reader.signed(&mut models, 0), value);
        }
        assert!(!reader.is_damaged());
    }
}
