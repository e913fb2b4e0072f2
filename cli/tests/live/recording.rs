//! `--record` while the microphone is in use: what ends a recording ends nothing else.

use crate::server::{Kind, Live, Server};
use std::path::Path;
use std::process::Command;

/// The recording has ended, and the microphone stands; at the end both files say what they hold.
fn ended_alone(server: &Server, mut live: Live, files: &Path, why: &str) {
    live.until("without a recording", |status| status["recording"] == false);
    live.until("still running", |status| status["running"] == true);
    assert!(server.sources().iter().any(|source| source == "aeden_microphone"));
    let (status, said) = live.end("TERM");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("recording") && said.contains(why), "{said}");
    for kind in ["raw", "clean"] {
        let path = files.with_extension(format!("{kind}.wav"));
        let reader = hound::WavReader::open(&path).unwrap();
        let spec = reader.spec();
        let bytes = path.metadata().unwrap().len() - u64::from(reader.len()) * 4;
        assert!(reader.len() > 4800, "{}", path.display());
        assert!(bytes < 200, "{}: {bytes} bytes beside the sound", path.display());
        assert_eq!((spec.channels, spec.sample_rate), (1, 48_000));
    }
}

#[test]
fn a_microphone_that_becomes_a_stereo_one_ends_the_recording_only() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let files = server.folder().join("talk.wav");
    let mut live = server.live(&format!("--virtual-mic --record {}", files.display()));
    live.until("recording", |status| status["recording"] == true);
    live.until("further", |status| status["seconds"].as_f64().unwrap() > 5.0);
    server.pactl(&["set-default-source", "bench.monitor"]);
    ended_alone(&server, live, &files, "2 channels");
}

#[test]
fn a_full_disk_ends_the_recording_only() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let small = server.folder().join("small");
    std::fs::create_dir(&small).unwrap();
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(&small);
    if !mount.output().is_ok_and(|mount| mount.status.success()) {
        println!("skipped: mounting a small file system needs root");
        return;
    }
    let files = small.join("talk.wav");
    let live = server.live(&format!("--virtual-mic --record {}", files.display()));
    let result = std::panic::catch_unwind(|| ended_alone(&server, live, &files, "no space left"));
    Command::new("umount").arg(&small).status().unwrap();
    assert!(result.is_ok());
}

#[test]
fn statistics_that_cannot_be_written_end_only_themselves() {
    let Some(server) = Server::start(Kind::PulseAudio) else {
        return;
    };
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut aeden = server.command(env!("CARGO_BIN_EXE_aeden"));
    let mut child = aeden
        .args(["live", "--virtual-mic", "--json"])
        .stdout(full)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(6));
    let ended = child.try_wait().unwrap();
    let stands = server.sources().iter().any(|source| source == "aeden_microphone");
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(ended.is_none() && stands, "{said}");
    assert!(said.contains("statistics: "), "{said}");
}
