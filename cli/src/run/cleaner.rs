//! From arguments to a denoiser: the only place that knows which network runs, and in what program.

use crate::args::live::LiveArgs;
use crate::args::{Channels, EngineName, NetworkArgs, Quality, SoundArgs};
use aeden::presets::Preset;
use aeden::spectrum::Framing;
use aeden::{BandLimits, Cleaner, Config, Context, Denoiser, Kind, Link, Model};
use aeden_media::problem::{Problem, one_line};
use std::io::Write;
use std::path::{Path, PathBuf};

#[cfg(not(feature = "onnx"))]
const NO_ONNX: &str =
    "this aeden was built without ONNX Runtime; build it with --features onnx, or use a .safetensors model";

/// A network, loaded once and shared by all files.
pub struct ChosenNetwork(Model);

/// How sound is to be cleaned.
#[derive(Clone, Copy, Debug)]
pub struct CleanerSettings {
    /// The most that anything is attenuated, in dB.
    pub limit: Option<f32>,
    /// The same along frequency.
    pub bands: BandLimits,
    /// From 0, the input, to 1, the cleaned sound.
    pub mix: f32,
    /// Of the output, in dB.
    pub gain: f32,
    /// One mask for all channels or one for each.
    pub channels: Channels,
    /// Nothing of a recording is heard beforehand, as in plugin and live.
    pub streaming: bool,
}

impl Default for CleanerSettings {
    fn default() -> Self {
        CleanerSettings {
            limit: None,
            bands: BandLimits::default(),
            mix: 1.0,
            gain: 0.0,
            channels: Channels::Linked,
            streaming: false,
        }
    }
}

impl From<&SoundArgs> for CleanerSettings {
    fn from(args: &SoundArgs) -> CleanerSettings {
        CleanerSettings {
            streaming: args.streaming,
            bands: args.bands.unwrap_or_default(),
            ..CleanerSettings::new(args.preset.or(args.purpose), args.limit, args.mix, args.channels)
        }
    }
}

impl From<&LiveArgs> for CleanerSettings {
    fn from(args: &LiveArgs) -> CleanerSettings {
        CleanerSettings {
            bands: args.bands.unwrap_or_default(),
            ..CleanerSettings::new(args.preset, args.limit, args.mix, None)
        }
    }
}

impl CleanerSettings {
    /// What a preset says, but for what is given beside it.
    fn new(
        preset: Option<Preset>,
        limit: Option<f32>,
        mix: Option<f32>,
        channels: Option<Channels>,
    ) -> CleanerSettings {
        let preset = preset.map_or_else(CleanerSettings::default, |preset| CleanerSettings {
            limit: preset.attenuation_limit(),
            mix: preset.mix,
            gain: preset.gain,
            channels: if preset.link {
                Channels::Linked
            } else {
                Channels::Independent
            },
            ..CleanerSettings::default()
        });
        CleanerSettings {
            limit: limit.or(preset.limit),
            mix: mix.unwrap_or(preset.mix),
            channels: channels.unwrap_or(preset.channels),
            ..preset
        }
    }

    /// Whether the output is the input by definition.
    pub fn change_nothing(&self) -> bool {
        self.gain == 0.0 && (self.mix == 0.0 || self.limit == Some(0.0) || self.bands.leave_untouched())
    }

    fn config(&self, sample_rate: u32, channels: usize) -> Config {
        let link = match self.channels {
            Channels::Linked => Link::Linked,
            Channels::Independent => Link::Independent,
        };
        Config::new(sample_rate, channels)
            .link(link)
            .attenuation_limit(self.limit)
            .bands(self.bands)
            .mix(self.mix)
            .output_gain(self.gain)
    }
}

impl ChosenNetwork {
    /// Loads what the arguments name: the built-in network of a quality, or a model of the user's own, which must fit the
    /// quality where one is given. Without one it is best, and high for what is `streaming`.
    pub fn load(args: &NetworkArgs, quality: Option<Quality>, streaming: bool) -> Result<Self, Problem> {
        if streaming && quality == Some(Quality::Best) {
            return Err(Problem::model(
                "quality best sees what comes later, which a stream does not know; take --quality high or light",
            ));
        }
        let usual = if streaming { Quality::High } else { Quality::Best };
        let network = match (&args.model, args.engine) {
            (None, None | Some(EngineName::Native)) => ChosenNetwork::built_in(quality.unwrap_or(usual)),
            (path, engine) if quality == Some(Quality::Best) && runs_onnx(path.as_deref(), engine) => {
                return Err(Problem::model(
                    "ONNX Runtime runs networks for streams only; leave out --quality best",
                ));
            }
            (None, Some(EngineName::Onnxruntime)) => {
                ChosenNetwork::built_in_onnx(quality.unwrap_or(Quality::High))?
            }
            (Some(path), Some(EngineName::Native)) if is_onnx(path) => {
                return Err(Problem::model(format!(
                    "{}: the native engine takes .safetensors files; leave out --engine",
                    path.display()
                )));
            }
            (Some(path), Some(EngineName::Onnxruntime)) => ChosenNetwork::open_onnx(path)?,
            (Some(path), _) => {
                let network = ChosenNetwork::open(path)?;
                let context = match quality {
                    None if !streaming => return Ok(network),
                    Some(Quality::Best) => Context::LookAhead,
                    _ => Context::Stream,
                };
                context
                    .check(&network.0)
                    .map_err(|e| Problem::model(format!("model: {}: {e}", path.display())))?;
                network
            }
        };
        Ok(network)
    }

    /// Loads a denoiser from a file, run by what its ending calls for.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        if is_onnx(path) {
            return ChosenNetwork::open_onnx(path);
        }
        let model = Model::open(path).map_err(Problem::model)?;
        if model.kind() != Kind::Denoising {
            return Err(Problem::model(format!(
                "model: {}: expected the kind \"denoising\", found {:?}",
                path.display(),
                model.kind().name()
            )));
        }
        Ok(ChosenNetwork(model))
    }

    /// A model inside this program.
    pub fn built_in(quality: Quality) -> Self {
        ChosenNetwork(match quality {
            Quality::Best => Model::best(),
            Quality::High => Model::high(),
            Quality::Light => Model::light(),
        })
    }

    /// The ONNX file of a quality but the best.
    #[cfg(feature = "onnx")]
    fn built_in_onnx(quality: Quality) -> Result<Self, Problem> {
        let file = match quality {
            Quality::Light => aeden_onnx::LIGHT,
            _ => aeden_onnx::HIGH,
        };
        Model::from_onnx(file).map(ChosenNetwork).map_err(Problem::model)
    }

    #[cfg(not(feature = "onnx"))]
    fn built_in_onnx(_quality: Quality) -> Result<Self, Problem> {
        Err(Problem::model(NO_ONNX))
    }

    #[cfg(feature = "onnx")]
    fn open_onnx(path: &Path) -> Result<Self, Problem> {
        Model::open_onnx(path).map(ChosenNetwork).map_err(Problem::model)
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

    /// The library that runs it, if that was looked for and found: nobody has named it.
    pub fn found_library(&self) -> Option<PathBuf> {
        #[cfg(feature = "onnx")]
        if self.0.is_onnx() {
            return aeden::onnx::found_library();
        }
        None
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
        settings: &CleanerSettings,
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
        settings: &CleanerSettings,
        cores: usize,
    ) -> Result<Cleaner, Problem> {
        let config = settings.config(rate, channels).threads(cores);
        let context = match self.looks_ahead() {
            true => Context::LookAhead,
            false if settings.streaming => Context::Stream,
            false => Context::LeadIn,
        };
        Cleaner::with_model(&self.0, context, &config).map_err(Problem::model)
    }
}

fn runs_onnx(path: Option<&Path>, engine: Option<EngineName>) -> bool {
    engine == Some(EngineName::Onnxruntime) || path.is_some_and(is_onnx)
}

fn is_onnx(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
}
