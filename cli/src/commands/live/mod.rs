//! `aeden live` and `aeden devices`: the command line around the crate `aeden-live`.

mod keys;
mod recorder;
mod screen;
mod service;

use crate::args::Quality;
use crate::args::live::{DevicesArgs, LiveArgs};
use crate::run::cleaner::{ChosenNetwork, CleanerSettings};
use aeden::Config;
use aeden_live::audio::{AudioError, AudioHost, Direction, name_in};
use aeden_live::processor::Controls;
use aeden_live::session::{BuildDenoiser, Event, Plan, Session, Target};
use aeden_live::{HOSTS, open_default_host, open_host};
use aeden_media::output::print;
use aeden_media::problem::{DONE, FILE_FAILED, Problem, counted, one_line};
use keys::Keys;
use recorder::Recorder;
use screen::Screen;
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often the session is looked after and the meter drawn.
const TICK: Duration = Duration::from_millis(100);

/// How often a line of statistics is printed.
const SECOND: Duration = Duration::from_secs(1);

fn problem(error: AudioError) -> Problem {
    match error {
        AudioError::Unsupported(_) | AudioError::UnknownDevice { .. } => Problem::usage(error),
        // While it runs, what is lost is waited for; this is a start that did not get so far.
        AudioError::Lost(_) => Problem::audio(format!(
            "{error}; look whether the sound server runs and `aeden devices` lists the device, then try again"
        )),
        error => Problem::audio(error),
    }
}

/// Opens the sound system that the ids or the user name.
fn host(system: Option<&str>, ids: &[&Option<String>]) -> Result<Box<dyn AudioHost>, Problem> {
    let mut named: Vec<&str> = ids
        .iter()
        .filter_map(|id| id.as_deref()?.split_once(':'))
        .map(|(system, _)| system)
        .filter(|system| HOSTS.contains(system))
        .chain(system)
        .collect();
    named.dedup();
    match named[..] {
        [] => open_default_host(),
        [name] => open_host(name),
        _ => {
            return Err(Problem::usage(
                "devices of different sound systems cannot be joined; take both from one",
            ));
        }
    }
    .map_err(problem)
}

/// The device's name in its host.
fn name(host: &dyn AudioHost, id: &str) -> String {
    name_in(host.name(), id).unwrap_or(id).to_owned()
}

/// `aeden devices`.
pub fn devices(args: &DevicesArgs) -> Result<u8, Problem> {
    let devices = host(args.system.as_deref(), &[])?.devices().map_err(problem)?;
    let mut text = String::new();
    for device in &devices {
        if args.json {
            text += &format!("{}\n", json!(device));
        } else {
            let direction = match device.direction {
                Direction::Input => "input ",
                Direction::Output => "output",
            };
            let mark = if device.default { '*' } else { ' ' };
            let (id, name) = (one_line(&device.id), one_line(&device.name));
            text += &format!(
                "{mark} {direction}  {id}\n            {name}, {}, {} Hz\n",
                counted(device.channels, "channel", "channels"),
                device.rate
            );
        }
    }
    if devices.is_empty() && !args.json {
        text += "no devices\n";
    }
    print(&text).map(|()| DONE)
}

/// `aeden live`.
pub fn live(args: &LiveArgs) -> Result<u8, Problem> {
    if args.install_service {
        return service::install(args);
    }
    let network = ChosenNetwork::load(&args.network, args.quality, true)?;
    network.tell_library("live");
    // A network of the user's own, or the lightest one, has none to fall back to.
    let lighter = (args.network.model.is_none() && args.quality != Some(Quality::Light))
        .then(|| ChosenNetwork::load(&args.network, Some(Quality::Light), true))
        .transpose()?;
    let host = host(args.system.as_deref(), &[&args.input, &args.output])?;
    let first = match &args.output {
        _ if args.virtual_mic => Target::VirtualMicrophone,
        Some(id) => Target::Device(name(&*host, id)),
        None => Target::Default,
    };
    let mut outputs = vec![first];
    if args.monitor && outputs[0] != Target::Default {
        outputs.push(Target::Default);
    }
    let plan = Plan {
        input: args.input.as_ref().map(|id| name(&*host, id)),
        outputs,
        record: args.record.is_some(),
        always_retime: false,
    };
    let settings = CleanerSettings::from(args);
    let controls = Arc::new(Controls::new(
        &Config::default()
            .attenuation_limit(settings.limit)
            .mix(settings.mix),
    ));
    let building = |network: ChosenNetwork| -> BuildDenoiser {
        Box::new(move |format| {
            let built = network.denoiser(format.rate, format.channels, &settings, 1);
            built.map_err(|problem| AudioError::Unsupported(problem.to_string()))
        })
    };
    let recorder = args
        .record
        .as_deref()
        .map(|file| Recorder::new(file, args.overwrite))
        .transpose()?;
    let stopped = Arc::new(AtomicBool::new(false));
    let flag = stopped.clone();
    ctrlc::set_handler(move || flag.store(true, Relaxed))
        .map_err(|e| Problem::usage(format!("Ctrl-C cannot be caught: {e}")))?;
    let mut session = Session::start(host, plan, controls, building(network)).map_err(problem)?;
    if let Some(lighter) = lighter {
        session = session.with_lighter(building(lighter));
    }
    run(session, args, recorder, &stopped)
}

/// Looks after a session until it is to stop.
fn run(
    mut session: Session,
    args: &LiveArgs,
    mut recorder: Option<Recorder>,
    stopped: &AtomicBool,
) -> Result<u8, Problem> {
    let mut keys = Keys::new();
    let mut screen = Screen::new(args.stats || args.json);
    if keys.are_there() {
        screen.say(keys::HELP);
    }
    let mut next_line = Instant::now() + SECOND;
    let mut tells = args.stats || args.json;
    let mut status_code = DONE;
    while !stopped.load(Relaxed) {
        for event in session.tick().map_err(problem)? {
            match event {
                Event::Started { input, outputs } => {
                    screen.say(&format!("{input} -> {}", outputs.join(", ")));
                    if let Some(microphone) = session.microphone() {
                        screen.say(&format!(
                            "choose \"{microphone}\" as the microphone of the other program"
                        ));
                    } else if args.output.is_none() {
                        screen.say(
                            "the microphone is played on this output: use headphones, or it will howl; for other programs: \
                             --virtual-mic",
                        );
                    }
                }
                Event::Stopped(error) => screen.say(&format!("{error}; waiting for it to come back")),
                Event::DefaultChanged(Direction::Input) => screen.say("another default input"),
                Event::DefaultChanged(Direction::Output) => screen.say("another default output"),
                Event::Lightened { load } => screen.say(&format!(
                    "this computer cannot keep up ({:.0} % load): from now on the network light is used",
                    100.0 * load
                )),
                Event::Recording(recording) => {
                    if let Some(recorder) = &mut recorder {
                        recorder.follow(recording);
                    }
                }
                other => screen.say(&format!("{other:?}")),
            }
        }
        if keys.obey(session.controls()) {
            break;
        }
        // The microphone is in use by another program: what happens to a recording is no reason to take it away.
        if let Some(ended) = recorder.take_if(|recorder| recorder.has_ended()) {
            status_code = FILE_FAILED;
            let why = ended.finish().err();
            let why = why.map_or_else(|| "it has ended".to_owned(), |problem| problem.to_string());
            screen.say(&format!(
                "recording: {why}; what it has is complete, the sound goes on without it"
            ));
        }
        if screen.draws_meter() {
            screen.meter(&session.status());
        } else if tells && Instant::now() >= next_line {
            next_line += SECOND;
            let status = session.status();
            let line = if args.json {
                let mut line = json!(status);
                line["recording"] = args.record.is_some().then_some(recorder.is_some()).into();
                line.to_string()
            } else {
                screen::line(&status)
            };
            if let Err(problem) = print(&format!("{line}\n")) {
                screen.say(&format!("statistics: {problem}; the sound goes on without them"));
                (tells, status_code) = (false, FILE_FAILED);
            }
        }
        std::thread::sleep(TICK);
    }
    drop(screen);
    drop(session);
    recorder.map_or(Ok(()), Recorder::finish)?;
    // Nobody may be listening, which is no reason to fail at the end.
    let _ = std::io::stdout().flush();
    Ok(status_code)
}
