//! How good an encoded recording is, beside others of its size.

use super::reading::{hear, problem};
use super::recording::Recording;
use crate::run::input::Input;
use crate::run::plan::Source;
use crate::run::progress::Progress;
use aeden::spectrum::{Framing, Stft, WindowShape};
use aeden_jobs::codec::Codec;
use aeden_jobs::models;
use aeden_media::ffmpeg::programs::{Program, add_input, ffmpeg};
use aeden_media::problem::Problem;
use aeden_media::unfinished::Scratch;
use aeden_media::wav::Format;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

/// One way to store the recording.
pub struct Compared {
    /// Of the way.
    pub name: &'static str,
    /// Size.
    pub bytes: u64,
    /// Scale-invariant ratio of signal to distortion, in dB.
    pub si_sdr: f64,
    /// Root mean square of the difference of spectra in dB, the mean over frames of 20 ms.
    pub lsd: f64,
}

/// What was encoded, PCA in place of the autoencoder, and Opus. Sound is compared in mono, and held in memory.
pub fn all(recording: &Recording, encoded: &[u8]) -> Result<Vec<Compared>, Problem> {
    let (source, format) = (recording.source(), recording.format());
    let mut original = Vec::new();
    hear(&mut Input::open(source)?, source.name(), |_, planes| {
        mix(planes, &mut original);
        Ok(())
    })?;
    let judge = |name, bytes, sound: &[f32]| Compared {
        name,
        bytes,
        si_sdr: si_sdr(&original, sound),
        lsd: log_spectral_distance(&original, sound, format.rate),
    };
    let bytes = encoded.len() as u64;
    let mut compared = vec![judge("aeden", bytes, &decoded(recording, encoded)?)];

    let codec = Codec::with_model(models::envelopes_pca()).map_err(Problem::model)?;
    let pca = recording.with_codec(&codec)?;
    let bar = Progress::new(false).file(source.name(), None, format.rate);
    let coarseness = pca.finest(bytes, &bar)?;
    let (encoded, bytes) = pca.write(coarseness, Vec::new(), &bar)?;
    compared.push(judge("pca", bytes, &decoded(&pca, &encoded)?));
    if let Source::File(path) = source {
        let (bytes, sound) = opus(path, bytes as f64 * 8.0 / recording.seconds(), format)?;
        compared.push(judge("opus", bytes, &sound));
    }
    Ok(compared)
}

fn decoded(recording: &Recording, encoded: &[u8]) -> Result<Vec<f32>, Problem> {
    let wrong = |e| problem(recording.source().name(), &e);
    let mut decoder = recording.codec().decoder(encoded).map_err(wrong)?;
    let mut sound = Vec::new();
    while let Some(planes) = decoder.next_block().map_err(wrong)? {
        mix(planes, &mut sound);
    }
    Ok(sound)
}

/// Appends the mean of all channels.
fn mix(planes: &[Vec<f32>], mono: &mut Vec<f32>) {
    let at = mono.len();
    mono.extend_from_slice(&planes[0]);
    for plane in &planes[1..] {
        mono[at..].iter_mut().zip(plane).for_each(|(sum, x)| *sum += x);
    }
    let share = 1.0 / planes.len() as f32;
    mono[at..].iter_mut().for_each(|x| *x *= share);
}

/// The recording through ffmpeg's Opus encoder and back: the bytes of the Ogg file, and the sound.
fn opus(path: &Path, bits: f64, format: &Format) -> Result<(u64, Vec<f32>), Problem> {
    let run = |command: &mut std::process::Command| -> Result<Vec<u8>, Problem> {
        let program = Program::start(command.stdout(Stdio::piped()), path)?;
        let mut bytes = Vec::new();
        if let Some(mut stdout) = program.stdout() {
            stdout
                .read_to_end(&mut bytes)
                .map_err(|e| Problem::io(path, &e))?;
        }
        match program.end().map_err(|e| Problem::io(path, &e))? {
            (true, _) => Ok(bytes),
            (false, said) => Err(Problem::file(
                path,
                format!("ffmpeg cannot compare it with Opus: {}", said.trim()),
            )),
        }
    };
    let folder = Scratch::new()?;
    let place = folder.path().join("opus.ogg");
    let mut command = ffmpeg();
    add_input(&mut command, path);
    let bits = bits.clamp(6000.0, 256_000.0 * f64::from(format.channels)).round();
    command.args([
        "-map",
        "0:a:0",
        "-c:a",
        "libopus",
        "-b:a",
        &bits.to_string(),
        "-f",
        "ogg",
    ]);
    run(command.arg(&place))?;
    let mut command = ffmpeg();
    add_input(&mut command, &place);
    command.args(["-f", "f32le", "-ac", "1", "-ar", &format.rate.to_string(), "-"]);
    let sound = run(&mut command)?;
    let size = std::fs::metadata(&place)
        .map_err(|e| Problem::io(path, &e))?
        .len();
    let samples = sound.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b));
    Ok((size, samples.collect()))
}

fn si_sdr(original: &[f32], other: &[f32]) -> f64 {
    let pairs = || {
        original
            .iter()
            .zip(other)
            .map(|(a, b)| (f64::from(*a), f64::from(*b)))
    };
    let power: f64 = original.iter().map(|a| f64::from(*a).powi(2)).sum();
    let scale = pairs().map(|(a, b)| a * b).sum::<f64>() / (power + 1e-12);
    let error: f64 = pairs().map(|(a, b)| (b - scale * a).powi(2)).sum();
    10.0 * ((scale * scale * power + 1e-12) / (error + 1e-12)).log10()
}

fn log_spectral_distance(original: &[f32], other: &[f32], rate: u32) -> f64 {
    let hop = rate as usize / 100;
    let framing = Framing {
        rate,
        window: 2 * hop,
        hop,
        shape: WindowShape::SqrtHann,
    };
    let Ok(stft) = Stft::new(&framing) else {
        return f64::NAN;
    };
    let (mut a, mut b) = (stft.analysis(), stft.analysis());
    let (mut x, mut y) = (stft.spectrum(), stft.spectrum());
    let (mut sum, mut count) = (0.0, 0usize);
    for (one, two) in original.chunks_exact(hop).zip(other.chunks_exact(hop)) {
        a.frame(one, &mut x);
        b.frame(two, &mut y);
        let level = |x: f32| 10.0 * f64::from(x + 1e-6).log10();
        let squares: f64 = x
            .iter()
            .zip(&y)
            .map(|(x, y)| (level(x.norm_sqr()) - level(y.norm_sqr())).powi(2))
            .sum();
        sum += (squares / x.len() as f64).sqrt();
        count += 1;
    }
    sum / count.max(1) as f64
}
