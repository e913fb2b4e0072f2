//! Where points with many numbers are put on a plane, and which of them belong together.

/// Steps of gradient descent; in the first quarter, attraction counts more.
const STEPS: usize = 600;
const EXAGGERATION: f64 = 8.0;

/// t-distributed stochastic neighbour embedding, exact (van der Maaten & Hinton 2008): neighbours stay neighbours. Begins
/// with the two principal components, so that the same sounds always make the same map. Coordinates from 0 to 1.
pub fn on_a_plane(points: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let n = points.len();
    let mut places = components(points);
    if n > 4 {
        let attraction = affinities(points, (n as f64 - 1.0).min(90.0) / 3.0);
        let (mut speed, rate) = (vec![[0.0f64; 2]; n], (n as f64 / EXAGGERATION).max(10.0));
        for step in 0..STEPS {
            let early = step < STEPS / 4;
            let (more, momentum) = if early { (EXAGGERATION, 0.5) } else { (1.0, 0.8) };
            let mut kernel = vec![0.0f64; n * n];
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

fn square(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// The first two principal components by power iteration, small, as a beginning.
fn components(points: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let (n, width) = (points.len(), points.first().map_or(0, Vec::len));
    let mean: Vec<f64> = (0..width)
        .map(|k| points.iter().map(|p| p[k]).sum::<f64>() / n as f64)
        .collect();
    let mut rest: Vec<Vec<f64>> = points
        .iter()
        .map(|p| p.iter().zip(&mean).map(|(x, m)| x - m).collect())
        .collect();
    let mut places = vec![[0.0; 2]; n];
    for axis in 0..2 {
        let mut direction: Vec<f64> = (0..width).map(|k| 1.0 + (k % 7) as f64).collect();
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(x, y)| x * y).sum() };
        for _ in 0..50 {
            let mut next = vec![0.0; width];
            for point in &rest {
                let share = dot(point, &direction);
                next.iter_mut().zip(point).for_each(|(v, x)| *v += share * x);
            }
            let size = dot(&next, &next).sqrt().max(1e-12);
            direction = next.iter().map(|v| v / size).collect();
        }
        for (point, place) in rest.iter_mut().zip(&mut places) {
            let share = dot(point, &direction);
            place[axis] = share;
            point
                .iter_mut()
                .zip(&direction)
                .for_each(|(x, d)| *x -= share * d);
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

/// k-means (Lloyd 1982), begun with points that are far from each other: the cluster of every point.
pub fn clusters(points: &[Vec<f64>], count: usize) -> Vec<usize> {
    let mut centres: Vec<Vec<f64>> = points.first().cloned().into_iter().collect();
    let nearest = |centres: &[Vec<f64>], point: &[f64]| -> (usize, f64) {
        let distances = centres.iter().map(|c| square(c, point)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    };
    while centres.len() < count.min(points.len()) {
        let far = points
            .iter()
            .max_by(|a, b| nearest(&centres, a).1.total_cmp(&nearest(&centres, b).1));
        centres.extend(far.cloned());
    }
    let mut found = vec![0; points.len()];
    for _ in 0..50 {
        let now: Vec<usize> = points.iter().map(|p| nearest(&centres, p).0).collect();
        for (number, centre) in centres.iter_mut().enumerate() {
            let own: Vec<_> = points.iter().zip(&now).filter(|(_, c)| **c == number).collect();
            if !own.is_empty() {
                for (k, x) in centre.iter_mut().enumerate() {
                    *x = own.iter().map(|(p, _)| p[k]).sum::<f64>() / own.len() as f64;
                }
            }
        }
        if now == found {
            break;
        }
        found = now;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three heaps of ten points in five dimensions.
    fn heaps() -> Vec<Vec<f64>> {
        let at = |i: usize| {
            (0..5).map(move |k| if k == i / 10 { 5.0 } else { 0.0 } + ((i * 7 + k * 13) % 10) as f64 * 0.05)
        };
        (0..30).map(|i| at(i).collect()).collect()
    }

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
    fn heaps_are_clusters() {
        let found = clusters(&heaps(), 3);
        assert!((0..30).all(|i| found[i] == found[i / 10 * 10]));
        assert!(found[0] != found[10] && found[10] != found[20] && found[0] != found[20]);
    }

    #[test]
    fn few_or_equal_points_have_a_place_too() {
        for points in [vec![], vec![vec![1.0, 2.0]], vec![vec![1.0, 2.0]; 9]] {
            let places = on_a_plane(&points);
            assert!(places.len() == points.len() && places.iter().flatten().all(|x| x.is_finite()));
            assert_eq!(clusters(&points, 4).len(), points.len());
        }
    }
}
