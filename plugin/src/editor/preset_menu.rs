//! The menu of presets: those that come with the plugin, and the user's own.

use crate::parameters::Parameters;
use crate::presets::PRESETS;
use crate::user_presets::Folder;
use crate::values::Values;
use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Button, PopupCloseBehavior, TextEdit, Ui};
use nice_plug::prelude::ParamSetter;
use std::io;
use std::process::{Command, Stdio};

/// The menu, and what is being typed in it.
pub struct PresetMenu {
    folder: Option<Folder>,
    /// The user's presets as they were when the menu was opened.
    own: Vec<(String, Values)>,
    open: bool,
    /// A name that is typed: of a new preset, and of one that gets another name.
    new_name: String,
    renamed: Option<(String, String)>,
    /// What did not work.
    problem: Option<String>,
}

impl PresetMenu {
    /// The user's folder is read now, and again whenever the menu opens.
    pub fn new() -> Self {
        let mut menu = Self {
            folder: Folder::of_user(),
            own: Vec::new(),
            open: false,
            new_name: String::new(),
            renamed: None,
            problem: None,
        };
        menu.read();
        menu
    }

    fn read(&mut self) {
        let Some(folder) = &self.folder else { return };
        let names = folder.names().into_iter();
        self.own = names
            .filter_map(|name| Some((name.clone(), folder.load(&name).ok()?)))
            .collect();
    }

    /// What parameters have the values of: a number among all presets, the user's last.
    fn chosen(&self, parameters: &Parameters) -> Option<usize> {
        let values = parameters.values();
        let own = self.own.iter().position(|(_, own)| *own == values);
        let factory = PRESETS.iter().position(|preset| parameters.are(preset));
        factory.or(own.map(|at| PRESETS.len() + at))
    }

    fn name(&self, number: usize) -> &str {
        match PRESETS.get(number) {
            Some(preset) => preset.name,
            None => &self.own[number - PRESETS.len()].0,
        }
    }

    fn take(&self, number: usize, parameters: &Parameters, setter: &ParamSetter) {
        match PRESETS.get(number) {
            Some(preset) => parameters.take(preset, setter),
            None => parameters.go_to(&self.own[number - PRESETS.len()].1, setter),
        }
    }

    /// Draws the menu, with arrows where there is room, from right to left.
    pub fn show(&mut self, ui: &mut Ui, arrows: bool, parameters: &Parameters, setter: &ParamSetter) {
        let (chosen, count) = (self.chosen(parameters), PRESETS.len() + self.own.len());
        let arrow = |ui: &mut Ui, arrow: &str, help: &str| {
            arrows && ui.add(Button::new(arrow).small()).on_hover_text(help).clicked()
        };
        if arrow(ui, "›", "Next preset") {
            let next = chosen.map_or(0, |chosen| (chosen + 1) % count);
            self.take(next, parameters, setter);
        }
        let title = chosen.map_or("Presets", |chosen| self.name(chosen)).to_owned();
        let menu = MenuButton::new(title)
            .config(MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside));
        let (button, shown) = menu.ui(ui, |ui| self.list(ui, chosen, parameters, setter));
        button.on_hover_text("Presets");
        if shown.is_none() {
            (self.open, self.problem, self.renamed) = (false, None, None);
        }
        if arrow(ui, "‹", "Previous preset") {
            let previous = chosen.map_or(count - 1, |chosen| (chosen + count - 1) % count);
            self.take(previous, parameters, setter);
        }
    }

    fn list(&mut self, ui: &mut Ui, chosen: Option<usize>, parameters: &Parameters, setter: &ParamSetter) {
        if !self.open {
            self.open = true;
            self.read();
        }
        for (number, preset) in PRESETS.iter().enumerate() {
            let entry = ui.selectable_label(chosen == Some(number), preset.name);
            if entry.on_hover_text(preset.purpose).clicked() {
                self.take(number, parameters, setter);
                ui.close();
            }
        }
        let Some(folder) = self.folder.clone() else { return };
        ui.separator();
        // What became of a change of the folder, if one was asked for.
        let mut done: Option<io::Result<()>> = None;
        for (number, (name, values)) in self.own.iter().enumerate() {
            ui.horizontal(|ui| {
                if let Some((renamed, typed)) = self.renamed.as_mut().filter(|(renamed, _)| renamed == name) {
                    let field = ui.add(TextEdit::singleline(typed).desired_width(120.0));
                    let enter = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                    if ui.small_button("Rename").clicked() || enter {
                        done = Some(folder.rename(renamed, typed.trim()));
                    }
                    return;
                }
                if ui
                    .selectable_label(chosen == Some(PRESETS.len() + number), name)
                    .clicked()
                {
                    parameters.go_to(values, setter);
                    ui.close();
                }
                if ui.small_button("Rename").clicked() {
                    self.renamed = Some((name.clone(), name.clone()));
                }
                if ui.small_button("Delete").clicked() {
                    done = Some(folder.delete(name));
                }
            });
        }
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut self.new_name)
                .hint_text("Name")
                .desired_width(120.0);
            let field = ui.add(field);
            let enter = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if ui.button("Save").clicked() || enter {
                done = Some(folder.save(self.new_name.trim(), &parameters.values()));
            }
        });
        let place = folder.path().display().to_string();
        if ui.button("Show folder").on_hover_text(place).clicked() {
            let shown = folder.make().and_then(|()| show_folder(&folder));
            self.problem = shown.err().map(|e| e.to_string()).or(self.problem.take());
        }
        if let Some(done) = done {
            if done.is_ok() {
                (self.renamed, self.new_name) = (None, String::new());
            }
            self.problem = done.err().map(|e| e.to_string());
            self.read();
        }
        if let Some(problem) = &self.problem {
            ui.colored_label(super::theme::HOT, problem);
        }
    }
}

/// Opens a folder in the system's program for files.
fn show_folder(folder: &Folder) -> io::Result<()> {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let child = Command::new(program)
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|e| io::Error::new(e.kind(), format!("{program}: {e}")))?;
    // Else it would stay in the list of processes when it has ended.
    std::thread::spawn(move || child.wait());
    Ok(())
}
