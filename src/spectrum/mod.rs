//! From samples to spectra and back: frames, transforms, bands, conversion of rates.
//!
//! These are the pieces that the denoiser is made of, for engines and jobs of your own.
//!
//! | | |
//! |---|---|
//! | [`Framing`] | rate, window and hop |
//! | [`Stft`] | short-time Fourier transform and its exact inverse |
//! | [`Bands`] | triangular bands over the bins of a spectrum |
//! | [`Blocks`], [`Resampler`] | conversion between rates with a delay of whole samples |

mod bands;
mod features;
mod framing;
mod real_fft;
mod resample;
mod stft;

pub use bands::Bands;
pub(crate) use bands::centres;
pub(crate) use features::{FeatureSettings, Features};
pub use framing::{Framing, WindowShape};
pub use resample::{Blocks, CLOCK_TOLERANCE, Resampler};
pub use stft::{Analysis, Stft, Synthesis};
