//! Takes noise out of sound with denoising autoencoders that run on spectrograms, in real time.
//!
//! Modules stand in the order in which data flows through them: samples are framed by [`stft`], an [`engine`]
//! estimates the clean spectrum, and [`denoiser`] wraps both for any host rate, block size and channel count. A
//! [`recording`] may be known before it is cleaned.
//!
//! The other autoencoders of the family see [`patches`] of sound and are run by [`autoencoder`].

mod aligned;
pub mod autoencoder;
pub mod bands;
pub mod denoiser;
pub mod engine;
pub mod error;
mod features;
pub mod kernels;
pub mod model;
pub mod network;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod patches;
pub mod presets;
mod real_fft;
pub mod recording;
pub mod resample;
pub mod stft;
pub mod studio;
mod team;
mod weights;

pub use error::Error;
