//! The interface of a sound system: list devices, open streams, report their state.

use crate::bridge::{Intake, Outlet, Worker};
use std::time::Duration;

pub use crate::device::{AudioError, BLOCK, Device, Direction, Format, RATE, name_in};

/// A running stream. Dropping it ends the stream; its callback runs no more after that.
pub trait Stream {
    /// Why the stream has ended by itself, if it has.
    fn failure(&self) -> Option<AudioError>;

    /// The delay of the device and what lies before it, as far as the sound system knows.
    fn latency(&self) -> Option<Duration> {
        None
    }

    /// Underruns and overruns that the sound system reports.
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

    /// Tells whether the two devices are driven by one clock, so that nothing can drift.
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

    /// Whether the device is a part of a virtual microphone of aeden's own, which would listen to itself.
    fn is_own(&self, _device: &Device) -> bool {
        false
    }

    /// Whether a virtual microphone can be made.
    fn makes_microphones(&self) -> bool {
        false
    }

    /// Makes a virtual microphone, after removing what a crashed run has left.
    ///
    /// # Errors
    /// [`AudioError::Unsupported`] where that is not how it is done; the message says how it is.
    fn virtual_microphone(&mut self) -> Result<Box<dyn VirtualMicrophone>, AudioError>;
}
