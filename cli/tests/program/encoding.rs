//! `aeden encode` and `aeden decode`: small files, and recordings out of them, or one error line.

use crate::recordings::{Folder, chunk, fixture, fmt, pcm16, riff, samples16};

/// A gliding note with overtones.
fn note(channels: u16, rate: u32, frames: usize) -> Vec<u8> {
    let mut turn = 0.0f64;
    let mut samples = Vec::new();
    for t in 0..frames {
        let time = t as f64 / f64::from(rate);
        turn += (200.0 + 40.0 * (3.0 * time).sin()) / f64::from(rate) * std::f64::consts::TAU;
        let x = turn.sin() * 0.3 + (3.0 * turn).sin() * 0.1 + (5.0 * turn + 1.0).sin() * 0.05;
        samples.extend((0..channels).map(|c| (x / f64::from(c + 1)) as f32));
    }
    riff(&[fmt(1, channels, rate, 16), chunk(b"data", &pcm16(&samples))])
}

fn ratio(clean: &[i16], other: &[i16]) -> f64 {
    assert_eq!(clean.len(), other.len());
    let signal: f64 = clean.iter().map(|&x| f64::from(x).powi(2)).sum();
    let error: f64 = clean
        .iter()
        .zip(other)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    10.0 * (signal / error.max(1.0)).log10()
}

#[test]
fn every_rate_and_channel_count_comes_back_in_its_length_and_phase() {
    let folder = Folder::new();
    for (channels, rate, frames) in [
        (1, 48_000, 100_000),
        (2, 44_100, 70_001),
        (1, 8_000, 20_000),
        (3, 22_050, 30_000),
        (1, 96_000, 60_000),
    ] {
        folder.write("in.wav", &note(channels, rate, frames));
        folder.aeden("encode in.wav x.aeden --rate high -y").quietly();
        folder.aeden("decode x.aeden out.wav -y").quietly();
        let (before, after) = (folder.read("in.wav"), folder.read("out.wav"));
        assert_eq!(before.len(), after.len() - if channels > 2 { 24 } else { 0 });
        let quality = ratio(&samples16(&before), &samples16(&after));
        assert!(quality > 20.0, "{channels} {rate}: {quality} dB");
        assert!(
            folder.read("x.aeden").len() * 8 < before.len(),
            "{channels} {rate}"
        );
    }
}

#[test]
fn more_room_is_better_and_the_rate_that_is_asked_for_is_kept() {
    let folder = Folder::new();
    folder.write("in.wav", &std::fs::read(fixture("clean.wav")).unwrap());
    let before = samples16(&folder.read("in.wav"));
    let mut last = (0, 0.0);
    for rate in ["low", "mid", "high"] {
        let run = folder.aeden(&format!("encode in.wav {rate}.aeden --rate {rate} --json"));
        let told = run.quietly().json_lines().remove(0);
        let size = folder.read(&format!("{rate}.aeden")).len();
        assert_eq!(told["bytes"], size);
        folder
            .aeden(&format!("decode {rate}.aeden out.flac -y"))
            .quietly();
        folder
            .aeden("repair out.flac -o out.wav -y --find peaks")
            .quietly();
        let quality = ratio(&before, &samples16(&folder.read("out.wav")));
        assert!(
            size > last.0 && quality > last.1 + 2.0,
            "{rate}: {size} {quality}"
        );
        last = (size, quality);
    }
    let told = folder
        .aeden("encode in.wav 24.aeden --rate 24 --json")
        .quietly()
        .json_lines()
        .remove(0);
    let got = told["kbit_s"].as_f64().unwrap();
    assert!((20.0..=24.3).contains(&got), "{got}");
}

#[test]
fn quality_is_told_beside_pca_and_opus() {
    let folder = Folder::new();
    folder.write("in.wav", &note(1, 48_000, 96_000));
    let told = folder
        .aeden("encode in.wav x.aeden --compare --json")
        .quietly()
        .json_lines()
        .remove(0);
    let names: Vec<_> = told["compared"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["aeden", "pca", "opus"]);
    assert!(
        told["compared"][0]["si_sdr_db"].as_f64().unwrap() > 15.0,
        "{told}"
    );
}

#[test]
fn noise_is_no_worse_with_the_network_than_with_pca() {
    let folder = Folder::new();
    folder.write("in.wav", &std::fs::read(fixture("noisy.wav")).unwrap());
    let told = folder
        .aeden("encode in.wav x.aeden --rate 16 --compare --json")
        .quietly()
        .json_lines()
        .remove(0);
    let of = |i: usize, what: &str| told["compared"][i][what].as_f64().unwrap();
    assert!(of(0, "si_sdr_db") > of(1, "si_sdr_db") - 0.5, "{told}");
    assert!(of(0, "lsd_db") < of(1, "lsd_db") + 0.1, "{told}");
}

#[test]
fn silence_and_next_to_nothing_come_back() {
    let folder = Folder::new();
    for frames in [0, 1, 700, 96_000] {
        let silent = riff(&[fmt(1, 2, 48_000, 16), chunk(b"data", &vec![0; 4 * frames])]);
        folder.write("in.wav", &silent);
        folder.aeden("encode in.wav x.aeden -y").quietly();
        folder.aeden("decode x.aeden out.wav -y").quietly();
        let out = samples16(&folder.read("out.wav"));
        assert!(
            out.len() == 2 * frames && out.iter().all(|x| x.abs() <= 2),
            "{frames}"
        );
    }
    let decoded = folder.aeden_with_input("decode - -", &folder.read("x.aeden"));
    assert_eq!(decoded.quietly().0.stdout, folder.read("out.wav"));
}

#[test]
fn what_is_cut_short_or_altered_is_one_error_and_no_file() {
    let folder = Folder::new();
    folder.write("in.wav", &note(1, 48_000, 150_000));
    folder.aeden("encode in.wav x.aeden").quietly();
    let whole = folder.read("x.aeden");
    let mut seed = 1u64;
    for turn in 0..40 {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let at = (seed >> 33) as usize % whole.len();
        let mut bytes = whole.clone();
        match turn % 3 {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << (turn % 8),
            _ => bytes.insert(at, turn),
        }
        folder.write("x.aeden", &bytes);
        let run = folder.aeden("decode x.aeden out.wav");
        let status = run.status();
        assert!(
            status == 1 || status == 3,
            "{turn} at {at}: {status} {}",
            run.stderr()
        );
        run.failed(status, "x.aeden");
    }
    folder.write("x.aeden", &[whole.as_slice(), b"more"].concat());
    folder.aeden("decode x.aeden out.wav").failed(1, "after its end");
    assert_eq!(folder.names(), ["in.wav", "x.aeden"]);
}

#[test]
fn a_file_of_another_version_is_told() {
    let folder = Folder::new();
    folder.write("in.wav", &note(1, 48_000, 50_000));
    folder.aeden("encode in.wav x.aeden").quietly();
    let mut bytes = folder.read("x.aeden");
    for version in [1, 3] {
        bytes[8] = version;
        folder.write("x.aeden", &bytes);
        folder
            .aeden("decode x.aeden out.wav")
            .failed(1, &format!("is of version {version}, this aeden reads version 2"));
    }
    assert_eq!(folder.names(), ["in.wav", "x.aeden"]);
}

#[test]
fn what_makes_no_sense_is_said() {
    let folder = Folder::new();
    folder.write("in.wav", &note(1, 48_000, 50_000));
    folder.write("there.aeden", b"precious");
    folder.aeden("encode in.wav there.aeden").failed(1, "-y");
    folder.aeden("encode none.wav x.aeden").failed(1, "no such file");
    folder.aeden("encode in.wav x.wav").failed(2, ".aeden");
    folder.aeden("encode - x.aeden").failed(2, "more than once");
    folder.aeden("encode in.wav - --json").failed(2, "--json");
    folder.aeden("decode in.wav - --json").failed(2, "--json");
    folder.aeden("decode in.wav out.wav").failed(1, "no .aeden file");
    folder
        .aeden("decode none.aeden out.wav")
        .failed(1, "no such file");
    for rate in ["0", "x", "2000", "nan"] {
        let run = folder.aeden(&format!("encode in.wav x.aeden --rate {rate}"));
        assert_eq!(run.status(), 2, "{rate}");
    }
    assert_eq!(folder.read("there.aeden"), b"precious");
    folder.aeden("encode in.wav x.aeden").quietly();
    folder.aeden("decode x.aeden out.mp3").failed(1, "WAV and FLAC");
    let other = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../models/family/encode-pca.safetensors"
    );
    folder
        .aeden(&format!("decode x.aeden out.wav --model {other}"))
        .failed(3, "another model");
    assert_eq!(folder.names(), ["in.wav", "there.aeden", "x.aeden"]);
    folder.assert_full_disk(&["decode x.aeden small/out.wav"]);
}

#[test]
fn outputs_have_names_of_their_own_and_folders_are_mirrored() {
    let folder = Folder::new();
    folder.write("in/talk.wav", &note(1, 48_000, 30_000));
    folder.write("in/deep/er/note.wav", &note(1, 48_000, 30_000));
    let run = folder.aeden("encode in/talk.wav").quietly();
    assert!(
        run.stdout().starts_with("in/talk.wav -> in/talk.aeden: 0.6 s"),
        "{}",
        run.stdout()
    );
    let run = folder.aeden("decode in/talk.aeden").quietly();
    assert!(
        run.stdout().contains("in/talk.decoded.wav: 0.6 s, 1 channel at"),
        "{}",
        run.stdout()
    );
    std::fs::remove_file(folder.path("in/talk.decoded.wav")).unwrap();
    std::fs::remove_file(folder.path("in/talk.aeden")).unwrap();

    let told = folder.aeden("encode in -o small --json").json_lines();
    assert_eq!(told.len(), 2);
    let told = folder.aeden("decode small -o back --json").json_lines();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(samples16(&folder.read("back/deep/er/note.wav")).len(), 30_000);
    let run = folder.aeden("encode in -o small");
    assert_eq!(run.status(), 1);
    assert!(run.stderr().contains("exists already") && run.stderr().contains("0 done, 2 failed"));
    folder.aeden("encode in").failed(2, "-o DIR");
    folder
        .aeden("encode in/talk.wav in/deep/er/note.wav other.wav")
        .failed(2, "-o DIR");
    assert_eq!(folder.names(), ["back", "in", "small"]);
}

#[test]
fn what_lies_in_the_folder_of_outputs_is_no_input() {
    let folder = Folder::new();
    folder.write("talk.wav", &note(1, 48_000, 30_000));
    for _ in 0..2 {
        let told = folder.aeden("repair . -o out -y --json").json_lines();
        let whole: Vec<_> = told.iter().filter(|line| line["status"] == "repaired").collect();
        assert_eq!(whole.len(), 1, "{told:#?}");
    }
    assert_eq!(folder.names(), ["out", "talk.wav"]);
}

#[test]
fn the_search_for_a_rate_shows_how_far_it_is() {
    let folder = Folder::new();
    folder.write("in.wav", &note(1, 48_000, 1_500_000));
    let aeden = env!("CARGO_BIN_EXE_aeden");
    // A terminal, made by `script`.
    let run = std::process::Command::new("script")
        .args(["-qec", &format!("{aeden} encode in.wav --rate 16"), "/dev/null"])
        .env("TERM", "xterm")
        .current_dir(&folder)
        .output();
    let Ok(run) = run else {
        println!("skipped: there is no program `script` that gives a terminal");
        return;
    };
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{shown}");
    // A terminal is drawn on now and then, not at every step.
    for part in ["in.wav: trial ", " of 11", "in.wav -> in.aeden"] {
        assert!(shown.contains(part), "no {part:?} in {shown:?}");
    }
}
