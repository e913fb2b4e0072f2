//! The bundles and programs under test, and instances that are ready to run.

use aeden_plugin_host::{Bundle, Change, Format, Plugin, Setup};
use std::path::{Path, PathBuf};

/// One of the two bundles.
pub struct Loaded {
    pub format: Format,
    pub path: PathBuf,
    pub bundle: Box<dyn Bundle>,
}

impl Loaded {
    /// A new instance in stereo, not active.
    pub fn instance(&self) -> Box<dyn Plugin> {
        self.bundle.instantiate(0).expect("an instance")
    }

    /// A new instance at a rate with so many channels, and sound running.
    pub fn running(&self, sample_rate: u32, channels: usize) -> Box<dyn Plugin> {
        let mut plugin = self.instance();
        assert!(plugin.set_channels(channels), "{channels} channels");
        start(&mut *plugin, sample_rate);
        plugin
    }
}

/// Runs a test on each bundle, and fails if one does a thing that its format forbids. Without bundles there is nothing
/// to test.
pub fn each(test: impl Fn(&Loaded)) {
    for (format, name) in [(Format::Vst3, "aeden.vst3"), (Format::Clap, "aeden.clap")] {
        let path = folder().join(name);
        if !path.exists() {
            println!(
                "skipped: there is no {}; `cargo xtask bundle plugin` makes it",
                path.display()
            );
            continue;
        }
        println!("{format:?}");
        let bundle = format.open(&path).expect("a bundle that loads");
        test(&Loaded { format, path, bundle });
    }
}

/// Where the bundles lie.
fn folder() -> PathBuf {
    match std::env::var_os("AEDEN_BUNDLES") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target/bundled")
            .canonicalize()
            .unwrap_or_default(),
    }
}

/// A program of this repository, which cargo puts beside the tests' folder; nothing where it has not been built.
pub fn built(program: &str, package: &str) -> Option<PathBuf> {
    let tests = std::env::current_exe().expect("a path");
    let program = tests
        .ancestors()
        .nth(2)?
        .join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        println!(
            "skipped: there is no {}; `cargo build -p {package}` makes it",
            program.display()
        );
        return None;
    }
    Some(program)
}

/// Activates and starts an instance.
pub fn start(plugin: &mut dyn Plugin, sample_rate: u32) {
    let setup = Setup {
        sample_rate: f64::from(sample_rate),
        ..Setup::default()
    };
    plugin.activate(&setup).expect("to be activated");
    plugin.start().expect("to be started");
}

/// Stops and deactivates an instance.
pub fn stop(plugin: &mut dyn Plugin) {
    plugin.stop();
    plugin.deactivate();
}

/// The number that hosts know a parameter by. Projects are stored with it, so it must never change: a polynomial in 31
/// over the bytes of the name that the plugin's code gives it, in 31 bits.
pub fn id(name: &str) -> u32 {
    let hash = |hash: u32, byte: u8| hash.wrapping_mul(31).wrapping_add(u32::from(byte));
    name.bytes().fold(0, hash) & (u32::MAX >> 1)
}

/// A parameter's new value, 0 … 1, at a sample of a block.
pub fn change(offset: usize, name: &str, value: f64) -> Change {
    Change {
        offset: offset as u32,
        parameter: id(name),
        value,
    }
}

/// Fails if the plugin has done what its format forbids.
pub fn assert_well_behaved(plugin: &dyn Plugin) {
    let complaints = plugin.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
