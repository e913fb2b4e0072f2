//! Lays the libraries for other programs out below a prefix, as packages of Linux, macOS and Windows do.
//!
//! The tests of these libraries read this file too, so that they use what users get.

use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// Where files go.
#[derive(Clone, Debug)]
pub struct Prefix {
    /// The folder that they are put into.
    pub folder: PathBuf,
    /// The folder that it will be where it is used: another one while a package is made.
    pub used_as: PathBuf,
    /// What linkers search, below it: `lib`; in Debian the processor is in its name.
    pub libraries: String,
}

impl Prefix {
    /// A folder that is used where it lies.
    pub fn at(folder: &Path) -> Prefix {
        Prefix {
            folder: folder.to_owned(),
            used_as: folder.to_owned(),
            libraries: "lib".to_owned(),
        }
    }

    /// The place of a file below it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    fn libraries(&self) -> PathBuf {
        self.join(&self.libraries)
    }
}

/// A shared library and where it goes.
struct Shared {
    /// The name of the crate's library.
    built: &'static str,
    /// The name that programs link with.
    name: &'static str,
    /// The folder below that of libraries; Windows looks for programs' own elsewhere.
    folder: &'static str,
}

const C: Shared = Shared {
    built: "aeden_c",
    name: "aeden",
    folder: "",
};

const RNNOISE: Shared = Shared {
    built: "aeden_rnnoise",
    name: "rnnoise",
    // Not where linkers look: the real one may be installed too.
    folder: "aeden",
};

/// The part of the version that tells whether a program still fits, in the names of shared libraries.
const COMPATIBLE: &str = "0";

/// What pkg-config tells: it goes along when the prefix is moved. The private libraries are what Rust's own library needs.
const PKG_CONFIG: &str = concat!(
    "prefix=${pcfiledir}/UP
libdir=${prefix}/LIBRARIES
includedir=${prefix}/include

Name: aeden
Description: Takes noise out of speech, in real time
URL: ",
    env!("CARGO_PKG_REPOSITORY"),
    "
Version: VERSION
Libs: -L${libdir} -laeden
Libs.private: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
Cflags: -I${includedir}
"
);

/// Lays out what cargo has built in the folder `libraries`, from the repository at `root`, in place of what was there. Gives
/// the files.
pub fn lay_out(prefix: &Prefix, root: &Path, libraries: &Path, version: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let header = prefix.join("include/aeden.h");
    place(&root.join("c/include/aeden.h"), &header)?;
    files.push(header);
    files.extend(share(&C, prefix, libraries)?);
    let archive = if cfg!(target_env = "msvc") {
        ("aeden_c.lib", "aeden-static.lib")
    } else {
        ("libaeden_c.a", "libaeden.a")
    };
    let library = prefix.libraries().join(archive.1);
    place(&libraries.join(archive.0), &library)?;
    files.push(library);
    let description = prefix.libraries().join("pkgconfig/aeden.pc");
    let up = vec![".."; 1 + Path::new(&prefix.libraries).components().count()];
    let text = PKG_CONFIG
        .replace("UP", &up.join("/"))
        .replace("LIBRARIES", &prefix.libraries)
        .replace("VERSION", version);
    write(&description, &text)?;
    files.push(description);
    Ok(files)
}

/// Lays out the library with RNNoise's names, apart from where linkers look. Gives the files.
pub fn lay_out_rnnoise(prefix: &Prefix, root: &Path, libraries: &Path) -> Result<Vec<PathBuf>> {
    let header = prefix.join("include/aeden/rnnoise.h");
    place(&root.join("c/rnnoise/include/rnnoise.h"), &header)?;
    let mut files = vec![header];
    files.extend(share(&RNNOISE, prefix, libraries)?);
    Ok(files)
}

/// Lays out the LADSPA and LV2 plugins, and PipeWire's files for them. Gives the files.
pub fn lay_out_lv2(prefix: &Prefix, root: &Path, libraries: &Path) -> Result<Vec<PathBuf>> {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    let built = libraries.join(format!("{DLL_PREFIX}aeden_lv2{DLL_SUFFIX}"));
    let (ladspa, bundle) = (prefix.join("lib/ladspa"), prefix.join("lib/lv2/aeden.lv2"));
    let library = format!("aeden{DLL_SUFFIX}");
    let mut files = vec![ladspa.join(&library), bundle.join(&library)];
    for file in &files {
        place(&built, file)?;
    }
    let rewrite = |from: PathBuf, to: PathBuf, [word, by]: [&str; 2]| {
        let text = fs::read_to_string(&from).map_err(|e| named(e, &from))?;
        write(&to, &text.replace(word, by))?;
        Ok::<_, Error>(to)
    };
    for name in ["manifest.ttl", "aeden.ttl"] {
        let (from, to) = (root.join("lv2/aeden.lv2").join(name), bundle.join(name));
        files.push(rewrite(from, to, ["<aeden.so>", &format!("<{library}>")])?);
    }
    // PipeWire does not look in every prefix.
    let used = prefix.used_as.join("lib/ladspa").join(&library);
    let whole = format!("plugin = \"{}\"", used.display());
    for name in ["aeden-source.conf", "aeden-sink.conf"] {
        let (from, to) = (
            root.join("lv2/pipewire").join(name),
            prefix.join("share/aeden/pipewire").join(name),
        );
        files.push(rewrite(from, to, ["plugin = \"aeden\"", &whole])?);
    }
    Ok(files)
}

/// Compiles the filter for OBS with the header and the archive that [`lay_out`] has laid out, into `plugins/aeden`, as OBS wants
/// it. Gives the file.
pub fn lay_out_obs(plugins: &Path, root: &Path, c: &Prefix) -> Result<PathBuf> {
    let filter = plugins.join("aeden/bin/64bit/aeden.so");
    make_room(&filter)?;
    // OBS itself is not linked: it is there when it loads the filter.
    let script = "exec cc -std=c11 -Wall -Wextra -Werror -O2 -fPIC -shared -Wl,--exclude-libs,ALL -Wl,--gc-sections -s -o \"$0\" \
                  \"$1\" -I\"$2\" $(pkg-config --cflags libobs) \"$3\" -lgcc_s -lm -lpthread -ldl";
    let mut compiler = std::process::Command::new("sh");
    compiler
        .args(["-c", script])
        .arg(&filter)
        .arg(root.join("obs/aeden.c"));
    compiler
        .arg(c.join("include"))
        .arg(c.libraries().join("libaeden.a"));
    let output = compiler.output()?;
    if output.status.success() {
        return Ok(filter);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let why = format!("the filter for OBS needs cc, pkg-config and what Debian calls libobs-dev: {said}");
    Err(Error::other(why))
}

/// Places a shared library under the names that this system's linkers and loaders look for.
fn share(library: &Shared, prefix: &Prefix, libraries: &Path) -> Result<Vec<PathBuf>> {
    let Shared { built, name, folder } = library;
    let folder = prefix.libraries().join(folder);
    if cfg!(windows) {
        let dll = prefix.join(format!("bin/{name}.dll"));
        place(&libraries.join(format!("{built}.dll")), &dll)?;
        let (from, to) = if cfg!(target_env = "msvc") {
            (format!("{built}.dll.lib"), format!("{name}.lib"))
        } else {
            (format!("lib{built}.dll.a"), format!("lib{name}.dll.a"))
        };
        let import = folder.join(to);
        place(&libraries.join(from), &import)?;
        return Ok(vec![dll, import]);
    }
    let (from, whole, link) = if cfg!(target_os = "macos") {
        (
            format!("lib{built}.dylib"),
            format!("lib{name}.{COMPATIBLE}.dylib"),
            format!("lib{name}.dylib"),
        )
    } else {
        (
            format!("lib{built}.so"),
            format!("lib{name}.so.{COMPATIBLE}"),
            format!("lib{name}.so"),
        )
    };
    let (library, link) = (folder.join(&whole), folder.join(link));
    place(&libraries.join(from), &library)?;
    make_room(&link)?;
    #[cfg(unix)]
    std::os::unix::fs::symlink(&whole, &link).map_err(|e| named(e, &link))?;
    Ok(vec![library, link])
}

/// Copies a file. What is there is not written into, because a running program may have it mapped.
pub fn place(from: &Path, to: &Path) -> Result<()> {
    make_room(to)?;
    fs::copy(from, to).map_err(|e| named(e, from))?;
    Ok(())
}

/// Writes a text in place of what is there.
pub fn write(file: &Path, text: &str) -> Result<()> {
    make_room(file)?;
    fs::write(file, text).map_err(|e| named(e, file))
}

/// Makes the folder of a file, and takes away what has its name.
fn make_room(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|e| named(e, folder))?;
    match fs::remove_file(file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(named(e, file)),
        _ => Ok(()),
    }
}

fn named(error: Error, path: &Path) -> Error {
    Error::new(error.kind(), format!("{}: {error}", path.display()))
}
