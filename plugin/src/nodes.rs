//! The parameters of the nodes that shape how much is taken away along frequency.

use crate::text::{decimal, number, switch};
use aeden::BandLimits;
use nice_plug::prelude::*;
use std::sync::Arc;

/// How many nodes there are; those that are off do nothing.
pub const NODES: usize = BandLimits::MAX_NODES;
/// The lowest frequency of a node, in Hz.
pub const LOWEST: f32 = 20.0;
/// How many octaves above it the highest is: 20.48 kHz.
pub const OCTAVES: f32 = 10.0;
/// A step of the frequency, in octaves.
const STEP: f32 = 0.01;
/// The largest limit of a node, in dB.
pub const MOST: f32 = 60.0;

/// The parameters of a node. Their ids have its number, 1 to 6, at the end.
#[derive(Params)]
pub struct Node {
    /// Whether it is there.
    #[id = "band_on"]
    pub on: BoolParam,
    /// Octaves above [`LOWEST`]; hosts and users see Hz.
    #[id = "band_frequency"]
    pub pitch: FloatParam,
    /// The most that the level is lowered there, in dB.
    #[id = "band_limit"]
    pub limit: FloatParam,
}

impl Node {
    /// The nodes of a new instance: all off, and spread over the spectrum.
    pub fn all() -> [Node; NODES] {
        let usual = [100.0, 300.0, 1000.0, 2500.0, 5000.0, 10_000.0].map(octaves_of);
        std::array::from_fn(|n| Node::new(n + 1, usual[n]))
    }

    fn new(count: usize, pitch: f32) -> Node {
        Node {
            on: switch(&format!("Band {count}"), false),
            pitch: FloatParam::new(
                format!("Band {count} frequency"),
                // On a step, as states have it.
                (pitch / STEP).round() * STEP,
                FloatRange::Linear {
                    min: 0.0,
                    max: OCTAVES,
                },
            )
            .with_step_size(STEP)
            .with_unit(" Hz")
            .with_value_to_string(Arc::new(|octaves| format!("{:.0}", frequency_of(octaves))))
            .with_string_to_value(Arc::new(|text| {
                let hertz = number(text, "Hz")?;
                Some(octaves_of(hertz.max(LOWEST)).min(OCTAVES))
            })),
            limit: FloatParam::new(
                format!("Band {count} limit"),
                18.0,
                FloatRange::Linear { min: 0.0, max: MOST },
            )
            .with_step_size(0.1)
            .with_unit(" dB")
            .with_value_to_string(Arc::new(decimal))
            .with_string_to_value(Arc::new(|text| number(text, "dB"))),
        }
    }

    /// Its frequency in Hz.
    pub fn frequency(&self) -> f32 {
        frequency_of(self.pitch.unmodulated_plain_value())
    }

    /// What is at this place when it is there.
    fn at(&self) -> Option<(f32, f32)> {
        self.on
            .value()
            .then(|| (frequency_of(self.pitch.value()), self.limit.value()))
    }
}

/// What the nodes that are on ask for. Of two at one frequency the first counts.
pub fn limits(nodes: &[Node; NODES]) -> BandLimits {
    let mut places = [(0.0, 0.0); NODES];
    let mut count = 0;
    for (frequency, limit) in nodes.iter().filter_map(Node::at) {
        let before = places[..count].iter().position(|(other, _)| *other >= frequency);
        let at = before.unwrap_or(count);
        if at < count && places[at].0 == frequency {
            continue;
        }
        places.copy_within(at..count, at + 1);
        places[at] = (frequency, limit);
        count += 1;
    }
    BandLimits::checked(&places[..count]).unwrap_or_default()
}

/// In Hz.
pub fn frequency_of(octaves: f32) -> f32 {
    LOWEST * octaves.exp2()
}

/// Octaves above [`LOWEST`].
pub fn octaves_of(frequency: f32) -> f32 {
    (frequency / LOWEST).log2()
}
