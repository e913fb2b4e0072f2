//! Files other than WAV: sound and films in everything that ffmpeg reads and writes, FLAC without it.
//!
//! The way of a file: [`probe`] asks what is in it, [`decoder`] gives its samples ([`flac`] needs nobody), [`codec`] and
//! [`container`] settle how the cleaned ones are stored, [`encode`] hands them to ffmpeg, [`mux`] says what stands beside
//! them. In a [`film`] the result is measured, with the help of [`lag`], and corrected; [`verify`] proves it.
//! [`programs`] starts ffmpeg and ffprobe and ends them.

pub mod abilities;
pub mod ape;
pub mod codec;
pub mod container;
pub mod decoder;
pub mod encode;
pub mod ends;
pub mod film;
pub mod flac;
pub mod id3;
pub mod inventory;
pub mod lag;
pub mod mp4;
mod mpeg_audio;
pub mod mux;
pub mod probe;
pub mod programs;
pub mod restore;
pub mod tags;
pub mod timeline;
pub mod verify;
mod w64;
pub mod wav_chunks;

use crate::kind::Kind;
use crate::output::Target;
use crate::problem::Problem;
use crate::unfinished::Scratch;
use crate::wav::compressed;
use crate::wav::read::Damage;
use crate::wav::{Chunk, Encoding, Format, Header, plain_header};
use codec::{Codec, Wish, has_no_depth};
use container::Container;
use decoder::Decoder;
use flac::FlacReader;
use id3::Around;
use mux::{Assembly, Beside, Samples, Track};
use probe::{Probe, Stream, measured_bit_rate};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tags::Tags;

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

/// How a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which track of sound.
    pub track: TrackChoice,
    /// What becomes of a recording that ends early.
    pub damage: Damage,
}

impl Default for Reading {
    /// The first track, whole.
    fn default() -> Self {
        Reading {
            track: TrackChoice::Number(1),
            damage: Damage::Refuse,
        }
    }
}

/// A track of a file that is decoded by ffmpeg.
#[derive(Debug)]
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
        let probe = wav_chunks::complete(path, Probe::of(path)?);
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
#[derive(Debug)]
pub enum Form {
    /// A WAV file or stream, by aeden itself; from a file of another kind, with what has been in that.
    Wav(Option<Arrangement>),
    /// A FLAC file, by aeden itself.
    Flac,
    /// One track of sound, by ffmpeg.
    Sound(Arrangement),
    /// Cleaned tracks among others, or one that must be measured, by ffmpeg.
    Film(Arrangement),
}

/// What goes into an output that ffmpeg makes.
#[derive(Debug)]
pub struct Arrangement {
    /// The input and what is in it, if it is a file.
    pub original: Option<(PathBuf, Probe)>,
    /// What is written.
    pub container: &'static Container,
    /// Whether that is what is read.
    pub same_container: bool,
    /// The cleaned tracks, in the order of the input.
    pub tracks: Vec<Track>,
    /// Seconds of silence before the first track, which begins late, in a container that cannot say so.
    pub silence: f64,
    /// What ffmpeg needs beside the input.
    pub beside: Beside,
}

impl Arrangement {
    /// The same in the words of [`mux`].
    pub fn assembly(&self) -> Assembly<'_> {
        self.assembly_of(&self.tracks)
    }

    /// Whether every pass would put more silence before the sound: that of the encoder, which the container cannot tell.
    fn delays_grow(&self) -> bool {
        let replaced = |track: &Track| {
            let (_, probe) = self.original.as_ref()?;
            probe
                .streams
                .iter()
                .find(|stream| Some(stream.index) == track.replaces)
        };
        let mut sounds = self.tracks.iter().filter_map(replaced);
        self.same_container
            && sounds.any(|sound| has_no_depth(sound) && !self.container.tells_delay(&sound.codec_name))
    }

    /// The same with these tracks.
    pub fn assembly_of<'a>(&'a self, tracks: &'a [Track]) -> Assembly<'a> {
        Assembly {
            original: self
                .original
                .as_ref()
                .map(|(path, probe)| (path.as_path(), probe)),
            tracks,
            container: self.container,
            same_container: self.same_container,
            beside: &self.beside,
        }
    }
}

/// What is to be stored.
#[derive(Debug)]
pub struct Material<'a> {
    /// The file that is read, unless it is a stream.
    pub path: Option<&'a Path>,
    /// What kind of file it is.
    pub source: Contents<'a>,
    /// The samples of the track.
    pub format: &'a Format,
}

/// What a file or stream is, whatever its name says.
#[derive(Clone, Copy, Debug)]
pub enum Contents<'a> {
    /// WAV.
    Wav,
    /// FLAC, read without ffmpeg.
    Flac(&'a FlacReader),
    /// Anything else, of which ffprobe has told.
    Media(&'a Media),
}

impl Contents<'_> {
    /// The container that it is in; `None` where nobody can write it.
    fn container(self) -> Option<&'static Container> {
        match self {
            Contents::Wav => container::named("wav"),
            Contents::Flac(_) => container::named("flac"),
            Contents::Media(media) => container::of_content(&media.path, &media.probe),
        }
    }

    /// Chunks of a WAV file for what is said about the recording, and names of what has no place there.
    pub fn wav_chunks(self) -> Result<(Vec<Chunk>, Vec<String>), Problem> {
        match self {
            Contents::Wav => Ok((Vec::new(), Vec::new())),
            Contents::Flac(reader) => {
                let (tags, others) = flac::tags_of(reader.metadata());
                Ok((wav_chunks::of(&tags, reader.header().format.rate), others))
            }
            // As they are: it was a WAV file before.
            Contents::Media(media) if media.probe.is("wav") => {
                let chunks = compressed::chunks(&media.path).map_err(|e| Problem::io(&media.path, &e))?;
                Ok((chunks, Vec::new()))
            }
            Contents::Media(media) => {
                let (path, probe) = (&media.path, &media.probe);
                let tags = Tags::of_probe(path, probe, Some(media.track()))?;
                let mut chunks = wav_chunks::of(&tags, media.header.format.rate);
                let around = if probe.has_tags_around() {
                    Around::of(path).unwrap_or_default()
                } else {
                    Around::default()
                };
                // A tag that is there already has more in it.
                if !around.head.is_empty() {
                    chunks.retain(|chunk| &chunk.id != b"id3 ");
                    chunks.push(Chunk {
                        id: *b"id3 ",
                        body: id3::without_stale(&around.head),
                    });
                }
                Ok((chunks, Vec::new()))
            }
        }
    }

    /// What it is, for a person.
    fn description(self) -> String {
        match self {
            Contents::Wav => "WAV".into(),
            Contents::Flac(_) => "FLAC".into(),
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
    let same = own.endings.iter().any(|ending| {
        out.extension()
            .is_some_and(|own| own.eq_ignore_ascii_case(ending))
    });
    let wrong = !chosen && !same;
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
        return Ok(Form::Wav(None));
    };
    let container = output_container(material, out, chosen)?;
    let media = match material.source {
        Contents::Media(media) => Some(media),
        Contents::Wav | Contents::Flac(_) => None,
    };
    if container.is_wav() && media.is_none() {
        return Ok(Form::Wav(None));
    }
    if container.muxer == "flac" && media.is_none() {
        return Ok(Form::Flac);
    }
    let probe = match (media, material.path) {
        (Some(media), _) => Some(media.probe().clone()),
        (None, Some(path)) => Some(wav_chunks::complete(path, Probe::of(path)?)),
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
        tracks.push(arrange(None, material, out, container, same_container, depth)?);
    }
    for track in chosen {
        tracks.push(arrange(
            Some(track),
            material,
            out,
            container,
            same_container,
            depth,
        )?);
    }
    let original = material.path.map(Path::to_path_buf).zip(probe);
    if let Some((path, probe)) = &original {
        let alone = probe.pictures().next().is_none() && probe.sounds().count() == 1;
        for track in &mut tracks {
            let stream = probe
                .streams
                .iter()
                .find(|stream| Some(stream.index) == track.replaces);
            if let Some(stream) = stream {
                track.start = start(path, probe, stream, alone, same_container)?;
                if !container.has_clock() {
                    track.start -= if alone { 0.0 } else { probe.origin(false) };
                }
            }
        }
    }
    let mut silence = 0.0;
    if !container.has_clock() {
        // What begins late does so after silence there.
        silence = tracks.first().map_or(0.0, |track| track.start.max(0.0));
        tracks.iter_mut().for_each(|track| track.start = 0.0);
    }
    let mut arrangement = Arrangement {
        original,
        container,
        same_container,
        tracks,
        silence,
        beside: Beside::default(),
    };
    if container.is_wav() {
        let others = arrangement
            .original
            .iter()
            .flat_map(|(_, probe)| &probe.streams)
            .map(|stream| stream.index);
        let sound = arrangement.tracks[0].replaces;
        arrangement.beside.left_out = others.filter(|index| Some(*index) != sound).collect();
        return Ok(Form::Wav(Some(arrangement)));
    }
    if let Some((path, probe)) = &arrangement.original {
        arrangement.beside = Beside::of(path, probe, &arrangement.tracks, container)?;
    }
    let scratch = Scratch::new()?;
    arrangement.beside.left_out =
        arrangement
            .assembly()
            .unwritable(out, &scratch.path().join("trial"), false)?;
    let film = arrangement.tracks.len() > 1
        || arrangement.tracks.iter().any(|track| track.start != 0.0)
        || arrangement.assembly().keeps_more_than_covers()
        || arrangement.delays_grow();
    Ok(match film && arrangement.original.is_some() {
        true => Form::Film(arrangement),
        false => Form::Sound(arrangement),
    })
}

/// How one track is stored.
fn arrange(
    track: Option<&Stream>,
    material: &Material,
    out: &Path,
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
    let layout = track.and_then(|track| track.channel_layout.clone());
    let layout = layout.filter(|layout| !layout.contains("channels"));
    let wish = Wish {
        format: &format,
        layout: layout.as_deref(),
        track,
        bit_rate,
        // What comes out of a lossy codec has no depth; 24 bits lose nothing of it, and every program reads them.
        depth: depth.or(lossy.then_some(Encoding::INT24)),
        same_container,
    };
    let codec = Codec::choose(&wish, container, out)?;
    Ok(Track {
        replaces: track.map(|track| track.index),
        samples: Samples::Pipe,
        rate: format.rate,
        channels: format.channels,
        // These know loudspeakers behind the listener, and none at the sides.
        layout: layout.map(|layout| match codec.encoder.as_str() {
            "libopus" | "libvorbis" => codec::without_sides(&layout),
            _ => layout,
        }),
        codec,
        start: 0.0,
        skip: 0.0,
    })
}

/// When the sound of a track begins on the clock of the output, in seconds. Where it is alone, the milliseconds of an encoder's
/// first block are none of it.
fn start(
    path: &Path,
    probe: &Probe,
    track: &Stream,
    alone: bool,
    same_container: bool,
) -> Result<f64, Problem> {
    if alone && !probe.has_clock() {
        return Ok(0.0);
    }
    let start = probe::first_sample(path, track, path)?.unwrap_or(0.0);
    if !alone {
        return Ok(start);
    }
    let origin = probe.origin(same_container);
    let start = start - origin;
    let late = match track.has_times_of_packets() {
        true => probe::first_packet(path, track, path)?.map_or(0.0, |first| first - origin),
        false => start,
    };
    // Matroska has nothing before its beginning but what an encoder has put there.
    let is_delay = probe.is("matroska") && same_container && start < -track.tick();
    Ok(if is_delay || late.abs() > ALONE_SECONDS {
        start
    } else {
        0.0
    })
}

/// What is no late start of a track that is alone.
const ALONE_SECONDS: f64 = 0.06;
