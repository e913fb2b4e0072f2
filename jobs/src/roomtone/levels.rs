//! How often each band of a room is how loud. Drops, crackle and chirps are rare loud moments; a walk through codes, and
//! noise that follows it, make too few of them. Each level that is made becomes the level of the room that is as rare:
//! histograms are matched band by band, as Heeger & Bergen 1995 did with textures.

use super::heard::Heard;

/// The shares of frames below each level that is kept: dense where moments are rare.
const SHARES: [f32; 25] = [
    0.001, 0.003, 0.01, 0.02, 0.04, 0.07, 0.1, 0.15, 0.2, 0.27, 0.35, 0.43, 0.5, 0.57, 0.65, 0.73, 0.8, 0.85,
    0.9, 0.93, 0.96, 0.98, 0.99, 0.997, 0.999,
];
/// Nothing is made louder or softer than by this, as a logarithm of power (26 dB).
const MOST: f32 = 6.0;
/// Powers below this share of a sound's mean are taken for it.
const FAINT: f64 = 1e-9;

/// Logarithms of power, in every band the level below which each of [`SHARES`] of the frames lie.
#[derive(Clone, Debug)]
pub struct Levels(Vec<[f32; SHARES.len()]>);

impl Levels {
    /// Of frames of powers, `[frame][band]`.
    pub fn of<'a>(bands: usize, frames: impl Iterator<Item = &'a [f32]> + Clone) -> Levels {
        let (sum, count) = frames
            .clone()
            .flatten()
            .fold((0.0, 0.0f64), |(sum, count), &power| {
                (sum + f64::from(power), count + 1.0)
            });
        let faint = (FAINT * sum / count.max(1.0)).max(1e-30) as f32;
        let band = |band: usize| {
            let mut logs: Vec<f32> = frames.clone().map(|frame| frame[band].max(faint).ln()).collect();
            logs.sort_unstable_by(f32::total_cmp);
            SHARES.map(|share| at(&logs, share))
        };
        Levels((0..bands).map(band).collect())
    }

    /// Of all that was heard in several stretches.
    pub fn heard(sounds: &[Heard]) -> Levels {
        let frames = sounds
            .iter()
            .flat_map(|sound| (0..sound.frames()).map(|t| sound.frame(t)));
        Levels::of(sounds[0].bands, frames)
    }
}

/// The level below which a share of sorted ones lie; 0 if there are none.
fn at(sorted: &[f32], share: f32) -> f32 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0.0;
    };
    let place = (share * sorted.len() as f32 - 0.5).clamp(0.0, last as f32);
    let (below, part) = (place as usize, place.fract());
    sorted[below] + part * (sorted[(below + 1).min(last)] - sorted[below])
}

/// What is added to the levels of noise that was moved, so that each is as frequent as in the room.
#[derive(Clone, Debug)]
pub struct Matching {
    /// Levels before, and what is added to each, as logarithms of power.
    from: Levels,
    added: Vec<[f32; SHARES.len()]>,
}

impl Matching {
    /// Changes nothing yet. `from`: levels of what is made.
    pub fn new(from: Levels) -> Matching {
        Matching {
            added: vec![[0.0; SHARES.len()]; from.0.len()],
            from,
        }
    }

    /// Corrects it by what was heard of the tone that came of it.
    pub fn correct(&mut self, wanted: &Levels, heard: &Levels) {
        for ((added, wanted), heard) in self.added.iter_mut().zip(&wanted.0).zip(&heard.0) {
            for ((added, wanted), heard) in added.iter_mut().zip(wanted).zip(heard) {
                *added = (*added + wanted - heard).clamp(-MOST, MOST);
            }
        }
    }
}

/// What is to be added to the level of a band, between two rooms' matchings weighted by `weights`. `bend`: by how much the
/// level is off the straight line between the rooms.
pub fn added(rooms: &[(f32, &Matching)], band: usize, level: f32, bend: f32) -> f32 {
    let mean = |of: fn(&Matching, usize, usize) -> f32, k: usize| -> f32 {
        rooms
            .iter()
            .map(|(weight, matching)| weight * of(matching, band, k))
            .sum()
    };
    let from = |k: usize| mean(|matching, band, k| matching.from.0[band][k], k) + bend;
    let added = |k: usize| mean(|matching, band, k| matching.added[band][k], k);
    let last = SHARES.len() - 1;
    if level <= from(0) {
        return added(0);
    }
    // The first level that is not below.
    let (mut low, mut high) = (0, last);
    if level >= from(last) {
        return added(last);
    }
    while high - low > 1 {
        let middle = (low + high) / 2;
        match from(middle) <= level {
            true => low = middle,
            false => high = middle,
        }
    }
    let part = (level - from(low)) / (from(high) - from(low)).max(1e-6);
    added(low) + part * (added(high) - added(low))
}
