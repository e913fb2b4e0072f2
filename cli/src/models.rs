//! `aeden models`: what a model is.

use crate::cleaner::{Network, Settings};
use crate::problem::{Problem, one_line};
use serde::Serialize;
use std::path::Path;

/// A model; a line of `--json`.
#[derive(Debug, Serialize)]
pub struct Description {
    /// The name that it gives itself.
    pub name: String,
    /// Its file; null if it is built in.
    pub file: Option<String>,
    /// The program that runs it.
    pub engine: &'static str,
    /// The library of ONNX Runtime, where that was looked for and found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// How many numbers were learnt, where that is known.
    pub parameters: Option<usize>,
    /// Sampling rate in Hz that it works at; other rates are converted.
    pub rate: u32,
    /// Samples in a frame, and from frame to frame.
    pub window: usize,
    /// Samples from frame to frame.
    pub hop: usize,
    /// Delay at its own rate in ms; files are aligned all the same. Null if it cannot run over streams.
    pub latency_ms: Option<f64>,
    /// Known of the built-in models only.
    pub licence: Option<&'static str>,
}

/// Describes the model in `file`, or the built-in ones.
pub fn describe(file: Option<&Path>) -> Result<Vec<Description>, Problem> {
    let networks = match file {
        Some(path) => vec![Network::open(path)?],
        None => vec![Network::built_in(), Network::built_in_studio()],
    };
    networks
        .iter()
        .map(|network| describe_one(network, file))
        .collect()
}

fn describe_one(network: &Network, file: Option<&Path>) -> Result<Description, Problem> {
    let framing = network.framing();
    let latency = match network {
        Network::Studio(_) => None,
        _ => Some(
            network
                .denoiser(framing.rate, 1, &Settings::default(), 1)?
                .latency(),
        ),
    };
    Ok(Description {
        name: network.name().into(),
        file: file.map(|file| file.display().to_string()),
        engine: network.engine_name(),
        library: network.found_library().map(|path| path.display().to_string()),
        parameters: network.parameters(),
        rate: framing.rate,
        window: framing.window,
        hop: framing.hop,
        latency_ms: latency.map(|latency| latency as f64 * 1000.0 / f64::from(framing.rate)),
        licence: file.is_none().then_some(env!("CARGO_PKG_LICENSE")),
    })
}

impl std::fmt::Display for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.file {
            Some(file) => writeln!(f, "{} ({})", one_line(&self.name), one_line(file))?,
            None => writeln!(f, "{} (built in)", one_line(&self.name))?,
        }
        if let Some(parameters) = self.parameters {
            writeln!(f, "  parameters  {parameters}")?;
        }
        writeln!(f, "  engine      {}", self.engine)?;
        if let Some(library) = &self.library {
            writeln!(f, "  library     {}", one_line(library))?;
        }
        writeln!(f, "  rate        {} Hz; others are converted", self.rate)?;
        writeln!(f, "  frames      {} samples every {}", self.window, self.hop)?;
        match self.latency_ms {
            Some(latency) => writeln!(f, "  latency     {latency:.1} ms; files are aligned all the same")?,
            None => writeln!(f, "  latency     none: for recordings, with --quality best")?,
        }
        match self.licence {
            Some(licence) => writeln!(f, "  licence     {licence}"),
            None => Ok(()),
        }
    }
}
