//! The plugin on the way of the sound.

use crate::AedenPlugin;
use aeden::switchable::SwitchableDenoiser;
use aeden_live::audio::{AudioError, BLOCK, Format};
use aeden_live::processor::Processor;
use nice_plug::prelude::Plugin;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the plugin is while no sound flows. Devices come and go; the window is always about the same plugin.
#[derive(Clone)]
pub struct Shelf(Arc<Mutex<Option<AedenPlugin>>>);

impl Shelf {
    pub fn with(plugin: AedenPlugin) -> Self {
        Shelf(Arc::new(Mutex::new(Some(plugin))))
    }

    fn put(&self, plugin: Option<AedenPlugin>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = plugin;
    }

    fn take(&self) -> Option<AedenPlugin> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes the plugin ready for an input.
    ///
    /// # Errors
    /// [`AudioError::Lost`] for inputs of more than 16 channels, since another one may be chosen.
    pub fn processor(&self, format: Format) -> Result<Box<dyn Processor>, AudioError> {
        if format.channels > SwitchableDenoiser::MAX_CHANNELS {
            return Err(AudioError::Lost(format!(
                "the input has {} channels, more than {}; choose another one",
                format.channels,
                SwitchableDenoiser::MAX_CHANNELS
            )));
        }
        let mut plugin = self.take().ok_or_else(|| {
            AudioError::Lost("the denoiser is still busy with the device before".to_owned())
        })?;
        let latency = match plugin.prepare(format.rate, format.channels, BLOCK as u32) {
            Ok(latency) => latency as usize,
            Err(problem) => {
                self.put(Some(plugin));
                return Err(AudioError::Unsupported(problem.to_string()));
            }
        };
        plugin.reset();
        Ok(Box::new(OnItsWay {
            plugin: Some(plugin),
            shelf: self.clone(),
            channels: format.channels,
            latency,
        }))
    }
}

/// Returns to the shelf when the streams end.
struct OnItsWay {
    plugin: Option<AedenPlugin>,
    shelf: Shelf,
    channels: usize,
    latency: usize,
}

impl fmt::Debug for OnItsWay {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("OnItsWay").finish_non_exhaustive()
    }
}

impl Processor for OnItsWay {
    fn channels(&self) -> usize {
        self.channels
    }

    fn latency(&self) -> usize {
        self.latency
    }

    fn process(&mut self, planes: &mut [&mut [f32]]) {
        if let Some(plugin) = &mut self.plugin {
            plugin.clean(planes);
        }
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.shelf.put(self.plugin.take());
    }
}
