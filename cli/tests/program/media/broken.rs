//! Broken files, missing programs and full disks: one line, the documented status, and no trace.

use super::ffmpeg::{ffmpeg, is_here};
use crate::recordings::{Folder, Run, noise_file, send};
use std::process::Command;

fn sound(folder: &Folder, name: &str) {
    ffmpeg(folder, &format!("-t 2 -i SPEECH {name}"));
}

#[test]
fn without_ffmpeg_the_error_says_what_to_install() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    sound(&folder, "in.mp3");
    folder.write("in.wav", &noise_file(1, 16_000, 4000));
    let names = folder.names();
    for arguments in ["clean in.mp3 out.mp3", "clean in.wav out.mp3", "inspect in.mp3"] {
        let run = Run(folder
            .command(arguments.split(' '))
            .env("PATH", "/nonexistent")
            .output()
            .unwrap());
        run.failed(1, "apt install ffmpeg");
    }
    assert_eq!(folder.names(), names);
    // WAV needs nothing.
    let run = Run(folder
        .command(["clean", "in.wav", "out.wav"])
        .env("PATH", "/nonexistent")
        .output()
        .unwrap());
    run.quietly();
}

#[test]
fn files_that_cannot_be_decoded() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    folder.write("rubbish.mp4", b"\0\0\0\x20ftypisom and then nothing of the kind");
    folder.write("empty.mp3", b"");
    folder.write("notes.mp3", b"Dear diary, this is not a recording.\n");
    folder.write("list.m3u8", b"#EXTM3U\nfile:/etc/passwd\n");
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=64x64:d=1 silent.mp4");
    sound(&folder, "whole.flac");
    let whole = folder.read("whole.flac");
    folder.write("half.flac", &whole[..whole.len() / 2]);
    sound(&folder, "whole.m4a");
    let whole = folder.read("whole.m4a");
    folder.write("half.m4a", &whole[..whole.len() / 2]);
    let names = folder.names();
    for (name, part) in [
        ("rubbish.mp4", "MP4 file cannot be read"),
        ("empty.mp3", "empty"),
        ("notes.mp3", "is text"),
        ("list.m3u8", "is text"),
        ("silent.mp4", "no sound"),
        ("half.flac", "cut short"),
        ("half.m4a", "MP4 file cannot be read"),
        ("missing.mp3", "no such file"),
    ] {
        let out = format!("out.{}", &name[name.rfind('.').unwrap() + 1..]);
        folder.aeden(&format!("clean {name} {out}")).failed(1, part);
        folder
            .aeden(&format!("clean {name} out.wav --removed gone.wav"))
            .failed(1, part);
        folder.aeden(&format!("inspect {name}")).failed(1, part);
        assert_eq!(folder.names(), names, "{name}");
    }
}

/// A Sun audio file of 32-bit floats, which has its rate and channels at a place where they are easily wrong.
fn au(rate: u32, channels: u32, samples: &[f32]) -> Vec<u8> {
    let head = [24, samples.len() as u32 * 4, 6, rate, channels];
    let head = head.iter().flat_map(|number| number.to_be_bytes());
    let sound = samples.iter().flat_map(|x| x.to_be_bytes());
    [
        &b".snd"[..],
        &head.collect::<Vec<_>>(),
        &sound.collect::<Vec<_>>(),
    ]
    .concat()
}

#[test]
fn headers_and_samples_that_mean_nothing() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    let quiet = vec![0.1; 16_000];
    folder.write("whole.au", &au(16_000, 1, &quiet));
    folder.aeden("clean whole.au out.au").quietly();
    let mut spoilt = quiet.clone();
    spoilt[1234] = f32::NAN;
    folder.write("nan.au", &au(16_000, 1, &spoilt));
    folder.write("none.au", &au(16_000, 0, &quiet));
    folder.write("many.au", &au(16_000, 65_535, &quiet));
    folder.write("still.au", &au(0, 1, &quiet));
    folder.write("fast.au", &au(400_000, 1, &quiet));
    sound(&folder, "in.flac");
    let mut flac = folder.read("in.flac");
    // 20 bits of STREAMINFO.
    flac[18..20].fill(0);
    flac[20] &= 0x0f;
    folder.write("still.flac", &flac);
    let names = folder.names();
    for (name, part) in [
        ("nan.au", "not a finite number"),
        ("none.au", "none.au"),
        ("many.au", "65535"),
        ("still.au", "still.au"),
        ("fast.au", "400000 Hz"),
        ("still.flac", "still.flac"),
    ] {
        let out = format!("new.{}", &name[name.rfind('.').unwrap() + 1..]);
        folder.aeden(&format!("clean {name} {out}")).failed(1, part);
        folder.aeden(&format!("clean {name} new.wav")).failed(1, part);
        assert_eq!(folder.names(), names, "{name}");
    }
}

#[test]
fn beginnings_of_files_and_texts_with_their_names() {
    if !is_here() {
        return;
    }
    for ending in [
        "flac", "mp3", "m4a", "ogg", "wv", "aiff", "caf", "wma", "mka", "ts",
    ] {
        let folder = Folder::new();
        sound(&folder, &format!("in.{ending}"));
        let whole = folder.read(&format!("in.{ending}"));
        let (head, text) = (format!("head.{ending}"), format!("text.{ending}"));
        folder.write(&head, &whole[..12]);
        folder.write(&text, b"Dear diary, this is not a recording.\n");
        let names = folder.names();
        folder
            .aeden(&format!("clean {head} new.{ending}"))
            .failed(1, &head);
        folder
            .aeden(&format!("clean {text} new.{ending}"))
            .failed(1, "is text");
        assert_eq!(folder.names(), names, "{ending}");
    }
}

/// Lists that ffmpeg follows into other files, with a byte that no text has.
#[test]
fn lists_of_other_files_are_refused_whatever_they_are_called() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    folder.write("secret/a", b"");
    ffmpeg(&folder, "-i SPEECH -t 2 -c:a mp2 -f mpegts secret/a.ts");
    ffmpeg(
        &folder,
        "-i SPEECH -t 2 -c:a aac -movflags frag_keyframe+empty_moov secret/a.mp4",
    );
    let secret = folder.path("secret").display().to_string();
    let hls = format!(
        "#EXTM3U\n# caf\u{e9} \u{1}\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{secret}/a.ts\n#EXT-X-ENDLIST\n"
    );
    let concat = format!("ffconcat version 1.0\n# caf\u{e9} \u{1}\nfile '{secret}/a.ts'\n");
    let dash = format!(
        "<?xml version=\"1.0\"?><!-- caf\u{e9} --><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" \
         mediaPresentationDuration=\"PT2S\"><Period><AdaptationSet contentType=\"audio\"><Representation id=\"1\" \
         bandwidth=\"1000\" mimeType=\"audio/mp4\"><BaseURL>{secret}/a.mp4</BaseURL></Representation></AdaptationSet>\
         </Period></MPD>"
    );
    for (kind, text) in [("hls", hls), ("concat", concat), ("dash", dash)] {
        // In Latin-1, as old programs write it, and with bytes of zero.
        let latin: Vec<u8> = text.chars().map(|letter| letter as u8).collect();
        let empty = [text.as_bytes(), &[0; 3000]].concat();
        for (form, bytes) in [("latin", latin), ("empty", empty), ("plain", text.into_bytes())] {
            for ending in ["m4a", "ts", "mp3", "mkv", "bin", "m3u8"] {
                let name = format!("{kind}_{form}.{ending}");
                folder.write(&name, &bytes);
                let run = folder.aeden(&format!("clean {name} out.wav --mix 0 --accept-damage"));
                run.failed(1, &name);
                assert!(!folder.path("out.wav").exists(), "{name}");
                std::fs::remove_file(folder.path(&name)).unwrap();
                // What comes into a folder is no other matter.
                folder.write(&format!("in/{name}"), &bytes);
            }
        }
    }
    folder.aeden("clean in -o out -q");
    let outputs = std::fs::read_dir(folder.path("out")).map_or(0, |entries| entries.count());
    assert_eq!(outputs, 0);
}

#[test]
fn what_cannot_be_written() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    sound(&folder, "in.mp3");
    folder.write("there.mp3", b"precious");
    folder.aeden("clean in.mp3 there.mp3").failed(1, "-y");
    folder
        .aeden("clean in.mp3 in.mp3 -y")
        .failed(1, "the input itself");
    folder.aeden("clean in.mp3 nowhere/out.mp3").failed(1, "no such");
    folder.aeden("clean in.mp3 out.ape").failed(1, "read only");
    folder.aeden("clean in.mp3 out.amr").failed(1, "out.amr");
    assert_eq!(folder.names(), ["in.mp3", "there.mp3"]);
    assert_eq!(folder.read("there.mp3"), b"precious");
    let run = folder.aeden("clean in.mp3 --track none");
    assert_eq!(run.status(), 2);
}

#[test]
fn names_that_look_like_options_or_addresses() {
    if !is_here() {
        return;
    }
    for name in ["-i.mp3", "http:x.mp3", "a b%03d.mp3", "pipe:1.mp3", "ö'\".mp3"] {
        let folder = Folder::new();
        sound(&folder, "in.mp3");
        std::fs::rename(folder.path("in.mp3"), folder.path(name)).unwrap();
        let run = Run(folder
            .command(["clean", "-o", "out", "--", name])
            .output()
            .unwrap());
        run.quietly();
        assert!(folder.path("out").join(name).exists(), "{name}");
    }
}

#[test]
fn full_disk_behind_ffmpeg() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    sound(&folder, "in.flac");
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=64x64:d=2 -i in.flac film.mkv");
    folder.assert_full_disk(&["clean in.flac small/out.flac", "clean film.mkv small/out.mkv"]);
}

#[test]
fn ctrl_c_ends_ffmpeg_and_leaves_nothing() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        "-f lavfi -i anoisesrc=d=1200 -c:a libmp3lame -b:a 64k in.mp3",
    );
    let mut child = folder.command(["clean", "in.mp3", "out.mp3"]).spawn().unwrap();
    while folder.names().len() < 2 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "done before it could be stopped"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    send(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(folder.names(), ["in.mp3"]);
    // What ffmpeg is given in files of its own goes too.
    ffmpeg(
        &folder,
        "-f lavfi -i anoisesrc=d=600 -c:a libvorbis -metadata title=secret in.ogg",
    );
    let temporary = folder.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    let start = || {
        let mut command = folder.command(["clean", "in.ogg", "out.ogg"]);
        command.env("TMPDIR", &temporary).spawn().unwrap()
    };
    let mut child = start();
    let own_files = || {
        folder
            .names()
            .iter()
            .filter(|name| name.starts_with(".aeden-"))
            .count()
    };
    while own_files() == 0 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "done before it could be stopped"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    send(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(own_files(), 0);
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0);
    // One that is killed cannot do that; the next does.
    let mut child = start();
    while own_files() == 0 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "done before it could be killed"
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = std::fs::read_dir(&temporary)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut next = start();
    while left.exists() {
        assert!(
            next.try_wait().unwrap().is_none(),
            "done and {} is still there",
            left.display()
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    send(&next, "INT");
    next.wait().unwrap();
    // Where there is no place for them, that place is named.
    let run = folder
        .command(["clean", "in.ogg", "out.ogg"])
        .env("TMPDIR", folder.path("gone"))
        .output()
        .unwrap();
    Run(run).failed(1, "gone: no temporary files can be made here");
    let own = folder.path("in.mp3").display().to_string();
    let running = Command::new("pgrep").args(["-f", &own]).output();
    assert!(running.is_ok_and(|out| out.stdout.is_empty()), "ffmpeg goes on");
}
