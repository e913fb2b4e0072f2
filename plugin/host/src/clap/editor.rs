//! The editor of a plugin, in a window of the host's.

use crate::Error;
use clap_sys::ext::gui::{CLAP_WINDOW_API_X11, clap_plugin_gui, clap_window, clap_window_handle};
use clap_sys::plugin::clap_plugin;
use std::ptr::NonNull;
use std::time::Duration;

/// How long the editor is there before it is shown.
const BEFORE_SHOWING: Duration = Duration::from_millis(50);

/// Calls come from the main thread.
pub(super) struct Editor {
    plugin: NonNull<clap_plugin>,
    table: &'static clap_plugin_gui,
    open: bool,
}

impl Editor {
    /// The editor of a plugin, not open; it must not outlive the plugin.
    pub fn new(plugin: NonNull<clap_plugin>, table: &'static clap_plugin_gui) -> Self {
        Self {
            plugin,
            table,
            open: false,
        }
    }

    /// Opens it in a window of X11's, in the order that the format lays down, and gives its size.
    pub fn open(&mut self, window: u32) -> Result<(u32, u32), Error> {
        let (table, plugin, api) = (self.table, self.plugin.as_ptr(), CLAP_WINDOW_API_X11.as_ptr());
        let window = clap_window {
            api,
            specific: clap_window_handle { x11: window.into() },
        };
        // SAFETY: the plugin lives, and the arguments outlive the calls.
        unsafe {
            if !call!(table, is_api_supported, plugin, api, false) {
                return Err(Error::Refused("X11"));
            }
            if !call!(table, create, plugin, api, false) {
                return Err(Error::Refused("gui.create"));
            }
            self.open = true;
            let size = self.size()?;
            if !call!(table, set_parent, plugin, &window) {
                return Err(Error::Refused("gui.set_parent"));
            }
            // Hosts may take their time: plugins must not depend on being shown at once.
            std::thread::sleep(BEFORE_SHOWING);
            if !call!(table, show, plugin) {
                return Err(Error::Refused("gui.show"));
            }
            Ok(size)
        }
    }

    /// Gives it the size next to a wanted one that it can have.
    pub fn resize(&mut self, width: u32, height: u32) -> Result<(u32, u32), Error> {
        let (mut width, mut height) = (width, height);
        let (table, plugin) = (self.table, self.plugin.as_ptr());
        // SAFETY: as in `open`.
        unsafe {
            if !call!(table, can_resize, plugin)
                || !call!(table, adjust_size, plugin, &mut width, &mut height)
                || !call!(table, set_size, plugin, width, height)
            {
                return Err(Error::Refused("another size of the editor"));
            }
        }
        Ok((width, height))
    }

    /// Closes it, if it is open.
    pub fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            // SAFETY: as in `open`.
            unsafe { call!(self.table, destroy, self.plugin.as_ptr()) };
        }
    }

    fn size(&self) -> Result<(u32, u32), Error> {
        let (mut width, mut height) = (0, 0);
        // SAFETY: as in `open`.
        if unsafe {
            call!(
                self.table,
                get_size,
                self.plugin.as_ptr(),
                &mut width,
                &mut height
            )
        } {
            Ok((width, height))
        } else {
            Err(Error::Refused("gui.get_size"))
        }
    }
}
