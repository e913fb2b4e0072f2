//! No circle among the modules of a crate: who uses whom has a direction, and a module never reaches back.
//!
//! A module is a file. It uses another one where a `use` line or a path in its code leads there: to a file, or to an item
//! that a `mod.rs` defines or passes on. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

type Graph = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

#[test]
fn no_module_reaches_back() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for member in members(root) {
        let circles = circles(&graph(&root.join(&member)));
        let names: Vec<String> = circles.iter().map(|circle| describe(circle)).collect();
        println!("{member}: {} circles", circles.len());
        assert!(
            circles.is_empty(),
            "{member} has circles of modules:\n{}",
            names.join("\n")
        );
    }
}

/// What lies outside of a crate's folder is not in its package: `cargo install` would fail.
#[test]
fn no_crate_includes_what_is_not_its_own() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders: Vec<PathBuf> = members(root).iter().map(|member| root.join(member)).collect();
    let owner = |file: &Path| {
        let around = folders.iter().filter(|folder| file.starts_with(folder));
        around.max_by_key(|folder| folder.components().count())
    };
    let mut included = 0;
    for folder in &folders {
        let mut files = Vec::new();
        find(&folder.join("src"), &mut files);
        let beside = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files.extend(beside.filter(|path| path.extension().is_some_and(|ending| ending == "rs")));
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for call in text.split("include_").skip(1) {
                let Some(("bytes!" | "str!", argument)) = call.split_once('(') else {
                    continue;
                };
                let name = argument.split('"').nth(1).expect("the name of a file");
                let path = file.parent().unwrap().join(name).canonicalize().unwrap();
                assert_eq!(owner(&path), Some(folder), "{} includes {name}", file.display());
                included += 1;
            }
        }
    }
    assert!(included > 10, "{included}");
}

/// Six sevenths of a plugin's bundle were symbols.
#[test]
fn what_users_get_holds_no_symbols() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (_, release) = manifest.split_once("\n[profile.release]\n").unwrap();
    let lines: Vec<&str> = release
        .lines()
        .take_while(|line| !line.starts_with('['))
        .collect();
    assert!(lines.contains(&"strip = true"), "{lines:?}");
    // That is how the tasks build what is installed.
    let bundle = std::fs::read_to_string(root.join("xtask/src/bundle.rs")).unwrap();
    assert!(bundle.contains("\"build\", \"--locked\", \"--release\""));
}

#[test]
fn a_circle_is_found_where_there_is_one() {
    let folder = std::env::temp_dir().join(format!("aeden-modules-{}", std::process::id()));
    let files = [
        ("lib.rs", "mod a;\nmod b;\npub use a::A;\n"),
        ("a/mod.rs", "mod deep;\nuse crate::b::B;\npub use deep::A;\n"),
        ("a/deep.rs", "// use crate::b::C;\nuse std::fmt;\npub struct A;\n"),
        (
            "b.rs",
            "pub struct B;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n",
        ),
    ];
    let write = |name: &str, text: &str| {
        let path = folder.join("src").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    files.iter().for_each(|(name, text)| write(name, text));
    let straight = circles(&graph(&folder));
    let mut circular = Vec::new();
    for line in [
        "use crate::{a::{deep, A}, std::fmt};",
        "fn f() -> crate::a::A { todo!() }",
        "use super::a;",
    ] {
        write("b.rs", line);
        circular.push(circles(&graph(&folder)).len());
    }
    write("b.rs", "");
    write("a/deep.rs", "use super::Item;");
    circular.push(circles(&graph(&folder)).len());
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(straight.is_empty(), "{straight:?}");
    assert_eq!(circular, [1, 1, 1, 1]);
}

/// The folders of the workspace's crates, `.` for this one.
fn members(root: &Path) -> Vec<String> {
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let list = manifest.split("members = [").nth(1).unwrap();
    let list = list.split(']').next().unwrap();
    let folders = list
        .split(',')
        .map(|name| name.trim().trim_matches('"').to_owned());
    let folders = folders.filter(|name| !name.is_empty());
    std::iter::once(".".to_owned()).chain(folders).collect()
}

/// Which modules each module of a crate uses.
fn graph(member: &Path) -> Graph {
    let source = member.join("src");
    let mut files = Vec::new();
    find(&source, &mut files);
    let mut modules = BTreeMap::new();
    for file in files {
        let relative = file.strip_prefix(&source).unwrap().with_extension("");
        let mut path: Vec<String> = relative
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect();
        if path.last().is_some_and(|name| name == "mod") || path == ["lib"] || path == ["main"] {
            path.pop();
        }
        modules.insert(path, std::fs::read_to_string(&file).unwrap());
    }
    // A file that only tests are compiled from.
    let tests: Vec<Vec<String>> = modules
        .iter()
        .flat_map(|(path, text)| {
            let names = text.split("#[cfg(test)]\nmod ").skip(1);
            let names = names.filter_map(|rest| rest.split_once(';'));
            let names = names.filter(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
            names.map(|(name, _)| [&path[..], &[name.to_owned()]].concat())
        })
        .collect();
    modules.retain(|path, _| !tests.contains(path));
    let uses = |(path, text): (&Vec<String>, &String)| {
        let used = paths(&code(text));
        let used = used.iter().filter_map(|used| resolve(path, used, &modules));
        (path.clone(), used.filter(|used| used != path).collect())
    };
    modules.iter().map(uses).collect()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

/// A file's text without comments and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.fold(String::new(), |all, line| all + line + "\n")
}

/// All paths of `use` lines, and all others that begin with `crate::` or `super::`.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for statement in code.split(';') {
        let is_use = |line: &str| {
            let line = line.trim_start();
            let line = line.strip_prefix("pub").map_or(line, |rest| {
                let rest = rest.trim_start();
                let inside = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
                inside.map_or(rest, |(_, rest)| rest).trim_start()
            });
            line.starts_with("use ")
        };
        let start = statement.lines().position(is_use);
        if let Some(start) = start {
            let lines: Vec<&str> = statement.lines().skip(start).collect();
            let tree = lines.join(" ");
            let tree = tree.split_once("use ").unwrap().1;
            expand(&[], tree, &mut found);
        }
    }
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || "_:$".contains(c)) {
                continue;
            }
            let path = code[at..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            let path = path.into_iter().next().unwrap();
            // `super::{a, b}` stands in a `use` line, which has been read.
            if !path.ends_with("::") {
                found.push(path.split("::").map(str::to_owned).collect());
            }
        }
    }
    found
}

/// The paths of a tree such as `a::{b, c::{d, self}}`.
fn expand(before: &[String], tree: &str, found: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let (path, rest) = tree.split_once('{').unwrap_or((tree, ""));
    let path = path.split(" as ").next().unwrap();
    let names = path.split("::").map(str::trim).filter(|name| !name.is_empty());
    let whole = [before, &names.map(str::to_owned).collect::<Vec<_>>()].concat();
    if rest.is_empty() {
        found.push(whole);
        return;
    }
    let inside = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut from) = (0, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inside[from..at].trim().is_empty() {
                    expand(&whole, &inside[from..at], found);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}

/// The module that a path leads to, the innermost, if it is one of this crate's.
fn resolve(from: &[String], path: &[String], modules: &BTreeMap<Vec<String>, String>) -> Option<Vec<String>> {
    let mut at = from.to_vec();
    let mut names = path.iter().peekable();
    match names.peek().map(|name| name.as_str()) {
        Some("crate") => {
            at.clear();
            names.next();
        }
        Some("self") => drop(names.next()),
        Some("super") => {}
        Some(name) => {
            at.push(name.to_owned());
            if !modules.contains_key(&at) {
                return None; // another crate, or an item of this module
            }
            names.next();
        }
        None => return None,
    }
    for name in names {
        if name == "super" {
            at.pop();
            continue;
        }
        at.push(name.clone());
        if !modules.contains_key(&at) {
            at.pop();
            break;
        }
    }
    Some(at)
}

/// Groups of modules that use each other, directly or through others.
fn circles(graph: &Graph) -> Vec<Vec<Vec<String>>> {
    let reach: BTreeMap<_, _> = graph
        .keys()
        .map(|module| (module, reached(graph, module)))
        .collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &reach {
        let circle: Vec<Vec<String>> = graph
            .keys()
            .filter(|other| reached.contains(*other) && reach[other].contains(*module))
            .cloned()
            .collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

/// All modules that one uses, directly or through others.
fn reached(graph: &Graph, module: &[String]) -> BTreeSet<Vec<String>> {
    let (mut found, mut next) = (BTreeSet::new(), vec![module.to_vec()]);
    while let Some(module) = next.pop() {
        for used in graph.get(&module).into_iter().flatten() {
            if found.insert(used.clone()) {
                next.push(used.clone());
            }
        }
    }
    found
}

fn describe(circle: &[Vec<String>]) -> String {
    let names = circle.iter().map(|path| {
        if path.is_empty() {
            "lib".to_owned()
        } else {
            path.join("::")
        }
    });
    names.collect::<Vec<_>>().join(" ↔ ")
}
