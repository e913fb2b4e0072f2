//! Timing of samples, blocks and frames: everything that follows from the rates and the framing.

use super::config::Config;
use crate::error::Error;
use crate::spectrum::{Blocks, Framing};
use std::ops::Range;

/// The most frames that are worked on at once; more would cost memory and gain nothing.
const MAX_FRAMES: usize = 512;

/// The most bins of all channels and frames that are worked on at once, 32 MiB; one frame is always possible.
const MAX_BINS: usize = 4 << 20;

/// Delays and sizes of buffers.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    /// The conversion between the host's rate and the network's, if there is one.
    pub(super) blocks: Option<Blocks>,
    pub(crate) framing: Framing,
    /// The most frames at once.
    pub(crate) frames: usize,
    /// Samples that wait at the network's rate from the start, so that the next stage is never short of any.
    pub(super) ahead: usize,
    /// The most host samples at once, so that no buffer overflows, and the most that they become at the network's rate.
    pub(crate) chunk: usize,
    pub(super) most: usize,
    /// Host samples from input to output.
    pub(crate) latency: usize,
    /// Host samples for which sound may still come out after the input has fallen silent.
    pub(super) tail: usize,
    /// The bins whose gain the sound above the network's band follows.
    pub(super) top: Range<usize>,
}

impl Timing {
    /// For engines that take up to `frames` frames at once and let sound appear in `tail` frames after it.
    pub(crate) fn new(config: &Config, framing: &Framing, frames: usize, tail: usize) -> Result<Self, Error> {
        Self::with_delay(config, framing, frames, tail, 0)
    }

    /// The same for engines that give frames `late` frames later than they get them.
    pub(super) fn with_delay(
        config: &Config,
        framing: &Framing,
        frames: usize,
        tail: usize,
        late: usize,
    ) -> Result<Self, Error> {
        let Framing {
            rate, window, hop, ..
        } = *framing;
        let frames = frames
            .min(MAX_FRAMES)
            .min(MAX_BINS / (framing.bins() * config.channels))
            .max(1);
        let late = late * hop;
        let blocks = Blocks::between(config.sample_rate, rate)?;
        let (ahead, chunk, latency, most) = match blocks {
            None => (hop - 1, frames * hop, window - 1 + late, frames * hop),
            Some(Blocks { host, model }) => {
                // After any number of blocks, at most this much of the network's input is less than a hop and waits.
                let waiting = hop - greatest_common_divisor(model, hop);
                // The delay at the network's rate must be a whole number of host samples.
                let step = model / greatest_common_divisor(model, host);
                let delay = (window - hop + waiting + late).next_multiple_of(step);
                let batch = (frames * hop / model).max(1);
                // A block is collected, then filtered down and up with half a block each.
                let latency = host - 1 + host + delay * host / model;
                (
                    delay - late - (window - hop),
                    batch * host,
                    latency,
                    batch * model,
                )
            }
        };
        // All frames with the last sound in them and those that the engines add. A conversion's two filters each work
        // on two blocks at once, and so spread sound over up to one and a half more than they delay it.
        let rings = window + tail * hop;
        let tail = match blocks {
            None => latency + rings,
            Some(Blocks { host, model }) => latency + (rings * host).div_ceil(model) + 3 * host,
        };
        let shared_band = f64::from(config.sample_rate.min(rate)) / 2.0 / f64::from(rate) * window as f64;
        Ok(Self {
            blocks,
            frames,
            ahead,
            chunk,
            most,
            latency,
            tail,
            top: (shared_band * 2.0 / 3.0).ceil() as usize..(shared_band as usize + 1).min(framing.bins()),
            framing: framing.clone(),
        })
    }
}

impl Timing {
    /// Host samples from frame to frame.
    pub(super) fn frame_length(&self) -> f32 {
        let hop = self.framing.hop as f32;
        self.blocks
            .map_or(hop, |Blocks { host, model }| hop * host as f32 / model as f32)
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}
