//! What an instance of the plugin costs in a host, beside `nnnoiseless` in the same run.

use super::{FRAME, ROUNDS, median, ratio, timed};
use crate::{pictures, program};
use aeden_plugin_host::{Audio, Format, Plugin, Setup};
use anyhow::{Context, Result};
use nnnoiseless::DenoiseState;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Samples in a block, as hosts have them.
const BLOCK: usize = 512;

/// Instances that one core is to carry.
const INSTANCES: usize = 16;

/// Measures and prints rows of Markdown. `library` is the plugin's, `sound` is mono at 48 kHz.
pub fn run(library: &Path, sound: &[f32]) -> Result<()> {
    let bundle = Format::Clap.open(library)?;
    let open = |channels: usize, sample_rate: f64| -> Result<Box<dyn Plugin>> {
        let mut plugin = bundle.instantiate(0)?;
        anyhow::ensure!(
            plugin.set_channels(channels),
            "the plugin refuses {channels} channels"
        );
        let setup = Setup {
            sample_rate,
            max_block: BLOCK as u32,
            ..Setup::default()
        };
        plugin.activate(&setup)?;
        plugin.start()?;
        Ok(plugin)
    };
    // The first one reads the model for all.
    drop(open(2, 48_000.0)?);
    let mut openings = Vec::new();
    for _ in 0..ROUNDS {
        let mut opened = None;
        openings.push(1e3 * timed(|| opened = Some(open(2, 48_000.0))));
        opened.transpose()?;
    }
    println!(
        "| plugin, an instance made, activated and started, ms of CPU | {:.1} | |",
        median(openings)
    );
    load(library)?;
    let (mut mono, mut stereo, mut resampling) = (open(1, 48_000.0)?, open(2, 48_000.0)?, open(2, 44_100.0)?);
    let mut theirs = DenoiseState::new();
    // nnnoiseless takes samples in the range of 16-bit integers.
    let loud: Vec<f32> = sound.iter().map(|x| x * 32768.0).collect();
    let subnormal: Vec<f32> = sound.iter().map(|x| x * f32::MIN_POSITIVE).collect();
    let mut out = vec![0.0; FRAME];

    let mut times: [Vec<f64>; 5] = Default::default();
    for round in 0..=ROUNDS {
        let turn = [
            timed(|| {
                for block in loud.chunks_exact(FRAME) {
                    theirs.process_frame(&mut out, block);
                }
            }),
            play(&mut *mono, &[sound])?,
            play(&mut *stereo, &[sound, sound])?,
            play(&mut *resampling, &[sound, sound])? * 44_100.0 / 48_000.0,
            play(&mut *stereo, &[&subnormal, &subnormal])?,
        ];
        // The first turn warms caches.
        if round > 0 {
            for (times, time) in times.iter_mut().zip(turn) {
                times.push(time / (sound.len() / FRAME) as f64);
            }
        }
    }
    let [theirs, rows @ ..] = &times;
    for (what, times) in ["mono", "stereo", "stereo at 44.1 kHz", "stereo, subnormal input"]
        .iter()
        .zip(rows)
    {
        println!(
            "| plugin, {what}, µs per 10 ms | {:.1} | {:.2} × nnnoiseless (mono) |",
            1e6 * median(times.clone()),
            ratio(times, theirs)
        );
    }

    let mut instances = (0..INSTANCES)
        .map(|_| open(2, 48_000.0))
        .collect::<Result<Vec<_>>>()?;
    let mut loads = Vec::new();
    for _ in 0..5 {
        // Block after block through all of them, as a mixing desk does.
        let mut time = 0.0;
        let mut blocks = 0;
        for block in sound.chunks_exact(BLOCK).take(300) {
            for plugin in &mut instances {
                time += play(&mut **plugin, &[block, block])?;
            }
            blocks += 1;
        }
        loads.push(100.0 * time * 48_000.0 / (blocks * BLOCK) as f64);
    }
    println!(
        "| {INSTANCES} stereo instances at 48 kHz, load of one core, % | {:.0} | |",
        median(loads)
    );
    Ok(())
}

/// What a host waits for that has never loaded the plugin, while the file is in the system's memory.
fn load(library: &Path) -> Result<()> {
    let build = [
        "build",
        "--release",
        "--package",
        "aeden-plugin-host",
        "--example",
        "load",
    ];
    program::run(Command::new("cargo").args(build))?;
    let (mut scans, mut loads) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut load = Command::new(crate::target().join("release/examples/load"));
        let times: Value = serde_json::from_str(&program::output(load.arg(library))?)?;
        scans.push(number(&times, "scan")?);
        loads.push(number(&times, "ready")?);
    }
    println!(
        "| plugin, library loaded and asked what is in it, ms by the clock on the wall | {:.1} | |",
        median(scans)
    );
    println!(
        "| plugin, library loaded, an instance made, activated and started, ms by the clock on the wall | {:.1} | |",
        median(loads)
    );
    Ok(())
}

/// What the open editor takes of a core, where there is a screen in memory to open it on.
pub fn editor(library: &Path) -> Result<()> {
    if program::find("Xvfb").is_none() {
        eprintln!("no Xvfb, so the editor is not measured; `cargo xtask setup` installs it");
        return Ok(());
    }
    let library = library.to_string_lossy();
    let voice = "tests/fixtures/noisy.wav";
    let nothing: &[&str] = &[];
    for (what, shown, sound, options) in [
        (
            "plugin, editor open while a voice is played",
            &*library,
            voice,
            nothing,
        ),
        (
            "plugin, editor open with the spectrogram while a voice is played",
            &*library,
            voice,
            &["--view", "spectrogram"],
        ),
        ("plugin, editor open in silence", &*library, "silence", nothing),
        (
            "a window of the editor's size in which nothing is drawn",
            "empty",
            "820x500",
            nothing,
        ),
    ] {
        let used = program::output(pictures::editor().args([shown, sound, "10"]).args(options))?;
        let used: Value = serde_json::from_str(&used)?;
        let seconds = number(&used, "seconds")?;
        let share = |part| Ok::<_, anyhow::Error>(100.0 * number(&used, part)? / seconds);
        println!(
            "| {what}, % of a core | {:.1} | of which OpenGL without a graphics card in threads of its own {:.1}; the \
             screen in memory beside it {:.1}; {:.0} pictures a second |",
            share("editor")?,
            share("opengl")?,
            share("screen")?,
            number(&used, "frames")? / seconds
        );
    }
    Ok(())
}

fn number(values: &Value, name: &str) -> Result<f64> {
    values[name]
        .as_f64()
        .with_context(|| format!("no {name} in {values}"))
}

/// Plays a sound in blocks: the CPU seconds that the plugin took.
fn play(plugin: &mut dyn Plugin, sound: &[&[f32]]) -> Result<f64> {
    let mut channels: Vec<Vec<f32>> = sound.iter().map(|c| c.to_vec()).collect();
    let mut result = Ok(());
    let time = timed(|| {
        for from in (0..channels[0].len()).step_by(BLOCK) {
            let to = channels[0].len().min(from + BLOCK);
            let mut block: Vec<_> = channels.iter_mut().map(|c| &mut c[from..to]).collect();
            result = plugin.process(Audio::InPlace(&mut block), &[]);
            if result.is_err() {
                break;
            }
        }
    });
    result.context("the plugin")?;
    Ok(time)
}
