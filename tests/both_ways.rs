//! Recordings cleaned from both sides: the same place in time, the same bits for any blocks, and the better for it.

use aeden::both_ways::BothWays;
use aeden::denoiser::{Config, Link};
use aeden::model::Model;

mod engines;
use engines::{Effect, Known, Random, config, difference_db};

fn known(config: &Config, effect: Effect) -> BothWays {
    BothWays::new(config, |channels| Ok(Box::new(Known::new(effect, channels)))).unwrap()
}

fn builtin(config: &Config) -> BothWays {
    let model = Model::builtin();
    BothWays::new(config, |channels| Ok(Box::new(model.engine(channels, 64)))).unwrap()
}

fn clean(cleaner: &mut BothWays, sound: &[Vec<f32>], mut block: impl FnMut() -> usize) -> Vec<Vec<f32>> {
    let mut out = vec![Vec::new(); sound.len()];
    let mut start = 0;
    while start < sound[0].len() {
        let end = sound[0].len().min(start + block());
        let part: Vec<_> = sound.iter().map(|channel| &channel[start..end]).collect();
        cleaner.push(&part, &mut out);
        start = end;
    }
    cleaner.finish(&mut out);
    out
}

#[test]
fn an_engine_that_changes_nothing_gives_recordings_of_any_length_back() {
    // Shorter than the lead, and parts that just end, or nearly.
    for rate in [48_000, 44_100, 16_000] {
        for seconds in [0.0, 0.00003, 0.3, 4.0, 24.0, 24.1, 43.9, 61.3] {
            let len = (seconds * f64::from(rate)) as usize;
            let sound = vec![Random(7).noise(len), Random(8).noise(len)];
            let out = clean(&mut known(&config(rate, 2), Effect::Identity), &sound, || 10_000);
            for (out, sound) in out.iter().zip(&sound) {
                assert_eq!(out.len(), sound.len(), "{rate} Hz, {seconds} s");
                if len > 0 {
                    let null = difference_db(out, sound);
                    assert!(null <= -100.0, "{rate} Hz, {seconds} s: {null} dB");
                }
            }
        }
    }
}

#[test]
fn blocks_change_no_bit_and_the_next_recording_begins_anew() {
    for link in [Link::Linked, Link::Independent] {
        let config = Config {
            link,
            ..config(16_000, 2)
        };
        let sound = vec![Random(1).noise(800_000), Random(2).noise(800_000)];
        let mut cleaner = known(&config, Effect::Memory);
        let expected = clean(&mut cleaner, &sound, || 1 << 20);
        let mut random = Random(5);
        for most in [3_000, 400_000] {
            assert!(
                clean(&mut cleaner, &sound, || 1 + random.below(most)) == expected,
                "{link:?}, {most}"
            );
        }
    }
}

#[test]
fn parts_join_without_a_step() {
    // What the engine makes of a part depends on what it heard before, so that neighbours differ where they meet.
    let rate = 16_000;
    let sound = vec![
        (0..60 * rate)
            .map(|n| (n as f32 * 0.05).sin() * 0.3)
            .collect::<Vec<f32>>(),
    ];
    let out = clean(&mut known(&config(rate, 1), Effect::Memory), &sound, || 10_000);
    let steps = |sound: &[f32]| {
        sound
            .windows(3)
            .map(|x| (x[0] - 2.0 * x[1] + x[2]).abs())
            .fold(0.0, f32::max)
    };
    let (before, after) = (steps(&sound[0]), steps(&out[0]));
    assert!(after < 1.5 * before, "{before} became {after}");
}

#[test]
fn silence_stays_silent_and_nothing_broken_comes_out() {
    let silence = vec![vec![0.0; 1_300_000]];
    assert!(clean(&mut builtin(&config(48_000, 1)), &silence, || 8192) == silence);
    let mut sound = vec![Random(3).noise(200_000)];
    for (n, bad) in [(0, f32::NAN), (70_000, f32::INFINITY), (199_999, f32::NAN)] {
        sound[0][n] = bad;
    }
    let out = clean(&mut builtin(&config(48_000, 1)), &sound, || 8192);
    assert!(out[0].iter().all(|y| y.is_finite()));
}

#[test]
fn noise_is_gone_from_the_first_sample_on() {
    let mut hiss = Random(4).noise(96_000);
    hiss.iter_mut().for_each(|x| *x *= 0.1);
    let out = clean(&mut builtin(&config(48_000, 1)), &[hiss.clone()], || 8192);
    let level =
        |sound: &[f32]| 10.0 * (sound.iter().map(|x| x * x).sum::<f32>() / sound.len() as f32).log10();
    for part in [0..4800, 91_200..96_000] {
        let down = level(&hiss[part.clone()]) - level(&out[0][part.clone()]);
        assert!(down > 20.0, "{part:?}: {down} dB");
    }
}
