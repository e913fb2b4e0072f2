//! Programs under the names of ffmpeg and ffprobe that behave badly: nothing is waited for without end, or read without
//! end, and nothing is left.

use super::ffmpeg::{ffmpeg, is_here};
use crate::recordings::{Folder, Run, noise_file};
use std::os::unix::fs::PermissionsExt;
use std::thread::scope;

/// Runs `aeden` where `program` is this script.
fn with_program(folder: &Folder, program: &str, script: &str, arguments: &str) -> Run {
    let bin = format!("bin-{}", arguments.replace(' ', "-"));
    let path = folder.write(
        &format!("{bin}/{program}"),
        format!("#!/bin/sh\n{script}\n").as_bytes(),
    );
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let others = std::env::var("PATH").unwrap();
    let path = format!("{}:{others}", folder.path(&bin).display());
    let mut command = folder.command(arguments.split(' '));
    Run(command.env("PATH", path).output().unwrap())
}

#[test]
fn programs_that_stay_or_never_end_are_not_waited_for() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-t 2 -i SPEECH in.mp3");
    folder.write("long.wav", &noise_file(2, 48_000, 480_000));
    // Side by side, since what is waited for takes its time.
    scope(|scope| {
        for (program, script, arguments, part) in [
            // An answer without end.
            (
                "ffprobe",
                "exec yes '{\"streams\": ['",
                "inspect in.mp3",
                "no end",
            ),
            ("ffprobe", "exec sleep 1000", "clean in.mp3 a.wav", "waited for"),
            // A decoder that closes its output and stays, with and without sound before.
            (
                "ffmpeg",
                "exec sleep 1000 >&-",
                "clean in.mp3 b.wav",
                "waited for",
            ),
            (
                "ffmpeg",
                "head -c 100000 /dev/zero; exec sleep 1000 >&-",
                "clean in.mp3 c.wav",
                "waited for",
            ),
            // An encoder that takes nothing, and one that takes everything and stays.
            ("ffmpeg", "exec sleep 1000", "clean long.wav d.mp3", "waited for"),
            (
                "ffmpeg",
                "cat > rest; exec sleep 1000",
                "clean long.wav e.mp3",
                "waited for",
            ),
        ] {
            let folder = &folder;
            scope.spawn(move || with_program(folder, program, script, arguments).failed(1, part));
        }
    });
    // A decoder whose own child lives on and keeps its standard error open.
    let run = with_program(
        &folder,
        "ffmpeg",
        // As much as the file promises.
        "sleep 100 >&- & head -c 400000 /dev/zero",
        "clean in.mp3 f.wav",
    );
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let left: Vec<_> = folder
        .names()
        .into_iter()
        .filter(|name| !name.starts_with("bin"))
        .collect();
    assert_eq!(left, ["f.wav", "in.mp3", "long.wav", "rest"]);
}
