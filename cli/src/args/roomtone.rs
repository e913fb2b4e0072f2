//! The arguments of `aeden roomtone`.

use super::job::{JobArgs, PathArgs};
use aeden_media::problem::EXIT_STATUS_HELP;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  aeden roomtone scene.wav tone.wav --seconds 60
                                            a minute of the room, without the voices of the scene
  aeden roomtone rain.flac more.flac --seconds 36000
                                            ten hours, in no more memory than a minute
  aeden roomtone kitchen.wav walk.wav --seconds 30 --towards street.wav
                                            begins in the kitchen, ends in the street
  aeden roomtone fire.wav fire-long.wav --seconds 120 --all
                                            loud moments belong to it, so they are learned too
  aeden roomtone scene.wav other.wav --seconds 60 --seed 2 --plot other.png
                                            another tone of the same room, and a picture of both";

/// Arguments of `aeden roomtone`.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct RoomtoneArgs {
    /// The recordings, of which two minutes count, and the room tones, WAV or FLAC, with the rate, channels and depth of
    /// the recordings; without OUT, NAME.roomtone.wav beside NAME.wav
    #[command(flatten)]
    pub paths: PathArgs,

    /// How long it shall be
    #[arg(short, long, value_name = "N", value_parser = seconds)]
    pub seconds: f64,

    /// End with the tone of this recording, on a straight way through the space of codes
    #[arg(long, value_name = "OTHER", value_hint = clap::ValueHint::FilePath)]
    pub towards: Option<PathBuf>,

    /// Another number makes another tone of the same kind; the same number makes the same samples
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,

    /// Learn from all of the recording, loud moments too
    #[arg(long)]
    pub all: bool,

    /// Do without the network: noise and tones are steady, their bands stay as loud as they are
    #[arg(long, conflicts_with = "model")]
    pub steady: bool,

    /// Also draw the recording and the tone
    #[arg(long, value_name = "FILE.png", value_hint = clap::ValueHint::FilePath)]
    pub plot: Option<PathBuf>,

    /// What all these commands take
    #[command(flatten)]
    pub job: JobArgs,
}

/// The longest tone, in seconds: a month.
const LONGEST: f64 = 31.0 * 86_400.0;

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.01..=LONGEST).contains(&value) => Ok(value),
        _ => Err(format!("a number of seconds from 0.01 to {LONGEST}, such as 60")),
    }
}
