//! CLAP bundles and their plugins.

/// A function that the format demands, in a table that may leave it out.
macro_rules! call {
    ($table:expr, $function:ident, $($argument:expr),*) => {
        ($table.$function.expect(concat!("the format demands ", stringify!($function))))($($argument),*)
    };
}

mod controls;
mod edges;
mod editor;
mod events;
mod host;
mod library;
pub mod presets;
mod stream;

use crate::channels::Channels;
use crate::{Audio, Change, Description, Error, Format, Plugin, Requests, Setup, module};
use clap_sys::audio_buffer::clap_audio_buffer;
use clap_sys::entry::clap_plugin_entry;
use clap_sys::events::clap_event_transport;
use clap_sys::ext::audio_ports::{CLAP_EXT_AUDIO_PORTS, clap_audio_port_info, clap_plugin_audio_ports};
use clap_sys::ext::audio_ports_config::{
    CLAP_EXT_AUDIO_PORTS_CONFIG, clap_audio_ports_config, clap_plugin_audio_ports_config,
};
use clap_sys::ext::gui::CLAP_EXT_GUI;
use clap_sys::ext::latency::{CLAP_EXT_LATENCY, clap_plugin_latency};
use clap_sys::ext::render::{CLAP_EXT_RENDER, CLAP_RENDER_OFFLINE, CLAP_RENDER_REALTIME, clap_plugin_render};
use clap_sys::ext::tail::{CLAP_EXT_TAIL, clap_plugin_tail};
use clap_sys::factory::plugin_factory::CLAP_PLUGIN_FACTORY_ID;
use clap_sys::plugin::{clap_plugin, clap_plugin_descriptor};
use clap_sys::process::{CLAP_PROCESS_ERROR, clap_process};
use controls::{Controls, Life};
use editor::Editor;
use events::Events;
use host::Host;
use library::{Module, extension, text_at, texts_at};
use std::ffi::CString;
use std::mem::MaybeUninit;
use std::path::Path;
use std::ptr::{NonNull, from_ref, null, null_mut};
use std::sync::Arc;

/// A loaded CLAP file.
pub struct Bundle {
    module: Arc<Module>,
}

impl Bundle {
    /// Loads and initialises a library.
    ///
    /// # Errors
    /// As [`Format::open`].
    pub fn open(bundle: &Path) -> Result<Self, Error> {
        let (library, _) = module::load(bundle, Format::Clap)?;
        // SAFETY: the format lays down the symbol's type.
        let entry = unsafe { library.get::<*const clap_plugin_entry>(c"clap_entry") }
            .ok()
            .and_then(|symbol| NonNull::new(symbol.cast_mut()))
            .ok_or(Error::Missing("clap_entry"))?;
        let path = CString::new(bundle.as_os_str().as_encoded_bytes())
            .map_err(|e| Error::Load(format!("{}: {e}", bundle.display())))?;
        // SAFETY: the table is the library's, which stays loaded as long as `Module`; the path ends with a zero.
        unsafe {
            if !call!(entry.as_ref(), init, path.as_ptr()) {
                return Err(Error::Refused("clap_entry.init"));
            }
            let factory = call!(entry.as_ref(), get_factory, CLAP_PLUGIN_FACTORY_ID.as_ptr());
            let Some(factory) = NonNull::new(factory.cast_mut().cast()) else {
                call!(entry.as_ref(), deinit,);
                return Err(Error::Missing("a plugin factory"));
            };
            Ok(Bundle {
                module: Arc::new(Module {
                    entry,
                    factory,
                    _library: library,
                }),
            })
        }
    }

    fn descriptors(&self) -> Vec<NonNull<clap_plugin_descriptor>> {
        let factory = self.module.factory;
        // SAFETY: the factory is valid as long as the module.
        unsafe {
            let count = call!(factory.as_ref(), get_plugin_count, factory.as_ptr());
            let get = |index| call!(factory.as_ref(), get_plugin_descriptor, factory.as_ptr(), index);
            (0..count)
                .filter_map(|index| NonNull::new(get(index).cast_mut()))
                .collect()
        }
    }
}

impl crate::Bundle for Bundle {
    fn plugins(&self) -> Vec<Description> {
        let describe = |descriptor: NonNull<clap_plugin_descriptor>| {
            // SAFETY: descriptors are valid as long as the library.
            let it = unsafe { descriptor.as_ref() };
            Description {
                id: text_at(it.id),
                name: text_at(it.name),
                vendor: text_at(it.vendor),
                version: text_at(it.version),
                categories: texts_at(it.features),
            }
        };
        self.descriptors().into_iter().map(describe).collect()
    }

    fn instantiate(&self, index: usize) -> Result<Box<dyn Plugin>, Error> {
        let descriptor = *self
            .descriptors()
            .get(index)
            .ok_or(Error::Missing("a plugin of this index"))?;
        Ok(Box::new(Instance::new(&self.module, descriptor)?))
    }
}

/// An instance of a CLAP plugin.
pub struct Instance {
    plugin: NonNull<clap_plugin>,
    latency: Option<&'static clap_plugin_latency>,
    tail: Option<&'static clap_plugin_tail>,
    render: Option<&'static clap_plugin_render>,
    ports: Option<&'static clap_plugin_audio_ports>,
    layouts: Option<&'static clap_plugin_audio_ports_config>,
    editor: Option<Editor>,
    buffers: Channels,
    events: Events,
    /// Shifts that come with the next block, by parameter and in the plugin's own measure.
    modulations: Vec<(u32, f64)>,
    /// What blocks say of the host's transport; nothing, as of one that has none, in all but a few tests.
    transport: Option<clap_event_transport>,
    /// Samples processed since the start.
    time: i64,
    active: bool,
    running: bool,
    controls: Arc<Controls>,
    /// Keeps the plugin and the tables above alive.
    life: Arc<Life>,
}

// SAFETY: the format lets hosts call from any thread, if it is one at a time and as each function's rules say, which
// `Plugin` passes on to its users.
unsafe impl Send for Instance {}

impl Instance {
    fn new(module: &Arc<Module>, descriptor: NonNull<clap_plugin_descriptor>) -> Result<Self, Error> {
        let host = Host::new();
        let factory = module.factory;
        // SAFETY: factory, host and id outlive the call; `Life` keeps the host as long as the plugin.
        let plugin = unsafe {
            let id = descriptor.as_ref().id;
            let plugin = call!(
                factory.as_ref(),
                create_plugin,
                factory.as_ptr(),
                host.as_clap(),
                id
            );
            NonNull::new(plugin.cast_mut()).ok_or(Error::Refused("to make an instance"))?
        };
        // SAFETY: the plugin is new; the format allows no call before this one.
        if !unsafe { call!(plugin.as_ref(), init, plugin.as_ptr()) } {
            // SAFETY: after a failed `init` only this is allowed.
            unsafe { call!(plugin.as_ref(), destroy, plugin.as_ptr()) };
            return Err(Error::Refused("init"));
        }
        let life = Arc::new(Life::new(plugin, host, module.clone()));
        // SAFETY: the ids belong to these types, and the tables live as long as the plugin.
        unsafe {
            Ok(Instance {
                plugin,
                latency: extension(plugin, CLAP_EXT_LATENCY),
                tail: extension(plugin, CLAP_EXT_TAIL),
                render: extension(plugin, CLAP_EXT_RENDER),
                ports: extension(plugin, CLAP_EXT_AUDIO_PORTS),
                layouts: extension(plugin, CLAP_EXT_AUDIO_PORTS_CONFIG),
                editor: extension(plugin, CLAP_EXT_GUI).map(|table| Editor::new(plugin, table)),
                buffers: Channels::default(),
                events: Events::default(),
                modulations: Vec::new(),
                transport: None,
                time: 0,
                active: false,
                running: false,
                controls: Arc::new(Controls::new(life.clone())),
                life,
            })
        }
    }

    fn table(&self) -> &clap_plugin {
        // SAFETY: valid as long as `life`.
        unsafe { self.plugin.as_ref() }
    }

    /// Fills the list of events for a call.
    fn set_events(&mut self, changes: &[Change]) {
        self.events.clear();
        for (parameter, amount) in self.modulations.drain(..) {
            self.events.push_modulation(0, parameter, -1, amount);
        }
        for change in changes {
            if let Some(value) = self.controls.plain(change.parameter, change.value) {
                self.events.push(change.offset, change.parameter, value);
            }
        }
    }

    /// Passes the list of events on without sound, for which CLAP has a call of its own.
    fn flush(&self) {
        if let Some(params) = self.controls.params {
            let (input, output) = (self.events.list(), events::sink());
            // SAFETY: both lists live through the call; while active it belongs to the audio thread.
            self.life.host.on_audio_thread(self.active, || unsafe {
                call!(params, flush, self.plugin.as_ptr(), &input, &output);
            });
        }
    }

    /// Passes a block and the list of events through the plugin.
    fn run(&mut self, audio: Audio) -> Result<(), Error> {
        let len = self.buffers.set(audio);
        if len == 0 {
            self.flush();
            return Ok(());
        }
        let port = |(channels, data32): (usize, *mut *mut f32)| clap_audio_buffer {
            data32,
            data64: null_mut(),
            channel_count: channels as u32,
            latency: 0,
            constant_mask: 0,
        };
        let mut input = port(self.buffers.input());
        // SAFETY: the block was set just now.
        input.constant_mask = unsafe { self.buffers.silent_input(len) };
        let mut output = port(self.buffers.output());
        let (in_events, out_events) = (self.events.list(), events::sink());
        let block = clap_process {
            steady_time: self.time,
            frames_count: len as u32,
            transport: self.transport.as_ref().map_or(null(), from_ref),
            audio_inputs: &input,
            audio_outputs: &mut output,
            audio_inputs_count: 1,
            audio_outputs_count: 1,
            in_events: &in_events,
            out_events: &out_events,
        };
        // SAFETY: a call while processing; all that the block points to lives through it, and the channels have as
        // many samples as it says.
        let status = self.life.host.on_audio_thread(true, || unsafe {
            call!(self.table(), process, self.plugin.as_ptr(), &block)
        });
        self.time += len as i64;
        if status == CLAP_PROCESS_ERROR {
            return Err(Error::Refused("process"));
        }
        // SAFETY: as above.
        if output.constant_mask & !unsafe { self.buffers.constant_output(len) } != 0 {
            let what = "sound in a channel that is said to be constant";
            self.life.host.complain(what.to_owned());
        }
        Ok(())
    }

    /// The channels of the first port in a direction.
    fn port_channels(&self, is_input: bool) -> usize {
        let Some(ports) = self.ports else { return 0 };
        let mut info = MaybeUninit::<clap_audio_port_info>::zeroed();
        // SAFETY: a call on the main thread; zeroes are valid where the plugin fills nothing.
        unsafe {
            if call!(ports, get, self.plugin.as_ptr(), 0, is_input, info.as_mut_ptr()) {
                info.assume_init().channel_count as usize
            } else {
                0
            }
        }
    }
}

impl Plugin for Instance {
    fn controls(&self) -> Arc<dyn crate::Controls> {
        self.controls.clone()
    }

    fn set(&mut self, parameter: u32, value: f64) {
        self.set_events(&[Change {
            offset: 0,
            parameter,
            value,
        }]);
        self.flush();
    }

    fn channels(&self) -> (usize, usize) {
        (self.port_channels(true), self.port_channels(false))
    }

    fn set_channels(&mut self, channels: usize) -> bool {
        let Some(layouts) = self.layouts else {
            return self.channels() == (channels, channels);
        };
        // SAFETY: calls on the main thread while not active; the plugin fills the descriptions.
        unsafe {
            let count = call!(layouts, count, self.plugin.as_ptr());
            for index in 0..count {
                let mut layout = MaybeUninit::<clap_audio_ports_config>::zeroed();
                if !call!(layouts, get, self.plugin.as_ptr(), index, layout.as_mut_ptr()) {
                    continue;
                }
                let layout = layout.assume_init();
                let both = [layout.main_input_channel_count, layout.main_output_channel_count];
                if both.map(|n| n as usize) == [channels; 2] {
                    return call!(layouts, select, self.plugin.as_ptr(), layout.id)
                        && self.channels() == (channels, channels);
                }
            }
        }
        false
    }

    fn activate(&mut self, setup: &Setup) -> Result<(), Error> {
        if let Some(render) = self.render {
            let mode = if setup.offline {
                CLAP_RENDER_OFFLINE
            } else {
                CLAP_RENDER_REALTIME
            };
            // SAFETY: a call on the main thread.
            unsafe { call!(render, set, self.plugin.as_ptr(), mode) };
        }
        self.life.host.set_activating(true);
        // SAFETY: a call on the main thread while not active.
        self.active = unsafe {
            call!(
                self.table(),
                activate,
                self.plugin.as_ptr(),
                setup.sample_rate,
                1,
                setup.max_block
            )
        };
        self.life.host.set_activating(false);
        if self.active {
            Ok(())
        } else {
            Err(Error::Refused("activate"))
        }
    }

    fn deactivate(&mut self) {
        // SAFETY: a call on the main thread while active and not processing.
        unsafe { call!(self.table(), deactivate, self.plugin.as_ptr()) };
        self.active = false;
    }

    fn start(&mut self) -> Result<(), Error> {
        self.time = 0;
        // SAFETY: a call while active; this thread counts as the audio thread.
        self.running = self.life.host.on_audio_thread(true, || unsafe {
            call!(self.table(), reset, self.plugin.as_ptr());
            call!(self.table(), start_processing, self.plugin.as_ptr())
        });
        if self.running {
            Ok(())
        } else {
            Err(Error::Refused("start_processing"))
        }
    }

    fn stop(&mut self) {
        // SAFETY: a call while processing; this thread counts as the audio thread.
        self.life.host.on_audio_thread(true, || unsafe {
            call!(self.table(), stop_processing, self.plugin.as_ptr());
        });
        self.running = false;
    }

    fn process(&mut self, audio: Audio, changes: &[Change]) -> Result<(), Error> {
        self.set_events(changes);
        self.run(audio)
    }

    fn modulate(&mut self, parameter: u32, by: f64) -> bool {
        let ends = [0.0, 1.0].map(|value| self.controls.plain(parameter, value));
        if let [Some(low), Some(high)] = ends {
            self.modulations.push((parameter, by * (high - low)));
        }
        true
    }

    fn latency(&self) -> usize {
        // SAFETY: a call on the main thread.
        self.latency
            .map_or(0, |it| unsafe { call!(it, get, self.plugin.as_ptr()) as usize })
    }

    fn tail(&self) -> Option<usize> {
        // SAFETY: a call on the main or the audio thread.
        let tail = self
            .tail
            .map_or(0, |it| unsafe { call!(it, get, self.plugin.as_ptr()) });
        // The format calls everything from here up infinite.
        (tail < i32::MAX as u32).then_some(tail as usize)
    }

    fn idle(&mut self) -> Requests {
        if self.life.host.take_callback() {
            // SAFETY: a call on the main thread, which the plugin has asked for.
            unsafe { call!(self.table(), on_main_thread, self.plugin.as_ptr()) };
        }
        self.life.host.take_requests()
    }

    fn open_editor(&mut self, window: u32) -> Result<(u32, u32), Error> {
        self.editor
            .as_mut()
            .ok_or(Error::Missing("an editor"))?
            .open(window)
    }

    fn resize_editor(&mut self, width: u32, height: u32) -> Result<(u32, u32), Error> {
        self.editor
            .as_mut()
            .ok_or(Error::Missing("an editor"))?
            .resize(width, height)
    }

    fn close_editor(&mut self) {
        if let Some(editor) = &mut self.editor {
            editor.close();
        }
    }

    fn complaints(&self) -> Vec<String> {
        self.life.host.complaints()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.close_editor();
        if self.running {
            self.stop();
        }
        if self.active {
            self.deactivate();
        }
    }
}
