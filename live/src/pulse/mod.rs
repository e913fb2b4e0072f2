//! PulseAudio, and PipeWire through its pulse server: the protocol itself, spoken from Rust.
//!
//! `cpal` has a PulseAudio host too, but always links ALSA on Linux, and hides underruns, moved streams and modules.
//! Each stream has a connection and a thread of its own; questions go over another connection. The server converts
//! rates and channels, so that streams always have [`RATE`] and one or two channels.

mod connection;
mod stream;
mod virtual_microphone;

use crate::audio::{
    AudioError, AudioHost, Device, Direction, Format, RATE, Stream, VirtualMicrophone, name_in,
};
use crate::bridge::{Intake, Outlet};
use connection::Connection;
use pulseaudio::protocol::{Command, ServerInfo, SinkInfo, SourceInfo};
use std::ffi::CString;
use std::time::{Duration, Instant};

/// The server that the environment leads to.
pub struct PulseHost {
    start: Instant,
    connection: Option<Connection>,
}

impl std::fmt::Debug for PulseHost {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("PulseHost").finish_non_exhaustive()
    }
}

impl PulseHost {
    /// The host's name in device ids.
    pub const NAME: &'static str = "pulseaudio";

    /// Connects.
    ///
    /// # Errors
    /// [`AudioError::NoServer`] or [`AudioError::Denied`].
    pub fn new() -> Result<Self, AudioError> {
        Ok(PulseHost {
            start: Instant::now(),
            connection: Some(Connection::open()?),
        })
    }

    /// Asks over the present connection, or a new one if the last broke.
    fn ask<T>(
        &mut self,
        question: impl FnOnce(&mut Connection) -> Result<T, AudioError>,
    ) -> Result<T, AudioError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::open()?),
        };
        let answer = question(connection);
        // After an error nobody knows which answer comes next.
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    fn sources(&mut self) -> Result<Vec<SourceInfo>, AudioError> {
        self.ask(|c| c.ask(&Command::GetSourceInfoList))
    }

    fn sinks(&mut self) -> Result<Vec<SinkInfo>, AudioError> {
        self.ask(|c| c.ask(&Command::GetSinkInfoList))
    }
}

fn utf8(text: &CString) -> String {
    text.to_string_lossy().into_owned()
}

impl AudioHost for PulseHost {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn devices(&mut self) -> Result<Vec<Device>, AudioError> {
        let server: ServerInfo = self.ask(|c| c.ask(&Command::GetServerInfo))?;
        let default = |name: &CString, default: &Option<CString>| default.as_ref() == Some(name);
        let device =
            |name: &CString, description: &Option<CString>, direction, default, channels, rate| Device {
                id: format!("{}:{}", Self::NAME, utf8(name)),
                name: utf8(description.as_ref().unwrap_or(name)),
                direction,
                default,
                channels,
                rate,
            };
        let mut devices: Vec<Device> = self
            .sources()?
            .iter()
            .map(|s| {
                let default = default(&s.name, &server.default_source_name);
                let spec = &s.sample_spec;
                device(
                    &s.name,
                    &s.description,
                    Direction::Input,
                    default,
                    spec.channels.into(),
                    spec.sample_rate,
                )
            })
            .collect();
        devices.extend(self.sinks()?.iter().map(|s| {
            let default = default(&s.name, &server.default_sink_name);
            let spec = &s.sample_spec;
            device(
                &s.name,
                &s.description,
                Direction::Output,
                default,
                spec.channels.into(),
                spec.sample_rate,
            )
        }));
        Ok(devices)
    }

    fn default_device(&mut self, direction: Direction) -> Result<String, AudioError> {
        let server: ServerInfo = self.ask(|c| c.ask(&Command::GetServerInfo))?;
        let ours = virtual_microphone::is_ours;
        let (default, others) = match direction {
            Direction::Input => {
                // A real microphone rather than what a loudspeaker plays.
                let mut sources = self.sources()?;
                sources.sort_by_key(|s| s.monitor_of_sink_index.is_some());
                let names = sources.iter().map(|s| utf8(&s.name)).collect::<Vec<_>>();
                (server.default_source_name, names)
            }
            Direction::Output => {
                let names = self.sinks()?.iter().map(|s| utf8(&s.name)).collect();
                (server.default_sink_name, names)
            }
        };
        // A server without hardware names a default that is not in its list.
        let default = default
            .map(|name| utf8(&name))
            .filter(|name| others.contains(name));
        default
            .into_iter()
            .chain(others)
            .find(|name| !ours(name))
            .ok_or(AudioError::NoDevice(direction))
    }

    fn format(&mut self, direction: Direction, device: &str) -> Result<Format, AudioError> {
        let channels = match direction {
            Direction::Input => {
                let sources = self.sources()?;
                let source = sources.iter().find(|s| utf8(&s.name) == device);
                source.map(|s| s.sample_spec.channels)
            }
            Direction::Output => {
                let sinks = self.sinks()?;
                let sink = sinks.iter().find(|s| utf8(&s.name) == device);
                sink.map(|s| s.sample_spec.channels)
            }
        };
        let channels = channels.ok_or_else(|| AudioError::UnknownDevice {
            direction,
            id: format!("{}:{device}", Self::NAME),
        })?;
        Ok(Format {
            rate: RATE,
            channels: usize::from(channels).clamp(1, 2),
        })
    }

    fn open_input(
        &mut self,
        device: &str,
        format: Format,
        intake: Intake,
    ) -> Result<Box<dyn Stream>, AudioError> {
        stream::record(device, format, intake, self.start)
    }

    fn open_output(
        &mut self,
        device: &str,
        format: Format,
        outlet: Outlet,
    ) -> Result<Box<dyn Stream>, AudioError> {
        let server: ServerInfo = self.ask(|c| c.ask(&Command::GetServerInfo))?;
        let name = server.server_name.as_ref().map(utf8).unwrap_or_default();
        stream::play(device, format, outlet, self.start, name.contains("PipeWire"))
    }

    fn is_own(&self, device: &Device) -> bool {
        name_in(Self::NAME, &device.id).is_some_and(virtual_microphone::is_ours)
    }

    fn makes_microphones(&self) -> bool {
        true
    }

    fn virtual_microphone(&mut self) -> Result<Box<dyn VirtualMicrophone>, AudioError> {
        virtual_microphone::make()
    }
}
