//! Sound without pictures: codec, rate, depth, channels, bit rate, length and tags of the output are the input's.

use super::ffmpeg::{encodes, ffmpeg, is_here, probe, samples, streams};
use crate::recordings::{Folder, noise_file};
use serde_json::Value;
use std::path::Path;

/// What must come out as it went in.
#[derive(Clone, Copy, PartialEq)]
enum Sound {
    /// Every bit of every sample.
    Exact,
    /// As many samples.
    Length,
    /// No fewer samples; the format has no place to say where an encoder's padding ends.
    Padded,
}
use Sound::{Exact, Length, Padded};

/// Whether a cover picture is part of the fixture.
const COVER: &str = "-map 0:a -map 1:v -c:v mjpeg -disposition:v attached_pic";

/// Name of the file, what it is made with, what must stay, whether there is a cover.
const FORMATS: &[(&str, &str, Sound, bool)] = &[
    ("16.flac", "-c:a flac -sample_fmt s16", Exact, true),
    (
        "24-96k.flac",
        "-c:a flac -sample_fmt s32 -ar 96000 -ac 2",
        Exact,
        false,
    ),
    ("surround.flac", "-c:a flac -ac 6", Exact, false),
    (
        "constant.mp3",
        "-c:a libmp3lame -b:a 128k -ac 2 -ar 44100",
        Length,
        true,
    ),
    ("variable.mp3", "-c:a libmp3lame -q:a 4", Length, false),
    ("low.mp3", "-c:a libmp3lame -b:a 32k -ar 16000", Length, false),
    ("aac.m4a", "-c:a aac -b:a 96k -ar 44100 -ac 2", Length, true),
    ("16-alac.m4a", "-c:a alac -sample_fmt s16p", Exact, false),
    ("24-alac.m4a", "-c:a alac -sample_fmt s32p -ac 2", Exact, false),
    (
        "vorbis.ogg",
        "-c:a libvorbis -q:a 4 -ar 44100 -ac 2",
        Length,
        false,
    ),
    ("flac.oga", "-c:a flac -f ogg", Exact, false),
    ("speex.spx", "-c:a libspeex -ar 16000", Padded, false),
    ("speech.opus", "-c:a libopus -b:a 32k", Length, false),
    (
        "surround.opus",
        "-c:a libopus -b:a 256k -af pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0",
        Length,
        false,
    ),
    ("16.aiff", "-c:a pcm_s16be", Exact, false),
    ("24.aif", "-c:a pcm_s24be -ac 2", Exact, false),
    ("16.caf", "-c:a pcm_s16le", Exact, false),
    ("alac.caf", "-c:a alac -ac 2", Exact, false),
    ("two.wma", "-c:a wmav2 -b:a 128k -ac 2 -ar 44100", Padded, false),
    ("16.wv", "-c:a wavpack -sample_fmt s16p", Exact, false),
    ("float.wv", "-c:a wavpack -sample_fmt fltp", Exact, false),
    ("16.tta", "-c:a tta -sample_fmt s16", Exact, false),
    ("24.w64", "-c:a pcm_s24le", Exact, false),
    ("float.au", "-c:a pcm_f32be", Exact, false),
    ("raw.aac", "-c:a aac -b:a 64k", Padded, false),
    ("surround.ac3", "-c:a ac3 -b:a 448k -ac 6", Padded, false),
    ("radio.mp2", "-c:a mp2 -b:a 192k -ac 2", Padded, false),
    ("flac.mka", "-c:a flac", Exact, false),
];

/// Fields of a stream that stay.
const KEPT: [&str; 5] = [
    "codec_name",
    "sample_rate",
    "channels",
    "channel_layout",
    "bits_per_raw_sample",
];

fn make(folder: &Folder, name: &str, codec: &str, cover: bool) {
    let tags = "-metadata title=Talk -metadata artist=Somebody";
    if cover {
        ffmpeg(folder, "-f lavfi -i testsrc2=s=64x64 -frames:v 1 cover.jpg");
        ffmpeg(
            folder,
            &format!("-t 3 -i SPEECH -i cover.jpg {COVER} {codec} {tags} {name}"),
        );
    } else {
        ffmpeg(folder, &format!("-t 3 -i SPEECH {codec} {tags} {name}"));
    }
}

/// Tags of file and track in lower case, without those that say who wrote the file.
fn tags(file: &Path) -> Vec<(String, String)> {
    let all = probe(file, "-show_format -show_streams -select_streams a");
    let mut tags = Vec::new();
    for holder in [&all["format"]["tags"], &all["streams"][0]["tags"]] {
        for (key, value) in holder.as_object().into_iter().flatten() {
            let key = key.to_lowercase();
            if ["title", "artist"].contains(&key.as_str()) {
                tags.push((key, value.as_str().unwrap().to_owned()));
            }
        }
    }
    tags.sort();
    tags
}

fn bit_rate(file: &Path) -> Option<f64> {
    probe(file, "-show_format")["format"]["bit_rate"]
        .as_str()?
        .parse()
        .ok()
}

#[test]
fn every_format_comes_out_as_it_went_in() {
    if !is_here() {
        return;
    }
    for &(name, codec, wanted, cover) in FORMATS {
        let encoder = codec.split(' ').nth(1).unwrap();
        if !encodes(encoder) {
            println!("skipped: this ffmpeg has no {encoder}");
            continue;
        }
        let folder = Folder::new();
        make(&folder, name, codec, cover);
        let out = format!("out/{name}");
        folder
            .aeden(&format!("clean {name} -o out --mix 0 --verify"))
            .quietly();
        let (before, after) = (folder.path(name), folder.path(&out));
        let of = |file: &Path| -> Value {
            let sound = streams(file).into_iter().find(|s| s["codec_type"] == "audio");
            sound.unwrap_or_else(|| panic!("{}: no sound", file.display()))
        };
        let (a, b) = (of(&before), of(&after));
        for field in KEPT {
            assert_eq!(a[field], b[field], "{name}: {field}");
        }
        let (x, y) = (samples(&before, 0), samples(&after, 0));
        // What is heard at all, beside what ffmpeg hears.
        folder
            .aeden(&format!("clean {name} heard.wav --mix 0 --bits 32f"))
            .quietly();
        assert!(x == samples(&folder.path("heard.wav"), 0), "{name}: decoded");
        let channels = a["channels"].as_u64().unwrap() as usize;
        let (frames, got) = (x.len() / channels, y.len() / channels);
        match wanted {
            Exact => assert!(x == y, "{name}: samples differ"),
            Length => assert_eq!(frames, got, "{name}: length"),
            Padded => assert!(
                (frames..frames + 8192).contains(&got),
                "{name}: {frames} frames became {got}"
            ),
        }
        assert_eq!(tags(&before), tags(&after), "{name}: tags");
        let pictures = |file: &Path| {
            streams(file)
                .iter()
                .filter(|s| s["disposition"]["attached_pic"] == 1)
                .count()
        };
        assert_eq!(
            (pictures(&before), pictures(&after)),
            (cover.into(), cover.into()),
            "{name}: cover"
        );
        let rates = bit_rate(&before).zip(bit_rate(&after));
        if let Some((a, b)) = rates.filter(|_| wanted != Exact) {
            assert!(
                (0.75..1.34).contains(&(b / a)),
                "{name}: {a} bits a second became {b}"
            );
        }
        let sound = match wanted {
            Exact => "every bit".into(),
            _ if got == frames => "to the sample".into(),
            _ => format!("{} more at the end", got - frames),
        };
        println!(
            "row of sounds: | {} | {} | {} | exactly | {sound} | {} | {} |",
            name.rsplit('.').next().unwrap(),
            a["codec_name"].as_str().unwrap(),
            codec
                .split(' ')
                .skip(2)
                .collect::<Vec<_>>()
                .join(" ")
                .replace('|', ", "),
            if tags(&before).is_empty() {
                "has none"
            } else {
                "kept"
            },
            rates
                .filter(|_| wanted != Exact)
                .map_or("–".into(), |(a, b)| format!("{:.0} → {:.0}", a / 1e3, b / 1e3)),
        );
    }
}

#[test]
fn cleaned_sound_stays_at_its_place_in_time() {
    if !is_here() {
        return;
    }
    for (name, codec) in [
        ("in.mp3", "-c:a libmp3lame -b:a 128k"),
        ("in.m4a", "-c:a aac -b:a 128k"),
        ("in.ogg", "-c:a libvorbis -q:a 5"),
        ("in.opus", "-c:a libopus -b:a 64k"),
        ("in.flac", "-c:a flac"),
    ] {
        let folder = Folder::new();
        make(&folder, name, codec, false);
        folder.aeden(&format!("clean {name} -o out --mix 0.7")).quietly();
        let of = |file: &str| -> Vec<f32> {
            samples(&folder.path(file), 0)
                .iter()
                .map(|&x| x as f32 / i32::MAX as f32)
                .collect()
        };
        let late = super::ffmpeg::delay(&of(name), &of(&format!("out/{name}")), 2000);
        assert!(late.abs() < 1.0, "{name}: {late} samples late");
    }
}

#[test]
fn the_ending_of_the_output_chooses_its_format() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    make(&folder, "in.flac", "-c:a flac -sample_fmt s16", false);
    folder.write("in.wav", &noise_file(2, 44_100, 50_000));
    for (input, output, codec) in [
        ("in.flac", "a.mp3", "mp3"),
        ("in.flac", "b.m4a", "aac"),
        ("in.flac", "c.opus", "opus"),
        ("in.flac", "d.ogg", "flac"),
        ("in.flac", "e.wav", "pcm_s16le"),
        ("in.wav", "f.flac", "flac"),
        ("in.wav", "g.mp3", "mp3"),
        ("a.mp3", "h.wav", "pcm_s24le"),
        ("a.mp3", "i.flac", "flac"),
        ("c.opus", "j.ogg", "opus"),
    ] {
        folder.aeden(&format!("clean {input} {output}")).quietly();
        assert_eq!(streams(&folder.path(output))[0]["codec_name"], codec, "{output}");
        if input != "in.wav" && output != "e.wav" && output != "h.wav" {
            let title = ("title".to_owned(), "Talk".to_owned());
            assert!(tags(&folder.path(output)).contains(&title), "{output}: no title");
        }
    }
    // From a pipe, too.
    folder
        .aeden_with_input("clean - k.mp3", &noise_file(1, 48_000, 48_000))
        .quietly();
    assert_eq!(samples(&folder.path("k.mp3"), 0).len(), 48_000);
    // And to one, as WAV.
    let run = folder.aeden("clean a.mp3 -").quietly();
    assert!(run.0.stdout.starts_with(b"RIFF"));
}

#[test]
fn depth_and_what_was_removed() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    make(&folder, "in.flac", "-c:a flac -sample_fmt s32", false);
    folder
        .aeden("clean in.flac out.flac --bits 16 --removed gone.wav --plot plot.png")
        .quietly();
    assert_eq!(streams(&folder.path("out.flac"))[0]["bits_per_raw_sample"], "16");
    assert_eq!(
        samples(&folder.path("gone.wav"), 0).len(),
        samples(&folder.path("in.flac"), 0).len()
    );
    assert!(folder.read("plot.png").starts_with(b"\x89PNG"));
}

#[test]
fn inspect_tells_about_every_format() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    make(&folder, "in.mp3", "-c:a libmp3lame -b:a 128k", false);
    let run = folder.aeden("inspect in.mp3 --json").quietly();
    let found: Value = serde_json::from_str(&run.stdout()).unwrap();
    assert_eq!(
        (&found["container"], &found["rate"]),
        (&"mp3 (mp3)".into(), &48_000.into())
    );
    assert_eq!(found["seconds"], 3.0);
}

#[test]
fn folders_are_searched_for_every_format() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    make(&folder, "talk.mp3", "-c:a libmp3lame -b:a 128k", false);
    folder.write("day/talk.mp3", &folder.read("talk.mp3"));
    folder.write("day/notes.txt", b"not for aeden");
    folder.write("day/in.wav", &noise_file(1, 16_000, 4000));
    let run = folder.aeden("clean day -o out --dry-run");
    assert_eq!(run.stdout().lines().count(), 2, "{}", run.stdout());
    let run = folder.aeden("clean day -o out --json --quiet");
    assert_eq!(
        (run.status(), run.stdout().lines().count()),
        (0, 2),
        "{}",
        run.stderr()
    );
    folder.aeden("clean talk.mp3").quietly();
    assert!(folder.path("talk.clean.mp3").exists());
}

#[test]
fn short_recordings_come_out_to_the_sample() {
    if !is_here() || !encodes("libvorbis") || !encodes("libopus") {
        return;
    }
    let folder = Folder::new();
    for seconds in ["0.9", "0.2", "0.05"] {
        for (name, codec) in [
            ("a.ogg", "libvorbis"),
            ("a.opus", "libopus"),
            ("a.oga", "flac"),
            ("a.m4a", "aac"),
        ] {
            ffmpeg(&folder, &format!("-i SPEECH -t {seconds} -c:a {codec} {name}"));
            let run = folder.aeden(&format!(
                "clean {name} -o out -y --mix 0 --verify --json --quality light"
            ));
            assert_eq!(run.status(), 0, "{seconds} s, {name}: {}", run.stderr());
            let verified = &run.json_lines()[0]["verified"];
            assert_eq!(verified["exact_lengths"], 1, "{seconds} s, {name}: {verified}");
        }
    }
}

#[test]
fn uncompressed_sound_goes_from_any_container_into_any_other() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    for depth in ["u8", "s16le", "s24le", "s32le", "f32le", "f64le"] {
        // An odd number of samples, so that chunks have to be filled up.
        ffmpeg(
            &folder,
            &format!("-i SPEECH -af atrim=end_sample=3001 -c:a pcm_{depth} {depth}.wav"),
        );
        for ending in ["aiff", "caf", "au", "w64", "mov", "mkv"] {
            let name = format!("{depth}.{ending}");
            folder
                .aeden(&format!("clean {depth}.wav {name} --mix 0 --verify"))
                .quietly();
            let again = format!("again_{name}");
            folder
                .aeden(&format!("clean {name} {again} --mix 0 --verify --strict"))
                .quietly();
            let [before, after, twice] =
                [format!("{depth}.wav"), name, again].map(|name| samples(&folder.path(&name), 0));
            assert_eq!(before.len(), 3001, "{depth}");
            assert!(before == after, "{depth} in {ending}: {}", after.len());
            assert!(before == twice, "{depth} in {ending}, twice: {}", twice.len());
        }
    }
}

#[test]
fn samples_that_become_coarser_are_told() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    for (depth, ending, coarser) in [
        ("s24le", "flac", false),
        ("s24le", "wv", false),
        ("s32le", "wv", false),
        ("f32le", "wv", false),
        ("s32le", "flac", false),
        ("s32le", "tta", true),
        ("f32le", "tta", true),
        ("f32le", "flac", true),
        ("f64le", "wv", true),
        ("f32le", "mp3", false),
        ("f32le", "opus", false),
    ] {
        ffmpeg(&folder, &format!("-i SPEECH -t 1 -c:a pcm_{depth} in.wav"));
        let run = folder.aeden(&format!("clean in.wav out.{ending} -y --mix 0 --json"));
        let what = format!("{depth} in {ending}: {}", run.stderr());
        assert_eq!(run.status(), 0, "{what}");
        assert_eq!(run.stderr().contains("its samples, "), coarser, "{what}");
        assert_eq!(run.stdout().contains("\"what\":\"depth\""), coarser, "{what}");
        let strict = folder.aeden(&format!("clean in.wav strict.{ending} -y --mix 0 --strict"));
        assert_eq!(strict.status(), i32::from(coarser), "{what}");
        if !coarser && ending == "wv" {
            assert!(
                samples(&folder.path("in.wav"), 0) == samples(&folder.path("out.wv"), 0),
                "{what}"
            );
        }
    }
    // Who asks for a depth knows it.
    folder.aeden("clean in.wav asked.flac --bits 16").quietly();
}

#[test]
fn a_recording_without_samples_is_refused_where_it_cannot_be_written() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 48_000, 0));
    for ending in ["flac", "mp3", "opus", "ogg", "wv", "tta", "mka", "m4a", "w64"] {
        folder
            .aeden(&format!("clean in.wav out.{ending}"))
            .failed(1, "in.wav: has no sound, 0 samples");
    }
    for ending in ["wav", "aiff", "caf", "au"] {
        folder.aeden(&format!("clean in.wav out.{ending}")).quietly();
    }
    assert_eq!(
        folder.names(),
        ["in.wav", "out.aiff", "out.au", "out.caf", "out.wav"]
    );
}

#[test]
fn mpeg_audio_layer_2_has_a_bit_rate_of_its_own() {
    if !is_here() || !encodes("libmp3lame") {
        return;
    }
    let folder = Folder::new();
    for (how, allowed) in [
        ("-ac 2 -ar 44100 -c:a libmp3lame -q:a 7", 64_000),
        ("-ac 1 -ar 48000 -c:a libmp3lame -b:a 320k", 0),
        ("-ac 1 -ar 16000 -c:a libmp3lame -q:a 9", 0),
    ] {
        ffmpeg(&folder, &format!("-i SPEECH -t 2 {how} in.mp3"));
        let run = folder.aeden("clean in.mp3 -o out.mp2 -y --mix 0");
        assert_eq!(run.status(), 0, "{how}: {}", run.stderr());
        let rate = probe(&folder.path("out.mp2"), "-show_streams")["streams"][0]["bit_rate"].clone();
        let rate: u64 = rate.as_str().unwrap().parse().unwrap();
        assert!(rate >= allowed && rate.is_multiple_of(8_000), "{how}: {rate}");
    }
}

#[test]
fn what_nobody_could_read_afterwards_is_refused() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        "-i SPEECH -t 1 -af pan=9C|c0=c0|c8=c0 -c:a pcm_s16le nine.wav",
    );
    folder
        .aeden("clean nine.wav nine.wv")
        .failed(1, "8 channels at most");
    folder.aeden("clean nine.wav nine.flac").failed(1, "nine.flac");
    ffmpeg(
        &folder,
        "-i SPEECH -t 1 -ar 48000 -ac 2 -c:a pcm_bluray -f mpegts disc.m2ts",
    );
    let before = samples(&folder.path("disc.m2ts"), 0).len();
    folder
        .aeden("clean disc.m2ts disc.mkv --mix 0 --verify")
        .quietly();
    assert_eq!(samples(&folder.path("disc.mkv"), 0).len(), before);
    let run = folder.aeden("clean disc.m2ts again.m2ts --mix 0");
    assert!(run.stderr().contains("pcm_bluray"), "{}", run.stderr());
    if run.status() == 0 {
        assert!(samples(&folder.path("again.m2ts"), 0).len() >= before);
    }
}
