//! `aeden licences` tells everything that is in the program.

use crate::markdown;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn licences_of_all_that_is_in_the_program_are_told() {
    let said = |arguments: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_aeden"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(run.status.success());
        String::from_utf8(run.stdout).unwrap()
    };
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in said(&["licences", "--json"]).lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        for field in ["name", "licence"] {
            assert!(!entry[field].as_str().unwrap().is_empty(), "{line}");
        }
        told.entry(entry["kind"].as_str().unwrap().to_owned())
            .or_default()
            .push(entry);
    }
    let names = |kind: &str| {
        told[kind]
            .iter()
            .map(|entry| entry["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("program"), ["aeden"]);
    let models = said(&["models", "--json"]);
    let models = models
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].clone());
    assert_eq!(names("weights"), models.collect::<Vec<_>>());
    for kind in ["speech", "noise", "rooms"] {
        assert!(
            told["training data"].iter().any(|entry| entry["of"] == kind),
            "{kind}"
        );
    }
    // What is linked in is of this version of the lock file; that the list is complete is tested where it is made (xtask).
    let lock = std::fs::read_to_string(markdown::root().join("Cargo.lock")).unwrap();
    for entry in &told["dependency"] {
        let (name, version) = (
            entry["name"].as_str().unwrap(),
            entry["version"].as_str().unwrap(),
        );
        let locked = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&locked), "{name} {version}");
    }
    let readable = said(&["licences"]);
    for entry in told.values().flatten() {
        assert!(readable.contains(entry["name"].as_str().unwrap()), "{entry}");
    }
}
