//! `aeden inspect`: what a recording is like, and what cleaning would do for it.

use crate::args::{InspectArgs, Quality};
use crate::run::cleaner::{ChosenNetwork, CleanerSettings};
use crate::run::cores::Cores;
use crate::run::input::{Input, unreadable};
use crate::run::level::Levels;
use crate::run::named::Named;
use crate::run::paired::PairedCleaner;
use crate::run::plan::{self, Source};
use crate::run::progress::Progress;
use aeden_media::loudness::Meter;
use aeden_media::output::print;
use aeden_media::problem::{DONE, FILE_FAILED, Problem, counted, one_line};
use aeden_media::wav::printable;
use serde::Serialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// `aeden inspect`.
pub fn inspect_all(args: &InspectArgs) -> Result<u8, Problem> {
    // Fast, and good enough for figures.
    let quality = args.network.model.is_none().then_some(Quality::High);
    let network = ChosenNetwork::load(&args.network, quality, false)?;
    let progress = Progress::new(!args.quiet);
    if !args.quiet {
        network.tell_library("inspect");
    }
    // Standard input has a name here: nothing is written beside it.
    let (pipes, files): (Vec<PathBuf>, Vec<PathBuf>) = args
        .files
        .iter()
        .cloned()
        .partition(|path| path == Path::new("-"));
    let pipes = pipes.iter().map(|path| (Source::from_path(path), Ok(())));
    let mut status = DONE;
    for (source, usable) in pipes.chain(plan::inputs(&files)) {
        let name = source.name();
        let found = usable.and_then(|()| {
            let mut bar = None;
            let cores = Cores::share(None, 1).each;
            inspect(
                &source,
                &network,
                &CleanerSettings::default(),
                cores,
                |about, before, _| {
                    let bar = bar.get_or_insert_with(|| progress.file(name, about.frames, about.rate));
                    bar.advance(before.first().map_or(0, Vec::len));
                },
            )
        });
        match found {
            Ok(findings) if args.json => print(&format!("{}\n", json!(findings)))?,
            Ok(findings) => {
                for warning in findings.warnings.iter().filter(|_| !args.quiet) {
                    let line = Problem::file(name, format!("warning: {warning}"));
                    progress.line(&format!("aeden: inspect: {line}"));
                }
                print(&findings.to_string())?;
            }
            Err(problem) => {
                status = FILE_FAILED;
                progress.line(&format!("aeden: inspect: {problem}"));
            }
        }
    }
    Ok(status)
}

/// What was found; a line of `--json`.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// The file as it was named.
    #[serde(flatten)]
    pub file: Named,
    /// `RIFF`, `RF64` or `BW64`.
    pub container: String,
    /// Sampling rate in Hz.
    pub rate: u32,
    /// Number of channels.
    pub channels: u16,
    /// Sample format: `16`, `24`, `32f`, …
    pub bits: String,
    #[serde(skip)]
    encoding: String,
    /// Length in seconds.
    pub seconds: f64,
    /// Other chunks in the file.
    pub chunks: Vec<String>,
    /// Integrated loudness after EBU R 128; null if everything is below its gate.
    pub loudness_lufs: Option<f64>,
    /// Largest true peak of all channels after ITU-R BS.1770; null in digital silence.
    pub true_peak_dbtp: Option<f64>,
    /// Loudness after cleaning.
    pub loudness_after_lufs: Option<f64>,
    /// True peak after cleaning.
    pub true_peak_after_dbtp: Option<f64>,
    /// Level that a tenth of all 50 ms blocks stay below; null in an empty recording.
    pub noise_floor_dbfs: Option<f32>,
    /// The same after cleaning.
    pub noise_floor_after_dbfs: Option<f32>,
    /// Estimated signal-to-noise ratio.
    pub snr_db: Option<f32>,
    /// The same after cleaning.
    pub snr_after_db: Option<f32>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl Findings {
    /// Container, samples, rate and channels in a few words.
    pub fn format(&self) -> String {
        let channels = counted(self.channels.into(), "channel", "channels");
        format!(
            "{}, {}, {} Hz, {channels}",
            self.container, self.encoding, self.rate
        )
    }
}

/// What is known of a recording when the first samples come.
#[derive(Clone, Copy)]
pub struct About {
    /// Sampling rate in Hz.
    pub rate: u32,
    /// Its length, more or less, if the file says it.
    pub frames: Option<u64>,
}

/// Reads a file once, in constant memory. `hear` gets its samples before and after cleaning, block by block, one vector a
/// channel.
pub fn inspect(
    source: &Source,
    network: &ChosenNetwork,
    settings: &CleanerSettings,
    cores: usize,
    mut hear: impl FnMut(About, &[Vec<f32>], &[Vec<f32>]) + Send,
) -> Result<Findings, Problem> {
    let name = source.name();
    let mut input = Input::open(source)?;
    let format = input.format().clone();
    let about = About {
        rate: format.rate,
        frames: input.frames_about(),
    };
    let channels = usize::from(format.channels);
    let mut meters = [
        Meter::new(name, format.rate, channels)?,
        Meter::new(name, format.rate, channels)?,
    ];
    let mut levels = [(); 2].map(|()| Levels::new(format.rate, channels));
    let cleaner = network.cleaner(format.rate, channels, settings, cores)?;
    let frames = PairedCleaner::new(cleaner).all(&mut input, name, cores, |before, after| {
        for ((level, meter), planes) in levels.iter_mut().zip(&mut meters).zip([before, after]) {
            level.push(planes);
            meter.push(planes);
        }
        hear(about, before, after);
        Ok(())
    })?;
    let after = input.finish().map_err(|e| unreadable(name, &e))?;
    let mut chunks: Vec<String> = after.iter().map(|chunk| printable(chunk.id)).collect();
    let header = input.header();
    chunks.splice(0..0, header.chunks.iter().map(|chunk| printable(chunk.id)));
    levels.iter_mut().for_each(Levels::finish);

    Ok(Findings {
        file: Named::new("file", name),
        container: input.container(),
        rate: format.rate,
        channels: format.channels,
        bits: format.encoding.short_name(),
        encoding: format.encoding.to_string(),
        seconds: frames as f64 / f64::from(format.rate),
        chunks,
        loudness_lufs: meters[0].lufs(),
        true_peak_dbtp: meters[0].true_peak(),
        loudness_after_lufs: meters[1].lufs(),
        true_peak_after_dbtp: meters[1].true_peak(),
        noise_floor_dbfs: levels[0].noise_floor(),
        noise_floor_after_dbfs: levels[1].noise_floor(),
        snr_db: levels[0].signal_to_noise(),
        snr_after_db: levels[1].signal_to_noise(),
        warnings: input
            .warnings()
            .iter()
            .cloned()
            .chain(levels[0].beyond_sound())
            .collect(),
    })
}

impl std::fmt::Display for Findings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |value: Option<f64>, unit: &str| match value {
            Some(value) => format!("{value:.1} {unit}"),
            None => "none (silence)".into(),
        };
        let pair = |before: Option<f32>, after: Option<f32>, unit: &str| match before.zip(after) {
            Some((before, after)) => format!("{before:.1} {unit}, cleaned {after:.1} {unit}"),
            None => "none (no sound)".into(),
        };
        let (hours, minutes) = ((self.seconds / 3600.0) as u64, (self.seconds / 60.0) as u64 % 60);
        writeln!(f, "{}", one_line(&self.file.to_string()))?;
        writeln!(f, "  format       {}", self.format())?;
        if !self.chunks.is_empty() {
            writeln!(f, "  chunks       {}", self.chunks.join(", "))?;
        }
        writeln!(
            f,
            "  duration     {hours}:{minutes:02}:{:06.3}",
            self.seconds % 60.0
        )?;
        writeln!(
            f,
            "  loudness     {}, true peak {}",
            number(self.loudness_lufs, "LUFS"),
            number(self.true_peak_dbtp, "dBTP")
        )?;
        writeln!(
            f,
            "  noise floor  {}",
            pair(self.noise_floor_dbfs, self.noise_floor_after_dbfs, "dBFS")
        )?;
        writeln!(f, "  SNR, about   {}", pair(self.snr_db, self.snr_after_db, "dB"))
    }
}
