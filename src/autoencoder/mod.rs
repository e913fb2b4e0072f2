//! The autoencoders of the family besides the denoiser: sound → log powers → patches → code → patches.
//!
//! A [`Listener`] turns a recording into log powers as the model's [`View`] asks for; an [`Autoencoder`] encodes patches
//! of them and decodes codes. The jobs of aeden (find, detect, map, encode, repair, roomtone) are built on these.
//!
//! ```no_run
//! use aeden::autoencoder::{Autoencoder, Listener};
//!
//! let model = Autoencoder::open("sparse.safetensors")?;
//! let mut listener = Listener::new(model.view(), 44_100)?;
//! listener.push(&[0.0; 44_100]);
//! let mut powers = listener.finish();
//! model.standardise(&mut powers);
//! let codes = model.encode(&model.patches(&powers, 8)); // every 80 ms
//! let reconstruction = model.decode(&codes);
//! # Ok::<(), aeden::Error>(())
//! ```

mod coder;
mod converter;
mod log_powers;
mod read;
mod standard;

pub use coder::Autoencoder;
pub use log_powers::{FLOOR, Listener, View, level, raise};
