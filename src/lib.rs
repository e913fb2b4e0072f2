//! Takes noise out of sound with denoising autoencoders that run on spectrograms, in real time, on one CPU core.
//!
//! ```text
//! samples ─► resample ─► STFT ─► features ─► encoder ─► latent code ─► decoder ─► mask ─► STFT⁻¹ ─► resample ─► samples
//!   any rate,   to the              level and      GRUs along time,                gains and                 any rate,
//!   any block   network's rate      noise floor    mixing across sub-bands         filters over time         any block
//! ```
//!
//! The networks are inside the crate. Nothing but Rust is needed to build or run it: no GPU, no Python, no other library.
//!
//! # A stream
//! [`Denoiser`] cleans blocks of any length in place. It neither allocates, locks, blocks nor fails while it runs.
//!
//! ```
//! use aeden::Denoiser;
//!
//! let (mut left, mut right) = ([0.1; 256], [0.1; 256]);
//! let mut denoiser = Denoiser::new(48_000, 2)?;
//! denoiser.process(&mut [&mut left, &mut right]); // now the input of `denoiser.latency()` samples earlier, cleaned
//! # Ok::<(), aeden::Error>(())
//! ```
//!
//! # A recording
//! [`Cleaner`] takes blocks and gives what is ready: every sample keeps its place in time. It may
//! [know more](Context) than the past.
//!
//! ```
//! use aeden::{Cleaner, Config, Context, Model};
//!
//! let mut cleaner = Cleaner::with_model(&Model::best(), Context::LookAhead, &Config::new(48_000, 1).threads(2))?;
//! let mut cleaned = vec![Vec::new()];
//! for block in vec![0.1; 24_000].chunks(4096) {
//!     cleaner.push(&[block], &mut cleaned);
//! }
//! cleaner.finish(&mut cleaned);
//! assert_eq!(cleaned[0].len(), 24_000);
//! # Ok::<(), aeden::Error>(())
//! ```
//!
//! # A network of your own
//! The recipe in `models/` trains a network and exports a file; [`Model::open`] reads it, [`Config`] has the rest.
//!
//! ```no_run
//! use aeden::{Config, Denoiser, Link, Model};
//!
//! let model = Model::open("mine.safetensors")?;
//! let config = Config::new(44_100, 2).link(Link::Independent).attenuation_limit(Some(20.0));
//! let mut denoiser = Denoiser::with_model(&model, &config)?;
//! denoiser.set_mix(0.8); // fades, without a click
//! # Ok::<(), aeden::Error>(())
//! ```
//!
//! # Which one
//!
//! | | [`Denoiser`] | [`Cleaner`], [`LeadIn`](Context::LeadIn) | [`Cleaner`], [`LookAhead`](Context::LookAhead) |
//! |---|---|---|---|
//! | for | microphones, plugins, calls | recordings, fast | recordings, well |
//! | network | [`Model::high`], [`Model::light`] | the same | [`Model::best`] |
//! | knows | the past | the past and the first 4 s | the past and 4 s to come |
//! | latency at 48 kHz | 32 ms, 20 ms | none, since it is a recording | none |
//!
//! Cost of each, beside other denoisers: docs/speed.md, measured by `cargo xtask bench`.
//!
//! # Features
//! - `light`, `high`, `best` (all on): the built-in networks, 0.2, 1.2 and 1.3 MB.
//! - `onnx`: networks in [ONNX files](crate::onnx), run by ONNX Runtime, which is loaded when it is asked for.
//!
//! # More
//! [`engine::Engine`] runs a network of any other kind in a [`Denoiser`]. [`autoencoder`] has the autoencoders of the family
//! that find, detect, code and repair sound. [`spectrum`] has the transforms.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_debug_implementations)]

pub mod autoencoder;
pub mod denoiser;
pub mod engine;
mod error;
mod kernels;
mod model;
mod network;
pub mod presets;
mod recording;
pub mod spectrum;
pub mod switchable;
#[cfg(test)]
mod tests;

pub use denoiser::{BandLimits, Config, Denoiser, Link, Listen, StreamState};
#[cfg(feature = "onnx")]
#[doc(inline)]
pub use engine::onnx;
pub use error::Error;
pub use kernels::Instructions;
pub use model::Model;
pub use network::Kind;
pub use recording::{Cleaner, Context};
pub use rustfft::num_complex::Complex32;
