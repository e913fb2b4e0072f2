//! From arguments to a denoiser: the only place that knows which network runs, and in what program.

use crate::args::{Channels, EngineName, NetworkArgs};
use crate::problem::Problem;
use aeden::Error;
use aeden::denoiser::{Config, Denoiser, Link};
use aeden::engine::Engine;
use aeden::model::Model;
use aeden::stft::Framing;
use realfft::num_complex::Complex32;
use std::path::Path;

/// The most frames that pass through the network in one call: enough for matrix products, little enough for the cache.
const MAX_FRAMES: usize = 64;

/// A network, loaded once and shared by all files.
pub enum Network {
    /// Run by aeden's own kernels.
    Native(Model),
    /// Changes nothing.
    StandIn,
}

/// How sound is to be cleaned.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The most that anything is attenuated, in dB.
    pub limit: Option<f32>,
    /// From 0, the input, to 1, the cleaned sound.
    pub mix: f32,
    /// One mask for all channels or one for each.
    pub channels: Channels,
}

impl Settings {
    /// Whether the output is the input by definition.
    pub fn change_nothing(&self) -> bool {
        self.mix == 0.0 || self.limit == Some(0.0)
    }
}

impl Network {
    /// Loads what the arguments name.
    pub fn load(args: &NetworkArgs) -> Result<Self, Problem> {
        let is_onnx = |path: &Path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"));
        let onnx_file = args.model.as_deref().filter(|path| is_onnx(path));
        match (args.engine, onnx_file) {
            (Some(EngineName::Native), Some(path)) => Err(Problem::model(format!(
                "{}: an ONNX model needs --engine onnxruntime; the native engine takes .safetensors files",
                path.display()
            ))),
            (Some(EngineName::Onnxruntime), _) | (None, Some(_)) => Err(Problem::model(
                "this aeden was built without ONNX Runtime; use a .safetensors model and the native engine",
            )),
            _ => match &args.model {
                Some(path) => Model::open(path).map(Network::Native).map_err(Problem::model),
                None => Ok(Network::StandIn),
            },
        }
    }

    /// Builds the way through the network for one file.
    pub fn cleaner(&self, rate: u32, channels: usize, settings: &Settings) -> Result<Denoiser, Problem> {
        let config = Config {
            sample_rate: rate,
            channels,
            link: match settings.channels {
                Channels::Linked => Link::Linked,
                Channels::Independent => Link::Independent,
            },
            attenuation_limit: settings.limit,
            mix: settings.mix,
            bypass: false,
        };
        Denoiser::new(&config, |channels| self.engine(channels)).map_err(Problem::model)
    }

    fn engine(&self, channels: usize) -> Result<Box<dyn Engine>, Error> {
        Ok(match self {
            Network::Native(model) => Box::new(model.engine(channels, MAX_FRAMES)),
            Network::StandIn => Box::new(StandIn { framing: Framing::default(), channels }),
        })
    }
}

struct StandIn {
    framing: Framing,
    channels: usize,
}

impl Engine for StandIn {
    fn framing(&self) -> &Framing {
        &self.framing
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        MAX_FRAMES
    }

    fn process(&mut self, _guide: &[Complex32], _spectra: &mut [Complex32]) {}

    fn reset(&mut self) {}

    fn is_real_time(&self) -> bool {
        true
    }
}
