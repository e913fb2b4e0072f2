//! What is kept for the next time: devices and settings, in the user's folder for configuration.

use crate::devices::{Choice, Destination};
use crate::parameters::{Parameters, Quality};
use crate::values::Values;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;

/// Names another file than the usual one.
const VARIABLE: &str = "AEDEN_STANDALONE";

/// The file's content. What is missing or unreadable is as at first.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub choice: Choice,
    pub quality: Option<Quality>,
    pub values: Option<Values>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            choice: Choice {
                input: None,
                // The output might be heard by the microphone.
                output: Destination::VirtualMicrophone,
                monitor: false,
            },
            quality: None,
            values: None,
        }
    }
}

impl Kept {
    /// How things stand.
    pub fn of(choice: &Choice, parameters: &Parameters) -> Self {
        Self {
            choice: choice.clone(),
            quality: Some(parameters.quality.value()),
            values: Some(parameters.values()),
        }
    }

    /// Reads the file; what was never written is as at first.
    pub fn load() -> Self {
        let text = file().and_then(|file| fs::read_to_string(file).ok());
        text.and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// Writes the file. That it cannot be written is told, and no more.
    pub fn save(&self) {
        let Some(file) = file() else { return };
        let write = || -> std::io::Result<()> {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            let unfinished = file.with_extension("part");
            fs::write(&unfinished, serde_json::to_string_pretty(self)?)?;
            fs::rename(unfinished, &file)
        };
        if let Err(problem) = write() {
            eprintln!(
                "aeden-standalone: {}: settings are not kept: {problem}",
                file.display()
            );
        }
    }
}

fn file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let folder = etcetera::choose_base_strategy().ok()?.config_dir();
    Some(folder.join("aeden").join("standalone.json"))
}
