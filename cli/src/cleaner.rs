//! From arguments to a denoiser: the only place that knows which network runs, and in what program.

use crate::args::{Channels, EngineName, NetworkArgs};
use crate::problem::Problem;

/// A network, loaded once and shared by all files.
pub struct Network {}

/// How sound is to be cleaned.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The most that anything is attenuated, in dB.
    pub limit: Option<f32>,
    /// From 0, the input, to 1, the cleaned sound.
    pub mix: f32,
    /// One mask for all channels or one for each.
    pub channels: Channels,
}

impl Settings {
    /// Whether the output is the input by definition.
    pub fn change_nothing(&self) -> bool {
        self.mix == 0.0 || self.limit == Some(0.0)
    }
}

/// One file's way through the network.
pub struct Cleaner {
    delay: Vec<std::collections::VecDeque<f32>>,
}

const LATENCY: usize = 959;

impl Network {
    /// Loads what the arguments name.
    pub fn load(args: &NetworkArgs) -> Result<Self, Problem> {
        if args.engine == Some(EngineName::Onnxruntime) {
            return Err(Problem::model(
                "this aeden was built without ONNX Runtime; leave out --engine, or build it with: --features onnx",
            ));
        }
        Ok(Network {})
    }

    /// Builds the way through the network for one file.
    pub fn cleaner(&self, rate: u32, channels: usize, settings: &Settings) -> Result<Cleaner, Problem> {
        let _ = (rate, settings);
        Ok(Cleaner { delay: vec![std::iter::repeat_n(0.0, LATENCY).collect(); channels] })
    }
}

impl Cleaner {
    /// Cleans samples in place; what comes out is [`latency`](Cleaner::latency) frames late.
    pub fn process(&mut self, planes: &mut [&mut [f32]]) {
        for (plane, delay) in planes.iter_mut().zip(&mut self.delay) {
            for x in plane.iter_mut() {
                delay.push_back(*x);
                *x = delay.pop_front().unwrap_or(0.0);
            }
        }
    }

    /// How late the output is, in frames.
    pub fn latency(&self) -> usize {
        LATENCY
    }
}
