//! What the model leaves alone, and what it removes: `behaviour.py` says what that is.

use super::places::{Places, empty};
use super::{Options, Way, clean};
use crate::program;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;

/// Makes the cases, cleans them, and prints a row for each thing that is measured.
pub fn run(options: &Options, places: &Places, aeden: &Path, way: &Way) -> Result<()> {
    let work = places.work.join("behaviour");
    empty(&work)?;
    let shared = places.shared()?;
    let script = |task: &str| {
        let mut python = places.python();
        python
            .args(["xtask/python/behaviour.py", task])
            .arg(shared)
            .arg(&work);
        program::output(&mut python)
    };
    program::output(places.python().args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "pocketsphinx",
    ]))?;
    script("prepare")?;
    for entry in std::fs::read_dir(work.join("in"))? {
        let case = entry?;
        clean(
            options,
            aeden,
            way,
            &case.path(),
            &work.join("out").join(case.file_name()),
        )?;
    }
    let text = script("measure")?;
    std::fs::write(places.work.join("behaviour.json"), &text)?;
    let rows: Vec<Value> = serde_json::from_str(&text).context("behaviour.py")?;

    println!("| | files | mean | median | worst | wanted |\n|---|---:|---:|---:|---:|---|");
    for row in &rows {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let mut values: Vec<f64> = row["values"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, v)| v.as_f64())
            .collect();
        values.sort_by(f64::total_cmp);
        let (&[lowest, ..], &[.., highest]) = (&values[..], &values[..]) else {
            bail!("behaviour.py gave nothing for: {} {}", text("what"), text("half"));
        };
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let median = values[values.len() / 2];
        let worst = if text("worst") == "lowest" {
            lowest
        } else {
            highest
        };
        println!(
            "| {} {} | {} | {mean:.2} | {median:.2} | {worst:.2} | {} |",
            text("what"),
            text("half"),
            values.len(),
            text("wanted")
        );
    }
    Ok(())
}
