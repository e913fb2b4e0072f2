//! The arguments of `aeden repair`.

use crate::commands::repair::damage::Kind;
use crate::family::Options;
use crate::problem::EXIT_STATUS_HELP;
use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;

const EXAMPLES: &str = "\
Examples:
  aeden repair call.wav mended.wav          fills drop-outs, clicks and clipped peaks that it finds
  aeden repair call.wav mended.wav --region 12.31-12.36 --region 40.2-40.22
                                            fills these two, and looks for no others
  aeden repair vinyl.flac mended.flac --find clicks
                                            nothing but clicks
  aeden repair loud.wav mended.wav --find peaks --float
                                            in floating point, where peaks have room above full scale
  aeden repair call.wav mended.wav --json   one line of JSON for each damage";

/// Arguments of `aeden repair`.
///
/// Fills what is missing from what stands on both sides of it. Every other sample of the output is the input's, bit for
/// bit, in the same format. Up to 5 ms: the samples that an autoregressive predictor errs least on. Above: both sides
/// continued by such predictors, their waves brought together; from 15 ms on, a denoising autoencoder that was trained
/// with gaps says how loud each band should be. Made for gaps up to 80 ms in speech. More in docs/family.md.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct RepairArgs {
    /// The recording, WAV, FLAC or what ffmpeg reads; '-' is standard input, as WAV
    #[arg(required = true, value_name = "IN", value_hint = clap::ValueHint::FilePath)]
    pub input: PathBuf,

    /// The repaired recording, WAV or FLAC; '-' is standard output, as WAV
    #[arg(required = true, value_name = "OUT", value_hint = clap::ValueHint::FilePath)]
    pub output: PathBuf,

    /// Fill from A to B, in seconds, in all channels; can be given again. Without --find, nothing else is filled
    #[arg(long = "region", value_name = "A-B")]
    pub regions: Vec<Region>,

    /// Look for these kinds of damage [default: all, or none with --region]
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',', num_args = 1..)]
    pub find: Vec<Kind>,

    /// Write 32-bit floating point, so that restored peaks may rise above full scale
    #[arg(long)]
    pub float: bool,

    /// Fill long gaps by prediction alone, without the network
    #[arg(long, conflicts_with = "model")]
    pub prediction_only: bool,

    /// What all these commands take
    #[command(flatten)]
    pub options: Options,
}

/// A stretch of time, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Where it begins.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

/// The longest region, in seconds: beyond, there is nothing to guess from.
pub const LONGEST: f64 = 0.25;

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "two times in seconds, such as 12.31-12.36".to_string();
        let (start, end) = text.split_once('-').ok_or_else(form)?;
        let number = |text: &str| {
            text.trim()
                .parse::<f64>()
                .ok()
                .filter(|x| x.is_finite() && *x >= 0.0)
        };
        let (start, end) = (number(start).ok_or_else(form)?, number(end).ok_or_else(form)?);
        if end <= start {
            return Err("it ends before it begins; give the earlier time first".into());
        }
        if end - start > LONGEST {
            return Err(format!(
                "it is longer than {LONGEST} s, which nothing can fill from its sides"
            ));
        }
        Ok(Region { start, end })
    }
}
