//! `aeden clean`, and what commands share that go over many files.
//!
//! [`plan`] turns arguments into steps that are settled before anything is done, [`batch`] works on many files at a time,
//! [`clean`] does one of them, with the network and settings of [`cleaner`], and [`watch`] waits for more of them. [`input`]
//! opens a recording of any kind, [`paired`] keeps what was beside what it became, [`level`] measures both. [`progress`]
//! draws how far they are; [`cores`] shares the machine out.

pub mod batch;
pub mod clean;
pub mod cleaner;
pub mod cores;
pub mod input;
pub mod level;
pub mod named;
pub mod paired;
pub mod plan;
pub mod progress;
pub mod watch;
