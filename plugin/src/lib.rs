//! The plugin: [`aeden::denoiser`] in every DAW, as VST3, CLAP, and a program of its own.
//!
//! ```text
//! host ─► plugin ─► aeden::switchable ─► host   audio thread: no allocation, no lock
//!            │ └──► monitor ═══════╗            lock-free, only while an editor is open
//!        parameters ◄─ presets     ▼
//!            └──────────────────► editor        the host's main thread
//! ```

mod clap;
mod clap_presets;
mod devices;
pub mod editor;
mod hosting;
pub mod identity;
pub mod learned;
mod loudness;
mod matched_bypass;
pub mod monitor;
pub mod nodes;
pub mod parameters;
mod plugin;
mod saved;
mod small_files;
#[cfg(feature = "standalone")]
pub mod standalone;
mod text;
mod user_presets;
pub mod values;
pub mod view;
mod vst3;
pub mod window_size;

pub use aeden::presets;
pub use plugin::AedenPlugin;
