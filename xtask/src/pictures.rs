//! The pictures of the plugin's editor in its documentation, from the release build.

use crate::program;
use anyhow::Result;
use std::process::Command;

/// Name, sound, and what else the program that opens the editor is told; the sample recording is a voice in noise.
const PICTURES: [(&str, &str, &[&str]); 6] = [
    ("default", "silence", &[]),
    ("working", "tests/fixtures/noisy.wav", &[]),
    ("small", "tests/fixtures/noisy.wav", &["--size", "600x380"]),
    ("large", "tests/fixtures/noisy.wav", &["--zoom", "1.5"]),
    (
        "spectrogram",
        "tests/fixtures/noisy.wav",
        &["--view", "spectrogram"],
    ),
    (
        "removed",
        "tests/fixtures/noisy.wav",
        &["--set", "Listen to removed=on"],
    ),
];

/// Takes them all.
pub fn run() -> Result<()> {
    let library = crate::build_plugin()?;
    for (name, sound, options) in PICTURES {
        let mut editor = editor();
        // Long enough for the voice to have begun, short enough that it still speaks.
        editor.arg(&library).args([sound, "4.5"]).args(options);
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
