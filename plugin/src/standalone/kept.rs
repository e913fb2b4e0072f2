//! What is kept for the next time: devices and settings, in the user's folder for configuration.

use crate::devices::{Choice, Destination};
use crate::parameters::{Parameters, Quality};
use crate::small_files;
use crate::values::Values;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
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
        let content = file().and_then(|file| small_files::read(&file).ok());
        content
            .and_then(|content| serde_json::from_slice(&content).ok())
            .unwrap_or_default()
    }

    /// Writes the file. That it cannot be written is told, and no more.
    pub fn save(&self) {
        let Some(file) = file() else { return };
        if let Err(problem) = small_files::write(&file, self) {
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
