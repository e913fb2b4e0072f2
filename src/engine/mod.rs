//! Engines: what runs a network over spectra.
//!
//! [`Engine`] is what a [`Denoiser`](crate::Denoiser) asks of a network, whichever program runs it. [`NativeEngine`] runs
//! the networks of aeden itself, and `Model::engine` builds it; implement the trait to run any other network in a
//! [`Denoiser`](crate::Denoiser).

mod interface;
mod interleaved;
mod masks;
mod native;
#[cfg(feature = "onnx")]
pub mod onnx;
mod passes;
mod schedule;
mod stepwise;
mod threads;

pub use interface::Engine;
pub(crate) use interleaved::Interleaved;
pub(crate) use masks::{Masks, clean_all};
pub use native::NativeEngine;
pub(crate) use passes::CHUNK;
pub(crate) use schedule::{HiddenState, Scheduler};
pub(crate) use stepwise::Stepwise;
pub(crate) use threads::side_by_side;
