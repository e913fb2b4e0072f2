//! Windows of the host's, on X11, for editors to be opened in.

use crate::error::Error;
use raw_window_handle::{HandleError, HasWindowHandle, WindowHandle, XlibWindowHandle};
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::damage::{ConnectionExt as _, ReportLevel};
use x11rb::protocol::xproto::{ConfigureWindowAux, ConnectionExt, CreateWindowAux, WindowClass};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;
use x11rb::{COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT};

/// A window in the top left corner of the screen that `DISPLAY` names. It goes when it is dropped.
pub struct Window {
    connection: RustConnection,
    id: u32,
}

impl Window {
    /// Opens a window of a width and height in pixels.
    ///
    /// # Errors
    /// [`Error::Window`] if there is no screen.
    pub fn new(width: u32, height: u32) -> Result<Self, Error> {
        let failed = |e: &dyn std::fmt::Display| Error::Window(e.to_string());
        let (connection, screen) = x11rb::connect(None).map_err(|e| failed(&e))?;
        let screen = &connection.setup().roots[screen];
        let id = connection.generate_id().map_err(|e| failed(&e))?;
        connection
            .create_window(
                COPY_DEPTH_FROM_PARENT,
                id,
                screen.root,
                0,
                0,
                side(width),
                side(height),
                0,
                WindowClass::INPUT_OUTPUT,
                COPY_FROM_PARENT,
                &CreateWindowAux::new().background_pixel(screen.black_pixel),
            )
            .map_err(|e| failed(&e))?;
        connection.map_window(id).map_err(|e| failed(&e))?;
        connection.sync().map_err(|e| failed(&e))?;
        Ok(Window { connection, id })
    }

    /// What X11 knows it by.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Gives it another size.
    ///
    /// # Errors
    /// [`Error::Window`] if the screen is gone.
    pub fn resize(&self, width: u32, height: u32) -> Result<(), Error> {
        let size = ConfigureWindowAux::new()
            .width(u32::from(side(width)))
            .height(u32::from(side(height)));
        self.connection
            .configure_window(self.id, &size)
            .map_err(|e| Error::Window(e.to_string()))?;
        self.connection.sync().map_err(|e| Error::Window(e.to_string()))
    }
}

impl HasWindowHandle for Window {
    fn window_handle(&self) -> Result<WindowHandle<'_>, HandleError> {
        let handle = XlibWindowHandle::new(self.id.into());
        // SAFETY: the window is there as long as `self`.
        Ok(unsafe { WindowHandle::borrow_raw(handle.into()) })
    }
}

/// Counts the pictures that are drawn in a window that a plugin has put into another one.
pub struct Frames {
    connection: RustConnection,
    width: u16,
}

impl Frames {
    /// Begins to count in the window inside `window`.
    ///
    /// # Errors
    /// [`Error::Window`] if there is none, or the screen does not tell.
    pub fn new(window: &Window) -> Result<Self, Error> {
        let failed = |e: &dyn std::fmt::Display| Error::Window(e.to_string());
        let (connection, _) = x11rb::connect(None).map_err(|e| failed(&e))?;
        let tree = connection.query_tree(window.id).map_err(|e| failed(&e))?;
        let tree = tree.reply().map_err(|e| failed(&e))?;
        let inside = *tree.children.first().ok_or_else(|| failed(&"nothing is in it"))?;
        let geometry = connection.get_geometry(inside).map_err(|e| failed(&e))?;
        let width = geometry.reply().map_err(|e| failed(&e))?.width;
        let version = connection.damage_query_version(1, 1).map_err(|e| failed(&e))?;
        version.reply().map_err(|e| failed(&e))?;
        let damage = connection.generate_id().map_err(|e| failed(&e))?;
        connection
            .damage_create(damage, inside, ReportLevel::RAW_RECTANGLES)
            .map_err(|e| failed(&e))?;
        connection.sync().map_err(|e| failed(&e))?;
        Ok(Frames { connection, width })
    }

    /// How many have come since the last call: rectangles of the window's whole width that begin at its top.
    ///
    /// # Errors
    /// [`Error::Window`] if the screen is gone.
    pub fn count(&self) -> Result<u32, Error> {
        let mut count = 0;
        while let Some(event) = self
            .connection
            .poll_for_event()
            .map_err(|e| Error::Window(e.to_string()))?
        {
            if let Event::DamageNotify(damage) = event {
                let is_whole = damage.area.width == self.width && damage.area.y == 0;
                count += u32::from(is_whole);
            }
        }
        Ok(count)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // The screen may be gone already, and the window with it.
        let _ = self.connection.destroy_window(self.id);
        let _ = self.connection.flush();
    }
}

/// As X11 counts.
fn side(pixels: u32) -> u16 {
    u16::try_from(pixels.max(1)).unwrap_or(u16::MAX)
}
