//! File name endings: which container they stand for, and what may be in it.

use super::probe::Probe;
use std::path::Path;

/// A kind of file that ffmpeg writes.
#[derive(Debug, PartialEq, Eq)]
pub struct Container {
    /// In lower case; the first is the usual one.
    pub endings: &'static [&'static str],
    /// ffmpeg's name for the writer.
    pub muxer: &'static str,
    /// Codecs that players expect in it, by ffmpeg's names; the first is taken where the input's is not among them. A
    /// star at the end stands for any rest.
    pub codecs: &'static [&'static str],
    /// Where a cover picture has its place.
    pub cover: Cover,
    /// Whether it takes moving pictures.
    pub pictures: bool,
    /// Subtitles that it takes; text in other forms is turned into the first.
    pub subtitles: &'static [&'static str],
}

/// Where a container has its cover pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Nowhere that ffmpeg knows.
    None,
    /// As ffmpeg writes them: a stream that is one picture.
    Stream,
    /// Among attachments.
    Attachment,
    /// In a Vorbis comment.
    Comment,
}

const PLAIN: Container = Container {
    endings: &[],
    muxer: "",
    codecs: &[],
    cover: Cover::None,
    pictures: false,
    subtitles: &[],
};

/// Everything that can be written: WAV by aeden itself, FLAC too, the rest by ffmpeg. Where a kind of file has several
/// places, the first is for what has no telling name.
pub const CONTAINERS: &[Container] = &[
    Container {
        endings: &["wav", "wave", "bwf", "rf64", "bw64"],
        muxer: "wav",
        codecs: &["pcm_*"],
        ..PLAIN
    },
    Container {
        endings: &["flac"],
        muxer: "flac",
        codecs: &["flac"],
        cover: Cover::Stream,
        ..PLAIN
    },
    Container {
        endings: &["mp3"],
        muxer: "mp3",
        codecs: &["mp3"],
        cover: Cover::Stream,
        ..PLAIN
    },
    Container {
        endings: &["m4a", "m4b", "m4r"],
        muxer: "ipod",
        codecs: &["aac", "alac"],
        cover: Cover::Stream,
        ..PLAIN
    },
    Container {
        endings: &["ogg", "oga"],
        muxer: "ogg",
        codecs: &["vorbis", "opus", "flac", "speex"],
        cover: Cover::Comment,
        ..PLAIN
    },
    Container {
        endings: &["opus"],
        muxer: "ogg",
        codecs: &["opus"],
        cover: Cover::Comment,
        ..PLAIN
    },
    Container {
        endings: &["spx"],
        muxer: "ogg",
        codecs: &["speex"],
        cover: Cover::Comment,
        ..PLAIN
    },
    Container {
        endings: &["aiff", "aif", "aifc"],
        muxer: "aiff",
        codecs: &["pcm_*"],
        cover: Cover::Stream,
        ..PLAIN
    },
    Container {
        endings: &["caf"],
        muxer: "caf",
        codecs: &["alac", "pcm_*", "opus"],
        ..PLAIN
    },
    Container {
        endings: &["wma", "asf"],
        muxer: "asf",
        codecs: &["wmav2", "wmav1"],
        cover: Cover::None,
        ..PLAIN
    },
    Container {
        endings: &["wv"],
        muxer: "wv",
        codecs: &["wavpack"],
        ..PLAIN
    },
    Container {
        endings: &["tta"],
        muxer: "tta",
        codecs: &["tta"],
        ..PLAIN
    },
    Container {
        endings: &["w64"],
        muxer: "w64",
        codecs: &["pcm_*"],
        ..PLAIN
    },
    Container {
        endings: &["au", "snd"],
        muxer: "au",
        codecs: &["pcm_*"],
        ..PLAIN
    },
    Container {
        endings: &["aac", "adts"],
        muxer: "adts",
        codecs: &["aac"],
        ..PLAIN
    },
    Container {
        endings: &["ac3"],
        muxer: "ac3",
        codecs: &["ac3"],
        ..PLAIN
    },
    Container {
        endings: &["eac3", "ec3"],
        muxer: "eac3",
        codecs: &["eac3"],
        ..PLAIN
    },
    Container {
        endings: &["mp2"],
        muxer: "mp2",
        codecs: &["mp2"],
        ..PLAIN
    },
    Container {
        endings: &["amr"],
        muxer: "amr",
        codecs: &["amr_nb", "amr_wb"],
        ..PLAIN
    },
    Container {
        endings: &["mka"],
        muxer: "matroska",
        codecs: MATROSKA,
        cover: Cover::Attachment,
        ..PLAIN
    },
    Container {
        endings: &["mp4", "m4v", "insv", "lrv"],
        muxer: "mp4",
        codecs: &["aac", "alac", "ac3", "eac3", "mp3", "mp2", "opus", "flac"],
        cover: Cover::Stream,
        pictures: true,
        subtitles: &["mov_text", "dvd_subtitle"],
    },
    Container {
        endings: &["mov", "qt"],
        muxer: "mov",
        codecs: &[
            "aac",
            "alac",
            "pcm_*",
            "ac3",
            "eac3",
            "mp3",
            "mp2",
            "adpcm_ima_qt",
        ],
        cover: Cover::Stream,
        pictures: true,
        subtitles: &["mov_text"],
    },
    Container {
        endings: &["3gp", "3g2", "3ga"],
        muxer: "3gp",
        pictures: true,
        codecs: &["aac", "amr_nb", "amr_wb"],
        subtitles: &["mov_text"],
        ..PLAIN
    },
    Container {
        endings: &["mkv", "mk3d"],
        muxer: "matroska",
        codecs: MATROSKA,
        cover: Cover::Attachment,
        pictures: true,
        subtitles: &[
            "subrip",
            "ass",
            "webvtt",
            "hdmv_pgs_subtitle",
            "dvd_subtitle",
            "dvb_subtitle",
        ],
    },
    Container {
        endings: &["webm", "weba"],
        muxer: "webm",
        pictures: true,
        codecs: &["opus", "vorbis"],
        subtitles: &["webvtt"],
        ..PLAIN
    },
    Container {
        endings: &["ts", "mts", "m2ts", "m2t", "tod"],
        muxer: "mpegts",
        pictures: true,
        codecs: &["aac", "ac3", "eac3", "mp3", "mp2", "opus", "dts", "s302m"],
        subtitles: &["dvb_subtitle", "dvb_teletext", "hdmv_pgs_subtitle"],
        ..PLAIN
    },
    Container {
        endings: &["avi", "divx"],
        muxer: "avi",
        pictures: true,
        codecs: &[
            "mp3",
            "mp2",
            "ac3",
            "aac",
            "pcm_*",
            "wmav1",
            "wmav2",
            "adpcm_ms",
            "adpcm_ima_wav",
            "flac",
        ],
        ..PLAIN
    },
    Container {
        endings: &["wmv", "asf", "dvr-ms"],
        muxer: "asf",
        codecs: &["wmav2", "wmav1", "mp3"],
        cover: Cover::None,
        pictures: true,
        ..PLAIN
    },
    Container {
        endings: &["flv"],
        muxer: "flv",
        codecs: &["aac", "mp3"],
        pictures: true,
        ..PLAIN
    },
    Container {
        endings: &["mpg", "mpeg", "mpe", "m2p"],
        muxer: "mpeg",
        codecs: &["mp2", "ac3", "mp3"],
        pictures: true,
        subtitles: &["dvd_subtitle"],
        ..PLAIN
    },
    Container {
        endings: &["vob", "mod"],
        muxer: "vob",
        codecs: &["mp2", "ac3", "mp3"],
        pictures: true,
        subtitles: &["dvd_subtitle"],
        ..PLAIN
    },
    Container {
        endings: &["ogv"],
        muxer: "ogv",
        codecs: &["vorbis", "opus", "flac", "speex"],
        pictures: true,
        ..PLAIN
    },
    Container {
        endings: &["mxf"],
        muxer: "mxf",
        codecs: &["pcm_s16le", "pcm_s24le"],
        pictures: true,
        ..PLAIN
    },
    Container {
        endings: &["f4v"],
        muxer: "f4v",
        codecs: &["aac", "mp3"],
        pictures: true,
        ..PLAIN
    },
    Container {
        endings: &["dv"],
        muxer: "dv",
        codecs: &["pcm_s16le"],
        pictures: true,
        ..PLAIN
    },
    Container {
        endings: &["wtv"],
        muxer: "wtv",
        codecs: &["mp2", "ac3", "eac3", "aac", "mp3"],
        pictures: true,
        ..PLAIN
    },
    Container {
        endings: &["gxf"],
        muxer: "gxf",
        codecs: &["pcm_s16le"],
        pictures: true,
        ..PLAIN
    },
    Container {
        endings: &["nut"],
        muxer: "nut",
        codecs: MATROSKA,
        pictures: true,
        ..PLAIN
    },
];

const MATROSKA: &[&str] = &[
    "aac", "opus", "vorbis", "flac", "alac", "mp3", "mp2", "ac3", "eac3", "dts", "truehd", "wavpack", "tta",
    "wmav2", "pcm_*",
];

/// Endings that ffmpeg reads and nobody writes any more, or that need a licence.
const READ_ONLY: [&str; 15] = [
    "ape", "dff", "dsf", "dts", "mp1", "mpc", "ogm", "ra", "rm", "rmvb", "shn", "tak", "tap", "thd", "voc",
];

/// Whether the name says that it is a recording.
pub fn has_known_ending(path: &Path) -> bool {
    let Some(ending) = ending(path) else { return false };
    READ_ONLY.contains(&ending.as_str()) || by_ending(&ending).is_some()
}

/// Whether the name is that of a WAV file.
pub fn is_wav(path: &Path) -> bool {
    of(path).is_some_and(Container::is_wav)
}

/// The container that a name asks for.
pub fn of(path: &Path) -> Option<&'static Container> {
    by_ending(&ending(path)?)
}

/// The container that ffmpeg's writer of this name makes.
pub fn named(muxer: &str) -> Option<&'static Container> {
    CONTAINERS.iter().find(|container| container.muxer == muxer)
}

/// The container that a file has by what is in it; among those of one kind that which its name asks for. `None`: nobody can
/// write such files.
pub fn of_content(path: &Path, probe: &Probe) -> Option<&'static Container> {
    let only = |codec: &str| probe.sounds().all(|sound| sound.codec_name == codec);
    let fits = |container: &Container| {
        probe.is(container.demuxer())
            && (!matches!(container.muxer, "mp2" | "mp3") || only(container.muxer))
            && (container.pictures || probe.picture().is_none())
            && (container.muxer != "webm" || is_webm(probe))
            && (container.muxer != "ogv"
                || probe
                    .pictures()
                    .all(|stream| OGG_PICTURES.contains(&stream.codec_name.as_str())))
    };
    if let Some(named) = of(path).filter(|container| fits(container)) {
        return Some(named);
    }
    let film = probe.picture().is_some();
    let usual = match probe.format.format_name.split(',').next()? {
        "mov" => match probe.tag("major_brand").unwrap_or_default().trim_end() {
            "qt" => "mov",
            "M4A" | "M4B" if !film => "m4a",
            "f4v" => "f4v",
            brand if brand.starts_with("3g") => "3gp",
            _ => "mp4",
        },
        "matroska" if is_webm(probe) => "webm",
        "matroska" if film => "mkv",
        "ogg" if film => "ogv",
        "ogg" => match probe.sounds().next()?.codec_name.as_str() {
            "opus" => "opus",
            "speex" => "spx",
            _ => "ogg",
        },
        "asf" if film => "wmv",
        _ => return CONTAINERS.iter().find(|container| fits(container)),
    };
    by_ending(usual).filter(|container| fits(container))
}

/// Pictures that may be in Ogg.
const OGG_PICTURES: [&str; 3] = ["theora", "vp8", "dirac"];

/// Whether everything in it may be in WebM: its reader is that of Matroska.
fn is_webm(probe: &Probe) -> bool {
    let allowed = ["vp8", "vp9", "av1", "opus", "vorbis", "webvtt"];
    let mut streams = probe.streams.iter();
    streams.all(|stream| allowed.contains(&stream.codec_name.as_str()))
}

fn by_ending(ending: &str) -> Option<&'static Container> {
    CONTAINERS
        .iter()
        .find(|container| container.endings.contains(&ending))
}

fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}

impl Container {
    /// Whether players expect this codec in it.
    pub fn takes(&self, codec: &str) -> bool {
        self.codecs.iter().any(|known| match known.strip_suffix('*') {
            Some(first) => codec.starts_with(first),
            None => *known == codec,
        })
    }

    /// ffmpeg's name for the reader.
    pub fn demuxer(&self) -> &'static str {
        match self.muxer {
            "ipod" | "f4v" => "mov",
            "adts" => "aac",
            "ogv" => "ogg",
            "vob" => "mpeg",
            "mp2" => "mp3",
            muxer => muxer,
        }
    }

    /// ffmpeg's name for that writer of it which takes the most codecs: that of M4A knows less than that of MP4, which is the same
    /// otherwise.
    pub fn widest_muxer(&self) -> &'static str {
        match self.muxer {
            "ipod" => "mp4",
            muxer => muxer,
        }
    }

    /// Whether it says when its sound begins.
    pub fn has_clock(&self) -> bool {
        let others = ["matroska", "webm", "ogg", "mpegts", "asf"];
        self.pictures || self.is_mp4() || others.contains(&self.muxer)
    }

    /// Whether it says how much silence an encoder has put before sound in this codec, so that nobody hears it.
    pub fn tells_delay(&self, codec: &str) -> bool {
        match self.muxer {
            "mp3" => true,
            "ogg" | "ogv" => codec != "speex",
            "matroska" | "webm" => matches!(codec, "opus" | "vorbis"),
            // Its decoder drops what the encoder has put there.
            "asf" => codec.starts_with("wma"),
            _ => self.is_mp4(),
        }
    }

    /// Whether everything that is said about it stands in Vorbis comments.
    pub fn has_comments(&self) -> bool {
        matches!(self.muxer, "ogg" | "flac")
    }

    /// Whether it is WAV, which aeden writes itself.
    pub fn is_wav(&self) -> bool {
        self.muxer == "wav"
    }

    /// Whether it is of the family of mp4.
    pub fn is_mp4(&self) -> bool {
        matches!(self.muxer, "mp4" | "mov" | "ipod" | "3gp" | "f4v")
    }

    /// Whether it has clocks that are exact to the sample; others round to a millisecond, or count frames.
    pub fn is_exact(&self) -> bool {
        self.is_mp4() || self.muxer == "mpegts"
    }
}
