//! Names of files in lines of JSON, which is Unicode; names of files need not be.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::path::{Path, PathBuf};

/// A file with the part that it plays in a line; to be flattened into that.
///
/// Gives `role`, the name as well as Unicode can show it, and where that is not the name itself, `role_bytes`: its bytes
/// in base64, by which it can be opened again.
#[derive(Clone, Debug)]
pub struct Named {
    role: &'static str,
    path: PathBuf,
}

impl Named {
    /// A file in this role.
    pub fn new(role: &'static str, path: &Path) -> Self {
        Named {
            role,
            path: path.into(),
        }
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.role, &self.path.to_string_lossy())?;
        #[cfg(unix)]
        if self.path.to_str().is_none() {
            use base64::Engine;
            use std::os::unix::ffi::OsStrExt;
            let bytes = base64::engine::general_purpose::STANDARD.encode(self.path.as_os_str().as_bytes());
            map.serialize_entry(&format!("{}_bytes", self.role), &bytes)?;
        }
        map.end()
    }
}
