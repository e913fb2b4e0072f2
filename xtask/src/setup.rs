//! Installs what tests and tasks need and the machine lacks. Nothing that is there is changed.

use crate::program;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python packages that the tests need.
const REQUIREMENTS: &str = "tests/requirements.txt";

/// The Debian packages that all features are built with, and the sound servers that `aeden live` is tested with.
const SOUND: &[&str] = &[
    "clang",
    "dbus",
    "jackd2",
    "libasound2-dev",
    "libclang-dev",
    "libjack-jackd2-dev",
    "libpipewire-0.3-dev",
    "pipewire",
    "pipewire-pulse",
    "pkg-config",
    "pulseaudio",
    "pulseaudio-utils",
    "wireplumber",
];

/// The Debian packages that the tests of files other than WAV make those with.
const MEDIA: &[&str] = &["ffmpeg"];

/// What the plugin's standalone program is built with, by the names of Debian and of `pkg-config`.
pub const STANDALONE_PACKAGES: [&str; 3] = ["pkg-config", "libasound2-dev", "libjack-jackd2-dev"];
const STANDALONE_LIBRARIES: [&str; 2] = ["alsa", "jack"];

/// The Debian packages that the tests of the plugin need: Qtractor for its scanner, and a screen in memory with
/// a window manager and OpenGL, what hosts' windows are made with, and a program that takes pictures of it.
const HOSTS: &[&str] = &[
    "imagemagick",
    "libfreetype6",
    "libgl1",
    "libgl1-mesa-dri",
    "libglx-mesa0",
    "libx11-xcb1",
    "libxcursor1",
    "libxext6",
    "libxinerama1",
    "libxrandr2",
    "openbox",
    "qtractor",
    "xdotool",
    "xvfb",
];

/// Compilers for the programs that the C library is tested with, what watches their memory, and what reads LADSPA and LV2
/// and loads the filter of OBS.
const PROGRAMS: &[&str] = &[
    "g++",
    "gcc",
    "ladspa-sdk",
    "libobs-dev",
    "lilv-utils",
    "mono-mcs",
    "mono-runtime",
    "pkg-config",
    "valgrind",
];

/// What makes a package for Debian and looks at it, a root to install it in, and readers of other package managers' files.
const PACKAGING: &[&str] = &["appstream", "debootstrap", "dpkg-dev", "lintian", "ruby"];

/// The browser that opens the pages of `aeden report`, and the program that presses its keys.
const BROWSER: &[&str] = &["chromium", "chromium-driver"];

/// What runs the tests of the library for browsers.
const NODE: &[&str] = &["nodejs"];

/// Installs what all features are built with and what the tests need, and makes `.venv`. Only other hosts of the plugin,
/// compilers for other languages and the browser may be missing in the end: their tests are then skipped.
pub fn run() -> Result<()> {
    if cfg!(target_os = "linux") {
        install_missing(SOUND)?;
        install_missing(MEDIA)?;
    }
    if let Err(e) = install_missing(HOSTS) {
        eprintln!("{e:#}; without it some tests of the plugin are skipped");
    }
    if let Err(e) = install_missing(PROGRAMS) {
        eprintln!("{e:#}; without it some tests of the C library, LADSPA and LV2 are skipped");
    }
    if let Err(e) = install_missing(PACKAGING) {
        eprintln!("{e:#}; without it some tests of packages are skipped");
    }
    if let Err(e) = install_missing(BROWSER) {
        eprintln!("{e:#}; without it the pages of `aeden report` are not opened");
    }
    if program::find("node").is_none()
        && let Err(e) = install_missing(NODE)
    {
        eprintln!("{e:#}; without it the library for browsers is not tested");
    }
    test_python().map(|_| ())
}

/// Whether the plugin's standalone program can be built here.
pub fn can_build_standalone() -> bool {
    let mut pkg_config = Command::new("pkg-config");
    !cfg!(target_os = "linux") || program::succeeds(pkg_config.arg("--exists").args(STANDALONE_LIBRARIES))
}

/// The virtual environment of the tests: its Python program.
pub fn test_python() -> Result<PathBuf> {
    venv(Path::new(".venv"), Path::new(REQUIREMENTS))
}

/// ONNX Runtime's shared library in `.venv`.
pub fn onnx_runtime() -> Result<PathBuf> {
    let place = "import importlib.util as u; print(u.find_spec('onnxruntime').submodule_search_locations[0])";
    let package = program::output(Command::new(test_python()?).args(["-c", place]))?;
    let folder = Path::new(package.trim()).join("capi");
    let entries = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let names = entries.flatten().map(|e| e.path());
    let is_library = |file: &PathBuf| {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        ["libonnxruntime.so", "libonnxruntime.dylib", "onnxruntime.dll"]
            .iter()
            .any(|n| name.starts_with(n))
            || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
    };
    names
        .into_iter()
        .find(is_library)
        .with_context(|| format!("no library in {}", folder.display()))
}

/// Makes a virtual environment with the packages of a requirements file, if it does not stand already, and gives the
/// path of its Python program.
pub fn venv(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let python = std::path::absolute(folder.join("bin/python"))?;
    let wanted = std::fs::read_to_string(requirements).with_context(|| requirements.display().to_string())?;
    // Written last, so that an environment that was cut short is made again.
    let stamp = folder.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted)
        && program::succeeds(Command::new(&python).arg("--version"))
    {
        return Ok(python);
    }
    if !program::succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        packages(&["python3-venv"])?;
    }
    program::run(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
    ];
    program::run(Command::new(&python).args(install).arg(requirements))?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}

/// Those of some Debian packages that are not installed.
fn missing<'a>(names: &[&'a str]) -> Result<Vec<&'a str>> {
    // Fails for names that it has never heard of, and still prints the others.
    let list = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Abbrev}${Package}\n"])
        .args(names)
        .output()
        .context("dpkg-query, which Debian and Ubuntu have")?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let installed = |name: &str| list.lines().any(|line| line.strip_prefix("ii ") == Some(name));
    Ok(names.iter().copied().filter(|name| !installed(name)).collect())
}

/// Installs those of some Debian packages that are not there.
fn install_missing(names: &[&str]) -> Result<()> {
    match missing(names)?[..] {
        [] => Ok(()),
        ref names => packages(names),
    }
}

/// Installs Debian packages. Upgrades nothing.
pub fn packages(names: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get install {}", names.join(" "));
    if program::find("apt-get").is_none() {
        bail!(
            "this needs what Debian calls {}; install it and try again",
            names.join(" ")
        );
    }
    if program::output(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("only root can install packages; run `{by_hand}` as root, or this whole command");
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-qq", "-o", "DPkg::Lock::Timeout=600"]);
        apt
    };
    program::run(apt().arg("update"))?;
    program::run(
        apt()
            .args(["install", "--yes", "--no-install-recommends", "--no-upgrade"])
            .args(names),
    )
}
