//! The movement of a room: the walk of its codes through the latent space, as a model that can be gone on with for ever.
//!
//! Noise that is filtered with the long-term spectrum has codes that move too, since it is noise. What a room has
//! beyond that is what has to be added: covariances and third cumulants of independent processes add up, so the walk to
//! be drawn has those of the room less those of the filtered noise. Both covariances become diagonal in one basis; along
//! each of its directions the walk is an autoregressive process of its own, bent so that it has the right skewness.

use super::process::{ORDER, POINTS, autocovariance, bend, covariance, predictor, spectrum, third};
use nalgebra::{DMatrix, DVector, SymmetricEigen};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use std::sync::Arc;

/// What is less than this share of the filtered noise's own variance is not added.
const LEAST: f64 = 0.05;
/// Eigenvalues of the noise's covariance below this share of the largest one count as that.
const RANK: f64 = 1e-4;
/// How much more of a frequency is drawn than is wanted, at most: what a patch cannot follow does not come anyway.
const REACH: f64 = 4.0;
/// A walk to be drawn.
#[derive(Clone)]
pub struct Movement {
    /// Numbers of a code.
    size: usize,
    directions: Vec<Direction>,
}

/// One direction of the latent space.
#[derive(Clone)]
struct Direction {
    /// What is added to the code for 1.
    pattern: Vec<f64>,
    /// Its measure: the scalar product with a code gives its place along the direction.
    measure: Vec<f64>,
    /// What is to be added to the movement of filtered noise: its spectrum.
    wanted: Vec<f64>,
    /// What is drawn for that: its spectrum.
    drawn: Vec<f64>,
    /// The bend: `a (g² − 1) + b g`.
    bend: (f64, f64),
    /// The same as a process: deviation, predictor, and the deviation of what that cannot predict.
    deviation: f64,
    predictor: Vec<f64>,
    innovation: f64,
}

impl Direction {
    /// Makes the process of the spectrum.
    fn settle(mut self) -> Direction {
        let covariance = covariance(&self.drawn);
        self.deviation = covariance[0].max(0.0).sqrt();
        let one: Vec<f64> = covariance.iter().map(|r| r / covariance[0].max(1e-300)).collect();
        (self.predictor, self.innovation) = predictor(&one);
        self
    }
}

impl Movement {
    /// From codes of the room, in stretches, and of filtered noise; `independent`: how many patches of the room do not
    /// overlap.
    pub fn between(room: &[Vec<f32>], noise: &[Vec<f32>], size: usize, independent: f64) -> Movement {
        let (centre, covariance) = moments(room, size);
        let (still, least) = moments(noise, size);
        let eigen = SymmetricEigen::new(least.clone());
        let most = eigen.eigenvalues.max().max(1e-12);
        let inverse = eigen.eigenvalues.map(|v| 1.0 / v.max(RANK * most).sqrt());
        let whitening = &eigen.eigenvectors * DMatrix::from_diagonal(&inverse);
        let own = whitening.transpose() * &covariance * &whitening;
        let eigen = SymmetricEigen::new(own);
        let wanted = debiased(eigen.eigenvalues.as_slice(), size as f64 / independent);
        let measures = whitening * eigen.eigenvectors;
        let patterns = &least * &measures;
        let mut directions = Vec::new();
        for (i, wanted) in wanted.into_iter().enumerate() {
            let measure = measures.column(i).into_owned();
            let (room, noise) = (places(room, &centre, &measure), places(noise, &still, &measure));
            let lags = (room.iter().map(Vec::len).max().unwrap_or(0) / 3).clamp(1, ORDER);
            let (r, n) = (autocovariance(&room, lags), autocovariance(&noise, lags));
            if wanted - n[0] < LEAST || r[0] <= 0.0 {
                continue;
            }
            let scale = wanted / r[0];
            let added: Vec<f64> = r.iter().zip(&n).map(|(r, n)| scale * r - n).collect();
            let mut spectrum = spectrum(&added);
            // Where the noise moves more than the room, nothing can be taken away; elsewhere there is less to add then.
            let surplus =
                spectrum.iter().sum::<f64>() / spectrum.iter().map(|p| p.max(0.0)).sum::<f64>().max(1e-300);
            spectrum
                .iter_mut()
                .for_each(|p| *p = p.max(0.0) * surplus.max(0.0));
            let cumulant = third(&room) * scale.powf(1.5) - third(&noise);
            let direction = Direction {
                pattern: patterns.column(i).iter().copied().collect(),
                measure: measure.iter().copied().collect(),
                bend: bend(cumulant / (wanted - n[0]).powf(1.5)),
                drawn: spectrum.clone(),
                wanted: spectrum,
                deviation: 0.0,
                predictor: Vec::new(),
                innovation: 0.0,
            };
            directions.push(direction.settle());
        }
        Movement { size, directions }
    }

    /// In how many directions it goes.
    pub fn directions(&self) -> usize {
        self.directions.len()
    }

    /// Makes it wider or narrower, and quicker or slower, after what came of it.
    pub fn correct(mut self, made: &[Vec<f32>], noise: &[Vec<f32>]) -> Movement {
        let (centre, _) = moments(made, self.size);
        let (still, _) = moments(noise, self.size);
        let correct = |mut direction: Direction| {
            let measure = DVector::from_column_slice(&direction.measure);
            let lags = direction.wanted.len() / POINTS - 1;
            let own = autocovariance(&places(noise, &still, &measure), lags);
            let all = autocovariance(&places(made, &centre, &measure), lags);
            let got: Vec<f64> = all.iter().zip(&own).map(|(all, own)| all - own).collect();
            let most = direction.wanted.iter().fold(0.0f64, |m, &p| m.max(p));
            for ((drawn, wanted), got) in direction
                .drawn
                .iter_mut()
                .zip(&direction.wanted)
                .zip(spectrum(&got))
            {
                let change = (wanted + 0.01 * most) / (got.max(0.0) + 0.01 * most);
                *drawn = (*drawn * change.clamp(0.25, 4.0)).min(REACH * wanted);
            }
            direction.settle()
        };
        self.directions = self.directions.into_iter().map(correct).collect();
        self
    }

    /// Begins a walk.
    pub fn walk(self: &Arc<Self>, random: Pcg64Mcg) -> Walk {
        let mut walk = Walk {
            movement: self.clone(),
            past: self
                .directions
                .iter()
                .map(|d| vec![0.0; d.predictor.len()])
                .collect(),
            at: 0,
            random,
        };
        // Until where it begins is forgotten.
        let mut nowhere = vec![0.0; self.size];
        (0..8 * ORDER).for_each(|_| walk.step(0.0, &mut nowhere));
        walk
    }
}

/// A walk under way.
pub struct Walk {
    movement: Arc<Movement>,
    /// The last values along each direction, in a ring.
    past: Vec<Vec<f64>>,
    at: usize,
    random: Pcg64Mcg,
}

impl Walk {
    /// Adds the next step, times `share`, to a code.
    pub fn step(&mut self, share: f32, code: &mut [f32]) {
        for (direction, past) in self.movement.directions.iter().zip(&mut self.past) {
            let order = past.len();
            let noise: f64 = StandardNormal.sample(&mut self.random);
            let predicted: f64 = (0..order)
                .map(|lag| direction.predictor[lag] * past[(self.at + order - 1 - lag) % order])
                .sum();
            let g = predicted + direction.innovation * noise;
            if order > 0 {
                past[self.at % order] = g;
            }
            let (a, b) = direction.bend;
            let place = direction.deviation * (a * (g * g - 1.0) + b * g);
            for (code, pattern) in code.iter_mut().zip(&direction.pattern) {
                *code += share * (place * pattern) as f32;
            }
        }
        self.at += 1;
    }
}

/// Variances of a room, in those of filtered noise, from the eigenvalues of a covariance estimated from few samples,
/// `ratio` dimensions for each: the largest ones come out too large, the others scatter around their mean (Baik &
/// Silverstein 2006; Donoho, Gavish & Johnstone 2018).
fn debiased(eigenvalues: &[f64], ratio: f64) -> Vec<f64> {
    let edge = (1.0 + ratio.sqrt()).powi(2);
    let mut common = 1.0;
    for _ in 0..5 {
        let (sum, count) = (eigenvalues.iter().filter(|&&v| v < edge * common))
            .fold((0.0, 0), |(sum, count), v| (sum + v, count + 1));
        if count > 0 {
            common = (sum / f64::from(count)).max(0.5);
        }
    }
    let variance = |&value: &f64| {
        let value = value / common;
        let sum = value + 1.0 - ratio;
        match value > edge {
            true => common * 0.5 * (sum + (sum * sum - 4.0 * value).max(0.0).sqrt()),
            false => common,
        }
    };
    eigenvalues.iter().map(variance).collect()
}

/// Mean and covariance of codes.
fn moments(codes: &[Vec<f32>], size: usize) -> (DVector<f64>, DMatrix<f64>) {
    let all = || codes.iter().flat_map(|stretch| stretch.chunks_exact(size));
    let count = all().count().max(1) as f64;
    let mut mean = DVector::zeros(size);
    for code in all() {
        mean.iter_mut()
            .zip(code)
            .for_each(|(m, &x)| *m += f64::from(x) / count);
    }
    let mut covariance = DMatrix::zeros(size, size);
    for code in all() {
        let code = DVector::from_iterator(size, code.iter().map(|&x| f64::from(x))) - &mean;
        covariance.ger(1.0 / count, &code, &code, 1.0);
    }
    (mean, covariance)
}

/// Places of codes along a direction, from their mean, for each stretch.
fn places(codes: &[Vec<f32>], mean: &DVector<f64>, measure: &DVector<f64>) -> Vec<Vec<f64>> {
    let offset = mean.dot(measure);
    let place = |code: &[f32]| {
        code.iter()
            .zip(measure.iter())
            .map(|(&x, m)| f64::from(x) * m)
            .sum::<f64>()
            - offset
    };
    codes
        .iter()
        .map(|stretch| stretch.chunks_exact(measure.len()).map(place).collect())
        .collect()
}
