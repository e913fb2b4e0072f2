//! How much points are neighbours.

use super::points::Neighbour;
use super::workers::share;

/// Of bisection; each halves what is left.
const HALVES: usize = 60;

/// For points one after another, the others that attract each, and how much.
#[derive(Debug, Default)]
pub struct Affinities {
    /// Where each point's begin in `others`, and where the last one's end.
    starts: Vec<usize>,
    others: Vec<(u32, f32)>,
}

impl Affinities {
    /// Of the points from `first` on, whose neighbours are given: `p[j|i]`, where every point has about `perplexity`
    /// neighbours. `p[i|j]` is added, and all divided by twice the number of points. For a neighbour before `first`, whose
    /// own neighbours nobody has looked for, it is taken to be `p[j|i]`.
    pub fn new(neighbours: &[Vec<Neighbour>], first: usize, perplexity: f64, workers: usize) -> Affinities {
        let total = 2.0 * (first + neighbours.len()) as f64;
        let mut shares = vec![Vec::new(); neighbours.len()];
        share(&mut shares, 64, workers, |start, shares| {
            for (shares, near) in shares.iter_mut().zip(&neighbours[start..]) {
                *shares = conditional(near, perplexity);
            }
        });
        let mut rows: Vec<Vec<(u32, f64)>> = vec![Vec::new(); neighbours.len()];
        for (own, (near, shares)) in neighbours.iter().zip(&shares).enumerate() {
            for (other, share) in near.iter().zip(shares) {
                match (other.point as usize).checked_sub(first) {
                    None => rows[own].push((other.point, 2.0 * share)),
                    Some(row) => {
                        rows[own].push((other.point, *share));
                        rows[row].push(((first + own) as u32, *share));
                    }
                }
            }
        }
        let mut affinities = Affinities {
            starts: vec![0],
            others: Vec::new(),
        };
        for mut row in rows {
            row.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            // Two at most are of one point.
            for both in row.chunk_by(|a, b| a.0 == b.0) {
                let share = both.iter().map(|(_, share)| share).sum::<f64>() / total;
                affinities.others.push((both[0].0, share as f32));
            }
            affinities.starts.push(affinities.others.len());
        }
        affinities
    }

    /// What attracts one of the points, counted from the first of them.
    pub fn of(&self, point: usize) -> &[(u32, f32)] {
        &self.others[self.starts[point]..self.starts[point + 1]]
    }
}

/// The shares of neighbours, the nearest first, that a Gaussian gives which is as wide as the perplexity asks for.
pub fn conditional(near: &[Neighbour], perplexity: f64) -> Vec<f64> {
    let Some(nearest) = near.first().map(|n| n.distance) else {
        return Vec::new();
    };
    // libm has the same bits on every machine.
    let weigh = |beta: f64| {
        near.iter()
            .map(move |n| libm::exp(-beta * (n.distance - nearest)))
    };
    let (mut low, mut high, mut beta) = (0.0, f64::MAX, 1.0 / (nearest + 1e-6));
    let wanted = libm::log(perplexity);
    for _ in 0..HALVES {
        let (mut sum, mut moment) = (0.0, 0.0);
        for (weight, n) in weigh(beta).zip(near) {
            sum += weight;
            moment += weight * (n.distance - nearest);
        }
        let entropy = libm::log(sum) + beta * moment / sum;
        if (entropy - wanted).abs() < 1e-7 {
            break;
        }
        if entropy > wanted {
            low = beta;
            beta = if high == f64::MAX {
                beta * 2.0
            } else {
                (low + high) / 2.0
            };
        } else {
            high = beta;
            beta = (low + high) / 2.0;
        }
    }
    let weights: Vec<f64> = weigh(beta).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}
