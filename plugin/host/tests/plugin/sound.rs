//! Sounds, ways to play them, and what they must come to.

use aeden::{Config, Denoiser, Model};
use aeden_plugin_host::{Audio, Plugin};

/// All rates that hosts use, in Hz.
pub const RATES: [u32; 11] = [
    8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000,
];

/// `[channel][sample]`.
pub type Sound = Vec<Vec<f32>>;

/// A generator of numbers that look random, always the same for a seed; splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// From 0 to below 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Something between a voice and noise: pulses that ring, of a wandering pitch, with pauses, in noise. Every channel is
/// different.
pub fn voice(sample_rate: u32, channels: usize, len: usize) -> Sound {
    let mut random = Random(u64::from(sample_rate));
    (0..channels)
        .map(|channel| {
            let (mut phase, mut ring) = (0.0f64, [0.0f64; 2]);
            let rate = f64::from(sample_rate);
            let (turn, decay) = (std::f64::consts::TAU * 700.0 / rate, (-300.0 / rate).exp());
            (0..len)
                .map(|n| {
                    let time = n as f64 / rate;
                    let speaks = (time * 3.0 + channel as f64 * 0.3).fract() < 0.7;
                    phase += (120.0 + 30.0 * (time * 5.0).sin() + 10.0 * channel as f64) / rate;
                    let pulse = if phase >= 1.0 && speaks { 0.3 } else { 0.0 };
                    phase = phase.fract();
                    let next = pulse + 2.0 * decay * turn.cos() * ring[0] - decay * decay * ring[1];
                    ring = [next, ring[0]];
                    (next * 0.3 + 0.02 * (random.share() - 0.5)) as f32
                })
                .collect()
        })
        .collect()
}

/// Plays a sound through a plugin in blocks of these lengths, again and again, in place.
pub fn play(plugin: &mut dyn Plugin, sound: &[Vec<f32>], mut lengths: impl FnMut() -> usize) -> Sound {
    let mut out = sound.to_vec();
    let total = out.first().map_or(0, Vec::len);
    let mut start = 0;
    while start < total {
        let end = total.min(start + lengths().max(1));
        let mut block: Vec<_> = out.iter_mut().map(|c| &mut c[start..end]).collect();
        plugin
            .process(Audio::InPlace(&mut block), &[])
            .expect("to process");
        start = end;
    }
    out
}

/// The part of every channel that begins at a sample.
pub fn part(sound: &[Vec<f32>], from: usize, len: usize) -> Sound {
    sound.iter().map(|c| c[from..from + len].to_vec()).collect()
}

/// The library, as the plugin with its defaults should sound.
pub fn library(sample_rate: u32, channels: usize) -> Denoiser {
    let config = Config::new(sample_rate, channels).attenuation_limit(Some(18.0));
    Denoiser::with_model(&Model::high(), &config).expect("a denoiser")
}

/// What the library makes of a sound.
pub fn cleaned(denoiser: &mut Denoiser, sound: &[Vec<f32>]) -> Sound {
    let mut out = sound.to_vec();
    denoiser.process(&mut out.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
    out
}

/// The energy of the difference over that of the second sound, in dB; minus infinity if they are equal.
pub fn difference_db(sound: &[Vec<f32>], expected: &[Vec<f32>]) -> f64 {
    assert_eq!(sound.len(), expected.len());
    let (mut error, mut energy) = (0.0, 0.0);
    for (x, y) in sound.iter().flatten().zip(expected.iter().flatten()) {
        error += (f64::from(*x) - f64::from(*y)).powi(2);
        energy += f64::from(*y).powi(2);
    }
    assert!(energy > 0.0, "silence was expected: nothing to compare");
    10.0 * (error / energy).log10()
}

/// Fails unless two sounds differ by at most −100 dB, and gives by how much.
pub fn assert_same(sound: &[Vec<f32>], expected: &[Vec<f32>], what: &str) -> f64 {
    let difference = difference_db(sound, expected);
    assert!(difference <= -100.0, "{what}: {difference:.1} dB");
    difference
}

/// Fails if there is a NaN, an infinity, or a subnormal number, which slows down what comes after.
pub fn assert_normal(sound: &[Vec<f32>]) {
    for (channel, samples) in sound.iter().enumerate() {
        for (n, x) in samples.iter().enumerate() {
            assert!(x.is_finite(), "channel {channel}, sample {n}: {x}");
            assert!(
                !x.is_subnormal(),
                "channel {channel}, sample {n}: {x:e} is subnormal"
            );
        }
    }
}
