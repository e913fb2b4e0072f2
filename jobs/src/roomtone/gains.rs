//! The gains of the bands of a room over time.

use super::movement::Walk;
use super::room::{Room, between, step};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;
use std::f64::consts::PI;
use std::sync::Arc;

/// Gains of the bands, without end.
pub struct Gains {
    rooms: Arc<[Room]>,
    walks: Vec<Option<Walk>>,
    /// Bands of a frame.
    pub bands: usize,
    taper: Vec<f32>,
    /// Sums of the patches so far, from the next frame on.
    overlap: Vec<f32>,
    step: usize,
}

impl Gains {
    /// Begins in the middle of a walk.
    pub fn new(rooms: &Arc<[Room]>, random: &mut Pcg64Mcg) -> Gains {
        let model = &rooms[0].model;
        let (frames, bands) = (model.view().frames, model.view().bands());
        let step = step(model);
        let hann = |t: usize| (PI * (t as f64 + 0.5) / frames as f64).sin().powi(2);
        let sum: f64 = (0..frames).step_by(step).map(hann).sum();
        let mut gains = Gains {
            walks: rooms
                .iter()
                .map(|room| {
                    room.movement
                        .as_ref()
                        .map(|movement| movement.walk(branch(random)))
                })
                .collect(),
            taper: (0..frames).map(|t| (hann(t) / sum) as f32).collect(),
            overlap: vec![0.0; frames * bands],
            rooms: rooms.clone(),
            bands,
            step,
        };
        for _ in 0..frames / step {
            gains.step(0.0);
        }
        gains
    }

    /// Logarithms of the power by which bands are raised, `[frame][band]`, for the next frames.
    pub fn step(&mut self, share: f32) -> Vec<f32> {
        let weights = [1.0 - share, share];
        let model = self.rooms[0].model.clone();
        let middle = between(&self.rooms, share);
        let mut code = middle.clone();
        for (walk, weight) in self.walks.iter_mut().zip(weights) {
            if let Some(walk) = walk {
                walk.step(weight.sqrt(), &mut code);
            }
        }
        let mut both = model.decode(&[code, middle].concat());
        model.restore(&mut both);
        let (moved, middle) = both.split_at(both.len() / 2);
        let bands = self.bands;
        for (t, weight) in self.taper.iter().enumerate() {
            for i in t * bands..(t + 1) * bands {
                self.overlap[i] += weight * (moved[i] - middle[i]);
            }
        }
        let mut out: Vec<f32> = self.overlap.drain(..self.step * bands).collect();
        self.overlap.resize(self.taper.len() * bands, 0.0);
        for frame in out.chunks_exact_mut(bands) {
            for (band, x) in frame.iter_mut().enumerate() {
                let (mut low, mut high, mut lift) = (0.0, 0.0, 0.0);
                for (room, weight) in self.rooms.iter().zip(weights) {
                    low += weight * room.reach[band].0;
                    high += weight * room.reach[band].1;
                    lift += weight * room.lift[band];
                }
                *x = x.clamp(low, high) - lift;
            }
        }
        out
    }
}

/// Random numbers of their own.
pub fn branch(random: &mut Pcg64Mcg) -> Pcg64Mcg {
    Pcg64Mcg::new(u128::from(random.next_u64()) << 64 | u128::from(random.next_u64()) | 1)
}
