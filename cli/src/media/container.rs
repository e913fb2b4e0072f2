//! File name endings: which container they stand for, and what may be in it.

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
    /// Whether a cover picture can be a stream of it.
    pub cover: bool,
    /// Subtitles that it takes; text in other forms is turned into the first.
    pub subtitles: &'static [&'static str],
}

const PLAIN: Container = Container {
    endings: &[],
    muxer: "",
    codecs: &[],
    cover: false,
    subtitles: &[],
};

/// Everything that ffmpeg is asked to write. WAV files are written without it, see [`WAV`].
pub const CONTAINERS: &[Container] = &[
    Container {
        endings: &["flac"],
        muxer: "flac",
        codecs: &["flac"],
        cover: true,
        ..PLAIN
    },
    Container {
        endings: &["mp3"],
        muxer: "mp3",
        codecs: &["mp3"],
        cover: true,
        ..PLAIN
    },
    Container {
        endings: &["m4a", "m4b"],
        muxer: "ipod",
        codecs: &["aac", "alac"],
        cover: true,
        ..PLAIN
    },
    Container {
        endings: &["ogg", "oga"],
        muxer: "ogg",
        codecs: &["vorbis", "opus", "flac", "speex"],
        ..PLAIN
    },
    Container {
        endings: &["opus"],
        muxer: "ogg",
        codecs: &["opus"],
        ..PLAIN
    },
    Container {
        endings: &["spx"],
        muxer: "ogg",
        codecs: &["speex"],
        ..PLAIN
    },
    Container {
        endings: &["aiff", "aif", "aifc"],
        muxer: "aiff",
        codecs: &["pcm_*"],
        cover: true,
        ..PLAIN
    },
    Container {
        endings: &["caf"],
        muxer: "caf",
        codecs: &["alac", "pcm_*", "aac", "opus"],
        ..PLAIN
    },
    Container {
        endings: &["wma", "asf"],
        muxer: "asf",
        codecs: &["wmav2", "wmav1"],
        cover: true,
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
        endings: &["aac"],
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
        cover: true,
        ..PLAIN
    },
    Container {
        endings: &["mp4", "m4v"],
        muxer: "mp4",
        codecs: &["aac", "alac", "ac3", "eac3", "mp3", "mp2", "opus", "flac"],
        cover: true,
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
        cover: true,
        subtitles: &["mov_text"],
    },
    Container {
        endings: &["3gp", "3g2"],
        muxer: "3gp",
        codecs: &["aac", "amr_nb", "amr_wb"],
        subtitles: &["mov_text"],
        ..PLAIN
    },
    Container {
        endings: &["mkv"],
        muxer: "matroska",
        codecs: MATROSKA,
        cover: true,
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
        endings: &["webm"],
        muxer: "webm",
        codecs: &["opus", "vorbis"],
        subtitles: &["webvtt"],
        ..PLAIN
    },
    Container {
        endings: &["ts", "mts", "m2ts"],
        muxer: "mpegts",
        codecs: &["aac", "ac3", "eac3", "mp3", "mp2", "opus", "dts", "s302m"],
        subtitles: &["dvb_subtitle", "dvb_teletext", "hdmv_pgs_subtitle"],
        ..PLAIN
    },
    Container {
        endings: &["avi"],
        muxer: "avi",
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
        endings: &["wmv"],
        muxer: "asf",
        codecs: &["wmav2", "wmav1", "mp3"],
        cover: true,
        ..PLAIN
    },
    Container {
        endings: &["flv"],
        muxer: "flv",
        codecs: &["aac", "mp3"],
        ..PLAIN
    },
    Container {
        endings: &["mpg", "mpeg"],
        muxer: "mpeg",
        codecs: &["mp2", "ac3", "mp3"],
        subtitles: &["dvd_subtitle"],
        ..PLAIN
    },
];

const MATROSKA: &[&str] = &[
    "aac", "opus", "vorbis", "flac", "alac", "mp3", "mp2", "ac3", "eac3", "dts", "truehd", "wavpack", "tta",
    "wmav2", "pcm_*",
];

/// Endings of WAV files, which aeden reads and writes itself.
pub const WAV: [&str; 5] = ["wav", "wave", "bwf", "rf64", "bw64"];

/// Endings that ffmpeg reads and nobody writes any more, or that need a licence.
const READ_ONLY: [&str; 9] = ["ape", "mpc", "ra", "rm", "voc", "dts", "thd", "shn", "vob"];

/// Whether files of this name are taken from folders.
pub fn has_known_ending(path: &Path) -> bool {
    let Some(ending) = ending(path) else { return false };
    WAV.contains(&ending.as_str()) || READ_ONLY.contains(&ending.as_str()) || by_ending(&ending).is_some()
}

/// Whether the name is that of a WAV file.
pub fn is_wav(path: &Path) -> bool {
    ending(path).is_some_and(|ending| WAV.contains(&ending.as_str()))
}

/// The container that a name asks for.
pub fn of(path: &Path) -> Option<&'static Container> {
    by_ending(&ending(path)?)
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
            "ipod" => "m4a",
            "adts" => "aac",
            muxer => muxer,
        }
    }

    /// Whether it takes moving pictures.
    pub fn takes_pictures(&self) -> bool {
        !self.subtitles.is_empty() || matches!(self.endings[0], "avi" | "flv" | "wmv")
    }

    /// Whether it is of the family of mp4.
    pub fn is_mp4(&self) -> bool {
        matches!(self.muxer, "mp4" | "mov" | "ipod" | "3gp")
    }

    /// Whether it has clocks that are exact to the sample; others round to a millisecond, or count frames.
    pub fn is_exact(&self) -> bool {
        self.is_mp4() || self.muxer == "mpegts"
    }
}
