//! States that hosts saved, perhaps with another version.
//!
//! What a version saves, all later ones of the same major version read, and earlier ones as far as they know it: what
//! is missing keeps its value, what is unknown is passed over. A later major version's state is refused.

use crate::identity::VERSION;
use crate::parameters::Parameters;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;

/// Takes values into the ranges of their parameters.
///
/// # Errors
/// What is wrong with a state that this version cannot use.
pub fn check(state: &mut PluginState) -> Result<(), String> {
    // The first versions of nice-plug wrote none.
    if !state.version.is_empty() {
        let theirs = major(&state.version)
            .ok_or_else(|| format!("{:?} is no version of this plugin", state.version))?;
        if Some(theirs) > major(VERSION) {
            return Err(format!(
                "it comes from version {}, and this is {VERSION}",
                state.version
            ));
        }
    }
    let parameters = Parameters::default();
    let ranges = [
        ("strength", &parameters.strength),
        ("mix", &parameters.mix),
        ("gain", &parameters.gain),
    ];
    let ranges = ranges.map(|(id, parameter)| (id.to_owned(), parameter));
    let of_nodes = parameters.nodes.iter().zip(1..).flat_map(|(node, number)| {
        [
            (format!("band_frequency_{number}"), &node.pitch),
            (format!("band_limit_{number}"), &node.limit),
        ]
    });
    for (id, parameter) in ranges.into_iter().chain(of_nodes) {
        if let Some(ParamValue::F32(value)) = state.params.get_mut(&id) {
            let normalized = parameter.preview_normalized(*value);
            if normalized.is_nan() {
                state.params.remove(&id);
            } else {
                *value = parameter.preview_plain(normalized.clamp(0.0, 1.0));
            }
        }
    }
    Ok(())
}

fn major(version: &str) -> Option<u64> {
    version.split('.').next()?.parse().ok()
}
