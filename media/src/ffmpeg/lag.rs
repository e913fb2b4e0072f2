//! By how much decoded sound lies behind the samples that it was encoded from: found by comparing both.

use super::mux::{Samples, Track};
use super::programs::{add_input, ffmpeg, output};
use crate::problem::Problem;
use crate::wav::Format;
use crate::wav::samples::decode;
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Seconds that are compared.
const LENGTH: f64 = 6.0;
/// Seconds that are searched in both directions. No encoder delays by more.
const REACH: f64 = 0.25;

/// A piece of a track that can be recognised.
#[derive(Debug)]
pub struct Excerpt<'a> {
    /// The track, with its samples in a file.
    pub track: &'a Track,
    /// The first frame that is not silent; `None` if all are.
    pub loud_at: Option<u64>,
}

/// Seconds by which stream `number` of a file lies behind the samples of `excerpt`, counted from the first sample that is
/// decoded: less than nothing where the track skips some. `None` where silence or noise leaves it open.
pub fn lag(excerpt: &Excerpt, path: &Path, number: usize, subject: &Path) -> Result<Option<f64>, Problem> {
    let (Some(loud_at), Samples::File(samples)) = (excerpt.loud_at, &excerpt.track.samples) else {
        return Ok(None);
    };
    let track = excerpt.track;
    let rate = f64::from(track.rate);
    let end = loud_at as f64 / rate + LENGTH;
    let mut after = ffmpeg();
    add_input(&mut after, path);
    after.args(["-map", &format!("0:{number}")]);
    after.args([
        "-t",
        &format!("{end:.6}"),
        "-ac",
        "1",
        "-ar",
        &track.rate.to_string(),
    ]);
    after.args(["-f", "f32le", "pipe:1"]);
    let after = floats(&output(&mut after, subject)?);
    let before = mono(track, samples, end).map_err(|e| Problem::io(subject, &e))?;
    let from = (loud_at as usize).saturating_sub((REACH * rate) as usize);
    let piece = |all: &[f32]| all.get(from..).unwrap_or_default().to_vec();
    let skipped = track.skip * rate;
    let found = displacement(
        &piece(&before),
        &piece(&after),
        (REACH * rate) as usize,
        -skipped.round() as i64,
    );
    Ok(found.map(|samples| samples as f64 / rate))
}

/// The samples of a track up to so many seconds, all channels in one.
fn mono(track: &Track, samples: &Path, seconds: f64) -> io::Result<Vec<f32>> {
    let format = Format {
        channels: track.channels,
        rate: track.rate,
        encoding: track.codec.feed,
        extension: None,
    };
    let frames = (seconds * f64::from(track.rate)) as u64;
    let mut raw = Vec::new();
    File::open(samples)?
        .take(frames * format.frame_bytes() as u64)
        .read_to_end(&mut raw)?;
    let mut planes = vec![Vec::new(); track.channels.into()];
    decode(&format, &raw, &mut planes).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
    let mut mono = vec![0.0; planes[0].len()];
    for plane in &planes {
        mono.iter_mut().zip(plane).for_each(|(sum, x)| *sum += x);
    }
    Ok(mono)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&b| f32::from_le_bytes(b))
        .collect()
}

/// By how many samples `after` lies behind `before`: the peak of their correlation, at most `reach` from `expected`.
///
/// Spectra are flattened in part, so that a voiced sound does not match itself a period later (generalised correlation:
/// Knapp and Carter, "The Generalized Correlation Method for Estimation of Time Delay", 1976).
fn displacement(before: &[f32], after: &[f32], reach: usize, expected: i64) -> Option<i64> {
    let length = before.len().min(after.len());
    if length <= 2 * reach {
        return None;
    }
    let size = (2 * length).next_power_of_two();
    let mut planner = RealFftPlanner::<f32>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let spectrum = |samples: &[f32]| {
        let mut input = samples[..length].to_vec();
        input.resize(size, 0.0);
        let mut output = forward.make_output_vec();
        forward.process(&mut input, &mut output).ok().map(|()| output)
    };
    let (a, b) = (spectrum(before)?, spectrum(after)?);
    let mut product: Vec<Complex<f32>> = a
        .iter()
        .zip(&b)
        .map(|(a, b)| {
            let cross = a.conj() * b;
            cross / cross.norm().sqrt().max(1e-9)
        })
        .collect();
    // What is real by nature must be so to the last bit.
    for end in [0, product.len() - 1] {
        product[end].im = 0.0;
    }
    let mut correlation = inverse.make_output_vec();
    inverse.process(&mut product, &mut correlation).ok()?;
    let at = |lag: i64| correlation[lag.rem_euclid(size as i64) as usize];
    let reach = reach as i64;
    let best = (expected - reach..=expected + reach).max_by(|&a, &b| at(a).total_cmp(&at(b)))?;
    let energy = correlation.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / size as f64;
    // A peak that stands out, not the largest of a hill.
    (f64::from(at(best)) > 8.0 * energy.sqrt()).then_some(best)
}
