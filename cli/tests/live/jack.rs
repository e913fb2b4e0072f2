//! `aeden live` between the ports of a JACK server without hardware.

#[path = "../../../tests/servers/jack.rs"]
mod jack_server;

use crate::server::Live;
use crate::sound::{alike, clean, read, read_channels};
use jack_server::Jack;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn live(jack: &Jack) -> Live {
    Live::start(jack.command(env!("CARGO_BIN_EXE_aeden")), "--system jack")
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn what_goes_in_by_jack_comes_out_as_clean_makes_it() {
    let python = in_repository(".venv/bin/python");
    let has_jack = Command::new(&python)
        .args(["-c", "import jack, soundfile"])
        .output();
    if !has_jack.is_ok_and(|output| output.status.success()) {
        println!(
            "skipped: no JACK-Client in {}; `cargo xtask setup` installs it",
            python.display()
        );
        return;
    }
    let Some(jack) = Jack::start("sound", 48_000, 480) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let noisy = in_repository("tests/fixtures/noisy.wav");
    let recording = folder.path().join("heard.wav");
    let mut live = live(&jack);
    let Output { status, stderr, .. } = jack
        .command(python.to_str().unwrap())
        .arg(in_repository("cli/tests/python/play_and_record_in_jack.py"))
        .args([&noisy, &recording])
        .output()
        .unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let [played, heard] = &read_channels(&recording)[..] else {
        panic!("two channels were to be recorded")
    };
    let sound = read(&noisy);
    assert!(played[..sound.len()] == sound);
    let status = live.status();
    let (code, said) = live.end("TERM");
    assert_eq!(code, Some(0), "{said}");
    alike(heard, &clean(folder.path(), &noisy)).assert_explained_by(&status, "JACK");
}

#[test]
fn a_jack_server_that_restarts_is_waited_for() {
    let Some(mut jack) = Jack::start("restart", 48_000, 480) else {
        return;
    };
    let mut live = live(&jack);
    jack.stop();
    live.until("waiting", |status| status["running"] == false);
    jack.run();
    live.until("running again", |status| status["running"] == true);
    let (code, said) = live.end("TERM");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn without_jack_it_says_how_to_start_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_aeden"))
        .args(["live", "--system", "jack"])
        .env("JACK_DEFAULT_SERVER", "aeden-nowhere")
        .env("JACK_NO_START_SERVER", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("jackd -d alsa"), "{said}");
}
