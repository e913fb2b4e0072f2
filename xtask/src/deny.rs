//! What dependencies may be: `deny.toml` says it, cargo-deny looks.

use crate::program;
use anyhow::{Context, Result, bail};
use std::process::Command;

const RULES: &str = "deny.toml";

/// Where packages come from: crates.io, as `cargo metadata` names it.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Runs cargo-deny on everything but known faults, or with `advisories` on those too, installing it if need be.
///
/// # Errors
/// If a dependency is refused, or cargo-deny cannot be installed.
pub fn run(advisories: bool) -> Result<()> {
    if !is_installed() {
        program::run(Command::new("cargo").args(["install", "--locked", "cargo-deny"]))?;
    }
    program::run(cargo_deny().args(advisories.then_some("advisories")))
}

/// Looks at all packages of the lock file, for all features and platforms. Where cargo-deny is not installed, licences and
/// sources are read here by the same rules: to build it takes longer than all other checks. Gives what was looked at.
///
/// # Errors
/// If a dependency is refused.
pub fn check() -> Result<String> {
    if is_installed() {
        program::run(&mut cargo_deny())?;
        return Ok("cargo-deny found nothing".to_owned());
    }
    let allowed = allowed()?;
    let packages = program::packages()?;
    let mut refused = Vec::new();
    for package in &packages {
        let licence = package["license"].as_str().unwrap_or("none");
        let source = package["source"].as_str().unwrap_or(CRATES_IO);
        if !is_allowed(&allowed, licence) || source != CRATES_IO {
            refused.push(format!(
                "{} {}: {licence}, from {source}",
                package["name"], package["version"]
            ));
        }
    }
    if !refused.is_empty() {
        bail!("not as {RULES} wants it: {}", refused.join("; "));
    }
    let count = packages.len();
    Ok(format!(
        "licences and sources of {count} packages are as {RULES} wants them (`cargo xtask deny` looks at more)"
    ))
}

fn is_installed() -> bool {
    program::succeeds(Command::new("cargo").args(["deny", "--version"]))
}

fn cargo_deny() -> Command {
    let mut command = Command::new("cargo");
    // Without `--workspace` it would look at the package in the root alone.
    command.args(["deny", "--workspace", "--all-features", "--locked", "check"]);
    command.args(["--hide-inclusion-graph", "licenses", "bans", "sources"]);
    command
}

/// The licences that `deny.toml` allows.
fn allowed() -> Result<Vec<spdx::Licensee>> {
    let rules: toml::Table = std::fs::read_to_string(RULES)
        .context(RULES)?
        .parse()
        .context(RULES)?;
    let names = rules.get("licenses").and_then(|licences| licences.get("allow"));
    let names = names.and_then(toml::Value::as_array);
    let names = names.with_context(|| format!("{RULES} has no licenses.allow"))?;
    names
        .iter()
        .map(|name| {
            let name = name.as_str().with_context(|| format!("{RULES}: {name:?}"))?;
            spdx::Licensee::parse(name).with_context(|| format!("{RULES}: {name}"))
        })
        .collect()
}

/// Whether an SPDX expression leaves a choice in which every licence is allowed. Crates of old write "MIT/Apache-2.0" for a
/// choice.
fn is_allowed(allowed: &[spdx::Licensee], expression: &str) -> bool {
    let mode = spdx::ParseMode {
        allow_slash_as_or_operator: true,
        ..spdx::ParseMode::STRICT
    };
    spdx::Expression::parse_mode(expression, mode).is_ok_and(|expression| {
        expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted)))
    })
}

#[cfg(test)]
mod tests {
    fn is_allowed(expression: &str) -> bool {
        std::env::set_current_dir(crate::root()).unwrap();
        super::is_allowed(&super::allowed().unwrap(), expression)
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
