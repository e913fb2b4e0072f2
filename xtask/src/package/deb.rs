//! A package for Debian and Ubuntu, made by dpkg-deb of the [tree] that all packages have.

use super::about::{HOMEPAGE, MAINTAINER, REPOSITORY, SUMMARY};
use super::tree;
use crate::identity::VERSION;
use crate::prefix::{self, Prefix};
use crate::{bundle, program, setup};
use anyhow::{Context, Result, bail};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What has the tools that look for the libraries of others, and name the architecture.
const TOOLS: &str = "dpkg-dev";

/// What follows the summary.
const DESCRIPTION: &str = "
 aeden cleans recordings and the sound of films, and a microphone while it is
 in use, with denoising autoencoders on spectrograms, on one CPU core.
 .
 The package has the program with its user service, one with a window for the
 microphone, plugins (VST3, CLAP, LV2, LADSPA, files for PipeWire), a C library
 with its header, and one under the names of RNNoise, in a folder of its own.";

/// Makes it of what was built in a folder, and gives its place: `target/deb/aeden_VERSION_ARCHITECTURE.deb`.
pub fn make(built: &Path) -> Result<PathBuf> {
    if !cfg!(target_os = "linux") {
        bail!("packages for Debian are made on Linux");
    }
    if program::find("dpkg-shlibdeps").is_none() {
        setup::packages(&[TOOLS])?;
    }
    let ask = |program: &str, argument: &str| {
        program::output(Command::new(program).arg(argument)).map(|text| text.trim().to_owned())
    };
    let architecture = ask("dpkg", "--print-architecture")?;
    let folder = std::path::absolute(crate::target().join("deb"))?;
    let root = folder.join("root");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    let usr = Prefix {
        folder: root.join("usr"),
        used_as: "/usr".into(),
        libraries: format!("lib/{}", ask("dpkg-architecture", "-qDEB_HOST_MULTIARCH")?),
    };
    tree::lay_out(&usr, built)?;
    as_debian_wants(&usr)?;
    strip(&root)?;
    for file in bundle::files(&root)? {
        // Libraries too: Debian marks programs alone.
        let mode = if file.starts_with(usr.join("bin")) {
            0o755
        } else {
            0o644
        };
        if !file.is_symlink() {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode))?;
        }
    }
    let control = root.join("DEBIAN");
    let fields = [
        ("Package", "aeden".to_owned()),
        ("Version", VERSION.to_owned()),
        ("Architecture", architecture.clone()),
        ("Maintainer", MAINTAINER.to_owned()),
        ("Installed-Size", kibibytes(&root)?.to_string()),
        ("Depends", depends(&folder, &root)?),
        ("Recommends", "ffmpeg".to_owned()),
        ("Section", "sound".to_owned()),
        ("Priority", "optional".to_owned()),
        ("Homepage", HOMEPAGE.to_owned()),
        ("Description", format!("{SUMMARY}{DESCRIPTION}")),
    ];
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let sums = md5sums(&root)?;
    prefix::write(&control.join("md5sums"), &sums)?;
    prefix::write(&control.join("control"), &fields)?;
    prefix::write(&control.join("triggers"), "activate-noawait ldconfig\n")?;
    prefix::write(
        &control.join("shlibs"),
        &format!("libaeden 0 aeden (>= {VERSION})\n"),
    )?;
    let package = folder.join(format!("aeden_{VERSION}_{architecture}.deb"));
    let mut command = Command::new("dpkg-deb");
    command
        .args(["--build", "--root-owner-group"])
        .arg(&root)
        .arg(&package);
    // The same commit gives the same package.
    if let Ok(time) = program::output(Command::new("git").args(["log", "-1", "--format=%ct"])) {
        command.env("SOURCE_DATE_EPOCH", time.trim());
    }
    program::run(&mut command)?;
    fs::remove_dir_all(&root)?;
    Ok(package)
}

/// Moves and packs what Debian has elsewhere or packed.
fn as_debian_wants(usr: &Prefix) -> Result<()> {
    let rename = |from: &str, to: &str| {
        let (from, to) = (usr.join(from), usr.join(to));
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::rename(&from, &to).with_context(|| from.display().to_string())
    };
    rename(
        "share/zsh/site-functions/_aeden",
        "share/zsh/vendor-completions/_aeden",
    )?;
    fs::remove_dir(usr.join("share/zsh/site-functions"))?;
    let documents = "share/doc/aeden";
    rename(
        &format!("{documents}/CHANGELOG.md"),
        &format!("{documents}/changelog"),
    )?;
    let mit = fs::read_to_string(usr.join(format!("{documents}/LICENSE-MIT")))?;
    prefix::write(&usr.join(format!("{documents}/copyright")), &copyright(&mit)?)?;
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::remove_file(usr.join(documents).join(name))?;
    }
    let mut packed = bundle::files(&usr.join("share/man"))?;
    packed.extend(["changelog", "THIRD-PARTY"].map(|name| usr.join(documents).join(name)));
    program::run(Command::new("gzip").args(["-9", "--no-name"]).args(packed))
}

/// Takes symbols out that only debuggers need, as Debian's packages do.
fn strip(root: &Path) -> Result<()> {
    let files = bundle::files(root)?;
    // Whoever links with an archive needs its names.
    let is_archive = |file: &&PathBuf| file.extension().is_some_and(|ending| ending == "a");
    let strip = |what: &str, files: Vec<&PathBuf>| program::run(Command::new("strip").arg(what).args(files));
    strip("--strip-debug", files.iter().filter(is_archive).collect())?;
    strip(
        "--strip-unneeded",
        files.iter().filter(|file| is_code(file)).collect(),
    )
}

/// Whether a file is a program or a shared library.
fn is_code(file: &Path) -> bool {
    let is_library = [".so", ".so.0", ".clap"]
        .iter()
        .any(|end| file.to_string_lossy().ends_with(end));
    let is_program = file.parent().is_some_and(|folder| folder.ends_with("bin"));
    !file.is_symlink() && (is_library || is_program)
}

/// The licence, in the form of Debian's packages.
fn copyright(mit: &str) -> Result<String> {
    let (holder, text) = mit
        .split_once("\n\nPermission")
        .context("LICENSE-MIT has another text")?;
    let holder = holder
        .lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("Copyright ");
    let text = format!("Permission{text}");
    let text: String = text
        .trim_end()
        .lines()
        .map(|line| {
            if line.is_empty() {
                " .\n".to_owned()
            } else {
                format!(" {line}\n")
            }
        })
        .collect();
    Ok(format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: aeden\n\
         Source: {}\n\
         Comment: The licences of the crates that are linked in are in THIRD-PARTY.gz.\n\
         \n\
         Files: *\n\
         Copyright: {holder}\n\
         License: Expat or Apache-2.0\n\
         \n\
         License: Expat\n\
         {text}\n\
         License: Apache-2.0\n \
         In /usr/share/common-licenses/Apache-2.0.\n",
        REPOSITORY,
    ))
}

/// The packages of the libraries that ours are linked with, as dpkg-shlibdeps finds them.
fn depends(folder: &Path, root: &Path) -> Result<String> {
    prefix::write(
        &folder.join("debian/control"),
        "Source: aeden\n\nPackage: aeden\nArchitecture: any\n",
    )?;
    let mut command = Command::new("dpkg-shlibdeps");
    command.current_dir(folder).arg("-O");
    command.args(bundle::files(root)?.iter().filter(|file| is_code(file)));
    let found = program::output(&mut command)?;
    fs::remove_dir_all(folder.join("debian"))?;
    let found = found.trim().strip_prefix("shlibs:Depends=");
    Ok(found.context("dpkg-shlibdeps found no library")?.to_owned())
}

fn kibibytes(root: &Path) -> Result<u64> {
    let sizes = bundle::files(root)?;
    let sizes = sizes
        .iter()
        .map(|file| Ok(fs::symlink_metadata(file)?.len().div_ceil(1024)));
    sizes.sum()
}

/// A line for every file, as `dpkg --verify` reads it.
fn md5sums(root: &Path) -> Result<String> {
    let mut command = Command::new("md5sum");
    command.current_dir(root);
    for file in bundle::files(root)? {
        if !file.is_symlink() {
            command.arg(file.strip_prefix(root)?);
        }
    }
    program::output(&mut command)
}
