//! Instances come and go, are started and stopped, on one thread or many.

use crate::bundles::{assert_well_behaved, each, id, start, stop};
use crate::sound::{RATES, Random, assert_normal, assert_same, cleaned, library, play, voice};
use aeden_plugin_host::Setup;

#[test]
fn activating_a_hundred_times_leaves_no_trace() {
    each(|loaded| {
        let sound = voice(48_000, 2, 5000);
        let mut plugin = loaded.running(48_000, 2);
        let expected = play(&mut *plugin, &sound, || 480);
        let mut random = Random(4);
        for round in 0..100 {
            stop(&mut *plugin);
            let rate = RATES[random.below(RATES.len())];
            plugin
                .activate(&Setup {
                    sample_rate: f64::from(rate),
                    max_block: 1 + random.below(8192) as u32,
                    offline: round % 2 == 0,
                })
                .unwrap();
            if round % 3 > 0 {
                plugin.start().unwrap();
                play(&mut *plugin, &voice(rate, 2, 700), || 100);
                plugin.stop();
            }
            plugin.deactivate();
            start(&mut *plugin, 48_000);
            assert!(play(&mut *plugin, &sound, || 480) == expected, "round {round}");
        }
        assert_well_behaved(&*plugin);
    });
}

#[test]
fn the_rate_changes_while_a_project_is_open() {
    each(|loaded| {
        let mut plugin = loaded.instance();
        for rate in RATES.into_iter().chain([48_000, 44_100, 48_000]) {
            start(&mut *plugin, rate);
            assert_eq!(plugin.latency(), library(rate, 2).latency(), "{rate} Hz");
            let sound = voice(rate, 2, 6000);
            let out = play(&mut *plugin, &sound, || 512);
            assert_same(
                &out,
                &cleaned(&mut library(rate, 2), &sound),
                &format!("{rate} Hz"),
            );
            stop(&mut *plugin);
        }
    });
}

#[test]
fn a_new_latency_is_told_once_and_a_restart_settles_it() {
    each(|loaded| {
        let mut plugin = loaded.instance();
        for rate in [44_100, 48_000, 96_000, 96_000] {
            // The plugin may ask for a restart, which must not make it ask again.
            let setup = Setup {
                sample_rate: f64::from(rate),
                ..Setup::default()
            };
            plugin.activate(&setup).unwrap();
            for restart in 0.. {
                if !plugin.idle().restart {
                    break;
                }
                assert!(restart < 3, "{rate} Hz: restarts without end");
                plugin.deactivate();
                plugin.activate(&setup).unwrap();
            }
            assert_eq!(plugin.latency(), library(rate, 2).latency(), "{rate} Hz");
            plugin.deactivate();
        }
        assert_well_behaved(&*plugin);
    });
}

#[test]
fn starting_again_forgets_what_was_heard() {
    each(|loaded| {
        let sound = voice(44_100, 2, 10_000);
        let mut plugin = loaded.running(44_100, 2);
        let expected = play(&mut *plugin, &sound, || 512);
        plugin.stop();
        plugin.start().unwrap();
        assert!(play(&mut *plugin, &sound, || 512) == expected);
    });
}

#[test]
fn instances_do_not_hear_each_other() {
    each(|loaded| {
        let (one, other) = (voice(48_000, 2, 20_000), voice(44_100, 1, 20_000));
        let mut alone = loaded.running(48_000, 2);
        let expected = play(&mut *alone, &one, || 500);

        let (mut first, mut second) = (loaded.running(48_000, 2), loaded.running(44_100, 1));
        second.set(id("strength"), 0.2);
        for from in (0..20_000).step_by(500) {
            let part = |sound: &[Vec<f32>]| {
                sound
                    .iter()
                    .map(|c| c[from..from + 500].to_vec())
                    .collect::<Vec<_>>()
            };
            let out = play(&mut *first, &part(&one), || 500);
            play(&mut *second, &part(&other), || 33);
            assert!(
                out.iter()
                    .zip(&expected)
                    .all(|(y, e)| y[..] == e[from..from + 500]),
                "sample {from}"
            );
        }
        assert_eq!(first.value(id("strength")), alone.value(id("strength")));
    });
}

#[test]
fn a_bundle_can_be_loaded_twice_and_from_two_places() {
    each(|loaded| {
        let sound = voice(48_000, 2, 10_000);
        let expected = play(&mut *loaded.running(48_000, 2), &sound, || 512);

        let again = loaded.format.open(&loaded.path).unwrap();
        let mut second = again.instantiate(0).unwrap();
        start(&mut *second, 48_000);
        assert!(play(&mut *second, &sound, || 512) == expected);

        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join(loaded.path.file_name().unwrap());
        copy_all(&loaded.path, &copy);
        let copied = loaded.format.open(&copy).unwrap();
        assert_eq!(copied.plugins(), loaded.bundle.plugins());
        let mut third = copied.instantiate(0).unwrap();
        start(&mut *third, 48_000);
        assert!(play(&mut *third, &sound, || 512) == expected);

        // An instance keeps its library loaded.
        drop(copied);
        third.stop();
        third.start().unwrap();
        assert!(play(&mut *third, &sound, || 512) == expected);
        drop(third);
        second.stop();
        second.start().unwrap();
        assert!(play(&mut *second, &sound, || 512) == expected);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_library_stays_in_memory_for_threads_that_end_later() {
    each(|loaded| {
        let folder = tempfile::tempdir().unwrap();
        // Under a name of its own, since other tests have the bundle itself open.
        let copy = folder.path().join(loaded.path.file_name().unwrap());
        copy_all(&loaded.path, &copy);
        let bundle = loaded.format.open(&copy).unwrap();
        drop(bundle.instantiate(0).unwrap());
        drop(bundle);
        let mapped = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(mapped.contains(folder.path().to_str().unwrap()));
    });
}

fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy_all(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

#[test]
fn sound_may_run_on_any_thread() {
    each(|loaded| {
        let sound = voice(48_000, 2, 10_000);
        let expected = play(&mut *loaded.running(48_000, 2), &sound, || 512);
        // From thread to thread, as hosts with a pool of them do.
        let mut plugin = loaded.running(48_000, 2);
        let mut out: Vec<Vec<f32>> = vec![Vec::new(); 2];
        for from in (0..10_000).step_by(1000) {
            let part: Vec<Vec<f32>> = sound.iter().map(|c| c[from..from + 1000].to_vec()).collect();
            let done =
                std::thread::scope(|scope| scope.spawn(|| play(&mut *plugin, &part, || 512)).join().unwrap());
            out.iter_mut().zip(done).for_each(|(all, part)| all.extend(part));
        }
        assert!(out == expected);
        assert_well_behaved(&*plugin);

        // Many instances at once.
        std::thread::scope(|scope| {
            for mut plugin in (0..4).map(|_| loaded.running(48_000, 2)).collect::<Vec<_>>() {
                let (sound, expected) = (&sound, &expected);
                scope.spawn(move || assert!(play(&mut *plugin, sound, || 100) == *expected));
            }
        });
    });
}

#[test]
fn a_project_can_be_saved_while_sound_runs() {
    each(|loaded| {
        let sound = voice(48_000, 2, 48_000);
        let expected = play(&mut *loaded.running(48_000, 2), &sound, || 64);
        let mut plugin = loaded.running(48_000, 2);
        let controls = plugin.controls();
        let state = controls.save().unwrap();
        std::thread::scope(|scope| {
            let player = scope.spawn(|| play(&mut *plugin, &sound, || 64));
            while !player.is_finished() {
                assert_eq!(controls.save().unwrap(), state);
                for parameter in controls.parameters() {
                    let value = controls.value(parameter.id).unwrap();
                    assert!(controls.text(parameter.id, value).is_some());
                }
            }
            assert!(player.join().unwrap() == expected);
        });
        assert_well_behaved(&*plugin);
    });
}

#[test]
fn a_state_can_be_restored_while_sound_runs() {
    each(|loaded| {
        let states = [0.0, 0.7].map(|mix| {
            let mut plugin = loaded.instance();
            plugin.set(id("mix"), mix);
            plugin.set(id("bypass"), mix.round());
            plugin.save().unwrap()
        });
        let sound = voice(44_100, 2, 44_100);
        let mut plugin = loaded.running(44_100, 2);
        let controls = plugin.controls();
        std::thread::scope(|scope| {
            let player = scope.spawn(|| play(&mut *plugin, &sound, || 64));
            while !player.is_finished() {
                for state in &states {
                    assert!(controls.load(state));
                    assert_eq!(controls.save().unwrap(), *state);
                }
            }
            assert_normal(&player.join().unwrap());
        });
        assert_well_behaved(&*plugin);
    });
}
