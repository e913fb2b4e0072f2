//! The denoiser as LADSPA and LV2 plugins: two thin layers over one instance and one table of ports.
//!
//! ```text
//! LADSPA host ─► ladspa ─┐
//!                        ├─► instance (connected ports → Settings) ─► aeden::switchable
//! LV2 host ────► lv2 ────┘       ▲
//!    └─ reads aeden.lv2/*.ttl ◄─ turtle ◄─ ports (the table)
//! ```

pub mod instance;
pub mod ladspa;
pub mod lv2;
pub mod ports;
pub mod turtle;
