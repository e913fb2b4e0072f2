//! The arguments of `aeden detect`.

use super::job::JobArgs;
use aeden_media::problem::EXIT_STATUS_HELP;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  aeden detect night.wav                    what does not sound like the rest of the recording
  aeden detect today.wav --normal good-days --labels today.txt
                                            what does not sound like the recordings in a folder; labels for Audacity
  aeden detect take.wav --markers marked.wav --plot take.png
                                            a copy with markers (cue points) for a DAW, and a picture
  aeden detect line3 --normal normal --json
                                            one line of JSON per event in the recordings of a folder";

/// Arguments of `aeden detect`.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct DetectArgs {
    /// Recordings, folders with their sub-folders, patterns; '-' is standard input, as WAV
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub files: Vec<PathBuf>,

    /// Learn from these what is normal, folders or files [default: most of the recording itself is]
    #[arg(long, value_name = "DIR", num_args = 1.., value_hint = clap::ValueHint::AnyPath)]
    pub normal: Vec<PathBuf>,

    /// Report scores above this; normal moments stay below 1
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, default_value = "1", value_parser = positive)]
    pub threshold: f32,

    /// Also write the score of every moment: seconds, score, threshold
    #[arg(long, value_name = "FILE.csv", value_hint = clap::ValueHint::FilePath)]
    pub csv: Option<PathBuf>,

    /// Also write the events as labels of Audacity
    #[arg(long, value_name = "FILE.txt", value_hint = clap::ValueHint::FilePath)]
    pub labels: Option<PathBuf>,

    /// Also write a WAV file with the same sound and a marker (cue point) at every event
    #[arg(long, value_name = "FILE.wav", value_hint = clap::ValueHint::FilePath)]
    pub markers: Option<PathBuf>,

    /// Also draw spectrogram and score over time
    #[arg(long, value_name = "FILE.png", value_hint = clap::ValueHint::FilePath)]
    pub plot: Option<PathBuf>,

    /// What all these commands take
    #[command(flatten)]
    pub job: JobArgs,
}

fn positive(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        _ => Err("a positive number, such as 3".into()),
    }
}
