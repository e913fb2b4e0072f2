//! The program as its users meet it: every test runs the real binary in a folder of its own. Signals, links and
//! devices are those of Unix.
#![cfg(unix)]

mod bad_input;
mod files;
mod formats;
mod media;
mod models;
mod recordings;
mod reports;
mod stopping;
