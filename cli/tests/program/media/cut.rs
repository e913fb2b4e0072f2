//! Recordings that end early: an error where a header promises more, a warning where only the end is missing, never silence.

use super::ffmpeg::{encodes, ffmpeg, is_here, samples};
use crate::recordings::Folder;

const PICTURE: &str = "-f lavfi -i testsrc=s=160x120:r=25:d=6";

/// Names, how they are made, and what may be left for `--accept-damage`: 0 where the file cannot be opened.
const FILES: &[(&str, &str, usize)] = &[
    ("a.opus", "-c:a libopus", 40),
    ("a.ogg", "-c:a libvorbis", 40),
    ("a.mp3", "-c:a libmp3lame", 40),
    ("plain.mp3", "-c:a libmp3lame -write_xing 0 -b:a 64k", 40),
    ("a.mp2", "-c:a mp2", 40),
    ("a.aac", "-c:a aac", 40),
    ("a.ac3", "-c:a ac3", 40),
    ("a.flac", "-c:a flac", 40),
    ("a.wv", "-c:a wavpack", 40),
    ("a.tta", "-c:a tta", 40),
    ("a.aiff", "-c:a pcm_s16be", 40),
    ("a.caf", "-c:a pcm_s16be", 40),
    ("a.au", "-c:a pcm_s16be", 40),
    ("a.w64", "-c:a pcm_s16le", 40),
    ("a.wma", "-c:a wmav2", 40),
    ("a.m4a", "-c:a aac", 0),
    ("a.ts", "PICTURE -c:v mpeg4 -c:a aac", 40),
    ("a.avi", "PICTURE -c:v mpeg4 -c:a libmp3lame", 40),
    ("a.mkv", "PICTURE -c:v mpeg4 -c:a aac", 40),
    (
        "a.webm",
        "PICTURE -c:v libvpx -deadline realtime -c:a libopus",
        40,
    ),
    ("a.mpg", "PICTURE -c:v mpeg2video -c:a mp2", 40),
    ("a.flv", "PICTURE -c:v flv -c:a libmp3lame -ar 44100", 40),
    (
        "a.mp4",
        "PICTURE -c:v mpeg4 -c:a aac -movflags frag_keyframe+empty_moov",
        40,
    ),
    ("moov.mp4", "PICTURE -c:v mpeg4 -c:a aac -movflags faststart", 40),
];

#[test]
fn a_cut_file_never_passes_without_a_word() {
    if !is_here() || !encodes("libopus") || !encodes("libvpx") {
        return;
    }
    for &(name, how, least) in FILES {
        let folder = Folder::new();
        let picture = if how.starts_with("PICTURE") { PICTURE } else { "" };
        let how = how.trim_start_matches("PICTURE ");
        ffmpeg(&folder, format!("{picture} -i SPEECH -t 6 {how} {name}").trim());
        folder.aeden(&format!("clean {name} -o whole --mix 0")).quietly();
        let whole = folder.read(name);
        folder.write(name, &whole[..whole.len() * 6 / 10 + 1]);
        let run = folder.aeden(&format!("clean {name} -o out --mix 0"));
        let lines = run.stderr().lines().count();
        assert!(
            lines >= 1 && (run.status() == 0 || lines == 1),
            "{name}: {}",
            run.stderr()
        );
        assert_eq!(
            folder.path(&format!("out/{name}")).exists(),
            run.status() == 0,
            "{name}"
        );
        folder
            .aeden(&format!(
                "clean {name} -o strict --mix 0 --strict --accept-damage -q"
            ))
            .failed(1, name);
        let run = folder.aeden(&format!("clean {name} -o accepted --mix 0 --accept-damage"));
        if least == 0 {
            run.failed(1, name);
            continue;
        }
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        assert!(run.stderr().contains("warning"), "{name}: {}", run.stderr());
        let left = samples(&folder.path(&format!("accepted/{name}")), 0).len();
        let all = samples(&folder.path(&format!("whole/{name}")), 0).len();
        assert!(
            (all * least / 100..all * 7 / 10).contains(&left),
            "{name}: {left} of {all} samples"
        );
    }
}
