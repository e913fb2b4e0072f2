//! Damaged files of every container: sound or one error line, in finite time, and nothing left behind.
//!
//! `cargo xtask fuzz` for a long run.

use super::ffmpeg::{encodes, ffmpeg, is_here};
use crate::recordings::Folder;
use aeden_media::ffmpeg::flac::FlacReader;
use std::io::{Seek, Write};
use std::process::Child;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A run that takes more hangs: a film may need four attempts of a dozen programs each, on a machine that has other work.
/// What the slowest has taken is printed.
const HANGS: Duration = Duration::from_secs(100);

/// The most runs of the whole program: each starts it, ffprobe and ffmpeg.
const MOST_RUNS: u32 = 5_000;

/// Names of small files and how they are made.
const SEEDS: &[(&str, &str)] = &[
    (
        "a.mp4",
        "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -i SPEECH -t 1 -c:v mpeg4 -c:a aac -b:a 48k",
    ),
    (
        "b.mov",
        "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -i SPEECH -t 1 -c:v mpeg4 -c:a pcm_s16le -ar 16000",
    ),
    (
        "c.mkv",
        "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -i SPEECH -t 1 -c:v mpeg4 -c:a flac -ar 16000",
    ),
    ("d.webm", "-i SPEECH -t 1 -c:a libopus -b:a 32k"),
    (
        "e.ts",
        "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -i SPEECH -t 1 -c:v mpeg4 -c:a mp2 -b:a 64k",
    ),
    (
        "f.avi",
        "-f lavfi -i testsrc2=s=64x48:r=10:d=1 -i SPEECH -t 1 -c:v mpeg4 -c:a libmp3lame -b:a 48k",
    ),
    ("g.mp3", "-i SPEECH -t 1 -c:a libmp3lame -b:a 48k"),
    ("h.ogg", "-i SPEECH -t 1 -c:a libvorbis"),
    ("i.m4a", "-i SPEECH -t 1 -c:a alac -ar 16000"),
    ("j.aiff", "-i SPEECH -t 1 -c:a pcm_s16be -ar 16000"),
    ("k.wv", "-i SPEECH -t 1 -c:a wavpack -ar 16000"),
    ("l.wma", "-i SPEECH -t 1 -c:a wmav2 -b:a 48k"),
    ("m.caf", "-i SPEECH -t 1 -c:a pcm_s16le -ar 16000"),
    ("n.flac", "-i SPEECH -t 1 -c:a flac -ar 16000"),
];

/// How many cases; `fallback` in a normal test run.
fn rounds(fallback: u32) -> u32 {
    setting("AEDEN_FUZZ_ROUNDS", fallback)
}

fn setting(name: &str, fallback: u32) -> u32 {
    let value = std::env::var(name).ok();
    value.and_then(|value| value.parse().ok()).unwrap_or(fallback)
}

/// Numbers that look like chance and are the same in every run (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn new(seed: u32) -> Self {
        Chance(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % limit.max(1)
    }
}

/// The file with one to four kinds of damage, more of it near the beginning, where headers are.
fn damaged(file: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..1 + chance.below(4) {
        let length = bytes.len();
        let reach = if chance.below(2) == 0 {
            length.min(600)
        } else {
            length
        };
        let at = chance.below(reach);
        let some = 1 + chance.below(64).min(length.saturating_sub(at + 1));
        match chance.below(7) {
            0 if length > 0 => bytes[at] ^= 1 << chance.below(8),
            1 => bytes.truncate(at.max(16)),
            2 => drop(bytes.drain(at..(at + some).min(length))),
            3 => {
                let piece = bytes[at..(at + some).min(length)].to_vec();
                let to = chance.below(length);
                bytes.splice(to..to, piece);
            }
            4 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            5 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0),
            _ => (0..some.min(length - at)).for_each(|i| bytes[at + i] = chance.below(256) as u8),
        }
    }
    bytes
}

/// Waits for a child, but not for ever.
fn wait(mut child: Child, case: &str) -> std::process::Output {
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > HANGS {
            let _ = child.kill();
            panic!("{case}: hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn fuzz_damaged_files_leave_nothing_and_never_hang() {
    if !is_here() || !encodes("libopus") {
        return;
    }
    let seeds = Folder::new();
    for (name, how) in SEEDS {
        ffmpeg(&seeds, &format!("{how} {name}"));
    }
    let seeds: Vec<(&str, Vec<u8>)> = SEEDS.iter().map(|(name, _)| (*name, seeds.read(name))).collect();
    let (first, rounds) = (setting("AEDEN_FUZZ_FIRST", 0), rounds(42).min(MOST_RUNS));
    let (next, counts) = (
        AtomicU32::new(first),
        Mutex::new((0, 0, Duration::ZERO, String::new())),
    );
    let work = || loop {
        let round = next.fetch_add(1, Ordering::Relaxed);
        if round >= first + rounds {
            return;
        }
        let (name, file) = &seeds[round as usize % seeds.len()];
        let folder = Folder::new();
        folder.write(name, &damaged(file, &mut Chance::new(round)));
        let case = format!("{name}, round {round}");
        let child = folder
            .command(["clean", name, "-o", "out", "--mix", "0.5"])
            .spawn()
            .unwrap();
        let started = Instant::now();
        let output = wait(child, &case);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let status = output.status.code();
        assert!(matches!(status, Some(0 | 1)), "{case}: {status:?} {stderr}");
        assert!(
            !stderr.contains("panicked") && !stderr.contains("at fault"),
            "{case}: {stderr}"
        );
        assert!(
            status == Some(0) || stderr.lines().count() == 1,
            "{case}: {stderr}"
        );
        let made = std::fs::read_dir(folder.path("out")).map_or(0, Iterator::count);
        assert_eq!(made, usize::from(status == Some(0)), "{case}: files left in out");
        assert_eq!(
            folder.names().len(),
            1 + usize::from(folder.path("out").exists()),
            "{case}: files left"
        );
        let mut counts = counts.lock().unwrap();
        counts.0 += usize::from(status == Some(0));
        counts.1 += usize::from(status != Some(0));
        if started.elapsed() > counts.2 {
            (counts.2, counts.3) = (started.elapsed(), case);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    let (cleaned, refused, slowest, case) = counts.into_inner().unwrap();
    println!("{cleaned} damaged files cleaned, {refused} refused; the slowest took {slowest:.1?} ({case})");
}

#[test]
fn fuzz_damaged_flac_gives_sound_or_an_error() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        "-t 0.3 -i SPEECH -ar 16000 -ac 2 -metadata title=Talk in.flac",
    );
    let file = folder.read("in.flac");
    for round in 0..rounds(500) {
        let bytes = damaged(&file, &mut Chance::new(round));
        let mut copy = tempfile::tempfile().unwrap();
        copy.write_all(&bytes).unwrap();
        copy.rewind().unwrap();
        let Ok(mut reader) = FlacReader::open(copy, bytes.len() as u64) else {
            continue;
        };
        let (mut raw, mut frames) = (Vec::new(), 0);
        while let Ok(got @ 1..) = reader.read(4096, &mut raw) {
            assert_eq!(raw.len(), got * reader.header().format.frame_bytes());
            frames += got as u64;
        }
        let most = (bytes.len() as u64 / 50 + 61) * u64::from(reader.header().format.rate);
        assert!(
            frames <= most,
            "round {round}: {frames} frames out of {} bytes",
            bytes.len()
        );
    }
}
