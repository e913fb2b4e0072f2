//! The factory presets of the plugin and the command line. `cargo xtask bundle` reads this file too, and writes them as
//! files for hosts.

/// The [`strength`](Preset::strength) from which nothing limits the attenuation, in dB.
pub const UNLIMITED: f32 = 60.0;

/// Settings with a name. Settings that are not here are off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// The name that users see.
    pub name: &'static str,
    /// The use that it is for.
    pub purpose: &'static str,
    /// The most that the level is lowered anywhere, in dB; [`UNLIMITED`] for no limit.
    pub strength: f32,
    /// The share of the cleaned sound, 0 to 1.
    pub mix: f32,
    /// Gain of the output, in dB.
    pub gain: f32,
    /// One mask for all channels.
    pub link: bool,
}

impl Preset {
    /// [`strength`](Preset::strength) as `aeden::denoiser::Config` wants it: in dB, `None` for no limit.
    pub fn attenuation_limit(&self) -> Option<f32> {
        (self.strength < UNLIMITED).then_some(self.strength)
    }
}

/// For a speech recogniser: a little noise stays, and every word.
///
/// Chosen by the word errors of recognisers on noisy and on clean speech (`docs/transcription.md`); for quality best. No preset of
/// the plugin.
pub const TRANSCRIPTION: Preset = Preset {
    name: "Transcription",
    purpose: "Recordings that a speech recogniser hears next: no word is lost for the sake of silence",
    strength: 6.0,
    mix: 1.0,
    gain: 0.0,
    link: true,
};

/// From the usual to the special.
pub const PRESETS: [Preset; 5] = [
    Preset {
        name: "Podcast",
        purpose: "A voice close to the microphone: the noise goes, the voice keeps its air",
        strength: 30.0,
        mix: 1.0,
        gain: 0.0,
        link: true,
    },
    Preset {
        name: "Dialogue",
        purpose: "Film and interviews: the place stays audible, quietly, so that cuts match",
        strength: 18.0,
        mix: 1.0,
        gain: 0.0,
        link: true,
    },
    Preset {
        name: "Stream",
        purpose: "Live and calls: everything but the voice goes",
        strength: UNLIMITED,
        mix: 1.0,
        gain: 0.0,
        link: true,
    },
    Preset {
        name: "Gentle",
        purpose: "A little less noise, and no trace of processing",
        strength: 10.0,
        mix: 1.0,
        gain: 0.0,
        link: true,
    },
    Preset {
        name: "Restore",
        purpose: "Old or unrelated tracks: every channel on its own",
        strength: 40.0,
        mix: 1.0,
        gain: 0.0,
        link: false,
    },
];
