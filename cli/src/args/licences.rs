//! The arguments of `aeden licences`.

use clap::Args;

/// Arguments of `aeden licences`.
#[derive(Debug, Args)]
#[command(after_help = "Example: aeden licences --json")]
pub struct LicencesArgs {
    /// Print one line of JSON per entry
    #[arg(long)]
    pub json: bool,
}
