//! Model files: safetensors with a description in the metadata, of which nothing is trusted.

use super::kind::Kind;
use crate::error::Error;
use crate::kernels::{F16, Matrix};
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::Deserialize;
use std::io::Read;
use std::path::Path;

/// The version of the file format that this crate reads.
const FORMAT: u64 = 2;

/// Suffix of the tensor with the scales, `[row]`, of a tensor of whole numbers.
const SCALE: &str = ".scale";

/// The most weights that a model may have, padding to whole panels included.
pub(crate) const MAX_WEIGHTS: u64 = 64 << 20;

/// The largest file that can hold that many weights, and its header.
const MAX_BYTES: u64 = 4 * MAX_WEIGHTS + (16 << 20);

/// The file's description of itself, in the metadata key `aeden`. Other keys are ignored.
#[derive(Deserialize)]
struct Metadata {
    format: u64,
    name: String,
    kind: String,
    settings: serde_json::Value,
}

/// The contents of a file besides its tensors.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// As JSON, unchecked.
    pub(crate) settings: serde_json::Value,
}

/// Reads a file, no more of it than a model can have, and hands its contents to `read`.
///
/// # Errors
/// [`Error::Io`], and those of `read`, with the file's name.
pub(crate) fn read_file<M>(path: &Path, read: impl Fn(&[u8]) -> Result<M, Error>) -> Result<M, Error> {
    let unread = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unread)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > MAX_BYTES {
        let problem = format!("expected a file of at most {MAX_BYTES} bytes");
        return Err(Error::format(problem).in_file(path));
    }
    read(&bytes).map_err(|e| e.in_file(path))
}

/// The weights in a file, each checked when it is taken.
pub(crate) struct Tensors<'a> {
    file: SafeTensors<'a>,
    bytes: &'a [u8],
}

impl<'a> Tensors<'a> {
    /// Takes a file apart into its description and its tensors.
    ///
    /// # Errors
    /// [`Error::Format`] for what is no such file, or one of another version or kind.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<(Description, Self), Error> {
        let unread = |e: SafeTensorError| Error::damaged("not a whole safetensors file", e);
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(unread)?;
        let text = header
            .metadata()
            .as_ref()
            .and_then(|m| m.get("aeden"))
            .ok_or_else(|| Error::format("no `aeden` key in the metadata: not a model of this program"))?;
        let metadata: Metadata =
            serde_json::from_str(text).map_err(|e| Error::damaged("metadata `aeden`", e))?;
        if metadata.format != FORMAT {
            let format = metadata.format;
            return Err(Error::format(format!(
                "format {format} is unknown; this version reads {FORMAT}"
            )));
        }
        let kind: Kind = serde_json::from_value(metadata.kind.as_str().into()).map_err(|_| {
            let known = Kind::ALL.map(Kind::name).join(", ");
            Error::format(format!(
                "its kind is {:?}; this version reads {known}",
                metadata.kind
            ))
        })?;
        let file = SafeTensors::deserialize(bytes).map_err(unread)?;
        let description = Description {
            name: metadata.name,
            kind,
            settings: metadata.settings,
        };
        Ok((description, Tensors { file, bytes }))
    }

    /// A number that other contents of the file hardly have.
    pub(crate) fn checksum(&self) -> u64 {
        let (words, rest) = self.bytes.as_chunks::<8>();
        let words = words.iter().copied().map(u64::from_le_bytes);
        let rest = rest.iter().copied().map(u64::from);
        // Eight bytes at a time, since it is in the way of every start.
        let mix = |sum: u64, word: u64| (sum.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
        words.chain(rest).fold(0, mix)
    }

    /// The names of all tensors but the scales of others.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.file.names().into_iter();
        names.filter(|name| name.strip_suffix(SCALE).is_none_or(|of| !self.is_whole(of)))
    }

    /// Numbers in all tensors together.
    pub(crate) fn parameters(&self) -> usize {
        let size = |name| self.file.tensor(name).map_or(0, |t| t.shape().iter().product());
        self.names().map(size).sum()
    }

    /// Tells whether there is such a tensor.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    fn is_whole(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok_and(|t| t.dtype() == Dtype::I8)
    }

    /// Checks that the tensor is there, has this shape and a fitting type, and holds only finite numbers.
    ///
    /// # Errors
    /// [`Error::Model`], naming it.
    pub(crate) fn check(&self, name: &str, shape: &[usize]) -> Result<(), Error> {
        let tensor = self
            .file
            .tensor(name)
            .map_err(|_| Error::Model(format!("tensor {name:?} is missing")))?;
        if tensor.shape() != shape {
            return Err(Error::Model(format!(
                "tensor {name:?}: expected shape {shape:?}, found {:?}",
                tensor.shape()
            )));
        }
        let is_matrix = name.ends_with(".weight") || name.ends_with(".across");
        match tensor.dtype() {
            Dtype::F32 => {}
            Dtype::F16 if is_matrix => {}
            Dtype::I8 if is_matrix => self.check(&format!("{name}{SCALE}"), &shape[..shape.len() - 1])?,
            other => {
                let expected = if is_matrix { "F16, F32 or I8" } else { "F32" };
                return Err(Error::Model(format!(
                    "tensor {name:?}: expected numbers of type {expected}, found {other}"
                )));
            }
        }
        match self.numbers(name)?.first_not_finite() {
            Some(at) => Err(Error::Model(format!(
                "tensor {name:?}: expected finite numbers, found NaN or infinity at {at}"
            ))),
            None => Ok(()),
        }
    }

    /// The numbers of a tensor that has been [checked](Tensors::check).
    fn numbers(&self, name: &str) -> Result<Numbers<'a>, Error> {
        let tensor = |name: &str| self.file.tensor(name).map_err(|e| Error::Model(format!("{e}")));
        let found = tensor(name)?;
        Ok(match found.dtype() {
            Dtype::F16 => Numbers::F16(found.data().as_chunks().0),
            Dtype::I8 => Numbers::Whole {
                numbers: found.data(),
                scales: tensor(&format!("{name}{SCALE}"))?.data().as_chunks().0,
                columns: found.shape().last().copied().unwrap_or(1),
            },
            _ => Numbers::F32(found.data().as_chunks().0),
        })
    }

    /// All numbers of a tensor that has been [checked](Tensors::check).
    pub(crate) fn vector(&self, name: &str) -> Result<Vec<f32>, Error> {
        let numbers = self.numbers(name)?;
        Ok((0..numbers.len()).map(|at| numbers.get(at)).collect())
    }

    /// Packs `name.weight` and `name.bias`. The functions say in which row of the tensors an output stands, and in
    /// which column an input; padding stands nowhere and is zero.
    pub(crate) fn matrix(
        &self,
        name: &str,
        size: (usize, usize),
        row: impl Fn(usize) -> Option<usize>,
        column: impl Fn(usize) -> Option<usize>,
    ) -> Result<Matrix, Error> {
        self.joined(&[name], size, |o| Some((0, row(o)?)), column)
    }

    /// As [`matrix`](Tensors::matrix), from the tensors of several names: `row` also says of which.
    pub(crate) fn joined(
        &self,
        names: &[&str],
        (outputs, inputs): (usize, usize),
        row: impl Fn(usize) -> Option<(usize, usize)>,
        column: impl Fn(usize) -> Option<usize>,
    ) -> Result<Matrix, Error> {
        let mut parts = Vec::new();
        for name in names {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            let shape = self
                .file
                .tensor(&weight)
                .map_err(|e| Error::Model(format!("{e}")))?;
            let columns = shape.shape().last().copied().unwrap_or(1);
            parts.push((self.numbers(&weight)?, self.numbers(&bias)?, columns));
        }
        let place = |o, k| {
            let (part, row) = row(o)?;
            Some((part, row * parts[part].2 + column(k)?))
        };
        let bias = |o| row(o).map_or(0.0, |(part, at)| parts[part].1.get(at));
        let halves = |(weights, ..): &(Numbers<'a>, _, _)| match weights {
            Numbers::F16(numbers) => Some(*numbers),
            _ => None,
        };
        let halves: Option<Vec<_>> = parts.iter().map(halves).collect();
        let weight = |o, k| place(o, k).map_or(0.0, |(part, at)| parts[part].0.get(at));
        Ok(match halves {
            Some(halves) => {
                let bits = |(part, at): (usize, usize)| u16::from_le_bytes(halves[part][at]);
                let weight = |o, k| F16(place(o, k).map_or(0, bits));
                Matrix::new(outputs, inputs, weight, bias)
            }
            None => Matrix::new(outputs, inputs, weight, bias),
        })
    }
}

/// The little-endian numbers of one tensor, row by row.
enum Numbers<'a> {
    F16(&'a [[u8; 2]]),
    F32(&'a [[u8; 4]]),
    /// Whole numbers, and the scale of each row.
    Whole {
        numbers: &'a [u8],
        scales: &'a [[u8; 4]],
        columns: usize,
    },
}

impl Numbers<'_> {
    fn len(&self) -> usize {
        match self {
            Numbers::F16(numbers) => numbers.len(),
            Numbers::F32(numbers) => numbers.len(),
            Numbers::Whole { numbers, .. } => numbers.len(),
        }
    }

    fn get(&self, at: usize) -> f32 {
        match self {
            Numbers::F16(numbers) => F16(u16::from_le_bytes(numbers[at])).to_f32(),
            Numbers::F32(numbers) => f32::from_le_bytes(numbers[at]),
            Numbers::Whole {
                numbers,
                scales,
                columns,
            } => f32::from(numbers[at] as i8) * f32::from_le_bytes(scales[at / columns]),
        }
    }

    fn first_not_finite(&self) -> Option<usize> {
        (0..self.len()).find(|&at| !self.get(at).is_finite())
    }
}
