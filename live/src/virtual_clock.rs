//! A sound system whose clock only its owner turns: a day passes in minutes, and always in the same way.
//!
//! A [`World`] has devices with clocks of their own, callbacks that come late, stalls, and servers that die. Its
//! [`World::host`] is an [`AudioHost`] like any other; [`World::advance`] lets time pass and calls back in the order of
//! time. The worker runs after each input, unless it is stalled as well.

use crate::audio::{AudioError, AudioHost, Device, Direction, Format, Stream, VirtualMicrophone};
use crate::bridge::{Intake, Outlet, Worker};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The sound at an input as a function of the true time in seconds.
pub type Signal = Box<dyn FnMut(f64) -> f32>;

/// Hears what an output plays: the true time in seconds of the first frame, and the interleaved samples.
pub type Ear = Box<dyn FnMut(f64, &[f32])>;

/// One end of the world's sound.
pub enum Terminal {
    /// A microphone and the sound at it.
    Input(Signal),
    /// A loudspeaker and its listener.
    Output(Ear),
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Terminal::Input(_) => "Input",
            Terminal::Output(_) => "Output",
        })
    }
}

/// A device's clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Error of its speed in parts per million, positive if it is fast.
    pub ppm: f64,
    /// Largest delay of a callback in seconds; delays are evenly distributed.
    pub jitter: f64,
}

struct Machine {
    name: String,
    format: Format,
    clock: Clock,
    terminal: Terminal,
    there: bool,
    /// It has a buffer of its own, as devices of sound servers do, and plays on when it is not answered.
    holds: bool,
    /// No callbacks before this time, in seconds.
    stalled_until: f64,
}

/// The callback of a stream.
#[expect(clippy::large_enum_variant, reason = "a test has a few")]
enum Callback {
    Input(Intake),
    Output(Outlet),
}

struct Flow {
    id: u64,
    machine: usize,
    callback: Callback,
    /// True time at which the stream began, and blocks since then.
    began: f64,
    blocks: u64,
    /// When the next block is due, jitter included.
    due: f64,
    failure: Option<AudioError>,
    /// Sound that an output plays if nothing more comes, and the number of underruns.
    tail: Vec<f32>,
    ran_dry: u64,
}

struct State {
    now: f64,
    machines: Vec<Machine>,
    flows: Vec<Flow>,
    worker: Option<Worker>,
    worker_stalled_until: f64,
    /// Seconds of computing that the worker says it spends on a second of sound.
    worker_load: f64,
    defaults: [Option<String>; 2],
    down_until: f64,
    random: fastrand::Rng,
    next_id: u64,
    one_clock: bool,
    samples: Vec<f32>,
}

/// All devices, and time itself.
#[derive(Clone)]
pub struct World(Rc<RefCell<State>>);

/// The sound system of a [`World`].
pub struct VirtualHost(Rc<RefCell<State>>);

impl std::fmt::Debug for VirtualHost {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("VirtualHost").finish_non_exhaustive()
    }
}

struct VirtualStream {
    state: Rc<RefCell<State>>,
    id: u64,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    /// An empty world. `seed` decides all jitter.
    pub fn new(seed: u64) -> Self {
        World(Rc::new(RefCell::new(State {
            now: 0.0,
            machines: Vec::new(),
            flows: Vec::new(),
            worker: None,
            worker_stalled_until: 0.0,
            worker_load: 0.0,
            defaults: [None, None],
            down_until: 0.0,
            random: fastrand::Rng::with_seed(seed),
            next_id: 0,
            one_clock: false,
            samples: Vec::new(),
        })))
    }

    /// Plugs in a new device. The first one of a direction is the default.
    pub fn add(&self, name: &str, format: Format, clock: Clock, terminal: Terminal) {
        let mut state = self.0.borrow_mut();
        let side = match terminal {
            Terminal::Input(_) => Direction::Input,
            Terminal::Output(_) => Direction::Output,
        };
        state.defaults[side as usize].get_or_insert_with(|| name.into());
        state.machines.push(Machine {
            name: name.into(),
            format,
            clock,
            terminal,
            there: true,
            holds: false,
            stalled_until: 0.0,
        });
    }

    /// Lets an output have sound in hand, as much as its outlet wants: it asks earlier by that, and plays on when
    /// [`stall`](Self::stall) keeps its callbacks from coming.
    pub fn hold(&self, name: &str) {
        for machine in self.0.borrow_mut().machines.iter_mut().filter(|m| m.name == name) {
            machine.holds = true;
        }
    }

    /// Pulls a device out; its streams fail.
    pub fn unplug(&self, name: &str) {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        for (i, machine) in state
            .machines
            .iter_mut()
            .enumerate()
            .filter(|(_, m)| m.name == name)
        {
            machine.there = false;
            for flow in state.flows.iter_mut().filter(|flow| flow.machine == i) {
                flow.failure = Some(AudioError::Lost("the device is gone".into()));
            }
        }
    }

    /// Plugs it in again, perhaps with another format.
    pub fn plug_in(&self, name: &str, format: Format) {
        for machine in self.0.borrow_mut().machines.iter_mut().filter(|m| m.name == name) {
            machine.there = true;
            machine.format = format;
        }
    }

    /// Makes another device the default.
    pub fn set_default(&self, direction: Direction, name: &str) {
        self.0.borrow_mut().defaults[direction as usize] = Some(name.into());
    }

    /// Lets a device stand still. An input brings what it has recorded meanwhile all at once; an output goes on where it
    /// was, so that everything would be late from then on.
    pub fn stall(&self, name: &str, seconds: f64) {
        let mut state = self.0.borrow_mut();
        let until = state.now + seconds;
        for machine in state.machines.iter_mut().filter(|m| m.name == name) {
            machine.stalled_until = machine.stalled_until.max(until);
        }
    }

    /// Lets the worker say that it spends so much of its time computing, as a share of the sound's. It is as quick as ever.
    pub fn load_worker(&self, load: f64) {
        self.0.borrow_mut().worker_load = load;
    }

    /// Lets the worker stand still.
    pub fn stall_worker(&self, seconds: f64) {
        let mut state = self.0.borrow_mut();
        state.worker_stalled_until = state.now + seconds;
    }

    /// Ends all streams, and does not answer for some time.
    pub fn restart_server(&self, seconds: f64) {
        let mut state = self.0.borrow_mut();
        state.down_until = state.now + seconds;
        for flow in &mut state.flows {
            flow.failure = Some(AudioError::Lost(
                "the sound server has ended the connection".into(),
            ));
        }
    }

    /// Lets time pass without anybody noticing: the computer sleeps.
    pub fn sleep(&self, seconds: f64) {
        let mut state = self.0.borrow_mut();
        state.now += seconds;
        for flow in &mut state.flows {
            flow.began += seconds;
            flow.due += seconds;
        }
    }

    /// Says that all devices have one clock, which is for the devices to keep true.
    pub fn set_one_clock(&self, one: bool) {
        self.0.borrow_mut().one_clock = one;
    }

    /// The true time in seconds.
    pub fn now(&self) -> f64 {
        self.0.borrow().now
    }

    /// Lets time pass until then, in seconds.
    pub fn advance(&self, until: f64) {
        let mut state = self.0.borrow_mut();
        while let Some(next) = state.next(until) {
            state.call(next);
        }
        state.now = until;
    }

    /// A sound system with these devices.
    pub fn host(&self) -> VirtualHost {
        VirtualHost(self.0.clone())
    }
}

impl State {
    /// The flow that is due next, before `until`.
    fn next(&self, until: f64) -> Option<usize> {
        let due = |flow: &Flow| flow.due.max(self.machines[flow.machine].stalled_until);
        let live = self
            .flows
            .iter()
            .enumerate()
            .filter(|(_, flow)| flow.failure.is_none());
        let next = live.min_by(|(_, a), (_, b)| due(a).total_cmp(&due(b)));
        next.filter(|(_, flow)| due(flow) < until).map(|(i, _)| i)
    }

    /// Calls back one flow, and plans its next block.
    fn call(&mut self, index: usize) {
        let flow = &mut self.flows[index];
        let machine = &mut self.machines[flow.machine];
        let Format { rate, channels } = machine.format;
        let frames = block(rate);
        let seconds = frames as f64 / (f64::from(rate) * (1.0 + machine.clock.ppm * 1e-6));
        self.now = self.now.max(flow.due.max(machine.stalled_until));
        let at = Duration::from_secs_f64(self.now);
        self.samples.resize(frames * channels, 0.0);
        let start = flow.began + flow.blocks as f64 * seconds;
        match (&mut flow.callback, &mut machine.terminal) {
            (Callback::Input(intake), Terminal::Input(signal)) => {
                for (i, frame) in self.samples.chunks_exact_mut(channels).enumerate() {
                    frame.fill(signal(start + i as f64 / frames as f64 * seconds));
                }
                intake.push(&self.samples, at);
                flow.blocks += 1;
            }
            (Callback::Output(outlet), Terminal::Output(ear)) => {
                let late = self.now - start;
                if machine.holds && late > 0.0 && flow.blocks > 0 {
                    // It has played on: first what it was given for that, then nothing.
                    let gap = ((late / seconds).ceil() * frames as f64) as usize;
                    let mut heard = std::mem::take(&mut flow.tail);
                    heard.resize(gap * channels, 0.0);
                    ear(start, &heard);
                    flow.began += gap as f64 / frames as f64 * seconds;
                    flow.ran_dry += 1;
                    outlet.ran_dry();
                } else if !machine.holds && machine.stalled_until > flow.due {
                    // A stall is time that the output has not played in.
                    flow.began += machine.stalled_until - flow.due;
                }
                let start = flow.began + flow.blocks as f64 * seconds;
                let behind = match machine.holds {
                    true => self.now - (start - outlet.reserve()),
                    false => 0.0,
                };
                let more = (behind / seconds).max(0.0) as usize * frames;
                outlet.pull_before(&mut self.samples, at, more);
                ear(flow.began + flow.blocks as f64 * seconds, &self.samples);
                flow.tail.resize(outlet.fade_frames() * channels, 0.0);
                outlet.fade_out(&mut flow.tail);
                flow.blocks += 1;
            }
            _ => unreachable!("streams are opened in the direction of their device"),
        }
        // An input's block is complete at its end; an output's is wanted at its start, or as much earlier as it has in hand.
        let ahead = match &flow.callback {
            Callback::Input(_) => -seconds,
            Callback::Output(outlet) if machine.holds => outlet.reserve(),
            Callback::Output(_) => 0.0,
        };
        let late = self.random.f64() * machine.clock.jitter;
        flow.due = (flow.began + flow.blocks as f64 * seconds - ahead + late).max(self.now);
        let input = self.machines.iter().find(|m| m.direction() == Direction::Input);
        let rate = input.map_or(1.0, |machine| f64::from(machine.format.rate));
        if let Some(worker) = &mut self.worker
            && self.now >= self.worker_stalled_until
        {
            let seconds = worker.run() as f64 / rate;
            worker.counters().busy.add(self.worker_load * seconds);
        }
    }

    fn find(&self, direction: Direction, name: &str) -> Result<usize, AudioError> {
        self.answers()?;
        let found = self
            .machines
            .iter()
            .position(|m| m.there && m.name == name && m.direction() == direction);
        found.ok_or_else(|| AudioError::UnknownDevice {
            direction,
            id: format!("virtual:{name}"),
        })
    }

    fn answers(&self) -> Result<(), AudioError> {
        if self.now < self.down_until {
            return Err(AudioError::NoServer {
                system: "the virtual world",
                why: "it is down".into(),
                advice: "wait",
            });
        }
        Ok(())
    }
}

/// Frames that a device brings or takes at a time: 10 ms.
fn block(rate: u32) -> usize {
    rate as usize / 100
}

impl Machine {
    fn direction(&self) -> Direction {
        match self.terminal {
            Terminal::Input(_) => Direction::Input,
            Terminal::Output(_) => Direction::Output,
        }
    }
}

impl VirtualHost {
    fn open(
        &self,
        direction: Direction,
        device: &str,
        callback: Callback,
    ) -> Result<Box<dyn Stream>, AudioError> {
        let mut state = self.0.borrow_mut();
        let machine = state.find(direction, device)?;
        let (id, began) = (state.next_id, state.now);
        state.next_id += 1;
        let Machine { format, clock, .. } = &state.machines[machine];
        let first = match direction {
            Direction::Input => {
                block(format.rate) as f64 / (f64::from(format.rate) * (1.0 + clock.ppm * 1e-6))
            }
            Direction::Output => 0.0,
        };
        state.flows.push(Flow {
            id,
            machine,
            callback,
            began,
            blocks: 0,
            due: began + first,
            failure: None,
            tail: Vec::new(),
            ran_dry: 0,
        });
        Ok(Box::new(VirtualStream {
            state: self.0.clone(),
            id,
        }))
    }
}

impl AudioHost for VirtualHost {
    fn name(&self) -> &'static str {
        "virtual"
    }

    fn now(&self) -> Duration {
        Duration::from_secs_f64(self.0.borrow().now)
    }

    fn devices(&mut self) -> Result<Vec<Device>, AudioError> {
        let state = self.0.borrow();
        state.answers()?;
        let there = state.machines.iter().filter(|m| m.there);
        let devices = there.map(|m| Device {
            id: format!("virtual:{}", m.name),
            name: m.name.clone(),
            direction: m.direction(),
            default: state.defaults[m.direction() as usize].as_ref() == Some(&m.name),
            channels: m.format.channels,
            rate: m.format.rate,
        });
        Ok(devices.collect())
    }

    fn default_device(&mut self, direction: Direction) -> Result<String, AudioError> {
        let state = self.0.borrow();
        state.answers()?;
        let default = state.defaults[direction as usize].clone();
        let there = |name: &String| state.machines.iter().any(|m| m.there && m.name == *name);
        default.filter(there).ok_or(AudioError::NoDevice(direction))
    }

    fn format(&mut self, direction: Direction, device: &str) -> Result<Format, AudioError> {
        let state = self.0.borrow();
        Ok(state.machines[state.find(direction, device)?].format)
    }

    fn same_clock(&self, _input: &str, _output: &str) -> bool {
        self.0.borrow().one_clock
    }

    fn open_input(
        &mut self,
        device: &str,
        _format: Format,
        intake: Intake,
    ) -> Result<Box<dyn Stream>, AudioError> {
        self.open(Direction::Input, device, Callback::Input(intake))
    }

    fn open_output(
        &mut self,
        device: &str,
        _format: Format,
        outlet: Outlet,
    ) -> Result<Box<dyn Stream>, AudioError> {
        self.open(Direction::Output, device, Callback::Output(outlet))
    }

    fn run_worker(&mut self, worker: Worker) -> Result<Box<dyn Send>, AudioError> {
        let mut state = self.0.borrow_mut();
        // The last one ends when the next begins: sessions have one at a time.
        state.worker = Some(worker);
        Ok(Box::new(()))
    }

    fn virtual_microphone(&mut self) -> Result<Box<dyn VirtualMicrophone>, AudioError> {
        Err(AudioError::Unsupported(
            "there is no virtual microphone in a virtual world".into(),
        ))
    }
}

impl VirtualStream {
    /// Something of the flow, as long as that is there.
    fn of_flow<T>(&self, find: impl FnOnce(&Flow, &Machine) -> T) -> Option<T> {
        let state = self.state.borrow();
        let flow = state.flows.iter().find(|flow| flow.id == self.id)?;
        Some(find(flow, &state.machines[flow.machine]))
    }
}

impl Stream for VirtualStream {
    fn failure(&self) -> Option<AudioError> {
        self.of_flow(|flow, _| flow.failure.clone())?
    }

    fn latency(&self) -> Option<Duration> {
        self.of_flow(|flow, machine| match &flow.callback {
            Callback::Output(outlet) if machine.holds => Some(Duration::from_secs_f64(outlet.reserve())),
            _ => None,
        })?
    }

    fn device_underruns(&self) -> u64 {
        self.of_flow(|flow, _| flow.ran_dry).unwrap_or(0)
    }
}

impl Drop for VirtualStream {
    fn drop(&mut self) {
        self.state.borrow_mut().flows.retain(|flow| flow.id != self.id);
    }
}
