//! Lists of events, as CLAP passes parameters to and from plugins.

use clap_sys::events::{
    CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, clap_event_header, clap_event_param_value,
    clap_input_events, clap_output_events,
};
use std::ptr::{from_ref, null, null_mut};

/// What a plugin gets.
#[derive(Default)]
pub(super) struct Events(Vec<clap_event_param_value>);

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
        self.0.push(clap_event_param_value {
            header: clap_event_header {
                size: size_of::<clap_event_param_value>() as u32,
                time,
                space_id: space,
                type_: CLAP_EVENT_PARAM_VALUE,
                flags: 0,
            },
            param_id: parameter,
            cookie: null_mut(),
            note_id: -1,
            port_index: -1,
            channel: -1,
            key: -1,
            value,
        });
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

unsafe extern "C" fn size(list: *const clap_input_events) -> u32 {
    // SAFETY: `Events::list` set the context.
    unsafe { &*(*list).ctx.cast::<Vec<clap_event_param_value>>() }.len() as u32
}

unsafe extern "C" fn get(list: *const clap_input_events, index: u32) -> *const clap_event_header {
    // SAFETY: `Events::list` set the context.
    let events = unsafe { &*(*list).ctx.cast::<Vec<clap_event_param_value>>() };
    events.get(index as usize).map_or(null(), |event| &event.header)
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
