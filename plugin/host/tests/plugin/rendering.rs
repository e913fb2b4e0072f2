//! What comes out, and when.

use crate::bundles::{assert_well_behaved, each, id, start, stop};
use crate::sound::{RATES, Random, assert_normal, assert_same, cleaned, library, play, voice};
use aeden_plugin_host::{Audio, Setup};

#[test]
fn sound_is_the_library_s_at_every_rate_and_block_length() {
    each(|loaded| {
        for rate in RATES {
            let sound = voice(rate, 2, rate as usize / 2);
            let expected = cleaned(&mut library(rate, 2), &sound);
            let mut plugin = loaded.running(rate, 2);
            let mut worst = f64::NEG_INFINITY;
            for length in [1, 17, 64, 441, 512, 1000, 4096, 8192] {
                plugin.start().unwrap();
                let out = play(&mut *plugin, &sound, || length);
                assert_normal(&out);
                worst = worst.max(assert_same(&out, &expected, &format!("{rate} Hz, {length}")));
                plugin.stop();
            }
            let mut lengths = Random(1);
            plugin.start().unwrap();
            let out = play(&mut *plugin, &sound, || 1 + lengths.below(8192));
            worst = worst.max(assert_same(&out, &expected, &format!("{rate} Hz, varying")));
            println!("{rate} Hz: {worst:.1} dB");
            assert_well_behaved(&*plugin);
        }
    });
}

#[test]
fn block_lengths_never_change_a_bit() {
    each(|loaded| {
        for rate in [44_100, 48_000] {
            let sound = voice(rate, 2, 30_000);
            let mut plugin = loaded.running(rate, 2);
            let expected = play(&mut *plugin, &sound, || 8192);
            for length in [1, 480, 777] {
                plugin.stop();
                plugin.start().unwrap();
                assert!(
                    play(&mut *plugin, &sound, || length) == expected,
                    "{rate} Hz, {length}"
                );
            }
        }
    });
}

#[test]
fn latency_told_is_latency_measured() {
    each(|loaded| {
        for rate in RATES {
            let mut plugin = loaded.running(rate, 1);
            let told = plugin.latency();
            assert_eq!(told, library(rate, 1).latency(), "{rate} Hz");
            // With nothing mixed in, an impulse comes out as it went in, so late.
            for (parameter, value) in [("mix", 0.0), ("strength", 0.0), ("bypass", 1.0)] {
                plugin.stop();
                plugin.set(id(parameter), value);
                plugin.start().unwrap();
                let mut impulse = vec![vec![0.0; told + 2000]];
                impulse[0][123] = 0.5;
                let out = play(&mut *plugin, &impulse, || 100);
                let found = out[0].iter().position(|y| y.abs() > 0.25);
                assert_eq!(found, Some(123 + told), "{rate} Hz, {parameter}");
                plugin.stop();
                plugin.set(id(parameter), 1.0 - value);
                plugin.start().unwrap();
            }
        }
    });
}

#[test]
fn bypass_is_the_delayed_input_bit_for_bit() {
    each(|loaded| {
        for rate in RATES {
            let mut plugin = loaded.instance();
            plugin.set(id("bypass"), 1.0);
            start(&mut *plugin, rate);
            let sound = voice(rate, 2, rate as usize / 4);
            let out = play(&mut *plugin, &sound, || 333);
            let latency = plugin.latency();
            for (y, x) in out.iter().zip(&sound) {
                assert!(y[latency..] == x[..x.len() - latency], "{rate} Hz");
                assert!(y[..latency].iter().all(|y| *y == 0.0), "{rate} Hz");
            }
        }
    });
}

#[test]
fn offline_and_real_time_are_bit_identical() {
    each(|loaded| {
        let sound = voice(44_100, 2, 30_000);
        let render = |offline, length: usize| {
            let mut plugin = loaded.instance();
            let setup = Setup {
                sample_rate: 44_100.0,
                offline,
                ..Setup::default()
            };
            plugin.activate(&setup).unwrap();
            plugin.start().unwrap();
            (plugin.latency(), play(&mut *plugin, &sound, || length))
        };
        assert!(render(true, 8192) == render(false, 128));

        // Some hosts switch an instance over.
        let mut plugin = loaded.running(44_100, 2);
        let expected = play(&mut *plugin, &sound, || 512);
        for offline in [true, false, true] {
            stop(&mut *plugin);
            let setup = Setup {
                sample_rate: 44_100.0,
                offline,
                ..Setup::default()
            };
            plugin.activate(&setup).unwrap();
            plugin.start().unwrap();
            assert!(
                play(&mut *plugin, &sound, || 512) == expected,
                "offline: {offline}"
            );
        }
    });
}

#[test]
fn memory_of_input_and_output_makes_no_difference_and_input_stays_as_it_is() {
    each(|loaded| {
        let sound = voice(48_000, 2, 20_000);
        let mut plugin = loaded.running(48_000, 2);
        let expected = play(&mut *plugin, &sound, || 500);
        plugin.stop();
        plugin.start().unwrap();
        let mut out = vec![vec![9.0; 20_000]; 2];
        let before = sound.clone();
        for from in (0..20_000).step_by(500) {
            let input: Vec<_> = sound.iter().map(|c| &c[from..from + 500]).collect();
            let mut output: Vec<_> = out.iter_mut().map(|c| &mut c[from..from + 500]).collect();
            let audio = Audio::Apart {
                input: &input,
                output: &mut output,
            };
            plugin.process(audio, &[]).unwrap();
            // Nothing is written behind the block.
            assert!(
                out.iter().all(|c| c[from + 500..].iter().all(|y| *y == 9.0)),
                "{from}"
            );
        }
        assert!(out == expected);
        assert!(sound == before);
    });
}

#[test]
fn every_layout_that_is_offered_is_the_library_s() {
    each(|loaded| {
        for channels in [1, 2, 3, 4, 5, 6, 8, 12, 16] {
            let sound = voice(44_100, channels, 10_000);
            let mut plugin = loaded.running(44_100, channels);
            assert_eq!(plugin.channels(), (channels, channels));
            let out = play(&mut *plugin, &sound, || 700);
            let expected = cleaned(&mut library(44_100, channels), &sound);
            assert_same(&out, &expected, &format!("{channels} channels"));
            // From one layout to another.
            stop(&mut *plugin);
            assert!(plugin.set_channels(2));
            start(&mut *plugin, 44_100);
            let sound = voice(44_100, 2, 10_000);
            let out = play(&mut *plugin, &sound, || 700);
            let expected = cleaned(&mut library(44_100, 2), &sound);
            assert_same(&out, &expected, &format!("2 channels after {channels}"));
        }
    });
}

#[test]
fn a_layout_that_is_not_offered_is_refused_and_changes_nothing() {
    each(|loaded| {
        let mut plugin = loaded.instance();
        for channels in [0, 17, 60] {
            assert!(!plugin.set_channels(channels), "{channels} channels");
        }
        assert_eq!(plugin.channels(), (2, 2));
        start(&mut *plugin, 48_000);
        let sound = voice(48_000, 2, 10_000);
        let expected = cleaned(&mut library(48_000, 2), &sound);
        assert_same(&play(&mut *plugin, &sound, || 512), &expected, "stereo");
    });
}

#[test]
fn silence_stays_silence_and_comes_back_within_the_tail() {
    each(|loaded| {
        for rate in RATES {
            let mut plugin = loaded.running(rate, 2);
            let silence = vec![vec![0.0; rate as usize / 10]; 2];
            let out = play(&mut *plugin, &silence, || 256);
            assert!(out.iter().flatten().all(|y| *y == 0.0), "{rate} Hz");
            let tail = plugin.tail().expect("an end");
            // Filters over five frames of 32 ms, and the resampler, whose blocks are longest at the lowest rates.
            assert!(tail < rate as usize * 3 / 10, "{rate} Hz: {tail} samples");
            for len in [10_000, 10_111, 10_239, 10_400] {
                let out = play(&mut *plugin, &voice(rate, 2, len), || 256);
                assert!(out.iter().flatten().any(|y| *y != 0.0), "{rate} Hz");
                let after = play(&mut *plugin, &vec![vec![0.0; tail + 5000]; 2], || 256);
                assert_normal(&after);
                let last = after
                    .iter()
                    .filter_map(|c| c.iter().rposition(|y| *y != 0.0))
                    .max();
                assert!(
                    last.is_some_and(|last| last < tail),
                    "{rate} Hz: {last:?}, not below {tail}"
                );
            }
            // Silent channels were marked as such, which the plugin must not pass on while sound is still coming.
            assert_well_behaved(&*plugin);
        }
    });
}
