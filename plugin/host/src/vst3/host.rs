//! The host's side of VST3: who it is, and what a plugin may ask for.

use crate::Requests;
use crate::complaints::Complaints;
use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, Ordering};
use vst3::Class;
use vst3::Steinberg::Vst::{
    IComponentHandler, IComponentHandlerTrait, IHostApplication, IHostApplicationTrait, ParamID, ParamValue,
    RestartFlags_, String128,
};
use vst3::Steinberg::{TUID, kNotImplemented, kResultOk, tresult};

/// What a plugin may do to its parameter values or its latency; all else is fixed in a plugin with fixed parameters.
const EXPECTED: i32 = RestartFlags_::kLatencyChanged | RestartFlags_::kParamValuesChanged;

/// The host's name card.
pub(super) struct Application;

impl Class for Application {
    type Interfaces = (IHostApplication,);
}

impl IHostApplicationTrait for Application {
    unsafe fn getName(&self, name: *mut String128) -> tresult {
        let text: Vec<u16> = "aeden-plugin-host\0".encode_utf16().collect();
        // SAFETY: the plugin gives a text of 128 units.
        unsafe { (&mut *name)[..text.len()].copy_from_slice(&text) };
        kResultOk
    }

    unsafe fn createInstance(&self, _: *mut TUID, _: *mut TUID, _: *mut *mut c_void) -> tresult {
        kNotImplemented
    }
}

/// Keeps what one instance has asked for and done.
pub(super) struct Handler {
    restart_flags: AtomicI32,
    complaints: Complaints,
}

impl Handler {
    /// The main thread is the one that calls this.
    pub fn new() -> Self {
        Handler {
            restart_flags: AtomicI32::new(0),
            complaints: Complaints::new(),
        }
    }

    /// What the plugin wants, once.
    pub fn take_requests(&self) -> Requests {
        let flags = self.restart_flags.swap(0, Ordering::SeqCst);
        Requests {
            restart: flags & RestartFlags_::kLatencyChanged != 0,
            values_changed: flags & RestartFlags_::kParamValuesChanged != 0,
            editor_size: None,
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

    fn expect_main_thread(&self, call: &str) {
        if !self.complaints.on_main_thread() {
            self.complain(format!("{call} not on the main thread"));
        }
    }
}

impl Class for Handler {
    type Interfaces = (IComponentHandler,);
}

impl IComponentHandlerTrait for Handler {
    unsafe fn beginEdit(&self, _: ParamID) -> tresult {
        self.expect_main_thread("beginEdit");
        kResultOk
    }

    unsafe fn performEdit(&self, _: ParamID, value: ParamValue) -> tresult {
        self.expect_main_thread("performEdit");
        if !(0.0..=1.0).contains(&value) {
            self.complain(format!("performEdit with the value {value}"));
        }
        kResultOk
    }

    unsafe fn endEdit(&self, _: ParamID) -> tresult {
        self.expect_main_thread("endEdit");
        kResultOk
    }

    unsafe fn restartComponent(&self, flags: i32) -> tresult {
        self.expect_main_thread("restartComponent");
        if flags & !EXPECTED != 0 {
            self.complain(format!("restartComponent with flags {flags:#b}"));
        }
        self.restart_flags.fetch_or(flags, Ordering::SeqCst);
        kResultOk
    }
}
