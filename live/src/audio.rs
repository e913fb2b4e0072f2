//! What a sound system must do for us, whichever it is: list devices, open streams, say what has become of them.

use crate::bridge::{Intake, Outlet, Worker};
use serde::Serialize;
use std::time::Duration;

/// Frames that every stream is asked to bring or take at a time: 10 ms at 48 kHz, one hop of the model. Never the
/// device's own choice, which is 2 s with PulseAudio.
pub const BLOCK: usize = 480;

/// The rate that a stream is asked for where the sound system converts rates itself.
pub const RATE: u32 = 48_000;

/// Which way sound goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From a device to us: a microphone, or what a loudspeaker plays (a monitor).
    Input,
    /// From us to a device.
    Output,
}

/// One device as a user sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// What `--input` and `--output` take: the sound system and the device's name in it, `pulseaudio:alsa_input.usb-…`.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// Which way sound goes.
    pub direction: Direction,
    /// Whether it is what the sound system gives to those who name none.
    pub default: bool,
    /// Its channels.
    pub channels: usize,
    /// Its sampling rate in Hz.
    pub rate: u32,
}

/// The samples of a stream: interleaved `f32`, full scale ±1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Frames a second.
    pub rate: u32,
    /// Samples a frame.
    pub channels: usize,
}

/// What can go wrong, and what the user can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AudioError {
    /// No sound system of this name answers.
    #[error("{system} does not answer ({why}); {advice}")]
    NoServer {
        /// The sound system.
        system: &'static str,
        /// What happened.
        why: String,
        /// What to do.
        advice: &'static str,
    },
    /// The sound system has no device to record from or to play on.
    #[error("there is no {} device; plug one in, or see what `aeden devices` lists", word(*.0))]
    NoDevice(Direction),
    /// The device that was named is not there.
    #[error("there is no {} device {id:?}; `aeden devices` lists those that are there", word(*.direction))]
    UnknownDevice {
        /// Which way sound goes.
        direction: Direction,
        /// What was asked for.
        id: String,
    },
    /// Another program has the device for itself.
    #[error("{0} is busy; close the program that uses it, or choose another device")]
    Busy(String),
    /// We may not use it.
    #[error(
        "{0}: permission denied; allow this user to use sound (on Linux: the group `audio`, or a desktop session)"
    )]
    Denied(String),
    /// A stream has ended that should not: the device is gone, or the server.
    #[error("{0}")]
    Lost(String),
    /// The sound system cannot do this.
    #[error("{0}")]
    Unsupported(String),
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Input => "input",
        Direction::Output => "output",
    }
}

impl AudioError {
    /// Whether the same may work later without anybody changing the command: something is missing, not wrong.
    pub fn may_pass(&self) -> bool {
        !matches!(self, AudioError::Unsupported(_))
    }
}

/// A running stream. Dropping it ends the stream; its callback runs no more after that.
pub trait Stream {
    /// Why the stream has ended by itself, if it has.
    fn failure(&self) -> Option<AudioError>;

    /// The delay of the device and what lies before it, as far as the sound system knows.
    fn latency(&self) -> Option<Duration> {
        None
    }

    /// How often the sound system says it had no sound from us, or no room for its own.
    fn device_underruns(&self) -> u64 {
        0
    }
}

/// A virtual microphone; dropping it removes it.
pub trait VirtualMicrophone {
    /// The device to play into, for [`AudioHost::open_output`].
    fn output(&self) -> &str;

    /// The microphone that other programs are to choose, by its name for people.
    fn name(&self) -> &str;
}

/// A sound system.
///
/// Used by one control thread. Callbacks ([`Intake::push`] and [`Outlet::pull`]) are called by audio threads of the host's,
/// with the host's clock: any steady clock, the same for all streams.
pub trait AudioHost {
    /// The part of device ids before the colon.
    fn name(&self) -> &'static str;

    /// The present time of the clock that callbacks are given.
    fn now(&self) -> Duration;

    /// All devices.
    ///
    /// # Errors
    /// Whatever keeps the sound system from answering.
    fn devices(&mut self) -> Result<Vec<Device>, AudioError>;

    /// The device, by its name in this system, that is to be used where the user names none. Never a virtual
    /// microphone of aeden's own, which would listen to itself.
    ///
    /// # Errors
    /// [`AudioError::NoDevice`], or whatever keeps the sound system from answering.
    fn default_device(&mut self, direction: Direction) -> Result<String, AudioError>;

    /// The format that a stream of this device will have.
    ///
    /// # Errors
    /// [`AudioError::UnknownDevice`], or whatever keeps the sound system from answering.
    fn format(&mut self, direction: Direction, device: &str) -> Result<Format, AudioError>;

    /// Whether the two devices are driven by one clock, so that nothing can drift.
    fn same_clock(&self, _input: &str, _output: &str) -> bool {
        false
    }

    /// Starts to record.
    ///
    /// # Errors
    /// Whatever keeps the stream from being opened.
    fn open_input(
        &mut self,
        device: &str,
        format: Format,
        intake: Intake,
    ) -> Result<Box<dyn Stream>, AudioError>;

    /// Starts to play.
    ///
    /// # Errors
    /// Whatever keeps the stream from being opened.
    fn open_output(
        &mut self,
        device: &str,
        format: Format,
        outlet: Outlet,
    ) -> Result<Box<dyn Stream>, AudioError>;

    /// Lets the worker run whenever the input has brought something, until the returned guard is dropped.
    ///
    /// # Errors
    /// [`AudioError::Unsupported`] if the operating system gives no thread.
    fn run_worker(&mut self, worker: Worker) -> Result<Box<dyn Send>, AudioError> {
        crate::worker_thread::spawn(worker)
    }

    /// Makes a virtual microphone, after removing what a crashed run has left.
    ///
    /// # Errors
    /// [`AudioError::Unsupported`] where that is not how it is done; the message says how it is.
    fn virtual_microphone(&mut self) -> Result<Box<dyn VirtualMicrophone>, AudioError>;
}
