//! Limits along frequency: what each band keeps, in streams and in recordings.

use aeden::{BandLimits, Cleaner, Config, Context, Denoiser, Link, Listen, Model};

mod engines;
use engines::{Effect, Random, denoiser};

fn bands(text: &str) -> BandLimits {
    text.parse().unwrap()
}

/// A part of a second of noise in each channel.
fn noise(len: usize, channels: usize) -> Vec<Vec<f32>> {
    let noise = |c| Random(c as u64 + 1).noise(len).iter().map(|x| 0.2 * x).collect();
    (0..channels).map(noise).collect()
}

/// What a denoiser makes of a sound, in blocks of a length.
fn streamed(mut denoiser: Denoiser, sound: &[Vec<f32>], block: usize) -> Vec<Vec<f32>> {
    let mut rows = sound.to_vec();
    let len = rows[0].len();
    for start in (0..len).step_by(block) {
        let end = len.min(start + block);
        let mut parts: Vec<&mut [f32]> = rows.iter_mut().map(|row| &mut row[start..end]).collect();
        denoiser.process(&mut parts);
    }
    rows
}

fn recorded(
    model: &Model,
    context: Context,
    config: &Config,
    sound: &[Vec<f32>],
    block: usize,
) -> Vec<Vec<f32>> {
    let mut cleaner = Cleaner::with_model(model, context, config).unwrap();
    let mut cleaned = vec![Vec::new(); sound.len()];
    for start in (0..sound[0].len()).step_by(block) {
        let end = sound[0].len().min(start + block);
        let parts: Vec<&[f32]> = sound.iter().map(|row| &row[start..end]).collect();
        cleaner.push(&parts, &mut cleaned);
    }
    cleaner.finish(&mut cleaned);
    cleaned
}

/// Every way that sound is cleaned: at several rates, in streams, with look-ahead, and in recordings.
fn each_way(mut check: impl FnMut(&str, &dyn Fn(&dyn Fn(Config) -> Config, &[Vec<f32>]) -> Vec<Vec<f32>>)) {
    for (rate, channels, link) in [
        (48_000, 1, Link::Linked),
        (44_100, 2, Link::Independent),
        (16_000, 2, Link::Linked),
    ] {
        let config = Config::new(rate, channels).link(link);
        check(&format!("a stream at {rate} Hz"), &|change, sound| {
            let config = change(config.clone());
            streamed(
                Denoiser::with_model(&Model::light(), &config).unwrap(),
                sound,
                480,
            )
        });
        check(
            &format!("a stream with look-ahead at {rate} Hz"),
            &|change, sound| {
                let config = change(config.clone());
                streamed(
                    Denoiser::with_look_ahead(&Model::best(), &config).unwrap(),
                    sound,
                    480,
                )
            },
        );
        check(&format!("a recording at {rate} Hz"), &|change, sound| {
            let config = change(config.clone());
            recorded(&Model::best(), Context::LookAhead, &config, sound, 5000)
        });
        check(
            &format!("a recording with a lead-in at {rate} Hz"),
            &|change, sound| {
                let config = change(config.clone());
                recorded(&Model::light(), Context::LeadIn, &config, sound, 5000)
            },
        );
    }
}

/// As many channels as a way has, longer than any latency.
fn sound(way: &str) -> Vec<Vec<f32>> {
    let channels = if way.ends_with("48000 Hz") { 1 } else { 2 };
    noise((2.2 * f64::from(rate(way))) as usize, channels)
}

/// The rate in Hz that the name of a way tells.
fn rate(way: &str) -> u32 {
    way.rsplit(' ').nth(1).unwrap().parse().unwrap()
}

fn largest_difference(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!(a.len(), b.len());
    let all = a.iter().flatten().zip(b.iter().flatten());
    all.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The amplitude of a frequency in the later half of a signal.
fn amplitude(signal: &[f32], frequency: f64, rate: u32) -> f64 {
    let half = &signal[signal.len() / 2..];
    let turn = std::f64::consts::TAU * frequency / f64::from(rate);
    let (mut re, mut im) = (0.0, 0.0);
    for (n, x) in half.iter().enumerate() {
        let window = 1.0 - (std::f64::consts::TAU * n as f64 / half.len() as f64).cos();
        re += window * f64::from(*x) * (turn * n as f64).cos();
        im += window * f64::from(*x) * (turn * n as f64).sin();
    }
    2.0 * re.hypot(im) / half.len() as f64
}

#[test]
fn without_nodes_nothing_changes_by_a_bit() {
    each_way(|way, cleaned| {
        let sound = sound(way);
        let plain = cleaned(&|config| config, &sound);
        assert_eq!(
            cleaned(&|config| config.bands(BandLimits::default()), &sound),
            plain,
            "{way}"
        );
        // Where the limit for all is smaller everywhere, nodes change nothing either.
        let limited = cleaned(&|config| config.attenuation_limit(Some(12.0)), &sound);
        let both = cleaned(
            &|config| {
                config
                    .attenuation_limit(Some(12.0))
                    .bands(bands("100:12,3000:40"))
            },
            &sound,
        );
        assert_eq!(both, limited, "{way}");
    });
}

#[test]
fn equal_nodes_are_a_limit_for_all() {
    each_way(|way, cleaned| {
        let sound = sound(way);
        let limited = cleaned(&|config| config.attenuation_limit(Some(18.0)), &sound);
        for nodes in ["500:18", "0:18,900:18,7000:18"] {
            let banded = cleaned(&|config| config.bands(bands(nodes)), &sound);
            let off = largest_difference(&banded, &limited);
            assert!(off < 2e-5, "{way}, {nodes}: {off}");
        }
        // A larger limit for all changes nothing about that.
        let both = cleaned(
            &|config| config.attenuation_limit(Some(40.0)).bands(bands("500:18")),
            &sound,
        );
        assert!(largest_difference(&both, &limited) < 2e-5, "{way}");
    });
}

#[test]
fn a_band_at_0_db_stays_untouched() {
    each_way(|way, cleaned| {
        let sound = sound(way);
        let removed = cleaned(
            &|config| config.listen(Listen::Removed).bands(bands("0:0,3000:0,3400:60")),
            &sound,
        );
        let all = cleaned(
            &|config| config.listen(Listen::Removed).bands(bands("0:60")),
            &sound,
        );
        let rate = rate(way);
        for (removed, all) in removed.iter().zip(&all) {
            for frequency in [60.0, 400.0, 1000.0, 2000.0, 2700.0] {
                let (left, all) = (
                    amplitude(removed, frequency, rate),
                    amplitude(all, frequency, rate),
                );
                assert!(
                    left < 1e-3 * all.max(1e-3),
                    "{way}, {frequency} Hz: {left} of {all}"
                );
            }
            let above: f64 = (8..16)
                .map(|k| amplitude(removed, 500.0 * f64::from(k), rate))
                .sum();
            let of: f64 = (8..16).map(|k| amplitude(all, 500.0 * f64::from(k), rate)).sum();
            assert!(above > 0.8 * of, "{way}: {above} of {of}");
        }
    });
}

#[test]
fn nodes_that_are_all_at_0_db_leave_every_bit() {
    let sound = noise(20_000, 2);
    for rate in [44_100, 48_000] {
        let config = Config::new(rate, 2).bands(bands("0:0,500:0"));
        let denoiser = Denoiser::with_model(&Model::light(), &config).unwrap();
        let late = denoiser.latency();
        let out = streamed(denoiser, &sound, 300);
        assert!((0..2).all(|c| out[c][late..] == sound[c][..20_000 - late]));
    }
}

#[test]
fn what_goes_around_the_network_has_the_limit_of_the_last_node() {
    // With noise in the band that the gain is told from.
    let sine = |n: usize| 0.5 * (std::f32::consts::TAU * 30_000.0 * n as f32 / 96_000.0).sin();
    let mut sound = noise(96_000, 1);
    sound[0].iter_mut().enumerate().for_each(|(n, x)| *x += sine(n));
    let left = |text: &str| {
        let config = Config::new(96_000, 1).bands(bands(text));
        let out = streamed(denoiser(&config, Effect::Gain(0.0)), &sound, 512);
        amplitude(&out[0], 30_000.0, 96_000) / amplitude(&sound[0], 30_000.0, 96_000)
    };
    assert!((left("0:60,20000:60,23000:0") - 1.0).abs() < 0.1);
    assert!((left("0:0,20000:0,23000:20") - 0.1).abs() < 0.03);
}

#[test]
fn limits_go_in_straight_lines_over_the_logarithm_of_the_frequency() {
    // A network that removes all: what is left at a frequency is what the limit keeps there.
    let rate = 48_000;
    let shape = bands("250:6,1000:30,4000:12");
    for (frequency, limit) in [
        (100.0, 6.0),
        (500.0, 18.0),
        (1000.0, 30.0),
        (2000.0, 21.0),
        (10_000.0, 12.0),
    ] {
        assert!((shape.at(frequency as f32).unwrap() - limit).abs() < 1e-3);
        let sine = (0..rate)
            .map(|n| (std::f64::consts::TAU * frequency * f64::from(n) / f64::from(rate)).sin() as f32);
        let config = Config::new(rate, 1).bands(shape);
        let out = streamed(denoiser(&config, Effect::Gain(0.0)), &[sine.collect()], 512);
        let found = -20.0 * amplitude(&out[0], frequency, rate).log10();
        assert!(
            (found - f64::from(limit)).abs() < 0.7,
            "{frequency} Hz: {found} dB"
        );
    }
}

#[test]
fn how_sound_is_cut_into_blocks_changes_no_bit_also_where_bands_change() {
    let sound = noise(30_000, 2);
    let changes = [
        (0, ""),
        (5000, "300:5,2000:40"),
        (5001, "300:5,2000:39"),
        (17_777, "90:20"),
        (21_000, ""),
    ];
    for rate in [16_000, 44_100, 48_000] {
        let run = |most: usize, seed: u64| {
            let mut random = Random(seed);
            let mut denoiser = denoiser(&Config::new(rate, 2), Effect::Memory);
            let mut rows = sound.clone();
            for (number, (start, text)) in changes.iter().enumerate() {
                denoiser.set_bands(bands(text));
                let end = changes.get(number + 1).map_or(30_000, |(next, _)| *next);
                let mut from = *start;
                while from < end {
                    let to = end.min(from + 1 + random.below(most));
                    let mut parts: Vec<&mut [f32]> = rows.iter_mut().map(|row| &mut row[from..to]).collect();
                    denoiser.process(&mut parts);
                    from = to;
                }
            }
            rows
        };
        let whole = run(1_000_000, 1);
        for (most, seed) in [(1, 1), (64, 2), (1000, 3), (7000, 4)] {
            assert!(run(most, seed) == whole, "{rate} Hz, blocks of up to {most}");
        }
    }
    let config = Config::new(44_100, 2).bands(bands("300:5,2000:40"));
    let recorded = |block| recorded(&Model::best(), Context::LookAhead, &config, &sound, block);
    assert!(recorded(777) == recorded(30_000));
}

#[test]
fn a_change_makes_no_click() {
    let rate = 48_000;
    let sine: Vec<f32> = (0..rate)
        .map(|n| (std::f32::consts::TAU * 200.0 * n as f32 / rate as f32).sin())
        .collect();
    let curvature = |signal: &[f32]| {
        let second = |w: &[f32]| (w[0] - 2.0 * w[1] + w[2]).abs();
        signal.windows(3).map(second).fold(0.0, f32::max)
    };
    let mut denoiser = denoiser(&Config::new(rate, 1), Effect::Gain(0.0));
    let mut out = sine.clone();
    for (number, part) in out.chunks_mut(9600).enumerate() {
        denoiser.set_bands(bands(["0:0", "0:60", "100:0,4000:60", "", "0:3"][number]));
        denoiser.process(&mut [part]);
    }
    let (changed, steady) = (curvature(&out[9600..]), curvature(&sine));
    assert!(changed < 1.5 * steady, "{changed} where the sine has {steady}");
}

#[test]
fn nodes_out_of_order_or_range_are_refused_in_words() {
    for (nodes, says) in [
        (vec![(100.0, 101.0)], "0 to 100 dB"),
        (vec![(100.0, -1.0)], "0 to 100 dB"),
        (vec![(100.0, f32::NAN)], "0 to 100 dB"),
        (vec![(-1.0, 3.0)], "0 to 96000 Hz"),
        (vec![(f32::INFINITY, 3.0)], "0 to 96000 Hz"),
        (vec![(200.0, 3.0), (200.0, 4.0)], "must rise"),
        (vec![(200.0, 3.0), (100.0, 4.0)], "must rise"),
        ((0..7).map(|n| (n as f32, 1.0)).collect(), "at most 6 nodes"),
    ] {
        let refused = BandLimits::new(&nodes).unwrap_err().to_string();
        assert!(refused.contains(says), "{refused}");
    }
    for text in ["100", "100:", ":3", "100:3,", "100:3;200:4", "a:b", ","] {
        assert!(text.parse::<BandLimits>().is_err(), "{text:?}");
    }
    let six = "0:1,20:2.5,300:3,4000:4,50000:5,96000:100";
    assert_eq!(bands(six).to_string(), six);
    assert!(bands(" ").is_empty());
    assert_eq!(bands(" 100 : 3 , 200 : 4 ").nodes(), [(100.0, 3.0), (200.0, 4.0)]);
}
