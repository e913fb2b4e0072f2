//! Presets for CLAP hosts: what there is (preset discovery), and taking one (preset load).
//!
//! The factory's presets lie in the plugin, by name; the user's are files in a [folder](crate::user_presets). An instance takes a preset as
//! it takes a state, which moves what is in it, tells the host, and leaves everything else.

use crate::AedenPlugin;
use crate::identity;
use crate::parameters::{of_preset, of_values};
use crate::presets::{PRESETS, Preset};
use crate::user_presets::{self, Folder};
use clap_sys::ext::preset_load::{
    CLAP_EXT_PRESET_LOAD, CLAP_EXT_PRESET_LOAD_COMPAT, clap_host_preset_load, clap_plugin_preset_load,
};
use clap_sys::ext::thread_check::{CLAP_EXT_THREAD_CHECK, clap_host_thread_check};
use clap_sys::factory::preset_discovery::*;
use clap_sys::host::clap_host;
use clap_sys::plugin::clap_plugin;
use clap_sys::universal_plugin_id::clap_universal_plugin_id;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::PluginState;
use nice_plug::wrapper::clap::{CLAP_VERSION, Wrapper};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, OnceLock, PoisonError};

type Kind = clap_preset_discovery_location_kind;
type GetExtension = unsafe extern "C" fn(*const clap_plugin, *const c_char) -> *const c_void;
type Destroy = unsafe extern "C" fn(*const clap_plugin);

/// A text that this code has made; without zeros, since it comes from Rust.
fn text(words: &str) -> CString {
    CString::new(words.replace('\0', "")).unwrap_or_default()
}

/// A host's text, if it is one.
///
/// # Safety
/// Null, or a string that ends and lives as long as is needed.
unsafe fn read<'a>(words: *const c_char) -> Option<&'a str> {
    if words.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(words) }.to_str().ok()
}

/// The factory of this id, if it is the one here.
pub fn factory(id: &CStr) -> Option<*const c_void> {
    [
        CLAP_PRESET_DISCOVERY_FACTORY_ID,
        CLAP_PRESET_DISCOVERY_FACTORY_ID_COMPAT,
    ]
    .contains(&id)
    .then_some((&raw const FACTORY).cast())
}

static FACTORY: clap_preset_discovery_factory = clap_preset_discovery_factory {
    count: Some(count),
    get_descriptor: Some(describe),
    create: Some(create),
};

/// A constant table, which any thread may read.
struct Descriptor(clap_preset_discovery_provider_descriptor);

// SAFETY: its texts are constant.
unsafe impl Sync for Descriptor {}
// SAFETY: as above.
unsafe impl Send for Descriptor {}

/// One provider for each preset of the factory, and the last one for the user's own.
///
/// A single one could tell of all, but clap-validator 0.4.1 waits for itself for ever at the second preset of a place (`begin_preset`
/// holds the lock that `flush_preset` takes).
fn descriptors() -> &'static [Descriptor] {
    static DESCRIPTORS: OnceLock<Vec<Descriptor>> = OnceLock::new();
    DESCRIPTORS.get_or_init(|| {
        let numbers = 0..=PRESETS.len();
        let id = |number: usize| text(&format!("org.aeden.presets.{number}")).into_raw();
        numbers
            .map(|number| {
                Descriptor(clap_preset_discovery_provider_descriptor {
                    clap_version: CLAP_VERSION,
                    id: id(number),
                    name: c"aeden".as_ptr(),
                    vendor: c"aeden".as_ptr(),
                })
            })
            .collect()
    })
}

/// What a provider knows.
struct Provider {
    table: clap_preset_discovery_provider,
    indexer: *const clap_preset_discovery_indexer,
    /// Its preset of the factory; `None`: the user's own.
    preset: Option<&'static Preset>,
}

/// The provider behind a table.
///
/// # Safety
/// Null, or a table that [`create`] gave and that lives.
unsafe fn provider_of<'a>(table: *const clap_preset_discovery_provider) -> Option<&'a Provider> {
    // SAFETY: as the caller says; its data is the whole.
    unsafe { table.as_ref()?.provider_data.cast::<Provider>().as_ref() }
}

unsafe extern "C" fn count(_: *const clap_preset_discovery_factory) -> u32 {
    descriptors().len() as u32
}

unsafe extern "C" fn describe(
    _: *const clap_preset_discovery_factory,
    index: u32,
) -> *const clap_preset_discovery_provider_descriptor {
    descriptors()
        .get(index as usize)
        .map_or(null(), |descriptor| &descriptor.0)
}

unsafe extern "C" fn create(
    _: *const clap_preset_discovery_factory,
    indexer: *const clap_preset_discovery_indexer,
    id: *const c_char,
) -> *const clap_preset_discovery_provider {
    if indexer.is_null() || id.is_null() {
        return null();
    }
    // SAFETY: strings that end, as CLAP promises and as ours do.
    let found = unsafe {
        let id = CStr::from_ptr(id);
        let mut all = descriptors().iter();
        all.position(|descriptor| CStr::from_ptr(descriptor.0.id) == id)
    };
    let Some(number) = found else { return null() };
    // Given back when the host destroys it.
    let provider = Box::into_raw(Box::new(Provider {
        table: clap_preset_discovery_provider {
            desc: &descriptors()[number].0,
            provider_data: null_mut(),
            init: Some(declare),
            destroy: Some(destroy_provider),
            get_metadata: Some(tell),
            get_extension: Some(no_extension),
        },
        indexer,
        preset: PRESETS.get(number),
    }));
    // SAFETY: made just above, and nobody else has it.
    unsafe {
        (*provider).table.provider_data = provider.cast();
        &raw const (*provider).table
    }
}

unsafe extern "C" fn destroy_provider(table: *const clap_preset_discovery_provider) {
    // SAFETY: null, or made by `create`, and destroyed once.
    unsafe {
        if let Some(table) = table.as_ref() {
            drop(Box::from_raw(table.provider_data.cast::<Provider>()));
        }
    }
}

unsafe extern "C" fn no_extension(
    _: *const clap_preset_discovery_provider,
    _: *const c_char,
) -> *const c_void {
    null()
}

/// Tells the host where presets are.
unsafe extern "C" fn declare(provider: *const clap_preset_discovery_provider) -> bool {
    // SAFETY: null or a provider, as CLAP promises.
    let Some(Provider { indexer, preset, .. }) = (unsafe { provider_of(provider) }) else {
        return false;
    };
    let indexer = *indexer;
    // SAFETY: it outlives its provider.
    let Some((file, place)) =
        (unsafe { indexer.as_ref() }).and_then(|it| it.declare_filetype.zip(it.declare_location))
    else {
        return false;
    };
    if preset.is_some() {
        let inside = clap_preset_discovery_location {
            flags: CLAP_PRESET_DISCOVERY_IS_FACTORY_CONTENT,
            name: c"aeden".as_ptr(),
            kind: CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN,
            location: null(),
        };
        // SAFETY: tables and texts live through the call.
        return unsafe { place(indexer, &inside) };
    }
    let ending = text(user_presets::ENDING);
    let kind = clap_preset_discovery_filetype {
        name: c"aeden preset".as_ptr(),
        description: c"Settings of a user's own".as_ptr(),
        file_extension: ending.as_ptr(),
    };
    // SAFETY: tables and texts live through the call.
    if !unsafe { file(indexer, &kind) } {
        return false;
    }
    // Hosts are not told of a folder that is not there: it is made with the first preset of the user's.
    let folder = Folder::of_user().and_then(|folder| std::path::absolute(folder.path()).ok());
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        return true;
    };
    let Some(path) = folder.to_str().map(text) else {
        return true;
    };
    let own = clap_preset_discovery_location {
        flags: CLAP_PRESET_DISCOVERY_IS_USER_CONTENT,
        name: c"Own presets".as_ptr(),
        kind: CLAP_PRESET_DISCOVERY_LOCATION_FILE,
        location: path.as_ptr(),
    };
    // SAFETY: as above.
    unsafe { place(indexer, &own) }
}

/// Tells the host what presets there are at a place.
unsafe extern "C" fn tell(
    provider: *const clap_preset_discovery_provider,
    kind: Kind,
    location: *const c_char,
    receiver: *const clap_preset_discovery_metadata_receiver,
) -> bool {
    // SAFETY: null or a table and a text, as CLAP promises.
    let (Some(table), location) = (unsafe { (receiver.as_ref(), read(location)) }) else {
        return false;
    };
    // SAFETY: null or a provider, as CLAP promises.
    let Some(Provider { preset: own, .. }) = (unsafe { provider_of(provider) }) else {
        return false;
    };
    let Some((begin, add_plugin)) = table.begin_preset.zip(table.add_plugin_id) else {
        return false;
    };
    let id = text(identity::ID);
    let plugin = clap_universal_plugin_id {
        abi: c"clap".as_ptr(),
        id: id.as_ptr(),
    };
    // SAFETY: tables and texts live through the calls.
    let preset = |name: &str, key: Option<&CStr>, flags: u32, about: &str| unsafe {
        let (name, about) = (text(name), text(about));
        if !begin(receiver, name.as_ptr(), key.map_or(null(), CStr::as_ptr)) {
            return false;
        }
        add_plugin(receiver, &plugin);
        if let Some(set_flags) = table.set_flags {
            set_flags(receiver, flags);
        }
        if let Some(describe) = table.set_description.filter(|_| !about.is_empty()) {
            describe(receiver, about.as_ptr());
        }
        if let Some(add_feature) = table.add_feature {
            add_feature(receiver, c"restoration".as_ptr());
        }
        true
    };
    match (kind, location, own) {
        (CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, _, Some(own)) => {
            let key = text(own.name);
            preset(
                own.name,
                Some(&key),
                CLAP_PRESET_DISCOVERY_IS_FACTORY_CONTENT,
                own.purpose,
            );
            true
        }
        (CLAP_PRESET_DISCOVERY_LOCATION_FILE, Some(path), None) => {
            match user_presets::open(Path::new(path)) {
                Ok((name, _)) => {
                    preset(&name, None, CLAP_PRESET_DISCOVERY_IS_USER_CONTENT, "");
                    true
                }
                Err(problem) => {
                    if let Some(on_error) = table.on_error {
                        let message = text(&format!("{path}: {problem}"));
                        // SAFETY: as above.
                        unsafe { on_error(receiver, problem.raw_os_error().unwrap_or(0), message.as_ptr()) };
                    }
                    false
                }
            }
        }
        _ => false,
    }
}

/// What the plugin's own tables did, and the hosts of all instances, by the instance's address.
static EXTENSION: OnceLock<(GetExtension, Destroy)> = OnceLock::new();
static HOSTS: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

fn hosts() -> std::sync::MutexGuard<'static, BTreeMap<usize, usize>> {
    HOSTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets an instance take presets: adds the extension to those of nice-plug's wrapper.
///
/// # Safety
/// A plugin that nice-plug's wrapper has just made, which nobody else has yet, and its host.
pub unsafe fn extend(plugin: *mut clap_plugin, host: *const clap_host) {
    // SAFETY: as the caller says.
    let table = unsafe { &mut *plugin };
    let (Some(get), Some(destroy)) = (table.get_extension, table.destroy) else {
        return;
    };
    // They are the same for all instances.
    EXTENSION.get_or_init(|| (get, destroy));
    hosts().insert(plugin.addr(), host.expose_provenance());
    table.get_extension = Some(get_extension);
    table.destroy = Some(destroy_plugin);
}

static PRESET_LOAD: clap_plugin_preset_load = clap_plugin_preset_load {
    from_location: Some(from_location),
};

unsafe extern "C" fn get_extension(plugin: *const clap_plugin, id: *const c_char) -> *const c_void {
    if plugin.is_null() || id.is_null() {
        return null();
    }
    // SAFETY: a string that ends, as CLAP promises.
    let name = unsafe { CStr::from_ptr(id) };
    if name == CLAP_EXT_PRESET_LOAD || name == CLAP_EXT_PRESET_LOAD_COMPAT {
        return (&raw const PRESET_LOAD).cast();
    }
    // SAFETY: the host's call, passed on.
    EXTENSION
        .get()
        .map_or(null(), |(get, _)| unsafe { get(plugin, id) })
}

unsafe extern "C" fn destroy_plugin(plugin: *const clap_plugin) {
    if plugin.is_null() {
        return;
    }
    hosts().remove(&plugin.addr());
    if let Some((_, destroy)) = EXTENSION.get() {
        // SAFETY: the host's call, passed on.
        unsafe { destroy(plugin) };
    }
}

/// Takes a preset, and tells the host how that went.
unsafe extern "C" fn from_location(
    plugin: *const clap_plugin,
    kind: Kind,
    location: *const c_char,
    key: *const c_char,
) -> bool {
    // SAFETY: null or a plugin, as CLAP promises.
    let data = unsafe { plugin.as_ref() }.map_or(null_mut(), |plugin| plugin.plugin_data);
    let host: *const clap_host = match hosts().get(&plugin.addr()) {
        Some(host) => std::ptr::with_exposed_provenance(*host),
        None => return false,
    };
    if data.is_null() || host.is_null() {
        return false;
    }
    // SAFETY: a host that outlives its plugin; null or texts, as CLAP promises.
    let (back, on_main_thread, words, name) = unsafe {
        let check: Option<&clap_host_thread_check> = host_extension(host, CLAP_EXT_THREAD_CHECK);
        let back: Option<&clap_host_preset_load> = host_extension(host, CLAP_EXT_PRESET_LOAD)
            .or_else(|| host_extension(host, CLAP_EXT_PRESET_LOAD_COMPAT));
        let asked = check.and_then(|check| check.is_main_thread);
        (back, asked.is_none_or(|ask| ask(host)), read(location), read(key))
    };
    if !on_main_thread {
        return false;
    }
    let found = match (kind, words) {
        (CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN, _) => PRESETS
            .iter()
            .find(|preset| Some(preset.name) == name)
            .map(of_preset)
            .ok_or_else(|| (0, "there is no preset of this name".to_owned())),
        (CLAP_PRESET_DISCOVERY_LOCATION_FILE, Some(path)) => user_presets::open(Path::new(path))
            .map(|(_, values)| of_values(&values))
            .map_err(|problem| (problem.raw_os_error().unwrap_or(0), format!("{path}: {problem}"))),
        _ => Err((0, "there are no presets at such a place".to_owned())),
    };
    // SAFETY: the wrapper of this instance, which lives; the tables and texts are the host's.
    unsafe {
        match found {
            Ok(parameters) => {
                let taken = take(&*data.cast::<Wrapper<AedenPlugin>>(), parameters);
                if let Some(loaded) = back.and_then(|back| back.loaded).filter(|_| taken) {
                    loaded(host, kind, location, key);
                }
                taken
            }
            Err((code, problem)) => {
                if let Some(on_error) = back.and_then(|back| back.on_error) {
                    on_error(host, kind, location, key, code, text(&problem).as_ptr());
                }
                false
            }
        }
    }
}

/// Gives an instance the values of parameters, as a state would.
fn take(wrapper: &Wrapper<AedenPlugin>, params: BTreeMap<String, ParamValue>) -> bool {
    wrapper.set_state_inner(&mut PluginState {
        version: identity::VERSION.to_owned(),
        params,
        fields: BTreeMap::new(),
    })
}

/// A host's table for an extension.
///
/// # Safety
/// A host that lives; `T` must be the type that belongs to the id.
unsafe fn host_extension<'a, T>(host: *const clap_host, id: &CStr) -> Option<&'a T> {
    // SAFETY: as the caller says.
    unsafe {
        let get = (*host).get_extension?;
        get(host, id.as_ptr()).cast::<T>().as_ref()
    }
}
