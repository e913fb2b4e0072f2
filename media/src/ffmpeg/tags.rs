//! Tags, chapters and pictures, apart from how any kind of file stores them.

use super::probe::{Probe, Stream};
use super::programs::{add_input, ask, ffmpeg};
use crate::problem::Problem;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

/// What is said about a recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tags {
    /// Names and values, in their order.
    pub fields: Vec<(String, String)>,
    /// In the order of time.
    pub chapters: Vec<Chapter>,
    /// Covers and other pictures.
    pub pictures: Vec<Picture>,
}

/// A part of a recording that has a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Chapter {
    /// In seconds.
    pub start: f64,
    /// In seconds.
    pub end: f64,
    /// Empty if it has none.
    pub title: String,
}

/// A picture that belongs to the whole recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// What it shows, as ID3v2 counts it: 3 is the front cover.
    pub kind: u8,
    /// Its format.
    pub mime: String,
    /// What is said about it.
    pub description: String,
    /// As it is stored.
    pub data: Vec<u8>,
}

/// Names that tell how a file is made, not what it is about; what replaces the file has its own.
const TECHNICAL: [&str; 22] = [
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "handler_name",
    "vendor_id",
    "duration",
    "bps",
    "number_of_frames",
    "number_of_bytes",
    "_statistics_writing_app",
    "_statistics_writing_date_utc",
    "_statistics_tags",
    "itunsmpb",
    "tlen",
    "tsse",
    "software",
    "application_platform",
    "product_version_num",
    "toolkit_version_num",
    "material_package_umid",
    "file_package_umid",
];

/// Whether a tag tells how a file is made.
pub fn is_technical(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // Matroska's statistics may name a language: BPS-eng.
    let bare = key.strip_suffix("-eng").unwrap_or(&key);
    TECHNICAL.contains(&bare) || key.starts_with("metadata_block_picture")
}

/// What ID3v2 and FLAC call pictures, in the order of their numbers.
const KINDS: [&str; 21] = [
    "Other",
    "32x32 pixels 'file icon'",
    "Other file icon",
    "Cover (front)",
    "Cover (back)",
    "Leaflet page",
    "Media (e.g. label side of CD)",
    "Lead artist/lead performer/soloist",
    "Artist/performer",
    "Conductor",
    "Band/Orchestra",
    "Composer",
    "Lyricist/text writer",
    "Recording Location",
    "During recording",
    "During performance",
    "Movie/video screen capture",
    "A bright coloured fish",
    "Illustration",
    "Band/artist logotype",
    "Publisher/Studio logotype",
];

/// What a cover shows, in the words of ID3v2 and FLAC, where the file says it.
pub fn kind_of_cover(stream: &Stream) -> Option<&'static str> {
    let named = |name: &str| KINDS.into_iter().find(|kind| *kind == name);
    // The names of tags of APE: `Cover Art (Back)`.
    let ape = |key: &String| {
        let what = key.strip_prefix("Cover Art (")?.strip_suffix(')')?;
        named(what).or_else(|| named(&format!("Cover ({})", what.to_ascii_lowercase())))
    };
    stream
        .tag("comment")
        .and_then(named)
        .or_else(|| stream.tags.keys().find_map(ape))
}

/// The format of a still picture by ffmpeg's name of its codec, and the ending of its files.
pub fn picture_format(codec: &str) -> Option<(&'static str, &'static str)> {
    Some(match codec {
        "mjpeg" => ("image/jpeg", "jpg"),
        "png" => ("image/png", "png"),
        "bmp" => ("image/bmp", "bmp"),
        "gif" => ("image/gif", "gif"),
        "tiff" => ("image/tiff", "tif"),
        "webp" => ("image/webp", "webp"),
        _ => return None,
    })
}

/// The bytes of a cover.
pub fn cover(path: &Path, stream: &Stream) -> Result<Vec<u8>, Problem> {
    let mut command = ffmpeg();
    add_input(&mut command, path);
    command.args([
        "-map",
        &format!("0:{}", stream.index),
        "-c",
        "copy",
        "-frames:v",
        "1",
    ]);
    command.args(["-f", "image2pipe", "pipe:1"]);
    Ok(ask(&mut command, path)?.unwrap_or_default())
}

impl Tags {
    /// What ffprobe tells of a file whose sound is this track.
    pub fn of_probe(path: &Path, probe: &Probe, track: Option<&Stream>) -> Result<Self, Problem> {
        let own = track.into_iter().flat_map(|track| &track.tags);
        let mut fields: Vec<(String, String)> = Vec::new();
        for (key, value) in probe.format.tags.iter().chain(own) {
            let known = fields.iter().any(|(other, _)| other.eq_ignore_ascii_case(key));
            let nothing = key.eq_ignore_ascii_case("language") && value == "und";
            if !known && !nothing && !is_technical(key) {
                fields.push((key.clone(), value.clone()));
            }
        }
        let mut pictures = Vec::new();
        for stream in probe.streams.iter().filter(|stream| stream.is_cover()) {
            if let Some((mime, _)) = picture_format(&stream.codec_name) {
                let kind = kind_of_cover(stream);
                let kind = KINDS.iter().position(|known| Some(*known) == kind);
                pictures.push(Picture {
                    kind: kind.unwrap_or(3) as u8,
                    mime: mime.into(),
                    description: stream.tag("title").unwrap_or_default().into(),
                    data: cover(path, stream)?,
                });
            }
        }
        pictures.retain(|picture| !picture.data.is_empty());
        Ok(Tags {
            fields,
            pictures,
            chapters: chapters(probe),
        })
    }

    /// Takes Vorbis comments, among which chapters may be.
    pub fn take_comments<'a>(&mut self, fields: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut times: Vec<(String, f64)> = Vec::new();
        let mut names: Vec<(String, String)> = Vec::new();
        for (key, value) in fields {
            let upper = key.to_ascii_uppercase();
            let number = upper
                .strip_prefix("CHAPTER")
                .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            match number {
                Some(number) if number.ends_with("NAME") => {
                    names.push((number.trim_end_matches("NAME").to_owned(), value.to_owned()));
                }
                Some(number) if seconds(value).is_some() => {
                    times.extend(seconds(value).map(|time| (number.to_owned(), time)));
                }
                _ if is_technical(key) || upper == "WAVEFORMATEXTENSIBLE_CHANNEL_MASK" => {}
                _ => self.fields.push((key.to_owned(), value.to_owned())),
            }
        }
        times.sort_by(|a, b| a.1.total_cmp(&b.1));
        for (at, (number, start)) in times.iter().enumerate() {
            let name = names.iter().find(|(other, _)| other == number);
            self.chapters.push(Chapter {
                start: *start,
                end: times.get(at + 1).map_or(*start, |next| next.1),
                title: name.map(|(_, name)| name.clone()).unwrap_or_default(),
            });
        }
    }

    /// Chapters and fields as Vorbis comments.
    pub fn comments(&self) -> Vec<(String, String)> {
        let mut comments = Vec::new();
        for (number, chapter) in self.chapters.iter().enumerate() {
            let time = (chapter.start * 1000.0).round() as u64;
            let (seconds, minutes, hours) = (time / 1000 % 60, time / 60_000 % 60, time / 3_600_000);
            let time = format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", time % 1000);
            comments.push((format!("CHAPTER{number:03}"), time));
            comments.push((format!("CHAPTER{number:03}NAME"), chapter.title.clone()));
        }
        comments.extend(self.fields.iter().cloned());
        comments
    }

    /// The same as a text that ffmpeg reads, with names as Vorbis comments have them for chapters and pictures.
    pub fn to_comments(&self) -> String {
        let escaped = |text: &str| {
            text.chars().fold(String::new(), |mut line, c| {
                if "=;#\\\n".contains(c) {
                    line.push('\\');
                }
                line.push(c);
                line
            })
        };
        let mut text = String::from(";FFMETADATA1\n");
        let mut push =
            |key: &str, value: &str| text.push_str(&format!("{}={}\n", escaped(key), escaped(value)));
        for (key, value) in self.comments() {
            push(&key, &value);
        }
        for picture in &self.pictures {
            push("METADATA_BLOCK_PICTURE", &STANDARD.encode(picture.to_block()));
        }
        text
    }
}

impl Picture {
    /// As FLAC and Vorbis comments store it.
    fn to_block(&self) -> Vec<u8> {
        let mut block = u32::from(self.kind).to_be_bytes().to_vec();
        for text in [&self.mime, &self.description] {
            block.extend((text.len() as u32).to_be_bytes());
            block.extend(text.as_bytes());
        }
        // Width, height, depth and colours may stay open.
        block.extend([0; 16]);
        block.extend((self.data.len() as u32).to_be_bytes());
        block.extend(&self.data);
        block
    }
}

/// `01:02:03.456` in seconds.
fn seconds(time: &str) -> Option<f64> {
    let mut parts = time.rsplit(':').map(|part| part.parse::<f64>().ok());
    let (seconds, minutes, hours) = (parts.next()??, parts.next()??, parts.next()??);
    Some(seconds + 60.0 * minutes + 3600.0 * hours)
}

/// The chapters of a file.
pub fn chapters(probe: &Probe) -> Vec<Chapter> {
    let chapter = |chapter: &super::probe::Chapter| Chapter {
        start: chapter.start(),
        end: chapter.end(),
        title: chapter.title().to_owned(),
    };
    probe.chapters.iter().map(chapter).collect()
}
