//! Presets as a host's browser finds and loads them.

use super::Bundle;
use super::library::text_at;
use crate::Error;
use clap_sys::factory::preset_discovery::*;
use clap_sys::universal_plugin_id::clap_universal_plugin_id;
use clap_sys::version::CLAP_VERSION;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{NonNull, from_mut, null};

/// A place where presets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// What users read.
    pub name: String,
    /// A file or a folder; nothing for presets inside the plugin.
    pub path: Option<String>,
    /// Whether they come with the plugin, rather than from the user.
    pub factory: bool,
}

/// A preset at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What users read.
    pub name: String,
    /// What it is loaded by, besides its place.
    pub key: Option<String>,
    /// What it is for.
    pub description: String,
    /// The plugins that can load it.
    pub plugins: Vec<String>,
    /// Whether it comes with the plugin, rather than from the user.
    pub factory: bool,
}

/// What an indexer was told.
#[derive(Default)]
struct Index {
    endings: Vec<String>,
    locations: Vec<Location>,
}

/// What a receiver was told.
#[derive(Default)]
struct Received {
    presets: Vec<Preset>,
    errors: Vec<String>,
}

/// A provider, initialised, and its indexer, which outlives it.
struct Provider {
    table: NonNull<clap_preset_discovery_provider>,
    _indexer: Box<clap_preset_discovery_indexer>,
    index: Box<Index>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        // SAFETY: it is destroyed once, and nothing uses it after this.
        unsafe { call!(self.table.as_ref(), destroy, self.table.as_ptr()) };
    }
}

impl Bundle {
    /// The places where there are presets, and the endings of their files.
    ///
    /// # Errors
    /// If there is no preset discovery, or it refuses.
    pub fn preset_locations(&self) -> Result<(Vec<Location>, Vec<String>), Error> {
        let providers = self.providers()?;
        let locations = providers.iter().flat_map(|it| it.index.locations.clone());
        let endings = providers.iter().flat_map(|it| it.index.endings.clone());
        Ok((locations.collect(), endings.collect()))
    }

    /// The presets in a file, or inside the plugin; or what the plugin says is wrong.
    ///
    /// # Errors
    /// As [`preset_locations`](Self::preset_locations).
    pub fn presets_at(&self, path: Option<&str>) -> Result<Result<Vec<Preset>, Vec<String>>, Error> {
        let mut received = Received::default();
        let receiver = receiver(&mut received);
        let path = path.map(|path| CString::new(path).expect("a path without zeros"));
        let kind = match path {
            Some(_) => CLAP_PRESET_DISCOVERY_LOCATION_FILE,
            None => CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN,
        };
        let mut told = false;
        for provider in self.providers()? {
            // Each tells of what it has declared.
            let mut declared = provider.index.locations.iter();
            let is_its = match path {
                Some(_) => !provider.index.endings.is_empty(),
                None => declared.any(|location| location.path.is_none()),
            };
            // SAFETY: tables and texts live through the call.
            told |= is_its
                && unsafe {
                    call!(
                        provider.table.as_ref(),
                        get_metadata,
                        provider.table.as_ptr(),
                        kind,
                        path.as_ref().map_or(null(), |path| path.as_ptr()),
                        &receiver
                    )
                };
        }
        let Received { presets, errors } = received;
        Ok(if told { Ok(presets) } else { Err(errors) })
    }

    fn discovery(&self) -> Result<NonNull<clap_preset_discovery_factory>, Error> {
        let entry = self.module.entry;
        // SAFETY: a call with a valid table, and a text that ends with a zero.
        let factory = unsafe {
            call!(
                entry.as_ref(),
                get_factory,
                CLAP_PRESET_DISCOVERY_FACTORY_ID.as_ptr()
            )
        };
        NonNull::new(factory.cast_mut().cast()).ok_or(Error::Missing("preset discovery"))
    }

    fn providers(&self) -> Result<Vec<Provider>, Error> {
        let factory = self.discovery()?;
        // SAFETY: a valid table.
        let count = unsafe { call!(factory.as_ref(), count, factory.as_ptr()) };
        (0..count).map(|index| self.provider(index)).collect()
    }

    fn provider(&self, number: u32) -> Result<Provider, Error> {
        let factory = self.discovery()?;
        let mut index = Box::<Index>::default();
        let indexer = Box::new(indexer(&mut index));
        // SAFETY: valid tables; the indexer outlives the provider.
        unsafe {
            let descriptor = call!(factory.as_ref(), get_descriptor, factory.as_ptr(), number);
            let id = descriptor.as_ref().ok_or(Error::Missing("a provider"))?.id;
            let provider = call!(factory.as_ref(), create, factory.as_ptr(), &*indexer, id);
            let provider = Provider {
                table: NonNull::new(provider.cast_mut()).ok_or(Error::Missing("a provider"))?,
                _indexer: indexer,
                index,
            };
            if !call!(provider.table.as_ref(), init, provider.table.as_ptr()) {
                return Err(Error::Refused("the provider's init"));
            }
            Ok(provider)
        }
    }

    /// Asks preset discovery for what is not there, without what it needs. Gives what was answered otherwise than it should be.
    ///
    /// # Errors
    /// As [`preset_locations`](Self::preset_locations).
    pub fn wrong_answers_about_presets(&self) -> Result<Vec<String>, Error> {
        let factory = self.discovery()?;
        // The last one is asked about files too.
        let provider = self.providers()?.pop().ok_or(Error::Missing("a provider"))?;
        let (mut index, mut received) = (Index::default(), Received::default());
        let (indexer, receiver) = (indexer(&mut index), receiver(&mut received));
        let empty = clap_preset_discovery_indexer {
            declare_filetype: None,
            declare_location: None,
            ..indexer
        };
        let deaf = clap_preset_discovery_metadata_receiver {
            begin_preset: None,
            ..receiver
        };
        let mut wrong = Vec::new();
        let mut expect = |right: bool, what: &str| {
            if !right {
                wrong.push(what.to_owned());
            }
        };
        let (it, at) = (provider.table, provider.table.as_ptr());
        // SAFETY: valid tables, or null where that is the question; all texts end with a zero.
        unsafe {
            let count = call!(factory.as_ref(), count, factory.as_ptr());
            let behind = call!(factory.as_ref(), get_descriptor, factory.as_ptr(), count);
            expect(count > 0 && behind.is_null(), "a provider behind the last");
            let id = (*it.as_ref().desc).id;
            for (indexer, id, what) in [
                (&raw const indexer, c"org.aeden.nothing".as_ptr(), "no provider"),
                (&raw const indexer, null(), "a provider without an id"),
                (null(), id, "a provider without an indexer"),
            ] {
                let made = call!(factory.as_ref(), create, factory.as_ptr(), indexer, id);
                expect(made.is_null(), what);
            }
            let made = call!(factory.as_ref(), create, factory.as_ptr(), &empty, id);
            if let Some(provider) = made.as_ref() {
                expect(!call!(provider, init, made), "an indexer that takes nothing");
                call!(provider, destroy, made);
            }
            expect(!call!(it.as_ref(), init, null()), "init without a provider");
            call!(it.as_ref(), destroy, null());
            let other = call!(it.as_ref(), get_extension, at, c"aeden.nothing".as_ptr());
            expect(other.is_null(), "an extension of the provider");
            let mut ask = |kind, location: *const c_char, receiver, what| {
                expect(
                    !call!(it.as_ref(), get_metadata, at, kind, location, receiver),
                    what,
                );
            };
            let inside = CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN;
            let file = CLAP_PRESET_DISCOVERY_LOCATION_FILE;
            ask(inside, null(), null(), "metadata for nobody");
            ask(inside, null(), &raw const deaf, "metadata for one who is deaf");
            ask(file, null(), &raw const receiver, "a file without a path");
            ask(file, c"/".as_ptr(), &raw const receiver, "a folder as a preset");
            ask(
                file,
                c"/dev/zero".as_ptr(),
                &raw const receiver,
                "a device as a preset",
            );
            ask(
                file,
                c"\xff\xfe".as_ptr(),
                &raw const receiver,
                "a path that is no text",
            );
            ask(
                77,
                null(),
                &raw const receiver,
                "a kind of place that is not there",
            );
        }
        Ok(wrong)
    }
}

fn indexer(index: &mut Index) -> clap_preset_discovery_indexer {
    clap_preset_discovery_indexer {
        clap_version: CLAP_VERSION,
        name: c"aeden-plugin-host".as_ptr(),
        vendor: c"aeden".as_ptr(),
        url: c"".as_ptr(),
        version: c"1".as_ptr(),
        indexer_data: from_mut(index).cast(),
        declare_filetype: Some(declare_filetype),
        declare_location: Some(declare_location),
        declare_soundpack: Some(declare_soundpack),
        get_extension: Some(no_extension),
    }
}

unsafe extern "C" fn declare_filetype(
    indexer: *const clap_preset_discovery_indexer,
    file: *const clap_preset_discovery_filetype,
) -> bool {
    // SAFETY: the provider passes the table that it got, and a table of its own.
    let (index, file) = unsafe { (&mut *(*indexer).indexer_data.cast::<Index>(), &*file) };
    index.endings.push(text_at(file.file_extension));
    true
}

unsafe extern "C" fn declare_location(
    indexer: *const clap_preset_discovery_indexer,
    location: *const clap_preset_discovery_location,
) -> bool {
    // SAFETY: as in `declare_filetype`.
    let (index, it) = unsafe { (&mut *(*indexer).indexer_data.cast::<Index>(), &*location) };
    let is_file = it.kind == CLAP_PRESET_DISCOVERY_LOCATION_FILE;
    index.locations.push(Location {
        name: text_at(it.name),
        path: is_file.then(|| text_at(it.location)),
        factory: it.flags & CLAP_PRESET_DISCOVERY_IS_FACTORY_CONTENT != 0,
    });
    true
}

unsafe extern "C" fn declare_soundpack(
    _: *const clap_preset_discovery_indexer,
    _: *const clap_preset_discovery_soundpack,
) -> bool {
    true
}

unsafe extern "C" fn no_extension(
    _: *const clap_preset_discovery_indexer,
    _: *const c_char,
) -> *const c_void {
    null()
}

fn receiver(received: &mut Received) -> clap_preset_discovery_metadata_receiver {
    clap_preset_discovery_metadata_receiver {
        receiver_data: from_mut(received).cast(),
        on_error: Some(on_error),
        begin_preset: Some(begin_preset),
        add_plugin_id: Some(add_plugin_id),
        set_soundpack_id: None,
        set_flags: Some(set_flags),
        add_creator: None,
        set_description: Some(set_description),
        set_timestamps: None,
        add_feature: Some(add_feature),
        add_extra_info: None,
    }
}

/// What a receiver was told so far.
///
/// # Safety
/// The table must be what [`receiver`] made, while that of which it was made lives.
unsafe fn of<'a>(receiver: *const clap_preset_discovery_metadata_receiver) -> &'a mut Received {
    // SAFETY: as the caller says.
    unsafe { &mut *(*receiver).receiver_data.cast() }
}

unsafe extern "C" fn on_error(
    receiver: *const clap_preset_discovery_metadata_receiver,
    _: i32,
    message: *const c_char,
) {
    // SAFETY: the provider passes the table that it got, and texts that end with a zero.
    unsafe { of(receiver) }.errors.push(text_at(message));
}

unsafe extern "C" fn begin_preset(
    receiver: *const clap_preset_discovery_metadata_receiver,
    name: *const c_char,
    key: *const c_char,
) -> bool {
    // SAFETY: as in `on_error`.
    unsafe { of(receiver) }.presets.push(Preset {
        name: text_at(name),
        key: (!key.is_null()).then(|| text_at(key)),
        description: String::new(),
        plugins: Vec::new(),
        factory: false,
    });
    true
}

unsafe extern "C" fn add_plugin_id(
    receiver: *const clap_preset_discovery_metadata_receiver,
    id: *const clap_universal_plugin_id,
) {
    // SAFETY: as in `on_error`.
    let (received, id) = unsafe { (of(receiver), &*id) };
    // SAFETY: as in `on_error`.
    let is_clap = unsafe { CStr::from_ptr(id.abi) } == c"clap";
    if let Some(preset) = received.presets.last_mut().filter(|_| is_clap) {
        preset.plugins.push(text_at(id.id));
    }
}

unsafe extern "C" fn set_flags(receiver: *const clap_preset_discovery_metadata_receiver, flags: u32) {
    // SAFETY: as in `on_error`.
    if let Some(preset) = unsafe { of(receiver) }.presets.last_mut() {
        preset.factory = flags & CLAP_PRESET_DISCOVERY_IS_FACTORY_CONTENT != 0;
    }
}

unsafe extern "C" fn set_description(
    receiver: *const clap_preset_discovery_metadata_receiver,
    words: *const c_char,
) {
    // SAFETY: as in `on_error`.
    if let Some(preset) = unsafe { of(receiver) }.presets.last_mut() {
        preset.description = text_at(words);
    }
}

unsafe extern "C" fn add_feature(_: *const clap_preset_discovery_metadata_receiver, _: *const c_char) {}
