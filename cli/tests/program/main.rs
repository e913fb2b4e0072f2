//! The program as its users meet it: every test runs the real binary in a folder of its own. Signals, links and
//! devices are those of Unix.
#![cfg(unix)]

mod bad_input;
mod batches;
mod browser;
mod defaults;
mod detecting;
mod encoding;
mod files;
mod finding;
mod formats;
mod huge_samples;
mod loudness;
mod mapping;
mod media;
mod models;
mod page;
mod recordings;
mod repairing;
mod reports;
mod roomtoning;
mod serving;
mod stopping;
mod using;
mod watching;
