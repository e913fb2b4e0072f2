//! A loaded VST3 library, and how the format writes text.

use crate::Error;
use libloading::Library;
use std::ffi::{c_char, c_void};
use std::ptr::null_mut;
use vst3::Steinberg::Vst::TChar;

/// What a library exports to be told of its loading and unloading, by platform.
const ENTRY: (&[u8], &[u8]) = if cfg!(target_os = "macos") {
    (b"bundleEntry\0", b"bundleExit\0")
} else if cfg!(windows) {
    (b"InitDll\0", b"ExitDll\0")
} else {
    (b"ModuleEntry\0", b"ModuleExit\0")
};

/// The library, initialised; its end is the end of the last instance.
pub struct Module {
    pub library: Library,
}

impl Module {
    /// Initialises a library. Windows does without.
    pub fn enter(library: Library) -> Result<Self, Error> {
        // SAFETY: the format lays down the symbol's type; on macOS and Linux the argument is a handle of the library
        // that plugins may ask for resources, of which the ones tested here have none.
        unsafe {
            match library.get::<unsafe extern "system" fn(*mut c_void) -> bool>(ENTRY.0) {
                Ok(entry) if !entry(null_mut()) => Err(Error::Refused("to be loaded")),
                Err(_) if !cfg!(windows) => Err(Error::Missing("an entry function")),
                _ => Ok(Module { library }),
            }
        }
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: the format lays down the symbol's type; the factory and all instances are gone.
        unsafe {
            if let Ok(exit) = self.library.get::<unsafe extern "system" fn() -> bool>(ENTRY.1) {
                exit();
            }
        }
    }
}

/// A text of bytes that ends at a zero or with the array.
pub fn text8(text: &[c_char]) -> String {
    let bytes: Vec<u8> = text
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| *byte as u8)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text in UTF-16 that ends at a zero or with the array.
pub fn text16(text: &[TChar]) -> String {
    let units: Vec<u16> = text.iter().copied().take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}
