//! Bad input gives one line that says what to do, the documented exit status, and leaves no trace.

use crate::recordings::{Folder, chunk, extensible, fmt, noise, noise_file, pcm16, riff};

/// `clean` and `inspect` must refuse `file` with one line that has `part` in it, and change nothing.
#[track_caller]
fn refused(file: &[u8], part: &str) {
    let folder = Folder::new();
    folder.write("in.wav", file);
    folder
        .aeden("clean in.wav out.wav --removed gone.wav --plot plot.png")
        .failed(1, part);
    folder.aeden("inspect in.wav").failed(1, part);
    folder.aeden_with_input("clean - out.wav", file).failed(1, "");
    assert_eq!(folder.names(), ["in.wav"], "nothing is left behind");
    assert!(folder.read("in.wav") == file, "the input is untouched");
}

fn sound() -> Vec<u8> {
    chunk(b"data", &pcm16(&noise(1, 4000)))
}

/// A good file in which the four bytes at `at` are replaced.
fn with_size(at: usize, size: u32) -> Vec<u8> {
    let mut file = noise_file(1, 16_000, 4000);
    file[at..at + 4].copy_from_slice(&size.to_le_bytes());
    file
}

#[test]
fn missing_file() {
    let folder = Folder::new();
    folder.aeden("clean in.wav").failed(1, "in.wav: no such file");
    folder.aeden("inspect in.wav").failed(1, "in.wav: no such file");
    assert!(folder.names().is_empty());
}

#[test]
fn folder_instead_of_a_file() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("in.wav")).unwrap();
    folder.aeden("clean in.wav").failed(2, "-o DIR");
    folder.aeden("inspect in.wav").failed(1, "is a folder");
    assert_eq!(folder.names(), ["in.wav"]);
}

#[test]
fn empty_file() {
    refused(b"", "the file is empty");
}

#[test]
fn truncated_header() {
    let file = noise_file(1, 16_000, 4000);
    for length in 1..44 {
        refused(&file[..length], "");
    }
    refused(&file[..30], "cut short");
    refused(&file[..36], "before its sound begins");
}

#[test]
fn truncated_sound() {
    let file = noise_file(1, 16_000, 4000);
    for length in [44, 45, 46, 5000, file.len() - 1] {
        refused(&file[..length], "the sound is cut short");
    }
}

#[test]
fn wrong_sizes_in_chunks() {
    for size in [0, 1, 15, 17, 1000, 0x7fff_ffff, u32::MAX] {
        refused(&with_size(16, size), "");
    }
    for size in [1, 7999, 8001, 8002, 0x7000_0000, 0xfff0_0000] {
        refused(&with_size(40, size), "");
    }
    for size in [1, 3, 5, 9, 0x7fff_ffff, u32::MAX] {
        let mut list = chunk(b"LIST", b"INFO");
        list[4..8].copy_from_slice(&size.to_le_bytes());
        refused(&riff(&[fmt(1, 1, 16_000, 16), list, sound()]), "");
    }
    let mut twice = noise_file(1, 16_000, 4000);
    twice.extend(sound());
    refused(&twice, "two \"data\" chunks");
}

#[test]
fn header_that_describes_no_sound() {
    let with = |format: Vec<u8>| riff(&[format, sound()]);
    refused(&with(fmt(1, 0, 16_000, 16)), "0 channels");
    refused(&with(fmt(1, 65_535, 16_000, 16)), "65535 channels");
    refused(&with(fmt(1, 65, 16_000, 16)), "65 channels");
    refused(&with(fmt(1, 1, 0, 16)), "0 Hz");
    refused(&with(fmt(1, 1, 7_999, 16)), "7999 Hz");
    refused(&with(fmt(1, 1, u32::MAX, 16)), "4294967295 Hz");
    refused(&with(fmt(1, 1, 16_000, 0)), "0 bits");
    refused(&with(fmt(1, 1, 16_000, 48)), "48 bits");
    refused(&with(fmt(3, 1, 16_000, 16)), "16 bits");
    refused(&with(extensible(1, 1, 16_000, 16, 17, 0)), "17 valid");
    // What is compressed goes to ffmpeg, where it is a file: voice mail has headers as short as these. This is no MP3.
    refused(&with(fmt(0x55, 1, 16_000, 16)), "in.wav: ");
    for (tag, bits, name) in [(7, 8, "mu-law"), (0x55, 16, "MP3")] {
        Folder::new()
            .aeden_with_input("clean - out.wav", &with(fmt(tag, 1, 16_000, bits)))
            .failed(1, name);
    }
    refused(&riff(&[sound()]), "without a \"fmt \" chunk");
    refused(&riff(&[fmt(1, 1, 16_000, 16)]), "before its sound begins");
    let mut block = fmt(1, 1, 16_000, 16);
    block[20] = 3;
    refused(&with(block), "3 bytes a frame");
}

#[test]
fn another_kind_of_file() {
    refused(b"Dear diary, today I renamed a text file.\n", "text");
    refused(b"hi", "text");
    refused(b"fLaC\0\0\0\x22 and so on", "FLAC");
    refused(b"OggS\0\x02 and so on", "Ogg");
    refused(b"\0\0\0\x20ftypM4A and so on", "MP4");
    refused(b"RIFF\0\0\0\0AVI LIST and so on", "AVI");
    refused(&[0x8f; 5000], "cannot be read");
}

#[test]
fn samples_that_are_no_numbers() {
    for (value, tag_bits) in [
        (f64::NAN, 32),
        (f64::INFINITY, 64),
        (f64::NEG_INFINITY, 32),
        (1e300, 64),
    ] {
        let mut values = vec![0.25f64; 2000];
        values[1001] = value;
        let bytes: Vec<u8> = match tag_bits {
            32 => values.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect(),
            _ => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let file = riff(&[fmt(3, 2, 10_000, tag_bits), chunk(b"data", &bytes)]);
        refused(
            &file,
            "the sample at 0.050000 s in channel 2 is not a finite number",
        );
    }
}

#[test]
fn targets_that_cannot_be_written() {
    let folder = Folder::new();
    let file = noise_file(1, 16_000, 100_000);
    folder.write("in.wav", &file);
    folder
        .aeden("clean in.wav nowhere/out.wav")
        .failed(1, "nowhere/out.wav: no such");
    folder
        .aeden("clean in.wav in.wav/out.wav")
        .failed(1, "is a file, not a folder");
    folder.aeden("clean in.wav -o in.wav").failed(2, "not a folder");
    folder
        .aeden("clean in.wav out.wav --removed nowhere/r.wav")
        .failed(1, "nowhere/r.wav");
    folder
        .aeden("clean in.wav out.wav --plot nowhere/p.png")
        .failed(1, "nowhere/p.png");
    folder
        .aeden("clean in.wav /proc/out.wav")
        .failed(1, "/proc/out.wav");
    assert_eq!(folder.names(), ["in.wav"]);
    assert!(folder.read("in.wav") == file);
}

#[test]
fn full_disk() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 16_000, 100_000));
    folder
        .aeden("clean in.wav /dev/full")
        .failed(1, "/dev/full: no space left");
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = folder
        .command(["clean", "in.wav", "-"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
    assert_eq!(folder.names(), ["in.wav"]);
    assert!(
        !std::fs::metadata("/dev/full").unwrap().is_file(),
        "the device is still one"
    );
}

#[test]
fn full_disk_behind_a_file() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 16_000, 100_000));
    folder.assert_full_disk(&["clean in.wav small/out.wav"]);
}

#[test]
fn broken_model_file() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 16_000, 4000));
    folder.write("empty.safetensors", b"");
    folder.write("rubbish.safetensors", &[0xff; 999]);
    folder.write("huge.safetensors", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}");
    folder.write("foreign.safetensors", b"\x02\0\0\0\0\0\0\0{}");
    let names = folder.names();
    for model in ["empty", "rubbish", "huge", "foreign", "missing"] {
        let part = format!("{model}.safetensors");
        folder
            .aeden(&format!("clean in.wav out.wav --model {part}"))
            .failed(3, &part);
        folder
            .aeden(&format!("inspect in.wav --model {part}"))
            .failed(3, &part);
        folder.aeden(&format!("models {part}")).failed(3, &part);
    }
    folder.aeden("clean in.wav out.wav --model .").failed(3, ".");
    assert_eq!(folder.names(), names);
}

#[test]
fn settings_out_of_range() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 16_000, 4000));
    for wrong in [
        "--mix 1.1",
        "--mix -1",
        "--mix NaN",
        "--limit -3",
        "--limit inf",
        "--bits 20",
        "--jobs 0",
    ] {
        let run = folder.aeden(&format!("clean in.wav {wrong}"));
        assert_eq!(run.status(), 2, "{wrong}");
        assert!(!run.stderr().contains("panicked"));
    }
    folder.aeden("clean - - out.wav").failed(2, "-o DIR");
    folder.aeden("clean in.wav - --json").failed(2, "--json");
    folder
        .aeden("clean in.wav out.wav --removed -")
        .failed(2, "need a file");
    assert_eq!(folder.names(), ["in.wav"]);
}

#[test]
fn a_name_with_control_characters_is_told_in_one_line() {
    let folder = Folder::new();
    let output = folder
        .command(["clean", "evil\n\x1b[2Jname.wav"])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1);
    assert!(!stderr.contains('\x1b'));
}

#[test]
fn samples_that_no_recording_has_are_told_and_become_silence() {
    let folder = Folder::new();
    let mut sound = noise(5, 30_000);
    sound[10_000..10_400].fill(1e30);
    sound[20_000] = -3e38;
    let bytes: Vec<u8> = sound.iter().flat_map(|x| x.to_le_bytes()).collect();
    folder.write("in.wav", &riff(&[fmt(3, 1, 48_000, 32), chunk(b"data", &bytes)]));
    for quality in ["light --streaming", "high", "best"] {
        folder
            .aeden(&format!("clean in.wav out.wav -y --quality {quality}"))
            .warned("401 samples are beyond 140 dBFS");
        let out = crate::recordings::samples32f(&folder.read("out.wav"));
        let peak = out.iter().fold(0f32, |peak, x| peak.max(x.abs()));
        assert!(peak < 2.0, "{quality}: {peak}");
        assert!(out.iter().all(|x| !x.is_subnormal()), "{quality}");
    }
    folder
        .aeden("inspect in.wav")
        .warned("401 samples are beyond 140 dBFS");
    // What is not cleaned is not touched.
    folder.aeden("clean in.wav same.wav --mix 0").quietly();
    assert!(folder.read("same.wav") == folder.read("in.wav"));
}
