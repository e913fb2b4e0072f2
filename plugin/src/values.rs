//! What users set, as one value: for undo, and for two settings to compare.

use crate::nodes::NODES;
use serde::{Deserialize, Serialize};

/// Where all parameters stand that shape the sound; not those that choose what is listened to, nor the quality.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Values {
    /// Strength, mix, gain, then the frequency and the limit of every node: 0 to 1.
    pub(crate) numbers: [f32; 3 + 2 * NODES],
    /// Link, then whether each node is there.
    pub(crate) switches: [bool; 1 + NODES],
}

/// Hosts may hand a value back with another last bit.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        let mut numbers = self.numbers.iter().zip(&other.numbers);
        self.switches == other.switches && numbers.all(|(a, b)| (a - b).abs() < 1e-4)
    }
}

/// Two settings, A and B, of which one is heard. The other one waits here; it is saved with the project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Compare {
    /// Whether B is heard.
    pub on_b: bool,
    /// The one that is not heard; as the other one until something was put there.
    pub(crate) waiting: Option<Values>,
}

impl Compare {
    /// Changes over: what is heard waits. Gives what is to be heard, unless that is the same.
    pub fn change_over(&mut self, heard: Values) -> Option<Values> {
        self.on_b = !self.on_b;
        self.waiting.replace(heard)
    }

    /// Makes the one that waits like the one that is heard.
    pub fn copy(&mut self, heard: Values) {
        self.waiting = Some(heard);
    }
}
