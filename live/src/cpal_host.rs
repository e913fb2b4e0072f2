//! Every sound system that `cpal` knows: ALSA, JACK and PipeWire on Linux, WASAPI on Windows, CoreAudio on macOS.

use crate::audio::{AudioError, AudioHost, BLOCK, Device, Direction, Format, Stream, VirtualMicrophone};
use crate::bridge::{Intake, Outlet};
use crate::counters::Count;
use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{
    BufferSize, Error, ErrorKind, FromSample, HostId, SampleFormat, SizedSample, StreamConfig,
    SupportedBufferSize, SupportedStreamConfig,
};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The most frames that a callback converts at a time; longer blocks are done in parts.
const MOST: usize = 8192;

/// Time that a device may take to open.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

/// One of cpal's hosts.
pub struct CpalHost {
    name: &'static str,
    host: cpal::Host,
    start: Instant,
}

impl std::fmt::Debug for CpalHost {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("CpalHost")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl CpalHost {
    /// Opens a host by its name, as in [`HOSTS`](crate::HOSTS).
    ///
    /// # Errors
    /// [`AudioError::NoServer`] if it does not answer, [`AudioError::Unsupported`] if this build has no such host.
    pub fn new(name: &str) -> Result<Self, AudioError> {
        let known = cpal::ALL_HOSTS
            .iter()
            .find(|id| id.name().eq_ignore_ascii_case(name));
        let id = *known
            .ok_or_else(|| AudioError::Unsupported(format!("this aeden has no sound system {name:?}")))?;
        let name = crate::HOSTS
            .iter()
            .copied()
            .find(|host| *host == name)
            .unwrap_or("cpal");
        let no_server = |why: String| AudioError::NoServer {
            system: name,
            why,
            advice: advice(id),
        };
        let host = cpal::host_from_id(id).map_err(|e| no_server(e.to_string()))?;
        // JACK counts as there when its library is, and has devices only while a server runs.
        if name == "jack" && !host.devices().is_ok_and(|mut devices| devices.next().is_some()) {
            return Err(no_server("no server runs".to_owned()));
        }
        Ok(CpalHost {
            name,
            host,
            start: Instant::now(),
        })
    }

    fn find(&self, direction: Direction, device: &str) -> Result<cpal::Device, AudioError> {
        let devices = self.host.devices().map_err(|e| self.failed(&e, self.name))?;
        let wanted = |d: &cpal::Device| d.id().is_ok_and(|id| id.id() == device) && goes(d, direction);
        let mut devices = devices;
        devices.find(wanted).ok_or_else(|| AudioError::UnknownDevice {
            direction,
            id: format!("{}:{device}", self.name),
        })
    }

    fn config(
        &self,
        direction: Direction,
        device: &cpal::Device,
        name: &str,
    ) -> Result<SupportedStreamConfig, AudioError> {
        let config = match direction {
            Direction::Input => device.default_input_config(),
            Direction::Output => device.default_output_config(),
        };
        config.map_err(|e| self.failed(&e, name))
    }

    /// The device's own configuration with our block, or the nearest that it can.
    fn prepared(
        &self,
        direction: Direction,
        name: &str,
    ) -> Result<(cpal::Device, StreamConfig, SampleFormat), AudioError> {
        let device = self.find(direction, name)?;
        let supported = self.config(direction, &device, name)?;
        let block = match supported.buffer_size() {
            SupportedBufferSize::Range { min, max } => (BLOCK as u32).clamp(*min, *max),
            SupportedBufferSize::Unknown => BLOCK as u32,
        };
        let config = StreamConfig {
            channels: supported.channels(),
            sample_rate: supported.sample_rate(),
            buffer_size: BufferSize::Fixed(block),
        };
        Ok((device, config, supported.sample_format()))
    }

    fn failed(&self, error: &Error, what: &str) -> AudioError {
        match error.kind() {
            ErrorKind::DeviceBusy => AudioError::Busy(what.into()),
            ErrorKind::PermissionDenied => AudioError::Denied(what.into()),
            ErrorKind::HostUnavailable => AudioError::NoServer {
                system: self.name,
                why: error.to_string(),
                advice: advice(self.host.id()),
            },
            ErrorKind::UnsupportedConfig | ErrorKind::UnsupportedOperation | ErrorKind::InvalidInput => {
                AudioError::Unsupported(format!("{what}: {error}; choose another device"))
            }
            _ => AudioError::Lost(format!("{what}: {error}")),
        }
    }
}

fn advice(id: HostId) -> &'static str {
    match id.name().to_ascii_lowercase().as_str() {
        "jack" => "start JACK (jackd -d alsa), or run under pw-jack",
        "pipewire" => "start PipeWire (systemctl --user start pipewire wireplumber)",
        _ => "check that sound works at all on this machine",
    }
}

fn goes(device: &cpal::Device, direction: Direction) -> bool {
    match direction {
        Direction::Input => device.supports_input(),
        Direction::Output => device.supports_output(),
    }
}

impl AudioHost for CpalHost {
    fn name(&self) -> &'static str {
        self.name
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn devices(&mut self) -> Result<Vec<Device>, AudioError> {
        let defaults = [
            self.host.default_input_device(),
            self.host.default_output_device(),
        ];
        let mut devices = Vec::new();
        for device in self.host.devices().map_err(|e| self.failed(&e, self.name))? {
            let Ok(id) = device.id() else { continue };
            for direction in [Direction::Input, Direction::Output] {
                if !goes(&device, direction) {
                    continue;
                }
                // A device that cannot say how it would run cannot be used.
                let Ok(config) = self.config(direction, &device, id.id()) else {
                    continue;
                };
                let default = defaults[direction as usize].as_ref().and_then(|d| d.id().ok());
                devices.push(Device {
                    id: format!("{}:{}", self.name, id.id()),
                    name: device
                        .description()
                        .map_or_else(|_| id.id().into(), |d| d.name().into()),
                    direction,
                    default: default.as_ref() == Some(&id),
                    channels: config.channels().into(),
                    rate: config.sample_rate(),
                });
            }
        }
        Ok(devices)
    }

    fn default_device(&mut self, direction: Direction) -> Result<String, AudioError> {
        let device = match direction {
            Direction::Input => self.host.default_input_device(),
            Direction::Output => self.host.default_output_device(),
        };
        let id = device.and_then(|d| d.id().ok());
        id.map(|id| id.id().to_owned())
            .ok_or(AudioError::NoDevice(direction))
    }

    fn format(&mut self, direction: Direction, device: &str) -> Result<Format, AudioError> {
        let (_, config, _) = self.prepared(direction, device)?;
        Ok(Format {
            rate: config.sample_rate,
            channels: usize::from(config.channels).clamp(1, 2),
        })
    }

    fn same_clock(&self, _input: &str, _output: &str) -> bool {
        // A JACK server has one clock for all its clients.
        self.name == "jack"
    }

    fn open_input(
        &mut self,
        device: &str,
        _format: Format,
        intake: Intake,
    ) -> Result<Box<dyn Stream>, AudioError> {
        let (found, config, sample) = self.prepared(Direction::Input, device)?;
        let ours = Ours::new(device);
        let opened = match sample {
            SampleFormat::F32 => input::<f32>(&found, config, intake, self.start, &ours),
            SampleFormat::I16 => input::<i16>(&found, config, intake, self.start, &ours),
            SampleFormat::I32 => input::<i32>(&found, config, intake, self.start, &ours),
            SampleFormat::U16 => input::<u16>(&found, config, intake, self.start, &ours),
            other => return Err(unknown_samples(device, other)),
        };
        opened
            .and_then(|s| ours.started(s))
            .map_err(|e| self.failed(&e, device))
    }

    fn open_output(
        &mut self,
        device: &str,
        _format: Format,
        outlet: Outlet,
    ) -> Result<Box<dyn Stream>, AudioError> {
        let (found, config, sample) = self.prepared(Direction::Output, device)?;
        let ours = Ours::new(device);
        let opened = match sample {
            SampleFormat::F32 => output::<f32>(&found, config, outlet, self.start, &ours),
            SampleFormat::I16 => output::<i16>(&found, config, outlet, self.start, &ours),
            SampleFormat::I32 => output::<i32>(&found, config, outlet, self.start, &ours),
            SampleFormat::U16 => output::<u16>(&found, config, outlet, self.start, &ours),
            other => return Err(unknown_samples(device, other)),
        };
        opened
            .and_then(|s| ours.started(s))
            .map_err(|e| self.failed(&e, device))
    }

    fn virtual_microphone(&mut self) -> Result<Box<dyn VirtualMicrophone>, AudioError> {
        let how = match self.name {
            "jack" => {
                "with JACK, connect aeden's output ports to the other program instead of using --virtual-mic"
            }
            "wasapi" => {
                "install VB-Cable, play into it with --output, and choose \"CABLE Output\" in the other program"
            }
            "coreaudio" => {
                "install BlackHole, play into it with --output, and choose it in the other program"
            }
            _ => "use --system pulseaudio for a virtual microphone (PipeWire has that too)",
        };
        Err(AudioError::Unsupported(format!("{how}; see docs/live.md")))
    }
}

fn unknown_samples(device: &str, format: SampleFormat) -> AudioError {
    AudioError::Unsupported(format!(
        "{device} has samples of the kind {format}, which aeden does not know; choose another device"
    ))
}

/// Reports of a stream's callbacks.
#[derive(Clone)]
struct Ours {
    device: Arc<str>,
    failure: Arc<OnceLock<AudioError>>,
    underruns: Arc<Count>,
}

impl Ours {
    fn new(device: &str) -> Self {
        Ours {
            device: device.into(),
            failure: Arc::default(),
            underruns: Arc::default(),
        }
    }

    /// Called by cpal when something has happened to the stream.
    fn report(&self, error: &Error) {
        match error.kind() {
            ErrorKind::Xrun => self.underruns.add(1),
            // Sound works, only less surely.
            ErrorKind::RealtimeDenied => {}
            _ => {
                _ = self
                    .failure
                    .set(AudioError::Lost(format!("{}: {error}", self.device)))
            }
        }
    }

    fn started(self, stream: cpal::Stream) -> Result<Box<dyn Stream>, Error> {
        stream.play()?;
        Ok(Box::new(CpalStream {
            ours: self,
            _stream: stream,
        }))
    }
}

struct CpalStream {
    ours: Ours,
    _stream: cpal::Stream,
}

impl Stream for CpalStream {
    fn failure(&self) -> Option<AudioError> {
        self.ours.failure.get().cloned()
    }

    fn device_underruns(&self) -> u64 {
        self.ours.underruns.get()
    }
}

/// Opens an input; of more channels than the intake takes, the first ones are used.
fn input<T: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut intake: Intake,
    clock: Instant,
    ours: &Ours,
) -> Result<cpal::Stream, Error>
where
    f32: FromSample<T>,
{
    let (theirs, taken) = (usize::from(config.channels), intake.channels());
    let mut samples = vec![0.0; MOST * taken];
    let hear = move |data: &[T], _: &cpal::InputCallbackInfo| {
        for part in data.chunks(MOST * theirs) {
            let frames = part.len() / theirs;
            for (to, from) in samples.chunks_exact_mut(taken).zip(part.chunks_exact(theirs)) {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = from.to_sample::<f32>();
                }
            }
            intake.push(&samples[..frames * taken], clock.elapsed());
        }
    };
    let ours = ours.clone();
    device.build_input_stream(config, hear, move |e| ours.report(&e), PATIENCE)
}

/// Opens an output; channels beyond those of the outlet are silent.
fn output<T: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut outlet: Outlet,
    clock: Instant,
    ours: &Ours,
) -> Result<cpal::Stream, Error> {
    let (theirs, given) = (usize::from(config.channels), outlet.channels());
    let mut samples = vec![0.0; MOST * given];
    let play = move |data: &mut [T], _: &cpal::OutputCallbackInfo| {
        for part in data.chunks_mut(MOST * theirs) {
            let frames = part.len() / theirs;
            outlet.pull(&mut samples[..frames * given], clock.elapsed());
            for (to, from) in part.chunks_exact_mut(theirs).zip(samples.chunks_exact(given)) {
                for (c, to) in to.iter_mut().enumerate() {
                    *to = T::from_sample(from.get(c).copied().unwrap_or(0.0));
                }
            }
        }
    };
    let ours = ours.clone();
    device.build_output_stream(config, play, move |e| ours.report(&e), PATIENCE)
}
