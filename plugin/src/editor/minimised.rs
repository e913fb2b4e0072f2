//! Lets a window on X11 begin as an icon, which baseview has no word for.

use nice_plug_egui::baseview::WindowContext;
use std::error::Error;
use x11rb::properties::{WmHints, WmHintsState};

/// Tells the window manager that the window, which is not shown yet, is to be an icon at first (ICCCM 4.1.2.4).
pub fn minimise(window: &WindowContext) -> Result<(), Box<dyn Error>> {
    let Some((connection, window)) = super::first_picture::x11(window)? else {
        return Ok(());
    };
    let hints = WmHints {
        initial_state: Some(WmHintsState::Iconic),
        ..WmHints::default()
    };
    hints.set(&connection, window)?.check()?;
    Ok(())
}
