//! The arguments of `aeden web`.

use aeden_media::problem::EXIT_STATUS_HELP;
use clap::Args;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  aeden web                                 then drop recordings and films into the page
  aeden web talk.mp4 interview.wav          with these in it
  aeden web --no-open --port 8080           on another machine, behind
                                            ssh -L 8080:127.0.0.1:8080 THAT-MACHINE; open the printed address here
  aeden web --scratch /var/tmp              large films, where /tmp is small

Keys on the page: Space plays, A B R before, after, removed, X between before and after, + - 0 zoom, L loop.";

/// Arguments of `aeden web`.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_STATUS_HELP}"))]
pub struct WebArgs {
    /// Recordings and films to begin with: files, folders, patterns
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub files: Vec<PathBuf>,

    /// The port to listen on [default: a free one]
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    pub port: u16,

    /// Only print the address, and open no browser
    #[arg(long)]
    pub no_open: bool,

    /// Where recordings and results lie until the end [default: the folder for temporary files]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub scratch: Option<PathBuf>,

    /// Check that copied tracks are identical and that the sound has its length; keep no result that fails
    #[arg(long)]
    pub verify: bool,

    /// Number of cores to use [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Print nothing but the address
    #[arg(short, long)]
    pub quiet: bool,
}
