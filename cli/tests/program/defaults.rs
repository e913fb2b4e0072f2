//! Presets, names of outputs, and defaults from a file.

use crate::recordings::{Folder, noise_file};
use aeden::presets::{PRESETS, TRANSCRIPTION};

fn with_input() -> Folder {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(2, 16_000, 8_000));
    folder
}

/// What `arguments` make of the input.
fn cleaned(folder: &Folder, arguments: &str) -> Vec<u8> {
    folder
        .aeden(format!("clean in.wav out.wav -y -q {arguments}").trim_end())
        .quietly();
    folder.read("out.wav")
}

#[test]
fn every_preset_of_the_plugin_is_one_of_the_command_line() {
    let folder = with_input();
    for preset in PRESETS {
        let limit = preset
            .attenuation_limit()
            .map_or(String::new(), |limit| format!("--limit {limit}"));
        let channels = if preset.link { "linked" } else { "independent" };
        let spelt_out = format!("--mix {} --channels {channels} {limit}", preset.mix);
        let name = preset.name.to_lowercase();
        let named = cleaned(&folder, &format!("--preset {name}"));
        assert!(named == cleaned(&folder, spelt_out.trim_end()), "{name}");
    }
    let preset_changed = cleaned(&folder, "--preset gentle --limit 0");
    assert!(
        preset_changed == folder.read("in.wav"),
        "an option beside the preset wins"
    );
    let run = folder.aeden("clean in.wav out.wav -y --preset loud");
    assert_eq!(run.status(), 2);
    assert!(run.stderr().contains("podcast"), "{}", run.stderr());
}

#[test]
fn bands_limit_by_frequency() {
    let folder = with_input();
    let plain = cleaned(&folder, "");
    let shaped = cleaned(&folder, "--bands 0:3,2000:30");
    assert!(shaped != plain);
    // Equal nodes are a limit, but for the last bit of a sample.
    let samples = |file: &[u8]| -> Vec<i16> {
        file[44..]
            .chunks_exact(2)
            .map(|b| i16::from_le_bytes([b[0], b[1]]))
            .collect()
    };
    let (limit, equal) = (
        cleaned(&folder, "--limit 12"),
        cleaned(&folder, "--bands 100:12,900:12"),
    );
    let pairs = samples(&limit).into_iter().zip(samples(&equal));
    assert!(pairs.clone().count() > 1000);
    assert!(pairs.clone().all(|(a, b)| a.abs_diff(b) <= 1));
    assert!(limit != plain);
    for untouched in ["--bands 0:0", "--bands 50:0,8000:0"] {
        assert!(
            cleaned(&folder, untouched) == folder.read("in.wav"),
            "{untouched}"
        );
    }
    folder.write("shape.toml", b"bands = \"0:3,2000:30\"\n");
    assert!(cleaned(&folder, "--config shape.toml") == shaped);
    for (wrong, says) in [
        ("300", "hertz and decibels"),
        ("", "hertz and decibels"),
        ("300:101", "0 to 100 dB"),
        ("300:-1", "0 to 100 dB"),
        ("-3:1", "0 to 96000 Hz"),
        ("300:1,200:2", "must rise"),
        ("1:1,2:1,3:1,4:1,5:1,6:1,7:1", "at most 6"),
        ("300:NaN", "0 to 100 dB"),
    ] {
        let run = folder
            .command(["clean", "in.wav", "out.wav", "-y", "--bands", wrong])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(2), "{wrong}: {said}");
        assert!(
            said.contains(says) && !said.contains("panicked"),
            "{wrong}: {said}"
        );
    }
}

#[test]
fn a_purpose_is_settings_with_a_name() {
    let folder = with_input();
    let purpose = cleaned(&folder, "--for transcription");
    let limit = TRANSCRIPTION.strength;
    let spelt_out = format!("--limit {limit} --mix {} --channels linked", TRANSCRIPTION.mix);
    assert!(purpose == cleaned(&folder, &spelt_out));
    assert!(purpose != cleaned(&folder, ""));
    assert!(
        cleaned(&folder, "--for transcription --limit 0") == folder.read("in.wav"),
        "an option beside it wins"
    );
    folder.write("other.toml", b"limit = 0.0\npreset = \"gentle\"\n");
    assert!(purpose == cleaned(&folder, "--config other.toml --for transcription"));
    folder.write("default.toml", b"for = \"transcription\"\n");
    assert!(purpose == cleaned(&folder, "--config default.toml"));
    folder
        .aeden("clean in.wav out.wav --for cinema")
        .failed_usage("transcription");
    folder
        .aeden("clean in.wav out.wav --for transcription --preset gentle")
        .failed_usage("--preset");
}

#[test]
fn defaults_come_from_a_file_and_options_win() {
    let folder = with_input();
    let (plain, gentle) = (cleaned(&folder, ""), cleaned(&folder, "--preset gentle"));
    assert!(plain != gentle);
    folder.write(
        ".config/aeden/config.toml",
        b"preset = \"gentle\"\njobs = 1\nquiet = true\n",
    );
    assert!(cleaned(&folder, "") == gentle);
    assert!(cleaned(&folder, "--no-config") == plain);
    assert!(cleaned(&folder, "--preset stream") == plain);
    folder.write("other.toml", b"limit = 0.0\n");
    assert!(cleaned(&folder, "--config other.toml") == folder.read("in.wav"));
    // A preset that is typed settles what a preset settles.
    assert!(cleaned(&folder, "--config other.toml --preset gentle") == gentle);
    // Commands without defaults of their own do not mind.
    folder.aeden("inspect in.wav").quietly();
}

#[test]
fn a_switch_in_the_file_gives_way_to_its_opposite() {
    let folder = with_input();
    folder.write("out.wav", b"the one before");
    folder.write(".config/aeden/config.toml", b"skip-existing = true\n");
    folder.aeden("clean in.wav out.wav").quietly();
    assert_eq!(folder.read("out.wav"), b"the one before");
    folder.aeden("clean in.wav out.wav -y").quietly();
    assert!(folder.read("out.wav") != b"the one before");
}

#[test]
fn what_is_wrong_in_the_file_is_said_with_a_hint() {
    let folder = with_input();
    for (text, hint) in [
        ("limt = 20", "did you mean \"limit\"?"),
        ("colour = 3", "there are preset, limit"),
        ("limit = \"loud\"", "limit: invalid value 'loud'"),
        ("limit = [1]", "one text or number"),
        ("quiet = 3", "true or false"),
        ("preset = \"gentle\"\nlimit = = 3", "line 2"),
    ] {
        folder.write("c.toml", text.as_bytes());
        folder
            .aeden("clean in.wav out.wav --config c.toml")
            .failed(2, hint);
        folder
            .aeden("clean in.wav out.wav --config c.toml")
            .failed(2, "c.toml");
    }
    folder
        .aeden("clean in.wav out.wav --config missing.toml")
        .failed(2, "missing.toml: no such file");
    assert!(!folder.path("out.wav").exists());
}

#[test]
fn outputs_are_named_by_a_template() {
    let folder = Folder::new();
    for name in ["day/one/a.wav", "day/b.wav"] {
        folder.write(name, &noise_file(1, 8_000, 800));
    }
    let clean = |arguments: &[&str]| {
        let output = folder
            .command([&["clean", "-q"], arguments].concat())
            .output()
            .unwrap();
        crate::recordings::Run(output)
    };
    clean(&["day", "-o", "out", "--template", "{dir}/{stem}_clean.{ext}"]).quietly();
    assert!(folder.path("out/one/a_clean.wav").exists() && folder.path("out/b_clean.wav").exists());
    clean(&[
        "day/one/a.wav",
        "day/b.wav",
        "--template",
        "{parent}-{stem}.{ext}",
    ])
    .quietly();
    assert!(folder.path("day/one/one-a.wav").exists() && folder.path("day/day-b.wav").exists());
    clean(&["day/b.wav", "--template", "{name}.wav"]).failed_usage("{stem}");
    clean(&["day", "--template", "{stem}.x.wav"]).failed(2, "add -o DIR");
    // Two inputs with one name for their outputs.
    clean(&[
        "day/one/a.wav",
        "day/b.wav",
        "-o",
        "out",
        "--template",
        "{ext}.wav",
    ])
    .failed(1, "written already");
}
