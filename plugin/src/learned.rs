//! What an instance has learned of the sound, so that it begins every time as if it had gone on: saved with the project.
//!
//! ```text
//! audio thread ─── what it learned ──► main thread ─► the project
//!      │ ▲  └◄── the same box, empty ──┘    │
//!      │ └──────── what was saved ──────────┤
//!      └────────── the same box, used ──────┘
//! ```
//!
//! Boxes change hands through cells, so that the audio thread neither waits for the other one nor asks for memory nor frees any.

use aeden::StreamState;
use aeden::switchable::SwitchableDenoiser;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crossbeam_utils::atomic::AtomicCell;
use nice_plug::params::persist::PersistentField;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Seconds of sound from one time that it is learned to the next, and from the first sound to the first time.
const PACE: f64 = 0.5;
/// What is quieter teaches nothing, −100 dBFS.
const SILENT: f32 = 1e-5;

type Slot = AtomicCell<Option<Box<StreamState>>>;

/// The main thread's end.
#[derive(Clone, Default)]
pub struct Learned(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// For the main thread alone.
    known: Mutex<Saved>,
    /// To the main thread, and back.
    learned: Slot,
    empty: Slot,
    /// To the audio thread, and back.
    saved: Slot,
    used: Slot,
}

/// What is in a project: base64 of [`StreamState::to_bytes`], or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved(StreamState);

impl Serialize for Saved {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = if self.0.is_empty() {
            String::new()
        } else {
            BASE64_STANDARD.encode(self.0.to_bytes())
        };
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Saved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        let bytes = BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)?;
        let state = StreamState::from_bytes(&bytes).map_err(serde::de::Error::custom)?;
        Ok(Self(state))
    }
}

impl PersistentField<'_, Saved> for Learned {
    fn set(&self, saved: Saved) {
        let mut known = self.known();
        // What was used is freed here, and so is what was never taken.
        drop(self.0.used.take());
        drop(self.0.saved.swap(Some(Box::new(saved.0.clone()))));
        *known = saved;
    }

    fn map<F, R>(&self, read: F) -> R
    where
        F: Fn(&Saved) -> R,
    {
        read(&self.known())
    }
}

impl Learned {
    /// What is known now, with what the audio thread has learned since.
    fn known(&self) -> MutexGuard<'_, Saved> {
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(learned) = self.0.learned.take() {
            known.0.clone_from(&learned);
            self.0.empty.store(Some(learned));
        }
        known
    }

    /// Tells whether there is anything.
    pub fn is_there(&self) -> bool {
        !self.known().0.is_empty()
    }

    /// Forgets it: sound that starts later begins with nothing.
    pub fn forget(&self) {
        self.set(Saved::default());
    }
}

/// The audio thread's end.
pub struct Learner {
    shared: Arc<Shared>,
    /// To write into.
    room: Option<Box<StreamState>>,
    /// Used, and not given back yet.
    used: Option<Box<StreamState>>,
    /// Samples of sound from one time to the next, and those so far.
    pace: usize,
    heard: usize,
    /// Whether there is to be learned, and whether anything has been since there was.
    on: bool,
}

impl Learner {
    /// For what is saved with the project.
    pub fn new(learned: &Learned) -> Self {
        Self {
            shared: learned.0.clone(),
            room: None,
            used: None,
            pace: 1,
            heard: 0,
            on: false,
        }
    }

    /// Makes room for a new denoiser at a rate (Hz), and lets it begin with what is known. On the main thread: allocates.
    pub fn prepare(&mut self, denoiser: &mut SwitchableDenoiser, sample_rate: u32) {
        let known = Learned(self.shared.clone()).known().0.clone();
        // Boxes of the denoiser before may be too small.
        drop(self.shared.empty.take());
        drop(self.shared.saved.take());
        denoiser.begin_with(Some(&known));
        self.room = Some(Box::new(denoiser.state()));
        self.pace = ((PACE * f64::from(sample_rate)) as usize).max(1);
        self.heard = 0;
    }

    /// Lets the denoiser begin with what has been restored, if it has not yet: at its next reset.
    pub fn begin(&mut self, denoiser: &mut SwitchableDenoiser) {
        self.heard = 0;
        self.give_back();
        if self.used.is_some() {
            return;
        }
        if let Some(saved) = self.shared.saved.take() {
            // What another network has learned is none of this one's.
            denoiser.begin_with(None);
            denoiser.begin_with(Some(&saved));
            self.used = Some(saved);
            self.give_back();
        }
    }

    /// Gives a box back, into a cell that is empty or holds another one that comes with it.
    fn give_back(&mut self) {
        if self.used.is_some() {
            self.used = self.shared.used.swap(self.used.take());
        }
    }

    /// Looks at a block of input, before it is processed.
    pub fn hear(&mut self, channels: &[&mut [f32]], on: bool) {
        self.on = on;
        let sounds = |channel: &[f32]| channel.iter().any(|x| x.abs() > SILENT);
        if on && channels.iter().any(|channel| sounds(channel)) {
            self.heard += channels.first().map_or(0, |channel| channel.len());
        }
    }

    /// Keeps what the denoiser has learned, after that block; every now and then.
    pub fn learn(&mut self, denoiser: &mut SwitchableDenoiser) {
        if !self.on || self.heard < self.pace {
            return;
        }
        self.room = self.room.take().or_else(|| self.shared.empty.take());
        let Some(mut room) = self.room.take() else {
            return;
        };
        self.heard = 0;
        denoiser.write_state(&mut room);
        if room.is_empty() {
            // This network hears what comes, and learns nothing; what others have learned stays.
            self.room = Some(room);
            return;
        }
        denoiser.begin_with(Some(&room));
        self.room = self.shared.learned.swap(Some(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audio_thread_never_waits_for_a_lock() {
        assert!(Slot::is_lock_free());
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in ["\"\"", "\"####\"", "\"AAAA\"", "3", "null", "{}"] {
            let read = serde_json::from_str::<Saved>(text);
            assert_eq!(read.is_ok(), text == "\"\"", "{text}");
        }
    }
}
