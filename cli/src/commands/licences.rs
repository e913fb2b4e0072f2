//! `aeden licences`: of the program, its networks, what these were trained on, and what is linked in.

use crate::args::licences::LicencesArgs;
use crate::commands::models;
use aeden_media::output::print;
use aeden_media::problem::{DONE, Problem};
use serde::Serialize;
use serde_json::json;

/// Crates from crates.io: name, version, licence, and what they are linked into. `cargo xtask licences` writes it.
const DEPENDENCIES: &str = include_str!("../../licences/dependencies.tsv");

/// Sound that networks were trained on: kind, source, licence.
const TRAINING: &str = include_str!("../../licences/training.tsv");

/// An entry; a line of `--json`.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    /// `program`, `weights`, `training data` or `dependency`.
    kind: &'static str,
    name: &'a str,
    /// Null where there are none.
    version: Option<&'a str>,
    /// An SPDX expression; of training data, words of the source.
    licence: &'a str,
    /// What a dependency is linked into, or what sound of training it is.
    of: Option<&'a str>,
}

/// Does what the arguments say, and returns the exit status.
pub fn licences(args: &LicencesArgs) -> Result<u8, Problem> {
    let weights = models::describe(None)?;
    let ours = env!("CARGO_PKG_LICENSE");
    let program = Entry {
        kind: "program",
        name: "aeden",
        version: Some(env!("CARGO_PKG_VERSION")),
        licence: ours,
        of: None,
    };
    let weights = weights.iter().map(|model| Entry {
        kind: "weights",
        name: &model.name,
        version: None,
        licence: model.licence.unwrap_or(ours),
        of: model.commands,
    });
    let entries: Vec<Entry> = std::iter::once(program)
        .chain(weights)
        .chain(TRAINING.lines().filter_map(training))
        .chain(DEPENDENCIES.lines().filter_map(dependency))
        .collect();
    print(&if args.json {
        entries
            .iter()
            .map(|entry| format!("{}\n", json!(entry)))
            .collect()
    } else {
        readable(&entries)
    })?;
    Ok(DONE)
}

/// "kind, source, licence" of a line.
fn training(line: &str) -> Option<Entry<'_>> {
    let mut columns = line.split('\t');
    Some(Entry {
        of: columns.next(),
        kind: "training data",
        name: columns.next()?,
        version: None,
        licence: columns.next()?,
    })
}

/// "name, version, licence, programs" of a line.
fn dependency(line: &str) -> Option<Entry<'_>> {
    let mut columns = line.split('\t');
    Some(Entry {
        kind: "dependency",
        name: columns.next()?,
        version: columns.next(),
        licence: columns.next()?,
        of: columns.next(),
    })
}

/// For people: every kind below what is to be known of it.
fn readable(entries: &[Entry]) -> String {
    let kinds = [
        ("program", "Program: either licence, as you like."),
        ("weights", "Networks, which are built in."),
        (
            "training data",
            "Sound that networks were trained on. None of it is in the program.",
        ),
        (
            "dependency",
            "Libraries that are linked in, and into what. Packages have the texts of their licences, in THIRD-PARTY.",
        ),
    ];
    let mut text = String::new();
    for (kind, title) in kinds {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{title}\n");
        for entry in entries.iter().filter(|entry| entry.kind == kind) {
            let version = entry
                .version
                .map(|version| format!(" {version}"))
                .unwrap_or_default();
            let of = entry.of.map(|of| format!(" ({of})")).unwrap_or_default();
            text += &format!("  {}{version}: {}{of}\n", entry.name, entry.licence);
        }
    }
    text + "\nWhat you make with aeden is yours.\n"
}
