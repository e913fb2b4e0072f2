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
fn without_a_microphone_it_says_to_plug_one_in() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    for module in ["module-remap-sink", "module-remap-source", "module-null-sink"] {
        server.pactl(&["unload-module", module]);
    }
    for command in ["live", "live --virtual-mic"] {
        failed(
            &server.aeden(command),
            4,
            &["no input device", "plug one in", "aeden devices"],
        );
    }
    let list = server.aeden("devices");
    assert_eq!(list.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&list.stdout), "no devices\n");
}

#[test]
fn a_microphone_of_another_aeden_is_busy() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let _first = server.live("--virtual-mic");
    failed(
        &server.aeden("live --virtual-mic"),
        4,
        &["another aeden live (process", "busy", "close the program"],
    );
}

#[test]
fn a_server_of_another_user_s_denies() {
    // Only root can be somebody else; the user 65534 is nobody's.
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|id| id.stdout == b"0\n");
    if !is_root || Command::new("setpriv").arg("--version").output().is_err() {
        println!("skipped: only root, with setpriv, can try to be another user");
        return;
    }
    // This user may not even reach the program where it was built.
    let folder = tempfile::TempDir::new().unwrap();
    let aeden = folder.path().join("aeden");
    std::fs::copy(env!("CARGO_BIN_EXE_aeden"), &aeden).unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for command in ["live --virtual-mic", "devices"] {
        let output = server
            .command("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(&aeden)
            .args(command.split(' '))
            .args(["--system", "pulseaudio"])
            .output()
            .unwrap();
        failed(&output, 4, &["permission denied", "group `audio`"]);
    }
}

#[test]
fn a_server_that_dies_is_said_and_waited_for() {
    let Some(mut server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let mut live = server.live("--virtual-mic");
    server.stop();
    live.until("waiting", |status| status["running"] == false);
    let (status, said) = live.end("TERM");
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("waiting for it to come back"), "{said}");
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
fn alone_it_says_that_the_microphone_is_played() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let (status, said) = server.live("").end("TERM");
    assert_eq!(status, Some(0), "{said}");
    for part in ["is played on this output", "headphones", "--virtual-mic"] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    let (_, said) = server.live("--virtual-mic").end("TERM");
    assert!(!said.contains("headphones") && said.contains("choose"), "{said}");
}

#[test]
fn the_service_runs_this_command_at_login() {
    let folder = tempfile::TempDir::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_aeden"))
        .args(["live", "--virtual-mic", "--limit", "20", "--install-service"])
        .env("XDG_CONFIG_HOME", folder.path())
        .env_remove("XDG_RUNTIME_DIR")
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
        .output()
        .unwrap();
    // Here nothing can be started, and that is said.
    failed(
        &output,
        1,
        &[
            "aeden-live.service",
            "nothing has been started",
            "systemctl --user enable",
        ],
    );
    let unit = std::fs::read_to_string(folder.path().join("systemd/user/aeden-live.service")).unwrap();
    let command = format!(
        "ExecStart=\"{}\" \"live\" \"--virtual-mic\" \"--limit\" \"20\"",
        env!("CARGO_BIN_EXE_aeden")
    );
    assert!(unit.contains(&command), "{unit}");
    assert!(unit.contains("WantedBy=default.target"));
}
