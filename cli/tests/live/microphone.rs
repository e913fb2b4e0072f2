//! The virtual microphone, as other programs see and hear it.

use crate::server::{Kind, Process, Server, wait_for};
use crate::sound::{alike, clean, delay, from_bytes, read, to_bytes};
use std::fs::File;
use std::path::Path;
use std::process::Stdio;

/// What the virtual microphone leaves while it stands.
const PARTS: [&str; 2] = ["aeden_output.monitor", "aeden_microphone"];

fn stands(server: &Server) -> bool {
    let sources = server.sources();
    PARTS
        .iter()
        .all(|part| sources.iter().any(|source| source == part))
}

#[test]
fn it_appears_under_its_name_and_is_gone_after_ctrl_c_and_terminate() {
    for kind in [Kind::PulseAudio, Kind::PipeWire] {
        let Some(server) = Server::start(kind) else {
            continue;
        };
        for signal in ["INT", "TERM"] {
            let live = server.live("--virtual-mic");
            assert!(stands(&server), "{kind:?}");
            assert!(server.pactl(&["list", "sources"]).contains("aeden microphone"));
            let (status, said) = live.end(signal);
            assert_eq!(status, Some(0), "{kind:?}, {signal}: {said}");
            assert!(!stands(&server), "{kind:?}, {signal}");
        }
    }
}

#[test]
fn what_a_crash_leaves_is_removed_by_the_next_start_and_another_aeden_is_not_disturbed() {
    for kind in [Kind::PulseAudio, Kind::PipeWire] {
        let Some(server) = Server::start(kind) else {
            continue;
        };
        server.live("--virtual-mic").end("KILL");
        assert!(stands(&server), "{kind:?}");
        let live = server.live("--virtual-mic");
        let parts = server.sources().iter().filter(|s| PARTS.contains(&&***s)).count();
        assert_eq!(parts, 2, "{kind:?}");
        let second = server.aeden("live --virtual-mic");
        assert_eq!(second.status.code(), Some(4));
        let said = String::from_utf8_lossy(&second.stderr);
        assert!(said.contains("another aeden live"), "{said}");
        assert!(stands(&server), "{kind:?}");
        live.end("TERM");
    }
}

/// A second aeden must find the first one's microphone in use, however it is called and whatever processes it sees.
#[test]
fn a_microphone_is_in_use_whatever_the_other_program_is_called_and_wherever_it_runs() {
    for kind in [Kind::PulseAudio, Kind::PipeWire] {
        let Some(server) = Server::start(kind) else {
            continue;
        };
        let renamed = server.folder().join("noise-remover");
        std::fs::copy(env!("CARGO_BIN_EXE_aeden"), &renamed).unwrap();
        let mut first = server.live("--virtual-mic");
        let before = server.pactl(&["list", "short", "modules"]);
        let mut others = vec![server.command(renamed.to_str().unwrap())];
        let alone = ["--pid", "--fork", "--mount-proc"];
        let mut unshare = server.command("unshare");
        if unshare
            .args(alone)
            .arg("true")
            .status()
            .is_ok_and(|status| status.success())
        {
            let mut elsewhere = server.command("unshare");
            elsewhere.args(alone).arg(env!("CARGO_BIN_EXE_aeden"));
            others.push(elsewhere);
        } else {
            println!("skipped: no PID namespaces without root");
        }
        for mut other in others {
            let output = other.args(["live", "--virtual-mic"]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(4), "{kind:?}: {said}");
            assert!(said.contains("another aeden live"), "{kind:?}: {said}");
            assert_eq!(server.pactl(&["list", "short", "modules"]), before, "{kind:?}");
        }
        assert_eq!(first.status()["restarts"], 0);
    }
}

#[test]
fn its_own_virtual_microphone_is_never_the_input() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let mut live = server.live("--virtual-mic");
    server.pactl(&["set-default-source", "aeden_microphone"]);
    for _ in 0..3 {
        assert_eq!(live.status()["input"], "mic");
    }
}

#[test]
fn sound_goes_on_when_the_server_has_restarted_or_the_microphone_was_unplugged() {
    let Some(mut server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let mut live = server.live("--virtual-mic");
    server.stop();
    live.until("waiting", |status| status["running"] == false);
    server.restart();
    live.until("running again", |status| status["running"] == true);
    assert!(stands(&server));
    // Without its microphone it takes another one.
    server.pactl(&["unload-module", "module-remap-source"]);
    live.until("another input", |status| {
        status["running"] == true && status["input"] != "mic"
    });
}

#[test]
fn devices_are_listed_with_ids_that_can_be_used() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let list = String::from_utf8(server.aeden("devices --json").stdout).unwrap();
    let devices: Vec<serde_json::Value> = list
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let default = |direction: &str| {
        let mut devices = devices
            .iter()
            .filter(|d| d["direction"] == direction && d["default"] == true);
        devices.next().unwrap()["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(default("input"), "pulseaudio:mic");
    assert_eq!(default("output"), "pulseaudio:out");
    let mut live = server.live("--input pulseaudio:mic --output pulseaudio:out");
    assert_eq!(live.status()["input"], "mic");
}

/// Plays a sound into the microphone while `--record` writes its files. Gives what another program hears of the virtual
/// one, and the last statistics.
fn record(server: &Server, noisy: &[f32]) -> (Vec<f32>, serde_json::Value) {
    let files = server.folder().join("talk.wav");
    let mut live = server.live(&format!("--virtual-mic --record {}", files.display()));
    let (sound, heard) = (
        server.folder().join("noisy.raw"),
        server.folder().join("heard.raw"),
    );
    std::fs::write(&sound, to_bytes(noisy)).unwrap();
    let format = [
        "--format=float32le",
        "--rate=48000",
        "--channels=1",
        "--latency-msec=20",
    ];
    let mut recorder = server.command("parec");
    recorder.args(format).args(["--device=aeden_microphone"]);
    let recorder = Process(recorder.stdout(File::create(&heard).unwrap()).spawn().unwrap());
    wait_for("sound", || {
        (heard.metadata().unwrap().len() > 48_000).then_some(())
    });
    let mut player = server.command("pacat");
    player.args(format).args([
        "--playback",
        "--device=bench",
        "--channel-map=front-left",
        "--no-remix",
    ]);
    let status = player
        .stdin(File::open(&sound).unwrap())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    // What is still on its way comes within seconds.
    live.status();
    live.status();
    let status = live.status();
    drop(recorder);
    let (code, said) = live.end("TERM");
    assert_eq!(code, Some(0), "{said}");
    (from_bytes(&std::fs::read(heard).unwrap()), status)
}

#[test]
fn another_program_records_what_clean_makes_of_the_same_sound() {
    let noisy = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/noisy.wav"));
    for kind in [Kind::PulseAudio, Kind::PipeWire] {
        let Some(server) = Server::start(kind) else {
            continue;
        };
        let (heard, status) = record(&server, &noisy);
        // On a busy machine servers lose sound on its way into the microphone. So what counts is what came in.
        let raw_file = server.folder().join("talk.raw.wav");
        let wanted = clean(server.folder(), &raw_file);
        assert!(
            read(&server.folder().join("talk.clean.wav")) == wanted,
            "{kind:?}: the two recordings differ from what clean makes of the first"
        );
        let start = delay(&read(&raw_file), &noisy);
        alike(&heard, &wanted[start..]).assert_explained_by(&status, &format!("{kind:?}"));
    }
}
