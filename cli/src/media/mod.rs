//! Files other than WAV: sound and films in everything that ffmpeg reads and writes, FLAC without it.
//!
//! The way of a file: [`probe`] asks what is in it, [`decoder`] gives its samples ([`flac`] needs nobody), [`codec`] and
//! [`container`] settle how the cleaned ones are stored, [`encode`] hands them to ffmpeg, [`mux`] says what stands beside
//! them. In a [`film`] the result is measured, with the help of [`lag`], and corrected; [`verify`] proves it.
//! [`programs`] starts ffmpeg and ffprobe and ends them.

pub mod codec;
pub mod container;
pub mod decoder;
pub mod encode;
pub mod ends;
pub mod film;
pub mod flac;
pub mod lag;
pub mod mux;
pub mod probe;
pub mod programs;
pub mod timeline;
pub mod verify;

use crate::input::Reading;
use crate::kind::Kind;
use crate::output::Target;
use crate::problem::Problem;
use crate::wav::{Container as WavContainer, Encoding, Format, Header};
use codec::{Codec, Wish, has_no_depth};
use container::Container;
use decoder::Decoder;
use mux::{Assembly, Samples, Track};
use probe::{Probe, Stream, measured_bit_rate};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which tracks of sound are cleaned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackChoice {
    /// One, counted from 1.
    Number(usize),
    /// Every one.
    All,
}

impl FromStr for TrackChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "all" => Ok(TrackChoice::All),
            Ok(number) if number > 0 => Ok(TrackChoice::Number(number)),
            _ => Err("the number of a track of sound, counted from 1, or all".into()),
        }
    }
}

/// A track of a file that is decoded by ffmpeg.
pub struct Media {
    path: PathBuf,
    header: Header,
    probe: Probe,
    /// Place of the track in the file.
    index: usize,
    decoder: Decoder,
}

impl Media {
    /// Opens a track of a file.
    pub fn open(path: &Path, reading: Reading) -> Result<Self, Problem> {
        let probe = Probe::of(path)?;
        let number = match reading.track {
            TrackChoice::Number(number) => number,
            TrackChoice::All => 1,
        };
        let count = probe.sounds().count();
        let Some(track) = probe.sounds().nth(number - 1).cloned() else {
            return Err(Problem::file(
                path,
                match count {
                    0 => "has no sound that ffmpeg can decode; there is nothing to clean".into(),
                    1 => format!("has one track of sound, not {number}; leave out --track"),
                    _ => format!("has {count} tracks of sound, not {number}; choose another --track"),
                },
            ));
        };
        let decoder = Decoder::start(path, &probe, &track, reading.damage)?;
        Ok(Media {
            path: path.into(),
            header: plain_header(decoder.format().clone()),
            probe,
            index: track.index,
            decoder,
        })
    }

    /// A header that says what the samples mean.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What is in the file.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// The track.
    pub fn track(&self) -> &Stream {
        let track = self
            .probe
            .streams
            .iter()
            .find(|stream| stream.index == self.index);
        track.expect("chosen among them")
    }

    /// What kind of file it is and how its sound is coded, for a person.
    pub fn description(&self) -> String {
        let first = self.probe.format.format_name.split(',').next();
        let own = container::of_content(&self.path, &self.probe);
        let container = own.map_or(first.unwrap_or_default(), |own| own.endings[0]);
        format!("{container} ({})", self.track().codec_name)
    }

    /// Samples that lose nothing of it.
    pub fn depth(&self) -> Encoding {
        if has_no_depth(self.track()) {
            Encoding::INT24
        } else {
            self.header.format.encoding
        }
    }

    /// Frames that the file promises, more or less.
    pub fn frames_about(&self) -> Option<u64> {
        let seconds = self.probe.duration_of(self.track())?;
        Some((seconds * f64::from(self.header.format.rate)) as u64)
    }

    /// Gives its samples.
    pub fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoder
    }

    /// What the user should know.
    pub fn warnings(&self) -> &[String] {
        self.decoder.warnings()
    }
}

/// The header of a WAV file of such samples.
pub fn plain_header(format: Format) -> Header {
    Header {
        container: WavContainer::Riff,
        format_bytes: format.to_bytes(),
        fact: matches!(format.encoding, Encoding::Float { .. }),
        format,
        chunks: Vec::new(),
        format_at: 0,
    }
}

/// Whether a file that exists is sound or a film, by what is in it.
pub fn is_recording(path: &Path) -> bool {
    // What is no regular file is not opened: that can take for ever.
    if !std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() > 0) {
        return false;
    }
    match File::open(path).and_then(|mut file| Kind::of_file(&mut file)) {
        Err(_) | Ok(Kind::Text | Kind::Other) => false,
        Ok(Kind::Wav | Kind::Flac | Kind::Named(_)) => true,
        Ok(Kind::Unknown) => match Probe::of(path) {
            Ok(probe) => probe.is_sure() && (probe.picture().is_some() || probe.sounds().next().is_some()),
            // Nobody can tell; its name may.
            Err(_) => container::has_known_ending(path),
        },
    }
}

/// The usual ending of files like this one, by what is in it; `None`: it is no recording, or nobody can write such files.
pub fn usual_ending(path: &Path) -> Option<&'static str> {
    let kind = File::open(path).and_then(|mut file| Kind::of_file(&mut file));
    let container = match kind.ok()? {
        Kind::Text | Kind::Other => None,
        Kind::Wav => container::named("wav"),
        Kind::Flac => container::named("flac"),
        Kind::Named(_) | Kind::Unknown => container::of_content(path, &Probe::of(path).ok()?),
    };
    Some(container?.endings[0])
}

/// How an output is made.
pub enum Form {
    /// A WAV file or stream, by aeden itself.
    Wav,
    /// A FLAC file, by aeden itself.
    Flac,
    /// One track of sound, by ffmpeg.
    Sound(Arrangement),
    /// Cleaned tracks among others, by ffmpeg.
    Film(Arrangement),
}

/// What goes into an output that ffmpeg makes.
pub struct Arrangement {
    /// The input and what is in it, if it is a file.
    pub original: Option<(PathBuf, Probe)>,
    /// What is written.
    pub container: &'static Container,
    /// Whether that is what is read.
    pub same_container: bool,
    /// The cleaned tracks, in the order of the input.
    pub tracks: Vec<Track>,
}

impl Arrangement {
    /// The same in the words of [`mux`].
    pub fn assembly(&self, film: bool) -> Assembly<'_> {
        Assembly {
            original: self
                .original
                .as_ref()
                .map(|(path, probe)| (path.as_path(), probe)),
            tracks: &self.tracks,
            container: self.container,
            same_container: self.same_container,
            film,
        }
    }
}

/// What is to be stored.
pub struct Material<'a> {
    /// The file that is read, unless it is a stream.
    pub path: Option<&'a Path>,
    /// What kind of file it is.
    pub source: Contents<'a>,
    /// The samples of the track.
    pub format: &'a Format,
}

/// What a file or stream is, whatever its name says.
#[derive(Clone, Copy)]
pub enum Contents<'a> {
    /// WAV.
    Wav,
    /// FLAC, read without ffmpeg.
    Flac,
    /// Anything else, of which ffprobe has told.
    Media(&'a Media),
}

impl Contents<'_> {
    /// The container that it is in; `None` where nobody can write it.
    fn container(self) -> Option<&'static Container> {
        match self {
            Contents::Wav => container::named("wav"),
            Contents::Flac => container::named("flac"),
            Contents::Media(media) => container::of_content(&media.path, &media.probe),
        }
    }

    /// What it is, for a person.
    fn description(self) -> String {
        match self {
            Contents::Wav => "WAV".into(),
            Contents::Flac => "FLAC".into(),
            Contents::Media(media) => media.description(),
        }
    }
}

/// The container of an output; `chosen`: its name was given to it, and not taken from the input's.
fn output_container(material: &Material, out: &Path, chosen: bool) -> Result<&'static Container, Problem> {
    let own = material.source.container();
    let ending = out.extension().map(|ending| ending.to_string_lossy());
    let same_ending = || {
        let of_input = material.path.and_then(Path::extension);
        out.extension().is_none() || out.extension() == of_input
    };
    let wanted = match own {
        // As the input is, even if its name says something else.
        Some(own) if !chosen => return Ok(own),
        own if chosen => container::of(out).or(own.filter(|_| same_ending())),
        own => own,
    };
    let remedy = "give OUT another ending, such as .mkv for a film, .flac, .m4a or .wav for sound";
    wanted.ok_or_else(|| {
        let what = match ending {
            Some(ending) if container::has_known_ending(out) => {
                format!("files with the ending .{ending} are read only; {remedy}")
            }
            Some(ending) if chosen && !same_ending() => {
                format!("what is to be written is not told by the ending .{ending}; {remedy}")
            }
            _ => format!(
                "ffmpeg reads {} but cannot write it; {remedy}",
                material.source.description()
            ),
        };
        Problem::file(out, what)
    })
}

/// What is to be said where the output is what the input is, but the name of both says something else.
pub fn misnamed(material: &Material, target: &Target, chosen: bool) -> Option<String> {
    let Target::File(out) = target else { return None };
    let (own, named) = (material.source.container()?, container::of(out)?);
    let wrong = !chosen && own != named;
    wrong.then(|| {
        let what = material.source.description();
        format!(
            "its name ends in .{}, but it is {what}; so is the output",
            named.endings[0]
        )
    })
}

/// Settles how `target` is made. `depth`: samples that the user asks for; `chosen`: the output's name was given to it, and not
/// taken from the input's.
pub fn form(
    material: &Material,
    target: &Target,
    chosen: bool,
    depth: Option<Encoding>,
    choice: Option<TrackChoice>,
) -> Result<Form, Problem> {
    let Target::File(out) = target else {
        return Ok(Form::Wav);
    };
    let container = output_container(material, out, chosen)?;
    let media = match material.source {
        Contents::Media(media) => Some(media),
        Contents::Wav | Contents::Flac => None,
    };
    if container.is_wav() {
        return Ok(Form::Wav);
    }
    if container.muxer == "flac" && media.is_none() {
        return Ok(Form::Flac);
    }
    let probe = match (media, material.path) {
        (Some(media), _) => Some(media.probe().clone()),
        (None, Some(path)) => Some(Probe::of(path)?),
        (None, None) => None,
    };
    let index = media.map(|media| media.index);
    let chosen: Vec<&Stream> = match &probe {
        None => Vec::new(),
        Some(probe) if choice == Some(TrackChoice::All) => probe.sounds().collect(),
        Some(probe) => probe
            .sounds()
            .filter(|track| index.is_none_or(|index| track.index == index))
            .take(1)
            .collect(),
    };
    let same_container = material
        .source
        .container()
        .is_some_and(|own| own.muxer == container.muxer);
    let mut tracks = Vec::new();
    if chosen.is_empty() {
        tracks.push(arrange(None, material, container, same_container, depth)?);
    }
    for track in chosen {
        tracks.push(arrange(Some(track), material, container, same_container, depth)?);
    }
    let arrangement = Arrangement {
        original: material.path.map(Path::to_path_buf).zip(probe),
        container,
        same_container,
        tracks,
    };
    let assembly = arrangement.assembly(true);
    Ok(
        match assembly.tracks.len() > 1 || assembly.keeps_more_than_covers() {
            true => Form::Film(arrangement),
            false => Form::Sound(arrangement),
        },
    )
}

/// How one track is stored.
fn arrange(
    track: Option<&Stream>,
    material: &Material,
    container: &'static Container,
    same_container: bool,
    depth: Option<Encoding>,
) -> Result<Track, Problem> {
    let name = material.path.unwrap_or(Path::new("-"));
    let format = match (track, material.source) {
        (Some(track), Contents::Media(_)) => {
            decoder::format_of(track).map_err(|what| Problem::file(name, what))?
        }
        _ => material.format.clone(),
    };
    let lossy = track.is_some_and(has_no_depth);
    let bit_rate = match (track, material.path) {
        (Some(track), Some(path)) if lossy => match track.bit_rate() {
            Some(rate) => Some(rate),
            None => measured_bit_rate(path, track)?,
        },
        _ => None,
    };
    let wish = Wish {
        format: &format,
        track,
        bit_rate,
        // What comes out of a lossy codec has no depth; 24 bits lose nothing of it, and every program reads them.
        depth: depth.or(lossy.then_some(Encoding::INT24)),
        same_container,
    };
    let codec = Codec::choose(&wish, container).map_err(|what| Problem::file(name, what))?;
    Ok(Track {
        replaces: track.map(|track| track.index),
        samples: Samples::Pipe,
        rate: format.rate,
        channels: format.channels,
        layout: track
            .and_then(|track| track.channel_layout.clone())
            .filter(|layout| !layout.contains("channels")),
        codec,
        start: match (track, material.path) {
            (Some(track), Some(path)) => probe::first_sample(path, track, path)?.unwrap_or(0.0),
            _ => 0.0,
        },
        skip: 0.0,
    })
}
