//! Parameters as hosts and users write them, presets, and saved states.

use aeden::{Link, Listen};
use aeden_plugin::AedenPlugin;
use aeden_plugin::parameters::{MAX_GAIN, Parameters, UNLIMITED};
use aeden_plugin::presets::PRESETS;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use std::collections::BTreeMap;

#[test]
fn a_new_instance_is_that_of_the_preset_dialogue() {
    let settings = Parameters::default().settings();
    assert_eq!(settings.attenuation_limit, Some(18.0));
    assert_eq!((settings.mix, settings.output_gain), (1.0, 0.0));
    assert_eq!((settings.listen, settings.link), (Listen::Cleaned, Link::Linked));
    assert!(!settings.bypass);
}

#[test]
fn ids_stay_as_projects_know_them() {
    let mut ids: Vec<String> = Parameters::default()
        .param_map()
        .into_iter()
        .map(|(id, ..)| id)
        .collect();
    ids.sort();
    let mut known = [
        "bypass",
        "bypass_match",
        "delta",
        "gain",
        "learn",
        "link",
        "mix",
        "quality",
        "strength",
    ]
    .map(str::to_owned)
    .to_vec();
    for of_node in ["band_on", "band_frequency", "band_limit"] {
        known.extend((1..=6).map(|node| format!("{of_node}_{node}")));
    }
    known.sort();
    assert_eq!(ids, known);
}

#[test]
fn every_value_survives_being_written_and_read() {
    let parameters = Parameters::default();
    for parameter in [&parameters.strength, &parameters.mix, &parameters.gain] {
        for step in 0..=1000 {
            let normalized = step as f32 / 1000.0;
            for with_unit in [true, false] {
                let text = parameter.normalized_value_to_string(normalized, with_unit);
                let read = parameter.string_to_normalized_value(&text).unwrap();
                let again = parameter.normalized_value_to_string(read, with_unit);
                assert_eq!(text, again, "{}", parameter.name());
                assert!(
                    (read - normalized).abs() <= 0.0011,
                    "{}: {text}",
                    parameter.name()
                );
            }
        }
    }
}

#[test]
fn values_are_read_as_people_type_them() {
    let parameters = Parameters::default();
    for (parameter, text, expected) in [
        (&parameters.strength, "12", Some(12.0)),
        (&parameters.strength, " 12,5 DB ", Some(12.5)),
        (&parameters.strength, "∞", Some(UNLIMITED)),
        (&parameters.strength, "Inf dB", Some(UNLIMITED)),
        (&parameters.strength, "-3", Some(0.0)),
        (&parameters.strength, "1000", Some(UNLIMITED)),
        (&parameters.strength, "much", None),
        (&parameters.strength, "", None),
        (&parameters.mix, "50%", Some(0.5)),
        (&parameters.mix, "50 %", Some(0.5)),
        (&parameters.mix, "half", None),
        (&parameters.gain, "−6 dB", Some(-6.0)),
        (&parameters.gain, "+3.5db", Some(3.5)),
        (&parameters.gain, "99", Some(MAX_GAIN)),
        (&parameters.gain, "NaN", None),
        (&parameters.gain, "inf", None),
    ] {
        let read = parameter
            .string_to_normalized_value(text)
            .map(|value| parameter.preview_plain(value));
        match (read, expected) {
            (Some(read), Some(expected)) => assert!((read - expected).abs() < 1e-4, "{text:?}: {read}"),
            (read, expected) => assert_eq!(read, expected, "{text:?}"),
        }
    }
    assert_eq!(parameters.bypass.string_to_normalized_value("on"), Some(1.0));
    assert_eq!(parameters.bypass.string_to_normalized_value("Off"), Some(0.0));
    assert_eq!(parameters.bypass.string_to_normalized_value("perhaps"), None);
}

#[test]
fn presets_lie_within_the_ranges() {
    let parameters = Parameters::default();
    for preset in &PRESETS {
        for (parameter, value) in [
            (&parameters.strength, preset.strength),
            (&parameters.mix, preset.mix),
            (&parameters.gain, preset.gain),
        ] {
            let kept = parameter.preview_plain(parameter.preview_normalized(value));
            assert!(
                (kept - value).abs() < 1e-4,
                "{}: {}",
                preset.name,
                parameter.name()
            );
        }
    }
    let shown = PRESETS.iter().find(|preset| parameters.are(preset));
    assert_eq!(shown.map(|preset| preset.name), Some("Dialogue"));
}

fn state(version: &str, params: &[(&str, ParamValue)]) -> PluginState {
    PluginState {
        version: version.to_owned(),
        params: params
            .iter()
            .map(|(id, value)| ((*id).to_owned(), value.clone()))
            .collect(),
        fields: BTreeMap::from([("window".to_owned(), "{}".to_owned())]),
    }
}

fn value(state: &PluginState, id: &str) -> Option<f32> {
    match state.params.get(id) {
        Some(ParamValue::F32(value)) => Some(*value),
        _ => None,
    }
}

#[test]
fn saved_values_out_of_range_are_taken_into_it() {
    let mut saved = state(
        AedenPlugin::VERSION,
        &[
            ("strength", ParamValue::F32(1e30)),
            ("mix", ParamValue::F32(-1.0)),
            ("gain", ParamValue::F32(f32::NAN)),
            ("later", ParamValue::F32(1.0)),
        ],
    );
    AedenPlugin::filter_state(&mut saved);
    assert_eq!(value(&saved, "strength"), Some(UNLIMITED));
    assert_eq!(value(&saved, "mix"), Some(0.0));
    assert!(!saved.params.contains_key("gain"));
}

#[test]
fn states_of_a_later_major_version_or_of_something_else_change_nothing() {
    for version in ["1000.0.0", "seven", "x.y"] {
        let mut saved = state(version, &[("strength", ParamValue::F32(6.0))]);
        AedenPlugin::filter_state(&mut saved);
        assert!(saved.params.is_empty() && saved.fields.is_empty(), "{version}");
    }
    for version in ["", "0.0.1", AedenPlugin::VERSION] {
        let mut saved = state(version, &[("strength", ParamValue::F32(6.0))]);
        AedenPlugin::filter_state(&mut saved);
        assert!(
            (value(&saved, "strength").unwrap() - 6.0).abs() < 1e-5,
            "{version}"
        );
        assert!(!saved.fields.is_empty());
    }
}
