//! One palette: the page, the report, the chart, the logo, and the plugin's editor have the colours of one file.

use crate::markdown;
use std::collections::BTreeSet;

const PALETTE: &str = "web/page/files/palette.css";

fn read(name: &str) -> String {
    std::fs::read_to_string(markdown::root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// All colours that are written as `#rrggbb`.
fn colours(text: &str) -> BTreeSet<String> {
    let is_colour = |part: &&str| part.len() >= 6 && part.bytes().take(6).all(|b| b.is_ascii_hexdigit());
    text.split('#')
        .skip(1)
        .filter(is_colour)
        .map(|part| part[..6].to_ascii_lowercase())
        .collect()
}

/// The dark colour of a name.
fn dark(name: &str) -> String {
    let palette = read(PALETTE);
    let (_, dark) = palette.split_once("[data-theme=\"dark\"] {").unwrap();
    let (_, value) = dark.split_once(&format!("--{name}: #")).unwrap();
    value[..6].to_owned()
}

#[test]
fn what_is_drawn_and_shown_has_the_colours_of_the_palette() {
    let palette = colours(&read(PALETTE));
    assert!(palette.len() > 10, "{palette:?}");
    for name in ["web/page/files/logo.svg", "docs/quality.svg"] {
        let found = colours(&read(name));
        assert!(
            !found.is_empty() && found.is_subset(&palette),
            "{name}: {:?}",
            &found - &palette
        );
    }
    // Beside spectrograms, which have their own scale.
    for name in [
        "web/page/files/page.css",
        "cli/src/commands/report/page.css",
        "cli/src/commands/find.css",
        "cli/src/commands/map/map.css",
    ] {
        let mut found = colours(&read(name));
        found.retain(|colour| !["000004", "040410"].contains(&&**colour));
        assert!(found.is_subset(&palette), "{name}: {:?}", &found - &palette);
    }
}

#[test]
fn the_editor_of_the_plugin_has_those_of_the_dark_page() {
    let theme = read("plugin/src/editor/theme.rs");
    for (editor, page) in [
        ("BACKGROUND", "back"),
        ("SURFACE", "card"),
        ("TEXT", "text"),
        ("FAINT", "muted"),
        ("INPUT", "before"),
        ("VOICE", "after"),
        ("REMOVED", "removed"),
    ] {
        let (_, value) = theme
            .split_once(&format!("const {editor}: Color32 = Color32::from_rgb("))
            .unwrap();
        let (value, _) = value.split_once(')').unwrap();
        let found: String = value
            .split(", ")
            .map(|byte| byte.trim_start_matches("0x"))
            .collect();
        assert_eq!(found, dark(page), "{editor}, {page}");
    }
}
