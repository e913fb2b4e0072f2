//! Sound to play, sound that was heard, and how they compare.

use realfft::RealFftPlanner;
use std::path::Path;

/// Reads a mono WAV file's samples.
pub fn read(file: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(file).unwrap();
    match reader.spec().sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map(Result::unwrap).collect(),
        hound::SampleFormat::Int => {
            let scale = 0.5f32.powi(i32::from(reader.spec().bits_per_sample) - 1);
            reader
                .samples::<i32>()
                .map(|x| x.unwrap() as f32 * scale)
                .collect()
        }
    }
}

/// As raw bytes, for `pacat --format=float32le`.
pub fn to_bytes(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// From raw bytes of `parec --format=float32le`.
pub fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|x| f32::from_le_bytes(*x))
        .collect()
}

/// How many samples later `wanted` is found in `heard`, by cross-correlation.
pub fn delay(heard: &[f32], wanted: &[f32]) -> usize {
    let size = (heard.len() + wanted.len()).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |samples: &[f32]| {
        let mut padded = samples.to_vec();
        padded.resize(size, 0.0);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut padded, &mut spectrum).unwrap();
        spectrum
    };
    let mut product = spectrum(heard);
    for (a, b) in product.iter_mut().zip(spectrum(wanted)) {
        *a *= b.conj();
    }
    product[0].im = 0.0;
    product[size / 2].im = 0.0;
    let mut correlation = inverse.make_output_vec();
    inverse.process(&mut product, &mut correlation).unwrap();
    let lags = &correlation[..heard.len()];
    (0..lags.len())
        .max_by(|&a, &b| lags[a].total_cmp(&lags[b]))
        .unwrap()
}

/// The best ratio, in dB, of `wanted` to its difference from `heard` at any of the delays.
pub fn likeness(heard: &[f32], wanted: &[f32], delays: std::ops::Range<usize>) -> f32 {
    let energy: f32 = wanted.iter().map(|x| x * x).sum();
    let error = |delay: usize| -> f32 {
        let heard = &heard[delay..delay + wanted.len()];
        wanted.iter().zip(heard).map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let least = delays
        .filter(|delay| delay + wanted.len() <= heard.len())
        .map(error)
        .fold(f32::INFINITY, f32::min);
    10.0 * (energy / least).log10()
}
