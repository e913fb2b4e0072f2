//! Running other programs.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Shows the command, runs it, and fails if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    eprintln!("$ {}", line(command));
    let status = command.status().with_context(|| line(command))?;
    if !status.success() {
        bail!("{} gave {status}", line(command));
    }
    Ok(())
}

/// What the command prints to standard output; fails if it fails, with what it said.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| line(command))?;
    if !output.status.success() {
        bail!(
            "{} gave {}: {}",
            line(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program: how long it took, and the most memory that it held, in MB of 10⁶ bytes, 0 where `/proc` is missing.
pub fn watch(mut command: Command) -> Result<(Duration, f64)> {
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| line(&command))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = 0.0f64;
    loop {
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("{} gave {status}", line(&command));
            }
            return Ok((start.elapsed(), peak));
        }
        // The mark only rises, so the last look before the end is nearly the end's.
        let text = std::fs::read_to_string(&status_file).unwrap_or_default();
        let mark = text
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        if let Some(Ok(kib)) = mark.map(str::parse::<f64>) {
            peak = peak.max(kib * 1024.0 / 1e6);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Seconds on the wall, and of CPU time of the program and those that it has started.
pub fn timed(command: &mut Command) -> Result<(f64, f64)> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" \"$@\" && times"]);
    shell.arg(command.get_program()).args(command.get_args());
    shell.current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
    let started = Instant::now();
    let said = output(&mut shell)?;
    let wall = started.elapsed().as_secs_f64();
    // The last line is about the children: "0m1.087s 0m0.061s".
    let line = said.lines().next_back().unwrap_or_default();
    let mut cpu = 0.0;
    for time in line.split_whitespace() {
        let parts = time.strip_suffix('s').and_then(|time| time.split_once('m'));
        let (minutes, seconds) = parts.with_context(|| format!("times of the shell: {line:?}"))?;
        cpu += 60.0 * minutes.parse::<f64>()? + seconds.parse::<f64>()?;
    }
    Ok((wall, cpu))
}

/// What `cargo metadata` tells, for all features and platforms.
pub fn metadata() -> Result<Value> {
    let arguments = ["metadata", "--format-version=1", "--all-features", "--locked"];
    let text = output(Command::new("cargo").args(arguments))?;
    serde_json::from_str(&text).context("cargo metadata")
}

/// All packages of the lock file, for all features and platforms.
pub fn packages() -> Result<Vec<Value>> {
    match metadata()?["packages"].take() {
        Value::Array(packages) => Ok(packages),
        _ => bail!("cargo metadata has no packages"),
    }
}

/// Whether the command can be run and succeeds; its output is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// The path of a program that the shell would find.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let quoted = words.map(|w| {
        let w = w.to_string_lossy();
        if w.contains(char::is_whitespace) {
            format!("'{w}'")
        } else {
            w.into_owned()
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
