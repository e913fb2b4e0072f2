//! Installs, uses and removes the package where nothing else is: in a bare root.

use super::deb;
use crate::bare_root::BareRoot;
use crate::program;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the root has beyond Debian's least: compilers for the C libraries, and what reads LADSPA and LV2.
pub const INCLUDED: [&str; 6] = [
    "ca-certificates",
    "gcc",
    "ladspa-sdk",
    "libc6-dev",
    "lilv-utils",
    "pkg-config",
];

/// What the script finds beside itself.
const MATERIAL: [(&str, &str); 5] = [
    ("script.sh", "xtask/src/package/bare_root.sh"),
    ("load.c", "xtask/src/package/load.c"),
    ("clean.c", "c/examples/clean.c"),
    ("program.c", "c/rnnoise/tests/program.c"),
    ("noisy.wav", "tests/fixtures/noisy.wav"),
];

/// Makes the package of what was built in a folder, installs, uses and removes it in a root with [`INCLUDED`], if there is one, and
/// gives its size.
pub fn check(built: &Path, root: Option<&BareRoot>) -> Result<String> {
    let package = deb::make(built)?;
    if program::find("lintian").is_some() {
        // Not asked: a package for each library, as in Debian itself, and notes on style.
        let mut lintian = Command::new("lintian");
        program::run(
            lintian
                .args(["--fail-on", "error", "--suppress-tags", NOT_ASKED])
                .arg(&package),
        )?;
    } else {
        println!("skipped: no lintian here");
    }
    if let Some(root) = root {
        let folder = root.path("root/material");
        fs::create_dir_all(&folder)?;
        for (name, from) in MATERIAL {
            fs::copy(from, folder.join(name)).with_context(|| from.to_owned())?;
        }
        fs::copy(&package, folder.join("aeden.deb"))?;
        program::run(&mut root.command(&["sh", "/root/material/script.sh"]))?;
    }
    let size = fs::metadata(&package)?.len();
    Ok(format!("{} {:.1} MB", package.display(), size as f64 / 1e6))
}

/// Tags of lintian that are about Debian's own archive.
const NOT_ASKED: &str = "no-changelog,embedded-library,unstripped-static-library";
