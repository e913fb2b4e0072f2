//! Keys that change things while sound flows, on a terminal.

use aeden_live::processor::Controls;
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::terminal;
use std::io::{IsTerminal, stderr, stdin};
use std::time::Duration;

/// What they do, in a line.
pub const HELP: &str = "keys: b bypass on or off, + and - strength, q quit";

/// How much one key press changes the mix.
const STEP: f32 = 0.1;

/// The keyboard, if there is one; without echo and without waiting for lines until it is dropped.
pub struct Keys {
    raw: bool,
}

impl Keys {
    /// Takes the keyboard if a person sits at the terminal.
    pub fn new() -> Self {
        let raw = stdin().is_terminal() && stderr().is_terminal() && terminal::enable_raw_mode().is_ok();
        Keys { raw }
    }

    /// Whether anybody can type.
    pub fn are_there(&self) -> bool {
        self.raw
    }

    /// Does what has been typed. Returns whether to quit.
    pub fn obey(&mut self, controls: &Controls) -> bool {
        while self.raw && event::poll(Duration::ZERO).unwrap_or(false) {
            let Ok(Event::Key(key)) = event::read() else {
                continue;
            };
            if key.kind == KeyEventKind::Release {
                continue;
            }
            match key.code {
                KeyCode::Char('b') => controls.set_bypass(!controls.bypass()),
                KeyCode::Char('+' | '=') => controls.set_mix((controls.mix() + STEP).min(1.0)),
                KeyCode::Char('-') => controls.set_mix((controls.mix() - STEP).max(0.0)),
                KeyCode::Char('q') | KeyCode::Esc => return true,
                // Without line mode the terminal makes no signal of it.
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return true,
                _ => {}
            }
        }
        false
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if self.raw {
            let _ = terminal::disable_raw_mode();
        }
    }
}
