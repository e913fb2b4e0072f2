//! `aeden detect`: what does not fit is found where it is, and told in every form.

use crate::recordings::{Folder, body_of, chunk, chunk_names, fmt, noise, noise_file, pcm16, riff};

/// Ten seconds of hiss with a loud note at 4 s that is interrupted all the time, and silence at 7 s for a tenth.
fn odd() -> Vec<u8> {
    let mut samples: Vec<f32> = noise(5, 480_000).iter().map(|x| x * 0.2).collect();
    for n in 192_000..216_000 {
        samples[n] += if n / 1200 % 2 == 0 {
            (n as f32 * 0.1).sin() * 0.4
        } else {
            0.0
        };
    }
    samples[336_000..340_800].fill(0.0);
    riff(&[fmt(1, 1, 48_000, 16), chunk(b"data", &pcm16(&samples))])
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("odd.wav", &odd());
    folder.write("normal/a.wav", &noise_file(1, 48_000, 480_000));
    folder
}

#[test]
fn both_events_are_found_with_and_without_normal_material() {
    let folder = folder();
    for command in ["detect odd.wav --json", "detect odd.wav --json --normal normal"] {
        let found = folder.aeden(command).quietly().json_lines();
        let near = |seconds: f64, kind: &str| {
            found
                .iter()
                .any(|e| e["kind"] == kind && (e["start"].as_f64().unwrap() - seconds).abs() < 0.2)
        };
        assert!(
            near(4.0, "louder") && near(7.0, "quieter"),
            "{command}: {found:#?}"
        );
        assert_eq!(found.last().unwrap()["seconds"], 10.0);
    }
}

#[test]
fn a_tone_that_lasts_is_found_from_beginning_to_end() {
    let folder = folder();
    // Without normal material, what lasts for more than a tenth of the recording is its own measure.
    for (seconds, command) in [
        (2.0, "detect tone.wav --json --normal normal"),
        (0.8, "detect tone.wav --json"),
    ] {
        let mut samples: Vec<f32> = noise(5, 480_000).iter().map(|x| x * 0.2).collect();
        let tone = samples[192_000..].iter_mut().take((seconds * 48_000.0) as usize);
        tone.enumerate()
            .for_each(|(n, x)| *x += (n as f32 * 0.1).sin() * 0.3);
        folder.write(
            "tone.wav",
            &riff(&[fmt(1, 1, 48_000, 16), chunk(b"data", &pcm16(&samples))]),
        );
        let found = folder.aeden(command).quietly().json_lines();
        let near = |value: &serde_json::Value, wanted: f64, most: f64| {
            value.as_f64().is_some_and(|value| (value - wanted).abs() < most)
        };
        let whole = found.iter().any(|e| {
            near(&e["start"], 4.0, 0.2) && near(&e["end"], 4.0 + seconds, 0.2) && near(&e["hz"], 764.0, 60.0)
        });
        assert!(whole, "{seconds} s: {found:#?}");
    }
}

#[test]
fn what_is_normal_has_no_events() {
    let folder = folder();
    folder.write("more.wav", &noise_file(1, 48_000, 200_000));
    let found = folder
        .aeden("detect more.wav --json --normal normal")
        .quietly()
        .json_lines();
    assert_eq!(found.len(), 1, "{found:#?}");
}

#[test]
fn events_come_as_labels_markers_scores_and_picture() {
    let folder = folder();
    let command = "detect odd.wav --normal normal --labels l.txt --markers m.wav --csv s.csv --plot p.png";
    let run = folder.aeden(command).quietly();
    let events = run.stdout().lines().count() - 1;
    assert!(events >= 2);
    let labels = String::from_utf8(folder.read("l.txt")).unwrap();
    assert_eq!(labels.lines().count(), events);
    assert!(labels.lines().all(|line| line.split('\t').count() == 3));
    let scores = String::from_utf8(folder.read("s.csv")).unwrap();
    assert_eq!(scores.lines().next(), Some("seconds,score,threshold"));
    assert_eq!(scores.lines().count(), 1 + 999);
    assert!(folder.read("p.png").starts_with(b"\x89PNG"));

    let marked = folder.read("m.wav");
    assert_eq!(
        body_of(&marked, b"data"),
        body_of(&folder.read("odd.wav"), b"data")
    );
    assert_eq!(chunk_names(&marked), ["fmt ", "data", "cue ", "LIST"]);
    let cue = body_of(&marked, b"cue ").unwrap();
    let number = |at: usize| u32::from_le_bytes(cue[at..at + 4].try_into().unwrap());
    assert_eq!((number(0) as usize, cue.len()), (events, 4 + 24 * events));
    let first = labels.split('\t').next().unwrap().parse::<f64>().unwrap() * 48_000.0;
    assert!((f64::from(number(24)) - first).abs() < 1.0);

    // Markers of an earlier run are replaced, not doubled.
    folder
        .aeden("detect m.wav --normal normal --markers n.wav")
        .quietly();
    assert_eq!(folder.read("n.wav"), marked);
}

#[test]
fn nothing_is_replaced_or_half_written() {
    let folder = folder();
    folder.write("l.txt", b"precious");
    folder
        .aeden("detect odd.wav --labels l.txt --csv s.csv")
        .failed(1, "-y");
    folder
        .aeden("detect odd.wav --markers odd.wav -y")
        .failed(1, "never replaced");
    folder
        .aeden("detect odd.wav --csv none/s.csv --labels a.txt")
        .failed(1, "none");
    folder
        .aeden("detect none.wav --csv s.csv")
        .failed(1, "no such file");
    folder.aeden("detect odd.wav --normal empty").failed(1, "empty");
    folder
        .aeden("detect odd.wav --threshold -1")
        .failed_usage("positive number");
    assert_eq!(folder.read("l.txt"), b"precious");
    assert_eq!(folder.names(), ["l.txt", "normal", "odd.wav"]);
    folder.assert_full_disk(&["detect odd.wav --markers small/m.wav"]);
}

#[test]
fn a_threshold_can_be_given_and_a_pipe_be_read() {
    let folder = folder();
    let run = folder.aeden("detect odd.wav --threshold 100000 --json").quietly();
    assert_eq!(run.json_lines().len(), 1);
    let run = folder.aeden_with_input("detect - --json", &odd()).quietly();
    assert!(run.json_lines().len() >= 3);
    let run = folder.aeden("detect odd.wav --quiet --labels l.txt").quietly();
    assert_eq!(
        (run.stdout().as_str(), folder.read("l.txt").is_empty()),
        ("", false)
    );
    folder
        .aeden_with_input("detect - --markers m.wav", &odd())
        .failed(2, "twice");
}

#[test]
fn silence_and_next_to_nothing_have_no_events() {
    let folder = Folder::new();
    let silent = |frames: usize| riff(&[fmt(1, 1, 48_000, 16), chunk(b"data", &vec![0; 2 * frames])]);
    for (name, frames) in [("none.wav", 0), ("short.wav", 10), ("silent.wav", 96_000)] {
        folder.write(name, &silent(frames));
        let run = folder
            .aeden(&format!("detect {name} --json --plot {name}.png"))
            .quietly();
        assert_eq!(run.json_lines().len(), 1, "{}", run.stdout());
    }
}

#[test]
fn a_folder_is_looked_through_file_by_file() {
    let folder = folder();
    folder.write("days/odd.wav", &odd());
    folder.write("days/more/calm.wav", &noise_file(1, 48_000, 200_000));
    folder.write("days/broken.wav", b"RIFF");
    let run = folder.aeden("detect days --normal normal --json");
    assert_eq!(run.status(), 1);
    let lines = run.json_lines();
    let status = |name: &str| lines.iter().find(|l| l["file"] == name && !l["status"].is_null());
    assert!(status("days/odd.wav").unwrap()["events"].as_u64().unwrap() >= 2);
    assert_eq!(status("days/more/calm.wav").unwrap()["events"], 0);
    assert_eq!(status("days/broken.wav").unwrap()["status"], "failed");
    assert!(run.stderr().contains("days/broken.wav"), "{}", run.stderr());
    folder.aeden("detect days --csv s.csv").failed(2, "one by one");
    assert_eq!(folder.names(), ["days", "normal", "odd.wav"]);
}
