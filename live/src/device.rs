//! Devices, the format of their streams, and what can go wrong with them.

use serde::Serialize;

/// Frames that every stream is asked to bring or take at a time: 10 ms at 48 kHz, one hop of the model. Never the
/// device's own choice, which is 2 s with PulseAudio.
pub const BLOCK: usize = 480;

/// The rate that a stream is asked for where the sound system converts rates itself.
pub const RATE: u32 = 48_000;

/// The direction of sound.
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
    /// The value of `--input` and `--output`: the sound system and the device's name in it, `pulseaudio:alsa_input.usb-…`.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The direction of sound.
    pub direction: Direction,
    /// It is the default of the sound system.
    pub default: bool,
    /// Its channels.
    pub channels: usize,
    /// Its sampling rate in Hz.
    pub rate: u32,
}

/// The name in a sound system of the device with this id, if it is one of that system's.
pub fn name_in<'a>(system: &str, id: &'a str) -> Option<&'a str> {
    id.strip_prefix(system)?.strip_prefix(':')
}

/// The samples of a stream: interleaved `f32`, full scale ±1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Frames a second.
    pub rate: u32,
    /// Samples a frame.
    pub channels: usize,
}

/// An error of a sound system, with advice for the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// No sound system of this name answers.
    #[error("{system} does not answer ({why}); {advice}")]
    NoServer {
        /// The sound system.
        system: &'static str,
        /// The reason.
        why: String,
        /// Advice.
        advice: &'static str,
    },
    /// The sound system has no device to record from or to play on.
    #[error("there is no {} device; plug one in, or see what `aeden devices` lists", word(*.0))]
    NoDevice(Direction),
    /// The device that was named is not there.
    #[error("there is no {} device {id:?}; `aeden devices` lists those that are there", word(*.direction))]
    UnknownDevice {
        /// The direction of sound.
        direction: Direction,
        /// The name that was asked for.
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
    /// Tells whether the same may work later without anybody changing the command: something is missing, not wrong.
    pub fn may_pass(&self) -> bool {
        !matches!(self, AudioError::Unsupported(_))
    }
}
