//! The plugin as a program of its own.

#[path = "../../../../tests/servers/jack.rs"]
mod jack_server;

use crate::bundles::built;
use crate::daws::{in_repository, python_with, read, recording, succeed, write};
use crate::screen::Screen;
use crate::sound::{cleaned, library};
use jack_server::Jack;
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
        &["--sample-rate", "fast"],
        &["--louder"],
    ] {
        let output = Command::new(&program).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(
            said.contains(arguments[arguments.len() - 1]),
            "{arguments:?}: {said}"
        );
    }
}
