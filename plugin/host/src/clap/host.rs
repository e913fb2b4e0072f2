//! The host's side of CLAP: what a plugin may ask for, and what it must not.

use crate::Requests;
use crate::complaints::Complaints;
use clap_sys::ext::gui::{CLAP_EXT_GUI, clap_host_gui};
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_host_latency};
use clap_sys::ext::log::{CLAP_EXT_LOG, CLAP_LOG_ERROR, clap_host_log, clap_log_severity};
use clap_sys::ext::params::{
    CLAP_EXT_PARAMS, CLAP_PARAM_RESCAN_ALL, CLAP_PARAM_RESCAN_INFO, clap_host_params, clap_param_clear_flags,
    clap_param_rescan_flags,
};
use clap_sys::ext::preset_load::{CLAP_EXT_PRESET_LOAD, clap_host_preset_load};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_host_state};
use clap_sys::ext::thread_check::{CLAP_EXT_THREAD_CHECK, clap_host_thread_check};
use clap_sys::factory::preset_discovery::clap_preset_discovery_location_kind;
use clap_sys::host::clap_host;
use clap_sys::id::clap_id;
use clap_sys::version::CLAP_VERSION;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr::{from_ref, null, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

thread_local! {
    /// Whether this thread counts as an audio thread now.
    static AUDIO: Cell<bool> = const { Cell::new(false) };
}

/// What one instance has asked for and done.
pub(super) struct Host {
    table: clap_host,
    activating: AtomicBool,
    restart: AtomicBool,
    callback: AtomicBool,
    values_changed: AtomicBool,
    /// Width and height that the editor wants, in the halves of the number; 0 for none.
    editor_size: AtomicU64,
    /// Presets that the plugin says it has loaded, and those that it could not load.
    presets: [AtomicU32; 2],
    complaints: Complaints,
}

// SAFETY: the table's pointers are to constants and to the host itself, which stays in its box; the rest is atomic.
unsafe impl Sync for Host {}

impl Host {
    /// The main thread is the one that calls this.
    pub fn new() -> Box<Self> {
        let mut host = Box::new(Host {
            table: clap_host {
                clap_version: CLAP_VERSION,
                host_data: null_mut(),
                name: c"aeden-plugin-host".as_ptr(),
                vendor: c"aeden".as_ptr(),
                url: c"".as_ptr(),
                version: c"1".as_ptr(),
                get_extension: Some(get_extension),
                request_restart: Some(request_restart),
                request_process: Some(request_process),
                request_callback: Some(request_callback),
            },
            activating: AtomicBool::new(false),
            restart: AtomicBool::new(false),
            callback: AtomicBool::new(false),
            values_changed: AtomicBool::new(false),
            editor_size: AtomicU64::new(0),
            presets: Default::default(),
            complaints: Complaints::new(),
        });
        host.table.host_data = from_ref::<Host>(&host).cast_mut().cast();
        host
    }

    /// The table that the plugin gets; as long-lived as the host.
    pub fn as_clap(&self) -> *const clap_host {
        &self.table
    }

    /// Runs a call during which this thread counts as the audio thread, if `audio`, and as the main thread if not.
    pub fn on_audio_thread<T>(&self, audio: bool, call: impl FnOnce() -> T) -> T {
        let before = AUDIO.replace(audio);
        let result = call();
        AUDIO.set(before);
        result
    }

    /// Marks the time of the plugin's `activate`, the only one in which its latency may change.
    pub fn set_activating(&self, activating: bool) {
        self.activating.store(activating, Ordering::SeqCst);
    }

    /// Whether the plugin wants to be called on the main thread.
    pub fn take_callback(&self) -> bool {
        self.callback.swap(false, Ordering::SeqCst)
    }

    /// What the plugin wants, once.
    pub fn take_requests(&self) -> Requests {
        let size = self.editor_size.swap(0, Ordering::SeqCst);
        Requests {
            editor_size: (size > 0).then_some(((size >> 32) as u32, size as u32)),
            restart: self.restart.swap(false, Ordering::SeqCst),
            values_changed: self.values_changed.swap(false, Ordering::SeqCst),
        }
    }

    /// Keeps a thing that the plugin did although the format forbids it.
    pub fn complain(&self, what: String) {
        self.complaints.add(what);
    }

    /// What the plugin did that the format forbids.
    pub fn complaints(&self) -> Vec<String> {
        self.complaints.all()
    }

    /// How many presets the plugin says it has loaded, and how many it could not load.
    pub fn presets(&self) -> (u32, u32) {
        let [right, wrong] = [0, 1].map(|which: usize| self.presets[which].load(Ordering::SeqCst));
        (right, wrong)
    }

    pub(super) fn is_main_thread(&self) -> bool {
        self.complaints.on_main_thread() && !AUDIO.get()
    }

    /// Complains if a call that belongs to the main thread came on another.
    fn expect_main_thread(&self, call: &str) {
        if !self.is_main_thread() {
            self.complain(format!("{call} not on the main thread"));
        }
    }
}

/// The host behind the table that the plugin got.
///
/// # Safety
/// `host` must be what [`Host::as_clap`] gave, while that host lives.
unsafe fn of<'a>(host: *const clap_host) -> &'a Host {
    // SAFETY: `Host::new` set it to the host itself.
    unsafe { &*(*host).host_data.cast() }
}

unsafe extern "C" fn get_extension(_: *const clap_host, id: *const c_char) -> *const c_void {
    static GUI: clap_host_gui = clap_host_gui {
        resize_hints_changed: Some(resize_hints_changed),
        request_resize: Some(request_resize),
        request_show: Some(refuse),
        request_hide: Some(refuse),
        closed: Some(editor_closed),
    };
    static LATENCY: clap_host_latency = clap_host_latency {
        changed: Some(latency_changed),
    };
    static LOG: clap_host_log = clap_host_log { log: Some(log) };
    static PARAMS: clap_host_params = clap_host_params {
        rescan: Some(rescan),
        clear: Some(clear),
        request_flush: Some(request_flush),
    };
    static PRESETS: clap_host_preset_load = clap_host_preset_load {
        on_error: Some(preset_error),
        loaded: Some(preset_loaded),
    };
    static STATE: clap_host_state = clap_host_state {
        mark_dirty: Some(mark_dirty),
    };
    static THREAD_CHECK: clap_host_thread_check = clap_host_thread_check {
        is_main_thread: Some(is_main_thread),
        is_audio_thread: Some(is_audio_thread),
    };
    // SAFETY: ids end with a zero.
    let id = unsafe { CStr::from_ptr(id) };
    if id == CLAP_EXT_GUI {
        from_ref(&GUI).cast()
    } else if id == CLAP_EXT_LATENCY {
        from_ref(&LATENCY).cast()
    } else if id == CLAP_EXT_LOG {
        from_ref(&LOG).cast()
    } else if id == CLAP_EXT_PARAMS {
        from_ref(&PARAMS).cast()
    } else if id == CLAP_EXT_PRESET_LOAD {
        from_ref(&PRESETS).cast()
    } else if id == CLAP_EXT_STATE {
        from_ref(&STATE).cast()
    } else if id == CLAP_EXT_THREAD_CHECK {
        from_ref(&THREAD_CHECK).cast()
    } else {
        null()
    }
}

unsafe extern "C" fn request_restart(host: *const clap_host) {
    // SAFETY: the plugin passes the table that it got.
    unsafe { of(host) }.restart.store(true, Ordering::SeqCst);
}

/// Blocks come all the time here, so there is nothing to do.
unsafe extern "C" fn request_process(_: *const clap_host) {}

unsafe extern "C" fn request_callback(host: *const clap_host) {
    // SAFETY: as in `request_restart`.
    unsafe { of(host) }.callback.store(true, Ordering::SeqCst);
}

/// Sizes are checked anew each time.
unsafe extern "C" fn resize_hints_changed(_: *const clap_host) {}

unsafe extern "C" fn request_resize(host: *const clap_host, width: u32, height: u32) -> bool {
    let size = u64::from(width) << 32 | u64::from(height);
    // SAFETY: as in `request_restart`.
    unsafe { of(host) }.editor_size.store(size, Ordering::SeqCst);
    true
}

/// This host shows and hides editors itself.
unsafe extern "C" fn refuse(_: *const clap_host) -> bool {
    false
}

/// Only windows of the plugin's own can be closed by users.
unsafe extern "C" fn editor_closed(host: *const clap_host, _: bool) {
    // SAFETY: as in `request_restart`.
    unsafe { of(host) }.complain("host_gui.closed for an editor in the host's window".to_owned());
}

unsafe extern "C" fn latency_changed(host: *const clap_host) {
    // SAFETY: as in `request_restart`.
    let host = unsafe { of(host) };
    host.expect_main_thread("host_latency.changed");
    if !host.activating.load(Ordering::SeqCst) {
        host.complain("host_latency.changed outside activate".to_owned());
    }
}

unsafe extern "C" fn log(host: *const clap_host, severity: clap_log_severity, message: *const c_char) {
    if severity >= CLAP_LOG_ERROR {
        // SAFETY: as in `request_restart`; messages end with a zero.
        let (host, message) = unsafe { (of(host), CStr::from_ptr(message)) };
        host.complain(format!("logged: {}", message.to_string_lossy()));
    }
}

unsafe extern "C" fn rescan(host: *const clap_host, flags: clap_param_rescan_flags) {
    // SAFETY: as in `request_restart`.
    let host = unsafe { of(host) };
    host.expect_main_thread("host_params.rescan");
    host.values_changed.store(true, Ordering::SeqCst);
    // What parameters are never changes in a plugin with a fixed set of them.
    if flags & (CLAP_PARAM_RESCAN_ALL | CLAP_PARAM_RESCAN_INFO) != 0 {
        host.complain(format!("host_params.rescan with flags {flags:#b}"));
    }
}

unsafe extern "C" fn clear(host: *const clap_host, _: clap_id, _: clap_param_clear_flags) {
    // SAFETY: as in `request_restart`.
    unsafe { of(host) }.expect_main_thread("host_params.clear");
}

/// Parameters are flushed with every block and every call to `set`.
unsafe extern "C" fn request_flush(host: *const clap_host) {
    if AUDIO.get() {
        // SAFETY: as in `request_restart`.
        unsafe { of(host) }.complain("host_params.request_flush on the audio thread".to_owned());
    }
}

unsafe extern "C" fn preset_loaded(
    host: *const clap_host,
    _: clap_preset_discovery_location_kind,
    _: *const c_char,
    _: *const c_char,
) {
    // SAFETY: as in `request_restart`.
    let host = unsafe { of(host) };
    host.expect_main_thread("host_preset_load.loaded");
    host.presets[0].fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn preset_error(
    host: *const clap_host,
    _: clap_preset_discovery_location_kind,
    _: *const c_char,
    _: *const c_char,
    _: i32,
    _: *const c_char,
) {
    // SAFETY: as in `request_restart`.
    let host = unsafe { of(host) };
    host.expect_main_thread("host_preset_load.on_error");
    host.presets[1].fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn mark_dirty(host: *const clap_host) {
    // SAFETY: as in `request_restart`.
    unsafe { of(host) }.expect_main_thread("host_state.mark_dirty");
}

unsafe extern "C" fn is_main_thread(host: *const clap_host) -> bool {
    // SAFETY: as in `request_restart`.
    unsafe { of(host) }.is_main_thread()
}

unsafe extern "C" fn is_audio_thread(_: *const clap_host) -> bool {
    AUDIO.get()
}
