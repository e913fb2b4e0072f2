//! Hosts that start the sound and then bring none, choose a quality, and ask what they were given.

use crate::bundles::{Loaded, assert_well_behaved, change, each, id, start, stop};
use crate::sound::{Random, assert_normal, cleaned, library, play, voice};
use aeden_plugin_host::{Audio, Format, Plugin, Setup};
use std::time::Duration;

/// Longer than the plugin waits for a block.
const WAIT: Duration = Duration::from_millis(250);

fn value(plugin: &dyn Plugin, name: &str) -> f64 {
    plugin.value(id(name)).unwrap()
}

fn each_vst3(test: impl Fn(&Loaded)) {
    each(|loaded| {
        if loaded.format == Format::Vst3 {
            test(loaded);
        }
    });
}

#[test]
fn values_are_taken_while_the_host_says_it_processes_and_does_not() {
    each_vst3(|loaded| {
        let mut plugin = loaded.running(48_000, 2);
        // Before the first block, and after the last.
        for round in 0..2 {
            for (name, set) in [
                ("strength", 0.25),
                ("gain", 0.75),
                ("bypass", 1.0),
                ("bypass", 0.0),
            ] {
                plugin.set(id(name), set);
                assert!(
                    (value(&*plugin, name) - set).abs() < 1e-3,
                    "{name} in round {round}"
                );
            }
            let saved = plugin.save().expect("a state");
            let mut other = loaded.instance();
            assert!(other.load(&saved));
            assert!((value(&*other, "strength") - 0.25).abs() < 1e-3, "round {round}");
            plugin.set(id("strength"), 1.0);
            play(&mut *plugin, &voice(48_000, 2, 4800), || 480);
            std::thread::sleep(WAIT);
        }
        assert_well_behaved(&*plugin);
    });
}

#[test]
fn the_controller_has_a_value_at_once_and_the_sound_with_the_next_block() {
    each_vst3(|loaded| {
        let mut plugin = loaded.running(48_000, 2);
        play(&mut *plugin, &voice(48_000, 2, 480), || 480);
        plugin.set(id("mix"), 0.5);
        assert!((value(&*plugin, "mix") - 0.5).abs() < 1e-6);
        // What a block brings counts from then on.
        plugin
            .process(Audio::InPlace(&mut []), &[change(0, "mix", 0.25)])
            .unwrap();
        assert!((value(&*plugin, "mix") - 0.25).abs() < 1e-3);
    });
}

#[test]
fn sound_goes_on_as_it_was_after_a_pause_without_blocks() {
    each(|loaded| {
        let sound = voice(48_000, 2, 24_000);
        let halves = [0..12_000, 12_000..24_000].map(|half| {
            let cut = |channel: &Vec<f32>| channel[half.clone()].to_vec();
            sound.iter().map(cut).collect::<Vec<_>>()
        });
        let mut plugin = loaded.running(48_000, 2);
        let mut out = play(&mut *plugin, &halves[0], || 512);
        std::thread::sleep(WAIT);
        // Asked in between, as hosts do.
        let _ = value(&*plugin, "mix");
        for (all, rest) in out.iter_mut().zip(play(&mut *plugin, &halves[1], || 512)) {
            all.extend(rest);
        }
        crate::sound::assert_same(&out, &cleaned(&mut library(48_000, 2), &sound), "a pause");
    });
}

/// What quality 0, 0.5, 1 stands for.
const QUALITIES: [(f64, &str); 3] = [(0.0, "Light"), (0.5, "High"), (1.0, "Best")];

/// Moves a parameter while sound runs, as the format asks for it.
fn give(loaded: &Loaded, plugin: &mut dyn Plugin, name: &str, value: f64) {
    plugin
        .process(Audio::InPlace(&mut []), &[change(0, name, value)])
        .unwrap();
    if loaded.format == Format::Vst3 {
        plugin.set(id(name), value);
    }
}

fn restart(plugin: &mut dyn Plugin, rate: u32) {
    stop(plugin);
    start(plugin, rate);
    plugin.idle();
}

#[test]
fn another_quality_asks_for_one_restart_and_then_reports_its_latency() {
    each(|loaded| {
        for rate in [8000, 16_000, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000] {
            let mut plugin = loaded.running(rate, 2);
            plugin.idle();
            let mut latencies = Vec::new();
            for (quality, name) in [QUALITIES[2], QUALITIES[0], QUALITIES[1]] {
                let before = plugin.latency();
                give(loaded, &mut *plugin, "quality", quality);
                assert_eq!(plugin.text(id("quality"), quality).as_deref(), Some(name));
                assert!(plugin.idle().restart, "{rate} Hz, {name}: no restart asked for");
                assert!(!plugin.idle().restart, "{rate} Hz, {name}: asked for twice");
                // A host that does not hear goes on as it was.
                assert_eq!(plugin.latency(), before);
                give(loaded, &mut *plugin, "bypass", 1.0);
                restart(&mut *plugin, rate);
                let latency = plugin.latency();
                let click = |n: usize| if n == 0 { 0.5 } else { 0.0 };
                let sound = vec![(0..latency + 10).map(click).collect::<Vec<f32>>(); 2];
                let out = play(&mut *plugin, &sound, || 512);
                let at = out[0].iter().position(|y| *y != 0.0);
                assert_eq!(at, Some(latency), "{rate} Hz, {name}");
                give(loaded, &mut *plugin, "bypass", 0.0);
                latencies.push(latency);
            }
            println!("{rate} Hz: {latencies:?} samples");
            let seconds = latencies[0] as f64 / f64::from(rate);
            assert!((1.0..2.2).contains(&seconds), "{rate} Hz: {latencies:?}");
            assert!(latencies[1] < latencies[2], "{rate} Hz: {latencies:?}");
            assert_well_behaved(&*plugin);
        }
    });
}

#[test]
fn best_gives_the_same_bits_whatever_the_blocks_and_however_it_is_rendered() {
    each(|loaded| {
        let sound = voice(48_000, 2, 48_000 * 5);
        let mut expected: Option<Vec<Vec<f32>>> = None;
        for (length, offline) in [(512, false), (64, true), (4096, true)] {
            let mut plugin = loaded.instance();
            plugin.set(id("quality"), 1.0);
            let setup = Setup {
                offline,
                ..Setup::default()
            };
            plugin.activate(&setup).unwrap();
            plugin.start().unwrap();
            let out = play(&mut *plugin, &sound, || length);
            assert_normal(&out);
            assert!(out[0][plugin.latency() + 4800..].iter().any(|y| *y != 0.0));
            if let Some(expected) = &expected {
                crate::sound::assert_same(&out, expected, &format!("blocks of {length}"));
            }
            expected.get_or_insert(out);
        }
    });
}

#[test]
fn the_quality_is_kept_in_the_state() {
    each(|loaded| {
        for (quality, name) in QUALITIES {
            let mut plugin = loaded.instance();
            plugin.set(id("quality"), quality);
            let state = plugin.save().unwrap();
            let mut other = loaded.instance();
            assert!(other.load(&state));
            assert_eq!(value(&*other, "quality"), quality, "{name}");
        }
    });
}

#[test]
fn huge_input_meets_a_ceiling_that_loud_sound_does_not() {
    each(|loaded| {
        let mut random = Random(11);
        let mut plugin = loaded.running(48_000, 2);
        let mut noise = |level: f32| {
            let mut channel = || {
                (0..24_000)
                    .map(|_| level * (2.0 * random.share() as f32 - 1.0))
                    .collect()
            };
            vec![channel(), channel()] as Vec<Vec<f32>>
        };
        plugin
            .process(
                Audio::InPlace(&mut []),
                &[change(0, "gain", 1.0), change(0, "mix", 0.9)],
            )
            .unwrap();
        for level in [1e3, 1e5, 1e7, 1e30] {
            let out = play(&mut *plugin, &noise(level), || 480);
            assert!(out.iter().flatten().all(|y| y.abs() < 64.0), "{level}");
        }
        // 0 dBFS with 24 dB of gain comes out whole.
        plugin.stop();
        plugin.start().unwrap();
        let loud = play(&mut *plugin, &noise(1.0), || 480);
        assert!(loud.iter().flatten().any(|y| y.abs() > 1.0));
        assert!(loud.iter().flatten().all(|y| y.abs() < 60.0));
    });
}
