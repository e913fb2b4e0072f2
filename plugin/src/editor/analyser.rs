//! From samples to what the editor draws: spectra of what came in and what is left, levels, reduction, load.

use crate::monitor::{METERS, Receiver, Stream};
use aeden::Listen;
use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bands of the spectrum.
pub const BANDS: usize = 160;
/// The centre of the first band, in Hz.
pub const LOWEST: f32 = 40.0;
/// The centre of the last, in Hz.
pub const HIGHEST: f32 = 20_000.0;
/// The level of silence, in dB relative to full scale; nothing is shown below.
pub const FLOOR: f32 = -120.0;

/// How much sound a spectrum shows, in seconds.
const WINDOW_SECONDS: f32 = 0.085;
/// The time from one column of the spectrogram to the next, in seconds.
pub const COLUMN_SECONDS: f32 = 0.02;
/// How fast bands rise and fall, as time constants in seconds.
const RISE: f32 = 0.03;
const FALL: f32 = 0.25;
/// The time constant of reduction and load, in seconds.
const SLOW: f32 = 0.3;
/// How fast level meters fall, in dB a second.
const METER_FALL: f32 = 26.0;
/// How long a level meter holds the largest level, in seconds.
const HOLD: f32 = 1.5;

/// What the parameters mean for the output, so that input and cleaned sound can be told from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hearing {
    /// What is heard.
    pub listen: Listen,
    /// The output gain as a factor.
    pub gain: f32,
    /// Whether the input passes untouched.
    pub bypass: bool,
}

/// A level meter that falls slowly and holds its peak; in dB relative to full scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The level now.
    pub now: f32,
    /// The largest of the last moments.
    pub held: f32,
    /// The largest since it was last reset.
    pub peak: f32,
    /// Seconds since `held`.
    age: f32,
}

impl Level {
    const SILENT: Self = Self {
        now: FLOOR,
        held: FLOOR,
        peak: FLOOR,
        age: 0.0,
    };

    fn follow(&mut self, magnitude: f32, elapsed: f32) {
        let level = if magnitude.is_finite() {
            decibels(magnitude * magnitude)
        } else {
            FLOOR
        };
        self.peak = level.max(self.peak);
        self.now = level.max(self.now - METER_FALL * elapsed).max(FLOOR);
        self.age += elapsed;
        if self.now >= self.held {
            (self.held, self.age) = (self.now, 0.0);
        } else if self.age > HOLD {
            self.held = (self.held - METER_FALL * elapsed).max(self.now);
        }
    }
}

/// Levels in the bands at a time, in dB: of what came in, and of what is left.
pub type Column = [[f32; BANDS]; 2];

/// All that is drawn.
pub struct Analyser {
    stream: Stream,
    /// Input that waits for the output of the same moment, `latency` samples.
    waiting: VecDeque<f32>,
    received: (Vec<f32>, Vec<f32>),
    /// The last window of what came in, and of what is left, oldest first.
    recent: [VecDeque<f32>; 2],
    transform: Arc<dyn RealToComplex<f32>>,
    taper: Vec<f32>,
    windowed: Vec<f32>,
    spectrum: Vec<Complex32>,
    scratch: Vec<Complex32>,
    /// What has been since [`columns`](Self::columns) was last called, if anybody wants it.
    columns: Option<Vec<Column>>,
    /// Samples until the next of them.
    until_column: usize,
    /// Power in the bands, smoothed, of what came in, and of what is left.
    bands: [[f32; BANDS]; 2],
    /// Energy of both, smoothed.
    energy: [f32; 2],
    levels: [[Level; METERS]; 2],
    load: f32,
}

impl Analyser {
    /// Shows silence, until a stream begins.
    pub fn new() -> Self {
        let mut analyser = Self {
            stream: Stream::default(),
            waiting: VecDeque::new(),
            received: Default::default(),
            recent: Default::default(),
            transform: RealFftPlanner::new().plan_fft_forward(2),
            taper: Vec::new(),
            windowed: Vec::new(),
            spectrum: Vec::new(),
            scratch: Vec::new(),
            columns: None,
            until_column: 1,
            bands: [[0.0; BANDS]; 2],
            energy: [0.0; 2],
            levels: [[Level::SILENT; METERS]; 2],
            load: 0.0,
        };
        analyser.begin(Stream {
            sample_rate: 48_000,
            ..Stream::default()
        });
        analyser
    }

    /// What the host runs the plugin at.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// Levels of a band in dB, of what came in and of what is left.
    pub fn band(&self, band: usize) -> [f32; 2] {
        self.bands.map(|bands| decibels(bands[band]))
    }

    /// Has columns kept from now on, or no longer.
    pub fn keep_columns(&mut self, keep: bool) {
        if keep != self.columns.is_some() {
            self.columns = keep.then(Vec::new);
        }
    }

    /// The columns since the last call, one every [`COLUMN_SECONDS`] of sound, if they are [kept](Self::keep_columns).
    pub fn columns(&mut self) -> impl Iterator<Item = Column> {
        self.columns.iter_mut().flat_map(|columns| columns.drain(..))
    }

    /// How much quieter what is left is than what came in, in dB, 0 or more.
    pub fn reduction(&self) -> f32 {
        let [before, after] = self.energy.map(decibels);
        (before - after).max(0.0)
    }

    /// Levels of what came in and what goes out, a meter for the channel or two.
    pub fn levels(&self) -> [&[Level]; 2] {
        let meters = (self.stream.channels.max(1) as usize).min(METERS);
        [&self.levels[0][..meters], &self.levels[1][..meters]]
    }

    /// Forgets the largest levels, of what came in or of what goes out.
    pub fn reset_peaks(&mut self, output: bool) {
        for level in &mut self.levels[usize::from(output)] {
            level.peak = FLOOR;
        }
    }

    /// The share of a core that processing takes.
    pub fn load(&self) -> f32 {
        self.load
    }

    /// Takes what has come. `elapsed` is the time since the last call, in seconds. Gives whether anything moves.
    pub fn update(&mut self, receiver: &mut Receiver, hearing: Hearing, elapsed: f32) -> bool {
        let stream = receiver.facts().stream();
        if stream != self.stream && stream.sample_rate > 0 {
            self.begin(stream);
        }
        let (peaks_in, peaks_out) = receiver.peaks();
        for (levels, peaks) in self.levels.iter_mut().zip([peaks_in, peaks_out]) {
            for (level, peak) in levels.iter_mut().zip(peaks) {
                level.follow(peak, elapsed);
            }
        }
        let (busy, samples) = receiver.load();
        if samples > 0 {
            let load = busy.as_secs_f32() * self.stream.sample_rate as f32 / samples as f32;
            self.load += (load - self.load) * share(elapsed, SLOW);
        }
        let (mut input, mut output) = std::mem::take(&mut self.received);
        input.clear();
        output.clear();
        receiver.receive(&mut input, &mut output);
        let came = !input.is_empty();
        self.take(&input, &output, hearing, elapsed);
        self.received = (input, output);
        if came {
            self.analyse(elapsed);
        }
        // What is above the floor rises or falls: meters by themselves, the spectrum with the samples that come.
        let meters = self.levels.iter().flatten().any(|level| level.held > FLOOR);
        let spectrum = self.bands.iter().flatten().any(|power| decibels(*power) > FLOOR);
        meters || (came && spectrum)
    }

    fn begin(&mut self, stream: Stream) {
        let window = ((stream.sample_rate as f32 * WINDOW_SECONDS) as usize).next_power_of_two();
        self.stream = stream;
        self.waiting = VecDeque::from(vec![0.0; stream.latency as usize]);
        self.recent = std::array::from_fn(|_| VecDeque::from(vec![0.0; window]));
        self.transform = RealFftPlanner::new().plan_fft_forward(window);
        // Hann, such that a full-scale sine has power 1.
        let turn = std::f32::consts::TAU / window as f32;
        self.taper = (0..window)
            .map(|n| (1.0 - (turn * n as f32).cos()) * 2.0 / window as f32)
            .collect();
        self.windowed = vec![0.0; window];
        self.spectrum = self.transform.make_output_vec();
        self.scratch = self.transform.make_scratch_vec();
        self.bands = [[0.0; BANDS]; 2];
        self.energy = [0.0; 2];
    }

    /// Tells what came in and what is left apart, and remembers the last window of both.
    fn take(&mut self, input: &[f32], output: &[f32], hearing: Hearing, elapsed: f32) {
        let sane = |x: f32| if x.is_finite() { x.clamp(-1e3, 1e3) } else { 0.0 };
        let mut energy = [0.0; 2];
        for (&x, &y) in input.iter().zip(output) {
            self.waiting.push_back(sane(x));
            let before = self.waiting.pop_front().unwrap_or_default();
            let heard = sane(y / if hearing.bypass { 1.0 } else { hearing.gain });
            let left = match hearing.listen {
                Listen::Removed if !hearing.bypass => before - heard,
                _ => heard,
            };
            for ((recent, energy), sample) in self.recent.iter_mut().zip(&mut energy).zip([before, left]) {
                recent.pop_front();
                recent.push_back(sample);
                *energy += sample * sample;
            }
            self.until_column -= 1;
            if self.until_column == 0 {
                self.until_column = ((COLUMN_SECONDS * self.stream.sample_rate as f32) as usize).max(1);
                if self.columns.is_some() {
                    let column = [0, 1].map(|which| self.powers(which).map(decibels));
                    self.columns.iter_mut().for_each(|columns| columns.push(column));
                }
            }
        }
        if !input.is_empty() {
            for (smooth, energy) in self.energy.iter_mut().zip(energy) {
                *smooth += (energy / input.len() as f32 - *smooth) * share(elapsed, SLOW);
            }
        }
    }

    fn analyse(&mut self, elapsed: f32) {
        for which in [0, 1] {
            let powers = self.powers(which);
            for (smooth, power) in self.bands[which].iter_mut().zip(powers) {
                let time = if power > *smooth { RISE } else { FALL };
                *smooth += (power - *smooth) * share(elapsed, time);
            }
        }
    }

    /// Powers in the bands of the last window, of what came in, 0, or of what is left, 1.
    fn powers(&mut self, which: usize) -> [f32; BANDS] {
        let recent = &self.recent[which];
        for ((windowed, sample), taper) in self.windowed.iter_mut().zip(recent).zip(&self.taper) {
            *windowed = sample * taper;
        }
        // Fails only for buffers of other lengths than it made itself.
        let transformed =
            self.transform
                .process_with_scratch(&mut self.windowed, &mut self.spectrum, &mut self.scratch);
        debug_assert!(transformed.is_ok());
        let bins_per_hertz = self.taper.len() as f32 / self.stream.sample_rate as f32;
        std::array::from_fn(|band| {
            power_between(
                &self.spectrum,
                frequency_of(band as f32 - 0.5) * bins_per_hertz,
                frequency_of(band as f32 + 0.5) * bins_per_hertz,
            )
        })
    }
}

/// The frequency at a place on the scale of the bands, in Hz.
pub fn frequency_of(band: f32) -> f32 {
    LOWEST * (HIGHEST / LOWEST).powf(band / (BANDS - 1) as f32)
}

/// The place of a frequency (Hz) on the scale of the bands.
pub fn band_of(frequency: f32) -> f32 {
    (frequency / LOWEST).ln() / (HIGHEST / LOWEST).ln() * (BANDS - 1) as f32
}

/// The power between two places, in bins. Where less than a bin lies between them, it is interpolated as if a band
/// were a bin wide, so that a sine shows the same level wherever it is.
fn power_between(spectrum: &[Complex32], from: f32, to: f32) -> f32 {
    let at = |bin: usize| spectrum.get(bin).map_or(0.0, Complex32::norm_sqr);
    if to - from < 1.0 {
        let middle = 0.5 * (from + to);
        let (bin, part) = (middle as usize, middle.fract());
        return at(bin) * (1.0 - part) + at(bin + 1) * part;
    }
    let mut power = 0.0;
    for bin in from as usize..=to as usize {
        let covered = (to.min(bin as f32 + 1.0) - from.max(bin as f32)).max(0.0);
        power += covered * at(bin);
    }
    // A Hann window spreads a sine's power over three bins, one and a half times that of the middle one.
    power / (1.0 + 0.5 * (to - from - 1.0).min(1.0))
}

/// The share that a time constant lets through in a time.
fn share(elapsed: f32, constant: f32) -> f32 {
    1.0 - (-elapsed / constant).exp()
}

fn decibels(power: f32) -> f32 {
    if power > 1e-12 {
        10.0 * power.log10()
    } else {
        FLOOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Transmitter, monitor};

    const NORMAL: Hearing = Hearing {
        listen: Listen::Cleaned,
        gain: 1.0,
        bypass: false,
    };

    /// Shows an analyser a second of sound, and what became of it.
    fn shown(hearing: Hearing, input: impl Fn(f32) -> f32, output: impl Fn(f32) -> f32) -> Analyser {
        let rate = 48_000;
        let (mut transmitter, mut receiver): (Transmitter, _) = monitor();
        transmitter.facts().set_stream(Stream {
            sample_rate: rate,
            latency: 100,
            channels: 1,
        });
        let _watching = receiver.watch();
        let mut analyser = Analyser::new();
        for start in (0..rate).step_by(800) {
            let time = |n: u32, late: u32| (start + n) as f32 / rate as f32 - late as f32 / rate as f32;
            let mut block: Vec<f32> = (0..800).map(|n| input(time(n, 0))).collect();
            transmitter.before(&[&mut block]);
            block = (0..800).map(|n| output(time(n, 100))).collect();
            transmitter.after(&[&mut block]);
            analyser.update(&mut receiver, hearing, 800.0 / rate as f32);
        }
        analyser
    }

    #[test]
    fn it_moves_with_sound_and_comes_to_rest_without() {
        let (mut transmitter, mut receiver) = monitor();
        transmitter.facts().set_stream(Stream {
            sample_rate: 48_000,
            latency: 0,
            channels: 1,
        });
        let _watching = receiver.watch();
        let mut analyser = Analyser::new();
        let mut update = |block: Option<f32>| {
            if let Some(sample) = block {
                let mut block = [sample; 480];
                transmitter.before(&[&mut block]);
                transmitter.after(&[&mut block]);
            }
            analyser.update(&mut receiver, NORMAL, 0.01)
        };
        assert!(!update(Some(0.0)));
        assert!(update(Some(0.5)));
        // Nothing more comes at all, or silence does.
        assert!((0..2000).any(|_| !update(None)));
        assert!(update(Some(0.5)));
        assert!((0..2000).any(|_| !update(Some(0.0))));
    }

    fn sine(frequency: f32, amplitude: f32) -> impl Fn(f32) -> f32 {
        move |time| amplitude * (std::f32::consts::TAU * frequency * time).sin()
    }

    #[test]
    fn a_sine_shows_its_level_at_its_frequency() {
        for frequency in [200.0, 1000.0, 7900.0] {
            let analyser = shown(NORMAL, sine(frequency, 0.5), sine(frequency, 0.05));
            let band = band_of(frequency).round() as usize;
            let [before, left] = analyser.band(band);
            // On the border of two bands, each has half of its power.
            assert!((before + 6.0).abs() < 3.5, "{frequency} Hz: {before} dB");
            assert!((left + 26.0).abs() < 3.5, "{frequency} Hz: {left} dB");
            assert!(analyser.band(band - 30)[0] < before - 40.0);
            assert!((analyser.reduction() - 20.0).abs() < 0.5);
            assert!((analyser.levels()[0][0].now + 6.0).abs() < 0.5);
        }
    }

    #[test]
    fn what_is_left_is_told_from_what_is_removed_and_from_the_gain() {
        let removed = Hearing {
            listen: Listen::Removed,
            gain: 2.0,
            bypass: false,
        };
        let analyser = shown(removed, sine(500.0, 0.5), sine(500.0, 2.0 * 0.45));
        assert!(
            (analyser.reduction() - 20.0).abs() < 0.5,
            "{}",
            analyser.reduction()
        );
        let bypassed = Hearing {
            bypass: true,
            ..removed
        };
        let analyser = shown(bypassed, sine(500.0, 0.5), sine(500.0, 0.5));
        assert!(analyser.reduction() < 0.1);
    }

    #[test]
    fn columns_come_at_a_steady_pace_however_sound_comes_and_only_when_they_are_wanted() {
        let (mut transmitter, mut receiver) = monitor();
        transmitter.facts().set_stream(Stream {
            sample_rate: 48_000,
            latency: 100,
            channels: 1,
        });
        let _watching = receiver.watch();
        let mut analyser = Analyser::new();
        let mut play = |analyser: &mut Analyser, lengths: &[usize]| {
            for length in lengths {
                let tone = |loud: f32| (0..*length).map(move |n| loud * if n % 48 < 24 { 1.0 } else { -1.0 });
                let mut block: Vec<f32> = tone(0.5).collect();
                transmitter.before(&[&mut block]);
                block = tone(0.05).collect();
                transmitter.after(&[&mut block]);
                analyser.update(&mut receiver, NORMAL, 0.01);
            }
            analyser.columns().collect::<Vec<_>>()
        };
        assert_eq!(play(&mut analyser, &[4800]).len(), 0);
        analyser.keep_columns(true);
        assert_eq!(play(&mut analyser, &[4800]).len(), 5);
        assert_eq!(play(&mut analyser, &[959, 1, 1, 959, 2880]).len(), 5);
        let band = band_of(1000.0).round() as usize;
        let [before, left] = play(&mut analyser, &[960; 10])[9].map(|levels| levels[band]);
        assert!((before - left - 20.0).abs() < 1.0, "{before} dB, {left} dB");
        analyser.keep_columns(false);
        assert_eq!(analyser.columns().count(), 0);
    }

    #[test]
    fn what_is_no_number_is_shown_as_silence() {
        let analyser = shown(NORMAL, |_| f32::NAN, |_| f32::INFINITY);
        assert!((0..BANDS).all(|band| analyser.band(band).iter().all(|level| level.is_finite())));
        assert!(analyser.reduction().is_finite());
    }
}
