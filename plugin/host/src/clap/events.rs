//! Lists of events, as CLAP passes parameters to and from plugins.

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD, CLAP_EVENT_PARAM_VALUE, CLAP_EVENT_TRANSPORT,
    clap_event_header, clap_event_param_mod, clap_event_param_value, clap_event_transport, clap_input_events,
    clap_output_events,
};
use std::ptr::{from_ref, null, null_mut};

/// What a plugin gets.
#[derive(Default)]
pub(super) struct Events(Vec<Event>);

enum Event {
    Value(clap_event_param_value),
    Modulation(clap_event_param_mod),
    Transport(clap_event_transport),
}

impl Event {
    fn header(&self) -> &clap_event_header {
        match self {
            Event::Value(event) => &event.header,
            Event::Modulation(event) => &event.header,
            Event::Transport(event) => &event.header,
        }
    }
}

fn header<T>(time: u32, space_id: u16, type_: u16) -> clap_event_header {
    clap_event_header {
        size: size_of::<T>() as u32,
        time,
        space_id,
        type_,
        flags: 0,
    }
}

impl Events {
    /// Empties the list.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Appends a parameter's new value in the plugin's own measure. Later events must not be earlier in time.
    pub fn push(&mut self, time: u32, parameter: u32, value: f64) {
        self.push_in(CLAP_CORE_EVENT_SPACE_ID, time, parameter, value);
    }

    /// The same event in another space than the format's own, in which it means something else.
    pub fn push_in(&mut self, space: u16, time: u32, parameter: u32, value: f64) {
        self.0.push(Event::Value(clap_event_param_value {
            header: header::<clap_event_param_value>(time, space, CLAP_EVENT_PARAM_VALUE),
            param_id: parameter,
            cookie: null_mut(),
            note_id: -1,
            port_index: -1,
            channel: -1,
            key: -1,
            value,
        }));
    }

    /// Appends a shift of a parameter, of all voices or that of one key.
    pub fn push_modulation(&mut self, time: u32, parameter: u32, key: i16, amount: f64) {
        self.0.push(Event::Modulation(clap_event_param_mod {
            header: header::<clap_event_param_mod>(time, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_MOD),
            param_id: parameter,
            cookie: null_mut(),
            note_id: -1,
            port_index: -1,
            channel: -1,
            key,
            amount,
        }));
    }

    /// Appends a change of the transport.
    pub fn push_transport(&mut self, time: u32, transport: clap_event_transport) {
        let header = transport_header(time);
        self.0
            .push(Event::Transport(clap_event_transport { header, ..transport }));
    }

    /// The list for a plugin; valid as long as `self` stays as and where it is.
    pub fn list(&self) -> clap_input_events {
        clap_input_events {
            ctx: from_ref(&self.0).cast_mut().cast(),
            size: Some(size),
            get: Some(get),
        }
    }
}

/// What a transport begins with, in a list of events and beside a block.
pub(super) fn transport_header(time: u32) -> clap_event_header {
    header::<clap_event_transport>(time, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT)
}

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: `Events::list` set the context.
    unsafe { &*(*list).ctx.cast::<Vec<Event>>() }.len() as u32
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: `Events::list` set the context.
    let events = unsafe { &*(*list).ctx.cast::<Vec<Event>>() };
    events
        .get(index as usize)
        .map_or(null(), |event| from_ref(event.header()))
}

/// A list for what comes back, none of which is needed here.
pub(super) fn sink() -> clap_output_events {
    clap_output_events {
        ctx: null_mut(),
        try_push: Some(accept),
    }
}

unsafe extern "C" fn accept(_: *const clap_output_events, event: *const clap_event_header) -> bool {
    !event.is_null()
}
