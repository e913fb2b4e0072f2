//! Finds events: moments that do not sound like the rest of a recording, or like normal recordings.
//!
//! An autoencoder describes every 0.16 s by a code and reconstructs it from that. A moment is unusual if it is
//! reconstructed badly, as a click is, or if its code lies far from the usual ones, as that of a new tone does. Its score is
//! relative to what usual moments stay below: above 1 is unusual.
//!
//! - Input: 1 channel or more, mixed to one; any rate from 8 to 192 kHz; any length, kept as log powers (26 kB a second).
//! - Output: a score every 10 ms and [`Event`]s with their times, to about 20 ms.
//! - Cost: about 1000 × real time on one core. The whole recording is needed, since most of it is the measure of the rest.
//!
//! ```
//! use aeden_jobs::detect::Detector;
//!
//! # let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 1e8 - 0.08;
//! let mut samples: Vec<f32> = (0..480_000).map(noise).collect();
//! for (n, x) in samples[240_000..264_000].iter_mut().enumerate() {
//!     *x += (n as f32 * 0.1).sin() * 0.4; // half a second of a note at 5 s
//! }
//! let detection = Detector::new().detect(&[samples], 48_000)?;
//! assert!(detection.events.iter().any(|e| (e.start - 5.0).abs() < 0.2 && e.change.name() == "louder"));
//! # Ok::<(), aeden_jobs::Error>(())
//! ```

mod score;

use crate::Error;
use crate::listen;
use aeden::autoencoder::{Autoencoder, level, raise};
use score::{Seen, Usual, stretches};
use std::sync::Arc;

/// Events less than so many seconds apart are one.
const GAP: f64 = 0.15;

/// The threshold that usual moments stay below.
pub const THRESHOLD: f32 = 1.0;

/// Something that does not fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// Its start in seconds.
    pub start: f64,
    /// Its end in seconds.
    pub end: f64,
    /// The highest score in it, above the threshold.
    pub score: f32,
    /// Middle of the band in which it is most unusual, in Hz.
    pub frequency: f64,
    /// The change in that band.
    pub change: Change,
}

/// The change of a band against the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// There is more sound in it.
    Louder,
    /// There is less sound in it.
    Quieter,
}

impl Change {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Change::Louder => "louder",
            Change::Quieter => "quieter",
        }
    }
}

/// The events of a recording.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Detection {
    /// The score of every frame; usual moments stay below 1.
    pub scores: Vec<f32>,
    /// The middle of the first frame, in seconds.
    pub first: f64,
    /// From frame to frame, in seconds.
    pub step: f64,
    /// Events above the threshold, in the order of time.
    pub events: Vec<Event>,
    /// Length of the recording.
    pub seconds: f64,
}

impl Detection {
    /// The middle of a frame, in seconds.
    pub fn moment(&self, frame: usize) -> f64 {
        self.first + frame as f64 * self.step
    }
}

/// A recording that has been listened to.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Log powers `[frame][band]`.
    powers: Vec<f32>,
    seconds: f64,
}

impl Heard {
    /// Its length.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }
}

/// A model of normal sound, learned from recordings.
#[derive(Clone, Debug)]
pub struct Normal {
    usual: Usual,
    /// The level that all recordings are brought to.
    level: f32,
}

/// Detects what does not fit.
#[derive(Clone, Debug)]
pub struct Detector {
    model: Arc<Autoencoder>,
}

#[cfg(feature = "models")]
impl Default for Detector {
    fn default() -> Self {
        Detector::new()
    }
}

impl Detector {
    /// With the built-in network.
    #[cfg(feature = "models")]
    pub fn new() -> Detector {
        Detector::with_model(crate::models::pca())
    }

    /// With a network of any kind.
    pub fn with_model(model: Autoencoder) -> Detector {
        Detector {
            model: Arc::new(model),
        }
    }

    /// Begins to listen to a recording that comes block by block.
    ///
    /// # Errors
    /// [`Error::Rate`] for a rate that is not 8 to 192 kHz; [`Error::Channels`] for none.
    pub fn listen(&self, rate: u32, channels: usize) -> Result<Listening, Error> {
        listen::Listening::new(&self.model, rate, channels).map(Listening)
    }

    /// Learns from recordings in which all is normal. How loud they are as a whole does not count. `None` without any.
    pub fn learn(&self, recordings: impl IntoIterator<Item = Heard>) -> Option<Normal> {
        let mut common = None;
        let seen: Vec<Seen> = recordings
            .into_iter()
            .map(|heard| {
                let bands = self.model.view().bands();
                let common = *common.get_or_insert_with(|| level(&heard.powers, bands));
                self.see(heard.powers, Some(common))
            })
            .collect();
        common.map(|level| Normal {
            usual: Usual::of(&seen),
            level,
        })
    }

    /// Finds what does not fit in a recording, where the score is above `threshold` ([`THRESHOLD`] if in doubt). Without
    /// `normal`, most of the recording itself is taken to be normal.
    pub fn examine(&self, recording: Heard, normal: Option<&Normal>, threshold: f32) -> Detection {
        let seconds = recording.seconds;
        let seen = self.see(recording.powers, normal.map(|normal| normal.level));
        let own;
        let usual = match normal {
            Some(normal) => &normal.usual,
            None => {
                own = Usual::most_of(&seen);
                &own
            }
        };
        let scores = usual.scores(&seen);
        let view = self.model.view();
        let gap = (GAP * view.frame_rate()) as usize;
        let framing = &view.framing;
        // Counted in samples, so that every time is the nearest number to what it should be.
        let moment =
            |frame: usize| (frame * framing.hop + framing.window / 2) as f64 / f64::from(framing.rate);
        let half = 0.5 / view.frame_rate();
        let events = stretches(usual, &seen, &scores, threshold, gap);
        let events = events.iter().map(|stretch| Event {
            start: (moment(stretch.start) - half).min(seconds),
            end: (moment(stretch.end - 1) + half).min(seconds),
            score: stretch.score,
            frequency: view.centre(stretch.band),
            change: if stretch.louder {
                Change::Louder
            } else {
                Change::Quieter
            },
        });
        Detection {
            events: events.collect(),
            scores,
            first: moment(0),
            step: framing.hop as f64 / f64::from(framing.rate),
            seconds,
        }
    }

    /// Finds what does not sound like the rest of a whole recording, one slice of samples a channel, full scale ±1.
    ///
    /// # Errors
    /// Those of [`listen`](Detector::listen) and [`Listening::push`].
    pub fn detect<S: AsRef<[f32]>>(&self, channels: &[S], rate: u32) -> Result<Detection, Error> {
        let mut listening = self.listen(rate, channels.len())?;
        listening.push(channels)?;
        Ok(self.examine(listening.finish(), None, THRESHOLD))
    }

    /// What the network makes of log powers, at a common level if there is one: their level is that relative to the mean,
    /// which one loud event changes.
    fn see(&self, mut powers: Vec<f32>, common: Option<f32>) -> Seen {
        if let Some(common) = common {
            let by = common - level(&powers, self.model.view().bands());
            raise(&mut powers, by);
        }
        self.model.standardise(&mut powers);
        Seen::of(&self.model, powers)
    }
}

/// A recording that is being listened to.
#[derive(Debug)]
pub struct Listening(listen::Listening);

impl Listening {
    /// Takes the next samples, equally many of every channel. How a recording is cut into blocks changes nothing.
    ///
    /// # Errors
    /// [`Error::Channels`], [`Error::Lengths`] for another shape; [`Error::Sample`] for a sample that is no number or
    /// beyond [`LARGEST`](crate::LARGEST).
    pub fn push<S: AsRef<[f32]>>(&mut self, channels: &[S]) -> Result<(), Error> {
        self.0.push(channels)
    }

    /// Ends the recording.
    pub fn finish(self) -> Heard {
        let (powers, seconds) = self.0.finish();
        Heard { powers, seconds }
    }
}
