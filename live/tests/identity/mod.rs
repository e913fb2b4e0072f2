//! A denoiser that changes nothing, for tests and measurements of what is around it.

use aeden::engine::Engine;
use aeden::spectrum::Framing;
use aeden::{Complex32, Config, Denoiser};
use aeden_live::audio::{AudioError, Format};

struct Identity {
    framing: Framing,
    channels: usize,
}

impl Engine for Identity {
    fn framing(&self) -> &Framing {
        &self.framing
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        16
    }

    fn process(&mut self, _: &[Complex32], _: &mut [Complex32]) {}

    fn reset(&mut self) {}

    fn is_real_time(&self) -> bool {
        true
    }
}

/// Builds it. Its frames are what it delays by; bypassed, it even keeps every bit.
pub fn denoiser(format: Format, framing: Framing, bypass: bool) -> Result<Denoiser, AudioError> {
    let config = Config::new(format.rate, format.channels).bypass(bypass);
    let engine = |channels| -> Result<Box<dyn Engine>, aeden::Error> {
        Ok(Box::new(Identity {
            framing: framing.clone(),
            channels,
        }))
    };
    Denoiser::with_engines(&config, engine).map_err(|e| AudioError::Unsupported(e.to_string()))
}
