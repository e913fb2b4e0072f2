//! Every container with every codec and side track that the installed ffmpeg writes: what differs in the output is told.
//!
//! A part of the files is made in every run. `AEDEN_TORTURE=all` makes all of them, which takes long, and prints the tables of
//! `docs/formats.md`; `AEDEN_TORTURE=mkv,ts` those of some endings.

use super::ffmpeg::{beginning, delay, is_here, probe};
use crate::recordings::Folder;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

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

/// Seconds of every file.
const SECONDS: &str = "1.2";

/// Samples before and after the sound with which encoders fill their blocks, at most.
const PADDING: usize = 8192;

/// A file of the matrix.
struct Case {
    name: String,
    picture: &'static str,
    sound: &'static str,
    side: &'static str,
}

/// What stands in a file, by kinds, as lines that can be compared: how often each is there.
type Contents = BTreeMap<(&'static str, String), usize>;

/// Makes a file; `false` if ffmpeg cannot.
fn make(folder: &Folder, case: &Case, (input, options): (&str, &str)) -> bool {
    let (name, picture, sound) = (&case.name, case.picture, case.sound);
    let film = picture != "-";
    let late = if case.side == "a late start" {
        "-itsoffset 0.3"
    } else {
        ""
    };
    let first = if film {
        "-f lavfi -i testsrc=s=176x144:r=25:d=1.2"
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
    let rate = match sound {
        _ if options.contains("-ar") => "",
        "adpcm_ima_qt" | "pcm_mulaw" => "",
        "libspeex" => "-ar 16000",
        "s302m" => "-ar 48000 -ac 2",
        _ => "-ar 48000",
    };
    let subtitles = match name.rsplit_once('.').unwrap().1 {
        _ if case.side != "subtitles" => "",
        "mkv" | "mka" => "-c:s srt",
        "webm" => "-c:s webvtt",
        _ => "-c:s mov_text",
    };
    let line = format!(
        "{first} {late} -i in.wav {input} {codec} -c:a {sound} {subtitles} -strict -2 {rate} {options} -t {SECONDS} {name}"
    );
    let mut command = Command::new("ffmpeg");
    command
        .current_dir(folder)
        .args(["-nostdin", "-v", "quiet", "-y"])
        .args(line.split_whitespace());
    let made = command.status().unwrap().success()
        && std::fs::metadata(folder.path(name)).is_ok_and(|about| about.len() > 0);
    if !made {
        let _ = std::fs::remove_file(folder.path(name));
    }
    made
}

/// Tags that say how a file is made, and not what it is about.
const TECHNICAL: &[&str] = &[
    "encoder",
    "major_brand",
    "minor_version",
    "compatible_brands",
    "handler_name",
    "vendor_id",
    "duration",
    "software",
    "tlen",
    "tsse",
    "application_platform",
    "product_version_num",
    "toolkit_version_num",
    "material_package_umid",
    "file_package_umid",
];

/// What a file holds.
fn contents(all: &Value) -> Contents {
    let mut contents = Contents::new();
    let mut add = |kind, line: String| *contents.entry((kind, line)).or_default() += 1;
    let mut about: BTreeMap<String, String> = BTreeMap::new();
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let list = |name: &str| all[name].as_array().cloned().unwrap_or_default();
    let streams = list("streams");
    let several = streams.iter().filter(|stream| !is_cover(stream)).count() > 1;
    for stream in &streams {
        // Ten navigation packets a second, which DVDs have and nobody hears.
        if stream["codec_name"] == "dvd_nav_packet" {
            continue;
        }
        let kind = stream["codec_type"].as_str().unwrap_or("unknown");
        let text = |field: &str| stream[field].to_string().replace('"', "");
        if is_cover(stream) {
            add("cover", format!("cover {}", text("codec_name")));
            continue;
        }
        let number = numbers.entry(kind).or_default();
        *number += 1;
        let name = format!("{kind} {number}");
        match kind {
            "audio" => {
                add("codec", format!("{name}: {}", text("codec_name")));
                add("channels", format!("{name}: {} channels", text("channels")));
                add("rate", format!("{name}: {} Hz", text("sample_rate")));
            }
            "attachment" => add("attachment", format!("{name}: {}", stream["tags"])),
            _ => {
                let fields = ["codec_name", "width", "height", "pix_fmt", "r_frame_rate"].map(text);
                add("track", format!("{name}: {}", fields.join(" ")));
            }
        }
        let set = stream["disposition"].as_object().into_iter().flatten();
        for (flag, _) in set.filter(|(flag, value)| **value == 1 && *flag != "default") {
            add("track", format!("{name}: {flag}"));
        }
        for (key, value) in tags(stream) {
            // Where there is nothing else, the sound's tags are the file's.
            match several && kind != "attachment" {
                true => add("track", format!("{name}: {key} {value}")),
                false if kind == "audio" => drop(about.insert(key, value)),
                false => {}
            }
        }
    }
    about.extend(tags(&all["format"]));
    for (key, value) in about {
        add("tag", format!("tag {key}={value}"));
    }
    for chapter in list("chapters") {
        let start: f64 = chapter["start_time"].as_str().unwrap().parse().unwrap();
        add(
            "chapter",
            format!("chapter {start:.2} {}", chapter["tags"]["title"]),
        );
    }
    contents
}

fn is_cover(stream: &Value) -> bool {
    stream["disposition"]["attached_pic"] == 1
}

/// Tags that are about the recording.
fn tags(of: &Value) -> Vec<(String, String)> {
    let all = of["tags"].as_object().into_iter().flatten();
    all.map(|(key, value)| (key.to_lowercase(), value.as_str().unwrap_or_default().to_owned()))
        .filter(|(key, value)| !(TECHNICAL.contains(&key.as_str()) || key == "language" && value == "und"))
        .collect()
}

/// The samples of the first track, all channels in one.
fn mono(file: &Path) -> Vec<f32> {
    let out = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "quiet", "-i"])
        .arg(file)
        .args(["-map", "0:a:0", "-ac", "1", "-f", "f32le", "pipe:1"])
        .output()
        .unwrap();
    let samples = out.stdout.chunks_exact(4);
    samples
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// When the first track of sound begins after the first picture; `None` where the file has no such times.
fn begins(file: &Path) -> Option<f64> {
    let of = |selection: &str| {
        let entries = "-read_intervals %+#8 -show_entries frame=pts_time";
        let all = probe(file, &format!("-select_streams {selection} {entries}"));
        let frames = all["frames"].as_array()?;
        let all_have = !frames.is_empty() && frames.iter().all(|frame| frame["pts_time"].is_string());
        all_have.then(|| beginning(file, selection))
    };
    Some(of("a:0")? - of("v:0")?)
}

/// What is different in a file after cleaning.
struct Differences {
    /// Kind and text of each.
    found: Vec<(&'static str, String)>,
    /// By how many seconds its sound is late against its picture.
    late: Option<f64>,
}

fn differences(folder: &Folder, case: &Case) -> Differences {
    let files = [
        folder.path(&case.name),
        folder.path(&format!("out/{}", case.name)),
    ];
    let probes = files
        .each_ref()
        .map(|file| probe(file, "-show_streams -show_format -show_chapters"));
    let [before, after] = probes.each_ref().map(contents);
    let mut found: Vec<_> = before
        .into_iter()
        .filter(|(line, count)| after.get(line).is_none_or(|now| now < count))
        .map(|(line, _)| line)
        .collect();
    let rate = |probe: &Value| {
        let streams = probe["streams"].as_array().unwrap().iter();
        let mut rates = streams.filter_map(|stream| stream["sample_rate"].as_str()?.parse::<f64>().ok());
        rates.next().unwrap_or_default()
    };
    let mut late = None;
    let [x, y] = files.each_ref().map(|file| mono(file));
    if rate(&probes[0]) == rate(&probes[1]) {
        let padded = (x.len()..=x.len() + PADDING).contains(&y.len());
        if y.len() != x.len() {
            let kind = if padded { "padding" } else { "samples" };
            found.push((kind, format!("{} samples become {}", x.len(), y.len())));
        }
        // AVI has no clock for sound, and WMA times of packets.
        let container = probes[0]["format"]["format_name"].as_str().unwrap();
        let reach = 4800.min(x.len().min(y.len()) / 5);
        if case.picture != "-" && !["avi", "asf"].contains(&container) && reach > 0 {
            let moved = delay(&x, &y, reach) / rate(&probes[0]);
            let times = begins(&files[0]).zip(begins(&files[1]));
            late = times.map(|(before, after)| moved + after - before);
        }
    }
    Differences { found, late }
}

/// Whether something that differs is told: by name in JSON, which has a warning for everything that it names.
fn is_told((kind, text): &(&str, String), report: &Value) -> bool {
    let lost = report["lost"].as_array().unwrap();
    let has = |kinds: &[&str]| {
        lost.iter()
            .any(|loss| kinds.contains(&loss["what"].as_str().unwrap()))
    };
    let warnings = report["warnings"].as_array().unwrap();
    match *kind {
        "tag" => {
            let key = text.trim_start_matches("tag ").split('=').next().unwrap();
            lost.iter()
                .any(|loss| loss["name"].as_str().unwrap().to_lowercase().contains(key))
        }
        "track" | "attachment" | "cover" => has(&["track", "attachment", "cover"]),
        "padding" => report["verified"]["padded_lengths"].as_u64() > Some(0) || has(&["codec", "rate"]),
        "samples" => !warnings.is_empty(),
        kind => has(&[kind]),
    }
}

/// What the clock of a container allows, in seconds.
fn most_late(ending: &str) -> f64 {
    match ending {
        "mkv" | "webm" | "flv" | "nut" | "wtv" => 0.55e-3,
        _ => 60e-6,
    }
}

/// What came of the files with one ending.
#[derive(Default)]
struct Tally {
    made: usize,
    whole: usize,
    told: usize,
    refused: usize,
    /// The largest error of the time of the sound, in seconds.
    late: f64,
    /// What differs, beside what and how it is told: the codecs.
    rows: BTreeMap<String, BTreeSet<&'static str>>,
    silent: Vec<String>,
}

impl Tally {
    fn take(&mut self, folder: &Folder, ending: &str, case: &Case, report: &Value) {
        let what = format!("{} | {} | {}", case.name, case.sound, case.side);
        if let Some(error) = report["error"].as_str() {
            self.refused += 1;
            let error = error.trim_start_matches(&format!("{}: ", case.name));
            let row = format!("| {ending} | CODECS | {} | refused | {error} |", case.side);
            self.rows.entry(row).or_default().insert(case.sound);
            return;
        }
        let Differences { mut found, late } = differences(folder, case);
        // WAV holds what comes out of any codec, as the documentation says.
        if ending == "wav" {
            found.retain(|(kind, _)| *kind != "codec");
        }
        self.silent.extend(
            found
                .iter()
                .filter(|one| !is_told(one, report))
                .map(|one| format!("{what}: {}", one.1)),
        );
        let warnings = report["warnings"].as_array().unwrap();
        let warnings: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
        if let Some(late) = late {
            if late.abs() > most_late(ending) && !warnings.iter().any(|warning| warning.contains(" ms ")) {
                self.silent.push(format!("{what}: {:.3} ms late", late * 1e3));
            }
            if late.abs() > self.late.abs() {
                self.late = late;
            }
        }
        found.retain(|(kind, _)| *kind != "padding");
        if found.is_empty() && warnings.is_empty() {
            self.whole += 1;
            return;
        }
        self.told += 1;
        let found: Vec<String> = found.into_iter().map(|(_, text)| text).collect();
        let row = format!(
            "| {ending} | CODECS | {} | {} | {} |",
            case.side,
            found.join("; "),
            warnings.join("; ")
        );
        self.rows.entry(row).or_default().insert(case.sound);
    }
}

/// Makes the files with one ending, or those of them that are `chosen` by their number, cleans them and compares.
fn try_container(
    (ending, pictures, sounds): (&str, &'static str, &'static str),
    chosen: impl Fn(usize) -> bool,
) -> Tally {
    let folder = Folder::new();
    super::ffmpeg::ffmpeg(&folder, &format!("-i SPEECH -t {SECONDS} in.wav"));
    super::ffmpeg::ffmpeg(&folder, "-f lavfi -i color=red:s=32x32 -frames:v 1 c.jpg");
    folder.write("about.txt", ABOUT);
    folder.write("notes.txt", b"shot on a Tuesday");
    folder.write("subs.srt", b"1\n00:00:00,100 --> 00:00:00,800\nGood evening\n");
    let (mut cases, mut number) = (Vec::new(), 0);
    for (p, picture) in pictures.split(' ').enumerate() {
        for (s, sound) in sounds.split(' ').enumerate() {
            for (k, (side, input, options)) in SIDES.iter().enumerate() {
                // Every side track with the first codecs, the first two with every codec of sound, and every picture.
                if (s > 0 && k > 1) || (p > 0 && (s > 0 || k > 0)) {
                    continue;
                }
                number += 1;
                let name = format!("{p}{s}{k}.{ending}");
                let case = Case {
                    name,
                    picture,
                    sound,
                    side,
                };
                if chosen(number) && make(&folder, &case, (input, options)) {
                    cases.push(case);
                }
            }
        }
    }
    let mut tally = Tally {
        made: cases.len(),
        ..Tally::default()
    };
    if cases.is_empty() {
        return tally;
    }
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    // With --mix 0 nothing of the network is heard: the smallest does.
    let run = folder.aeden(&format!(
        "clean {} -o out --mix 0 --verify --json --quality light",
        names.join(" ")
    ));
    let reports = run.json_lines();
    for case in &cases {
        let report = reports.iter().find(|report| report["input"] == *case.name);
        let report = report.unwrap_or_else(|| panic!("{}: {}", case.name, run.stderr()));
        tally.take(&folder, ending, case, report);
    }
    tally
}

#[test]
fn no_difference_is_silent() {
    if !is_here() {
        return;
    }
    let wanted = std::env::var("AEDEN_TORTURE").unwrap_or_default();
    let endings: Vec<&str> = wanted.split(',').filter(|ending| !ending.is_empty()).collect();
    let some = endings.is_empty();
    let asked = |ending: &str| some || wanted == "all" || endings.contains(&ending);
    let containers: Vec<_> = CONTAINERS.iter().filter(|(ending, ..)| asked(ending)).collect();
    let (next, tallies) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    // Two endings at a time: much of the work is starting programs.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(container) = containers.get(next.fetch_add(1, Relaxed)) {
                    let at = containers
                        .iter()
                        .position(|other| other.0 == container.0)
                        .unwrap();
                    let tally = try_container(**container, |number| !some || (at + number) % 9 == 0);
                    let mut tallies = tallies.lock().unwrap();
                    tallies.insert(at, tally);
                    let done = tallies.len();
                    if !some {
                        // Past the harness, which keeps what tests print until they end.
                        let line = format!("{done} of {} endings: {}\n", containers.len(), container.0);
                        std::io::stderr().write_all(line.as_bytes()).unwrap();
                    }
                }
            });
        }
    });
    let tallies = tallies.into_inner().unwrap();
    for (at, tally) in &tallies {
        let ending = containers[*at].0;
        let Tally {
            made,
            whole,
            told,
            refused,
            late,
            ..
        } = tally;
        if *made > 0 {
            // Not less than nothing by less than a digit.
            let late = (late * 1e6).round() + 0.0;
            println!("row of torture: | {ending} | {made} | {whole} | {told} | {refused} | {late:.0} |");
        }
        for (row, codecs) in &tally.rows {
            let codecs: Vec<&str> = codecs.iter().copied().collect();
            println!(
                "row of differences: {}",
                row.replace("CODECS", &codecs.join(", "))
            );
        }
    }
    let made: usize = tallies.values().map(|tally| tally.made).sum();
    let silent: Vec<&String> = tallies.values().flat_map(|tally| &tally.silent).collect();
    assert!(made >= if wanted == "all" { 300 } else { 1 }, "{made} files");
    assert!(silent.is_empty(), "{silent:#?}");
}
