//! What dependencies may be: `deny.toml` says it, cargo-deny looks.

use crate::program;
use anyhow::{Context, Result, bail};
use spdx::Licensee;
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
    let rules = Rules::read()?;
    let packages = program::packages()?;
    let mut refused = Vec::new();
    for package in &packages {
        let licence = package["license"].as_str().unwrap_or("none");
        let source = package["source"].as_str().unwrap_or(CRATES_IO);
        let name = package["name"].as_str().unwrap_or_default();
        if !rules.allow(name, licence) || source != CRATES_IO {
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

/// What `deny.toml` says of licences.
struct Rules {
    /// For every package.
    allowed: Vec<Licensee>,
    /// Those that a package, by its name, may have as well.
    exceptions: Vec<(String, Vec<Licensee>)>,
}

impl Rules {
    fn read() -> Result<Self> {
        let rules: toml::Table = std::fs::read_to_string(RULES)
            .context(RULES)?
            .parse()
            .context(RULES)?;
        let licences = rules.get("licenses");
        let licences = licences.with_context(|| format!("{RULES} has no licenses"))?;
        let exceptions = licences.get("exceptions").and_then(toml::Value::as_array);
        let exceptions = exceptions.into_iter().flatten().map(|exception| {
            let name = exception.get("crate").and_then(toml::Value::as_str);
            let name = name.with_context(|| format!("{RULES}: an exception without a crate"))?;
            Ok((name.to_owned(), licensees(exception)?))
        });
        Ok(Self {
            exceptions: exceptions.collect::<Result<_>>()?,
            allowed: licensees(licences)?,
        })
    }

    /// Whether an SPDX expression leaves a choice in which every licence is allowed to a package. Crates of old write
    /// "MIT/Apache-2.0" for a choice.
    fn allow(&self, package: &str, expression: &str) -> bool {
        let mode = spdx::ParseMode {
            allow_slash_as_or_operator: true,
            ..spdx::ParseMode::STRICT
        };
        let exceptions = self.exceptions.iter().filter(|(name, _)| name == package);
        let more = exceptions.flat_map(|(_, allowed)| allowed);
        let allowed: Vec<&Licensee> = self.allowed.iter().chain(more).collect();
        spdx::Expression::parse_mode(expression, mode).is_ok_and(|expression| {
            expression.evaluate(|wanted| allowed.iter().any(|licence| licence.satisfies(wanted)))
        })
    }
}

/// The list `allow` of a table.
fn licensees(table: &toml::Value) -> Result<Vec<Licensee>> {
    let names = table.get("allow").and_then(toml::Value::as_array);
    let names = names.with_context(|| format!("{RULES}: no list of what it allows"))?;
    names
        .iter()
        .map(|name| {
            let name = name.as_str().with_context(|| format!("{RULES}: {name:?}"))?;
            Licensee::parse(name).with_context(|| format!("{RULES}: {name}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    fn is_allowed(expression: &str) -> bool {
        std::env::set_current_dir(crate::root()).unwrap();
        super::Rules::read().unwrap().allow("some", expression)
    }

    #[test]
    fn an_exception_is_for_one_package() {
        std::env::set_current_dir(crate::root()).unwrap();
        let rules = super::Rules::read().unwrap();
        assert!(rules.allow("cbindgen", "MPL-2.0"));
        assert!(rules.allow("cbindgen", "MIT"));
        assert!(!rules.allow("cbindgen", "GPL-3.0-only"));
        assert!(!rules.allow("other", "MPL-2.0"));
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
