//! New sound that is like the quiet parts of a recording: as loud, of the same colour, as restless, as long as you like,
//! and never a loop.
//!
//! A [`Learner`] finds the parts of a recording where nothing stands out, and makes a [`Room`] of them: the cross-spectrum
//! of its channels, its steady tones, and how its bands rise and fall, as a random walk through the codes of a variational
//! autoencoder. A [`Tone`] goes on with that for ever, or on a straight line through the space of codes to another room.
//!
//! - Input: any number of channels, 8 to 192 kHz; at least 1 s, better 5 s, of which no more than [`LEARNED`] count.
//! - Output: the same channels and rate, in blocks of about 0.3 s; the same for the same seed.
//! - Cost: learning 10 s of one channel at 48 kHz takes about 0.9 s of one core, an hour of tone 11 s, in 19 MB.
//!
//! ```
//! use aeden_jobs::roomtone::{Learner, Tone};
//!
//! # let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e9 - 0.008;
//! let room_with_voices: Vec<f32> = (0..32_000).map(noise).collect(); // two seconds
//! let room = Learner::new().learn(&[&room_with_voices], 16_000)?;
//! let mut tone = Tone::new(&room, 5 * 16_000, 1)?;
//! let mut samples = Vec::new();
//! while let Some(channels) = tone.next_block() {
//!     samples.extend_from_slice(&channels[0]);
//! }
//! assert_eq!(samples.len(), 80_000);
//! # Ok::<(), aeden_jobs::Error>(())
//! ```

mod carrier;
mod colour;
mod gains;
mod generator;
mod heard;
mod learn;
mod levels;
mod movement;
mod path;
mod process;
mod quiet;
mod room;
mod sines;
mod spectra;
mod tones;

use crate::Error;
use generator::Generator;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::SeedableRng;
use std::sync::Arc;

pub use learn::{LEARNED, Learner};
pub use room::Room;

/// Room tone under way.
pub struct Tone {
    generator: Generator,
    left: u64,
    block: Vec<Vec<f32>>,
}

impl std::fmt::Debug for Tone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tone")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl Tone {
    /// The tone of a room, so many samples of every channel. Another seed makes another tone of the same kind.
    ///
    /// # Errors
    /// [`Error::Model`] if the room's network cannot run at its rate.
    pub fn new(room: &Room, samples: u64, seed: u64) -> Result<Tone, Error> {
        Tone::of([room.clone()].into(), samples, seed)
    }

    /// A tone that begins in one room and ends in another, which may be in mono.
    ///
    /// # Errors
    /// [`Error::OtherRate`] if their rates differ ([`Learner::at_rate`] makes them alike); [`Error::Channels`] if their
    /// numbers of channels do; [`Error::OtherModel`] if their networks do; those of [`new`](Tone::new).
    pub fn between(from: &Room, to: &Room, samples: u64, seed: u64) -> Result<Tone, Error> {
        if from.rate != to.rate {
            return Err(Error::OtherRate {
                expected: from.rate,
                found: to.rate,
            });
        }
        let (stored, given) = (from.model.fingerprint(), to.model.fingerprint());
        if stored != given {
            return Err(Error::OtherModel { stored, given });
        }
        let mut to = to.clone();
        if to.channels() != from.channels() {
            if to.channels() != 1 {
                return Err(Error::Channels {
                    expected: from.channels(),
                    found: to.channels(),
                });
            }
            to.colour = Arc::new(to.colour.spread(from.channels()));
        }
        Tone::of([from.clone(), to].into(), samples, seed)
    }

    fn of(rooms: Arc<[Room]>, samples: u64, seed: u64) -> Result<Tone, Error> {
        Ok(Tone {
            block: vec![Vec::new(); rooms[0].channels()],
            generator: Generator::new(rooms, samples, Pcg64Mcg::seed_from_u64(seed))?,
            left: samples,
        })
    }

    /// The next samples, one vector a channel, up to about 0.3 s; `None` when all have come.
    pub fn next_block(&mut self) -> Option<&[Vec<f32>]> {
        if self.left == 0 {
            return None;
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        for (plane, made) in self.block.iter_mut().zip(self.generator.make()) {
            plane.clear();
            plane.extend_from_slice(&made[..made.len().min(most)]);
        }
        self.left -= self.block[0].len() as u64;
        Some(&self.block)
    }
}
