//! The host's side of it, on X11.

use crate::empty;
use aeden_plugin_host::{Audio, Controls, Format, Frames, Plugin, Screen, Setup, Window};
use serde_json::Value;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const RATE: u32 = 48_000;
const BLOCK: usize = 512;
/// What opening the editor takes and costs is not counted.
const WARM_UP: Duration = Duration::from_secs(2);
/// An editor of which nothing has been seen until then will not come any more, on a busy machine either.
const NEVER: Duration = Duration::from_secs(20);

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Where the program that runs on a screen finds the process of that screen.
const SCREEN: &str = "AEDEN_SCREEN";

pub fn run() -> Result<()> {
    let Ok(screen) = std::env::var(SCREEN) else {
        // Plugins look for the screen in the environment that a process begins with.
        let screen = Screen::new()?;
        let status = Command::new(std::env::current_exe()?)
            .args(std::env::args_os().skip(1))
            .env("DISPLAY", screen.display())
            .env(SCREEN, screen.process().to_string())
            .status()?;
        return status.success().then_some(()).ok_or(status.to_string().into());
    };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [bundle, recording, seconds, options @ ..] = &arguments[..] else {
        return Err("editor BUNDLE.clap|empty RECORDING.wav|silence|WIDTHxHEIGHT SECONDS [options]".into());
    };
    let time = Duration::try_from_secs_f64(seconds.parse()?)?;
    if bundle == "empty" {
        let (width, height) = sides(recording)?;
        return watch_nothing((width.parse()?, height.parse()?), &screen, time);
    }
    let bundle = Format::Clap.open(bundle)?;
    let mut plugin = bundle.instantiate(0)?;
    let (mut picture, mut reopen, mut drag, mut actions) = (None, 0, None, "");
    for pair in options.chunks(2) {
        let [option, value] = pair else {
            return Err("an option without a value".into());
        };
        match option.as_str() {
            "--size" => {
                let (width, height) = sides(value)?;
                set_saved(&mut *plugin, "window", "width", width.parse::<f32>()?.into())?;
                set_saved(&mut *plugin, "window", "height", height.parse::<f32>()?.into())?;
            }
            "--view" => set_saved(&mut *plugin, "view", "", value.as_str().into())?,
            "--reopen" => reopen = value.parse()?,
            "--drag" => {
                let (width, height) = sides(value)?;
                drag = Some((width.parse()?, height.parse()?));
            }
            "--zoom" => set_saved(&mut *plugin, "window", "zoom", value.parse::<f32>()?.into())?,
            "--do" => actions = value,
            "--set" => set_parameter(&mut *plugin, value)?,
            "--picture" => picture = Some(value),
            _ => return Err(format!("no option {option}").into()),
        }
    }

    plugin.activate(&Setup {
        sample_rate: f64::from(RATE),
        ..Setup::default()
    })?;
    let before = threads("self")?;
    for _ in 0..reopen {
        let window = Window::new(100, 100)?;
        plugin.open_editor(window.id())?;
        close(&mut *plugin);
    }
    let (window, (width, height)) = open(&mut *plugin, drag)?;
    let sound = read(recording)?;

    let done = AtomicBool::new(false);
    let controls = plugin.controls();
    let used = std::thread::scope(|scope| {
        let playing = std::thread::Builder::new()
            .name("sound".to_owned())
            .spawn_scoped(scope, || play(&mut *plugin, &sound, &done))?;
        let acted = act(actions);
        let used = watch(&before, &window, &screen, time);
        let picture = picture.map_or(Ok(()), |file| take_picture(file, width, height));
        done.store(true, Ordering::Relaxed);
        let played = playing.join().map_err(|_| "the sound's thread")?;
        acted.and(picture).and(played).and(used)
    })?;
    close(&mut *plugin);
    let complaints = plugin.complaints();
    if !complaints.is_empty() {
        return Err(format!("{complaints:?}").into());
    }
    let values: BTreeMap<String, String> = (controls.parameters().iter())
        .filter_map(|p| Some((p.name.clone(), controls.text(p.id, controls.value(p.id)?)?)))
        .collect();
    let mut state = saved(&*controls)?;
    let view = field(&mut state, "view")?.as_str().unwrap_or_default();
    used.print(&values, serde_json::from_str(view)?);
    Ok(())
}

/// Lets xdotool do one thing after the other, with time in between for the editor to see it.
fn act(actions: &str) -> Result<()> {
    for action in actions
        .split(';')
        .map(str::trim)
        .filter(|action| !action.is_empty())
    {
        let status = Command::new("xdotool").args(action.split_whitespace()).status()?;
        if !status.success() {
            return Err(format!("xdotool {action}: {status}").into());
        }
        std::thread::sleep(Duration::from_millis(120));
    }
    Ok(())
}

/// Measures a window in which nothing is drawn.
fn watch_nothing((width, height): (u32, u32), screen: &str, time: Duration) -> Result<()> {
    let before = threads("self")?;
    let window = Window::new(width, height)?;
    let inside = empty::open(&window, width, height)?;
    std::thread::sleep(WARM_UP);
    watch(&before, &window, screen, time)?.print(&BTreeMap::new(), Value::Null);
    inside.close();
    Ok(())
}

/// Opens the editor in a window, dragged to a size if one is wanted. Gives the window and the editor's size when it has been
/// drawn.
fn open(plugin: &mut dyn Plugin, drag: Option<(u32, u32)>) -> Result<(Window, (u32, u32))> {
    // Large enough for any editor, then as large as this one.
    let window = Window::new(1700, 1200)?;
    let before = time_of_opengl()?;
    let mut size = plugin.open_editor(window.id())?;
    window.resize(size.0, size.1)?;
    if let Some((width, height)) = drag {
        size = plugin.resize_editor(width, height)?;
        window.resize(size.0, size.1)?;
    }
    let start = Instant::now();
    while time_of_opengl()? - before < 1e-3 {
        if start.elapsed() > NEVER {
            return Err("nothing is ever drawn".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(WARM_UP);
    Ok((window, size))
}

/// CPU time of the threads that draw.
fn time_of_opengl() -> Result<f64> {
    let threads = threads("self")?.into_values();
    let drawing = threads.filter(|thread| thread.name.starts_with("llvmpipe"));
    Ok(drawing.map(|thread| thread.seconds).sum())
}

/// Closes the editor, and leaves its window where it is until the plugin's thread has let go of it: baseview 0.4 does not
/// wait for that.
fn close(plugin: &mut dyn Plugin) {
    plugin.close_editor();
    std::thread::sleep(Duration::from_millis(300));
}

fn sides(size: &str) -> Result<(&str, &str)> {
    size.split_once('x').ok_or("a size is WIDTHxHEIGHT".into())
}

/// A state of the plugin as JSON. The format of nice-plug: JSON after its length.
fn saved(plugin: &dyn Controls) -> Result<Value> {
    let saved = plugin.save().ok_or("the plugin saves nothing")?;
    let (_, text) = saved.split_at_checked(8).ok_or("the state is too short")?;
    Ok(serde_json::from_slice(text)?)
}

/// A field of a state, which is JSON as text.
fn field<'a>(state: &'a mut Value, name: &str) -> Result<&'a mut Value> {
    let field = state.pointer_mut(&format!("/fields/{name}"));
    Ok(field.ok_or_else(|| format!("no {name} in the state"))?)
}

/// Puts a value into a field of what the plugin saves, or into a part of that field.
fn set_saved(plugin: &mut dyn Plugin, name: &str, part: &str, value: Value) -> Result<()> {
    let mut state = saved(&*plugin.controls())?;
    let field = field(&mut state, name)?;
    let changed = if part.is_empty() {
        value
    } else {
        let mut parts: Value = serde_json::from_str(field.as_str().ok_or("no text")?)?;
        parts[part] = value;
        parts
    };
    *field = changed.to_string().into();
    let text = state.to_string();
    let state = [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    plugin
        .load(&state)
        .then_some(())
        .ok_or("the plugin refuses the state".into())
}

/// Sets a parameter, by name and in the words of users.
fn set_parameter(plugin: &mut dyn Plugin, setting: &str) -> Result<()> {
    let (name, text) = setting.split_once('=').ok_or("--set PARAMETER=VALUE")?;
    let parameters = plugin.parameters();
    let parameter = parameters
        .iter()
        .find(|p| p.name == name)
        .ok_or("no parameter of this name")?;
    let value = plugin
        .value_of(parameter.id, text)
        .ok_or("no value of this parameter")?;
    plugin.set(parameter.id, value);
    Ok(())
}

/// A recording of one channel.
fn read(recording: &str) -> Result<Vec<f32>> {
    if recording == "silence" {
        return Ok(vec![0.0; BLOCK]);
    }
    let mut file = hound::WavReader::open(recording)?;
    let samples: std::result::Result<Vec<i16>, _> = file.samples().collect();
    Ok(samples?.into_iter().map(|x| f32::from(x) / 32768.0).collect())
}

/// Plays a sound in stereo and in real time, over and over.
fn play(plugin: &mut dyn Plugin, sound: &[f32], done: &AtomicBool) -> Result<()> {
    plugin.start()?;
    let mut samples = sound.iter().copied().cycle();
    let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
    let start = Instant::now();
    for block in 1.. {
        if done.load(Ordering::Relaxed) {
            break;
        }
        for (left, right) in left.iter_mut().zip(&mut right) {
            *left = samples.next().unwrap_or_default();
            *right = 0.8 * *left;
        }
        plugin.process(Audio::InPlace(&mut [&mut left, &mut right]), &[])?;
        let due = start + Duration::from_secs_f64(f64::from(block) * BLOCK as f64 / f64::from(RATE));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    plugin.stop();
    Ok(())
}

/// CPU time that was taken in a time, in seconds.
struct Used {
    seconds: f64,
    frames: u32,
    editor: f64,
    opengl: f64,
    screen: f64,
    sound: f64,
}

impl Used {
    /// With where the parameters stand, by name, as users read them, and the view that is saved.
    fn print(&self, values: &BTreeMap<String, String>, view: Value) {
        println!(
            "{}",
            serde_json::json!({
                "seconds": self.seconds,
                "frames": self.frames,
                "editor": self.editor,
                "opengl": self.opengl,
                "screen": self.screen,
                "sound": self.sound,
                "values": values,
                "view": view,
            })
        );
    }
}

/// Waits, and tells what the threads that were not there before have taken meanwhile.
fn watch(before: &BTreeMap<u32, Thread>, window: &Window, screen: &str, time: Duration) -> Result<Used> {
    let frames = Frames::new(window)?;
    let (start, from, screen_from) = (Instant::now(), threads("self")?, threads(screen)?);
    std::thread::sleep(time);
    let (to, screen_to) = (threads("self")?, threads(screen)?);
    let all = |threads: &BTreeMap<u32, Thread>| threads.values().map(|thread| thread.seconds).sum::<f64>();
    let mut used = Used {
        seconds: start.elapsed().as_secs_f64(),
        frames: frames.count()?,
        editor: 0.0,
        opengl: 0.0,
        screen: all(&screen_to) - all(&screen_from),
        sound: 0.0,
    };
    for (id, thread) in &to {
        let taken = thread.seconds - from.get(id).map_or(0.0, |earlier| earlier.seconds);
        if before.contains_key(id) {
            continue;
        }
        if thread.name == "sound" {
            used.sound += taken;
        } else {
            used.editor += taken;
            if thread.name.starts_with("llvmpipe") {
                used.opengl += taken;
            }
        }
    }
    Ok(used)
}

struct Thread {
    name: String,
    /// CPU time so far.
    seconds: f64,
}

/// The threads of a process.
fn threads(process: &str) -> Result<BTreeMap<u32, Thread>> {
    let mut threads = BTreeMap::new();
    for entry in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let folder = entry?.path();
        let id = folder
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or("a name")?
            .parse()?;
        let read = |file: &str| std::fs::read_to_string(folder.join(file));
        // Time on a processor in nanoseconds comes first.
        if let (Ok(name), Ok(time)) = (read("comm"), read("schedstat")) {
            let nanoseconds: f64 = time.split(' ').next().unwrap_or_default().parse()?;
            let (name, seconds) = (name.trim().to_owned(), 1e-9 * nanoseconds);
            threads.insert(id, Thread { name, seconds });
        }
    }
    Ok(threads)
}

/// Takes a picture of a part of the screen by ImageMagick.
fn take_picture(file: &str, width: u32, height: u32) -> Result<()> {
    let part = format!("{width}x{height}+0+0");
    let status = Command::new("import")
        .args(["-window", "root", "-crop", &part, "+repage"])
        .arg(Path::new(file))
        .status()?;
    status
        .success()
        .then_some(())
        .ok_or("import took no picture".into())
}
