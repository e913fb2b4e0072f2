//! Encodes noise with notes, decodes it, makes a hole, fills it, and goes on with room tone: all without a file.
//!
//! `cargo run --release -p aeden-jobs --example codec_and_repair`

use aeden_jobs::codec::{Coarseness, Codec, Depth};
use aeden_jobs::repair::Repairer;
use aeden_jobs::roomtone::{Learner, Tone};

const RATE: u32 = 48_000;

fn main() -> Result<(), aeden_jobs::Error> {
    let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 4e9 - 0.002;
    let samples: Vec<f32> = (0..4 * RATE)
        .map(|n| {
            noise(n)
                + if n < RATE {
                    (n as f32 * 0.03).sin() * 0.2
                } else {
                    0.0
                }
        })
        .collect();

    let codec = Codec::new();
    let bytes = codec.encode(&[&samples], RATE, Depth::Int16, Coarseness::MID)?;
    println!("{} samples in {} bytes", samples.len(), bytes.len());
    let mut decoder = codec.decoder(&bytes[..])?;
    let mut decoded = Vec::new();
    while let Some(channels) = decoder.next_block()? {
        decoded.extend_from_slice(&channels[0]);
    }

    decoded[20_000..20_960].fill(0.0);
    let mut repairer = Repairer::new(RATE, 1)?;
    let mut mended = vec![Vec::new()];
    repairer.push(&[&decoded], &mut mended)?;
    repairer.finish(&mut mended)?;
    for damage in repairer.mended() {
        println!(
            "a {} at samples {:?}, filled",
            damage.damage.name(),
            damage.samples
        );
    }

    let room = Learner::new().learn(&mended, RATE)?;
    let mut tone = Tone::new(&room, u64::from(10 * RATE), 1)?;
    let mut made = 0;
    while let Some(channels) = tone.next_block() {
        made += channels[0].len();
    }
    println!("{made} samples of room tone from {:.1} s", room.learned_seconds());
    Ok(())
}
