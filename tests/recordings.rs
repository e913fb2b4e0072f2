//! Recordings in all qualities: the same place in time, the same bits for any blocks, and the better for it.

use aeden::denoiser::{Config, Denoiser, Link};
use aeden::model::Model;
use aeden::recording::{Cleaner, Quality};

mod engines;
use engines::{Effect, Known, Random, config, difference_db};

const ALL: [Quality; 3] = [Quality::RealTime, Quality::Standard, Quality::Best];

fn known(config: &Config, quality: Quality, effect: Effect) -> Cleaner {
    Cleaner::new(config, quality, |channels| {
        Ok(Box::new(Known::new(effect, channels)))
    })
    .unwrap()
}

fn builtin(config: &Config, quality: Quality) -> Cleaner {
    let model = Model::builtin();
    Cleaner::new(config, quality, |channels| {
        Ok(Box::new(model.engine(channels, 64)))
    })
    .unwrap()
}

fn clean(cleaner: &mut Cleaner, sound: &[Vec<f32>], mut block: impl FnMut() -> usize) -> Vec<Vec<f32>> {
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
            for way in ALL {
                let mut cleaner = known(&config(rate, 2), way, Effect::Identity);
                let out = clean(&mut cleaner, &sound, || 10_000);
                for (out, sound) in out.iter().zip(&sound) {
                    assert_eq!(out.len(), sound.len(), "{way:?}, {rate} Hz, {seconds} s");
                    if len > 0 {
                        let null = difference_db(out, sound);
                        assert!(null <= -100.0, "{way:?}, {rate} Hz, {seconds} s: {null} dB");
                    }
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
        for way in ALL {
            let mut cleaner = known(&config, way, Effect::Memory);
            let expected = clean(&mut cleaner, &sound, || 1 << 20);
            let mut random = Random(5);
            for most in [3_000, 400_000] {
                assert!(
                    clean(&mut cleaner, &sound, || 1 + random.below(most)) == expected,
                    "{way:?}, {link:?}, {most}"
                );
            }
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
    let mut both = known(&config(rate, 1), Quality::Best, Effect::Memory);
    let out = clean(&mut both, &sound, || 10_000);
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
    let mut sound = vec![Random(3).noise(300_000)];
    for (n, bad) in [(0, f32::NAN), (70_000, f32::INFINITY), (299_999, f32::NAN)] {
        sound[0][n] = bad;
    }
    for way in ALL {
        let mut cleaner = builtin(&config(48_000, 1), way);
        assert!(clean(&mut cleaner, &silence, || 8192) == silence, "{way:?}");
        let out = clean(&mut cleaner, &sound, || 8192);
        assert!(out[0].iter().all(|y| y.is_finite()), "{way:?}");
    }
}

#[test]
fn noise_is_gone_from_the_first_sample_on() {
    let mut hiss = Random(4).noise(96_000);
    hiss.iter_mut().for_each(|x| *x *= 0.1);
    let level =
        |sound: &[f32]| 10.0 * (sound.iter().map(|x| x * x).sum::<f32>() / sound.len() as f32).log10();
    for way in [Quality::Standard, Quality::Best] {
        let out = clean(&mut builtin(&config(48_000, 1), way), &[hiss.clone()], || 8192);
        for part in [0..4800, 91_200..96_000] {
            let down = level(&hiss[part.clone()]) - level(&out[0][part.clone()]);
            assert!(down > 20.0, "{way:?}, {part:?}: {down} dB");
        }
    }
}

#[test]
fn in_the_quality_of_real_time_it_is_what_the_denoiser_gives() {
    let config = config(44_100, 2);
    let sound = vec![Random(1).noise(100_000), Random(2).noise(100_000)];
    let mut cleaner = known(&config, Quality::RealTime, Effect::Memory);
    let mut denoiser = Denoiser::new(&config, |channels| {
        Ok(Box::new(Known::new(Effect::Memory, channels)))
    })
    .unwrap();
    let mut expected = sound.clone();
    denoiser.process_recording(&mut expected.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
    assert!(clean(&mut cleaner, &sound, || 1234) == expected);
}
