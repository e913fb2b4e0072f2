//! Films: the picture is copied bit for bit, everything beside the sound is kept, and the sound stays with the picture.

use super::ffmpeg::{beginning, delay, encodes, ffmpeg, is_here, on_timeline, packets_hash, probe, streams};
use crate::recordings::Folder;
use serde_json::Value;
use std::path::Path;

/// A film of the matrix.
struct Film {
    name: &'static str,
    what: &'static str,
    /// How it is made; several commands are separated by `;`.
    make: &'static str,
    /// Options of `aeden clean`.
    options: &'static str,
    /// Number of the cleaned track among the tracks of sound, from 0.
    track: usize,
}

const X264: &str = "-f lavfi -i testsrc2=s=128x96:r=25:d=5";

/// In every command, PICTURE is a moving test picture of 5 s, and SPEECH the first input of sound.
const FILMS: &[Film] = &[
    Film {
        name: "plain.mp4",
        what: "AAC 48 kHz",
        make: "PICTURE -i SPEECH -t 5 H264 -c:a aac",
        options: "",
        track: 0,
    },
    Film {
        name: "cd.mp4",
        what: "AAC 44.1 kHz stereo, B-frames",
        make: "PICTURE -i SPEECH -t 5 -c:v libx264 -preset fast -bf 2 -c:a aac -ar 44100 -ac 2",
        options: "",
        track: 0,
    },
    Film {
        name: "late.mp4",
        what: "sound begins 0.3217 s late",
        make: "PICTURE -itsoffset 0.3217 -i SPEECH -t 5 H264 -c:a aac",
        options: "",
        track: 0,
    },
    Film {
        name: "cut.mp4",
        what: "edit list: cut at 1.033 s without re-encoding",
        make: "PICTURE -i SPEECH -t 5 H264 -g 100 -c:a aac whole.mp4;-ss 1.033 -i whole.mp4 -c copy",
        options: "",
        track: 0,
    },
    Film {
        name: "two.mp4",
        what: "two languages, the second cleaned",
        make: "PICTURE -i SPEECH -itsoffset 0.1 -i SPEECH -t 5 -map 0:v -map 1:a -map 2:a H264 -c:a aac -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu -metadata:s:a:1 title=Kommentar",
        options: "--track 2",
        track: 1,
    },
    Film {
        name: "timecode.mov",
        what: "PCM 24 bits, timecode, rotation",
        make: "PICTURE -i SPEECH -t 5 H264 -c:a pcm_s24le -timecode 01:00:00:00 flat.mov;-i flat.mov -c copy -metadata:s:v rotate=90 -map 0:v -map 0:a",
        options: "",
        track: 0,
    },
    Film {
        name: "phone.mov",
        what: "ALAC 16 bits, ProRes-like picture",
        make: "PICTURE -i SPEECH -t 5 -c:v mjpeg -c:a alac -sample_fmt s16p",
        options: "",
        track: 0,
    },
    Film {
        name: "aac.mkv",
        what: "AAC, subtitles, chapters, attachment",
        make: "PICTURE -i SPEECH -i subs.srt -i chapters.txt -t 5 -map 0:v -map 1:a -map 2:s -map_metadata 3 -attach notes.txt -metadata:s:t mimetype=text/plain H264 -c:a aac -c:s srt",
        options: "",
        track: 0,
    },
    Film {
        name: "opus.mkv",
        what: "Opus",
        make: "PICTURE -i SPEECH -t 5 H264 -c:a libopus",
        options: "",
        track: 0,
    },
    Film {
        name: "flac.mkv",
        what: "FLAC, variable frame rate",
        make: "PICTURE -i SPEECH -t 5 -vf select='not(mod(n\\,7))+lt(n\\,40)' -vsync vfr H264 -c:a flac",
        options: "",
        track: 0,
    },
    Film {
        name: "gap.mkv",
        what: "AC-3 with a gap of 1 s",
        make: "PICTURE -i SPEECH -t 5 -c:a ac3 H264 -af aselect='not(between(t\\,2\\,3))'",
        options: "",
        track: 0,
    },
    Film {
        name: "opus.webm",
        what: "VP8 and Opus",
        make: "PICTURE -i SPEECH -t 5 -c:v libvpx -deadline realtime -c:a libopus",
        options: "",
        track: 0,
    },
    Film {
        name: "vorbis.webm",
        what: "VP8 and Vorbis, sound 0.25 s late",
        make: "PICTURE -itsoffset 0.25 -i SPEECH -t 5 -c:v libvpx -deadline realtime -c:a libvorbis",
        options: "",
        track: 0,
    },
    Film {
        name: "late.ts",
        what: "AAC, clock begins at 10 s",
        make: "PICTURE -i SPEECH -t 5 H264 -c:a aac -output_ts_offset 10",
        options: "",
        track: 0,
    },
    Film {
        name: "radio.ts",
        what: "MP2, sound 0.2 s before the picture",
        make: "-itsoffset 0.2 PICTURE -i SPEECH -t 5 H264 -c:a mp2",
        options: "",
        track: 0,
    },
    Film {
        name: "mp3.avi",
        what: "MPEG-4 and MP3",
        make: "PICTURE -i SPEECH -t 5 -c:v mpeg4 -c:a libmp3lame -b:a 128k",
        options: "",
        track: 0,
    },
    Film {
        name: "pcm.avi",
        what: "MPEG-4 and PCM",
        make: "PICTURE -i SPEECH -t 5 -c:v mpeg4 -c:a pcm_s16le -ar 44100",
        options: "",
        track: 0,
    },
    Film {
        name: "all.mkv",
        what: "two tracks, both cleaned",
        make: "PICTURE -i SPEECH -i SPEECH -t 5 -map 0:v -map 1:a -map 2:a H264 -c:a:0 aac -c:a:1 libopus",
        options: "--track all",
        track: 1,
    },
];

fn make(folder: &Folder, film: &Film) {
    folder.write("subs.srt", b"1\n00:00:01,000 --> 00:00:02,000\nGood evening\n");
    folder.write(
        "chapters.txt",
        b";FFMETADATA1\ntitle=Evening\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2500\ntitle=One\n",
    );
    folder.write("notes.txt", b"shot on a Tuesday");
    let mut commands: Vec<String> = film.make.split(';').map(str::to_owned).collect();
    let last = commands.last_mut().unwrap();
    last.push(' ');
    last.push_str(film.name);
    for command in commands {
        let command = command
            .replace("PICTURE", X264)
            .replace("H264", "-c:v libx264 -preset ultrafast");
        ffmpeg(folder, &command);
    }
}

/// Seconds by which the sound of one film is late against that of another, each against its own picture.
fn late(before: &Path, after: &Path, track: usize) -> f64 {
    let rate = 48_000;
    let (x, y) = (on_timeline(before, track, rate), on_timeline(after, track, rate));
    let begins = |file: &Path| beginning(file, &format!("a:{track}")) - beginning(file, "v:0");
    // The sound itself, and where it begins.
    delay(&x, &y, 2400) / f64::from(rate) + begins(after) - begins(before)
}

/// What stays of a stream, in words.
fn kept(stream: &Value) -> String {
    let tags = |name: &str| {
        let tags = stream["tags"].as_object().into_iter().flatten();
        tags.filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.to_string())
            .collect::<String>()
    };
    let rotation = &stream["side_data_list"][0]["rotation"];
    let named = [
        "codec_type",
        "codec_name",
        "width",
        "sample_rate",
        "channels",
        "r_frame_rate",
    ]
    .map(|f| stream[f].to_string());
    let disposition = &stream["disposition"];
    format!(
        "{named:?} {} {} {} {rotation} {disposition}",
        tags("language"),
        tags("title"),
        tags("timecode")
    )
}

#[test]
fn films_keep_everything_but_the_noise() {
    if !is_here() {
        return;
    }
    for encoder in ["libx264", "libvpx", "libopus", "libmp3lame"] {
        if !encodes(encoder) {
            println!("skipped: this ffmpeg has no {encoder}");
            return;
        }
    }
    let mut control = Vec::new();
    for film in FILMS {
        let folder = Folder::new();
        make(&folder, film);
        let name = film.name;
        let run = folder
            .aeden(format!("clean {name} -o out --mix 0.7 --verify --json {}", film.options).trim_end());
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        assert_eq!(run.stderr(), "", "{name}");
        let report: Value = serde_json::from_str(&run.stdout()).unwrap();
        let (before, after) = (folder.path(name), folder.path(&format!("out/{name}")));
        let (a, b) = (streams(&before), streams(&after));
        let of = |streams: &[Value]| streams.iter().map(kept).collect::<Vec<_>>();
        assert_eq!(of(&a), of(&b), "{name}");
        let sounds: Vec<u64> = a
            .iter()
            .filter(|s| s["codec_type"] == "audio")
            .map(|s| s["index"].as_u64().unwrap())
            .collect();
        let mut same = 0;
        for stream in &a {
            let index = stream["index"].as_u64().unwrap();
            let cleaned =
                film.options == "--track all" && sounds.contains(&index) || sounds[film.track] == index;
            if !cleaned && stream["codec_tag_string"] != "tmcd" {
                let hashes = [&before, &after].map(|file| packets_hash(file, index as usize));
                assert_eq!(hashes[0], hashes[1], "{name}: track {index}");
                same += 1;
            }
        }
        assert_eq!(report["verified"]["identical_tracks"], same, "{name}");
        let format = |file: &Path| probe(file, "-show_format -show_chapters");
        let (x, y) = (format(&before), format(&after));
        assert_eq!(x["chapters"], y["chapters"], "{name}: chapters");
        assert_eq!(
            x["format"]["tags"]["title"], y["format"]["tags"]["title"],
            "{name}: title"
        );
        let late_seconds = late(&before, &after, film.track);
        // Matroska counts milliseconds, to which times are rounded; AVI whole blocks of sound; the others are exact.
        let most = match name.rsplit_once('.').unwrap().1 {
            "mkv" | "webm" => 0.55e-3,
            "avi" => 1e-3,
            _ => 50e-6,
        };
        assert!(
            late_seconds.abs() <= most,
            "{name}: the sound is {:.3} ms late",
            late_seconds * 1e3
        );

        // What everybody tries first.
        let naive = format!("naive{}", &name[name.rfind('.').unwrap()..]);
        ffmpeg(
            &folder,
            &format!("-i {name} -map 0:a:{} -c:a pcm_s16le sound.wav", film.track),
        );
        ffmpeg(
            &folder,
            &format!("-i {name} -i sound.wav -map 0:v:0 -map 1:a -c:v copy {naive}"),
        );
        let lost = a.len() - streams(&folder.path(&naive)).len().min(a.len());
        let off = late_of_naive(&before, &folder.path(&naive), film.track);
        control.push(lost > 0 || off.abs() > most);
        println!(
            "row of films: | {} | {} | {same} | {:.1} µs | {:.1} ms, {lost} lost |",
            &name[name.rfind('.').unwrap() + 1..],
            film.what,
            late_seconds * 1e6,
            off * 1e3,
        );
    }
    let failed = control.iter().filter(|failed| **failed).count();
    assert!(
        failed >= 8,
        "the naive way failed in {failed} of {} films only: this test sees nothing",
        FILMS.len()
    );
}

/// [`late`] for a film whose only track of sound is the one in question.
fn late_of_naive(before: &Path, after: &Path, track: usize) -> f64 {
    let rate = 48_000;
    let (x, y) = (on_timeline(before, track, rate), on_timeline(after, 0, rate));
    let begins = |file: &Path, track: usize| beginning(file, &format!("a:{track}")) - beginning(file, "v:0");
    let reach = 2400.min(x.len().min(y.len()) / 5);
    delay(&x, &y, reach) / f64::from(rate) + begins(after, 0) - begins(before, track)
}

#[test]
fn a_film_can_become_sound_or_another_kind_of_film() {
    if !is_here() || !encodes("libx264") {
        return;
    }
    let folder = Folder::new();
    make(&folder, &FILMS[0]);
    folder.aeden("clean plain.mp4 sound.mp3").quietly();
    folder.aeden("clean plain.mp4 sound.wav").quietly();
    folder
        .aeden("clean plain.mp4 other.mkv --verify --mix 0.7")
        .quietly();
    assert_eq!(streams(&folder.path("sound.mp3")).len(), 1);
    let kinds: Vec<_> = streams(&folder.path("other.mkv"))
        .iter()
        .map(|s| s["codec_name"].to_string())
        .collect();
    assert_eq!(kinds, ["\"h264\"", "\"aac\""]);
    let late = late(&folder.path("plain.mp4"), &folder.path("other.mkv"), 0);
    assert!(late.abs() <= 1e-3, "{late}");
    folder
        .aeden("clean plain.mp4 out.mp4 --track 2")
        .failed(1, "one track of sound");
    folder.aeden("clean plain.mp4 out.webm").failed(1, "VP8");
}
