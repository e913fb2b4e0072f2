//! What users have set, one step after the other: undo and redo.

use crate::parameters::Parameters;
use crate::values::Values;
use egui::{Button, Key, KeyboardShortcut, Modifiers, Ui};
use nice_plug::prelude::ParamSetter;
use std::time::Duration;

/// How many steps can be taken back.
const STEPS: usize = 100;
/// A step ends when nothing has moved for so long, in seconds; and what moves so long after the last touch was not the user.
const PAUSE: f64 = 0.3;
const TOUCH: f64 = 1.0;

/// Steps that can be taken back and done again.
#[derive(Default)]
pub struct History {
    undone: Vec<Values>,
    done: Vec<Values>,
    /// The values at the last step, and those seen last.
    settled: Option<Values>,
    seen: Option<Values>,
    /// When they last moved, and when the user last touched the editor, by egui's clock.
    moved: f64,
    touched: f64,
}

impl History {
    /// Begins with a new window, whose clock begins anew; steps stay.
    pub fn begin(&mut self) {
        (self.moved, self.touched) = (0.0, -2.0 * TOUCH);
    }

    /// Looks at the values, once a picture, and acts on Ctrl-Z, and on Ctrl-Y or Ctrl-Shift-Z.
    pub fn look(&mut self, ui: &Ui, parameters: &Parameters, setter: &ParamSetter) {
        let values = parameters.values();
        let (now, events, held) =
            ui.input(|input| (input.time, !input.events.is_empty(), input.pointer.any_down()));
        if events || held {
            self.touched = now;
        }
        if self.seen.as_ref() != Some(&values) {
            (self.seen, self.moved) = (Some(values), now);
        }
        let settled = *self.settled.get_or_insert(values);
        let is_users = now <= self.touched + TOUCH;
        if is_users {
            // What was touched moves with the next block of sound at the latest, and nothing else may draw it then.
            ui.ctx().request_repaint_after(Duration::from_secs_f64(PAUSE));
        }
        if values != settled {
            if !is_users {
                // The host's automation.
                self.settled = Some(values);
            } else if !held && now >= self.moved + PAUSE {
                self.step(settled, values);
            }
        }
        let pressed = |modifiers, key| {
            ui.input_mut(|input| input.consume_shortcut(&KeyboardShortcut::new(modifiers, key)))
        };
        if pressed(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z) || pressed(Modifiers::COMMAND, Key::Y) {
            self.redo(parameters, setter);
        } else if pressed(Modifiers::COMMAND, Key::Z) {
            self.undo(parameters, setter);
        }
    }

    fn step(&mut self, from: Values, to: Values) {
        if self.done.len() == STEPS {
            self.done.remove(0);
        }
        self.done.push(from);
        self.undone.clear();
        self.settled = Some(to);
    }

    /// Draws both words and lets them act; from right to left.
    pub fn show(&mut self, ui: &mut Ui, parameters: &Parameters, setter: &ParamSetter) {
        let [back, again] = self.can();
        let word = |ui: &mut Ui, can: bool, word: &str, help: &str| {
            ui.add_enabled(can, Button::new(word).small())
                .on_hover_text(help)
                .clicked()
        };
        if word(ui, again, "Redo", "Ctrl-Y") {
            self.redo(parameters, setter);
        }
        if word(ui, back, "Undo", "Ctrl-Z") {
            self.undo(parameters, setter);
        }
    }

    /// Whether there is a step to take back, and one to do again.
    fn can(&self) -> [bool; 2] {
        let moved = self.settled.is_some() && self.seen != self.settled;
        [moved || !self.done.is_empty(), !self.undone.is_empty()]
    }

    /// Takes the last step back.
    pub fn undo(&mut self, parameters: &Parameters, setter: &ParamSetter) {
        let values = parameters.values();
        if let Some(settled) = self.settled.filter(|settled| *settled != values) {
            self.step(settled, values);
        }
        if let Some(before) = self.done.pop() {
            self.undone.push(values);
            self.go_to(before, parameters, setter);
        }
    }

    /// Does the step again that was last taken back.
    pub fn redo(&mut self, parameters: &Parameters, setter: &ParamSetter) {
        if let Some(after) = self.undone.pop() {
            self.done.push(parameters.values());
            self.go_to(after, parameters, setter);
        }
    }

    fn go_to(&mut self, values: Values, parameters: &Parameters, setter: &ParamSetter) {
        parameters.go_to(&values, setter);
        self.settled = Some(values);
    }
}
