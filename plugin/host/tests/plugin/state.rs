//! States: what hosts keep in projects.

use crate::bundles::{each, id, start};
use crate::sound::{Random, assert_normal, play, voice};
use aeden_plugin_host::{Format, Plugin};

fn values(plugin: &dyn Plugin) -> Vec<f64> {
    let parameters = plugin.parameters();
    parameters.iter().map(|p| plugin.value(p.id).unwrap()).collect()
}

fn shuffle(plugin: &mut dyn Plugin, random: &mut Random) {
    for parameter in plugin.parameters() {
        let value = random.share();
        plugin.set(
            parameter.id,
            if parameter.steps > 0 { value.round() } else { value },
        );
    }
}

#[test]
fn a_state_restores_values_and_sound() {
    each(|loaded| {
        let mut random = Random(8);
        let sound = voice(44_100, 2, 15_000);
        for _ in 0..10 {
            let mut plugin = loaded.instance();
            shuffle(&mut *plugin, &mut random);
            let state = plugin.save().unwrap();
            assert_eq!(state, plugin.save().unwrap(), "saved twice");

            let mut restored = loaded.instance();
            assert!(restored.load(&state));
            assert_eq!(values(&*restored), values(&*plugin));
            assert_eq!(restored.save().unwrap(), state, "saved again");
            start(&mut *plugin, 44_100);
            start(&mut *restored, 44_100);
            let expected = play(&mut *plugin, &sound, || 512);
            assert!(play(&mut *restored, &sound, || 512) == expected);

            // Restored while active, as when a user picks a preset of the host's.
            let mut active = loaded.running(44_100, 2);
            active.stop();
            assert!(active.load(&state));
            // Another quality has another latency, which takes what the plugin asks for.
            if active.idle().restart {
                active.deactivate();
                start(&mut *active, 44_100);
            } else {
                active.start().unwrap();
            }
            assert!(play(&mut *active, &sound, || 512) == expected);
        }
    });
}

#[test]
fn a_state_restored_while_sound_runs_gives_sound_sound() {
    each(|loaded| {
        let mut random = Random(9);
        let mut plugin = loaded.running(48_000, 2);
        let mut other = loaded.instance();
        for _ in 0..50 {
            shuffle(&mut *other, &mut random);
            assert!(plugin.load(&other.save().unwrap()));
            assert_normal(&play(&mut *plugin, &voice(48_000, 2, 1000), || 100));
        }
        assert_eq!(values(&*plugin), values(&*other));
    });
}

#[test]
fn what_is_no_state_is_refused_and_changes_nothing() {
    each(|loaded| {
        let mut random = Random(10);
        let mut plugin = loaded.instance();
        shuffle(&mut *plugin, &mut random);
        let state = plugin.save().unwrap();
        let before = values(&*plugin);
        let mut refuse = |bad: &[u8], what: &str| {
            assert!(!plugin.load(bad), "{what} was taken");
            assert_eq!(values(&*plugin), before, "{what}");
        };
        refuse(&[], "nothing");
        for len in [1, 2, 7, 8, 9, 100, 1 << 20] {
            for _ in 0..3 {
                let noise: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
                refuse(&noise, "noise");
            }
            refuse(&vec![0; len], "zeros");
            refuse(&vec![0xff; len], "ones");
        }
        for len in 0..state.len() {
            refuse(
                &state[..len],
                &format!("the first {len} of {} bytes", state.len()),
            );
        }
        for text in ["null", "[]", "{}", "{\"params\":3}", "\"aeden\""] {
            refuse(&packed(loaded.format, text), text);
        }
        assert!(plugin.load(&state));
        assert_eq!(values(&*plugin), before);
    });
}

#[test]
fn a_broken_state_never_breaks_the_sound() {
    each(|loaded| {
        let mut random = Random(11);
        let mut plugin = loaded.instance();
        shuffle(&mut *plugin, &mut random);
        let state = plugin.save().unwrap();
        start(&mut *plugin, 48_000);
        for _ in 0..500 {
            let mut broken = state.clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(broken.len());
                broken[at] = random.next() as u8;
            }
            plugin.load(&broken);
            for parameter in plugin.parameters() {
                let value = plugin.value(parameter.id).unwrap();
                assert!((0.0..=1.0).contains(&value), "{}: {value}", parameter.name);
            }
            let out = play(&mut *plugin, &voice(48_000, 2, 512), || 512);
            assert!(out.iter().flatten().all(|y| y.is_finite()));
        }
    });
}

#[test]
fn numbers_outside_the_range_in_a_state_do_no_harm() {
    each(|loaded| {
        let mut plugin = loaded.running(48_000, 2);
        let state = String::from_utf8(unpacked(loaded.format, &plugin.save().unwrap()).to_vec()).unwrap();
        for number in ["1e30", "-1e30", "1e999", "-5.0"] {
            for name in ["strength", "mix", "gain"] {
                plugin.load(&packed(loaded.format, &with_value(&state, name, number)));
                let value = plugin.value(id(name)).unwrap();
                assert!(
                    (0.0..=1.0).contains(&value),
                    "{name} of {number} stands at {value}"
                );
                let out = play(&mut *plugin, &voice(48_000, 2, 4000), || 512);
                assert!(out.iter().flatten().all(|y| y.is_finite()), "{name} of {number}");
            }
        }
    });
}

#[test]
fn a_state_of_a_version_to_come_is_refused() {
    each(|loaded| {
        let mut plugin = loaded.instance();
        plugin.set(id("mix"), 0.25);
        let before = values(&*plugin);
        let state = String::from_utf8(unpacked(loaded.format, &plugin.save().unwrap()).to_vec()).unwrap();
        let version = &loaded.bundle.plugins()[0].version;
        let future = state.replace(&format!("\"version\":\"{version}\""), "\"version\":\"99.0.0\"");
        assert_ne!(future, state, "no version in {state}");
        plugin.load(&packed(loaded.format, &with_value(&future, "mix", "0.75")));
        assert_eq!(values(&*plugin), before);
    });
}

/// The text of a state. CLAP's stream does not tell its length, so nice-plug stores it first.
fn unpacked(format: Format, state: &[u8]) -> &[u8] {
    match format {
        Format::Vst3 => state,
        Format::Clap => &state[8..],
    }
}

/// The opposite of [`unpacked`].
fn packed(format: Format, text: &str) -> Vec<u8> {
    match format {
        Format::Vst3 => text.as_bytes().to_vec(),
        Format::Clap => {
            let mut state = (text.len() as u64).to_le_bytes().to_vec();
            state.extend(text.as_bytes());
            state
        }
    }
}

/// The text of a state with another number for a parameter.
fn with_value(state: &str, name: &str, number: &str) -> String {
    let key = format!("\"{name}\":{{\"f32\":");
    let from = state.find(&key).unwrap_or_else(|| panic!("no {name} in {state}")) + key.len();
    let to = from + state[from..].find('}').expect("an end");
    format!("{}{number}{}", &state[..from], &state[to..])
}
