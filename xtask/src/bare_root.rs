//! A Debian of this machine's release with nothing in it but what it is made with: a newcomer's machine.

use crate::program;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files and folders of this machine by which its packages come: sources, names, certificates, and the index of Python.
const WAYS: [(&str, &str); 5] = [
    ("/etc/apt", "etc"),
    ("/etc/resolv.conf", "etc"),
    ("/etc/hosts", "etc"),
    ("/etc/ssl/certs", "etc/ssl"),
    ("/etc/pip.conf", "etc"),
];

/// A root, which is removed when it is dropped.
pub struct BareRoot {
    folder: PathBuf,
}

impl BareRoot {
    /// Makes one in a folder that is there for it alone, with these Debian packages.
    ///
    /// # Errors
    /// Where none can be made: without root, debootstrap, mounts, or a mirror that answers.
    pub fn make(folder: &Path, packages: &[&str]) -> Result<BareRoot> {
        let folder = std::path::absolute(folder)?;
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        program::find("debootstrap").context("no debootstrap here")?;
        let mut mount = Command::new("unshare");
        program::output(mount.args(["--mount", "mount", "-t", "proc", "proc", "/proc"]))?;
        let release = fs::read_to_string("/etc/os-release")?;
        let mut lines = release.lines();
        let suite = lines.find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let sources = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"];
        let mirrors = program::output(Command::new("apt-get").args(sources))?;
        let root = BareRoot { folder };
        let mut debootstrap = Command::new("debootstrap");
        debootstrap.arg("--variant=minbase");
        debootstrap.arg(format!("--include={}", packages.join(",")));
        debootstrap.arg(suite.context("a release without a name")?);
        debootstrap.arg(&root.folder);
        debootstrap.arg(mirrors.lines().next().context("no package source")?);
        program::output(&mut debootstrap)?;
        fs::remove_dir_all(root.path("etc/apt"))?;
        for (from, to) in WAYS {
            if Path::new(from).exists() {
                let mut copy = Command::new("cp");
                copy.args(["--archive", "--dereference", "--remove-destination", from]);
                program::output(copy.arg(root.path(to)))?;
            }
        }
        program::output(&mut root.command(&["apt-get", "-qq", "update"]))?;
        Ok(root)
    }

    /// A path in it, from here.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.folder.join(inside)
    }

    /// A command in it, as root, in an environment that has nothing but ways to package indexes.
    pub fn command(&self, words: &[&str]) -> Command {
        // The mounts go with the name space.
        let inside = "mount -t proc proc \"$0/proc\" && mount --rbind /dev \"$0/dev\" && exec chroot \"$0\" /usr/bin/env -i \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", inside]).arg(&self.folder);
        command.args([
            "HOME=/root",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "PIP_DISABLE_PIP_VERSION_CHECK=1",
        ]);
        let ways = std::env::vars().filter(|(name, _)| name.starts_with("PIP_") || name.ends_with("_proxy"));
        command.args(ways.map(|(name, value)| format!("{name}={value}")));
        command.args(words);
        command
    }
}

impl Drop for BareRoot {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{}: {error}", self.folder.display());
        }
    }
}
