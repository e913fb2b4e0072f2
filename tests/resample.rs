//! Conversion between rates delays by half a block exactly, keeps what both rates share and lets nothing else through.

use aeden::spectrum::{Blocks, CLOCK_TOLERANCE, Resampler};

mod engines;
use engines::difference_db;

fn tone(hz: f64, rate: u32, from: f64, len: usize) -> Vec<f32> {
    (0..len)
        .map(|n| (std::f64::consts::TAU * hz * (n as f64 - from) / f64::from(rate)).sin() as f32)
        .collect()
}

fn convert(from: usize, to: usize, input: &[f32]) -> Vec<f32> {
    let mut resampler = Resampler::new(from, to, 1).unwrap();
    let input = [input.to_vec()];
    let blocks = input[0].len() / from;
    let mut out = [vec![0.0; blocks * to]];
    for b in 0..blocks {
        resampler.process(&input, b * from, &mut out, b * to);
    }
    let [out] = out;
    out
}

/// Mean square in dB, 0 for a full-scale sine.
fn level_db(x: &[f32]) -> f64 {
    10.0 * (2.0 * x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / x.len() as f64).log10()
}

const RATES: [u32; 8] = [8_000, 16_000, 22_050, 32_000, 44_100, 88_200, 96_000, 192_000];

#[test]
fn a_tone_keeps_its_place_and_shape_both_ways() {
    for rate in RATES {
        let Blocks { host, model } = Blocks::between(rate, 48_000).unwrap().unwrap();
        for (from, to, from_rate, to_rate) in [(host, model, rate, 48_000), (model, host, 48_000, rate)] {
            for share in [0.01, 0.5, 0.9] {
                let hz = share * f64::from(rate.min(48_000)) / 2.0;
                let out = convert(from, to, &tone(hz, from_rate, 0.0, from_rate as usize));
                let delay = Resampler::new(from, to, 1).unwrap().delay();
                let expected = tone(hz, to_rate, delay as f64, out.len());
                let error = difference_db(&out[4 * to..], &expected[4 * to..]);
                println!("{from_rate} -> {to_rate}, {hz} Hz: {error:.1} dB");
                assert!(error <= -100.0, "{from_rate} -> {to_rate}, {hz} Hz: {error} dB");
            }
        }
    }
}

#[test]
fn nothing_folds_into_the_band() {
    for rate in RATES {
        let Blocks { host, model } = Blocks::between(rate, 48_000).unwrap().unwrap();
        let (from, to, from_rate) = if rate > 48_000 {
            (host, model, rate)
        } else {
            (model, host, 48_000)
        };
        let edge = f64::from(rate.min(48_000)) / 2.0;
        for hz in [1.0, 1.01, 1.05, 1.1, 1.5].map(|share| share * edge) {
            if hz < f64::from(from_rate) / 2.0 {
                let level = level_db(&convert(from, to, &tone(hz, from_rate, 0.0, 40 * from))[4 * to..]);
                println!("{from_rate} -> {rate} side, {hz} Hz: {level:.1} dB");
                assert!(level <= -110.0, "{rate}, {hz} Hz: {level} dB");
            }
        }
    }
}

#[test]
fn every_whole_rate_has_short_even_blocks_within_the_tolerance() {
    for model_rate in [8_000, 16_000, 24_000, 32_000, 44_100, 48_000] {
        for rate in (8_000..=192_000).step_by(7) {
            let clock = match Blocks::between(rate, model_rate).unwrap() {
                None => f64::from(rate) / f64::from(model_rate),
                Some(Blocks { host, model }) => {
                    assert!(
                        host % 2 == 0 && model % 2 == 0 && model <= 1440,
                        "{rate}: {host}/{model}"
                    );
                    model as f64 / host as f64 * f64::from(rate) / f64::from(model_rate)
                }
            };
            assert!(
                (clock - 1.0).abs() <= CLOCK_TOLERANCE * 1.000_001,
                "{rate} and {model_rate}: {clock}"
            );
        }
    }
}

#[test]
fn usual_rates_convert_exactly() {
    let rates = [11_025, 12_000, 24_000, 64_000, 176_400];
    for rate in RATES.into_iter().chain(rates) {
        let Blocks { host, model } = Blocks::between(rate, 48_000).unwrap().unwrap();
        assert_eq!(
            model as u64 * u64::from(rate),
            host as u64 * 48_000,
            "{rate}: {host}/{model}"
        );
    }
}

#[test]
fn odd_blocks_are_refused() {
    for (from, to) in [(147, 160), (160, 147), (0, 160), (160, 0)] {
        assert!(Resampler::new(from, to, 1).is_err());
    }
    assert!(Resampler::new(160, 320, 0).is_err());
}

#[test]
fn rates_outside_the_range_are_refused() {
    for (host, model) in [
        (0, 48_000),
        (7_999, 48_000),
        (192_001, 48_000),
        (48_000, 0),
        (48_000, u32::MAX),
    ] {
        assert!(
            Blocks::between(host, model)
                .unwrap_err()
                .to_string()
                .contains("8000 to 192000")
        );
    }
}

#[test]
fn reset_forgets_everything() {
    let mut resampler = Resampler::new(294, 320, 1).unwrap();
    let mut out = [vec![1.0; 320]];
    resampler.process(&[vec![1.0; 294]], 0, &mut out, 0);
    resampler.reset();
    resampler.process(&[vec![0.0; 294]], 0, &mut out, 0);
    assert!(out[0].iter().all(|&y| y == 0.0));
}
