//! LV2 core: the layout of its structure, from its specification. Names and ports are in `aeden.lv2`.

use crate::instance::Instance;
use crate::ports::PLUGINS;
use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

/// What a host calls.
#[repr(C)]
#[derive(Debug)]
pub struct Descriptor {
    /// The plugin's name, as in `aeden.lv2`.
    pub uri: *const c_char,
    /// Makes an instance.
    pub instantiate: Option<
        unsafe extern "C" fn(*const Descriptor, f64, *const c_char, *const *const c_void) -> *mut Instance,
    >,
    /// Connects a port with memory.
    pub connect_port: Option<unsafe extern "C" fn(*mut Instance, u32, *mut c_void)>,
    /// Begins anew.
    pub activate: Option<unsafe extern "C" fn(*mut Instance)>,
    /// Cleans a block.
    pub run: Option<unsafe extern "C" fn(*mut Instance, u32)>,
    /// Not needed.
    pub deactivate: Option<unsafe extern "C" fn(*mut Instance)>,
    /// Frees an instance.
    pub cleanup: Option<unsafe extern "C" fn(*mut Instance)>,
    /// Gives nothing.
    pub extension_data: Option<unsafe extern "C" fn(*const c_char) -> *const c_void>,
}

/// Descriptors, never freed.
struct Descriptors(Vec<Descriptor>);

// SAFETY: what they point to is never changed.
unsafe impl Send for Descriptors {}
// SAFETY: as above.
unsafe impl Sync for Descriptors {}

/// The plugin of a number, from 0 on; null after the last. What hosts look for in a library.
#[unsafe(no_mangle)]
pub extern "C" fn lv2_descriptor(index: u32) -> *const Descriptor {
    static ALL: OnceLock<Descriptors> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let describe = |uri: String| Descriptor {
            uri: CString::new(uri).unwrap_or_default().into_raw(),
            instantiate: Some(instantiate),
            connect_port: Some(connect_port),
            activate: Some(activate),
            run: Some(run),
            deactivate: None,
            cleanup: Some(cleanup),
            extension_data: None,
        };
        Descriptors(PLUGINS.iter().map(|plugin| describe(plugin.uri())).collect())
    });
    all.0.get(index as usize).map_or(null(), |descriptor| descriptor)
}

unsafe extern "C" fn instantiate(
    descriptor: *const Descriptor,
    rate: f64,
    _bundle: *const c_char,
    _features: *const *const c_void,
) -> *mut Instance {
    let made = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: a host passes what `lv2_descriptor` gave.
        let uri = unsafe { CStr::from_ptr((*descriptor).uri) };
        let plugin = PLUGINS
            .iter()
            .find(|plugin| plugin.uri().as_bytes() == uri.to_bytes())?;
        Instance::new(plugin, rate).ok()
    }));
    match made {
        Ok(Some(instance)) => Box::into_raw(Box::new(instance)),
        _ => null_mut(),
    }
}

unsafe extern "C" fn connect_port(instance: *mut Instance, port: u32, place: *mut c_void) {
    // SAFETY: a host passes what `instantiate` gave.
    unsafe { (*instance).connect(port as usize, place.cast()) };
}

unsafe extern "C" fn activate(instance: *mut Instance) {
    // SAFETY: a host passes what `instantiate` gave.
    unsafe { (*instance).activate() };
}

unsafe extern "C" fn run(instance: *mut Instance, samples: u32) {
    // SAFETY: a host passes what `instantiate` gave, and has connected memory for so many samples.
    unsafe { (*instance).run(samples as usize) };
}

unsafe extern "C" fn cleanup(instance: *mut Instance) {
    // SAFETY: a host passes what `instantiate` gave, once.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(instance) })));
}
