//! From the host's rate to the model's and back, with a delay that is a whole number of samples.
//!
//! [`Blocks`] says how many host samples make how many model samples; [`Resampler`] converts such blocks, one
//! direction each, with the FFT resampler of `rubato`. A block in one direction is delayed by half a block, there and
//! back by exactly one [`Blocks::host`]. That needs *even* blocks on both sides: the filter's centre lies at half the
//! block, and with an odd block it falls between two samples, so that nothing aligned to whole samples can null.
//!
//! # Which rates
//! Every whole rate from 8000 to 192000 Hz, for models at 8, 16, 24, 32, 44.1 and 48 kHz:
//! - Within [`CLOCK_TOLERANCE`] of the model's rate (47952 or 48048 Hz for 48000, say) nothing is converted.
//! - Where a block of at most 30 ms holds whole numbers of samples of both rates, the conversion is exact. So it is
//!   for 8, 11.025, 12, 16, 22.05, 24, 32, 44.1, 64, 88.2, 96, 176.4, 192 kHz and a model at 48 kHz.
//! - Elsewhere the ratio is the nearest one that short blocks allow, within [`CLOCK_TOLERANCE`]. The model then gets
//!   a sound higher or lower by that much, four cents, and on the way back the opposite; what comes out has
//!   the host's rate and time exactly.
//!
//! The conversion is flat to 0.90 × half the lower rate at least, halves the amplitude near 0.95 × and stops what lies
//! above half the lower rate by more than 110 dB.

use super::framing::Framing;
use crate::error::Error;
use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Indexing, Resampler as _, WindowFunction};
use std::fmt;

/// The most that the model's clock is off, relative to its rate: 0.25 %, about four cents.
pub const CLOCK_TOLERANCE: f64 = 0.0025;

/// The fewest samples in a block, on either side. Shorter blocks have a filter that is too gentle.
const MIN_BLOCK: usize = 160;

/// The longest block at the model's rate, in seconds; models at low rates may have [`LONG_BLOCK`] samples anyway.
const MAX_BLOCK_SECONDS: f64 = 0.030;

/// With blocks up to this length every ratio comes within [`CLOCK_TOLERANCE`].
const LONG_BLOCK: usize = 480;

/// Block lengths of a conversion: so many samples at the host's rate become so many at the model's. Both are even.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Samples at the host's rate.
    pub host: usize,
    /// Samples at the model's rate.
    pub model: usize,
}

impl Blocks {
    /// The blocks that convert between two rates, in Hz, or `None` where nothing needs converting.
    ///
    /// # Errors
    /// [`Error::Setting`] if a rate is outside [`Framing::MIN_RATE`] … [`Framing::MAX_RATE`], or if no short block
    /// comes within [`CLOCK_TOLERANCE`].
    ///
    /// ```
    /// use aeden::spectrum::Blocks;
    ///
    /// assert_eq!(Blocks::between(48_000, 48_000)?, None);
    /// assert_eq!(Blocks::between(44_100, 48_000)?, Some(Blocks { host: 294, model: 320 }));
    /// assert!(Blocks::between(7_999, 48_000).is_err());
    /// # Ok::<(), aeden::Error>(())
    /// ```
    pub fn between(host_rate: u32, model_rate: u32) -> Result<Option<Self>, Error> {
        let (min, max) = (Framing::MIN_RATE, Framing::MAX_RATE);
        for rate in [host_rate, model_rate] {
            if !(min..=max).contains(&rate) {
                return Err(Error::Setting(format!(
                    "the sample rate must be {min} to {max} Hz, not {rate}"
                )));
            }
        }
        let (host, model) = (f64::from(host_rate), f64::from(model_rate));
        if (host / model - 1.0).abs() <= CLOCK_TOLERANCE {
            return Ok(None);
        }
        let longest = LONG_BLOCK.max((model * MAX_BLOCK_SECONDS) as usize);
        let candidates = (2..=longest).step_by(2).filter_map(|samples| {
            let blocks = Self {
                host: 2 * (samples as f64 * host / model / 2.0).round() as usize,
                model: samples,
            };
            (blocks.host.min(blocks.model) >= MIN_BLOCK).then_some(blocks)
        });
        let exact = |b: &Self| b.model as u64 * u64::from(host_rate) == b.host as u64 * u64::from(model_rate);
        let close = |b: &Self| (b.model as f64 / b.host as f64 * host / model - 1.0).abs() <= CLOCK_TOLERANCE;
        candidates
            .clone()
            .find(exact)
            .or_else(|| candidates.clone().find(close))
            .map(Some)
            .ok_or_else(|| {
                Error::Setting(format!(
                    "no short block converts {host_rate} Hz to the model's {model_rate} Hz"
                ))
            })
    }
}

/// Converts blocks of one length to blocks of another, all channels at once. Allocates only in [`new`](Self::new).
pub struct Resampler {
    fft: Fft<f32>,
    from: usize,
    to: usize,
    channels: usize,
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            from, to, channels, ..
        } = self;
        write!(f, "Resampler {{ from: {from}, to: {to}, channels: {channels} }}")
    }
}

impl Resampler {
    /// A converter from blocks of `from` to blocks of `to` samples, both even and not zero, for `channels` channels.
    ///
    /// # Errors
    /// [`Error::Setting`] for other lengths, or if `channels` is 0.
    pub fn new(from: usize, to: usize, channels: usize) -> Result<Self, Error> {
        if from == 0 || to == 0 || !from.is_multiple_of(2) || !to.is_multiple_of(2) {
            return Err(Error::Setting(format!(
                "resampling blocks must be even and not zero, not {from} and {to}"
            )));
        }
        if channels == 0 {
            return Err(Error::Setting("resampling needs at least one channel".into()));
        }
        // A block is one transform: rubato multiplies the reduced ratio until it holds `from` samples. The window
        // stops by 110 dB and more (measured); its square would stop no audible thing more, but take nearly twice the
        // transition band.
        let fft = Fft::new_custom(
            from,
            to,
            from,
            1,
            channels,
            WindowFunction::BlackmanHarris,
            FixedSync::Both,
        )
        .map_err(|e| Error::Setting(format!("resampling: {e}")))?;
        Ok(Self {
            fft,
            from,
            to,
            channels,
        })
    }

    /// The delay in output samples: half an output block, exactly.
    pub fn delay(&self) -> usize {
        self.to / 2
    }

    /// Reads a block of every channel at `input[channel][read..]` and writes one to `output[channel][write..]`.
    /// All samples must be finite.
    ///
    /// # Panics
    /// If a channel or part of a block is missing.
    pub fn process(&mut self, input: &[Vec<f32>], read: usize, output: &mut [Vec<f32>], write: usize) {
        let (read_end, write_end) = (read + self.from, write + self.to);
        let input =
            SequentialSliceOfVecs::new(input, self.channels, read_end).expect("a block in every channel");
        let mut output =
            SequentialSliceOfVecs::new_mut(output, self.channels, write_end).expect("room in every channel");
        let at = Indexing {
            input_offset: read,
            output_offset: write,
            partial_len: None,
            active_channels_mask: None,
        };
        self.fft
            .process_into_buffer(&input, &mut output, Some(&at))
            .expect("the blocks have the planned lengths");
    }

    /// Forgets all samples.
    pub fn reset(&mut self) {
        self.fft.reset();
    }
}
