//! What can go wrong, as one line for a person: what happened, then what to do.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Exit status: everything that was asked for has been done.
pub const DONE: u8 = 0;
/// Exit status: at least one file could not be done; its error line says why. The others have been done.
pub const FILE_FAILED: u8 = 1;
/// Exit status: the command makes no sense as given; nothing has been done.
pub const USAGE: u8 = 2;
/// Exit status: the model or the engine cannot be used; nothing has been done.
pub const MODEL: u8 = 3;
/// Exit status: the sound system or a device cannot be used.
pub const AUDIO: u8 = 4;
/// Exit status: stopped by Ctrl-C or a request to terminate; unfinished output has been removed.
pub const INTERRUPTED: u8 = 130;

/// The exit statuses, for `--help` and the manual.
pub const EXIT_STATUS_HELP: &str = "\
Exit status:
  0    everything was done (or was there already, with --skip-existing)
  1    at least one file could not be done, its error line says why; the others were done
  2    the command makes no sense as given; nothing was done
  3    the model or the engine cannot be used; nothing was done
  4    the sound system or a device cannot be used; the error line says what to do
  130  stopped by Ctrl-C or a request to terminate; unfinished output was removed
       (live and web end that way when all is well: status 0)";

/// One error line.
#[derive(Clone, Debug)]
pub struct Problem {
    text: String,
    status: u8,
}

impl Problem {
    /// One file could not be done. `subject` is its name as the user knows it.
    pub fn file(subject: &Path, what: impl std::fmt::Display) -> Self {
        Problem {
            text: format!("{}: {what}", subject.display()),
            status: FILE_FAILED,
        }
    }

    /// One file could not be done because the operating system refused.
    pub fn io(subject: &Path, error: &io::Error) -> Self {
        Problem::file(subject, describe(error))
    }

    /// The same, with what to do about it.
    pub fn and(mut self, remedy: &str) -> Self {
        self.text = format!("{}; {remedy}", self.text);
        self
    }

    /// The command makes no sense as given.
    pub fn usage(what: impl std::fmt::Display) -> Self {
        Problem {
            text: what.to_string(),
            status: USAGE,
        }
    }

    /// The model or the engine cannot be used.
    pub fn model(what: impl std::fmt::Display) -> Self {
        Problem {
            text: what.to_string(),
            status: MODEL,
        }
    }

    /// The sound system or a device cannot be used.
    pub fn audio(what: impl std::fmt::Display) -> Self {
        Problem {
            text: what.to_string(),
            status: AUDIO,
        }
    }

    /// The exit status that goes with it.
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl std::fmt::Display for Problem {
    /// Always one line.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&one_line(&self.text))
    }
}

/// Does something with one file. A defect of ours that the file brings to light is its error, and stops no others.
pub fn guarded<T>(subject: &Path, work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let what = "aeden itself is at fault here; please report it with this file";
        Err(Problem::file(subject, what))
    })
}

/// A number of things: `1 channel`, `2 channels`.
pub fn counted(number: usize, one: &str, several: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {several}"),
    }
}

/// Escapes what file names may hold and terminals obey or hide: what is said about a file stays in its line, and reads as
/// it is.
pub fn one_line(text: &str) -> String {
    text.chars()
        .fold(String::with_capacity(text.len()), |mut line, c| {
            if is_harmless(c) {
                line.push(c)
            } else {
                line.extend(c.escape_default())
            }
            line
        })
}

/// Whether a terminal shows a character, and does nothing else about it. The controls of Unicode are not harmless: those
/// that turn the direction of writing can make `gpj.exe` look like `exe.jpg`, others cannot be seen.
pub fn is_harmless(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // Joiners, which several scripts are written with.
        '\u{200c}' | '\u{200d}' => true,
        '\u{2028}' | '\u{2029}' => false,
        _ if c.is_control() => false,
        _ if c.is_whitespace() => true,
        _ => {
            // The standard library knows what can be shown. Behind a letter, since marks that are written above or below
            // one are shown only there.
            let mut shown = String::from('a');
            shown.push(c);
            shown.escape_debug().count() == 2
        }
    }
}

/// An error of the operating system in plain words, with what to do about it.
pub fn describe(error: &io::Error) -> String {
    use io::ErrorKind::{
        BrokenPipe, FileTooLarge, InvalidFilename, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        ReadOnlyFilesystem, StorageFull,
    };
    match error.kind() {
        NotFound => "no such file or folder; check the name".into(),
        PermissionDenied => "permission denied; check who may read and write it".into(),
        FileTooLarge => "files may not grow as large as this here; raise the limit (`ulimit -f`), or write elsewhere".into(),
        StorageFull => "no space left on the disk; free some, or write elsewhere".into(),
        ReadOnlyFilesystem => "the disk is read-only; write elsewhere".into(),
        IsADirectory => "is a folder; give a file".into(),
        NotADirectory => "a part of this path is a file, not a folder; check the path".into(),
        InvalidFilename => "no file can have this name, which is too long or has letters that the disk does not take; choose another".into(),
        BrokenPipe => "whoever was to read the output has gone".into(),
        _ if answers_nobody(error) => "is a socket, or a device that is not connected; give a file".into(),
        _ => error.to_string(),
    }
}

/// Whether something that has a name cannot be opened by it: ENXIO, which is 6 on every Unix.
fn answers_nobody(error: &io::Error) -> bool {
    cfg!(unix) && error.raw_os_error() == Some(6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_is_an_error_of_its_file() {
        let failed = guarded(Path::new("a.wav"), || -> Result<(), Problem> {
            panic!("a defect")
        });
        let problem = failed.unwrap_err();
        assert_eq!(problem.status(), FILE_FAILED);
        assert!(problem.to_string().starts_with("a.wav: aeden itself is at fault"));
        assert_eq!(guarded(Path::new("a.wav"), || Ok(7)).unwrap(), 7);
    }

    #[test]
    fn one_thing_is_singular() {
        assert_eq!(counted(1, "click", "clicks"), "1 click");
        assert_eq!(counted(0, "click", "clicks"), "0 clicks");
    }

    #[test]
    fn names_read_as_they_are() {
        for name in [
            "take 1 - \u{e9}te\u{301}.wav",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}.wav",
            "3.04.05\u{202f}PM.wav",
            "\u{1f399}\u{fe0f}\u{200d}.wav",
            "\"quoted\" \\ 'x'",
        ] {
            assert_eq!(one_line(name), name);
        }
        for c in "\n\u{1b}\u{85}\u{ad}\u{61c}\u{200b}\u{200e}\u{202a}\u{202e}\u{2028}\u{2066}\u{2069}\u{feff}\u{e0041}"
            .chars()
        {
            let shown = one_line(&format!("gpj{c}.exe"));
            assert!(shown.starts_with("gpj\\") && !shown.contains(c), "{shown}");
        }
    }
}
