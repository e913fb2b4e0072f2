//! A scene: a folder of its own, in which a stranger types what pages tell.
//!
//! Blocks marked `sh run` are typed as they stand. The tests of several packages include this file by its path.
#![allow(dead_code, reason = "every test program uses some of these")]

use crate::blocks::{Block, blocks};
use crate::markdown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// The folder, which goes when the test ends.
pub struct Scene {
    folder: TempDir,
    /// Folders of programs that come before those of the system.
    programs: Vec<PathBuf>,
}

impl Scene {
    /// An empty folder. Programs in its own `bin` come first, then those in `programs`, then the system's.
    pub fn new(programs: &[&Path]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("bin");
        let programs = programs.iter().map(|folder| folder.to_path_buf());
        Scene {
            programs: std::iter::once(own).chain(programs).collect(),
            folder,
        }
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Types every block of a page that is marked `sh run`.
    pub fn play(&self, page: impl AsRef<Path>) {
        for block in typed(page) {
            self.ran(&mut shell(&block));
        }
    }

    /// Lets a command run here, with nothing of the user's.
    pub fn at_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = self.programs.iter().cloned().chain(std::env::split_paths(&path));
        command
            .current_dir(self.folder.path())
            .env("PATH", std::env::join_paths(path).unwrap())
            .env("HOME", self.folder.path())
            .env_remove("AEDEN_CONFIG")
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::null())
    }

    /// Runs a program here to its good end.
    pub fn ran(&self, command: &mut Command) {
        let run = self.at_home(command).output().unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{command:?}: {}\n{said}", run.status);
    }
}

/// The blocks of a page that are marked `sh run`.
pub fn typed(page: impl AsRef<Path>) -> Vec<Block> {
    let page = page.as_ref();
    let text = std::fs::read_to_string(markdown::root().join(page)).unwrap();
    let mut blocks = blocks(&text);
    blocks.retain(|block| block.language == "sh run");
    assert!(!blocks.is_empty(), "{} has no block to run", page.display());
    blocks
}

/// A shell that types a block, and stops where something fails.
pub fn shell(block: &Block) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-euc", &block.text]);
    shell
}

/// The sound of a recording or a film, in mono at 48 kHz; ffmpeg reads it.
pub fn decoded(file: &Path) -> Vec<f32> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(file);
    ffmpeg.args(["-ac", "1", "-ar", "48000", "-f", "f32le", "-"]);
    let run = ffmpeg.output().unwrap();
    assert!(
        run.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&run.stderr)
    );
    let samples = run.stdout.as_chunks::<4>().0.iter();
    samples.map(|sample| f32::from_le_bytes(*sample)).collect()
}

/// Levels of a recording, in dB of full scale.
#[derive(Clone, Copy, Debug)]
pub struct Levels {
    /// That a fifth of all tenths of a second is below.
    pub pauses: f32,
    /// That a tenth of them is above.
    pub speech: f32,
}

/// Measures a recording.
pub fn levels(file: &Path) -> Levels {
    let level =
        |part: &[f32]| 10.0 * (part.iter().map(|x| x * x).sum::<f32>() / part.len() as f32 + 1e-12).log10();
    let mut levels: Vec<f32> = decoded(file).chunks_exact(4_800).map(level).collect();
    let count = levels.len();
    assert!(count > 30, "{}: {count} tenths of a second", file.display());
    levels.sort_by(f32::total_cmp);
    Levels {
        pauses: levels[count / 5],
        speech: levels[count * 9 / 10],
    }
}
