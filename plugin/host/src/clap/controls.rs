//! What the main thread does with an instance, beside the sound.

use super::host::Host;
use super::library::{Module, extension, text_at};
use super::stream;
use crate::Parameter;
use clap_sys::ext::params::{
    CLAP_EXT_PARAMS, CLAP_PARAM_IS_AUTOMATABLE, CLAP_PARAM_IS_BYPASS, CLAP_PARAM_IS_STEPPED, clap_param_info,
    clap_plugin_params,
};
use clap_sys::ext::preset_load::{CLAP_EXT_PRESET_LOAD, clap_plugin_preset_load};
use clap_sys::ext::state::{CLAP_EXT_STATE, clap_plugin_state};
use clap_sys::factory::preset_discovery::{
    CLAP_PRESET_DISCOVERY_LOCATION_FILE, CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN,
};
use clap_sys::plugin::clap_plugin;
use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::ptr::{NonNull, null};
use std::sync::Arc;

/// An initialised plugin, from its `init` to its `destroy`.
pub(super) struct Life {
    pub plugin: NonNull<clap_plugin>,
    pub host: Box<Host>,
    /// The plugin's code; the last to go.
    _module: Arc<Module>,
}

// SAFETY: the format lets hosts call from any thread as each function's rules say, which the traits of this crate pass
// on to their users.
unsafe impl Send for Life {}
// SAFETY: as above.
unsafe impl Sync for Life {}

impl Life {
    /// Takes over a plugin after its `init`.
    pub fn new(plugin: NonNull<clap_plugin>, host: Box<Host>, module: Arc<Module>) -> Self {
        Life {
            plugin,
            host,
            _module: module,
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // SAFETY: the instance has deactivated it, and nothing uses it after this.
        unsafe { call!(self.plugin.as_ref(), destroy, self.plugin.as_ptr()) };
    }
}

/// Parameters and state.
pub(super) struct Controls {
    pub params: Option<&'static clap_plugin_params>,
    pub state: Option<&'static clap_plugin_state>,
    presets: Option<&'static clap_plugin_preset_load>,
    /// Id, lowest and highest value of every parameter.
    pub ranges: Vec<(u32, f64, f64)>,
    life: Arc<Life>,
}

impl Controls {
    /// Those of a plugin.
    pub fn new(life: Arc<Life>) -> Self {
        let mut controls = Controls {
            // SAFETY: the ids belong to these types, and the tables live as long as the plugin.
            params: unsafe { extension(life.plugin, CLAP_EXT_PARAMS) },
            // SAFETY: as above.
            state: unsafe { extension(life.plugin, CLAP_EXT_STATE) },
            // SAFETY: as above.
            presets: unsafe { extension(life.plugin, CLAP_EXT_PRESET_LOAD) },
            ranges: Vec::new(),
            life,
        };
        let infos = controls.parameter_infos();
        controls.ranges = infos
            .iter()
            .map(|info| (info.id, info.min_value, info.max_value))
            .collect();
        controls
    }

    /// What the plugin says of its parameters.
    pub fn parameter_infos(&self) -> Vec<clap_param_info> {
        let Some(params) = self.params else {
            return Vec::new();
        };
        // SAFETY: a call on the main thread; the plugin fills what it says it fills.
        unsafe {
            let count = call!(params, count, self.life.plugin.as_ptr());
            let get = |index| {
                let mut info = MaybeUninit::zeroed();
                call!(
                    params,
                    get_info,
                    self.life.plugin.as_ptr(),
                    index,
                    info.as_mut_ptr()
                )
                .then(|| info.assume_init())
            };
            (0..count).filter_map(get).collect()
        }
    }

    /// The lowest and the highest value of a parameter.
    fn range(&self, parameter: u32) -> Option<(f64, f64)> {
        let found = self.ranges.iter().find(|(id, ..)| *id == parameter);
        found.map(|(_, low, high)| (*low, *high))
    }

    /// From 0 … 1 to the plugin's own values.
    pub fn plain(&self, parameter: u32, value: f64) -> Option<f64> {
        self.range(parameter)
            .map(|(low, high)| low + value * (high - low))
    }

    /// From the plugin's own values to 0 … 1.
    fn normalised(&self, parameter: u32, plain: f64) -> Option<f64> {
        self.range(parameter)
            .map(|(low, high)| (plain - low) / (high - low))
    }
}

impl crate::Controls for Controls {
    fn parameters(&self) -> Vec<Parameter> {
        let parameter = |info: clap_param_info| {
            let is = |flag| info.flags & flag != 0;
            Parameter {
                id: info.id,
                name: text_at(info.name.as_ptr()),
                default: (info.default_value - info.min_value) / (info.max_value - info.min_value),
                steps: if is(CLAP_PARAM_IS_STEPPED) {
                    (info.max_value - info.min_value) as u32
                } else {
                    0
                },
                automatable: is(CLAP_PARAM_IS_AUTOMATABLE),
                bypass: is(CLAP_PARAM_IS_BYPASS),
            }
        };
        self.parameter_infos().into_iter().map(parameter).collect()
    }

    fn value(&self, parameter: u32) -> Option<f64> {
        let mut value = 0.0;
        // SAFETY: a call on the main thread with a place for the value.
        let found = unsafe {
            call!(
                self.params?,
                get_value,
                self.life.plugin.as_ptr(),
                parameter,
                &mut value
            )
        };
        found.then(|| self.normalised(parameter, value)).flatten()
    }

    fn text(&self, parameter: u32, value: f64) -> Option<String> {
        let mut text = [0 as c_char; 256];
        let plain = self.plain(parameter, value)?;
        // SAFETY: a call on the main thread with the buffer's true size.
        unsafe {
            call!(
                self.params?,
                value_to_text,
                self.life.plugin.as_ptr(),
                parameter,
                plain,
                text.as_mut_ptr(),
                text.len() as u32
            )
        }
        .then(|| text_at(text.as_ptr()))
    }

    fn value_of(&self, parameter: u32, text: &str) -> Option<f64> {
        let text = CString::new(text).ok()?;
        let mut value = 0.0;
        // SAFETY: a call on the main thread; the text ends with a zero.
        let read = unsafe {
            call!(
                self.params?,
                text_to_value,
                self.life.plugin.as_ptr(),
                parameter,
                text.as_ptr(),
                &mut value
            )
        };
        read.then(|| self.normalised(parameter, value)).flatten()
    }

    fn save(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let stream = stream::writer(&mut bytes);
        // SAFETY: a call on the main thread; the stream lives through it.
        unsafe { call!(self.state?, save, self.life.plugin.as_ptr(), &stream) }.then_some(bytes)
    }

    fn load(&self, state: &[u8]) -> bool {
        let mut rest = state;
        let stream = stream::reader(&mut rest);
        // SAFETY: a call on the main thread; the stream lives through it.
        self.state
            .is_some_and(|it| unsafe { call!(it, load, self.life.plugin.as_ptr(), &stream) })
    }

    fn load_preset(&self, path: Option<&str>, key: Option<&str>) -> bool {
        let Some(presets) = self.presets else { return false };
        let [path, key] = [path, key].map(|text| text.map(|text| CString::new(text).expect("no zeros")));
        let kind = if path.is_some() {
            CLAP_PRESET_DISCOVERY_LOCATION_FILE
        } else {
            CLAP_PRESET_DISCOVERY_LOCATION_PLUGIN
        };
        let [path, key] = [&path, &key].map(|text| text.as_ref().map_or(null(), |text| text.as_ptr()));
        let host = &self.life.host;
        let before = host.presets();
        // SAFETY: texts that end with a zero, or null.
        let loaded = unsafe { call!(presets, from_location, self.life.plugin.as_ptr(), kind, path, key) };
        // A plugin tells of either, but not from a thread on which it must not be called.
        let (right, wrong) = host.presets();
        if host.is_main_thread()
            && (right - before.0, wrong - before.1) != (u32::from(loaded), u32::from(!loaded))
        {
            host.complain(format!(
                "preset loaded: {loaded}, and told {right} and {wrong} times"
            ));
        }
        loaded
    }
}
