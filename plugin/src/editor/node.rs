//! The nodes on the spectrum: the most that is taken away along frequency, as a line that can be dragged.
//!
//! A double click on the spectrum adds a node, one on a node removes it. With the keyboard: Enter on the spectrum adds one, the
//! arrows move the node that has the focus, Delete removes it.

use super::spectrum::{frequency_at, x_of};
use super::theme;
use crate::nodes::{MOST, Node, octaves_of};
use crate::parameters::{Parameters, set};
use egui::{
    CursorIcon, EventFilter, Id, Key, Pos2, Rect, Response, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo,
    accesskit::Role, lerp, pos2, remap_clamp,
};
use nice_plug::prelude::{Param, ParamSetter};

/// Points from the middle of a node within which it can be taken.
const REACH: f32 = 9.0;
/// Points above 0 dB and below the largest limit.
const MARGIN: f32 = 14.0;
/// A step of the arrow keys: a twelfth of an octave, and 1 dB. With Shift it is finer.
const STEP: Vec2 = Vec2::new(1.0 / 12.0, 1.0);
const FINE: f32 = 0.2;
/// The limit of a node that the keyboard adds, in dB.
const USUAL: f32 = 18.0;

/// Draws the nodes over the plot of a spectrum and lets them act.
pub fn show(ui: &mut Ui, plot: Rect, parameters: &Parameters, setter: &ParamSetter) {
    let id = ui.make_persistent_id("bands");
    let ground = ui.interact(plot, id, Sense::click());
    if ground.clicked() {
        ground.request_focus();
    }
    let count = parameters.nodes.iter().filter(|node| is_on(node)).count();
    ground.widget_info(|| {
        let label = format!(
            "Bands: {count} of {} nodes; Enter adds one",
            parameters.nodes.len()
        );
        WidgetInfo::labeled(Role::Group, ui.is_enabled(), label)
    });
    if ground.has_focus() {
        theme::outline(ui.painter(), plot);
        if ui.input(|input| input.key_pressed(Key::Enter)) {
            add(ui, id, parameters, setter, None);
        }
    }
    show_line(ui, plot, parameters);
    for (number, node) in parameters
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| is_on(node))
    {
        let middle = place_of(plot, node);
        let around = Rect::from_center_size(middle, Vec2::splat(2.0 * REACH));
        let response = ui
            .interact(around, id_of(id, number), Sense::click_and_drag())
            .on_hover_cursor(CursorIcon::Grab);
        let words = format!("{}, {}", node.pitch, node.limit);
        response.widget_info(|| {
            let value = f64::from(node.limit.unmodulated_plain_value());
            WidgetInfo::slider(ui.is_enabled(), value, format!("Band {}: {words}", number + 1))
        });
        paint(ui, middle, &response);
        act(ui, plot, node, setter, &response);
        if response.hovered() || response.dragged() || response.has_focus() {
            write(ui, plot, middle, &words);
        }
    }
    if let Some(at) = ground.interact_pointer_pos().filter(|_| ground.double_clicked()) {
        add(ui, id, parameters, setter, Some((plot, at)));
    }
}

fn id_of(id: Id, number: usize) -> Id {
    id.with(number)
}

fn is_on(node: &Node) -> bool {
    node.on.unmodulated_plain_value()
}

fn y_range(plot: Rect) -> std::ops::RangeInclusive<f32> {
    plot.top() + MARGIN..=plot.bottom() - MARGIN
}

fn y_of(plot: Rect, limit: f32) -> f32 {
    lerp(y_range(plot), (limit / MOST).min(1.0))
}

fn place_of(plot: Rect, node: &Node) -> Pos2 {
    let x = x_of(plot, node.frequency()).clamp(plot.left() + 2.0, plot.right() - 2.0);
    pos2(x, y_of(plot, node.limit.unmodulated_plain_value()))
}

/// Moves a node, between the begin and the end of a gesture.
fn move_to(node: &Node, setter: &ParamSetter, octaves: f32, limit: f32) {
    for (parameter, plain) in [(&node.pitch, octaves), (&node.limit, limit)] {
        let on_step = parameter.preview_plain(parameter.preview_normalized(plain).clamp(0.0, 1.0));
        if on_step != parameter.unmodulated_plain_value() {
            setter.set_parameter(parameter, on_step);
        }
    }
}

fn begin(node: &Node, setter: &ParamSetter) {
    setter.begin_set_parameter(&node.pitch);
    setter.begin_set_parameter(&node.limit);
}

fn end(node: &Node, setter: &ParamSetter) {
    setter.end_set_parameter(&node.pitch);
    setter.end_set_parameter(&node.limit);
}

/// Puts a node that is off where the pointer is, or else where its own place is, and gives it the focus.
fn add(ui: &Ui, id: Id, parameters: &Parameters, setter: &ParamSetter, at: Option<(Rect, Pos2)>) {
    let Some((number, node)) = parameters.nodes.iter().enumerate().find(|(_, node)| !is_on(node)) else {
        return;
    };
    let (octaves, limit) = match at {
        Some((plot, at)) => {
            let limit = remap_clamp(at.y, y_range(plot), 0.0..=MOST);
            (octaves_of(frequency_at(plot, at.x)), limit)
        }
        None => (node.pitch.default_plain_value(), USUAL),
    };
    begin(node, setter);
    move_to(node, setter, octaves, limit);
    end(node, setter);
    set(setter, &node.on, true);
    ui.memory_mut(|memory| memory.request_focus(id_of(id, number)));
}

fn act(ui: &Ui, plot: Rect, node: &Node, setter: &ParamSetter, response: &Response) {
    if response.clicked() || response.drag_started() {
        response.request_focus();
    }
    if response.drag_started() {
        begin(node, setter);
    }
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged()) {
        let limit = remap_clamp(at.y, y_range(plot), 0.0..=MOST);
        move_to(node, setter, octaves_of(frequency_at(plot, at.x)), limit);
    }
    if response.drag_stopped() {
        end(node, setter);
    }
    if response.double_clicked() {
        set(setter, &node.on, false);
    }
    if response.has_focus() {
        act_on_keys(ui, node, setter, response.id);
    }
}

fn act_on_keys(ui: &Ui, node: &Node, setter: &ParamSetter, id: Id) {
    // Arrows move the node instead of moving on; Tab moves on.
    let ours = EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        ..EventFilter::default()
    };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, ours));
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    let pace = if ui.input(|input| input.modifiers.shift) {
        FINE
    } else {
        1.0
    };
    for (key, octaves, decibels) in [
        (Key::ArrowLeft, -STEP.x, 0.0),
        (Key::ArrowRight, STEP.x, 0.0),
        // Down the line goes deeper.
        (Key::ArrowUp, 0.0, -STEP.y),
        (Key::ArrowDown, 0.0, STEP.y),
    ] {
        if pressed(key) {
            let octaves = node.pitch.unmodulated_plain_value() + pace * octaves;
            let limit = node.limit.unmodulated_plain_value() + pace * decibels;
            begin(node, setter);
            move_to(node, setter, octaves, limit);
            end(node, setter);
        }
    }
    if pressed(Key::Delete) || pressed(Key::Backspace) {
        set(setter, &node.on, false);
    }
}

/// The limit along frequency.
fn show_line(ui: &Ui, plot: Rect, parameters: &Parameters) {
    let bands = parameters.bands();
    if bands.is_empty() {
        return;
    }
    let inside = |(frequency, limit): &(f32, f32)| pos2(x_of(plot, *frequency), y_of(plot, *limit));
    let nodes: Vec<Pos2> = bands.nodes().iter().map(inside).collect();
    let ends = [
        (plot.left(), nodes[0].y),
        (plot.right(), nodes[nodes.len() - 1].y),
    ];
    let [first, last] = ends.map(|(x, y)| pos2(x, y));
    let points = std::iter::once(first)
        .chain(nodes)
        .chain(std::iter::once(last))
        .collect();
    ui.painter_at(plot).add(Shape::line(
        points,
        Stroke::new(1.5, theme::TEXT.gamma_multiply(0.7)),
    ));
}

fn paint(ui: &Ui, middle: Pos2, response: &Response) {
    let fill = if response.hovered() || response.dragged() {
        theme::VOICE
    } else {
        theme::SURFACE
    };
    let (width, edge) = if response.has_focus() {
        (2.5, theme::FOCUS)
    } else {
        (1.5, theme::TEXT)
    };
    ui.painter().circle(middle, 5.0, fill, Stroke::new(width, edge));
}

/// Writes a node's frequency and limit beside it, where there is room.
fn write(ui: &Ui, plot: Rect, middle: Pos2, words: &str) {
    let font = theme::text(11.0);
    let text = ui.painter().layout_no_wrap(words.to_owned(), font, theme::TEXT);
    let size = text.size();
    let left = (middle.x + 12.0).min(plot.right() - size.x - 4.0);
    let top = if middle.y - plot.top() > 34.0 {
        middle.y - 26.0
    } else {
        middle.y + 12.0
    };
    let behind = Rect::from_min_size(pos2(left, top), size).expand(3.0);
    ui.painter().rect_filled(behind, 4.0, theme::SURFACE);
    ui.painter().galley(pos2(left, top), text, theme::TEXT);
}
