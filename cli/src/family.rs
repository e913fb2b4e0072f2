//! What the commands of the family share: the network that runs, and what it sees of a recording.

use crate::input::{Input, block_frames, unreadable};
use crate::media::container;
use crate::media::flac::{self, FlacWriter};
use crate::media::plain_header;
use crate::output::{Target, exists, one_on_stdout};
use crate::plan::{self, Source, is_same_file};
use crate::problem::Problem;
use crate::sink::{Place, Sink, WavFile};
use crate::wav::Format;
use crate::wav::samples::Encoder;
use crate::wav::write::Expected;
use aeden::autoencoder::{Autoencoder, Kind};
use aeden::patches::Listener;
use clap::Args;
use std::path::{Path, PathBuf};

/// What all commands take that run one network of the family and write files.
#[derive(Debug, Args)]
pub struct Options {
    /// A model file instead of the built-in model
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub model: Option<PathBuf>,

    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,

    /// Replace output files that exist
    #[arg(short = 'y', long = "overwrite")]
    pub overwrite: bool,

    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
}

/// The model in a file of the user's, or the one that ships for a job. Where no trained one of the kind that the job wants
/// is better than the linear one, that is the linear one, which the crate always has.
pub fn load(file: Option<&Path>, wanted: Kind) -> Result<Autoencoder, Problem> {
    match file {
        Some(file) => Autoencoder::open(file).map_err(Problem::model),
        None => Autoencoder::builtin(wanted)
            .or_else(|| Autoencoder::builtin(Kind::Undercomplete))
            .ok_or_else(|| Problem::model("no model is built in; name one with --model")),
    }
}

/// Where a command writes that makes one file from another; `-` is standard output.
pub fn target(input: &Path, output: &Path, options: &Options) -> Result<Target, Problem> {
    let target = plan::target(output).map_err(|e| Problem::file(output, e))?;
    one_on_stdout(options.json, &target)?;
    if target == Target::Stdout {
        return Ok(target);
    }
    if is_same_file(input, output) {
        return Err(is_input(output));
    }
    match &target {
        Target::File(_) if !options.overwrite && output.symlink_metadata().is_ok() => Err(exists(output)),
        _ => Ok(target),
    }
}

/// That an output is a file that is read.
pub fn is_input(output: &Path) -> Problem {
    Problem::file(output, "is the input itself, which is never replaced")
}

/// A new recording of so many frames, WAV or FLAC by its ending; `command` is who writes it.
pub fn create(
    command: &str,
    format: &Format,
    frames: u64,
    target: &Target,
    overwrite: bool,
) -> Result<Sink, Problem> {
    let flac = match target {
        Target::File(path) if !container::is_wav(path) && path.extension().is_some() => {
            if container::of(path).is_none_or(|container| container.muxer != "flac") {
                return Err(Problem::file(
                    path,
                    format!("{command} writes WAV and FLAC; give OUT such an ending"),
                ));
            }
            true
        }
        _ => false,
    };
    let (place, encoding) = if flac {
        let encoding = flac::encoding_for(format.encoding);
        let (blocks, _) = flac::blocks_of_wav(&plain_header(format.clone()), &[]);
        let format = Format {
            encoding,
            ..format.clone()
        };
        let file = FlacWriter::create(target, overwrite, &format, blocks)?;
        (Place::Flac(Box::new(file)), encoding)
    } else {
        let expected = Expected {
            frames: Some(frames),
            after: Some(0),
            ..Expected::default()
        };
        let file = WavFile::create(target, overwrite, &plain_header(format.clone()), expected)?;
        (Place::Wav(file), format.encoding)
    };
    let dither = encoding.resolution() <= 16;
    Ok(Sink::new(
        place,
        Encoder::new(encoding, format.channels.into(), dither),
    ))
}

/// A recording in the bands of a network.
pub struct Seen {
    /// Log powers, `[frame][band]`.
    pub powers: Vec<f32>,
    /// Of the file.
    pub rate: u32,
    /// Length.
    pub seconds: f64,
}

/// A recording as a network sees it: its log powers are standardised.
pub fn see(
    source: &Source,
    model: &Autoencoder,
    hear: impl FnMut(u32, &[Vec<f32>]),
) -> Result<Seen, Problem> {
    let mut seen = listen(source, model, hear)?;
    model.standardise(&mut seen.powers);
    Ok(seen)
}

/// Reads a recording from beginning to end, its channels mixed to one; `hear` gets its samples, one vector a channel.
pub fn listen(
    source: &Source,
    model: &Autoencoder,
    mut hear: impl FnMut(u32, &[Vec<f32>]),
) -> Result<Seen, Problem> {
    let name = source.name();
    let mut input = Input::open(source)?;
    let format = input.format().clone();
    let mut listener = Listener::new(model.view(), format.rate).map_err(|e| Problem::file(name, e))?;
    let mut mono = Vec::new();
    let frames = input.read_all(name, block_frames(format.channels), |_, planes| {
        hear(format.rate, planes);
        mix(planes, &mut mono);
        listener.push(&mono);
        Ok(true)
    })?;
    input.finish().map_err(|e| unreadable(name, &e))?;
    Ok(Seen {
        powers: listener.finish(),
        rate: format.rate,
        seconds: frames as f64 / f64::from(format.rate),
    })
}

/// The mean of all channels.
pub fn mix(planes: &[Vec<f32>], mono: &mut Vec<f32>) {
    mono.clear();
    mono.extend_from_slice(&planes[0]);
    for plane in &planes[1..] {
        mono.iter_mut().zip(plane).for_each(|(sum, x)| *sum += x);
    }
    let share = 1.0 / planes.len() as f32;
    mono.iter_mut().for_each(|x| *x *= share);
}
