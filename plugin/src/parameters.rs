//! What hosts automate and save.

use crate::hosting;
use crate::learned::Learned;
use crate::nodes::{self, NODES, Node};
use crate::presets::Preset;
use crate::text::{decimal, number, switch, without_unit};
use crate::values::{Compare, Values};
use crate::view::View;
use crate::window_size::WindowSize;
use aeden::{BandLimits, Link, Listen};
use crossbeam_utils::atomic::AtomicCell;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use aeden::presets::UNLIMITED;
pub use aeden::switchable::Settings;

/// The strength of a new instance, in dB: the preset Dialogue's. Nothing of a place that is 18 dB down draws attention beside a voice, and what a
/// network does to the voice in between is masked by it.
pub const FRESH: f32 = 18.0;

/// The largest output gain, in dB, and with a minus the smallest.
pub const MAX_GAIN: f32 = 24.0;

/// The network, and with it latency and cost. In the order of both; hosts see that order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// A small network: the least latency and work.
    #[id = "light"]
    Light,
    /// The network for streams.
    #[default]
    #[id = "high"]
    High,
    /// The network of `aeden clean`, which looks ahead for nearly two seconds.
    #[id = "best"]
    Best,
}

impl Quality {
    /// From the least to the most.
    pub const ALL: [Quality; 3] = [Quality::Light, Quality::High, Quality::Best];

    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Quality::Light => "Light",
            Quality::High => "High",
            Quality::Best => "Best",
        }
    }
}

/// The plugin's parameters. Their ids never change: projects and automation refer to them.
#[derive(Params)]
pub struct Parameters {
    /// The most that the level is lowered anywhere, 0 to [`UNLIMITED`] dB; there, and only there, it has no limit.
    #[id = "strength"]
    pub strength: FloatParam,
    /// The share of the cleaned sound, 0 to 1.
    #[id = "mix"]
    pub mix: FloatParam,
    /// Gain of what is heard, ± [`MAX_GAIN`] dB.
    #[id = "gain"]
    pub gain: FloatParam,
    /// Whether what is removed is heard instead of what is left.
    #[id = "delta"]
    pub delta: BoolParam,
    /// Whether all channels share one mask.
    #[id = "link"]
    pub link: BoolParam,
    /// Whether the input passes untouched, delayed by the latency.
    #[id = "bypass"]
    pub bypass: BoolParam,
    /// Whether the input is as loud in bypass as what is heard otherwise.
    #[id = "bypass_match"]
    pub bypass_match: BoolParam,
    /// The network. It takes effect when the host next activates the plugin, which it is asked for.
    #[id = "quality"]
    pub quality: EnumParam<Quality>,
    /// Whether what is heard is kept for every start to come.
    #[id = "learn"]
    pub learn: BoolParam,
    /// The nodes along frequency.
    #[nested(array)]
    pub nodes: [Node; NODES],
    /// The other setting to compare with, saved with them.
    #[persist = "compare"]
    pub compare: Arc<AtomicCell<Compare>>,
    /// What has been learned, saved with them.
    #[persist = "learned"]
    pub learned: Learned,
    /// The editor's size, saved with them.
    #[persist = "window"]
    pub window: Arc<AtomicCell<WindowSize>>,
    /// What the editor shows, saved with them.
    #[persist = "view"]
    pub view: Arc<AtomicCell<View>>,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            strength: FloatParam::new(
                "Strength",
                FRESH,
                FloatRange::Linear {
                    min: 0.0,
                    max: UNLIMITED,
                },
            )
            .with_step_size(0.1)
            .with_unit(" dB")
            .with_value_to_string(Arc::new(strength_to_text))
            .with_string_to_value(Arc::new(text_to_strength)),
            mix: FloatParam::new("Mix", 1.0, FloatRange::Linear { min: 0.0, max: 1.0 })
                .with_step_size(0.001)
                .with_unit(" %")
                .with_value_to_string(Arc::new(|share| decimal(share * 100.0)))
                .with_string_to_value(Arc::new(|text| number(text, "%").map(|percent| percent / 100.0))),
            gain: FloatParam::new(
                "Output gain",
                0.0,
                FloatRange::Linear {
                    min: -MAX_GAIN,
                    max: MAX_GAIN,
                },
            )
            .with_step_size(0.1)
            .with_unit(" dB")
            .with_value_to_string(Arc::new(decimal))
            .with_string_to_value(Arc::new(|text| number(text, "dB"))),
            delta: switch("Listen to removed", false),
            link: switch("Channel link", true),
            bypass: switch("Bypass", false).make_bypass(),
            bypass_match: switch("Matched bypass", false),
            quality: EnumParam::new("Quality", Quality::default()).non_automatable(),
            learn: switch("Learn", false),
            nodes: Node::all(),
            compare: Arc::new(AtomicCell::new(Compare::default())),
            learned: Learned::default(),
            window: Arc::new(AtomicCell::new(WindowSize::default())),
            view: Arc::new(AtomicCell::new(View::default())),
        }
    }
}

impl Parameters {
    /// Parameters that tell the format around the plugin when it has to be activated again.
    pub(crate) fn linked(link: &Arc<hosting::Link>) -> Self {
        let mut parameters = Self::default();
        let link = link.clone();
        let tell = move |quality: Quality| link.want(quality as u8);
        parameters.quality = parameters.quality.with_callback(Arc::new(tell));
        parameters
    }

    /// What they ask for now.
    pub fn settings(&self) -> Settings {
        let strength = self.strength.value();
        Settings {
            attenuation_limit: (strength < UNLIMITED).then_some(strength),
            mix: self.mix.value(),
            output_gain: self.gain.value(),
            listen: if self.delta.value() {
                Listen::Removed
            } else {
                Listen::Cleaned
            },
            link: if self.link.value() {
                Link::Linked
            } else {
                Link::Independent
            },
            bypass: self.bypass.value(),
        }
    }

    /// Settings for the denoiser, which is not bypassed itself where the bypass is matched.
    pub(crate) fn unmatched(&self, settings: &Settings) -> Settings {
        Settings {
            bypass: settings.bypass && !self.bypass_match.value(),
            ..*settings
        }
    }

    /// The limits along frequency that they ask for now.
    pub fn bands(&self) -> BandLimits {
        nodes::limits(&self.nodes)
    }
}

impl Parameters {
    fn numbers(&self) -> impl Iterator<Item = &FloatParam> {
        let of_nodes = self.nodes.iter().flat_map(|node| [&node.pitch, &node.limit]);
        [&self.strength, &self.mix, &self.gain]
            .into_iter()
            .chain(of_nodes)
    }

    fn switches(&self) -> impl Iterator<Item = &BoolParam> {
        std::iter::once(&self.link).chain(self.nodes.iter().map(|node| &node.on))
    }

    /// Where those stand that shape the sound.
    pub fn values(&self) -> Values {
        let mut values = Values::default();
        for (value, parameter) in values.numbers.iter_mut().zip(self.numbers()) {
            *value = parameter.unmodulated_normalized_value();
        }
        for (value, parameter) in values.switches.iter_mut().zip(self.switches()) {
            *value = parameter.unmodulated_plain_value();
        }
        values
    }

    /// Moves them to values, through the host, which records that as it records a user's moves. Values from a file are taken
    /// into their range.
    pub fn go_to(&self, values: &Values, host: &ParamSetter) {
        for (value, parameter) in values.numbers.iter().zip(self.numbers()) {
            let value = value.clamp(0.0, 1.0);
            if !value.is_nan() && value != parameter.unmodulated_normalized_value() {
                host.begin_set_parameter(parameter);
                host.set_parameter_normalized(parameter, value);
                host.end_set_parameter(parameter);
            }
        }
        for (value, parameter) in values.switches.iter().zip(self.switches()) {
            if *value != parameter.unmodulated_plain_value() {
                set(host, parameter, *value);
            }
        }
    }

    /// Whether they have the values of a preset.
    pub fn are(&self, preset: &Preset) -> bool {
        let [strength, mix, gain] =
            [&self.strength, &self.mix, &self.gain].map(|parameter| parameter.unmodulated_plain_value());
        // Values go in steps, so what is equal differs by rounding alone.
        let near = |a: f32, b: f32| (a - b).abs() < 1e-3;
        near(strength, preset.strength)
            && near(mix, preset.mix)
            && near(gain, preset.gain)
            && self.link.unmodulated_plain_value() == preset.link
            && !self.nodes.iter().any(|node| node.on.unmodulated_plain_value())
    }

    /// Gives them the values of a preset, through the host, which records that as it records a user's moves.
    pub fn take(&self, preset: &Preset, host: &ParamSetter) {
        for (parameter, value) in [
            (&self.strength, preset.strength),
            (&self.mix, preset.mix),
            (&self.gain, preset.gain),
        ] {
            set(host, parameter, value);
        }
        for (parameter, value) in [
            (&self.link, preset.link),
            (&self.delta, false),
            (&self.bypass, false),
        ]
        .into_iter()
        .chain(self.nodes.iter().map(|node| (&node.on, false)))
        .filter(|(parameter, value)| parameter.unmodulated_plain_value() != *value)
        {
            set(host, parameter, value);
        }
    }
}

/// What a state has of the parameters that a preset moves: those of [`Parameters::take`].
pub(crate) fn of_preset(preset: &Preset) -> BTreeMap<String, ParamValue> {
    let numbers = [
        ("strength", preset.strength),
        ("mix", preset.mix),
        ("gain", preset.gain),
    ];
    let switches = [("link", preset.link), ("delta", false), ("bypass", false)];
    let nodes = (1..=NODES).map(|node| (format!("band_on_{node}"), ParamValue::Bool(false)));
    let numbers = numbers.map(|(id, value)| (id.to_owned(), ParamValue::F32(value)));
    let switches = switches.map(|(id, on)| (id.to_owned(), ParamValue::Bool(on)));
    nodes.chain(numbers).chain(switches).collect()
}

/// What a state has of the parameters that shape the sound: those of [`Parameters::go_to`]. Values from a file are taken into their
/// range.
pub(crate) fn of_values(values: &Values) -> BTreeMap<String, ParamValue> {
    let parameters = Parameters::default();
    let of_nodes =
        (1..=NODES).flat_map(|node| [format!("band_frequency_{node}"), format!("band_limit_{node}")]);
    let ids = ["strength", "mix", "gain"].map(str::to_owned).into_iter();
    let numbers = ids.chain(of_nodes).zip(parameters.numbers()).zip(values.numbers);
    let numbers = numbers
        .filter(|(_, value)| !value.is_nan())
        .map(|((id, parameter), value)| {
            let plain = parameter.preview_plain(value.clamp(0.0, 1.0));
            (id, ParamValue::F32(plain))
        });
    let of_nodes = (1..=NODES).map(|node| format!("band_on_{node}"));
    let switches = std::iter::once("link".to_owned())
        .chain(of_nodes)
        .zip(values.switches);
    numbers
        .chain(switches.map(|(id, on)| (id, ParamValue::Bool(on))))
        .collect()
}

/// Moves a parameter in one gesture, as hosts record a user's moves.
pub fn set<P: Param>(host: &ParamSetter, parameter: &P, value: P::Plain) {
    host.begin_set_parameter(parameter);
    host.set_parameter(parameter, value);
    host.end_set_parameter(parameter);
}

fn strength_to_text(strength: f32) -> String {
    if strength < UNLIMITED {
        decimal(strength)
    } else {
        "∞".to_owned()
    }
}

fn text_to_strength(text: &str) -> Option<f32> {
    match without_unit(text, "dB").to_lowercase().as_str() {
        "∞" | "inf" | "infinity" | "max" | "unlimited" => Some(UNLIMITED),
        _ => number(text, "dB").map(|limit| limit.clamp(0.0, UNLIMITED)),
    }
}
