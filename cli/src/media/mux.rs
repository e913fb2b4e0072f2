//! The ffmpeg command that puts cleaned sound in the place of a file's own and keeps the rest.

use super::codec::Codec;
use super::container::Container;
use super::probe::{Probe, Stream};
use super::programs::{add_input, add_samples, ffmpeg, file_argument};
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
pub struct Assembly<'a> {
    /// The file from which everything but cleaned sound comes.
    pub original: Option<(&'a Path, &'a Probe)>,
    /// In any order.
    pub tracks: &'a [Track],
    /// What is written.
    pub container: &'static Container,
    /// Whether the original has the same container.
    pub same_container: bool,
    /// Whether times count: there is more than one track of sound.
    pub film: bool,
}

/// Where a stream of the output comes from.
enum Origin<'a> {
    Cleaned(usize),
    Kept(&'a Stream),
}

impl Assembly<'_> {
    /// What of the original cannot be in the output, in words for a person.
    pub fn losses(&self) -> Vec<String> {
        let Some((_, probe)) = self.original else {
            return Vec::new();
        };
        let lost = probe.streams.iter().filter(|stream| {
            let kept = self.replaced(stream) || self.is_written_anew(probe, stream) || self.keeps(stream);
            // Who asks for a file of sound knows that it has no pictures.
            !kept && (self.container.pictures || stream.is_cover() || stream.is_sound())
        });
        lost.map(|stream| {
            let kind = if stream.is_cover() {
                "cover picture"
            } else {
                stream.codec_type.as_str()
            };
            format!(
                "the {kind} (track {}, {}) cannot be kept in .{} files; it is left out",
                stream.index,
                if stream.codec_name.is_empty() {
                    "unknown"
                } else {
                    &stream.codec_name
                },
                self.container.endings[0]
            )
        })
        .collect()
    }

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
    fn is_written_anew(&self, probe: &Probe, stream: &Stream) -> bool {
        let tag = stream.codec_tag_string.as_str();
        stream.codec_type == "data" && (tag == "tmcd" || (tag == "text" && !probe.chapters.is_empty()))
    }

    /// Whether a stream that is not cleaned can be in the output.
    fn keeps(&self, stream: &Stream) -> bool {
        if stream.is_cover() {
            return self.container.cover;
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
    pub fn order(&self) -> Vec<usize> {
        let number = |origin: &Origin| match origin {
            Origin::Cleaned(track) => self.tracks[*track].replaces,
            Origin::Kept(stream) => Some(stream.index),
        };
        self.origins().iter().filter_map(number).collect()
    }

    /// Where in the output a cleaned track stands.
    pub fn sound_place(&self, track: usize) -> usize {
        let is = |origin: &Origin| matches!(origin, Origin::Cleaned(number) if *number == track);
        self.origins().iter().position(is).unwrap_or(0)
    }

    /// The command that writes `out`, which is replaced.
    pub fn command(&self, out: &Path) -> Command {
        let mut command = ffmpeg();
        command.args(["-y", "-nostats"]);
        if self.film {
            command.arg("-copyts");
        }
        let mut first_track = 0;
        if let Some((path, _)) = self.original {
            add_input(&mut command, path);
            first_track = 1;
        }
        for track in self.tracks {
            if self.film {
                command.args(["-itsoffset", &format!("{:.6}", track.start + track.skip)]);
            }
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
        command.args(["-c", "copy"]);
        let origins = self.origins();
        for (place, origin) in origins.iter().enumerate() {
            self.add_stream(&mut command, place, origin, first_track);
        }
        if let Some((_, probe)) = self.original {
            self.add_global_metadata(&mut command, probe);
            command.args(["-map_chapters", "0", "-copy_unknown"]);
        }
        self.add_muxer(&mut command);
        // No random numbers in identifiers: the same input gives the same file.
        command.args(["-fflags", "+bitexact"]);
        command.args(["-max_muxing_queue_size", "9999", "-f", self.container.muxer]);
        command.arg(file_argument(out));
        command
    }

    fn add_stream(&self, command: &mut Command, place: usize, origin: &Origin, first_track: usize) {
        let original = match origin {
            Origin::Cleaned(number) => {
                let track = &self.tracks[*number];
                command.args(["-map", &format!("{}:a:0", first_track + number)]);
                command.args([&format!("-c:{place}"), &track.codec.encoder]);
                for (option, value) in &track.codec.settings {
                    command.args([&format!("-{option}:{place}"), value]);
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
                Some(stream.index)
            }
        };
        // Metadata that is mapped for one stream is no longer copied by itself for the others: all are mapped.
        let Some(number) = original else { return };
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

    fn add_global_metadata(&self, command: &mut Command, probe: &Probe) {
        // Ogg has its tags in the track, others in the file.
        let only = self
            .tracks
            .first()
            .and_then(|track| track.replaces)
            .filter(|_| !self.film);
        let of_track = only.and_then(|number| probe.streams.iter().find(|stream| stream.index == number));
        match of_track {
            Some(stream)
                if !self.same_container && probe.format.tags.is_empty() && !stream.tags.is_empty() =>
            {
                command.args(["-map_metadata:g", &format!("0:s:{}", stream.index)])
            }
            _ => command.args(["-map_metadata:g", "0:g"]),
        };
    }

    fn add_muxer(&self, command: &mut Command) {
        match self.container.muxer {
            "mpegts" => {
                command.args(["-muxdelay", "0", "-muxpreload", "0"]);
            }
            "matroska" | "webm" => {
                command.args(["-default_mode", "passthrough"]);
            }
            "aiff" => {
                command.args(["-write_id3v2", "1"]);
            }
            "mp4" | "mov" | "ipod" | "3gp" => {
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
            }
            _ => {}
        }
    }
}
