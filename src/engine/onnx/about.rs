//! The description of a graph: in its own metadata, or in a file beside it.

use crate::error::Error;
use crate::spectrum::{Framing, WindowShape};
use rustfft::num_complex::Complex32;

/// The most frames by which a graph may be late.
const MOST_DELAY: usize = 64;

/// The place of a description.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Metadata,
    SideCar,
}

impl Source {
    /// In error lines.
    fn name(self) -> &'static str {
        match self {
            Source::Metadata => "its metadata `aeden`",
            Source::SideCar => "the description",
        }
    }
}

/// The description itself. Further keys are ignored.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct About {
    pub(super) name: String,
    kind: String,
    rate: u32,
    window: usize,
    hop: usize,
    #[serde(default = "one")]
    pub(super) grids: usize,
    window_shape: String,
    pub(super) input: String,
    pub(super) output: String,
    pub(super) states: Vec<State>,
    #[serde(default)]
    axes: Axes,
    #[serde(default = "unit")]
    scale: f32,
    /// In frames.
    #[serde(default)]
    pub(super) delay: usize,
}

fn one() -> usize {
    1
}

fn unit() -> f32 {
    1.0
}

/// The graph's input and output for a state, and what it begins with, zeros if that is not said. A `*` in both names stands for the
/// numbers 0, 1 and so on, as far as the graph has such inputs.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum State {
    Names(String, String),
    From {
        input: String,
        output: String,
        #[serde(default)]
        first: First,
    },
}

/// One number for all of a state, or all of its numbers, row-major, or the properties of the graph's metadata that hold the first of its
/// numbers, with commas between them; the rest is zeros then.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum First {
    All(f32),
    Each(Vec<f32>),
    From { metadata: Vec<String> },
}

impl Default for First {
    fn default() -> Self {
        First::All(0.0)
    }
}

impl State {
    /// The states that a `*` stands for in a graph with these inputs, or this one.
    fn numbered(self, inputs: &[&str]) -> Result<Vec<State>, Error> {
        let (input, output) = (self.input().to_owned(), self.output().to_owned());
        if !input.contains('*') && !output.contains('*') {
            return Ok(vec![self]);
        }
        if [&input, &output]
            .iter()
            .any(|name| name.matches('*').count() != 1)
        {
            return Err(Error::Model(format!(
                "of the state \"{input}\", \"{output}\" both names must have one *, or none"
            )));
        }
        let name = |pattern: &str, number: usize| pattern.replace('*', &number.to_string());
        let there = |number: &usize| inputs.contains(&&*name(&input, *number));
        let states = (0..).take_while(there).map(|number| {
            let (input, output) = (name(&input, number), name(&output, number));
            match &self {
                State::Names(..) => State::Names(input, output),
                State::From { first, .. } => State::From {
                    input,
                    output,
                    first: first.clone(),
                },
            }
        });
        let states: Vec<State> = states.collect();
        if states.is_empty() {
            return Err(Error::Model(format!(
                "the graph has no input \"{}\"",
                name(&input, 0)
            )));
        }
        Ok(states)
    }

    pub(super) fn input(&self) -> &str {
        match self {
            State::Names(input, _) | State::From { input, .. } => input,
        }
    }

    pub(super) fn output(&self) -> &str {
        match self {
            State::Names(_, output) | State::From { output, .. } => output,
        }
    }
}

/// The axes of a spectrum in the graph, in their order.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(try_from = "String")]
struct Axes(Vec<Axis>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Axis {
    /// Of one, without a meaning.
    One,
    Frames,
    Bins,
    /// Real and imaginary.
    Parts,
}

impl Default for Axes {
    fn default() -> Self {
        Axes(vec![Axis::One, Axis::Frames, Axis::Bins, Axis::Parts])
    }
}

impl TryFrom<String> for Axes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let axis = |letter| match letter {
            '1' => Some(Axis::One),
            'T' => Some(Axis::Frames),
            'F' => Some(Axis::Bins),
            '2' => Some(Axis::Parts),
            _ => None,
        };
        let axes: Option<Vec<Axis>> = text.chars().take(9).map(axis).collect();
        axes.filter(|axes| {
            let count = |axis| axes.iter().filter(|a| **a == axis).count();
            axes.len() <= 8 && count(Axis::Bins) == 1 && count(Axis::Parts) == 1 && count(Axis::Frames) <= 1
        })
        .map(Axes)
        .ok_or_else(|| {
            format!("axes is {text:?}; it must have an F, a 2, at most one T, and any number of 1, 8 in all")
        })
    }
}

impl About {
    pub(super) fn parse(source: Source, json: &[u8]) -> Result<Self, Error> {
        let name = source.name();
        let invalid = |e: serde_json::Error| Error::damaged(&format!("{name} is not what it should be"), e);
        let value: serde_json::Value = serde_json::from_slice(json).map_err(invalid)?;
        if value["format"] != 1 {
            let found = &value["format"];
            return Err(Error::format(format!(
                "{name} has format {found}; this program reads format 1"
            )));
        }
        serde_json::from_value(value).map_err(invalid)
    }

    pub(super) fn framing(&self) -> Result<Framing, Error> {
        let shape = match self.window_shape.as_str() {
            "vorbis" => WindowShape::Vorbis,
            "sqrt_hann" => WindowShape::SqrtHann,
            "hann" => WindowShape::Hann,
            other => {
                let known = "vorbis, sqrt_hann or hann";
                return Err(Error::Model(format!(
                    "window_shape is \"{other}\"; it must be {known}"
                )));
            }
        };
        if self.kind != "denoising" {
            return Err(Error::Model(format!(
                "its kind is \"{}\"; a denoiser is of kind \"denoising\"",
                self.kind
            )));
        }
        if !(1..=8).contains(&self.grids) || !self.hop.is_multiple_of(self.grids) {
            let (grids, hop) = (self.grids, self.hop);
            let problem = format!("grids is {grids}; it must be 1 to 8 and divide the hop, {hop} samples");
            return Err(Error::Model(problem));
        }
        if !self.scale.is_normal() {
            return Err(Error::Model(format!(
                "scale is {}; it must be a number other than 0",
                self.scale
            )));
        }
        if self.delay > MOST_DELAY {
            return Err(Error::Model(format!(
                "delay is {}; it must be at most {MOST_DELAY} frames",
                self.delay
            )));
        }
        let framing = Framing {
            rate: self.rate,
            window: self.window,
            hop: self.hop,
            shape,
        };
        framing.validate().map_err(|e| Error::Model(e.to_string()))?;
        Ok(framing)
    }

    /// Describes a graph with these inputs: every state by its own name.
    pub(super) fn of_graph(mut self, inputs: &[&str]) -> Result<Self, Error> {
        let states = self.states.into_iter().map(|state| state.numbered(inputs));
        self.states = states.collect::<Result<Vec<_>, _>>()?.concat();
        Ok(self)
    }

    /// The shape of a spectrum of one frame.
    pub(super) fn shape(&self, bins: usize) -> Vec<usize> {
        let size = |axis: &Axis| match axis {
            Axis::One | Axis::Frames => 1,
            Axis::Bins => bins,
            Axis::Parts => 2,
        };
        self.axes.0.iter().map(size).collect()
    }

    /// As [`shape`](Self::shape), with T where frames are.
    pub(super) fn shape_in_words(&self, bins: usize) -> String {
        let word = |(axis, size): (&Axis, usize)| match axis {
            Axis::Frames => "T".to_owned(),
            _ => size.to_string(),
        };
        let words: Vec<String> = self.axes.0.iter().zip(self.shape(bins)).map(word).collect();
        format!("[{}]", words.join(", "))
    }

    /// Places of the two parts of a bin in a spectrum of `count` numbers.
    fn places(&self, bin: usize, count: usize) -> [usize; 2] {
        let inner = self
            .axes
            .0
            .iter()
            .rfind(|axis| matches!(axis, Axis::Bins | Axis::Parts));
        if inner == Some(&Axis::Parts) {
            [2 * bin, 2 * bin + 1]
        } else {
            [bin, count / 2 + bin]
        }
    }

    /// Writes a spectrum as the graph takes it.
    pub(super) fn write(&self, spectrum: &[Complex32], to: &mut [f32]) {
        let count = to.len();
        for (bin, x) in spectrum.iter().enumerate() {
            let [re, im] = self.places(bin, count);
            (to[re], to[im]) = (x.re * self.scale, x.im * self.scale);
        }
    }

    /// A bin of what the graph gives.
    pub(super) fn read(&self, from: &[f32], bin: usize) -> Complex32 {
        let [re, im] = self.places(bin, from.len());
        Complex32::new(from[re], from[im]) / self.scale
    }

    /// Initial values of states of these shapes, of a graph with this metadata.
    pub(super) fn first_states(
        &self,
        shapes: &[Vec<usize>],
        metadata: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let first = |(state, shape): (&State, &Vec<usize>)| {
            let count = shape.iter().product();
            let values = match state {
                State::From {
                    first: First::Each(values),
                    ..
                } if values.len() == count => values.clone(),
                State::From {
                    first: First::Each(values),
                    ..
                } => {
                    return Err(Error::Model(format!(
                        "the state \"{}\" has {count} numbers, and {} that it begins with",
                        state.input(),
                        values.len()
                    )));
                }
                State::From {
                    first: First::All(value),
                    ..
                } => vec![*value; count],
                State::From {
                    first: First::From { metadata: properties },
                    ..
                } => {
                    let mut values = Vec::new();
                    for property in properties {
                        values.extend(numbers(property, metadata(property))?);
                    }
                    if values.len() > count {
                        return Err(Error::Model(format!(
                            "the state \"{}\" has {count} numbers, and the metadata {} that it begins with",
                            state.input(),
                            values.len()
                        )));
                    }
                    values.resize(count, 0.0);
                    values
                }
                State::Names(..) => vec![0.0; count],
            };
            if values.iter().any(|value| !value.is_finite()) {
                return Err(Error::Model(format!(
                    "the state \"{}\" begins with a number that is not finite",
                    state.input()
                )));
            }
            Ok(values)
        };
        self.states.iter().zip(shapes).map(first).collect()
    }
}

/// The numbers in a property of a graph's metadata.
fn numbers(property: &str, text: Option<String>) -> Result<Vec<f32>, Error> {
    let text = text.ok_or_else(|| {
        Error::Model(format!(
            "its metadata have no \"{property}\", with which a state begins"
        ))
    })?;
    let number = |part: &str| part.trim().parse::<f32>();
    let numbers: Result<Vec<f32>, _> = text.split(',').map(number).collect();
    numbers.map_err(|_| {
        Error::Model(format!(
            "its metadata \"{property}\" are no numbers with commas between them"
        ))
    })
}
