//! A switch with its name: a click changes it, and so does a press for as long as it is held.

use super::theme;
use crate::parameters::set;
use egui::{
    Align2, Color32, CornerRadius, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, pos2,
    vec2,
};
use nice_plug::prelude::{BoolParam, Param, ParamSetter};

/// A press that lasts longer, in seconds, ends where it began.
const HELD: f64 = 0.35;

/// Draws a switch for a parameter over a whole rectangle and lets it act. `colour` is what it lights up in.
pub fn show(
    ui: &mut Ui,
    rect: Rect,
    parameter: &BoolParam,
    setter: &ParamSetter,
    colour: Color32,
    help: &str,
) {
    let id = ui.make_persistent_id(parameter.name());
    // Dragging too: a press that wanders off still ends here.
    let mut response = ui.interact(rect, id, Sense::click_and_drag());
    let change = || set(setter, parameter, !parameter.unmodulated_plain_value());
    let pressed_at = id.with("pressed");
    let now = ui.input(|input| input.time);
    let is_down = response.is_pointer_button_down_on();
    let began = ui.data(|data| data.get_temp::<f64>(pressed_at));
    match began {
        None if is_down => {
            change();
            ui.data_mut(|data| data.insert_temp(pressed_at, now));
        }
        Some(began) if !is_down => {
            if now - began > HELD {
                change();
            }
            ui.data_mut(|data| data.remove::<f64>(pressed_at));
        }
        // By the keyboard.
        None if response.clicked() => change(),
        _ => {}
    }
    if response.clicked() {
        response.mark_changed();
    }
    let on = parameter.unmodulated_plain_value();
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), on, parameter.name()));

    let way = ui.ctx().animate_bool_with_time(id, on, 0.1);
    let painter = ui.painter();
    let fill = if response.hovered() {
        theme::RAISED
    } else {
        theme::SURFACE
    };
    let edge = if response.has_focus() {
        Stroke::new(1.5, theme::FOCUS)
    } else {
        Stroke::new(1.0, theme::LINE.lerp_to_gamma(colour, 0.7 * way))
    };
    painter.rect(rect, theme::RADIUS, fill, edge, StrokeKind::Inside);
    let track = Rect::from_center_size(pos2(rect.left() + 27.0, rect.center().y), vec2(30.0, 16.0));
    painter.rect_filled(
        track,
        CornerRadius::same(8),
        theme::LINE.lerp_to_gamma(colour, way),
    );
    let stop = track.left() + 8.0 + way * (track.width() - 16.0);
    painter.circle_filled(pos2(stop, track.center().y), 5.5, theme::TEXT);
    painter.text(
        pos2(track.right() + 10.0, rect.center().y),
        Align2::LEFT_CENTER,
        parameter.name(),
        theme::text(13.0),
        theme::FAINT.lerp_to_gamma(theme::TEXT, way),
    );
    response.on_hover_text(help);
}
