//! Makes sure that a window on X11 draws at all, where baseview 0.4 by itself may not.
//!
//! baseview asks the screen to tell it when a picture is due, one question at a time, and begins to listen to the answers
//! when its window has been shown. If the host takes longer for that than the editor for its first wish to be drawn, a
//! sixtieth of a second, then the first answer is lost, and it waits for that for ever.

use nice_plug_egui::baseview::WindowContext;
use raw_window_handle::{HasDisplayHandle, HasWindowHandle, RawDisplayHandle, RawWindowHandle};
use std::error::Error;
use x11rb::connection::Connection;
use x11rb::protocol::present::{ConnectionExt, EventMask};
use x11rb::xcb_ffi::XCBConnection;

/// A window's own connection to its screen, and the window's number there; nothing elsewhere.
pub fn x11(window: &WindowContext) -> Result<Option<(XCBConnection, u32)>, Box<dyn Error>> {
    let handle = window.platform_handle();
    let (Ok(display), Ok(window)) = (handle.display_handle(), handle.window_handle()) else {
        return Ok(None);
    };
    let (RawDisplayHandle::Xcb(display), RawWindowHandle::Xcb(window)) = (display.as_raw(), window.as_raw())
    else {
        return Ok(None);
    };
    let Some(connection) = display.connection else {
        return Ok(None);
    };
    // SAFETY: it is the window's own connection, which lives as long as the window that is being built, and this does not
    // close it.
    let connection = unsafe { XCBConnection::from_raw_xcb_connection(connection.as_ptr(), false) }?;
    Ok(Some((connection, window.window.get())))
}

/// Listens for a new window, before it can ask. Answers that come twice then are passed over by baseview.
pub fn listen(window: &WindowContext) -> Result<(), Box<dyn Error>> {
    let Some((connection, window)) = x11(window)? else {
        return Ok(());
    };
    let listener = connection.generate_id()?;
    connection
        .present_select_input(listener, window, EventMask::COMPLETE_NOTIFY)?
        .check()?;
    Ok(())
}
