//! The arguments of `aeden repair`.

use super::job::{JobArgs, PathArgs};
use aeden_jobs::repair::{Damage, LONGEST, Region};
use aeden_media::problem::EXIT_STATUS_HELP;
use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  aeden repair call.wav                     fills drop-outs, clicks and clipped peaks that it finds: call.repaired.wav
  aeden repair call.wav mended.wav --region 12.31-12.36 --region 40.2-40.22
                                            fills these two, and looks for no others
  aeden repair vinyl.flac mended.flac --find clicks
                                            nothing but clicks
  aeden repair talk.mp4 mended.mp4          a film: the picture stays as it is
  aeden repair loud.wav mended.wav --find peaks --float
                                            in floating point, where peaks have room above full scale
  aeden repair call.wav mended.wav --json   one line of JSON for each damage";

/// Arguments of `aeden repair`.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct RepairArgs {
    /// The recordings, and the repaired ones; without OUT, NAME.repaired.wav beside NAME.wav
    #[command(flatten)]
    pub paths: PathArgs,

    /// Fill from A to B, in seconds, in all channels; can be given again. The rest stays as it is, unless --find is given
    #[arg(long = "region", value_name = "A-B", value_parser = region)]
    pub regions: Vec<Region>,

    /// Look for these kinds of damage [default: all, or none with --region]
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',', num_args = 1..)]
    pub find: Vec<Findable>,

    /// Write 32-bit floating point, so that restored peaks may rise above full scale
    #[arg(long)]
    pub float: bool,

    /// Fill long gaps by prediction alone, without the network
    #[arg(long, conflicts_with = "model")]
    pub prediction_only: bool,

    /// What all these commands take
    #[command(flatten)]
    pub job: JobArgs,
}

/// A kind of damage that can be looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Findable {
    /// Samples that are missing: one value, from 1 to 100 ms
    DropOuts,
    /// Single samples, up to 3 ms, that nothing around explains
    Clicks,
    /// Peaks that were cut off flat
    Peaks,
}

impl From<Findable> for Damage {
    fn from(wanted: Findable) -> Damage {
        match wanted {
            Findable::DropOuts => Damage::DropOut,
            Findable::Clicks => Damage::Click,
            Findable::Peaks => Damage::Peak,
        }
    }
}

/// `A-B`, as it is typed.
fn region(text: &str) -> Result<Region, String> {
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
