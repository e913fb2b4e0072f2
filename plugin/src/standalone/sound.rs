//! The thread that opens devices, looks after them, and tells the window how they do.

use super::context::Restarts;
use super::processor::Shelf;
use crate::devices::{Choice, Destination, Devices, Named};
use aeden_live::audio::{AudioError, AudioHost, Device, Direction, name_in};
use aeden_live::session::{Event, Plan, Session, Target};
use aeden_live::{HOSTS, open_default_host, open_host};
use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the session is looked after.
const TICK: Duration = Duration::from_millis(100);
/// How often devices are listed, and the line about the sound is written.
const LOOK: Duration = Duration::from_secs(1);
/// Wait before a sound system is tried again that did not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs until it is ended.
pub struct Sound {
    /// Its end tells the thread to end.
    running: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Sound {
    /// Starts the thread. Without a `system`, that of the chosen devices is used, or the first that answers.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(
        system: Option<String>,
        devices: Arc<Devices>,
        restarts: Arc<Restarts>,
        shelf: Shelf,
    ) -> Result<Self, Box<dyn Error>> {
        let (running, until) = sync_channel(1);
        let keeper = Keeper {
            system: system.or_else(|| system_of(&devices.standing().choice)),
            devices,
            restarts,
            shelf,
            until,
        };
        let thread = std::thread::Builder::new()
            .name("sound".to_owned())
            .spawn(move || keeper.run())?;
        Ok(Self { running, thread })
    }

    /// Ends all streams, and takes the virtual microphone away.
    pub fn end(self) {
        drop(self.running);
        let _ = self.thread.join();
    }
}

/// Prints the devices as `aeden devices` does.
pub fn list(system: Option<&str>) -> Result<(), Box<dyn Error>> {
    for device in open(system)?.devices()? {
        let direction = match device.direction {
            Direction::Input => "input ",
            Direction::Output => "output",
        };
        let mark = if device.default { '*' } else { ' ' };
        println!("{mark} {direction}  {}\n            {}", device.id, device.name);
    }
    Ok(())
}

/// The sound system that the ids of chosen devices begin with.
fn system_of(choice: &Choice) -> Option<String> {
    let output = match &choice.output {
        Destination::Device(id) => Some(id),
        _ => None,
    };
    let system = choice.input.as_ref().or(output)?.split_once(':')?.0;
    HOSTS.contains(&system).then(|| system.to_owned())
}

fn open(system: Option<&str>) -> Result<Box<dyn AudioHost>, AudioError> {
    system.map_or_else(open_default_host, open_host)
}

/// What the thread has.
struct Keeper {
    /// The sound system: the one that was asked for, else the first that answered. Another one would know none of its devices.
    system: Option<String>,
    devices: Arc<Devices>,
    restarts: Arc<Restarts>,
    shelf: Shelf,
    until: Receiver<()>,
}

impl Keeper {
    fn run(mut self) {
        loop {
            let ended = match self.session() {
                Ok(session) => self.look_after(session),
                Err(problem) => Some(problem),
            };
            let Some(problem) = ended else { return };
            self.say(format!("{problem}"), false);
            // Another choice may mend it.
            let choice = self.choice();
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE && self.choice() == choice {
                if self.is_over(TICK) {
                    return;
                }
            }
        }
    }

    fn is_over(&self, wait: Duration) -> bool {
        self.until.recv_timeout(wait) != Err(RecvTimeoutError::Timeout)
    }

    fn choice(&self) -> Choice {
        self.devices.standing().choice.clone()
    }

    fn say(&self, line: String, flows: bool) {
        let mut standing = self.devices.standing();
        (standing.says, standing.flows) = (line, flows);
    }

    /// Opens the sound system and the chosen devices.
    fn session(&mut self) -> Result<Session, AudioError> {
        let host = open(self.system.as_deref())?;
        self.system = Some(host.name().to_owned());
        self.devices.standing().has_virtual_microphone = host.makes_microphones();
        let plan = plan(&self.choice(), &*host);
        let shelf = self.shelf.clone();
        Session::start_with(host, plan, Box::new(move |format| shelf.processor(format)))
    }

    /// Looks after a session until it cannot go on, which it gives, or the program ends.
    fn look_after(&self, mut session: Session) -> Option<AudioError> {
        let mut choice = self.choice();
        let mut next_look = Instant::now();
        let mut waits_for = None;
        loop {
            if self.is_over(TICK) {
                return None;
            }
            let wanted = self.choice();
            if self.restarts.take() || wanted != choice {
                session.change(plan(&wanted, session.host()));
                choice = wanted;
                next_look = Instant::now();
            }
            match session.tick() {
                Ok(events) => {
                    for event in events {
                        match event {
                            Event::Stopped(problem) => waits_for = Some(problem),
                            Event::Started { .. } => waits_for = None,
                            _ => {}
                        }
                    }
                }
                Err(problem) => return Some(problem),
            }
            if Instant::now() >= next_look {
                next_look = Instant::now() + LOOK;
                match session.devices() {
                    Ok(listed) => self.show(&listed),
                    // The server itself is gone: begin from the start.
                    Err(problem) if waits_for.is_some() => return Some(problem),
                    Err(_) => {}
                }
                let (line, flows) = line(&mut session, waits_for.as_ref());
                self.say(line, flows);
            }
        }
    }

    fn show(&self, listed: &[Device]) {
        let of = |direction| {
            let named = |device: &Device| Named {
                id: device.id.clone(),
                name: device.name.clone(),
            };
            let of_direction = listed.iter().filter(|device| device.direction == direction);
            of_direction.map(named).collect()
        };
        let mut standing = self.devices.standing();
        (standing.inputs, standing.outputs) = (of(Direction::Input), of(Direction::Output));
    }
}

/// What was chosen, in the words of a session. Ids begin with the name of their sound system.
fn plan(choice: &Choice, host: &dyn AudioHost) -> Plan {
    let name = |id: &str| name_in(host.name(), id).unwrap_or(id).to_owned();
    let mut outputs = vec![match &choice.output {
        Destination::VirtualMicrophone if host.makes_microphones() => Target::VirtualMicrophone,
        Destination::VirtualMicrophone | Destination::Default => Target::Default,
        Destination::Device(id) => Target::Device(name(id)),
    }];
    if choice.monitor && outputs[0] != Target::Default {
        outputs.push(Target::Default);
    }
    Plan {
        input: choice.input.as_deref().map(name),
        outputs,
        record: false,
        always_retime: false,
    }
}

/// A line about the sound, and whether it flows.
fn line(session: &mut Session, waits_for: Option<&AudioError>) -> (String, bool) {
    let status = session.status();
    if !status.running {
        let problem = waits_for.map_or_else(|| "no device".to_owned(), ToString::to_string);
        return (format!("{problem}; waiting for it to come back"), false);
    }
    let mut parts = Vec::new();
    if let Some(microphone) = session.microphone() {
        parts.push(format!("choose \"{microphone}\" in the other program"));
    }
    if let Some(latency) = status.latency_ms {
        parts.push(format!("{latency:.0} ms from device to device"));
    }
    let gaps = status.underruns + status.skips;
    if gaps > 0 {
        parts.push(format!("{gaps} gap{}", if gaps == 1 { "" } else { "s" }));
    }
    (parts.join(", "), true)
}
