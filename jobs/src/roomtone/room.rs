//! A room as it was learned from a recording: its colour, and how it moves.

use super::colour::Colour;
use super::levels::Matching;
use super::movement::Movement;
use aeden::autoencoder::Autoencoder;
use std::ops::Range;
use std::sync::Arc;

/// Frames from code to code are this share of a patch.
const STEPS: usize = 2;

/// The sound of a room. Copies share the large parts.
#[derive(Clone)]
pub struct Room {
    pub(super) model: Arc<Autoencoder>,
    pub(super) rate: u32,
    /// Noise and tones.
    pub(super) colour: Arc<Colour>,
    /// How its bands rise and fall; `None`: they do not.
    pub(super) movement: Option<Arc<Movement>>,
    /// How far each band falls and rises in the recording, as logarithms of power: a walk goes no farther.
    pub(super) reach: Vec<(f32, f32)>,
    /// By how much moving makes each band louder, as a logarithm of power: what has to be taken back.
    pub(super) lift: Vec<f32>,
    /// What makes loud and soft moments as frequent as in the recording; `None`: not yet known, or it does not move.
    pub(super) matching: Option<Arc<Matching>>,
    /// The mean code of its patches.
    pub(super) centre: Vec<f32>,
    /// Mean power of each band.
    pub(super) powers: Vec<f64>,
    /// Seconds of sound that it was learned from.
    pub(super) quiet: Vec<Range<f64>>,
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room")
            .field("rate", &self.rate)
            .field("channels", &self.channels())
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}

impl Room {
    /// Samples a second of its tone.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Channels of its tone.
    pub fn channels(&self) -> usize {
        self.colour.channels()
    }

    /// The parts of the recording that it was learned from, in seconds.
    pub fn learned_from(&self) -> &[Range<f64>] {
        &self.quiet
    }

    /// The same in all, in seconds.
    pub fn learned_seconds(&self) -> f64 {
        length(&self.quiet)
    }

    /// Frequencies of its steady tones in Hz, the strongest first.
    pub fn tones(&self) -> impl Iterator<Item = f64> + '_ {
        let rate = f64::from(self.rate);
        self.colour.tones.iter().map(move |tone| tone.turn * rate)
    }

    /// In how many directions of the latent space it moves; 0 for steady noise.
    pub fn directions(&self) -> usize {
        self.movement.as_ref().map_or(0, |movement| movement.directions())
    }
}

/// How long parts are together.
pub fn length(parts: &[Range<f64>]) -> f64 {
    // From 0 on: the sum of nothing is -0.
    parts.iter().fold(0.0, |sum, part| sum + (part.end - part.start))
}

/// Frames from code to code.
pub fn step(model: &Autoencoder) -> usize {
    (model.view().frames / STEPS).max(1)
}

/// The mean code on the way from the first room to the second.
pub fn between(rooms: &[Room], share: f32) -> Vec<f32> {
    let mut code = vec![0.0; rooms[0].centre.len()];
    for (room, weight) in rooms.iter().zip([1.0 - share, share]) {
        code.iter_mut()
            .zip(&room.centre)
            .for_each(|(sum, x)| *sum += weight * x);
    }
    code
}
