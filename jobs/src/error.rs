//! Errors of the jobs.

use crate::range::{LARGEST, RATES};
use aeden::Kind;

/// Why a job cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Bytes that are not what they should be.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The index is open already, here or in another process.
    #[error("the index is in use by another aeden")]
    Busy,
    /// The database under the index failed in a way of its own.
    #[error("the index cannot be used")]
    Index(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A rate that is not within [`RATES`].
    #[error("the rate must be {} to {} Hz, not {rate}", RATES.start(), RATES.end(), rate = .0)]
    Rate(u32),
    /// A network cannot be read or run.
    #[error(transparent)]
    Model(#[from] aeden::Error),
    /// A network of a kind that the job cannot use.
    #[error("{job} takes {wanted}, not a {} one", found.name())]
    Kind {
        /// The job.
        job: &'static str,
        /// Values that it takes.
        wanted: &'static str,
        /// The value given.
        found: Kind,
    },
    /// The stored data was made with another network.
    #[error("made with another model (number {stored:016x}, this is {given:016x})")]
    OtherModel {
        /// Fingerprint of the network that it was made with.
        stored: u64,
        /// Fingerprint of the network at hand.
        given: u64,
    },
    /// Two rates that should be one differ.
    #[error("expected {expected} Hz, found {found} Hz")]
    OtherRate {
        /// Rate of the first, in Hz.
        expected: u32,
        /// Rate of the second, in Hz.
        found: u32,
    },
    /// The number of channels differs from what was announced.
    #[error("expected {expected} channels, found {found}")]
    Channels {
        /// As announced.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// A channel is longer or shorter than the first.
    #[error("expected {expected} samples in channel {}, found {found}", channel + 1)]
    Lengths {
        /// Its number, counted from 0.
        channel: usize,
        /// Samples of the first channel.
        expected: usize,
        /// Samples of this one.
        found: usize,
    },
    /// A sample that is no finite number, or larger than [`LARGEST`].
    #[error(
        "the sample at {seconds:.6} s in channel {} is {value:e}; it must be a number from -{LARGEST:e} to {LARGEST:e}",
        channel + 1
    )]
    Sample {
        /// Its place in the recording.
        seconds: f64,
        /// In which channel, counted from 0.
        channel: usize,
        /// The sample.
        value: f32,
    },
    /// A recording was longer or shorter when it was read again.
    #[error("the recording had {expected} samples a channel and now has {found}")]
    Changed {
        /// At first.
        expected: u64,
        /// Now.
        found: u64,
    },
    /// A region to be filled ends after the recording.
    #[error("the region {start}-{end} ends after the recording, which has {seconds:.3} s")]
    Region {
        /// Its start in seconds.
        start: f64,
        /// Its end in seconds.
        end: f64,
        /// Length of the recording.
        seconds: f64,
    },
    /// There is too little sound to learn room tone from.
    #[error("{quiet:.2} of {seconds:.2} s can be learned from, and {needed:.0} s are needed")]
    TooLittle {
        /// Seconds that can be learned from.
        quiet: f64,
        /// Length of the recording.
        seconds: f64,
        /// The least that is needed.
        needed: f64,
    },
    /// A recording is digital silence, in which there is no room tone.
    #[error("the recording is silent")]
    Silent,
    /// More sounds than a map can hold.
    #[error("{found} sounds, and a map has at most {most}")]
    TooMany {
        /// As given.
        found: usize,
        /// As many as there may be.
        most: usize,
    },
}

/// A fault of stored bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// They begin like nothing that this crate writes.
    #[error("not written by aeden")]
    Foreign,
    /// Another version of aeden wrote them.
    #[error("of version {found}, and version {known} is read")]
    Version {
        /// As stored.
        found: u64,
        /// As this crate has it.
        known: u64,
    },
    /// They end too early.
    #[error("cut short")]
    CutShort,
    /// A checksum does not fit.
    #[error("altered (a checksum does not fit)")]
    Altered,
    /// Something follows their end.
    #[error("followed by something after its end")]
    Trailing,
    /// Checksums fit, and what they protect makes no sense.
    #[error("without sense; aeden did not write it")]
    Senseless,
}
