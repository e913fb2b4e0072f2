//! Cleans a stream whose blocks have any length, as on an audio thread.
//!
//! `cargo run --release --example stream`

use aeden::{Denoiser, Error};

fn main() -> Result<(), Error> {
    let (before, after) = stream(44_100)?;
    println!("the noise is {:.0} dB lower", 10.0 * (before / after).log10());
    Ok(())
}

/// The power of two seconds of noise, and of the last of them after cleaning.
pub fn stream(rate: u32) -> Result<(f32, f32), Error> {
    // All memory is taken here; from now on nothing allocates, locks or fails.
    let mut denoiser = Denoiser::new(rate, 1)?;
    println!("output is {} samples late", denoiser.latency());
    denoiser.set_attenuation_limit(Some(40.0));

    let mut seed = 1_u32;
    let mut noise = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        0.1 * (seed >> 8) as f32 / (1 << 23) as f32 - 0.1
    };
    let mut sound: Vec<f32> = (0..2 * rate).map(|_| noise()).collect();
    let power = |sound: &[f32]| sound.iter().map(|x| x * x).sum::<f32>() / sound.len() as f32;
    let before = power(&sound);

    // Hosts bring what they like: how a stream is cut into blocks changes no bit of the output.
    let (mut rest, mut len) = (&mut sound[..], 1);
    while !rest.is_empty() {
        let (block, after) = rest.split_at_mut(len.min(rest.len()));
        denoiser.process(&mut [block]);
        (rest, len) = (after, 1 + len * 7 % 1000);
    }
    Ok((before, power(&sound[rate as usize..])))
}
