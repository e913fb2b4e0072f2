//! Lays the libraries for other programs out below a prefix, as packages of Linux, macOS and Windows do.
//!
//! The tests of these libraries read this file too, so that they use what users get.

use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

/// A shared library and where it goes.
struct Shared {
    /// The name of the crate's library.
    built: &'static str,
    /// The name that programs link with.
    name: &'static str,
    /// The folder below the prefix; Windows looks for programs' own elsewhere.
    folder: &'static str,
}

const C: Shared = Shared {
    built: "aeden_c",
    name: "aeden",
    folder: "lib",
};

const RNNOISE: Shared = Shared {
    built: "aeden_rnnoise",
    name: "rnnoise",
    // Not where linkers look: the real one may be installed too.
    folder: "lib/aeden",
};

/// The part of the version that tells whether a program still fits, in the names of shared libraries.
const COMPATIBLE: &str = "0";

/// What pkg-config tells: it goes along when the prefix is moved. The private libraries are what Rust's own library needs.
const PKG_CONFIG: &str = "prefix=${pcfiledir}/../..
libdir=${prefix}/lib
includedir=${prefix}/include

Name: aeden
Description: Takes noise out of speech, in real time
URL: https://github.com/aeden-denoiser/aeden
Version: VERSION
Libs: -L${libdir} -laeden
Libs.private: -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc
Cflags: -I${includedir}
";

/// Lays out what cargo has built in the folder `libraries`, from the repository at `root`, in place of what was there. Gives
/// the files.
pub fn lay_out(prefix: &Path, root: &Path, libraries: &Path, version: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let header = prefix.join("include/aeden.h");
    place(&root.join("c/include/aeden.h"), &header)?;
    files.push(header);
    files.extend(share(&C, prefix, libraries)?);
    let archive = if cfg!(target_env = "msvc") {
        ("aeden_c.lib", "lib/aeden-static.lib")
    } else {
        ("libaeden_c.a", "lib/libaeden.a")
    };
    let library = prefix.join(archive.1);
    place(&libraries.join(archive.0), &library)?;
    files.push(library);
    let description = prefix.join("lib/pkgconfig/aeden.pc");
    make_room(&description)?;
    fs::write(&description, PKG_CONFIG.replace("VERSION", version)).map_err(|e| named(e, &description))?;
    files.push(description);
    Ok(files)
}

/// Lays out the library with RNNoise's names, apart from where linkers look. Gives the files.
pub fn lay_out_rnnoise(prefix: &Path, root: &Path, libraries: &Path) -> Result<Vec<PathBuf>> {
    let header = prefix.join("include/aeden/rnnoise.h");
    place(&root.join("c/rnnoise/include/rnnoise.h"), &header)?;
    let mut files = vec![header];
    files.extend(share(&RNNOISE, prefix, libraries)?);
    Ok(files)
}

/// Lays out the LADSPA and LV2 plugins, and PipeWire's files for them. Gives the files.
pub fn lay_out_lv2(prefix: &Path, root: &Path, libraries: &Path) -> Result<Vec<PathBuf>> {
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
        make_room(&to)?;
        fs::write(&to, text.replace(word, by)).map_err(|e| named(e, &to))?;
        Ok::<_, Error>(to)
    };
    for name in ["manifest.ttl", "aeden.ttl"] {
        let (from, to) = (root.join("lv2/aeden.lv2").join(name), bundle.join(name));
        files.push(rewrite(from, to, ["<aeden.so>", &format!("<{library}>")])?);
    }
    // PipeWire does not look in every prefix.
    let whole = format!("plugin = \"{}\"", ladspa.join(&library).display());
    for name in ["aeden-source.conf", "aeden-sink.conf"] {
        let (from, to) = (
            root.join("lv2/pipewire").join(name),
            prefix.join("share/aeden/pipewire").join(name),
        );
        files.push(rewrite(from, to, ["plugin = \"aeden\"", &whole])?);
    }
    Ok(files)
}

/// Places a shared library under the names that this system's linkers and loaders look for.
fn share(library: &Shared, prefix: &Path, libraries: &Path) -> Result<Vec<PathBuf>> {
    let Shared { built, name, folder } = library;
    let folder = prefix.join(folder);
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
fn place(from: &Path, to: &Path) -> Result<()> {
    make_room(to)?;
    fs::copy(from, to).map_err(|e| named(e, from))?;
    Ok(())
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
