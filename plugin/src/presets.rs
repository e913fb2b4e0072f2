//! The factory presets. `cargo xtask bundle` reads this file too, and writes them as files for hosts.

/// Parameter values with a name. What is not here (delta, bypass) is off.
pub struct Preset {
    /// What users see.
    pub name: &'static str,
    /// When to take it.
    pub purpose: &'static str,
    /// `strength`, in dB; 60 for no limit.
    pub strength: f32,
    /// `mix`, 0 to 1.
    pub mix: f32,
    /// `gain`, in dB.
    pub gain: f32,
    /// `link`.
    pub link: bool,
}

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
        strength: 60.0,
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
