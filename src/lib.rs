//! Takes noise out of sound with denoising autoencoders that run on spectrograms, in real time.

pub mod autoencoder;
pub mod denoiser;
pub mod engine;
mod error;
mod kernels;
mod model;
mod network;
pub mod presets;
pub mod recording;
pub mod spectrum;

pub use denoiser::{Config, Denoiser, Link, Listen};
#[cfg(feature = "onnx")]
#[doc(inline)]
pub use engine::onnx;
pub use error::Error;
pub use kernels::Instructions;
pub use model::Model;
pub use network::Kind;
pub use recording::{Cleaner, Context};
#[cfg(test)]
mod tests;

pub use rustfft::num_complex::Complex32;
