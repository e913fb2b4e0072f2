//! What a file is decides what becomes of it, not how it is called.

use super::ffmpeg::{encodes, ffmpeg, is_here, packets_hash, probe, samples, streams};
use crate::recordings::{Folder, noise_file};

const PICTURE: &str = "-f lavfi -i testsrc=s=160x120:r=25:d=2";

/// Films whose endings are not those of common containers, and how they are made.
const FILMS: &[(&str, &str)] = &[
    ("a.ogv", "-c:v libtheora -c:a libvorbis"),
    ("a.mxf", "-c:v mpeg2video -c:a pcm_s16le -ar 48000"),
    ("a.f4v", "-c:v libx264 -preset ultrafast -c:a aac"),
    ("a.wtv", "-c:v mpeg2video -c:a mp2"),
    ("a.dvr-ms", "-c:v wmv2 -c:a wmav2 -f asf"),
    ("a.m2t", "-c:v mpeg2video -c:a mp2 -f mpegts"),
    ("a.tod", "-c:v mpeg2video -c:a ac3 -f mpegts"),
    ("a.m2p", "-c:v mpeg2video -c:a mp2 -f mpeg"),
    ("a.mpe", "-c:v mpeg1video -c:a mp2 -f mpeg"),
    ("a.mod", "-c:v mpeg2video -c:a ac3 -f vob"),
    ("a.divx", "-c:v mpeg4 -c:a libmp3lame -f avi"),
    ("a.insv", "-c:v libx264 -preset ultrafast -c:a aac -f mp4"),
    ("a.lrv", "-c:v libx264 -preset ultrafast -c:a aac -f mp4"),
    (
        "a.unheard-of",
        "-c:v libx264 -preset ultrafast -c:a aac -f matroska",
    ),
    ("ending-less", "-c:v libx264 -preset ultrafast -c:a aac -f mp4"),
    ("2024.06.01", "-c:v mpeg4 -c:a libmp3lame -f avi"),
];

fn kinds(folder: &Folder, name: &str) -> (String, Vec<String>) {
    let format = probe(&folder.path(name), "-show_format")["format"]["format_name"].to_string();
    let kind = |stream: &serde_json::Value| format!("{} {}", stream["codec_type"], stream["codec_name"]);
    let mut streams: Vec<String> = streams(&folder.path(name)).iter().map(kind).collect();
    // ffmpeg adds a track of its own to each DVD stream.
    streams.retain(|kind| !kind.contains("dvd_nav_packet"));
    (format, streams)
}

#[test]
fn a_film_stays_a_film_whatever_it_is_called() {
    if !is_here() || !encodes("libx264") || !encodes("libtheora") {
        return;
    }
    let folder = Folder::new();
    std::fs::create_dir(folder.path("in")).unwrap();
    for (name, how) in FILMS {
        ffmpeg(&folder, &format!("{PICTURE} -i SPEECH -t 2 {how} {name}"));
        std::fs::rename(folder.path(name), folder.path(&format!("in/{name}"))).unwrap();
    }
    folder.write("in/notes.xyz", b"Dear diary");
    folder.write("in/index.ts.txt", b"let x = 1;");
    folder.write("in/noise.bin", &noise_file(1, 8_000, 40_000)[44..]);
    // In a folder all of them are found, and nothing else.
    let run = folder.aeden("clean in -o out --mix 0 --verify --json -q");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let lines = run.json_lines();
    assert_eq!(lines.len(), FILMS.len());
    for (name, _) in FILMS {
        let (before, after) = (format!("in/{name}"), format!("out/{name}"));
        assert_eq!(kinds(&folder, &before), kinds(&folder, &after), "{name}");
        let line = lines
            .iter()
            .find(|line| line["input"] == before.as_str())
            .unwrap();
        assert_eq!(line["verified"]["identical_tracks"], 1, "{name}");
    }
    // Beside the input, too; a name without an ending gets one.
    folder.aeden("clean in/a.insv --mix 0").quietly();
    assert_eq!(kinds(&folder, "in/a.insv"), kinds(&folder, "in/a.clean.insv"));
    folder.aeden("clean in/ending-less --mix 0").quietly();
    assert_eq!(
        kinds(&folder, "in/ending-less"),
        kinds(&folder, "in/ending-less.clean.mp4")
    );
    let hashes =
        ["in/ending-less", "in/ending-less.clean.mp4"].map(|name| packets_hash(&folder.path(name), 0));
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn a_name_that_is_wrong_is_told_and_the_file_stays_what_it_is() {
    if !is_here() || !encodes("libx264") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        &format!("{PICTURE} -i SPEECH -t 2 -c:v libx264 -preset ultrafast -c:a aac film.mp4"),
    );
    for ending in ["wav", "mp3", "flac"] {
        let name = format!("in/film.{ending}");
        folder.write(&name, &folder.read("film.mp4"));
        folder
            .aeden(&format!("clean {name} -o out --mix 0"))
            .warned(&format!("its name ends in .{ending}, but it is mp4 (aac)"));
        assert_eq!(
            kinds(&folder, &name),
            kinds(&folder, &format!("out/film.{ending}"))
        );
    }
    folder.write("talk.mp4", &noise_file(1, 16_000, 4000));
    folder
        .aeden("clean talk.mp4 -o out --mix 0")
        .warned("but it is WAV");
    assert!(folder.read("out/talk.mp4") == folder.read("talk.mp4"));
    // Who asks for sound gets it, and hears of the picture that nothing told of.
    folder
        .aeden("clean in/film.wav sound.wav")
        .warned("the video (track 0, h264) cannot be kept in .wav files");
    assert!(folder.read("sound.wav").starts_with(b"RIFF"));
}

#[test]
fn an_ending_that_says_nothing_is_refused() {
    let folder = Folder::new();
    let file = noise_file(1, 16_000, 40_000);
    folder.write("in.wav", &file);
    folder.write("deck.2024", &file);
    for out in ["x.xyz", "talk.jpg", "talk.txt", "a.b.c"] {
        folder
            .aeden(&format!("clean in.wav {out}"))
            .failed(1, "is not told by the ending");
        folder.aeden(&format!("repair in.wav {out}")).failed(1, out);
        folder
            .aeden(&format!("roomtone in.wav {out} --seconds 2"))
            .failed(1, out);
    }
    for out in ["noise.mp3", "noise.flac", "noise.xyz"] {
        folder
            .aeden(&format!("clean in.wav out.wav --removed {out}"))
            .failed(1, "end in .wav");
    }
    for out in ["plot.jpg", "plot.wav", "plot.svg"] {
        folder
            .aeden(&format!("clean in.wav out.wav --plot {out}"))
            .failed(1, "end in .png");
    }
    assert_eq!(folder.names(), ["deck.2024", "in.wav"]);
    // The same ending as the input's, or none, means what the input is.
    folder.aeden("clean deck.2024 --mix 0").quietly();
    assert!(folder.read("deck.clean.2024") == file);
    folder.aeden("clean in.wav plain --mix 0").quietly();
    assert!(folder.read("plain") == file);
}

/// What is said of a file that cannot be done: one line.
fn refused_in_a_line(folder: &Folder, arguments: &str) -> String {
    let run = folder.aeden(arguments);
    let told = format!("{}{}", run.stdout(), run.stderr());
    assert_eq!(
        (run.status(), told.lines().count()),
        (1, 1),
        "{arguments}: {told}"
    );
    told
}

#[test]
fn what_cannot_be_written_says_what_can() {
    if !is_here() || !encodes("libx264") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-i SPEECH -t 2 -c:a real_144 -ar 8000 a.rm");
    ffmpeg(&folder, "-i SPEECH -t 2 -c:a aac -f latm a.unknown");
    for name in ["a.rm", "a.unknown"] {
        for arguments in [format!("clean {name} -o out"), format!("clean {name} --dry-run")] {
            let told = refused_in_a_line(&folder, &arguments);
            assert!(told.contains(".flac"), "{told}");
        }
        let out = name.replace('.', "_") + ".wav";
        folder.aeden(&format!("clean {name} {out} --mix 0 --bits 32f"));
        assert!(!samples(&folder.path(&out), 0).is_empty());
    }
}

#[test]
fn a_picture_without_a_place_is_told_before_anything_is_cleaned() {
    if !is_here() || !encodes("libx264") || !encodes("aac") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc=s=64x48:r=10:d=2 -i SPEECH -t 2 -c:v libx264 -c:a aac a.mp4",
    );
    for name in ["a.webm", "a.ogv", "a.mxf"] {
        for arguments in [
            format!("clean a.mp4 {name} -q"),
            format!("clean a.mp4 {name} --dry-run"),
        ] {
            let told = refused_in_a_line(&folder, &arguments);
            assert!(told.contains("an output that ends with .mkv"), "{told}");
        }
        assert_eq!(folder.names(), ["a.mp4"]);
    }
    folder.aeden("clean a.mp4 a.mkv -q --mix 0 --verify").quietly();
}

#[test]
fn a_picture_that_ffmpeg_writes_and_nobody_can_read_is_refused() {
    if !is_here() || !encodes("libvpx") || !encodes("mpeg4") {
        return;
    }
    let folder = Folder::new();
    for (codec, name) in [("libvpx", "vp8.mkv"), ("mpeg4", "mpeg4.mkv")] {
        ffmpeg(
            &folder,
            &format!("-f lavfi -i testsrc=s=64x48:r=10:d=2 -i SPEECH -t 2 -c:v {codec} -c:a mp2 {name}"),
        );
    }
    for name in ["a.mpg", "a.ts", "a.vob"] {
        for more in ["-q", "--dry-run"] {
            let told = refused_in_a_line(&folder, &format!("clean vp8.mkv {name} {more}"));
            assert!(
                told.contains("picture") && told.contains("that ends with .mkv"),
                "{told}"
            );
        }
        assert_eq!(folder.names(), ["mpeg4.mkv", "vp8.mkv"]);
        // MPEG-4 has its header beside the packets in Matroska, and among them here.
        let run = folder.aeden(&format!("clean mpeg4.mkv -o {name} -q --mix 0"));
        assert_eq!(run.status(), 0, "{}", run.stderr());
        let output = probe(&folder.path(name), "-show_streams");
        let picture = &output["streams"][0];
        assert_eq!(
            (&picture["codec_name"], &picture["width"]),
            (&"mpeg4".into(), &64.into())
        );
        std::fs::remove_file(folder.path(name)).unwrap();
    }
}

#[test]
fn a_picture_in_what_is_called_sound_is_not_left_out_unsaid() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc=s=64x64:r=25:d=2 -i SPEECH -t 2 -c:v mpeg4 -c:a aac -f mp4 a.m4a",
    );
    folder
        .aeden("clean a.m4a b.m4a")
        .warned("the video (track 0, mpeg4) cannot be kept in .m4a files");
    folder.aeden("clean a.m4a c.m4a --strict").failed(1, "--strict");
    folder
        .aeden("clean a.m4a d.wav")
        .warned("the video (track 0, mpeg4) cannot be kept in .wav files");
    // It is no news of a film that it has a picture.
    std::fs::rename(folder.path("a.m4a"), folder.path("a.mp4")).unwrap();
    folder.aeden("clean a.mp4 e.m4a").quietly();
}
