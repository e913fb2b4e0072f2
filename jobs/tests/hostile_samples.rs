//! Samples of any bits: every job refuses what it cannot work with by its place, and works with the rest; nothing panics.

use aeden_jobs::codec::{Coarseness, Codec, Depth};
use aeden_jobs::detect::Detector;
use aeden_jobs::find::Describer;
use aeden_jobs::repair::Repairer;
use aeden_jobs::roomtone::{Learner, Tone};
use aeden_jobs::{Error, LARGEST};
use proptest::prelude::*;
use std::sync::LazyLock;

static DESCRIBER: LazyLock<Describer> = LazyLock::new(Describer::new);
static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);
static CODEC: LazyLock<Codec> = LazyLock::new(Codec::new);
static LEARNER: LazyLock<Learner> = LazyLock::new(Learner::new);

/// Noise of one size all through, in which a few samples have other bits.
fn sound(seconds: f64) -> impl Strategy<Value = (Vec<Vec<f32>>, u32)> {
    let rate = prop_oneof![Just(8_000u32), Just(44_100), Just(48_000), 8_000..=192_000u32];
    let exponent = -45.0..38.5f32;
    let odd = proptest::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 0..4);
    (rate, 1..4usize, exponent, odd, any::<u64>()).prop_map(move |(rate, channels, exponent, odd, seed)| {
        let frames = (seconds * f64::from(rate)) as usize;
        let size = 10f32.powf(exponent);
        let mut state = seed | 1;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            ((state >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * size
        };
        let plane = |_| (0..frames).map(|_| noise()).collect();
        let mut planes: Vec<Vec<f32>> = (0..channels).map(plane).collect();
        for (place, bits) in odd {
            planes[bits as usize % channels][place.index(frames)] = f32::from_bits(bits);
        }
        (planes, rate)
    })
}

/// Whether a job must take these samples.
fn is_fine(planes: &[Vec<f32>]) -> bool {
    planes.iter().flatten().all(|x| x.abs() <= LARGEST)
}

/// What a job gave, if the samples are fine; otherwise it must name one that is not.
fn checked<T>(planes: &[Vec<f32>], rate: u32, result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(result) => {
            assert!(is_fine(planes));
            Some(result)
        }
        Err(Error::Sample {
            seconds,
            channel,
            value,
        }) => {
            assert!(!is_fine(planes));
            let frame = (seconds * f64::from(rate)).round() as usize;
            assert_eq!(planes[channel][frame].to_bits(), value.to_bits());
            None
        }
        Err(Error::Silent | Error::TooLittle { .. }) => None,
        Err(other) => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(24), ..ProptestConfig::default() })]

    #[test]
    fn fuzz_finding_and_detecting_take_samples_of_any_bits((planes, rate) in sound(0.4)) {
        if let Some(sound) = checked(&planes, rate, DESCRIBER.describe(&planes, rate)) {
            assert!((sound.descriptor.similarity(&sound.descriptor) - 1.0).abs() < 1e-3);
        }
        if let Some(found) = checked(&planes, rate, DETECTOR.detect(&planes, rate)) {
            assert!(found.scores.iter().all(|score| score.is_finite()), "{:?}", found.scores);
        }
    }

    #[test]
    fn fuzz_the_codec_takes_samples_of_any_bits((planes, rate) in sound(0.3)) {
        let encoded = CODEC.encode(&planes, rate, Depth::Float32, Coarseness::MID);
        if let Some(bytes) = checked(&planes, rate, encoded) {
            let mut decoder = CODEC.decoder(&bytes[..]).unwrap();
            let mut frames = 0;
            while let Some(decoded) = decoder.next_block().unwrap() {
                assert!(decoded.iter().flatten().all(|x| x.is_finite()));
                frames += decoded[0].len();
            }
            assert_eq!(frames, planes[0].len());
        }
    }

    #[test]
    fn fuzz_repair_takes_samples_of_any_bits((planes, rate) in sound(0.5)) {
        let mut out = vec![Vec::new(); planes.len()];
        let mut repairer = Repairer::new(rate, planes.len()).unwrap();
        let pushed = repairer.push(&planes, &mut out).and_then(|()| repairer.finish(&mut out));
        if checked(&planes, rate, pushed).is_some() {
            assert!(out.iter().flatten().all(|x| x.is_finite()));
            assert!(out.iter().zip(&planes).all(|(out, plane)| out.len() == plane.len()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(6), ..ProptestConfig::default() })]

    #[test]
    fn fuzz_room_tone_takes_samples_of_any_bits((planes, rate) in sound(1.1)) {
        let Some(room) = checked(&planes, rate, LEARNER.learn(&planes, rate)) else { return Ok(()) };
        let mut tone = Tone::new(&room, u64::from(rate) / 2, 1).unwrap();
        while let Some(made) = tone.next_block() {
            assert!(made.iter().flatten().all(|x| x.is_finite()));
        }
    }
}

/// A few by default; `cargo xtask fuzz` asks for more.
fn cases(few: u32) -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.and_then(|cases| cases.parse().ok()).unwrap_or(few)
}
