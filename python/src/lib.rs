//! The module `aeden._native`: the library's denoiser for numpy arrays. `aeden/__init__.py` is what users see.

mod jobs;

use aeden::presets::TRANSCRIPTION;
use aeden::{BandLimits, Cleaner, Config, Context, Kind, Link, Listen};
use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::sync::Mutex;

fn refused(problem: impl std::fmt::Display) -> PyErr {
    PyValueError::new_err(problem.to_string())
}

/// Samples of a recording that are cleaned in one go.
const BLOCK: usize = 1 << 16;

/// A network's weights, loaded once and shared by what runs it.
#[pyclass(frozen, module = "aeden")]
struct Model(aeden::Model);

#[pymethods]
impl Model {
    /// The built-in model of a quality, or the one in a `.safetensors` file.
    #[new]
    #[pyo3(signature = (file = None, *, quality = "high"))]
    fn new(file: Option<PathBuf>, quality: &str) -> PyResult<Self> {
        let Some(file) = file else {
            return built_in(quality).map(Model);
        };
        let model = aeden::Model::open(&file).map_err(refused)?;
        if model.kind() != Kind::Denoising {
            return Err(refused(format!(
                "model: {}: expected the kind \"denoising\", found {:?}",
                file.display(),
                model.kind().name()
            )));
        }
        Ok(Model(model))
    }

    /// The name that the model gives itself.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// Number of trained weights.
    #[getter]
    fn parameters(&self) -> Option<usize> {
        self.0.parameters()
    }

    /// Samples per second that the model works at; other rates are converted.
    #[getter]
    fn rate(&self) -> u32 {
        self.0.framing().rate
    }
}

/// Cleans a stream of blocks. Methods of one object exclude one another; the interpreter's lock is free meanwhile.
#[pyclass(frozen, subclass, module = "aeden")]
struct Denoiser {
    cleaner: Mutex<aeden::Denoiser>,
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
        work: fn(&mut aeden::Denoiser, &mut [&mut [f32]]),
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
    #[pyo3(signature = (rate, channels = 1, *, model = None, limit = None, bands = None, mix = 1.0, gain = 0.0, linked = true, removed = false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        rate: u32,
        channels: usize,
        model: Option<&Model>,
        limit: Option<f32>,
        bands: Option<Vec<(f32, f32)>>,
        mix: f32,
        gain: f32,
        linked: bool,
        removed: bool,
    ) -> PyResult<Self> {
        let config = config(rate, channels, limit, bands, mix, gain, linked, removed)?;
        let model = streaming(model)?;
        let cleaner = aeden::Denoiser::with_model(&model, &config).map_err(refused)?;
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
        self.changed(py, &samples, aeden::Denoiser::process)
    }

    fn process_recording<'py>(
        &self,
        py: Python<'py>,
        samples: PyReadonlyArray2<'py, f32>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        self.changed(py, &samples, aeden::Denoiser::process_recording)
    }

    fn reset(&self, py: Python<'_>) {
        py.detach(|| self.cleaner.lock().unwrap_or_else(|e| e.into_inner()).reset());
    }
}

#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
fn config(
    rate: u32,
    channels: usize,
    limit: Option<f32>,
    bands: Option<Vec<(f32, f32)>>,
    mix: f32,
    gain: f32,
    linked: bool,
    removed: bool,
) -> PyResult<Config> {
    let bands = BandLimits::new(&bands.unwrap_or_default()).map_err(refused)?;
    Ok(Config::new(rate, channels)
        .link(if linked { Link::Linked } else { Link::Independent })
        .attenuation_limit(limit)
        .bands(bands)
        .mix(mix)
        .output_gain(gain)
        .listen(if removed { Listen::Removed } else { Listen::Cleaned }))
}

/// The built-in model of a quality.
fn built_in(quality: &str) -> PyResult<aeden::Model> {
    Ok(match quality {
        _ if looks_ahead(quality)? => aeden::Model::best(),
        "high" => aeden::Model::high(),
        _ => aeden::Model::light(),
    })
}

/// Tells whether a quality looks ahead.
fn looks_ahead(quality: &str) -> PyResult<bool> {
    match quality {
        "best" => Ok(true),
        "high" | "light" => Ok(false),
        _ => Err(refused(format!(
            "no quality {quality:?}; there are 'best', 'high' and 'light'"
        ))),
    }
}

/// The model for streams, the built-in one if there is none.
fn streaming(model: Option<&Model>) -> PyResult<aeden::Model> {
    let model = model.map_or_else(aeden::Model::high, |model| model.0.clone());
    if model.looks_ahead() {
        return Err(refused(
            "this model sees what comes later, which a stream does not know: pass it to clean, without streaming",
        ));
    }
    Ok(model)
}

/// The model that cleans a recording, and what it may know of it.
fn of_recordings(
    model: Option<&Model>,
    quality: Option<&str>,
    is_stream: bool,
) -> PyResult<(aeden::Model, Context)> {
    let usual = if is_stream { "high" } else { "best" };
    // A name is checked also where a model of the user's own runs.
    let wanted = quality.map(looks_ahead).transpose()?;
    let network = match model {
        Some(model) => model.0.clone(),
        None => built_in(quality.unwrap_or(usual))?,
    };
    let context = match (network.looks_ahead(), is_stream) {
        (true, false) => Context::LookAhead,
        (false, true) => Context::Stream,
        (false, false) => Context::LeadIn,
        (true, true) => {
            return Err(refused(
                "quality 'best' sees what comes later, which a stream does not know; take 'high' or 'light'",
            ));
        }
    };
    if wanted.is_some_and(|wanted| network.looks_ahead() != wanted) {
        return Err(refused(if network.looks_ahead() {
            "this model sees what comes later: it serves quality='best'"
        } else {
            "this model runs over streams: quality='best' takes one that runs both ways (train it with --set both_ways=True)"
        }));
    }
    Ok((network, context))
}

/// Cleans the whole of `samples` [channels, samples], contiguous, into a new array.
#[pyfunction]
#[pyo3(signature = (samples, rate, quality, streaming, *, model = None, limit = None, bands = None, mix = 1.0, gain = 0.0, linked = true, removed = false))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
fn clean<'py>(
    py: Python<'py>,
    samples: PyReadonlyArray2<'py, f32>,
    rate: u32,
    quality: Option<&str>,
    streaming: bool,
    model: Option<&Model>,
    limit: Option<f32>,
    bands: Option<Vec<(f32, f32)>>,
    mix: f32,
    gain: f32,
    linked: bool,
    removed: bool,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (channels, length) = (samples.shape()[0], samples.shape()[1]);
    let config = config(rate, channels, limit, bands, mix, gain, linked, removed)?;
    let (model, context) = of_recordings(model, quality, streaming)?;
    // One core for what is fast, so that several threads of Python may share the others.
    let cores = match context {
        Context::LookAhead => std::thread::available_parallelism().map_or(1, usize::from),
        _ => 1,
    };
    let config = config.threads(cores);
    let mut cleaner = Cleaner::with_model(&model, context, &config).map_err(refused)?;
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

/// The controls that serve a purpose.
#[pyfunction]
fn purpose<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyDict>> {
    if !name.eq_ignore_ascii_case(TRANSCRIPTION.name) {
        return Err(refused(format!("no purpose {name:?}; there is 'transcription'")));
    }
    let controls = PyDict::new(py);
    controls.set_item("limit", TRANSCRIPTION.attenuation_limit())?;
    controls.set_item("mix", TRANSCRIPTION.mix)?;
    controls.set_item("gain", TRANSCRIPTION.gain)?;
    controls.set_item("linked", TRANSCRIPTION.link)?;
    Ok(controls)
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Model>()?;
    module.add_class::<Denoiser>()?;
    module.add_function(wrap_pyfunction!(clean, module)?)?;
    module.add_function(wrap_pyfunction!(purpose, module)?)?;
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
