//! `aeden models`: what a model is.

use crate::cleaner::{Network, Settings};
use crate::problem::{Problem, one_line};
use aeden::autoencoder::{Autoencoder, Kind};
use serde::Serialize;
use std::path::Path;

/// A model; a line of `--json`.
#[derive(Debug, Serialize)]
pub struct Description {
    /// The name that it gives itself.
    pub name: String,
    /// Its file; null if it is built in.
    pub file: Option<String>,
    /// `denoising`, or what an autoencoder of the family is.
    pub kind: &'static str,
    /// What runs a built-in model; null of a file, which any command may be given that takes its kind.
    pub used_by: Option<&'static str>,
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
    if let Some(path) = file {
        let described = Network::open(path).and_then(|network| describe_one(&network, file, None));
        return match described {
            Ok(description) => Ok(vec![description]),
            // What is wrong with a denoiser is told of files that are none of the family either.
            Err(problem) => match Autoencoder::open(path) {
                Ok(model) => Ok(vec![describe_family(&model, file, None)]),
                Err(_) => Err(problem),
            },
        };
    }
    let mut all = vec![
        describe_one(
            &Network::built_in(),
            None,
            Some("aeden clean, aeden live, the plugin"),
        )?,
        describe_one(
            &Network::built_in_studio(),
            None,
            Some("aeden clean --quality best"),
        )?,
    ];
    let family = [
        (Autoencoder::builtin(Kind::SparseKl), "aeden find, aeden map"),
        (Autoencoder::builtin(Kind::Undercomplete), "aeden detect"),
        (Autoencoder::builtin(Kind::DenoisingL2), "aeden repair"),
        (Autoencoder::builtin(Kind::Variational), "aeden roomtone"),
        (Some(Autoencoder::for_envelopes()), "aeden encode, aeden decode"),
    ];
    for (model, used_by) in family {
        all.extend(model.map(|model| describe_family(&model, None, Some(used_by))));
    }
    Ok(all)
}

fn describe_family(model: &Autoencoder, file: Option<&Path>, used_by: Option<&'static str>) -> Description {
    let framing = &model.view().framing;
    Description {
        name: model.name().into(),
        file: file.map(|file| file.display().to_string()),
        kind: model.kind().name(),
        used_by,
        engine: "native",
        library: None,
        parameters: Some(model.parameters()),
        rate: framing.rate,
        window: framing.window,
        hop: framing.hop,
        latency_ms: None,
        licence: file.is_none().then_some(env!("CARGO_PKG_LICENSE")),
    }
}

fn describe_one(
    network: &Network,
    file: Option<&Path>,
    used_by: Option<&'static str>,
) -> Result<Description, Problem> {
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
        kind: "denoising",
        used_by,
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
        writeln!(f, "  kind        {}", self.kind)?;
        if let Some(used_by) = self.used_by {
            writeln!(f, "  used by     {used_by}")?;
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
            None if self.kind == "denoising" => {
                writeln!(f, "  latency     none: for recordings, with --quality best")?;
            }
            None => {}
        }
        match self.licence {
            Some(licence) => writeln!(f, "  licence     {licence}"),
            None => Ok(()),
        }
    }
}
