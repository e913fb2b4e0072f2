//! What stands in for a host around the window and the plugin.

use crate::hosting::Format;
use nice_plug::context::gui::GuiContextInner;
use nice_plug::plugin::PluginState;
use nice_plug::prelude::{ParamPtr, PluginApi};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Sets parameters at once: there is nobody else who sets them, and nothing that records it.
pub struct ForWindow;

impl GuiContextInner for ForWindow {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Standalone
    }

    unsafe fn raw_begin_set_parameter(&self, _parameter: ParamPtr) {}

    unsafe fn raw_set_parameter_normalized(&self, parameter: ParamPtr, normalized: f32) {
        // SAFETY: the window hands over parameters that it holds by `Arc`; their values are atomic.
        unsafe { parameter._internal_set_normalized_value(normalized) };
    }

    unsafe fn raw_end_set_parameter(&self, _parameter: ParamPtr) {}

    /// The window keeps nothing by it.
    fn get_state(&self) -> PluginState {
        PluginState {
            version: String::new(),
            params: Default::default(),
            fields: Default::default(),
        }
    }

    fn set_state(&self, _state: PluginState) {}

    fn request_restart(&self) {}
}

/// Remembers that the plugin asks to be built anew, until the sound's thread looks.
#[derive(Debug, Default)]
pub struct Restarts(AtomicBool);

impl Restarts {
    /// Whether it has asked since the last call.
    pub fn take(&self) -> bool {
        self.0.swap(false, Relaxed)
    }
}

impl Format for Restarts {
    fn settle(&self) -> bool {
        false
    }

    fn ask_for_restart(&self) {
        self.0.store(true, Relaxed);
    }
}
