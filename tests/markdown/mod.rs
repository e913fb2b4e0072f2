//! The repository's pages in Markdown, as tests read them.
#![allow(dead_code, reason = "every test program uses some of these")]

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = here.ancestors();
    let root = folders.find(|folder| folder.join("ARCHITECTURE.md").exists());
    root.expect("the tests lie in the repository").to_owned()
}

/// All pages of the repository, without what builds and environments put there.
pub fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    find(&root(), &mut pages);
    pages.sort();
    pages
}

fn find(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            let hidden = name.starts_with('.') && name != ".github";
            if !hidden && !["target", "node_modules", "shared"].contains(&&*name) {
                find(&path, pages);
            }
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
}
