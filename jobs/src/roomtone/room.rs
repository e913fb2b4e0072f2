//! A room as it was learned from a recording: its colour, and how it moves.

use super::colour::Colour;
use super::generator::{Gains, Generator};
use super::heard::Heard;
use super::movement::Movement;
use crate::problem::Problem;
use aeden::autoencoder::Autoencoder;
use rand_pcg::Pcg64Mcg;
use std::ops::Range;

/// Frames from code to code are this share of a patch.
const STEPS: usize = 2;
/// Seconds of sound that are made to compare with the recording, and how often.
const TRIAL: f64 = 20.0;
const TRIALS: usize = 3;
/// Steps of a walk over which its gains are measured.
const WALK: usize = 4000;
/// The random numbers of trials: the same room is learned alike whatever the seed.
const TRIAL_SEED: u128 = 0x526f_6f6d_746f_6e65_2d74_7269_616c_7301;

/// A room.
pub struct Room {
    /// Noise and tones.
    pub colour: Colour,
    /// How its bands rise and fall; `None`: they do not.
    pub movement: Option<Movement>,
    /// How far each band falls and rises in the recording, as logarithms of power: a walk goes no farther.
    pub reach: Vec<(f32, f32)>,
    /// By how much moving makes each band louder, as a logarithm of power: what has to be taken back.
    pub lift: Vec<f32>,
    /// The mean code of its patches.
    pub centre: Vec<f32>,
    /// Mean power of each band.
    pub powers: Vec<f64>,
}

impl Room {
    /// Learns from stretches of a recording, in samples.
    pub fn of(
        planes: &[Vec<f32>],
        rate: u32,
        stretches: &[Range<usize>],
        model: &Autoencoder,
        moving: bool,
    ) -> Result<Room, Problem> {
        let cut: Vec<Vec<&[f32]>> = stretches
            .iter()
            .map(|stretch| planes.iter().map(|plane| &plane[stretch.clone()]).collect())
            .collect();
        let heard = cut
            .iter()
            .map(|stretch| Heard::of(stretch, rate, model))
            .collect::<Result<Vec<_>, _>>()?;
        let codes = Heard::codes(&heard, model, step(model));
        let mut room = Room {
            colour: Colour::of(&cut, rate),
            movement: None,
            centre: mean(&codes, model.code()),
            reach: vec![(0.0, 0.0); model.view().bands()],
            lift: vec![0.0; model.view().bands()],
            powers: Heard::means(&heard),
        };
        if moving {
            let frames: usize = heard.iter().map(Heard::frames).sum();
            room.learn(&codes, frames, rate, model)?;
        }
        Ok(room)
    }

    /// Learns how its bands move from the codes of so many frames.
    fn learn(
        &mut self,
        codes: &[Vec<f32>],
        frames: usize,
        rate: u32,
        model: &Autoencoder,
    ) -> Result<(), Problem> {
        let step = step(model);
        let still = self.trial(rate, model, step)?;
        let independent = frames as f64 / model.view().frames as f64;
        let mut movement = Movement::between(codes, &still, model.code(), independent);
        if movement.directions() == 0 {
            return Ok(());
        }
        self.reach = reach(codes, &self.centre, model);
        for _ in 0..TRIALS {
            self.adopt(movement.clone(), model);
            movement = movement.correct(&self.trial(rate, model, step)?, &still);
        }
        self.adopt(movement, model);
        Ok(())
    }

    fn adopt(&mut self, movement: Movement, model: &Autoencoder) {
        self.movement = Some(movement);
        self.lift.fill(0.0);
        let mut gains = Gains::new(std::slice::from_ref(self), model, &mut Pcg64Mcg::new(TRIAL_SEED));
        let bands = model.view().bands();
        let mut sums = vec![0.0f64; bands];
        let mut frames = 0.0;
        for _ in 0..WALK {
            for frame in gains.step(0.0).chunks_exact(bands) {
                sums.iter_mut()
                    .zip(frame)
                    .for_each(|(sum, &g)| *sum += f64::from(g).exp());
                frames += 1.0;
            }
        }
        self.lift = sums.iter().map(|sum| (sum / frames).ln() as f32).collect();
    }

    /// Codes of sound that is made as far as the room is known.
    fn trial(&self, rate: u32, model: &Autoencoder, step: usize) -> Result<Vec<Vec<f32>>, Problem> {
        let samples = (TRIAL * f64::from(rate)) as usize;
        let rooms = std::slice::from_ref(self);
        let mut generator = Generator::new(rooms, model, rate, samples as u64, Pcg64Mcg::new(TRIAL_SEED))?;
        let mut planes: Vec<Vec<f32>> = vec![Vec::new(); self.colour.channels()];
        while planes[0].len() < samples {
            let made = generator.make();
            planes
                .iter_mut()
                .zip(made)
                .for_each(|(plane, made)| plane.extend(made));
        }
        let slices: Vec<&[f32]> = planes.iter().map(|plane| &plane[..samples]).collect();
        Ok(Heard::codes(&[Heard::of(&slices, rate, model)?], model, step))
    }
}

/// The lowest and the highest value of each band over decoded codes, from that of the mean code.
fn reach(codes: &[Vec<f32>], centre: &[f32], model: &Autoencoder) -> Vec<(f32, f32)> {
    let bands = model.view().bands();
    let decode = |codes: &[f32]| {
        let mut patches = model.decode(codes);
        model.restore(&mut patches);
        patches
    };
    let mean = decode(centre);
    let mut reach = vec![(0.0f32, 0.0f32); bands];
    for codes in codes {
        for (i, x) in decode(codes).iter().enumerate() {
            let x = x - mean[i % mean.len()];
            let (low, high) = &mut reach[i % bands];
            (*low, *high) = (low.min(x), high.max(x));
        }
    }
    reach
}

/// Frames from code to code.
pub fn step(model: &Autoencoder) -> usize {
    (model.view().frames / STEPS).max(1)
}

fn mean(codes: &[Vec<f32>], size: usize) -> Vec<f32> {
    let mut mean = vec![0.0f64; size];
    let mut count = 0.0;
    for code in codes.iter().flat_map(|stretch| stretch.chunks_exact(size)) {
        mean.iter_mut().zip(code).for_each(|(m, &x)| *m += f64::from(x));
        count += 1.0;
    }
    mean.iter().map(|m| (m / count) as f32).collect()
}
