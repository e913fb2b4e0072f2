//! The list of what is linked in, `cli/licences/dependencies.tsv`, which `aeden licences` prints.

use crate::program;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The list, relative to the repository's root.
const LIST: &str = "cli/licences/dependencies.tsv";

/// What is passed on, by the names of the packages.
const PRODUCTS: [(&str, &str); 7] = [
    ("aeden-cli", "program"),
    ("aeden-plugin", "plugin"),
    ("aeden-c", "C library"),
    ("aeden-rnnoise", "RNNoise's names"),
    ("aeden-lv2", "LADSPA and LV2"),
    ("aeden-python", "Python"),
    ("aeden-web", "browser"),
];

/// Writes the list.
///
/// # Errors
/// If cargo does not tell the packages, or the file cannot be written.
pub fn run() -> Result<()> {
    std::fs::write(LIST, list()?).context(LIST)
}

/// A line for every crate that any product has linked in, on any system, with any feature: name, version, licence, products.
fn list() -> Result<String> {
    let metadata = program::metadata()?;
    let named = |list: &Value| -> BTreeMap<String, Value> {
        let entries = list.as_array().into_iter().flatten();
        entries
            .map(|entry| (entry["id"].as_str().unwrap_or_default().to_owned(), entry.clone()))
            .collect()
    };
    let (packages, nodes) = (named(&metadata["packages"]), named(&metadata["resolve"]["nodes"]));
    let mut products: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (package, product) in PRODUCTS {
        let found = packages
            .iter()
            .find(|(_, p)| p["name"] == package && p["source"].is_null());
        let (id, _) = found.with_context(|| format!("no package {package}"))?;
        for id in linked(id, &packages, &nodes) {
            products.entry(id).or_default().push(product);
        }
    }
    let mut lines = BTreeSet::new();
    for (id, products) in products {
        let package = &packages[&id];
        if !package["source"].is_null() {
            let field = |name: &str| package[name].as_str().unwrap_or("none");
            let products = products.join(", ");
            lines.insert(format!(
                "{}\t{}\t{}\t{products}\n",
                field("name"),
                field("version"),
                field("license").replace('/', " OR ")
            ));
        }
    }
    Ok(lines.into_iter().collect())
}

/// A package and all that it is linked with: no tools of its build or tests, no macros.
fn linked(id: &str, packages: &BTreeMap<String, Value>, nodes: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![id.to_owned()];
    while let Some(id) = waiting.pop() {
        let targets = packages[&id]["targets"].as_array().into_iter().flatten();
        let mut kinds = targets.flat_map(|target| target["kind"].as_array().into_iter().flatten());
        if kinds.any(|kind| kind == "proc-macro") || !found.insert(id.clone()) {
            continue;
        }
        for dependency in nodes[&id]["deps"].as_array().into_iter().flatten() {
            let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            if kinds.any(|kind| kind["kind"].is_null()) {
                waiting.extend(dependency["pkg"].as_str().map(str::to_owned));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{LIST, PRODUCTS, list};

    #[test]
    fn the_list_of_what_is_linked_in_is_complete() {
        std::env::set_current_dir(crate::root()).unwrap();
        let there = std::fs::read_to_string(LIST).unwrap();
        assert_eq!(
            there,
            list().unwrap(),
            "`cargo xtask licences` writes {LIST} anew"
        );
        for line in there.lines() {
            let columns: Vec<_> = line.split('\t').collect();
            assert_eq!(columns.len(), 4, "{line}");
            let mode = spdx::ParseMode::LAX;
            assert!(spdx::Expression::parse_mode(columns[2], mode).is_ok(), "{line}");
        }
        for (_, product) in PRODUCTS {
            assert!(there.contains(product), "{product}");
        }
    }
}
