//! The module `aeden._native`: the library's denoiser for numpy arrays. `aeden/__init__.py` is what users see.

mod jobs;

use aeden::denoiser::{self, Config, Link, Listen};
use aeden::engine::Engine;
use aeden::model;
use aeden::recording::{Cleaner, Quality};
use aeden::studio::Studio;
use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::Mutex;

/// The most frames that pass through the network in one call: enough for matrix products, little enough for the cache.
const MAX_FRAMES: usize = 64;

fn refused(problem: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(problem.to_string())
}

/// How many samples of a recording are cleaned in one go.
const BLOCK: usize = 1 << 16;

/// A network's weights, loaded once and shared by what runs it.
#[pyclass(frozen, module = "aeden")]
struct Model(Network);

enum Network {
    Streams(model::Model),
    Recordings(Studio),
}

#[pymethods]
impl Model {
    /// The built-in model, or the one in a `.safetensors` file.
    #[new]
    #[pyo3(signature = (file = None))]
    fn new(file: Option<PathBuf>) -> PyResult<Self> {
        let Some(file) = file else {
            return Ok(Model(Network::Streams(model::Model::builtin())));
        };
        if let Ok(studio) = Studio::open(&file) {
            return Ok(Model(Network::Recordings(studio)));
        }
        let network = model::Model::open(file).map_err(refused)?;
        Ok(Model(Network::Streams(network)))
    }

    /// The name that the model gives itself.
    #[getter]
    fn name(&self) -> &str {
        match &self.0 {
            Network::Streams(network) => network.name(),
            Network::Recordings(network) => network.name(),
        }
    }

    /// How many numbers were learnt.
    #[getter]
    fn parameters(&self) -> usize {
        match &self.0 {
            Network::Streams(network) => network.parameters(),
            Network::Recordings(network) => network.parameters(),
        }
    }

    /// Samples per second that the model works at; other rates are converted.
    #[getter]
    fn rate(&self) -> u32 {
        match &self.0 {
            Network::Streams(network) => network.framing().rate,
            Network::Recordings(network) => network.framing().rate,
        }
    }
}

/// Cleans a stream of blocks. Methods of one object exclude one another; the interpreter's lock is free meanwhile.
#[pyclass(frozen, subclass, module = "aeden")]
struct Denoiser {
    cleaner: Mutex<denoiser::Denoiser>,
    channels: usize,
    rate: u32,
    latency: usize,
}

impl Denoiser {
    /// Copies `samples` [channels, samples], contiguous, lets `work` change the copy in place, and gives it back.
    fn changed<'py>(
        &self,
        py: Python<'py>,
        samples: &PyReadonlyArray2<'py, f32>,
        work: fn(&mut denoiser::Denoiser, &mut [&mut [f32]]),
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let (channels, length) = (samples.shape()[0], samples.shape()[1]);
        if channels != self.channels {
            return Err(refused(format!(
                "the array has {channels} rows, and the denoiser {} channels: the shape is [channels, samples]",
                self.channels
            )));
        }
        let out = PyArray2::<f32>::zeros(py, [channels, length], false);
        if length > 0 {
            let mut writable = out.try_readwrite()?;
            let copy = writable.as_slice_mut()?;
            copy.copy_from_slice(samples.as_slice()?);
            let mut rows: Vec<&mut [f32]> = copy.chunks_exact_mut(length).collect();
            py.detach(|| {
                let mut cleaner = self.cleaner.lock().unwrap_or_else(|e| e.into_inner());
                work(&mut cleaner, &mut rows);
            });
        }
        Ok(out)
    }
}

#[pymethods]
impl Denoiser {
    #[new]
    #[pyo3(signature = (rate, channels = 1, *, model = None, limit = None, mix = 1.0, gain = 0.0, linked = true, removed = false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        rate: u32,
        channels: usize,
        model: Option<&Model>,
        limit: Option<f32>,
        mix: f32,
        gain: f32,
        linked: bool,
        removed: bool,
    ) -> PyResult<Self> {
        let config = config(rate, channels, limit, mix, gain, linked, removed);
        let cleaner = denoiser::Denoiser::new(&config, engines(model)?).map_err(refused)?;
        Ok(Denoiser {
            latency: cleaner.latency(),
            cleaner: Mutex::new(cleaner),
            channels,
            rate,
        })
    }

    #[getter]
    fn rate(&self) -> u32 {
        self.rate
    }

    #[getter]
    fn channels(&self) -> usize {
        self.channels
    }

    #[getter]
    fn latency(&self) -> usize {
        self.latency
    }

    fn process<'py>(
        &self,
        py: Python<'py>,
        samples: PyReadonlyArray2<'py, f32>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.changed(py, &samples, denoiser::Denoiser::process)
    }

    fn process_recording<'py>(
        &self,
        py: Python<'py>,
        samples: PyReadonlyArray2<'py, f32>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.changed(py, &samples, denoiser::Denoiser::process_recording)
    }

    fn reset(&self, py: Python<'_>) {
        py.detach(|| self.cleaner.lock().unwrap_or_else(|e| e.into_inner()).reset());
    }
}

fn config(
    rate: u32,
    channels: usize,
    limit: Option<f32>,
    mix: f32,
    gain: f32,
    linked: bool,
    removed: bool,
) -> Config {
    Config {
        sample_rate: rate,
        channels,
        link: if linked { Link::Linked } else { Link::Independent },
        attenuation_limit: limit,
        mix,
        output_gain: gain,
        listen: if removed { Listen::Removed } else { Listen::Cleaned },
        ..Config::default()
    }
}

/// What runs a model over streams, the built-in one if there is none, for so many channels.
fn engines(model: Option<&Model>) -> PyResult<impl FnMut(usize) -> Result<Box<dyn Engine>, aeden::Error>> {
    let network = match model {
        None => model::Model::builtin(),
        Some(Model(Network::Streams(network))) => network.clone(),
        Some(Model(Network::Recordings(_))) => {
            return Err(refused(
                "this model runs both ways over whole recordings: pass it to clean, with quality='best'",
            ));
        }
    };
    Ok(move |channels| Ok(Box::new(network.engine(channels, MAX_FRAMES)) as Box<dyn Engine>))
}

/// The network for recordings, the built-in one if there is none.
fn studio(model: Option<&Model>) -> PyResult<Studio> {
    match model {
        None => Ok(Studio::builtin()),
        Some(Model(Network::Recordings(network))) => Ok(network.clone()),
        Some(Model(Network::Streams(_))) => Err(refused(
            "this model runs over streams: the quality 'best' takes one that runs both ways (train it with --set both_ways=True)",
        )),
    }
}

/// Cleans the whole of `samples` [channels, samples], contiguous, into a new array.
#[pyfunction]
#[pyo3(signature = (samples, rate, quality, *, model = None, limit = None, mix = 1.0, gain = 0.0, linked = true, removed = false))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
fn clean<'py>(
    py: Python<'py>,
    samples: PyReadonlyArray2<'py, f32>,
    rate: u32,
    quality: &str,
    model: Option<&Model>,
    limit: Option<f32>,
    mix: f32,
    gain: f32,
    linked: bool,
    removed: bool,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (channels, length) = (samples.shape()[0], samples.shape()[1]);
    let config = config(rate, channels, limit, mix, gain, linked, removed);
    let cleaner = match quality {
        "real-time" => Cleaner::new(&config, Quality::RealTime, engines(model)?),
        "standard" => Cleaner::new(&config, Quality::Standard, engines(model)?),
        "best" => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            Cleaner::best(&config, &studio(model)?, cores)
        }
        _ => {
            return Err(refused(format!(
                "no quality {quality:?}; there are 'real-time', 'standard' and 'best'"
            )));
        }
    };
    let mut cleaner = cleaner.map_err(refused)?;
    let sound = samples.as_slice()?;
    let mut cleaned = vec![Vec::with_capacity(length); channels];
    py.detach(|| {
        for from in (0..length).step_by(BLOCK) {
            let to = length.min(from + BLOCK);
            let row = |channel| &sound[channel * length + from..channel * length + to];
            cleaner.push(&(0..channels).map(row).collect::<Vec<_>>(), &mut cleaned);
        }
        cleaner.finish(&mut cleaned);
    });
    let out = PyArray2::<f32>::zeros(py, [channels, length], false);
    let mut writable = out.try_readwrite()?;
    let rows = writable.as_slice_mut()?.chunks_exact_mut(length.max(1));
    for (row, cleaned) in rows.zip(&cleaned) {
        row.copy_from_slice(cleaned);
    }
    drop(writable);
    Ok(out)
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Model>()?;
    module.add_class::<Denoiser>()?;
    module.add_function(wrap_pyfunction!(clean, module)?)?;
    module.add_class::<jobs::Autoencoder>()?;
    module.add_class::<jobs::Sound>()?;
    module.add_class::<jobs::Index>()?;
    for job in [
        wrap_pyfunction!(jobs::describe, module)?,
        wrap_pyfunction!(jobs::detect, module)?,
        wrap_pyfunction!(jobs::place, module)?,
        wrap_pyfunction!(jobs::encode, module)?,
        wrap_pyfunction!(jobs::decode, module)?,
        wrap_pyfunction!(jobs::repair, module)?,
        wrap_pyfunction!(jobs::roomtone, module)?,
    ] {
        module.add_function(job)?;
    }
    Ok(())
}
