//! The files that packages have: the one list of them.

use super::notices;
use crate::bundle;
use crate::identity::VERSION;
use crate::prefix::{self, Prefix};
use crate::{program, setup};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages that are in it.
pub const PACKAGES: [&str; 5] = [
    "aeden-cli",
    "aeden-plugin",
    "aeden-c",
    "aeden-rnnoise",
    "aeden-lv2",
];

/// The unit that `aeden live --install-service` writes for one user.
const SERVICE: &str = "cli/src/commands/live/aeden-live.service";

/// The plugin as a program, with its entry in the menus of desktops, and the picture there.
const STANDALONE: &str = "aeden-standalone";
const STANDALONE_FEATURE: &str = "aeden-plugin/standalone";
const DESKTOP_ENTRY: (&str, &str) = ("plugin/aeden.desktop", "share/applications/aeden.desktop");
const ICON: (&str, &str) = (
    "web/page/files/logo.svg",
    "share/icons/hicolor/scalable/apps/aeden.svg",
);

/// Where shells look for completions below a prefix.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/aeden"),
    ("zsh", "share/zsh/site-functions/_aeden"),
    ("fish", "share/fish/vendor_completions.d/aeden.fish"),
];

/// Builds the release version of everything. Gives where it lies.
pub fn build() -> Result<PathBuf> {
    if !has_standalone() {
        println!(
            "left out: {STANDALONE}, which is in packages for Linux, and needs {} to be built",
            setup::STANDALONE_PACKAGES.join(", ")
        );
    }
    bundle::released(&PACKAGES, features())
}

/// The features with which the packages are built here.
fn features() -> &'static [&'static str] {
    if has_standalone() {
        &[STANDALONE_FEATURE]
    } else {
        &[]
    }
}

fn has_standalone() -> bool {
    cfg!(target_os = "linux") && setup::can_build_standalone()
}

/// Lays out what was built in a folder.
pub fn lay_out(to: &Prefix, built: &Path) -> Result<()> {
    let root = crate::root();
    let name = format!("aeden{}", std::env::consts::EXE_SUFFIX);
    let aeden = to.join("bin").join(&name);
    prefix::place(&built.join(&name), &aeden)?;
    program::run(
        Command::new(&aeden)
            .args(["man", "--all"])
            .arg(to.join("share/man/man1")),
    )?;
    for (shell, file) in COMPLETIONS {
        let text = program::output(Command::new(&aeden).args(["completions", shell]))?;
        prefix::write(&to.join(file), &text)?;
    }
    prefix::lay_out(to, root, built, VERSION)?;
    prefix::lay_out_rnnoise(to, root, built)?;
    prefix::lay_out_lv2(to, root, built)?;
    // Elsewhere hosts look for plugins outside any prefix: `cargo xtask bundle plugin --install`.
    if cfg!(target_os = "linux") {
        bundle::lay_out_plugin(to, built)?;
        let command = format!("{} live --virtual-mic", to.used_as.join("bin/aeden").display());
        let unit = fs::read_to_string(root.join(SERVICE)).context(SERVICE)?;
        let unit = unit.replace("ENVIRONMENT\n", "").replace("COMMAND", &command);
        prefix::write(&to.join("lib/systemd/user/aeden-live.service"), &unit)?;
    }
    let standalone = built.join(STANDALONE);
    if has_standalone() && standalone.exists() {
        prefix::place(&standalone, &to.join("bin").join(STANDALONE))?;
        for (from, at) in [DESKTOP_ENTRY, ICON] {
            prefix::place(&root.join(from), &to.join(at))?;
        }
    }
    let documents = to.join("share/doc/aeden");
    for name in ["LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        prefix::place(&root.join(name), &documents.join(name))?;
    }
    prefix::write(
        &documents.join("THIRD-PARTY"),
        &notices::of(&PACKAGES, features())?,
    )?;
    Ok(())
}
