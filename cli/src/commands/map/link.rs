//! Files as a page names them: from its own folder, so that page and files can move together.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::path::{Component, Path, PathBuf, Prefix};

/// What is written as it is beside letters and digits.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The address of a file on a page in a folder; both are canonical.
pub fn link(folder: &Path, file: &Path) -> String {
    let (mut from, mut to) = (folder.components().peekable(), file.components().peekable());
    if from.peek() != to.peek() {
        // Another drive.
        return format!("file:///{}", to.filter_map(part).collect::<Vec<_>>().join("/"));
    }
    while from.peek().is_some() && from.peek() == to.peek() {
        from.next();
        to.next();
    }
    let up = from.map(|_| "..".to_owned());
    up.chain(to.filter_map(part)).collect::<Vec<_>>().join("/")
}

fn part(part: Component) -> Option<String> {
    match part {
        Component::RootDir => None,
        Component::Prefix(prefix) => match prefix.kind() {
            Prefix::Disk(letter) | Prefix::VerbatimDisk(letter) => Some(format!("{}:", char::from(letter))),
            _ => Some(percent_encode(prefix.as_os_str().as_encoded_bytes(), PLAIN).to_string()),
        },
        part => Some(percent_encode(part.as_os_str().as_encoded_bytes(), PLAIN).to_string()),
    }
}

/// The file that a link on a page in a folder leads to.
pub fn path(folder: &Path, link: &str) -> PathBuf {
    let bytes: Vec<u8> = percent_decode_str(link.strip_prefix("file:///").unwrap_or(link)).collect();
    #[cfg(unix)]
    let below: PathBuf = {
        use std::os::unix::ffi::OsStringExt;
        std::ffi::OsString::from_vec(bytes).into()
    };
    #[cfg(not(unix))]
    let below: PathBuf = String::from_utf8_lossy(&bytes).into_owned().into();
    folder.join(below)
}

/// A path without `..`, each of which takes back the part before it.
pub fn without_parents(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_back_to_their_files() {
        let folder = Path::new("/home/a/maps");
        for (file, wanted) in [
            ("/home/a/maps/x.wav", "x.wav"),
            ("/home/a/maps/b c/x:#1.wav", "b%20c/x%3A%231.wav"),
            ("/home/a/ü/x.wav", "../%C3%BC/x.wav"),
            ("/y%20.wav", "../../../y%2520.wav"),
        ] {
            let link = link(folder, Path::new(file));
            assert_eq!(link, wanted);
            assert_eq!(without_parents(&path(folder, &link)), Path::new(file));
        }
    }
}
