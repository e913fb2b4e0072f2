//! A run that is stopped leaves nothing half done.

use crate::recordings::{Folder, noise_file, send};
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Starts cleaning a stream that does not end, and returns when an unfinished output is there.
fn half_way(folder: &Folder, arguments: &str) -> Child {
    let names = folder.names();
    let mut child = folder
        .command(arguments.split(' '))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream = noise_file(2, 48_000, 200_000);
    stream[4..8].fill(0xff);
    stream[40..44].fill(0xff);
    child.stdin.as_mut().unwrap().write_all(&stream).unwrap();
    let started = Instant::now();
    while folder.names() == names {
        assert!(started.elapsed() < Duration::from_secs(60), "it never began");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

#[test]
fn ctrl_c_and_terminate_leave_nothing_and_say_so_by_their_status() {
    for signal in ["INT", "TERM", "HUP"] {
        let folder = Folder::new();
        folder.write("out.wav", b"the one before");
        let mut child = half_way(&folder, "clean - out.wav -y --removed gone.wav --plot plot.png");
        send(&child, signal);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{signal}");
        assert_eq!(folder.names(), ["out.wav"], "{signal}");
        assert_eq!(folder.read("out.wav"), b"the one before");
    }
}

#[test]
fn a_killed_run_leaves_no_file_under_the_name_of_the_output() {
    let folder = Folder::new();
    let mut child = half_way(&folder, "clean - out.wav");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("out.wav").exists());
    // What is left has a name that no folder or pattern takes for an input.
    assert!(
        folder
            .names()
            .iter()
            .all(|name| name.starts_with(".aeden-") && name.ends_with(".part"))
    );
}

#[test]
fn an_input_that_breaks_off_leaves_nothing() {
    let folder = Folder::new();
    let file = noise_file(2, 48_000, 100_000);
    folder
        .aeden_with_input("clean - out.wav", &file[..300_000])
        .failed(1, "the sound is cut short");
    assert!(folder.names().is_empty());
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(2, 48_000, 500_000));
    let mut child = folder
        .command(["clean", "in.wav", "-", "--mix", "0"])
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}
