//! A small plugin host for tests: loads VST3 and CLAP bundles, and drives what is in them through one trait.
//!
//! It does what a DAW does around the sound, in the order that the formats ask for, and it watches: whatever a plugin
//! does that its format forbids is kept as a complaint. Editors are opened in windows of X11 alone.
//!
//! ```no_run
//! use aeden_plugin_host::{Audio, Format, Setup};
//!
//! let bundle = Format::Clap.open("target/bundled/aeden.clap")?;
//! let mut plugin = bundle.instantiate(0)?;
//! plugin.activate(&Setup { sample_rate: 44_100.0, ..Setup::default() })?;
//! plugin.start()?;
//! let (mut left, mut right) = ([0.1; 512], [0.1; 512]);
//! plugin.process(Audio::InPlace(&mut [&mut left, &mut right]), &[])?; // now what went in latency() samples earlier
//! # Ok::<(), aeden_plugin_host::Error>(())
//! ```

mod channels;
pub mod clap;
mod complaints;
mod error;
mod module;
mod screen;
pub mod vst3;
#[cfg(target_os = "linux")]
mod window;

pub use error::Error;
pub use screen::Screen;
#[cfg(target_os = "linux")]
pub use window::{Frames, Window};

use std::path::Path;
use std::sync::Arc;

/// A plugin format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Steinberg's VST 3.
    Vst3,
    /// CLAP, the Clever Audio Plugin.
    Clap,
}

impl Format {
    /// Loads a bundle: on Linux a folder for VST3, one file for CLAP.
    ///
    /// # Errors
    /// [`Error::Load`] if there is no library or it does not load; [`Error::Missing`] if it is none of this format.
    pub fn open(self, bundle: impl AsRef<Path>) -> Result<Box<dyn Bundle>, Error> {
        Ok(match self {
            Format::Vst3 => Box::new(vst3::Bundle::open(bundle.as_ref())?),
            Format::Clap => Box::new(clap::Bundle::open(bundle.as_ref())?),
        })
    }
}

/// A loaded bundle. The library stays loaded until the bundle and all its instances are gone.
pub trait Bundle: Send + Sync {
    /// The plugins in it, in the factory's order.
    fn plugins(&self) -> Vec<Description>;

    /// Makes an instance of the plugin at this place in [`plugins`](Self::plugins). Call it on the thread that is to
    /// count as the main thread of the instance.
    ///
    /// # Errors
    /// If the factory gives none, or it cannot be initialised.
    fn instantiate(&self, index: usize) -> Result<Box<dyn Plugin>, Error>;
}

/// What a bundle says about one of its plugins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What projects are stored with: CLAP's id, or the 32 hexadecimal digits of the VST3 class.
    pub id: String,
    /// What users read.
    pub name: String,
    /// Who made it.
    pub vendor: String,
    /// The plugin's version.
    pub version: String,
    /// CLAP's features or VST3's subcategories.
    pub categories: Vec<String>,
}

/// What a parameter is.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The number that hosts address it by.
    pub id: u32,
    /// What users read.
    pub name: String,
    /// The default, 0 … 1.
    pub default: f64,
    /// How many steps there are from the lowest value to the highest; 0 if it is continuous.
    pub steps: u32,
    /// Whether hosts may automate it.
    pub automatable: bool,
    /// Whether it is the one that hosts use for their bypass button.
    pub bypass: bool,
}

/// How a plugin will be run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// Samples per second.
    pub sample_rate: f64,
    /// The most samples in a block.
    pub max_block: u32,
    /// Whether it renders faster or slower than it would be heard.
    pub offline: bool,
}

impl Default for Setup {
    /// 48 kHz in real time, blocks of at most 8192 samples.
    fn default() -> Self {
        Setup {
            sample_rate: 48_000.0,
            max_block: 8192,
            offline: false,
        }
    }
}

/// A block of sound: one slice of equal length a channel.
pub enum Audio<'a, 'b> {
    /// Input and output in the same memory.
    InPlace(&'a mut [&'b mut [f32]]),
    /// Input and output in different memory.
    Apart {
        /// What goes in.
        input: &'a [&'b [f32]],
        /// What comes out; as many channels and samples as the input.
        output: &'a mut [&'b mut [f32]],
    },
}

/// A parameter at a new value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Samples after the start of the block.
    pub offset: u32,
    /// [`Parameter::id`].
    pub parameter: u32,
    /// 0 … 1.
    pub value: f64,
}

/// The side of an instance that belongs to the main thread, also while another thread runs the sound.
pub trait Controls: Send + Sync {
    /// All parameters, in the plugin's order.
    fn parameters(&self) -> Vec<Parameter>;

    /// Where a parameter stands, 0 … 1; nothing if there is none of this id.
    fn value(&self, parameter: u32) -> Option<f64>;

    /// A value as users read it.
    fn text(&self, parameter: u32, value: f64) -> Option<String>;

    /// The value, 0 … 1, that a user's text stands for.
    fn value_of(&self, parameter: u32, text: &str) -> Option<f64>;

    /// The state, as a host keeps it in a project.
    fn save(&self) -> Option<Vec<u8>>;

    /// Restores a state. False if the plugin refuses it.
    fn load(&self, state: &[u8]) -> bool;

    /// Loads a preset from a file, or by its key from inside the plugin, as a browser of presets does. False if the plugin refuses it, or
    /// the format has no such call.
    fn load_preset(&self, _path: Option<&str>, _key: Option<&str>) -> bool {
        false
    }
}

/// An instance of a plugin.
///
/// As in a DAW, `process`, `start` and `stop` may be called on another thread than the rest, one call at a time; only
/// [`controls`](Self::controls) work beside them.
pub trait Plugin: Send {
    /// The side of the main thread. The plugin lives until the last of them is gone.
    fn controls(&self) -> Arc<dyn Controls>;

    /// As [`Controls::parameters`].
    fn parameters(&self) -> Vec<Parameter> {
        self.controls().parameters()
    }

    /// As [`Controls::value`].
    fn value(&self, parameter: u32) -> Option<f64> {
        self.controls().value(parameter)
    }

    /// As [`Controls::text`].
    fn text(&self, parameter: u32, value: f64) -> Option<String> {
        self.controls().text(parameter, value)
    }

    /// As [`Controls::value_of`].
    fn value_of(&self, parameter: u32, text: &str) -> Option<f64> {
        self.controls().value_of(parameter, text)
    }

    /// As [`Controls::save`].
    fn save(&self) -> Option<Vec<u8>> {
        self.controls().save()
    }

    /// As [`Controls::load`].
    fn load(&mut self, state: &[u8]) -> bool {
        self.controls().load(state)
    }

    /// Moves a parameter while no sound runs.
    fn set(&mut self, parameter: u32, value: f64);

    /// Shifts a parameter by a share of its range, −1 … 1, from the next block on, beside its value, as a host's modulator does. False where
    /// the format has no such thing.
    fn modulate(&mut self, _parameter: u32, _by: f64) -> bool {
        false
    }

    /// How many channels go in and come out.
    fn channels(&self) -> (usize, usize);

    /// Asks for as many channels in as out, while the plugin is not active. False if it cannot.
    fn set_channels(&mut self, channels: usize) -> bool;

    /// Prepares for sound.
    ///
    /// # Errors
    /// If the plugin refuses.
    fn activate(&mut self, setup: &Setup) -> Result<(), Error>;

    /// The end of [`activate`](Self::activate).
    fn deactivate(&mut self);

    /// Starts sound, which begins with silence in the past.
    ///
    /// # Errors
    /// If the plugin refuses.
    fn start(&mut self) -> Result<(), Error>;

    /// Ends sound.
    fn stop(&mut self);

    /// Passes a block through the plugin. An empty block only carries parameters.
    ///
    /// # Errors
    /// If the plugin reports that it failed.
    fn process(&mut self, audio: Audio, changes: &[Change]) -> Result<(), Error>;

    /// By how many samples the output is late. Counts while active.
    fn latency(&self) -> usize;

    /// For how many samples sound goes on after the input has ended; nothing if it never ends.
    fn tail(&self) -> Option<usize>;

    /// Does on the main thread what the plugin has asked for, and tells what it wants from the host.
    fn idle(&mut self) -> Requests;

    /// Opens the editor in a window, and gives its width and height in pixels. This host does so for CLAP on X11 alone.
    ///
    /// # Errors
    /// If the plugin has none, or refuses.
    fn open_editor(&mut self, window: u32) -> Result<(u32, u32), Error>;

    /// Gives the open editor another size, as a user does who drags the edge of the window. Gives the size that it took.
    ///
    /// # Errors
    /// If the plugin refuses.
    fn resize_editor(&mut self, width: u32, height: u32) -> Result<(u32, u32), Error>;

    /// Closes the editor.
    fn close_editor(&mut self);

    /// What the plugin did that its format forbids, so far.
    fn complaints(&self) -> Vec<String>;
}

/// What a plugin has asked its host for since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// To deactivate and activate it, as its latency has changed, say.
    pub restart: bool,
    /// To read all parameter values again.
    pub values_changed: bool,
    /// To give the window of its editor this size.
    pub editor_size: Option<(u32, u32)>,
}
