//! Scenes that a stranger plays from the pages alone: blocks marked `sh run` are typed as they stand, in a folder of their own.
//!
//! Elsewhere: the podcaster in Chromium (`web/test/page.test.mjs`), the streamer on sound servers (`cli/tests/live`), the embedder in C
//! (`c/tests`), the data engineer with Ray (`scale/test_clean.py`).

use crate::{markdown, shell};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn the_first_ten_minutes() {
    if is_missing("ffmpeg") {
        return;
    }
    let scene = Scene::new();
    scene.play("docs/start.md");
    let rate_and_samples = |name: &str| {
        let wav = hound::WavReader::open(scene.file(name)).unwrap();
        (wav.spec(), wav.duration())
    };
    let talk = rate_and_samples("talk.wav");
    for made in ["talk.clean.wav", "softer.wav", "podcast.wav", "cleaned/noisy.wav"] {
        assert_eq!(rate_and_samples(made), talk, "{made}");
    }
    assert_eq!(kinds_of_tracks(&scene.file("clean-film.mp4")), ["video", "audio"]);
    for page in ["aeden-demo/report.html", "report.html"] {
        let text = std::fs::read_to_string(scene.file(page)).unwrap();
        assert!(text.contains("noisy.wav"), "{page}");
    }
}

/// A film with three tracks, one with two languages, and a memo.
#[test]
fn the_film_editor() {
    if is_missing("ffmpeg") {
        return;
    }
    let scene = Scene::new();
    std::fs::write(
        scene.file("words.srt"),
        "1\n00:00:00,000 --> 00:00:01,500\nGood evening.\n",
    )
    .unwrap();
    let picture = "testsrc2=size=64x64:rate=25:duration=2";
    let (voice, noise) = (
        "sine=frequency=300:duration=2:sample_rate=48000",
        "anoisesrc=duration=2:sample_rate=48000:seed=1",
    );
    let sources = ["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", voice];
    let ffmpeg = |more: &[&str]| scene.ran(Command::new("ffmpeg").args(["-v", "error"]).args(more));
    ffmpeg(&[&sources[..], &["-i", "words.srt", "-c:s", "mov_text", "talk.mp4"]].concat());
    let both = ["-f", "lavfi", "-i", noise, "-map", "0", "-map", "1", "-map", "2"];
    ffmpeg(&[&sources[..], &both, &["-c:a", "flac", "film.mkv"]].concat());
    ffmpeg(&[&sources[4..], &["memo.m4a"]].concat());
    scene.play("docs/formats.md");
    for (film, kinds) in [
        ("talk.clean.mp4", &["video", "audio", "subtitle"][..]),
        ("out.mp4", &["video", "audio", "subtitle"]),
        ("out.mkv", &["video", "audio", "audio"]),
        ("memo.flac", &["audio"]),
    ] {
        assert_eq!(kinds_of_tracks(&scene.file(film)), kinds, "{film}");
    }
}

/// A folder of 200, and one page about them.
#[test]
fn the_archivist() {
    let scene = Scene::new();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut random = 1u32;
    for number in 0..200 {
        let folder = scene.file(&format!("recordings/box {}", number % 4));
        std::fs::create_dir_all(&folder).unwrap();
        let mut wav = hound::WavWriter::create(folder.join(format!("{number:03}.wav")), spec).unwrap();
        for i in 0..8_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let tone = (i as f32 * 0.1).sin() * 4_000.0;
            wav.write_sample(tone as i16 + (random >> 22) as i16).unwrap();
        }
        wav.finalize().unwrap();
    }
    scene.play("docs/command-line.md");
    let told = std::fs::read_to_string(scene.file("cleaned.jsonl")).unwrap();
    let page = std::fs::read_to_string(scene.file("report.html")).unwrap();
    assert_eq!(told.lines().count(), 200);
    for (number, line) in told.lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["status"], "cleaned", "{line}");
        let name = format!("box {}/{number:03}.wav", number % 4);
        let wav = hound::WavReader::open(scene.file(&format!("cleaned/{name}"))).unwrap();
        assert_eq!((wav.spec(), wav.duration()), (spec, 8_000), "{name}");
        assert!(page.contains(&format!("{number:03}.wav")), "{name}");
    }
}

/// Trains a network on a folder of their own, for a minute instead of hours, and cleans with it. `AEDEN_TORCH` names a Python that
/// has what `models/recipe/requirements.txt` asks for.
#[test]
fn the_researcher() {
    if std::env::var_os("AEDEN_TORCH").is_none() {
        println!("skipped: AEDEN_TORCH names no Python with PyTorch, in which a network could be trained");
        return;
    }
    if is_missing("espeak-ng") {
        return;
    }
    let scene = Scene::new();
    for file in std::fs::read_dir(markdown::root().join("models/recipe")).unwrap() {
        let file = file.unwrap();
        if file.file_type().unwrap().is_file() {
            std::fs::copy(file.path(), scene.file(&file.file_name().into_string().unwrap())).unwrap();
        }
    }
    for folder in ["SPEECH_DIR/mine", "NOISE_DIR/mine", "ROOMS_DIR", "bin"] {
        std::fs::create_dir_all(scene.file(folder)).unwrap();
    }
    // A link would hide from Python which environment it is of.
    let script = scene.file("bin/python");
    std::fs::write(&script, "#!/bin/sh\nexec \"$AEDEN_TORCH\" \"$@\"\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    for number in 1..=12 {
        let sentence = format!(
            "Sentence number {number}: the quick brown fox jumps over the lazy dog, and rests for a while in the shade of an old oak."
        );
        let voice = format!("en+{}{}", if number % 2 == 0 { "f" } else { "m" }, 1 + number % 4);
        let file = format!("SPEECH_DIR/mine/{number}.wav");
        scene.ran(Command::new("espeak-ng").args(["-v", &voice, "-w", &file, &sentence]));
        noise(
            &scene.file(&format!("NOISE_DIR/mine/{number}.wav")),
            number,
            8,
            0.0,
        );
    }
    noise(&scene.file("ROOMS_DIR/room.wav"), 99, 1, 15.0);
    std::fs::copy(
        markdown::root().join("tests/fixtures/noisy.wav"),
        scene.file("noisy.wav"),
    )
    .unwrap();
    let hours = "--hours 8 --processes 2";
    let text = std::fs::read_to_string(markdown::root().join("models/README.md")).unwrap();
    assert!(text.contains(hours), "the page trains for other hours");
    std::fs::write(scene.file("page.md"), text.replace(hours, "--hours 0.02")).unwrap();
    scene.play(scene.file("page.md"));
    let [noisy, clean] =
        ["noisy.wav", "clean.wav"].map(|name| hound::WavReader::open(scene.file(name)).unwrap());
    assert_eq!((noisy.spec(), noisy.duration()), (clean.spec(), clean.duration()));
}

/// White noise at 48 kHz, `seconds` long, that dies away by `decay` nepers a second.
fn noise(file: &Path, seed: u32, seconds: u32, decay: f32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(file, spec).unwrap();
    let mut random = seed;
    for i in 0..seconds * 48_000 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (random >> 16) as f32 / 65_536.0 - 0.5;
        wav.write_sample((white * 20_000.0 * (-decay * i as f32 / 48_000.0).exp()) as i16)
            .unwrap();
    }
    wav.finalize().unwrap();
}

/// A folder of its own, in which pages are played.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        Scene(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Types every block of a page that is marked `sh run`.
    fn play(&self, page: impl AsRef<Path>) {
        let page = page.as_ref();
        let text = std::fs::read_to_string(markdown::root().join(page)).unwrap();
        let blocks: Vec<_> = shell::blocks(&text)
            .into_iter()
            .filter(|block| block.language == "sh run")
            .collect();
        assert!(!blocks.is_empty(), "{} has no block to run", page.display());
        for block in blocks {
            self.ran(Command::new("sh").args(["-euc", &block.text]));
        }
    }

    /// Runs a program here, with the program under test on the path, and nothing of the user's.
    fn ran(&self, command: &mut Command) {
        let aeden = Path::new(env!("CARGO_BIN_EXE_aeden")).parent().unwrap();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [self.file("bin"), aeden.to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&path));
        let run = command
            .current_dir(self.0.path())
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.0.path())
            .env_remove("AEDEN_CONFIG")
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{command:?}: {}\n{said}", run.status);
    }
}

/// Whether a program is missing, which is then said.
fn is_missing(program: &str) -> bool {
    let run = Command::new(program)
        .arg("-version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let missing = run.is_err();
    if missing {
        println!("skipped: this scene needs {program}");
    }
    missing
}

/// The kinds of all tracks of a film, in their order.
fn kinds_of_tracks(film: &Path) -> Vec<String> {
    let run = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "stream=codec_type",
            "-of",
            "csv=p=0",
        ])
        .arg(film)
        .output()
        .unwrap();
    let kinds = String::from_utf8(run.stdout).unwrap();
    kinds
        .lines()
        .map(|kind| kind.trim_end_matches(',').to_owned())
        .filter(|kind| !kind.is_empty())
        .collect()
}
