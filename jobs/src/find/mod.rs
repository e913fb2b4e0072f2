//! Sounds that sound like another one.
//!
//! A sparse autoencoder has units that are silent most of the time. Which of them a sound wakes, how much and how steadily,
//! is its [`Descriptor`]: two bytes a unit, 256 for the built-in network. Sounds with like descriptors sound alike,
//! whatever their loudness and length. An [`Index`] keeps the descriptors of many files in one file of its own.
//!
//! - Input: 1 channel or more, mixed to one; any rate from 8 to 192 kHz; any length, what is shorter than 0.16 s is filled
//!   up with silence.
//! - Cost: about 2500 × real time on one core; 26 kB of memory for a second of sound. A search looks at every descriptor:
//!   100,000 in about 60 ms.
//!
//! ```
//! use aeden_jobs::find::{Change, Describer, Index, Stamp};
//!
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("sounds.index");
//! # let tone = |hz: f32| (0..48_000).map(|n| (hz * n as f32 / 7639.4).sin() * 0.2).collect::<Vec<f32>>();
//! # let hiss: Vec<f32> = (0..48_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e8 - 0.08).collect();
//! let describer = Describer::new();
//! let index = Index::create(&file, &describer)?;
//! for (name, samples) in [("note.wav", &tone(440.0)), ("hiss.wav", &hiss)] {
//!     let sound = describer.describe(&[samples], 48_000)?;
//!     index.apply(&[Change::Put { path: name.into(), stamp: Stamp::default(), sound }])?;
//! }
//! let query = describer.describe(&[tone(450.0)], 48_000)?;
//! let found = index.search(&query.descriptor, 1, None)?;
//! assert_eq!(found[0].path.to_str(), Some("note.wav"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod checked;
mod describer;
mod descriptor;
mod index;

pub use describer::{Describer, Listening, Sound};
pub use descriptor::Descriptor;
pub use index::{Change, Entry, Index, Match, Stamp};
