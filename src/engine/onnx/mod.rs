//! Denoisers as ONNX files, run by ONNX Runtime (cargo feature `onnx`).
//!
//! ONNX is how models come from elsewhere, and what the [native engine](super::NativeEngine) is tested against. ONNX
//! Runtime allocates in every call: use this engine for files, never on an audio thread.
//!
//! # The file
//! Any recurrent network over spectra will do. Its graph takes `spectrum`, float `[1, T, F, 2]` (one clip, T frames,
//! F = window / 2 + 1 bins, real and imaginary part of the unnormalised forward transform), and its states; it gives
//! `clean` in the same shape, and the states after the last frame. T is dynamic or 1, the shapes of states are fixed,
//! and states start at zero. The metadata property `aeden` holds JSON that says so, with the names of your choice:
//!
//! ```json
//! {"format": 1, "name": "mine", "kind": "denoising", "rate": 48000, "window": 960, "hop": 480,
//!  "window_shape": "vorbis", "input": "spectrum", "output": "clean", "states": [["state_in", "state_out"]]}
//! ```
//!
//! `window_shape` is `vorbis`, `sqrt_hann` or `hann`. With `"grids": N`, 1 to 8, the graph runs N times, each with every
//! N-th frame of a hop N times shorter. `models/recipe/export.py` writes such files.
//!
//! # Other people's files
//! Where the property is not there, the same JSON may lie beside the file: `mine.json` beside `mine.onnx`. So that graphs run as
//! they were exported, it may also say
//!
//! - `"axes"`, the axes of spectra in the graph, each a character: `1`, `T` for frames (may be missing), `F` for bins, `2` for real and
//!   imaginary part; `1TF2` unless it is said.
//! - `"scale"`, by which spectra are multiplied before the graph and divided after it; 1 unless it is said.
//! - `"delay"`, the frames by which the graph's output is later than its input, 0 to 64; 0 unless it is said.
//! - of a state that does not start at zero `{"input": "a", "output": "b", "first": 1.0}`, or a list with all its numbers, or
//!   `{"metadata": ["p", "q"]}`: properties of the graph's metadata with its first numbers, commas between them, the rest being zeros.
//! - of states that are numbered from 0, as many as the graph has, `["cache_in_*", "cache_out_*"]`.
//!
//! For some published denoisers such files lie ready in `models/others`.
//!
//! # The library
//! ONNX Runtime 1.17 or newer is loaded at run time by [`load_library`]; nothing is linked or downloaded at build time.
//! It is never looked for in the folder where the program runs or below it: who unpacks an archive and works in it must
//! not run the code in it.

mod about;

use super::interface::Engine;
use crate::error::Error;
use crate::spectrum::Framing;
use about::{About, Source};
use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};
use rustfft::num_complex::Complex32;
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The most that a mask may amplify a bin when it is carried over from the guide to several channels.
const MOST_GAIN: f32 = 4.0;

/// Power of a bin of the guide under which no mask can be told from it; those bins pass unchanged.
const SILENCE: f32 = 1e-16;

/// The longest state file that is read, in bytes: the limit of the ONNX format itself.
const MOST_BYTES: u64 = 1 << 31;

/// The most numbers in all states together, 64 MiB of them.
const MOST_STATE: usize = 1 << 24;

/// The library, once it is loaded. ONNX Runtime allows one environment in a process.
static LIBRARY: Mutex<Option<Library>> = Mutex::new(None);

#[derive(Clone)]
struct Library {
    path: PathBuf,
    /// It was found where systems have it: nobody named it.
    found: bool,
    environment: Environment,
}

/// Loads ONNX Runtime, once in a process, and returns the path that it was loaded from.
///
/// The first of these decides: the environment variable `ORT_DYLIB_PATH`; `path`; a system library folder; the Python
/// package `onnxruntime` in the virtual environment that is active (`VIRTUAL_ENV`, an absolute path). A bare file name
/// in `ORT_DYLIB_PATH` is refused, since it would mean another file in every folder. Later calls return the library
/// already loaded.
///
/// # Errors
/// [`Error::Runtime`] where there is no library, or one that cannot be used, with what to do about it.
pub fn load_library(path: Option<&Path>) -> Result<PathBuf, Error> {
    library(path).map(|library| library.path)
}

/// The library, once it is loaded, if it was found without being named: whose code it is should be told to whoever
/// runs the program.
pub fn found_library() -> Option<PathBuf> {
    let loaded = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    loaded
        .clone()
        .filter(|library| library.found)
        .map(|library| library.path)
}

fn library(path: Option<&Path>) -> Result<Library, Error> {
    let mut loaded = LIBRARY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(library) = &*loaded {
        return Ok(library.clone());
    }
    let (path, found) = match named_library(path)? {
        Some(named) => (named, false),
        None => (find_library()?, true),
    };
    let environment = ort::init_from(&path)
        .map_err(|e| {
            let problem = format!("{e}; aeden needs version 1.17 or newer: {WHAT_TO_DO}");
            Error::runtime(problem, e)
        })?
        .with_name("aeden")
        .with_telemetry(false)
        .build()
        .map_err(|e| Error::runtime(format!("{} does not start: {e}", path.display()), e))?;
    // Problems come back as errors; ONNX Runtime would print them as well.
    environment.set_log_level(ort::logging::LogLevel::Fatal);
    let library = Library {
        path,
        found,
        environment,
    };
    Ok(loaded.insert(library).clone())
}

const WHAT_TO_DO: &str = "run `pip install onnxruntime` in a virtual environment and activate that, or set ORT_DYLIB_PATH to the library's path";

/// The library that the environment or else the caller names, if either does.
fn named_library(path: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    let variable = std::env::var_os("ORT_DYLIB_PATH").filter(|name| !name.is_empty());
    let (source, named) = match (&variable, path) {
        (Some(name), _) => ("ORT_DYLIB_PATH names", Path::new(name)),
        (None, Some(path)) => ("this is", path),
        (None, None) => return Ok(None),
    };
    let refuse = |why: &str| {
        let named = named.display();
        Err(Error::no_runtime(format!(
            "{source} {why}: {named}; {WHAT_TO_DO}"
        )))
    };
    if variable.is_some() && named.components().count() < 2 {
        return refuse("a file without its folder");
    }
    // An absolute path, so that the loader does not search its own folders for a bare name.
    match named.canonicalize() {
        Ok(file) if file.is_file() => Ok(Some(file)),
        _ => refuse("no file"),
    }
}

fn find_library() -> Result<PathBuf, Error> {
    let system = if cfg!(target_os = "macos") {
        &["/opt/homebrew/lib", "/usr/local/lib"][..]
    } else if cfg!(windows) {
        &[][..]
    } else {
        &[
            "/usr/local/lib",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/lib/aarch64-linux-gnu",
            "/usr/lib64",
            "/usr/lib",
        ]
    };
    let active = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
    let packages = active.iter().filter(|venv| venv.is_absolute()).flat_map(|venv| {
        let mut found = listed(&venv.join("lib"), "python3");
        found.push(venv.join("Lib")); // Windows
        found
            .into_iter()
            .map(|python| python.join("site-packages/onnxruntime/capi"))
    });
    let prefix = format!("{}onnxruntime", std::env::consts::DLL_PREFIX);
    let extension = std::env::consts::DLL_EXTENSION;
    let is_library = |file: &PathBuf| {
        let rest = file
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.strip_prefix(&prefix));
        rest.is_some_and(|r| r.starts_with('.') && r.split('.').any(|part| part == extension))
    };
    system
        .iter()
        .map(PathBuf::from)
        .chain(packages)
        .find_map(|folder| listed(&folder, &prefix).into_iter().rfind(is_library))
        .and_then(|file| file.canonicalize().ok())
        .ok_or_else(|| Error::no_runtime(format!("no library found: {WHAT_TO_DO}")))
}

/// The entries of a folder whose names begin with `prefix`, sorted; none where the folder cannot be read.
fn listed(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .filter(|e| e.file_name().to_string_lossy().starts_with(prefix))
        .map(|e| e.path())
        .collect();
    found.sort();
    found
}

/// A denoiser in an ONNX file, checked and ready to make engines of.
#[derive(Clone, Debug)]
pub(crate) struct OnnxModel {
    file: Arc<[u8]>,
    about: Arc<About>,
    framing: Framing,
    /// The shape of each state, in the order of `about.states`.
    state_shapes: Vec<Vec<usize>>,
    /// Initial values of each state.
    first_states: Arc<[Vec<f32>]>,
}

/// The longest description that is read from a file of its own, in bytes: first values of states may be long.
const MOST_SIDE_CAR: u64 = 1 << 26;

/// The contents of a file.
fn read(path: &Path, most: u64, limit: &str) -> Result<Vec<u8>, Error> {
    let unreadable = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let refuse = |problem: &str| Err(Error::format(problem).in_file(path));
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        // A pipe or device, which may have no end, or a folder.
        return refuse("no regular file; give the model itself");
    }
    let mut bytes = Vec::new();
    // What is said to be short may be without end: files that the system itself makes up.
    let read = |file: File| file.take(most + 1).read_to_end(&mut bytes);
    File::open(path).and_then(read).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        return refuse(&format!("too large: {limit}"));
    }
    Ok(bytes)
}

/// A property of a graph's own metadata.
fn property_of(session: &Session, name: &str) -> Option<String> {
    session.metadata().ok().and_then(|metadata| metadata.custom(name))
}

/// The description in a graph's own metadata.
fn embedded(session: &Session) -> Option<String> {
    property_of(session, "aeden")
}

impl OnnxModel {
    /// Reads and checks a model file, and runs it on two frames of silence to see that it does what it says.
    ///
    /// Loads ONNX Runtime by [`load_library`]`(None)` if no call has loaded it yet.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, and those of [`from_bytes`](Self::from_bytes) with its name.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        library(None)?;
        let file: Arc<[u8]> = read(path, MOST_BYTES, "an ONNX file has at most 2 GiB")?.into();
        let session = session(&file).map_err(|e| e.in_file(path))?;
        if embedded(&session).is_none() {
            let side_car = path.with_extension("json");
            if side_car.exists() {
                let text = read(&side_car, MOST_SIDE_CAR, "a description has at most 64 MiB")?;
                let about = About::parse(Source::SideCar, &text).map_err(|e| e.in_file(&side_car))?;
                return Self::checked(file, session, about).map_err(|e| e.in_file(path));
            }
        }
        Self::described(file, session).map_err(|e| e.in_file(path))
    }

    /// The same with the contents of a file.
    ///
    /// # Errors
    /// [`Error::Runtime`] without a usable library. [`Error::Format`] or [`Error::Model`] for what is no valid ONNX graph,
    /// has no metadata (see the [module](self)), or has inputs, outputs or shapes that the metadata does not describe; the
    /// text names what is missing.
    pub(crate) fn from_bytes(file: Arc<[u8]>) -> Result<Self, Error> {
        let session = session(&file)?;
        Self::described(file, session)
    }

    /// A graph that describes itself.
    fn described(file: Arc<[u8]>, session: Session) -> Result<Self, Error> {
        let metadata = embedded(&session).ok_or_else(|| {
            Error::format(format!(
                "has no metadata property `aeden`, so its use is unknown ({}); add one, or a file with the same name that ends in \
                 .json beside it, that names rate, window, hop, window_shape, input, output and states, see the documentation of \
                 aeden::onnx",
                describe(&session)
            ))
        })?;
        let about = About::parse(Source::Metadata, metadata.as_bytes())?;
        Self::checked(file, session, about)
    }

    fn checked(file: Arc<[u8]>, session: Session, about: About) -> Result<Self, Error> {
        let framing = about.framing()?;
        let inputs: Vec<&str> = session.inputs().iter().map(Outlet::name).collect();
        let about = about.of_graph(&inputs)?;
        let state_shapes = check_graph(&session, &about, &framing)?;
        let first_states = about.first_states(&state_shapes, |property| property_of(&session, property))?;
        let model = Self {
            file,
            about: Arc::new(about),
            framing,
            state_shapes,
            first_states: first_states.into(),
        };
        let mut engine = OnnxEngine::new(&model, session, 1);
        let silence = vec![Complex32::ZERO; engine.framing.bins()];
        for _ in 0..2 {
            engine.run(&silence).map_err(Error::Model)?;
        }
        Ok(model)
    }

    /// The name that the file gives itself.
    pub(crate) fn name(&self) -> &str {
        &self.about.name
    }

    /// The framing of the spectra that the model takes.
    pub(crate) fn framing(&self) -> &Framing {
        &self.framing
    }

    /// Grids of frames, each of which an engine of its own runs.
    pub(crate) fn grids(&self) -> usize {
        self.about.grids
    }

    /// Builds an engine that runs this model, with `channels` (at least 1) under one mask.
    ///
    /// With several channels, each bin is multiplied by what the network did to that bin of the guide: the complex
    /// ratio of clean to guide, at most 4 in magnitude.
    ///
    /// # Errors
    /// [`Error::Setting`] for no channels; [`Error::Model`] where ONNX Runtime cannot build another session.
    pub(crate) fn engine(&self, channels: usize) -> Result<OnnxEngine, Error> {
        if channels == 0 {
            return Err(Error::Setting("an engine needs at least 1 channel".into()));
        }
        Ok(OnnxEngine::new(self, session(&self.file)?, channels))
    }
}

/// One thread, because files are the unit of parallel work, and results must not depend on the number of cores.
fn session(file: &[u8]) -> Result<Session, Error> {
    let Library { environment, .. } = library(None)?;
    let build = || -> Result<Session, String> {
        let text = |e: ort::Error| e.to_string();
        let builder = Session::builder(&environment).map_err(text)?;
        let builder = builder.with_intra_threads(1).map_err(|e| e.to_string())?;
        let mut builder = builder.with_inter_threads(1).map_err(|e| e.to_string())?;
        builder.commit_from_memory(file).map_err(text)
    };
    build().map_err(|e| Error::format(format!("ONNX Runtime refuses it: {}", one_line(&e))))
}

/// ONNX Runtime's messages can run over several lines; errors here are one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn describe(session: &Session) -> String {
    let names = |outlets: &[Outlet]| {
        outlets
            .iter()
            .map(|o| format!("{} {}", o.name(), kind(o)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!(
        "inputs: {}; outputs: {}",
        names(session.inputs()),
        names(session.outputs())
    )
}

fn kind(outlet: &Outlet) -> String {
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let dims: Vec<_> = shape
                .iter()
                .map(|&d| if d < 0 { "?".into() } else { d.to_string() })
                .collect();
            format!("{ty:?}[{}]", dims.join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// The shapes of the states, if the graph takes and gives what `about` says and nothing that is not described.
fn check_graph(session: &Session, about: &About, framing: &Framing) -> Result<Vec<Vec<usize>>, Error> {
    let refuse = |text: String| {
        Err(Error::Model(format!(
            "{text}; the graph has {}",
            describe(session)
        )))
    };
    fn dims<'a>(outlets: &'a [Outlet], name: &str) -> Option<&'a [i64]> {
        match outlets.iter().find(|o| o.name() == name)?.dtype() {
            ValueType::Tensor {
                ty: TensorElementType::Float32,
                shape,
                ..
            } => Some(shape),
            _ => None,
        }
    }
    let spectrum = about.shape(framing.bins());
    for (role, outlets, name) in [
        ("input", session.inputs(), &about.input),
        ("output", session.outputs(), &about.output),
    ] {
        let Some(d) = dims(outlets, name) else {
            return refuse(format!("no float {role} \"{name}\""));
        };
        // An output may have lost its number of frames to shape inference: the trial run looks at what comes.
        let fits = d.len() == spectrum.len()
            && d.iter()
                .zip(&spectrum)
                .all(|(&d, &want)| d == -1 || d == want as i64);
        if role == "input" && !fits {
            return refuse(format!(
                "the {role} \"{name}\" must have shape {} with T dynamic or 1",
                about.shape_in_words(framing.bins())
            ));
        }
    }
    for input in session.inputs() {
        let known =
            input.name() == about.input || about.states.iter().any(|state| state.input() == input.name());
        if !known {
            return refuse(format!(
                "the input \"{}\" is neither the spectrum nor a state: name it in `states` of the metadata, \
                 with the output that feeds it",
                input.name()
            ));
        }
    }
    let mut shapes = Vec::with_capacity(about.states.len());
    let mut total = 0usize;
    for (at, state) in about.states.iter().enumerate() {
        let (into, out) = (state.input(), state.output());
        if into == about.input
            || out == about.output
            || about.states[..at]
                .iter()
                .any(|other| other.input() == into || other.output() == out)
        {
            return refuse(format!("\"{into}\" or \"{out}\" stands twice in the metadata"));
        }
        let (Some(shape), Some(after)) = (dims(session.inputs(), into), dims(session.outputs(), out)) else {
            return refuse(format!(
                "no float state from input \"{into}\" to output \"{out}\""
            ));
        };
        if shape.iter().any(|&d| d < 1) {
            return refuse(format!(
                "the state \"{into}\" must have a fixed shape of at least one number"
            ));
        }
        if after.len() != shape.len() || shape.iter().zip(after).any(|(a, b)| *b >= 0 && a != b) {
            return refuse(format!(
                "the state \"{out}\" comes out in another shape than \"{into}\" goes in"
            ));
        }
        let shape: Vec<usize> = shape.iter().map(|&d| d as usize).collect();
        let size = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        total = size.and_then(|n| n.checked_add(total)).unwrap_or(usize::MAX);
        if total > MOST_STATE {
            return refuse(format!("its states hold more than {MOST_STATE} numbers"));
        }
        shapes.push(shape);
    }
    Ok(shapes)
}

/// Runs an [`OnnxModel`], one frame a call of ONNX Runtime.
///
/// One frame at a time, because ONNX Runtime picks other kernels for other numbers of frames, and then the split into
/// calls would change the last bits of the result.
#[derive(Debug)]
pub(crate) struct OnnxEngine {
    session: Session,
    about: Arc<About>,
    framing: Framing,
    channels: usize,
    /// The shape of a spectrum of one frame.
    shape: Vec<usize>,
    state_shapes: Vec<Vec<usize>>,
    first_states: Arc<[Vec<f32>]>,
    /// Each state's numbers, row-major, as the next frame finds them.
    states: Vec<Vec<f32>>,
    /// A frame as the graph takes it.
    frame: Vec<f32>,
    /// The graph's output, in the same shape.
    clean: Vec<f32>,
    waiting: Waiting,
}

/// Frames that wait for a graph that is late: guide and channels, one after the other.
#[derive(Debug)]
struct Waiting {
    /// `[frame][guide, channel…][bin]`, a ring.
    ring: Vec<Complex32>,
    /// Start of the oldest frame.
    at: usize,
    /// The frame that is worked on, `[guide, channel…][bin]`.
    frame: Vec<Complex32>,
}

impl Waiting {
    /// Exchanges the frame that is worked on for that of `delay` frames ago.
    fn exchange(&mut self) {
        if self.ring.is_empty() {
            return;
        }
        let size = self.frame.len();
        self.frame
            .swap_with_slice(&mut self.ring[self.at..self.at + size]);
        self.at = (self.at + size) % self.ring.len();
    }
}

impl OnnxEngine {
    fn new(model: &OnnxModel, session: Session, channels: usize) -> Self {
        let bins = model.framing.bins();
        let size = (1 + channels) * bins;
        Self {
            session,
            about: model.about.clone(),
            framing: model.framing.clone(),
            channels,
            shape: model.about.shape(bins),
            states: model.first_states.to_vec(),
            first_states: model.first_states.clone(),
            state_shapes: model.state_shapes.clone(),
            frame: vec![0.0; 2 * bins],
            clean: vec![0.0; 2 * bins],
            waiting: Waiting {
                ring: vec![Complex32::ZERO; model.about.delay * size],
                at: 0,
                frame: vec![Complex32::ZERO; size],
            },
        }
    }

    /// Fills `clean` from one frame and moves the states on. On an error `clean` and the states mean nothing.
    fn run(&mut self, frame: &[Complex32]) -> Result<(), String> {
        self.about.write(frame, &mut self.frame);
        let text = |e: ort::Error| one_line(&e.to_string());
        let mut inputs: Vec<(Cow<str>, SessionInputValue)> = Vec::with_capacity(1 + self.states.len());
        let spectrum = TensorRef::from_array_view((self.shape.as_slice(), &*self.frame)).map_err(text)?;
        inputs.push((self.about.input.as_str().into(), spectrum.into()));
        for ((names, state), shape) in self.about.states.iter().zip(&self.states).zip(&self.state_shapes) {
            let tensor = TensorRef::from_array_view((shape.as_slice(), &**state)).map_err(text)?;
            inputs.push((names.input().into(), tensor.into()));
        }
        let outputs = self.session.run(inputs).map_err(text)?;
        let clean = std::iter::once((&*self.about.output, &self.shape, &mut self.clean));
        let states = self
            .about
            .states
            .iter()
            .zip(&self.state_shapes)
            .zip(&mut self.states);
        for (name, shape, into) in
            clean.chain(states.map(|((names, shape), state)| (names.output(), shape, state)))
        {
            let value = outputs.get(name).ok_or_else(|| format!("gives no \"{name}\""))?;
            let (found, values) = value.try_extract_tensor::<f32>().map_err(text)?;
            if found.len() != shape.len() || found.iter().zip(shape).any(|(&a, &b)| a != b as i64) {
                return Err(format!(
                    "gives \"{name}\" in shape {:?} instead of {shape:?}",
                    &**found
                ));
            }
            if values.iter().any(|v| !v.is_finite()) {
                return Err(format!("gives numbers in \"{name}\" that are not finite"));
            }
            into.copy_from_slice(values);
        }
        Ok(())
    }

    fn begin_anew(&mut self) {
        for (state, first) in self.states.iter_mut().zip(&*self.first_states) {
            state.copy_from_slice(first);
        }
    }
}

impl Engine for OnnxEngine {
    fn framing(&self) -> &Framing {
        &self.framing
    }

    fn channels(&self) -> usize {
        self.channels
    }

    fn max_frames(&self) -> usize {
        32
    }

    /// A frame in which the network fails or gives numbers that are not finite passes unchanged, and its
    /// states start over.
    fn process(&mut self, guide: &[Complex32], spectra: &mut [Complex32]) {
        let bins = self.framing.bins();
        let frames = guide.len() / bins;
        for (number, frame) in guide.chunks_exact(bins).enumerate() {
            let works = self.run(frame).is_ok();
            if !works {
                self.begin_anew();
            }
            let Waiting { frame: old, .. } = &mut self.waiting;
            old[..bins].copy_from_slice(frame);
            let place =
                |channel: usize| (channel * frames + number) * bins..(channel * frames + number + 1) * bins;
            for (channel, old) in old[bins..].chunks_exact_mut(bins).enumerate() {
                old.copy_from_slice(&spectra[place(channel)]);
            }
            self.waiting.exchange();
            let (guide, channels) = self.waiting.frame.split_at_mut(bins);
            if works {
                for (bin, guide) in guide.iter().enumerate() {
                    let clean = self.about.read(&self.clean, bin);
                    if self.channels == 1 {
                        channels[bin] = clean;
                        continue;
                    }
                    let gain = mask(clean, *guide);
                    for channel in channels.chunks_exact_mut(bins) {
                        channel[bin] *= gain;
                    }
                }
            }
            for (channel, old) in channels.chunks_exact(bins).enumerate() {
                spectra[place(channel)].copy_from_slice(old);
            }
        }
    }

    fn reset(&mut self) {
        self.begin_anew();
        self.waiting.ring.fill(Complex32::ZERO);
    }

    fn is_real_time(&self) -> bool {
        false
    }

    fn delay(&self) -> usize {
        self.about.delay
    }
}

/// The mask of one bin: `clean / guide`, at most [`MOST_GAIN`] in magnitude, 1 in silence.
fn mask(clean: Complex32, guide: Complex32) -> Complex32 {
    let power = guide.norm_sqr();
    if power < SILENCE {
        return Complex32::ONE;
    }
    let ratio = clean * guide.conj() / power;
    let size = ratio.norm();
    if size > MOST_GAIN {
        ratio * (MOST_GAIN / size)
    } else {
        ratio
    }
}
