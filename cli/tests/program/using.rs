//! What a user meets: hints that help, options that say when they do not apply, words that fit their numbers.

use crate::media::ffmpeg;
use crate::recordings::{Folder, Run, noise_file, send};

fn with_input() -> Folder {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 16_000, 8_000));
    folder
}

#[test]
fn advice_is_about_options_that_there_are() {
    let folder = with_input();
    folder.write("page.html", b"mine");
    for arguments in ["report in.wav -o page.html", "map in.wav -o page.html"] {
        let said = folder.aeden(arguments).stderr();
        assert!(
            said.contains("-y replaces it") && !said.contains("--skip-existing"),
            "{said}"
        );
    }
    // A value is never advised to be a name of a file.
    for (arguments, part) in [
        ("clean in.wav --limit -3", "decibels from 0 to 100"),
        ("clean in.wav --limit -3dB", "decibels from 0 to 100"),
        ("clean in.wav --mix -0.5", "from 0 to 1"),
        ("clean in.wav --loudness -16LUFS", "'keep', or a number of LUFS"),
        ("clean in.wav --jobs -2", "from 1 to 1024"),
        ("clean in.wav --jobs 0", "from 1 to 1024"),
        ("report in.wav --excerpt -1", "seconds"),
        ("live --limit -3", "decibels from 0 to 100"),
    ] {
        let run = folder.aeden(arguments);
        let said = run.stderr();
        assert_eq!(run.status(), 2, "{said}");
        assert!(
            said.contains(part) && !said.contains("-- -") && !said.contains("..="),
            "{said}"
        );
    }
    for arguments in ["in.wav", "no-such.mp3"] {
        let run = folder.aeden(arguments);
        assert_eq!(run.status(), 2);
        assert!(
            run.stderr().contains(&format!("aeden clean {arguments}")),
            "{}",
            run.stderr()
        );
    }
    assert!(!folder.aeden("cleen").stderr().contains("aeden clean cleen"));
    assert_eq!(folder.names(), ["in.wav", "page.html"]);
}

#[test]
fn options_that_do_not_apply_say_so() {
    let folder = with_input();
    folder.aeden("clean in.wav out.flac").quietly();
    for input in ["in.wav", "out.flac"] {
        folder
            .aeden(&format!("clean {input} a.wav --track 2"))
            .failed(1, "leave out --track");
    }
    folder.aeden("clean in.wav a.wav --track 1").quietly();
    folder
        .aeden("clean in.wav b.flac --bits 32f")
        .warned("--bits 32f does not apply");
    folder.aeden("clean in.wav b.flac -y --bits 24").quietly();
    folder.aeden("clean in.wav - --verify").failed(2, "--verify");
    folder
        .aeden("clean - --template {stem}.wav")
        .failed(2, "--template");
    if ffmpeg::is_here() && ffmpeg::encodes("libvorbis") {
        folder
            .aeden("clean in.wav c.ogg --bits 24")
            .warned("--bits 24 does not apply");
        folder.aeden("clean in.wav c.ogg -y").quietly();
    }
}

#[test]
fn a_folder_s_outputs_can_stand_beside_the_inputs() {
    let folder = with_input();
    for name in ["day/a.wav", "day/deep/b.WAV"] {
        folder.write(name, &folder.read("in.wav"));
    }
    folder.aeden("clean day --beside -q").quietly();
    assert!(folder.path("day/a.clean.wav").exists() && folder.path("day/deep/b.clean.WAV").exists());
    // They are no inputs the next time.
    folder.aeden("clean day --beside --skip-existing -q").quietly();
    folder
        .aeden("clean day/*.wav --beside --skip-existing -q")
        .quietly();
    folder.aeden("clean day --beside -q -y --mix 0").quietly();
    assert!(folder.read("day/a.clean.wav") == folder.read("day/a.wav"));
    assert!(!folder.path("day/a.clean.clean.wav").exists());
    folder
        .aeden("clean day --beside --template {stem}_new.{ext} -q")
        .quietly();
    assert!(folder.path("day/a_new.wav").exists() && folder.path("day/deep/b_new.WAV").exists());
    folder.aeden("clean in.wav day/a.wav --beside -q -y").quietly();
    assert!(folder.path("in.clean.wav").exists());
    folder.aeden("clean day").failed(2, "--beside");
    folder
        .aeden("clean day -o out --beside")
        .failed_usage("cannot be used with");
}

#[test]
fn folders_are_inspected_and_a_proof_is_told() {
    let folder = with_input();
    folder.write("day/deep/a.wav", &folder.read("in.wav"));
    folder.write("day/b.wav", b"RIFF");
    let run = folder.aeden("inspect day in.wav --json");
    assert_eq!(run.status(), 1);
    let files: Vec<_> = run.json_lines().iter().map(|line| line["file"].clone()).collect();
    assert_eq!(files, ["day/deep/a.wav", "in.wav"]);
    assert!(run.stderr().contains("day/b.wav"), "{}", run.stderr());
    let said = folder.aeden("inspect in.wav").quietly().stdout();
    assert!(said.contains("1 channel\n"), "{said}");

    let said = folder.aeden("clean in.wav out.wav --verify").quietly().stdout();
    assert!(
        said.contains("in.wav -> out.wav") && said.contains("proved: 1 cleaned track"),
        "{said}"
    );
    assert_eq!(
        folder.aeden("clean in.wav a.wav --verify -q").quietly().stdout(),
        ""
    );
    assert_eq!(folder.aeden("clean in.wav b.wav").quietly().stdout(), "");
}

#[test]
fn every_built_in_model_is_listed_and_every_kind_of_file_described() {
    let folder = Folder::new();
    let models = folder.aeden("models --json").quietly().json_lines();
    let used: Vec<&str> = models
        .iter()
        .filter_map(|model| model["commands"].as_str())
        .collect();
    for command in ["clean", "find", "map", "detect", "repair", "roomtone", "encode"] {
        assert!(
            used.iter().any(|used| used.contains(command)),
            "{command}: {used:?}"
        );
    }
    let family = format!("{}/../models/family", env!("CARGO_MANIFEST_DIR"));
    let found = folder
        .aeden(&format!(
            "models --json {family}/sparse.safetensors {family}/repair.safetensors"
        ))
        .quietly()
        .json_lines();
    assert_eq!(
        (found[0]["kind"].as_str(), found[1]["kind"].as_str()),
        (Some("sparse-kl"), Some("denoising-l2"))
    );
}

#[test]
fn watching_without_a_terminal_tells_of_every_file() {
    let folder = Folder::new();
    for name in ["in/a.wav", "in/b.wav"] {
        folder.write(name, &noise_file(1, 16_000, 8_000));
    }
    let child = folder
        .command("clean --watch in -o out --settle 0.2".split(' '))
        .spawn()
        .unwrap();
    let start = std::time::Instant::now();
    while !(folder.path("out/a.wav").exists() && folder.path("out/b.wav").exists()) {
        assert!(start.elapsed().as_secs() < 120);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    send(&child, "INT");
    let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    for name in ["in/a.wav -> out/a.wav: 0.5 s", "in/b.wav -> out/b.wav: 0.5 s"] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn alone_it_says_what_to_do_first() {
    let folder = with_input();
    let run = Run(folder.command([] as [&str; 0]).output().unwrap());
    assert_eq!(run.status(), 2);
    for command in [
        "aeden demo",
        "aeden clean talk.wav",
        "aeden live --virtual-mic",
        "aeden --help",
    ] {
        assert!(run.stderr().contains(command), "{}", run.stderr());
    }
    assert!(run.stderr().lines().count() < 10, "{}", run.stderr());
}

#[test]
fn the_demo_makes_a_noisy_recording_and_cleans_it_in_every_quality() {
    let folder = with_input();
    folder.aeden("demo").quietly();
    let demo = folder.path("aeden-demo");
    let mut names: Vec<_> = std::fs::read_dir(&demo)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["best.wav", "high.wav", "light.wav", "noisy.wav", "report.html"]
    );
    let floor = |name: &str| {
        let run = folder.aeden(&format!("inspect --json aeden-demo/{name}"));
        let said: serde_json::Value = serde_json::from_str(&run.stdout()).unwrap();
        said["noise_floor_dbfs"].as_f64().unwrap()
    };
    for name in ["best.wav", "high.wav", "light.wav"] {
        assert!(floor(name) < floor("noisy.wav") - 20.0, "{name}");
    }
    // A second run replaces nothing unless it is told to, and then makes the same.
    folder.aeden("demo").failed(1, "aeden-demo/noisy.wav");
    let first = std::fs::read(demo.join("high.wav")).unwrap();
    folder.aeden("demo -y").quietly();
    assert!(first == std::fs::read(demo.join("high.wav")).unwrap());
}
