//! The library for browsers: its WebAssembly, the package around it, the page, their tests and times.

use crate::{program, target};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TRIPLE: &str = "wasm32-unknown-unknown";

/// What browsers of this decade have.
const SIMD: &str = "target-feature=+simd128";

/// The profile of `Cargo.toml`. What the build needs on this machine lies in `target/browser`, not where the page goes, which is made anew.
const PROFILE: &str = "browser";

/// The networks that are fetched when they are asked for; `light` is in the module.
const NETWORKS: [&str; 2] = ["high", "best"];

/// What is built and shown.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Also run the tests, in a headless Chromium and in Node
    #[arg(long)]
    test: bool,
    /// Also print sizes, and times beside the RNNoise packages from npm, in the same Chromium
    #[arg(long)]
    bench: bool,
    /// Also take the pictures of the page in docs/web
    #[arg(long)]
    pictures: bool,
    /// Build with Debian's packages even where rustup's target is installed
    #[arg(long)]
    debian: bool,
}

/// Builds, and does what else is asked for.
///
/// # Errors
/// If something is missing, named, or fails.
pub fn run(options: &Options) -> Result<()> {
    let folder = build(options.debian)?;
    println!(
        "{}: the page; {}: the npm package",
        folder.display(),
        folder.join("aeden").display()
    );
    if options.test || options.pictures {
        program::run(Command::new("cargo").args(["build", "--package", "aeden-cli"]))?;
    }
    if options.test {
        test(&folder)?;
    }
    if options.pictures {
        script("pictures.mjs", &folder, &["docs/web"])?;
    }
    if options.bench {
        bench(&folder)?;
    }
    Ok(())
}

/// The reason why the tests cannot run here, if there is one. Without rustup's target this builds with Debian's packages, which
/// another Debian may not have.
pub fn missing() -> Result<Option<String>> {
    if chromium().is_none() {
        return Ok(Some("no chromium (Debian: chromium)".to_owned()));
    }
    if !has_node() {
        return Ok(Some("no Node.js 20 or newer (Debian 13: nodejs)".to_owned()));
    }
    if has_target()? {
        return Ok(None);
    }
    let built = build(true);
    Ok(built
        .err()
        .map(|e| format!("no WebAssembly target (rustup target add {TRIPLE}): {e:#}")))
}

/// Builds all but the program, which is there, and runs the tests.
///
/// # Errors
/// If something fails.
pub fn check() -> Result<String> {
    // The tests of the program have built it, with all features; to build it without would take minutes.
    test(&build(false)?).map(|()| "fine".to_owned())
}

fn test(folder: &Path) -> Result<()> {
    let build = [
        "build",
        "--release",
        "--package",
        "aeden-web",
        "--example",
        "reference",
    ];
    program::run(Command::new("cargo").args(build))?;
    let scratch = target().join("web-test");
    fs::create_dir_all(&scratch)?;
    let reference = format!("reference{}", std::env::consts::EXE_SUFFIX);
    let tests = crate::root().join("web/test");
    let mut files = Vec::new();
    for entry in fs::read_dir(&tests)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    files.sort();
    let mut node = node(folder)?;
    // One file after the other: browsers are large.
    node.args(["--expose-gc", "--test", "--test-concurrency=1"])
        .args(files);
    node.env(
        "AEDEN_REFERENCE",
        target().join("release/examples").join(reference),
    )
    .env("AEDEN_SCRATCH", &scratch);
    if has_target()? {
        let module = scratch.join("kernels.wasm");
        kernels(&module)?;
        node.env("AEDEN_KERNELS", module);
    }
    program::run(&mut node)
}

/// Compiles the tests of the kernels for browsers, without cargo: the other tests' crates are not all for them.
fn kernels(module: &Path) -> Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--test", "--edition", "2024", "--target", TRIPLE]);
    rustc.args(["-C", SIMD, "-C", "opt-level=2", "tests/kernels.rs", "-o"]);
    program::run(rustc.arg(module).current_dir(crate::root()))
}

/// Lints the crate as it is compiled for browsers, where that can be done.
///
/// # Errors
/// If there is something to mend.
pub fn lint() -> Result<Option<String>> {
    if !has_target()? {
        return Ok(None);
    }
    let mut cargo = Command::new("cargo");
    cargo.args([
        "clippy",
        "--locked",
        "--package",
        "aeden-web",
        "--lib",
        "--target",
        TRIPLE,
    ]);
    cargo
        .args(["--", "-D", "warnings"])
        .env("RUSTFLAGS", format!("-C {SIMD}"));
    program::run(&mut cargo).map(|()| Some("fine".to_owned()))
}

/// Prints sizes and times. The other packages come from npm into a folder that is left to be used again.
fn bench(folder: &Path) -> Result<()> {
    let peers = target().join("web-peers");
    fs::create_dir_all(&peers)?;
    let packages = ["@jitsi/rnnoise-wasm@0.2.1", "@shiguredo/rnnoise-wasm@2025.1.5"];
    let npm = [
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
    ];
    program::run(Command::new("npm").args(npm).arg(&peers).args(packages))?;
    script(
        "bench.mjs",
        folder,
        &[&peers.join("node_modules").to_string_lossy()],
    )
}

/// Runs a script of `web/test`.
fn script(name: &str, folder: &Path, arguments: &[&str]) -> Result<()> {
    let file = crate::root().join("web/test").join(name);
    program::run(node(folder)?.arg(file).args(arguments))
}

/// Node, which finds the browser and the files of the tests in its environment.
fn node(folder: &Path) -> Result<Command> {
    let mut node = Command::new(program::find("node").context("this needs Node.js 20 or newer")?);
    let aeden = format!("aeden{}", std::env::consts::EXE_SUFFIX);
    node.env("AEDEN_WEB", folder)
        .env("AEDEN_PROGRAM", target().join("debug").join(aeden))
        .env("AEDEN_MODELS", crate::root().join("models"))
        .env("AEDEN_NOISY", crate::root().join("tests/fixtures/noisy.wav"))
        .env(
            "CHROMIUM",
            chromium().context("this needs Chromium (Debian: chromium)")?,
        );
    Ok(node)
}

/// Where the browser is.
pub fn chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    names.into_iter().find_map(program::find)
}

/// Whether there is a Node whose test runner takes all that the tests ask of it.
fn has_node() -> bool {
    let version = program::output(Command::new("node").arg("--version")).unwrap_or_default();
    let major = version.trim().trim_start_matches('v').split('.').next();
    major
        .and_then(|major| major.parse().ok())
        .is_some_and(|major: u32| major >= 20)
}

fn has_target() -> Result<bool> {
    let arguments = ["--print", "target-libdir", "--target", TRIPLE];
    let folder = program::output(Command::new("rustc").args(arguments))?;
    Ok(Path::new(folder.trim()).is_dir())
}

/// Builds the module and lays everything out in `target/web`; gives that folder.
fn build(debian: bool) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--locked",
        "--package",
        "aeden-web",
        "--lib",
        "--profile",
        PROFILE,
        "--target",
        TRIPLE,
    ]);
    cargo.env("RUSTFLAGS", format!("-C {SIMD}"));
    let built = if debian || !has_target()? {
        let folder = target().join("web-debian");
        debians_rust(&mut cargo, &folder)?;
        cargo.arg("--target-dir").arg(folder.join("build"));
        folder.join("build")
    } else {
        target()
    };
    program::run(&mut cargo)?;
    let module = built.join(TRIPLE).join(PROFILE).join("aeden_web.wasm");
    lay_out(&module, &target().join("web"))
}

/// Lays out the page, and beneath it the package that it uses.
fn lay_out(module: &Path, folder: &Path) -> Result<PathBuf> {
    let root = crate::root();
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let package = folder.join("aeden");
    fs::create_dir_all(&package)?;
    copy_all(&root.join("web/page/files"), folder)?;
    copy_all(&root.join("web/page/alone"), folder)?;
    copy_all(&root.join("web/js"), &package)?;
    fs::create_dir(package.join("examples"))?;
    copy_all(&root.join("web/js/examples"), &package.join("examples"))?;
    copy(module, &package.join("aeden.wasm"))?;
    for name in NETWORKS {
        let file = format!("{name}.safetensors");
        copy(&root.join("models").join(name).join(&file), &package.join(&file))?;
    }
    for (from, to) in [
        ("web/package.json", "package.json"),
        ("docs/web.md", "README.md"),
        ("LICENSE-MIT", "LICENSE-MIT"),
        ("LICENSE-APACHE", "LICENSE-APACHE"),
    ] {
        copy(&root.join(from), &package.join(to))?;
    }
    Ok(folder.to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

/// The files of a folder, without those of folders in it.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            continue;
        }
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Lets cargo build with Debian's Rust, which brings the sources of a standard library for WebAssembly. Its packages are
/// unpacked into a folder and not installed, since they would take the place of the system's Rust.
fn debians_rust(cargo: &mut Command, folder: &Path) -> Result<()> {
    let by_rustup = format!("`rustup target add {TRIPLE}`");
    if ["apt-get", "apt-cache", "dpkg"]
        .into_iter()
        .any(|name| program::find(name).is_none())
    {
        bail!("this Rust has no {TRIPLE}, and this system no apt-get to fetch Debian's: {by_rustup}");
    }
    let depends = |package: &str, on: &str| -> Result<String> {
        let list = program::output(Command::new("apt-cache").args(["depends", package]))?;
        let names = list
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "));
        let name = names.into_iter().find(|name| name.starts_with(on));
        let why = || format!("Debian's {package} needs no {on}…: {by_rustup}, or another Debian");
        name.map(str::to_owned).with_context(why)
    };
    let rust = folder.join("rust");
    let done = folder.join("unpacked.txt");
    let library = depends("libstd-rust-web-dev", "libstd-rust-web-")?;
    let llvm = depends(&library, "libllvm")?;
    let version = llvm.trim_start_matches("libllvm");
    let packages = format!("rustc-web {library} libstd-rust-web-dev rust-web-src {llvm} lld-{version}");
    if fs::read_to_string(&done).is_ok_and(|text| text == packages) {
        eprintln!("Debian's Rust lies in {}", rust.display());
    } else {
        fs::create_dir_all(&rust)?;
        let mut download = Command::new("apt-get");
        program::run(
            download
                .current_dir(folder)
                .arg("download")
                .args(packages.split(' ')),
        )?;
        for entry in fs::read_dir(folder)? {
            let file = entry?.path();
            if file.extension().is_some_and(|ending| ending == "deb") {
                program::run(Command::new("dpkg").arg("-x").arg(&file).arg(&rust))?;
                fs::remove_file(file)?;
            }
        }
        fs::write(&done, packages)?;
    }
    let folder = std::path::absolute(rust.join("usr"))?;
    cargo
        .env("RUSTC", folder.join("bin/rustc"))
        .env("LD_LIBRARY_PATH", folder.join("lib/x86_64-linux-gnu"))
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
            folder.join(format!("bin/wasm-ld-{version}")),
        )
        // The standard library is built too, which only a Rust that thinks itself a nightly one does.
        .env("RUSTC_BOOTSTRAP", "1")
        .arg("-Zbuild-std=std,panic_abort");
    Ok(())
}
