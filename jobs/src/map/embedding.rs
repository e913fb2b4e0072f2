//! Embeds points of many dimensions in a plane.

use nalgebra::{DMatrix, SymmetricEigen};

/// Steps of gradient descent; in the first quarter, attraction counts more.
const STEPS: usize = 600;
const EXAGGERATION: f64 = 8.0;

/// t-distributed stochastic neighbour embedding, exact (van der Maaten & Hinton 2008): neighbours stay neighbours. Begins
/// with the two principal components, so that the same sounds always make the same map. Coordinates from 0 to 1.
pub fn on_a_plane(points: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let mut places = components(points);
    if points.len() > 4 {
        descend(
            &mut places,
            &affinities(points, (points.len() as f64 - 1.0).min(90.0) / 3.0),
        );
    }
    for axis in 0..2 {
        let (low, high) = places
            .iter()
            .fold((f64::MAX, f64::MIN), |(l, h), p| (l.min(p[axis]), h.max(p[axis])));
        for place in &mut places {
            let share = (place[axis] - low) / (high - low);
            place[axis] = if share.is_finite() { share } else { 0.5 };
        }
    }
    places
}

/// Moves places until they are neighbours as much as the points are (`[i][j]`): gradient descent with momentum.
fn descend(places: &mut [[f64; 2]], attraction: &[f64]) {
    let n = places.len();
    let (mut speed, rate) = (vec![[0.0f64; 2]; n], (n as f64 / EXAGGERATION).max(10.0));
    let mut kernel = vec![0.0f64; n * n];
    for step in 0..STEPS {
        let early = step < STEPS / 4;
        let (more, momentum) = if early { (EXAGGERATION, 0.5) } else { (1.0, 0.8) };
        let mut sum = 0.0;
        for i in 0..n {
            for j in 0..i {
                let q = 1.0 / (1.0 + square(&places[i], &places[j]));
                (kernel[i * n + j], kernel[j * n + i]) = (q, q);
                sum += 2.0 * q;
            }
        }
        for i in 0..n {
            let mut force = [0.0; 2];
            for j in 0..n {
                let q = kernel[i * n + j];
                let pull = 4.0 * (more * attraction[i * n + j] - q / sum) * q;
                for axis in 0..2 {
                    force[axis] += pull * (places[i][axis] - places[j][axis]);
                }
            }
            for axis in 0..2 {
                speed[i][axis] = momentum * speed[i][axis] - rate * force[axis];
            }
        }
        for (place, speed) in places.iter_mut().zip(&speed) {
            place[0] += speed[0];
            place[1] += speed[1];
        }
    }
}

pub(super) fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// The first two principal components, small, as a beginning. Of each axis, the point farthest from the middle lies in
/// the positive direction.
fn components(points: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let (n, width) = (points.len(), points.first().map_or(0, Vec::len));
    if n == 0 || width == 0 {
        return vec![[0.0; 2]; n];
    }
    let mut centred = DMatrix::from_fn(n, width, |i, k| points[i][k]);
    for mut column in centred.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    let eigen = SymmetricEigen::new(centred.tr_mul(&centred));
    let mut order: Vec<usize> = (0..width).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let mut places = vec![[0.0; 2]; n];
    for (axis, &component) in order.iter().take(2).enumerate() {
        let scores = &centred * eigen.eigenvectors.column(component);
        let sign = scores[scores.icamax()].signum();
        for (place, score) in places.iter_mut().zip(scores.iter()) {
            place[axis] = sign * score;
        }
    }
    let size = places.iter().map(|p| p[0] * p[0]).sum::<f64>().sqrt() / (n as f64).sqrt();
    for place in &mut places {
        *place = place.map(|x| x / size.max(1e-12) * 1e-2);
    }
    places
}

/// `[i][j]`: how much two points are neighbours; every point has about `perplexity` of them.
fn affinities(points: &[Vec<f64>], perplexity: f64) -> Vec<f64> {
    let n = points.len();
    let mut p = vec![0.0; n * n];
    for i in 0..n {
        let distances: Vec<f64> = points.iter().map(|other| square(&points[i], other)).collect();
        let nearest = distances
            .iter()
            .enumerate()
            .filter(|(j, _)| *j != i)
            .fold(f64::MAX, |m, (_, d)| m.min(*d));
        let (mut low, mut high, mut beta) = (0.0, f64::MAX, 1.0 / (nearest + 1e-6));
        for _ in 0..60 {
            let row = &mut p[i * n..(i + 1) * n];
            for (j, (p, d)) in row.iter_mut().zip(&distances).enumerate() {
                *p = if j == i {
                    0.0
                } else {
                    (-beta * (d - nearest)).exp()
                };
            }
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|p| *p /= sum);
            let entropy: f64 = row.iter().filter(|p| **p > 1e-12).map(|p| -p * p.ln()).sum();
            if entropy > perplexity.ln() {
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
    }
    (0..n * n)
        .map(|at| (p[at] + p[at % n * n + at / n]) / (2.0 * n as f64))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::heaps;
    use super::*;

    #[test]
    fn heaps_stay_heaps_on_the_plane() {
        let places = on_a_plane(&heaps());
        for i in 0..30 {
            let nearest = (0..30)
                .filter(|&j| j != i)
                .min_by(|&a, &b| square(&places[i], &places[a]).total_cmp(&square(&places[i], &places[b])));
            assert_eq!(nearest.unwrap() / 10, i / 10, "{places:?}");
        }
        assert!(places.iter().flatten().all(|x| (0.0..=1.0).contains(x)));
        assert_eq!(places, on_a_plane(&heaps()));
    }

    #[test]
    fn the_components_are_those_with_the_largest_variance() {
        // Along one diagonal 3 times as wide as across it, and nothing in the third dimension.
        let at = |i: usize| {
            let (a, b) = ((i % 8) as f64 - 3.5, (i / 8) as f64 - 3.5);
            vec![3.0 * a + b, 3.0 * a - b, 7.0]
        };
        let points: Vec<Vec<f64>> = (0..64).map(at).collect();
        let places = components(&points);
        let scale = places[7][0] / 3.5;
        for (i, place) in places.iter().enumerate() {
            let (a, b) = ((i % 8) as f64 - 3.5, (i / 8) as f64 - 3.5);
            assert!(
                (place[0].abs() - scale.abs() * a.abs()).abs() < 1e-9,
                "{i}: {place:?}"
            );
            assert!(
                (place[1].abs() - scale.abs() / 3.0 * b.abs()).abs() < 1e-9,
                "{i}: {place:?}"
            );
        }
    }
}
