//! What the commands of the family share.

use aeden_media::ffmpeg::container::has_known_ending;
use clap::Args;
use std::path::{Path, PathBuf};

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
    ///
    /// With one input, a name that ends like a file is the output itself: -o out.wav.
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output_dir: Option<PathBuf>,

    /// Whether the output was named by `-o`, and not by its place behind the input.
    #[arg(skip)]
    pub output_is_named: bool,

    /// Number of files to work on at a time [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
}

impl PathArgs {
    /// Takes what `-o` names for OUT where it ends like a file, is no folder, and there is one input.
    pub fn settle(&mut self) {
        let file = |out: &PathBuf| {
            let own = out.extension().is_some_and(|ending| ending == "aeden");
            !out.is_dir() && (own || has_known_ending(out))
        };
        let one = matches!(self.paths.as_slice(), [path] if !stands_for_several(path));
        if one && self.output_dir.as_ref().is_some_and(file) {
            self.paths.extend(self.output_dir.take());
            self.output_is_named = true;
        }
    }
}

/// Whether a path that is given stands for several inputs: a folder or a pattern.
pub fn stands_for_several(path: &Path) -> bool {
    path.is_dir() || !path.exists() && is_pattern(path)
}

/// Whether a path has letters of a pattern in it.
pub fn is_pattern(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains(['*', '?', '[']))
}
