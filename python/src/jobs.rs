//! The other jobs: finding, detecting, maps, small files, repair, room tone.

use crate::refused;
use aeden_jobs::codec::{self, Coarseness, Codec, Depth, Search};
use aeden_jobs::detect::Detector;
use aeden_jobs::find::{self, Change, Describer, Stamp};
use aeden_jobs::repair::{Damage, Region, Repairer};
use aeden_jobs::roomtone::{Learner, Tone};
use aeden_jobs::{Error, FormatError, map, models};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::path::PathBuf;

/// Translates an error of a job into the exception that fits.
fn failed(error: Error) -> PyErr {
    match error {
        Error::Io(e) => PyErr::from(e),
        Error::Busy | Error::Index(_) => PyOSError::new_err(error.to_string()),
        error => refused(error),
    }
}

/// The channels of contiguous `samples` [channels, samples].
fn rows<'a>(samples: &'a PyReadonlyArray2<'_, f32>) -> PyResult<Vec<&'a [f32]>> {
    let (channels, length) = (samples.shape()[0], samples.shape()[1]);
    let sound = samples.as_slice()?;
    Ok((0..channels)
        .map(|channel| &sound[channel * length..(channel + 1) * length])
        .collect())
}

/// Vectors of equal length as an array [rows, columns].
fn array<'py>(py: Python<'py>, planes: &[Vec<f32>]) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let length = planes.first().map_or(0, Vec::len);
    let out = PyArray2::<f32>::zeros(py, [planes.len(), length], false);
    let mut writable = out.try_readwrite()?;
    for (row, plane) in writable
        .as_slice_mut()?
        .chunks_exact_mut(length.max(1))
        .zip(planes)
    {
        row.copy_from_slice(plane);
    }
    drop(writable);
    Ok(out)
}

/// A network of the family.
#[pyclass(frozen, module = "aeden")]
pub struct Autoencoder(aeden_jobs::Autoencoder);

#[pymethods]
impl Autoencoder {
    #[new]
    fn new(file: PathBuf) -> PyResult<Self> {
        aeden_jobs::Autoencoder::open(file)
            .map(Autoencoder)
            .map_err(refused)
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind().name()
    }

    #[getter]
    fn parameters(&self) -> usize {
        self.0.parameters()
    }

    #[getter]
    fn code(&self) -> usize {
        self.0.code()
    }
}

/// The network that was given, or the one of the job.
fn network(
    model: Option<&Autoencoder>,
    built_in: fn() -> aeden_jobs::Autoencoder,
) -> aeden_jobs::Autoencoder {
    model.map_or_else(built_in, |model| model.0.clone())
}

/// A sound in short.
#[pyclass(frozen, module = "aeden")]
pub struct Sound(find::Sound);

#[pymethods]
impl Sound {
    #[getter]
    fn descriptor<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i8>> {
        PyArray1::from_slice(py, self.0.descriptor.values())
    }

    #[getter]
    fn seconds(&self) -> f64 {
        self.0.seconds
    }

    fn similarity(&self, other: &Sound) -> PyResult<f32> {
        let (own, other) = (&self.0.descriptor, &other.0.descriptor);
        match own.model() == other.model() {
            true => Ok(own.similarity(other)),
            false => Err(refused("the sounds were described by different networks")),
        }
    }
}

#[pyfunction]
#[pyo3(signature = (samples, rate, model = None))]
pub fn describe(
    py: Python<'_>,
    samples: PyReadonlyArray2<'_, f32>,
    rate: u32,
    model: Option<&Autoencoder>,
) -> PyResult<Sound> {
    let describer = Describer::with_model(network(model, models::sparse));
    let rows = rows(&samples)?;
    let sound = py.detach(|| describer.describe(&rows, rate));
    sound.map(Sound).map_err(failed)
}

/// A file with the descriptors of many sounds.
#[pyclass(frozen, module = "aeden")]
pub struct Index(find::Index);

#[pymethods]
impl Index {
    #[new]
    #[pyo3(signature = (file, model = None))]
    fn new(file: PathBuf, model: Option<&Autoencoder>) -> PyResult<Self> {
        let describer = Describer::with_model(network(model, models::sparse));
        find::Index::create(&file, &describer)
            .map(Index)
            .map_err(|e| match e {
                Error::Format(FormatError::Foreign) => {
                    PyValueError::new_err(format!("{} is no index, or damaged", file.display()))
                }
                Error::Format(e) => PyValueError::new_err(format!(
                    "{}: the index is damaged ({e}); remove it and make it anew",
                    file.display()
                )),
                e => failed(e),
            })
    }

    fn add(&self, py: Python<'_>, sounds: Vec<(PathBuf, PyRef<'_, Sound>)>) -> PyResult<()> {
        let put = |(path, sound): (PathBuf, PyRef<'_, Sound>)| Change::Put {
            path,
            stamp: Stamp::default(),
            sound: sound.0.clone(),
        };
        let changes: Vec<Change> = sounds.into_iter().map(put).collect();
        py.detach(|| self.0.apply(&changes)).map_err(failed)
    }

    fn remove(&self, py: Python<'_>, paths: Vec<PathBuf>) -> PyResult<()> {
        let changes: Vec<Change> = paths.into_iter().map(Change::Remove).collect();
        py.detach(|| self.0.apply(&changes)).map_err(failed)
    }

    #[pyo3(signature = (sound, top, itself = None))]
    fn search(
        &self,
        py: Python<'_>,
        sound: &Sound,
        top: usize,
        itself: Option<PathBuf>,
    ) -> PyResult<Vec<(PathBuf, f32, f64)>> {
        let query = &sound.0.descriptor;
        let found = py.detach(|| self.0.search(query, top, itself.as_deref()));
        let found = found.map_err(failed)?.into_iter();
        Ok(found.map(|m| (m.path, m.similarity, m.seconds)).collect())
    }

    fn contains(&self, path: PathBuf) -> PyResult<bool> {
        self.0.entry(path).map(|entry| entry.is_some()).map_err(failed)
    }

    fn count(&self) -> PyResult<u64> {
        self.0.count().map_err(failed)
    }
}

/// Start, end, score, frequency and change of an event.
type Event = (f64, f64, f32, f64, &'static str);

/// Scores, the second of the first, seconds from one to the next, and the events.
type Findings<'py> = (Bound<'py, PyArray1<f32>>, f64, f64, Vec<Event>);

#[pyfunction]
#[pyo3(signature = (samples, rate, normal, threshold, model = None))]
pub fn detect<'py>(
    py: Python<'py>,
    samples: PyReadonlyArray2<'py, f32>,
    rate: u32,
    normal: Vec<(PyReadonlyArray2<'py, f32>, u32)>,
    threshold: f32,
    model: Option<&Autoencoder>,
) -> PyResult<Findings<'py>> {
    let detector = Detector::with_model(network(model, models::pca));
    let hear = |rows: &[&[f32]], rate| -> Result<_, Error> {
        let mut listening = detector.listen(rate, rows.len())?;
        listening.push(rows)?;
        Ok(listening.finish())
    };
    let recording = rows(&samples)?;
    let mut others = Vec::new();
    for (samples, rate) in &normal {
        others.push((rows(samples)?, *rate));
    }
    let detection = py.detach(|| -> Result<_, Error> {
        let others = others.iter().map(|(rows, rate)| hear(rows, *rate));
        let normal = detector.learn(others.collect::<Result<Vec<_>, _>>()?);
        Ok(detector.examine(hear(&recording, rate)?, normal.as_ref(), threshold))
    });
    let detection = detection.map_err(failed)?;
    let events = detection.events.iter();
    let events = events.map(|e| (e.start, e.end, e.score, e.frequency, e.change.name()));
    Ok((
        PyArray1::from_slice(py, &detection.scores),
        detection.first,
        detection.step,
        events.collect(),
    ))
}

/// Points `[sound][x, y]`, and the cluster of each sound.
type Places<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<i64>>);

#[pyfunction]
pub fn place<'py>(py: Python<'py>, sounds: Vec<PyRef<'py, Sound>>, clusters: usize) -> PyResult<Places<'py>> {
    let descriptors: Vec<_> = sounds.iter().map(|sound| sound.0.descriptor.clone()).collect();
    let places = py.detach(|| map::place(&descriptors, clusters)).map_err(failed)?;
    let points = PyArray2::<f64>::zeros(py, [places.len(), 2], false);
    let mut writable = points.try_readwrite()?;
    for (point, place) in writable.as_slice_mut()?.chunks_exact_mut(2).zip(&places) {
        point.copy_from_slice(&[place.x, place.y]);
    }
    drop(writable);
    let clusters: Vec<i64> = places.iter().map(|place| place.cluster as i64).collect();
    Ok((points, PyArray1::from_slice(py, &clusters)))
}

/// The size that an encoded recording may take.
#[derive(FromPyObject)]
pub enum Rate {
    Named(String),
    Kilobits(f64),
}

#[pyfunction]
#[pyo3(signature = (samples, rate, kbit_s, bits, model = None))]
pub fn encode<'py>(
    py: Python<'py>,
    samples: PyReadonlyArray2<'py, f32>,
    rate: u32,
    kbit_s: Rate,
    bits: u8,
    model: Option<&Autoencoder>,
) -> PyResult<Bound<'py, PyBytes>> {
    let depth = match bits {
        8 => Depth::Int8,
        16 => Depth::Int16,
        24 => Depth::Int24,
        32 => Depth::Float32,
        _ => {
            return Err(refused(format!(
                "{bits} bits; there are 8, 16, 24 and 32 (floating point)"
            )));
        }
    };
    let codec = Codec::with_model(network(model, models::envelopes)).map_err(failed)?;
    let rows = rows(&samples)?;
    let all = |coarseness| codec.encode(&rows, rate, depth, coarseness);
    let bytes = match kbit_s {
        Rate::Named(name) => {
            let coarseness = match name.as_str() {
                "low" => Coarseness::LOW,
                "mid" => Coarseness::MID,
                "high" => Coarseness::HIGH,
                _ => {
                    return Err(refused(format!(
                        "no rate {name:?}; there are 'low', 'mid', 'high', or kbit/s"
                    )));
                }
            };
            py.detach(|| all(coarseness))
        }
        Rate::Kilobits(kilobits) if (4.0..=1000.0).contains(&kilobits) => py.detach(|| {
            let seconds = samples_in(&rows) as f64 / f64::from(rate.max(1));
            let mut search = Search::new((kilobits * 125.0 * seconds) as u64);
            while let Some(coarseness) = search.next() {
                search.tell(all(coarseness)?.len() as u64);
            }
            all(search.found())
        }),
        Rate::Kilobits(kilobits) => {
            return Err(refused(format!("{kilobits} kbit/s; 4 to 1000 are possible")));
        }
    };
    Ok(PyBytes::new(py, &bytes.map_err(failed)?))
}

fn samples_in(rows: &[&[f32]]) -> usize {
    rows.first().map_or(0, |row| row.len())
}

#[pyfunction]
#[pyo3(signature = (data, model = None))]
pub fn decode<'py>(
    py: Python<'py>,
    data: &[u8],
    model: Option<&Autoencoder>,
) -> PyResult<(Bound<'py, PyArray2<f32>>, u32)> {
    let codec = Codec::with_model(network(model, models::envelopes)).map_err(failed)?;
    let decoded = py.detach(|| -> Result<_, Error> {
        let mut decoder: codec::Decoder<_> = codec.decoder(data)?;
        let (rate, channels) = (decoder.header().rate, decoder.header().channels);
        let mut planes = vec![Vec::new(); channels.into()];
        while let Some(block) = decoder.next_block()? {
            for (plane, block) in planes.iter_mut().zip(block) {
                plane.extend_from_slice(block);
            }
        }
        Ok((planes, rate))
    });
    let (planes, rate) = decoded.map_err(failed)?;
    Ok((array(py, &planes)?, rate))
}

/// Kind, channel, first sample and the one after the last.
type Mended = (&'static str, usize, u64, u64);

#[pyfunction]
#[pyo3(signature = (samples, rate, find, regions, step, prediction_only, model = None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub fn repair<'py>(
    py: Python<'py>,
    samples: PyReadonlyArray2<'py, f32>,
    rate: u32,
    find: Vec<String>,
    regions: Vec<(f64, f64)>,
    step: f32,
    prediction_only: bool,
    model: Option<&Autoencoder>,
) -> PyResult<(Bound<'py, PyArray2<f32>>, Vec<Mended>)> {
    let damages = find.iter().map(|name| match name.as_str() {
        "drop-outs" => Ok(Damage::DropOut),
        "clicks" => Ok(Damage::Click),
        "peaks" => Ok(Damage::Peak),
        _ => Err(refused(format!(
            "no damage {name:?}; there are 'drop-outs', 'clicks' and 'peaks'"
        ))),
    });
    let damages = damages.collect::<PyResult<Vec<_>>>()?;
    let mut wanted = Vec::new();
    for (start, end) in regions {
        if !(start >= 0.0 && start < end && end - start <= aeden_jobs::repair::LONGEST) {
            return Err(refused(format!(
                "a region from {start} to {end} s; it must begin at 0 s or later and last for up to {} s",
                aeden_jobs::repair::LONGEST
            )));
        }
        wanted.push(Region { start, end });
    }
    let rows = rows(&samples)?;
    let repairer = match prediction_only {
        true => Repairer::predicting(rate, rows.len()),
        false => Repairer::with_model(rate, rows.len(), network(model, models::repair)),
    };
    let repairer = repairer.map_err(failed)?.looking_for(&damages).filling(&wanted);
    let mut repairer = repairer.in_steps_of(step);
    let mut out = vec![Vec::new(); rows.len()];
    let done = py.detach(|| {
        repairer.push(&rows, &mut out)?;
        repairer.finish(&mut out)
    });
    done.map_err(failed)?;
    let mended = repairer.mended().iter();
    let mended = mended.map(|m| (m.damage.name(), m.channel, m.samples.start, m.samples.end));
    Ok((array(py, &out)?, mended.collect()))
}

#[pyfunction]
#[pyo3(signature = (samples, rate, seconds, towards, seed, everything, steady, model = None))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub fn roomtone<'py>(
    py: Python<'py>,
    samples: PyReadonlyArray2<'py, f32>,
    rate: u32,
    seconds: f64,
    towards: Option<(PyReadonlyArray2<'py, f32>, u32)>,
    seed: u64,
    everything: bool,
    steady: bool,
    model: Option<&Autoencoder>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    if !(0.01..=86_400.0).contains(&seconds) {
        return Err(refused(format!("{seconds} s; 0.01 to 86400 are possible")));
    }
    let learner = Learner::with_model(network(model, models::roomtone)).map_err(failed)?;
    let learner = learner.from_everything(everything).steady(steady);
    let recording = rows(&samples)?;
    let other = match &towards {
        Some((samples, rate)) => Some((rows(samples)?, *rate)),
        None => None,
    };
    let made = py.detach(|| -> Result<_, Error> {
        let room = learner.learn(&recording, rate)?;
        let total = (seconds * f64::from(rate)).round().max(1.0) as u64;
        let mut tone = match other {
            Some((rows, other_rate)) => {
                let to = learner.clone().at_rate(rate).learn(&rows, other_rate)?;
                Tone::between(&room, &to, total, seed)?
            }
            None => Tone::new(&room, total, seed)?,
        };
        let mut planes = vec![Vec::with_capacity(total as usize); recording.len()];
        while let Some(block) = tone.next_block() {
            for (plane, block) in planes.iter_mut().zip(block) {
                plane.extend_from_slice(block);
            }
        }
        Ok(planes)
    });
    array(py, &made.map_err(failed)?)
}
