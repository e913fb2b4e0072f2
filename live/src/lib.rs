//! Cleans a microphone while it is used: from an input through a denoiser to outputs, all day.
//!
//! [`session`] opens devices, lets sound flow, and begins again when something happens to them; [`status`] tells how things
//! stand. [`audio`] says what a sound system must do: PulseAudio (which is PipeWire too) and all that cpal knows do it, opened
//! by [`open_host`], and a clock that only tests turn ([`virtual_clock`]). [`bridge`] is the way of the samples between the
//! callbacks of two devices whose clocks differ, through a [`processor`].

#![warn(missing_debug_implementations)]

pub mod audio;
pub mod bridge;
mod counters;
#[cfg(any(
    feature = "alsa",
    feature = "jack",
    feature = "pipewire",
    not(target_os = "linux")
))]
mod cpal_host;
mod device;
mod drift;
mod margin;
mod priority;
pub mod processor;
#[cfg(all(target_os = "linux", feature = "pulseaudio"))]
mod pulse;
mod reserve;
pub mod session;
pub mod status;
pub mod virtual_clock;
mod worker_thread;

use audio::{AudioError, AudioHost};

/// The sound systems that this build can use, in the order in which they are tried.
pub const HOSTS: &[&str] = &[
    #[cfg(all(target_os = "linux", feature = "pulseaudio"))]
    "pulseaudio",
    #[cfg(all(target_os = "linux", feature = "pipewire"))]
    "pipewire",
    #[cfg(all(target_os = "linux", feature = "jack"))]
    "jack",
    #[cfg(all(target_os = "linux", feature = "alsa"))]
    "alsa",
    #[cfg(target_os = "windows")]
    "wasapi",
    #[cfg(target_vendor = "apple")]
    "coreaudio",
];

/// Opens a sound system by its name in [`HOSTS`].
///
/// # Errors
/// [`AudioError::Unsupported`] for other names; whatever keeps it from answering.
pub fn open_host(name: &str) -> Result<Box<dyn AudioHost>, AudioError> {
    match name {
        #[cfg(all(target_os = "linux", feature = "pulseaudio"))]
        pulse::PulseHost::NAME => Ok(Box::new(pulse::PulseHost::new()?)),
        #[cfg(any(
            feature = "alsa",
            feature = "jack",
            feature = "pipewire",
            not(target_os = "linux")
        ))]
        name if HOSTS.contains(&name) => Ok(Box::new(cpal_host::CpalHost::new(name)?)),
        name => Err(AudioError::Unsupported(format!(
            "this aeden has no sound system {name:?}, only {}; build it with --features {name} if that is one of cpal's",
            HOSTS.join(", ")
        ))),
    }
}

/// Opens the first sound system that answers.
///
/// # Errors
/// The error of the first one, if none answers.
pub fn open_default_host() -> Result<Box<dyn AudioHost>, AudioError> {
    let mut first = None;
    for name in HOSTS {
        match open_host(name) {
            Ok(host) => return Ok(host),
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or_else(|| {
        AudioError::Unsupported(
            "this aeden was built without any sound system; build it with --features pulseaudio".into(),
        )
    }))
}
