//! Every link in a page to a file of the repository leads to one, and every heading that a link names is there.

mod markdown;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[test]
fn every_link_leads_somewhere() {
    let pages = markdown::pages();
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in &pages {
        let text = std::fs::read_to_string(page).unwrap();
        for link in links(&text) {
            count += usize::from(!is_elsewhere(&link));
            wrong.extend(fault(page, &link).map(|why| format!("{}: {link}: {why}", page.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 50, "{count} links in {} pages", pages.len());
}

#[test]
fn all_kinds_of_links_are_seen() {
    let text = "[a](b.md \"title\") ![p](c.png)\n[over\nlines](d.md)\n[r][ref]\n\n[ref]: e.md\n\n<img src=\"f.png\"> <a\nhref='g.md#x'>g</a>\n\n\
                `[no](h.md)`\n```\n[no](i.md)\n```\n";
    assert_eq!(links(text), ["b.md", "c.png", "d.md", "e.md", "f.png", "g.md#x"]);
}

#[test]
fn anchors_are_those_of_headings_alone() {
    let text = "# One `two` [three](x.md)\n\n## Again\n\n## Again\n\n```sh\n# no heading\n```\n\n<a id=\"own\"></a>\n";
    assert_eq!(anchors(text), ["one-two-three", "again", "again-1", "own"]);
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let page = markdown::root().join("README.md");
    for wrong in [
        "nowhere.md",
        "docs/quality.md#nowhere",
        "DOCS/quality.md",
        "../../etc",
        "#nowhere",
        "/docs/quality.md",
    ] {
        assert!(fault(&page, wrong).is_some(), "{wrong}");
    }
    for right in [
        "docs/quality.md#limits",
        "docs",
        "https://example.org/x#y",
        "mailto:a@b.c",
    ] {
        assert_eq!(fault(&page, right), None, "{right}");
    }
}

#[test]
fn the_address_of_the_repository_stands_in_one_place() {
    let root = markdown::root();
    let listed = std::process::Command::new("git")
        .arg("-C")
        .arg(&root)
        .args(["ls-files", "-z"])
        .output();
    let Some(files) = listed.ok().filter(|listed| listed.status.success()) else {
        println!("skipped: without git it is not known which files belong to the repository");
        return;
    };
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let of = |key: &str| {
        let start = format!("{key} = \"");
        let line = manifest.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap().trim_end_matches('"').to_owned()
    };
    let address = of("repository");
    assert_eq!(of("homepage"), address);
    let mut wrong = Vec::new();
    for file in String::from_utf8(files.stdout).unwrap().split_terminator('\0') {
        // LV2's names of plugins begin with it, and stay when it changes.
        let is_named = |rest: &str| !rest.starts_with("/lv2/");
        match std::fs::read_to_string(root.join(file)) {
            Ok(text) if file != "Cargo.toml" && text.split(&address).skip(1).any(is_named) => {
                wrong.push(file.to_owned())
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{address} stands in {}", wrong.join(", "));
}

/// Whether a link leads out of the repository.
fn is_elsewhere(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// What is wrong with a link of a page.
fn fault(page: &Path, link: &str) -> Option<String> {
    if is_elsewhere(link) {
        return None;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => page.parent()?.join(file.replace("%20", " ")),
    };
    let (Ok(target), Ok(root)) = (target.canonicalize(), markdown::root().canonicalize()) else {
        return Some("nothing is there".to_owned());
    };
    if !target.starts_with(root) {
        return Some("outside of the repository".to_owned());
    }
    if !is_spelt_so(&target) {
        return Some("the name has other letters".to_owned());
    }
    if heading.is_empty() || target.extension().is_none_or(|ending| ending != "md") {
        return None;
    }
    let text = std::fs::read_to_string(&target).ok()?;
    let found = anchors(&text).iter().any(|anchor| anchor == heading);
    (!found).then(|| "no such heading".to_owned())
}

/// On systems that do not tell capitals from small letters, a wrong name opens the file all the same.
fn is_spelt_so(path: &Path) -> bool {
    let names = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    };
    path.parent()
        .is_none_or(|folder| names(folder).contains(&path.to_owned()))
}

/// Targets of links and pictures, in Markdown and in HTML, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                found.push(dest_url.into_string());
            }
            Event::Html(html) | Event::InlineHtml(html) => {
                found.extend(attributes(&html, &["src", "href"]));
            }
            _ => {}
        }
    }
    found
}

/// Values of attributes in HTML.
fn attributes(html: &str, names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        for quote in ['"', '\''] {
            let begin = format!("{name}={quote}");
            let parts = html.split(&begin).skip(1);
            found.extend(parts.filter_map(|part| Some(part.split_once(quote)?.0.to_owned())));
        }
    }
    found
}

/// The anchors of a page, as hosts of repositories make them.
fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut title: Option<String> = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => title = Some(String::new()),
            Event::Text(text) | Event::Code(text) => title.iter_mut().for_each(|title| *title += &text),
            Event::End(TagEnd::Heading(_)) => {
                let anchor = anchor(&title.take().unwrap_or_default());
                let before = seen.entry(anchor.clone()).or_default();
                found.push(match *before {
                    0 => anchor,
                    n => format!("{anchor}-{n}"),
                });
                *before += 1;
            }
            Event::Html(html) | Event::InlineHtml(html) => found.extend(attributes(&html, &["id", "name"])),
            _ => {}
        }
    }
    found
}

/// The anchor of a heading.
fn anchor(title: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    };
    title.trim().to_lowercase().chars().filter_map(kept).collect()
}
