//! Codecs in containers where they are rare, and files that are a little wrong: all of them are good files.

use super::ffmpeg::{encodes, ffmpeg, is_here, packets_hash, samples, streams};
use crate::recordings::Folder;

const PICTURE: &str = "-f lavfi -i testsrc=s=160x120:r=25:d=3";

/// Inputs, how they are made after their sound has been named, and outputs.
const FILES: &[(&str, &str, &str)] = &[
    ("flac.mp4", "PICTURE -c:v mpeg4 -c:a flac -strict -2", "a.mp4"),
    (
        "truehd.mp4",
        "PICTURE -c:v mpeg4 -c:a truehd -ac 2 -strict -2",
        "b.mp4",
    ),
    ("opus.m4a", "-c:a libopus -f mp4", "c.m4a"),
    ("eac3.m4a", "-c:a eac3 -f mp4", "d.m4a"),
    ("ac3.mp4", "-c:a ac3 -use_editlist 0", "e.mp4"),
    ("plain.vob", "PICTURE -c:v mpeg2video -bf 2 -c:a ac3", "f.vob"),
    ("plain.vob", "PICTURE -c:v mpeg2video -bf 2 -c:a ac3", "f.mkv"),
    ("bframes.avi", "PICTURE -c:v mpeg4 -bf 2 -c:a libmp3lame", "g.mkv"),
    (
        "latm.ts",
        "PICTURE -c:v mpeg2video -c:a aac -mpegts_flags latm",
        "h.ts",
    ),
    (
        "many.opus",
        "-af pan=3c|c0=c0|c1=c0|c2=c0 -c:a libopus -mapping_family 255",
        "i.opus",
    ),
    (
        "frag.mp4",
        "PICTURE -c:v mpeg4 -c:a aac -movflags frag_keyframe+empty_moov",
        "j.mp4",
    ),
    ("short.ogg", "-ss 0.013 -c:a libvorbis", "k.ogg"),
    // As newer programs write it, which not every ffmpeg can.
    (
        "pcm.mp4",
        "PICTURE -c:v mpeg4 -c:a pcm_s16le -f mov -brand mp42",
        "l.mp4",
    ),
    (
        "dts.mp4",
        "PICTURE -c:v mpeg4 -c:a dca -strict -2 -metadata title=Talk",
        "m.mp4",
    ),
];

#[test]
fn rare_combinations_come_out_whole() {
    if !is_here() || !encodes("libopus") || !encodes("libvorbis") || !encodes("libmp3lame") {
        return;
    }
    let folder = Folder::new();
    for (name, how, out) in FILES {
        let picture = if how.starts_with("PICTURE") { PICTURE } else { "" };
        let how = how.trim_start_matches("PICTURE ");
        ffmpeg(&folder, format!("{picture} -i SPEECH -t 3 {how} {name}").trim());
        let run = folder.aeden(&format!("clean {name} {out} --mix 0 --verify --json"));
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        let kinds = |name: &str| -> Vec<String> {
            let all = streams(&folder.path(name));
            let shown = all
                .iter()
                .filter(|stream| stream["codec_name"] != "dvd_nav_packet");
            shown
                .map(|stream| format!("{} {}", stream["codec_type"], stream["channels"]))
                .collect()
        };
        assert_eq!(kinds(name), kinds(out), "{name}");
        let (before, after) = (
            samples(&folder.path(name), 0).len(),
            samples(&folder.path(out), 0).len(),
        );
        assert!(
            (before..before + 8192 * 3).contains(&after),
            "{name}: {before} {after}"
        );
        let same_codec = streams(&folder.path(name)).last().unwrap()["codec_name"]
            == streams(&folder.path(out)).last().unwrap()["codec_name"];
        let lost = run.json_lines()[0]["lost"].to_string();
        assert!(
            same_codec
                || lost.contains("codec")
                || name.rsplit_once('.').unwrap().1 != out.rsplit_once('.').unwrap().1,
            "{name}: {lost}"
        );
    }
}

#[test]
fn lengths_do_not_shrink_from_pass_to_pass() {
    if !is_here() || !encodes("libvorbis") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-ss 0.013 -i SPEECH -t 3 -c:a libvorbis a0.ogg");
    ffmpeg(&folder, "-i SPEECH -t 3 -c:a ac3 -use_editlist 0 b0.mp4");
    for (letter, ending) in [("a", "ogg"), ("b", "mp4")] {
        let length = |pass: usize| samples(&folder.path(&format!("{letter}{pass}.{ending}")), 0).len();
        for pass in 0..3 {
            let run = folder.aeden(&format!(
                "clean {letter}{pass}.{ending} {letter}{}.{ending} --mix 0 --verify",
                pass + 1
            ));
            assert_eq!(run.status(), 0, "{}", run.stderr());
        }
        assert!(
            length(3) >= length(0),
            "{ending}: {} {} {} {}",
            length(0),
            length(1),
            length(2),
            length(3)
        );
    }
}

#[test]
fn audiobooks_are_proved_with_cover_and_chapters() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-f lavfi -i color=red:s=32x32 -frames:v 1 c.jpg");
    folder.write(
        "about.txt",
        b";FFMETADATA1\ntitle=Book\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=900\ntitle=One\n\
          [CHAPTER]\nTIMEBASE=1/1000\nSTART=900\nEND=2000\ntitle=Two\n",
    );
    for name in ["a.m4b", "a.m4a", "a.mp4"] {
        let muxer = if name == "a.mp4" { "mp4" } else { "ipod" };
        ffmpeg(
            &folder,
            &format!(
                "-i SPEECH -i c.jpg -i about.txt -t 2 -map 0 -map 1 -map_metadata 2 -map_chapters 2 -c:v copy \
                 -disposition:v attached_pic -c:a aac -f {muxer} {name}"
            ),
        );
        folder
            .aeden(&format!("clean {name} -o out --mix 0 --verify --quality light"))
            .quietly();
        let kinds = |name: &str| -> Vec<String> {
            let all = streams(&folder.path(name));
            all.iter()
                .map(|stream| stream["codec_name"].to_string())
                .collect()
        };
        assert_eq!(kinds(name), kinds(&format!("out/{name}")), "{name}");
        let chapters = |name: &str| {
            let found = super::ffmpeg::probe(&folder.path(name), "-show_chapters");
            let all = found["chapters"].as_array().unwrap().clone();
            all.iter()
                .map(|one| format!("{} {}", one["start_time"], one["tags"]["title"]))
                .collect::<Vec<_>>()
        };
        assert_eq!(chapters(name), chapters(&format!("out/{name}")), "{name}");
        assert_eq!(chapters(name).len(), 2);
    }
}

#[test]
fn lengths_do_not_grow_from_pass_to_pass() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    for (name, how) in [
        ("a.mp4", "-c:a libmp3lame"),
        ("b.mov", "-c:a libmp3lame -ar 44100"),
        ("a.m4a", "-c:a aac"),
        ("a.spx", "-c:a libspeex -ar 8000"),
        ("b.spx", "-c:a libspeex -ar 16000"),
        ("c.spx", "-c:a libspeex -ar 32000"),
        ("a.ac3", "-c:a ac3"),
        ("a.mp2", "-c:a mp2"),
        ("a.mka", "-c:a ac3"),
    ] {
        let encoder = how.split(' ').nth(1).unwrap();
        if !encodes(encoder) {
            println!("skipped: {name}: ffmpeg has no encoder {encoder}");
            continue;
        }
        ffmpeg(&folder, &format!("-i SPEECH -t 2 {how} 0_{name}"));
        for pass in 0..4 {
            let run = folder.aeden(&format!(
                "clean {pass}_{name} {}_{name} --mix 0 --verify --quality light",
                pass + 1
            ));
            assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        }
        let lengths = [0, 1, 2, 3, 4].map(|pass| samples(&folder.path(&format!("{pass}_{name}")), 0).len());
        assert!(lengths[1] >= lengths[0], "{name}: {lengths:?}");
        // Speex leaves noise in the silence behind the sound, and gains a block of 20 ms now and then.
        let most = if encoder == "libspeex" {
            lengths[0] / 25
        } else {
            lengths[3] - lengths[0]
        };
        assert!(lengths[4] - lengths[0] <= most, "{name}: {lengths:?}");
    }
}

#[test]
fn zeros_behind_the_sound_are_no_damage_to_it() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    for (name, encoder) in [
        ("a.mp3", "libmp3lame"),
        ("a.mp2", "mp2"),
        ("a.ac3", "ac3"),
        ("a.eac3", "eac3"),
    ] {
        if !encodes(encoder) {
            continue;
        }
        ffmpeg(&folder, &format!("-i SPEECH -t 2 -c:a {encoder} {name}"));
        let whole = folder.read(name);
        folder.write(name, &[&whole[..], &[0; 5000]].concat());
        let run = folder.aeden(&format!("clean {name} -o out --mix 0 --quality light"));
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        assert!(!run.stderr().contains("damaged"), "{name}: {}", run.stderr());
        // Among the sound they are, and so is what is cut.
        let (begin, end) = whole.split_at(whole.len() / 2 + 100);
        folder.write(&format!("inside_{name}"), &[begin, &[0; 5000], end].concat());
        folder.write(&format!("cut_{name}"), &whole[..whole.len() - 60]);
        for kind in ["inside", "cut"] {
            let run = folder.aeden(&format!(
                "clean {kind}_{name} {kind}_out_{name} --mix 0 --quality light"
            ));
            assert!(!run.stderr().is_empty(), "{kind} {name}");
        }
    }
    ffmpeg(
        &folder,
        &format!("{PICTURE} -i SPEECH -t 2 -c:v mpeg4 -c:a flac a.nut"),
    );
    folder
        .aeden("clean a.nut -o out --mix 0 --verify --quality light")
        .quietly();
}

#[test]
fn junk_behind_an_mp3_is_no_damage_to_its_sound() {
    if !is_here() || !encodes("libmp3lame") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-i SPEECH -t 3 -c:a libmp3lame a.mp3");
    let whole = samples(&folder.path("a.mp3"), 0).len();
    for (name, junk) in [
        ("zeros.mp3", vec![0; 5000]),
        ("text.mp3", b"hello there ".repeat(300)),
    ] {
        folder.write(name, &[folder.read("a.mp3"), junk].concat());
        let run = folder.aeden(&format!("clean {name} -o out --mix 0"));
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        let left = samples(&folder.path(&format!("out/{name}")), 0).len();
        assert!(left >= whole, "{name}: {left} of {whole}");
    }
}

#[test]
fn frames_of_amr_without_data_are_silence() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    // A second of mode 7 (12.2 kbit/s): a byte of header and 31 of sound, whatever they say. 0x7c: no data.
    let sound: Vec<u8> = (0..50)
        .flat_map(|_| [&[0x3c][..], &[0x55; 31]].concat())
        .collect();
    let silence = [0x7c; 25];
    let file = [b"#!AMR\n", &sound[..], &silence, &sound].concat();
    folder.write("middle.amr", &file);
    let file = [b"#!AMR\n", &sound[..], &[0x7c; 1000]].concat();
    folder.write("end.amr", &file);
    ffmpeg(&folder, "-i end.amr -c copy end.3gp");
    for (name, least) in [("middle.amr", 8000 * 5 / 2), ("end.amr", 8000), ("end.3gp", 8000)] {
        let run = folder.aeden(&format!("clean {name} {name}.wav --mix 0"));
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        let left = samples(&folder.path(&format!("{name}.wav")), 0).len();
        assert!(left >= least, "{name}: {left}");
    }
}

#[test]
fn pictures_are_the_same_behind_a_change_of_container() {
    if !is_here() || !encodes("libx264") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        &format!("{PICTURE} -i SPEECH -t 3 -c:v libx264 -preset ultrafast -c:a aac a.mp4"),
    );
    folder.aeden("clean a.mp4 b.mov --mix 0 --verify").quietly();
    assert_eq!(
        packets_hash(&folder.path("a.mp4"), 0),
        packets_hash(&folder.path("b.mov"), 0)
    );
}
