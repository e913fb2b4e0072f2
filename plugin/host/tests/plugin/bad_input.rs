//! Sound that is no sound, blocks that hosts should not send, rates that nobody uses.

use crate::bundles::{assert_well_behaved, each, id, start, stop};
use crate::sound::{Random, assert_normal, assert_same, cleaned, library, play, voice};
use aeden_plugin_host::{Audio, Plugin, Setup};

#[test]
fn samples_that_are_no_numbers_count_as_silence() {
    each(|loaded| {
        for rate in [44_100, 48_000, 96_000] {
            let clean = voice(rate, 2, rate as usize / 2);
            let (mut bad, mut silent) = (clean.clone(), clean);
            let kinds = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN];
            for (i, x) in kinds.into_iter().cycle().take(2000).enumerate() {
                (bad[0][5000 + i], silent[0][5000 + i]) = (x, 0.0);
            }
            let out = play(&mut *loaded.running(rate, 2), &bad, || 512);
            assert_normal(&out);
            assert!(
                out == play(&mut *loaded.running(rate, 2), &silent, || 512),
                "{rate} Hz"
            );
        }
    });
}

#[test]
fn no_setting_lets_a_sample_that_is_no_number_through() {
    each(|loaded| {
        let mut plugin = loaded.running(48_000, 2);
        for name in ["mix", "bypass", "delta", "link", "strength", "gain"] {
            for value in [0.0, 1.0] {
                stop(&mut *plugin);
                plugin.set(id(name), value);
                start(&mut *plugin, 48_000);
                for x in [f32::NAN, f32::INFINITY, f32::MAX, f32::MIN] {
                    let mut sound = voice(48_000, 2, 4000);
                    sound[0][100..300].fill(x);
                    sound[1][2000] = x;
                    let out = play(&mut *plugin, &sound, || 480);
                    assert!(
                        out.iter().flatten().all(|y| !y.is_nan()),
                        "{name} at {value}: NaN for {x}"
                    );
                    if !x.is_finite() {
                        assert_normal(&out);
                    }
                }
            }
        }
    });
}

#[test]
fn subnormal_sound_is_silence() {
    each(|loaded| {
        for rate in [44_100, 48_000] {
            let mut random = Random(3);
            let tiny = |_| (random.share() as f32 - 0.5) * f32::MIN_POSITIVE;
            let sound = vec![(0..20_000).map(tiny).collect::<Vec<f32>>(); 2];
            let out = play(&mut *loaded.running(rate, 2), &sound, || 512);
            assert!(out.iter().flatten().all(|y| *y == 0.0), "{rate} Hz");
        }
    });
}

#[test]
fn absurdly_loud_sound_is_forgotten() {
    each(|loaded| {
        let mut plugin = loaded.running(48_000, 2);
        let out = play(&mut *plugin, &vec![vec![1e30; 5000]; 2], || 512);
        assert!(out.iter().flatten().all(|y| y.is_finite()));
        let tail = plugin.tail().unwrap();
        let after = play(&mut *plugin, &vec![vec![0.0; tail + 5000]; 2], || 512);
        let last = after
            .iter()
            .filter_map(|c| c.iter().rposition(|y| *y != 0.0))
            .max();
        assert!(last.is_none_or(|last| last < tail), "{last:?}, not below {tail}");
    });
}

#[test]
fn blocks_longer_than_announced_are_processed() {
    each(|loaded| {
        let sound = voice(48_000, 2, 60_000);
        let expected = cleaned(&mut library(48_000, 2), &sound);
        for (announced, length) in [(1, 1000), (64, 8192), (512, 60_000)] {
            let mut plugin = loaded.instance();
            let setup = Setup {
                max_block: announced,
                ..Setup::default()
            };
            plugin.activate(&setup).unwrap();
            plugin.start().unwrap();
            let out = play(&mut *plugin, &sound, || length);
            assert_same(&out, &expected, &format!("{length} where {announced} was said"));
        }
    });
}

#[test]
fn blocks_without_samples_or_channels_do_no_harm() {
    each(|loaded| {
        let sound = voice(44_100, 2, 10_000);
        let mut plugin = loaded.running(44_100, 2);
        let expected = play(&mut *plugin, &sound, || 250);
        plugin.stop();
        plugin.start().unwrap();
        let mut out = vec![Vec::new(); 2];
        for from in (0..10_000).step_by(250) {
            plugin.process(Audio::InPlace(&mut []), &[]).unwrap();
            let (mut left, mut right) = ([0.0f32; 0], [0.0f32; 0]);
            let mut empty = [&mut left[..], &mut right[..]];
            plugin.process(Audio::InPlace(&mut empty), &[]).unwrap();
            let part: Vec<Vec<f32>> = sound.iter().map(|c| c[from..from + 250].to_vec()).collect();
            let done = play(&mut *plugin, &part, || 250);
            out.iter_mut().zip(done).for_each(|(all, part)| all.extend(part));
        }
        assert!(out == expected);
    });
}

#[test]
fn a_host_that_gives_fewer_channels_than_agreed_does_no_harm() {
    each(|loaded| {
        let mut plugin = loaded.running(48_000, 2);
        let mut sound = voice(48_000, 1, 1000);
        let mut block: Vec<_> = sound.iter_mut().map(Vec::as_mut_slice).collect();
        // An error is as good as sound.
        let _ = plugin.process(Audio::InPlace(&mut block), &[]);
        assert!(sound.iter().flatten().all(|y| y.is_finite()));
        plugin.stop();
        plugin.start().unwrap();
        let sound = voice(48_000, 2, 10_000);
        let expected = cleaned(&mut library(48_000, 2), &sound);
        assert_same(&play(&mut *plugin, &sound, || 512), &expected, "afterwards");
    });
}

#[test]
fn rates_that_nobody_uses_pass_sound_or_refuse_it() {
    each(|loaded| {
        let sound = voice(48_000, 2, 4000);
        let try_rate = |plugin: &mut dyn Plugin, sample_rate| {
            let setup = Setup {
                sample_rate,
                ..Setup::default()
            };
            if plugin.activate(&setup).is_err() {
                return false;
            }
            plugin.start().unwrap();
            let latency = plugin.latency();
            let out = play(plugin, &sound, || 512);
            assert_normal(&out);
            if latency < 2000 {
                let heard = out.iter().flatten().any(|y| *y != 0.0);
                assert!(heard, "{sample_rate} Hz: silence");
            }
            stop(plugin);
            true
        };
        let mut plugin = loaded.instance();
        for rate in [8000.4, 12_345.678, 44_099.9, 45_678.901, 123_456.78, 191_999.0] {
            assert!(try_rate(&mut *plugin, rate), "{rate} Hz is refused");
        }
        for rate in [
            0.0,
            1.0,
            1234.5678,
            7999.0,
            192_001.0,
            384_000.0,
            768_000.0,
            -48_000.0,
            f64::NAN,
            f64::INFINITY,
        ] {
            try_rate(&mut *plugin, rate);
        }
        assert!(try_rate(&mut *plugin, 48_000.0), "48 kHz after the others");
        assert_well_behaved(&*plugin);
    });
}
