//! Every container with every codec and side track that the installed ffmpeg writes: what differs in the output is told.
//!
//! A part of the files is made in every run; `AEDEN_TORTURE=all` makes all of them.

use super::ffmpeg::{is_here, probe, samples};
use crate::recordings::Folder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Endings, pictures that go into them (`-` for sound alone), and sound.
const CONTAINERS: &[(&str, &str, &str)] = &[
    (
        "mkv",
        "mpeg4 libx264 libvpx mjpeg",
        "aac libopus libvorbis flac alac libmp3lame mp2 ac3 eac3 dca wavpack tta wmav2 pcm_s16le pcm_s24le pcm_f32le truehd",
    ),
    (
        "mka",
        "-",
        "aac libopus libvorbis flac alac libmp3lame mp2 ac3 eac3 dca wavpack tta pcm_s16le pcm_s24be",
    ),
    ("webm", "libvpx -", "libopus libvorbis"),
    (
        "mp4",
        "mpeg4 libx264",
        "aac alac ac3 eac3 libmp3lame mp2 libopus flac libvorbis dca pcm_s16le",
    ),
    ("m4v", "libx264", "aac ac3 alac"),
    ("m4a", "-", "aac alac ac3 eac3"),
    ("m4b", "-", "aac alac"),
    (
        "mov",
        "mpeg4 libx264 mjpeg prores",
        "aac alac pcm_s16le pcm_s24le pcm_s16be pcm_f32le ac3 libmp3lame adpcm_ima_qt",
    ),
    ("3gp", "mpeg4 h263", "aac"),
    (
        "avi",
        "mpeg4 mjpeg",
        "libmp3lame mp2 ac3 pcm_s16le wmav2 adpcm_ms flac aac",
    ),
    ("wmv", "wmv2 msmpeg4", "wmav2 wmav1 libmp3lame"),
    ("asf", "-", "wmav2 libmp3lame"),
    ("wma", "-", "wmav2 wmav1"),
    ("flv", "flv libx264", "libmp3lame aac"),
    ("f4v", "libx264", "aac"),
    (
        "ts",
        "mpeg2video libx264",
        "aac mp2 libmp3lame ac3 eac3 libopus dca s302m",
    ),
    ("m2ts", "mpeg2video libx264", "ac3 eac3 aac"),
    ("mpg", "mpeg1video mpeg2video", "mp2 ac3 libmp3lame"),
    ("vob", "mpeg2video", "mp2 ac3"),
    ("ogv", "libtheora", "libvorbis libopus flac"),
    ("mxf", "mpeg2video", "pcm_s16le pcm_s24le"),
    ("wtv", "mpeg2video", "mp2 ac3"),
    ("nut", "mpeg4", "aac flac libvorbis pcm_s16le"),
    ("ogg", "-", "libvorbis libopus flac libspeex"),
    ("oga", "-", "flac libvorbis"),
    ("opus", "-", "libopus"),
    ("spx", "-", "libspeex"),
    ("mp3", "-", "libmp3lame"),
    ("mp2", "-", "mp2"),
    ("aac", "-", "aac"),
    ("ac3", "-", "ac3"),
    ("eac3", "-", "eac3"),
    ("flac", "-", "flac"),
    ("wv", "-", "wavpack"),
    ("tta", "-", "tta"),
    ("aiff", "-", "pcm_s16be pcm_s24be pcm_f32be"),
    ("caf", "-", "alac pcm_s16be pcm_s24le libopus aac"),
    ("au", "-", "pcm_s16be pcm_mulaw"),
    ("w64", "-", "pcm_s16le pcm_s24le"),
    (
        "wav",
        "-",
        "pcm_s16le pcm_s24le pcm_f32le pcm_mulaw adpcm_ms libmp3lame",
    ),
];

/// What stands beside the sound: names, more inputs, and options. `N` is the number of the first of these inputs.
const SIDES: &[(&str, &str, &str)] = &[
    ("nothing", "", ""),
    (
        "tags and chapters",
        "-i about.txt",
        "-map_metadata N -map_chapters N",
    ),
    (
        "a cover",
        "-i c.jpg",
        "-map N -c:v:LAST copy -disposition:v:LAST attached_pic",
    ),
    (
        "a second sound",
        "-i in.wav",
        "-map N -metadata:s:a:1 language=deu -metadata:s:a:0 language=eng",
    ),
    ("subtitles", "-i subs.srt", "-map N -metadata:s:s:0 language=fra"),
    (
        "an attachment",
        "",
        "-attach notes.txt -metadata:s:t mimetype=text/plain",
    ),
    ("channels", "", "-ac 2 -ar 44100"),
    ("a late start", "", ""),
];

const ABOUT: &[u8] = b";FFMETADATA1\ntitle=Evening\nartist=Ann\ncomment=a word\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Two\n";

/// Makes a file; `false` if ffmpeg cannot.
fn make(
    folder: &Folder,
    name: &str,
    (picture, sound): (&str, &str),
    (side, input, options): (&str, &str, &str),
) -> bool {
    let film = picture != "-";
    let late = if side == "a late start" {
        "-itsoffset 0.3"
    } else {
        ""
    };
    let first = if film {
        "-f lavfi -i testsrc=s=96x64:r=25:d=1"
    } else {
        ""
    };
    let codec = if film {
        format!("-map 0:v -map 1:a -c:v {picture}")
    } else {
        "-map 0:a".into()
    };
    let options = options
        .replace('N', if film { "2" } else { "1" })
        .replace("LAST", if film { "1" } else { "0" });
    let rate = if options.contains("-ar") || matches!(sound, "adpcm_ima_qt" | "pcm_mulaw") {
        ""
    } else {
        "-ar 48000"
    };
    let line = format!(
        "{first} {late} -i in.wav {input} {codec} -c:a {sound} -strict -2 {rate} {options} -t 1 {name}"
    );
    let mut command = Command::new("ffmpeg");
    command
        .current_dir(folder)
        .args(["-nostdin", "-v", "quiet", "-y"])
        .args(line.split_whitespace());
    command.status().unwrap().success()
        && std::fs::metadata(folder.path(name)).is_ok_and(|about| about.len() > 0)
}

/// What a file holds, as lines that can be compared.
fn contents(folder: &Folder, name: &str) -> BTreeMap<String, usize> {
    let all = probe(&folder.path(name), "-show_streams -show_format -show_chapters");
    let mut lines = Vec::new();
    let none = Vec::new();
    for stream in all["streams"].as_array().unwrap_or(&none) {
        if stream["codec_name"] == "dvd_nav_packet" || stream["codec_name"] == "bin_data" {
            continue;
        }
        let cover = stream["disposition"]["attached_pic"] == 1;
        let kind = if cover {
            "cover"
        } else {
            stream["codec_type"].as_str().unwrap_or("unknown")
        };
        lines.push(format!(
            "{kind} {} {} {}",
            stream["codec_name"], stream["channels"], stream["sample_rate"]
        ));
        if !cover {
            let tags = stream["tags"].as_object().into_iter().flatten();
            for (key, value) in tags.filter(|(key, _)| {
                ["language", "filename"]
                    .iter()
                    .any(|name| key.eq_ignore_ascii_case(name))
            }) {
                lines.push(format!("{kind} {}={value}", key.to_lowercase()));
            }
        }
    }
    let tags = |value: &Value| -> Vec<(String, Value)> {
        let all = value["tags"].as_object().into_iter().flatten();
        all.map(|(key, value)| (key.to_lowercase(), value.clone()))
            .collect()
    };
    let of_file = tags(&all["format"]).into_iter().chain(tags(&all["streams"][0]));
    let about = of_file.filter(|(key, _)| matches!(key.as_str(), "title" | "artist" | "comment"));
    let mut about: Vec<String> = about.map(|(key, value)| format!("tag {key}={value}")).collect();
    about.sort();
    about.dedup();
    lines.extend(about);
    for chapter in all["chapters"].as_array().unwrap_or(&none) {
        let start: f64 = chapter["start_time"].as_str().unwrap().parse().unwrap();
        lines.push(format!("chapter {:.2} {}", start, chapter["tags"]["title"]));
    }
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

#[test]
fn no_difference_is_silent() {
    if !is_here() {
        return;
    }
    let all = std::env::var("AEDEN_TORTURE").is_ok_and(|what| what == "all");
    let folder = Folder::new();
    super::ffmpeg::ffmpeg(&folder, "-i SPEECH -t 1 in.wav");
    super::ffmpeg::ffmpeg(&folder, "-f lavfi -i color=red:s=32x32 -frames:v 1 c.jpg");
    folder.write("about.txt", ABOUT);
    folder.write("notes.txt", b"shot on a Tuesday");
    folder.write("subs.srt", b"1\n00:00:00,100 --> 00:00:00,800\nGood evening\n");
    let (mut made, mut silent, mut told, mut refused) = (0, Vec::new(), 0, 0);
    let mut number = 0;
    for (ending, pictures, sounds) in CONTAINERS {
        for (p, picture) in pictures.split(' ').enumerate() {
            for (s, sound) in sounds.split(' ').enumerate() {
                for (k, side) in SIDES.iter().enumerate() {
                    // Every side track with the first codecs, and the first side tracks with every codec.
                    if (p > 0 || s > 0) && k > 1 {
                        continue;
                    }
                    number += 1;
                    if !all && number % 9 != 0 {
                        continue;
                    }
                    let name = format!("f.{ending}");
                    if !make(&folder, &name, (picture, sound), *side) {
                        continue;
                    }
                    made += 1;
                    let what = format!("{ending} | {picture} | {sound} | {}", side.0);
                    let run = folder.aeden(&format!("clean {name} -o out --mix 0 --verify --json -y"));
                    if run.status() != 0 {
                        refused += 1;
                        println!("row of torture: | {what} | refused: {} |", run.stderr().trim());
                        if run.stderr().lines().count() != 1 {
                            silent.push(format!("{what}: {}", run.stderr()));
                        }
                        continue;
                    }
                    let lost =
                        run.json_lines()[0]["lost"].as_array().unwrap().len() + run.stderr().lines().count();
                    let (before, after) = (
                        contents(&folder, &name),
                        contents(&folder, &format!("out/{name}")),
                    );
                    let mut differs: Vec<String> = before
                        .iter()
                        .filter(|(line, count)| after.get(*line).is_none_or(|now| now < count))
                        .map(|(line, _)| line.clone())
                        .collect();
                    // What is compressed in WAV becomes PCM, as the documentation says.
                    if *ending == "wav" {
                        differs.retain(|line| !line.starts_with("audio"));
                    }
                    let lengths = [name.clone(), format!("out/{name}")]
                        .map(|name| samples(&folder.path(&name), 0).len());
                    let padding = 4096 * 2;
                    if lengths[1] < lengths[0] || lengths[1] > lengths[0] + padding {
                        differs.push(format!("{} samples become {}", lengths[0], lengths[1]));
                    }
                    if differs.is_empty() {
                        continue;
                    }
                    told += 1;
                    println!(
                        "row of torture: | {what} | {} | {} |",
                        differs.join("; "),
                        run.stderr().trim().replace('\n', "; ")
                    );
                    if lost == 0 {
                        silent.push(format!("{what}: {}", differs.join("; ")));
                    }
                }
            }
        }
    }
    println!("torture: {made} files, {told} with differences that are told, {refused} refused");
    assert!(made >= if all { 300 } else { 25 }, "{made} files");
    assert!(silent.is_empty(), "{silent:#?}");
}
