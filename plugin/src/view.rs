//! The view of the sound that the editor shows, saved with the plugin's state.

use serde::{Deserialize, Serialize};

/// A picture of what comes in and of what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// Levels along frequency, now, with the nodes that can be touched.
    #[default]
    Spectrum,
    /// Levels along time and frequency, which scroll.
    Spectrogram,
}

impl View {
    /// In the order of the editor.
    pub const ALL: [View; 2] = [View::Spectrum, View::Spectrogram];

    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            View::Spectrum => "Spectrum",
            View::Spectrogram => "Spectrogram",
        }
    }
}
