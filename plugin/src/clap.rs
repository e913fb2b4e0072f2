//! What CLAP hosts load: nice-plug's wrapper, made here, so that an instance can reach its host.

use crate::AedenPlugin;
use crate::clap_presets;
use crate::hosting::{Format, Link};
use nice_plug::wrapper::clap::{
    CLAP_PLUGIN_FACTORY_ID, CLAP_VERSION, PluginDescriptor, Wrapper, clap_host, clap_plugin,
    clap_plugin_descriptor, clap_plugin_entry, clap_plugin_factory,
};
use std::ffi::{CStr, c_char, c_void};
use std::ptr::null;
use std::sync::{Arc, OnceLock};

/// The host of an instance, which outlives it.
struct Host(*const clap_host);

// SAFETY: the one call that is made through it is allowed on every thread.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Format for Host {
    /// nice-plug gives CLAP hosts their values at once.
    fn settle(&self) -> bool {
        false
    }

    fn ask_for_restart(&self) {
        // SAFETY: CLAP promises a host that lives longer than its plugins, and lets any thread ask.
        unsafe {
            if let Some(ask) = self.0.as_ref().and_then(|host| host.request_restart) {
                ask(self.0);
            }
        }
    }
}

fn descriptor() -> &'static PluginDescriptor {
    static DESCRIPTOR: OnceLock<PluginDescriptor> = OnceLock::new();
    DESCRIPTOR.get_or_init(PluginDescriptor::for_plugin::<AedenPlugin>)
}

static FACTORY: clap_plugin_factory = clap_plugin_factory {
    get_plugin_count: Some(count),
    get_plugin_descriptor: Some(describe),
    create_plugin: Some(create),
};

unsafe extern "C" fn count(_factory: *const clap_plugin_factory) -> u32 {
    1
}

unsafe extern "C" fn describe(
    _factory: *const clap_plugin_factory,
    index: u32,
) -> *const clap_plugin_descriptor {
    if index == 0 {
        descriptor().clap_plugin_descriptor()
    } else {
        null()
    }
}

unsafe extern "C" fn create(
    _factory: *const clap_plugin_factory,
    host: *const clap_host,
    id: *const c_char,
) -> *const clap_plugin {
    // SAFETY: null or a string that ends, as CLAP promises.
    if host.is_null() || id.is_null() || unsafe { CStr::from_ptr(id) } != descriptor().clap_id() {
        return null();
    }
    // SAFETY: a host, as CLAP promises.
    let (link, wrapper) = Link::around(|| unsafe { Wrapper::<AedenPlugin>::new(host) });
    link.belong_to(Arc::new(Host(host)));
    // Given back when the host destroys the plugin.
    let wrapper = Arc::into_raw(wrapper);
    // SAFETY: made just now.
    unsafe {
        let plugin = (*wrapper).clap_plugin.as_ptr();
        clap_presets::extend(plugin, host);
        plugin
    }
}

extern "C" fn enter(_path: *const c_char) -> bool {
    nice_plug::wrapper::setup_logger::<AedenPlugin>();
    true
}

extern "C" fn leave() {}

extern "C" fn factory(id: *const c_char) -> *const c_void {
    if id.is_null() {
        return null();
    }
    // SAFETY: a string that ends, as CLAP promises.
    let id = unsafe { CStr::from_ptr(id) };
    if id == CLAP_PLUGIN_FACTORY_ID {
        (&raw const FACTORY).cast()
    } else {
        clap_presets::factory(id).unwrap_or(null())
    }
}

/// Gives hosts the factory.
#[unsafe(no_mangle)]
#[used]
#[allow(non_upper_case_globals)]
pub static clap_entry: clap_plugin_entry = clap_plugin_entry {
    clap_version: CLAP_VERSION,
    init: Some(enter),
    deinit: Some(leave),
    get_factory: Some(factory),
};
