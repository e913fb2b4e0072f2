//! Checks that every dependency may be distributed with a program under MIT OR Apache-2.0.

use crate::program;
use anyhow::{Result, bail};

/// Licences by SPDX name that ask for no more than their notice (of fonts also that changed ones get another name).
/// None of the GPL family.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    // Fonts, which the editor carries.
    "OFL-1.1",
    "Ubuntu-font-1.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Looks at all packages of the lock file, for all features and platforms. Gives how many there are.
pub fn check() -> Result<usize> {
    let packages = program::packages()?;
    let mut refused = Vec::new();
    for package in &packages {
        let licence = package["license"].as_str().unwrap_or("none");
        if !is_allowed(licence) {
            refused.push(format!("{} {}: {licence}", package["name"], package["version"]));
        }
    }
    if !refused.is_empty() {
        bail!(
            "licences that are not on the list in xtask/src/licences.rs: {}",
            refused.join("; ")
        );
    }
    Ok(packages.len())
}

/// Whether an SPDX expression leaves a choice in which every licence is allowed.
fn is_allowed(expression: &str) -> bool {
    // Crates of old write "MIT/Apache-2.0" for a choice.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    matches!(either(&words), Some((allowed, [])) if allowed)
}

/// `both OR both …`: the verdict, and the words after it; nothing where the expression is broken.
fn either<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let (mut allowed, mut rest) = both(words)?;
    while let ["OR", after @ ..] = rest {
        let (next, after) = both(after)?;
        allowed |= next;
        rest = after;
    }
    Some((allowed, rest))
}

/// `one AND one …`
fn both<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let (mut allowed, mut rest) = one(words)?;
    while let ["AND", after @ ..] = rest {
        let (next, after) = one(after)?;
        allowed &= next;
        rest = after;
    }
    Some((allowed, rest))
}

/// A licence, one WITH an exception, or an expression in parentheses.
fn one<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    match words {
        ["(", inside @ ..] => match either(inside)? {
            (allowed, [")", after @ ..]) => Some((allowed, after)),
            _ => None,
        },
        [name, "WITH", exception, after @ ..] => Some((
            ALLOWED.contains(&format!("{name} WITH {exception}").as_str()) || ALLOWED.contains(name),
            after,
        )),
        [name, after @ ..] => Some((ALLOWED.contains(name), after)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

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
