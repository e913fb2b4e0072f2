//! A window in which nothing is drawn: what is left of an editor's cost when all that it shows is taken away.

use aeden_plugin_host::Window;
use egui_baseview::baseview;
use egui_baseview::baseview::dpi::PhysicalSize;
use egui_baseview::{App, EguiWindow, EguiWindowSettings, Frame};
use std::time::Duration;

/// As in the plugin's editor.
const FRAME: Duration = Duration::from_millis(16);

/// Opens it inside `parent`: cleared and shown again and again, in the way and at the rate of the editor.
pub fn open(parent: &Window, width: u32, height: u32) -> Result<baseview::Window, String> {
    let settings = EguiWindowSettings::new()
        .with_size(PhysicalSize::new(width, height))
        .with_parent(parent);
    let window = EguiWindow::create(settings, Empty).map_err(|e| e.to_string())?;
    window.show().map_err(|e| e.to_string())?;
    Ok(window)
}

struct Empty;

impl App for Empty {
    fn ui(&mut self, ui: &mut egui::Ui, _: &mut Frame) {
        ui.ctx().request_repaint_after(FRAME);
    }
}
