//! Scenes that a stranger plays from the pages alone.
//!
//! Elsewhere: the podcaster in Chromium (`web/test/podcaster.test.mjs`), the embedder in C (`c/tests/library/embedder.rs`), the data
//! engineer with Ray (`scale/test_page.py`).

use crate::markdown;
use crate::scene::{Scene, decoded, levels, shell, typed};
use crate::sound_server::{Kind, Process, Server, wait_for};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

#[test]
fn the_first_ten_minutes() {
    if is_missing("ffmpeg") {
        return;
    }
    let scene = stranger();
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
    let scene = stranger();
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
    let scene = stranger();
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
    let scene = stranger();
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

/// Makes a clean microphone, records what others hear of it, and looks at both recordings. A loudspeaker beside the microphone plays
/// noisy speech all the time.
#[test]
fn the_streamer() {
    if is_missing("ffmpeg") {
        return;
    }
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let scene = stranger();
    let [started, recorded, looked] = &typed("docs/live.md")[..] else {
        panic!("the page has another course");
    };
    let _speech = play_for_ever(&server, "tests/fixtures/noisy.wav");
    let mut live = shell(started);
    scene.at_home(&mut live);
    let mut live = Terminal::run(at(&server, &mut live));
    wait_for("aeden microphone", || {
        assert!(live.is_running(), "{} has ended", started.text);
        let there = server.sources().iter().any(|source| source == "aeden_microphone");
        there.then_some(())
    });
    scene.ran(at(&server, &mut shell(recorded)));
    live.interrupt();
    assert!(!server.sources().iter().any(|source| source == "aeden_microphone"));
    scene.ran(&mut shell(looked));

    let [raw, clean, heard] =
        ["rehearsal.raw.wav", "rehearsal.clean.wav", "heard.wav"].map(|name| levels(&scene.file(name)));
    for (what, after) in [("cleaned", clean), ("heard", heard)] {
        assert!(after.pauses < raw.pauses - 12.0, "{what}: {raw:?}, {after:?}");
        assert!(
            (after.speech - raw.speech).abs() < 6.0,
            "{what}: {raw:?}, {after:?}"
        );
    }
}

/// A shell in a terminal of its own, with the programs that it runs.
struct Terminal(Child);

impl Terminal {
    fn run(shell: &mut Command) -> Self {
        Terminal(shell.process_group(0).stdout(Stdio::null()).spawn().unwrap())
    }

    fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Sends a signal to all that runs in it; `false` if nothing does.
    fn signal(&self, signal: &str) -> bool {
        let group = format!("-{}", self.0.id());
        let mut kill = Command::new("kill");
        kill.args(["-s", signal, "--", &group]).stderr(Stdio::null());
        kill.status().unwrap().success()
    }

    /// Presses Ctrl-C, which ends the shell too, and waits until nothing runs any more. The status of `aeden live` itself is a matter
    /// of `cli/tests/live`.
    fn interrupt(mut self) {
        assert!(self.signal("INT"));
        wait_for("end of the shell", || (!self.is_running()).then_some(()));
        wait_for("end of its programs", || (!self.signal("0")).then_some(()));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.signal("KILL");
        let _ = self.0.wait();
    }
}

/// A program that uses a sound server.
fn at<'a>(server: &Server, command: &'a mut Command) -> &'a mut Command {
    let of_server = server.command("true");
    let variables = of_server
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    command.envs(variables.filter(|(name, _)| *name != "HOME"))
}

/// Plays a recording again and again, where the server's microphone hears it.
fn play_for_ever(server: &Server, recording: &str) -> Process {
    let recording = markdown::root().join(recording);
    let again = format!(
        "while :; do paplay --device=bench --channel-map=front-left '{}'; done",
        recording.display()
    );
    let mut player = server.command("sh");
    player
        .args(["-c", &again])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Process(player.spawn().unwrap())
}

/// One who has the program.
fn stranger() -> Scene {
    Scene::new(&[Path::new(env!("CARGO_BIN_EXE_aeden")).parent().unwrap()])
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

/// Makes the films that README plays as their page says, and sees that those are what it has.
#[test]
fn the_films_to_hear() {
    if is_missing("ffmpeg") {
        return;
    }
    let scene = stranger();
    let root = markdown::root();
    std::fs::copy(root.join("tests/fixtures/noisy.wav"), scene.file("noisy.wav")).unwrap();
    scene.play("docs/sound/README.md");
    for name in ["noisy", "clean"] {
        let [made, kept] = [
            scene.file(&format!("{name}.mp4")),
            root.join(format!("docs/sound/{name}.mp4")),
        ];
        assert!(
            std::fs::metadata(&kept).unwrap().len() < 150_000,
            "{} is large",
            kept.display()
        );
        let [made, kept] = [made, kept].map(|film| decoded(&film));
        assert!(
            made.len().abs_diff(kept.len()) < 2048,
            "{} and {}",
            made.len(),
            kept.len()
        );
        // Another ffmpeg may code otherwise; sound of another program differs by far more.
        let energy = |sound: &mut dyn Iterator<Item = f32>| sound.map(|x| x * x).sum::<f32>();
        let apart = energy(&mut made.iter().zip(&kept).map(|(a, b)| a - b));
        let whole = energy(&mut kept.iter().copied());
        assert!(
            apart < 0.03 * whole,
            "{name}.mp4 is another sound: {apart} of {whole}"
        );
    }
}
