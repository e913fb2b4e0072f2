//! The page of aeden as files inside a program.
//!
//! `files/` is what the page is wherever it lies. Beside it, at the same address, is its engine: `alone/` cleans in the browser,
//! for a server of plain files (`cargo xtask web` lays it out), and `served/` asks the program that serves the page, which is
//! what `aeden web` does.

/// A file as a browser asks for it.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its name, without a folder.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// A file of the folder `$folder`; its ending tells its media type.
macro_rules! file {
    ($folder:literal, $name:literal) => {
        File {
            name: $name,
            media_type: media_type($name),
            text: include_str!(concat!("../", $folder, "/", $name)),
        }
    };
}

/// The media type of a name's ending.
const fn media_type(name: &str) -> &'static str {
    match name.as_bytes() {
        [.., b'.', b'j', b's'] => "text/javascript; charset=utf-8",
        [.., b'.', b's', b'v', b'g'] => "image/svg+xml",
        [.., b'.', b'c', b's', b's'] => "text/css; charset=utf-8",
        _ => "text/html; charset=utf-8",
    }
}

/// The page that its program serves.
pub const SERVED: [File; 12] = [
    file!("files", "index.html"),
    file!("files", "logo.svg"),
    file!("files", "page.css"),
    file!("files", "palette.css"),
    file!("files", "page.js"),
    file!("files", "bands.js"),
    file!("files", "card.js"),
    file!("files", "loudness.js"),
    file!("files", "player.js"),
    file!("files", "recording.js"),
    file!("files", "spectrogram.js"),
    file!("served", "engine.js"),
];

/// The colours as properties of CSS, for every page that the program writes.
pub const PALETTE: &str = include_str!("../files/palette.css");

/// The logo, an SVG picture.
pub const LOGO: &str = include_str!("../files/logo.svg");

/// The player, a script without an import: plays before, after and removed, in loops and at one loudness; zooms.
pub const PLAYER: &str = include_str!("../files/player.js");

/// Loudness in the browser, a script without an import.
pub const LOUDNESS: &str = include_str!("../files/loudness.js");

#[cfg(test)]
mod tests {
    use super::{LOUDNESS, PLAYER, SERVED};

    #[test]
    fn every_file_that_the_page_asks_for_is_there() {
        for file in SERVED {
            for part in file.text.split("from './").skip(1) {
                let name = part.split('\'').next().unwrap();
                assert!(
                    SERVED.iter().any(|other| other.name == name),
                    "{}: {name}",
                    file.name
                );
            }
        }
        for script in [PLAYER, LOUDNESS] {
            assert!(!script.contains("import "));
        }
    }
}
