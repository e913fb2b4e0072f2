//! What a file holds, as ffprobe tells it.

use super::programs::{add_input, ask, ffprobe, gist, output, unreadable};
use crate::kind::Kind;
use crate::problem::Problem;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// Packets from which times are measured; more only where the first are cut off by an edit list.
const FIRST_PACKETS: [usize; 2] = [64, 4096];

/// What ffprobe is asked about a file.
const EVERYTHING: [&str; 4] = [
    "-show_format",
    "-show_streams",
    "-show_chapters",
    "-show_programs",
];

/// What ffmpeg says of formats that it takes for possible, at most.
const SURE: u32 = 25;

/// Streams, chapters and the container around them.
#[derive(Clone, Debug, Deserialize)]
pub struct Probe {
    /// In the order of the file.
    #[serde(default)]
    pub streams: Vec<Stream>,
    /// In the order of the file.
    #[serde(default)]
    pub chapters: Vec<Chapter>,
    /// Programmes of a transport stream.
    #[serde(default)]
    pub programs: Vec<Programme>,
    /// The container.
    pub format: Format,
    /// Those tags of the whole file that ffmpeg passes over, and does not carry to another file by itself.
    #[serde(skip)]
    pub passed_over: Vec<(String, String)>,
}

/// A part of a recording that has a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chapter {
    start_time: String,
    end_time: String,
    /// Its title, and what else is said about it.
    pub tags: BTreeMap<String, String>,
}

impl Chapter {
    /// Its beginning in seconds.
    pub fn start(&self) -> f64 {
        self.start_time.parse().unwrap_or(0.0)
    }

    /// Its end in seconds.
    pub fn end(&self) -> f64 {
        self.end_time.parse().unwrap_or(0.0)
    }

    /// Its title; empty if it has none.
    pub fn title(&self) -> &str {
        let title = self
            .tags
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case("title"));
        title.map_or("", |(_, title)| title)
    }
}

/// One of the programmes that a transport stream carries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Programme {
    /// Its number.
    pub program_num: u32,
    /// Its name and who provides it.
    pub tags: BTreeMap<String, String>,
    /// What belongs to it.
    pub streams: Vec<Member>,
}

/// A stream of a programme.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Member {
    /// Its place in the file.
    pub index: usize,
}

/// The container.
#[derive(Clone, Debug, Deserialize)]
pub struct Format {
    /// ffmpeg's names of the format, separated by commas.
    pub format_name: String,
    /// Seconds.
    #[serde(default)]
    duration: Option<String>,
    /// Seconds on its own clock.
    #[serde(default)]
    start_time: Option<String>,
    /// Bits a second, of everything.
    #[serde(default)]
    bit_rate: Option<String>,
    /// How sure ffmpeg is of the format, up to 100.
    #[serde(default)]
    probe_score: u32,
    /// Title, artist and so on.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// One picture, sound, subtitle or other track.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stream {
    /// Place in the file, from 0.
    pub index: usize,
    id: Option<String>,
    /// ffmpeg's name of the codec; empty if it is unknown.
    pub codec_name: String,
    /// `video`, `audio`, `subtitle`, `data`, `attachment`; empty if it is unknown.
    pub codec_type: String,
    /// Four letters by which mp4 and AVI know the codec.
    pub codec_tag_string: String,
    /// Variant of the codec.
    pub profile: Option<String>,
    /// How ffmpeg decodes it: `s16`, `fltp`, …
    pub sample_fmt: String,
    sample_rate: String,
    /// Number of channels of sound.
    pub channels: u16,
    /// ffmpeg's name of the arrangement of loudspeakers.
    pub channel_layout: Option<String>,
    bits_per_raw_sample: Option<String>,
    bits_per_sample: Option<u8>,
    bit_rate: Option<String>,
    start_time: Option<String>,
    duration: Option<String>,
    /// Ticks of its clock.
    pub duration_ts: Option<i64>,
    time_base: String,
    /// Default, forced, cover picture, …
    pub disposition: BTreeMap<String, i64>,
    /// Language, title and so on.
    pub tags: BTreeMap<String, String>,
    side_data_list: Vec<SideData>,
    /// What else ffprobe says of it.
    #[serde(flatten)]
    pub rest: BTreeMap<String, serde_json::Value>,
}

/// What stands beside the packets of a stream: rotation, Dolby Vision, mastering display, …
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct SideData {
    side_data_type: String,
}

impl Stream {
    /// Whether its frames have the times of packets that hold several, of which the first gives fewer samples than its time says:
    /// in Windows Media Audio neither gaps nor a late start can be told from that.
    pub fn has_times_of_packets(&self) -> bool {
        self.codec_name.starts_with("wma")
    }

    /// The number that the container gives it: a track's in MP4, a packet identifier in transport streams.
    pub fn id(&self) -> Option<u32> {
        u32::from_str_radix(self.id.as_ref()?.strip_prefix("0x")?, 16).ok()
    }

    /// What stands beside its packets, by ffmpeg's names.
    pub fn side_data(&self) -> impl Iterator<Item = &str> {
        self.side_data_list
            .iter()
            .map(|data| data.side_data_type.as_str())
    }

    /// A tag, whatever its case.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it is sound that ffmpeg can decode.
    pub fn is_sound(&self) -> bool {
        self.codec_type == "audio" && self.channels > 0 && self.rate() > 0 && !self.codec_name.is_empty()
    }

    /// Whether it is a still picture that belongs to the whole file.
    pub fn is_cover(&self) -> bool {
        self.codec_type == "video" && self.disposition.get("attached_pic") == Some(&1)
    }

    /// Whether it is a moving picture.
    pub fn is_picture(&self) -> bool {
        self.codec_type == "video" && !self.is_cover()
    }

    /// Sampling rate in Hz, 0 if it is not sound.
    pub fn rate(&self) -> u32 {
        self.sample_rate.parse().unwrap_or(0)
    }

    /// Resolution of lossless sound in bits, where the file says it.
    pub fn bits(&self) -> Option<u8> {
        let raw = self.bits_per_raw_sample.as_ref().and_then(|n| n.parse().ok());
        raw.or(self.bits_per_sample).filter(|&bits| bits > 0)
    }

    /// Bits a second, where the file says it.
    pub fn bit_rate(&self) -> Option<u64> {
        let stated = self
            .bit_rate
            .as_deref()
            .or(self.tags.get("BPS").map(String::as_str));
        stated.and_then(|n| n.parse().ok()).filter(|&n| n > 0)
    }

    /// Length in seconds, where the file says it.
    pub fn duration(&self) -> Option<f64> {
        self.duration.as_ref().and_then(|n| n.parse().ok())
    }

    /// Seconds between two ticks of its clock.
    pub fn tick(&self) -> f64 {
        let parts = self.time_base.split_once('/');
        let parsed = parts.and_then(|(n, d)| n.parse::<f64>().ok().zip(d.parse::<f64>().ok()));
        parsed.filter(|&(_, d)| d > 0.0).map_or(0.0, |(n, d)| n / d)
    }
}

impl Probe {
    /// Asks ffprobe about a file.
    pub fn of(path: &Path) -> Result<Self, Problem> {
        let mut command = about(path);
        command.args(EVERYTHING);
        let answer = ask(&mut command, path)?.map_err(|said| {
            let kind = File::open(path)
                .and_then(|mut file| Kind::of_file(&mut file))
                .unwrap_or(Kind::Unknown);
            let what = format!(
                "{} cannot be read ({}); copy or export it again",
                kind.this_file(),
                gist(&said)
            );
            Problem::file(path, what)
        })?;
        parse(&answer, path)
    }

    /// Asks about a file that is known to the user under another name.
    pub fn of_unfinished(path: &Path, subject: &Path) -> Result<Self, Problem> {
        let mut command = about(path);
        command.args(EVERYTHING);
        parse(&output(&mut command, subject)?, subject)
    }

    /// Whether times stand in the file; elsewhere they are counted, or, as in AVI, make no gaps.
    pub fn has_clock(&self) -> bool {
        const CLOCKS: [&str; 13] = [
            "amr", "asf", "flv", "gxf", "matroska", "mov", "mpeg", "mpegts", "mxf", "nut", "ogg", "rm", "wtv",
        ];
        CLOCKS.iter().any(|name| self.is(name))
    }

    /// Whether it is of the format that ffmpeg's reader calls so.
    pub fn is(&self, demuxer: &str) -> bool {
        self.format.format_name.split(',').any(|name| name == demuxer)
    }

    /// Whether tags stand before and behind the sound itself, and not in a structure around it.
    pub fn has_tags_around(&self) -> bool {
        ["mp3", "aac", "ac3", "eac3", "tta", "wv", "dts", "truehd"]
            .iter()
            .any(|name| self.is(name))
    }

    /// Whether ffmpeg is sure of the format: noise may begin like a stream of MPEG.
    pub fn is_sure(&self) -> bool {
        self.format.probe_score > SURE
    }

    /// A tag of the whole file.
    pub fn tag(&self, name: &str) -> Option<&str> {
        let mut tags = self.format.tags.iter();
        let found = tags.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The tracks of sound.
    pub fn sounds(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.is_sound())
    }

    /// Moving pictures.
    pub fn pictures(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.is_picture())
    }

    /// The first moving picture.
    pub fn picture(&self) -> Option<&Stream> {
        self.pictures().next()
    }

    /// Length in seconds of a track, or else of everything.
    pub fn duration_of(&self, stream: &Stream) -> Option<f64> {
        stream
            .duration()
            .or_else(|| self.format.duration.as_ref()?.parse().ok())
    }

    /// Seconds until the last sound of a track, from the beginning of the file, as far as the file states it for that track.
    pub fn promise(&self, stream: &Stream) -> Option<f64> {
        let told = |text: &str| {
            let mut parts = text.rsplit(':').map(str::parse::<f64>);
            let (seconds, minutes, hours) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
            Some(seconds + 60.0 * minutes + 3600.0 * hours)
        };
        let tag = stream.tags.iter().find(|(key, _)| key.starts_with("DURATION"));
        let alone = self.format.duration.as_ref().filter(|_| self.streams.len() == 1);
        // In AVI every stream counts its length by a clock of its own, which may be wrong; no sound goes on for long behind the
        // picture.
        let picture = self
            .picture()
            .filter(|_| self.is("avi"))
            .and_then(Stream::duration);
        stream
            .duration()
            .or_else(|| told(tag?.1))
            .or_else(|| alone?.parse().ok())
            .map(|seconds| seconds.min(picture.unwrap_or(f64::MAX)))
            .filter(|&seconds| seconds > 0.0)
    }

    /// The time at which its clock begins, as another file counts that: broadcasts begin anywhere.
    pub fn origin(&self, same_container: bool) -> f64 {
        let anywhere = ["mpeg", "mpegts", "wtv"].iter().any(|name| self.is(name))
            || (self.is("asf") && self.picture().is_some());
        let start = self.format.start_time.as_ref().and_then(|text| text.parse().ok());
        start.filter(|_| anywhere && !same_container).unwrap_or(0.0)
    }

    /// Seconds by which a track begins later than the clock of the file.
    pub fn late(&self, stream: &Stream) -> f64 {
        let start = stream
            .start_time
            .as_ref()
            .and_then(|text| text.parse::<f64>().ok());
        start.map_or(0.0, |start| (start - self.origin(false)).max(0.0))
    }

    /// Bits a second of everything.
    pub fn bit_rate(&self) -> Option<u64> {
        self.format.bit_rate.as_ref()?.parse().ok()
    }
}

#[derive(Deserialize)]
struct Packets {
    #[serde(default)]
    packets: Vec<Packet>,
}

#[derive(Deserialize)]
struct Packet {
    size: Option<String>,
    duration_time: Option<String>,
    pts_time: Option<String>,
}

#[derive(Deserialize)]
struct Frames {
    #[serde(default)]
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    pts_time: Option<String>,
    #[serde(default)]
    nb_samples: u32,
}

/// The time in seconds of the first sample that comes out of a track; `None` where the file has no times.
///
/// Containers round: the first frames together are closer to the truth than one alone.
pub fn first_sample(path: &Path, stream: &Stream, subject: &Path) -> Result<Option<f64>, Problem> {
    let mut found = Frames { frames: Vec::new() };
    for count in FIRST_PACKETS {
        let mut command = about(path);
        command.args(["-select_streams", &stream.index.to_string()]);
        command.args(["-read_intervals", &format!("%+#{count}")]);
        command.args(["-show_entries", "frame=pts_time,nb_samples"]);
        found = parse(&output(&mut command, subject)?, subject)?;
        if !found.frames.is_empty() {
            break;
        }
    }
    let rate = f64::from(stream.rate());
    let (mut samples, mut starts) = (0u64, Vec::new());
    for frame in &found.frames {
        let time = frame.pts_time.as_ref().and_then(|time| time.parse::<f64>().ok());
        if let Some(time) = time {
            let start = time - samples as f64 / rate;
            // Only up to a gap.
            if starts
                .first()
                .is_some_and(|first: &f64| (start - first).abs() > 1.5 * stream.tick().max(1e-6))
            {
                break;
            }
            starts.push(start);
        } else if starts.is_empty() {
            return Ok(None);
        }
        samples += u64::from(frame.nb_samples);
    }
    if starts.is_empty() {
        return Ok(None);
    }
    // Every time is the true one rounded to the clock: of what all allow, what is nearest to their mean. The first alone may be
    // rounded the other way, as with Opus, whose frames are whole milliseconds and whose delay is not. Where other things than
    // rounding have moved them, their mean.
    let mean = starts.iter().sum::<f64>() / starts.len() as f64;
    let half = stream.tick() / 2.0;
    let latest = starts.iter().fold(f64::MIN, |most, start| most.max(start - half));
    let earliest = starts
        .iter()
        .fold(f64::MAX, |least, start| least.min(start + half));
    Ok(Some(match latest <= earliest {
        true => mean.clamp(latest, earliest),
        false => mean,
    }))
}

/// The time in seconds of the first packet of a track.
pub fn first_packet(path: &Path, stream: &Stream, subject: &Path) -> Result<Option<f64>, Problem> {
    let packets = first_packets(path, stream, 1, subject)?;
    Ok(packets
        .first()
        .and_then(|packet| packet.pts_time.as_ref()?.parse().ok()))
}

/// Bits a second of a track's first packets.
pub fn measured_bit_rate(path: &Path, stream: &Stream) -> Result<Option<u64>, Problem> {
    let packets = first_packets(path, stream, 1000, path)?;
    let (mut bits, mut seconds) = (0.0, 0.0);
    for packet in &packets {
        let number = |text: &Option<String>| text.as_ref().and_then(|n| n.parse::<f64>().ok());
        if let Some((size, duration)) = number(&packet.size).zip(number(&packet.duration_time)) {
            bits += 8.0 * size;
            seconds += duration;
        }
    }
    Ok((seconds > 0.0).then_some((bits / seconds) as u64))
}

fn first_packets(path: &Path, stream: &Stream, count: usize, subject: &Path) -> Result<Vec<Packet>, Problem> {
    let mut command = about(path);
    command.args(["-select_streams", &stream.index.to_string()]);
    command.args(["-read_intervals", &format!("%+#{count}")]);
    command.args(["-show_entries", "packet=size,duration_time,pts_time"]);
    Ok(parse::<Packets>(&output(&mut command, subject)?, subject)?.packets)
}

fn about(path: &Path) -> Command {
    let mut command = ffprobe();
    add_input(&mut command, path);
    command
}

fn parse<T: for<'a> Deserialize<'a>>(json: &[u8], subject: &Path) -> Result<T, Problem> {
    // Tags may hold bytes that are no Unicode.
    serde_json::from_str(&String::from_utf8_lossy(json)).map_err(|e| unreadable(subject, &e.to_string()))
}
