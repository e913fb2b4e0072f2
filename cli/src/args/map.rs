//! The arguments of `aeden map`.

use super::job::JobArgs;
use aeden_media::problem::EXIT_STATUS_HELP;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  aeden map ~/sounds -o sounds.html         every sound a point, coloured by its folder
  aeden map takes --colour cluster --clusters 5
                                            coloured by what sounds alike
  aeden map ~/new-sounds -o sounds.html     adds these; all others stay where they are
  aeden map ~/sounds -o sounds.html -y      makes the map anew, all places too
  aeden map takes --json                    also a line of JSON per sound: file, folder, cluster, place";

/// Arguments of `aeden map`.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct MapArgs {
    /// Folders, with their sub-folders, files, patterns
    #[arg(required = true, value_name = "DIR", value_hint = clap::ValueHint::AnyPath)]
    pub inputs: Vec<PathBuf>,

    /// The page; a map that is there is gone on with, and -y makes it anew
    #[arg(short, long, value_name = "FILE.html", default_value = "map.html", value_hint = clap::ValueHint::FilePath)]
    pub output: PathBuf,

    /// What the colours stand for
    #[arg(long, value_enum, default_value = "folder")]
    pub colour: Colour,

    /// How many clusters to make [default: as many as folders, at least 2 and at most 12; those that a map has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=64))]
    pub clusters: Option<u16>,

    /// Where a click finds the sound [default: inside up to 1,200 sounds, in the files beyond]
    #[arg(long, value_enum)]
    pub sound: Option<Heard>,

    /// Number of files to work on at a time [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// What all these commands take
    #[command(flatten)]
    pub job: JobArgs,
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// The folder that a sound lies in
    Folder,
    /// The cluster that it belongs to
    Cluster,
}

/// Where the sound is that a click plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Heard {
    /// Half a second to five of each inside the page, which can be given away alone
    Inside,
    /// The whole sound in its file; the page has to stay where it is, or move with the files
    Files,
}
