//! `aeden roomtone`: as long as asked for, as loud and of the same colour as its source, and never the same twice.

use crate::recordings::{Folder, body_of, chunk, fmt, noise, pcm16, riff, samples16, samples32f};
use std::f32::consts::TAU;

/// Noise that is louder at low frequencies, about -26 dBFS.
fn room(seed: u64, samples: usize) -> Vec<f32> {
    let (mut low, mut out) = (0.0, Vec::new());
    for x in noise(seed, samples) {
        low = 0.95 * low + 0.05 * x;
        out.push(0.6 * low + 0.02 * x);
    }
    out
}

fn tone(hz: f32, rate: u32, samples: usize, peak: f32) -> Vec<f32> {
    (0..samples)
        .map(|t| peak * (TAU * (hz / rate as f32 * t as f32).fract()).sin())
        .collect()
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn file(channels: &[Vec<f32>], rate: u32) -> Vec<u8> {
    let count = channels.len();
    let interleaved: Vec<f32> = (0..channels[0].len() * count)
        .map(|i| channels[i % count][i / count])
        .collect();
    let sound = pcm16(&interleaved);
    riff(&[fmt(1, count as u16, rate, 16), chunk(b"data", &sound)])
}

/// The channels of a 16-bit file.
fn planes(file: &[u8], channels: usize) -> Vec<Vec<f32>> {
    let samples = samples16(file);
    (0..channels)
        .map(|c| {
            samples[c..]
                .iter()
                .step_by(channels)
                .map(|&x| f32::from(x) / 32_768.0)
                .collect()
        })
        .collect()
}

fn decibels(x: &[f32]) -> f32 {
    10.0 * (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).log10()
}

/// Levels in octaves up to half the rate, by differences of samples ever farther apart: the highest octave first.
fn octaves(x: &[f32]) -> Vec<f32> {
    let mut rest = x.to_vec();
    let mut levels = Vec::new();
    for _ in 0..7 {
        let pairs = || rest.chunks_exact(2);
        levels.push(decibels(
            &pairs().map(|p| (p[0] - p[1]) / 2.0).collect::<Vec<_>>(),
        ));
        rest = pairs().map(|p| (p[0] + p[1]) / 2.0).collect();
    }
    levels.push(decibels(&rest));
    levels
}

#[track_caller]
fn assert_alike(a: &[f32], b: &[f32], most: f32) {
    for (i, (a, b)) in octaves(a).iter().zip(octaves(b)).enumerate() {
        assert!((a - b).abs() < most, "octave {i}: {a} dB and {b} dB");
    }
}

/// The largest autocorrelation of what is between the first second and two thirds of the whole, in steps of `every`.
fn repeats(x: &[f32], second: usize) -> f32 {
    let mean = x.iter().sum::<f32>() / x.len() as f32;
    let x: Vec<f32> = x.iter().map(|v| v - mean).collect();
    let energy = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>();
    let at = |lag: usize| {
        let (a, b) = (&x[..x.len() - lag], &x[lag..]);
        a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / (energy(a) * energy(b)).sqrt()
    };
    (second..x.len() * 2 / 3).map(at).fold(0.0, f32::max)
}

/// Root mean square of every 20 ms.
fn envelope(x: &[f32], rate: u32) -> Vec<f32> {
    let power = |part: &[f32]| (part.iter().map(|v| v * v).sum::<f32>() / part.len() as f32).sqrt();
    x.chunks_exact(rate as usize / 50).map(power).collect()
}

#[test]
fn it_is_exactly_as_long_as_loud_and_of_the_same_colour() {
    for (rate, channels) in [(8_000, 1), (48_000, 2), (96_000, 1)] {
        let folder = Folder::new();
        let source: Vec<Vec<f32>> = (0..channels).map(|c| room(c + 3, 6 * rate as usize)).collect();
        folder.write("in.wav", &file(&source, rate));
        folder.aeden("roomtone in.wav out.wav --seconds 12.345").quietly();
        let out = folder.read("out.wav");
        assert_eq!(body_of(&out, b"fmt "), body_of(&folder.read("in.wav"), b"fmt "));
        for (made, source) in planes(&out, channels as usize).iter().zip(&source) {
            assert_eq!(made.len(), (12.345 * f64::from(rate)).round() as usize);
            assert!((decibels(made) - decibels(source)).abs() < 0.7, "{rate} Hz");
            assert_alike(made, source, 1.5);
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_other_ones() {
    let folder = Folder::new();
    folder.write("in.wav", &file(&[room(5, 30_000)], 8_000));
    for (out, seed) in [
        ("a.wav", ""),
        ("b.wav", " --seed 1"),
        ("c.wav", " --seed 2"),
        ("d.wav", " --seed 3"),
    ] {
        folder
            .aeden(&format!("roomtone in.wav {out} --seconds 5{seed}"))
            .quietly();
    }
    assert_eq!(folder.read("a.wav"), folder.read("b.wav"));
    let [a, c, d] = ["a.wav", "c.wav", "d.wav"].map(|name| planes(&folder.read(name), 1).remove(0));
    for (x, y) in [(&a, &c), (&c, &d)] {
        let product: f32 = x.iter().zip(y).map(|(x, y)| x * y).sum();
        let energy = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>();
        assert!((product / (energy(x) * energy(y)).sqrt()).abs() < 0.1);
    }
}

#[test]
fn nothing_comes_again() {
    let rate = 8_000;
    let folder = Folder::new();
    let source = room(6, 3 * rate);
    folder.write("in.wav", &file(std::slice::from_ref(&source), rate as u32));
    folder.aeden("roomtone in.wav out.wav --seconds 12").quietly();
    let made = planes(&folder.read("out.wav"), 1).remove(0);
    // Every other sample is enough to tell.
    let half = |x: &[f32]| x.chunks_exact(2).map(|p| p[0] + p[1]).collect::<Vec<_>>();
    let (wave, moves) = (
        repeats(&half(&made), rate / 2),
        repeats(&envelope(&made, 8_000), 50),
    );
    assert!(wave < 0.2 && moves < 0.45, "{wave} {moves}");
    let again: Vec<f32> = source.iter().cycle().take(12 * rate).copied().collect();
    assert!(repeats(&half(&again), rate / 2) > 0.95);
}

#[test]
fn channels_stay_as_alike_as_they_are() {
    let rate = 44_100;
    let common = room(1, 6 * rate);
    let [left, right] = [2, 3].map(|seed| sum(&common, &room(seed, 6 * rate)));
    let opposite: Vec<f32> = left.iter().map(|x| -x).collect();
    let folder = Folder::new();
    folder.write(
        "in.wav",
        &file(&[left.clone(), right.clone(), opposite], rate as u32),
    );
    folder.aeden("roomtone in.wav out.wav --seconds 10").quietly();
    let made = planes(&folder.read("out.wav"), 3);
    let alike = |a: &[f32], b: &[f32]| {
        let product: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        let energy = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>();
        product / (energy(a) * energy(b)).sqrt()
    };
    let (before, after) = (alike(&left, &right), alike(&made[0], &made[1]));
    assert!((before - after).abs() < 0.1, "{before} {after}");
    assert!(alike(&made[0], &made[2]) < -0.98);
}

#[test]
fn hum_stays_a_steady_tone() {
    let rate = 48_000;
    let samples = 6 * rate as usize;
    let folder = Folder::new();
    let hum = sum(
        &tone(100.0, rate, samples, 0.05),
        &tone(300.0, rate, samples, 0.02),
    );
    folder.write("in.wav", &file(&[sum(&room(8, samples), &hum)], rate));
    let lines = folder
        .aeden("roomtone in.wav out.wav --seconds 10 --json")
        .quietly()
        .json_lines();
    let found: Vec<f64> = lines[0]["tones_hz"]
        .as_array()
        .unwrap()
        .iter()
        .map(|x| x.as_f64().unwrap())
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        (found[0] - 100.0).abs() < 0.05 && (found[1] - 300.0).abs() < 0.05,
        "{found:?}"
    );
    let made = planes(&folder.read("out.wav"), 1).remove(0);
    for (hz, peak) in [(100.0, 0.05), (300.0, 0.02)] {
        // Amplitudes of the tone in every half second.
        let amplitudes: Vec<f32> = made
            .chunks_exact(24_000)
            .map(|part| {
                let part = |quarter: f32| {
                    let wave = (0..part.len()).map(|t| (TAU * (hz * t as f32 / 48_000.0 + quarter)).sin());
                    wave.zip(part).map(|(w, x)| w * x).sum::<f32>() * 2.0 / part.len() as f32
                };
                part(0.0).hypot(part(0.25))
            })
            .collect();
        assert!(
            amplitudes.iter().all(|a| (a / peak - 1.0).abs() < 0.2),
            "{hz}: {amplitudes:?}"
        );
    }
}

#[test]
fn voices_are_left_out_unless_all_is_asked_for() {
    let rate = 16_000;
    let mut source = room(9, 8 * rate);
    for start in [2 * rate, 5 * rate] {
        // A second of something like vowels.
        for (t, x) in source[start..start + rate].iter_mut().enumerate() {
            let turn = TAU * 150.0 / rate as f32 * t as f32;
            *x += (1..20)
                .map(|k| (turn * k as f32).sin() * 0.1 / k as f32)
                .sum::<f32>();
        }
    }
    let quiet = decibels(&source[..2 * rate]);
    let folder = Folder::new();
    folder.write("in.wav", &file(std::slice::from_ref(&source), rate as u32));
    let lines = folder
        .aeden("roomtone in.wav out.wav --seconds 6 --json")
        .quietly()
        .json_lines();
    for part in lines[0]["learned_from"].as_array().unwrap() {
        let [start, end] = [0, 1].map(|i| part[i].as_f64().unwrap());
        let free_of = |a: f64, b: f64| start >= b || end <= a;
        assert!(free_of(2.0, 3.0) && free_of(5.0, 6.0), "{part}");
    }
    assert!(lines[0]["learned_seconds"].as_f64().unwrap() > 4.0);
    let made = planes(&folder.read("out.wav"), 1).remove(0);
    assert!((decibels(&made) - quiet).abs() < 1.0);
    folder
        .aeden("roomtone in.wav all.wav --seconds 30 --all")
        .quietly();
    let all = planes(&folder.read("all.wav"), 1).remove(0);
    // Now and then as loud as the voices: it differs from seed to seed how often.
    assert!(decibels(&all) > quiet + 1.5 && (decibels(&all) - decibels(&source)).abs() < 4.0);
}

#[test]
fn what_moves_goes_on_moving() {
    let rate = 16_000;
    // Gusts: 5 dB up and down within a second or so.
    let mut level = 0.0;
    let source: Vec<f32> = room(10, 20 * rate)
        .into_iter()
        .zip(noise(11, 20 * rate))
        .map(|(x, drive)| {
            level += (0.45 * drive - 0.0005 * level) * 0.3;
            x * (0.15 * level).exp()
        })
        .collect();
    let folder = Folder::new();
    folder.write("in.wav", &file(std::slice::from_ref(&source), rate as u32));
    folder
        .aeden("roomtone in.wav out.wav --seconds 40 --all")
        .quietly();
    folder
        .aeden("roomtone in.wav steady.wav --seconds 40 --all --steady")
        .quietly();
    let restless = |x: &[f32]| {
        let levels: Vec<f32> = x.chunks_exact(rate / 5).map(decibels).collect();
        let mean = levels.iter().sum::<f32>() / levels.len() as f32;
        (levels.iter().map(|l| (l - mean).powi(2)).sum::<f32>() / levels.len() as f32).sqrt()
    };
    let [made, steady] = ["out.wav", "steady.wav"].map(|name| restless(&planes(&folder.read(name), 1)[0]));
    let own = restless(&source);
    assert!(own > 2.0, "{own}");
    assert!(made > 0.6 * own && made < 1.5 * own, "{made} {own}");
    assert!(steady < 0.5 * own, "{steady} {own}");
}

/// Skewness of the level in 20 ms, in dB: large where loud moments are rare.
fn skewness(x: &[f32], rate: usize) -> f32 {
    let levels: Vec<f32> = x.chunks_exact(rate / 50).map(decibels).collect();
    let mean = levels.iter().sum::<f32>() / levels.len() as f32;
    let moment = |n: i32| levels.iter().map(|l| (l - mean).powi(n)).sum::<f32>() / levels.len() as f32;
    moment(3) / moment(2).powf(1.5)
}

#[test]
fn drops_shorter_than_a_frame_stay_rare_and_loud() {
    let (folder, rate) = (Folder::new(), 16_000);
    let mut rain: Vec<f32> = noise(71, 12 * rate).iter().map(|x| x * 0.02).collect();
    let drops = noise(72, 48 * 100);
    for (i, drop) in drops.chunks_exact(48).enumerate() {
        // Somewhere, 26 dB louder than the rest, for 3 ms.
        let at = (i * 7_919 + i * i * 104_729) % (rain.len() - 48);
        for (t, x) in drop.iter().enumerate() {
            rain[at + t] += 0.4 * x * (-(t as f32) / 16.0).exp();
        }
    }
    folder.write("rain.wav", &file(std::slice::from_ref(&rain), rate as u32));
    folder
        .aeden("roomtone rain.wav tone.wav --seconds 30 --all")
        .quietly();
    let made = planes(&folder.read("tone.wav"), 1).remove(0);
    let (own, got) = (skewness(&rain, rate), skewness(&made, rate));
    assert!(own > 1.5 && got > 0.62 * own && got < 1.3 * own, "{own} {got}");
}

#[test]
fn it_can_end_in_another_room() {
    let (rate, other_rate) = (48_000usize, 44_100usize);
    let folder = Folder::new();
    let (from, to) = (
        room(12, 5 * rate),
        noise(13, 5 * other_rate)
            .iter()
            .map(|x| x * 0.05)
            .collect::<Vec<_>>(),
    );
    folder.write("in.wav", &file(&[from.clone(), room(14, 5 * rate)], rate as u32));
    folder.write("other.wav", &file(&[to], other_rate as u32));
    folder
        .aeden("roomtone in.wav out.wav --seconds 20 --towards other.wav --plot way.png")
        .quietly();
    let made = planes(&folder.read("out.wav"), 2).remove(0);
    assert_eq!(made.len(), 20 * rate);
    let other: Vec<f32> = noise(15, 5 * rate).iter().map(|x| x * 0.05).collect();
    assert_alike(&made[..rate], &from, 2.0);
    let (end, other) = (octaves(&made[19 * rate..]), octaves(&other));
    // The highest octave has nothing above 22 kHz, and the level is that of all frequencies.
    for (i, (a, b)) in end.iter().zip(&other).enumerate().skip(1) {
        assert!((a - b).abs() < 2.5, "octave {i}: {end:?} {other:?}");
    }
    // No jump on the way.
    let levels: Vec<f32> = made.chunks_exact(rate).map(|part| octaves(part)[3]).collect();
    assert!(
        levels.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 4.0),
        "{levels:?}"
    );
    assert!(folder.read("way.png").starts_with(b"\x89PNG"));
}

#[test]
fn depth_and_kind_of_file_are_those_asked_for() {
    let folder = Folder::new();
    let sound: Vec<u8> = room(16, 24_000).iter().flat_map(|x| x.to_le_bytes()).collect();
    folder.write("in.wav", &riff(&[fmt(3, 1, 8_000, 32), chunk(b"data", &sound)]));
    folder.aeden("roomtone in.wav out.wav --seconds 1").quietly();
    assert_eq!(samples32f(&folder.read("out.wav")).len(), 8_000);
    folder.aeden("roomtone in.wav out.flac --seconds 1").quietly();
    assert!(folder.read("out.flac").starts_with(b"fLaC"));
    let piped = folder
        .aeden_with_input("roomtone - - --seconds 1", &folder.read("in.wav"))
        .quietly();
    assert_eq!(samples32f(&piped.0.stdout), samples32f(&folder.read("out.wav")));
}

#[test]
fn what_makes_no_sense_is_said_and_nothing_is_written() {
    let folder = Folder::new();
    folder.write("in.wav", &file(&[room(17, 16_000)], 8_000));
    folder.write("short.wav", &file(&[room(17, 4_000)], 8_000));
    folder.write("silent.wav", &file(&[vec![0.0; 16_000]], 8_000));
    folder.write("stereo.wav", &file(&[room(1, 16_000), room(2, 16_000)], 8_000));
    folder.write("there.wav", b"precious");
    folder.write("text.wav", b"no sound at all");
    let before = folder.names();
    for (command, status, what) in [
        (
            "short.wav out.wav --seconds 9",
            1,
            "has 0.50 s of sound; room tone is learned from 1 s at least",
        ),
        ("silent.wav out.wav --seconds 9", 1, "silent.wav: is silent"),
        ("none.wav out.wav --seconds 9", 1, "none.wav: no such file"),
        ("text.wav out.wav --seconds 9", 1, "text.wav"),
        ("in.wav there.wav --seconds 9", 1, "exists already"),
        ("in.wav out.wav --seconds 9 --plot there.wav", 1, "exists already"),
        ("in.wav in.wav --seconds 9 -y", 1, "never replaced"),
        ("in.wav out.mp3 --seconds 9", 1, "roomtone writes WAV and FLAC"),
        (
            "in.wav out.wav --seconds 9 --towards none.wav",
            1,
            "none.wav: no such file",
        ),
        ("in.wav out.wav --seconds 9 --towards stereo.wav", 1, "2 channels"),
        ("in.wav - --seconds 9 --json", 2, "standard output"),
        ("in.wav out.wav --seconds 9 --model in.wav", 3, "in.wav"),
    ] {
        folder.aeden(&format!("roomtone {command}")).failed(status, what);
        assert_eq!(folder.names(), before, "{command}");
    }
    for seconds in ["0", "-1", "x", "nan", "1e9"] {
        let run = folder.aeden(&format!("roomtone in.wav out.wav --seconds={seconds}"));
        run.failed_usage("a number of seconds");
    }
    folder.aeden("roomtone in.wav out.wav").failed_usage("--seconds");
    let sparse = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/family/sparse.safetensors");
    folder
        .aeden(&format!("roomtone in.wav out.wav --seconds 9 --model {sparse}"))
        .failed(3, "variational");
    assert_eq!(folder.names(), before);
    assert_eq!(folder.read("there.wav"), b"precious");
    folder.aeden("roomtone in.wav there.wav --seconds 1 -y").quietly();
    folder.assert_full_disk(&["roomtone in.wav small/out.wav --seconds 60"]);
}

#[test]
fn without_a_name_the_tone_lies_beside_its_source() {
    let folder = Folder::new();
    folder.write("in.wav", &file(&[room(16, 24_000)], 8_000));
    let run = folder.aeden("roomtone in.wav --seconds 1").quietly();
    assert!(
        run.stdout().contains("in.wav -> in.roomtone.wav: 1.0 s"),
        "{}",
        run.stdout()
    );
    // Nothing to learn from is 0 s, not less.
    let voice = tone(300.0, 8_000, 16_000, 0.4);
    let pulses: Vec<f32> = voice
        .iter()
        .enumerate()
        .map(|(t, x)| x * (t / 800 % 2) as f32)
        .collect();
    folder.write("loud.wav", &file(&[pulses], 8_000));
    let run = folder.aeden("roomtone loud.wav --seconds 1");
    assert!(!run.stderr().contains("-0.00"), "{}", run.stderr());
}
