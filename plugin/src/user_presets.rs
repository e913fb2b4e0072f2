//! Presets of the user's own: a file each, in a folder that all instances share.

use crate::small_files;
use crate::values::Values;
use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Names another folder than the usual one.
const VARIABLE: &str = "AEDEN_PRESETS";
/// The ending of the files.
pub const ENDING: &str = "aeden-preset";
/// The longest name, in characters.
const LONGEST: usize = 60;

/// A file's content.
#[derive(Serialize, Deserialize)]
struct Content {
    aeden_preset: u32,
    values: Values,
}

/// The folder with the presets: that of the user's data, in `aeden/presets`.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The user's folder, which need not be there yet; nothing where the user has no home.
    pub fn of_user() -> Option<Folder> {
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            return Some(Folder(path.into()));
        }
        let data = etcetera::choose_base_strategy().ok()?.data_dir();
        Some(Folder(data.join("aeden").join("presets")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, so that it can be shown.
    ///
    /// # Errors
    /// What the system says.
    pub fn make(&self) -> io::Result<()> {
        fs::create_dir_all(&self.0)
    }

    /// The names of all presets, in the order of the alphabet. Files that cannot be presets are passed over.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let name = |path: PathBuf| {
            let is_preset = path.extension().is_some_and(|ending| ending == ENDING);
            let name = path.file_stem()?.to_str()?.to_owned();
            (is_preset && is_name(&name)).then_some(name)
        };
        let mut names: Vec<String> = entries.filter_map(|entry| name(entry.path())).collect();
        names.sort_by_key(|name| (name.to_lowercase(), name.clone()));
        names
    }

    /// The values of a preset.
    ///
    /// # Errors
    /// What the system says, or that the file is no preset.
    pub fn load(&self, name: &str) -> io::Result<Values> {
        open(&self.file(name)?).map(|(_, values)| values)
    }

    /// Saves a preset, in the place of one of the same name; whole or not at all.
    ///
    /// # Errors
    /// What the system says, or that this cannot be a name.
    pub fn save(&self, name: &str, values: &Values) -> io::Result<()> {
        let content = Content {
            aeden_preset: 1,
            values: *values,
        };
        small_files::write(&self.file(name)?, &content)
    }

    /// Gives a preset another name.
    ///
    /// # Errors
    /// What the system says, that this cannot be a name, or that there is a preset of this name.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.file(from)?, self.file(to)?);
        if to.exists() {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "there is a preset of this name",
            ));
        }
        fs::rename(from, to)
    }

    /// Deletes a preset.
    ///
    /// # Errors
    /// What the system says.
    pub fn delete(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.file(name)?)
    }

    fn file(&self, name: &str) -> io::Result<PathBuf> {
        if is_name(name) {
            Ok(self.0.join(format!("{name}.{ENDING}")))
        } else {
            let problem = format!(
                "a name has 1 to {LONGEST} characters, none of them / \\ : * ? \" < > |, and begins with no dot"
            );
            Err(io::Error::new(ErrorKind::InvalidInput, problem))
        }
    }
}

/// The name and the values of a preset in a file, wherever it is.
///
/// # Errors
/// What the system says, or that the file is no preset.
pub fn open(path: &Path) -> io::Result<(String, Values)> {
    let none = || io::Error::new(ErrorKind::InvalidData, "this is no preset");
    let name = path.file_stem().and_then(|name| name.to_str()).ok_or_else(none)?;
    let is_preset = path.extension().is_some_and(|ending| ending == ENDING);
    if !is_preset {
        return Err(none());
    }
    let content = small_files::read(path).map_err(|problem| match problem.kind() {
        ErrorKind::InvalidData => none(),
        _ => problem,
    })?;
    let content: Content = serde_json::from_slice(&content)?;
    Ok((name.to_owned(), content.values))
}

/// Whether every system has files of this name.
fn is_name(name: &str) -> bool {
    let plain = |c: char| !c.is_control() && !"/\\:*?\"<>|".contains(c);
    name.trim() == name
        && (1..=LONGEST).contains(&name.chars().count())
        && !name.starts_with('.')
        && !name.ends_with('.')
        && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_saved_renamed_and_deleted_and_nothing_else_is_touched() {
        let path = std::env::temp_dir().join(format!("aeden-presets-{}", std::process::id()));
        let folder = Folder(path.clone());
        assert!(folder.names().is_empty());
        let mut values = Values::default();
        values.numbers[0] = 0.3;
        folder.save("Böse Straße", &values).unwrap();
        folder.save("another", &Values::default()).unwrap();
        fs::write(path.join("notes.txt"), "mine").unwrap();
        fs::write(path.join("broken.aeden-preset"), "{}").unwrap();
        assert_eq!(folder.names(), ["another", "broken", "Böse Straße"]);
        assert_eq!(folder.load("Böse Straße").unwrap(), values);
        assert!(folder.load("broken").is_err() && folder.load("none").is_err());
        assert!(
            folder.rename("Böse Straße", "another").is_err(),
            "a preset is never lost"
        );
        folder.rename("Böse Straße", "kind").unwrap();
        assert_eq!(folder.load("kind").unwrap(), values);
        folder.delete("another").unwrap();
        folder.delete("broken").unwrap();
        assert_eq!(folder.names(), ["kind"]);
        for name in [
            "",
            " ",
            "../x",
            "a/b",
            "a\\b",
            ".hidden",
            "line\nline",
            "end.",
            &"x".repeat(61),
        ] {
            assert!(folder.save(name, &values).is_err(), "{name:?}");
        }
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
        fs::remove_dir_all(&path).unwrap();
    }
}
