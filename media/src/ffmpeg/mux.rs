//! The ffmpeg command that puts cleaned sound in the place of a file's own and keeps the rest.

use super::codec::Codec;
use super::container::{Container, Cover};
use super::probe::{Probe, Stream};
use super::programs::{add_comments, add_input, add_samples, ffmpeg, file_argument, watch};
use super::tags::{Tags, cover, kind_of_cover, picture_format};
use crate::problem::{Problem, describe};
use crate::unfinished::Scratch;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where ffmpeg gets cleaned samples from.
#[derive(Clone, Debug)]
pub enum Samples {
    /// Standard input.
    Pipe,
    /// A file without a header.
    File(PathBuf),
}

/// A track of cleaned sound.
#[derive(Clone, Debug)]
pub struct Track {
    /// The stream of the original that it replaces.
    pub replaces: Option<usize>,
    /// Its samples.
    pub samples: Samples,
    /// Sampling rate in Hz.
    pub rate: u32,
    /// Number of channels.
    pub channels: u16,
    /// ffmpeg's name of the arrangement of loudspeakers.
    pub layout: Option<String>,
    /// How it is encoded.
    pub codec: Codec,
    /// Time of its first sample in seconds, on the original's clock. Only in films.
    pub start: f64,
    /// Seconds that are left out at its beginning, where the container cannot begin early enough.
    pub skip: f64,
}

/// Everything that goes into an output.
#[derive(Clone, Copy, Debug)]
pub struct Assembly<'a> {
    /// The file from which everything but cleaned sound comes.
    pub original: Option<(&'a Path, &'a Probe)>,
    /// In any order.
    pub tracks: &'a [Track],
    /// What is written.
    pub container: &'static Container,
    /// Whether the original has the same container.
    pub same_container: bool,
    /// What ffmpeg needs beside the original.
    pub beside: &'a Beside,
}

/// What ffmpeg is given in files of its own, and which tracks it cannot copy.
#[derive(Debug, Default)]
pub struct Beside {
    /// Vanishes with this.
    folder: Option<Scratch>,
    /// Tags, chapters and covers as Vorbis comments.
    comments: Option<PathBuf>,
    /// Covers as attachments.
    attached: Vec<Attached>,
    /// Numbers of streams that cannot be copied.
    pub left_out: Vec<usize>,
}

/// A cover as an attachment.
#[derive(Debug)]
struct Attached {
    stream: usize,
    path: PathBuf,
    name: String,
    mime: String,
    title: Option<String>,
}

impl Beside {
    /// Writes what the container needs of a file whose sound is in these tracks.
    pub fn of(path: &Path, probe: &Probe, tracks: &[Track], container: &Container) -> Result<Self, Problem> {
        let mut beside = Beside::default();
        let track = tracks.first().and_then(|track| track.replaces);
        let track = track.and_then(|number| probe.streams.iter().find(|stream| stream.index == number));
        if container.has_comments() {
            let mut tags = Tags::of_probe(path, probe, track)?;
            if container.cover != Cover::Comment {
                tags.pictures.clear();
            }
            let text = tags.to_comments();
            beside.comments = Some(beside.write(path, "comments", text.as_bytes())?);
        }
        if container.cover == Cover::Attachment {
            for stream in probe.streams.iter().filter(|stream| stream.is_cover()) {
                let Some((mime, ending)) = picture_format(&stream.codec_name) else {
                    continue;
                };
                let bytes = cover(path, stream)?;
                let usual = || match beside.attached.len() {
                    0 => format!("cover.{ending}"),
                    before => format!("cover_{}.{ending}", before + 1),
                };
                let attached = Attached {
                    stream: stream.index,
                    path: PathBuf::new(),
                    name: stream.tag("filename").map_or_else(usual, str::to_owned),
                    mime: stream.tag("mimetype").unwrap_or(mime).to_owned(),
                    title: stream.tag("title").map(str::to_owned),
                };
                let place = beside.write(path, &format!("{}.{ending}", stream.index), &bytes)?;
                beside.attached.push(Attached {
                    path: place,
                    ..attached
                });
            }
        }
        Ok(beside)
    }

    fn write(&mut self, subject: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, Problem> {
        let failed = |e: std::io::Error| Problem::file(subject, format!("temporary files: {}", describe(&e)));
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => Scratch::new()?,
        };
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).map_err(failed)?;
        self.folder = Some(folder);
        Ok(path)
    }
}

/// Pages of Ogg hold a second.
const SHORT_SECONDS: f64 = 2.5;

/// Silence with which is tried what can be written.
const MOMENT_SECONDS: f64 = 0.2;

/// What helps where a container cannot hold a picture.
const ANY_PICTURE: &str = "an output that ends with .mkv takes pictures of every kind";

/// ffmpeg's filter that puts the header of a picture into its packets, for a container that has no other place for it.
fn with_header(codec: &str, muxer: &str) -> Option<&'static str> {
    matches!((codec, muxer), ("mpeg4", "mpegts" | "mpeg" | "vob")).then_some("dump_extra=freq=keyframe")
}

/// Where a stream of the output comes from.
enum Origin<'a> {
    Cleaned(usize),
    Kept(&'a Stream),
}

impl Assembly<'_> {
    /// Whether anything but cover pictures stands beside the first cleaned track.
    pub fn keeps_more_than_covers(&self) -> bool {
        let Some((_, probe)) = self.original else {
            return false;
        };
        let beside = |stream: &&Stream| {
            !self.replaced(stream)
                && !stream.is_cover()
                && !self.is_written_anew(probe, stream)
                && self.keeps(stream)
        };
        probe.streams.iter().any(|stream| beside(&stream))
    }

    fn replaced(&self, stream: &Stream) -> bool {
        self.tracks
            .iter()
            .any(|track| track.replaces == Some(stream.index))
    }

    /// Timecode and chapter tracks: ffmpeg makes them again, from the times and titles that it has read from them.
    pub fn is_written_anew(&self, probe: &Probe, stream: &Stream) -> bool {
        let tag = stream.codec_tag_string.as_str();
        stream.codec_type == "data" && (tag == "tmcd" || (tag == "text" && !probe.chapters.is_empty()))
    }

    /// Whether a stream that is not cleaned can be in the output.
    fn keeps(&self, stream: &Stream) -> bool {
        if self.beside.left_out.contains(&stream.index) {
            return false;
        }
        if stream.is_cover() {
            return self.container.cover == Cover::Stream;
        }
        if self.same_container {
            return true;
        }
        match stream.codec_type.as_str() {
            "video" => self.container.pictures,
            "audio" => self.container.takes(&stream.codec_name),
            "subtitle" => self.subtitle_codec(stream).is_some(),
            "attachment" => self.container.muxer == "matroska",
            _ => false,
        }
    }

    /// `copy`, or what a text is turned into.
    fn subtitle_codec(&self, stream: &Stream) -> Option<&'static str> {
        let name = stream.codec_name.as_str();
        if self.same_container || self.container.subtitles.contains(&name) {
            return Some("copy");
        }
        let text = ["subrip", "ass", "webvtt", "mov_text", "text"];
        let first = *self.container.subtitles.first()?;
        (text.contains(&name) && text.contains(&first)).then_some(first)
    }

    fn origins(&self) -> Vec<Origin<'_>> {
        let Some((_, probe)) = self.original else {
            return (0..self.tracks.len()).map(Origin::Cleaned).collect();
        };
        let mut origins = Vec::new();
        for stream in &probe.streams {
            match self
                .tracks
                .iter()
                .position(|track| track.replaces == Some(stream.index))
            {
                Some(track) => origins.push(Origin::Cleaned(track)),
                None if self.is_written_anew(probe, stream) => {}
                None if self.keeps(stream) => origins.push(Origin::Kept(stream)),
                None => {}
            }
        }
        origins
    }

    /// Numbers of the original's streams in the order in which the output has them.
    fn order(&self) -> Vec<usize> {
        let number = |origin: &Origin| match origin {
            Origin::Cleaned(track) => self.tracks[*track].replaces,
            Origin::Kept(stream) => Some(stream.index),
        };
        let attached = self.beside.attached.iter().map(|attached| attached.stream);
        self.origins().iter().filter_map(number).chain(attached).collect()
    }

    /// What is copied beside the picture and can be left out.
    fn side_tracks(&self) -> Vec<&Stream> {
        let picture = self.original.and_then(|(_, probe)| probe.picture());
        let picture = picture.map(|stream| stream.index);
        let side = |origin: Origin| match origin {
            Origin::Kept(stream) if Some(stream.index) != picture => self.stream(stream.index),
            _ => None,
        };
        self.origins().into_iter().filter_map(side).collect()
    }

    fn stream(&self, number: usize) -> Option<&Stream> {
        let (_, probe) = self.original?;
        probe.streams.iter().find(|stream| stream.index == number)
    }

    /// Those side tracks with which ffmpeg cannot write the container, found by trying: with a moment of silence for the cleaned
    /// tracks, `whole` or only until something is written.
    ///
    /// # Errors
    /// Another container than the original's that cannot hold the picture.
    pub fn unwritable(&self, subject: &Path, place: &Path, whole: bool) -> Result<Vec<usize>, Problem> {
        let Some((path, _)) = self.original else {
            return Ok(Vec::new());
        };
        let side: Vec<usize> = self.side_tracks().iter().map(|stream| stream.index).collect();
        let moves = !self.same_container && self.keeps_more_than_covers();
        if side.is_empty() && !moves {
            return Ok(Vec::new());
        }
        let mut silence = Beside::default();
        let most = self.tracks.iter().map(|track| {
            let frame = track.codec.feed.bytes() * usize::from(track.channels);
            frame * (f64::from(track.rate) * MOMENT_SECONDS) as usize
        });
        let silence = silence
            .write(path, "silence", &vec![0; most.max().unwrap_or(0)])
            .map(|path| (silence, path))?;
        let silent = |track: &Track| Track {
            samples: Samples::File(silence.1.clone()),
            skip: 0.0,
            ..track.clone()
        };
        let tracks: Vec<Track> = self.tracks.iter().map(silent).collect();
        let goes_with = |some: &[usize]| {
            let without = side.iter().filter(|number| !some.contains(number));
            let beside = Beside {
                left_out: self.beside.left_out.iter().chain(without).copied().collect(),
                comments: self.beside.comments.clone(),
                ..Beside::default()
            };
            let assembly = Assembly {
                tracks: &tracks,
                beside: &beside,
                ..*self
            };
            let mut command = assembly.command_to(place, !whole);
            watch(&mut command, subject, |_| {})
        };
        let can_be_read = || match moves {
            true => self.picture_is_read_from(place, subject),
            false => Ok(()),
        };
        if goes_with(&side).is_ok() {
            return can_be_read().map(|()| Vec::new());
        }
        match goes_with(&[]) {
            Ok(()) => {}
            Err(problem) if moves => return Err(problem.and(ANY_PICTURE)),
            // Whether it is so shows when there is more than a moment.
            Err(_) => return Ok(Vec::new()),
        }
        can_be_read()?;
        let fails = |number: &usize| goes_with(&[*number]).is_err();
        Ok(side.iter().copied().filter(fails).collect())
    }

    /// Whether what was written into another container has a picture that players know and whose size they find.
    ///
    /// # Errors
    /// It has not, though ffmpeg wrote it.
    fn picture_is_read_from(&self, place: &Path, subject: &Path) -> Result<(), Problem> {
        let picture = self.original.and_then(|(_, probe)| probe.picture());
        let Some(picture) = picture.filter(|stream| self.keeps(stream)) else {
            return Ok(());
        };
        let output = Probe::of_unfinished(place, subject)?;
        let now = self
            .place(picture.index, &output)
            .and_then(|number| output.streams.get(number));
        let size = |stream: &Stream| ["width", "height"].map(|side| stream.rest.get(side).cloned());
        match now.is_some_and(|now| now.codec_name == picture.codec_name && size(now) == size(picture)) {
            true => Ok(()),
            false => {
                let (codec, ending) = (&picture.codec_name, self.container.endings[0]);
                let text = format!("in .{ending} files players do not find the picture in {codec}");
                Err(Problem::file(subject, text).and(ANY_PICTURE))
            }
        }
    }

    /// Where in the output, whose probe this is, a stream of the original stands. Some containers put covers behind all tracks,
    /// and tracks of their own behind those that they are given.
    pub fn place(&self, number: usize, output: &Probe) -> Option<usize> {
        let is_cover = |number: &usize| self.stream(*number).is_some_and(Stream::is_cover);
        let cover = is_cover(&number);
        let alike: Vec<usize> = self
            .order()
            .into_iter()
            .filter(|other| is_cover(other) == cover)
            .collect();
        let at = alike.iter().position(|other| *other == number)?;
        let mut there = output.streams.iter().filter(|stream| stream.is_cover() == cover);
        there.nth(at).map(|stream| stream.index)
    }

    /// A cleaned track in the output, whose probe this is.
    pub fn sound<'a>(&self, track: usize, output: &'a Probe) -> Option<&'a Stream> {
        match self.tracks[track].replaces {
            Some(number) => output.streams.get(self.place(number, output)?),
            None => output.sounds().nth(track),
        }
    }

    /// The command that writes `out`, which is replaced.
    pub fn command(&self, out: &Path) -> Command {
        self.command_to(out, false)
    }

    /// The same; `beginning`: it ends when a little has been written.
    fn command_to(&self, out: &Path, beginning: bool) -> Command {
        let mut command = ffmpeg();
        // Times as they are: ffmpeg would begin at zero, and move chapters by what it leaves out.
        command.args(["-y", "-nostats", "-copyts"]);
        let mut first_track = 0;
        if let Some((path, _)) = self.original {
            // AVI and DVDs have no times for pictures that are shown in another order than they are stored.
            command.args(["-fflags", "+genpts"]);
            add_input(&mut command, path);
            first_track = 1;
        }
        for track in self.tracks {
            command.args(["-itsoffset", &format!("{:.6}", track.start + track.skip)]);
            command.args(["-ar", &track.rate.to_string(), "-ac", &track.channels.to_string()]);
            if let Some(layout) = &track.layout {
                command.args(["-channel_layout", layout]);
            }
            // Bytes, not -ss: that cuts by times, which the offset has shifted.
            let frame = track.codec.feed.bytes() * usize::from(track.channels);
            let skipped = (track.skip * f64::from(track.rate)).round() as usize * frame;
            if skipped > 0 {
                command.args(["-skip_initial_bytes", &skipped.to_string()]);
            }
            let file = match &track.samples {
                Samples::Pipe => None,
                Samples::File(path) => Some(path.as_path()),
            };
            add_samples(&mut command, track.codec.feed_name(), file);
        }
        if let Some(comments) = &self.beside.comments {
            add_comments(&mut command, comments);
        }
        command.args(["-c", "copy"]);
        let origins = self.origins();
        for (place, origin) in origins.iter().enumerate() {
            self.add_stream(&mut command, place, origin, first_track);
        }
        for (number, attached) in self.beside.attached.iter().enumerate() {
            let place = origins.len() + number;
            command.arg("-attach").arg(&attached.path);
            say(&mut command, place, "mimetype", Some(&attached.mime));
            say(&mut command, place, "filename", Some(&attached.name));
            say(&mut command, place, "title", attached.title.as_deref());
        }
        if let Some((_, probe)) = self.original {
            self.add_global_metadata(&mut command, probe, first_track + self.tracks.len());
            self.add_programmes(&mut command, probe);
            command.arg("-copy_unknown");
        }
        self.add_muxer(&mut command);
        // No random numbers in identifiers: the same input gives the same file. In MXF they are what editing programs know files by.
        if self.container.muxer != "mxf" {
            command.args(["-fflags", "+bitexact"]);
        }
        if beginning {
            command.args(["-fs", "300000"]);
        }
        command.args(["-max_muxing_queue_size", "9999", "-f", self.muxer()]);
        command.arg(file_argument(out));
        command
    }

    fn add_stream(&self, command: &mut Command, place: usize, origin: &Origin, first_track: usize) {
        let original = match origin {
            Origin::Cleaned(number) => {
                let track = &self.tracks[*number];
                command.args(["-map", &format!("{}:a:0", first_track + number)]);
                command.args(track.codec.options(&place.to_string()));
                if track.codec.lead > 0 {
                    // The filter begins at zero, whatever the time of its input.
                    let lead = f64::from(track.codec.lead) / f64::from(track.rate);
                    let start = track.start + track.skip - lead;
                    command.args([
                        &format!("-filter:{place}"),
                        &format!(
                            "adelay=delays={}S:all=1,asetpts=PTS+({start:.6})/TB",
                            track.codec.lead
                        ),
                    ]);
                }
                track.replaces
            }
            Origin::Kept(stream) => {
                command.args(["-map", &format!("0:{}", stream.index)]);
                if let Some(codec) = self
                    .subtitle_codec(stream)
                    .filter(|_| stream.codec_type == "subtitle")
                {
                    command.args([&format!("-c:{place}"), codec]);
                }
                if let Some(filter) = with_header(&stream.codec_name, self.container.muxer)
                    && !self.same_container
                {
                    command.args([&format!("-bsf:{place}"), filter]);
                }
                Some(stream.index)
            }
        };
        // Metadata that is mapped for one stream is no longer copied by itself for the others: all are mapped.
        let Some(number) = original else { return };
        if self.beside.comments.is_some() {
            // What is said about the sound is said about the file, in one place.
            command.args([&format!("-map_metadata:s:{place}"), "-1"]);
            if let Some(cover) = self.stream(number).filter(|stream| stream.is_cover()) {
                say(command, place, "comment", kind_of_cover(cover));
                say(command, place, "title", cover.tag("title"));
            }
            return;
        }
        command.args([&format!("-map_metadata:s:{place}"), &format!("0:s:{number}")]);
        let Some((_, probe)) = self.original else { return };
        if let Some(stream) = probe.streams.iter().find(|stream| stream.index == number) {
            let set = stream.disposition.iter().filter(|(_, value)| **value == 1);
            let names: Vec<&str> = set.map(|(name, _)| name.as_str()).collect();
            let names = if names.is_empty() {
                "0".into()
            } else {
                names.join("+")
            };
            command.args([&format!("-disposition:{place}"), &names]);
        }
    }

    fn add_global_metadata(&self, command: &mut Command, probe: &Probe, comments: usize) {
        if self.beside.comments.is_some() {
            command.args(["-map_metadata:g", &format!("{comments}:g"), "-map_chapters", "-1"]);
            return;
        }
        // Ogg has its tags in the track, others in the file.
        let only = self.tracks.first().and_then(|track| track.replaces);
        match only.and_then(|number| self.stream(number)) {
            Some(stream)
                if !self.same_container && probe.format.tags.is_empty() && !stream.tags.is_empty() =>
            {
                command.args(["-map_metadata:g", &format!("0:s:{}", stream.index)])
            }
            _ => command.args(["-map_metadata:g", "0:g"]),
        };
        for (key, value) in &probe.passed_over {
            command.args(["-metadata", &format!("{key}={value}")]);
        }
        command.args(["-map_chapters", "0"]);
    }

    /// Programmes of a transport stream, and the packet identifiers of its tracks.
    fn add_programmes(&self, command: &mut Command, probe: &Probe) {
        if self.container.muxer != "mpegts" || !self.same_container {
            return;
        }
        let order = self.order();
        for programme in &probe.programs {
            let mut text = format!("program_num={}", programme.program_num);
            if let Some(name) = programme.tags.get("service_name") {
                text.push_str(&format!(
                    ":title={}",
                    name.replace('\\', "\\\\").replace(':', "\\:")
                ));
            }
            let members = programme
                .streams
                .iter()
                .filter_map(|member| order.iter().position(|n| *n == member.index));
            let members: Vec<String> = members.map(|place| format!(":st={place}")).collect();
            if !members.is_empty() {
                command.args(["-program", &(text + &members.concat())]);
            }
        }
        for (place, number) in order.iter().enumerate() {
            // Those below belong to tables.
            if let Some(id) = self
                .stream(*number)
                .and_then(Stream::id)
                .filter(|id| (0x20..0x1fff).contains(id))
            {
                command.args(["-streamid", &format!("{place}:{id}")]);
            }
        }
    }

    /// ffmpeg's name for what writes the container.
    fn muxer(&self) -> &'static str {
        let usual = |track: &Track| matches!(track.codec.encoder.as_str(), "aac" | "alac");
        match self.tracks.iter().all(usual) && !self.keeps_more_than_covers() {
            true => self.container.muxer,
            false => self.container.widest_muxer(),
        }
    }

    /// Whether all of it may be in one page of Ogg.
    fn is_short(&self) -> bool {
        let sound = self.original.and_then(|(_, probe)| {
            let sound = probe.sounds().next()?;
            probe.duration_of(sound)
        });
        sound.is_some_and(|seconds| seconds < SHORT_SECONDS)
    }

    fn add_muxer(&self, command: &mut Command) {
        match self.container.muxer {
            "mpegts" => {
                command.args(["-muxdelay", "0", "-muxpreload", "0"]);
                let sounds = self.original.iter().flat_map(|(_, probe)| probe.sounds());
                let mut aac = sounds
                    .filter(|sound| sound.codec_name.starts_with("aac"))
                    .peekable();
                if aac.peek().is_some() && aac.all(|sound| sound.codec_name == "aac_latm") {
                    command.args(["-mpegts_flags", "latm"]);
                }
            }
            "matroska" | "webm" => {
                command.args(["-default_mode", "passthrough", "-strict", "experimental"]);
            }
            "aiff" => {
                command.args(["-write_id3v2", "1"]);
            }
            // Of Vorbis in a single page ffmpeg's reader drops the last samples: every block gets its own.
            "ogg" | "ogv" if self.is_short() => {
                command.args(["-page_duration", "10000"]);
            }
            "mp4" | "mov" | "ipod" | "3gp" | "f4v" => {
                // Edit lists count in this unit: with the sampling rate they are exact.
                if let Some(track) = self.tracks.first() {
                    command.args(["-movie_timescale", &track.rate.to_string()]);
                }
                let apple = |(_, probe): &(&Path, &Probe)| {
                    probe.format.tags.keys().any(|key| key.starts_with("com."))
                };
                if self.original.as_ref().is_some_and(apple) {
                    command.args(["-movflags", "use_metadata_tags"]);
                }
                if self.container.muxer == "ipod" && self.muxer() == "mp4" {
                    command.args(["-brand", "M4A "]);
                }
                // Dolby Vision, FLAC, TrueHD.
                command.args(["-strict", "experimental"]);
            }
            _ => {}
        }
    }
}

/// Adds a tag of a stream of the output, if there is anything to say.
fn say(command: &mut Command, place: usize, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        command.args([format!("-metadata:s:{place}"), format!("{key}={value}")]);
    }
}
