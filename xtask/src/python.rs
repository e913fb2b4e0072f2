//! The Python bindings: their wheel, their tests, and those of the job for clusters, which are in Python too.

use crate::bare_root::BareRoot;
use crate::{program, setup, target};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the optimised wheel into `target/wheels`.
pub fn wheel() -> Result<()> {
    let wheel = build(&["--release"])?;
    println!("{}", wheel.display());
    Ok(())
}

/// Installs a wheel of the development build in `.venv` and runs all tests that are in Python. Gives what they came to.
pub fn test() -> Result<String> {
    let wheel = build(&["--profile", "dev"])?;
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    // maturin's own audit of the symbols gives the name.
    if cfg!(target_os = "linux") && !name.contains("-abi3-manylinux") {
        bail!("{name} is no wheel for every Python and Linux");
    }
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
        tests.args(["-m", "unittest", "discover", "--verbose", folder]);
        let output = tests.env("AEDEN_PROGRAM", &aeden).output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            bail!("{folder}:\n{text}");
        }
        // Each with its reason, beside those of the other tests.
        for line in text.lines().filter(|line| line.contains("... skipped ")) {
            println!("skipped: {}", line.replace("... skipped ", ""));
        }
        let ran = text.lines().find(|line| line.starts_with("Ran "));
        said.push(format!("{folder}: {}", ran.context("no test ran")?));
    }
    Ok(said.join("; "))
}

/// What a newcomer types, in a Debian that has Python and nothing else.
const FIRST_LINES: &str = "\
import numpy as np, aeden
rate = 48_000
noisy = np.random.default_rng(1).normal(0, 0.05, 2 * rate).astype(np.float32)
cleaned = aeden.clean(noisy, rate)
assert cleaned.shape == noisy.shape and cleaned.std() < noisy.std() / 4
packets = aeden.Denoiser(rate).process_int16(aeden.to_int16(noisy))
assert len(packets) == 2 * len(noisy)
assert aeden.decode(aeden.encode(cleaned, rate))[1] == rate
";

/// What the root has in which the wheel is installed.
pub const INCLUDED: [&str; 3] = ["ca-certificates", "python3", "python3-venv"];

/// Installs the wheel that `test` has built in a root with [`INCLUDED`], and cleans with it.
///
/// # Errors
/// If there is no wheel, or something does not work in the root.
pub fn in_bare_root(root: &BareRoot) -> Result<String> {
    let wheel = built(&target().join("wheels"))?;
    let name = wheel.file_name().context("the wheel's name")?;
    fs::copy(&wheel, root.path("tmp").join(name))?;
    let path = format!("/tmp/{}", name.to_string_lossy());
    for words in [
        &["python3", "-m", "venv", "--clear", "/tmp/venv"][..],
        &["/tmp/venv/bin/pip", "install", "--quiet", &path],
        &["/tmp/venv/bin/python", "-c", FIRST_LINES],
    ] {
        program::output(&mut root.command(words))?;
    }
    Ok(format!("{} in a bare Debian", name.to_string_lossy()))
}

fn build(options: &[&str]) -> Result<PathBuf> {
    let python = setup::test_python()?;
    // Of its own, so that the one wheel in it is the one just built.
    let folder = target().join("wheels");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
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
    built(&folder)
}

/// The wheel in a folder.
fn built(folder: &Path) -> Result<PathBuf> {
    let is_wheel = |path: &PathBuf| path.extension() == Some("whl".as_ref());
    let files = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    files
        .flatten()
        .map(|entry| entry.path())
        .find(is_wheel)
        .with_context(|| format!("no wheel in {}", folder.display()))
}
