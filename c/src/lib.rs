//! The C library: [`aeden::Denoiser`] for programs in any language that calls C.
//!
//! ```text
//! caller ─► interface ─► handle (one thread at a time) ─► samples (any layout ⇄ planes of f32) ─► aeden::Denoiser
//!               └─► controls (atomics, any thread) ──┘
//! ```
//!
//! `include/aeden.h` is made of [`interface`] and [`status`] by cbindgen; a test compares.

mod controls;
mod handle;
pub mod interface;
mod samples;
pub mod status;
