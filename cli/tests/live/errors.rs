//! What keeps sound from flowing is said in one line, with what to do.

use crate::server::{Kind, Server};
use std::process::{Command, Output, Stdio};

fn failed(output: &Output, status: i32, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "no {word:?} in {said:?}");
    }
}

#[test]
fn without_a_server_it_says_how_to_start_one() {
    for command in ["live --virtual-mic", "devices"] {
        let output = Command::new(env!("CARGO_BIN_EXE_aeden"))
            .args(command.split(' '))
            .args(["--system", "pulseaudio"])
            .env("PULSE_SERVER", "unix:/nowhere/native")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        failed(&output, 4, &["/nowhere/native", "systemctl --user start"]);
    }
}

#[test]
fn a_server_on_another_machine_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_aeden"))
        .args(["devices", "--system", "pulseaudio"])
        .env("PULSE_SERVER", "tcp:example.org")
        .output()
        .unwrap();
    failed(&output, 4, &["another machine"]);
}

#[test]
fn unknown_devices_systems_and_mixtures_are_refused() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    failed(
        &server.aeden("live --input pulseaudio:nowhere"),
        2,
        &["input", "nowhere", "aeden devices"],
    );
    failed(&server.aeden("live --output nowhere"), 2, &["output", "nowhere"]);
    failed(
        &server.aeden("live --system cassette"),
        2,
        &["cassette", "pulseaudio"],
    );
    failed(
        &server.aeden("live --record /nowhere/talk.wav"),
        1,
        &["/nowhere/talk.raw.wav", "no such"],
    );
    failed(
        &server.aeden("live --model /nowhere.safetensors"),
        3,
        &["nowhere"],
    );
}

#[test]
fn the_service_runs_this_command_at_login() {
    let folder = tempfile::TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_aeden"))
        .args(["live", "--virtual-mic", "--limit", "20", "--install-service"])
        .env("XDG_CONFIG_HOME", folder.path())
        .env_remove("XDG_RUNTIME_DIR")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let unit = std::fs::read_to_string(folder.path().join("systemd/user/aeden-live.service")).unwrap();
    let command = format!(
        "ExecStart=\"{}\" \"live\" \"--virtual-mic\" \"--limit\" \"20\"",
        env!("CARGO_BIN_EXE_aeden")
    );
    assert!(unit.contains(&command), "{unit}");
    assert!(unit.contains("WantedBy=default.target"));
}
