//! Clusters of points.

use super::embedding::square;

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
    use super::super::tests::heaps;
    use super::*;

    #[test]
    fn heaps_are_clusters() {
        let found = clusters(&heaps(), 3);
        assert!((0..30).all(|i| found[i] == found[i / 10 * 10]));
        assert!(found[0] != found[10] && found[10] != found[20] && found[0] != found[20]);
    }
}
