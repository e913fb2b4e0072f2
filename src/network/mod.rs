//! The denoising network: spectrum → features → encoder → latent code → decoder → mask → spectrum.
//!
//! [`Network`] is the one description of its layers, built from the weights in a file; `engine` runs it.
//! `models/recipe/model.py` computes the same, and `tests/reference.rs` compares the two.

mod kind;
mod layers;
mod read;
mod settings;
mod weights;

pub use kind::Kind;
pub(crate) use layers::{Gru, Layer, Network, SubBandScratch};
pub(crate) use weights::{MAX_WEIGHTS, Tensors, read_file};
