//! Bypass at the loudness of what is heard otherwise.

use crate::bundles::{assert_well_behaved, change, each, id, start};
use crate::sound::{Random, assert_normal, part, play, voice};
use aeden_plugin_host::{Audio, Plugin};
use std::f32::consts::TAU;

fn energy(sound: &[Vec<f32>]) -> f64 {
    sound.iter().flatten().map(|x| f64::from(*x).powi(2)).sum()
}

/// Moves a parameter while sound runs.
fn give(plugin: &mut dyn Plugin, name: &str, value: f64) {
    plugin
        .process(Audio::InPlace(&mut []), &[change(0, name, value)])
        .unwrap();
}

/// An instance with 12 dB less of output gain, matched, and sound running.
fn quieter(plugin: &mut dyn Plugin, rate: u32) {
    plugin.set(id("gain"), 0.25);
    plugin.set(id("bypass_match"), 1.0);
    start(plugin, rate);
}

#[test]
fn matched_it_is_the_delayed_input_as_loud_as_the_output_was() {
    each(|loaded| {
        for rate in [44_100, 48_000, 96_000] {
            // Where nothing is taken away the gain is known; else about what is by energy.
            for (strength, within) in [(0.0, 0.1), (0.2, 4.0)] {
                let second = rate as usize;
                let sound = voice(rate, 2, 6 * second);
                let mut plugin = loaded.instance();
                plugin.set(id("strength"), strength);
                quieter(&mut *plugin, rate);
                let late = plugin.latency();
                let cleaned = play(&mut *plugin, &part(&sound, 0, 4 * second), || 500);
                give(&mut *plugin, "bypass", 1.0);
                let bypassed = play(&mut *plugin, &part(&sound, 4 * second, 2 * second), || 500);
                assert_normal(&bypassed);
                let span = 2 * second;
                let wet = energy(&part(&cleaned, 2 * second, span));
                let dry = energy(&part(&sound, 2 * second - late, span));
                let expected = 10.0 * (wet / dry).log10();
                // Nothing but the input, and a gain that moves slowly.
                let (from, len) = (second, second / 100);
                let input = part(&sound, 4 * second + from - late, len);
                let output = part(&bypassed, from, len);
                let gain = (energy(&output) / energy(&input)).sqrt() as f32;
                for (x, y) in input.iter().flatten().zip(output.iter().flatten()) {
                    assert!(
                        (y - gain * x).abs() <= 0.02 * gain * x.abs() + 1e-9,
                        "{rate} Hz: {x} became {y}"
                    );
                }
                let found = f64::from(20.0 * gain.log10());
                let told = format!("{rate} Hz: {found:.2} dB, {expected:.2} by energy");
                println!("{told}");
                assert!((found - expected).abs() < within, "{told}");
                assert!(found < -11.8, "{told}");
                // Without the match: bit for bit, after the fade.
                give(&mut *plugin, "bypass_match", 0.0);
                let sound = voice(rate, 2, second);
                let out = play(&mut *plugin, &sound, || 500);
                let settled = late + second / 50;
                for (y, x) in out.iter().zip(&sound) {
                    assert!(y[settled..] == x[settled - late..second - late], "{rate} Hz");
                }
                assert_well_behaved(&*plugin);
            }
        }
    });
}

#[test]
fn before_anything_is_known_it_is_the_input() {
    each(|loaded| {
        let sound = voice(48_000, 2, 4800);
        let mut plugin = loaded.instance();
        plugin.set(id("bypass"), 1.0);
        quieter(&mut *plugin, 48_000);
        let (late, out) = (plugin.latency(), play(&mut *plugin, &sound, || 100));
        for (y, x) in out.iter().zip(&sound) {
            assert!(y[..late].iter().all(|y| *y == 0.0));
            assert!(y[late..] == x[..4800 - late]);
        }
    });
}

#[test]
fn how_blocks_are_cut_changes_no_bit_of_it() {
    each(|loaded| {
        let sound = voice(44_100, 2, 100_000);
        let mut plugin = loaded.instance();
        quieter(&mut *plugin, 44_100);
        let mut render = |lengths: &mut dyn FnMut() -> usize| {
            give(&mut *plugin, "bypass", 0.0);
            plugin.stop();
            plugin.start().unwrap();
            let mut out = play(&mut *plugin, &part(&sound, 0, 60_000), &mut *lengths);
            give(&mut *plugin, "bypass", 1.0);
            let rest = play(&mut *plugin, &part(&sound, 60_000, 40_000), &mut *lengths);
            out.iter_mut().zip(rest).for_each(|(out, rest)| out.extend(rest));
            out
        };
        let expected = render(&mut || 8192);
        let mut random = Random(31);
        for _ in 0..3 {
            assert!(render(&mut || 1 + random.below(3000)) == expected);
        }
        assert!(render(&mut || 1) == expected);
    });
}

#[test]
fn switching_it_and_bypass_never_clicks() {
    each(|loaded| {
        let rate = 48_000;
        let tone = |n: usize| 0.25 * (TAU * 200.0 * n as f32 / rate as f32).sin();
        let sound = vec![(0..4800).map(tone).collect::<Vec<f32>>(); 2];
        let mut random = Random(32);
        let mut plugin = loaded.instance();
        quieter(&mut *plugin, rate);
        let (mut before, mut steepest) = (0.0f32, 0.0f32);
        for _ in 0..60 {
            let name = ["bypass", "bypass_match"][random.below(2)];
            give(&mut *plugin, name, random.below(2) as f64);
            // 4800 samples are 20 periods: the tone goes on.
            for y in &play(&mut *plugin, &sound, || 1 + random.below(700))[0] {
                steepest = steepest.max((y - before).abs());
                before = *y;
            }
        }
        // The tone's own steps, and two fades of 10 ms at once.
        let most = 0.25 * TAU * 200.0 / rate as f32 + 2.0 * 0.5 / (0.01 * rate as f32);
        assert!(
            steepest > 0.0 && steepest <= most,
            "a step of {steepest}, not at most {most}"
        );
    });
}

#[test]
fn broken_input_never_comes_out_of_it() {
    each(|loaded| {
        let mut plugin = loaded.instance();
        plugin.set(id("bypass"), 1.0);
        quieter(&mut *plugin, 48_000);
        for bad in [f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE / 3.0] {
            let mut sound = voice(48_000, 2, 48_000);
            sound
                .iter_mut()
                .for_each(|c| c.iter_mut().step_by(97).for_each(|x| *x = bad));
            assert_normal(&play(&mut *plugin, &sound, || 512));
        }
        // And it finds the way back.
        let out = play(&mut *plugin, &voice(48_000, 2, 96_000), || 512);
        assert!(energy(&part(&out, 48_000, 48_000)) > 1e-3);
    });
}
