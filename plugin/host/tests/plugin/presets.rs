//! Presets in the browsers of CLAP hosts.

use crate::bundles::{Loaded, assert_well_behaved, each, id, start};
use crate::sound::{assert_normal, play, voice};
use aeden::presets::PRESETS;
use aeden_plugin_host::{Format, Plugin, clap};
use std::fs;

fn each_clap(test: impl Fn(&Loaded, &clap::Bundle)) {
    each(|loaded| {
        if loaded.format == Format::Clap {
            test(loaded, &clap::Bundle::open(&loaded.path).unwrap());
        }
    });
}

fn value(plugin: &dyn Plugin, name: &str) -> f64 {
    plugin.value(id(name)).unwrap()
}

#[test]
fn the_factory_s_presets_are_found_and_loaded() {
    each_clap(|loaded, bundle| {
        let (locations, endings) = bundle.preset_locations().unwrap();
        assert_eq!(endings, ["aeden-preset"]);
        assert!(
            locations[0].factory && locations[0].path.is_none(),
            "{locations:?}"
        );
        let presets = bundle.presets_at(None).unwrap().unwrap();
        let names: Vec<_> = presets.iter().map(|preset| &preset.name[..]).collect();
        assert_eq!(names, PRESETS.map(|preset| preset.name));
        for (found, preset) in presets.iter().zip(PRESETS) {
            assert!(found.factory && found.description == preset.purpose, "{found:?}");
            assert_eq!(found.plugins, ["org.aeden.denoiser"]);
            let mut plugin = loaded.instance();
            for name in ["delta", "bypass", "band_on_3"] {
                plugin.set(id(name), 1.0);
            }
            plugin.set(id("band_limit_3"), 0.25);
            plugin.set(id("quality"), 0.0);
            assert!(plugin.controls().load_preset(None, found.key.as_deref()));
            assert!(plugin.idle().values_changed, "the host is to read values again");
            let strength = f64::from(preset.strength) / 60.0;
            for (name, expected) in [
                ("strength", strength),
                ("mix", 1.0),
                ("link", f64::from(u8::from(preset.link))),
                ("delta", 0.0),
                ("bypass", 0.0),
                ("band_on_3", 0.0),
                // What a preset says nothing of stays.
                ("band_limit_3", 0.25),
                ("quality", 0.0),
            ] {
                let found = value(&*plugin, name);
                assert!(
                    (found - expected).abs() < 1e-3,
                    "{}, {name}: {found}",
                    preset.name
                );
            }
            assert_well_behaved(&*plugin);
        }
    });
}

#[test]
fn a_preset_of_the_user_s_is_told_of_and_loaded_while_sound_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Böse Straße.aeden-preset");
    let mut numbers = [0.5; 15];
    (numbers[0], numbers[2]) = (0.4, 7.0);
    let mut switches = [false; 7];
    switches[1] = true;
    let content = serde_json::json!({
        "aeden_preset": 1,
        "values": { "numbers": numbers, "switches": switches },
    });
    fs::write(&path, content.to_string()).unwrap();
    let path = path.to_str().unwrap();
    each_clap(|loaded, bundle| {
        let presets = bundle.presets_at(Some(path)).unwrap().unwrap();
        let [preset] = &presets[..] else {
            panic!("{presets:?}")
        };
        assert_eq!((&preset.name[..], preset.factory), ("Böse Straße", false));
        assert_eq!(preset.plugins, ["org.aeden.denoiser"]);
        let mut plugin = loaded.running(48_000, 2);
        play(&mut *plugin, &voice(48_000, 2, 10_000), || 512);
        assert!(plugin.controls().load_preset(Some(path), None));
        assert_normal(&play(&mut *plugin, &voice(48_000, 2, 10_000), || 512));
        for (name, expected) in [
            ("strength", 0.4),
            ("mix", 0.5),
            // Taken into the range.
            ("gain", 1.0),
            ("link", 0.0),
            ("band_on_1", 1.0),
            ("band_on_2", 0.0),
            ("band_limit_6", 0.5),
        ] {
            let found = value(&*plugin, name);
            assert!((found - expected).abs() < 2e-3, "{name}: {found}");
        }
        assert_well_behaved(&*plugin);
    });
}

#[test]
fn what_is_no_preset_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = [
        file("broken.aeden-preset", b"{\"aeden_preset\":1}"),
        file("empty.aeden-preset", b""),
        file("notes.txt", b"mine"),
        file("large.aeden-preset", &vec![b' '; 1 << 20]),
        folder
            .path()
            .join("none.aeden-preset")
            .to_str()
            .unwrap()
            .to_owned(),
        folder.path().to_str().unwrap().to_owned(),
    ];
    each_clap(|loaded, bundle| {
        let plugin = loaded.instance();
        let before = plugin.save().unwrap();
        let controls = plugin.controls();
        for file in &files {
            assert!(!controls.load_preset(Some(file), None), "{file}");
            let said = bundle.presets_at(Some(file)).unwrap().unwrap_err();
            assert_eq!(said.len(), 1, "{file}: {said:?}");
        }
        for key in [None, Some(""), Some("No such preset"), Some("\u{fffd}")] {
            assert!(!controls.load_preset(None, key), "{key:?}");
        }
        assert_eq!(plugin.save().unwrap(), before);
        // On a thread that is not the main one nothing happens at all.
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| controls.load_preset(None, Some("Gentle")));
            assert!(!asked.join().unwrap());
        });
        assert_eq!(plugin.save().unwrap(), before);
        assert_well_behaved(&*plugin);
        let wrong = bundle.wrong_answers_about_presets().unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}");
        // An instance that has taken presets runs as any other.
        let mut plugin = loaded.instance();
        assert!(plugin.controls().load_preset(None, Some("Gentle")));
        start(&mut *plugin, 44_100);
        assert_normal(&play(&mut *plugin, &voice(44_100, 2, 10_000), || 441));
    });
}
