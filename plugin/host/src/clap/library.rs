//! A loaded CLAP library, and what its tables say.

use clap_sys::entry::clap_plugin_entry;
use clap_sys::factory::plugin_factory::clap_plugin_factory;
use clap_sys::plugin::clap_plugin;
use libloading::Library;
use std::ffi::{CStr, c_char};
use std::ptr::NonNull;

/// The library, initialised; its end is the end of the last instance.
pub struct Module {
    pub entry: NonNull<clap_plugin_entry>,
    pub factory: NonNull<clap_plugin_factory>,
    pub _library: Library,
}

// SAFETY: entry and factory are constant tables, which the format lets any thread use.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: `init` succeeded, and all instances, which share this, are gone.
        unsafe { call!(self.entry.as_ref(), deinit,) }
    }
}

/// The plugin's table for an extension.
///
/// # Safety
/// `T` must be the type that belongs to the id, and the result must not outlive the plugin.
pub unsafe fn extension<T>(plugin: NonNull<clap_plugin>, id: &CStr) -> Option<&'static T> {
    // SAFETY: the plugin is initialised.
    let table = unsafe { call!(plugin.as_ref(), get_extension, plugin.as_ptr(), id.as_ptr()) };
    // SAFETY: the caller vouches for the type and the time.
    unsafe { table.cast::<T>().as_ref() }
}

/// Texts up to a null pointer.
pub fn texts_at(mut list: *const *const c_char) -> Vec<String> {
    let mut texts = Vec::new();
    // SAFETY: lists of this format end with a null pointer.
    unsafe {
        while !list.is_null() && !(*list).is_null() {
            texts.push(text_at(*list));
            list = list.add(1);
        }
    }
    texts
}

/// A text that ends with a zero; the empty one for a null pointer.
pub fn text_at(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: texts of this format end with a zero.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
