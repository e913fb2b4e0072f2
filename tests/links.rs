//! Every link in a page to a file of the repository leads to one, and every heading that a link names is there.

use std::path::{Path, PathBuf};

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = Vec::new();
    find(root, &mut pages);
    let mut count = 0;
    for page in &pages {
        for link in links(&std::fs::read_to_string(page).unwrap()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: nothing at {link}", page.display());
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).unwrap();
                let found = text.lines().any(|line| anchor(line).as_deref() == Some(heading));
                assert!(found, "{}: no heading for {link}", page.display());
            }
            count += 1;
        }
    }
    assert!(count > 50, "{count} links in {} pages", pages.len());
}

/// Pages in folders of the repository, without what builds and environments put there.
fn find(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            if !["target", "node_modules", "shared"].contains(&&*name) && !name.starts_with('.') {
                find(&path, pages);
            }
        } else if name.ends_with(".md") {
            pages.push(path);
        }
    }
}

/// Targets of links and pictures in Markdown, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            // An odd number of backticks before it: this is code.
            if line[..at].matches('`').count() % 2 == 0
                && let Some((target, _)) = line[at + 2..].split_once(')')
            {
                found.push(target.to_owned());
            }
        }
    }
    found
}

/// The anchor that hosts of repositories give a heading.
fn anchor(line: &str) -> Option<String> {
    let title = line
        .starts_with('#')
        .then(|| line.trim_start_matches('#').trim())?;
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    Some(title.to_lowercase().chars().filter_map(kept).collect())
}
