//! The arguments of `aeden encode` and `aeden decode`.

use super::job::{JobArgs, PathArgs};
use aeden_jobs::codec::Coarseness;
use aeden_media::problem::EXIT_STATUS_HELP;
use clap::Args;
use std::str::FromStr;

const ENCODE_EXAMPLES: &str = "\
Examples:
  aeden encode talk.wav                     writes talk.aeden beside it, about 16 kbit/s of speech in one channel
  aeden encode recordings -o small --rate low
                                            a whole folder, sub-folders too
  aeden encode music.flac music.aeden --rate 96
                                            as coarse as makes 96 kbit/s of this recording
  aeden encode talk.wav talk.aeden --compare
                                            size and quality beside PCA and Opus of the same size
  aeden encode talk.wav talk.aeden --model mine.safetensors
                                            aeden decode needs the same undercomplete model";

/// Arguments of `aeden encode`.
#[derive(Debug, Args)]
#[command(after_help = format!("{ENCODE_EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct EncodeArgs {
    /// The recordings, WAV, FLAC or what ffmpeg reads, and the small files; without OUT, NAME.aeden beside NAME.wav
    #[command(flatten)]
    pub paths: PathArgs,

    /// How much room it may take: a quality, low, mid or high, or kbit/s, 4 to 1000
    #[arg(long, value_name = "low|mid|high|KBIT/S", default_value = "mid")]
    pub rate: Rate,

    /// Also tell the quality, beside that of PCA at the same size and of Opus at the same bit rate (by ffmpeg)
    ///
    /// The recording is held in memory for it.
    #[arg(long)]
    pub compare: bool,

    /// What all these commands take
    #[command(flatten)]
    pub job: JobArgs,
}

const DECODE_EXAMPLES: &str = "\
Examples:
  aeden decode talk.aeden                   writes talk.decoded.wav beside it, with the recording's rate and depth
  aeden decode talk.aeden talk.flac
  aeden decode talk.aeden - | aplay";

/// Arguments of `aeden decode`.
#[derive(Debug, Args)]
#[command(after_help = format!("{DECODE_EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct DecodeArgs {
    /// The small files, and the recordings, WAV or FLAC; without OUT, NAME.decoded.wav beside NAME.aeden
    #[command(flatten)]
    pub paths: PathArgs,

    /// What all these commands take
    #[command(flatten)]
    pub job: JobArgs,
}

/// How much room an encoded recording may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Steps of the same coarseness for every recording.
    Steps(Coarseness),
    /// So many kbit/s, as the mean of the recording.
    Kilobits(f64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<f64>()) {
            ("low", _) => Ok(Rate::Steps(Coarseness::LOW)),
            ("mid", _) => Ok(Rate::Steps(Coarseness::MID)),
            ("high", _) => Ok(Rate::Steps(Coarseness::HIGH)),
            (_, Ok(kilobits)) if (4.0..=1000.0).contains(&kilobits) => Ok(Rate::Kilobits(kilobits)),
            _ => Err("low, mid, high, or kbit/s from 4 to 1000, such as 24".into()),
        }
    }
}
