//! Questions at the edge of the format, as validators ask them.

use super::library::{extension, text_at, texts_at};
use super::{Bundle, Instance, events};
use crate::{Audio, Error, Plugin, Setup};
use clap_sys::events::clap_event_transport;
use clap_sys::ext::audio_ports::{
    CLAP_AUDIO_PORT_IS_MAIN, CLAP_PORT_MONO, CLAP_PORT_STEREO, clap_audio_port_info,
};
use clap_sys::ext::audio_ports_config::{
    CLAP_EXT_AUDIO_PORTS_CONFIG_INFO, clap_audio_ports_config, clap_plugin_audio_ports_config_info,
};
use clap_sys::ext::params::{CLAP_PARAM_IS_BYPASS, CLAP_PARAM_IS_STEPPED};
use clap_sys::id::CLAP_INVALID_ID;
use clap_sys::plugin::clap_plugin_descriptor;
use clap_sys::stream::{clap_istream, clap_ostream};
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::{MaybeUninit, zeroed};
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
        instance.ask_for_layouts(&mut expect);
        instance.ask_for_parameters(&mut expect);
        instance.ask_for_states(&mut expect);
        instance.flood(&mut expect)?;
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
            let ours = text_at((*call!(factory.as_ref(), get_plugin_descriptor, factory.as_ptr(), 0)).id);
            let longer = CString::new(ours + "x1").unwrap_or_default();
            let other = call!(
                factory.as_ref(),
                create_plugin,
                factory.as_ptr(),
                instance.life.host.as_clap(),
                longer.as_ptr()
            );
            expect(other.is_null(), "an instance of a longer id");
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

    /// What the only port in a direction says of itself.
    fn port(&self, is_input: bool) -> Option<clap_audio_port_info> {
        let mut info = MaybeUninit::zeroed();
        // SAFETY: a call on the main thread with a place for the answer.
        unsafe {
            call!(
                self.ports?,
                get,
                self.plugin.as_ptr(),
                0,
                is_input,
                info.as_mut_ptr()
            )
            .then(|| info.assume_init())
        }
    }

    /// Every layout, chosen, is what its description says, and its ports agree with each other.
    fn ask_for_layouts(&mut self, expect: &mut dyn FnMut(bool, &str)) {
        let Some(layouts) = self.layouts else {
            return expect(false, "layouts");
        };
        // SAFETY: the id belongs to this type, and the plugin lives on; calls on the main thread while not active.
        unsafe {
            let more: Option<&clap_plugin_audio_ports_config_info> =
                extension(self.plugin, CLAP_EXT_AUDIO_PORTS_CONFIG_INFO);
            for index in 0..call!(layouts, count, self.plugin.as_ptr()) {
                let mut layout: clap_audio_ports_config = zeroed();
                let got = call!(layouts, get, self.plugin.as_ptr(), index, &mut layout);
                expect(
                    got && call!(layouts, select, self.plugin.as_ptr(), layout.id),
                    "every layout",
                );
                let (Some(input), Some(output)) = (self.port(true), self.port(false)) else {
                    return expect(false, "a port in each direction");
                };
                let what = format!("the layout {}", text_at(layout.name.as_ptr()));
                expect(
                    [layout.input_port_count, layout.output_port_count] == [1, 1]
                        && layout.has_main_input
                        && layout.has_main_output
                        && layout.main_input_channel_count == input.channel_count
                        && layout.main_output_channel_count == output.channel_count
                        && text_at(layout.main_input_port_type) == text_at(input.port_type)
                        && text_at(layout.main_output_port_type) == text_at(output.port_type),
                    &format!("{what} to be what is said of it"),
                );
                for (port, pair) in [(&input, &output), (&output, &input)] {
                    expect(
                        port.flags & CLAP_AUDIO_PORT_IS_MAIN != 0 && !text_at(port.name.as_ptr()).is_empty(),
                        &format!("{what} to have main ports with names"),
                    );
                    expect(
                        type_fits(port),
                        &format!("{what} to have the type of its channels"),
                    );
                    expect(
                        port.in_place_pair == CLAP_INVALID_ID || port.in_place_pair == pair.id,
                        &format!("{what} to have a port for its pair"),
                    );
                }
                if let Some(more) = more {
                    let current = call!(more, current_config, self.plugin.as_ptr());
                    expect(
                        current == layout.id,
                        &format!("{what} to be told once it is chosen"),
                    );
                }
            }
            call!(layouts, select, self.plugin.as_ptr(), 0);
        }
        self.set_channels(2);
    }

    /// Blocks with everything that a host may send at any sample: modulation of all voices and of one, and transports
    /// that jump.
    fn flood(&mut self, expect: &mut dyn FnMut(bool, &str)) -> Result<(), Error> {
        const BLOCK: u32 = 512;
        self.activate(&Setup::default())?;
        self.start()?;
        let mut state = 1u32;
        // Numerical Recipes' congruential generator; the upper bits are good enough here.
        let mut random = move |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let (mut sound, mut finite) = (vec![vec![0.0f32; BLOCK as usize]; 2], true);
        for round in 0..100 {
            for x in sound.iter_mut().flatten() {
                *x = random(2001) as f32 / 1000.0 - 1.0;
            }
            self.events.clear();
            for time in (0..BLOCK).step_by([1, 10, 100, 1000][round % 4]) {
                let (parameter, low, high) =
                    self.controls.ranges[random(self.controls.ranges.len() as u32) as usize];
                let amount = (high - low) * (f64::from(random(2001)) / 1000.0 - 1.0);
                match random(3) {
                    0 => self.events.push_modulation(time, parameter, -1, amount),
                    1 => self
                        .events
                        .push_modulation(time, parameter, random(128) as i16, amount),
                    _ => self.events.push_transport(time, transport(&mut random)),
                }
            }
            self.transport = (round % 2 == 0).then(|| transport(&mut random));
            let mut block: Vec<_> = sound.iter_mut().map(Vec::as_mut_slice).collect();
            self.run(Audio::InPlace(&mut block))?;
            finite &= sound.iter().flatten().all(|y| y.is_finite() && !y.is_subnormal());
        }
        self.events.clear();
        self.transport = None;
        expect(finite, "numbers in a flood of modulation and transports");
        self.stop();
        self.deactivate();
        Ok(())
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
        let mut bypasses = 0;
        for info in self.controls.parameter_infos() {
            let name = text_at(info.name.as_ptr());
            let module = text_at(info.module.as_ptr());
            let (stepped, bypass) = (
                info.flags & CLAP_PARAM_IS_STEPPED != 0,
                info.flags & CLAP_PARAM_IS_BYPASS != 0,
            );
            let ends = [info.min_value, info.max_value];
            expect(
                !module.starts_with('/') && !module.ends_with('/') && !module.contains("//"),
                &format!("a path for the module of {name}"),
            );
            expect(
                (info.min_value..=info.max_value).contains(&info.default_value),
                &format!("the default of {name} in its range"),
            );
            expect(
                !stepped || ends.iter().all(|end| end.fract() == 0.0),
                &format!("whole ends of {name}, which has steps"),
            );
            expect(!bypass || stepped, &format!("steps of {name}, which is a bypass"));
            bypasses += u32::from(bypass);
        }
        expect(bypasses == 1, "one bypass");
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

/// Whether the type of a port, if it has one, goes with the number of its channels.
fn type_fits(port: &clap_audio_port_info) -> bool {
    if port.port_type.is_null() {
        return true;
    }
    // SAFETY: types of ports end with a zero.
    match unsafe { CStr::from_ptr(port.port_type.cast::<c_char>()) } {
        kind if kind == CLAP_PORT_MONO => port.channel_count == 1,
        kind if kind == CLAP_PORT_STEREO => port.channel_count == 2,
        _ => true,
    }
}

/// A transport that is anywhere, at any speed.
fn transport(random: &mut impl FnMut(u32) -> u32) -> clap_event_transport {
    // SAFETY: zeroes are a transport that stands still at the start.
    let still: clap_event_transport = unsafe { zeroed() };
    let position = |random: &mut dyn FnMut(u32) -> u32| i64::from(random(1 << 20)) << 24;
    clap_event_transport {
        header: events::transport_header(0),
        flags: random(256),
        song_pos_beats: position(random),
        song_pos_seconds: position(random),
        tempo: f64::from(1 + random(999)),
        tempo_inc: f64::from(random(3)) - 1.0,
        loop_start_beats: position(random),
        loop_end_beats: position(random),
        bar_start: position(random),
        bar_number: random(1000) as i32 - 10,
        tsig_num: random(17) as u16,
        tsig_denom: random(17) as u16,
        ..still
    }
}

unsafe extern "C" fn write_nothing(_: *const clap_ostream, _: *const c_void, _: u64) -> i64 {
    -1
}

unsafe extern "C" fn read_nothing(_: *const clap_istream, _: *mut c_void, _: u64) -> i64 {
    -1
}
