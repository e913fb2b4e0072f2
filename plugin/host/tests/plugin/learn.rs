//! What an instance has learned, kept with the project.

use crate::bundles::{Loaded, assert_well_behaved, change, each, id, start};
use crate::daws::recording;
use crate::sound::{Sound, assert_normal, difference_db, part, play, voice};
use aeden_plugin_host::{Audio, Format, Plugin};
use std::sync::atomic::{AtomicBool, Ordering};

const RATE: u32 = 48_000;

/// Moves a parameter while sound runs.
fn give(plugin: &mut dyn Plugin, name: &str, value: f64) {
    plugin
        .process(Audio::InPlace(&mut []), &[change(0, name, value)])
        .unwrap();
}

/// An instance that has learned five seconds of the sample recording, and what follows.
fn learned(loaded: &Loaded) -> (Box<dyn Plugin>, Sound) {
    let sound = vec![recording(); 2];
    let middle = 5 * RATE as usize;
    let mut plugin = loaded.instance();
    plugin.set(id("learn"), 1.0);
    start(&mut *plugin, RATE);
    play(&mut *plugin, &part(&sound, 0, middle), || 512);
    give(&mut *plugin, "learn", 0.0);
    (plugin, part(&sound, middle, sound[0].len() - middle))
}

#[test]
fn a_project_that_is_opened_again_begins_as_if_it_had_gone_on() {
    each(|loaded| {
        let (mut goes_on, sound) = learned(loaded);
        let state = goes_on.save().unwrap();
        let late = goes_on.latency();
        let second = |sound: &Sound| part(sound, 2 * late, RATE as usize);
        let expected = play(&mut *goes_on, &sound, || 512);
        let begin = |state: Option<&[u8]>| {
            let mut plugin = loaded.instance();
            assert!(state.is_none_or(|state| plugin.load(state)));
            start(&mut *plugin, RATE);
            let out = play(&mut *plugin, &sound, || 333);
            assert_well_behaved(&*plugin);
            out
        };
        let (opened, new) = (begin(Some(&state)), begin(None));
        let [known, unknown] = [&opened, &new].map(|out| difference_db(&second(out), &second(&expected)));
        println!("{known:.1} dB, without {unknown:.1} dB");
        assert!(known < unknown - 6.0, "{known:.1} dB, without {unknown:.1} dB");
        // The instance itself begins the same way.
        goes_on.stop();
        goes_on.start().unwrap();
        assert!(play(&mut *goes_on, &sound, || 1000) == opened);
        // Loaded while it is active, it counts from the next start on.
        let mut active = loaded.running(RATE, 2);
        play(&mut *active, &part(&sound, 0, 9000), || 512);
        assert!(active.load(&state));
        active.stop();
        active.start().unwrap();
        assert!(play(&mut *active, &sound, || 512) == opened);
        // And so does that nothing has been learned.
        let fresh = loaded.instance().save().unwrap();
        assert!(active.load(&fresh));
        active.stop();
        active.start().unwrap();
        assert!(play(&mut *active, &sound, || 512) == new);
    });
}

#[test]
fn what_is_learned_is_small_and_stays_the_same_when_it_is_saved_again() {
    each(|loaded| {
        let (plugin, _) = learned(loaded);
        let state = plugin.save().unwrap();
        let fresh = loaded.instance().save().unwrap();
        println!("{} bytes, {} without", state.len(), fresh.len());
        assert!(
            state.len() > fresh.len() + 1000 && state.len() < 100_000,
            "{} bytes",
            state.len()
        );
        let mut other = loaded.instance();
        assert!(other.load(&state));
        assert_eq!(other.save().unwrap(), state);
        // Sound does not change it while it is not to learn.
        start(&mut *other, RATE);
        play(&mut *other, &voice(RATE, 2, 100_000), || 512);
        assert_eq!(other.save().unwrap(), state);
    });
}

#[test]
fn silence_teaches_nothing() {
    each(|loaded| {
        let mut plugin = loaded.instance();
        plugin.set(id("learn"), 1.0);
        start(&mut *plugin, RATE);
        play(&mut *plugin, &vec![vec![0.0; 200_000]; 2], || 512);
        give(&mut *plugin, "learn", 0.0);
        assert_eq!(plugin.save().unwrap(), loaded.instance().save().unwrap());
    });
}

/// A state as text, without what a format has around it.
fn text_of(format: Format, state: &[u8]) -> String {
    let text = if format == Format::Clap {
        &state[8..]
    } else {
        state
    };
    String::from_utf8(text.to_vec()).unwrap()
}

#[test]
fn what_is_no_such_thing_is_passed_over_and_the_rest_is_read() {
    each(|loaded| {
        let (mut plugin, sound) = learned(loaded);
        give(&mut *plugin, "mix", 0.5);
        let text = text_of(loaded.format, &plugin.save().unwrap());
        let begin = text.find("\"learned\":\"").unwrap() + "\"learned\":\"".len();
        let len = text[begin..].find("\",").unwrap();
        let mut new = loaded.instance();
        new.set(id("mix"), 0.5);
        start(&mut *new, RATE);
        let expected = play(&mut *new, &sound, || 512);
        let half = text[begin..begin + len / 2].to_owned();
        for bad in [
            "",
            "null",
            "3",
            "\\\"AAAA\\\"",
            "\\\"----\\\"",
            &format!("{half}\\\""),
        ] {
            let text = format!("{}{bad}{}", &text[..begin], &text[begin + len..]);
            let state = match loaded.format {
                Format::Clap => [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat(),
                Format::Vst3 => text.into_bytes(),
            };
            let mut plugin = loaded.instance();
            assert!(plugin.load(&state), "{bad:?}");
            assert!((plugin.value(id("mix")).unwrap() - 0.5).abs() < 1e-3);
            start(&mut *plugin, RATE);
            assert!(play(&mut *plugin, &sound, || 512) == expected, "{bad:?}");
        }
    });
}

#[test]
fn another_quality_begins_with_nothing_and_keeps_what_is_saved() {
    each(|loaded| {
        let (plugin, sound) = learned(loaded);
        let state = plugin.save().unwrap();
        let render = |state: Option<&[u8]>| {
            let mut plugin = loaded.instance();
            assert!(state.is_none_or(|state| plugin.load(state)));
            plugin.set(id("quality"), 0.0);
            start(&mut *plugin, RATE);
            let out = play(&mut *plugin, &sound, || 512);
            give(&mut *plugin, "quality", 0.5);
            (out, plugin.save().unwrap())
        };
        let (out, saved) = render(Some(&state));
        assert!(out == render(None).0);
        assert_eq!(saved, state);
    });
}

#[test]
fn it_can_be_saved_and_loaded_again_and_again_while_it_learns() {
    each(|loaded| {
        let (plugin, _) = learned(loaded);
        let state = plugin.save().unwrap();
        let mut running = loaded.instance();
        running.set(id("learn"), 1.0);
        start(&mut *running, RATE);
        let (controls, done) = (running.controls(), AtomicBool::new(false));
        // The main thread is the one that made it.
        std::thread::scope(|scope| {
            let running = &mut running;
            let done = &done;
            let playing = scope.spawn(move || {
                for _ in 0..10 {
                    assert_normal(&play(&mut **running, &voice(RATE, 2, 48_000), || 480));
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) && !playing.is_finished() {
                let saved = controls.save().unwrap();
                assert!(controls.load(&saved));
                assert!(controls.load(&state));
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            playing.join().unwrap();
        });
        assert!(loaded.instance().load(&running.save().unwrap()));
    });
}
