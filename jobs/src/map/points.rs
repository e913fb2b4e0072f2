//! Descriptors as points on a sphere: what counts is the angle between them.

use super::workers::share;
use crate::find::Descriptor;

/// Points of one width.
#[derive(Debug)]
pub struct Points {
    /// `[point][dimension]`, at least one dimension. Twice as wide as they need be: processors multiply and add these fastest.
    values: Vec<i16>,
    width: usize,
    /// Lengths of the vectors, 1 for that of zeros.
    sizes: Vec<f64>,
}

/// Another point, and the square of the distance to it on the sphere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub point: u32,
    pub distance: f64,
}

/// Points that are compared with a piece of others while both stay in the processor's cache.
const BLOCK: usize = 256;
const PIECE: usize = 16;

impl Points {
    pub fn new<'a>(sounds: impl Iterator<Item = &'a Descriptor>) -> Points {
        let (mut values, mut sizes, mut width) = (Vec::new(), Vec::new(), 1);
        for sound in sounds {
            width = sound.values().len().max(1);
            let end = values.len() + width;
            values.extend(sound.values().iter().map(|&x| i16::from(x)));
            values.resize(end, 0);
            let own = &values[end - width..];
            sizes.push(f64::from(dot(own, own)).sqrt().max(1.0));
        }
        Points { values, width, sizes }
    }

    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    pub fn width(&self) -> usize {
        self.width
    }

    /// A point on the sphere.
    pub fn unit(&self, point: usize) -> impl Iterator<Item = f64> + '_ {
        let size = self.sizes[point];
        self.row(point).iter().map(move |&x| f64::from(x) / size)
    }

    fn row(&self, point: usize) -> &[i16] {
        &self.values[point * self.width..(point + 1) * self.width]
    }

    /// The `count` nearest of the first `among` points for each from `first` on, the nearest first, itself left out. Every
    /// pair is looked at, in integers, so the result is exact.
    pub fn neighbours(
        &self,
        first: usize,
        among: usize,
        count: usize,
        workers: usize,
    ) -> Vec<Vec<Neighbour>> {
        let mut found = vec![Vec::new(); self.len() - first];
        share(&mut found, PIECE, workers, |start, found| {
            for block in (0..among).step_by(BLOCK) {
                let block = block..among.min(block + BLOCK);
                for (own, near) in (first + start..).zip(found.iter_mut()) {
                    let others = block.clone().filter(|&other| other != own);
                    near.extend(others.map(|other| self.neighbour(own, other)));
                    if near.len() >= 4 * count + BLOCK {
                        keep_nearest(near, count);
                    }
                }
            }
            for near in found {
                keep_nearest(near, count);
                near.shrink_to_fit();
                near.sort_unstable_by(order);
            }
        });
        found
    }

    fn neighbour(&self, own: usize, other: usize) -> Neighbour {
        let cosine = f64::from(dot(self.row(own), self.row(other))) / (self.sizes[own] * self.sizes[other]);
        Neighbour {
            point: other as u32,
            distance: (2.0 - 2.0 * cosine).max(0.0),
        }
    }
}

fn keep_nearest(near: &mut Vec<Neighbour>, count: usize) {
    if near.len() > count {
        near.select_nth_unstable_by(count, order);
        near.truncate(count);
    }
}

/// The nearest first; of points that are equally near, the one that was given first.
fn order(a: &Neighbour, b: &Neighbour) -> std::cmp::Ordering {
    (a.distance.total_cmp(&b.distance)).then(a.point.cmp(&b.point))
}

fn dot(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_neighbours_are_those_that_sorting_finds() {
        let value = |n: usize, k: usize| ((n * 7919 + k * k * 104_729) % 251) as u8 as i8;
        let sounds = (0..700).map(|n| Descriptor::restore(0, (0..5).map(|k| value(n / 2, k)).collect()));
        let points = Points::new(sounds.collect::<Vec<_>>().iter());
        for (first, among, count) in [(0, 700, 20), (600, 600, 90), (300, 300, 400), (699, 0, 3)] {
            let found = points.neighbours(first, among, count, 3);
            assert_eq!(found.len(), 700 - first);
            for (own, found) in (first..).zip(&found) {
                let others = (0..among).filter(|&other| other != own);
                let mut wanted: Vec<Neighbour> = others.map(|other| points.neighbour(own, other)).collect();
                wanted.sort_by(order);
                wanted.truncate(count);
                assert_eq!(*found, wanted, "{own}");
            }
        }
    }
}
