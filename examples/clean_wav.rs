//! Cleans a WAV file, as well as can be.
//!
//! `cargo run --release --example clean_wav -- noisy.wav cleaned.wav`

use aeden::{Cleaner, Config, Context, Model};
use std::error::Error;

/// Samples of a channel that are read at once.
const BLOCK: usize = 1 << 16;

fn main() -> Result<(), Box<dyn Error>> {
    let mut names = std::env::args().skip(1);
    match (names.next(), names.next()) {
        (Some(from), Some(to)) => clean(&from, &to),
        _ => Err("name a WAV file and a new one".into()),
    }
}

/// Reads 16-bit or float samples, and writes floats.
pub fn clean(from: &str, to: &str) -> Result<(), Box<dyn Error>> {
    let mut reader = hound::WavReader::open(from)?;
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples().collect::<Result<_, _>>()?,
        hound::SampleFormat::Int => {
            let scale = 2f32.powi(1 - i32::from(spec.bits_per_sample));
            let samples = reader.samples::<i32>();
            samples
                .map(|x| Ok(x? as f32 * scale))
                .collect::<hound::Result<_>>()?
        }
    };

    // From interleaved samples to one row a channel.
    let channels = usize::from(spec.channels);
    let row = |c: usize| samples.iter().skip(c).step_by(channels).copied().collect();
    let rows: Vec<Vec<f32>> = (0..channels).map(row).collect();

    let threads = std::thread::available_parallelism()?.get();
    let config = Config::new(spec.sample_rate, channels).threads(threads);
    let mut cleaner = Cleaner::with_model(&Model::best(), Context::LookAhead, &config)?;
    let mut cleaned = vec![Vec::new(); channels];
    for start in (0..rows[0].len()).step_by(BLOCK) {
        let end = rows[0].len().min(start + BLOCK);
        let block: Vec<&[f32]> = rows.iter().map(|row| &row[start..end]).collect();
        cleaner.push(&block, &mut cleaned);
    }
    cleaner.finish(&mut cleaned);

    let spec = hound::WavSpec {
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
        ..spec
    };
    let mut writer = hound::WavWriter::create(to, spec)?;
    for n in 0..cleaned[0].len() {
        for row in &cleaned {
            writer.write_sample(row[n])?;
        }
    }
    Ok(writer.finalize()?)
}
