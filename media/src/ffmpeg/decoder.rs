//! One track of any file that ffmpeg reads, as a stream of samples.

use super::codec::{decoded, is_exact, pcm_name};
use super::ends;
use super::probe::{Probe, Stream};
use super::programs::{LAST_WORDS, Program, add_input, ffmpeg, gist, patiently, read_all, spawn, too_long};
use super::timeline::{Account, Frame, Step, Timeline};
use crate::problem::Problem;
use crate::wav::read::{Damage, Error};
use crate::wav::{Encoding, Extension, Format, MAX_CHANNELS, PLAIN_GUID_TAIL, RATES};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};

/// No codec for sound needs fewer bits a second over a whole file. Damaged times would have us fill hours with silence.
const FEWEST_BITS: u64 = 400;

/// How much less than the container says may come out of a file that is whole: containers round, and count padding.
const MISSING_SECONDS: f64 = 0.25;

/// Frames that a decoder gives behind the end that the container states, at most: MP3's last block has more in it than sound.
const BEHIND_END: u64 = 1152;

/// Frames that a decoder still has in hand when it refuses a packet, at most.
const IN_HAND: usize = 3;

/// Overlaps that are told of sound that was coded with loss; of other sound, every sample is.
const TOLD_SECONDS: f64 = 0.02;

/// A track being decoded in constant memory. Dropped, it ends ffmpeg.
#[derive(Debug)]
pub struct Decoder {
    program: Option<Program>,
    events: Receiver<Event>,
    timeline: Timeline,
    steps: VecDeque<Step>,
    /// All sound has come; some of what is said about it may still be under way.
    has_all: bool,
    /// What has come and has not found its place yet.
    raw: VecDeque<u8>,
    /// What has found its place and has not been given out yet.
    waiting: Vec<u8>,
    format: Format,
    given: u64,
    most_frames: u64,
    /// Frames until the end that the container states where it is exact and ffmpeg goes on behind it: MP3 in MP4.
    end: Option<u64>,
    /// Whether sound has come behind a packet that the decoder refused.
    refused_inside: Arc<AtomicBool>,
    /// Whether the file ends with zeros.
    ends_empty: bool,
    /// Seconds that the container promises, from its first moment on.
    promised: Option<f64>,
    /// What shows that the file has lost its end.
    cut: Option<&'static str>,
    /// Whether time is counted that ffmpeg has no sound for: in AVI empty packets stand for what comes before a late beginning, in AMR
    /// frames without data for silence; in Ogg the last page tells the time, and where it is the first too, ffmpeg begins at zero.
    counts_nothing: bool,
    /// Whether a late beginning says nothing: there is no picture that it would be late against, and players begin at the sound.
    is_alone: bool,
    /// Whether decoding gives what was encoded, bit for bit.
    is_exact: bool,
    damage: Damage,
    /// Seconds at which the track begins.
    late: f64,
    warnings: Vec<String>,
}

/// What comes from ffmpeg: sound on one way, what it says about it on another.
enum Event {
    Sound(io::Result<Vec<u8>>),
    SoundEnds,
    Frame(Frame),
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
    /// Starts decoding, on the clock of the container: gaps become silence and overlaps are cut, as players do.
    pub fn start(path: &Path, probe: &Probe, track: &Stream, damage: Damage) -> Result<Self, Problem> {
        let format = format_of(track).map_err(|what| Problem::file(path, what))?;
        let mut command = ffmpeg();
        command.args(["-nostats", "-v", "level+info", "-copyts"]);
        let is_amr = track.codec_name.starts_with("amr_");
        if is_amr {
            // Frames without data are errors for it, and may be most of them.
            command.args(["-max_error_rate", "1"]);
        }
        add_input(&mut command, path);
        command.args(["-map", &format!("0:{}", track.index)]);
        // The last filter tells time and length of every frame that comes out.
        let rate = format.rate;
        command.args(["-af", &format!("aresample={rate},asettb=1/{rate},ashowinfo")]);
        command.args(["-ac", &format.channels.to_string()]);
        command.args(["-f", pcm_name(format.encoding), "pipe:1"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        // A few pieces are held at a time: ffmpeg waits until they are taken.
        let (sender, events) = sync_channel(4);
        let told = sender.clone();
        let (refused_inside, mut since_refusal) = (Arc::new(AtomicBool::new(false)), None::<usize>);
        let inside = refused_inside.clone();
        let program = Program::start_heard(&mut command, path, move |line| match frame(line) {
            Some(frame) => {
                since_refusal = since_refusal.map(|frames| frames + 1);
                inside.fetch_or(since_refusal > Some(IN_HAND), Relaxed);
                // Nobody listens any more after an error.
                let _ = told.send(Event::Frame(frame));
                None
            }
            None => {
                if is_refusal(line) {
                    since_refusal.get_or_insert(0);
                }
                complaint(line)
            }
        })?;
        let Some(stdout) = program.stdout() else {
            unreachable!("piped just above")
        };
        spawn(move || {
            read_all(stdout, |piece| sender.send(Event::Sound(piece)).is_ok());
            let _ = sender.send(Event::SoundEnds);
        })
        .map_err(|e| Problem::io(path, &e))?;
        let bytes = std::fs::metadata(path).map_or(0, |about| about.len());
        let seconds = (bytes * 8 / FEWEST_BITS).saturating_add(60);
        let exact = probe.is("mov") && track.codec_name == "mp3";
        Ok(Decoder {
            program: Some(program),
            events,
            timeline: Timeline::new(rate, probe.has_clock() && !track.has_times_of_packets()),
            steps: VecDeque::new(),
            has_all: false,
            raw: VecDeque::new(),
            waiting: Vec::new(),
            most_frames: seconds.saturating_mul(format.rate.into()),
            end: track
                .duration_ts
                .filter(|_| exact)
                .map(|ticks| (ticks as f64 * track.tick() * f64::from(rate)).round() as u64),
            refused_inside,
            ends_empty: ends::is_empty(path),
            format,
            given: 0,
            promised: probe.promise(track),
            cut: ends::missing(path, probe),
            counts_nothing: probe.is("avi") || probe.is("ogg") || is_amr,
            is_alone: probe.is("ogg") && probe.picture().is_none(),
            is_exact: is_exact(track),
            damage,
            late: probe.late(track),
            warnings: Vec::new(),
        })
    }

    /// Begins with so many frames of silence. Nothing has been read yet.
    pub fn begin_with_silence(&mut self, frames: u64) {
        self.steps.push_front(Step::Silence(frames));
    }

    /// What the samples mean.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// What a user should know, in the order of discovery.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What the container's clock has done to the sound so far, in samples.
    pub fn account(&self) -> Account {
        self.timeline.account()
    }

    /// Reads up to `frames` frames into `raw`, replacing what is in it, and returns their number: 0 at the end.
    pub fn read(&mut self, frames: usize, raw: &mut Vec<u8>) -> Result<usize, Error> {
        let frame = self.format.frame_bytes();
        // What is behind the end is known only when all has come.
        let held = self.end.map_or(0, |_| BEHIND_END as usize) * frame;
        let wanted = frames * frame + held;
        while self.waiting.len() < wanted {
            if !self.step(wanted - self.waiting.len())? && !self.receive()? {
                self.end()?;
                break;
            }
        }
        let held = if self.program.is_some() { held } else { 0 };
        let got = (self.waiting.len() - held.min(self.waiting.len())).min(frames * frame) / frame;
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

    /// Gives the next sound its place, about `wanted` bytes of it; `false` if more must come first.
    fn step(&mut self, wanted: usize) -> Result<bool, Error> {
        let frame = self.format.frame_bytes();
        let Some(step) = self.steps.pop_front() else {
            return Ok(false);
        };
        let (Step::Pass(all) | Step::Cut(all) | Step::Silence(all)) = step;
        let here = match step {
            Step::Silence(_) => wanted.div_ceil(frame) as u64,
            _ => (self.raw.len() / frame) as u64,
        };
        let now = all.min(here);
        let bytes = now as usize * frame;
        match step {
            Step::Pass(_) => self.waiting.extend(self.raw.drain(..bytes)),
            Step::Cut(_) => drop(self.raw.drain(..bytes)),
            Step::Silence(_) => {
                let silence = match self.format.encoding {
                    // One byte is stored with an offset.
                    Encoding::Int { bytes: 1, .. } => 0x80,
                    _ => 0,
                };
                self.waiting.resize(self.waiting.len() + bytes, silence);
            }
        }
        if all > now {
            let left = all - now;
            self.steps.push_front(match step {
                Step::Pass(_) => Step::Pass(left),
                Step::Cut(_) => Step::Cut(left),
                Step::Silence(_) => Step::Silence(left),
            });
        }
        Ok(now > 0)
    }

    /// Waits for more; `false` if there is no more, and everything has its place.
    fn receive(&mut self) -> Result<bool, Error> {
        let event = match self.has_all {
            true => self.events.recv_timeout(LAST_WORDS),
            false => patiently(&self.events),
        };
        match event {
            Ok(Event::Sound(piece)) => self.raw.extend(piece?),
            Ok(Event::SoundEnds) => self.has_all = true,
            Ok(Event::Frame(frame)) => self.timeline.push(frame, &mut self.steps),
            Err(RecvTimeoutError::Timeout) if !self.has_all => {
                return Err(too_long("nothing comes out of ffmpeg").into());
            }
            Err(_) => {
                self.timeline.finish(&mut self.steps);
                let samples = (self.raw.len() / self.format.frame_bytes()) as u64;
                if self.timeline.account().decoded == 0 && samples > 0 {
                    // Nothing was said about it: it is one frame without a time.
                    self.timeline.push(Frame { at: None, samples }, &mut self.steps);
                    self.timeline.finish(&mut self.steps);
                }
                return Ok(!self.steps.is_empty() && self.raw.len() >= self.format.frame_bytes());
            }
        }
        Ok(true)
    }

    /// What ffmpeg has to say when everything has come.
    fn end(&mut self) -> Result<(), Error> {
        let Some(program) = self.program.take() else {
            return Ok(());
        };
        let (content, said) = program.end()?;
        let rate = f64::from(self.format.rate);
        let account = self.timeline.account();
        // What ffmpeg has only guessed is no promise.
        let promised = self.promised.filter(|_| !said.contains(GUESSED));
        let said: String = said
            .lines()
            .filter(|line| !line.contains(GUESSED))
            .map(|line| format!("{line}\n"))
            .collect();
        if !content || account.decoded == 0 {
            return Err(Error::Malformed(format!(
                "cannot be decoded ({}); copy or export it again",
                gist(&said)
            )));
        }
        let frame = self.format.frame_bytes();
        let all = self.given + (self.waiting.len() / frame) as u64;
        let end = self
            .end
            .filter(|&end| (end.max(self.given)..=end + BEHIND_END).contains(&all));
        let all = end.unwrap_or(all);
        self.waiting.truncate((all - self.given) as usize * frame);
        let seconds = all as f64 / rate;
        // What a decoder refuses without a word of its own, where nothing is missing, held no sound: FLAC in AVI and NUT ends with
        // an empty packet, and zeros may stand behind MPEG and AC-3.
        let has_all = promised.is_some_and(|promised| seconds + self.late > promised - 1e-3);
        let is_behind = !self.refused_inside.load(Relaxed)
            && (self.ends_empty || said.lines().all(|line| line.contains("Invalid argument")));
        let said = match said
            .lines()
            .all(|line| is_refusal(line) || line.contains(PADDING))
        {
            true if has_all || is_behind => String::new(),
            _ => said,
        };
        let missing = promised.filter(|promised| seconds + self.late < promised * 0.99 - MISSING_SECONDS);
        // A file that is whole, and of which a decoder took everything, has lost nothing of its sound.
        let is_whole = self.counts_nothing && self.cut.is_none() && said.is_empty();
        if let Some(promised) = missing.filter(|_| !is_whole) {
            let reason = if said.is_empty() {
                String::new()
            } else {
                format!(" ({})", gist(&said))
            };
            let text = format!(
                "the sound is cut short: {promised:.2} s are promised, {seconds:.2} s could be decoded{reason}"
            );
            if self.damage == Damage::Refuse && !(self.counts_nothing && self.cut.is_none()) {
                return Err(Error::Malformed(
                    text + "; copy or export it again, or take what is there: --accept-damage",
                ));
            }
            self.warnings.push(text + "; what is there is taken");
        } else if let Some(promised) = missing.filter(|_| !self.is_alone) {
            self.warnings.push(format!(
                "its clock counts {promised:.2} s of sound, and there are {seconds:.2} s, all of which are taken: the clock counts \
                 silence that ffmpeg does not give, as before a late start"
            ));
        } else if let Some(cut) = self.cut {
            self.warnings.push(format!(
                "the end of the file is missing ({cut}); what is there is taken"
            ));
        } else if !said.is_empty() {
            self.warnings.push(format!(
                "damaged in places, which were decoded as well as they could be ({})",
                gist(&said)
            ));
        }
        if let Some(promised) = promised.filter(|promised| seconds > promised * 1.05 + 2.0 * MISSING_SECONDS)
        {
            self.warnings.push(format!(
                "its header tells of {promised:.2} s of sound, and there are {seconds:.2} s, all of which are taken"
            ));
        }
        self.tell_clock(account);
        Ok(())
    }

    fn tell_clock(&mut self, account: Account) {
        let rate = f64::from(self.format.rate);
        if account.clockless && self.timeline.has_clock() {
            self.warnings.push(
                "the clock of its sound does not fit the sound, which is taken as it is, without gaps or cuts".into(),
            );
        }
        let told = if self.is_exact { 0.0 } else { TOLD_SECONDS };
        if account.cut as f64 > told * rate {
            self.warnings.push(format!(
                "{:.3} s of its sound lie over other sound in time, and are left out as players do",
                account.cut as f64 / rate
            ));
        }
        if account.back > 0 {
            self.warnings
                .push("its clock begins anew in between; the sound goes on without a break there".into());
        }
    }
}

/// What a line of the filter `ashowinfo` says: `[Parsed_ashowinfo_2 @ 0x…] [info] n:0 pts:0 … nb_samples:1024 …`.
fn frame(line: &str) -> Option<Frame> {
    let line = line.strip_prefix("[Parsed_ashowinfo")?;
    let field = |name: &str| {
        let at = line.find(name)? + name.len();
        line[at..].split_whitespace().next()
    };
    Some(Frame {
        at: field(" pts:")?.parse().ok(),
        samples: field(" nb_samples:")?.parse().ok()?,
    })
}

/// What ffmpeg says where a container does not tell how long it is.
const GUESSED: &str = "Estimating duration from bitrate";

/// What the decoder of uncompressed sound says of less than a sample, such as the byte that makes the size of a chunk even.
const PADDING: &str = "Invalid PCM packet, data has size";

/// What ffmpeg says of a packet that a decoder refuses, after the decoder's own words if it has any.
const REFUSED: [&str; 2] = [
    "Error while decoding stream",
    "Error submitting packet to decoder",
];

fn is_refusal(line: &str) -> bool {
    REFUSED.iter().any(|refused| line.contains(refused))
}

/// The line without its level, if it is about damage.
fn complaint(line: &str) -> Option<String> {
    let levels = ["[error] ", "[fatal] ", "[panic] "];
    let level = levels.iter().find(|level| line.contains(*level));
    let damage = [
        "Packet corrupt",
        "corrupt input packet",
        "corrupt decoded frame",
        GUESSED,
    ];
    match level {
        Some(level) => Some(line.replacen(level, "", 1)),
        None if damage.iter().any(|damage| line.contains(damage)) => Some(line.replacen("[warning] ", "", 1)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{complaint, frame};
    use crate::ffmpeg::timeline::Frame;

    #[test]
    fn what_ffmpeg_says_about_frames() {
        let line = "[Parsed_ashowinfo_2 @ 0x55] [info] n:8 pts:7392 pts_time:0.154 pos:1923 fmt:flt channels:1 \
                    chlayout:mono rate:48000 nb_samples:960 checksum:6AB45B48 plane_checksums: [ 6AB45B48 ]";
        let (at, samples) = (Some(7392), 960);
        assert_eq!(frame(line), Some(Frame { at, samples }));
        let line = line.replace("pts:7392", "pts:NOPTS");
        assert_eq!(frame(&line), Some(Frame { at: None, samples }));
        assert_eq!(frame("[mp3 @ 0x55] [error] Header missing"), None);
        let said = complaint("[mp3 @ 0x55] [error] Header missing");
        assert_eq!(said.as_deref(), Some("[mp3 @ 0x55] Header missing"));
        assert_eq!(complaint("[info] Stream #0:0: Audio: opus"), None);
    }
}
