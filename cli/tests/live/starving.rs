//! What is heard while nobody answers the server, since the computer is busy: here since the program is stopped.

use crate::server::{Kind, Process, Server, wait_for};
use crate::sound::{from_bytes, to_bytes};
use std::f32::consts::TAU;
use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

/// A tone: from one sample to the next it changes by 0.007 at most, while it fades over 5 ms by 0.008.
fn tone(seconds: usize) -> Vec<f32> {
    let sample = |n: usize| 0.25 * (TAU * 200.0 * n as f32 / 48_000.0).sin();
    (0..seconds * 48_000).map(sample).collect()
}

/// The steps into and out of every silence of 10 ms to a second.
fn edges(heard: &[f32]) -> Vec<f32> {
    let mut edges = Vec::new();
    let mut silent = 0;
    for (n, pair) in heard.windows(2).enumerate() {
        if pair[1].abs() < 1e-4 {
            silent += 1;
            continue;
        }
        if (480..48_000).contains(&silent) && n > silent + 100 {
            let around = |at: usize| {
                let part = &heard[at.saturating_sub(3)..(at + 3).min(heard.len())];
                part.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max)
            };
            edges.extend([around(n - silent), around(n)]);
        }
        silent = 0;
    }
    edges
}

#[test]
fn what_nobody_answers_fades_out_and_in_and_gets_more_in_hand() {
    for kind in [Kind::PulseAudio, Kind::PipeWire] {
        let Some(server) = Server::start(kind) else {
            continue;
        };
        let mut live = server.live("--virtual-mic --mix 0");
        let (sound, heard) = (
            server.folder().join("tone.raw"),
            server.folder().join("heard.raw"),
        );
        std::fs::write(&sound, to_bytes(&tone(60))).unwrap();
        let format = ["--format=float32le", "--rate=48000", "--channels=1"];
        let mut player = server.command("pacat");
        player.args(format).args([
            "--playback",
            "--device=bench",
            "--channel-map=front-left",
            "--no-remix",
        ]);
        let player = player.stdin(File::open(&sound).unwrap()).stderr(Stdio::null());
        let _player = Process(player.spawn().unwrap());
        let mut recorder = server.command("parec");
        recorder.args(format).args(["--device=aeden_microphone"]);
        let recorder = Process(recorder.stdout(File::create(&heard).unwrap()).spawn().unwrap());
        wait_for("sound", || {
            (heard.metadata().unwrap().len() > 200_000).then_some(())
        });
        let before = live.status();
        for _ in 0..6 {
            live.signal("STOP");
            std::thread::sleep(Duration::from_millis(250));
            live.signal("CONT");
            std::thread::sleep(Duration::from_secs(2));
        }
        live.status();
        let after = live.status();
        drop(recorder);
        let number = |status: &serde_json::Value, name: &str| status[name].as_f64().unwrap();
        let dry = number(&after, "device_underruns") - number(&before, "device_underruns");
        let mut edges = edges(&from_bytes(&std::fs::read(&heard).unwrap()));
        edges.sort_by(f32::total_cmp);
        println!("{kind:?}: dry {dry} times, edges {edges:?}; {before}; {after}");
        assert!(dry >= 6.0, "{kind:?}: {dry}");
        assert!(edges.len() >= 8, "{kind:?}: {edges:?}");
        // A busy server may have lost something of its own on the way to the program that records.
        assert!(edges[edges.len() / 2] < 0.02, "{kind:?}: {edges:?}");
        assert_eq!(after["restarts"], 0, "{kind:?}");
    }
}
