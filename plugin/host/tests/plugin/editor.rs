//! The editor of the CLAP plugin in this host, by the program in `examples/editor.rs`: plugins look for their screen in
//! the environment of their process.

use crate::bundles::{built, each};
use aeden_plugin_host::Format;
use std::process::Command;

/// Runs the program for a second on silence or a voice, with options. Gives what it measured, and the size and the number
/// of colours of the picture that it took; nothing where something is missing, which has been said then.
fn opened(sound: &str, options: &[&str]) -> Option<(serde_json::Value, [usize; 3])> {
    let program = built("examples/editor", "aeden-plugin-host --examples")?;
    for needed in ["Xvfb", "import", "identify"] {
        if Command::new(needed).arg("--version").output().is_err() {
            println!("skipped: no {needed}; `cargo xtask setup` installs it");
            return None;
        }
    }
    let (folder, mut found) = (tempfile::tempdir().unwrap(), None);
    let picture = folder.path().join("editor.png");
    let measured = std::cell::RefCell::new(None);
    each(|loaded| {
        if loaded.format != Format::Clap {
            return;
        }
        let output = Command::new(&program)
            .arg(&loaded.path)
            .args([sound, "1", "--picture"])
            .arg(&picture)
            .args(options)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{options:?}: {said}");
        *measured.borrow_mut() = Some(serde_json::from_slice(&output.stdout).unwrap());
    });
    if let Some(measured) = measured.into_inner() {
        let facts = Command::new("identify")
            .args(["-format", "%w %h %k"])
            .arg(&picture)
            .output()
            .unwrap();
        let facts = String::from_utf8_lossy(&facts.stdout).into_owned();
        let mut facts = facts.split(' ').map(|n| n.parse().unwrap());
        found = Some((measured, std::array::from_fn(|_| facts.next().unwrap())));
    }
    found
}

fn voice() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/noisy.wav").to_owned()
}

#[test]
fn it_is_drawn_and_moves_with_the_sound() {
    if let Some((measured, [width, height, colours])) = opened(&voice(), &[]) {
        assert_eq!([width, height], [820, 500]);
        assert!(colours > 100, "{colours} colours");
        assert!(measured["frames"].as_u64().unwrap() > 1, "{measured}");
    }
}

#[test]
fn a_saved_size_and_magnification_come_back() {
    if let Some((_, [width, height, colours])) = opened("silence", &["--size", "700x400", "--zoom", "1.5"]) {
        assert_eq!([width, height], [1050, 600]);
        assert!(colours > 100, "{colours} colours");
    }
}

#[test]
fn its_edge_can_be_dragged_within_bounds_and_it_can_be_opened_again() {
    let options = ["--reopen", "3", "--drag", "900x600"];
    if let Some((_, [width, height, colours])) = opened("silence", &options) {
        assert_eq!([width, height], [900, 600]);
        assert!(colours > 100, "{colours} colours");
    }
    if let Some((_, [width, height, _])) = opened("silence", &["--drag", "10x10"]) {
        assert_eq!([width, height], [600, 380]);
    }
}
