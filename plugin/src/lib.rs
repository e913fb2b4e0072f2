//! The plugin: [`aeden::denoiser`] in every DAW, as VST3, CLAP, and a program of its own.
//!
//! ```text
//! host ─► plugin ─► aeden::switchable ─► host   audio thread: no allocation, no lock
//!            │ └──► monitor ═══════╗            lock-free, only while an editor is open
//!        parameters ◄─ presets     ▼
//!            └──────────────────► editor        the host's main thread
//! ```

pub mod editor;
pub mod identity;
pub mod monitor;
pub mod parameters;
mod plugin;
mod saved;
pub mod window_size;

pub use aeden::presets;
pub use plugin::AedenPlugin;

nice_plug::nice_export_clap!(AedenPlugin);
nice_plug::nice_export_vst3!(AedenPlugin);
