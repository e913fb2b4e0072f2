//! How a track is encoded: as it was, as far as its container and ffmpeg allow.

use super::abilities::{encoder, writes};
use super::container::Container;
use super::mpeg_audio::{VERSION_1_LAYER_2, VERSION_2};
use super::probe::Stream;
use crate::problem::Problem;
use crate::wav::{Encoding, Format};
use std::path::Path;

/// An encoder with its settings, and the form in which it is fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// ffmpeg's name of the encoder.
    pub encoder: String,
    /// Options and values, each option without its dash and the stream that it is for.
    pub settings: Vec<(&'static str, String)>,
    /// The samples that ffmpeg is given.
    pub feed: Encoding,
    /// Samples of silence that are put before the sound, for the decoder to drop.
    pub lead: u32,
    /// Samples of silence that are put behind the sound, for the encoder to keep back.
    pub tail: u32,
}

/// What is known about the sound before it is encoded.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    /// Rate and channels of the sound, and the samples that it has.
    pub format: &'a Format,
    /// The track of the input, where ffprobe has looked at it.
    pub track: Option<&'a Stream>,
    /// Its arrangement of loudspeakers.
    pub layout: Option<&'a str>,
    /// Bits a second of that track.
    pub bit_rate: Option<u64>,
    /// Samples that the user asks for.
    pub depth: Option<Encoding>,
    /// Whether the output has the input's container, which then takes the input's codec.
    pub same_container: bool,
}

/// Codecs for the output by ffmpeg's names for codecs (not encoders), the most wanted first.
fn candidates<'a>(wish: &Wish<'a>, container: &'a Container) -> Vec<&'a str> {
    let own = wish.track.map(|track| track.codec_name.as_str());
    let own = own.filter(|own| wish.same_container || container.takes(own));
    let exact = own.is_some() && wish.track.is_some_and(is_exact);
    // What is there bit for bit goes into another codec that keeps it so, if it cannot stay in its own. Few players know
    // SMPTE 302M.
    let all = container.codecs.iter().copied();
    let like: Vec<&str> = all
        .filter(|codec| exact && !is_lossy(codec) && *codec != "s302m")
        .collect();
    let own = own.filter(|own| like.is_empty() || !is_lossy(own));
    own.into_iter()
        .chain(like)
        .chain(container.codecs.iter().copied())
        .collect()
}

/// How well an encoder takes the sound: all of it, at another rate, with fewer channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Whole,
    OtherRate,
    FewerChannels,
}

impl Codec {
    /// Settles how the sound is encoded in a container: in its own codec where ffmpeg has an encoder for that which takes all channels,
    /// otherwise in the next that does. The error says what cannot be done.
    pub fn choose(wish: &Wish, container: &Container, subject: &Path) -> Result<Codec, Problem> {
        let mut best: Option<(Fit, Codec)> = None;
        let mut refused = None;
        for name in candidates(wish, container) {
            let codec = match Codec::named(name, wish, container) {
                Ok(codec) => codec,
                Err(what) => {
                    refused.get_or_insert(what);
                    continue;
                }
            };
            // aeden writes it itself.
            if container.is_wav() {
                return Ok(codec);
            }
            let Some(encoder) = encoder(&codec.encoder, subject)? else {
                refused.get_or_insert(format!(
                    "this ffmpeg has no encoder for {name} ({}); give OUT another ending, such as .m4a, .flac or .wav",
                    codec.encoder
                ));
                continue;
            };
            // What another program has put there, this ffmpeg may not be able to: PCM in mp4.
            let sound = (codec.feed_name(), wish.format.rate, wish.format.channels);
            let muxer = container.widest_muxer();
            if !container.takes(name) && !writes(muxer, &codec.options("a"), sound, subject)? {
                refused.get_or_insert(format!(
                    "this ffmpeg cannot write {name} into .{} files; give OUT another ending, such as .mkv",
                    container.endings[0]
                ));
                continue;
            }
            let fit = match encoder.takes_channels(wish.format.channels) {
                false => Fit::FewerChannels,
                true if !encoder.takes_rate(wish.format.rate) => Fit::OtherRate,
                true => Fit::Whole,
            };
            // Another rate is no reason for another codec.
            if fit < Fit::FewerChannels && best.as_ref().is_none_or(|(fit, _)| *fit == Fit::FewerChannels) {
                return Ok(codec);
            }
            best.get_or_insert((fit, codec));
        }
        match (best, refused) {
            (Some((_, codec)), _) => Ok(codec),
            (None, refused) => Err(Problem::file(
                subject,
                refused.unwrap_or_else(|| {
                    format!(
                        "ffmpeg cannot write .{} files; give the output another ending",
                        container.endings[0]
                    )
                }),
            )),
        }
    }

    /// The encoder of a codec with its settings.
    fn named(name: &str, wish: &Wish, container: &Container) -> Result<Codec, String> {
        let kept = wish.track.is_some_and(|track| track.codec_name == name);
        let depth = wish.depth.unwrap_or(wish.format.encoding);
        let integer = if depth.resolution() <= 16 && !matches!(depth, Encoding::Float { .. }) {
            Encoding::INT16
        } else {
            Encoding::INT24
        };
        let formatted = |format: &str, bits: Encoding| {
            let mut settings = vec![("sample_fmt", format.to_owned())];
            if bits == Encoding::INT24 {
                settings.push(("bits_per_raw_sample", "24".into()));
            }
            settings
        };
        let lossless = |encoder: &str, small: &str, large: &str| Codec {
            encoder: encoder.into(),
            settings: formatted(if integer == Encoding::INT16 { small } else { large }, integer),
            feed: integer,
            lead: 0,
            tail: 0,
        };
        // As a stream of its own it has a kind that ffmpeg does not write into the table of the programme.
        if name == "pcm_bluray" {
            return Err(no_encoder(name));
        }
        if name.starts_with("pcm_") {
            let keep = kept && wish.depth.is_none();
            return Ok(pcm(name, depth, keep, wish.same_container, container));
        }
        Ok(match name {
            "flac" => lossless("flac", "s16", "s32"),
            "alac" => lossless("alac", "s16p", "s32p"),
            "tta" => lossless("tta", "s16", "s32"),
            "s302m" => Codec {
                settings: [lossless(name, "s16", "s32").settings, experimental()].concat(),
                ..lossless(name, "s16", "s32")
            },
            "truehd" | "mlp" => Codec {
                settings: [lossless(name, "s16", "s32").settings, experimental()].concat(),
                ..lossless(name, "s16", "s32")
            },
            "wavpack" if wish.format.channels > WAVPACK_CHANNELS => {
                return Err(format!(
                    "ffmpeg writes WavPack of {WAVPACK_CHANNELS} channels at most, and the sound has {}; give OUT another ending, such as .wav",
                    wish.format.channels
                ));
            }
            "wavpack" if matches!(depth, Encoding::Float { .. }) => Codec {
                encoder: "wavpack".into(),
                settings: formatted("fltp", depth),
                feed: Encoding::FLOAT32,
                lead: 0,
                tail: 0,
            },
            "wavpack" if depth.resolution() > 24 => Codec {
                encoder: "wavpack".into(),
                settings: formatted("s32p", depth),
                feed: depth,
                lead: 0,
                tail: 0,
            },
            "wavpack" => lossless("wavpack", "s16p", "s32p"),
            _ => lossy(name, wish, kept)?,
        })
    }

    /// Options of ffmpeg for a stream of the output: its number, or `a` for all sound.
    pub fn options(&self, stream: &str) -> Vec<String> {
        let mut options = vec![format!("-c:{stream}"), self.encoder.clone()];
        for (option, value) in &self.settings {
            options.extend([format!("-{option}:{stream}"), value.clone()]);
        }
        if self.tail > 0 {
            options.extend([format!("-filter:{stream}"), format!("apad=pad_len={}", self.tail)]);
        }
        options
    }

    /// What ffmpeg calls the samples that it is given.
    pub fn feed_name(&self) -> &'static str {
        pcm_name(self.feed)
    }
}

/// What ffmpeg calls samples on a pipe.
pub fn pcm_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Int { bytes: 1, .. } => "u8",
        Encoding::Int { bytes: 2, .. } => "s16le",
        Encoding::Int { bytes: 3, .. } => "s24le",
        Encoding::Int { .. } => "s32le",
        Encoding::Float { bytes: 4 } => "f32le",
        Encoding::Float { .. } => "f64le",
    }
}

/// The samples in which a track is decoded without loss.
pub fn decoded(track: &Stream) -> Encoding {
    let bits = track.bits();
    match track.sample_fmt.trim_end_matches('p') {
        _ if !is_exact(track) => Encoding::FLOAT32,
        "u8" => Encoding::Int {
            bytes: 1,
            valid_bits: 8,
        },
        "s16" => Encoding::INT16,
        "s32" if bits.is_some_and(|bits| bits <= 24) => Encoding::INT24,
        "s32" => Encoding::Int {
            bytes: 4,
            valid_bits: 32,
        },
        "dbl" => Encoding::Float { bytes: 8 },
        _ => Encoding::FLOAT32,
    }
}

/// Whether decoding gives approximations.
fn is_lossy(codec: &str) -> bool {
    let lossless = [
        "flac", "alac", "wavpack", "tta", "ape", "truehd", "mlp", "shorten", "tak", "als", "s302m",
    ];
    !(codec.starts_with("pcm_") || lossless.contains(&codec))
}

/// Whether a track was coded with loss, so that its depth is of no meaning.
pub fn has_no_depth(track: &Stream) -> bool {
    !is_exact(track)
}

/// Whether decoding a track gives what was encoded, bit for bit.
pub fn is_exact(track: &Stream) -> bool {
    // DTS has a form that is, around a core that is not.
    !is_lossy(&track.codec_name)
        || track
            .profile
            .as_deref()
            .is_some_and(|profile| profile.contains("HD MA"))
}

fn experimental() -> Vec<(&'static str, String)> {
    vec![("strict", "-2".into())]
}

/// The most channels of WavPack that can be read again when ffmpeg has written them.
const WAVPACK_CHANNELS: u16 = 8;

fn no_encoder(codec: &str) -> String {
    format!(
        "ffmpeg reads {codec} but cannot write it; give the output another ending, such as .m4a, .flac or .wav"
    )
}

/// Uncompressed sound: the same codec, or that of the wanted depth in the container's order of bytes. `same`: the container is that
/// of the input, which has the codec.
fn pcm(name: &str, depth: Encoding, keep: bool, same: bool, container: &Container) -> Codec {
    let little_only = matches!(container.muxer, "wav" | "w64" | "avi");
    let big_only = matches!(container.muxer, "aiff" | "au");
    let big = name.ends_with("be") && !little_only || big_only;
    let order = if big { "be" } else { "le" };
    let known = |feed: Encoding| Codec {
        encoder: name.into(),
        settings: Vec::new(),
        feed,
        lead: 0,
        tail: 0,
    };
    let possible = !(little_only && name.ends_with("be") || big_only && !same && name.ends_with("le"));
    if keep && possible {
        match name {
            "pcm_alaw" | "pcm_mulaw" | "pcm_vidc" => return known(Encoding::INT16),
            _ if same => return known(depth),
            _ => {}
        }
    }
    let (kind, feed) = match depth {
        Encoding::Float { bytes: 4 } => ("f32", depth),
        Encoding::Float { .. } => ("f64", depth),
        Encoding::Int { bytes: 4, .. } => ("s32", depth),
        Encoding::Int { bytes: 3, .. } => ("s24", Encoding::INT24),
        Encoding::Int { .. } => ("s16", Encoding::INT16),
    };
    Codec {
        encoder: format!("pcm_{kind}{order}"),
        settings: Vec::new(),
        feed,
        lead: 0,
        tail: 0,
    }
}

/// Codecs that give approximations, at the input's bit rate or a good one.
fn lossy(name: &str, wish: &Wish, kept: bool) -> Result<Codec, String> {
    let channels = u64::from(wish.format.channels);
    let encoder = match name {
        "mp3" => "libmp3lame",
        "opus" => "libopus",
        "vorbis" => "libvorbis",
        "speex" => "libspeex",
        "gsm" => "libgsm",
        "gsm_ms" => "libgsm_ms",
        "amr_nb" => "libopencore_amrnb",
        "amr_wb" => "libvo_amrwbenc",
        "dts" => "dca",
        "aac_latm" => "aac",
        "wmav1" | "wmav2" | "aac" | "ac3" | "eac3" | "mp2" | "g722" | "g723_1" | "nellymoser" => name,
        _ if name.starts_with("adpcm_") => name,
        _ => {
            return Err(no_encoder(name));
        }
    };
    // What is said to be transparent for two channels, or a little more.
    let usual = match name {
        "mp3" | "vorbis" | "wmav1" | "wmav2" => 96_000 * channels.min(2),
        "opus" => 64_000 * channels,
        "mp2" => 128_000 * channels.min(2),
        "ac3" | "eac3" => 96_000 * channels.max(2),
        "dts" => 1_536_000,
        _ => 80_000 * channels,
    };
    let mut settings = Vec::new();
    let rate = wish
        .bit_rate
        .filter(|_| kept || wish.track.is_some_and(has_no_depth))
        .unwrap_or(usual);
    match name {
        "mp3" if CONSTANT_MP3.contains(&rate) => settings.push(("b", rate.to_string())),
        "mp3" => settings.extend([("b", rate.clamp(8_000, 320_000).to_string()), ("abr", "1".into())]),
        "opus" => settings.push(("b", rate.clamp(6_000, 256_000 * channels).to_string())),
        "mp2" => settings.push(("b", nearest_mp2(rate, wish.format).to_string())),
        // It takes only rates that it knows for the sampling rate; its qualities exist for all.
        "vorbis" => settings.push(("q", vorbis_quality(rate, wish.format).to_string())),
        "amr_nb" | "amr_wb" | "gsm" | "gsm_ms" | "g722" | "g723_1" => {
            if let Some(rate) = wish.bit_rate.filter(|_| kept) {
                settings.push(("b", rate.to_string()));
            }
        }
        _ if name.starts_with("adpcm_") => {}
        // Its encoder cannot do with less.
        "dts" => settings.push(("b", rate.max(384_000 * channels.div_ceil(2)).to_string())),
        _ => settings.push(("b", rate.to_string())),
    }
    if name == "opus"
        && wish.format.channels > 2
        && !wish
            .layout
            .is_some_and(|layout| OPUS.contains(&without_sides(layout).as_str()))
    {
        // Channels that are no loudspeakers, or none that Opus knows.
        settings.push(("mapping_family", "255".into()));
    }
    if name == "dts" {
        settings.extend(experimental());
    }
    Ok(Codec {
        encoder: encoder.into(),
        settings,
        feed: Encoding::FLOAT32,
        lead: match name {
            "wmav1" | "wmav2" => wma_block(name, wish.format.rate),
            _ => 0,
        },
        tail: kept_back(name, wish.format.rate),
    })
}

/// Samples by which an encoder of ffmpeg is late and which it never gives, were they the last of the sound: they get as much
/// silence behind them.
fn kept_back(name: &str, rate: u32) -> u32 {
    match name {
        "ac3" | "eac3" => 256,
        "mp2" => 481,
        "dts" => 512,
        "speex" => (rate / 62).clamp(128, 512),
        _ => 0,
    }
}

/// Samples of a block of Windows Media Audio. Its decoder drops two, of which ffmpeg's encoder gives one: the other is put before the
/// sound, which would lose its beginning otherwise.
fn wma_block(name: &str, rate: u32) -> u32 {
    match rate {
        0..=16_000 => 512,
        16_001..=22_050 => 1024,
        22_051..=32_000 if name == "wmav1" => 1024,
        22_051..=48_000 => 2048,
        _ => 4096,
    }
}

/// The arrangement with the loudspeakers at the sides counted as those behind the listener.
pub fn without_sides(layout: &str) -> String {
    layout.replace("(side)", "").replace("(back)", "")
}

/// Arrangements of loudspeakers that Opus has a place for.
const OPUS: [&str; 6] = ["3.0", "quad", "5.0", "5.1", "6.1", "7.1"];

/// Bit rates of MP3 files that stay the same all through.
const CONSTANT_MP3: [u64; 18] = [
    8_000, 16_000, 24_000, 32_000, 40_000, 48_000, 56_000, 64_000, 80_000, 96_000, 112_000, 128_000, 144_000,
    160_000, 192_000, 224_000, 256_000, 320_000,
];

/// The bit rate of MPEG audio, layer II, that is nearest to a wanted one (ISO/IEC 11172-3, 2.4.2.3, and 13818-3).
fn nearest_mp2(rate: u64, format: &Format) -> u64 {
    let is_low = format.rate < 32_000;
    let all = if is_low { VERSION_2 } else { VERSION_1_LAYER_2 };
    // Above, the standard has the highest for two channels alone, and the lowest for one.
    let is_allowed = |bits: &u64| match format.channels {
        _ if is_low => *bits > 0,
        1 => (1..=192_000).contains(bits),
        _ => *bits >= 64_000,
    };
    let allowed = all
        .map(|kilobits| 1000 * kilobits as u64)
        .into_iter()
        .filter(is_allowed);
    allowed.min_by_key(|bits| bits.abs_diff(rate)).unwrap_or(rate)
}

/// libvorbis's quality for a bit rate, after the nominal rates that it prints for two channels at 44.1 kHz, -1 to 10,
/// which go about with the sampling rate and the channels.
fn vorbis_quality(rate: u64, format: &Format) -> i32 {
    const NOMINAL: [f64; 12] = [
        45e3, 64e3, 80e3, 96e3, 112e3, 128e3, 160e3, 192e3, 224e3, 256e3, 320e3, 500e3,
    ];
    let share = f64::from(format.channels) / 2.0 * (f64::from(format.rate) / 44_100.0).min(1.1);
    let full = rate as f64 / share;
    let nearest = NOMINAL
        .iter()
        .enumerate()
        .min_by(|(_, a), (_, b)| (*a - full).abs().total_cmp(&(*b - full).abs()));
    nearest.map_or(3, |(place, _)| place as i32 - 1)
}
