//! From arguments to a denoiser: the only place that knows which network runs, and in what program.

use crate::args::{Channels, EngineName, NetworkArgs, Quality};
use crate::problem::{Problem, one_line};
use aeden::Error;
use aeden::denoiser::{Config, Denoiser, Link};
use aeden::engine::Engine;
use aeden::model::Model;
use aeden::recording::{self, Cleaner};
use aeden::stft::Framing;
use aeden::studio::Studio;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The most frames that pass through the network in one call: enough for matrix products, little enough for the cache.
const MAX_FRAMES: usize = 64;

/// The same for a network that several threads run: enough for each to do before they wait for each other, also where
/// other programs take their turns in between.
const MAX_SHARED_FRAMES: usize = 512;

#[cfg(not(feature = "onnx"))]
const NO_ONNX: &str =
    "this aeden was built without ONNX Runtime; build it with --features onnx, or use a .safetensors model";

/// A network, loaded once and shared by all files.
pub enum Network {
    /// Run by aeden's own kernels.
    Native(Model),
    /// The same, over recordings in both directions.
    Studio(Studio),
    /// Run by ONNX Runtime.
    #[cfg(feature = "onnx")]
    Onnx(aeden::onnx::OnnxModel),
}

/// How sound is to be cleaned.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The most that anything is attenuated, in dB.
    pub limit: Option<f32>,
    /// From 0, the input, to 1, the cleaned sound.
    pub mix: f32,
    /// Of the output, in dB.
    pub gain: f32,
    /// One mask for all channels or one for each.
    pub channels: Channels,
    /// With how much of the recording in view; the best has a network of its own.
    pub quality: Quality,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            limit: None,
            mix: 1.0,
            gain: 0.0,
            channels: Channels::Linked,
            quality: Quality::default(),
        }
    }
}

impl Settings {
    /// Whether the output is the input by definition.
    pub fn change_nothing(&self) -> bool {
        self.gain == 0.0 && (self.mix == 0.0 || self.limit == Some(0.0))
    }

    fn config(&self, sample_rate: u32, channels: usize) -> Config {
        Config {
            sample_rate,
            channels,
            link: match self.channels {
                Channels::Linked => Link::Linked,
                Channels::Independent => Link::Independent,
            },
            attenuation_limit: self.limit,
            mix: self.mix,
            output_gain: self.gain,
            ..Config::default()
        }
    }
}

impl Network {
    /// Loads what the arguments name, for recordings in some quality.
    pub fn load(args: &NetworkArgs, quality: Quality) -> Result<Self, Problem> {
        if quality == Quality::Best {
            return Network::load_studio(args);
        }
        match (&args.model, args.engine) {
            (None, None | Some(EngineName::Native)) => Ok(Network::built_in()),
            (None, Some(EngineName::Onnxruntime)) => Network::built_in_onnx(),
            (Some(path), Some(EngineName::Native)) if is_onnx(path) => Err(Problem::model(format!(
                "{}: the native engine takes .safetensors files; leave out --engine",
                path.display()
            ))),
            (Some(path), Some(EngineName::Onnxruntime)) => Network::open_onnx(path),
            (Some(path), None) if is_onnx(path) => Network::open_onnx(path),
            (Some(path), _) => Network::open_native(path),
        }
    }

    fn load_studio(args: &NetworkArgs) -> Result<Self, Problem> {
        let onnx = args.model.as_deref().is_some_and(is_onnx);
        match &args.model {
            _ if onnx || args.engine == Some(EngineName::Onnxruntime) => Err(Problem::model(
                "ONNX Runtime runs networks for streams only; leave out --quality best",
            )),
            Some(path) => Studio::open(path).map(Network::Studio).map_err(Problem::model),
            None => Ok(Network::built_in_studio()),
        }
    }

    /// Loads a model file of any kind, run by what its ending calls for.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        if is_onnx(path) {
            return Network::open_onnx(path);
        }
        let for_streams = Network::open_native(path);
        for_streams.or_else(|problem| Studio::open(path).map(Network::Studio).map_err(|_| problem))
    }

    /// The model inside this program.
    pub fn built_in() -> Self {
        Network::Native(Model::builtin())
    }

    /// The one for the best quality.
    pub fn built_in_studio() -> Self {
        Network::Studio(Studio::builtin())
    }

    #[cfg(feature = "onnx")]
    fn built_in_onnx() -> Result<Self, Problem> {
        aeden::onnx::OnnxModel::builtin()
            .map(Network::Onnx)
            .map_err(Problem::model)
    }

    #[cfg(not(feature = "onnx"))]
    fn built_in_onnx() -> Result<Self, Problem> {
        Err(Problem::model(NO_ONNX))
    }

    fn open_native(path: &Path) -> Result<Self, Problem> {
        Model::open(path).map(Network::Native).map_err(Problem::model)
    }

    #[cfg(feature = "onnx")]
    fn open_onnx(path: &Path) -> Result<Self, Problem> {
        aeden::onnx::OnnxModel::open(path)
            .map(Network::Onnx)
            .map_err(Problem::model)
    }

    #[cfg(not(feature = "onnx"))]
    fn open_onnx(path: &Path) -> Result<Self, Problem> {
        Err(Problem::model(format!("{}: {NO_ONNX}", path.display())))
    }

    /// The name that the model gives itself.
    pub fn name(&self) -> &str {
        match self {
            Network::Native(model) => model.name(),
            Network::Studio(studio) => studio.name(),
            #[cfg(feature = "onnx")]
            Network::Onnx(model) => model.name(),
        }
    }

    /// The program that runs it.
    pub fn engine_name(&self) -> &'static str {
        match self {
            Network::Native(_) | Network::Studio(_) => "native",
            #[cfg(feature = "onnx")]
            Network::Onnx(_) => "onnxruntime",
        }
    }

    /// The library that runs it, if that was looked for and found: nobody has named it.
    pub fn found_library(&self) -> Option<PathBuf> {
        match self {
            Network::Native(_) | Network::Studio(_) => None,
            #[cfg(feature = "onnx")]
            Network::Onnx(_) => aeden::onnx::found_library(),
        }
    }

    /// Tells on standard error whose code runs the network, unless that is aeden's or was named.
    pub fn tell_library(&self, command: &str) {
        if let Some(path) = self.found_library() {
            let line = one_line(&format!("aeden: {command}: ONNX Runtime is {}", path.display()));
            // Nobody may be listening, which is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// How many numbers were learnt, where that is known.
    pub fn parameters(&self) -> Option<usize> {
        match self {
            Network::Native(model) => Some(model.parameters()),
            Network::Studio(studio) => Some(studio.parameters()),
            #[cfg(feature = "onnx")]
            Network::Onnx(_) => None,
        }
    }

    /// How the network wants sound framed.
    pub fn framing(&self) -> Framing {
        match self {
            Network::Native(model) => model.framing().clone(),
            Network::Studio(studio) => studio.framing().clone(),
            #[cfg(feature = "onnx")]
            Network::Onnx(model) => model.framing().clone(),
        }
    }

    /// Builds the way through the network for a stream, on so many cores.
    pub fn denoiser(
        &self,
        rate: u32,
        channels: usize,
        settings: &Settings,
        cores: usize,
    ) -> Result<Denoiser, Problem> {
        let config = settings.config(rate, channels);
        Denoiser::new(&config, |channels| self.engine(channels, cores)).map_err(Problem::model)
    }

    /// Builds the way through the network for one file, on so many cores.
    pub fn cleaner(
        &self,
        rate: u32,
        channels: usize,
        settings: &Settings,
        cores: usize,
    ) -> Result<Cleaner, Problem> {
        let config = settings.config(rate, channels);
        if let Network::Studio(studio) = self {
            return Cleaner::best(&config, studio, cores).map_err(Problem::model);
        }
        let heard = match settings.quality {
            Quality::RealTime => recording::Quality::RealTime,
            Quality::Standard | Quality::Best => recording::Quality::Standard,
        };
        let engine = |channels| self.engine(channels, cores);
        Cleaner::new(&config, heard, engine).map_err(Problem::model)
    }

    fn engine(&self, channels: usize, cores: usize) -> Result<Box<dyn Engine>, Error> {
        Ok(match self {
            Network::Native(model) if cores > 1 => {
                Box::new(model.engine(channels, MAX_SHARED_FRAMES).with_threads(cores))
            }
            Network::Native(model) => Box::new(model.engine(channels, MAX_FRAMES)),
            Network::Studio(studio) => {
                return Err(Error::Model(format!(
                    "{}: a network for recordings cannot run over a stream",
                    studio.name()
                )));
            }
            #[cfg(feature = "onnx")]
            Network::Onnx(model) => Box::new(model.engine(channels)?),
        })
    }
}

fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
}
