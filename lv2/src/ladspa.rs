//! LADSPA 1.1: the layout of its structures and the meaning of its numbers, from its specification.

use crate::instance::Instance;
use crate::ports::{PLUGINS, Plugin, Port};
use std::ffi::{CString, c_char, c_int, c_ulong, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{null, null_mut};
use std::sync::OnceLock;

/// Port is an input, an output, a control, sound.
const INPUT: c_int = 0x1;
const OUTPUT: c_int = 0x2;
const CONTROL: c_int = 0x4;
const AUDIO: c_int = 0x8;

/// Plugin may run in a thread that must never wait.
const HARD_RT_CAPABLE: c_int = 0x4;

/// Hints: which bounds count, that a port is a switch or a whole number, and the value at the start.
const BOUNDED: c_int = 0x1 | 0x2;
const TOGGLED: c_int = 0x4;
const INTEGER: c_int = 0x20;
const DEFAULT_MAXIMUM: c_int = 0x140;
const DEFAULT_0: c_int = 0x200;
const DEFAULT_1: c_int = 0x240;

/// The range of a port.
#[repr(C)]
#[derive(Debug)]
pub struct RangeHint {
    /// Which of the others count.
    pub hint: c_int,
    /// The smallest value.
    pub lower: f32,
    /// The largest value.
    pub upper: f32,
}

/// What a host gets to know about a plugin.
#[repr(C)]
#[derive(Debug)]
pub struct Descriptor {
    /// The number of the plugin.
    pub unique_id: c_ulong,
    /// Its name in files.
    pub label: *const c_char,
    /// See the constants of the specification.
    pub properties: c_int,
    /// Its name in lists.
    pub name: *const c_char,
    /// Who made it.
    pub maker: *const c_char,
    /// The licence.
    pub copyright: *const c_char,
    /// How many ports there are.
    pub port_count: c_ulong,
    /// What they are.
    pub port_descriptors: *const c_int,
    /// What they are called.
    pub port_names: *const *const c_char,
    /// What values they take.
    pub port_range_hints: *const RangeHint,
    /// The plugin in our table.
    pub implementation_data: *const c_void,
    /// Makes an instance.
    pub instantiate: Option<unsafe extern "C" fn(*const Descriptor, c_ulong) -> *mut Instance>,
    /// Connects a port with memory.
    pub connect_port: Option<unsafe extern "C" fn(*mut Instance, c_ulong, *mut f32)>,
    /// Begins anew.
    pub activate: Option<unsafe extern "C" fn(*mut Instance)>,
    /// Cleans a block.
    pub run: Option<unsafe extern "C" fn(*mut Instance, c_ulong)>,
    /// Not offered.
    pub run_adding: Option<unsafe extern "C" fn(*mut Instance, c_ulong)>,
    /// Not offered.
    pub set_run_adding_gain: Option<unsafe extern "C" fn(*mut Instance, f32)>,
    /// Not needed.
    pub deactivate: Option<unsafe extern "C" fn(*mut Instance)>,
    /// Frees an instance.
    pub cleanup: Option<unsafe extern "C" fn(*mut Instance)>,
}

/// Descriptors, never freed.
struct Descriptors(Vec<Descriptor>);

// SAFETY: what they point to is never changed.
unsafe impl Send for Descriptors {}
// SAFETY: as above.
unsafe impl Sync for Descriptors {}

/// The plugin of a number, from 0 on; null after the last. What hosts look for in a library.
#[unsafe(no_mangle)]
pub extern "C" fn ladspa_descriptor(index: c_ulong) -> *const Descriptor {
    static ALL: OnceLock<Descriptors> = OnceLock::new();
    let all = ALL.get_or_init(|| Descriptors(PLUGINS.iter().map(describe).collect()));
    usize::try_from(index)
        .ok()
        .and_then(|index| all.0.get(index))
        .map_or(null(), |descriptor| descriptor)
}

fn describe(plugin: &'static Plugin) -> Descriptor {
    let ports = plugin.ports();
    let kinds: Vec<c_int> = ports.iter().map(|port| kind(*port)).collect();
    let names: Vec<*const c_char> = ports.iter().map(|port| text(&port.names().1)).collect();
    let hints: Vec<RangeHint> = ports.iter().map(|port| hint(*port)).collect();
    Descriptor {
        unique_id: c_ulong::from(plugin.number),
        label: text(plugin.label),
        properties: HARD_RT_CAPABLE,
        name: text(plugin.name),
        maker: text("aeden"),
        copyright: text(env!("CARGO_PKG_LICENSE")),
        port_count: ports.len() as c_ulong,
        port_descriptors: kinds.leak().as_ptr(),
        port_names: names.leak().as_ptr(),
        port_range_hints: hints.leak().as_ptr(),
        implementation_data: (&raw const *plugin).cast(),
        instantiate: Some(instantiate),
        connect_port: Some(connect_port),
        activate: Some(activate),
        run: Some(run),
        run_adding: None,
        set_run_adding_gain: None,
        deactivate: None,
        cleanup: Some(cleanup),
    }
}

/// A text that is never freed.
fn text(text: &str) -> *const c_char {
    CString::new(text).unwrap_or_default().into_raw()
}

fn kind(port: Port) -> c_int {
    match port {
        Port::Control(_) => INPUT | CONTROL,
        Port::Latency => OUTPUT | CONTROL,
        Port::Input(_) => INPUT | AUDIO,
        Port::Output(_) => OUTPUT | AUDIO,
    }
}

fn hint(port: Port) -> RangeHint {
    let (hint, lower, upper) = match port {
        Port::Control(control) => {
            let look = control.look();
            let [least, default, most] = look.range;
            let kind = if look.is_switch { TOGGLED } else { BOUNDED };
            // Asked in this order, a maximum of 1 is the plain number.
            let start = if default == 0.0 {
                DEFAULT_0
            } else if default == 1.0 {
                DEFAULT_1
            } else {
                DEFAULT_MAXIMUM
            };
            (kind | start, least, most)
        }
        Port::Latency => (INTEGER, 0.0, 0.0),
        Port::Input(_) | Port::Output(_) => (0, 0.0, 0.0),
    };
    RangeHint { hint, lower, upper }
}

unsafe extern "C" fn instantiate(descriptor: *const Descriptor, rate: c_ulong) -> *mut Instance {
    // SAFETY: a host passes what `ladspa_descriptor` gave.
    let plugin = unsafe { &*(*descriptor).implementation_data.cast::<Plugin>() };
    let made = catch_unwind(AssertUnwindSafe(|| Instance::new(plugin, rate as f64)));
    match made {
        Ok(Ok(instance)) => Box::into_raw(Box::new(instance)),
        _ => null_mut(),
    }
}

unsafe extern "C" fn connect_port(instance: *mut Instance, port: c_ulong, place: *mut f32) {
    // SAFETY: a host passes what `instantiate` gave.
    unsafe { (*instance).connect(usize::try_from(port).unwrap_or(usize::MAX), place) };
}

unsafe extern "C" fn activate(instance: *mut Instance) {
    // SAFETY: a host passes what `instantiate` gave.
    unsafe { (*instance).activate() };
}

unsafe extern "C" fn run(instance: *mut Instance, samples: c_ulong) {
    // SAFETY: a host passes what `instantiate` gave, and has connected memory for so many samples.
    unsafe { (*instance).run(samples as usize) };
}

unsafe extern "C" fn cleanup(instance: *mut Instance) {
    // SAFETY: a host passes what `instantiate` gave, once.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(unsafe { Box::from_raw(instance) })));
}
