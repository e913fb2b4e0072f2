//! The state of a session, for a person or a program.

use crate::audio::Format;
use crate::bridge::{Counters, OutletCounters};
use serde::Serialize;

/// Counts, in seconds of sound where frames of different rates would not add up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Seconds recorded.
    pub received: f64,
    /// Seconds of input lost since the denoiser stood still.
    pub overrun: f64,
    /// Seconds cleaned.
    pub converted: f64,
    /// Seconds of cleaned sound skipped to be in time again.
    pub skipped: f64,
    /// Times that sound was skipped.
    pub skips: u64,
    /// Seconds of cleaned sound lost since an output stood still.
    pub overflowed: f64,
    /// Seconds of silence played for want of sound.
    pub lacked: f64,
    /// Times that there was no sound to give.
    pub underruns: u64,
    /// Underruns and overruns of the sound system's own buffers.
    pub device_underruns: u64,
    /// Seconds that a recording lacks.
    pub unrecorded: f64,
    /// Times that everything was opened anew.
    pub restarts: u64,
}

impl Totals {
    /// Of an input.
    pub fn of(counters: &Counters, format: Format) -> Self {
        let seconds = |frames: u64| frames as f64 / f64::from(format.rate);
        Totals {
            received: seconds(counters.received.get()),
            overrun: seconds(counters.overrun.get()),
            converted: seconds(counters.converted.get()),
            unrecorded: seconds(counters.unrecorded.get()),
            ..Totals::default()
        }
    }

    /// Adds an outlet's.
    pub fn add_outlet(&mut self, counters: &OutletCounters, format: Format) {
        let seconds = |frames: u64| frames as f64 / f64::from(format.rate);
        self.skipped += seconds(counters.skipped.get());
        self.skips += counters.skips.get();
        self.overflowed += seconds(counters.overflowed.get());
        self.lacked += seconds(counters.lacked.get());
        self.underruns += counters.underruns.get();
    }

    /// Adds others.
    pub fn add(&mut self, other: &Totals) {
        self.received += other.received;
        self.overrun += other.overrun;
        self.converted += other.converted;
        self.skipped += other.skipped;
        self.skips += other.skips;
        self.overflowed += other.overflowed;
        self.lacked += other.lacked;
        self.underruns += other.underruns;
        self.device_underruns += other.device_underruns;
        self.unrecorded += other.unrecorded;
        self.restarts += other.restarts;
    }
}

/// One line of statistics.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// Since the session began.
    pub seconds: f64,
    /// Sound flows; if not, a device is waited for.
    pub running: bool,
    /// The input's name.
    pub input: Option<String>,
    /// The outputs' names.
    pub outputs: Vec<String>,
    /// From the input device to the output device, as far as the sound system knows theirs: denoiser, buffers, devices.
    pub latency_ms: Option<f64>,
    /// The part of it that our buffers take.
    pub buffer_ms: Option<f64>,
    /// Computing time of the denoiser relative to the time it had, since the last line.
    pub load: Option<f64>,
    /// Drift: the speed of the input's clock over the (first) output's, less 1.
    pub drift_ppm: Option<f64>,
    /// Level of the input since the last line, dBFS; a signal that is ±1 throughout has 0.
    pub level_in_db: Option<f64>,
    /// Level of the cleaned sound.
    pub level_out_db: Option<f64>,
    /// The difference.
    pub reduction_db: Option<f64>,
    /// Times that there was no sound to give.
    pub underruns: u64,
    /// Silence played for want of sound, in ms.
    pub lacked_ms: f64,
    /// Times that late sound was skipped.
    pub skips: u64,
    /// Late sound that was skipped, in ms.
    pub skipped_ms: f64,
    /// Sound lost since the denoiser or an output stood still, in ms.
    pub lost_ms: f64,
    /// Underruns and overruns that the sound system reports.
    pub device_underruns: u64,
    /// Times that everything was opened anew.
    pub restarts: u64,
    /// Sound passes untouched.
    pub bypass: bool,
    /// The most that anything is attenuated.
    pub limit_db: Option<f32>,
    /// The share of the cleaned sound.
    pub mix: f32,
}

impl Status {
    /// The part that is counted.
    pub fn of(totals: &Totals) -> Self {
        Status {
            underruns: totals.underruns,
            lacked_ms: 1e3 * totals.lacked,
            skips: totals.skips,
            skipped_ms: 1e3 * totals.skipped,
            lost_ms: 1e3 * (totals.overrun + totals.overflowed),
            device_underruns: totals.device_underruns,
            restarts: totals.restarts,
            ..Status::default()
        }
    }
}

/// The lowest level that is told, in dBFS.
const SILENCE: f64 = -120.0;

/// Reads levels and load as what has come since the last reading.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    converted: u64,
    energy_in: f64,
    energy_out: f64,
    busy: f64,
}

impl Meter {
    /// Fills in the levels and the load.
    pub fn read(&mut self, counters: &Counters, format: Format, status: &mut Status) {
        let now = Meter {
            converted: counters.converted.get(),
            energy_in: counters.energy_in.get(),
            energy_out: counters.energy_out.get(),
            busy: counters.busy.get(),
        };
        let frames = (now.converted - self.converted) as f64;
        if frames > 0.0 {
            let level =
                |energy: f64| (10.0 * (energy / frames / format.channels as f64).log10()).max(SILENCE);
            let (input, output) = (
                level(now.energy_in - self.energy_in),
                level(now.energy_out - self.energy_out),
            );
            status.level_in_db = Some(input);
            status.level_out_db = Some(output);
            status.reduction_db = Some(input - output);
            status.load = Some((now.busy - self.busy) * f64::from(format.rate) / frames);
        }
        *self = now;
    }
}
