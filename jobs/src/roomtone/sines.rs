//! The steady tones of a room, going on.

use super::room::Room;
use super::tones::Tone;
use realfft::num_complex::Complex64;
use std::f64::consts::TAU;

/// Sines that go on for ever.
pub struct Sines {
    /// For each tone, its turn per sample and in every channel where it is.
    tones: Vec<(Complex64, Vec<Complex64>)>,
}

impl Sines {
    /// Of a room, from where they were in the recording.
    pub fn new(room: &Room) -> Sines {
        let tone = |tone: &Tone| (Complex64::from_polar(1.0, TAU * tone.turn), tone.parts.clone());
        Sines {
            tones: room.colour.tones.iter().map(tone).collect(),
        }
    }

    /// Adds them, from one level to another.
    pub fn add(&mut self, (before, after): (f32, f32), planes: &mut [Vec<f32>]) {
        let count = planes[0].len();
        let slope = (after - before) / count.max(1) as f32;
        for (turn, parts) in &mut self.tones {
            for (part, plane) in parts.iter_mut().zip(planes.iter_mut()) {
                let size = part.norm();
                let mut level = before;
                for x in plane {
                    *x += level * part.re as f32;
                    level += slope;
                    *part *= *turn;
                }
                // Rounding would let it grow or fade in the course of hours.
                *part *= size / part.norm().max(1e-300);
            }
        }
    }
}
