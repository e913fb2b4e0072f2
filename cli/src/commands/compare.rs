//! How good an encoded recording is, beside others of its size.

use super::envelope::Envelopes;
use super::file::{Header, block_size};
use super::{finest, stream};
use crate::family::mix;
use crate::input::{Input, block_frames};
use crate::media::programs::{Program, add_input, ffmpeg};
use crate::plan::Source;
use crate::problem::Problem;
use aeden::autoencoder::Autoencoder;
use aeden::stft::{Framing, Stft, WindowShape};
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

/// What was encoded, PCA in place of the autoencoder, and Opus.
pub fn all(
    source: &Source,
    header: &Header,
    envelopes: &Envelopes,
    blocks: Vec<Vec<u8>>,
    bytes: u64,
) -> Result<Vec<Compared>, Problem> {
    let (mut original, mut mono) = (Vec::new(), Vec::new());
    Input::open(source)?.read_all(source.name(), block_frames(header.channels), |_, planes| {
        mix(planes, &mut mono);
        original.extend_from_slice(&mono);
        Ok(true)
    })?;
    let judge = |name, bytes, sound: &[f32]| Compared {
        name,
        bytes,
        si_sdr: si_sdr(&original, sound),
        lsd: log_spectral_distance(&original, sound, header.rate),
    };
    let mut compared = vec![judge(
        "aeden",
        bytes,
        &decoded(source, header, envelopes, blocks)?,
    )];

    let pca = Envelopes::new(Autoencoder::pca_for_envelopes())?;
    let envelope = stream::listen(source, &pca)?;
    let encoded = |coarseness: u16| -> Result<(Header, Vec<Vec<u8>>), Problem> {
        let header = Header {
            coarseness,
            model: pca.model().fingerprint(),
            ..header.clone()
        };
        let mut blocks = Vec::new();
        stream::write(source, &header, &pca, &envelope, |_, block| {
            blocks.push(block.to_vec());
            Ok(())
        })?;
        Ok((header, blocks))
    };
    let size = |blocks: &[Vec<u8>]| blocks.iter().map(|block| block_size(block)).sum::<u64>();
    let coarseness = finest((bytes - header.size()) as f64, |coarseness| {
        Ok(size(&encoded(coarseness)?.1))
    })?;
    let (own, blocks) = encoded(coarseness)?;
    let bytes = size(&blocks) + header.size();
    compared.push(judge("pca", bytes, &decoded(source, &own, &pca, blocks)?));
    if let Source::File(path) = source {
        let seconds = header.frames as f64 / f64::from(header.rate);
        let (bytes, sound) = opus(path, bytes as f64 * 8.0 / seconds, header)?;
        compared.push(judge("opus", bytes, &sound));
    }
    Ok(compared)
}

fn decoded(
    source: &Source,
    header: &Header,
    envelopes: &Envelopes,
    blocks: Vec<Vec<u8>>,
) -> Result<Vec<f32>, Problem> {
    let (mut blocks, mut sound, mut mono) = (blocks.into_iter(), Vec::new(), Vec::new());
    let damaged = || Problem::file(source.name(), "cannot be read back; please report this");
    stream::read(
        header,
        envelopes,
        |_| blocks.next().ok_or_else(damaged),
        |planes| {
            mix(planes, &mut mono);
            sound.extend_from_slice(&mono);
            Ok(())
        },
        damaged,
    )?;
    Ok(sound)
}

/// The recording through ffmpeg's Opus encoder and back: the bytes of the Ogg file, and the sound.
fn opus(path: &Path, bits: f64, header: &Header) -> Result<(u64, Vec<f32>), Problem> {
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
    let folder = tempfile::tempdir().map_err(|e| Problem::io(path, &e))?;
    let place = folder.path().join("opus.ogg");
    let mut command = ffmpeg();
    add_input(&mut command, path);
    let bits = bits.clamp(6000.0, 256_000.0 * f64::from(header.channels)).round();
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
    command.args(["-f", "f32le", "-ac", "1", "-ar", &header.rate.to_string(), "-"]);
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
