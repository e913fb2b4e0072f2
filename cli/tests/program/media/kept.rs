//! What stands beside the sound is kept or named: channels, rates, covers, tags, chapters, programmes.

use super::ffmpeg::{encodes, ffmpeg, is_here, probe, streams};
use crate::recordings::{Folder, chunk, fmt, noise, pcm16, riff};
use serde_json::Value;

const ABOUT: &str = ";FFMETADATA1\ntitle=Evening\nartist=Ann\nalbum=Al\ndate=2020\ngenre=Talk\ncomment=a word\n\
                     MUSICBRAINZ_TRACKID=mb-1\nISRC=USRC17607839\n\
                     [CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=700\ntitle=One\n\
                     [CHAPTER]\nTIMEBASE=1/1000\nSTART=700\nEND=2000\ntitle=Two\n";

/// A second of speech, tags with two chapters, and a picture.
fn material() -> Option<Folder> {
    if !is_here() || !encodes("libmp3lame") || !encodes("libopus") || !encodes("libvorbis") {
        return None;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-i SPEECH -t 2 in.wav");
    folder.write("about.txt", ABOUT.as_bytes());
    ffmpeg(&folder, "-f lavfi -i color=red:s=32x32 -frames:v 1 c.jpg");
    Some(folder)
}

fn tagged(folder: &Folder, name: &str, how: &str) {
    ffmpeg(
        folder,
        &format!("-i in.wav -i about.txt -map_metadata 1 -map_chapters 1 {how} {name}"),
    );
}

/// Tags of a file and its sound, by lower-case names.
fn tags(folder: &Folder, name: &str) -> Vec<(String, String)> {
    let found = probe(&folder.path(name), "-show_format -show_streams");
    let all = [&found["format"]["tags"], &found["streams"][0]["tags"]];
    let all = all.into_iter().filter_map(Value::as_object).flatten();
    all.map(|(key, value)| (key.to_lowercase(), value.as_str().unwrap().to_owned()))
        .collect()
}

/// Beginnings and titles of chapters.
fn chapters(folder: &Folder, name: &str) -> Vec<(f64, String)> {
    let found = probe(&folder.path(name), "-show_chapters");
    let chapter = |chapter: &Value| {
        let start = chapter["start_time"].as_str().unwrap().parse().unwrap();
        (
            start,
            chapter["tags"]["title"].as_str().unwrap_or_default().to_owned(),
        )
    };
    found["chapters"]
        .as_array()
        .unwrap()
        .iter()
        .map(chapter)
        .collect()
}

fn covers(folder: &Folder, name: &str) -> usize {
    let all = streams(&folder.path(name));
    all.iter()
        .filter(|stream| stream["disposition"]["attached_pic"] == 1)
        .count()
}

#[test]
fn covers_go_into_ape_tags() {
    let Some(folder) = material() else { return };
    let picture = "-i c.jpg -map 0 -map 1 -c:v copy -disposition:v attached_pic";
    ffmpeg(
        &folder,
        &format!("-i in.wav {picture} -metadata title=Evening a.flac"),
    );
    ffmpeg(
        &folder,
        &format!("-i in.wav {picture} -metadata title=Evening a.mp3"),
    );
    for (input, output) in [("a.flac", "a.wv"), ("a.mp3", "b.wv"), ("a.flac", "a.tta")] {
        folder
            .aeden(&format!(
                "clean {input} {output} --mix 0 --verify --quality light"
            ))
            .quietly();
        assert_eq!(covers(&folder, output), 1, "{output}");
        let title = tags(&folder, output).into_iter().find(|(key, _)| key == "title");
        assert_eq!(
            title.map(|(_, title)| title).as_deref(),
            Some("Evening"),
            "{output}"
        );
        // And from there into the next.
        folder
            .aeden(&format!("clean {output} -o out --mix 0 --verify --quality light"))
            .quietly();
        assert_eq!(covers(&folder, &format!("out/{output}")), 1, "{output}");
    }
    let whole = super::ffmpeg::packets_hash(&folder.path("a.flac"), 1);
    assert_eq!(super::ffmpeg::packets_hash(&folder.path("out/a.wv"), 1), whole);
}

#[test]
fn channels_and_rates_that_a_codec_cannot_take_are_told() {
    let Some(folder) = material() else { return };
    let eight: Vec<String> = (0..8).map(|channel| format!("c{channel}=c0")).collect();
    ffmpeg(
        &folder,
        &format!("-i in.wav -af pan=7.1|{} eight.wav", eight.join("|")),
    );
    ffmpeg(&folder, "-i in.wav -ar 96000 fast.wav");
    ffmpeg(&folder, "-i in.wav -ar 22050 slow.wav");
    for (input, output, what) in [
        ("eight.wav", "a.ac3", "channels"),
        ("eight.wav", "a.eac3", "channels"),
        ("eight.wav", "a.mp3", "channels"),
        ("fast.wav", "b.mp3", "rate"),
        ("slow.wav", "b.ac3", "rate"),
        ("eight.wav", "a.m4a", ""),
        ("eight.wav", "a.opus", ""),
        ("eight.wav", "a.flac", ""),
        ("eight.wav", "a.mka", ""),
    ] {
        let run = folder.aeden(&format!("clean {input} {output} --mix 0 --json --verify"));
        assert_eq!(run.status(), 0, "{output}: {}", run.stderr());
        let line = &run.json_lines()[0];
        // What is said of the output is what the output is.
        let sound = &streams(&folder.path(output))[0];
        assert_eq!(line["channels"], sound["channels"], "{output}");
        let rate = sound["sample_rate"].as_str().unwrap().parse::<u64>().unwrap();
        assert_eq!(line["rate"], rate, "{output}");
        let lost: Vec<&Value> = line["lost"]
            .as_array()
            .unwrap()
            .iter()
            .map(|loss| &loss["what"])
            .collect();
        let expected: &[&str] = if what.is_empty() { &[] } else { &[what] };
        assert_eq!(lost, expected, "{output}");
        assert_eq!(
            run.stderr().lines().count(),
            expected.len(),
            "{output}: {}",
            run.stderr()
        );
        if !what.is_empty() {
            folder
                .aeden(&format!("clean {input} -o strict/{output} --mix 0 --strict"))
                .failed(1, "--strict");
        }
    }
    assert!(!folder.path("strict/a.ac3").exists());
}

#[test]
fn channels_of_a_film_stay_where_its_container_has_a_codec_for_them() {
    let Some(folder) = material() else { return };
    let eight: Vec<String> = (0..8).map(|channel| format!("c{channel}=c0")).collect();
    for (name, codec) in [
        ("a.mkv", "flac"),
        ("b.mkv", "pcm_s24le"),
        ("c.mkv", "aac"),
        ("d.mov", "pcm_s16le"),
    ] {
        ffmpeg(
            &folder,
            &format!(
                "-f lavfi -i testsrc=s=64x64:d=2 -i in.wav -c:v mpeg4 -af pan=7.1|{} -c:a {codec} {name}",
                eight.join("|")
            ),
        );
        folder
            .aeden(&format!("clean {name} -o out --mix 0 --verify"))
            .quietly();
        let sound = &streams(&folder.path(&format!("out/{name}")))[1];
        assert_eq!(
            (&sound["channels"], &sound["codec_name"]),
            (&8.into(), &codec.into()),
            "{name}"
        );
    }
}

#[test]
fn covers_stay_covers() {
    let Some(folder) = material() else { return };
    let attached = "-attach c.jpg -metadata:s:t mimetype=image/jpeg -metadata:s:t filename=cover.jpg";
    ffmpeg(&folder, &format!("-i in.wav -c:a aac {attached} a.mka"));
    ffmpeg(
        &folder,
        &format!("-f lavfi -i testsrc=s=64x64:d=2 -i in.wav -c:v mpeg4 -c:a aac {attached} a.mkv"),
    );
    let picture = "-i in.wav -i c.jpg -map 0 -map 1 -c:v copy -disposition:v attached_pic";
    for name in ["a.mp3", "a.m4a", "a.flac"] {
        ffmpeg(&folder, &format!("{picture} {name}"));
    }
    for name in ["a.mka", "a.mkv", "a.mp3", "a.m4a", "a.flac"] {
        folder
            .aeden(&format!("clean {name} -o out --mix 0 --verify"))
            .quietly();
        assert_eq!(covers(&folder, &format!("out/{name}")), 1, "{name}");
        let before = streams(&folder.path(name)).len();
        assert_eq!(
            streams(&folder.path(&format!("out/{name}"))).len(),
            before,
            "{name}"
        );
    }
    for ending in ["mka", "mp3", "m4a", "flac", "opus", "ogg", "wv", "wav"] {
        let name = format!("b.{ending}");
        folder.aeden(&format!("clean a.mp3 {name} --mix 0")).quietly();
        if ending != "wav" {
            assert_eq!(covers(&folder, &name), 1, "{name}");
        }
    }
    // In WAV it stands in a tag that few programs read; it is there.
    let picture = folder.read("c.jpg");
    assert!(
        folder
            .read("b.wav")
            .windows(picture.len())
            .any(|part| part == picture)
    );
    for ending in ["wma", "ac3", "caf"] {
        folder
            .aeden(&format!("clean a.mp3 b.{ending} --mix 0"))
            .warned("the cover picture");
    }
}

#[test]
fn what_is_said_of_covers_goes_along_or_is_named() {
    let Some(folder) = material() else { return };
    let about = "-metadata:s:v:0 title=Sleeve -metadata:s:v:1 title=Rear -metadata:s:v:1";
    ffmpeg(
        &folder,
        &format!(
            "-i in.wav -i c.jpg -i c.jpg -map 0 -map 1 -map 2 -c:v copy -disposition:v attached_pic {about} comment=Illustration a.mp3"
        ),
    );
    for (ending, kept) in [
        ("mp3", true),
        ("flac", true),
        ("aiff", true),
        ("mka", false),
        ("m4a", false),
    ] {
        let name = format!("b.{ending}");
        let run = folder.aeden(&format!("clean a.mp3 {name} --mix 0"));
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        assert_eq!(covers(&folder, &name), 2, "{name}");
        let all = probe(&folder.path(&name), "-show_streams").to_string();
        for word in ["Sleeve", "Rear", "Illustration"] {
            let is_there = all.contains(word);
            assert!(is_there || !kept, "{name}: {word}");
            assert!(
                is_there != run.stderr().contains(word),
                "{name}: {word}: {}",
                run.stderr()
            );
        }
    }
}

#[test]
fn tags_and_chapters_are_kept_or_named() {
    let Some(folder) = material() else { return };
    let sources = [
        ("a.flac", "-c:a flac"),
        ("a.mp3", "-c:a libmp3lame"),
        ("a.m4a", "-c:a aac"),
        ("a.m4b", "-c:a aac -f ipod"),
        ("a.ogg", "-c:a libvorbis"),
        ("a.opus", "-c:a libopus"),
        ("a.aiff", "-c:a pcm_s16be -write_id3v2 1"),
        ("a.mka", "-c:a aac"),
    ];
    for (name, how) in sources {
        tagged(&folder, name, how);
    }
    let mut silent = Vec::new();
    for (name, _) in sources {
        let (had, marks) = (tags(&folder, name), chapters(&folder, name));
        assert!(had.len() >= 6, "{name}");
        for ending in [
            "wav", "flac", "mp3", "m4a", "ogg", "opus", "aiff", "mka", "wv", "ac3", "caf", "wma", "w64",
        ] {
            let out = format!("{}.{ending}", name.replace('.', "_"));
            let run = folder.aeden(&format!("clean {name} {out} --mix 0 --json"));
            assert_eq!(run.status(), 0, "{out}: {}", run.stderr());
            let line = &run.json_lines()[0];
            let lost: Vec<(&str, &str)> = line["lost"]
                .as_array()
                .unwrap()
                .iter()
                .map(|loss| (loss["what"].as_str().unwrap(), loss["name"].as_str().unwrap()))
                .collect();
            let has = tags(&folder, &out);
            let raw = folder.read(&out);
            let holds = |text: &str| raw.windows(text.len()).any(|part| part == text.as_bytes());
            for (key, value) in &had {
                let kept = has.iter().any(|(_, other)| other == value) || (ending == "wav" && holds(value));
                let named = lost
                    .iter()
                    .any(|(what, name)| *what == "tag" && name.eq_ignore_ascii_case(key));
                let technical = [
                    "encoder",
                    "major_brand",
                    "minor_version",
                    "compatible_brands",
                    "handler_name",
                    "vendor_id",
                    "duration",
                    "language",
                ];
                if !kept && !named && !technical.contains(&key.as_str()) {
                    silent.push(format!("{out}: {key}={value}"));
                }
            }
            let now = chapters(&folder, &out);
            let kept = marks.iter().all(|(start, title)| {
                (ending == "wav" && holds(title))
                    || now
                        .iter()
                        .any(|(other, name)| (other - start).abs() < 2e-3 && name == title)
            });
            if !kept && !lost.iter().any(|(what, _)| *what == "chapter") {
                silent.push(format!("{out}: chapters {marks:?} {now:?}"));
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn chapters_do_not_wander() {
    let Some(folder) = material() else { return };
    for (first, how, ending) in [
        ("a.mp3", "-c:a libmp3lame", "mp3"),
        ("a.m4b", "-c:a aac -f ipod", "opus"),
        ("a.mka", "-c:a aac", "mka"),
        ("a.m4a", "-c:a aac", "m4a"),
    ] {
        tagged(&folder, first, how);
        let before = chapters(&folder, first);
        assert_eq!(before.len(), 2, "{first}");
        let mut last = first.to_owned();
        for pass in 1..=3 {
            let next = format!("{pass}_{first}.{ending}");
            folder.aeden(&format!("clean {last} {next} --mix 0")).quietly();
            last = next;
        }
        let after = chapters(&folder, &last);
        for ((start, title), (other, name)) in before.iter().zip(&after) {
            assert!(
                (start - other).abs() < 1e-3 && title == name,
                "{last}: {before:?} {after:?}"
            );
        }
    }
}

#[test]
fn chunks_of_a_wav_file_are_named_where_they_cannot_go() {
    let Some(folder) = material() else { return };
    let plain = folder.read("in.wav");
    let mut extension = vec![0; 602];
    extension[..4].copy_from_slice(b"Take");
    let more = [
        chunk(b"bext", &extension),
        chunk(b"iXML", b"<BWFXML><SCENE>4</SCENE></BWFXML>"),
    ]
    .concat();
    let mut file = [&plain[..12], &more, &plain[12..]].concat();
    let size = (file.len() as u32 - 8).to_le_bytes();
    file[4..8].copy_from_slice(&size);
    folder.write("field.wav", &file);
    for out in ["a.m4a", "a.w64", "a.mp3", "a.flac", "a.opus"] {
        let run = folder.aeden(&format!("clean field.wav {out} --mix 0 --json"));
        assert_eq!(run.status(), 0, "{}", run.stderr());
        let names = run.json_lines()[0]["lost"].to_string();
        // FLAC has a place for chunks of others.
        let held = folder.read(out);
        for name in ["bext", "iXML"] {
            let kept = held.windows(4).any(|part| part == name.as_bytes());
            assert!(kept || names.contains(name), "{out}: {names}");
        }
    }
    folder.aeden("clean field.wav b.wav --mix 0").quietly();
    assert!(folder.read("b.wav") == file);
}

/// A frame of ID3v2.3.
fn frame(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&name[..], &(body.len() as u32).to_be_bytes(), &[0; 2], body].concat()
}

#[test]
fn every_tag_of_a_wav_file_goes_into_flac() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    let info = [
        ("INAM", &b"Caf\xe9\0"[..], "TITLE", "Caf\u{e9}"),
        ("IENG", b"Ann\0", "IENG", "Ann"),
        ("IKEY", b"rain; city\0", "IKEY", "rain; city"),
        ("ITCH", b"Bob", "ITCH", "Bob"),
        ("IPRT", b"3/9\0", "track", "3/9"),
    ];
    let body: Vec<u8> = info
        .iter()
        .flat_map(|(id, text, ..)| chunk(id.as_bytes().try_into().unwrap(), text))
        .collect();
    let sound = chunk(b"data", &pcm16(&noise(3, 4000)));
    let list = chunk(b"LIST", &[b"INFO", &body[..]].concat());
    folder.write("a.wav", &riff(&[fmt(1, 1, 16_000, 16), list, sound]));
    folder.aeden("clean a.wav a.flac --mix 0").quietly();
    let tags = tags(&folder, "a.flac");
    for (_, _, name, text) in info {
        let found = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        assert_eq!(found.map(|(_, text)| text.as_str()), Some(text), "{name}");
    }
}

#[test]
fn what_only_the_second_tag_of_a_wav_file_says_goes_everywhere() {
    let Some(folder) = material() else { return };
    ffmpeg(
        &folder,
        "-i in.wav -metadata title=Talk -metadata album_artist=Ann -metadata composer=Bob -metadata mood=calm -metadata disc=1/2 a.flac",
    );
    // A WAV file of ours has both: what `INFO` has a place for, and everything once more as ID3.
    folder.aeden("clean a.flac b.wav --mix 0").quietly();
    let said = [
        ("title", "Talk"),
        ("album_artist", "Ann"),
        ("composer", "Bob"),
        ("mood", "calm"),
        ("disc", "1/2"),
    ];
    let text_of = |tags: &[(String, String)], key: &str| {
        let found = tags.iter().find(|(other, _)| other == key);
        found.map(|(_, text)| text.clone())
    };
    for name in ["c.flac", "c.mp3", "c.m4a", "c.mka", "c.ogg"] {
        folder.aeden(&format!("clean b.wav {name} --mix 0")).quietly();
        let tags = tags(&folder, name);
        for (key, text) in said {
            assert_eq!(text_of(&tags, key).as_deref(), Some(text), "{name}: {key}");
        }
    }
}

#[test]
fn tags_of_a_film_in_ogg_are_kept_or_named() {
    if !is_here() || !encodes("libtheora") || !encodes("libvorbis") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc=s=64x48:r=25:d=2 -i SPEECH -t 2 -metadata artist=Ann -metadata mood=calm -c:v libtheora -c:a libvorbis a.ogv",
    );
    for (name, named) in [("b.mov", "mood"), ("b.avi", "mood")] {
        let run = folder.aeden(&format!("clean a.ogv {name} --mix 0"));
        assert!(run.stderr().contains(named), "{}", run.stderr());
    }
    folder.aeden("clean a.ogv b.mkv --mix 0 -q");
    let tags = tags(&folder, "b.mkv");
    for (key, text) in [("artist", "Ann"), ("mood", "calm")] {
        let found = tags.iter().find(|(other, _)| other == key);
        assert_eq!(found.map(|(_, text)| text.as_str()), Some(text), "{tags:?}");
    }
}

#[test]
fn the_track_that_players_begin_with_stays_or_is_named() {
    if !is_here() || !encodes("libx264") || !encodes("aac") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc=s=64x48:r=10:d=2 -i SPEECH -map 0 -map 1 -map 1 -t 2 -c:v libx264 -c:a aac \
         -disposition:a:0 0 -disposition:a:1 default a.mkv",
    );
    for (name, keeps) in [("b.mp4", true), ("b.mov", true), ("b.ts", false)] {
        let run = folder.aeden(&format!("clean a.mkv {name} --mix 0"));
        assert_eq!(run.status(), 0, "{}", run.stderr());
        assert_eq!(
            !run.stderr().contains("flag default"),
            keeps,
            "{name}: {}",
            run.stderr()
        );
        let output = probe(&folder.path(name), "-show_streams");
        assert_eq!(
            output["streams"][2]["disposition"]["default"] == 1,
            keeps,
            "{name}"
        );
    }
}

#[test]
fn tags_of_mp3_stay_as_they_are_stored() {
    let Some(folder) = material() else { return };
    ffmpeg(&folder, "-i in.wav -id3v2_version 0 -write_id3v1 0 bare.mp3");
    let frames = [
        frame(b"TIT2", b"\0Evening"),
        frame(b"UFID", b"http://musicbrainz.org\0abc"),
        frame(b"POPM", b"a@b\0\x80\0\0\0\x05"),
        frame(b"GEOB", b"\0text/plain\0n\0d\0bytes"),
        frame(b"WXXX", b"\0shop\0http://example.org"),
        frame(b"COMM", b"\0engshort\0a word"),
        frame(b"USLT", b"\0eng\0la la"),
        frame(b"PRIV", b"me\0\x01\x02\x03"),
    ]
    .concat();
    let size: Vec<u8> = (0..4)
        .rev()
        .map(|i| (frames.len() >> (7 * i) & 127) as u8)
        .collect();
    let tag = [b"ID3\x03\0\0", &size[..], &frames].concat();
    folder.write("a.mp3", &[&tag[..], &folder.read("bare.mp3")].concat());
    folder.aeden("clean a.mp3 b.mp3 --mix 0 --verify").quietly();
    assert!(folder.read("b.mp3").starts_with(&tag));
    // Elsewhere what ffmpeg does not tell of is named.
    let run = folder.aeden("clean a.mp3 c.m4a --mix 0 --json");
    let lost = run.json_lines()[0]["lost"].to_string();
    for name in ["UFID", "POPM", "GEOB", "WXXX"] {
        assert!(lost.contains(name), "{lost}");
    }
}

fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], body].concat()
}

/// Puts atoms into the list of tags of an M4A that ffmpeg has written, whose description stands at the end.
fn with_atoms(file: &[u8], atoms: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = |kind: &[u8; 4]| file.windows(4).rposition(|part| part == kind).unwrap();
    let places = [at(b"moov"), at(b"udta"), at(b"meta"), at(b"ilst")];
    let size = |file: &[u8], at: usize| u32::from_be_bytes(file[at - 4..at].try_into().unwrap());
    let end = places[3] - 4 + size(&file, places[3]) as usize;
    for place in places {
        let larger = size(&file, place) + atoms.len() as u32;
        file[place - 4..place].copy_from_slice(&larger.to_be_bytes());
    }
    file.splice(end..end, atoms.iter().copied());
    file
}

#[test]
fn tags_of_m4a_stay_as_they_are_stored() {
    let Some(folder) = material() else { return };
    tagged(&folder, "plain.m4a", "-c:a aac");
    let data = |kind: u32, body: &[u8]| atom(b"data", &[&kind.to_be_bytes()[..], &[0; 4], body].concat());
    let atoms = [
        atom(
            b"----",
            &[
                atom(b"mean", b"\0\0\0\0com.apple.iTunes"),
                atom(b"name", b"\0\0\0\0ISRC"),
                data(1, b"USRC17607839"),
            ]
            .concat(),
        ),
        atom(b"tmpo", &data(21, &[0, 120])),
        atom(b"sonm", &data(1, b"Evening, The")),
        atom(b"rtng", &data(21, &[4])),
        atom(b"pcst", &data(21, &[1])),
        atom(b"catg", &data(1, b"Talk")),
        atom(b"purl", &data(0, b"http://example.org")),
    ];
    folder.write("a.m4a", &with_atoms(&folder.read("plain.m4a"), &atoms.concat()));
    folder.aeden("clean a.m4a b.m4a --mix 0 --verify").quietly();
    let after = folder.read("b.m4a");
    for atom in &atoms {
        assert!(
            after.windows(atom.len()).any(|part| part == atom),
            "{}",
            String::from_utf8_lossy(atom)
        );
    }
    assert_eq!(chapters(&folder, "a.m4a"), chapters(&folder, "b.m4a"));
}

#[test]
fn programmes_and_second_streams() {
    let Some(folder) = material() else { return };
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc=s=64x64:d=2 -i in.wav -f lavfi -i testsrc2=s=64x64:d=2 -i in.wav -map 0 -map 1 -map 2 -map 3 \
         -c:v mpeg2video -c:a mp2 -program title=A:program_num=1:st=0:st=1 -program title=B:program_num=2:st=2:st=3 two.ts",
    );
    folder.aeden("clean two.ts -o out --mix 0 --verify").quietly();
    let programmes = |name: &str| {
        let found = probe(&folder.path(name), "-show_programs");
        let all = found["programs"].as_array().unwrap().clone();
        all.iter()
            .map(|one| {
                format!(
                    "{} {} {}",
                    one["program_num"], one["tags"]["service_name"], one["nb_streams"]
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(programmes("two.ts"), programmes("out/two.ts"));
    folder
        .aeden("clean two.ts one.mkv --mix 0")
        .warned("its 2 programmes become one");
    ffmpeg(&folder, "-i in.wav one.flac");
    folder.write(
        "joined.flac",
        &[folder.read("one.flac"), folder.read("one.flac")].concat(),
    );
    folder
        .aeden("clean joined.flac -o out --mix 0")
        .warned("a second FLAC stream follows");
}
