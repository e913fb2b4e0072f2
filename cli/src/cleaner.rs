//! From arguments to a denoiser: the only place that knows which network runs, and in what program.

use crate::args::{Channels, EngineName, NetworkArgs, Quality};
use crate::problem::Problem;
use aeden::spectrum::Framing;
use aeden::{Cleaner, Config, Context, Denoiser, Kind, Link, Model};
use std::path::Path;

#[cfg(not(feature = "onnx"))]
const NO_ONNX: &str =
    "this aeden was built without ONNX Runtime; build it with --features onnx, or use a .safetensors model";

/// A network, loaded once and shared by all files.
pub struct Network(Model);

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
        let link = match self.channels {
            Channels::Linked => Link::Linked,
            Channels::Independent => Link::Independent,
        };
        Config::new(sample_rate, channels)
            .link(link)
            .attenuation_limit(self.limit)
            .mix(self.mix)
            .output_gain(self.gain)
    }
}

impl Network {
    /// Loads what the arguments name, for recordings in some quality.
    pub fn load(args: &NetworkArgs, quality: Quality) -> Result<Self, Problem> {
        let best = quality == Quality::Best;
        match (&args.model, args.engine) {
            (path, engine) if best && runs_onnx(path.as_deref(), engine) => Err(Problem::model(
                "ONNX Runtime runs networks for streams only; leave out --quality best",
            )),
            (None, None | Some(EngineName::Native)) if best => Ok(Network::built_in_for_recordings()),
            (None, None | Some(EngineName::Native)) => Ok(Network::built_in()),
            (None, Some(EngineName::Onnxruntime)) => Network::built_in_onnx(),
            (Some(path), Some(EngineName::Native)) if is_onnx(path) => Err(Problem::model(format!(
                "{}: the native engine takes .safetensors files; leave out --engine",
                path.display()
            ))),
            (Some(path), Some(EngineName::Onnxruntime)) => Network::open_onnx(path),
            (Some(path), _) => {
                let network = Network::open(path)?;
                context(quality)
                    .check(&network.0)
                    .map_err(|e| Problem::model(format!("model: {}: {e}", path.display())))?;
                Ok(network)
            }
        }
    }

    /// Loads a denoiser from a file, run by what its ending calls for.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        if is_onnx(path) {
            return Network::open_onnx(path);
        }
        let model = Model::open(path).map_err(Problem::model)?;
        if model.kind() != Kind::Denoising {
            return Err(Problem::model(format!(
                "model: {}: expected the kind \"denoising\", found {:?}",
                path.display(),
                model.kind().name()
            )));
        }
        Ok(Network(model))
    }

    /// The model inside this program.
    pub fn built_in() -> Self {
        Network(Model::light())
    }

    /// The one for the best quality.
    pub fn built_in_for_recordings() -> Self {
        Network(Model::best())
    }

    #[cfg(feature = "onnx")]
    fn built_in_onnx() -> Result<Self, Problem> {
        Model::from_onnx(include_bytes!("../../models/light/light.onnx"))
            .map(Network)
            .map_err(Problem::model)
    }

    #[cfg(not(feature = "onnx"))]
    fn built_in_onnx() -> Result<Self, Problem> {
        Err(Problem::model(NO_ONNX))
    }

    #[cfg(feature = "onnx")]
    fn open_onnx(path: &Path) -> Result<Self, Problem> {
        Model::open_onnx(path).map(Network).map_err(Problem::model)
    }

    #[cfg(not(feature = "onnx"))]
    fn open_onnx(path: &Path) -> Result<Self, Problem> {
        Err(Problem::model(format!("{}: {NO_ONNX}", path.display())))
    }

    /// The name that the model gives itself.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// The program that runs it.
    pub fn engine_name(&self) -> &'static str {
        if self.0.is_onnx() { "onnxruntime" } else { "native" }
    }

    /// How many numbers were learnt, where that is known.
    pub fn parameters(&self) -> Option<usize> {
        self.0.parameters()
    }

    /// How the network wants sound framed.
    pub fn framing(&self) -> Framing {
        self.0.framing().clone()
    }

    /// Whether it cleans recordings, not streams.
    pub fn looks_ahead(&self) -> bool {
        self.0.looks_ahead()
    }

    /// Builds the way through the network for a stream, on so many cores.
    pub fn denoiser(
        &self,
        rate: u32,
        channels: usize,
        settings: &Settings,
        cores: usize,
    ) -> Result<Denoiser, Problem> {
        let config = settings.config(rate, channels).threads(cores);
        Denoiser::with_model(&self.0, &config).map_err(Problem::model)
    }

    /// Builds the way through the network for one file, on so many cores.
    pub fn cleaner(
        &self,
        rate: u32,
        channels: usize,
        settings: &Settings,
        cores: usize,
    ) -> Result<Cleaner, Problem> {
        let config = settings.config(rate, channels).threads(cores);
        Cleaner::with_model(&self.0, context(settings.quality), &config).map_err(Problem::model)
    }
}

/// How much of a recording is known in a quality.
fn context(quality: Quality) -> Context {
    match quality {
        Quality::RealTime => Context::Stream,
        Quality::Standard => Context::LeadIn,
        Quality::Best => Context::LookAhead,
    }
}

fn runs_onnx(path: Option<&Path>, engine: Option<EngineName>) -> bool {
    engine == Some(EngineName::Onnxruntime) || path.is_some_and(is_onnx)
}

fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
}
