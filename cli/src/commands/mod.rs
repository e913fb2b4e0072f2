//! What each command does.
//!
//! [`clean`](mod@crate::run) has a room of its own, which several of these use. The jobs read files, give their samples to
//! `aeden_jobs`, and print and write what comes of it: [`reading`] and [`writing`] are what they share, [`outputs`] settles
//! which files are made of which.

pub mod decode;
pub mod demo;
pub mod detect;
pub mod encode;
pub mod find;
pub mod inspect;
pub mod licences;
pub mod live;
pub mod manual;
pub mod map;
pub mod models;
pub mod outputs;
pub mod page;
pub mod reading;
mod recording;
pub mod repair;
pub mod report;
pub mod roomtone;
pub mod web;
pub mod writing;

mod compare;
