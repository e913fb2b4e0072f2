//! Makes the sample recording again, and the voice of `aeden demo`.

use crate::{build_aeden, program, setup};
use anyhow::Result;
use std::process::Command;

/// What `aeden demo` decodes.
const DEMO: &str = "cli/demo/speech.aeden";

/// Runs `tests/fixtures/make_recording.py`.
pub fn run() -> Result<()> {
    if program::find("espeak-ng").is_none() {
        setup::packages(&["espeak-ng"])?;
    }
    program::run(Command::new(setup::test_python()?).arg("tests/fixtures/make_recording.py"))?;
    let encode = ["encode", "tests/fixtures/clean.wav", DEMO, "--rate", "32", "-y"];
    program::run(Command::new(build_aeden()?).args(encode))
}
