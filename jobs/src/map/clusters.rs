//! Clusters of points on the plane.

/// k-means (Lloyd 1982), begun with points that are far from each other: the cluster of every point.
pub fn clusters(points: &[[f64; 2]], count: usize) -> Vec<usize> {
    let mut centres: Vec<[f64; 2]> = points.first().copied().into_iter().collect();
    let mut away: Vec<f64> = points.iter().map(|&p| nearest(&centres, p).1).collect();
    while centres.len() < count.min(points.len()) {
        let far = (0..points.len()).max_by(|&a, &b| away[a].total_cmp(&away[b]));
        let far = points[far.unwrap_or(0)];
        for (away, &point) in away.iter_mut().zip(points) {
            *away = away.min(square(far, point));
        }
        centres.push(far);
    }
    let mut found = vec![0; points.len()];
    for _ in 0..50 {
        let now: Vec<usize> = points.iter().map(|&p| nearest(&centres, p).0).collect();
        for (centre, middle) in centres.iter_mut().zip(middles(points, &now, count)) {
            *centre = middle.unwrap_or(*centre);
        }
        if now == found {
            break;
        }
        found = now;
    }
    found
}

/// The middle of each of so many clusters; none of an empty one.
pub fn middles(points: &[[f64; 2]], clusters: &[usize], count: usize) -> Vec<Option<[f64; 2]>> {
    let mut sums = vec![([0.0; 2], 0.0); count];
    for (point, &cluster) in points.iter().zip(clusters) {
        let (sum, number) = &mut sums[cluster];
        *sum = [sum[0] + point[0], sum[1] + point[1]];
        *number += 1.0;
    }
    let middle = |(sum, number): ([f64; 2], f64)| (number > 0.0).then(|| sum.map(|x| x / number));
    sums.into_iter().map(middle).collect()
}

/// The centre that is nearest to a point, and the square of its distance.
fn nearest(centres: &[[f64; 2]], point: [f64; 2]) -> (usize, f64) {
    let distances = centres.iter().map(|&centre| square(centre, point)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

pub fn square([x, y]: [f64; 2], [u, v]: [f64; 2]) -> f64 {
    (x - u) * (x - u) + (y - v) * (y - v)
}
