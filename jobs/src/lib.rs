//! Jobs that autoencoders on spectrograms do with sound, beside [taking noise out of it](aeden).
//!
//! | module | job | in | out |
//! |---|---|---|---|
//! | [`find`] | sounds that sound like another one | samples | the most similar of an index |
//! | [`detect`] | what does not fit | samples | events, scores |
//! | [`map`] | what sounds alike lies together | descriptors of sounds | places on a plane, clusters |
//! | [`codec`] | recordings in few bits | samples, [`Read`](std::io::Read) | [`Write`](std::io::Write), samples |
//! | [`repair`] | drop-outs, clicks, clipped peaks | samples | samples |
//! | [`roomtone`] | a room without its voices, as long as you like | samples | samples |
//!
//! Samples are `f32`, full scale ±1, one slice or vector a channel, at 8 to 192 kHz; they come in blocks of any length, or
//! all at once. Nothing is printed, and no file is opened but the index of [`find`]. All of it is deterministic: the same
//! samples give the same result, however they are cut into blocks.
//!
//! The trained networks are inside (feature `models`, 3.4 MB); each job also takes one of your own
//! ([`Autoencoder::open`]), which the recipe in `models/` of the repository trains.

#![warn(missing_debug_implementations)]

mod error;
mod gate;
mod listen;
mod range;

pub mod codec;
pub mod detect;
pub mod find;
pub mod map;
pub mod repair;
pub mod roomtone;

pub use aeden::Kind;
pub use aeden::autoencoder::Autoencoder;
/// The trained networks that come with the crate (feature `models`). Each job takes its own unless it is given another.
///
/// ```
/// let network = aeden_jobs::models::sparse();
/// println!("{}: {} parameters, a code of {}", network.name(), network.parameters(), network.code());
/// ```
#[cfg(feature = "models")]
#[doc(inline)]
pub use aeden_family as models;
pub use error::{Error, FormatError};
pub use range::{LARGEST, RATES};
