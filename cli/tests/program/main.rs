//! The program as its users meet it: every test runs the real binary in a folder of its own.

mod bad_input;
mod files;
mod formats;
mod models;
mod recordings;
mod reports;
mod stopping;
