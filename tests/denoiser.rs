//! What a host relies on: exact delay, the same bits for any block length, nothing lost around the model, controls
//! without clicks, and no input that breaks it.

use aeden::denoiser::HUGE;
use aeden::spectrum::{Blocks, Framing, WindowShape};
use aeden::{Config, Denoiser, Link, Listen, Model};
use safetensors::Dtype;

mod engines;
mod random_model;
use engines::{Effect, Known, Random, config, denoiser, difference_db, run, run_at_once, try_denoiser};
use random_model::{ModelFile, long_frames};

const RATES: [u32; 14] = [
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200, 96_000, 176_400,
    192_000,
];

/// Rates that no short block converts exactly.
const ODD_RATES: [u32; 8] = [8_001, 9_973, 44_056, 44_101, 47_999, 50_000, 95_999, 191_999];

#[test]
fn an_engine_that_changes_nothing_nulls_at_every_rate() {
    for rate in RATES.into_iter().chain(ODD_RATES) {
        let mut denoiser = denoiser(&config(rate, 1), Effect::Identity);
        let latency = denoiser.latency();
        let input = Random(3).noise(rate as usize);
        let mut out = vec![input.clone()];
        run_at_once(&mut denoiser, &mut out);
        let null = difference_db(&out[0][latency..], &input[..input.len() - latency]);
        println!(
            "{rate} Hz: {null:.1} dB, latency {latency} = {:.1} ms",
            latency as f64 * 1e3 / f64::from(rate)
        );
        assert!(null <= -100.0, "{rate} Hz: {null} dB");
        assert!(
            out[0][..latency].iter().all(|y| y.abs() < 1e-5),
            "{rate} Hz: sound before the latency"
        );
    }
}

#[test]
fn an_impulse_arrives_exactly_at_the_latency() {
    for rate in RATES.into_iter().chain(ODD_RATES) {
        for at in [0, 1, 777] {
            let mut denoiser = denoiser(&config(rate, 1), Effect::Identity);
            let latency = denoiser.latency();
            let mut out = vec![vec![0.0; at + latency + 1000]];
            out[0][at] = 1.0;
            run(&mut denoiser, &mut out, || 64);
            let found = out[0].iter().position(|y| y.abs() > 0.5);
            assert_eq!(found, Some(at + latency), "{rate} Hz");
        }
    }
}

#[test]
fn what_the_model_hears_is_aligned_with_what_goes_around_it() {
    // A model that halves everything halves the output, above its band too; a misalignment would comb it.
    for rate in RATES {
        let mut denoiser = denoiser(&config(rate, 1), Effect::Gain(0.5));
        let latency = denoiser.latency();
        let input = Random(4).noise(rate as usize / 2);
        let mut out = vec![input.clone()];
        run_at_once(&mut denoiser, &mut out);
        // The gain starts at 1 and needs a window to follow.
        let settled = rate as usize / 20;
        let half: Vec<f32> = input.iter().map(|x| 0.5 * x).collect();
        let error = difference_db(&out[0][latency + settled..], &half[settled..half.len() - latency]);
        println!("{rate} Hz: {error:.1} dB");
        assert!(error <= -100.0, "{rate} Hz: {error} dB");
    }
}

#[test]
fn the_model_s_own_output_is_aligned() {
    // Nothing but the model's output carries these tones: what goes around it has no gain.
    for rate in RATES.into_iter().chain(ODD_RATES) {
        let mut denoiser = denoiser(&config(rate, 1), Effect::LowPass(50));
        let latency = denoiser.latency();
        let tone = |n: usize, hz: f64| (std::f64::consts::TAU * hz * n as f64 / f64::from(rate)).sin() as f32;
        let input: Vec<f32> = (0..rate as usize)
            .map(|n| 0.3 * tone(n, 315.0) + 0.3 * tone(n, 1234.5))
            .collect();
        let mut out = vec![input.clone()];
        run_at_once(&mut denoiser, &mut out);
        let settled = rate as usize / 5;
        let error = difference_db(
            &out[0][latency + settled..],
            &input[settled..input.len() - latency],
        );
        println!("{rate} Hz: {error:.1} dB");
        assert!(error <= -80.0, "{rate} Hz: {error} dB");
    }
}

#[test]
fn what_goes_around_the_model_follows_its_gain_in_time() {
    for rate in [88_200, 96_000, 192_000] {
        // Far above the model's band a tone; below it just enough to see the engine's gain, which falls at frame 20.
        let tone = |n: usize| (std::f64::consts::TAU * 36_000.0 * n as f64 / f64::from(rate)).sin() as f32;
        let noise = Random(24).noise(rate as usize / 2);
        let input: Vec<f32> = noise
            .iter()
            .enumerate()
            .map(|(n, x)| 0.001 * x + 0.5 * tone(n))
            .collect();
        let mut denoiser = denoiser(&config(rate, 1), Effect::SilentFrom(20));
        let latency = denoiser.latency();
        let mut out = vec![input.clone()];
        run_at_once(&mut denoiser, &mut out);
        // Frame k has its middle at 480 k, after the filter's delay of half a block.
        let delay = Blocks::between(rate, 48_000).unwrap().unwrap().host / 2;
        for (s, (y, x)) in out[0][latency..].iter().zip(&input).enumerate() {
            let frame = (s + delay) as f32 * 48_000.0 / rate as f32 / 480.0;
            let gain = (20.0 - frame).clamp(0.0, 1.0);
            assert!(
                (y - gain * x).abs() < 0.002,
                "{rate} Hz, sample {s}: {y}, not {}",
                gain * x
            );
        }
    }
}

#[test]
fn a_model_that_removes_everything_leaves_nothing_above_its_band() {
    for rate in RATES {
        let mut denoiser = denoiser(&config(rate, 1), Effect::Gain(0.0));
        let mut out = vec![Random(5).noise(rate as usize / 2)];
        run_at_once(&mut denoiser, &mut out);
        let settled = denoiser.latency() + rate as usize / 20;
        assert!(out[0][settled..].iter().all(|&y| y == 0.0), "{rate} Hz");
    }
}

#[test]
fn block_lengths_never_change_a_bit() {
    for (rate, channels) in [
        (48_000, 1),
        (48_000, 3),
        (44_100, 2),
        (8_000, 1),
        (96_000, 2),
        (22_050, 1),
        (50_001, 2),
    ] {
        for link in [Link::Linked, Link::Independent] {
            for effect in [Effect::Memory, Effect::PoisonedAt(9)] {
                let config = config(rate, channels).link(link);
                let input = Random(6).channels(channels, rate as usize / 4);
                let mut expected = input.clone();
                run_at_once(&mut denoiser(&config, effect), &mut expected);
                let mut lengths = Random(u64::from(rate) + channels as u64);
                for most in [2, 40, 700, 9000] {
                    let mut out = input.clone();
                    run(&mut denoiser(&config, effect), &mut out, || lengths.below(most));
                    assert!(out == expected, "{config:?}, {effect:?}, blocks below {most}");
                }
            }
        }
    }
}

#[test]
fn controls_act_on_the_sample_whatever_the_block_lengths() {
    let config = config(44_100, 2);
    let input = Random(7).channels(2, 20_000);
    let play = |length: &mut dyn FnMut() -> usize| {
        let mut denoiser = denoiser(&config, Effect::Memory);
        let mut out = input.clone();
        for (i, part) in [0..3000, 3000..3100, 3100..9001, 9001..15_000, 15_000..20_000]
            .into_iter()
            .enumerate()
        {
            match i {
                1 => denoiser.set_mix(0.3),
                2 => denoiser.set_bypass(true),
                3 => denoiser.set_attenuation_limit(Some(6.0)),
                4 => denoiser.set_bypass(false),
                _ => {}
            }
            let mut blocks: Vec<Vec<f32>> = out.iter().map(|c| c[part.clone()].to_vec()).collect();
            run(&mut denoiser, &mut blocks, &mut *length);
            out.iter_mut()
                .zip(&blocks)
                .for_each(|(c, b)| c[part.clone()].copy_from_slice(b));
        }
        out
    };
    let mut lengths = Random(8);
    let expected = play(&mut || usize::MAX >> 1);
    assert!(play(&mut || 1) == expected && play(&mut || lengths.below(500)) == expected);
}

#[test]
fn linked_channels_keep_their_ratio_and_opposite_phase_survives() {
    let left = Random(9).noise(20_000);
    let opposite = vec![left.clone(), left.iter().map(|x| -x).collect()];
    let mut out = opposite.clone();
    let mut linked = denoiser(&config(48_000, 2), Effect::Guide);
    run_at_once(&mut linked, &mut out);
    // The guide has the loudest channel's phase and both channels' level.
    let latency = linked.latency();
    let same = difference_db(&out[0][latency..], &left[..left.len() - latency]);
    assert!(same <= -100.0 && out[0] == out[1], "{same} dB");

    let mut equal = vec![left.clone(), left.clone()];
    let mut linked = denoiser(&config(48_000, 2), Effect::Guide);
    run_at_once(&mut linked, &mut equal);
    assert!(difference_db(&equal[1][latency..], &left[..left.len() - latency]) <= -100.0);
}

#[test]
fn independent_channels_do_not_hear_each_other() {
    let config = config(44_100, 2).link(Link::Independent);
    let mut both = Random(10).channels(2, 20_000);
    let mut alone = vec![both[1].clone()];
    run_at_once(&mut denoiser(&config, Effect::Memory), &mut both);
    run_at_once(
        &mut denoiser(
            &Config::new(config.sample_rate, 1).link(config.link),
            Effect::Memory,
        ),
        &mut alone,
    );
    assert!(both[1] == alone[0]);
}

#[test]
fn silence_in_gives_exact_silence_out() {
    for rate in RATES {
        let mut denoiser = denoiser(&config(rate, 2), Effect::Identity);
        let mut out = vec![vec![0.0; rate as usize / 4]; 2];
        run_at_once(&mut denoiser, &mut out);
        assert!(out.iter().flatten().all(|&y| y == 0.0), "{rate} Hz");
        // After sound too.
        let mut out = Random(11).channels(2, 1000);
        out.iter_mut().for_each(|c| c.resize(rate as usize / 2, 0.0));
        run_at_once(&mut denoiser, &mut out);
        let after = 1000 + denoiser.latency() + rate as usize / 10;
        assert!(
            out.iter().all(|c| c[after..].iter().all(|&y| y == 0.0)),
            "{rate} Hz after sound"
        );
    }
}

#[test]
fn noise_after_a_short_silence_is_gone_at_once() {
    let model = Model::light();
    let sound = Random(32).channels(1, 48_000).remove(0);
    let quiet = vec![0.0; 24_000];
    let mut out = [&sound[..], &quiet, &sound].concat();
    let mut denoiser = Denoiser::with_engines(&config(48_000, 1), |channels| {
        Ok(Box::new(model.native(channels)?.with_frames(8)))
    })
    .unwrap();
    denoiser.process(&mut [&mut out]);
    let power = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>();
    let latency = denoiser.latency();
    let (noise, left) = (power(&sound[..9_600]), power(&out[72_000 + latency..][..9_600]));
    assert!(left < 0.01 * noise, "{left} of {noise}");
}

#[test]
fn what_comes_after_long_silence_sounds_as_at_the_start() {
    let model = Model::light();
    let denoiser = |frames| {
        Denoiser::with_engines(&config(48_000, 2), |channels| {
            Ok(Box::new(model.native(channels)?.with_frames(frames)))
        })
        .unwrap()
    };
    let sound = Random(31).channels(2, 24_000);
    let mut expected = sound.clone();
    let [left, right] = &mut expected[..] else {
        panic!("two channels")
    };
    denoiser(1).process(&mut [left, right]);
    // Digital silence, and what is as good as that.
    for silence in [0.0, 1e-7] {
        let quiet = |len: usize| vec![silence; len];
        for (frames, block, lead) in [(1, 480, 96_000), (32, 4_800, 960), (7, 1_111, 24_000)] {
            let mut denoiser = denoiser(frames);
            let heard =
                [0, 1].map(|c| [&quiet(lead), &sound[c][..], &quiet(288_000), &sound[c][..]].concat());
            let mut out = heard.clone();
            for start in (0..out[0].len()).step_by(block) {
                let end = out[0].len().min(start + block);
                let [left, right] = &mut out;
                denoiser.process(&mut [&mut left[start..end], &mut right[start..end]]);
            }
            for from in [lead, lead + 24_000 + 288_000] {
                for (out, expected) in out.iter().zip(&expected) {
                    let latency = denoiser.latency();
                    let same = out[from + latency..]
                        .iter()
                        .zip(&expected[latency..])
                        .all(|(a, b)| (a - b).abs() <= 4.0 * silence);
                    assert!(same, "silence {silence}, {frames} frames, from {from}");
                }
            }
        }
    }
}

#[test]
fn sound_ends_within_the_tail() {
    for rate in RATES.into_iter().chain(ODD_RATES) {
        let denoiser = || denoiser(&config(rate, 1), Effect::Identity);
        let tail = denoiser().tail();
        let latest = (0..6)
            .map(|i| {
                // Frames and blocks end anywhere in it.
                let len = rate as usize / 20 + 97 * i;
                let mut out = vec![Random(22).noise(len)];
                out[0].resize(len + tail + rate as usize / 5, 0.0);
                run_at_once(&mut denoiser(), &mut out);
                let last = out[0].iter().rposition(|&y| y != 0.0);
                last.map_or(0, |last| last + 1 - len)
            })
            .max();
        println!("{rate} Hz: {latest:?} of {tail}");
        assert!(latest <= Some(tail), "{rate} Hz: {latest:?}, not at most {tail}");
    }
}

#[test]
fn bad_samples_count_as_silence_and_leave_no_trace() {
    for rate in [48_000, 44_100, 16_000, 96_000] {
        let clean = Random(12).channels(2, rate as usize / 2);
        let (mut bad, mut silent) = (clean.clone(), clean.clone());
        for (i, x) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -f32::NAN]
            .into_iter()
            .cycle()
            .take(3000)
            .enumerate()
        {
            (bad[0][5000 + i], silent[0][5000 + i]) = (x, 0.0);
        }
        run_at_once(&mut denoiser(&config(rate, 2), Effect::Memory), &mut bad);
        run_at_once(&mut denoiser(&config(rate, 2), Effect::Memory), &mut silent);
        assert!(bad == silent, "{rate} Hz");
        // The dry path too.
        let config = config(rate, 1).mix(0.0);
        let mut out = vec![vec![f32::NAN; rate as usize / 4]];
        run_at_once(&mut denoiser(&config, Effect::Memory), &mut out);
        assert!(out[0].iter().all(|&y| y == 0.0));
    }
}

#[test]
fn denormal_inputs_are_silence_to_the_model() {
    for rate in [48_000, 44_100] {
        let mut out = vec![[1e-40, -1e-16, 1e-38, f32::MIN_POSITIVE].repeat(5000)];
        run_at_once(&mut denoiser(&config(rate, 1), Effect::Identity), &mut out);
        assert!(out[0].iter().all(|&y| y == 0.0), "{rate} Hz");
    }
}

#[test]
fn absurd_inputs_are_limited_and_forgotten() {
    for rate in [48_000, 44_100, 192_000] {
        let mut denoiser = denoiser(&config(rate, 1), Effect::Identity);
        let input = Random(13).noise(rate as usize);
        let mut out = vec![input.clone()];
        out[0][..2000].fill(1e30);
        out[0][1000] = f32::MAX;
        run_at_once(&mut denoiser, &mut out);
        let latency = denoiser.latency();
        assert!(out[0].iter().all(|y| y.abs() <= 1.1 * HUGE), "{rate} Hz");
        let after = 2000 + rate as usize / 10;
        let null = difference_db(&out[0][latency + after..], &input[after..input.len() - latency]);
        assert!(null <= -100.0, "{rate} Hz: {null} dB");
    }
}

/// Every way in which a denoiser gives something else than its input.
fn settings_that_change(rate: u32) -> Vec<Config> {
    let base = config(rate, 1);
    vec![
        base.clone(),
        base.clone().mix(0.5),
        base.clone().attenuation_limit(Some(12.0)),
        base.clone().listen(Listen::Removed),
        base.clone().output_gain(12.0),
        base.mix(0.0).output_gain(-60.0),
    ]
}

#[test]
fn samples_that_no_recording_has_are_not_heard() {
    for rate in [48_000, 44_100, 16_000] {
        for config in settings_that_change(rate) {
            for effect in [Effect::Identity, Effect::Gain(0.25), Effect::Memory] {
                let mut input = vec![Random(31).noise(rate as usize / 2)];
                let quiet = input.clone();
                let mut silenced = input.clone();
                // Alone, in a row, as a wave and as noise, in the middle of sound.
                for (n, x) in input[0].iter_mut().enumerate() {
                    let size = match n % 5000 {
                        77 => f32::MAX,
                        1000..1500 => 1e30,
                        2000..2500 => -3e38 * (n as f32 * 0.1).sin(),
                        3000..3500 => 1e20 * (*x + 2.0),
                        _ => continue,
                    };
                    *x = size;
                    silenced[0][n] = 0.0;
                }
                let at = |mut sound: Vec<Vec<f32>>| {
                    run_at_once(&mut denoiser(&config, effect), &mut sound);
                    sound
                };
                let out = at(input);
                assert!(out == at(silenced), "{config:?}");
                let peak = |sound: &[Vec<f32>]| sound[0].iter().fold(0f32, |peak, x| peak.max(x.abs()));
                let most = 10f32.powf(config.output_gain / 20.0) * 8.0 * peak(&quiet);
                assert!(peak(&out) <= most, "{config:?}: {} beyond {most}", peak(&out));
            }
        }
    }
}

#[test]
fn recordings_scaled_to_16_or_24_bits_are_heard() {
    for scale in [32_768.0, 8_388_608.0] {
        for rate in [48_000, 44_100] {
            let input: Vec<f32> = Random(32).noise(rate as usize / 2);
            let most = input.iter().fold(0f32, |most, x| most.max(x.abs()));
            let loud: Vec<f32> = input.iter().map(|x| x / most * scale).collect();
            let mut out = vec![loud.clone()];
            let mut denoiser = denoiser(&config(rate, 1), Effect::Identity);
            run_at_once(&mut denoiser, &mut out);
            let latency = denoiser.latency();
            let null = difference_db(&out[0][latency..], &loud[..loud.len() - latency]);
            assert!(null <= -100.0, "{rate} Hz, {scale}: {null} dB");
        }
    }
}

#[test]
fn outputs_hold_no_subnormal_numbers() {
    for rate in [48_000, 44_100, 16_000] {
        for config in settings_that_change(rate) {
            for effect in [Effect::Identity, Effect::Gain(1e-30), Effect::Memory] {
                let mut denoiser = denoiser(&config, effect);
                // Bursts that fade down to where f32 ends, and below.
                let mut sound = [Random(33).noise(rate as usize)];
                for (n, x) in sound[0].iter_mut().enumerate() {
                    *x *= 10f32.powf(-((n % 3000) as f32) / 60.0);
                }
                let (first, second) = sound[0].split_at_mut(rate as usize / 2);
                denoiser.process(&mut [first]);
                // Also while controls fade.
                denoiser.set_mix(0.3);
                denoiser.set_bypass(true);
                denoiser.process(&mut [&mut second[..100]]);
                denoiser.set_bypass(false);
                denoiser.process(&mut [&mut second[100..]]);
                let found = sound[0].iter().position(|y| y.is_subnormal());
                assert_eq!(found, None, "{config:?}");
            }
        }
    }
}

#[test]
fn an_engine_that_fails_once_is_silent_for_one_frame() {
    for rate in [48_000, 44_100] {
        let mut denoiser = denoiser(&config(rate, 2), Effect::NanAt(10));
        let input = Random(14).channels(2, rate as usize / 2);
        let mut out = input.clone();
        run_at_once(&mut denoiser, &mut out);
        assert!(out.iter().flatten().all(|y| y.is_finite()));
        let latency = denoiser.latency();
        let after = rate as usize / 5;
        let null = difference_db(
            &out[0][latency + after..],
            &input[0][after..input[0].len() - latency],
        );
        assert!(null <= -100.0, "{rate} Hz: {null} dB");
    }
}

#[test]
fn a_poisoned_engine_is_reset() {
    let mut denoiser = denoiser(&config(48_000, 1), Effect::PoisonedAt(10));
    let mut out = vec![Random(15).noise(48_000)];
    let input = out[0].clone();
    run_at_once(&mut denoiser, &mut out);
    let null = difference_db(
        &out[0][10_000 + denoiser.latency()..],
        &input[10_000..48_000 - denoiser.latency()],
    );
    assert!(null <= -100.0, "{null} dB");
}

#[test]
fn bypass_and_mix_0_are_the_delayed_input_bit_for_bit() {
    for rate in RATES {
        for config in [config(rate, 2).bypass(true), config(rate, 2).mix(0.0)] {
            let mut denoiser = denoiser(&config, Effect::Memory);
            let mut input = Random(16).channels(2, 20_000);
            input[0][100..104].copy_from_slice(&[-0.0, 1e-40, 1e30, -1e-16]);
            let mut out = input.clone();
            run(&mut denoiser, &mut out, || 333);
            let latency = denoiser.latency();
            for (y, x) in out.iter().zip(&input) {
                let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert!(bits(&y[latency..]) == bits(&x[..x.len() - latency]), "{config:?}");
            }
        }
    }
}

#[test]
fn bypass_fades_in_10_ms_without_a_click() {
    for rate in [44_100, 48_000] {
        let sine: Vec<f32> = (0..rate)
            .map(|n| (std::f32::consts::TAU * 200.0 * n as f32 / rate as f32).sin())
            .collect();
        let mut denoiser = denoiser(&config(rate, 1), Effect::Gain(0.25));
        let (mut before, mut fading, mut after) = (
            sine[..10_000].to_vec(),
            sine[10_000..20_000].to_vec(),
            sine[20_000..30_000].to_vec(),
        );
        denoiser.process(&mut [&mut before]);
        denoiser.set_bypass(true);
        denoiser.process(&mut [&mut fading]);
        denoiser.set_bypass(false);
        denoiser.process(&mut [&mut after]);
        let fade = rate as usize / 100;
        let latency = denoiser.latency();
        assert!(fading[fade..] == sine[10_000 + fade - latency..20_000 - latency]);
        assert!(
            fading[..fade]
                .iter()
                .zip(&sine[10_000 - latency..])
                .all(|(y, x)| y.abs() <= x.abs() + 1e-4)
        );
        let steepest = sine.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
        let out = [before, fading, after].concat();
        let step = out[5000..]
            .windows(2)
            .map(|w| (w[1] - w[0]).abs())
            .fold(0.0, f32::max);
        // The sine's own step, and the fade's: 0.75 in 10 ms.
        assert!(
            step <= steepest + 0.75 / fade as f32 + 1e-4,
            "{rate} Hz: {step}, sine {steepest}"
        );
    }
}

#[test]
fn the_attenuation_limit_is_the_most_that_is_removed() {
    for rate in [44_100, 48_000, 96_000] {
        for (limit, mix, expected) in [
            (Some(12.0), 1.0, 10f32.powf(-12.0 / 20.0)),
            (Some(0.0), 1.0, 1.0),
            (None, 0.75, 0.25),
            (None, 1.0, 0.0),
        ] {
            let config = config(rate, 1).attenuation_limit(limit).mix(mix);
            let mut denoiser = denoiser(&config, Effect::Gain(0.0));
            let input = Random(17).noise(30_000);
            let mut out = vec![input.clone()];
            run_at_once(&mut denoiser, &mut out);
            let latency = denoiser.latency();
            let pairs = out[0][latency + 5000..].iter().zip(&input[5000..]);
            assert!(
                pairs.into_iter().all(|(y, x)| (y - expected * x).abs() < 1e-6),
                "{config:?}"
            );
        }
    }
}

#[test]
fn what_is_removed_and_what_is_left_add_up_to_the_input() {
    for rate in [44_100, 48_000] {
        let input = Random(19).noise(30_000);
        let mut outputs = [Listen::Cleaned, Listen::Removed].map(|listen| {
            let config = config(rate, 1)
                .attenuation_limit(Some(12.0))
                .mix(0.8)
                .listen(listen);
            let mut denoiser = denoiser(&config, Effect::Memory);
            let mut out = vec![input.clone()];
            run_at_once(&mut denoiser, &mut out);
            (out.remove(0), denoiser.latency())
        });
        let [(cleaned, latency), (removed, _)] = &mut outputs;
        let energy = |samples: &[f32]| samples.iter().map(|x| x * x).sum::<f32>();
        assert!(energy(removed) > 0.01 * energy(cleaned), "something is removed");
        let sum = cleaned.iter().zip(removed).map(|(a, b)| *a + *b);
        let largest = sum.skip(*latency).zip(&input).map(|(y, x)| (y - x).abs());
        assert!(largest.fold(0.0, f32::max) < 1e-6, "{rate} Hz");
    }
}

#[test]
fn the_output_gain_scales_what_is_heard_but_not_bypass() {
    let run = |changed: Config| {
        let mut denoiser = denoiser(&changed, Effect::Memory);
        let mut out = vec![Random(20).noise(20_000)];
        run_at_once(&mut denoiser, &mut out);
        out.remove(0)
    };
    let all_kinds = [
        (None, Listen::Cleaned),
        (Some(9.0), Listen::Cleaned),
        (None, Listen::Removed),
    ];
    for (attenuation_limit, listen) in all_kinds {
        let plain = config(48_000, 1)
            .attenuation_limit(attenuation_limit)
            .listen(listen);
        let louder = plain.clone().output_gain(6.0);
        let factor = 10f32.powf(6.0 / 20.0);
        let pairs = run(plain.clone()).into_iter().zip(run(louder.clone()));
        assert!(pairs.into_iter().all(|(x, y)| (y - factor * x).abs() <= 1e-5));
        let bypassed = |config: Config| config.bypass(true);
        assert!(run(bypassed(plain)) == run(bypassed(louder)));
    }
}

#[test]
fn the_meter_tells_the_level_before_controls_and_by_how_much_it_was_lowered() {
    for rate in [16_000, 44_100, 48_000] {
        let config = Config::new(rate, 2)
            .attenuation_limit(Some(3.0))
            .mix(0.1)
            .output_gain(20.0);
        let mut tested = denoiser(&config, Effect::Gain(0.1));
        assert_eq!(
            (tested.reduction(), tested.speech_level()),
            (0.0, f32::NEG_INFINITY)
        );
        let turn = std::f32::consts::TAU * 1000.0 / rate as f32;
        let tone: Vec<f32> = (0..rate).map(|n| 0.5 * (n as f32 * turn).sin()).collect();
        tested.process(&mut [&mut tone.clone(), &mut tone.clone()]);
        // A tone of amplitude 0.5 has a mean square of 1/8.
        let level = 10.0 * 0.125f32.log10() - 20.0;
        assert!((tested.reduction() - 20.0).abs() < 0.01, "{}", tested.reduction());
        assert!(
            (tested.speech_level() - level).abs() < 0.1,
            "{}",
            tested.speech_level()
        );
        tested.process(&mut [&mut vec![0.0; rate as usize], &mut vec![0.0; rate as usize]]);
        assert_eq!(
            (tested.reduction(), tested.speech_level()),
            (0.0, f32::NEG_INFINITY)
        );
        tested.process(&mut [&mut tone.clone(), &mut tone.clone()]);
        tested.reset();
        assert_eq!(
            (tested.reduction(), tested.speech_level()),
            (0.0, f32::NEG_INFINITY)
        );
    }
    let mut mute = denoiser(&Config::new(48_000, 1), Effect::Gain(0.0));
    mute.process(&mut [&mut Random(1).noise(48_000)]);
    assert_eq!(mute.reduction(), Config::MAX_LIMIT);
    assert_eq!(mute.speech_level(), f32::NEG_INFINITY);
}

#[test]
fn controls_out_of_range_are_taken_to_the_nearest_in_it() {
    let mut wild = denoiser(&config(48_000, 1), Effect::Memory);
    let mut tame = denoiser(&config(48_000, 1), Effect::Memory);
    wild.set_mix(7.0);
    wild.set_mix(f32::NAN);
    wild.set_attenuation_limit(Some(1e9));
    wild.set_attenuation_limit(Some(f32::NAN));
    wild.set_output_gain(1e9);
    wild.set_output_gain(f32::NAN);
    tame.set_output_gain(Config::MAX_GAIN);
    tame.set_mix(1.0);
    tame.set_attenuation_limit(Some(Config::MAX_LIMIT));
    let (mut a, mut b) = (vec![Random(18).noise(9000)], vec![Random(18).noise(9000)]);
    run_at_once(&mut wild, &mut a);
    run_at_once(&mut tame, &mut b);
    assert!(a == b);
    wild.set_attenuation_limit(Some(-3.0));
    wild.set_mix(-1.0);
    run_at_once(&mut wild, &mut a);
    assert!(a.iter().flatten().all(|y| y.is_finite()));
}

#[test]
fn reset_makes_it_as_good_as_new() {
    for rate in [44_100, 48_000, 192_000] {
        let mut used = denoiser(&config(rate, 2), Effect::Memory);
        let mut fresh = denoiser(&config(rate, 2), Effect::Memory);
        let mut other = Random(19).channels(2, 12_345);
        run_at_once(&mut used, &mut other);
        used.set_mix(0.0);
        used.set_mix(1.0);
        used.reset();
        let (mut a, mut b) = (Random(20).channels(2, 20_000), Random(20).channels(2, 20_000));
        run_at_once(&mut used, &mut a);
        run_at_once(&mut fresh, &mut b);
        assert!(a == b, "{rate} Hz");
    }
}

#[test]
fn a_recording_is_cleaned_in_step() {
    for rate in [8_000, 44_100, 48_000] {
        for len in [0, 1, 500, 30_000] {
            let mut denoiser = denoiser(&config(rate, 2), Effect::Identity);
            let input = Random(21).channels(2, len);
            let mut out = input.clone();
            denoiser.process_recording(&mut out.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
            assert!(
                out.iter()
                    .flatten()
                    .zip(input.iter().flatten())
                    .all(|(y, x)| (y - x).abs() < 1e-5)
            );
        }
    }
}

#[test]
fn a_wrong_number_of_channels_or_lengths_harms_nothing() {
    let mut denoiser = denoiser(&config(48_000, 2), Effect::Identity);
    let latency = denoiser.latency();
    denoiser.process(&mut []);
    // One too many, of different lengths: the third stays, and what is beyond the shortest.
    let (mut a, mut b, mut c) = (vec![0.5; 3000], vec![0.25; 2000], vec![7.0; 10]);
    denoiser.process(&mut [&mut a, &mut b, &mut c]);
    assert!(c == vec![7.0; 10] && a[2000..] == vec![0.5; 1000]);
    assert!((a[1999] - 0.5).abs() < 1e-6 && (b[1999] - 0.25).abs() < 1e-6);
    // One too few: the second is silent for that long.
    let mut a = vec![0.5; 1500];
    denoiser.process(&mut [&mut a]);
    assert!((a[1499] - 0.5).abs() < 1e-6);
    let (mut a, mut b) = (vec![0.5; latency], vec![0.25; latency]);
    denoiser.process(&mut [&mut a, &mut b]);
    assert!((a[latency - 1] - 0.5).abs() < 1e-6 && b[latency - 500..].iter().all(|y| y.abs() < 1e-6));
}

#[test]
fn settings_out_of_range_are_refused_with_the_range() {
    let good = || Config::new(48_000, 1);
    for (config, text) in [
        (Config::new(48_000, 0), "1 to 64"),
        (Config::new(48_000, 65_535), "1 to 64"),
        (Config::new(0, 1), "8000 to 192000"),
        (Config::new(7_999, 1), "8000 to 192000"),
        (Config::new(u32::MAX, 1), "8000 to 192000"),
        (good().mix(1.5), "0 to 1"),
        (good().mix(f32::NAN), "0 to 1"),
        (good().attenuation_limit(Some(-1.0)), "0 to 100"),
        (good().output_gain(61.0), "-60 to 60"),
    ] {
        let error = try_denoiser(&config, Effect::Identity).err().unwrap().to_string();
        assert!(error.contains(text), "{config:?}: {error}");
    }
    let mismatched = Denoiser::with_engines(&config(48_000, 2), |_| {
        Ok(Box::new(Known::new(Effect::Identity, 3)))
    });
    assert!(mismatched.err().unwrap().to_string().contains("2 channels"));
}

#[test]
fn sixty_four_channels_work() {
    for link in [Link::Linked, Link::Independent] {
        let config = config(44_100, 64).link(link);
        let mut denoiser = denoiser(&config, Effect::Identity);
        let input = Random(22).channels(64, 4000);
        let mut out = input.clone();
        run_at_once(&mut denoiser, &mut out);
        let latency = denoiser.latency();
        assert!(
            out.iter()
                .zip(&input)
                .all(|(y, x)| difference_db(&y[latency..], &x[..4000 - latency]) <= -100.0)
        );
    }
}

#[test]
fn networks_with_longer_frames_stream_at_any_rate() {
    let mut file = ModelFile::random(long_frames(), Dtype::F32, 1);
    let random = Model::from_bytes(&file.bytes()).unwrap();
    file.let_pass();
    let passing = Model::from_bytes(&file.bytes()).unwrap();
    for rate in RATES.into_iter().chain([44_101]) {
        let mut denoiser = Denoiser::with_model(&passing, &config(rate, 1)).unwrap();
        let latency = denoiser.latency();
        if rate == 48_000 {
            assert_eq!(latency, 1535);
        }
        let input = Random(3).noise(rate as usize);
        let mut out = vec![input.clone()];
        run(&mut denoiser, &mut out, || 480);
        let null = difference_db(&out[0][latency..], &input[..input.len() - latency]);
        assert!(null <= -100.0, "{rate} Hz: {null} dB");

        let build = || Denoiser::with_model(&random, &config(rate, 2)).unwrap();
        let input = Random(4).channels(2, rate as usize / 2);
        let mut expected = input.clone();
        run_at_once(&mut build(), &mut expected);
        let mut lengths = Random(u64::from(rate));
        let mut out = input.clone();
        run(&mut build(), &mut out, || lengths.below(900));
        assert!(out == expected, "{rate} Hz: blocks");
        let settled = denoiser.latency() + rate as usize / 4;
        assert!(
            difference_db(&out[0][settled..], &input[0][settled..]) > -20.0,
            "it does something"
        );
    }
}

#[test]
fn models_with_another_framing_work_at_any_rate() {
    for (rate, window, hop) in [
        (16_000, 512, 256),
        (16_000, 400, 100),
        (24_000, 480, 240),
        (44_100, 1024, 512),
    ] {
        let framing = Framing {
            rate,
            window,
            hop,
            shape: WindowShape::Hann,
        };
        for host in [8_000, 16_000, 44_100, 48_000, 192_000] {
            for effect in [Effect::Identity, Effect::Gain(0.5)] {
                let engine = |channels| -> Result<Box<dyn aeden::engine::Engine>, aeden::Error> {
                    Ok(Box::new(Known::with_framing(effect, channels, framing.clone())))
                };
                let mut denoiser = Denoiser::with_engines(&config(host, 1), engine).unwrap();
                let gain = if effect == Effect::Identity { 1.0 } else { 0.5 };
                let input = Random(23).noise(host as usize);
                let mut out = vec![input.clone()];
                run(&mut denoiser, &mut out, || 1000);
                let (latency, settled) = (denoiser.latency(), host as usize / 4);
                let expected: Vec<f32> = input.iter().map(|x| gain * x).collect();
                let error = difference_db(
                    &out[0][latency + settled..],
                    &expected[settled..input.len() - latency],
                );
                assert!(error <= -100.0, "{host} Hz, {framing:?}, {effect:?}: {error} dB");
            }
        }
    }
}

/// Whatever the samples, rates, channels, settings and blocks are: no bang, no NaN, no subnormal number comes out, and the
/// network's own answer to ordinary sound is what it is. `cargo xtask fuzz` for a long run.
#[test]
fn fuzz_huge_and_tiny_samples_do_no_harm() {
    let rounds: usize =
        std::env::var("AEDEN_FUZZ_ROUNDS").map_or(60, |rounds| rounds.parse().expect("a number"));
    // A round is a twentieth of a second.
    for round in 0..rounds.min(5000) as u64 {
        let mut random = Random(round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let rate = [8_000, 16_000, 22_050, 44_100, 48_000, 96_000][random.below(6)];
        let channels = 1 + random.below(3);
        let (limit, gain) = (random.below(100) as f32, random.below(120) as f32 - 60.0);
        // The mix is never 0: the untouched input comes as it is.
        let config = config(rate, channels)
            .link([Link::Linked, Link::Independent][random.below(2)])
            .attenuation_limit([None, Some(limit)][random.below(2)])
            .mix((1 + random.below(100)) as f32 / 100.0)
            .listen([Listen::Cleaned, Listen::Removed][random.below(2)])
            .output_gain(if gain == 0.0 { 1.0 } else { gain });
        let effect = [
            Effect::Identity,
            Effect::Memory,
            Effect::Gain(0.01),
            Effect::Guide,
        ][random.below(4)];
        let mut denoiser = denoiser(&config, effect);
        let mut sound = random.channels(channels, rate as usize / 5);
        let odd = 1 + random.below(400);
        for x in sound.iter_mut().flatten() {
            if random.below(odd) == 0 {
                *x = match random.below(11) {
                    0 => f32::MAX,
                    1 => f32::MIN,
                    2 => 1e30 * *x,
                    3 => 1.001 * HUGE,
                    4 => f32::INFINITY,
                    5 => f32::NAN,
                    6 => -0.0,
                    7 => f32::MIN_POSITIVE * *x,
                    8 => f32::MIN_POSITIVE,
                    9 => 1e-16 * *x,
                    _ => 1e20,
                };
            }
        }
        let block = 1 + random.below(3000);
        run(&mut denoiser, &mut sound, || block);
        // Ordinary samples are up to 0.5; filters, guides and the difference of what is removed add to them.
        let most = 16.0 * 0.5 * 10f32.powf(config.output_gain / 20.0);
        for y in sound.iter().flatten() {
            assert!(y.abs() <= most, "round {round}: {y} beyond {most}, {config:?}");
            assert!(!y.is_subnormal(), "round {round}: {y:e}, {config:?}");
        }
    }
}
