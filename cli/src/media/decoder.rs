//! One track of any file that ffmpeg reads, as a stream of samples.

use super::codec::{decoded, pcm_name};
use super::probe::{Probe, Stream};
use super::programs::{Pieces, Program, add_input, ffmpeg, gist};
use crate::problem::Problem;
use crate::wav::read::Error;
use crate::wav::{Extension, Format, MAX_CHANNELS, PLAIN_GUID_TAIL, RATES};
use std::path::Path;
use std::process::Stdio;

/// No codec for sound needs fewer bits a second over a whole file. Damaged times would have us fill hours with silence.
const FEWEST_BITS: u64 = 400;

/// How much less than the container says may come out of a file that is whole: containers round, and count padding.
const MISSING_SECONDS: f64 = 0.25;

/// A gap or overlap of times from this length on is filled or cut, so that everything stays at its place. It is longer
/// than the roundings of Matroska's clock.
const GAP_SECONDS: &str = "0.003";

/// A track being decoded in constant memory. Dropped, it ends ffmpeg.
pub struct Decoder {
    program: Option<Program>,
    pieces: Pieces,
    /// What has come and has not been given out yet.
    waiting: Vec<u8>,
    format: Format,
    given: u64,
    most_frames: u64,
    /// Seconds that the container promises.
    promised: Option<f64>,
    warnings: Vec<String>,
}

/// What samples a track has. The error says why aeden does not take it.
pub fn format_of(track: &Stream) -> Result<Format, String> {
    let (rate, channels) = (track.rate(), track.channels);
    if channels == 0 || channels > MAX_CHANNELS {
        return Err(format!(
            "has {channels} channels, at most {MAX_CHANNELS} are supported; split it"
        ));
    }
    if !RATES.contains(&rate) {
        return Err(format!(
            "has {rate} Hz, supported are {} to {} Hz; resample it: ffmpeg -i IN -ar 48000 OUT",
            RATES.start(),
            RATES.end()
        ));
    }
    let mask = track.channel_layout.as_deref().and_then(loudspeakers);
    Ok(Format {
        channels,
        rate,
        encoding: decoded(track),
        extension: mask.filter(|_| channels > 2).map(|mask| Extension {
            mask,
            guid_tail: PLAIN_GUID_TAIL,
        }),
    })
}

/// `dwChannelMask` of WAV for what ffmpeg calls an arrangement of loudspeakers.
fn loudspeakers(layout: &str) -> Option<u32> {
    Some(match layout {
        "2.1" => 0x00b,
        "3.0" => 0x007,
        "3.0(back)" => 0x103,
        "4.0" => 0x107,
        "quad" => 0x033,
        "quad(side)" => 0x603,
        "3.1" => 0x00f,
        "5.0" => 0x037,
        "5.0(side)" => 0x607,
        "4.1" => 0x10f,
        "5.1" => 0x03f,
        "5.1(side)" => 0x60f,
        "6.1" => 0x70f,
        "7.1" => 0x63f,
        _ => return None,
    })
}

impl Decoder {
    /// Starts decoding. `on_timeline`: gaps become silence and overlaps are cut, as players do with a film's sound.
    pub fn start(path: &Path, probe: &Probe, track: &Stream, on_timeline: bool) -> Result<Self, Problem> {
        let format = format_of(track).map_err(|what| Problem::file(path, what))?;
        let mut command = ffmpeg();
        if on_timeline {
            command.arg("-copyts");
        }
        add_input(&mut command, path);
        command.args(["-map", &format!("0:{}", track.index)]);
        if on_timeline {
            command.args(["-af", &format!("aresample=async=1:min_hard_comp={GAP_SECONDS}")]);
        }
        command.args([
            "-ar",
            &format.rate.to_string(),
            "-ac",
            &format.channels.to_string(),
        ]);
        command.args(["-f", pcm_name(format.encoding), "pipe:1"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let program = Program::start(&mut command, path)?;
        let Some(stdout) = program.stdout() else {
            unreachable!("piped just above")
        };
        let bytes = std::fs::metadata(path).map_or(0, |about| about.len());
        let seconds = (bytes * 8 / FEWEST_BITS).saturating_add(60);
        Ok(Decoder {
            program: Some(program),
            pieces: Pieces::of(stdout),
            waiting: Vec::new(),
            most_frames: seconds.saturating_mul(format.rate.into()),
            format,
            given: 0,
            promised: probe.duration_of(track),
            warnings: Vec::new(),
        })
    }

    /// What the samples mean.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// What a user should know, in the order of discovery.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Reads up to `frames` frames into `raw`, replacing what is in it, and returns their number: 0 at the end.
    pub fn read(&mut self, frames: usize, raw: &mut Vec<u8>) -> Result<usize, Error> {
        let frame = self.format.frame_bytes();
        let wanted = frames * frame;
        while self.waiting.len() < wanted {
            match self.pieces.next() {
                Some(piece) => self.waiting.extend(piece?),
                None => {
                    self.end()?;
                    break;
                }
            }
        }
        let got = self.waiting.len().min(wanted) / frame;
        raw.clear();
        raw.extend(self.waiting.drain(..got * frame));
        self.given += got as u64;
        if self.given > self.most_frames {
            return Err(Error::Malformed(
                "its times are damaged: they tell of hours that the file has no sound for; repair it: ffmpeg -i IN -c copy OUT"
                    .into(),
            ));
        }
        Ok(got)
    }

    /// What ffmpeg has to say when everything has come.
    fn end(&mut self) -> Result<(), Error> {
        let Some(program) = self.program.take() else {
            return Ok(());
        };
        let (content, said) = program.end()?;
        let all = self.given + (self.waiting.len() / self.format.frame_bytes()) as u64;
        if !content || all == 0 {
            return Err(Error::Malformed(format!(
                "cannot be decoded ({}); copy or export it again",
                gist(&said)
            )));
        }
        let seconds = all as f64 / f64::from(self.format.rate);
        if let Some(promised) = self.promised
            && seconds < promised * 0.99 - MISSING_SECONDS
            && !said.is_empty()
        {
            return Err(Error::Malformed(format!(
                "the sound is cut short: {promised:.2} s are promised, {seconds:.2} s could be decoded ({}); \
                 copy or export it again",
                gist(&said)
            )));
        }
        if !said.is_empty() {
            self.warnings.push(format!(
                "damaged in places, which were decoded as well as they could be ({})",
                gist(&said)
            ));
        }
        Ok(())
    }
}
