//! Files of sound and films: what `aeden` reads, writes and draws.
//!
//! [`kind`] says what a file is by its first bytes. [`wav`] reads and writes WAV by itself, [`ffmpeg`] everything else
//! through the programs `ffmpeg` and `ffprobe`, and keeps what a film or a tagged file holds besides the sound. [`output`]
//! makes files appear complete or not at all, and no more readable than what they come from ([`readers`]); what is
//! [`unfinished`] goes with its process. [`sink`] writes cleaned samples. [`loudness`] measures and sets a level after EBU R 128, under the ceiling of [`limiter`].
//! [`plot`] draws spectrograms. What goes wrong is a [`problem`]: one line for a person, and an exit status.

#![warn(missing_debug_implementations)]

pub mod ffmpeg;
pub mod kind;
pub mod limiter;
pub mod loudness;
pub mod output;
pub mod plot;
pub mod problem;
pub mod readers;
pub mod sink;
pub mod unfinished;
pub mod wav;
