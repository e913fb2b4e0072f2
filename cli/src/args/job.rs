//! What the commands of the family share.

use clap::Args;
use std::path::PathBuf;

/// What every command takes that runs one network of the family and writes files.
#[derive(Debug, Args)]
pub struct JobArgs {
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

/// What is read, and where what is made of it goes.
#[derive(Debug, Args)]
pub struct PathArgs {
    /// IN, or IN OUT; with -o any number of inputs: files, folders, patterns. '-' is standard input or output
    ///
    /// Without OUT and -o, the output stands beside IN under a name that the first example shows.
    #[arg(required = true, value_name = "IN [OUT]", value_hint = clap::ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Write into this folder under the names of the inputs, sub-folders included; made if it is not there
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output_dir: Option<PathBuf>,

    /// Work on so many files at a time [default: as many as there are cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}
