//! Below everything, in a program of its own: the devices, to choose, and how the sound does.

use super::theme;
use crate::devices::{Choice, Destination, Devices, Named, Standing};
use egui::{Align, ComboBox, Layout, Rect, RichText, UiBuilder, vec2};
use std::time::Duration;

/// Its height in points.
pub const HEIGHT: f32 = 34.0;
/// How often it looks whether anything has changed.
const LOOK: Duration = Duration::from_millis(500);

/// Shows it, and hands on what is chosen.
pub fn show(ui: &mut egui::Ui, rect: Rect, devices: &Devices) {
    ui.ctx().request_repaint_after(LOOK);
    let standing = devices.standing().clone();
    let mut choice = standing.choice.clone();
    let layout = Layout::left_to_right(Align::Center);
    let mut bar = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    bar.spacing_mut().item_spacing.x = 8.0;
    // The rest is for the line about the sound.
    let width = (rect.width() * 0.22).clamp(110.0, 260.0);
    let label = |bar: &mut egui::Ui, text: &str| {
        bar.label(RichText::new(text).size(11.5).color(theme::FAINT));
    };
    label(&mut bar, "From");
    list(
        &mut bar,
        "input",
        width,
        &input_name(&choice, &standing.inputs),
        |ui| {
            ui.selectable_value(&mut choice.input, None, "Default input");
            for device in &standing.inputs {
                ui.selectable_value(&mut choice.input, Some(device.id.clone()), &device.name);
            }
        },
    );
    label(&mut bar, "to");
    list(&mut bar, "output", width, &output_name(&standing), |ui| {
        if standing.has_virtual_microphone {
            ui.selectable_value(
                &mut choice.output,
                Destination::VirtualMicrophone,
                VIRTUAL_MICROPHONE,
            )
            .on_hover_text("Other programs can choose it as their microphone");
        }
        ui.selectable_value(&mut choice.output, Destination::Default, DEFAULT_OUTPUT);
        for device in &standing.outputs {
            let output = Destination::Device(device.id.clone());
            ui.selectable_value(&mut choice.output, output, &device.name);
        }
    });
    if choice.output != Destination::Default {
        let word = RichText::new("Monitor").size(11.5);
        bar.checkbox(&mut choice.monitor, word)
            .on_hover_text("Hear it on the default output as well; with headphones, or it will howl");
    }
    let colour = if standing.flows { theme::FAINT } else { theme::HOT };
    let says = RichText::new(&standing.says).size(11.5).color(colour);
    bar.add(egui::Label::new(says).truncate())
        .on_hover_text(&standing.says);
    if choice != standing.choice {
        devices.choose(choice);
    }
}

const VIRTUAL_MICROPHONE: &str = "Virtual microphone";
const DEFAULT_OUTPUT: &str = "Default output";

fn list(bar: &mut egui::Ui, id: &str, width: f32, shown: &str, entries: impl FnOnce(&mut egui::Ui)) {
    bar.allocate_ui(vec2(width, HEIGHT), |ui| {
        ComboBox::from_id_salt(id)
            .selected_text(RichText::new(shown).size(11.5))
            .width(width)
            .truncate()
            .show_ui(ui, entries);
    });
}

fn input_name(choice: &Choice, inputs: &[Named]) -> String {
    match &choice.input {
        None => "Default input".to_owned(),
        Some(id) => name_of(id, inputs),
    }
}

fn output_name(standing: &Standing) -> String {
    match &standing.choice.output {
        Destination::VirtualMicrophone if standing.has_virtual_microphone => VIRTUAL_MICROPHONE.to_owned(),
        Destination::VirtualMicrophone | Destination::Default => DEFAULT_OUTPUT.to_owned(),
        Destination::Device(id) => name_of(id, &standing.outputs),
    }
}

/// A device's name, or its id while it is not there.
fn name_of(id: &str, devices: &[Named]) -> String {
    let known = devices.iter().find(|device| device.id == id);
    known.map_or_else(|| id.to_owned(), |device| device.name.clone())
}
