//! The pictures of the plugin's editor in its documentation, from the release build.

use crate::program;
use anyhow::Result;
use std::process::Command;

/// The sample recording, a voice in noise.
const VOICE: &str = "tests/fixtures/noisy.wav";

/// Seconds that are played: long enough for the voice to have begun, short enough that it still speaks; and for as much as a
/// spectrogram shows.
const SOON: &str = "4.5";
const LATER: &str = "14";

/// Name, sound and its seconds, and what else the program that opens the editor is told.
const PICTURES: [(&str, &str, &str, &[&str]); 9] = [
    ("default", "silence", SOON, &[]),
    ("working", VOICE, SOON, &[]),
    ("small", VOICE, SOON, &["--size", "600x380"]),
    ("large", VOICE, SOON, &["--zoom", "1.5"]),
    ("largest", VOICE, SOON, &["--zoom", "2"]),
    ("spectrogram", VOICE, LATER, &["--view", "spectrogram"]),
    (
        "spectrogram-large",
        VOICE,
        LATER,
        &["--view", "spectrogram", "--zoom", "1.5"],
    ),
    (
        "spectrogram-largest",
        VOICE,
        LATER,
        &["--view", "spectrogram", "--zoom", "2"],
    ),
    ("removed", VOICE, SOON, &["--set", "Listen to removed=on"]),
];

/// Takes them all.
pub fn run() -> Result<()> {
    let library = crate::build_plugin()?;
    for (name, sound, seconds, options) in PICTURES {
        let mut editor = editor();
        editor.arg(&library).args([sound, seconds]).args(options);
        let picture = format!("docs/plugin/{name}.png");
        program::run(editor.args(["--picture", &picture]))?;
        println!("{picture}");
    }
    Ok(())
}

/// The program that opens the editor, before its arguments.
pub fn editor() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--release", "--package", "aeden-plugin-host"]);
    cargo.args(["--example", "editor", "--"]);
    cargo
}
