//! Sound as an autoregressive process: every sample a weighted sum of those before it, and an error that is small.
//!
//! Coefficients are those of the error, a[0] = 1: e[t] = Σ a[k] x[t - k].

/// Coefficients after Burg, "Maximum Entropy Spectral Analysis" (1975), of several stretches of one process together.
/// The order is at most a third of the longest stretch.
pub fn burg(stretches: &[&[f64]], order: usize) -> Vec<f64> {
    let longest = stretches.iter().map(|x| x.len()).max().unwrap_or(0);
    let order = order.min(longest / 3);
    let mut forward: Vec<Vec<f64>> = stretches
        .iter()
        .map(|x| x.get(1..).unwrap_or(&[]).to_vec())
        .collect();
    let mut backward: Vec<Vec<f64>> = stretches
        .iter()
        .map(|x| x[..x.len().saturating_sub(1)].to_vec())
        .collect();
    let mut a = vec![1.0];
    let mut reversed: Vec<f64> = Vec::new();
    for _ in 0..order {
        let (mut product, mut power) = (0.0, 0.0);
        for (f, b) in forward.iter().zip(&backward) {
            let (p, q) = products(f, b);
            product += p;
            power += q;
        }
        if power <= f64::MIN_POSITIVE {
            break;
        }
        let reflection = -2.0 * product / power;
        a.push(0.0);
        reversed.clear();
        reversed.extend(a.iter().rev().copied());
        a.iter_mut()
            .zip(&reversed)
            .for_each(|(a, r)| *a += reflection * r);
        for (f, b) in forward.iter_mut().zip(&mut backward) {
            for (f, b) in f.iter_mut().zip(b.iter_mut()) {
                (*f, *b) = (*f + reflection * *b, *b + reflection * *f);
            }
            // The next order sees one sample more: the errors move apart.
            f.drain(..f.len().min(1));
            b.pop();
        }
    }
    a
}

/// Σ f b and Σ f² + b², in several sums so that the compiler may add in parallel.
fn products(f: &[f64], b: &[f64]) -> (f64, f64) {
    let (mut product, mut power) = ([0.0; 8], [0.0; 8]);
    for (f, b) in f.chunks(8).zip(b.chunks(8)) {
        for (i, (f, b)) in f.iter().zip(b).enumerate() {
            product[i] += f * b;
            power[i] += f * f + b * b;
        }
    }
    (product.iter().sum(), power.iter().sum())
}

/// Goes on after `past` without any error, for `n` samples.
pub fn continued(a: &[f64], past: &[f64], n: usize) -> Vec<f64> {
    let order = (a.len() - 1).min(past.len());
    let mut out = past[past.len() - order..].to_vec();
    let weights: Vec<f64> = a[1..=order].iter().rev().map(|a| -a).collect();
    for t in 0..n {
        let next = products(&out[t..t + order], &weights).0;
        out.push(next);
    }
    out.split_off(order)
}

/// Sets the samples at `unknown` (increasing) so that the sum of squared errors is least: the interpolation of Janssen,
/// Veldhuis and Vries, "Adaptive interpolation of discrete-time signals that can be modeled as autoregressive
/// processes" (IEEE Trans. ASSP 34, 1986).
pub fn interpolate(a: &[f64], samples: &mut [f64], unknown: &[usize]) {
    let order = a.len() - 1;
    // Correlation of the coefficients: the system's matrix, and what known samples contribute.
    let r: Vec<f64> = (0..=order)
        .map(|lag| a[lag..].iter().zip(a).map(|(x, y)| x * y).sum())
        .collect();
    let n = unknown.len();
    for &t in unknown {
        samples[t] = 0.0;
    }
    let right: Vec<f64> = unknown
        .iter()
        .map(|&t| {
            let from = t.saturating_sub(order);
            let to = samples.len().min(t + order + 1);
            -(from..to).map(|s| r[s.abs_diff(t)] * samples[s]).sum::<f64>()
        })
        .collect();
    // A Cholesky decomposition L Lᵀ, rows of L one after another; nothing lies further left than the order reaches.
    let mut l: Vec<Vec<f64>> = Vec::with_capacity(n);
    let mut first = Vec::with_capacity(n);
    for i in 0..n {
        let begin = unknown[..i].partition_point(|&u| u + order < unknown[i]);
        let mut row = vec![0.0; i + 1 - begin];
        for j in begin..=i {
            let above: &[f64] = if j < i { &l[j] } else { &[] };
            let lag = unknown[i] - unknown[j];
            let mut value = r[lag] * if i == j { 1.0 + 1e-9 } else { 1.0 };
            if j < i {
                let shared = begin.max(first[j]);
                let (x, y) = (
                    &row[shared - begin..j - begin],
                    &above[shared - first[j]..j - first[j]],
                );
                value = (value - products(x, y).0) / above[j - first[j]];
            } else {
                value -= row[..i - begin].iter().map(|x| x * x).sum::<f64>();
                value = value.max(1e-12).sqrt();
            }
            row[j - begin] = value;
        }
        l.push(row);
        first.push(begin);
    }
    let mut x = right;
    for i in 0..n {
        let sum: f64 = products(&l[i][..i - first[i]], &x[first[i]..i]).0;
        x[i] = (x[i] - sum) / l[i][i - first[i]];
    }
    for i in (0..n).rev() {
        x[i] /= l[i][i - first[i]];
        let value = x[i];
        for j in first[i]..i {
            x[j] -= l[i][j - first[i]] * value;
        }
    }
    for (&t, value) in unknown.iter().zip(x) {
        samples[t] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tones(n: usize) -> Vec<f64> {
        let tone = |t: usize| (t as f64 * 0.05).sin() + 0.5 * (t as f64 * 0.21 + 1.0).sin();
        (0..n).map(tone).collect()
    }

    #[test]
    fn tones_are_continued_and_interpolated() {
        let x = tones(2000);
        let a = burg(&[&x[..1000]], 32);
        for (y, x) in continued(&a, &x[..1000], 300).iter().zip(&x[1000..]) {
            assert!((y - x).abs() < 0.05, "{y} {x}");
        }
        let unknown: Vec<usize> = (900..940).chain([950, 951, 990]).collect();
        let mut damaged = x.clone();
        unknown.iter().for_each(|&t| damaged[t] = 9.0);
        interpolate(&a, &mut damaged, &unknown);
        // No other values have smaller errors of prediction.
        let error = |x: &[f64]| {
            let of = |x: &[f64]| a.iter().zip(x.iter().rev()).map(|(a, x)| a * x).sum::<f64>();
            x.windows(a.len()).map(|x| of(x).powi(2)).sum::<f64>()
        };
        let least = error(&damaged);
        for &t in &unknown {
            for change in [-1e-3, 1e-3] {
                let mut other = damaged.clone();
                other[t] += change;
                assert!(error(&other) > least, "{t}");
            }
        }
    }

    #[test]
    fn what_is_silent_or_very_short_stays_finite() {
        for x in [vec![], vec![1.0], vec![0.0; 500], vec![1.0; 500]] {
            let a = burg(&[&x], 32);
            let next = continued(&a, &x, 50);
            assert!(next.len() == 50 && next.iter().all(|y| y.is_finite()));
        }
    }
}
