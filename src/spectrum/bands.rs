//! Frequency bands: overlapping triangles over the bins of a spectrum, narrow where voices have harmonics and wide above.

/// Triangles between neighbouring centres. Every bin belongs to one band or two, with shares that sum to 1.
#[derive(Clone, Debug)]
pub struct Bands {
    /// Bin numbers, strictly increasing from 0 to the last bin.
    centres: Vec<usize>,
    /// `[bin]`: the share of the band at or below it; the rest is the band's above.
    lower: Vec<f32>,
    upper: Vec<f32>,
    /// `[band]`: 1 / (sum of its shares).
    scale: Vec<f32>,
}

impl Bands {
    /// Divides the bins 0 to `last`. Centres lie in `steps` of pairs (bins, how many such steps) from bin 0 up; what would
    /// reach `last` or lie beyond is left out, and `last` is the last centre.
    ///
    /// # Panics
    /// If `last` is 0, or a step has no bins.
    pub fn new(steps: &[(usize, usize)], last: usize) -> Bands {
        assert!(
            last > 0 && steps.iter().all(|&(step, _)| step > 0),
            "bands have bins"
        );
        Bands::with_centres(centres(steps, last))
    }

    fn with_centres(centres: Vec<usize>) -> Bands {
        let bins = centres[centres.len() - 1] + 1;
        let (mut lower, mut upper) = (vec![1.0; bins], vec![0.0; bins]);
        let mut sums = vec![0.0; centres.len()];
        for (band, ends) in centres.windows(2).enumerate() {
            for bin in ends[0]..ends[1] {
                let up = (bin - ends[0]) as f64 / (ends[1] - ends[0]) as f64;
                (lower[bin], upper[bin]) = ((1.0 - up) as f32, up as f32);
                sums[band] += 1.0 - up;
                sums[band + 1] += up;
            }
        }
        sums[centres.len() - 1] += 1.0;
        Bands {
            centres,
            lower,
            upper,
            scale: sums.iter().map(|s| (1.0 / s) as f32).collect(),
        }
    }

    /// Bin numbers of the centres, strictly increasing from 0 to the last bin.
    pub fn centres(&self) -> &[usize] {
        &self.centres
    }

    /// The number of bands.
    #[allow(clippy::len_without_is_empty)] // there are always two or more
    pub fn len(&self) -> usize {
        self.centres.len()
    }

    /// The number of bins that they divide.
    pub fn bins(&self) -> usize {
        self.lower.len()
    }

    /// Computes the weighted mean in each band: `bins` numbers in, `bands` numbers out.
    #[inline(always)]
    pub fn pool(&self, bins: &[f32], bands: &mut [f32]) {
        let mut from_below = 0.0;
        for (band, ends) in self.centres.windows(2).enumerate() {
            let range = ends[0]..ends[1];
            let x = &bins[range.clone()];
            let (down, up) = (dot(x, &self.lower[range.clone()]), dot(x, &self.upper[range]));
            bands[band] = (from_below + down) * self.scale[band];
            from_below = up;
        }
        let last = self.len() - 1;
        bands[last] = (from_below + bins[self.bins() - 1]) * self.scale[last];
    }

    /// Draws straight lines between the centres: `bands` numbers in, `bins` numbers out.
    #[inline(always)]
    pub fn expand(&self, bands: &[f32], bins: &mut [f32]) {
        for (ends, values) in self.centres.windows(2).zip(bands.windows(2)) {
            let range = ends[0]..ends[1];
            for ((y, lower), upper) in bins[range.clone()]
                .iter_mut()
                .zip(&self.lower[range.clone()])
                .zip(&self.upper[range])
            {
                *y = values[0] * lower + values[1] * upper;
            }
        }
        bins[self.bins() - 1] = bands[self.len() - 1];
    }
}

/// The sum of products, four at a time.
#[inline(always)]
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<4>(), y.as_chunks::<4>());
    let mut sums = [0.0; 4];
    for (x, y) in x.iter().zip(y) {
        for i in 0..4 {
            sums[i] += x[i] * y[i];
        }
    }
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    (sums[0] + sums[2]) + (sums[1] + sums[3]) + rest
}

/// Bin numbers of band centres from 0 to `last`, strictly increasing, in steps of pairs (bins, how many such steps);
/// what would reach `last` or lie beyond is left out.
pub(crate) fn centres(steps: &[(usize, usize)], last: usize) -> Vec<usize> {
    let mut centres = vec![0_usize];
    for &(step, count) in steps {
        for _ in 0..count {
            let next = centres[centres.len() - 1].saturating_add(step);
            if next >= last {
                break;
            }
            centres.push(next);
        }
    }
    centres.push(last);
    centres
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bands() -> Bands {
        Bands::with_centres(vec![0, 1, 2, 6, 9])
    }

    #[test]
    fn a_constant_is_pooled_and_expanded_to_itself() {
        let mut pooled = [0.0; 5];
        bands().pool(&[3.0; 10], &mut pooled);
        assert!(pooled.iter().all(|v| (v - 3.0).abs() < 1e-6), "{pooled:?}");
        let mut expanded = [0.0; 10];
        bands().expand(&[3.0; 5], &mut expanded);
        assert!(expanded.iter().all(|v| (v - 3.0).abs() < 1e-6), "{expanded:?}");
    }

    #[test]
    fn a_bin_between_two_centres_is_shared_by_distance() {
        let mut bins = [0.0; 10];
        bins[3] = 1.0;
        let mut pooled = [0.0; 5];
        bands().pool(&bins, &mut pooled);
        // Band 2 peaks at bin 2 and sums to 1 + 3/4 + 2/4 + 1/4; band 3 sums to 1/4 + 2/4 + 3/4 + 1 + 2/3 + 1/3.
        let expected = [0.0, 0.0, 0.75 / 2.5, 0.25 / 3.5, 0.0];
        assert!(
            pooled
                .iter()
                .zip(expected)
                .all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-7),
            "{pooled:?}"
        );
    }

    #[test]
    fn expansion_draws_straight_lines() {
        let mut expanded = [0.0; 10];
        bands().expand(&[1.0, 2.0, 3.0, 7.0, 1.0], &mut expanded);
        for (k, expected) in [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 5.0, 3.0, 1.0]
            .into_iter()
            .enumerate()
        {
            assert!((expanded[k] - expected).abs() < 1e-5, "bin {k}: {}", expanded[k]);
        }
    }
}
