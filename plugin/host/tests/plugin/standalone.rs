//! The plugin as a program of its own.

#[path = "../../../../tests/servers/jack.rs"]
mod jack_server;
#[path = "../../../../tests/servers/sound.rs"]
mod sound_server;

use crate::bundles::built;
use crate::daws::{in_repository, python_with, read, recording, succeed, write};
use crate::screen::Screen;
use crate::sound::{cleaned, library};
use jack_server::Jack;
use sound_server::{Kind, Server, wait_for};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long something may take that takes a moment, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Ends with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_opens_its_window_without_a_sound_system_and_runs_until_it_is_ended() {
    let Some(program) = built("aeden-standalone", "aeden-plugin --features standalone") else {
        return;
    };
    let Some(screen) = Screen::new() else { return };
    let empty = screen.colours();
    let mut program = Program(
        Command::new(program)
            .args([
                "--backend",
                "dummy",
                "--sample-rate",
                "44100",
                "--period-size",
                "480",
            ])
            .env("DISPLAY", screen.display())
            .stdin(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let start = Instant::now();
    while screen.colours() < empty + 100 {
        assert!(program.0.try_wait().unwrap().is_none(), "it has ended by itself");
        assert!(
            start.elapsed() < PATIENCE,
            "no editor: {} colours",
            screen.colours()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("{} colours, {empty} without it", screen.colours());
    assert!(program.0.try_wait().unwrap().is_none(), "it has ended by itself");
}

#[test]
fn between_the_ports_of_a_jack_server_it_sounds_as_the_library() {
    let Some(program) = built("aeden-standalone", "aeden-plugin --features standalone") else {
        return;
    };
    let Some(screen) = Screen::new() else { return };
    for rate in [48_000, 44_100] {
        // Blocks of 80 ms, so that the sound begins with a hop of 16 ms, and with a block of the resampler (147 of 44.1 kHz).
        let Some(python) = python_with("jack") else { return };
        on_jack(rate, rate * 2 / 25, &program, python, &screen);
    }
}

fn on_jack(rate: u32, block: u32, program: &Path, mut python: Command, screen: &Screen) {
    let Some(jack) = Jack::start("standalone", rate, block) else {
        return;
    };
    let mut standalone = Command::new(program);
    jack.lead(&mut standalone);
    standalone
        .args(["--backend", "jack"])
        .env("DISPLAY", screen.display());
    let _program = Program(standalone.spawn().unwrap());

    let folder = tempfile::tempdir().unwrap();
    let (played, heard) = (folder.path().join("played.wav"), folder.path().join("heard.wav"));
    let sound = recording();
    write(&played, rate, std::slice::from_ref(&sound));
    jack.lead(&mut python);
    python
        .arg(in_repository("cli/tests/python/play_and_record_in_jack.py"))
        .args([&played, &heard])
        .args(["^aeden:input", "2", "^aeden:output"]);
    succeed(&mut python);

    let [played, heard] = &read(&heard)[..] else {
        panic!("two channels were to be recorded")
    };
    assert!(played[..sound.len()] == sound);
    // Both of the program's inputs are given the sound, as a stereo file would.
    let expected = cleaned(&mut library(rate, 2), &[sound.clone(), sound]);
    // A block later for each client that it goes through.
    let same = |delay: usize| heard[delay..].iter().zip(&expected[0]).all(|(a, b)| a == b);
    let delay = (0..100)
        .map(|blocks| (block * blocks) as usize)
        .find(|&delay| same(delay));
    println!("{rate} Hz: delay {delay:?} beside the denoiser's own");
    assert!(delay.is_some(), "{rate} Hz: the sound is another");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let Some(program) = built("aeden-standalone", "aeden-plugin --features standalone") else {
        return;
    };
    for arguments in [
        &["--backend", "cassette"][..],
        &["--backend", "dummy", "--sample-rate", "fast"],
        &["--system", "cassette"],
        &["--virtual-mic", "--output", "pulseaudio:out"],
        &["--louder"],
    ] {
        let output = Command::new(&program).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(
            arguments.iter().any(|argument| said.contains(argument)),
            "{arguments:?}: {said}"
        );
    }
}

/// What a source gives while a recording is played into the room, at 48 kHz.
fn heard_while_played(server: &Server, source: &str, sound: &[f32]) -> Vec<f32> {
    let heard = server.folder().join("heard.raw");
    let raw = ["--raw", "--rate=48000", "--channels=1", "--format=float32le"];
    let mut recorder = server.command("parec");
    recorder.args(raw).arg("-d").arg(source);
    recorder.stdout(std::fs::File::create(&heard).unwrap());
    let recorder = Program(recorder.spawn().unwrap());
    wait_for("sound", || {
        (heard.metadata().unwrap().len() > 48_000).then_some(())
    });
    let mut player = server.command("pacat");
    player
        .args(["--playback", "-d", "bench"])
        .args(raw)
        .args(["--channel-map=front-left"]);
    let mut player = player.stdin(Stdio::piped()).spawn().unwrap();
    let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    player.stdin.take().unwrap().write_all(&bytes).unwrap();
    assert!(player.wait().unwrap().success());
    std::thread::sleep(Duration::from_secs(1));
    drop(recorder);
    let bytes = std::fs::read(&heard).unwrap();
    bytes
        .chunks_exact(4)
        .map(|sample| f32::from_le_bytes(sample.try_into().unwrap()))
        .collect()
}

/// Levels in dB of what is quiet and of what is loud in a sound: of its pieces of 50 ms, one in four and nineteen in twenty are lower.
fn quiet_and_loud(sound: &[f32]) -> [f64; 2] {
    let level = |piece: &[f32]| piece.iter().map(|x| f64::from(x * x)).sum::<f64>() / piece.len() as f64;
    let mut levels: Vec<f64> = sound.chunks_exact(2400).map(level).collect();
    levels.sort_by(f64::total_cmp);
    [0.25, 0.95].map(|share| 10.0 * (levels[(share * levels.len() as f64) as usize] + 1e-12).log10())
}

#[test]
fn it_cleans_the_microphone_that_is_chosen_in_its_window_and_outlasts_the_sound_server() {
    let Some(program) = built("aeden-standalone", "aeden-plugin --features standalone") else {
        return;
    };
    if Command::new("xdotool").arg("version").output().is_err() {
        println!("skipped: no xdotool; `cargo xtask setup` installs it");
        return;
    }
    let Some(screen) = Screen::new() else { return };
    let Some(mut server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let kept = server.folder().join("kept.json");
    let start = || {
        let mut command = server.command(program.to_str().unwrap());
        command
            .env("DISPLAY", screen.display())
            .env("AEDEN_STANDALONE", &kept);
        Program(command.spawn().unwrap())
    };
    let mut running = start();
    let microphone = "aeden_microphone".to_owned();
    wait_for("virtual microphone", || {
        server.sources().contains(&microphone).then_some(())
    });

    // A new one lowers what it takes for noise by 18 dB at most.
    let sound = recording();
    let heard = heard_while_played(&server, &microphone, &sound);
    let first = heard.iter().position(|sample| sample.abs() > 1e-4).unwrap();
    let heard = &heard[first..][..sound.len()];
    let [[quiet, loud], [quiet_before, loud_before]] = [quiet_and_loud(heard), quiet_and_loud(&sound)];
    println!("quiet {quiet_before:.1} -> {quiet:.1} dB, loud {loud_before:.1} -> {loud:.1} dB");
    assert!(quiet < quiet_before - 6.0 && quiet > quiet_before - 24.0);
    assert!((loud - loud_before).abs() < 3.0);

    // The default output, third from below of four, instead of the virtual microphone.
    let xdotool = |arguments: &[&str]| {
        let mut command = Command::new("xdotool");
        succeed(command.args(arguments).env("DISPLAY", screen.display()))
    };
    let window = wait_for("window", || {
        let found = Command::new("xdotool")
            .args(["search", "--onlyvisible", "--name", "^aeden$"])
            .env("DISPLAY", screen.display())
            .output()
            .unwrap();
        Some(String::from_utf8(found.stdout).ok()?.lines().last()?.to_owned())
    });
    let geometry = xdotool(&["getwindowgeometry", "--shell", &window]);
    let height: i32 = geometry
        .lines()
        .find_map(|line| line.strip_prefix("HEIGHT=")?.parse().ok())
        .unwrap();
    wait_for("another output", || {
        for above in [17, 17 + 98] {
            let y = (height - above).to_string();
            xdotool(&["mousemove", "--window", &window, "340", &y]);
            std::thread::sleep(Duration::from_millis(500));
            xdotool(&["click", "1"]);
            std::thread::sleep(Duration::from_millis(1500));
        }
        (!server.sources().contains(&microphone)).then_some(())
    });
    let plays = |server: &Server| server.pactl(&["list", "sink-inputs"]).contains("\"aeden");
    wait_for("sound on the default output", || plays(&server).then_some(()));

    server.stop();
    std::thread::sleep(Duration::from_secs(1));
    server.restart();
    wait_for("sound after the server came back", || {
        plays(&server).then_some(())
    });
    assert!(
        !server.sources().contains(&microphone),
        "the choice was forgotten"
    );

    let pid = running.0.id().to_string();
    succeed(Command::new("kill").args(["-TERM", &pid]));
    assert!(running.0.wait().unwrap().success());
    wait_for("end of its streams", || (!plays(&server)).then_some(()));
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(text.contains("\"output\": \"default\""), "{text}");
}
