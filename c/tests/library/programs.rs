//! Programs in C, C++ and C#, built by their compilers alone, give the samples of [`aeden::Denoiser`], bit for bit.

use super::Random;
use aeden::{Config, Denoiser, Link, Model};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[expect(dead_code, reason = "each library lays out its own part")]
#[path = "../../../xtask/src/prefix.rs"]
pub mod prefix;

/// The library as it is installed, and room for programs.
pub struct Installed {
    pub folder: tempfile::TempDir,
}

pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    let command = command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let there = command.status().is_ok_and(|status| status.success());
    if !there {
        println!("skipped: no {program} here");
    }
    there
}

/// Does what `cargo xtask bundle c --install` does with the library that was built for the tests.
pub fn install(folder: &Path) {
    let test = std::env::current_exe().unwrap();
    let place = prefix::Prefix::at(folder);
    prefix::lay_out(
        &place,
        &source(".."),
        test.parent().unwrap(),
        env!("CARGO_PKG_VERSION"),
    )
    .unwrap();
}

impl Installed {
    pub fn new() -> Installed {
        let folder = tempfile::tempdir().unwrap();
        install(folder.path());
        Installed { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What pkg-config says, or the same by hand where there is none.
    fn flags(&self) -> Vec<String> {
        let mut pkg_config = Command::new("pkg-config");
        pkg_config.args(["--cflags", "--libs", "aeden"]);
        match pkg_config
            .env("PKG_CONFIG_PATH", self.path("lib/pkgconfig"))
            .output()
        {
            Ok(output) if output.status.success() => {
                let flags = String::from_utf8(output.stdout).unwrap();
                flags.split_whitespace().map(str::to_owned).collect()
            }
            _ => {
                println!("skipped: no pkg-config here");
                let of = |letter, folder| format!("-{letter}{}", self.path(folder).display());
                vec![of("I", "include"), of("L", "lib"), "-laeden".to_owned()]
            }
        }
    }

    /// Compiles a source with all warnings as errors.
    fn compile(&self, compiler: &str, more: &[&str], name: &str, libraries: &[String]) -> PathBuf {
        let program = self.path("program");
        let mut command = Command::new(compiler);
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-g", "-o"]);
        command.arg(&program).args(more).arg(source(name));
        // What follows is no source of the language that may have been chosen.
        command.args(["-x", "none"]).args(libraries);
        command.args(["-lm", "-pthread"]);
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        program
    }

    /// Runs a program with something to read, and gives what it writes.
    fn run(&self, program: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut command = Command::new(program);
        command.args(arguments).env("LD_LIBRARY_PATH", self.path("lib"));
        command.env("DYLD_LIBRARY_PATH", self.path("lib"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || pipe.write_all(input));
            child.wait_with_output().unwrap()
        });
        assert!(
            output.status.success(),
            "{program:?} {arguments:?}: {}",
            output.status
        );
        output.stdout
    }
}

pub fn bytes(samples: impl IntoIterator<Item = f32>) -> Vec<u8> {
    samples.into_iter().flat_map(f32::to_ne_bytes).collect()
}

pub fn bytes_of_i16(samples: impl IntoIterator<Item = i16>) -> Vec<u8> {
    samples.into_iter().flat_map(i16::to_ne_bytes).collect()
}

/// The crate's own result.
pub fn cleaned(model: &Model, config: &Config, channels: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut denoiser = Denoiser::with_model(model, config).unwrap();
    let mut channels = channels.to_vec();
    denoiser.process(&mut channels.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
    channels
}

fn interleaved<T: Copy>(channels: &[Vec<T>]) -> Vec<T> {
    let frames = 0..channels[0].len();
    frames.flat_map(|n| channels.iter().map(move |c| c[n])).collect()
}

pub fn same(what: &str, is: &[u8], should: &[u8]) {
    assert_eq!(is.len(), should.len(), "{what}");
    let first = is.iter().zip(should).position(|(a, b)| a != b);
    assert_eq!(first, None, "{what}: first byte that differs, of {}", is.len());
}

/// Every layout, format, link and quality, from one C program.
fn ways(compiler: &str, more: &[&str], is_static: bool) {
    let installed = Installed::new();
    let mut flags = installed.flags();
    if is_static {
        flags.retain(|flag| !flag.starts_with("-laeden"));
        flags.push(installed.path("lib/libaeden.a").display().to_string());
        flags.push("-ldl".to_owned());
    }
    let program = installed.compile(compiler, more, "tests/ways.c", &flags);
    let file = source("../models/light/light.safetensors");
    for (rate, channels, quality, link, own) in [
        (48_000, 1, "0", Link::Linked, false),
        (44_100, 2, "1", Link::Linked, false),
        (16_000, 2, "0", Link::Independent, false),
        (48_000, 5, "1", Link::Linked, true),
    ] {
        let noise: Vec<Vec<f32>> = (0..channels).map(|c| Random(c).noise(30_000)).collect();
        let coarse: Vec<Vec<i16>> = noise
            .iter()
            .map(|c| c.iter().map(|x| (x * 50_000.0) as i16).collect())
            .collect();
        let model = if quality == "0" || own {
            Model::light()
        } else {
            Model::high()
        };
        let config = Config::new(rate, channels as usize).link(link);
        let floats = cleaned(&model, &config, &noise);
        let fine: Vec<Vec<f32>> = coarse
            .iter()
            .map(|c| c.iter().map(|x| f32::from(*x) / 32_768.0).collect())
            .collect();
        let integers: Vec<Vec<i16>> = cleaned(&model, &config, &fine)
            .iter()
            .map(|c| c.iter().map(|x| (x * 32_768.0).round() as i16).collect())
            .collect();
        let (rate, count) = (rate.to_string(), channels.to_string());
        let link = if link == Link::Linked { "0" } else { "1" };
        for (layout, format) in [
            ("planar", "f32"),
            ("interleaved", "f32"),
            ("planar", "i16"),
            ("interleaved", "i16"),
        ] {
            let (input, should) = match (layout, format) {
                ("planar", "f32") => (bytes(noise.concat()), bytes(floats.concat())),
                ("planar", _) => (bytes_of_i16(coarse.concat()), bytes_of_i16(integers.concat())),
                (_, "f32") => (bytes(interleaved(&noise)), bytes(interleaved(&floats))),
                _ => (
                    bytes_of_i16(interleaved(&coarse)),
                    bytes_of_i16(interleaved(&integers)),
                ),
            };
            for place in ["place", "apart"] {
                let mut arguments = vec![&rate[..], &count, quality, link, layout, format, place];
                arguments.extend(own.then_some(file.to_str().unwrap()));
                let is = installed.run(&program, &arguments, &input);
                same(&format!("{compiler} {arguments:?}"), &is, &should);
            }
        }
    }
}

#[test]
fn a_c_program_gets_the_samples_of_the_crate() {
    if is_there("gcc") {
        ways("gcc", &["-std=c99"], false);
    }
}

#[test]
fn a_program_that_is_linked_statically_gets_them_too() {
    if is_there("g++") {
        ways("g++", &["-x", "c++", "-Wno-pedantic"], true);
    }
}

#[test]
fn a_cpp_program_with_threads_gets_them_too() {
    if !is_there("g++") {
        return;
    }
    let installed = Installed::new();
    let program = installed.compile("g++", &["-std=c++14"], "tests/planar.cpp", &installed.flags());
    let noise = Random(3).noise(60_000);
    let both = [noise.clone(), noise.iter().rev().copied().collect()];
    let config = Config::new(44_100, 2).link(Link::Independent);
    let should = cleaned(&Model::light(), &config, &both).concat();
    let is = installed.run(&program, &[], &bytes(noise));
    same("planar.cpp", &is, &bytes(should));
}

/// What the examples give: in step with the input.
fn in_step(channels: &[Vec<f32>]) -> Vec<u8> {
    let mut denoiser = Denoiser::new(44_100, channels.len()).unwrap();
    let mut channels = channels.to_vec();
    denoiser.process_recording(&mut channels.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
    bytes(interleaved(&channels))
}

#[test]
fn the_example_in_c_cleans_a_stream() {
    if !is_there("gcc") {
        return;
    }
    let installed = Installed::new();
    let program = installed.compile("gcc", &[], "examples/clean.c", &installed.flags());
    let noise = [Random(1).noise(30_011), Random(2).noise(30_011)];
    let is = installed.run(&program, &["44100", "2"], &bytes(interleaved(&noise)));
    same("clean.c", &is, &in_step(&noise));
    let mut wrong = Command::new(&program);
    wrong
        .args(["5", "2"])
        .env("LD_LIBRARY_PATH", installed.path("lib"));
    let refused = wrong.output().unwrap();
    let line = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(line, "clean: the sample rate must be 8000 to 192000 Hz, not 5\n");
}

#[test]
fn the_example_in_c_sharp_cleans_a_stream() {
    if !is_there("mcs") || !is_there("mono") {
        return;
    }
    let installed = Installed::new();
    let program = installed.path("Clean.exe");
    let mut compiler = Command::new("mcs");
    let compiler = compiler
        .arg("-warnaserror")
        .arg(format!("-out:{}", program.display()));
    assert!(
        compiler
            .arg(source("examples/Clean.cs"))
            .status()
            .unwrap()
            .success()
    );
    let noise = [Random(1).noise(30_011), Random(2).noise(30_011)];
    let arguments = [program.to_str().unwrap(), "44100", "2"];
    let is = installed.run(Path::new("mono"), &arguments, &bytes(interleaved(&noise)));
    same("Clean.cs", &is, &in_step(&noise));
}

#[test]
fn misuse_is_refused_and_valgrind_has_no_complaint() {
    if !is_there("gcc") {
        return;
    }
    let installed = Installed::new();
    let debug: &[&str] = if cfg!(debug_assertions) {
        &["-DDEBUG_LIBRARY"]
    } else {
        &[]
    };
    let program = installed.compile("gcc", debug, "tests/misuse.c", &installed.flags());
    assert_eq!(installed.run(&program, &[], &[]), b"all refused\n");
    if is_there("valgrind") {
        let arguments = ["--quiet", "--error-exitcode=9", program.to_str().unwrap()];
        assert_eq!(
            installed.run(Path::new("valgrind"), &arguments, &[]),
            b"all refused\n"
        );
        let program = installed.compile("gcc", &[], "tests/ways.c", &installed.flags());
        let noise = bytes(Random(1).noise(10_000));
        let ways = [
            &arguments[..2],
            &[
                program.to_str().unwrap(),
                "44100",
                "1",
                "0",
                "0",
                "planar",
                "f32",
                "apart",
            ],
        ];
        installed.run(Path::new("valgrind"), &ways.concat(), &noise);
    }
}
