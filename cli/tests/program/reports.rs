//! What is said: help, JSON, silence, findings, pictures.

use crate::recordings::{Folder, chunk, fixture, fmt, noise, noise_file, pcm16, riff};
use serde_json::Value;

#[test]
fn a_good_run_on_a_pipe_says_nothing() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 48_000, 48_000));
    let run = folder.aeden("clean in.wav").quietly();
    assert_eq!(run.stdout(), "");
}

#[test]
fn json_tells_each_file_in_one_line() {
    let folder = Folder::new();
    folder.write("a.wav", &noise_file(2, 44_100, 44_100));
    folder.write("b.wav", b"");
    folder.write("out/c.wav", b"");
    folder.write("c.wav", b"");
    let run = folder.aeden("clean a.wav b.wav c.wav -o out --json --jobs 1 --skip-existing");
    assert_eq!(run.status(), 1);
    let lines = run.json_lines();
    assert_eq!(lines.len(), 3);
    let a = &lines[0];
    assert_eq!(
        (a["input"].as_str(), a["output"].as_str()),
        (Some("a.wav"), Some("out/a.wav"))
    );
    assert_eq!(
        (a["seconds"].as_f64(), a["rate"].as_u64(), a["channels"].as_u64()),
        (Some(1.0), Some(44_100), Some(2))
    );
    assert_eq!(
        (a["bits"].as_str(), a["clipped"].as_u64(), a["status"].as_str()),
        (Some("16"), Some(0), Some("cleaned"))
    );
    assert!(a["speed"].as_f64().unwrap() > 0.0);
    assert!(a["noise_reduction_db"].is_number());
    assert_eq!(
        (lines[1]["status"].as_str(), lines[2]["status"].as_str()),
        (Some("failed"), Some("skipped"))
    );
    assert!(lines[1]["error"].as_str().unwrap().contains("empty"));
}

#[test]
fn warnings_and_the_summary_can_be_silenced() {
    let folder = Folder::new();
    let file = [noise_file(1, 16_000, 3000), vec![0; 3]].concat();
    folder.write("in/a.wav", &file);
    folder.write("in/b.wav", &file);
    let loud = folder.aeden("clean in -o out");
    assert_eq!(loud.stderr().lines().count(), 3);
    folder.aeden("clean in -o quiet -q").quietly();
}

#[test]
fn the_commands_of_the_family_share_their_options() {
    let folder = Folder::new();
    for command in ["encode", "decode", "repair", "detect", "map"] {
        let help = folder.aeden(&format!("{command} --help")).quietly().stdout();
        for part in [
            "--model <FILE>",
            "A model file instead of the built-in model",
            "--json",
            "Print JSON, one object a line",
            "-y, --overwrite",
            "Replace output files that exist",
            "-q, --quiet",
            "Print errors only",
        ] {
            assert!(help.contains(part), "{part} in {command} --help");
        }
    }
}

#[test]
fn help_has_examples_and_exit_statuses() {
    let folder = Folder::new();
    for arguments in ["clean --help", "inspect --help"] {
        let help = folder.aeden(arguments).quietly().stdout();
        for part in ["Examples:", "aeden ", "Exit status:", "  130 "] {
            assert!(help.contains(part), "{part} in {arguments}");
        }
    }
    assert!(folder.aeden("--version").quietly().stdout().starts_with("aeden "));
    assert_eq!(folder.aeden("clean").status(), 2);
}

#[test]
fn completions_and_manual_pages_know_the_options() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            folder
                .aeden(&format!("completions {shell}"))
                .quietly()
                .stdout()
                .contains("skip-existing")
        );
    }
    let page = folder.aeden("man").quietly().stdout();
    assert!(page.starts_with(".ie") && page.contains("inspect"));
    let page = folder.aeden("man clean").quietly().stdout();
    assert!(page.contains("\\-\\-skip\\-existing") && page.contains("Exit status"));
    folder.aeden("man sing").failed(2, "no command");
    folder.aeden("man --all pages").quietly();
    for (name, option) in [("aeden.1", "clean"), ("aeden-clean.1", "\\-\\-skip\\-existing")] {
        let page = String::from_utf8(folder.read(&format!("pages/{name}"))).unwrap();
        assert!(page.contains(option), "{name}");
    }
}

#[test]
fn inspect_measures_what_is_known_of_a_tone_in_noise() {
    let folder = Folder::new();
    // One second of tone with pauses of noise 40 dB below full scale: uniform noise of ±a has power a²/3.
    let amplitude = 0.01 * 3f32.sqrt();
    let samples: Vec<f32> = (0..480_000)
        .zip(noise(4, 480_000))
        .map(|(i, noise)| {
            let tone = (i as f32 * 997.0 * std::f32::consts::TAU / 48_000.0).sin();
            noise * 2.0 * amplitude + if i / 48_000 % 2 == 0 { 0.5 * tone } else { 0.0 }
        })
        .collect();
    let file = riff(&[
        chunk(b"bext", &[0; 602]),
        fmt(1, 1, 48_000, 16),
        chunk(b"data", &pcm16(&samples)),
    ]);
    folder.write("in.wav", &file);
    let run = folder.aeden("inspect in.wav --json").quietly();
    let found: Value = serde_json::from_str(&run.stdout()).unwrap();
    let number = |name: &str| {
        found[name]
            .as_f64()
            .unwrap_or_else(|| panic!("{name} in {found}"))
    };
    assert_eq!(
        (number("seconds"), number("rate"), number("channels")),
        (10.0, 48_000.0, 1.0)
    );
    assert_eq!(
        (found["bits"].as_str(), found["chunks"][0].as_str()),
        (Some("16"), Some("bext"))
    );
    // EBU R 128: a sine of amplitude 0.5 at 997 Hz in one channel has -9.0 LUFS. The gate leaves out pauses, but not the
    // 400 ms blocks that are a quarter, half or three quarters pause: 10 of 13 parts are tone.
    assert!((number("loudness_lufs") + 10.2).abs() < 0.2, "{found}");
    assert!((number("true_peak_dbtp") + 6.0).abs() < 0.5, "{found}");
    assert!((number("noise_floor_dbfs") + 40.0).abs() < 0.5, "{found}");
    // Power of the tone 0.125, of the noise 0.0001.
    assert!((number("snr_db") - 31.0).abs() < 1.0, "{found}");
    assert!(found["snr_after_db"].is_number());
    let text = folder.aeden("inspect in.wav").quietly().stdout();
    for part in [
        "RIFF, 16-bit integer, 48000 Hz, 1 channel",
        "0:00:10.000",
        "LUFS",
        "dBFS",
        "bext",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn models_are_described() {
    let folder = Folder::new();
    let built_in = folder.aeden("models").quietly().stdout();
    for part in [
        "light (built in)",
        "48000 Hz",
        "20.0 ms",
        "high (built in)",
        "32.0 ms",
        "MIT OR Apache-2.0",
        "best (built in)",
        "--quality best",
        "sparse-kl",
        "find, map",
        "encode, decode",
        "roomtone",
    ] {
        assert!(built_in.contains(part), "{part} in {built_in}");
    }
    let all = folder.aeden("models --json").quietly().json_lines();
    assert_eq!(all.len(), 9);
    let of_repair = all.iter().find(|model| model["commands"] == "repair").unwrap();
    assert_eq!(
        (&of_repair["kind"], &of_repair["rate"]),
        (&"denoising-l2".into(), &48_000.into())
    );
    let sparse = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/family/sparse.safetensors");
    let found = folder
        .aeden(&format!("models --json {sparse}"))
        .quietly()
        .json_lines();
    assert_eq!(found[0]["code"], 128);
    let run = folder
        .aeden(&format!("models --json {}", fixture("small/small.safetensors")))
        .quietly();
    let found: Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!(
        (found["engine"].as_str(), found["rate"].as_u64()),
        (Some("native"), Some(16_000))
    );
    assert!(found["parameters"].as_u64().unwrap() > 1000);
}

#[test]
fn silence_and_nothing_can_be_inspected() {
    let folder = Folder::new();
    folder.write(
        "silence.wav",
        &riff(&[fmt(1, 2, 8_000, 16), chunk(b"data", &[0; 64_000])]),
    );
    folder.write("nothing.wav", &noise_file(2, 8_000, 0));
    folder.aeden("inspect silence.wav nothing.wav").quietly();
    let run = folder.aeden("inspect silence.wav nothing.wav --json").quietly();
    let lines = run.json_lines();
    assert!(lines[0]["loudness_lufs"].is_null() && lines[0]["true_peak_dbtp"].is_null());
    assert!(lines[1]["noise_floor_dbfs"].is_null());
}

#[test]
fn the_plot_is_a_picture_in_which_a_tone_is_where_its_frequency_is() {
    let folder = Folder::new();
    // A tone in the second half only.
    let samples: Vec<f32> = (0..96_000)
        .map(|i| {
            if i < 48_000 {
                0.0
            } else {
                0.5 * (i as f32 * 2000.0 * std::f32::consts::TAU / 48_000.0).sin()
            }
        })
        .collect();
    folder.write(
        "in.wav",
        &riff(&[fmt(1, 1, 48_000, 16), chunk(b"data", &pcm16(&samples))]),
    );
    folder.aeden("clean in.wav --plot p.png --mix 0").quietly();
    let file = std::io::BufReader::new(std::fs::File::open(folder.path("p.png")).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    reader.next_frame(&mut pixels).unwrap();
    let brightness = |x: usize, y: usize| {
        pixels[(y * width + x) * 3..][..3]
            .iter()
            .map(|&c| u32::from(c))
            .sum::<u32>()
    };
    // The upper third holds the picture before cleaning; the brightest row of a column three quarters along the time
    // axis is that of 2 kHz, 0.379 of the way up on the mel scale to 24 kHz.
    let (left, right) = (90, 1090);
    let column = |share: f32| left + ((right - left) as f32 * share) as usize;
    let rows = 40..280;
    let brightest = rows.clone().max_by_key(|&y| brightness(column(0.75), y)).unwrap();
    let place = (280.0 - brightest as f32) / 240.0;
    assert!((place - 0.379).abs() < 0.02, "{place}");
    assert!(
        rows.clone().all(|y| brightness(column(0.25), y) < 100),
        "silence is dark"
    );
    assert!(height > 3 * 240);
}
