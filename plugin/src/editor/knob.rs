//! A knob with its name and value: drag, wheel, keyboard, typed value, double click.

use super::theme;
use egui::{
    Align2, CursorIcon, Event, EventFilter, Id, Key, MouseWheelUnit, Pos2, Rect, RectAlign, Response, Sense,
    Shape, Stroke, TextEdit, Tooltip, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use nice_plug::prelude::{FloatParam, Param, ParamSetter};
use std::f32::consts::TAU;

/// Points of pointer travel for the whole range.
const TRAVEL: f32 = 220.0;
/// How much finer it goes with Shift.
const FINE: f32 = 0.1;
/// How many steps Page Up and Page Down are.
const PAGE: f32 = 6.0;
/// Points of smooth scrolling that are a notch of a wheel.
const NOTCH: f32 = 50.0;
/// The dial's gap is at the bottom; angles in turns, clockwise from the top.
const START: f32 = -0.375;
const END: f32 = 0.375;

/// A knob for a parameter.
pub struct Knob<'a> {
    parameter: &'a FloatParam,
    setter: &'a ParamSetter<'a>,
    diameter: f32,
    /// A step of the arrow keys and the wheel, in the parameter's unit.
    step: f32,
    help: &'a str,
    /// Whether the arc grows from the middle of the range.
    from_middle: bool,
}

impl<'a> Knob<'a> {
    /// A knob of a size in points, with its step and a sentence that says what it does.
    pub fn new(
        parameter: &'a FloatParam,
        setter: &'a ParamSetter<'a>,
        diameter: f32,
        step: f32,
        help: &'a str,
    ) -> Self {
        Self {
            parameter,
            setter,
            diameter,
            step,
            help,
            from_middle: false,
        }
    }

    /// Lets the arc grow from the middle, for ranges around zero.
    pub fn grow_from_middle(mut self) -> Self {
        self.from_middle = true;
        self
    }

    /// Draws it at the top of a rectangle and lets it act.
    pub fn show(self, ui: &mut Ui, rect: Rect) {
        let id = ui.make_persistent_id(self.parameter.name());
        let dial = Rect::from_center_size(
            pos2(rect.center().x, rect.top() + 18.0 + self.diameter / 2.0),
            Vec2::splat(self.diameter),
        );
        let response = ui
            .interact(dial, id, Sense::click_and_drag())
            .on_hover_cursor(CursorIcon::ResizeVertical);
        self.act(ui, &response);
        response.widget_info(|| {
            let value = f64::from(self.parameter.unmodulated_plain_value());
            WidgetInfo::slider(ui.is_enabled(), value, self.parameter.name())
        });
        self.paint(ui, dial, &response);
        ui.painter().text(
            pos2(rect.center().x, rect.top() + 6.0),
            Align2::CENTER_CENTER,
            self.parameter.name(),
            theme::text(12.0),
            theme::FAINT,
        );
        let value = Rect::from_center_size(
            pos2(rect.center().x, dial.bottom() + 10.0),
            vec2(rect.width().min(92.0), 20.0),
        );
        self.show_value(ui, value, id);
        // Above the knob: below it stands the value, which is watched while it is turned.
        let mut tip = Tooltip::for_enabled(&response);
        tip.popup = tip
            .popup
            .align(RectAlign::TOP)
            .align_alternatives(&[RectAlign::RIGHT, RectAlign::LEFT]);
        tip.show(|ui| {
            ui.label(format!(
                "{}\nDrag or arrow keys; Shift: fine; double click: default; click the value to type it",
                self.help
            ))
        });
    }

    fn value(&self) -> f32 {
        self.parameter.unmodulated_normalized_value()
    }

    /// Sets a normalized value, on a step of the parameter.
    fn set(&self, normalized: f32) {
        let plain = self.parameter.preview_plain(normalized.clamp(0.0, 1.0));
        self.setter.set_parameter(self.parameter, plain);
    }

    fn set_at_once(&self, normalized: f32) {
        self.setter.begin_set_parameter(self.parameter);
        self.set(normalized);
        self.setter.end_set_parameter(self.parameter);
    }

    /// Turns by a number of steps.
    fn turn(&self, steps: f32) {
        let plain = self.parameter.unmodulated_plain_value() + steps * self.step;
        self.set_at_once(self.parameter.preview_normalized(plain));
    }

    /// Notches that the wheel has turned since the last picture, up above 0. Of smooth scrolling a part of a notch stays for
    /// later.
    fn notches(&self, ui: &Ui, id: Id) -> i32 {
        let kept = id.with("scrolled");
        let mut turned = ui.data(|data| data.get_temp(kept)).unwrap_or(0.0);
        ui.input(|input| {
            for event in &input.events {
                if let Event::MouseWheel { unit, delta, .. } = event {
                    turned += match unit {
                        MouseWheelUnit::Point => (delta.x + delta.y) / NOTCH,
                        MouseWheelUnit::Line | MouseWheelUnit::Page => delta.x + delta.y,
                    };
                }
            }
        });
        let whole = turned.trunc();
        ui.data_mut(|data| data.insert_temp(kept, turned - whole));
        whole as i32
    }

    fn act(&self, ui: &mut Ui, response: &Response) {
        // Where a drag has got to. The parameter itself goes in steps, which would swallow slow drags.
        let dragged = response.id.with("dragged");
        if response.drag_started() {
            self.setter.begin_set_parameter(self.parameter);
            ui.data_mut(|data| data.insert_temp(dragged, self.value()));
            response.request_focus();
        }
        let shift = ui.input(|input| input.modifiers.shift);
        let pace = if shift { FINE } else { 1.0 };
        if response.dragged() {
            let motion = response.drag_delta();
            let at = ui.data(|data| data.get_temp(dragged)).unwrap_or(self.value());
            let to = (at + (motion.x - motion.y) / TRAVEL * pace).clamp(0.0, 1.0);
            ui.data_mut(|data| data.insert_temp(dragged, to));
            if motion != Vec2::ZERO {
                self.set(to);
            }
        }
        if response.drag_stopped() {
            self.setter.end_set_parameter(self.parameter);
        }
        if response.clicked() {
            response.request_focus();
        }
        if response.double_clicked() {
            self.set_at_once(self.parameter.default_normalized_value());
        }
        if response.hovered() && !response.dragged() {
            let notches = self.notches(ui, response.id);
            for _ in 0..notches.abs() {
                self.turn(notches.signum() as f32 * pace);
            }
        }
        if response.has_focus() {
            self.act_on_keys(ui, response.id, pace);
        }
    }

    fn act_on_keys(&self, ui: &mut Ui, id: Id, pace: f32) {
        ui.memory_mut(|memory| {
            // Arrows turn the knob instead of moving on; Tab moves on.
            let ours = EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                ..EventFilter::default()
            };
            memory.set_focus_lock_filter(id, ours);
        });
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        for (keys, steps) in [
            ([Key::ArrowUp, Key::ArrowRight], pace),
            ([Key::ArrowDown, Key::ArrowLeft], -pace),
            ([Key::PageUp, Key::PageUp], PAGE),
            ([Key::PageDown, Key::PageDown], -PAGE),
        ] {
            if keys.into_iter().any(pressed) {
                self.turn(steps);
            }
        }
        for (key, value) in [
            (Key::Home, 0.0),
            (Key::End, 1.0),
            (Key::Delete, self.parameter.default_normalized_value()),
            (Key::Backspace, self.parameter.default_normalized_value()),
        ] {
            if pressed(key) {
                self.set_at_once(value);
            }
        }
        if pressed(Key::Enter) {
            self.begin_typing(ui, id.with("value"));
        }
    }

    fn text(&self) -> String {
        self.parameter.normalized_value_to_string(self.value(), true)
    }

    fn begin_typing(&self, ui: &Ui, id: Id) {
        ui.data_mut(|data| data.insert_temp(id, self.text()));
    }

    /// The value of the knob `of` as text, or the field in which it is typed.
    fn show_value(&self, ui: &mut Ui, rect: Rect, of: Id) {
        let id = of.with("value");
        let Some(mut typed) = ui.data(|data| data.get_temp::<String>(id)) else {
            // No stop for Tab of its own: Enter on the knob types too.
            let response = ui
                .interact(rect, id.with("label"), Sense::CLICK)
                .on_hover_cursor(CursorIcon::Text);
            if response.hovered() {
                ui.painter().rect_filled(rect, 5.0, theme::RAISED);
            }
            ui.painter().text(
                rect.center(),
                Align2::CENTER_CENTER,
                self.text(),
                theme::text(14.0),
                theme::TEXT,
            );
            if response.clicked() {
                self.begin_typing(ui, id);
            }
            return;
        };
        let readable = self.parameter.string_to_normalized_value(&typed);
        let colour = if readable.is_some() {
            theme::TEXT
        } else {
            theme::HOT
        };
        let field = TextEdit::singleline(&mut typed)
            .id(id)
            .font(theme::text(14.0))
            .text_color(colour)
            .align(Align2::CENTER_CENTER);
        let response = ui.put(rect, field);
        let (enter, escape) =
            ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
        if response.lost_focus() || escape {
            // Elsewhere a click keeps what was typed, as Enter does.
            if let Some(value) = readable.filter(|_| !escape) {
                self.set_at_once(value);
            }
            ui.data_mut(|data| data.remove::<String>(id));
            if enter || escape {
                ui.memory_mut(|memory| memory.request_focus(of));
            }
        } else {
            if !response.has_focus() && !enter {
                response.request_focus();
            }
            ui.data_mut(|data| data.insert_temp(id, typed));
        }
    }

    fn paint(&self, ui: &Ui, dial: Rect, response: &Response) {
        let painter = ui.painter();
        let (centre, radius) = (dial.center(), self.diameter / 2.0);
        let thickness = (self.diameter * 0.075).max(3.5);
        let on = |value: f32| START + (END - START) * value;
        let value = self.value();
        let track = radius - thickness / 2.0;
        let arc = |from: f32, to: f32, colour| {
            Shape::line(points(centre, track, from, to), Stroke::new(thickness, colour))
        };
        painter.add(arc(START, END, theme::LINE));
        let origin = if self.from_middle { 0.5 } else { 0.0 };
        let (low, high) = (value.min(origin), value.max(origin));
        if high - low > 1e-3 {
            painter.add(arc(on(low), on(high), theme::VOICE));
        }
        let face = radius - thickness * 1.9;
        let fill = if response.hovered() || response.dragged() {
            theme::RAISED
        } else {
            theme::SURFACE
        };
        painter.circle_filled(centre, face, fill);
        let stroke = if response.has_focus() {
            Stroke::new(1.5, theme::FOCUS)
        } else {
            Stroke::new(1.0, theme::LINE)
        };
        painter.circle_stroke(centre, face, stroke);
        painter.line_segment(
            [
                at(centre, face * 0.5, on(value)),
                at(centre, face * 0.88, on(value)),
            ],
            Stroke::new((thickness * 0.6).max(2.0), theme::TEXT),
        );
    }
}

/// The point at a distance and an angle, in turns clockwise from the top.
fn at(centre: Pos2, radius: f32, turns: f32) -> Pos2 {
    let (sine, cosine) = (turns * TAU).sin_cos();
    centre + radius * vec2(sine, -cosine)
}

fn points(centre: Pos2, radius: f32, from: f32, to: f32) -> Vec<Pos2> {
    let count = ((to - from) * 96.0).ceil().max(1.0) as usize;
    (0..=count)
        .map(|i| at(centre, radius, from + (to - from) * i as f32 / count as f32))
        .collect()
}
