//! The arguments of `aeden demo`.

use aeden_media::problem::EXIT_STATUS_HELP;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `aeden demo`.
#[derive(Debug, Args)]
#[command(after_help = format!("\
Examples:
  aeden demo                 into the folder aeden-demo
  aeden demo -o /tmp/demo -y
                             elsewhere, over what is there of an earlier run

{EXIT_STATUS_HELP}"))]
pub struct DemoArgs {
    /// Where it is written; made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = "aeden-demo", value_hint = clap::ValueHint::DirPath)]
    pub output_dir: PathBuf,

    /// Replace what exists under these names
    #[arg(short = 'y', long = "overwrite")]
    pub overwrite: bool,

    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,
}
