//! Numbers to bits and back: binary decisions whose probabilities adapt, through the range coder of `constriction`.
//!
//! Several contexts guess each decision; the guesses are mixed as logits, with weights that learn from what comes (Mahoney
//! 2005, "Adaptive weighing of context models for lossless data compression").
//!
//! What is written and how it is read is one piece of code: both go through [`Bits`], of which the reader ignores the
//! value it is given. All arithmetic is on integers, so that every machine reads what any machine has written.

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{DefaultRangeDecoder, DefaultRangeEncoder};
use constriction::stream::{Decode, Encode};
use std::borrow::Borrow;
use std::num::NonZeroU16;
use std::sync::LazyLock;

/// Probabilities are parts of 2^15.
const PRECISION: usize = 15;
const ONE: u16 = 1 << PRECISION;

/// How likely a decision is yes, in parts of 2^16: the share of what has been seen, of late if that is much.
#[derive(Clone, Copy, Debug)]
struct Adaptive {
    yes: u16,
    seen: u8,
}

impl Adaptive {
    const NEW: Adaptive = Adaptive {
        yes: 1 << 15,
        seen: 0,
    };
    /// So many decisions are remembered.
    const MEMORY: u8 = 120;

    fn learn(&mut self, yes: bool) {
        let towards = if yes { i32::from(u16::MAX) } else { 0 };
        let change = (towards - i32::from(self.yes)) * 2 / (2 * i32::from(self.seen) + 3);
        self.yes = (i32::from(self.yes) + change) as u16;
        self.seen = (self.seen + 1).min(Adaptive::MEMORY);
    }
}

/// The logistic function of (i - 16) / 2, in parts of 2^15.
const LOGISTIC: [i32; 33] = [
    11, 18, 30, 49, 81, 133, 219, 360, 589, 961, 1554, 2486, 3906, 5978, 8813, 12371, 16384, 20397, 23955,
    26790, 28862, 30282, 31214, 31807, 32179, 32408, 32549, 32635, 32687, 32719, 32738, 32750, 32757,
];

/// Logits are in parts of 256, and within this.
const LARGEST: i32 = 2047;

/// The logistic function of a logit, in parts of 2^15: straight lines between the values of the table.
fn probability(logit: i32) -> i32 {
    let x = (logit.clamp(-LARGEST, LARGEST) + LARGEST + 1) as usize;
    let (i, part) = (x >> 7, (x & 127) as i32);
    (LOGISTIC[i] * (128 - part) + LOGISTIC[i + 1] * part) >> 7
}

/// Logits of probabilities in parts of 2^12.
static LOGITS: LazyLock<Vec<i16>> = LazyLock::new(|| {
    let mut logit = -LARGEST;
    let found = (0..1 << 12).map(|p| {
        while logit < LARGEST && probability(logit) < p * 8 + 4 {
            logit += 1;
        }
        logit as i16
    });
    found.collect()
});

/// Decisions of a number that have probabilities of their own.
const DECISIONS: usize = 14;

/// Numbers that are guessed in `C` contexts at once.
pub struct Numbers<const C: usize> {
    /// Of each sort of contexts.
    guesses: [Vec<[Adaptive; DECISIONS]>; C],
    /// In parts of 2^16.
    weights: [[i32; C]; DECISIONS],
}

impl<const C: usize> Numbers<C> {
    /// With so many contexts of each sort.
    pub fn new(contexts: [usize; C]) -> Numbers<C> {
        Numbers {
            guesses: contexts.map(|count| vec![[Adaptive::NEW; DECISIONS]; count]),
            weights: [[22_000; C]; DECISIONS],
        }
    }

    fn decision(&mut self, bits: &mut impl Bits, at: [usize; C], i: usize, yes: bool) -> bool {
        let (logits, weights) = (&*LOGITS, &mut self.weights[i]);
        let mut mixed = 0;
        let each: [i32; C] = std::array::from_fn(|c| {
            let logit = i32::from(logits[usize::from(self.guesses[c][at[c]][i].yes >> 4)]);
            mixed += i64::from(logit) * i64::from(weights[c]);
            logit
        });
        let likely = probability((mixed >> 16).clamp(-i64::from(LARGEST), i64::from(LARGEST)) as i32);
        let yes = bits.code(ONE - likely as u16, yes);
        let error = if yes { i32::from(ONE) } else { 0 } - likely;
        for c in 0..C {
            weights[c] = (weights[c] + ((each[c] * error) >> 14)).clamp(-(1 << 20), 1 << 20);
            self.guesses[c][at[c]][i].learn(yes);
        }
        yes
    }

    /// Writes or reads a number from 0 on: small ones decision by decision, the rest as an exponent and bits (Elias).
    fn number(&mut self, bits: &mut impl Bits, at: [usize; C], value: u32) -> u32 {
        for i in 0..DECISIONS as u32 {
            if !self.decision(bits, at, i as usize, value > i) {
                return i;
            }
        }
        let rest = value.wrapping_sub(DECISIONS as u32).wrapping_add(1);
        let mut length = 0;
        // Nothing that is written is larger; what is damaged might be.
        while length < 20 && bits.even(rest >> (length + 1) != 0) {
            length += 1;
        }
        let mut read = 1;
        for i in (0..length).rev() {
            read = read << 1 | u32::from(bits.even(rest >> i & 1 == 1));
        }
        read - 1 + DECISIONS as u32
    }

    /// Writes or reads a number with a sign, in these contexts.
    pub fn signed(&mut self, bits: &mut impl Bits, at: [usize; C], value: i32) -> i32 {
        let size = self.number(bits, at, value.unsigned_abs()) as i32;
        if size != 0 && bits.even(value < 0) {
            -size
        } else {
            size
        }
    }
}

/// A number in few steps: four where it doubles.
pub fn rough(x: u32) -> usize {
    match x.checked_ilog2() {
        None | Some(0 | 1) => x as usize,
        Some(log) => (4 * (log - 1) + (x >> (log - 2) & 3)) as usize,
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

    /// A decision that could go either way.
    fn even(&mut self, yes: bool) -> bool {
        self.code(ONE / 2, yes)
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
        let mut numbers = Numbers::new([1]);
        for &value in &values {
            numbers.signed(&mut writer, [0], value);
        }
        let bytes = writer.finish();
        assert!(bytes.len() < 20_000 * 3 / 8, "{}", bytes.len());
        let mut reader = Reader::new(&bytes);
        let mut numbers = Numbers::new([1]);
        for &value in &values {
            assert_eq!(numbers.signed(&mut reader, [0], 0), value);
        }
        assert!(!reader.is_damaged());
    }

    #[test]
    fn the_table_is_the_logistic_function_and_logits_its_inverse() {
        for (i, &p) in LOGISTIC.iter().enumerate() {
            let exact = 32_768.0 / (1.0 + (-(i as f64 - 16.0) / 2.0).exp());
            assert_eq!(p, exact.round() as i32, "{i}");
        }
        assert!(LOGITS.is_sorted() && (-LARGEST..=LARGEST).is_sorted_by_key(probability));
        for p in 40..4056 {
            let back = probability(LOGITS[p as usize].into());
            assert!((back - p * 8 - 4).abs() <= 40, "{p} {back}");
        }
    }
}
