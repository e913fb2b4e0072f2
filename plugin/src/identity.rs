//! Who the plugin is to hosts. `cargo xtask bundle` reads this file too.
//!
//! Hosts find saved projects' plugins and presets by these: the ids never change.

/// The name in plugin lists, and of the bundles.
pub const NAME: &str = "aeden";
/// Who makes it.
pub const VENDOR: &str = "aeden";
/// The version, that of the workspace.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The id of the CLAP plugin, and of the bundles on macOS.
pub const ID: &str = "org.aeden.denoiser";
/// The class id of the VST3 plugin.
pub const VST3_CLASS_ID: [u8; 16] = *b"aeden.denoiser.1";
