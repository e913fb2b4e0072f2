//! Noise without end: normally distributed, with the cross-spectrum of a room.

use super::colour::{Colour, LONGER, triangle};
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner};
use std::f64::consts::PI;
use std::sync::Arc;

/// Makes noise from pieces with random amplitudes and phases, which overlap by half and are tapered so that powers
/// sum to 1.
pub struct Carrier {
    colour: Arc<Colour>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    taper: Vec<f32>,
    /// The second half of the last piece, by channel.
    overlap: Vec<Vec<f32>>,
    spectra: Vec<Vec<Complex32>>,
    random: Pcg64Mcg,
}

impl Carrier {
    /// Begins in the middle of noise with these gains.
    pub fn new(colour: Arc<Colour>, gains: Option<&[f32]>, random: Pcg64Mcg) -> Carrier {
        let piece = LONGER * colour.window;
        let inverse = RealFftPlanner::new().plan_fft_inverse(piece);
        // Carries the scale of the transform too.
        let taper = |n| (PI * (n as f64 + 0.5) / piece as f64).sin() / (piece as f64).sqrt();
        let mut carrier = Carrier {
            taper: (0..piece).map(|n| taper(n) as f32).collect(),
            overlap: vec![vec![0.0; piece / 2]; colour.channels()],
            spectra: vec![inverse.make_input_vec(); colour.channels()],
            inverse,
            colour,
            random,
        };
        let mut nowhere = vec![Vec::new(); carrier.colour.channels()];
        carrier.append(gains, &mut nowhere);
        carrier
    }

    /// Samples that are made at a time.
    pub fn step(&self) -> usize {
        self.taper.len() / 2
    }

    /// Appends the next samples of every channel. `gains`: amplitudes for the bins of the colour.
    pub fn append(&mut self, gains: Option<&[f32]>, planes: &mut [Vec<f32>]) {
        let channels = self.colour.channels();
        let mut factor = vec![Complex32::ZERO; triangle(channels)];
        let mut drawn = vec![Complex32::ZERO; channels];
        let last = self.spectra[0].len() - 1;
        for k in 0..=last {
            let place = k as f32 / LONGER as f32;
            self.colour.factor(place, &mut factor);
            let gain = gains.map_or(1.0, |gains| gains[(place + 0.5) as usize]);
            let mut normal = || -> f32 { StandardNormal.sample(&mut self.random) };
            for x in &mut drawn {
                *x = match k == 0 || k == last {
                    true => Complex32::new(normal(), 0.0),
                    false => Complex32::new(normal(), normal()) * std::f32::consts::FRAC_1_SQRT_2,
                };
            }
            for (i, spectrum) in self.spectra.iter_mut().enumerate() {
                let row = &factor[triangle(i)..triangle(i) + i + 1];
                spectrum[k] = row.iter().zip(&drawn).map(|(l, x)| l * x).sum::<Complex32>() * gain;
                if k == 0 || k == last {
                    spectrum[k].im = 0.0;
                }
            }
        }
        let half = self.step();
        let mut piece = self.inverse.make_output_vec();
        for (channel, plane) in planes.iter_mut().enumerate() {
            self.inverse
                .process(&mut self.spectra[channel], &mut piece)
                .expect("the lengths fit and the edges are real");
            piece.iter_mut().zip(&self.taper).for_each(|(x, w)| *x *= w);
            let overlap = &mut self.overlap[channel];
            plane.extend(piece.iter().zip(overlap.iter()).map(|(a, b)| a + b));
            overlap.copy_from_slice(&piece[half..]);
        }
    }
}
