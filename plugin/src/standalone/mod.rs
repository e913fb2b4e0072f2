//! The plugin as a program of its own: its window, between devices that are chosen there.
//!
//! ```text
//! input ─► aeden-live: rings, clocks, worker ─► outputs, virtual microphone
//!                        │ ▲
//!              plugin (processor)       sound: a thread that opens devices and looks after them
//!                                          ║ devices
//! window (main thread) ═════════════════════
//! ```

mod arguments;
mod context;
mod kept;
mod processor;
mod sound;

use crate::AedenPlugin;
use crate::devices::{Choice, Destination, Devices};
use crate::hosting::Link;
use arguments::Arguments;
use clap::Parser;
use context::{ForWindow, Restarts};
use kept::Kept;
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::{Editor, EditorHandle, SpawnedEditor};
use nice_plug_egui::EguiEditorHandle;
use processor::Shelf;
use sound::Sound;
use std::error::Error;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

/// Runs until its window is closed or it is told to end.
pub fn run() -> ExitCode {
    match play(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("aeden-standalone: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn play(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.devices {
        return sound::list(arguments.system.as_deref());
    }
    let kept = Kept::load();
    let choice = Choice {
        input: arguments.input.clone().or(kept.choice.input.clone()),
        output: match &arguments.output {
            _ if arguments.virtual_mic => Destination::VirtualMicrophone,
            Some(id) => Destination::Device(id.clone()),
            None => kept.choice.output.clone(),
        },
        monitor: arguments.monitor || kept.choice.monitor,
    };
    let devices = Arc::new(Devices::new(choice, arguments.minimised));
    let (link, mut plugin) = Link::around(AedenPlugin::default);
    let parameters = plugin.parameters().clone();
    let context = GuiContext::new(Arc::new(ForWindow));
    if let Some(values) = &kept.values {
        parameters.go_to(values, &context.param_setter());
    }
    if let Some(quality) = kept.quality {
        crate::parameters::set(&context.param_setter(), &parameters.quality, quality);
    }
    let editor = plugin.window().ok_or("the plugin has no window")?;
    link.play_between(devices.clone());
    let restarts = Arc::new(Restarts::default());
    link.belong_to(restarts.clone());

    let shelf = Shelf::with(plugin);
    let sound = Sound::start(arguments.system.clone(), devices.clone(), restarts, shelf)?;
    // Whoever comes first: the window that is closed, or the signal.
    let sound = Arc::new(Mutex::new(Some(sound)));
    let end = move || {
        let sound = sound.lock().ok().and_then(|mut sound| sound.take());
        let Some(sound) = sound else { return };
        sound.end();
        Kept::of(&devices.standing().choice, &parameters).save();
    };
    let at_a_signal = end.clone();
    ctrlc::set_handler(move || {
        at_a_signal();
        std::process::exit(0);
    })?;
    let SpawnedEditor { handle, window } = editor.spawn(None, false, None, context, None)?;
    let closed = EguiEditorHandle::run_until_closed(window);
    drop(handle);
    end();
    Ok(closed?)
}
