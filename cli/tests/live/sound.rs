//! Sound to play, sound that was heard, and how they compare.

use realfft::RealFftPlanner;
use std::path::Path;
use std::process::Command;

/// Reads a mono WAV file's samples.
pub fn read(file: &Path) -> Vec<f32> {
    let mut channels = read_channels(file);
    assert_eq!(channels.len(), 1, "{} is not mono", file.display());
    channels.remove(0)
}

/// Reads a WAV file's samples, `[channel][sample]`.
pub fn read_channels(file: &Path) -> Vec<Vec<f32>> {
    let mut reader = hound::WavReader::open(file).unwrap();
    let count = usize::from(reader.spec().channels);
    let samples: Vec<f32> = match reader.spec().sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().map(Result::unwrap).collect(),
        hound::SampleFormat::Int => {
            let scale = 0.5f32.powi(i32::from(reader.spec().bits_per_sample) - 1);
            reader
                .samples::<i32>()
                .map(|x| x.unwrap() as f32 * scale)
                .collect()
        }
    };
    (0..count)
        .map(|channel| samples.iter().skip(channel).step_by(count).copied().collect())
        .collect()
}

/// What `aeden clean` makes of a file in the quality of real time. `folder` is for its output.
pub fn clean(folder: &Path, noisy: &Path) -> Vec<f32> {
    let cleaned = folder.join("cleaned.wav");
    let status = Command::new(env!("CARGO_BIN_EXE_aeden"))
        .args(["clean", "-q", "--bits", "32f", "--quality", "high", "--streaming"])
        .args([noisy, &cleaned])
        .status()
        .unwrap();
    assert!(status.success());
    read(&cleaned)
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

/// How much of a sound was heard as it should be.
pub struct Alike {
    /// Windows of 50 ms that have speech in them: short, since the clocks of a server's devices may differ by some
    /// hundred ppm, and what was right in one window is a sample off in another.
    windows: usize,
    /// Those of them that were found near where they should be.
    found: usize,
}

/// Looks for every window of `wanted` in `heard`.
pub fn alike(heard: &[f32], wanted: &[f32]) -> Alike {
    let (window, reach) = (2400, 4800);
    let late = delay(heard, wanted);
    let energy = |part: &[f32]| part.iter().map(|x| x * x).sum::<f32>();
    let loudest = wanted.chunks_exact(window).map(energy).fold(0.0, f32::max);
    let windows: Vec<(usize, &[f32])> = wanted
        .chunks_exact(window)
        .enumerate()
        .filter(|(_, part)| energy(part) > 0.05 * loudest)
        .collect();
    let is_found = |(i, part): &&(usize, &[f32])| {
        let at = late + i * window;
        likeness(heard, part, at.saturating_sub(reach)..at + reach) > 12.0
    };
    Alike {
        windows: windows.len(),
        found: windows.iter().filter(is_found).count(),
    }
}

impl Alike {
    /// Fails if more windows differ than the steps that a status counts can have touched. One in ten may differ besides:
    /// what a busy server loses on the way to the program that records, nobody counts.
    pub fn assert_explained_by(&self, status: &serde_json::Value, what: &str) {
        let steps = ["underruns", "skips", "device_underruns"].map(|name| status[name].as_u64().unwrap());
        let steps: u64 = steps.iter().sum();
        let counts = format!("{what}: {} of {} windows are alike", self.found, self.windows);
        println!("{counts}, {steps} steps");
        assert!(self.windows >= 5, "{counts}");
        let touched = 4 * steps as usize + self.windows / 10;
        assert!(self.windows - self.found <= touched, "{counts}, with {status}");
    }
}
