//! The plugin as a program of its own.

use crate::bundles::built;
use crate::screen::Screen;
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
