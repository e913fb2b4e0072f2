//! The commands that do other jobs than cleaning. Each reads files, gives their samples to `aeden_jobs`, and prints and
//! writes what comes of it.
//!
//! [`reading`] and [`writing`] are what they share; [`outputs`] settles which files are made of which.

pub mod decode;
pub mod detect;
pub mod encode;
pub mod find;
pub mod map;
pub mod outputs;
pub mod reading;
mod recording;
pub mod repair;
pub mod roomtone;
pub mod writing;

mod compare;
