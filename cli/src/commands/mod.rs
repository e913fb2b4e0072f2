//! The commands that do other jobs than cleaning.

pub mod codec;
pub mod detect;
pub mod find;
pub mod map;
pub mod repair;
pub mod roomtone;
