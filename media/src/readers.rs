//! Who may read outputs: nobody who may not read what they were made from.
//!
//! Inputs are noted when they are opened, outputs are the user's alone until they are complete and then get their
//! permissions. So it holds for every command, whichever files it reads and writes. What is made of one file among many
//! is done within [`of_one_file`].

use std::cell::Cell;
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What the inputs so far allow to others than the owner.
#[derive(Clone, Copy)]
struct Readers {
    /// The group whose members may read every input; `None` if there is no such group.
    group: Option<Group>,
    /// Whether everybody may.
    others: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    /// Nothing has been read.
    Any,
    /// This one; where everybody may read, so may other groups.
    One(u32),
}

const EVERYBODY: Readers = Readers {
    group: Some(Group::Any),
    others: true,
};

/// Of all that the process has read.
static ALL: Mutex<Readers> = Mutex::new(EVERYBODY);

thread_local! {
    /// Of the one file that this thread works on, if it works on one among many.
    static OWN: Cell<Option<Readers>> = const { Cell::new(None) };
}

/// Works on one file of many: what is written meanwhile, on this thread, is made from what is read meanwhile.
pub fn of_one_file<T>(work: impl FnOnce() -> T) -> T {
    struct Back(Option<Readers>);
    impl Drop for Back {
        fn drop(&mut self) {
            OWN.set(self.0);
        }
    }
    let _back = Back(OWN.replace(Some(EVERYBODY)));
    work()
}

/// Notes that a file is read.
pub fn note(about: &Metadata) {
    // Pipes and devices have no readers of their own.
    if !about.is_file() {
        return;
    }
    let found = Readers::of(about);
    match OWN.get() {
        Some(own) => OWN.set(Some(own.and(found))),
        None => {
            let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
            *all = all.and(found);
        }
    }
}

/// Notes that a stream is read, which may have been redirected from a file.
#[cfg(unix)]
pub fn note_stream(stream: impl std::os::fd::AsFd) {
    if let Ok(about) = stream
        .as_fd()
        .try_clone_to_owned()
        .and_then(|file| File::from(file).metadata())
    {
        note(&about);
    }
}

/// Gives a complete output, so far the user's alone, the permissions `wanted` as far as what was read allows.
pub fn open_up(output: &File, wanted: Permissions) -> io::Result<()> {
    let readers = OWN
        .get()
        .unwrap_or_else(|| *ALL.lock().unwrap_or_else(PoisonError::into_inner));
    readers.open_up(output, wanted)
}

/// Makes a folder, and those above it, for what comes from the folder `like`: no more readable than that.
pub fn make_folder(folder: &Path, like: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        // Sub-folders under the same names stand for one another.
        let above = match like.parent() {
            Some(above) if folder.file_name() == like.file_name() => above,
            _ => like,
        };
        make_folder(parent, above)?;
    }
    let like = if like.as_os_str().is_empty() {
        Path::new(".")
    } else {
        like
    };
    match Readers::of(&std::fs::metadata(like)?).make_folder(folder) {
        // Somebody was faster: another file of the same run.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        made => made,
    }
}

impl Readers {
    fn and(self, other: Readers) -> Readers {
        // Whom everybody's permission covers needs no group.
        let group = match (self.group, other.group) {
            (Some(a), Some(b)) if a == b => Some(a),
            (Some(a), Some(_)) if other.others => Some(a),
            (Some(_), Some(b)) if self.others => Some(b),
            _ => None,
        };
        Readers {
            group,
            others: self.others && other.others,
        }
    }
}

#[cfg(unix)]
impl Readers {
    fn of(about: &Metadata) -> Readers {
        use std::os::unix::fs::MetadataExt;
        Readers {
            group: (about.mode() & 0o040 != 0).then_some(Group::One(about.gid())),
            others: about.mode() & 0o004 != 0,
        }
    }

    /// The part of a mode that is allowed where files belong to this group.
    fn allow(self, mode: u32, group: u32) -> u32 {
        let members = match self.group {
            None => false,
            Some(Group::Any) => true,
            Some(Group::One(own)) => self.others || own == group,
        };
        let others = if self.others { 0o007 } else { 0 };
        let members = if members { 0o070 } else { 0 };
        mode & (0o700 | members | others)
    }

    fn open_up(self, output: &File, wanted: Permissions) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let mode = self.allow(wanted.mode() & 0o777, output.metadata()?.gid());
        output.set_permissions(Permissions::from_mode(mode))
    }

    fn make_folder(self, folder: &Path) -> io::Result<()> {
        use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
        let strict = if self.others { 0o777 } else { 0o700 };
        std::fs::DirBuilder::new().mode(strict).create(folder)?;
        let about = std::fs::metadata(folder)?;
        // The group's members may look into the one, so they may into the other, but not write.
        if !self.others && self.group == Some(Group::One(about.gid())) {
            let mode = about.mode() & 0o7777 | 0o050;
            std::fs::set_permissions(folder, Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}

/// Where permissions are lists of their own, the folder that a file lies in decides.
#[cfg(not(unix))]
impl Readers {
    fn of(_about: &Metadata) -> Readers {
        EVERYBODY
    }

    fn open_up(self, _output: &File, _wanted: Permissions) -> io::Result<()> {
        Ok(())
    }

    fn make_folder(self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir(folder)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn readers(group: Option<u32>, others: bool) -> Readers {
        Readers {
            group: group.map(Group::One),
            others,
        }
    }

    #[test]
    fn an_output_is_no_more_readable_than_each_of_its_inputs() {
        for (inputs, mode) in [
            (vec![], 0o664),
            (vec![readers(Some(5), true)], 0o664),
            (vec![readers(Some(5), false)], 0o660),
            (vec![readers(Some(6), false)], 0o600),
            (vec![readers(Some(6), true)], 0o664),
            (vec![readers(None, true)], 0o604),
            (vec![readers(Some(5), false), readers(Some(6), true)], 0o660),
            (vec![readers(Some(6), true), readers(Some(5), false)], 0o660),
            (vec![readers(Some(5), false), readers(Some(6), false)], 0o600),
            (vec![readers(None, false), readers(Some(5), true)], 0o600),
        ] {
            let all = inputs.iter().fold(EVERYBODY, |all, input| all.and(*input));
            assert_eq!(all.allow(0o664, 5), mode);
        }
    }
}
