//! Where an evaluation finds its recordings, its scoring program and its Python.

use crate::{program, setup, target};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The halves of the development set, by the first letters of the file names: 16 kHz and 48 kHz.
const HALVES: &[&str] = &["wb", "fb"];

/// The one group of recordings that are not halved.
pub const ALL: &str = "all";

/// Which recordings are cleaned.
pub enum Recordings {
    /// The development set in the shared folder.
    Development,
    /// A set from `tests/fixtures/make_recording.py`.
    Small,
    /// A folder of the user's with `noisy` and `clean` in it.
    Pairs(PathBuf),
}

/// Where things lie.
pub struct Places {
    /// The shared folder, where there is one: development recordings, other denoisers.
    shared: Option<PathBuf>,
    /// A folder with `noisy` and `clean` in it, and perhaps `pairs.tsv`.
    pub recordings: PathBuf,
    /// First letters of the file names, each with rows of its own; or [`ALL`].
    pub groups: &'static [&'static str],
    /// Scores a folder beside the clean one.
    scorer: PathBuf,
    /// Python with what the scripts need.
    pub python: PathBuf,
    /// Scratch and results.
    pub work: PathBuf,
}

impl Places {
    /// Looks for everything, and makes what can be made.
    ///
    /// # Errors
    /// If recordings are missing, or are not pairs.
    pub fn find(wanted: Option<Recordings>) -> Result<Self> {
        let shared =
            std::env::var_os("AEDEN_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
        let shared = if shared.join("data/dev").is_dir() && shared.join("eval").is_dir() {
            Some(shared.canonicalize()?)
        } else {
            None
        };
        let scripts = shared.as_ref().map(|shared| shared.join("eval"));
        let requirements = match &scripts {
            Some(scripts) => scripts.join("requirements.txt"),
            None => "xtask/python/requirements.txt".into(),
        };
        let python = match std::env::var_os("AEDEN_EVAL_VENV") {
            Some(folder) => std::path::absolute(Path::new(&folder).join("bin/python"))?,
            None => setup::venv(Path::new(".venv-eval"), &requirements)?,
        };
        let wanted = match (wanted, &shared) {
            (Some(wanted), _) => wanted,
            (None, Some(_)) => Recordings::Development,
            (None, None) => {
                eprintln!(
                    "no development recordings (AEDEN_SHARED names their folder), so a small set is made: synthetic \
                     voices, made-up noise. Its figures say whether a change helps or harms, not how good aeden is."
                );
                Recordings::Small
            }
        };
        let eval = std::path::absolute(target().join("eval"))?;
        let ours = std::path::absolute("xtask/python/score.py")?;
        let all = &[ALL][..];
        let (recordings, groups, scorer, work) = match (wanted, &shared, scripts) {
            (Recordings::Development, Some(shared), Some(scripts)) => {
                (shared.join("data/dev"), HALVES, scripts.join("score.py"), eval)
            }
            (Recordings::Development, ..) => {
                bail!(
                    "the development recordings are not part of this repository; AEDEN_SHARED names their folder"
                )
            }
            (Recordings::Small, ..) => {
                let work = eval.join("small");
                (small_set(&python, &work)?, all, ours, work)
            }
            (Recordings::Pairs(folder), ..) => (folder, all, ours, eval.join("pairs")),
        };
        std::fs::create_dir_all(&work)?;
        let places = Self {
            shared,
            recordings,
            groups,
            scorer,
            python,
            work,
        };
        places.check_pairs()?;
        Ok(places)
    }

    /// The shared folder, for what does not work without it.
    ///
    /// # Errors
    /// If there is none.
    pub fn shared(&self) -> Result<&Path> {
        self.shared.as_deref().context(
            "this needs the shared folder with data/dev and eval, which is not part of this repository; AEDEN_SHARED names it",
        )
    }

    /// Whether these are the development recordings, for which scores of other denoisers are kept.
    pub fn are_development(&self) -> bool {
        self.groups == HALVES
    }

    /// Starts Python.
    pub fn python(&self) -> Command {
        let mut python = Command::new(&self.python);
        // Scores must not depend on how many cores there are.
        python.env("OMP_NUM_THREADS", "1").env("PYTHONWARNINGS", "ignore");
        python
    }

    /// Scores a folder of cleaned recordings, before `--json FILE`.
    pub fn scorer(&self, cleaned: &Path) -> Command {
        let mut command = self.python();
        command
            .arg(&self.scorer)
            .arg(self.recordings.join("clean"))
            .arg(cleaned);
        if self.are_development() {
            // At most two windows a file for the ratings, as in the tables.
            command.arg("--fast");
        }
        command
    }

    /// The noisy recordings as float WAV files, a folder for each group, because everything here takes folders.
    pub fn noisy(&self) -> Result<Vec<PathBuf>> {
        // Not "noisy": outputs are named for what made them, and "noisy" is one of these.
        let all = self.work.join("input");
        if !self.are_development() {
            // Others change from run to run.
            empty(&all)?;
        }
        let mut python = self.python();
        python.arg("xtask/python/prepare.py");
        program::output(python.arg(self.recordings.join("noisy")).arg(&all))?;
        if self.groups == [ALL] {
            return Ok(vec![all]);
        }
        let mut folders = Vec::new();
        for group in self.groups {
            let folder = self.work.join(format!("input-{group}"));
            empty(&folder)?;
            for entry in std::fs::read_dir(&all)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().starts_with(group) {
                    std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
                }
            }
            folders.push(folder);
        }
        Ok(folders)
    }

    /// Whether each noisy recording has a clean one of its name.
    fn check_pairs(&self) -> Result<()> {
        let (noisy, clean) = (
            names(&self.recordings.join("noisy"))?,
            names(&self.recordings.join("clean"))?,
        );
        if noisy.is_empty() {
            bail!(
                "{}: no WAV or FLAC files",
                self.recordings.join("noisy").display()
            );
        }
        let alone: Vec<&str> = noisy.difference(&clean).map(String::as_str).collect();
        if !alone.is_empty() {
            bail!(
                "{}: no clean recording of the name of {}",
                self.recordings.display(),
                alone.join(", ")
            );
        }
        Ok(())
    }
}

/// Names, without endings, of the WAV and FLAC files in a folder; others are left out, and said.
fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let path = entry?.path();
        if !["wav", "flac"]
            .iter()
            .any(|ending| path.extension() == Some(ending.as_ref()))
        {
            eprintln!("{}: left out, neither .wav nor .flac", path.display());
            continue;
        }
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if !names.insert(stem) {
            bail!(
                "{}: there is another file of this name with another ending",
                path.display()
            );
        }
    }
    Ok(names)
}

/// Makes the small set with espeak-ng.
fn small_set(python: &Path, work: &Path) -> Result<PathBuf> {
    if program::find("espeak-ng").is_none() {
        bail!(
            "the small set is spoken by espeak-ng, which is not installed; install it (Debian: apt-get install espeak-ng), \
             or evaluate recordings of your own with --pairs FOLDER"
        );
    }
    let folder = work.join("recordings");
    empty(&folder)?;
    let mut make = Command::new(python);
    program::output(
        make.args(["tests/fixtures/make_recording.py", "--pairs"])
            .arg(&folder),
    )?;
    Ok(folder)
}

/// An empty folder in place of what was there.
pub fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn pairs_go_by_their_names_without_endings() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["b.wav", "a.flac", "notes.txt"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        assert_eq!(
            names(folder.path()).unwrap().into_iter().collect::<Vec<_>>(),
            ["a", "b"]
        );
        std::fs::write(folder.path().join("a.wav"), "").unwrap();
        assert!(names(folder.path()).is_err());
    }
}
