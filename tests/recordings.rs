//! Recordings in all qualities: the same place in time, the same bits for any blocks, and the better for it.

use aeden::spectrum::Stft;
use aeden::{Cleaner, Config, Context, Denoiser, Link, Model};
use safetensors::Dtype;
use std::f64::consts::TAU;

mod engines;
mod random_model;
use engines::{Effect, Known, Random, config, difference_db};
use random_model::{ModelFile, looking_ahead, small_settings};

const ALL: [Context; 2] = [Context::Stream, Context::LeadIn];

fn known(config: &Config, context: Context, effect: Effect) -> Cleaner {
    Cleaner::with_engines(context, config, |channels| {
        Ok(Box::new(Known::new(effect, channels)))
    })
    .unwrap()
}

fn builtin(config: &Config, context: Context) -> Cleaner {
    Cleaner::with_model(&Model::light(), context, config).unwrap()
}

fn look_ahead(config: &Config, model: &Model, threads: usize) -> Cleaner {
    let config = config.clone().threads(threads);
    Cleaner::with_model(model, Context::LookAhead, &config).unwrap()
}

/// The built-in networks in every way, with names.
fn all_builtin(config: &Config) -> Vec<(String, Cleaner)> {
    let ways = ALL.map(|way| (format!("{way:?}"), builtin(config, way)));
    let best = look_ahead(config, &Model::best(), 1);
    ways.into_iter().chain([("best".to_owned(), best)]).collect()
}

fn small_model(identity: bool) -> Model {
    small_model_with(identity, 2)
}

fn small_model_with(identity: bool, grids: usize) -> Model {
    Model::from_bytes(&looking_ahead(identity, grids).bytes()).unwrap()
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
    let every_length = &[0.0, 0.00003, 0.3, 4.0, 20.0, 20.1, 36.3][..];
    for (rate, lengths) in [
        (48_000, every_length),
        (44_100, &[0.3, 20.1]),
        (16_000, &[0.00003, 20.0]),
    ] {
        for &seconds in lengths {
            let len = (seconds * f64::from(rate)) as usize;
            let sound = vec![Random(7).noise(len), Random(8).noise(len)];
            let config = config(rate, 2);
            let ways = ALL.map(|way| (format!("{way:?}"), known(&config, way, Effect::Identity)));
            let best = look_ahead(&config, &small_model(true), 1);
            for (way, mut cleaner) in ways.into_iter().chain([("best".to_owned(), best)]) {
                let out = clean(&mut cleaner, &sound, || 10_000);
                for (out, sound) in out.iter().zip(&sound) {
                    assert_eq!(out.len(), sound.len(), "{way}, {rate} Hz, {seconds} s");
                    if len > 0 {
                        let null = difference_db(out, sound);
                        assert!(null <= -100.0, "{way}, {rate} Hz, {seconds} s: {null} dB");
                    }
                }
            }
        }
    }
}

#[test]
fn blocks_change_no_bit_and_the_next_recording_begins_anew() {
    for link in [Link::Linked, Link::Independent] {
        let config = config(16_000, 2).link(link);
        let sound = vec![Random(1).noise(480_000), Random(2).noise(480_000)];
        let ways = ALL.map(|way| (format!("{way:?}"), known(&config, way, Effect::Memory)));
        let best = look_ahead(&config, &small_model(false), 1);
        for (way, mut cleaner) in ways.into_iter().chain([("best".to_owned(), best)]) {
            let expected = clean(&mut cleaner, &sound, || 1 << 20);
            let mut random = Random(5);
            for most in [3_000, 320_000] {
                assert!(
                    clean(&mut cleaner, &sound, || 1 + random.below(most)) == expected,
                    "{way}, {link:?}, {most}"
                );
            }
            if way == "best" {
                let mut on_three = look_ahead(&config, &small_model(false), 3);
                assert!(
                    clean(&mut on_three, &sound, || 9_000) == expected,
                    "{link:?}: cores"
                );
            }
        }
    }
}

#[test]
fn all_of_a_short_recording_is_in_view_of_frames_that_begin_half_a_hop_apart() {
    // Shorter than a part, so that the network must have heard everything at once.
    let (model, sound) = (small_model(false), Random(9).noise(48_000));
    let mut cleaner = look_ahead(&config(48_000, 1), &model, 1);
    let out = clean(&mut cleaner, std::slice::from_ref(&sound), || 5_000);

    let stft = Stft::new(model.framing()).unwrap();
    let (hop, bins) = (model.framing().hop, model.framing().bins());
    let shifted = |shift: usize| {
        let mut samples = [&vec![0.0; shift], &sound[..]].concat();
        samples.resize(samples.len().next_multiple_of(hop) + hop, 0.0);
        let (mut analysis, mut synthesis) = (stft.analysis(), stft.synthesis());
        let mut spectra = Vec::new();
        for hop in samples.chunks_exact(hop) {
            let mut spectrum = stft.spectrum();
            analysis.frame(hop, &mut spectrum);
            spectra.extend(spectrum);
        }
        model.clean_spectra(&mut spectra).unwrap();
        for (spectrum, samples) in spectra.chunks_exact(bins).zip(samples.chunks_exact_mut(hop)) {
            synthesis.frame(spectrum, samples);
        }
        samples[hop + shift..][..sound.len()].to_vec()
    };
    let both = shifted(0).into_iter().zip(shifted(hop / 2));
    let expected: Vec<f32> = both.map(|(a, b)| 0.5 * (a + b)).collect();
    let null = difference_db(&out[0], &expected);
    assert!(null < -100.0, "{null} dB");
}

#[test]
fn after_long_silence_a_recording_begins_anew() {
    let (model, first, second) = (
        small_model(false),
        Random(1).noise(96_000),
        Random(2).noise(96_000),
    );
    let mut cleaner = look_ahead(&config(48_000, 1), &model, 1);
    let alone = clean(&mut cleaner, std::slice::from_ref(&second), || 7_000);
    let silence = vec![0.0; 48_000 * 8];
    let after = clean(&mut cleaner, &[[&first[..], &silence, &second].concat()], || {
        7_000
    });
    let null = difference_db(&after[0][first.len() + silence.len()..], &alone[0]);
    assert!(null < -100.0, "{null} dB");
}

#[test]
fn parts_join_without_a_step() {
    // What the network makes of a part depends on what is in view, so that neighbours may differ where they meet.
    // They do here: this hum in the rhythm of syllables is kept in some parts and taken away in others.
    let rate = 16_000;
    let hum = |n: u32| {
        let t = f64::from(n) / f64::from(rate);
        let turn = |k: f64| TAU * 140.0 * k * t + 2.0 * (TAU * 5.0 * t).sin();
        let tones = (1..20).map(|k| turn(f64::from(k)).sin() / f64::from(k));
        (0.05 * tones.sum::<f64>() * (9.0 * t).sin().max(0.0)) as f32
    };
    let sound = vec![(0..60 * rate).map(hum).collect::<Vec<f32>>()];
    let mut best = look_ahead(&config(rate, 1), &Model::best(), 1);
    let out = clean(&mut best, &sound, || 10_000);
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
fn networks_for_streams_and_for_recordings_are_told_apart() {
    let for_streams = ModelFile::random(small_settings(), Dtype::F32, 3).bytes();
    let config = config(48_000, 1);
    let for_streams = Model::from_bytes(&for_streams).unwrap();
    assert!(!for_streams.looks_ahead());
    let told = Cleaner::with_model(&for_streams, Context::LookAhead, &config)
        .unwrap_err()
        .to_string();
    assert!(told.contains("both ways"), "{told}");
    let mut settings = small_settings();
    settings["both_ways"] = true.into();
    let for_recordings = ModelFile::random(settings, Dtype::F32, 3).bytes();
    let for_recordings = Model::from_bytes(&for_recordings).unwrap();
    assert!(for_recordings.looks_ahead());
    let told = Denoiser::with_model(&for_recordings, &config)
        .unwrap_err()
        .to_string();
    assert!(told.contains("both directions"), "{told}");
}

#[test]
fn silence_stays_silent_and_nothing_broken_comes_out() {
    let silence = vec![vec![0.0; 1_300_000]];
    let mut sound = vec![Random(3).noise(300_000)];
    for (n, bad) in [(0, f32::NAN), (70_000, f32::INFINITY), (299_999, f32::NAN)] {
        sound[0][n] = bad;
    }
    for (way, mut cleaner) in all_builtin(&config(48_000, 1)) {
        assert!(clean(&mut cleaner, &silence, || 8192) == silence, "{way}");
        let out = clean(&mut cleaner, &sound, || 8192);
        assert!(out[0].iter().all(|y| y.is_finite()), "{way}");
    }
}

#[test]
fn noise_is_gone_from_the_first_sample_on() {
    let mut hiss = Random(4).noise(96_000);
    hiss.iter_mut().for_each(|x| *x *= 0.1);
    let level =
        |sound: &[f32]| 10.0 * (sound.iter().map(|x| x * x).sum::<f32>() / sound.len() as f32).log10();
    for (way, mut cleaner) in all_builtin(&config(48_000, 1)) {
        if way == "Stream" {
            continue; // it knows nothing yet
        }
        let out = clean(&mut cleaner, &[hiss.clone()], || 8192);
        for part in [0..4800, 91_200..96_000] {
            let down = level(&hiss[part.clone()]) - level(&out[0][part.clone()]);
            assert!(down > 20.0, "{way}, {part:?}: {down} dB");
        }
    }
}

#[test]
fn in_the_quality_of_real_time_it_is_what_the_denoiser_gives() {
    let config = config(44_100, 2);
    let sound = vec![Random(1).noise(100_000), Random(2).noise(100_000)];
    let mut cleaner = known(&config, Context::Stream, Effect::Memory);
    let mut denoiser = Denoiser::with_engines(&config, |channels| {
        Ok(Box::new(Known::new(Effect::Memory, channels)))
    })
    .unwrap();
    let mut expected = sound.clone();
    denoiser.process_recording(&mut expected.iter_mut().map(Vec::as_mut_slice).collect::<Vec<_>>());
    assert!(clean(&mut cleaner, &sound, || 1234) == expected);
}
