//! Checks what comes with our programs from others: licences, sources, versions that were withdrawn, known holes.
//!
//! Licences and sources are in the lock file and in what cargo has unpacked: they are checked everywhere. Withdrawn versions
//! and known holes take the program cargo-deny and a network; where there is none, that is said. `deny.toml` has the rules.

use crate::program;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::process::Command;

/// The part of `deny.toml` that is used here.
#[derive(Deserialize)]
struct Rules {
    licenses: Licences,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

impl Rules {
    fn read() -> Result<Self> {
        let text = std::fs::read_to_string("deny.toml").context("deny.toml")?;
        toml::from_str(&text).context("deny.toml")
    }
}

/// Looks at all packages of the lock file, for all features and platforms. Gives how many there are.
pub fn check() -> Result<usize> {
    let rules = Rules::read()?;
    let packages = program::packages()?;
    let mut refused = Vec::new();
    for package in &packages {
        let mut refuse =
            |why: &str| refused.push(format!("{} {}: {why}", package["name"], package["version"]));
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_allowed(&rules.licenses.allow, licence) {
            refuse(&format!("licence {licence}"));
        }
        // Members of the workspace have no source.
        let source = package["source"]
            .as_str()
            .map(|source| source.trim_start_matches("registry+"));
        if source.is_some_and(|source| !rules.sources.allow_registry.iter().any(|known| known == source)) {
            refuse(&format!("from {}", package["source"]));
        }
    }
    if !refused.is_empty() {
        bail!("what deny.toml does not allow: {}", refused.join("; "));
    }
    Ok(packages.len())
}

/// Lets cargo-deny look at everything. The inner error is why it could not look at a part.
pub fn deny() -> Result<Result<String, String>> {
    let deny = |checks: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo
            .args(["deny", "--locked", "check", "--hide-inclusion-graph"])
            .args(checks);
        cargo
    };
    if !program::succeeds(Command::new("cargo").args(["deny", "--version"])) {
        return Ok(Err(
            "cargo-deny is not installed (cargo install --locked cargo-deny)".into(),
        ));
    }
    program::run(&mut deny(&["bans", "licenses", "sources"]))?;
    let output = deny(&["advisories"]).output().context("cargo deny")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        return Ok(Ok("fine, advisories and withdrawn versions too".into()));
    }
    if said.contains("failed to fetch advisory database") || said.contains("unable to load index") {
        return Ok(Err("the database of advisories cannot be had here".into()));
    }
    bail!("{said}")
}

/// Whether an SPDX expression leaves a choice in which every licence is allowed.
fn is_allowed(allowed: &[String], expression: &str) -> bool {
    // Crates of old write "MIT/Apache-2.0" for a choice.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    matches!(either(allowed, &words), Some((allowed, [])) if allowed)
}

/// `both OR both …`: the verdict, and the words after it; nothing where the expression is broken.
fn either<'a>(list: &[String], words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let (mut allowed, mut rest) = both(list, words)?;
    while let ["OR", after @ ..] = rest {
        let (next, after) = both(list, after)?;
        allowed |= next;
        rest = after;
    }
    Some((allowed, rest))
}

/// `one AND one …`
fn both<'a>(list: &[String], words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let (mut allowed, mut rest) = one(list, words)?;
    while let ["AND", after @ ..] = rest {
        let (next, after) = one(list, after)?;
        allowed &= next;
        rest = after;
    }
    Some((allowed, rest))
}

/// A licence, one WITH an exception, or an expression in parentheses.
fn one<'a>(list: &[String], words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let has = |name: &str| list.iter().any(|known| known == name);
    match words {
        ["(", inside @ ..] => match either(list, inside)? {
            (allowed, [")", after @ ..]) => Some((allowed, after)),
            _ => None,
        },
        [name, "WITH", exception, after @ ..] => {
            Some((has(&format!("{name} WITH {exception}")) || has(name), after))
        }
        [name, after @ ..] => Some((has(name), after)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    fn is_allowed(expression: &str) -> bool {
        let list = [
            "MIT",
            "Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
            "Unicode-3.0",
        ];
        super::is_allowed(&list.map(str::to_owned), expression)
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        assert!(is_allowed("MIT OR GPL-3.0-only"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT"));
        assert!(is_allowed("(MIT OR LGPL-2.1-or-later) AND Unicode-3.0"));
    }

    #[test]
    fn what_cannot_be_chosen_away_is_refused() {
        assert!(!is_allowed("GPL-3.0-only"));
        assert!(!is_allowed("MIT AND GPL-2.0-or-later"));
        assert!(!is_allowed("(MIT AND LGPL-3.0-only) OR MPL-2.0"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for broken in ["none", "", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0"] {
            assert!(!is_allowed(broken), "{broken}");
        }
    }
}
