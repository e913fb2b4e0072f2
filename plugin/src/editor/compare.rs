//! A and B: two settings to compare.

use crate::parameters::Parameters;
use egui::{Button, Ui};
use nice_plug::prelude::ParamSetter;

/// Draws the letters and the word that copies one to the other, and lets them act; from right to left.
pub fn show(ui: &mut Ui, parameters: &Parameters, setter: &ParamSetter) {
    let mut compare = parameters.compare.load();
    let before = compare;
    let (heard, other) = if compare.on_b { ("B", "A") } else { ("A", "B") };
    let copy = ui.small_button("Copy");
    if copy
        .on_hover_text(format!("Copy what is heard, {heard}, to {other}"))
        .clicked()
    {
        compare.copy(parameters.values());
    }
    for (letter, is_b) in [("B", true), ("A", false)] {
        let button = ui.add(Button::selectable(compare.on_b == is_b, letter));
        let button = button.on_hover_text(format!("Setting {letter}, to compare with the other one"));
        if button.clicked()
            && compare.on_b != is_b
            && let Some(values) = compare.change_over(parameters.values())
        {
            parameters.go_to(&values, setter);
        }
    }
    if compare != before {
        parameters.compare.store(compare);
    }
}
