//! How well, how fast and how large maps of many sounds are.

use crate::{program, target, web};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// As many sounds as a map takes, and how many come later.
const SOUNDS: usize = 50_000;
const LATER: usize = 500;

/// Of a sound: 0.17 s at 8 kHz, a little more than a patch.
const RATE: u32 = 8_000;
const SAMPLES: usize = 1_360;

/// Prints, as lines of JSON, how well descriptors drawn at random are laid out (`jobs/examples/places.rs`), what `aeden map`
/// takes for as many short files, what it takes to add some, and how the page of them moves in Chromium.
pub fn run(aeden: &Path) -> Result<()> {
    let build = [
        "build",
        "--release",
        "--package",
        "aeden-jobs",
        "--example",
        "places",
    ];
    program::run(Command::new("cargo").args(build))?;
    let places = format!("release/examples/places{}", std::env::consts::EXE_SUFFIX);
    program::run(Command::new(target().join(places)).arg(SOUNDS.to_string()))?;

    let folder = target().join("family").join("map");
    write_sounds(&folder.join("sounds"), 0..SOUNDS - LATER)?;
    write_sounds(&folder.join("later"), SOUNDS - LATER..SOUNDS)?;
    let page = folder.join("map.html");
    for (what, arguments) in [
        ("map", ["map", "sounds", "-y", "-q"]),
        ("later", ["map", "later", "--jobs=2", "-q"]),
    ] {
        let mut command = Command::new(aeden);
        command.args(arguments).current_dir(&folder);
        let (time, megabytes) = program::watch(command)?;
        let seconds = time.as_secs_f64();
        let bytes = fs::metadata(&page)?.len() as f64 / 1e6;
        println!(
            "{{\"what\": \"aeden map, {what}\", \"seconds\": {seconds:.1}, \"memory_mb\": {megabytes:.0}, \"page_mb\": {bytes:.1}}}"
        );
    }
    match (program::find("node"), web::chromium()) {
        (Some(node), Some(chromium)) => {
            let script = crate::root().join("web/test/map.mjs");
            program::run(
                Command::new(node)
                    .arg(script)
                    .arg(&page)
                    .env("CHROMIUM", chromium),
            )?;
        }
        _ => eprintln!("the page was not opened: there is no Node.js or no Chromium"),
    }
    fs::remove_dir_all(folder)?;
    Ok(())
}

/// Writes short sounds: noise through resonances, which 100 sounds each have about alike.
fn write_sounds(folder: &Path, numbers: std::ops::Range<usize>) -> Result<()> {
    for number in numbers {
        let kind = number % (SOUNDS / 100);
        let folder = folder.join(format!("kind {kind}"));
        fs::create_dir_all(&folder)?;
        let mut state = number as u64 + 1;
        let mut noise = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 23) - 1.0
        };
        let jitter = 1.0 + 0.02 * noise();
        let turn = jitter * 0.05 * (1.0 + (kind % 50) as f64);
        let radius = 0.7 + 0.029 * (kind / 50) as f64;
        let mut bytes = header();
        let (mut a, mut b) = (0.0, 0.0);
        for _ in 0..SAMPLES {
            let y = noise() + 2.0 * radius * turn.cos() * a - radius * radius * b;
            (a, b) = (y, a);
            bytes.extend(((y * 1000.0) as i16).to_le_bytes());
        }
        let file = folder.join(format!("{number}.wav"));
        fs::write(&file, bytes).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// Of a WAV file in one channel with 16 bits.
fn header() -> Vec<u8> {
    let length = 2 * SAMPLES as u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((2 * RATE).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes
}
