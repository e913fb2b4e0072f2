//! `aeden models`: what a model is.

use crate::args::{ModelsArgs, Quality};
use crate::run::cleaner::{ChosenNetwork, CleanerSettings};
use aeden_jobs::{Autoencoder, models};
use aeden_media::output::print;
use aeden_media::problem::{DONE, Problem, one_line};
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// `aeden models`.
pub fn describe_all(args: &ModelsArgs) -> Result<u8, Problem> {
    let files: Vec<Option<&Path>> = match args.files.as_slice() {
        [] => vec![None],
        files => files.iter().map(|file| Some(file.as_path())).collect(),
    };
    for file in files {
        for description in describe(file)? {
            print(&if args.json {
                format!("{}\n", json!(description))
            } else {
                description.to_string()
            })?;
        }
    }
    Ok(DONE)
}

/// A model; a line of `--json`.
#[derive(Debug, Serialize)]
pub struct Description {
    /// The name that it gives itself.
    pub name: String,
    /// Its file; null if it is built in.
    pub file: Option<String>,
    /// The commands that it runs in unless they are given another; null if it is not built in.
    pub commands: Option<&'static str>,
    /// What kind of autoencoder it is.
    pub kind: &'static str,
    /// The program that runs it.
    pub engine: &'static str,
    /// The library of ONNX Runtime, where that was looked for and found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// How many numbers were learnt, where that is known.
    pub parameters: Option<usize>,
    /// Numbers in a code; null where frames pass without one.
    pub code: Option<usize>,
    /// Sampling rate in Hz that it works at; other rates are converted.
    pub rate: u32,
    /// Samples in a frame.
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
    let Some(file) = file else {
        let denoisers = [
            (ChosenNetwork::built_in(Quality::Best), "clean, report"),
            (
                ChosenNetwork::built_in(Quality::High),
                "live, inspect, clean --quality high; the plugin",
            ),
            (
                ChosenNetwork::built_in(Quality::Light),
                "clean, report, live --quality light",
            ),
        ];
        let denoisers = denoisers
            .iter()
            .map(|(network, commands)| denoiser(network, None, Some(commands)));
        let family = [
            (models::sparse(), "find, map"),
            (models::pca(), "detect"),
            (models::envelopes(), "encode, decode"),
            (models::envelopes_pca(), "encode --compare"),
            (models::repair(), "repair"),
            (models::roomtone(), "roomtone"),
        ];
        let family = family
            .iter()
            .map(|(model, commands)| Ok(autoencoder(model, None, Some(commands))));
        return denoisers.chain(family).collect();
    };
    match ChosenNetwork::open(file) {
        Ok(network) => Ok(vec![denoiser(&network, Some(file), None)?]),
        // What is wrong with it is told by the reader that it is meant for.
        Err(problem) => match Autoencoder::open(file) {
            Ok(model) => Ok(vec![autoencoder(&model, Some(file), None)]),
            Err(_) => Err(problem),
        },
    }
}

fn denoiser(
    network: &ChosenNetwork,
    file: Option<&Path>,
    commands: Option<&'static str>,
) -> Result<Description, Problem> {
    let framing = network.framing();
    let latency = if network.looks_ahead() {
        None
    } else {
        let denoiser = network.denoiser(framing.rate, 1, &CleanerSettings::default(), 1)?;
        Some(denoiser.latency())
    };
    Ok(Description {
        name: network.name().into(),
        file: file.map(|file| file.display().to_string()),
        commands,
        kind: "denoising",
        engine: network.engine_name(),
        library: network.found_library().map(|path| path.display().to_string()),
        parameters: network.parameters(),
        code: None,
        rate: framing.rate,
        window: framing.window,
        hop: framing.hop,
        latency_ms: latency.map(|latency| latency as f64 * 1000.0 / f64::from(framing.rate)),
        licence: file.is_none().then_some(env!("CARGO_PKG_LICENSE")),
    })
}

fn autoencoder(model: &Autoencoder, file: Option<&Path>, commands: Option<&'static str>) -> Description {
    let framing = &model.view().framing;
    Description {
        library: None,
        name: model.name().into(),
        file: file.map(|file| file.display().to_string()),
        commands,
        kind: model.kind().name(),
        engine: "native",
        parameters: Some(model.parameters()),
        code: Some(model.code()),
        rate: framing.rate,
        window: framing.window,
        hop: framing.hop,
        latency_ms: None,
        licence: file.is_none().then_some(env!("CARGO_PKG_LICENSE")),
    }
}

impl std::fmt::Display for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.file {
            Some(file) => writeln!(f, "{} ({})", one_line(&self.name), one_line(file))?,
            None => writeln!(f, "{} (built in)", one_line(&self.name))?,
        }
        if let Some(commands) = self.commands {
            writeln!(f, "  commands    {commands}")?;
        }
        writeln!(f, "  kind        {}", self.kind)?;
        if let Some(parameters) = self.parameters {
            writeln!(f, "  parameters  {parameters}")?;
        }
        writeln!(f, "  engine      {}", self.engine)?;
        if let Some(library) = &self.library {
            writeln!(f, "  library     {}", one_line(library))?;
        }
        writeln!(f, "  rate        {} Hz; others are converted", self.rate)?;
        writeln!(f, "  frames      {} samples every {}", self.window, self.hop)?;
        match (self.code, self.latency_ms) {
            (Some(code), _) => writeln!(f, "  code        {code} numbers")?,
            (None, Some(latency)) => {
                writeln!(f, "  latency     {latency:.1} ms; files are aligned all the same")?
            }
            (None, None) => writeln!(f, "  latency     none: for recordings, with --quality best")?,
        }
        match self.licence {
            Some(licence) => writeln!(f, "  licence     {licence}"),
            None => Ok(()),
        }
    }
}
