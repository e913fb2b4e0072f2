//! Recipes of other package managers: they fetch a file of a release by its checksum, and build the [tree](super::tree) of it.

use super::about::{HOMEPAGE, MAINTAINER, REPOSITORY, SUMMARY};
use crate::identity::VERSION;
use crate::prefix;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// The plugins' id as an extension of Flatpak programs.
const FLATPAK: &str = "org.freedesktop.LinuxAudio.Plugins.aeden";

/// The runtime of Flatpak programs that the extension is for.
const RUNTIME: &str = "24.08";

/// Vendor and name, as winget has them.
const WINGET: &str = "aeden.aeden";

/// A file of a release.
#[derive(Debug)]
struct Released {
    url: String,
    sha256: String,
}

/// The name of the source's archive: what `git archive` gives for the tag.
pub fn source() -> String {
    format!("aeden-{VERSION}.tar.gz")
}

/// The name of the archive for Windows.
const WINDOWS: &str = "aeden-windows-x86_64";

/// Writes into `target/recipes` what the files in a folder suffice for, and says what it leaves out.
pub fn write_all(files: &Path) -> Result<()> {
    let to = crate::target().join("recipes");
    let (source, windows) = (source(), format!("{WINDOWS}.zip"));
    let mut recipes = Vec::new();
    match released(files, &source)? {
        None => println!(
            "left out: AUR, Homebrew, Flatpak: no {source} in {}",
            files.display()
        ),
        Some(source) => recipes.extend(from_source(&source)?),
    }
    match released(files, &windows)? {
        None => println!("left out: winget: no {windows} in {}", files.display()),
        Some(windows) => recipes.extend(winget(&windows)),
    }
    for (name, text) in recipes {
        let file = to.join(name);
        prefix::write(&file, &text)?;
        println!("{}", file.display());
    }
    Ok(())
}

/// A file, if it is there.
fn released(files: &Path, name: &str) -> Result<Option<Released>> {
    let file = files.join(name);
    if !file.exists() {
        return Ok(None);
    }
    let content = fs::read(&file).with_context(|| file.display().to_string())?;
    let sha256 = Sha256::digest(&content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let url = format!("{REPOSITORY}/releases/download/v{VERSION}/{name}");
    Ok(Some(Released { url, sha256 }))
}

/// The recipes that build from the source, each with its name.
fn from_source(source: &Released) -> Result<Vec<(String, String)>> {
    let flatpak = |name: &str| format!("flatpak/{name}");
    Ok(vec![
        ("aur/PKGBUILD".to_owned(), pkgbuild(source)),
        ("aur/.SRCINFO".to_owned(), srcinfo(source)),
        ("homebrew/aeden.rb".to_owned(), formula(source)),
        (
            flatpak(&format!("{FLATPAK}.json")),
            serde_json::to_string_pretty(&manifest(source))?,
        ),
        (flatpak(&format!("{FLATPAK}.metainfo.xml")), metainfo()),
        (
            flatpak("cargo-sources.json"),
            serde_json::to_string_pretty(&vendored()?)?,
        ),
    ])
}

/// For Arch Linux.
fn pkgbuild(Released { url, sha256 }: &Released) -> String {
    format!(
        r#"# Maintainer: {MAINTAINER}
pkgname=aeden
pkgver={VERSION}
pkgrel=1
pkgdesc='Takes noise out of speech: program, VST3, CLAP, LV2 and LADSPA plugins, C library'
arch=(x86_64 aarch64)
url='{HOMEPAGE}'
license=('MIT OR Apache-2.0')
depends=(alsa-lib gcc-libs glibc)
makedepends=(cargo jack pkgconf)
optdepends=('ffmpeg: formats other than WAV and FLAC'
            'pipewire: a cleaned microphone for all programs')
options=(!lto)
source=('{url}')
sha256sums=('{sha256}')

prepare() {{
  cd "$pkgname-$pkgver"
  cargo fetch --locked --target "$(rustc -vV | sed -n 's/host: //p')"
}}

build() {{
  cd "$pkgname-$pkgver"
  cargo xtask package tree "$srcdir/usr" --used-as /usr
}}

package() {{
  cp -a "$srcdir/usr" "$pkgdir/usr"
  install -Dm644 "$pkgdir/usr/share/doc/aeden/LICENSE-MIT" "$pkgdir/usr/share/licenses/$pkgname/LICENSE-MIT"
}}
"#
    )
}

/// What AUR's pages read of it.
fn srcinfo(Released { url, sha256 }: &Released) -> String {
    let of = |name: &str, value: &str| format!("\t{name} = {value}\n");
    let fields = [
        (
            "pkgdesc",
            "Takes noise out of speech: program, VST3, CLAP, LV2 and LADSPA plugins, C library",
        ),
        ("pkgver", VERSION),
        ("pkgrel", "1"),
        ("url", HOMEPAGE),
        ("arch", "x86_64"),
        ("arch", "aarch64"),
        ("license", "MIT OR Apache-2.0"),
        ("makedepends", "cargo"),
        ("makedepends", "jack"),
        ("makedepends", "pkgconf"),
        ("depends", "alsa-lib"),
        ("depends", "gcc-libs"),
        ("depends", "glibc"),
        ("optdepends", "ffmpeg: formats other than WAV and FLAC"),
        ("optdepends", "pipewire: a cleaned microphone for all programs"),
        ("options", "!lto"),
        ("source", url),
        ("sha256sums", sha256),
    ];
    let fields: String = fields.iter().map(|(name, value)| of(name, value)).collect();
    format!("pkgbase = aeden\n{fields}\npkgname = aeden\n")
}

/// For Homebrew, on macOS and Linux.
fn formula(Released { url, sha256 }: &Released) -> String {
    format!(
        r##"class Aeden < Formula
  desc "Takes noise out of speech: program, LV2 and LADSPA plugins, C library"
  homepage "{HOMEPAGE}"
  url "{url}"
  sha256 "{sha256}"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "cargo", "xtask", "package", "tree", prefix
  end

  test do
    (testpath/"silence.wav").binwrite ["RIFF", 1036, "WAVEfmt ", 16, 1, 1, 48_000, 96_000, 2, 16, "data", 1000]
      .pack("a4Va8VvvVVvva4V") + ("\0" * 1000)
    system bin/"aeden", "clean", "silence.wav", "cleaned.wav"
    assert_path_exists testpath/"cleaned.wav"
  end
end
"##
    )
}

/// For Flatpak: an extension that brings the plugins to programs from Flathub, which see no others.
fn manifest(Released { url, sha256 }: &Released) -> Value {
    json!({
        "id": FLATPAK,
        "branch": RUNTIME,
        "runtime": "org.freedesktop.LinuxAudio.BaseExtension",
        "runtime-version": RUNTIME,
        "sdk": format!("org.freedesktop.Sdk//{RUNTIME}"),
        "sdk-extensions": ["org.freedesktop.Sdk.Extension.rust-stable"],
        "build-extension": true,
        "appstream-compose": false,
        "build-options": {
            "prefix": "/app/extensions/Plugins/aeden",
            "append-path": "/usr/lib/sdk/rust-stable/bin",
            "env": { "CARGO_HOME": "/run/build/aeden/cargo", "CARGO_NET_OFFLINE": "true" }
        },
        "modules": [{
            "name": "aeden",
            "buildsystem": "simple",
            "build-commands": [
                "cargo xtask package tree tree --used-as ${FLATPAK_DEST}",
                "for kind in ladspa lv2 vst3 clap; do cp -r tree/lib/$kind ${FLATPAK_DEST}/; done",
                "for name in LICENSE-MIT LICENSE-APACHE THIRD-PARTY; do install -Dm644 tree/share/doc/aeden/$name ${FLATPAK_DEST}/share/licenses/${FLATPAK_ID}/$name; done",
                "install -Dm644 ${FLATPAK_ID}.metainfo.xml -t ${FLATPAK_DEST}/share/metainfo",
                "appstreamcli compose --components=${FLATPAK_ID} --prefix=/ --origin=${FLATPAK_ID} --result-root=${FLATPAK_DEST} --data-dir=${FLATPAK_DEST}/share/app-info/xmls ${FLATPAK_DEST}"
            ],
            "sources": [
                { "type": "archive", "url": url, "sha256": sha256 },
                { "type": "file", "path": format!("{FLATPAK}.metainfo.xml") },
                "cargo-sources.json"
            ]
        }]
    })
}

/// What software centres show of the extension.
fn metainfo() -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<component type="addon">
  <id>{FLATPAK}</id>
  <extends>org.freedesktop.LinuxAudio.BaseExtension</extends>
  <name>aeden</name>
  <summary>Takes noise out of speech, as VST3, CLAP, LV2 and LADSPA</summary>
  <description>
    <p>Plugins that take noise out of speech in real time, with denoising autoencoders on spectrograms, on one CPU core.</p>
  </description>
  <metadata_license>CC0-1.0</metadata_license>
  <project_license>MIT OR Apache-2.0</project_license>
  <developer_name>aeden contributors</developer_name>
  <url type="homepage">{HOMEPAGE}</url>
</component>
"#
    )
}

/// The crates of the lock file as sources of a build without a network, laid out as `cargo vendor` does.
fn vendored() -> Result<Vec<Value>> {
    let lock: toml::Table = fs::read_to_string("Cargo.lock")?.parse()?;
    let packages = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .context("Cargo.lock has no packages")?;
    let mut sources = Vec::new();
    for package in packages {
        let field = |name: &str| package.get(name).and_then(toml::Value::as_str);
        let (Some(name), Some(version), Some(checksum)) =
            (field("name"), field("version"), field("checksum"))
        else {
            continue;
        };
        let folder = format!("cargo/vendor/{name}-{version}");
        sources.push(json!({
            "type": "archive",
            "archive-type": "tar-gzip",
            "url": format!("https://static.crates.io/crates/{name}/{name}-{version}.crate"),
            "sha256": checksum,
            "dest": folder,
        }));
        sources.push(json!({
            "type": "inline",
            "contents": json!({ "package": checksum, "files": {} }).to_string(),
            "dest": folder,
            "dest-filename": ".cargo-checksum.json",
        }));
    }
    sources.push(json!({
        "type": "inline",
        "contents": "[source.crates-io]\nreplace-with = \"vendored\"\n\n[source.vendored]\ndirectory = \"cargo/vendor\"\n",
        "dest": "cargo",
        "dest-filename": "config.toml",
    }));
    Ok(sources)
}

/// For Windows: the program in the archive of the release.
fn winget(Released { url, sha256 }: &Released) -> Vec<(String, String)> {
    let head = |kind: &str| {
        format!(
            "PackageIdentifier: {WINGET}\nPackageVersion: {VERSION}\nManifestType: {kind}\nManifestVersion: 1.6.0\n"
        )
    };
    let sha256 = sha256.to_uppercase();
    let installer = format!(
        "InstallerType: zip\n\
         NestedInstallerType: portable\n\
         NestedInstallerFiles:\n\
         - RelativeFilePath: {WINDOWS}\\aeden.exe\n\
         \x20 PortableCommandAlias: aeden\n\
         Installers:\n\
         - Architecture: x64\n\
         \x20 InstallerUrl: {url}\n\
         \x20 InstallerSha256: {sha256}\n"
    );
    let locale = format!(
        "PackageLocale: en-US\n\
         Publisher: aeden contributors\n\
         PackageName: aeden\n\
         PackageUrl: {HOMEPAGE}\n\
         License: MIT OR Apache-2.0\n\
         ShortDescription: {SUMMARY}\n"
    );
    [
        (String::new(), head("version") + "DefaultLocale: en-US\n"),
        (".installer".to_owned(), head("installer") + &installer),
        (".locale.en-US".to_owned(), head("defaultLocale") + &locale),
    ]
    .map(|(part, text)| (format!("winget/{WINGET}{part}.yaml"), text))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn example() -> Released {
        Released {
            url: format!("{REPOSITORY}/releases/download/v{VERSION}/{}", source()),
            sha256: "5ace2a28c6f40875ef2baac027d8b91a2f65701271c7b43ecbd467664dca9ef0".to_owned(),
        }
    }

    /// Writes a text into a file and lets a program read that, if it is here.
    fn read_by(program: &str, arguments: &[&str], name: &str, text: &str) {
        let mut version = Command::new(program);
        let version = version
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !version.status().is_ok_and(|status| status.success()) {
            println!("skipped: no {program} here");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
        let mut command = Command::new(program);
        let output = command
            .args(arguments)
            .arg(name)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}\n{text}");
    }

    #[test]
    fn their_own_readers_take_them() {
        std::env::set_current_dir(crate::root()).unwrap();
        let example = example();
        let source = example.url.clone();
        // As makepkg does: all is in variables and functions.
        let asks = format!(
            "{}\n[ \"$pkgname-$pkgver\" = aeden-{VERSION} ] && [ \"${{source[0]}}\" = {source} ] && \
             declare -f prepare build package >/dev/null\n",
            pkgbuild(&example)
        );
        read_by("bash", &["-eu"], "PKGBUILD", &asks);
        read_by("ruby", &["-wc"], "aeden.rb", &formula(&example));
        let validate = ["validate", "--no-net"];
        read_by(
            "appstreamcli",
            &validate,
            &format!("{FLATPAK}.metainfo.xml"),
            &metainfo(),
        );
        for (name, text) in winget(&example) {
            let name = name.rsplit('/').next().unwrap().to_owned();
            let reads =
                "require 'yaml'; all = YAML.load_file(ARGV[0]); all['PackageIdentifier'] or abort 'no id'";
            read_by("ruby", &["-e", reads], &name, &text);
        }
    }

    #[test]
    fn flatpak_fetches_every_crate_of_the_lock_file() {
        std::env::set_current_dir(crate::root()).unwrap();
        let lock = fs::read_to_string("Cargo.lock").unwrap();
        let fetched = lock
            .lines()
            .filter(|line| line.starts_with("checksum = "))
            .count();
        let sources = vendored().unwrap();
        let archives = sources.iter().filter(|source| source["type"] == "archive");
        assert_eq!(archives.count(), fetched);
    }

    #[test]
    fn a_missing_file_leaves_its_recipes_out() {
        std::env::set_current_dir(crate::root()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        assert!(released(folder.path(), &source()).unwrap().is_none());
        fs::write(folder.path().join(source()), "machine code").unwrap();
        let found = released(folder.path(), &source()).unwrap().unwrap();
        assert_eq!((found.url, found.sha256), (example().url, example().sha256));
    }
}
