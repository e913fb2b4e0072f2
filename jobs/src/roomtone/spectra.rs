//! Spectra of pieces of sound.

use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};
use std::f64::consts::PI;
use std::sync::Arc;

/// Spectra of tapered pieces (Hann) that overlap by half.
pub struct Spectra {
    transform: Arc<dyn RealToComplex<f32>>,
    pub taper: Vec<f32>,
    /// Sum of the squares of the taper.
    pub squares: f64,
}

impl Spectra {
    /// Of pieces of so many samples.
    pub fn new(window: usize) -> Spectra {
        let taper: Vec<f32> = (0..window)
            .map(|n| (PI * n as f64 / window as f64).sin().powi(2) as f32)
            .collect();
        Spectra {
            transform: RealFftPlanner::new().plan_fft_forward(window),
            squares: taper.iter().map(|&w| f64::from(w) * f64::from(w)).sum(),
            taper,
        }
    }

    /// Samples of a piece.
    pub fn window(&self) -> usize {
        self.taper.len()
    }

    /// Where pieces begin in so many samples.
    pub fn starts(&self, samples: usize) -> impl Iterator<Item = usize> + use<> {
        let last = samples.checked_sub(self.window());
        let step = self.window() / 2;
        (0..last.map_or(0, |last| last / step + 1)).map(move |i| i * step)
    }

    /// The spectrum of the piece that begins there.
    pub fn at(&self, samples: &[f32], start: usize) -> Vec<Complex32> {
        let mut tapered: Vec<f32> = samples[start..]
            .iter()
            .zip(&self.taper)
            .map(|(x, w)| x * w)
            .collect();
        let mut spectrum = self.transform.make_output_vec();
        self.transform
            .process(&mut tapered, &mut spectrum)
            .expect("the lengths are those that were planned");
        spectrum
    }
}
