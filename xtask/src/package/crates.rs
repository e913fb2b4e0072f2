//! The crates as crates.io would get them.

use crate::{program, target};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;

/// What crates.io takes at most, in bytes.
const MOST: u64 = 10_000_000;

/// What the core may have at most: its users download it with every build.
const MOST_OF_CORE: u64 = 3_000_000;

/// Crates that are built from their packages, since they have weights inside them.
const BUILT: [&str; 5] = ["aeden", "aeden-family", "aeden-jobs", "aeden-onnx", "aeden-page"];

/// Packages every crate that may be published, builds some from their packages, and gives the sizes of all.
///
/// # Errors
/// If one lacks a file or a version, or is too large.
pub fn run() -> Result<String> {
    let packages = program::packages()?;
    let ours = packages.iter().filter(|package| package["source"].is_null());
    // `publish = false` is an empty list of registries.
    let published = ours.filter(|package| package["publish"].is_null());
    let names: Vec<(&str, &str)> = published
        .filter_map(|package| Some((package["name"].as_str()?, package["version"].as_str()?)))
        .collect();
    let package = |names: &[&str], more: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(["package", "--locked", "--allow-dirty", "--quiet"]);
        let packages = names.iter().flat_map(|name| ["--package", name]);
        program::run(cargo.args(packages).args(more))
    };
    // The others are built from their folders by every other check, and have no files that a package could leave out.
    package(&BUILT, &[])?;
    package(
        &names.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        &["--no-verify"],
    )?;
    let mut sizes = Vec::new();
    for (name, version) in names {
        let file = target().join(format!("package/{name}-{version}.crate"));
        let size = fs::metadata(&file)
            .with_context(|| file.display().to_string())?
            .len();
        let most = if name == "aeden" { MOST_OF_CORE } else { MOST };
        if size > most {
            bail!("{name} has {size} bytes; {most} at most (cargo package --package {name} --list)");
        }
        sizes.push(format!("{name} {:.2} MB", size as f64 / 1e6));
    }
    Ok(sizes.join(", "))
}
