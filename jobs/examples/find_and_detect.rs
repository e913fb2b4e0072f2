//! Which of some WAV files sound like the first one, and what in the first one does not fit.
//!
//! `cargo run --release -p aeden-jobs --example find_and_detect -- a.wav b.wav c.wav`

use aeden_jobs::detect::Detector;
use aeden_jobs::find::Describer;

/// The channels of a WAV file, and its rate.
fn read(path: &str) -> Result<(Vec<Vec<f32>>, u32), hound::Error> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples().collect::<Result<_, _>>()?,
        hound::SampleFormat::Int => {
            let scale = 0.5f32.powi(i32::from(spec.bits_per_sample) - 1);
            let samples = reader.samples::<i32>();
            samples
                .map(|x| Ok(x? as f32 * scale))
                .collect::<Result<_, hound::Error>>()?
        }
    };
    let channels = usize::from(spec.channels);
    let plane = |channel| samples.iter().skip(channel).step_by(channels).copied().collect();
    Ok(((0..channels).map(plane).collect(), spec.sample_rate))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let (Some(first), others) = (files.first(), files.iter().skip(1)) else {
        return Err("which WAV files?".into());
    };
    let (samples, rate) = read(first)?;
    let describer = Describer::new();
    let query = describer.describe(&samples, rate)?;
    for other in others {
        let (samples, rate) = read(other)?;
        let sound = describer.describe(&samples, rate)?;
        println!("{:6.3}  {other}", query.descriptor.similarity(&sound.descriptor));
    }
    for event in Detector::new().detect(&samples, rate)?.events {
        println!(
            "{:8.2} … {:.2} s: {} around {:.0} Hz, score {:.1}",
            event.start,
            event.end,
            event.change.name(),
            event.frequency,
            event.score
        );
    }
    Ok(())
}
