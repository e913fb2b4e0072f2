//! Installs, uses and removes the package where nothing else is: in a bare root of this Debian.

use super::deb;
use crate::program;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the root has beyond Debian's least: compilers for the C libraries, and what reads LADSPA and LV2.
const INCLUDED: &str = "ca-certificates,gcc,ladspa-sdk,libc6-dev,lilv-utils,pkg-config";

/// What the script finds beside itself.
const MATERIAL: [(&str, &str); 5] = [
    ("script.sh", "xtask/src/package/bare_root.sh"),
    ("load.c", "xtask/src/package/load.c"),
    ("clean.c", "c/examples/clean.c"),
    ("program.c", "c/rnnoise/tests/program.c"),
    ("noisy.wav", "tests/fixtures/noisy.wav"),
];

/// Why it cannot be done here, if it cannot.
pub fn missing() -> Result<Option<String>> {
    for name in ["debootstrap", "dpkg-shlibdeps", "unshare", "chroot"] {
        if program::find(name).is_none() {
            return Ok(Some(format!("no {name} here")));
        }
    }
    if program::output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Ok(Some("only root can make a root".to_owned()));
    }
    if !program::succeeds(Command::new("unshare").args(["--mount", "mount", "-t", "proc", "proc", "/proc"])) {
        return Ok(Some("this machine lets nobody mount".to_owned()));
    }
    Ok(None)
}

/// Makes the package of what was built in a folder and does all that; gives its size.
pub fn check(built: &Path) -> Result<String> {
    if let Some(why) = missing()? {
        bail!("{why}");
    }
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
    let root = package.with_file_name("bare");
    if let Err(error) = bare_root(&root) {
        println!("skipped: no bare Debian to install the package in: {error:#}");
        let _ = fs::remove_dir_all(&root);
        return size(&package);
    }
    let folder = root.join("root/material");
    fs::create_dir_all(&folder)?;
    for (name, from) in MATERIAL {
        fs::copy(from, folder.join(name)).with_context(|| from.to_owned())?;
    }
    fs::copy(&package, folder.join("aeden.deb"))?;
    // The mounts go with the name space.
    let inside = "mount -t proc proc \"$0/proc\" && mount --rbind /dev \"$0/dev\" && exec chroot \"$0\" \
                  /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin sh /root/material/script.sh";
    let done = program::run(
        Command::new("unshare")
            .args(["--mount", "sh", "-c", inside])
            .arg(&root),
    );
    fs::remove_dir_all(&root)?;
    done?;
    size(&package)
}

/// Tags of lintian that are about Debian's own archive.
const NOT_ASKED: &str = "no-changelog,embedded-library,unstripped-static-library";

/// Makes the root from this machine's package sources.
fn bare_root(root: &Path) -> Result<()> {
    let release = fs::read_to_string("/etc/os-release")?;
    let suite = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let sources = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"];
    let mirrors = program::output(Command::new("apt-get").args(sources))?;
    let mut debootstrap = Command::new("debootstrap");
    debootstrap
        .arg("--variant=minbase")
        .arg(format!("--include={INCLUDED}"));
    debootstrap
        .arg(suite.context("a release without a name")?)
        .arg(root);
    debootstrap.arg(mirrors.lines().next().context("no package source")?);
    program::output(&mut debootstrap)?;
    let apt = root.join("etc/apt");
    fs::remove_dir_all(&apt)?;
    for (from, to) in [
        ("/etc/apt", "etc"),
        ("/etc/resolv.conf", "etc"),
        ("/etc/hosts", "etc"),
        ("/etc/ssl/certs", "etc/ssl"),
    ] {
        let mut copy = Command::new("cp");
        program::output(
            copy.args(["--archive", "--dereference", "--remove-destination", from])
                .arg(root.join(to)),
        )?;
    }
    Ok(())
}

fn size(package: &Path) -> Result<String> {
    let size = fs::metadata(package)?.len();
    Ok(format!("{} {:.1} MB", package.display(), size as f64 / 1e6))
}
