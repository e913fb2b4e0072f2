//! The devices that a program of its own plays between: what its window shows and chooses.
//!
//! In a host there are none of these. The window and the thread that looks after the sound share one [`Devices`]; no audio thread
//! knows it.

use serde::{Deserialize, Serialize};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where cleaned sound goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// A microphone that other programs can choose.
    VirtualMicrophone,
    /// Whatever output is the system's default.
    Default,
    /// The output of this id.
    Device(String),
}

/// What is to be cleaned, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The id of the input; the system's default, also when that changes, where there is none.
    pub input: Option<String>,
    /// Where to.
    pub output: Destination,
    /// Whether the default output plays it as well.
    pub monitor: bool,
}

/// A device to choose: its id and its name for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub id: String,
    pub name: String,
}

/// How things stand.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What was chosen.
    pub choice: Choice,
    /// Inputs and outputs that there are.
    pub inputs: Vec<Named>,
    pub outputs: Vec<Named>,
    /// Whether a virtual microphone can be had here.
    pub has_virtual_microphone: bool,
    /// One line about the sound: what goes where, or what is wrong.
    pub says: String,
    /// Whether sound flows.
    pub flows: bool,
}

/// What the window and the sound's thread share.
#[derive(Debug)]
pub struct Devices {
    standing: Mutex<Standing>,
    /// The window is to open as an icon.
    pub begins_minimised: bool,
}

impl Devices {
    /// Begins with a choice, and nothing known.
    #[cfg(feature = "standalone")]
    pub fn new(choice: Choice, begins_minimised: bool) -> Self {
        let standing = Standing {
            choice,
            inputs: Vec::new(),
            outputs: Vec::new(),
            has_virtual_microphone: false,
            says: "looking for a sound system".to_owned(),
            flows: false,
        };
        Self {
            standing: Mutex::new(standing),
            begins_minimised,
        }
    }

    /// How things stand, to read or to change.
    pub fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Chooses other devices.
    pub fn choose(&self, choice: Choice) {
        self.standing().choice = choice;
    }
}
