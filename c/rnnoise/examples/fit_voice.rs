//! Fits the two numbers of `src/voice.rs`, and tells how well they do, as docs/rnnoise.md says:
//! `cargo run --release -p aeden-rnnoise --example fit_voice -- FOLDER`, with recordings at FOLDER/noisy/NAME beside FOLDER/clean/NAME in any
//! format that ffmpeg reads.

use aeden::{Config, Denoiser, Model};
use std::path::Path;
use std::process::Command;

/// Samples of a frame, at 48 kHz.
const FRAME: usize = 480;
/// Frames at the beginning in which the noise is not known yet: half a second.
const FIRST: usize = 50;
/// A frame has a voice if it is at most so many dB below the recording's loud frames, and none if it is so many dB below them.
const VOICE: f64 = 20.0;
const NO_VOICE: f64 = 40.0;

/// A frame: the reduction in dB, and whether there is a voice.
type Heard = (f64, bool);

fn read(file: &Path) -> Result<Vec<f32>, String> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(file);
    let output = ffmpeg
        .args(["-ac", "1", "-ar", "48000", "-f", "f32le", "-"])
        .output();
    let output = output.map_err(|e| format!("ffmpeg: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "{}: {}",
            file.display(),
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let samples = output.stdout.chunks_exact(4);
    Ok(samples
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect())
}

/// The frames of a recording in which it is known whether there is a voice. What a frame is about are the 20 ms that end with it.
fn heard(noisy: &[f32], clean: &[f32]) -> Vec<Heard> {
    let level = |n: usize| {
        let newest = &clean[(n + 1).saturating_sub(2) * FRAME..(n + 1) * FRAME];
        let mean = newest.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / newest.len() as f64;
        10.0 * (mean + 1e-15).log10()
    };
    let count = noisy.len().min(clean.len()) / FRAME;
    let levels: Vec<f64> = (0..count).map(level).collect();
    let mut sorted = levels.clone();
    sorted.sort_by(f64::total_cmp);
    let loud = sorted.get(count * 95 / 100).copied().unwrap_or(0.0);
    let mut denoiser =
        Denoiser::with_model(&Model::light(), &Config::new(48_000, 1)).expect("a rate that is allowed");
    let mut all = Vec::new();
    for n in 0..count {
        let mut frame = noisy[n * FRAME..(n + 1) * FRAME].to_vec();
        denoiser.process(&mut [&mut frame]);
        let below = loud - levels[n];
        if n >= FIRST && denoiser.speech_level() > f32::NEG_INFINITY && !(VOICE..NO_VOICE).contains(&below) {
            all.push((f64::from(denoiser.reduction()), below < VOICE));
        }
    }
    all
}

/// Logistic regression by Newton's method, voices and pauses of one weight in all: the middle and the scale.
fn fit(all: &[Heard]) -> (f64, f64) {
    let voices = all.iter().filter(|(_, voice)| *voice).count() as f64;
    let weights = [0.5 / (all.len() as f64 - voices), 0.5 / voices];
    let (mut a, mut b) = (0.0, 0.0);
    for _ in 0..50 {
        let (mut g, mut h) = ([0.0; 2], [0.0; 3]);
        for (reduction, voice) in all {
            // In tens of decibels, for the sake of the matrix.
            let (x, y) = (reduction / 10.0, f64::from(u8::from(*voice)));
            let w = weights[usize::from(*voice)];
            let p = 1.0 / (1.0 + (-(a + b * x)).exp());
            g = [g[0] + w * (p - y), g[1] + w * (p - y) * x];
            let d = w * p * (1.0 - p);
            h = [h[0] + d, h[1] + d * x, h[2] + d * x * x];
        }
        let det = h[0] * h[2] - h[1] * h[1];
        a -= (h[2] * g[0] - h[1] * g[1]) / det;
        b -= (h[0] * g[1] - h[1] * g[0]) / det;
    }
    (-10.0 * a / b, -10.0 / b)
}

/// The area under the ROC curve of a lower reduction for a voice.
fn area(all: &[Heard]) -> f64 {
    let mut sorted = all.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut voices, mut right) = (0.0, 0.0);
    for (_, voice) in &sorted {
        if *voice {
            voices += 1.0;
        } else {
            right += voices;
        }
    }
    right / (voices * (all.len() as f64 - voices))
}

fn main() -> Result<(), String> {
    let folder = std::env::args().nth(1).ok_or("fit_voice FOLDER")?;
    let folder = Path::new(&folder);
    let entries =
        std::fs::read_dir(folder.join("noisy")).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let mut halves = [Vec::new(), Vec::new()];
    for (n, name) in names.iter().enumerate() {
        let (noisy, clean) = (
            read(&folder.join("noisy").join(name))?,
            read(&folder.join("clean").join(name))?,
        );
        halves[n % 2].extend(heard(&noisy, &clean));
    }
    let all = halves.concat();
    let (middle, scale) = fit(&all);
    println!(
        "{} recordings, {} frames: middle {middle:.1} dB, scale {scale:.1} dB",
        names.len(),
        all.len()
    );
    let (middle, scale) = fit(&halves[0]);
    let voice = |reduction: f64| 1.0 / (1.0 + ((reduction - middle) / scale).exp());
    let other = &halves[1];
    let right = other
        .iter()
        .filter(|(reduction, is)| (voice(*reduction) >= 0.5) == *is)
        .count();
    println!(
        "fitted on one half, on the other: area under the ROC curve {:.2}, {:.0} % right at 0.5",
        area(other),
        100.0 * right as f64 / other.len() as f64
    );
    for tenth in 0..10 {
        let of = |reduction: f64| ((voice(reduction) * 10.0) as usize).min(9) == tenth;
        let inside: Vec<&Heard> = other.iter().filter(|(reduction, _)| of(*reduction)).collect();
        let voices = inside.iter().filter(|(_, voice)| *voice).count();
        println!(
            "{:.1} to {:.1}: {} frames, {:.2} of them voices",
            tenth as f64 / 10.0,
            (tenth + 1) as f64 / 10.0,
            inside.len(),
            voices as f64 / inside.len().max(1) as f64
        );
    }
    Ok(())
}
