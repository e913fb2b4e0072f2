//! `aeden repair`: what is damaged is filled, everything else stays bit for bit.

use crate::recordings::{Folder, body_of, chunk, chunk_names, fmt, pcm16, riff, samples16, samples32f};

/// Two seconds of a note whose pitch glides, as 16-bit numbers / 32768.
fn note() -> Vec<f32> {
    let mut turn = 0.0f64;
    let sample = |t: usize| {
        turn += (200.0 + 10.0 * (t as f64 / 40_000.0).sin()) / 48_000.0 * std::f64::consts::TAU;
        let x = turn.sin() * 0.3 + (2.0 * turn).sin() * 0.15 + (7.0 * turn).sin() * 0.03;
        ((x * 32_768.0).round() / 32_768.0) as f32
    };
    (0..96_000).map(sample).collect()
}

fn file(channels: &[Vec<f32>]) -> Vec<u8> {
    let count = channels.len();
    let interleaved: Vec<f32> = (0..channels[0].len() * count)
        .map(|i| channels[i % count][i / count])
        .collect();
    riff(&[
        fmt(1, count as u16, 48_000, 16),
        chunk(b"bext", b"kept"),
        chunk(b"data", &pcm16(&interleaved)),
        chunk(b"LIST", b"INFOIART\x04\0\0\0me\0\0"),
    ])
}

/// Signal to error over a stretch, in dB.
fn ratio(clean: &[i16], other: &[i16]) -> f64 {
    let power = |x: f64| x * x;
    let signal: f64 = clean.iter().map(|&x| power(x.into())).sum();
    let error: f64 = clean
        .iter()
        .zip(other)
        .map(|(&a, &b)| power(f64::from(a) - f64::from(b)))
        .sum();
    10.0 * (signal / error.max(1.0)).log10()
}

#[test]
fn a_drop_out_is_found_and_filled_and_nothing_else_is_touched() {
    let (clean, mut damaged) = (note(), note());
    damaged[40_000..41_440].fill(0.0); // 30 ms
    let folder = Folder::new();
    folder.write("in.wav", &file(&[damaged, clean.clone()]));
    let found = folder
        .aeden("repair in.wav out.wav --json")
        .quietly()
        .json_lines();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(
        (&found[0]["kind"], &found[0]["channel"]),
        (&"drop-out".into(), &1.into())
    );
    assert_eq!(found[1]["damages"], 1);
    let out = folder.read("out.wav");
    assert_eq!(chunk_names(&out), ["fmt ", "bext", "data", "LIST"]);
    let (samples, before) = (samples16(&out), samples16(&folder.read("in.wav")));
    let clean = samples16(&file(&[clean.clone(), clean]));
    for (i, (after, before)) in samples.iter().zip(&before).enumerate() {
        if i % 2 == 1 || !(39_999..41_441).contains(&(i / 2)) {
            assert_eq!(after, before, "sample {i}");
        }
    }
    let part = 2 * 40_000..2 * 41_440;
    let quality = ratio(&clean[part.clone()], &samples[part]);
    assert!(quality > 20.0, "{quality} dB");
}

#[test]
fn regions_are_filled_whatever_stands_there() {
    let (clean, mut damaged) = (note(), note());
    for (i, x) in damaged[20_000..20_960].iter_mut().enumerate() {
        *x += if i % 3 == 0 { 0.2 } else { -0.1 };
    }
    damaged[60_000..60_480].fill(0.0); // not asked for
    let folder = Folder::new();
    folder.write("in.wav", &file(&[damaged]));
    let run = folder
        .aeden("repair in.wav out.wav --region 0.416-0.437 --region 1.9-2.0")
        .quietly();
    assert!(run.stdout().contains("2 regions"), "{}", run.stdout());
    let (samples, clean) = (samples16(&folder.read("out.wav")), samples16(&file(&[clean])));
    assert!(ratio(&clean[19_968..20_976], &samples[19_968..20_976]) > 15.0);
    assert!(samples[60_000..60_480].iter().all(|&x| x == 0));
}

#[test]
fn clipped_peaks_rise_again_where_there_is_room() {
    let clean: Vec<f32> = note().iter().map(|x| x * 2.5).collect();
    let clipped: Vec<f32> = clean.iter().map(|x| x.clamp(-0.9, 0.9)).collect();
    let folder = Folder::new();
    folder.write("in.wav", &file(std::slice::from_ref(&clipped)));
    folder
        .aeden("repair in.wav out.wav --find peaks")
        .warned("--float keeps them");
    folder
        .aeden("repair in.wav float.wav --find peaks --float")
        .quietly();
    let restored = samples32f(&folder.read("float.wav"));
    let error = |x: &[f32]| x.iter().zip(&clean).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    assert!(
        error(&restored) < 0.1 * error(&clipped),
        "{} {}",
        error(&restored),
        error(&clipped)
    );
    assert!(restored.iter().fold(0.0f32, |m, x| m.max(x.abs())) > 1.0);
}

#[test]
fn what_is_whole_comes_out_as_it_went_in() {
    let folder = Folder::new();
    for (name, bytes) in [
        ("note.wav", file(&[note(), note()])),
        ("silent.wav", file(&[vec![0.0; 50_000]])),
        ("short.wav", file(&[vec![0.5; 7]])),
        ("none.wav", file(&[vec![]])),
    ] {
        folder.write(name, &bytes);
        folder.aeden(&format!("repair {name} -o out.wav -y")).quietly();
        assert_eq!(folder.read("out.wav"), bytes, "{name}");
    }
    let through = folder.aeden_with_input("repair - -", &file(&[note()]));
    assert_eq!(
        body_of(&through.quietly().0.stdout, b"data"),
        body_of(&file(&[note()]), b"data")
    );
    folder.aeden("repair note.wav out.flac").warned("bext");
    folder.aeden("repair out.flac back.wav").quietly();
    assert_eq!(
        samples16(&folder.read("back.wav")),
        samples16(&folder.read("note.wav"))
    );
}

#[test]
fn the_whole_of_a_long_recording_is_looked_through() {
    let mut long: Vec<f32> = (0..10).flat_map(|_| note()).collect();
    let places: Vec<usize> = (1..19).map(|i| i * 48_000 + 7 * i).collect();
    for &at in &places {
        long[at..at + 960].fill(0.0);
    }
    let folder = Folder::new();
    folder.write("in.wav", &file(&[long]));
    let found = folder
        .aeden("repair in.wav out.wav --json --find drop-outs")
        .quietly()
        .json_lines();
    assert_eq!(found.len() - 1, places.len(), "{found:#?}");
    for (found, at) in found.iter().zip(&places) {
        assert!((found["start"].as_f64().unwrap() * 48_000.0 - *at as f64).abs() < 2.0);
    }
}

#[test]
fn what_makes_no_sense_is_one_line_and_leaves_no_file() {
    let folder = Folder::new();
    folder.write("in.wav", &file(&[note()]));
    folder.write("there.wav", b"precious");
    folder.write("text.wav", b"no sound at all");
    folder.aeden("repair in.wav there.wav").failed(1, "-y");
    folder
        .aeden("repair in.wav in.wav -y")
        .failed(1, "never replaced");
    folder.aeden("repair none.wav out.wav").failed(1, "no such file");
    folder.aeden("repair text.wav out.wav").failed(1, "text.wav");
    folder
        .aeden("repair in.wav out.wav --region 1.99-2.1")
        .failed(1, "ends after the recording");
    for region in ["2-1", "x", "0-1", "1-1", "nan-1"] {
        let run = folder.aeden(&format!("repair in.wav out.wav --region {region}"));
        assert_eq!(run.status(), 2, "{region}: {}", run.stderr());
    }
    folder.aeden("repair in.wav - --json").failed(2, "--json");
    folder.aeden("repair in.wav out.ape").failed(1, ".wav");
    folder
        .aeden("repair in.wav out.wav --model text.wav")
        .failed(3, "text.wav");
    assert_eq!(folder.read("there.wav"), b"precious");
    assert_eq!(folder.names(), ["in.wav", "text.wav", "there.wav"]);
    folder.assert_full_disk(&["repair in.wav small/out.wav"]);
}

#[test]
fn one_thing_is_not_told_in_the_plural() {
    let mut damaged = note();
    damaged[40_000..41_440].fill(0.0);
    let folder = Folder::new();
    folder.write("in.wav", &file(&[damaged]));
    let run = folder.aeden("repair in.wav").quietly();
    assert!(
        run.stdout()
            .starts_with("in.wav -> in.repaired.wav: 1 drop-out, 0 clicks, 0 clipped peaks, 0 regions;"),
        "{}",
        run.stdout()
    );
}

#[test]
fn films_and_sound_of_every_kind_are_repaired_through_ffmpeg() {
    let folder = Folder::new();
    let mut damaged = note();
    damaged[40_000..41_440].fill(0.0);
    folder.write("in.wav", &file(&[damaged]));
    let ffmpeg = |arguments: &str| {
        let run = std::process::Command::new("ffmpeg")
            .args(["-v", "error", "-y"])
            .args(arguments.split(' '))
            .current_dir(&folder)
            .output();
        match run {
            Ok(output) => {
                assert!(
                    output.status.success(),
                    "{}",
                    String::from_utf8_lossy(&output.stderr)
                );
                output.stdout
            }
            Err(e) => panic!("ffmpeg: {e}"),
        }
    };
    ffmpeg("-f lavfi -i testsrc=s=64x48:r=25:d=2 -i in.wav -c:v mpeg4 -c:a alac film.mp4");
    ffmpeg("-i in.wav -c:a libmp3lame -b:a 128k talk.mp3");
    let hash = |file: &str| ffmpeg(&format!("-i {file} -map 0:v -c copy -f streamhash -"));
    let samples = |file: &str| -> Vec<i16> {
        let bytes = ffmpeg(&format!("-i {file} -map 0:a -f s16le -"));
        bytes
            .as_chunks()
            .0
            .iter()
            .map(|b| i16::from_le_bytes(*b))
            .collect()
    };
    let clean = samples16(&file(&[note()]));

    let told = folder.aeden("repair film.mp4 --json").quietly().json_lines();
    assert_eq!(told.last().unwrap()["damages"], 1, "{told:#?}");
    assert_eq!(hash("film.repaired.mp4"), hash("film.mp4"));
    let (before, after) = (samples("film.mp4"), samples("film.repaired.mp4"));
    assert_eq!(before.len(), after.len());
    for (t, (a, b)) in before.iter().zip(&after).enumerate() {
        assert!(a == b || (39_999..41_441).contains(&t), "sample {t}");
    }
    assert!(ratio(&clean[40_000..41_440], &after[40_000..41_440]) > 15.0);

    let run = folder.aeden("repair talk.mp3 --region 0.833-0.864").quietly();
    assert!(
        run.stdout().contains("talk.repaired.mp3: 0 drop-outs"),
        "{}",
        run.stdout()
    );
    let after = samples("talk.repaired.mp3");
    assert!(ratio(&clean[40_000..41_440], &after[40_000..41_440]) > 8.0);
    folder.aeden("repair in.wav out.mp3").warned("bext");
    assert_eq!(
        folder.names(),
        [
            "film.mp4",
            "film.repaired.mp4",
            "in.wav",
            "out.mp3",
            "talk.mp3",
            "talk.repaired.mp3"
        ]
    );
}
