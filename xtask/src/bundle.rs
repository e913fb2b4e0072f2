//! Builds what other programs load, and lays it out as they expect it: the plugin under `target/bundled`, the C library below
//! a prefix.

use crate::prefix::Prefix;
use crate::{prefix, program, setup, vst3_preset};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

// One place for the plugin's names and ids.

use crate::identity::{ID, NAME, VENDOR, VERSION, VST3_CLASS_ID};

/// Build what other programs load: VST3 and CLAP into target/bundled, libraries below a prefix
///
/// The release build is for use: `cargo xtask bundle plugin --release --install`; SHA256SUMS lies beside the bundles. Of `c` and
/// `lv2` it is always the release build: `cargo xtask bundle c --install /usr/local`, which prints what it has put there.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// What is bundled
    #[arg(value_enum)]
    what: What,
    /// Optimised, for use
    #[arg(long)]
    release: bool,
    /// Of the plugin: also copy it to where this user's hosts look, the program to ~/.local/bin. Of `c` and `lv2`: the prefix;
    /// without it target/bundled-c or -lv2. Of `obs`: into this user's plugins, or the folder that is named
    #[arg(long, value_name = "PREFIX", conflicts_with = "target")]
    install: Option<Option<PathBuf>>,
    /// Also the program aeden-standalone
    #[arg(long)]
    standalone: bool,
    /// For another platform than this one, as rustc names it
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
}

/// What can be bundled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// VST3, CLAP
    Plugin,
    /// C library, header, description for pkg-config; the library with RNNoise's names
    C,
    /// LADSPA, LV2
    Lv2,
    /// Filter for OBS
    Obs,
}

/// Builds, lays out, and installs.
pub fn run(options: &Options) -> Result<()> {
    match (options.what, &options.install) {
        (What::Plugin, Some(Some(folder))) => {
            bail!(
                "plugins go to where hosts look: --install takes no {}",
                folder.display()
            )
        }
        (What::Plugin, _) => plugin(options),
        (_, _) if options.standalone || options.target.is_some() => {
            bail!("--standalone and --target are for the plugin")
        }
        (What::Obs, None) => obs(&crate::target().join("bundled-obs")),
        (What::Obs, Some(None)) => obs(&obs_folder()?),
        (What::Obs, Some(Some(plugins))) => obs(plugins),
        (_, Some(None)) => bail!("here --install needs a prefix, such as /usr/local"),
        (What::C, Some(Some(prefix))) => c_library(prefix),
        (What::C, None) => c_library(&crate::target().join("bundled-c")),
        (What::Lv2, Some(Some(prefix))) => lv2(prefix),
        (What::Lv2, None) => lv2(&crate::target().join("bundled-lv2")),
    }
}

/// Builds what programs link with, and lays it out below a prefix.
fn c_library(prefix: &Path) -> Result<()> {
    let built = released(&["aeden-c", "aeden-rnnoise"], &[])?;
    let prefix = Prefix::at(&std::path::absolute(prefix)?);
    tell(&prefix::lay_out(&prefix, crate::root(), &built, VERSION)?);
    tell(&prefix::lay_out_rnnoise(&prefix, crate::root(), &built)?);
    Ok(())
}

/// Builds what LADSPA and LV2 hosts load, and lays it out below a prefix.
fn lv2(prefix: &Path) -> Result<()> {
    let built = released(&["aeden-lv2"], &[])?;
    let prefix = Prefix::at(&std::path::absolute(prefix)?);
    tell(&prefix::lay_out_lv2(&prefix, crate::root(), &built)?);
    Ok(())
}

/// Builds the filter for OBS into a folder of OBS's plugins.
fn obs(plugins: &Path) -> Result<()> {
    let built = released(&["aeden-c"], &[])?;
    let c = Prefix::at(&std::path::absolute(crate::target().join("bundled-c"))?);
    prefix::lay_out(&c, crate::root(), &built, VERSION)?;
    tell(&[prefix::lay_out_obs(plugins, crate::root(), &c)?]);
    Ok(())
}

/// Where OBS looks for a user's own plugins on Linux.
fn obs_folder() -> Result<PathBuf> {
    let of = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let configuration = of("XDG_CONFIG_HOME").or_else(|| Some(of("HOME")?.join(".config")));
    Ok(configuration
        .context("HOME is not set")?
        .join("obs-studio/plugins"))
}

/// Builds the release version of some packages with some features (`PACKAGE/FEATURE`). Gives where they lie.
pub fn released(packages: &[&str], features: &[&str]) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--release"]);
    cargo.args(packages.iter().flat_map(|name| ["--package", name]));
    cargo.args(features.iter().flat_map(|name| ["--features", name]));
    program::run(&mut cargo)?;
    Ok(crate::target().join("release"))
}

/// Lays the plugin out for all users of a Linux, below a prefix.
pub fn lay_out_plugin(prefix: &Prefix, built: &Path) -> Result<()> {
    let (platform, library) = (Platform::this()?, built.join(System::Linux.library()));
    let vst3 = prefix.join(format!("lib/vst3/{NAME}.vst3"));
    prefix::place(&library, &vst3.join(platform.vst3_library()))?;
    prefix::place(&library, &prefix.join(format!("lib/clap/{NAME}.clap")))?;
    vst3_preset::write_all(&prefix.join("share/vst3/presets").join(VENDOR).join(NAME))
}

fn tell(files: &[PathBuf]) {
    for file in files {
        println!("installed {}", file.display());
    }
}

/// Builds the plugin, lays it out, signs it on macOS, sums, and installs.
fn plugin(options: &Options) -> Result<()> {
    let platform = match &options.target {
        Some(triple) => Platform::of_triple(triple)?,
        None => Platform::this()?,
    };
    let libraries = build(options, &["--lib"])?;
    let folder = crate::target().join("bundled");
    let mut bundles = renew(&folder, platform, &libraries)?;
    if options.standalone {
        if !setup::can_build_standalone() {
            setup::packages(&setup::STANDALONE_PACKAGES)?;
        }
        let programs = build(
            options,
            &["--bin", "aeden-standalone", "--features", "standalone"],
        )?;
        let name = platform.system.program("aeden-standalone");
        copy(&programs.join(&name), &folder.join(&name))?;
        bundles.program = Some(folder.join(&name));
    }
    vst3_preset::write_all(&bundles.presets)?;
    let sums = checksums(&folder)?;
    fs::write(folder.join("SHA256SUMS"), &sums)?;
    print!("{sums}");
    if options.install.is_some() {
        install(&bundles, &platform.system.host_folders()?)?;
    }
    Ok(())
}

/// Bundles of what `cargo test` builds, in another folder than the users'. Gives the folder.
pub fn for_tests() -> Result<PathBuf> {
    // All that `cargo test` builds: anything less would be built with other features, and much twice.
    program::run(Command::new("cargo").args([
        "build",
        "--workspace",
        "--all-features",
        "--all-targets",
        "--locked",
    ]))?;
    let folder = std::path::absolute(crate::target().join("bundled-for-tests"))?;
    renew(&folder, Platform::this()?, &crate::target().join("debug"))?;
    Ok(folder)
}

/// Lays the library out in a folder in place of what was there, and signs it on macOS.
fn renew(folder: &Path, platform: Platform, libraries: &Path) -> Result<Bundles> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let library = libraries.join(platform.system.library());
    let bundles = Bundles::lay_out(folder, platform, &library)?;
    if platform.system == System::MacOs {
        for bundle in [&bundles.vst3, &bundles.clap] {
            sign(bundle)?;
        }
    }
    Ok(bundles)
}

/// Builds a part of the plugin and gives the folder where it lies.
fn build(options: &Options, part: &[&str]) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--locked", "--package", "aeden-plugin"])
        .args(part);
    let mut folder = crate::target();
    if let Some(triple) = &options.target {
        cargo.args(["--target", triple]);
        folder.push(triple);
    }
    if options.release {
        cargo.arg("--release");
    }
    program::run(&mut cargo)?;
    folder.push(if options.release { "release" } else { "debug" });
    Ok(folder)
}

/// An operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Linux,
    MacOs,
    Windows,
}

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Platform {
    system: System,
    /// The processor, as Rust names it.
    processor: &'static str,
}

impl Platform {
    fn this() -> Result<Self> {
        let system = match std::env::consts::OS {
            "linux" => System::Linux,
            "macos" => System::MacOs,
            "windows" => System::Windows,
            other => bail!("no plugin formats are known for {other}"),
        };
        Ok(Self {
            system,
            processor: std::env::consts::ARCH,
        })
    }

    fn of_triple(triple: &str) -> Result<Self> {
        let system = if triple.contains("-linux") {
            System::Linux
        } else if triple.contains("-darwin") {
            System::MacOs
        } else if triple.contains("-windows") {
            System::Windows
        } else {
            bail!("no plugin formats are known for {triple}");
        };
        let processor = match triple.split('-').next() {
            Some("x86_64") => "x86_64",
            Some("aarch64") => "aarch64",
            _ => bail!("only x86_64 and aarch64 are laid out, not {triple}"),
        };
        Ok(Self { system, processor })
    }

    /// Where the library lies in a VST3 bundle.
    fn vst3_library(self) -> PathBuf {
        let Self { system, processor } = self;
        match system {
            System::Linux => format!("Contents/{processor}-linux/{NAME}.so").into(),
            System::MacOs => format!("Contents/MacOS/{NAME}").into(),
            // Steinberg calls the 64-bit ARM by another name on Windows.
            System::Windows if processor == "aarch64" => format!("Contents/arm64-win/{NAME}.vst3").into(),
            System::Windows => format!("Contents/{processor}-win/{NAME}.vst3").into(),
        }
    }
}

impl System {
    /// What cargo calls the library.
    fn library(self) -> &'static str {
        match self {
            System::Linux => "libaeden_plugin.so",
            System::MacOs => "libaeden_plugin.dylib",
            System::Windows => "aeden_plugin.dll",
        }
    }

    fn program(self, name: &str) -> String {
        match self {
            System::Linux | System::MacOs => name.to_owned(),
            System::Windows => format!("{name}.exe"),
        }
    }

    /// Where this user's hosts look.
    fn host_folders(self) -> Result<HostFolders> {
        let of = |variable: &str| {
            let folder = std::env::var_os(variable).filter(|f| !f.is_empty());
            folder
                .map(PathBuf::from)
                .with_context(|| format!("{variable} is not set"))
        };
        Ok(match self {
            System::Linux => {
                let home = of("HOME")?;
                HostFolders {
                    vst3: home.join(".vst3"),
                    clap: home.join(".clap"),
                    presets: home.join(".vst3/presets").join(VENDOR),
                    programs: home.join(".local/bin"),
                }
            }
            System::MacOs => {
                let home = of("HOME")?;
                let audio = home.join("Library/Audio");
                HostFolders {
                    vst3: audio.join("Plug-Ins/VST3"),
                    clap: audio.join("Plug-Ins/CLAP"),
                    presets: audio.join("Presets").join(VENDOR),
                    programs: home.join(".local/bin"),
                }
            }
            System::Windows => {
                let programs = of("LOCALAPPDATA")?.join("Programs");
                let common = programs.join("Common");
                HostFolders {
                    vst3: common.join("VST3"),
                    clap: common.join("CLAP"),
                    presets: of("USERPROFILE")?.join("Documents/VST3 Presets").join(VENDOR),
                    programs: programs.join(NAME),
                }
            }
        })
    }
}

/// Where hosts look.
struct HostFolders {
    vst3: PathBuf,
    clap: PathBuf,
    /// For VST3 presets of our plugins.
    presets: PathBuf,
    /// For the standalone program, where shells look for a user's own.
    programs: PathBuf,
}

/// The plugin as laid out.
struct Bundles {
    /// A folder everywhere.
    vst3: PathBuf,
    /// A folder on macOS, elsewhere a file.
    clap: PathBuf,
    /// A folder with VST3 presets, named as hosts want it: like the plugin.
    presets: PathBuf,
    /// The standalone program, if it was asked for.
    program: Option<PathBuf>,
}

impl Bundles {
    /// Lays a library out as VST3 and CLAP in a folder.
    fn lay_out(folder: &Path, platform: Platform, library: &Path) -> Result<Self> {
        let bundles = Self {
            vst3: folder.join(format!("{NAME}.vst3")),
            clap: folder.join(format!("{NAME}.clap")),
            presets: folder.join("presets").join(NAME),
            program: None,
        };
        copy(library, &bundles.vst3.join(platform.vst3_library()))?;
        let resources = bundles.vst3.join("Contents/Resources");
        let picture = crate::root().join("docs/plugin/working.png");
        copy(&picture, &resources.join(snapshot()))?;
        fs::write(resources.join("moduleinfo.json"), module_info())?;
        if platform.system == System::MacOs {
            copy(library, &bundles.clap.join("Contents/MacOS").join(NAME))?;
            for (bundle, format) in [(&bundles.vst3, "vst3"), (&bundles.clap, "clap")] {
                fs::write(bundle.join("Contents/PkgInfo"), "BNDL????")?;
                fs::write(bundle.join("Contents/Info.plist"), info_plist(format))?;
            }
        } else {
            copy(library, &bundles.clap)?;
        }
        Ok(bundles)
    }
}

/// The class id in hexadecimal. On Windows the plugin has bytes in another order, which hosts there write as the same text.
fn class_id() -> String {
    VST3_CLASS_ID.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The picture of the editor that hosts show in their lists, within the resources.
fn snapshot() -> String {
    format!("Snapshots/{}_snapshot.png", class_id())
}

/// What VST3 hosts read without loading the library.
fn module_info() -> String {
    let class = serde_json::json!({
        "CID": class_id(),
        "Category": "Audio Module Class",
        "Name": NAME,
        "Vendor": VENDOR,
        "Version": VERSION,
        "SDKVersion": "VST 3.6.14",
        "Sub Categories": ["Fx", "Restoration"],
        "Class Flags": 2,
        "Cardinality": 0x7fff_ffff,
        "Snapshots": [{ "Scale Factor": 1.0, "Path": snapshot() }],
    });
    let info = serde_json::json!({
        "Name": NAME,
        "Version": VERSION,
        "Factory Info": {
            "Vendor": VENDOR,
            "URL": "",
            "E-Mail": "",
            "Flags": {
                "Unicode": true,
                "Classes Discardable": false,
                "Component Non Discardable": false,
            },
        },
        "Classes": [class],
    });
    format!("{info:#}\n")
}

/// What macOS wants to know about a bundle.
fn info_plist(format: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>CFBundleDevelopmentRegion</key>
	<string>en</string>
	<key>CFBundleDisplayName</key>
	<string>{NAME}</string>
	<key>CFBundleExecutable</key>
	<string>{NAME}</string>
	<key>CFBundleIdentifier</key>
	<string>{ID}.{format}</string>
	<key>CFBundleInfoDictionaryVersion</key>
	<string>6.0</string>
	<key>CFBundleName</key>
	<string>{NAME}</string>
	<key>CFBundlePackageType</key>
	<string>BNDL</string>
	<key>CFBundleShortVersionString</key>
	<string>{VERSION}</string>
	<key>CFBundleSignature</key>
	<string>????</string>
	<key>CFBundleVersion</key>
	<string>{VERSION}</string>
	<key>LSMinimumSystemVersion</key>
	<string>11.0</string>
	<key>NSHighResolutionCapable</key>
	<true/>
</dict>
</plist>
"#
    )
}

/// Signs a bundle for this machine; macOS loads no unsigned code on its own processors. Distributing it takes a
/// developer's certificate.
fn sign(bundle: &Path) -> Result<()> {
    program::run(
        Command::new("codesign")
            .args(["--force", "--sign", "-"])
            .arg(bundle),
    )?;
    program::run(
        Command::new("codesign")
            .args(["--verify", "--strict"])
            .arg(bundle),
    )
}

/// Copies plugins and presets to where hosts look, and the standalone program to where shells do, in place of what has
/// the same name there.
fn install(bundles: &Bundles, folders: &HostFolders) -> Result<()> {
    let plugins = [
        (&bundles.vst3, &folders.vst3),
        (&bundles.clap, &folders.clap),
        (&bundles.presets, &folders.presets),
    ];
    let program = bundles.program.iter().map(|program| (program, &folders.programs));
    for (bundle, folder) in plugins.into_iter().chain(program) {
        let place = folder.join(bundle.file_name().context("a bundle has a name")?);
        // Never written into: a running host still has the old file mapped.
        if place.is_dir() {
            fs::remove_dir_all(&place).with_context(|| place.display().to_string())?;
        } else if place.exists() {
            fs::remove_file(&place).with_context(|| place.display().to_string())?;
        }
        for file in files(bundle)? {
            // For a plugin that is a file, nothing remains after its own name.
            let within = file.strip_prefix(bundle)?;
            let to = if within.as_os_str().is_empty() {
                place.clone()
            } else {
                place.join(within)
            };
            copy(&file, &to)?;
        }
        println!("installed {}", place.display());
    }
    Ok(())
}

/// A line for every file, as `sha256sum --check` reads it.
pub fn checksums(folder: &Path) -> Result<String> {
    let mut sums = String::new();
    for file in files(folder)? {
        let content = fs::read(&file).with_context(|| file.display().to_string())?;
        for byte in Sha256::digest(&content) {
            write!(sums, "{byte:02x}")?;
        }
        let within = file.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
        writeln!(sums, "  {within}")?;
    }
    Ok(sums)
}

/// All files below a path in the order of their names, or the path itself if it is a file.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| path.display().to_string())?;
    let mut entries = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>()?;
    entries.sort();
    let below = entries
        .iter()
        .map(|entry| files(entry))
        .collect::<Result<Vec<_>>>()?;
    Ok(below.concat())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    fs::copy(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    const LINUX: Platform = Platform {
        system: System::Linux,
        processor: "x86_64",
    };

    /// A folder with a library in it, and what was laid out from it.
    fn laid_out(platform: Platform) -> (tempfile::TempDir, Bundles) {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join(platform.system.library());
        fs::write(&library, "machine code").unwrap();
        let bundles = Bundles::lay_out(&folder.path().join("bundled"), platform, &library).unwrap();
        (folder, bundles)
    }

    fn within(folder: &Path) -> Vec<String> {
        let all = files(folder).unwrap();
        let names = all.iter().map(|file| file.strip_prefix(folder).unwrap());
        names.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn hosts_read_what_they_need_without_loading_the_library() {
        let info: serde_json::Value = serde_json::from_str(&module_info()).unwrap();
        let class = &info["Classes"][0];
        assert_eq!(class["CID"], "616564656E2E64656E6F697365722E31");
        assert_eq!(class["Name"], NAME);
        let (_folder, bundles) = laid_out(LINUX);
        let picture = class["Snapshots"][0]["Path"].as_str().unwrap();
        let picture = fs::read(bundles.vst3.join("Contents/Resources").join(picture)).unwrap();
        assert!(picture.starts_with(b"\x89PNG"));
    }

    #[test]
    fn every_system_gets_its_layout() {
        for (triple, expected) in [
            (
                "x86_64-unknown-linux-gnu",
                &[
                    "aeden.clap",
                    "aeden.vst3/Contents/Resources/Snapshots/616564656E2E64656E6F697365722E31_snapshot.png",
                    "aeden.vst3/Contents/Resources/moduleinfo.json",
                    "aeden.vst3/Contents/x86_64-linux/aeden.so",
                ][..],
            ),
            (
                "aarch64-unknown-linux-gnu",
                &[
                    "aeden.clap",
                    "aeden.vst3/Contents/Resources/Snapshots/616564656E2E64656E6F697365722E31_snapshot.png",
                    "aeden.vst3/Contents/Resources/moduleinfo.json",
                    "aeden.vst3/Contents/aarch64-linux/aeden.so",
                ],
            ),
            (
                "x86_64-pc-windows-msvc",
                &[
                    "aeden.clap",
                    "aeden.vst3/Contents/Resources/Snapshots/616564656E2E64656E6F697365722E31_snapshot.png",
                    "aeden.vst3/Contents/Resources/moduleinfo.json",
                    "aeden.vst3/Contents/x86_64-win/aeden.vst3",
                ],
            ),
            (
                "aarch64-pc-windows-msvc",
                &[
                    "aeden.clap",
                    "aeden.vst3/Contents/Resources/Snapshots/616564656E2E64656E6F697365722E31_snapshot.png",
                    "aeden.vst3/Contents/Resources/moduleinfo.json",
                    "aeden.vst3/Contents/arm64-win/aeden.vst3",
                ],
            ),
            (
                "aarch64-apple-darwin",
                &[
                    "aeden.clap/Contents/Info.plist",
                    "aeden.clap/Contents/MacOS/aeden",
                    "aeden.clap/Contents/PkgInfo",
                    "aeden.vst3/Contents/Info.plist",
                    "aeden.vst3/Contents/MacOS/aeden",
                    "aeden.vst3/Contents/PkgInfo",
                    "aeden.vst3/Contents/Resources/Snapshots/616564656E2E64656E6F697365722E31_snapshot.png",
                    "aeden.vst3/Contents/Resources/moduleinfo.json",
                ],
            ),
        ] {
            let (folder, _) = laid_out(Platform::of_triple(triple).unwrap());
            assert_eq!(within(&folder.path().join("bundled")), expected, "{triple}");
        }
        assert!(Platform::of_triple("riscv64gc-unknown-linux-gnu").is_err());
        assert!(Platform::of_triple("wasm32-unknown-unknown").is_err());
    }

    #[test]
    fn macos_is_told_our_ids_and_version() {
        let (_folder, bundles) = laid_out(Platform::of_triple("aarch64-apple-darwin").unwrap());
        for (bundle, id) in [(&bundles.vst3, "vst3"), (&bundles.clap, "clap")] {
            let plist = fs::read_to_string(bundle.join("Contents/Info.plist")).unwrap();
            for expected in [
                format!("<string>{ID}.{id}</string>"),
                format!("<key>CFBundleVersion</key>\n\t<string>{VERSION}</string>"),
                format!("<key>CFBundleExecutable</key>\n\t<string>{NAME}</string>"),
            ] {
                assert!(plist.contains(&expected), "{expected}: {plist}");
            }
        }
    }

    #[test]
    fn installing_replaces_what_was_there() {
        let (folder, mut bundles) = laid_out(LINUX);
        vst3_preset::write_all(&bundles.presets).unwrap();
        let program = folder.path().join("aeden-standalone");
        fs::write(&program, "a program").unwrap();
        bundles.program = Some(program);
        let home = folder.path().join("home");
        let folders = HostFolders {
            vst3: home.join("vst3"),
            clap: home.join("clap"),
            presets: home.join("presets"),
            programs: home.join("bin"),
        };
        fs::create_dir_all(folders.vst3.join("aeden.vst3/Contents/old")).unwrap();
        fs::write(folders.vst3.join("aeden.vst3/Contents/old/aeden.so"), "old").unwrap();
        fs::create_dir_all(&folders.clap).unwrap();
        fs::write(folders.clap.join("aeden.clap"), "old").unwrap();
        fs::write(folders.clap.join("other.clap"), "not ours").unwrap();
        install(&bundles, &folders).unwrap();
        let mut bundled = within(&folder.path().join("bundled"));
        bundled.retain(|file| file.starts_with("aeden.vst3/"));
        assert_eq!(within(&folders.vst3), bundled);
        assert_eq!(within(&folders.clap), ["aeden.clap", "other.clap"]);
        assert_eq!(
            fs::read_to_string(folders.clap.join("aeden.clap")).unwrap(),
            "machine code"
        );
        assert!(folders.presets.join("aeden/Podcast.vstpreset").is_file());
        assert_eq!(within(&folders.programs), ["aeden-standalone"]);
    }

    #[test]
    fn checksums_are_those_of_sha256sum() {
        let (folder, _) = laid_out(LINUX);
        let sums = checksums(&folder.path().join("bundled")).unwrap();
        // printf 'machine code' | sha256sum
        let sum = "5ace2a28c6f40875ef2baac027d8b91a2f65701271c7b43ecbd467664dca9ef0";
        for file in ["aeden.clap", "aeden.vst3/Contents/x86_64-linux/aeden.so"] {
            assert!(sums.contains(&format!("{sum}  {file}\n")), "{sums}");
        }
        let files: Vec<&str> = sums.lines().filter_map(|line| line.split("  ").nth(1)).collect();
        assert_eq!(files, within(&folder.path().join("bundled")));
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        let parse = |words: &str| {
            let words = words.split_whitespace();
            crate::Task::try_parse_from(["xtask", "bundle"].into_iter().chain(words))
        };
        assert!(parse("plugin --release --install").is_ok());
        assert!(parse("plugin --target aarch64-apple-darwin").is_ok());
        assert!(parse("c --install /usr/local").is_ok());
        for wrong in [
            "",
            "--release",
            "plugin --fast",
            "plugin --target",
            "plugin --install --target x",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
