//! What a file holds beside its samples, before and after: whatever is not there any more has a line for the user. The
//! comparison does not know which losses there can be, so none is silent.

use super::codec::{is_exact, without_sides};
use super::container;
use super::id3::{self, Around};
use super::mp4;
use super::mux::Assembly;
use super::probe::{Probe, Stream};
use super::tags::{chapters, is_technical, kind_of_cover};
use crate::wav::{compressed, printable};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Something that the input has and the output has not; part of a line of `--json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// `track`, `tag`, `chapter`, `cover`, `attachment`, `programme`, `channels`, `rate`, `depth`, `codec`, `time` or `chunk`.
    pub what: &'static str,
    /// Which one.
    pub name: String,
    /// The same for a person.
    #[serde(skip)]
    pub text: String,
}

/// Fields of copied streams that stay.
const KEPT: [&str; 12] = [
    "width",
    "height",
    "sample_aspect_ratio",
    "pix_fmt",
    "color_range",
    "color_space",
    "color_transfer",
    "color_primaries",
    "chroma_location",
    "sample_rate",
    "channels",
    "channel_layout",
];

/// What covers show as a rule: formats that know one kind alone lose nothing of it.
const USUAL_COVERS: [&str; 3] = ["", "Other", "Cover (front)"];

/// Chapters may move by so many seconds: most formats count them in milliseconds.
const CHAPTER_SECONDS: f64 = 2e-3;

/// What the output has lost. `names`: file and probe of the input and of the output.
pub fn losses(assembly: &Assembly, before: (&Path, &Probe), after: (&Path, &Probe)) -> Vec<Loss> {
    let mut losses = Losses {
        ending: assembly.container.endings[0],
        all: Vec::new(),
    };
    losses.tracks(assembly, before, after.1);
    // Tags of WAV are written by aeden itself, and more of them than ffmpeg reads.
    if !assembly.container.is_wav() {
        losses.tags(assembly, before, after.1);
    }
    losses.chapters(before.1, after.1);
    losses.programmes(assembly, before.1, after.1);
    if !(assembly.container.is_wav() && before.1.has_tags_around()) {
        losses.pieces(assembly.same_container, before, after);
    }
    losses.all
}

/// Whether players begin with a track, of those of its kind, because of its flag: without any they take the first one.
fn chosen_by_flag(probe: &Probe, stream: &Stream) -> bool {
    let alike = |other: &&Stream| other.codec_type == stream.codec_type && !other.is_cover();
    let first = probe.streams.iter().find(alike);
    let chosen = probe.streams.iter().filter(alike).find(|other| is_default(other));
    chosen.is_some_and(|chosen| chosen.index == stream.index)
        && first.is_some_and(|first| first.index != stream.index)
}

fn is_default(stream: &Stream) -> bool {
    stream.disposition.get("default") == Some(&1)
}

/// Whether pictures in a file are a surprise: its name is that of sound alone.
fn is_hidden(path: &Path) -> bool {
    container::of(path).is_some_and(|named| !named.pictures)
}

struct Losses {
    ending: &'static str,
    all: Vec<Loss>,
}

impl Losses {
    fn add(&mut self, what: &'static str, name: impl Into<String>, text: String) {
        let name = name.into();
        self.all.push(Loss { what, name, text });
    }

    fn cannot_be_kept(&mut self, what: &'static str, names: Vec<String>, plural: &str) {
        if names.is_empty() {
            return;
        }
        let text = format!(
            "these {plural} are not kept in .{} files: {}",
            self.ending,
            names.join(", ")
        );
        for name in names {
            self.add(what, name, text.clone());
        }
    }

    fn tracks(&mut self, assembly: &Assembly, (path, before): (&Path, &Probe), after: &Probe) {
        let covers = |probe: &Probe| probe.streams.iter().filter(|stream| stream.is_cover()).count();
        let missing_covers = covers(before).saturating_sub(covers(after));
        for stream in before
            .streams
            .iter()
            .filter(|stream| stream.is_cover())
            .take(missing_covers)
        {
            let format = name_of(stream);
            let text = format!(
                "the cover picture (track {}, {format}) cannot be kept in .{} files; it is left out",
                stream.index, self.ending
            );
            self.add("cover", format, text);
        }
        if missing_covers == 0 {
            self.about_covers(before, after);
        }
        // What stands in the output beside what should: streams that it makes of its own.
        for stream in before.streams.iter().filter(|stream| !stream.is_cover()) {
            let there = assembly.place(stream.index, after);
            match there.and_then(|place| after.streams.get(place)) {
                Some(now) => self.track(assembly, stream, now, chosen_by_flag(before, stream)),
                // Who asks for a file of sound knows that it has no pictures, and no timecode of theirs.
                None if assembly.is_written_anew(before, stream) && !assembly.container.pictures => {}
                None if assembly.is_written_anew(before, stream) => self.timecode(stream, after),
                None if stream.is_picture() && !assembly.container.pictures && !is_hidden(path) => {}
                None => {
                    let kind = match stream.codec_type.as_str() {
                        "" => "unknown",
                        kind => kind,
                    };
                    let format = name_of(stream);
                    let what = if kind == "attachment" {
                        "attachment"
                    } else {
                        "track"
                    };
                    let named = stream
                        .tag("filename")
                        .map(|name| format!(" {name}"))
                        .unwrap_or_default();
                    let text = format!(
                        "the {kind}{named} (track {}, {format}) cannot be kept in .{} files; it is left out",
                        stream.index, self.ending
                    );
                    self.add(what, format!("{kind} {}", stream.index), text);
                }
            }
        }
    }

    /// What is said of covers: what they show, if it is not the front, and their descriptions.
    fn about_covers(&mut self, before: &Probe, after: &Probe) {
        let said = |probe: &Probe| -> Vec<String> {
            let covers = probe.streams.iter().filter(|stream| stream.is_cover());
            let words = covers.flat_map(|cover| [kind_of_cover(cover), cover.tag("title")]);
            let told = words.flatten().filter(|word| !USUAL_COVERS.contains(word));
            told.map(str::to_owned).collect()
        };
        let has = said(after);
        let lost = said(before).into_iter().filter(|word| !has.contains(word));
        let lost = lost.map(|word| format!("cover: {word}")).collect();
        self.cannot_be_kept("tag", lost, "descriptions");
    }

    /// A timecode track, which is written anew from the first time in it; chapters are compared by themselves.
    fn timecode(&mut self, before: &Stream, after: &Probe) {
        if before.codec_tag_string != "tmcd" {
            return;
        }
        let of_streams = after.streams.iter().filter_map(|stream| stream.tag("timecode"));
        let has: Vec<&str> = of_streams.chain(after.tag("timecode")).collect();
        let number = before.index;
        let kept = before.tag("timecode").is_some_and(|begin| has.contains(&begin));
        let times = before
            .rest
            .get("nb_frames")
            .and_then(|count| count.as_str()?.parse().ok());
        let text = match times {
            _ if !kept => format!(
                "the timecode (track {number}) cannot be kept in .{} files; it is left out",
                self.ending
            ),
            Some(2u64..) => format!(
                "of the timecode (track {number}) only the beginning is kept, and no later jump of it"
            ),
            _ => return,
        };
        self.add("track", format!("timecode {number}"), text);
    }

    fn track(&mut self, assembly: &Assembly, before: &Stream, after: &Stream, chosen: bool) {
        let cleaned = assembly
            .tracks
            .iter()
            .any(|track| track.replaces == Some(before.index));
        let mut lost = Vec::new();
        if cleaned {
            self.sound(assembly, before, after);
        } else {
            let turned = before.codec_type == "subtitle" && !assembly.same_container;
            if before.codec_name != after.codec_name && !turned {
                lost.push(format!("codec {} ({} now)", name_of(before), name_of(after)));
            }
            let tag =
                |stream: &Stream| (stream.codec_type == "data").then(|| stream.codec_tag_string.clone());
            if assembly.same_container && tag(before) != tag(after) {
                lost.push(format!("kind {}", before.codec_tag_string));
            }
            for field in KEPT {
                if let Some(value) = before.rest.get(field).filter(|value| *value != "unknown")
                    && after.rest.get(field) != Some(value)
                {
                    lost.push(field.replace('_', " "));
                }
            }
            let (had, has) = (counted(before.side_data()), counted(after.side_data()));
            let missing = had
                .iter()
                .filter(|(name, count)| has.get(*name).is_none_or(|now| now < count));
            lost.extend(missing.map(|(name, _)| (*name).to_owned()));
        }
        for key in ["language", "title"] {
            let value = |stream: &Stream| stream.tag(key).filter(|value| *value != "und").map(str::to_owned);
            if let Some(value) = value(before).filter(|had| value(after).as_ref() != Some(had)) {
                // A file with one track of sound says it of the file.
                if assembly.keeps_more_than_covers() {
                    lost.push(format!("{key} {value}"));
                }
            }
        }
        let set = |stream: &Stream| -> BTreeSet<String> {
            let set = stream.disposition.iter().filter(|(_, value)| **value == 1);
            set.map(|(name, _)| name.clone())
                .filter(|name| name != "default" && name != "attached_pic")
                .collect()
        };
        lost.extend(
            set(before)
                .difference(&set(after))
                .map(|name| format!("flag {name}")),
        );
        if chosen && !is_default(after) {
            lost.push("flag default".to_owned());
        }
        if !lost.is_empty() {
            let text = format!(
                "track {} loses in .{} files: {}",
                before.index,
                self.ending,
                lost.join(", ")
            );
            self.add(
                "track",
                format!("{} {}: {}", before.codec_type, before.index, lost.join(", ")),
                text,
            );
        }
    }

    /// A cleaned track.
    fn sound(&mut self, assembly: &Assembly, before: &Stream, after: &Stream) {
        let codec = |stream: &Stream| match &stream.profile {
            Some(profile) if is_exact(stream) && profile.contains("HD MA") => profile.clone(),
            _ => stream.codec_name.clone(),
        };
        // WAV holds what comes out of any codec.
        if assembly.same_container && !assembly.container.is_wav() && codec(before) != codec(after) {
            let text = format!(
                "its sound becomes {}: ffmpeg cannot write {} like that",
                codec(after),
                codec(before)
            );
            self.add("codec", codec(after), text);
        }
        if before.channels != after.channels {
            let text = format!(
                "its {} channels become {}, which is all that {} takes",
                before.channels,
                after.channels,
                name_of(after)
            );
            self.add("channels", after.channels.to_string(), text);
        } else if let Some((had, has)) = before.channel_layout.as_ref().zip(after.channel_layout.as_ref())
            && without_sides(had) != without_sides(has)
        {
            let text = format!(
                "its loudspeakers {had} become {has}, which is what {} takes",
                name_of(after)
            );
            self.add("channels", has.clone(), text);
        }
        if before.rate() != after.rate() {
            let text = format!(
                "it is resampled from {} to {} Hz, which is what {} takes",
                before.rate(),
                after.rate(),
                name_of(after)
            );
            self.add("rate", after.rate().to_string(), text);
        }
    }

    fn tags(&mut self, assembly: &Assembly, (path, before): (&Path, &Probe), after: &Probe) {
        // What ffmpeg makes tags of stands in a chunk, which is told as such.
        let extension = before.is("wav") && pieces(path, before, true).iter().any(|name| name == "bext");
        let sound = |probe: &Probe| -> BTreeMap<String, String> {
            // Ogg has those of a film too in its tracks.
            let of_tracks = assembly.keeps_more_than_covers() && !probe.is("ogg");
            let own: Vec<_> = match of_tracks {
                true => Vec::new(),
                false => probe
                    .sounds()
                    .take(1)
                    .flat_map(|stream| stream.tags.clone())
                    .collect(),
            };
            let all = own.into_iter().chain(probe.format.tags.clone());
            all.map(|(key, value)| (key.to_ascii_lowercase(), value))
                .filter(|(key, value)| !(is_technical(key) || key == "language" && value == "und"))
                .filter(|(key, _)| !(extension && EXTENSION.contains(&key.as_str())))
                .collect()
        };
        let (had, mut has) = (sound(before), sound(after));
        // ffmpeg reads some of them as tags of the stream.
        for (key, value) in after.sounds().flat_map(|stream| &stream.tags) {
            has.entry(key.to_ascii_lowercase())
                .or_insert_with(|| value.clone());
        }
        // Under another name, or several in one.
        let values: BTreeSet<&str> = has
            .values()
            .flat_map(|value| [value.as_str()].into_iter().chain(value.split(';')))
            .map(str::trim)
            .collect();
        let lost = had.iter().filter(|(_, value)| !values.contains(value.trim()));
        let lost = lost.map(|(key, _)| key.clone()).collect();
        self.cannot_be_kept("tag", lost, "tags");
    }

    fn chapters(&mut self, before: &Probe, after: &Probe) {
        let (had, has) = (chapters(before), chapters(after));
        if had.is_empty() {
            return;
        }
        if has.is_empty() {
            let text = format!(
                "its {} chapters cannot be kept in .{} files",
                had.len(),
                self.ending
            );
            return self.add("chapter", "all", text);
        }
        let kept = |chapter: &&super::tags::Chapter| {
            has.iter()
                .any(|now| (now.start - chapter.start).abs() <= CHAPTER_SECONDS && now.title == chapter.title)
        };
        let lost: Vec<String> = had
            .iter()
            .filter(|chapter| !kept(chapter))
            .map(|chapter| chapter.title.clone())
            .collect();
        if !lost.is_empty() {
            let text = format!(
                "these chapters change their time or title in .{} files: {}",
                self.ending,
                lost.join(", ")
            );
            self.add("chapter", lost.join(", "), text);
        }
    }

    fn programmes(&mut self, assembly: &Assembly, before: &Probe, after: &Probe) {
        // Those of which something is left.
        let had = before.programs.iter().filter(|programme| {
            programme
                .streams
                .iter()
                .any(|member| assembly.place(member.index, after).is_some())
        });
        let had: Vec<u32> = had.map(|programme| programme.program_num).collect();
        let has: BTreeSet<u32> = after
            .programs
            .iter()
            .map(|programme| programme.program_num)
            .collect();
        let lost = had.iter().filter(|number| !has.contains(number));
        let lost: Vec<String> = lost.map(u32::to_string).collect();
        if had.len() > 1 && !lost.is_empty() {
            let text = format!(
                "its {} programmes become one in .{} files",
                had.len(),
                self.ending
            );
            self.add("programme", lost.join(", "), text);
        }
    }

    /// Pieces of metadata that ffmpeg does not tell of.
    fn pieces(&mut self, same: bool, before: (&Path, &Probe), after: (&Path, &Probe)) {
        let lost: Vec<String> = match same {
            true => {
                let mut has = pieces(after.0, after.1, true);
                let missing = pieces(before.0, before.1, true).into_iter().filter(|name| {
                    let at = has.iter().position(|other| other == name);
                    at.map(|at| has.swap_remove(at)).is_none()
                });
                missing.collect()
            }
            false => pieces(before.0, before.1, false),
        };
        let lost: BTreeSet<String> = lost.into_iter().filter(|name| !is_technical(name)).collect();
        self.cannot_be_kept("tag", lost.into_iter().collect(), "pieces of metadata");
    }
}

/// Names of pieces of metadata: all of them, or those that ffmpeg does not tell of, and so does not carry to other kinds of files.
fn pieces(path: &Path, probe: &Probe, all: bool) -> Vec<String> {
    if probe.is("mov") {
        let names = mp4::pieces(path).unwrap_or_default();
        return names
            .into_iter()
            .filter(|name| all || UNTOLD.contains(&name.as_str()))
            .collect();
    }
    if probe.has_tags_around() {
        let around = Around::of(path).unwrap_or_default();
        return match all {
            true => {
                let frames = id3::frames(&id3::without_stale(&around.head)).unwrap_or_default();
                let tail = (!around.tail.is_empty()).then(|| "APE or ID3v1".to_owned());
                frames.into_iter().map(|frame| frame.name).chain(tail).collect()
            }
            false => id3::untold(&around.head),
        };
    }
    if probe.is("wav") {
        let chunks = compressed::chunks(path).unwrap_or_default();
        let names = chunks.iter().flat_map(|chunk| match &chunk.id {
            b"id3 " | b"ID3 " => id3::untold(&chunk.body),
            id => vec![printable(*id)],
        });
        return names.filter(|name| !TOLD.contains(&name.as_str())).collect();
    }
    Vec::new()
}

/// What ffmpeg makes of the chunk `bext` of a WAV file.
const EXTENSION: [&str; 8] = [
    "coding_history",
    "creation_time",
    "encoded_by",
    "originator_reference",
    "time_reference",
    "umid",
    "date",
    "comment",
];

/// Chunks of a WAV file that ffmpeg reads as tags and chapters, or that hold nothing.
const TOLD: [&str; 6] = ["LIST", "JUNK", "PAD ", "FLLR", "cue ", "junk"];

/// Tags of MP4 that ffmpeg does not read, or not as what they are.
const UNTOLD: [&str; 8] = ["tmpo", "purl", "egid", "cnID", "atID", "plID", "geID", "sfID"];

/// Pieces of metadata that are left out.
pub fn without_place(why: &str, names: Vec<String>) -> Vec<Loss> {
    let text = format!("{why}, which are left out: {}", names.join(", "));
    let loss = |name| Loss {
        what: "chunk",
        name,
        text: text.clone(),
    };
    names.into_iter().map(loss).collect()
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    names.fold(BTreeMap::new(), |mut counts, name| {
        *counts.entry(name).or_default() += 1;
        counts
    })
}

fn name_of(stream: &Stream) -> &str {
    match stream.codec_name.as_str() {
        "" | "unknown" | "none" if stream.codec_tag_string.contains('[') => "unknown",
        "" | "unknown" | "none" => &stream.codec_tag_string,
        name => name,
    }
}
