//! The program as its users meet it: every test runs the real binary in a folder of its own. Signals, links and
//! devices are those of Unix.
#![cfg(unix)]

mod bad_input;
mod batches;
mod browser;
mod defaults;
mod files;
mod formats;
mod loudness;
mod media;
mod models;
mod page;
mod recordings;
mod reports;
mod stopping;
mod watching;
