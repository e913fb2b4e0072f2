//! The arguments of `aeden find`.

use aeden_media::problem::EXIT_STATUS_HELP;
use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  aeden find index ~/sounds                 learns what every sound in the folder is like; again: only what has changed
  aeden find query door.wav                 the ten sounds that are most like it
  aeden find query door.wav --top 30 --html doors.html
                                            a page to listen to them";

/// Arguments of `aeden find`.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct FindArgs {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with an index.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Add the sounds of folders to the index, and drop those that are no longer there
    Index(IndexArgs),
    /// Search the index for what sounds like a recording
    Query(QueryArgs),
}

/// Where the index is, and what describes a sound.
#[derive(Debug, Args)]
pub struct IndexFile {
    /// The index [default: aeden/sounds.redb in the folder for data of programs, ~/.local/share on Linux]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub index: Option<PathBuf>,

    /// A model file instead of the built-in model; all sounds of an index need the same
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub model: Option<PathBuf>,
}

/// Arguments of `aeden find index`.
#[derive(Debug, Args)]
pub struct IndexArgs {
    /// Folders, with their sub-folders, files, patterns
    #[arg(required = true, value_name = "DIR", value_hint = clap::ValueHint::AnyPath)]
    pub inputs: Vec<PathBuf>,

    /// Where, and how described
    #[command(flatten)]
    pub place: IndexFile,

    /// Begin a new index where there is one
    #[arg(long)]
    pub rebuild: bool,

    /// Number of files to work on at a time [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Print one line of JSON per file that was taken in, taken out or could not be read
    #[arg(long)]
    pub json: bool,

    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
}

/// Arguments of `aeden find query`.
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// What to look for; '-' is standard input, as WAV
    #[arg(required = true, value_name = "SOUND", value_hint = clap::ValueHint::FilePath)]
    pub sounds: Vec<PathBuf>,

    /// Where, and how described
    #[command(flatten)]
    pub place: IndexFile,

    /// How many sounds to name
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub top: u32,

    /// Also write a page to listen to them
    #[arg(long, value_name = "FILE.html", value_hint = clap::ValueHint::FilePath)]
    pub html: Option<PathBuf>,

    /// Print one line of JSON per sound that was found
    #[arg(long)]
    pub json: bool,

    /// Replace the page if it exists
    #[arg(short = 'y', long = "overwrite")]
    pub overwrite: bool,
}
