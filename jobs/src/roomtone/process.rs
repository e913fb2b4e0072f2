//! Random processes in one dimension: autocovariance, spectrum, predictor, skewness.

use std::f64::consts::PI;

/// Steps back that a walk's predictor sees, at most.
pub const ORDER: usize = 128;
/// Points of a spectrum for each lag of an autocovariance.
pub const POINTS: usize = 2;
/// The skewness that bending can give.
const SKEW: f64 = 2.0;

/// From lag 0 to `lags`, within stretches.
pub fn autocovariance(stretches: &[Vec<f64>], lags: usize) -> Vec<f64> {
    let count: usize = stretches.iter().map(Vec::len).sum();
    let at = |lag: usize| -> f64 {
        let pairs = stretches.iter().flat_map(|x| x.iter().zip(x.iter().skip(lag)));
        pairs.map(|(a, b)| a * b).sum::<f64>() / count.max(1) as f64
    };
    (0..=lags).map(at).collect()
}

pub fn third(stretches: &[Vec<f64>]) -> f64 {
    let count: usize = stretches.iter().map(Vec::len).sum();
    stretches.iter().flatten().map(|x| x.powi(3)).sum::<f64>() / count.max(1) as f64
}

/// The spectrum of an autocovariance that fades out (Hann); it may be negative where that is only estimated.
pub fn spectrum(covariance: &[f64]) -> Vec<f64> {
    let lags = covariance.len();
    let tapered: Vec<f64> = covariance
        .iter()
        .enumerate()
        .map(|(lag, r)| r * (0.5 + 0.5 * (PI * lag as f64 / lags as f64).cos()))
        .collect();
    let points = POINTS * lags;
    (0..points)
        .map(|i| {
            tapered[0]
                + (1..lags)
                    .map(|lag| 2.0 * tapered[lag] * cosine(i, lag, points))
                    .sum::<f64>()
        })
        .collect()
}

/// The inverse of [`spectrum`], but for the fading.
pub fn covariance(spectrum: &[f64]) -> Vec<f64> {
    let points = spectrum.len();
    let at = |lag| {
        spectrum
            .iter()
            .enumerate()
            .map(|(i, p)| p * cosine(i, lag, points))
            .sum::<f64>()
    };
    (0..points / POINTS).map(|lag| at(lag) / points as f64).collect()
}

fn cosine(point: usize, lag: usize, points: usize) -> f64 {
    (PI * (point as f64 + 0.5) * lag as f64 / points as f64).cos()
}

/// Levinson and Durbin: the predictor of a process with this autocovariance, which is 1 at lag 0, and the deviation of
/// what it cannot predict.
pub fn predictor(covariance: &[f64]) -> (Vec<f64>, f64) {
    let (mut coefficients, mut error) = (Vec::<f64>::new(), 1.0 + 1e-6);
    for order in 1..covariance.len().min(ORDER + 1) {
        let left: f64 = (0..order - 1)
            .map(|i| coefficients[i] * covariance[order - 1 - i])
            .sum();
        let reflection = (covariance[order] - left) / error;
        if reflection.abs() >= 0.9999 {
            break;
        }
        let before = coefficients.clone();
        for i in 0..order - 1 {
            coefficients[i] -= reflection * before[order - 2 - i];
        }
        coefficients.push(reflection);
        error *= 1.0 - reflection * reflection;
    }
    (coefficients, error.sqrt())
}

/// `a` and `b` for which `a (g² − 1) + b g` of a normal g has variance 1 and this skewness.
pub fn bend(skewness: f64) -> (f64, f64) {
    let wanted = if skewness.is_finite() {
        skewness.clamp(-SKEW, SKEW)
    } else {
        0.0
    };
    let other = |a: f64| (1.0 - 2.0 * a * a).max(0.0).sqrt();
    let (mut low, mut high) = (-0.5, 0.5);
    for _ in 0..40 {
        let a = 0.5 * (low + high);
        if 8.0 * a * a * a + 6.0 * a * (1.0 - 2.0 * a * a) < wanted {
            low = a;
        } else {
            high = a;
        }
    }
    (low, other(low))
}
