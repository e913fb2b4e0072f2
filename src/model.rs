//! Model files of every kind, behind one door.

use crate::autoencoder::Autoencoder;
#[cfg(feature = "onnx")]
use crate::engine::onnx::OnnxModel;
use crate::engine::{Engine, Interleaved, NativeEngine, clean_all};
use crate::error::Error;
use crate::kernels::{Instructions, Kernels};
use crate::network::{Kind, Network, Tensors, read_file};
use crate::spectrum::Framing;
use rustfft::num_complex::Complex32;
use std::path::Path;
use std::sync::Arc;

/// The most frames that a single thread takes in one call: enough to fill the kernels, few enough for the cache.
const FRAMES: usize = 16;

/// The same for several threads: enough for each to do before they wait for each other, also where other programs take
/// their turns in between.
const SHARED_FRAMES: usize = 512;

/// A network, read from a file and checked; cheap to clone.
///
/// The file is [safetensors](https://github.com/huggingface/safetensors) with the settings in its metadata, as
/// `models/recipe` writes it. Nothing in it is trusted: a file that is not a model gives an error, never a panic,
/// and memory is taken only after every size has been checked. With the feature `onnx` the file may also be
/// [ONNX](crate::engine::Engine), named `.onnx`.
///
/// ```no_run
/// use aeden::{Config, Denoiser, Model};
///
/// let model = Model::open("mine.safetensors")?;
/// println!("{}: {}, {:?} weights", model.name(), model.kind().name(), model.parameters());
/// let denoiser = Denoiser::with_model(&model, &Config::new(48_000, 1))?;
/// # Ok::<(), aeden::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    name: String,
    parameters: Option<usize>,
    network: AnyNetwork,
}

/// A network, by what runs it.
#[derive(Clone, Debug)]
enum AnyNetwork {
    Denoiser(Arc<Network>),
    Autoencoder(Arc<Autoencoder>),
    #[cfg(feature = "onnx")]
    Onnx(Arc<OnnxModel>),
}

impl Model {
    /// The built-in denoiser for streams on weak machines: little CPU, 20 ms of latency; `models/light/CARD.md` describes it.
    ///
    /// # Panics
    /// Never: the tests read it.
    #[cfg(feature = "light")]
    pub fn light() -> Model {
        Model::from_bytes(include_bytes!("../models/light/light.safetensors"))
            .expect("the built-in model is whole")
    }

    /// The built-in denoiser for streams: it hears more than [`light`](Model::light) for some five times the CPU, and has 32 ms
    /// of latency; `models/high/CARD.md` describes it.
    ///
    /// # Panics
    /// Never: the tests read it.
    #[cfg(feature = "high")]
    pub fn high() -> Model {
        Model::from_bytes(include_bytes!("../models/high/high.safetensors"))
            .expect("the built-in model is whole")
    }

    /// The built-in denoiser for recordings: it looks ahead, and costs some eight times as much as [`light`](Model::light);
    /// `models/best/CARD.md` describes it.
    ///
    /// # Panics
    /// Never: the tests read it.
    #[cfg(feature = "best")]
    pub fn best() -> Model {
        Model::from_bytes(include_bytes!("../models/best/best.safetensors"))
            .expect("the built-in model is whole")
    }

    /// Reads a model from a file of any [`kind`](Model::kind).
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::Format`] for one that is no model, [`Error::Model`] for a
    /// network that cannot be run, each with the file's name; [`Error::Unsupported`] for an ONNX file without the feature
    /// `onnx`, [`Error::Runtime`] for one without ONNX Runtime.
    pub fn open(path: impl AsRef<Path>) -> Result<Model, Error> {
        let path = path.as_ref();
        let is_onnx = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"));
        if !is_onnx {
            return read_file(path, Model::from_bytes);
        }
        #[cfg(feature = "onnx")]
        return Model::open_onnx(path);
        #[cfg(not(feature = "onnx"))]
        Err(Error::Unsupported(format!(
            "{}: ONNX files need the feature `onnx` of the crate aeden",
            path.display()
        )))
    }

    /// Reads a model from the contents of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Format`] or [`Error::Model`], naming the tensor or setting, what was expected and what was found.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model, Error> {
        Model::read(bytes, false)
    }

    /// Reads a model from the contents of a safetensors file, to run it in `f32` throughout, as PyTorch does: several times
    /// slower than whole numbers, and no better to the ear. For comparisons.
    ///
    /// # Errors
    /// As [`from_bytes`](Model::from_bytes).
    pub fn from_bytes_in_f32(bytes: &[u8]) -> Result<Model, Error> {
        Model::read(bytes, true)
    }

    fn read(bytes: &[u8], exact: bool) -> Result<Model, Error> {
        let (description, tensors) = Tensors::read(bytes)?;
        let network = match description.kind {
            Kind::Denoising => {
                let network = Network::read(description.settings, &tensors)?;
                let network = if exact { network } else { network.quantised() };
                AnyNetwork::Denoiser(Arc::new(network.suited_to(Instructions::best())))
            }
            _ => AnyNetwork::Autoencoder(Arc::new(Autoencoder::from_bytes(bytes)?)),
        };
        Ok(Model {
            name: description.name,
            parameters: Some(tensors.parameters()),
            network,
        })
    }

    /// Reads a denoiser from an ONNX file, whatever its name; see [`onnx`](crate::engine::onnx).
    ///
    /// # Errors
    /// As [`open`](Model::open).
    #[cfg(feature = "onnx")]
    pub fn open_onnx(path: impl AsRef<Path>) -> Result<Model, Error> {
        OnnxModel::open(path.as_ref()).map(Model::of_onnx)
    }

    /// Reads a denoiser from the contents of an ONNX file; see [`onnx`](crate::engine::onnx).
    ///
    /// # Errors
    /// [`Error::Runtime`] without ONNX Runtime, [`Error::Model`] for a graph that cannot be used.
    #[cfg(feature = "onnx")]
    pub fn from_onnx(bytes: &[u8]) -> Result<Model, Error> {
        OnnxModel::from_bytes(bytes.into()).map(Model::of_onnx)
    }

    #[cfg(feature = "onnx")]
    fn of_onnx(model: OnnxModel) -> Model {
        Model {
            name: model.name().to_owned(),
            parameters: None,
            network: AnyNetwork::Onnx(Arc::new(model)),
        }
    }

    /// The name that the file gives itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of network.
    pub fn kind(&self) -> Kind {
        match &self.network {
            AnyNetwork::Autoencoder(network) => network.kind(),
            _ => Kind::Denoising,
        }
    }

    /// The number of weights; `None` in an ONNX file.
    pub fn parameters(&self) -> Option<usize> {
        self.parameters
    }

    /// Multiply-adds of a frame in a denoiser that aeden runs itself.
    pub fn multiply_adds(&self) -> Option<usize> {
        match &self.network {
            AnyNetwork::Denoiser(network) => Some(network.multiply_adds()),
            _ => None,
        }
    }

    /// The framing of the spectra that the network takes.
    pub fn framing(&self) -> &Framing {
        match &self.network {
            AnyNetwork::Denoiser(network) => &network.framing,
            AnyNetwork::Autoencoder(network) => &network.view().framing,
            #[cfg(feature = "onnx")]
            AnyNetwork::Onnx(model) => model.framing(),
        }
    }

    /// Tells whether the network runs in both directions of time: then it cleans recordings, not streams.
    pub fn looks_ahead(&self) -> bool {
        matches!(&self.network, AnyNetwork::Denoiser(network) if network.looks_ahead())
    }

    /// Tells whether ONNX Runtime runs the network.
    pub fn is_onnx(&self) -> bool {
        match &self.network {
            AnyNetwork::Denoiser(_) | AnyNetwork::Autoencoder(_) => false,
            #[cfg(feature = "onnx")]
            AnyNetwork::Onnx(_) => true,
        }
    }

    /// Builds an engine for a [`Denoiser`](crate::Denoiser), with one mask for all of `channels`, at least 1. Engines of
    /// one model share its weights.
    ///
    /// With several `threads` they share the work of long calls; the engine is then not
    /// [real-time](Engine::is_real_time). Their number changes no bit of the result.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a model of another kind, or one that [looks ahead](Model::looks_ahead);
    /// [`Error::Model`] where ONNX Runtime cannot build another session.
    pub fn engine(&self, channels: usize, threads: usize) -> Result<Box<dyn Engine>, Error> {
        let grids = match &self.network {
            #[cfg(feature = "onnx")]
            AnyNetwork::Onnx(model) => model.grids(),
            _ => self.network()?.settings.grids,
        };
        if grids == 1 {
            return self.engine_of_a_grid(channels, threads);
        }
        let engines = (0..grids).map(|_| self.engine_of_a_grid(channels, threads));
        Ok(Box::new(Interleaved::new(engines.collect::<Result<_, _>>()?)))
    }

    fn engine_of_a_grid(&self, channels: usize, threads: usize) -> Result<Box<dyn Engine>, Error> {
        #[cfg(feature = "onnx")]
        if let AnyNetwork::Onnx(model) = &self.network {
            return Ok(Box::new(model.engine(channels)?));
        }
        let engine = self.native(channels)?;
        Ok(Box::new(match threads {
            0 | 1 => engine,
            _ => engine.with_frames(SHARED_FRAMES).with_threads(threads),
        }))
    }

    /// Builds an engine of aeden's own kernels, on one thread; its batch size, threads and instruction set can be chosen.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a model that aeden does not run itself over streams.
    pub fn native(&self, channels: usize) -> Result<NativeEngine, Error> {
        let network = self.network()?;
        if network.looks_ahead() {
            return Err(Error::Unsupported(
                "this network runs over recordings in both directions, not over streams: it serves the quality best".into(),
            ));
        }
        Ok(NativeEngine::new(
            network.clone(),
            Kernels::best(),
            channels,
            FRAMES,
            1,
        ))
    }

    /// Cleans the spectra of one channel in place, `[frame][bin]`: unnormalised forward transforms of windowed samples,
    /// from the first to the last of a recording. Takes memory for all frames at once.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a model that is no denoiser run by aeden itself.
    ///
    /// # Panics
    /// If `spectra` are not whole frames.
    pub fn clean_spectra(&self, spectra: &mut [Complex32]) -> Result<(), Error> {
        clean_all(self.network()?, Kernels::best(), spectra);
        Ok(())
    }

    /// The autoencoder in a file of another [`kind`](Model::kind) than denoising.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a denoiser.
    pub fn autoencoder(&self) -> Result<&Autoencoder, Error> {
        match &self.network {
            AnyNetwork::Autoencoder(network) => Ok(network),
            _ => Err(Error::Unsupported(format!(
                "model: {}: its kind is \"denoising\", and it has no code to give",
                self.name
            ))),
        }
    }

    /// The layers of a denoiser.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a model that is no denoiser run by aeden itself.
    pub(crate) fn network(&self) -> Result<&Arc<Network>, Error> {
        match &self.network {
            AnyNetwork::Denoiser(network) => Ok(network),
            _ => Err(Error::Unsupported(format!(
                "model: {}: expected a denoiser in a .safetensors file, found {}",
                self.name,
                if self.is_onnx() {
                    "an ONNX graph"
                } else {
                    self.kind().name()
                }
            ))),
        }
    }
}
