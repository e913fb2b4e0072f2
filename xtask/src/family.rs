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
    /// Which jobs are scored.
    jobs: Vec<String>,
}

/// The jobs that can be scored.
const JOBS: [&str; 5] = ["find", "detect", "repair", "encode", "roomtone"];

impl Options {
    /// Reads the command line.
    pub fn parse(arguments: &[String]) -> Result<Self> {
        let (mut cache, mut python, mut models) = (None, PathBuf::from("python3"), Vec::new());
        let mut jobs = Vec::new();
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
                job if JOBS.contains(&job) => jobs.push(job.to_owned()),
                _ => bail!("family: unknown option {argument:?}"),
            }
        }
        Ok(Options {
            cache: cache
                .context("family: --cache DIR is missing, the folder that models/recipe/pack.py wrote")?,
            python,
            models,
            jobs: match jobs.is_empty() {
                true => JOBS.map(String::from).to_vec(),
                false => jobs,
            },
        })
    }
}

/// One job after another; a line of JSON for each model and baseline.
pub fn run(options: &Options) -> Result<()> {
    let aeden = build_aeden()?;
    for job in &options.jobs {
        println!("{job}");
        let mut command = Command::new(&options.python);
        let work = target().join("family").join(job);
        match job.as_str() {
            "find" | "detect" => command
                .args(["models/recipe/score_family.py", job])
                .args([&aeden, &options.cache, &work])
                .arg("built-in")
                .args(&options.models),
            job => command
                .arg(format!("models/recipe/score_{job}.py"))
                .args([&aeden, &options.cache, &work])
                .args(options.models.iter().filter(|_| job == "roomtone")),
        };
        program::run(&mut command)?;
    }
    Ok(())
}
