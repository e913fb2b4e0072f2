//! The denoiser whose channel link can be switched.

use aeden::switchable::{Settings, SwitchableDenoiser};
use aeden::{Config, Denoiser, Link, Listen, Model};
use allocation_counter::{AllocationInfo, measure};

const SETTINGS: Settings = Settings {
    attenuation_limit: None,
    mix: 1.0,
    output_gain: 0.0,
    listen: Listen::Cleaned,
    link: Link::Linked,
    bypass: false,
};

const UNLINKED: Settings = Settings {
    link: Link::Independent,
    ..SETTINGS
};

fn switchable(rate: u32, channels: usize, settings: &Settings) -> SwitchableDenoiser {
    SwitchableDenoiser::new(&Model::light(), rate, channels, settings).unwrap()
}

/// A voice-like buzz in noise, another one in every channel.
fn sound(rate: u32, channels: usize, seconds: f32) -> Vec<Vec<f32>> {
    let mut seed = 1_u32;
    let mut noise = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    let len = (rate as f32 * seconds) as usize;
    (0..channels)
        .map(|c| {
            let pitch = 110.0 * (1.0 + 0.3 * c as f32);
            (0..len)
                .map(|n| {
                    let time = n as f32 / rate as f32;
                    let syllable = (3.0 * time).fract() - 0.3;
                    let buzz = (time * pitch).fract() - 0.5;
                    0.4 * buzz * syllable.max(0.0) + 0.05 * noise()
                })
                .collect()
        })
        .collect()
}

/// Processes part of every channel.
fn process(
    denoiser: &mut SwitchableDenoiser,
    channels: &mut [Vec<f32>],
    part: std::ops::Range<usize>,
    settings: &Settings,
) {
    let mut parts: Vec<&mut [f32]> = channels.iter_mut().map(|c| &mut c[part.clone()]).collect();
    denoiser.process(&mut parts, settings);
}

mod random_model;

#[test]
fn a_network_with_longer_frames_is_switched_too() {
    let file = random_model::ModelFile::random(random_model::long_frames(), safetensors::Dtype::F16, 1);
    let model = Model::from_bytes(&file.bytes()).unwrap();
    for rate in [44_100, 48_000] {
        let input = sound(rate, 2, 2.0);
        let (len, switch) = (input[0].len(), input[0].len() / 4);
        let mut reference = Denoiser::with_model(&model, &Config::new(rate, 2)).unwrap();
        let mut switchable = SwitchableDenoiser::new(&model, rate, 2, &SETTINGS).unwrap();
        assert_eq!(switchable.latency(), reference.latency());
        let mut expected = input.clone();
        let [left, right] = &mut expected[..] else {
            panic!("two channels")
        };
        reference.process(&mut [left, right]);
        let mut out = input.clone();
        for start in (0..len).step_by(441) {
            let settings = if start < switch { SETTINGS } else { UNLINKED };
            process(&mut switchable, &mut out, start..len.min(start + 441), &settings);
        }
        assert!(out[0][..switch] == expected[0][..switch], "before the switch");
        assert!(out.iter().flatten().all(|y| y.is_finite()));
        assert!(out[0][3 * switch..] != expected[0][3 * switch..], "after it");
    }
}

#[test]
fn without_a_switch_it_is_the_denoiser_bit_for_bit() {
    for rate in [44_100, 48_000] {
        for settings in [SETTINGS, UNLINKED] {
            let input = sound(rate, 2, 1.0);
            let config = Config::new(rate, 2).link(settings.link);
            let model = Model::light();
            let mut reference = Denoiser::with_engines(&config, |channels| {
                Ok(Box::new(model.native(channels)?.with_frames(1)))
            })
            .unwrap();
            let mut expected = input.clone();
            let mut slices: Vec<&mut [f32]> = expected.iter_mut().map(|c| &mut c[..]).collect();
            reference.process(&mut slices);
            let mut out = input;
            let mut tested = switchable(rate, 2, &settings);
            let len = out[0].len();
            process(&mut tested, &mut out, 0..len, &settings);
            assert_eq!(tested.latency(), reference.latency());
            assert!(out == expected, "{rate} Hz, {:?}", settings.link);
        }
    }
}

#[test]
fn how_blocks_are_cut_changes_no_sample_while_it_switches() {
    let input = sound(48_000, 2, 2.5);
    // Switched, taken back early, switched for good, and back again.
    let turns = [
        (0, SETTINGS),
        (10_000, UNLINKED),
        (20_000, SETTINGS),
        (30_000, UNLINKED),
        (80_000, SETTINGS),
        (119_000, SETTINGS),
    ];
    let run = |longest: usize| {
        let mut out = input.clone();
        let mut denoiser = switchable(48_000, 2, &SETTINGS);
        for turn in turns.windows(2) {
            let (mut start, end) = (turn[0].0, turn[1].0);
            let mut len = 1;
            while start < end {
                let stop = end.min(start + len);
                process(&mut denoiser, &mut out, start..stop, &turn[0].1);
                start = stop;
                len = len % longest + 1 + longest / 3;
            }
        }
        out
    };
    let at_once = run(1_000_000);
    for longest in [7, 480, 1500] {
        assert!(run(longest) == at_once, "blocks of up to {longest}");
    }
}

#[test]
fn after_a_switch_every_channel_is_on_its_own() {
    // The second channel is silent, so that its mask tells whether it listens to the first.
    let mut out = sound(48_000, 2, 3.0);
    out[1].fill(0.0);
    let mut denoiser = switchable(48_000, 2, &SETTINGS);
    let alone = {
        let mut alone = vec![out[0].clone()];
        let mut denoiser = switchable(48_000, 1, &SETTINGS);
        let len = alone[0].len();
        process(&mut denoiser, &mut alone, 0..len, &SETTINGS);
        alone.remove(0)
    };
    process(&mut denoiser, &mut out, 0..24_000, &SETTINGS);
    process(&mut denoiser, &mut out, 24_000..144_000, &UNLINKED);
    let energy = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>();
    let difference: Vec<f32> = out[0].iter().zip(&alone).map(|(a, b)| a - b).collect();
    // What it remembers from before the switch fades, so it comes close and not to the bit.
    let late = 96_000..144_000;
    assert!(energy(&difference[late.clone()]) < 0.01 * energy(&alone[late]));
}

#[test]
fn a_switch_makes_no_step() {
    let input = sound(48_000, 2, 2.0);
    let len = input[0].len();
    let steady = |settings: &Settings| {
        let mut out = input.clone();
        process(&mut switchable(48_000, 2, settings), &mut out, 0..len, settings);
        out
    };
    let (linked, unlinked) = (steady(&SETTINGS), steady(&UNLINKED));
    let mut switched = input.clone();
    let mut denoiser = switchable(48_000, 2, &SETTINGS);
    process(&mut denoiser, &mut switched, 0..24_000, &SETTINGS);
    process(&mut denoiser, &mut switched, 24_000..len, &UNLINKED);
    let steepest = |x: &[f32]| x.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    for channel in 0..2 {
        assert!(linked[channel] != switched[channel], "the switch does something");
        // Between two sounds nothing is steeper than either, but for the slope of the fade.
        let either = steepest(&linked[channel]).max(steepest(&unlinked[channel]));
        let found = steepest(&switched[channel]);
        println!("channel {channel}: {found}, without a switch {either}");
        assert!(found <= 1.2 * either, "channel {channel}: {found}, not {either}");
    }
}

#[test]
fn resetting_finishes_a_switch_and_forgets() {
    let input = sound(48_000, 2, 0.5);
    let len = input[0].len();
    let mut fresh = input.clone();
    process(
        &mut switchable(48_000, 2, &UNLINKED),
        &mut fresh,
        0..len,
        &UNLINKED,
    );
    let mut used = switchable(48_000, 2, &SETTINGS);
    process(&mut used, &mut input.clone(), 0..len, &SETTINGS);
    process(&mut used, &mut input.clone(), 0..len, &UNLINKED);
    used.reset(&UNLINKED);
    let mut out = input;
    process(&mut used, &mut out, 0..len, &UNLINKED);
    assert!(out == fresh);
}

#[test]
fn processing_switching_and_resetting_never_allocate() {
    for (rate, channels) in [(44_100, 2), (48_000, 1), (96_000, 3)] {
        let mut denoiser = switchable(rate, channels, &SETTINGS);
        let mut sound = sound(rate, channels, 1.0);
        let mut slices: Vec<&mut [f32]> = sound.iter_mut().map(|c| &mut c[..]).collect();
        let calls = measure(|| {
            for settings in [SETTINGS, UNLINKED, SETTINGS] {
                denoiser.process(&mut slices, &settings);
            }
            denoiser.reset(&UNLINKED);
            denoiser.process(&mut slices, &UNLINKED);
        });
        assert_eq!(calls, AllocationInfo::default(), "{rate} Hz, {channels} channels");
    }
}

#[test]
fn what_cannot_be_built_is_told() {
    let model = Model::light();
    for (rate, channels) in [
        (7_999, 2),
        (192_001, 2),
        (48_000, 0),
        (48_000, SwitchableDenoiser::MAX_CHANNELS + 1),
    ] {
        assert!(SwitchableDenoiser::new(&model, rate, channels, &SETTINGS).is_err());
    }
}

#[test]
fn nothing_that_is_no_number_comes_out() {
    let mut out = sound(48_000, 2, 1.0);
    for (n, x) in out.iter_mut().flatten().enumerate() {
        match n % 97 {
            0 => *x = f32::NAN,
            1 => *x = f32::INFINITY,
            2 => *x = f32::MIN_POSITIVE / 8.0,
            3 => *x = f32::MAX,
            _ => {}
        }
    }
    let mut denoiser = switchable(48_000, 2, &SETTINGS);
    process(&mut denoiser, &mut out, 0..20_000, &SETTINGS);
    process(&mut denoiser, &mut out, 20_000..48_000, &UNLINKED);
    assert!(out.iter().flatten().all(|x| x.is_finite()));
}
