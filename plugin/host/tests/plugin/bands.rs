//! The nodes that shape how much is taken away along frequency: parameters, sound, state.

use crate::bundles::{assert_well_behaved, change, each, id, start};
use crate::sound::{Random, assert_normal, assert_same, cleaned, library, play, voice};
use aeden::BandLimits;
use aeden_plugin_host::{Audio, Format, Plugin};

/// Where a node's frequency stands, 0 … 1, and where its limit does.
fn place(frequency: f64, limit: f64) -> (f64, f64) {
    ((frequency / 20.0).log2() / 10.0, limit / 60.0)
}

fn set_node(plugin: &mut dyn Plugin, number: usize, frequency: f64, limit: f64) {
    let (at, deep) = place(frequency, limit);
    plugin.set(id(&format!("band_frequency_{number}")), at);
    plugin.set(id(&format!("band_limit_{number}")), deep);
    plugin.set(id(&format!("band_on_{number}")), 1.0);
}

#[test]
fn nodes_are_six_times_three_parameters_that_can_be_automated() {
    each(|loaded| {
        let plugin = loaded.instance();
        let parameters = plugin.parameters();
        for number in 1..=6 {
            for (name, steps) in [
                ("band_on", true),
                ("band_frequency", false),
                ("band_limit", false),
            ] {
                let wanted = id(&format!("{name}_{number}"));
                let parameter = parameters.iter().find(|p| p.id == wanted).expect(name);
                assert!(
                    parameter.automatable && (parameter.steps > 0) == steps,
                    "{parameter:?}"
                );
                assert!(
                    parameter.name.starts_with(&format!("Band {number}")),
                    "{parameter:?}"
                );
            }
            assert_eq!(plugin.value(id(&format!("band_on_{number}"))), Some(0.0));
        }
        let read = |name, text: &str| plugin.value_of(id(name), text).expect("a value");
        assert!((read("band_frequency_1", "640 Hz") - 0.5).abs() < 1e-3);
        assert_eq!(read("band_frequency_1", "1"), 0.0);
        assert!((read("band_limit_3", "30 dB") - 0.5).abs() < 1e-6);
    });
}

#[test]
fn what_comes_out_is_the_library_s_with_these_bands() {
    each(|loaded| {
        for rate in [44_100, 48_000] {
            let sound = voice(rate, 2, 30_000);
            let mut plugin = loaded.instance();
            // In any order.
            set_node(&mut *plugin, 2, 20.0 * 2f64.powi(7), 6.0);
            set_node(&mut *plugin, 5, 20.0 * 2f64.powi(3), 30.0);
            start(&mut *plugin, rate);
            let mut denoiser = library(rate, 2);
            denoiser.set_bands(BandLimits::new(&[(160.0, 30.0), (2560.0, 6.0)]).unwrap());
            denoiser.reset();
            let expected = cleaned(&mut denoiser, &sound);
            assert_same(&play(&mut *plugin, &sound, || 512), &expected, "bands");
            assert!(expected != cleaned(&mut library(rate, 2), &sound));
            // All at 0 dB: the input, bit for bit.
            let mut plugin = loaded.instance();
            set_node(&mut *plugin, 1, 300.0, 0.0);
            start(&mut *plugin, rate);
            let out = play(&mut *plugin, &sound, || 512);
            let late = plugin.latency();
            assert!((0..2).all(|c| out[c][late..] == sound[c][..30_000 - late]));
        }
    });
}

#[test]
fn nodes_that_move_while_sound_runs_give_sound_sound() {
    each(|loaded| {
        let mut random = Random(21);
        let mut plugin = loaded.running(44_100, 2);
        for _ in 0..200 {
            let mut changes: Vec<_> = (0..random.below(40))
                .map(|_| {
                    let name = ["on", "frequency", "limit"][random.below(3)];
                    let name = format!("band_{name}_{}", 1 + random.below(6));
                    change(random.below(256), &name, random.share())
                })
                .collect();
            changes.sort_by_key(|change| change.offset);
            let mut sound = voice(44_100, 2, 256);
            let mut block: Vec<_> = sound.iter_mut().map(Vec::as_mut_slice).collect();
            plugin.process(Audio::InPlace(&mut block), &changes).unwrap();
            assert_normal(&sound);
        }
        assert_well_behaved(&*plugin);
    });
}

#[test]
fn a_state_of_before_there_were_bands_is_read() {
    let old = r#"{"version":"0.1.0","params":{"strength":{"f32":18.0},"mix":{"f32":0.5},"gain":{"f32":-6.0},
        "delta":{"bool":true},"link":{"bool":false},"bypass":{"bool":false},"quality":{"string":"light"}},
        "fields":{"window":"{\"width\":700.0,\"height\":400.0,\"zoom\":1.5}"}}"#;
    each(|loaded| {
        let mut plugin = loaded.instance();
        let state = match loaded.format {
            Format::Vst3 => old.as_bytes().to_vec(),
            Format::Clap => [&(old.len() as u64).to_le_bytes(), old.as_bytes()].concat(),
        };
        assert!(plugin.load(&state));
        for (name, value) in [
            ("strength", 0.3),
            ("mix", 0.5),
            ("delta", 1.0),
            ("link", 0.0),
            ("band_on_1", 0.0),
        ] {
            assert!((plugin.value(id(name)).unwrap() - value).abs() < 1e-3, "{name}");
        }
        // Nothing of the other setting to compare with, either: what is saved is read again.
        let saved = plugin.save().unwrap();
        assert!(loaded.instance().load(&saved));
    });
}
