//! One day of cleaning: opens the devices, watches them, and begins again when something has happened.
//!
//! A session does nothing by itself: its owner calls [`Session::tick`] a few times a second. Whatever happens to a
//! device, all streams are closed and opened anew: the clean slate is easier to get right than repairs. What is known of
//! the clocks, and everything that was counted, is kept.

use crate::audio::{AudioError, AudioHost, Device, Direction, Format, Stream, VirtualMicrophone};
use crate::bridge::{Bridge, Counters, OutletCounters, OutputPlan, Recording};
use crate::processor::{Controlled, Controls, Processor};
use crate::status::{Meter, Status, Totals};
use aeden::{Config, Denoiser};
use std::sync::Arc;
use std::time::Duration;

/// A destination of cleaned sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Whatever device is the default, also when that changes.
    Default,
    /// The device of this name in the host.
    Device(String),
    /// A virtual microphone that other programs can choose.
    VirtualMicrophone,
}

/// Input, outputs and options of a session.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The input's name in the host; the default, also when that changes, where there is none.
    pub input: Option<String>,
    /// Destinations of cleaned sound, at least one.
    pub outputs: Vec<Target>,
    /// Raw and cleaned sound are wanted for a recording.
    pub record: bool,
    /// Clocks are compared even where the host says that they are one.
    pub always_retime: bool,
}

/// A change in a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Sound flows.
    Started {
        /// The input's name.
        input: String,
        /// The outputs' names.
        outputs: Vec<String>,
    },
    /// Sound to be recorded comes from here from now on.
    Recording(Recording),
    /// Sound flows no more; it is tried again.
    Stopped(AudioError),
    /// The default device is another one; sound goes on there.
    DefaultChanged(Direction),
    /// The computer cannot keep up with the denoiser; sound goes on through the lighter one.
    Lightened {
        /// The least load of the seconds that told: seconds of computing for a second of sound.
        load: f64,
    },
}

/// Builds a denoiser for an input; [`AudioError::Unsupported`] tells why there is none.
pub type BuildDenoiser = Box<dyn FnMut(Format) -> Result<Denoiser, AudioError>>;

/// Builds what cleans an input, with as many channels; [`AudioError::Unsupported`] tells why there is nothing.
pub type BuildProcessor = Box<dyn FnMut(Format) -> Result<Box<dyn Processor>, AudioError>>;

/// A denoiser that obeys the controls.
fn controlled(mut build: BuildDenoiser, controls: Arc<Controls>) -> BuildProcessor {
    Box::new(move |format| Ok(Box::new(Controlled::new(build(format)?, controls.clone()))))
}

/// Silence of streams after which they count as lost.
const SILENT: Duration = Duration::from_secs(3);

/// Time between looks at which device is the default.
const CHECK: Duration = Duration::from_secs(1);

/// Load from where on the computer counts as overloaded: above, every interruption is heard.
const OVERLOAD: f64 = 0.9;

/// Checks in a row that must find it overloaded before the denoiser is exchanged for good. A program that starts may take
/// the computer for a moment.
const OVERLOADED_CHECKS: usize = 5;

/// Wait before the next try, the first time; doubled each time up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// All that runs while sound flows. Streams end before the worker.
struct Running {
    input: Box<dyn Stream>,
    outputs: Vec<Box<dyn Stream>>,
    _worker: Box<dyn Send>,
    input_name: String,
    output_names: Vec<String>,
    counters: Arc<Counters>,
    outlets: Vec<Arc<OutletCounters>>,
    format: Format,
    output_formats: Vec<Format>,
    /// Of the denoiser, in frames of the input.
    delay: usize,
    since: Duration,
}

/// A session.
pub struct Session {
    host: Box<dyn AudioHost>,
    plan: Plan,
    controls: Arc<Controls>,
    build: BuildProcessor,
    /// Builds what costs less, until it is needed.
    lighter: Option<BuildProcessor>,
    /// Loads that were too high, of the last checks in a row.
    overloads: Vec<f64>,
    load: Meter,
    // Before the microphone, since streams that play into it must end first.
    running: Option<Running>,
    microphone: Option<Box<dyn VirtualMicrophone>>,
    events: Vec<Event>,
    next_check: Duration,
    retry_at: Duration,
    wait: Duration,
    began: Duration,
    /// Known drift of the clock of each output.
    drifts: Vec<f64>,
    past: Totals,
    meter: Meter,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("plan", &self.plan)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Opens everything.
    ///
    /// # Errors
    /// Whatever keeps sound from flowing now. Later such things are waited for.
    pub fn start(
        host: Box<dyn AudioHost>,
        plan: Plan,
        controls: Arc<Controls>,
        build: BuildDenoiser,
    ) -> Result<Self, AudioError> {
        let build = controlled(build, controls.clone());
        Self::start_around(host, plan, controls, build)
    }

    /// The same through anything that cleans, which has its own settings.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with(
        host: Box<dyn AudioHost>,
        plan: Plan,
        build: BuildProcessor,
    ) -> Result<Self, AudioError> {
        let controls = Arc::new(Controls::new(&Config::default()));
        Self::start_around(host, plan, controls, build)
    }

    fn start_around(
        host: Box<dyn AudioHost>,
        plan: Plan,
        controls: Arc<Controls>,
        build: BuildProcessor,
    ) -> Result<Self, AudioError> {
        let began = host.now();
        let mut session = Session {
            host,
            drifts: vec![0.0; plan.outputs.len()],
            plan,
            controls,
            build,
            lighter: None,
            overloads: Vec::new(),
            load: Meter::default(),
            running: None,
            microphone: None,
            events: Vec::new(),
            next_check: began + CHECK,
            retry_at: began,
            wait: FIRST_WAIT,
            began,
            past: Totals::default(),
            meter: Meter::default(),
        };
        session.open()?;
        Ok(session)
    }

    /// Goes over to another denoiser, which costs less, if the computer turns out too slow for the first: when it computes more
    /// than nine tenths of the time for five seconds.
    pub fn with_lighter(mut self, build: BuildDenoiser) -> Self {
        self.lighter = Some(controlled(build, self.controls.clone()));
        self
    }

    /// Goes on with other devices, or builds anew with the same ones. [`tick`](Self::tick) opens them.
    pub fn change(&mut self, plan: Plan) {
        self.close();
        if plan.outputs != self.plan.outputs {
            self.drifts = vec![0.0; plan.outputs.len()];
        }
        if !plan.outputs.contains(&Target::VirtualMicrophone) {
            self.microphone = None;
        }
        self.plan = plan;
        self.wait = FIRST_WAIT;
        self.retry_at = self.host.now();
    }

    /// Looks after everything, and tells what has happened since the last time. To be called a few times a second.
    ///
    /// # Errors
    /// Errors that waiting does not mend.
    pub fn tick(&mut self) -> Result<Vec<Event>, AudioError> {
        let now = self.host.now();
        if self.running.is_some() {
            if let Some(error) = self.failure(now) {
                self.stop(error, now);
            } else if now >= self.next_check {
                self.next_check = now + CHECK;
                if let Some(direction) = self.default_changed() {
                    self.close();
                    self.events.push(Event::DefaultChanged(direction));
                    self.retry_at = now;
                } else if let Some((build, load)) = self.overloaded() {
                    self.build = build;
                    self.close();
                    self.events.push(Event::Lightened { load });
                    self.retry_at = now;
                }
            }
        }
        if self.running.is_none() && now >= self.retry_at {
            match self.open() {
                Ok(()) => self.wait = FIRST_WAIT,
                Err(error) if error.may_pass() => {
                    self.retry_at = now + self.wait;
                    self.wait = (self.wait * 2).min(LONGEST_WAIT);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(std::mem::take(&mut self.events))
    }

    /// The present state.
    pub fn status(&mut self) -> Status {
        let totals = self.totals();
        let now = self.host.now();
        let mut status = Status {
            seconds: (now - self.began).as_secs_f64(),
            running: self.running.is_some(),
            bypass: self.controls.bypass(),
            limit_db: self.controls.limit(),
            mix: self.controls.mix(),
            ..Status::of(&totals)
        };
        if let Some(running) = &self.running {
            let rate = f64::from(running.format.rate);
            let buffers = running.outlets.iter().map(|o| o.level.get() + o.delay.get());
            let levels = buffers.fold(0.0, f64::max);
            let device = |stream: &dyn Stream| stream.latency().unwrap_or_default().as_secs_f64();
            let latency = running.delay as f64 / rate
                + levels
                + device(&*running.input)
                + running.outputs.iter().map(|o| device(&**o)).fold(0.0, f64::max);
            status.latency_ms = Some(1e3 * latency);
            status.buffer_ms = Some(1e3 * levels);
            status.drift_ppm = running.outlets.first().map(|o| 1e6 * o.drift.get());
            status.input = Some(running.input_name.clone());
            status.outputs = running.output_names.clone();
            self.meter.read(&running.counters, running.format, &mut status);
        }
        status
    }

    /// Counts since the session began.
    pub fn totals(&self) -> Totals {
        let mut totals = self.past;
        if let Some(running) = &self.running {
            totals.add(&running.totals());
        }
        totals
    }

    /// The sound system.
    pub fn host(&self) -> &dyn AudioHost {
        &*self.host
    }

    /// The devices of the sound system that can be chosen: all but those of aeden's own virtual microphone.
    ///
    /// # Errors
    /// Whatever keeps the sound system from answering.
    pub fn devices(&mut self) -> Result<Vec<Device>, AudioError> {
        let mut devices = self.host.devices()?;
        devices.retain(|device| !self.host.is_own(device));
        Ok(devices)
    }

    /// The virtual microphone's name for people, if there is one.
    pub fn microphone(&self) -> Option<&str> {
        self.microphone.as_ref().map(|m| m.name())
    }

    /// The settings that may change while sound flows.
    pub fn controls(&self) -> &Controls {
        &self.controls
    }

    /// Opens devices and starts the streams.
    fn open(&mut self) -> Result<(), AudioError> {
        let input = match &self.plan.input {
            Some(name) => name.clone(),
            None => self.host.default_device(Direction::Input)?,
        };
        let format = self.host.format(Direction::Input, &input)?;
        let names = self.output_names()?;
        let mut plans = Vec::new();
        for (name, &drift) in names.iter().zip(&self.drifts) {
            plans.push(OutputPlan {
                format: self.host.format(Direction::Output, name)?,
                same_clock: !self.plan.always_retime && self.host.same_clock(&input, name),
                drift,
            });
        }
        let processor = (self.build)(format)?;
        let bridge = Bridge::around(format, &plans, processor, self.plan.record)?;
        let delay = bridge.worker.latency();
        let worker = self.host.run_worker(bridge.worker)?;
        let mut outputs = Vec::new();
        for ((name, plan), outlet) in names.iter().zip(&plans).zip(bridge.outlets) {
            outputs.push(self.host.open_output(name, plan.format, outlet)?);
        }
        let stream = self.host.open_input(&input, format, bridge.intake)?;
        let now = self.host.now();
        self.running = Some(Running {
            input: stream,
            outputs,
            _worker: worker,
            input_name: input.clone(),
            output_names: names.clone(),
            counters: bridge.counters,
            outlets: bridge.outlet_counters,
            format,
            output_formats: plans.iter().map(|p| p.format).collect(),
            delay,
            since: now,
        });
        (self.meter, self.load) = (Meter::default(), Meter::default());
        self.overloads.clear();
        self.next_check = now + CHECK;
        self.events.extend(bridge.recording.map(Event::Recording));
        self.events.push(Event::Started {
            input,
            outputs: names,
        });
        Ok(())
    }

    /// The outputs' names, the virtual microphone being made if it is not there.
    fn output_names(&mut self) -> Result<Vec<String>, AudioError> {
        let mut names = Vec::new();
        for target in self.plan.outputs.clone() {
            names.push(match target {
                Target::Device(name) => name,
                Target::Default => self.host.default_device(Direction::Output)?,
                Target::VirtualMicrophone => {
                    let stands = self
                        .microphone
                        .as_ref()
                        .is_some_and(|m| self.host.format(Direction::Output, m.output()).is_ok());
                    if !stands {
                        self.microphone = None;
                        self.microphone = Some(self.host.virtual_microphone()?);
                    }
                    self.microphone
                        .as_ref()
                        .map(|m| m.output().to_owned())
                        .unwrap_or_default()
                }
            });
        }
        Ok(names)
    }

    /// Why sound does not flow any more, if so.
    fn failure(&self, now: Duration) -> Option<AudioError> {
        let running = self.running.as_ref()?;
        let failed = running.outputs.iter().find_map(|output| output.failure());
        let silent = |last: Duration| now.saturating_sub(last.max(running.since)) > SILENT;
        running.input.failure().or(failed).or_else(|| {
            let input = silent(running.counters.last_input.get()).then_some("input");
            let output = || {
                running
                    .outlets
                    .iter()
                    .any(|o| silent(o.last_output.get()))
                    .then_some("output")
            };
            let which = input.or_else(output)?;
            Some(AudioError::Lost(format!(
                "the {which} has stood still for {} s",
                SILENT.as_secs()
            )))
        })
    }

    /// The direction whose default is another device than the one in use.
    fn default_changed(&mut self) -> Option<Direction> {
        let running = self.running.as_ref()?;
        let (input, outputs) = (running.input_name.clone(), running.output_names.clone());
        // An error here will soon be one of the streams, too.
        if self.plan.input.is_none()
            && self
                .host
                .default_device(Direction::Input)
                .is_ok_and(|d| d != input)
        {
            return Some(Direction::Input);
        }
        let followed = self.plan.outputs.iter().position(|o| *o == Target::Default)?;
        let default = self.host.default_device(Direction::Output).ok()?;
        (default != outputs[followed]).then_some(Direction::Output)
    }

    /// The lighter denoiser, if there is one and the load has been too high for long, and that load.
    fn overloaded(&mut self) -> Option<(BuildProcessor, f64)> {
        // Nothing is measured where nothing would come of it.
        self.lighter.as_ref()?;
        let running = self.running.as_ref()?;
        let mut status = Status::default();
        self.load.read(&running.counters, running.format, &mut status);
        match status.load.filter(|load| *load > OVERLOAD) {
            Some(load) => self.overloads.push(load),
            None => self.overloads.clear(),
        }
        if self.overloads.len() < OVERLOADED_CHECKS {
            return None;
        }
        let load = self.overloads.drain(..).fold(f64::INFINITY, f64::min);
        Some((self.lighter.take()?, load))
    }

    fn stop(&mut self, error: AudioError, now: Duration) {
        self.close();
        self.events.push(Event::Stopped(error));
        self.wait = FIRST_WAIT;
        self.retry_at = now + self.wait;
    }

    /// Ends the streams; what they counted and found out is kept.
    fn close(&mut self) {
        if let Some(running) = self.running.take() {
            for (known, outlet) in self.drifts.iter_mut().zip(&running.outlets) {
                *known = outlet.drift.get();
            }
            let totals = running.totals();
            drop(running);
            self.past.add(&totals);
            self.past.restarts += 1;
        }
    }
}

impl Running {
    fn totals(&self) -> Totals {
        let mut totals = Totals::of(&self.counters, self.format);
        for (outlet, format) in self.outlets.iter().zip(&self.output_formats) {
            totals.add_outlet(outlet, *format);
        }
        let streams = self.outputs.iter().chain([&self.input]);
        totals.device_underruns = streams.map(|s| s.device_underruns()).sum();
        totals
    }
}
