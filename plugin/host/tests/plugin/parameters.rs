//! Parameters: what they are, what they read as, and what happens when they move.

use crate::bundles::{assert_well_behaved, change, each, id, start};
use crate::sound::{Random, assert_normal, assert_same, cleaned, library, play, voice};
use aeden_plugin_host::{Audio, Change, Plugin};
use std::f32::consts::TAU;

/// The names behind the numbers that projects are stored with, and the defaults.
const PARAMETERS: [(&str, f64); 6] = [
    ("strength", 0.3),
    ("mix", 1.0),
    ("gain", 0.5),
    ("delta", 0.0),
    ("link", 1.0),
    ("bypass", 0.0),
];

#[test]
fn parameters_are_those_that_projects_are_stored_with() {
    each(|loaded| {
        let plugin = loaded.instance();
        let parameters = plugin.parameters();
        for (name, default) in PARAMETERS {
            let found: Vec<_> = parameters.iter().filter(|p| p.id == id(name)).collect();
            let [parameter] = found[..] else {
                panic!("{name} is there {} times", found.len())
            };
            assert!(!parameter.name.is_empty(), "{name} has no name for users");
            assert!(parameter.automatable, "{name} cannot be automated");
            assert!(
                (parameter.default - default).abs() < 1e-6,
                "{name}: {parameter:?}"
            );
            assert_eq!(parameter.bypass, name == "bypass");
            assert_eq!(
                parameter.steps > 0,
                ["delta", "link", "bypass"].contains(&name),
                "{name}"
            );
        }
        for parameter in &parameters {
            // VST3 keeps the upper half for hosts.
            assert!(parameter.id < 1 << 31 && (0.0..=1.0).contains(&parameter.default));
            let value = plugin.value(parameter.id).unwrap();
            assert!(
                (value - parameter.default).abs() < 1e-6,
                "{}: a new instance stands at {value}",
                parameter.name
            );
        }
    });
}

#[test]
fn what_a_value_reads_as_can_be_typed_in_again() {
    each(|loaded| {
        let plugin = loaded.instance();
        for parameter in plugin.parameters() {
            for step in 0..=1000 {
                let value = f64::from(step) / 1000.0;
                let text = plugin.text(parameter.id, value).expect("a text");
                let read = plugin
                    .value_of(parameter.id, &text)
                    .unwrap_or_else(|| panic!("{}: {text:?} cannot be read", parameter.name));
                assert_eq!(
                    plugin.text(parameter.id, read).as_ref(),
                    Some(&text),
                    "{}",
                    parameter.name
                );
                assert_eq!(
                    plugin.value_of(parameter.id, &text),
                    Some(read),
                    "{}: {text:?} read twice",
                    parameter.name
                );
                // Continuous values read to at least two places.
                let step = 1.0 / f64::from(if parameter.steps > 0 { parameter.steps } else { 100 });
                assert!(
                    (read - value).abs() <= 0.501 * step,
                    "{}: {value} reads as {text:?} and comes back as {read}",
                    parameter.name
                );
            }
        }
    });
}

#[test]
fn words_that_mean_nothing_are_refused() {
    each(|loaded| {
        let plugin = loaded.instance();
        for parameter in plugin.parameters() {
            for text in [
                "", " ", "dB", "loud", "1.2.3", "NaN", "--5", "∞∞", "\u{fffd}", "१२",
            ] {
                assert_eq!(
                    plugin.value_of(parameter.id, text),
                    None,
                    "{}: {text:?}",
                    parameter.name
                );
            }
        }
        assert_eq!(plugin.text(12345, 0.5), None);
        assert_eq!(plugin.value_of(12345, "1"), None);
        assert_eq!(plugin.value(12345), None);
    });
}

#[test]
fn strength_and_gain_read_as_users_expect() {
    each(|loaded| {
        let plugin = loaded.instance();
        let read = |name, text| plugin.value_of(id(name), text).expect(text);
        assert_eq!(read("strength", "30 dB"), read("strength", "30,0"));
        assert_eq!(
            plugin.text(id("strength"), 1.0),
            plugin.text(id("strength"), read("strength", "∞"))
        );
        assert!((read("gain", "-12 dB") - 0.25).abs() < 1e-6);
        assert!((read("mix", "50 %") - 0.5).abs() < 1e-6);
        // Beyond the end counts as the end.
        assert_eq!(read("gain", "1000"), 1.0);
        assert_eq!(read("mix", "-3"), 0.0);
    });
}

/// Plays a sound in blocks, with changes at samples of the whole; they are in the order of time.
fn play_with(
    plugin: &mut dyn Plugin,
    sound: &[Vec<f32>],
    length: usize,
    changes: &[(usize, &str, f64)],
) -> Vec<Vec<f32>> {
    let mut out = sound.to_vec();
    let total = out[0].len();
    for from in (0..total).step_by(length) {
        let to = total.min(from + length);
        let inside: Vec<Change> = changes
            .iter()
            .filter(|(at, ..)| (from..to).contains(at))
            .map(|(at, name, value)| change(at - from, name, *value))
            .collect();
        let mut block: Vec<_> = out.iter_mut().map(|c| &mut c[from..to]).collect();
        plugin.process(Audio::InPlace(&mut block), &inside).unwrap();
    }
    out
}

#[test]
fn automation_acts_on_the_sample() {
    each(|loaded| {
        for rate in [44_100, 48_000] {
            let sound = voice(rate, 2, 40_000);
            let changes = [
                (5000, "strength", 0.5),
                (9001, "mix", 0.25),
                (15_000, "mix", 1.0),
                (21_003, "bypass", 1.0),
                (30_000, "bypass", 0.0),
                (33_333, "strength", 1.0),
            ];
            let mut denoiser = library(rate, 2);
            let mut expected: Vec<Vec<f32>> = vec![Vec::new(); 2];
            let mut from = 0;
            for (at, name, value) in changes.into_iter().chain([(40_000, "", 0.0)]) {
                let part: Vec<_> = sound.iter().map(|c| c[from..at].to_vec()).collect();
                for (all, part) in expected.iter_mut().zip(cleaned(&mut denoiser, &part)) {
                    all.extend(part);
                }
                from = at;
                match name {
                    "strength" => {
                        denoiser.set_attenuation_limit((value < 1.0).then_some(60.0 * value as f32))
                    }
                    "mix" => denoiser.set_mix(value as f32),
                    "bypass" => denoiser.set_bypass(value > 0.5),
                    _ => {}
                }
            }
            for length in [64, 1000, 8192] {
                let mut plugin = loaded.running(rate, 2);
                let out = play_with(&mut *plugin, &sound, length, &changes);
                assert_same(&out, &expected, &format!("{rate} Hz, {length}"));
            }
        }
    });
}

#[test]
fn parameters_that_move_never_click() {
    each(|loaded| {
        for rate in [44_100u32, 48_000, 96_000] {
            let tone = |n: usize| 0.25 * (TAU * 200.0 * n as f32 / rate as f32).sin();
            let sound = vec![(0..rate as usize * 2).map(tone).collect::<Vec<f32>>(); 2];
            let largest = |out: &[Vec<f32>]| {
                let steps = out.iter().flat_map(|c| c.windows(2).map(|w| (w[1] - w[0]).abs()));
                steps.fold(0.0, f32::max)
            };
            let mut random = Random(u64::from(rate));
            let mut plugin = loaded.running(rate, 2);
            let mut at = 0;
            let mut changes = Vec::new();
            while at < sound[0].len() {
                at += random.below(4000);
                let (name, _) = PARAMETERS[random.below(PARAMETERS.len())];
                // A gain of −6 … 6 dB.
                let value = match name {
                    "gain" => 0.375 + 0.25 * random.share(),
                    _ => random.share(),
                };
                changes.push((at, name, value));
            }
            let out = play_with(&mut *plugin, &sound, 512, &changes);
            assert_normal(&out);
            // The tone's own steps, twice as large for 6 dB, and a fade of 10 ms between two tones of opposite phase.
            let steepest = 2.0 * (0.25 * TAU * 200.0 / rate as f32 + 2.0 * 0.25 / (0.01 * rate as f32));
            let step = largest(&out);
            assert!(
                step <= steepest,
                "{rate} Hz: a step of {step}, not at most {steepest}"
            );
            assert!(step > 0.0, "{rate} Hz: nothing came out");
        }
    });
}

#[test]
fn modulation_shifts_what_is_heard_and_not_what_is_saved() {
    each(|loaded| {
        let sound = voice(48_000, 2, 20_000);
        let mut plugin = loaded.instance();
        plugin.set(id("strength"), 0.25);
        let state = plugin.save().unwrap();
        start(&mut *plugin, 48_000);
        let plain = play(&mut *plugin, &sound, || 512);
        if !plugin.modulate(id("strength"), -1.0) {
            // VST3 has none.
            return;
        }
        // Down to 0 dB: nothing is taken away any more, after the fade and the delay.
        let shifted = play(&mut *plugin, &sound, || 512);
        let late = plugin.latency();
        assert!((0..2).all(|c| shifted[c][5000..] == sound[c][5000 - late..20_000 - late]));
        assert_eq!(plugin.save().unwrap(), state);
        plugin.modulate(id("strength"), 0.0);
        plugin
            .process(Audio::InPlace(&mut []), &[])
            .expect("an empty block that carries it");
        plugin.stop();
        plugin.start().unwrap();
        assert_same(
            &play(&mut *plugin, &sound, || 512),
            &plain,
            "without a shift again",
        );
        assert_well_behaved(&*plugin);
    });
}

#[test]
fn extreme_settings_and_floods_of_changes_give_sound_sound() {
    each(|loaded| {
        let mut random = Random(6);
        let mut plugin = loaded.running(44_100, 2);
        for _ in 0..100 {
            let extreme = random.below(2) == 0;
            let mut changes: Vec<_> = (0..random.below(300))
                .map(|_| {
                    let (name, _) = PARAMETERS[random.below(PARAMETERS.len())];
                    let value = random.share();
                    (
                        random.below(512),
                        name,
                        if extreme { value.round() } else { value },
                    )
                })
                .collect();
            changes.sort_by_key(|(at, ..)| *at);
            let out = play_with(&mut *plugin, &voice(44_100, 2, 512), 512, &changes);
            assert_normal(&out);
            assert!(out.iter().flatten().all(|y| y.abs() < 100.0));
        }
        assert_well_behaved(&*plugin);
    });
}

#[test]
fn values_outside_the_range_and_unknown_parameters_do_no_harm() {
    each(|loaded| {
        let sound = voice(48_000, 2, 10_000);
        let mut plugin = loaded.running(48_000, 2);
        for value in [-1.0, 2.0, 1e30, -1e30, f64::NAN, f64::INFINITY] {
            for (name, _) in PARAMETERS {
                let out = play_with(&mut *plugin, &sound, 512, &[(3, name, value)]);
                assert!(out.iter().flatten().all(|y| y.is_finite()), "{name} at {value}");
            }
        }
        let unknown = Change {
            offset: 0,
            parameter: 12345,
            value: 0.5,
        };
        plugin.process(Audio::InPlace(&mut []), &[unknown]).unwrap();
        // And all is well again.
        for (name, default) in PARAMETERS {
            plugin
                .process(Audio::InPlace(&mut []), &[change(0, name, default)])
                .unwrap();
        }
        plugin.stop();
        plugin.start().unwrap();
        let expected = cleaned(&mut library(48_000, 2), &sound);
        assert_same(&play(&mut *plugin, &sound, || 512), &expected, "defaults again");
    });
}

#[test]
fn changes_with_and_without_sound_come_to_the_same() {
    each(|loaded| {
        let changes: Vec<Change> = PARAMETERS
            .iter()
            .enumerate()
            .map(|(i, (name, default))| change(0, name, if *default > 0.5 { 0.0 } else { 0.13 * i as f64 }))
            .collect();
        let values = |plugin: &dyn Plugin| PARAMETERS.map(|(name, _)| plugin.value(id(name)).unwrap());
        let mut flushed = loaded.instance();
        let before = values(&*flushed);
        for change in &changes {
            flushed.set(change.parameter, change.value);
        }
        let mut running = loaded.instance();
        start(&mut *running, 48_000);
        let mut sound = voice(48_000, 2, 512);
        let mut block: Vec<_> = sound.iter_mut().map(Vec::as_mut_slice).collect();
        running.process(Audio::InPlace(&mut block), &changes).unwrap();
        assert_eq!(values(&*flushed), values(&*running));
        assert_ne!(values(&*flushed), before);
    });
}
