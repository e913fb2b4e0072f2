//! The native engine keeps the promises of `Engine`, on models of many shapes.

use aeden::engine::{Engine, NativeEngine};
use aeden::{Complex32, Instructions, Model};
use safetensors::Dtype;
use serde_json::json;

mod random_model;
use random_model::{ModelFile, Random, difference, peak, small_settings, spectra};

const BINS: usize = 33;

fn model(dtype: Dtype, seed: u64) -> Model {
    Model::from_bytes(&ModelFile::random(small_settings(), dtype, seed).bytes()).unwrap()
}

fn engine_of(model: &Model, channels: usize, frames: usize) -> NativeEngine {
    model.native(channels).unwrap().with_frames(frames)
}

fn engine_with(model: &Model, channels: usize, frames: usize, instructions: Instructions) -> NativeEngine {
    engine_of(model, channels, frames)
        .with_instructions(instructions)
        .unwrap()
}

/// The spectrum cleaned in calls of these many frames, the last one going on to the end.
fn clean(engine: &mut NativeEngine, noisy: &[Complex32], calls: &[usize]) -> Vec<Complex32> {
    let bins = engine.framing().window / 2 + 1;
    let mut out = noisy.to_vec();
    let mut rest = &mut out[..];
    for frames in calls.iter().copied().chain([usize::MAX]) {
        let (part, after) = rest.split_at_mut(frames.saturating_mul(bins).min(rest.len()));
        let guide = part.to_vec();
        engine.process(&guide, part);
        rest = after;
    }
    out
}

#[test]
fn every_instruction_set_agrees_with_the_portable_one_on_random_shapes() {
    let mut random = Random(1);
    for round in 0..25 {
        let window = 32 + 2 * random.below(60);
        let bins = window / 2 + 1;
        let last = random.below(bins);
        let (low, heads) = (1 + random.below(3), 1 + random.below(3));
        let coherent = low * (1 + random.below(4));
        let settings = json!({
            "rate": 16_000, "window": window, "hop": window / 2, "channels": heads * (1 + random.below(24)),
            "low_positions": low, "high_positions": 1 + random.below(3), "heads": heads,
            "encoder_layers": random.below(3), "decoder_layers": random.below(3),
            "coherent_bins": coherent, "filter_bins": low * random.below(bins / low + 1),
            "filter_taps": 1 + random.below(5), "level_first_bin": random.below(last + 1), "level_last_bin": last,
            "level_smoothing": 0.1, "silence": 1e-8, "floor_up": 0.02, "floor_down": 0.1,
            "band_steps": [[1, coherent], [1 + random.below(2), 1 + random.below(20)]],
        });
        let dtype = if round % 2 == 0 { Dtype::F16 } else { Dtype::F32 };
        let bytes = ModelFile::random(settings.clone(), dtype, round).bytes();
        let noisy = spectra(50, bins, round);
        let model = Model::from_bytes(&bytes).unwrap();
        // Whole numbers are summed exactly, but what is rounded to them may differ by a step where features differ in their last
        // bits.
        for (model, bound) in [(&Model::from_bytes_in_f32(&bytes).unwrap(), 1e-5), (&model, 2e-3)] {
            let portable = clean(
                &mut engine_with(model, 1, 50, Instructions::Portable),
                &noisy,
                &[],
            );
            assert!(
                peak(&portable) > 0.1 && difference(&portable, &noisy) > 0.01,
                "{settings}: a mask that does nothing"
            );
            for instructions in Instructions::available() {
                let other = clean(&mut engine_with(model, 1, 50, instructions), &noisy, &[]);
                let error = difference(&portable, &other) / peak(&portable);
                assert!(error <= bound, "{instructions:?}: {error:e} with {settings}");
            }
        }
        let alone = clean(&mut engine_of(&model, 1, 50), &noisy, &[]);
        let mut team = engine_of(&model, 1, 50).with_threads(2 + random.below(9));
        assert!(
            clean(&mut team, &noisy, &[]) == alone,
            "several threads with {settings}"
        );
    }
}

#[test]
fn the_default_engine_is_the_fastest_available() {
    let model = model(Dtype::F16, 1);
    let noisy = spectra(9, BINS, 1);
    let best = clean(&mut engine_with(&model, 1, 9, Instructions::best()), &noisy, &[]);
    assert_eq!(clean(&mut engine_of(&model, 1, 9), &noisy, &[]), best);
}

#[test]
fn no_split_into_calls_changes_a_bit() {
    let mut random = Random(2);
    for dtype in [Dtype::F16, Dtype::F32] {
        let model = model(dtype, 2);
        let noisy = spectra(150, BINS, 2);
        for instructions in Instructions::available() {
            let whole = clean(&mut engine_with(&model, 1, 150, instructions), &noisy, &[]);
            let single = clean(&mut engine_with(&model, 1, 1, instructions), &noisy, &[1; 150]);
            assert_eq!(whole, single, "{instructions:?}");
            for _ in 0..10 {
                let calls: Vec<usize> = (0..40).map(|_| random.below(9)).collect();
                let most = 1 + random.below(150);
                let split = clean(&mut engine_with(&model, 1, most, instructions), &noisy, &calls);
                assert_eq!(whole, split, "{instructions:?}, {calls:?}, at most {most}");
            }
        }
    }
}

#[test]
fn no_number_of_threads_changes_a_bit() {
    let model = model(Dtype::F16, 10);
    let noisy = spectra(150, BINS, 10);
    let alone = clean(&mut engine_of(&model, 1, 150), &noisy, &[]);
    for threads in [1, 2, 3, 5, 100] {
        let mut team = engine_of(&model, 1, 70).with_threads(threads);
        assert_eq!(team.is_real_time(), threads == 1);
        assert!(clean(&mut team, &noisy, &[]) == alone, "{threads} threads");
        team.reset();
        assert!(
            clean(&mut team, &noisy, &[1, 0, 7, 64, 71]) == alone,
            "{threads} threads, again"
        );
    }
}

#[test]
fn channels_share_the_mask_of_the_guide() {
    let model = model(Dtype::F16, 3);
    let frames = 40;
    let (guide, side) = (spectra(frames, BINS, 3), spectra(frames, BINS, 4));
    let mono = clean(&mut engine_of(&model, 1, frames), &guide, &[]);
    let mut both = [
        guide.clone(),
        side.clone(),
        guide.iter().map(|x| x * 2.0).collect(),
    ]
    .concat();
    let mut engine = engine_of(&model, 3, frames);
    engine.process(&guide, &mut both);
    let channels: Vec<_> = both.chunks(frames * BINS).collect();
    assert_eq!(channels[0], mono, "the guide itself");
    // The mask is linear in each channel, so that twice the sound comes out twice as loud.
    assert_eq!(channels[2], mono.iter().map(|y| y * 2.0).collect::<Vec<_>>());
    assert!(difference(channels[1], &side) > 0.01);
    // ... and in calls of one frame.
    let mut engine = engine_of(&model, 3, 1);
    for frame in 0..frames {
        let at = frame * BINS..(frame + 1) * BINS;
        let mut spectra = [&guide[at.clone()], &side[at.clone()], &guide[at.clone()]].concat();
        engine.process(&guide[at.clone()], &mut spectra);
        assert_eq!(spectra[..BINS], channels[0][at.clone()]);
        assert_eq!(spectra[BINS..2 * BINS], channels[1][at]);
    }
}

#[test]
fn reset_gives_the_first_result_again() {
    let model = model(Dtype::F32, 5);
    let noisy = spectra(30, BINS, 5);
    let mut engine = engine_of(&model, 1, 8);
    let first = clean(&mut engine, &noisy, &[3, 1]);
    let second = clean(&mut engine, &noisy, &[3, 1]);
    assert_ne!(first, second, "the engine has a memory");
    engine.reset();
    assert_eq!(clean(&mut engine, &noisy, &[3, 1]), first);
}

#[test]
fn loudness_does_not_change_the_mask() {
    let model = model(Dtype::F32, 6);
    let noisy = spectra(30, BINS, 6);
    let mean = clean(&mut engine_of(&model, 1, 8), &noisy, &[]);
    // A power of two scales every spectrum exactly; the features differ by rounding and the small constants in them.
    let quiet: Vec<_> = noisy.iter().map(|x| x / 64.0).collect();
    let quiet: Vec<_> = clean(&mut engine_of(&model, 1, 8), &quiet, &[])
        .iter()
        .map(|y| y * 64.0)
        .collect();
    assert!(
        difference(&mean, &quiet) < 1e-2 * peak(&mean),
        "{}",
        difference(&mean, &quiet)
    );
}

#[test]
fn any_numbers_are_survived_and_forgotten_on_reset() {
    let model = model(Dtype::F16, 7);
    let noisy = spectra(20, BINS, 7);
    let mut random = Random(7);
    for instructions in Instructions::available() {
        let mut engine = engine_with(&model, 2, 4, instructions);
        let mut first = noisy.repeat(2);
        engine.process(&noisy, &mut first);
        for special in [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN_POSITIVE / 8.0,
            0.0,
        ] {
            for _ in 0..3 {
                let mut wild = noisy.repeat(2);
                for x in wild.iter_mut().step_by(1 + random.below(5)) {
                    *x = Complex32::new(special, random.number());
                }
                let guide = wild[..noisy.len()].to_vec();
                engine.process(&guide, &mut wild);
            }
            engine.process(&[], &mut []);
        }
        engine.reset();
        let mut again = noisy.repeat(2);
        engine.process(&noisy, &mut again);
        assert_eq!(first, again, "{instructions:?}");
    }
}

#[test]
fn silence_is_answered_with_silence_and_leaves_the_level_alone() {
    let model = model(Dtype::F16, 8);
    let mut engine = engine_of(&model, 1, 64);
    let noisy = spectra(20, BINS, 8);
    clean(&mut engine, &noisy, &[]);
    let silence = vec![Complex32::ZERO; 3000 * BINS];
    assert!(peak(&clean(&mut engine, &silence, &[])[20 * BINS..]) == 0.0);
    assert!(peak(&clean(&mut engine, &noisy, &[])).is_finite());
}

#[test]
fn an_engine_says_what_it_was_built_for() {
    let model = model(Dtype::F16, 9);
    let built = engine_of(&model, 2, 100);
    assert_eq!(
        (built.channels(), built.max_frames(), built.is_real_time()),
        (2, 100, true)
    );
    assert_eq!(built.framing(), model.framing());
    assert_eq!(
        (model.framing().rate, model.framing().window, model.framing().hop),
        (48_000, 64, 32)
    );
    let built = engine_of(&model, 0, 0);
    assert_eq!((built.channels(), built.max_frames()), (1, 1));
}
