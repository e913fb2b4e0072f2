//! Cleans samples on this machine as the module does in a browser: what its tests compare it with.
//!
//! `reference MODEL RATE CHANNELS stream|lead-in|look-ahead f32|whole STRENGTH MIX BANDS`: samples in f32, one channel after the other, from
//! standard input to standard output.

use aeden::presets::UNLIMITED;
use aeden::{Cleaner, Config, Context, Model};
use std::error::Error;
use std::io::{Read, Write, stdin, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, rate, channels, context, arithmetic, strength, mix, bands] = &arguments[..] else {
        return Err("MODEL RATE CHANNELS CONTEXT ARITHMETIC STRENGTH MIX BANDS".into());
    };
    let bytes = std::fs::read(model)?;
    let model = match &arithmetic[..] {
        "f32" => Model::from_bytes_in_f32(&bytes)?,
        _ => Model::from_bytes(&bytes)?,
    };
    let context = match &context[..] {
        "stream" => Context::Stream,
        "lead-in" => Context::LeadIn,
        _ => Context::LookAhead,
    };
    let strength = strength.parse()?;
    let config = Config::new(rate.parse()?, channels.parse()?)
        .attenuation_limit((strength < UNLIMITED).then_some(strength))
        .bands(bands.parse()?)
        .mix(mix.parse()?);
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let samples = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    let samples: Vec<f32> = samples.collect();
    let input: Vec<&[f32]> = samples.chunks(samples.len() / config.channels).collect();
    let mut output = vec![Vec::new(); input.len()];
    let mut cleaner = Cleaner::with_model(&model, context, &config)?;
    cleaner.push(&input, &mut output);
    cleaner.finish(&mut output);
    let bytes: Vec<u8> = output.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    Ok(stdout().write_all(&bytes)?)
}
