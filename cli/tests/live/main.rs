//! `aeden live` and `aeden devices` with sound servers that run for the tests alone, without hardware.
//!
//! Nothing here depends on how fast the machine is: what was heard is compared with what should be heard, and steps in it
//! with what the program says it had to skip or fill.

mod errors;
#[cfg(feature = "jack")]
mod jack;
mod microphone;
mod recording;
mod server;
mod sound;
mod starving;
