//! The plugins and their ports, for both formats. Order, symbols and ranges never change: hosts save them.

use aeden::Model;
use aeden::presets::UNLIMITED;

/// The largest output gain, in dB, as in the VST3 and CLAP plugin.
const MAX_GAIN: f32 = 24.0;

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// [`Model::high`].
    High,
    /// [`Model::light`].
    Light,
}

/// A plugin as hosts list it.
#[derive(Clone, Copy, Debug)]
pub struct Plugin {
    /// LADSPA's label, and the end of LV2's URI.
    pub label: &'static str,
    /// LADSPA's number.
    pub number: u32,
    /// In lists.
    pub name: &'static str,
    /// The network.
    pub quality: Quality,
    /// 1 or 2, in and out.
    pub channels: usize,
}

/// All of them.
pub const PLUGINS: [Plugin; 4] = [
    Plugin {
        label: "aeden_mono",
        number: 716_001,
        name: "aeden (mono)",
        quality: Quality::High,
        channels: 1,
    },
    Plugin {
        label: "aeden_stereo",
        number: 716_002,
        name: "aeden (stereo)",
        quality: Quality::High,
        channels: 2,
    },
    Plugin {
        label: "aeden_light_mono",
        number: 716_003,
        name: "aeden light (mono)",
        quality: Quality::Light,
        channels: 1,
    },
    Plugin {
        label: "aeden_light_stereo",
        number: 716_004,
        name: "aeden light (stereo)",
        quality: Quality::Light,
        channels: 2,
    },
];

/// What the user sets, with the ids of the VST3 and CLAP plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The most that the level is lowered anywhere.
    Strength,
    /// The share of the cleaned sound.
    Mix,
    /// Gain of the output.
    Gain,
    /// What is removed is heard.
    Delta,
    /// One mask for all channels.
    Link,
    /// The input passes untouched.
    Bypass,
}

/// How a control looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// LV2's symbol.
    pub symbol: &'static str,
    /// In the user's interface.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// The smallest value, the value at the start, and the largest.
    pub range: [f32; 3],
    /// Whether it is on (1) or off (0).
    pub is_switch: bool,
    /// Whether its unit is the decibel.
    pub is_decibel: bool,
}

impl Control {
    const ALL: [Control; 6] = [
        Control::Strength,
        Control::Mix,
        Control::Gain,
        Control::Delta,
        Control::Link,
        Control::Bypass,
    ];

    /// Names and range.
    pub fn look(self) -> Look {
        let number = |symbol, name, about, range| Look {
            symbol,
            name,
            about,
            range,
            is_switch: false,
            is_decibel: symbol != "mix",
        };
        let switch = |symbol, name, about, on| Look {
            symbol,
            name,
            about,
            range: [0.0, on, 1.0],
            is_switch: true,
            is_decibel: false,
        };
        match self {
            Control::Strength => number(
                "strength",
                "Strength",
                "The most that anything is lowered; at 60 dB without a limit",
                [0.0, UNLIMITED, UNLIMITED],
            ),
            Control::Mix => number(
                "mix",
                "Mix",
                "Share of the cleaned sound; the rest is the input, in step",
                [0.0, 1.0, 1.0],
            ),
            Control::Gain => number(
                "gain",
                "Output gain",
                "Gain of what is heard",
                [-MAX_GAIN, 0.0, MAX_GAIN],
            ),
            Control::Delta => switch(
                "delta",
                "Listen to removed",
                "What is taken away is heard instead",
                0.0,
            ),
            Control::Link => switch(
                "link",
                "Channel link",
                "One mask for both channels, which keeps the stereo image",
                1.0,
            ),
            Control::Bypass => switch("bypass", "Bypass", "The input, delayed as long, bit for bit", 0.0),
        }
    }
}

/// What a port is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// Set by the user.
    Control(Control),
    /// Told by the plugin, in samples.
    Latency,
    /// Sound of a channel.
    Input(usize),
    /// Sound of a channel.
    Output(usize),
}

impl Plugin {
    /// Its ports in their order.
    pub fn ports(&self) -> Vec<Port> {
        // A link makes no difference to one channel.
        let controls = Control::ALL.into_iter();
        let controls = controls.filter(|control| self.channels > 1 || *control != Control::Link);
        controls
            .map(Port::Control)
            .chain([Port::Latency])
            .chain((0..self.channels).map(Port::Input))
            .chain((0..self.channels).map(Port::Output))
            .collect()
    }

    /// LV2's name of it: hosts save it with their sessions, so that it stays, whatever becomes of the address in it.
    pub fn uri(&self) -> String {
        format!("https://github.com/aeden-denoiser/aeden/lv2/{}", self.label)
    }

    /// Its network.
    pub fn model(&self) -> Model {
        match self.quality {
            Quality::High => Model::high(),
            Quality::Light => Model::light(),
        }
    }
}

impl Port {
    /// LV2's symbol, and LADSPA's name.
    pub fn names(self) -> (String, String) {
        match self {
            Port::Control(control) => {
                let look = control.look();
                (look.symbol.to_owned(), look.name.to_owned())
            }
            Port::Latency => ("latency".to_owned(), "latency".to_owned()),
            Port::Input(c) => (format!("in_{}", c + 1), format!("Input {}", c + 1)),
            Port::Output(c) => (format!("out_{}", c + 1), format!("Output {}", c + 1)),
        }
    }
}
