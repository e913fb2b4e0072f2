//! Loudness after EBU R 128, the gain that sets it, and the limiter that lets peaks follow.

use crate::limiter::Limiter;
use crate::problem::Problem;
use ebur128::{EbuR128, Mode};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The true peak in dBTP above which nothing is raised: the most that EBU R 128 allows.
pub const CEILING: f64 = -1.0;

/// How much lower the limiter's ceiling is: other meters interpolate in other ways.
const MARGIN: f64 = 0.1;

/// By how many dB peaks are lowered at most. More would be heard.
pub const MOST_LIMITED: f64 = 12.0;

/// How near to the wanted loudness is near enough, in LU, and how often a gain is tried for it.
const NEAR: f64 = 0.05;
const TRIES: usize = 8;

/// What is said to be reached may be off by so many LU.
const TOLERANCE: f64 = 0.3;

/// Frames that are read from a [`Spool`] at once.
const BLOCK: usize = 8_192;

/// What loudness the output is to have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loudness {
    /// That of the input.
    Keep,
    /// So many LUFS, integrated.
    Lufs(f64),
}

impl FromStr for Loudness {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse::<f64>()) {
            ("keep", _) => Ok(Loudness::Keep),
            (_, Ok(lufs)) if (-70.0..=0.0).contains(&lufs) => Ok(Loudness::Lufs(lufs)),
            _ => Err(
                "'keep', or a number of LUFS from -70 to 0, such as -16 for podcasts or -23 for broadcast"
                    .into(),
            ),
        }
    }
}

/// Measures integrated loudness and true peak in constant memory.
#[derive(Debug)]
pub struct Meter(EbuR128);

impl Meter {
    /// Starts at the beginning of the recording `name`, which errors are about.
    pub fn new(name: &Path, rate: u32, channels: usize) -> Result<Self, Problem> {
        // The histogram keeps memory constant.
        let mode = Mode::I | Mode::TRUE_PEAK | Mode::HISTOGRAM;
        EbuR128::new(channels as u32, rate, mode)
            .map(Meter)
            .map_err(|e| Problem::file(name, e))
    }

    /// Takes the next samples, one vector a channel.
    pub fn push(&mut self, planes: &[Vec<f32>]) {
        let planes: Vec<&[f32]> = planes.iter().map(Vec::as_slice).collect();
        // Refused only if the planes were not as many as the channels, or unlike in length.
        let _ = self.0.add_frames_planar_f32(&planes);
    }

    /// Integrated loudness in LUFS; `None` if everything is below the gate.
    pub fn lufs(&self) -> Option<f64> {
        self.0.loudness_global().ok().filter(|lufs| lufs.is_finite())
    }

    /// Largest true peak of all channels in dBTP; `None` in digital silence.
    pub fn true_peak(&self) -> Option<f64> {
        let peaks = (0..self.0.channels()).filter_map(|channel| self.0.true_peak(channel).ok());
        let peak = peaks.fold(0.0, f64::max);
        (peak > 0.0).then(|| 20.0 * peak.log10())
    }
}

/// What was done about loudness; part of a line of `--json`.
#[derive(Clone, Debug, Serialize)]
pub struct Adjustment {
    /// Loudness of the input in LUFS; null if everything is below the gate.
    pub input_lufs: Option<f64>,
    /// Loudness of the output.
    pub output_lufs: Option<f64>,
    /// True peak of the output in dBTP; null in digital silence.
    pub output_true_peak_dbtp: Option<f64>,
    /// What the cleaned sound was raised by, in dB.
    pub gain_db: f64,
    /// The most that peaks were lowered by after that, in dB.
    pub limited_db: f64,
    /// What the user should know if the loudness was not reached.
    #[serde(skip)]
    pub warning: Option<String>,
}

/// Cleaned sound on its way to a gain that is known at its end. It waits in a file that has no name, so that nothing
/// is left of it however the program ends.
#[derive(Debug)]
pub struct Spool {
    file: BufWriter<File>,
    name: PathBuf,
    rate: u32,
    channels: usize,
    meters: [Meter; 2],
}

impl Spool {
    /// Starts at the beginning of a recording, in a folder that has room for it; `name` is what errors are about.
    pub fn new(name: &Path, folder: &Path, rate: u32, channels: usize) -> Result<Self, Problem> {
        let file =
            tempfile::tempfile_in(folder).map_err(|e| Problem::io(folder, &io::Error::from(e.kind())))?;
        Ok(Spool {
            file: BufWriter::with_capacity(1 << 17, file),
            name: name.into(),
            rate,
            channels,
            meters: [
                Meter::new(name, rate, channels)?,
                Meter::new(name, rate, channels)?,
            ],
        })
    }

    /// Takes the next samples before and after cleaning, one vector a channel.
    pub fn push(&mut self, before: &[Vec<f32>], after: &[Vec<f32>]) -> io::Result<()> {
        self.meters[0].push(before);
        self.meters[1].push(after);
        for frame in 0..after.first().map_or(0, Vec::len) {
            for plane in after {
                self.file.write_all(&plane[frame].to_le_bytes())?;
            }
        }
        Ok(())
    }

    /// Gives all of it to `take`, block by block, with the gain that `wish` asks for, and with peaks limited where that takes
    /// them above the ceiling.
    pub fn play(
        mut self,
        wish: Loudness,
        broken: impl Fn(io::Error) -> Problem,
        mut take: impl FnMut(&[Vec<f32>]) -> Result<(), Problem>,
    ) -> Result<Adjustment, Problem> {
        self.file.flush().map_err(&broken)?;
        let [before, after] = &self.meters;
        let (input, cleaned, peak) = (before.lufs(), after.lufs(), after.true_peak());
        let target = match wish {
            Loudness::Keep => input,
            Loudness::Lufs(lufs) => Some(lufs),
        };
        let Some(((target, cleaned), peak)) = target.zip(cleaned).zip(peak) else {
            let adjustment = Adjustment {
                input_lufs: input,
                output_lufs: cleaned,
                output_true_peak_dbtp: peak,
                gain_db: 0.0,
                limited_db: 0.0,
                warning: Some("too quiet for its loudness to be measured; left as it is".to_string()),
            };
            return self.pass(0.0, None, &broken, &mut take).map(|_| adjustment);
        };
        let ceiling = match wish {
            // Peaks that came with the recording may stay.
            Loudness::Keep => peak.max(CEILING),
            Loudness::Lufs(_) => CEILING,
        };
        // A gain moves pauses across the gate of the measurement, and a limiter takes loudness away: how much gain is needed,
        // only trying tells.
        let most = ceiling - peak + MOST_LIMITED;
        let (mut gain, mut limit) = ((target - cleaned).min(most), ceiling - MARGIN);
        let needed = |gain: f64| peak + gain > ceiling;
        for _ in 0..TRIES {
            let mut meter = Meter::new(&self.name, self.rate, self.channels)?;
            let limiter = needed(gain).then_some(limit);
            self.pass(gain, limiter, &broken, &mut |planes| {
                meter.push(planes);
                Ok(())
            })?;
            let reached = meter.lufs().unwrap_or(cleaned);
            let over = meter.true_peak().map_or(0.0, |peak| peak - ceiling).max(0.0);
            let better = (gain + target - reached).min(most);
            if over < 0.02 && ((reached - target).abs() <= NEAR || better == gain) {
                break;
            }
            (gain, limit) = (better, limit - over);
        }
        let mut meter = Meter::new(&self.name, self.rate, self.channels)?;
        let limiter = needed(gain).then_some(limit);
        let limited = self.pass(gain, limiter, &broken, &mut |planes| {
            meter.push(planes);
            take(planes)
        })?;
        let reached = meter.lufs().unwrap_or(cleaned);
        let warning = ((reached - target).abs() > TOLERANCE).then(|| {
            format!(
                "loudness is {reached:.1} LUFS, not {target:.1}: with more gain the true peak would be above {ceiling:.0} \
                 dBTP, although peaks are lowered by up to {MOST_LIMITED:.0} dB; ask for less"
            )
        });
        Ok(Adjustment {
            input_lufs: input,
            output_lufs: meter.lufs(),
            output_true_peak_dbtp: meter.true_peak(),
            gain_db: gain,
            limited_db: limited,
            warning,
        })
    }

    /// Reads all of it once and hands it on with so many dB more, and with its true peaks limited to so many dBTP. Gives the most
    /// that anything was lowered by, in dB.
    fn pass(
        &mut self,
        gain: f64,
        limit: Option<f64>,
        broken: &impl Fn(io::Error) -> Problem,
        take: &mut impl FnMut(&[Vec<f32>]) -> Result<(), Problem>,
    ) -> Result<f64, Problem> {
        let amplitude = |db: f64| 10f64.powf(db / 20.0) as f32;
        let gain = amplitude(gain);
        let mut limiter = limit.map(|limit| Limiter::new(self.rate, self.channels, gain, amplitude(limit)));
        let file = self.file.get_mut();
        file.rewind().map_err(broken)?;
        let mut file = BufReader::with_capacity(1 << 17, file);
        let mut planes = vec![Vec::with_capacity(BLOCK); self.channels];
        let mut limited = vec![Vec::with_capacity(BLOCK); self.channels];
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let most = (BLOCK * self.channels * 4) as u64;
            file.by_ref().take(most).read_to_end(&mut bytes).map_err(broken)?;
            planes.iter_mut().for_each(Vec::clear);
            let (samples, _) = bytes.as_chunks::<4>();
            for (i, sample) in samples.iter().enumerate() {
                planes[i % self.channels].push(f32::from_le_bytes(*sample));
            }
            let Some(limiter) = &mut limiter else {
                if bytes.is_empty() {
                    return Ok(0.0);
                }
                planes.iter_mut().flatten().for_each(|sample| *sample *= gain);
                take(&planes)?;
                continue;
            };
            limited.iter_mut().for_each(Vec::clear);
            if bytes.is_empty() {
                limiter.finish(&mut limited);
                take(&limited)?;
                return Ok(limiter.reduction());
            }
            limiter.push(&planes, &mut limited);
            take(&limited)?;
        }
    }
}
