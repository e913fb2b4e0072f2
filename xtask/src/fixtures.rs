//! Makes the sample recording again.

use crate::{program, setup};
use anyhow::Result;
use std::process::Command;

/// Runs `tests/fixtures/make_recording.py`.
pub fn run() -> Result<()> {
    if program::find("espeak-ng").is_none() {
        setup::packages(&["espeak-ng"])?;
    }
    program::run(Command::new(setup::test_python()?).arg("tests/fixtures/make_recording.py"))
}
