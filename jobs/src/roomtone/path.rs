//! The way from one room to another.

use super::room::{Room, between};
use std::sync::Arc;

/// Powers of bands below this share of the loudest one are taken for it.
const FAINT: f64 = 1e-12;

/// The spectrum on the way from one room to another: a straight line between their mean codes, decoded.
pub struct Path {
    rooms: Arc<[Room]>,
    /// Logarithms of the power of the bands of each room, and as its mean code says it.
    powers: Vec<Vec<f32>>,
    decoded: Vec<Vec<f32>>,
    /// `[room][bin]`: the band below each bin of the room's colour, and how far the bin is from it to the next.
    places: Vec<Vec<(usize, f32)>>,
}

impl Path {
    /// Between two rooms; with one, there is nothing to do.
    pub fn new(rooms: &Arc<[Room]>) -> Path {
        let (view, rate) = (rooms[0].model.view(), rooms[0].rate);
        let most = rooms
            .iter()
            .flat_map(|room| &room.powers)
            .fold(0.0f64, |m, &p| m.max(p));
        let log = |room: &Room| {
            room.powers
                .iter()
                .map(|p| p.max(FAINT * most).ln() as f32)
                .collect()
        };
        let hz: Vec<f64> = (0..view.bands()).map(|band| view.centre(band)).collect();
        let place = |bin: usize, window: usize| {
            let at = bin as f64 * f64::from(rate) / window as f64;
            let above = hz.partition_point(|&hz| hz <= at);
            match above {
                0 => (0, 0.0),
                n if n == hz.len() => (n - 2, 1.0),
                n => (n - 1, ((at - hz[n - 1]) / (hz[n] - hz[n - 1])) as f32),
            }
        };
        let mut path = Path {
            rooms: rooms.clone(),
            powers: rooms.iter().map(log).collect(),
            decoded: Vec::new(),
            places: rooms
                .iter()
                .map(|room| {
                    (0..=room.colour.window / 2)
                        .map(|bin| place(bin, room.colour.window))
                        .collect()
                })
                .collect(),
        };
        if rooms.len() > 1 {
            path.decoded = [0.0, 1.0].map(|share| path.decode(share)).to_vec();
        }
        path
    }

    /// Logarithms of the power of each band that the code at `share` of the way stands for.
    fn decode(&self, share: f32) -> Vec<f32> {
        let model = &self.rooms[0].model;
        let mut patch = model.decode(&between(&self.rooms, share));
        model.restore(&mut patch);
        let (frames, bands) = (model.view().frames, model.view().bands());
        (0..bands)
            .map(|band| (0..frames).map(|t| patch[t * bands + band]).sum::<f32>() / frames as f32)
            .collect()
    }

    /// By how much the logarithm of the power of each band is off the straight line between the rooms, at `share` of the way.
    pub fn bend(&self, share: f32) -> Vec<f32> {
        let [from, to] = self.decoded.as_slice() else {
            return vec![0.0; self.powers[0].len()];
        };
        let straight = from.iter().zip(to).map(|(a, b)| (1.0 - share) * a + share * b);
        self.decode(share)
            .iter()
            .zip(straight)
            .map(|(now, line)| now - line)
            .collect()
    }

    /// Amplitudes for the bins of a room's colour, at `share` of the way.
    pub fn gains(&self, number: usize, share: f32) -> Vec<f32> {
        let now = self.decode(share);
        let weights = [1.0 - share, share];
        let change: Vec<f32> = (0..now.len())
            .map(|band| {
                let line = |ends: &[Vec<f32>]| weights[0] * ends[0][band] + weights[1] * ends[1][band];
                // What the codes of the ends do not tell of the ends is added along the way.
                now[band] - line(&self.decoded) + line(&self.powers) - self.powers[number][band]
            })
            .collect();
        self.places[number]
            .iter()
            .map(|&(band, part)| {
                let log = change[band] + (change[band + 1] - change[band]) * part;
                (weights[number] * log.exp()).sqrt()
            })
            .collect()
    }
}
