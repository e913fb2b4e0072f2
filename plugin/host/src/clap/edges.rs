//! Questions at the edge of the format, as validators ask them.

use super::{Bundle, Instance, text_at, texts_at};
use crate::{Error, Plugin};
use clap_sys::plugin::clap_plugin_descriptor;
use clap_sys::stream::{clap_istream, clap_ostream};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

/// A number that stands for nothing.
const NOTHING: u32 = 0x00ab_cdef;

/// A space of events that no plugin knows.
const FOREIGN: u16 = 0xb33f;

/// The categories of which a plugin must have one.
const MAIN_CATEGORIES: [&str; 5] = [
    "instrument",
    "audio-effect",
    "note-effect",
    "note-detector",
    "analyzer",
];

impl Bundle {
    /// Asks for plugins, extensions, ports, parameters and more that are not there, and passes streams that break.
    /// Gives what was answered otherwise than the format demands.
    ///
    /// It never asks for the parameter just behind the last, for which `nice-plug` 0.4 takes down its host.
    ///
    /// # Errors
    /// If there is no instance to ask.
    pub fn wrong_answers(&self) -> Result<Vec<String>, Error> {
        let descriptor = *self.descriptors().first().ok_or(Error::Missing("a plugin"))?;
        let mut instance = Instance::new(&self.module, descriptor)?;
        let mut wrong = Vec::new();
        let mut expect = |right: bool, what: &str| {
            if !right {
                wrong.push(what.to_owned());
            }
        };
        self.ask_factory(&instance, &mut expect);
        instance.ask_for_descriptor(descriptor, &mut expect);
        instance.ask_for_ports(&mut expect);
        instance.ask_for_parameters(&mut expect);
        instance.ask_for_states(&mut expect);
        wrong.extend(instance.complaints());
        Ok(wrong)
    }

    fn ask_factory(&self, instance: &Instance, expect: &mut dyn FnMut(bool, &str)) {
        let (entry, factory) = (self.module.entry, self.module.factory);
        // SAFETY: calls on the main thread with valid tables, and texts that end with a zero.
        unsafe {
            let other = call!(entry.as_ref(), get_factory, c"aeden.no-factory".as_ptr());
            expect(other.is_null(), "a factory that is not there");
            let count = call!(factory.as_ref(), get_plugin_count, factory.as_ptr());
            let behind = call!(factory.as_ref(), get_plugin_descriptor, factory.as_ptr(), count);
            expect(behind.is_null(), "a plugin behind the last");
            let other = call!(
                factory.as_ref(),
                create_plugin,
                factory.as_ptr(),
                instance.life.host.as_clap(),
                c"org.aeden.nothing".as_ptr()
            );
            expect(other.is_null(), "an instance of no plugin");
        }
    }
}

impl Instance {
    fn ask_for_descriptor(
        &mut self,
        from_factory: NonNull<clap_plugin_descriptor>,
        expect: &mut dyn FnMut(bool, &str),
    ) {
        // SAFETY: descriptors are valid as long as the plugin.
        let (own, other) = unsafe { (&*self.table().desc, from_factory.as_ref()) };
        for (own, other) in [
            (own.id, other.id),
            (own.name, other.name),
            (own.vendor, other.vendor),
            (own.version, other.version),
            (own.description, other.description),
        ] {
            expect(
                text_at(own) == text_at(other),
                "one descriptor from factory and plugin",
            );
        }
        let categories = texts_at(own.features);
        expect(
            categories.iter().any(|c| MAIN_CATEGORIES.contains(&c.as_str())),
            "a main category",
        );
        // SAFETY: calls on the main thread.
        unsafe {
            let none = call!(
                self.table(),
                get_extension,
                self.plugin.as_ptr(),
                c"aeden.no-extension".as_ptr()
            );
            expect(none.is_null(), "an extension that is not there");
            call!(self.table(), on_main_thread, self.plugin.as_ptr());
        }
    }

    fn ask_for_ports(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        let Some(ports) = self.ports else {
            return expect(false, "ports");
        };
        for is_input in [true, false] {
            let mut info = MaybeUninit::zeroed();
            // SAFETY: calls on the main thread with a place for the answer.
            unsafe {
                let count = call!(ports, count, self.plugin.as_ptr(), is_input);
                expect(count == 1, "one port in each direction");
                for index in [count, count + 1, u32::MAX] {
                    let got = call!(
                        ports,
                        get,
                        self.plugin.as_ptr(),
                        index,
                        is_input,
                        info.as_mut_ptr()
                    );
                    expect(!got, &format!("a port of index {index}"));
                }
            }
        }
        if let Some(layouts) = self.layouts {
            let mut layout = MaybeUninit::zeroed();
            // SAFETY: as above.
            unsafe {
                let count = call!(layouts, count, self.plugin.as_ptr());
                let got = call!(layouts, get, self.plugin.as_ptr(), count, layout.as_mut_ptr());
                expect(!got, "a layout behind the last");
                let taken = call!(layouts, select, self.plugin.as_ptr(), NOTHING);
                expect(!taken && self.channels() == (2, 2), "a layout of no id refused");
            }
        }
    }

    fn ask_for_parameters(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        let Some(params) = self.controls.params else {
            return expect(false, "parameters");
        };
        // SAFETY: calls on the main thread with places for the answers.
        unsafe {
            let count = call!(params, count, self.plugin.as_ptr());
            let mut info = MaybeUninit::zeroed();
            for index in [count + 1, u32::MAX] {
                let got = call!(params, get_info, self.plugin.as_ptr(), index, info.as_mut_ptr());
                expect(!got, &format!("a parameter of index {index}"));
            }
            let (mut value, mut text) = (0.0, [0; 64]);
            let got = call!(params, get_value, self.plugin.as_ptr(), NOTHING, &mut value);
            expect(!got, "a value of no parameter");
            let got = call!(
                params,
                value_to_text,
                self.plugin.as_ptr(),
                NOTHING,
                0.5,
                text.as_mut_ptr(),
                64
            );
            expect(!got, "a text of no parameter");
        }
        // What another space of events means by the number of ours is its own business.
        for (parameter, low, high) in self.controls.ranges.clone() {
            let before = self.value(parameter);
            self.events.clear();
            for value in [low, high] {
                self.events.push_in(FOREIGN, 0, parameter, value);
                self.flush();
            }
            expect(
                self.value(parameter) == before,
                "an event of another space ignored",
            );
        }
        self.events.clear();
    }

    fn ask_for_states(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        let Some(state) = self.controls.state else {
            return expect(false, "states");
        };
        let (broken_out, broken_in) = (
            clap_ostream {
                ctx: null_mut(),
                write: Some(write_nothing),
            },
            clap_istream {
                ctx: null_mut(),
                read: Some(read_nothing),
            },
        );
        // SAFETY: calls on the main thread; the streams live through them.
        unsafe {
            let saved = call!(state, save, self.plugin.as_ptr(), &broken_out);
            expect(!saved, "a state that cannot be written");
            let loaded = call!(state, load, self.plugin.as_ptr(), &broken_in);
            expect(!loaded, "a state that cannot be read");
        }
    }
}

unsafe extern "C" fn write_nothing(_: *const clap_ostream, _: *const c_void, _: u64) -> i64 {
    -1
}

unsafe extern "C" fn read_nothing(_: *const clap_istream, _: *mut c_void, _: u64) -> i64 {
    -1
}
