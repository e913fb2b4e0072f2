//! The plugin as hosts meet it: its bundles, loaded and driven as VST3 and as CLAP.
//!
//! `cargo xtask bundle plugin` makes the bundles; `cargo xtask test` does so itself. `AEDEN_BUNDLES` names their folder if it is not `target/bundled`.

mod allocations;
mod bad_input;
mod bands;
mod bundles;
mod daws;
#[cfg(target_os = "linux")]
mod editor;
mod formats;
mod lazy_host;
mod learn;
mod lifecycle;
mod matched_bypass;
mod parameters;
mod presets;
mod rendering;
mod screen;
mod sound;
mod standalone;
mod state;
