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
  aeden map takes --json                    also a line of JSON per sound: file, folder, cluster, place";

/// Arguments of `aeden map`.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct MapArgs {
    /// Folders, with their sub-folders, files, patterns
    #[arg(required = true, value_name = "DIR", value_hint = clap::ValueHint::AnyPath)]
    pub inputs: Vec<PathBuf>,

    /// The page
    #[arg(short, long, value_name = "FILE.html", default_value = "map.html", value_hint = clap::ValueHint::FilePath)]
    pub output: PathBuf,

    /// What the colours stand for
    #[arg(long, value_enum, default_value = "folder")]
    pub colour: Colour,

    /// How many clusters to make [default: as many as folders, at least 2 and at most 12]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=64))]
    pub clusters: Option<u16>,

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
