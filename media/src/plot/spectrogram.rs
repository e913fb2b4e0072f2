//! Powers of a recording over time and frequency.

use realfft::{RealFftPlanner, RealToComplex};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bands of frequency, and moments of time that a picture shows.
pub const ROWS: usize = 240;
pub const WIDTH: usize = 1000;

/// Powers over time and frequency, in memory that does not grow with the recording: whenever there are twice as many
/// columns as the picture is wide, neighbours are merged. Frequencies stand on the mel scale, where speech has room.
pub struct Spectrogram {
    transform: Arc<dyn RealToComplex<f32>>,
    taper: Vec<f32>,
    /// Samples between transforms.
    hop: usize,
    /// Of the recording, in Hz.
    pub rate: u32,
    /// Samples not yet transformed, by channel.
    waiting: Vec<VecDeque<f32>>,
    /// First and last bin of every row.
    bands: Vec<(usize, usize)>,
    columns: Vec<[f32; ROWS]>,
    /// Transforms in a column, and in the last one so far.
    full: usize,
    in_last: usize,
    frames: u64,
}

impl std::fmt::Debug for Spectrogram {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Spectrogram").finish_non_exhaustive()
    }
}

impl Spectrogram {
    /// Starts at the beginning of a recording.
    pub fn new(rate: u32, channels: usize) -> Self {
        // 43 ms at 48 kHz.
        let window = (rate as usize / 24).next_power_of_two();
        let taper = (0..window).map(|n| {
            let phase = std::f32::consts::TAU * n as f32 / window as f32;
            0.5 - 0.5 * phase.cos()
        });
        let bin = rate as f32 / window as f32;
        let bands = (0..ROWS).map(|row| {
            let low = frequency_at(row as f32 / ROWS as f32, rate) / bin;
            let high = frequency_at((row + 1) as f32 / ROWS as f32, rate) / bin;
            let middle = ((low + high) / 2.0).round();
            (
                (low.ceil().min(middle) as usize).min(window / 2),
                (high.floor().max(middle) as usize).min(window / 2),
            )
        });
        Spectrogram {
            transform: RealFftPlanner::new().plan_fft_forward(window),
            bands: bands.collect(),
            taper: taper.collect(),
            hop: window / 4,
            rate,
            // The first transform has the first sample in its middle.
            waiting: vec![VecDeque::from(vec![0.0; window / 2]); channels],
            columns: Vec::new(),
            full: 1,
            in_last: 0,
            frames: 0,
        }
    }

    /// Takes the next samples, one vector a channel.
    pub fn push(&mut self, planes: &[Vec<f32>]) {
        self.frames += planes.first().map_or(0, Vec::len) as u64;
        for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
            waiting.extend(plane);
        }
        self.transform_waiting();
    }

    /// Ends the recording.
    pub fn finish(&mut self) {
        for waiting in &mut self.waiting {
            waiting.extend(vec![0.0; self.taper.len() / 2]);
        }
        self.transform_waiting();
    }

    fn transform_waiting(&mut self) {
        let window = self.taper.len();
        let (mut input, mut output) = (self.transform.make_input_vec(), self.transform.make_output_vec());
        // A full-scale sine has power 1.
        let scale = (4.0 / window as f32).powi(2) / self.waiting.len() as f32;
        while self
            .waiting
            .first()
            .is_some_and(|waiting| waiting.len() >= window)
        {
            let mut power = vec![0.0f32; output.len()];
            for waiting in &mut self.waiting {
                for ((x, &sample), &taper) in input.iter_mut().zip(waiting.iter()).zip(&self.taper) {
                    *x = sample * taper;
                }
                waiting.drain(..self.hop);
                if self.transform.process(&mut input, &mut output).is_ok() {
                    power
                        .iter_mut()
                        .zip(&output)
                        .for_each(|(p, x)| *p += x.norm_sqr() * scale);
                }
            }
            self.add_column(&power);
        }
    }

    fn add_column(&mut self, power: &[f32]) {
        if self.columns.is_empty() || self.in_last == self.full {
            if self.columns.len() == 2 * WIDTH {
                for i in 0..WIDTH {
                    let (a, b) = (self.columns[2 * i], self.columns[2 * i + 1]);
                    self.columns[i] = std::array::from_fn(|row| a[row] + b[row]);
                }
                self.columns.truncate(WIDTH);
                self.full *= 2;
            }
            self.columns.push([0.0; ROWS]);
            self.in_last = 0;
        }
        self.in_last += 1;
        let Some(column) = self.columns.last_mut() else {
            return;
        };
        for (sum, &(first, last)) in column.iter_mut().zip(&self.bands) {
            *sum += power[first..=last].iter().sum::<f32>() / (last - first + 1) as f32;
        }
    }

    /// Its length.
    pub fn seconds(&self) -> f64 {
        self.frames as f64 / f64::from(self.rate)
    }

    /// Level in dBFS at a place of the picture.
    pub fn level(&self, x: usize, row: usize) -> f32 {
        if self.columns.is_empty() {
            return f32::NEG_INFINITY;
        }
        let first = x * self.columns.len() / WIDTH;
        let last = ((x + 1) * self.columns.len())
            .div_ceil(WIDTH)
            .max(first + 1)
            .min(self.columns.len());
        let sum: f32 = (first..last)
            .map(|i| self.columns[i][row] / self.transforms_in(i) as f32)
            .sum();
        10.0 * (sum / (last - first) as f32).log10()
    }

    fn transforms_in(&self, column: usize) -> usize {
        if column + 1 == self.columns.len() {
            self.in_last
        } else {
            self.full
        }
    }

    fn loudest(&self) -> f32 {
        let levels = (0..self.columns.len()).flat_map(|i| {
            let transforms = self.transforms_in(i) as f32;
            self.columns[i].iter().map(move |power| power / transforms)
        });
        10.0 * levels.fold(0.0, f32::max).log10()
    }
}

/// Mel scale of O'Shaughnessy (1987), as a share of half the sampling rate's.
fn position_of(frequency: f32, rate: u32) -> f32 {
    let mel = |f: f32| (f / 700.0).ln_1p();
    mel(frequency) / mel(rate as f32 / 2.0)
}

fn frequency_at(position: f32, rate: u32) -> f32 {
    700.0 * (position * (rate as f32 / 1400.0).ln_1p()).exp_m1()
}

/// Frequencies with a tick: in Hz, and their place as a share of the height from below.
pub fn frequency_ticks(rate: u32) -> impl Iterator<Item = (u32, f32)> {
    let ticks = [0, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000];
    let placed = ticks
        .into_iter()
        .map(move |frequency| (frequency, position_of(frequency as f32, rate)));
    placed.filter(|(_, position)| *position < 1.0)
}

/// The level in dBFS that the brightest colour stands for.
pub fn brightest_of(before: &Spectrogram, after: &Spectrogram) -> f32 {
    let loudest = before.loudest().max(after.loudest());
    // Silence is drawn on the scale of full scale.
    if loudest > -100.0 {
        (loudest / 10.0).ceil() * 10.0
    } else {
        0.0
    }
}
