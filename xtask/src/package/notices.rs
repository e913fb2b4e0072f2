//! The licences of what is linked into the programs: their texts must go where the programs go.

use crate::{bundle, program};
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// How the names of such files begin, in small letters.
const NAMES: [&str; 7] = [
    "license",
    "licence",
    "copying",
    "notice",
    "unlicense",
    "ofl",
    "ufl",
];

/// The licences of all crates that some packages with some features are built of on this platform, each text once, with the crates
/// that have it.
pub fn of(packages: &[&str], features: &[&str]) -> Result<String> {
    let mut tree = Command::new("cargo");
    tree.args([
        "tree",
        "--locked",
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    tree.args(packages.iter().flat_map(|name| ["--package", name]));
    tree.args(features.iter().flat_map(|name| ["--features", name]));
    let linked = program::output(&mut tree)?;
    let linked: BTreeSet<(&str, &str)> = linked.lines().filter_map(name_and_version).collect();
    let (mut list, mut texts) = (String::new(), BTreeMap::<[u8; 32], (String, Vec<String>)>::new());
    for package in program::packages()? {
        let field = |name: &str| package[name].as_str().unwrap_or_default();
        let (name, version) = (field("name"), field("version"));
        if package["source"].is_null() || !linked.contains(&(name, version)) {
            continue;
        }
        writeln!(list, "{name} {version}: {}", field("license"))?;
        let folder = Path::new(field("manifest_path"))
            .parent()
            .context("a manifest's folder")?;
        for file in bundle::files(folder)? {
            let ours = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .to_lowercase();
            let is_text = !ours.ends_with(".rs") && !ours.ends_with(".json");
            if !is_text || !NAMES.iter().any(|name| ours.starts_with(name)) {
                continue;
            }
            let text = fs::read(&file).with_context(|| file.display().to_string())?;
            let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
            let same = texts.entry(Sha256::digest(text.as_bytes()).into());
            same.or_insert((text, Vec::new()))
                .1
                .push(format!("{name} {version}"));
        }
    }
    let mut all = format!(
        "aeden is linked with these crates from crates.io. The texts of their licences follow.\n\n{list}"
    );
    let mut texts: Vec<_> = texts.into_values().collect();
    texts.sort_by(|(_, a), (_, b)| a.cmp(b));
    for (text, of) in texts {
        write!(
            all,
            "\n{}\n{}\n\n{}\n",
            "=".repeat(80),
            of.join(", "),
            text.trim_end()
        )?;
    }
    Ok(all)
}

/// From "name v1.2.3 (more)".
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}
