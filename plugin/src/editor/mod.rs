//! The editor: a spectrum or a spectrogram, meters, and the parameters.
//!
//! Runs on the host's main thread and reads what the audio thread shows through [`monitor`](crate::monitor). Without a
//! window nothing runs, neither here nor there.

mod analyser;
mod compare;
mod device_bar;
#[cfg(target_os = "linux")]
mod first_picture;
mod history;
mod kept;
mod knob;
mod meters;
#[cfg(target_os = "linux")]
mod minimised;
mod node;
mod preset_menu;
mod spectrogram;
mod spectrum;
mod switch;
mod theme;

use crate::hosting::Link;
use crate::identity;
use crate::monitor::{Receiver, Watching};
use crate::parameters::{Parameters, Quality, Settings, set};
use crate::view::View;
use crate::window_size::WindowSize;
use analyser::{Analyser, Hearing};
use crossbeam_utils::atomic::AtomicCell;
use egui::layers::ShapeIdx;
use egui::{Align, Align2, Button, Layout, Order, Rect, Rgba, RichText, UiBuilder, pos2, vec2};
use history::History;
use kept::Picture;
use knob::Knob;
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, NativeSize, Size};
use nice_plug::editor::{HostMethods, SpawnedEditor};
use nice_plug::prelude::*;
use nice_plug_egui::baseview::{self, HandlerError};
use nice_plug_egui::{
    EguiEditorHandle, EguiEditorState, EguiNiceSettings, Frame, GraphicsConfig, Key, KeyCapture, NiceEguiApp,
    RepaintNotifier, create_egui_editor,
};
use preset_menu::PresetMenu;
use spectrogram::Spectrogram;
use spectrum::Spectrum;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Time between frames while anything moves; a screen of 60 Hz then shows every other of its pictures. Else nothing is
/// drawn until the audio thread wakes the editor.
const FRAME: Duration = Duration::from_millis(16);
/// The same where OpenGL is software: a screen of 60 Hz then shows every fourth.
const SOFTWARE_FRAME: Duration = Duration::from_millis(50);
/// How long after a touch the controls are drawn with every picture, in seconds, until what it has set off has come to
/// rest; and how often they are drawn at rest, for the load that stands below them.
const REST: f64 = 1.0;

/// Opens windows for hosts.
pub struct PluginEditor {
    parameters: Arc<Parameters>,
    link: Arc<Link>,
    receiver: Arc<Mutex<Receiver>>,
    /// Outlives windows.
    history: Arc<Mutex<History>>,
    waker: RepaintNotifier,
    /// Pixels to a point of the last window, by the system's setting.
    scale: Arc<AtomicCell<f64>>,
}

impl PluginEditor {
    /// An editor for parameters and what the audio thread shows.
    pub(crate) fn new(parameters: Arc<Parameters>, link: Arc<Link>, receiver: Receiver) -> Self {
        Self {
            parameters,
            link,
            waker: receiver.facts().waker().clone(),
            receiver: Arc::new(Mutex::new(receiver)),
            history: Arc::default(),
            scale: Arc::new(AtomicCell::new(1.0)),
        }
    }
}

impl Editor for PluginEditor {
    type Handle = EguiEditorHandle;

    fn spawn(
        &self,
        parent: Option<ParentWindowHandle>,
        wait_for_parent: bool,
        fallback_scale_factor: Option<f64>,
        gui_context: GuiContext,
        host: Option<HostMethods>,
    ) -> Result<SpawnedEditor<Self::Handle>, Box<dyn Error>> {
        // A new egui editor every time: it takes its size only when it is made, and the saved one may have come since.
        let size = self.parameters.window.load().checked();
        let [width, height] = size.points();
        let state = EguiEditorState::from_size(LogicalSize::new(width, height), size.zoom());
        // Dithering would hide steps of one in 255 in soft gradients, for twice the work on every pixel.
        let graphics = GraphicsConfig {
            dithering: false,
            ..GraphicsConfig::default()
        };
        let settings = EguiNiceSettings::new()
            .with_tile(identity::NAME)
            .with_graphics_config(graphics)
            .with_resize_hint(self.resize_hint());
        let window = Window {
            parameters: self.parameters.clone(),
            link: self.link.clone(),
            receiver: self.receiver.clone(),
            history: self.history.clone(),
            scale: self.scale.clone(),
            analyser: Analyser::new(),
            spectrum: Spectrum::default(),
            spectrogram: Spectrogram::default(),
            presets: PresetMenu::new(),
            still: Still::default(),
            opened: None,
        };
        create_egui_editor(state, self.waker.clone(), settings, window)
            .ok_or("egui makes no editor")?
            .spawn(parent, wait_for_parent, fallback_scale_factor, gui_context, host)
    }

    fn size(&self) -> NativeSize<u32> {
        let size = self.parameters.window.load().checked();
        let [width, height] = size.points().map(|side| f64::from(side * size.zoom()));
        NativeSize::from_size(Size::Logical(LogicalSize::new(width, height)), self.scale.load())
    }

    fn resize_hint(&self) -> ResizeHint {
        let logical = |[width, height]: [f32; 2], zoom: f32| LogicalSize::new(width * zoom, height * zoom);
        let zooms = WindowSize::ZOOMS;
        ResizeHint::resizable().with_min_max_logical_size(
            Some(logical(WindowSize::SMALLEST, zooms[0])),
            Some(logical(WindowSize::LARGEST, zooms[zooms.len() - 1])),
        )
    }
}

/// A window's content.
struct Window {
    parameters: Arc<Parameters>,
    link: Arc<Link>,
    receiver: Arc<Mutex<Receiver>>,
    history: Arc<Mutex<History>>,
    scale: Arc<AtomicCell<f64>>,
    analyser: Analyser,
    spectrum: Spectrum,
    spectrogram: Spectrogram,
    presets: PresetMenu,
    still: Still,
    /// There while the window is.
    opened: Option<Opened>,
}

struct Opened {
    host: GuiContext,
    picture: Arc<Picture>,
    /// Lets the audio thread show what it does.
    _watching: Watching,
}

impl NiceEguiApp for Window {
    fn build(
        &mut self,
        context: egui::Context,
        host: GuiContext,
        frame: &mut Frame,
    ) -> Result<(), HandlerError> {
        // Fails on screens without that extension alone, which baseview does not ask then.
        #[cfg(target_os = "linux")]
        let _ = first_picture::listen(frame.baseview_window());
        #[cfg(target_os = "linux")]
        if self
            .link
            .devices()
            .is_some_and(|devices| devices.begins_minimised)
        {
            let _ = minimised::minimise(frame.baseview_window());
        }
        theme::apply(&context);
        // Cheaper than a rectangle of the window's size. The renderer takes the numbers as they are, without a gamma.
        let [red, green, blue, _] = theme::BACKGROUND.to_array().map(|byte| f32::from(byte) / 255.0);
        frame.set_clear_color(Rgba::from_rgb(red, green, blue));
        // The space bar belongs to the host: it starts and stops.
        frame.set_key_capture(KeyCapture::IgnoreKeys(vec![Key::Character(" ".to_owned())]));
        let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.begin();
        drop(history);
        self.opened = Some(Opened {
            host,
            picture: Picture::new(frame.baseview_window()),
            _watching: receiver.watch(),
        });
        Ok(())
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut Frame) {
        if self.link.settle() {
            ui.ctx().request_repaint_after(FRAME);
        }
        // The stable time is a guess unless every picture follows on the last at once.
        let elapsed = ui.input(|input| input.unstable_dt).min(0.5);
        let settings = self.parameters.settings();
        let hearing = Hearing {
            listen: settings.listen,
            gain: util::db_to_gain(settings.output_gain),
            bypass: settings.bypass,
        };
        let moves = {
            let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
            self.analyser
                .keep_columns(self.parameters.view.load() == View::Spectrogram);
            self.analyser.update(&mut receiver, hearing, elapsed)
        };
        let moves = self.scroll() || moves;
        let Some(Opened { host, picture, .. }) = &self.opened else {
            return;
        };
        let (host, picture) = (host.clone(), picture.clone());
        if moves {
            let pause = if picture.is_kept() { SOFTWARE_FRAME } else { FRAME };
            ui.ctx().request_repaint_after(pause);
        }
        let still = self.still.is_still(ui, settings) && picture.is_kept();
        let setter = host.param_setter();
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.look(ui, &self.parameters, &setter);
        drop(history);
        self.show(ui, &setter, &picture, still);
    }

    fn resized(&mut self, size: baseview::WindowSize) {
        let zoom = self.parameters.window.load().checked().zoom();
        let (width, height) = (size.logical.width as f32, size.logical.height as f32);
        self.parameters.window.store(WindowSize::new(width, height, zoom));
        // The zoom is part of what baseview tells as the scale.
        self.scale.store(size.scale_factor / f64::from(zoom));
    }

    fn zoom_factor_changed(&mut self, zoom: f32) {
        let [width, height] = self.parameters.window.load().checked().points();
        self.parameters.window.store(WindowSize::new(width, height, zoom));
    }
}

/// Knows when all but the graph looks as it did.
#[derive(Default)]
struct Still {
    /// What it looks like: parameters, place, pixels to a point.
    looks: Option<(Settings, Rect, f32)>,
    /// When somebody last touched it, and when it was last drawn, by egui's clock.
    touched: f64,
    drawn: f64,
}

impl Still {
    fn is_still(&mut self, ui: &egui::Ui, settings: Settings) -> bool {
        let (now, events) = ui.input(|input| (input.time, !input.events.is_empty()));
        let looks = Some((settings, ui.max_rect(), ui.pixels_per_point()));
        // Menus and tips.
        let layers = ui.memory(|memory| memory.areas().visible_layer_ids());
        let covered = layers
            .iter()
            .any(|layer| layer.order > Order::Background && layer.order < Order::Debug);
        if events || covered || looks != self.looks || ui.ctx().egui_wants_keyboard_input() {
            (self.touched, self.looks) = (now, looks);
        }
        let still = now > self.touched + REST && now < self.drawn + REST;
        if !still {
            self.drawn = now;
        }
        still
    }
}

impl Window {
    /// Scrolls the spectrogram, if it is shown. Gives whether it has moved.
    fn scroll(&mut self) -> bool {
        let mut came = false;
        for column in self.analyser.columns() {
            self.spectrogram.push(column);
            came = true;
        }
        came && !self.spectrogram.is_blank()
    }

    /// `still`: all but the graph looks as in the last picture, which is kept.
    fn show(&mut self, ui: &mut egui::Ui, setter: &ParamSetter, picture: &Arc<Picture>, still: bool) {
        let mut inner = ui.max_rect().shrink2(vec2(16.0, 0.0));
        let devices = self.link.devices().map(|devices| {
            let bar = inner.split_top_bottom_at_y(inner.bottom() - device_bar::HEIGHT).1;
            inner.max.y = bar.top();
            (bar, devices)
        });
        let header = Rect::from_min_max(inner.min, pos2(inner.right(), inner.top() + 52.0));
        let footer = Rect::from_min_max(pos2(inner.left(), inner.bottom() - 30.0), inner.max);
        // Taller windows give the knobs some of the room.
        let knobs_height = (inner.height() * 0.28).clamp(128.0, 190.0);
        let controls = Rect::from_min_max(
            pos2(inner.left(), footer.top() - knobs_height),
            pos2(inner.right(), footer.top()),
        );
        let graph = Rect::from_min_max(header.left_bottom(), pos2(inner.right(), controls.top() - 12.0));
        ui.painter().add(picture.begin(ui, still.then_some(graph)));
        let layer = ui.layer_id();
        let next = |ui: &egui::Ui| ui.ctx().graphics_mut(|layers| layers.entry(layer).next_idx().0);
        let from = next(ui);
        self.show_header(ui, header, setter);
        self.show_controls(ui, controls, setter);
        self.show_footer(ui, footer, setter);
        if let Some((bar, devices)) = devices {
            device_bar::show(ui, bar, &devices);
        }
        if still {
            // They had to be there, to be touched.
            let to = next(ui);
            ui.ctx().graphics_mut(|layers| {
                (from..to).for_each(|shape| layers.entry(layer).reset_shape(ShapeIdx(shape)));
            });
        }
        self.show_graph(ui, graph, setter);
        picture.end(ui);
    }

    fn show_header(&mut self, ui: &mut egui::Ui, rect: Rect, setter: &ParamSetter) {
        let centre = rect.center().y;
        let name = ui.painter().text(
            pos2(rect.left(), centre),
            Align2::LEFT_CENTER,
            identity::NAME,
            theme::text(22.0),
            theme::TEXT,
        );
        ui.painter()
            .circle_filled(pos2(name.right() + 7.0, name.bottom() - 8.0), 2.5, theme::VOICE);
        let right = Layout::right_to_left(Align::Center);
        let mut bar = ui.new_child(UiBuilder::new().max_rect(rect).layout(right));
        let is_narrow = rect.width() < 740.0;
        if is_narrow {
            bar.spacing_mut().item_spacing.x = 3.0;
            bar.spacing_mut().button_padding.x = 6.0;
        }
        let (bypass, _) = bar.allocate_exact_size(vec2(112.0, 30.0), egui::Sense::hover());
        switch::show(
            &mut bar,
            bypass,
            &self.parameters.bypass,
            setter,
            theme::HOT,
            "The input passes untouched, in step with the rest",
        );
        self.show_zoom(&mut bar);
        self.show_quality(&mut bar, setter);
        self.presets.show(&mut bar, !is_narrow, &self.parameters, setter);
        compare::show(&mut bar, &self.parameters, setter);
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        history.show(&mut bar, &self.parameters, setter);
    }

    fn show_zoom(&self, ui: &mut egui::Ui) {
        let zoom = ui.ctx().zoom_factor();
        let percent = |zoom: f32| format!("{:.0} %", zoom * 100.0);
        ui.menu_button(percent(zoom), |ui| {
            for choice in WindowSize::ZOOMS {
                if ui.selectable_label(zoom == choice, percent(choice)).clicked() {
                    ui.ctx().set_zoom_factor(choice);
                    ui.close();
                }
            }
        })
        .response
        .on_hover_text("Size of everything");
    }

    fn show_quality(&self, ui: &mut egui::Ui, setter: &ParamSetter) {
        let parameter = &self.parameters.quality;
        let now = parameter.unmodulated_plain_value();
        let title = if self.link.is_outdated() {
            format!("{} (waits for the host)", now.name())
        } else {
            now.name().to_owned()
        };
        ui.menu_button(title, |ui| {
            for quality in Quality::ALL {
                let about = match quality {
                    Quality::Light => "The least latency and work",
                    Quality::High => "For playing, live and mixing",
                    Quality::Best => {
                        "What aeden clean gives; nearly two seconds of latency, for mixing and bouncing"
                    }
                };
                let entry = ui.selectable_label(quality == now, quality.name());
                if entry.on_hover_text(about).clicked() {
                    set(setter, parameter, quality);
                    ui.close();
                }
            }
        })
        .response
        .on_hover_text("Quality: the network, and with it latency and work");
    }

    fn show_graph(&mut self, ui: &mut egui::Ui, rect: Rect, setter: &ParamSetter) {
        const METER: f32 = 34.0;
        const GAP: f32 = 8.0;
        let column =
            |left: f32| Rect::from_min_max(pos2(left, rect.top()), pos2(left + METER, rect.bottom()));
        let right = rect.right() - METER;
        let [input, output] = self.analyser.levels();
        let resets = [
            meters::show_levels(ui, column(rect.left()), "IN", input),
            meters::show_levels(ui, column(right), "OUT", output),
        ];
        for (reset, output) in resets.into_iter().zip([false, true]) {
            if reset {
                self.analyser.reset_peaks(output);
            }
        }
        meters::show_reduction(ui, column(right - METER - GAP), self.analyser.reduction());
        let graph = Rect::from_min_max(
            pos2(rect.left() + METER + GAP, rect.top()),
            pos2(right - METER - 2.0 * GAP, rect.bottom()),
        );
        match self.parameters.view.load() {
            View::Spectrum => {
                self.spectrum
                    .show(ui, graph, &self.analyser, self.parameters.delta.value());
                let plot = spectrum::plot(graph, ui.pixels_per_point());
                node::show(ui, plot, &self.parameters, setter);
            }
            View::Spectrogram => self.spectrogram.show(ui, graph),
        }
        self.show_views(ui, graph);
    }

    /// The names of the views, to choose one; on top of the graph, so that clicks reach them.
    fn show_views(&mut self, ui: &mut egui::Ui, graph: Rect) {
        let place = Rect::from_min_size(graph.min + vec2(6.0, 4.0), vec2(200.0, 20.0));
        let layout = Layout::left_to_right(Align::Center);
        let mut bar = ui.new_child(UiBuilder::new().max_rect(place).layout(layout));
        bar.spacing_mut().item_spacing.x = 2.0;
        bar.spacing_mut().button_padding = vec2(6.0, 2.0);
        let shown = self.parameters.view.load();
        for view in View::ALL {
            let name = RichText::new(view.name()).size(11.0);
            let about = match view {
                View::Spectrum => "Levels along frequency, with the bands",
                View::Spectrogram => "Levels along time and frequency, before and after",
            };
            let button = bar.add(Button::selectable(view == shown, name));
            if button.on_hover_text(about).clicked() && view != shown {
                // What came while it was not shown is not in it, and times would be wrong.
                self.spectrogram.clear();
                self.parameters.view.store(view);
                bar.ctx().request_repaint();
            }
        }
    }

    fn show_controls(&self, ui: &mut egui::Ui, rect: Rect, setter: &ParamSetter) {
        let parameters = &self.parameters;
        let diameter = rect.height() - 54.0;
        let large = diameter + 36.0;
        let small = diameter * 0.74;
        let cell = |left: f32, width: f32| {
            Rect::from_min_max(pos2(left, rect.top()), pos2(left + width, rect.bottom()))
        };
        Knob::new(
            &parameters.strength,
            setter,
            diameter,
            1.0,
            "The most that anything is lowered; ∞ removes all it can",
        )
        .show(ui, cell(rect.left(), large));
        let (second, width) = (rect.left() + large + 12.0, small + 34.0);
        let lower = |cell: Rect| cell.translate(vec2(0.0, (diameter - small) / 2.0));
        Knob::new(
            &parameters.mix,
            setter,
            small,
            0.01,
            "How much of the cleaned sound; the rest is the input",
        )
        .show(ui, lower(cell(second, width)));
        Knob::new(&parameters.gain, setter, small, 0.5, "Gain of what is heard")
            .grow_from_middle()
            .show(ui, lower(cell(second + width + 12.0, width)));
        let (width, height) = (186.0, 32.0);
        let left = rect.right() - width;
        let top = rect.center().y - 48.0;
        let place =
            |row: f32| Rect::from_min_size(pos2(left, top + row * (height + 5.0)), vec2(width, height));
        switch::show(
            ui,
            place(0.0),
            &parameters.delta,
            setter,
            theme::REMOVED,
            "Hear what is taken away, to judge whether any voice is in it",
        );
        switch::show(
            ui,
            place(1.0),
            &parameters.link,
            setter,
            theme::VOICE,
            "On: one mask for all channels, which keeps the stereo image\nOff: every channel on its own",
        );
        switch::show(
            ui,
            place(2.0),
            &parameters.bypass_match,
            setter,
            theme::HOT,
            "Bypass plays the input as loud as what is heard otherwise, so that noise is compared, not loudness",
        );
    }

    /// The words that let it learn and forget, in the middle of the footer.
    fn show_learning(&self, ui: &mut egui::Ui, footer: Rect, setter: &ParamSetter) {
        let left = footer.left() + (0.24 * footer.width()).max(120.0);
        let place = Rect::from_min_max(pos2(left, footer.top()), pos2(left + 170.0, footer.bottom()));
        let layout = Layout::left_to_right(Align::Center);
        let mut bar = ui.new_child(UiBuilder::new().max_rect(place).layout(layout));
        bar.spacing_mut().item_spacing.x = 4.0;
        bar.spacing_mut().button_padding = vec2(7.0, 2.0);
        let (learn, learned) = (&self.parameters.learn, &self.parameters.learned);
        let word = |word: &str| RichText::new(word).size(11.0);
        let on = learn.unmodulated_plain_value();
        let button = bar.add(Button::selectable(on, word("Learn")));
        let about = "While it is on, the noise that is heard is learned, and every start begins with it: saved with the project";
        if button.on_hover_text(about).clicked() {
            set(setter, learn, !on);
        }
        if learned.is_there() {
            let button = bar.add(Button::new(word("Forget")));
            let about = "Something has been learned: forget it, and begin with nothing";
            if button.on_hover_text(about).clicked() {
                learned.forget();
            }
        }
    }

    fn show_footer(&self, ui: &mut egui::Ui, rect: Rect, setter: &ParamSetter) {
        let stream = self.analyser.stream();
        let write = |x: f32, align: Align2, text: String| {
            ui.painter().text(
                pos2(x, rect.center().y),
                align,
                text,
                theme::text(11.5),
                theme::FAINT,
            )
        };
        let channels = match stream.channels {
            0 if self.link.devices().is_some() => "waiting for a device".to_owned(),
            0 => "waiting for the host".to_owned(),
            1 => "mono".to_owned(),
            2 => "stereo".to_owned(),
            n => format!("{n} channels"),
        };
        let rate = f64::from(stream.sample_rate) / 1000.0;
        write(
            rect.left(),
            Align2::LEFT_CENTER,
            format!("{rate} kHz, {channels}"),
        );
        let milliseconds = f64::from(stream.latency) / rate;
        let about = if stream.channels > 0 && stream.latency == 0 {
            format!("{rate} kHz is out of range: sound passes untouched")
        } else {
            format!(
                "Latency {milliseconds:.1} ms ({} samples)     CPU {:.1} %",
                stream.latency,
                100.0 * self.analyser.load()
            )
        };
        write(rect.right(), Align2::RIGHT_CENTER, about);
        self.show_learning(ui, rect, setter);
    }
}
