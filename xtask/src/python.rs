//! The Python bindings: their wheel, their tests, and those of the job for clusters, which are in Python too.

use crate::{program, setup, target};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// Builds the optimised wheel into `target/wheels`.
pub fn wheel() -> Result<()> {
    let wheel = build(&["--release"])?;
    println!("{}", wheel.display());
    Ok(())
}

/// Installs a wheel of the development build in `.venv` and runs all tests that are in Python. Gives what they came to.
pub fn test() -> Result<String> {
    let wheel = build(&["--profile", "dev", "--auditwheel", "skip"])?;
    let python = setup::test_python()?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--force-reinstall",
    ];
    program::run(Command::new(&python).args(install).arg(wheel))?;
    // Built for the tests of the program.
    let aeden = std::path::absolute(target().join("debug").join("aeden"))?;
    let mut said = Vec::new();
    for folder in ["python/tests", "scale"] {
        let mut tests = Command::new(&python);
        tests.args(["-m", "unittest", "discover", folder]);
        let output = tests.env("AEDEN_PROGRAM", &aeden).output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("{folder}:\n{text}");
        }
        let ran = text.lines().find(|line| line.starts_with("Ran "));
        said.push(format!("{folder}: {}", ran.context("no test ran")?));
    }
    Ok(said.join("; "))
}

fn build(options: &[&str]) -> Result<PathBuf> {
    let python = setup::test_python()?;
    // Of its own, so that the one wheel in it is the one just built.
    let folder = target().join("wheels");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let mut maturin = Command::new(&python);
    maturin
        .args(["-m", "maturin", "build", "--quiet", "--locked"])
        .args(["--manifest-path", "python/Cargo.toml", "--out"])
        .arg(&folder)
        .arg("--interpreter")
        .arg(&python)
        .args(options);
    program::run(&mut maturin)?;
    let is_wheel = |path: &PathBuf| path.extension() == Some("whl".as_ref());
    let files = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    files
        .flatten()
        .map(|entry| entry.path())
        .find(is_wheel)
        .with_context(|| format!("maturin left no wheel in {}", folder.display()))
}
