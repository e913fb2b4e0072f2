//! Measures how well the family of autoencoders does its jobs, beside baselines.

use crate::{build_aeden, program, target};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// What to run.
pub struct Options {
    /// What `models/recipe/pack.py` wrote.
    cache: PathBuf,
    /// With the packages of `models/recipe/requirements.txt`.
    python: PathBuf,
    /// `NAME=FILE` of models besides those that are built in.
    models: Vec<String>,
}

impl Options {
    /// Reads the command line.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let (mut cache, mut python, mut models) = (None, PathBuf::from("python3"), Vec::new());
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} needs a value"))
            };
            match argument.as_str() {
                "--cache" => cache = Some(std::path::absolute(value()?)?),
                "--python" => python = std::path::absolute(value()?)?,
                "--model" => {
                    let (name, file) = value()?.split_once('=').context("--model takes NAME=FILE")?;
                    models.push(format!("{name}={}", std::path::absolute(file)?.display()));
                }
                _ => bail!("family: unknown option {argument:?}"),
            }
        }
        Ok(Options {
            cache: cache
                .context("family: --cache DIR is missing, the folder that models/recipe/pack.py wrote")?,
            python,
            models,
        })
    }
}

/// Retrieval, then detection; a line of JSON for each model and baseline.
pub fn run(options: &Options) -> Result<()> {
    let aeden = build_aeden()?;
    for job in ["find", "detect"] {
        let mut command = Command::new(&options.python);
        command
            .args(["models/recipe/score_family.py", job])
            .args([&aeden, &options.cache, &target().join("family")])
            .arg("built-in")
            .args(&options.models);
        println!("{job}");
        program::run(&mut command)?;
    }
    Ok(())
}
