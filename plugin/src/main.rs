//! The plugin as a program of its own, on JACK or the system's audio.

use aeden_plugin::AedenPlugin;
use std::process::ExitCode;

fn main() -> ExitCode {
    if nice_plug::prelude::nice_export_standalone::<AedenPlugin>() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
