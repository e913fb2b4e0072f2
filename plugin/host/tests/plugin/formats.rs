//! What bundles say about themselves, and how they answer questions that have no answer.

use crate::bundles::each;
use aeden_plugin_host::{Format, clap, vst3};

#[test]
fn bundles_say_who_they_are() {
    each(|loaded| {
        let plugins = loaded.bundle.plugins();
        let [plugin] = &plugins[..] else {
            panic!("{} plugins", plugins.len())
        };
        assert_eq!(plugin.name, "aeden");
        assert!(!plugin.vendor.is_empty());
        assert_eq!(plugin.version, env!("CARGO_PKG_VERSION"));
        // Projects find the plugin by these.
        let (id, category) = match loaded.format {
            Format::Vst3 => ("616564656E2E64656E6F697365722E31", "Fx"),
            Format::Clap => ("org.aeden.denoiser", "audio-effect"),
        };
        assert_eq!(plugin.id, id);
        assert!(plugin.categories.iter().any(|c| c == category));
        let mut once = plugin.categories.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), plugin.categories.len(), "{:?}", plugin.categories);
    });
}

#[test]
fn questions_without_an_answer_get_none() {
    each(|loaded| {
        let wrong = match loaded.format {
            Format::Vst3 => vst3::Bundle::open(&loaded.path).unwrap().wrong_answers(),
            Format::Clap => clap::Bundle::open(&loaded.path).unwrap().wrong_answers(),
        };
        let wrong = wrong.expect("an instance");
        assert!(wrong.is_empty(), "{wrong:#?}");
    });
}
