//! Where places begin: the two principal components.

use super::points::Points;

/// Of the power iteration. Components that are nearly as large may be exchanged; they are as good a beginning.
const TURNS: usize = 500;

/// The scores of points on their first two principal components, small. Of each axis, the point farthest from the middle
/// lies in the positive direction. Plain arithmetic (orthogonal iteration), so that it has the same bits on every machine,
/// where libraries take what the processor does fastest.
pub fn components(points: &Points) -> Vec<[f64; 2]> {
    let (n, width) = (points.len(), points.width());
    let mut mean = vec![0.0; width];
    for point in 0..n {
        mean.iter_mut().zip(points.unit(point)).for_each(|(m, x)| *m += x);
    }
    mean.iter_mut().for_each(|m| *m /= n.max(1) as f64);
    let centred = |point: usize, row: &mut Vec<f64>| {
        row.clear();
        row.extend(points.unit(point).zip(&mean).map(|(x, m)| x - m));
    };
    let (mut covariance, mut row) = (vec![0.0; width * width], Vec::new());
    for point in 0..n {
        centred(point, &mut row);
        for (line, &x) in covariance.chunks_exact_mut(width).zip(&row) {
            line.iter_mut().zip(&row).for_each(|(c, y)| *c += x * y);
        }
    }
    let axes = largest(&covariance, width);
    let mut places = vec![[0.0; 2]; n];
    for (point, place) in places.iter_mut().enumerate() {
        centred(point, &mut row);
        *place = axes.each_ref().map(|axis| dot(axis, &row));
    }
    for axis in 0..2 {
        let far = places
            .iter()
            .map(|p| p[axis])
            .fold(0.0, |far: f64, x| if x.abs() > far.abs() { x } else { far });
        if far < 0.0 {
            places.iter_mut().for_each(|p| p[axis] = -p[axis]);
        }
    }
    let size = (places.iter().map(|p| p[0] * p[0]).sum::<f64>() / n.max(1) as f64).sqrt();
    for place in &mut places {
        *place = place.map(|x| x / size.max(1e-12) * 1e-2);
    }
    places
}

/// The two eigenvectors of a covariance with the largest eigenvalues.
fn largest(covariance: &[f64], width: usize) -> [Vec<f64>; 2] {
    // Any beginning that leans towards all directions.
    let start = |step: usize| {
        (0..width)
            .map(|k| ((k + 1) * step % 1009) as f64 - 504.3)
            .collect()
    };
    let mut axes: [Vec<f64>; 2] = [start(7919), start(6007)];
    for _ in 0..TURNS {
        for axis in &mut axes {
            *axis = covariance
                .chunks_exact(width)
                .map(|line| dot(line, axis))
                .collect();
        }
        let [first, second] = &mut axes;
        normalise(first);
        let along = dot(first, second);
        second.iter_mut().zip(&*first).for_each(|(s, f)| *s -= along * f);
        normalise(second);
    }
    axes
}

fn normalise(axis: &mut [f64]) {
    let size = dot(axis, axis).sqrt();
    axis.iter_mut().for_each(|x| *x /= size.max(f64::MIN_POSITIVE));
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::Descriptor;

    #[test]
    fn the_components_are_those_with_the_largest_variance() {
        // On the sphere nearly a plane: along one diagonal 3 times as wide as across it, and far away in the third dimension.
        let at = |i: i32| {
            let (a, b) = (i % 8 * 2 - 7, i / 8 * 2 - 7);
            Descriptor::restore(0, vec![(3 * a + b) as i8 / 4, (3 * a - b) as i8 / 4, 127])
        };
        let sounds: Vec<Descriptor> = (0..64).map(at).collect();
        let places = components(&Points::new(sounds.iter()));
        let spread = |axis: usize| places.iter().map(|p| p[axis] * p[axis]).sum::<f64>();
        let apart = places.iter().map(|p| p[0] * p[1]).sum::<f64>();
        let ratio = (spread(0) / spread(1)).sqrt();
        assert!((2.5..3.6).contains(&ratio), "{ratio}");
        assert!(apart.abs() < 1e-6 * spread(0), "{apart}");
        assert!(((spread(0) / 64.0).sqrt() - 1e-2).abs() < 1e-9);
    }
}
