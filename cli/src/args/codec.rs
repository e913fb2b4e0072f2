//! The arguments of `aeden encode` and `aeden decode`.

use crate::family::Options;
use crate::problem::EXIT_STATUS_HELP;
use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;

const ENCODE_EXAMPLES: &str = "\
Examples:
  aeden encode talk.wav talk.aeden          about 16 kbit/s of speech, in one channel
  aeden encode talk.wav talk.aeden --rate low
  aeden encode music.flac music.aeden --rate 96
                                            as coarse as makes 96 kbit/s of this recording
  aeden encode talk.wav talk.aeden --compare
                                            size and quality beside PCA and Opus of the same size
  aeden encode talk.wav talk.aeden --model mine.safetensors
                                            aeden decode needs the same undercomplete model";

/// Arguments of `aeden encode`.
///
/// Makes a small file of a recording. The undercomplete autoencoder says in few bits how loud each band is; the waves
/// themselves, with their phases, are coefficients of a cosine transform, in steps that follow these envelopes, and
/// take only as many bits as the envelopes leave open. Each block has a checksum. The format is described in
/// docs/family.md.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{ENCODE_EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct EncodeArgs {
    /// The recording, WAV, FLAC or what ffmpeg reads; it is read more than once
    #[arg(required = true, value_name = "IN", value_hint = clap::ValueHint::FilePath)]
    pub input: PathBuf,

    /// The small file; '-' is standard output
    #[arg(required = true, value_name = "OUT.aeden", value_hint = clap::ValueHint::FilePath)]
    pub output: PathBuf,

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
    pub options: Options,
}

const DECODE_EXAMPLES: &str = "\
Examples:
  aeden decode talk.aeden talk.wav          with the rate, depth and channels of the recording
  aeden decode talk.aeden talk.flac
  aeden decode talk.aeden - | aplay";

/// Arguments of `aeden decode`.
///
/// Makes a recording of a file of `aeden encode`. If the file is cut short or altered, an error says so, and nothing is
/// written.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{DECODE_EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct DecodeArgs {
    /// The small file; '-' is standard input
    #[arg(required = true, value_name = "IN.aeden", value_hint = clap::ValueHint::FilePath)]
    pub input: PathBuf,

    /// The recording, WAV or FLAC; '-' is standard output, as WAV
    #[arg(required = true, value_name = "OUT", value_hint = clap::ValueHint::FilePath)]
    pub output: PathBuf,

    /// What all these commands take
    #[command(flatten)]
    pub options: Options,
}

/// How much room an encoded recording may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// The coarseness that is stored.
    Quality(u16),
    /// So many kbit/s, as the mean of the recording.
    Kilobits(f64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<f64>()) {
            ("low", _) => Ok(Rate::Quality(590)),
            ("mid", _) => Ok(Rate::Quality(520)),
            ("high", _) => Ok(Rate::Quality(425)),
            (_, Ok(kilobits)) if (4.0..=1000.0).contains(&kilobits) => Ok(Rate::Kilobits(kilobits)),
            _ => Err("low, mid, high, or kbit/s from 4 to 1000, such as 24".into()),
        }
    }
}
