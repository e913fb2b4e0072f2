//! `aeden clean --watch`.

use crate::recordings::{Folder, noise_file, samples16, send};
use serde_json::Value;
use std::io::{BufRead, BufReader};

#[test]
fn what_comes_into_the_folder_is_cleaned_once_and_ctrl_c_ends_it() {
    let folder = Folder::new();
    let file = noise_file(1, 16_000, 4_000);
    folder.write("in/first.wav", &file);
    let arguments = "clean --watch in -o out --settle 0.5 --json";
    let mut child = folder.command(arguments.split(' ')).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let line = next();
    assert_eq!(
        (line["input"].as_str(), line["status"].as_str()),
        (Some("in/first.wav"), Some("cleaned"))
    );
    // One that is not complete fails, and has another turn when it has grown.
    folder.write("in/deep/second.wav", &file[..file.len() / 2]);
    let line = next();
    assert_eq!(
        (line["input"].as_str(), line["status"].as_str()),
        (Some("in/deep/second.wav"), Some("failed"))
    );
    folder.write("in/deep/second.wav", &file);
    assert_eq!(next()["status"].as_str(), Some("cleaned"));
    send(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    // One file could not be done at first, so the status says that.
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("watching in") && stderr.contains("2 cleaned, 0 skipped, 1 failed"),
        "{stderr}"
    );
    assert!(folder.path("out/first.wav").exists() && folder.path("out/deep/second.wav").exists());

    // What was done before is left alone the next time, and an end without failures is a good one.
    let mut child = folder.command(arguments.split(' ')).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..2 {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(line["status"].as_str(), Some("skipped"));
    }
    send(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn what_goes_on_after_a_pause_or_is_replaced_is_cleaned_anew() {
    let folder = Folder::new();
    let (whole, other) = (noise_file(1, 16_000, 4_000), noise_file(1, 16_000, 3_000));
    // As recorders leave it that do not know the length yet: what is there counts as all.
    let mut growing = whole.clone();
    growing[40..44].fill(0xff);
    folder.write("in/a.wav", &growing[..4044]);
    folder.write("in/b.wav", &whole);
    folder.write("in/c.wav", &whole);
    folder.write("out/c.wav", b"somebody else's");
    let arguments = "clean --watch in -o out --settle 0.5 --json --mix 0";
    let mut child = folder.command(arguments.split(' ')).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let mut first = [next(), next(), next()].map(|line| format!("{} {}", line["input"], line["status"]));
    first.sort();
    assert_eq!(
        first,
        [
            "\"in/a.wav\" \"cleaned\"",
            "\"in/b.wav\" \"cleaned\"",
            "\"in/c.wav\" \"skipped\""
        ]
    );
    for (name, file) in [("a.wav", &growing), ("b.wav", &other)] {
        folder.write(&format!("in/{name}"), file);
        let line = next();
        assert_eq!(line["status"].as_str(), Some("cleaned"), "{line}");
        assert_eq!(
            samples16(&folder.read(&format!("out/{name}"))),
            samples16(file),
            "{name}"
        );
    }
    // What others have put there stays.
    folder.write("in/c.wav", &other);
    assert_eq!(next()["status"].as_str(), Some("skipped"));
    send(&child, "INT");
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("in/c.wav: has changed"), "{stderr}");
    assert_eq!(folder.read("out/c.wav"), b"somebody else's");
}

#[test]
fn a_watched_folder_needs_a_place_for_the_outputs() {
    let folder = Folder::new();
    folder.write("in/a.wav", b"");
    folder.aeden("clean --watch in").failed(2, "add -o DIR");
    folder
        .aeden("clean --watch nowhere -o out")
        .failed(2, "not a folder");
    folder
        .aeden("clean a.wav --watch in -o out")
        .failed_usage("cannot be used with");
}
