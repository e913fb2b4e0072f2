//! How sound is cleaned, as several commands let it be typed.

use aeden::BandLimits;
use aeden::presets::{PRESETS, Preset, TRANSCRIPTION};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How much is taken out.
#[derive(Clone, Copy, Debug, Args)]
pub struct SoundArgs {
    /// Settings for a purpose, those of the plugin's presets; the options below change them
    #[arg(long, ignore_case = true, value_parser = preset())]
    pub preset: Option<Preset>,

    /// Settings for the program that comes next; the options below change them
    #[arg(long = "for", value_name = "PURPOSE", conflicts_with = "preset", value_parser = purpose())]
    pub purpose: Option<Preset>,

    /// The most that anything is attenuated, 0 to 100 dB [default: no limit]
    #[arg(long, value_name = "DB", value_parser = attenuation)]
    pub limit: Option<f32>,

    /// The same by frequency: up to six nodes HERTZ:DB, such as 0:10,2000:30,8000:20; where --limit is smaller, that counts
    #[arg(long, value_name = "HZ:DB,...", value_parser = bands)]
    pub bands: Option<BandLimits>,

    /// From 0, the input untouched, to 1, the cleaned sound [default: 1]
    #[arg(long, value_name = "0..1", value_parser = fraction)]
    pub mix: Option<f32>,

    /// One mask for all channels, which keeps the stereo image, or one for each [default: linked]
    #[arg(long, value_enum)]
    pub channels: Option<Channels>,

    /// The network: best looks ahead, high is that of plugin and live, light is for weak machines [default: best]
    #[arg(long, value_enum)]
    pub quality: Option<Quality>,

    /// Exactly what plugin and live give, without the lead-in of four seconds [default quality then: high]
    #[arg(long)]
    pub streaming: bool,
}

/// Which network runs, and in what program.
#[derive(Clone, Debug, Args)]
pub struct NetworkArgs {
    /// A model file instead of the built-in model
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub model: Option<PathBuf>,

    /// The program that runs the model [default: native; onnxruntime for .onnx files]
    #[arg(long, value_enum)]
    pub engine: Option<EngineName>,
}

/// The network that cleans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Quality {
    /// The largest: it looks ahead, so it is for recordings only
    Best,
    /// That of plugin and live: half again as fast as best, 32 ms of latency in a stream
    High,
    /// A small one for weak machines: five times as fast as high, 20 ms of latency
    Light,
}

/// How the channels of one file are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Channels {
    /// One mask for all channels
    Linked,
    /// A mask for each channel
    Independent,
}

/// The program that runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EngineName {
    /// aeden's own kernels
    Native,
    /// ONNX Runtime, from its shared library: $ORT_DYLIB_PATH, the system's, or that of the active virtual environment
    Onnxruntime,
}

/// The names of the factory presets, in lower case.
pub(crate) fn preset() -> impl TypedValueParser<Value = Preset> {
    let values =
        PRESETS.map(|preset| PossibleValue::new(preset.name.to_lowercase()).help(settings_of(&preset)));
    PossibleValuesParser::new(values).try_map(|name| {
        let found = PRESETS
            .iter()
            .find(|preset| preset.name.eq_ignore_ascii_case(&name));
        found.copied().ok_or("no such preset")
    })
}

/// What a recording can be for.
fn purpose() -> impl TypedValueParser<Value = Preset> {
    let name = TRANSCRIPTION.name.to_lowercase();
    PossibleValuesParser::new([PossibleValue::new(name).help(settings_of(&TRANSCRIPTION))])
        .map(|_| TRANSCRIPTION)
}

/// What a preset is for, and what it sets.
fn settings_of(preset: &Preset) -> String {
    let limit = match preset.attenuation_limit() {
        Some(limit) => format!("{limit} dB at most"),
        None => "no limit".to_owned(),
    };
    let channels = if preset.link {
        ""
    } else {
        ", a mask for each channel"
    };
    format!("{} ({limit}{channels})", preset.purpose)
}

pub(crate) fn attenuation(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("a number of decibels from 0 to 100, such as 12".into()),
    }
}

pub(crate) fn bands(text: &str) -> Result<BandLimits, String> {
    match text.parse::<BandLimits>() {
        Ok(bands) if bands.is_empty() => Err("nodes of hertz and decibels, such as 0:10,2000:30".into()),
        Ok(bands) => Ok(bands),
        Err(problem) => Err(problem.to_string()),
    }
}

pub(crate) fn fraction(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (0.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a number from 0 to 1, such as 0.8".into()),
    }
}
