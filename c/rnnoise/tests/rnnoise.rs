//! RNNoise's functions as programs use them.

use aeden::{Config, Denoiser, Model};
use aeden_rnnoise::*;
use allocation_counter::{AllocationInfo, measure};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::ptr::null_mut;

#[expect(dead_code, reason = "each library lays out its own part")]
#[path = "../../../xtask/src/prefix.rs"]
mod prefix;

const FRAME: usize = 480;

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// A recording in the repository, with a full scale of 1, at 48 kHz.
fn recording(name: &str) -> Vec<f32> {
    let mut reader = hound::WavReader::open(source("../../tests/fixtures").join(name)).unwrap();
    let full = 2f32.powi(i32::from(reader.spec().bits_per_sample) - 1);
    assert_eq!(reader.spec().sample_rate, 48_000);
    let channels = usize::from(reader.spec().channels);
    let samples = reader.samples::<i32>().step_by(channels);
    samples.map(|x| x.unwrap() as f32 / full).collect()
}

/// What a state makes of 48 kHz sound, and the voice of each frame.
fn cleaned(sound: &[f32]) -> (Vec<f32>, Vec<f32>) {
    // SAFETY: a state until it is destroyed, and whole frames.
    unsafe {
        let state = rnnoise_create(null_mut());
        let (mut all, mut voices) = (Vec::new(), Vec::new());
        for frame in sound.chunks_exact(FRAME) {
            let mut frame: Vec<f32> = frame.iter().map(|x| x * 32_768.0).collect();
            voices.push(rnnoise_process_frame(state, frame.as_mut_ptr(), frame.as_ptr()));
            all.extend(frame);
        }
        rnnoise_destroy(state);
        (all, voices)
    }
}

#[test]
fn the_header_is_what_cbindgen_gives() {
    let config = cbindgen::Config::from_file(source("cbindgen.toml")).unwrap();
    let mut made = Vec::new();
    let builder = cbindgen::Builder::new()
        .with_config(config)
        .with_src(source("src/lib.rs"));
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let file = source("include/rnnoise.h");
    if std::env::var_os("AEDEN_WRITE_HEADER").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == made,
        "c/rnnoise/include/rnnoise.h is not what the code says; AEDEN_WRITE_HEADER=1 cargo test -p aeden-rnnoise header \
         writes it:\n{made}"
    );
}

#[test]
fn a_program_written_for_rnnoise_gets_the_samples_of_the_crate() {
    if Command::new("gcc").arg("--version").output().is_err() {
        println!("skipped: no gcc here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let root = source("../..");
    prefix::lay_out_rnnoise(&prefix::Prefix::at(folder.path()), &root, test.parent().unwrap()).unwrap();
    let (program, library) = (folder.path().join("program"), folder.path().join("lib/aeden"));
    let mut compiler = Command::new("gcc");
    compiler.args([
        "-std=c99",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-g",
        "-o",
    ]);
    compiler.arg(&program).arg(source("tests/program.c"));
    compiler.arg(format!("-I{}", folder.path().join("include/aeden").display()));
    compiler.arg(format!("-L{}", library.display())).arg("-lrnnoise");
    assert!(compiler.status().unwrap().success());

    let sound = recording("noisy.wav");
    let sound = &sound[..sound.len() / FRAME * FRAME];
    let input: Vec<u8> = sound.iter().flat_map(|x| (x * 32_768.0).to_ne_bytes()).collect();
    let mut denoiser = Denoiser::with_model(&Model::light(), &Config::new(48_000, 1)).unwrap();
    let mut should = sound.to_vec();
    denoiser.process(&mut [&mut should]);
    let (_, voices) = cleaned(sound);
    let mut bytes = Vec::new();
    for (frame, voice) in should.chunks_exact(FRAME).zip(voices) {
        bytes.extend(frame.iter().flat_map(|x| (x * 32_768.0).to_ne_bytes()));
        bytes.extend(voice.to_ne_bytes());
    }
    let model = source("../../models/light/light.safetensors");
    let run = |command: &mut Command| {
        command.env("LD_LIBRARY_PATH", &library);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            scope.spawn(|| pipe.write_all(&input).map(|()| drop(pipe)));
            child.wait_with_output().unwrap()
        });
        assert!(output.status.success(), "{command:?}");
        output.stdout
    };
    for way in [&["create"][..], &["init"], &["model", model.to_str().unwrap()]] {
        assert!(run(Command::new(&program).args(way)) == bytes, "{way:?}");
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("skipped: no valgrind here");
        return;
    }
    let short = &input[..100 * FRAME * 4];
    for way in [&["create"][..], &["init"]] {
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
        command
            .arg("--errors-for-leak-kinds=definite")
            .arg(&program)
            .args(way);
        command.env("LD_LIBRARY_PATH", &library);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(short).unwrap();
        assert!(child.wait().unwrap().success(), "{way:?}");
    }
}

#[test]
fn a_voice_is_told_from_pauses_noise_and_silence() {
    let (clean, noisy) = (recording("clean.wav"), recording("noisy.wav"));
    let (_, voices) = cleaned(&noisy);
    let level = |frame: &[f32]| frame.iter().map(|x| x * x).sum::<f32>() / FRAME as f32;
    let levels: Vec<f32> = clean.chunks_exact(FRAME).map(level).collect();
    let loudest = levels.iter().copied().fold(0.0, f32::max);
    // Of the second half, when the noise is known. A voice is what is at most 20 dB below the loudest frame; a pause is
    // far below it, in a row of frames, since a frame hears 10 ms of the one before.
    let (mut speech, mut pause) = (Vec::new(), Vec::new());
    for n in levels.len() / 2..levels.len().min(voices.len()) {
        if levels[n] > loudest * 1e-2 {
            speech.push(voices[n]);
        } else if levels[n - 20..n].iter().all(|level| *level < loudest * 1e-5) {
            pause.push(voices[n]);
        }
    }
    let mean = |all: &[f32]| all.iter().sum::<f32>() / all.len() as f32;
    println!(
        "{} frames of speech: {}, {} of pauses: {}",
        speech.len(),
        mean(&speech),
        pause.len(),
        mean(&pause)
    );
    assert!(speech.len() > 50 && mean(&speech) > 0.8, "{}", mean(&speech));
    assert!(pause.is_empty() || mean(&pause) < 0.2, "{}", mean(&pause));
    // Noise alone, after it is known, and silence.
    let noise: Vec<f32> = (0..480_000u32)
        .scan(1u32, |random, _| {
            *random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Some((*random >> 8) as f32 / (1 << 24) as f32 * 0.1 - 0.05)
        })
        .collect();
    let (_, voices) = cleaned(&noise);
    assert!(mean(&voices[300..]) < 0.1, "{}", mean(&voices[300..]));
    let (_, voices) = cleaned(&vec![0.0; 48_000]);
    assert!(voices.iter().all(|voice| *voice == 0.0));
}

#[test]
fn a_frame_allocates_nothing() {
    // SAFETY: a state until it is destroyed, and whole frames.
    unsafe {
        let state = rnnoise_create(null_mut());
        let mut frame = [1000.0f32; FRAME];
        let calls = measure(|| {
            for _ in 0..30 {
                rnnoise_process_frame(state, frame.as_mut_ptr(), frame.as_ptr());
            }
        });
        assert_eq!(calls, AllocationInfo::default());
        rnnoise_destroy(state);
    }
}

#[test]
fn what_is_made_is_freed() {
    let calls = measure(|| {
        let mut memory = [0u64; 16];
        let state: *mut DenoiseState = memory.as_mut_ptr().cast();
        assert!(rnnoise_get_size() as usize <= size_of_val(&memory));
        // SAFETY: C's memory for what RNNoise's destroy frees; the other is only made new, and its one denoiser lost.
        unsafe {
            rnnoise_destroy(rnnoise_create(null_mut()));
            assert_eq!(rnnoise_init(state, null_mut()), 0);
            assert_eq!(rnnoise_init(state, null_mut()), 0);
        }
    });
    let once = measure(|| {
        let mut memory = [0u64; 16];
        // SAFETY: as above.
        unsafe { rnnoise_init(memory.as_mut_ptr().cast(), null_mut()) };
    });
    println!("a denoiser takes {} bytes", once.bytes_current);
    // Made new is not made twice: what is left is what one init leaves.
    assert_eq!(calls.bytes_current, once.bytes_current);
}
