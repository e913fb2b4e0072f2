//! The plugin in hosts that others wrote, as far as registries have them: pedalboard and DawDreamer from PyPI, which
//! are built on JUCE like many DAWs, and the scanner of the DAW Qtractor from Debian.
//!
//! What is missing is said and skipped; `cargo xtask test` installs it.

use crate::bundles::{Loaded, built, each};
use crate::screen::Screen;
use crate::sound::{Sound, assert_same, library};
use aeden_plugin_host::Format;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The sample recording, mono.
pub fn recording() -> Vec<f32> {
    let mut file = hound::WavReader::open(in_repository("tests/fixtures/noisy.wav")).unwrap();
    file.samples::<i16>()
        .map(|x| f32::from(x.unwrap()) / 32768.0)
        .collect()
}

pub fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Writes floats, so that nothing is rounded on the way.
pub fn write(path: &Path, sample_rate: u32, sound: &[Vec<f32>]) {
    let spec = hound::WavSpec {
        channels: sound.len() as u16,
        sample_rate,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut file = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..sound[0].len() {
        for channel in sound {
            file.write_sample(channel[n]).unwrap();
        }
    }
    file.finalize().unwrap();
}

pub fn read(path: &Path) -> Sound {
    let mut file = hound::WavReader::open(path).unwrap();
    let channels = usize::from(file.spec().channels);
    let mut sound = vec![Vec::new(); channels];
    for (i, x) in file.samples::<f32>().enumerate() {
        sound[i % channels].push(x.unwrap());
    }
    sound
}

/// Cleans a file by the program, as in real time and as a new instance of the plugin does.
fn clean(aeden: &Path, input: &Path, output: &Path) {
    succeed(Command::new(aeden).arg("clean").args([input, output]).args([
        "--overwrite",
        "--quiet",
        "--quality",
        "high",
        "--streaming",
        "--limit",
        "18",
    ]));
}

/// Python with a package, in the environment that `cargo xtask setup` makes.
pub fn python_with(package: &str) -> Option<Command> {
    let python = in_repository(".venv/bin/python");
    let has = |python: &Path| {
        Command::new(python)
            .args(["-c", &format!("import {package}")])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    if !has(&python) {
        println!(
            "skipped: no {package} in {}; `cargo xtask setup` installs it",
            python.display()
        );
        return None;
    }
    // Without a name of a screen JUCE would take the first one, which may be another test's and go at any time.
    let mut python = Command::new(python);
    python.env("DISPLAY", ":none");
    Some(python)
}

/// Runs a script of `tests/python`, and gives what it printed.
fn run(mut python: Command, script: &str, arguments: &[&std::ffi::OsStr]) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(script);
    succeed(python.arg(script).args(arguments))
}

pub fn succeed(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("to be run");
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// Whether the formats' bundle is VST3, the one that both Python hosts take.
fn is_vst3(loaded: &Loaded) -> bool {
    loaded.format == Format::Vst3
}

#[test]
fn pedalboard_s_output_is_that_of_aeden_clean() {
    let (Some(aeden), Some(_)) = (built("aeden", "aeden-cli"), python_with("pedalboard")) else {
        return;
    };
    each(|loaded| {
        if !is_vst3(loaded) {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (input, output, expected) = (file("in.wav"), file("out.wav"), file("expected.wav"));
        let mono = recording();
        let later = mono[9000..]
            .iter()
            .chain(&mono[..9000])
            .map(|x| 0.7 * x)
            .collect();
        let stereo = [mono.clone(), later];
        for (rate, sound, block) in [
            (48_000, &stereo[..1], "512"),
            (48_000, &stereo[..], "8192"),
            (44_100, &stereo[..], "441"),
            (16_000, &stereo[..1], "64"),
            (96_000, &stereo[..], "1024"),
            (192_000, &stereo[..1], "1000"),
        ] {
            write(&input, rate, sound);
            clean(&aeden, &input, &expected);
            let python = python_with("pedalboard").expect("as above");
            let arguments = [
                loaded.path.as_os_str(),
                input.as_os_str(),
                output.as_os_str(),
                block.as_ref(),
            ];
            run(python, "render_in_pedalboard.py", &arguments);
            let what = format!("{rate} Hz, {} channels", sound.len());
            let null = assert_same(&read(&output), &read(&expected), &what);
            println!("{what}: {null:.1} dB");
        }
    });
}

#[test]
fn states_survive_pedalboard() {
    each(|loaded| {
        if let (true, Some(python)) = (is_vst3(loaded), python_with("pedalboard")) {
            run(python, "state_in_pedalboard.py", &[loaded.path.as_os_str()]);
        }
    });
}

#[test]
fn dawdreamer_s_output_is_late_by_the_latency_and_that_of_aeden_clean() {
    let (Some(aeden), Some(_)) = (built("aeden", "aeden-cli"), python_with("dawdreamer")) else {
        return;
    };
    each(|loaded| {
        if !is_vst3(loaded) {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (input, output, expected) = (file("in.wav"), file("out.wav"), file("expected.wav"));
        for (rate, block) in [(48_000, "512"), (44_100, "100")] {
            write(&input, rate, &[recording(), recording()]);
            clean(&aeden, &input, &expected);
            let python = python_with("dawdreamer").expect("as above");
            let arguments = [
                loaded.path.as_os_str(),
                input.as_os_str(),
                output.as_os_str(),
                block.as_ref(),
                folder.path().as_os_str(),
            ];
            let latency = library(rate, 2).latency();
            let told = run(python, "render_in_dawdreamer.py", &arguments);
            assert!(
                told.contains(&format!("{{\"latency\": {latency}}}")),
                "{told}, not {latency}"
            );
            let late: Sound = read(&output).iter().map(|c| c[latency..].to_vec()).collect();
            let clean: Sound = read(&expected)
                .iter()
                .map(|c| c[..c.len() - latency].to_vec())
                .collect();
            let null = assert_same(&late, &clean, &format!("{rate} Hz"));
            println!("{rate} Hz: {null:.1} dB");
        }
    });
}

#[test]
fn dawdreamer_draws_the_editor() {
    each(|loaded| {
        let (true, Some(mut python)) = (is_vst3(loaded), python_with("dawdreamer")) else {
            return;
        };
        let Some(screen) = Screen::new() else { return };
        // Kept, so that people can look at it.
        let picture = in_repository("target/editor.png");
        python.env("DISPLAY", screen.display());
        let arguments = [loaded.path.as_os_str(), picture.as_os_str()];
        let colours = run(python, "editor_in_dawdreamer.py", &arguments);
        println!("{}: {} colours", picture.display(), colours.trim());
    });
}

#[test]
fn qtractor_s_scanner_lists_the_plugin() {
    // Debian puts it beside its libraries, in a folder named for the machine. It is built without VST3 there.
    let Some(scanner) = below("/usr/lib", "qtractor/qtractor_plugin_scan") else {
        println!("skipped: no qtractor_plugin_scan; `cargo xtask setup` installs it");
        return;
    };
    each(|loaded| {
        if is_vst3(loaded) {
            return;
        }
        let mut scanner = Command::new(&scanner)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("to be run");
        let request = format!("CLAP:{}\n", loaded.path.display());
        // Dropped at the end, which ends the scanner.
        scanner
            .stdin
            .take()
            .expect("an input")
            .write_all(request.as_bytes())
            .unwrap();
        let output = scanner.wait_with_output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}: {found}", output.status);
        // Name, and channels of sound in and out.
        assert!(found.starts_with("CLAP|aeden|2:2|"), "{found:?}");
    });
}

/// The first file at a path below one of a folder's folders.
fn below(folder: &str, path: &str) -> Option<PathBuf> {
    let mut folders = std::fs::read_dir(folder).ok()?.flatten();
    folders.find_map(|entry| Some(entry.path().join(path)).filter(|file| file.is_file()))
}
