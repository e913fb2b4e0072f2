//! Side tracks that cannot be copied cost a warning, not the film; descriptions that ffmpeg drops are put back.

use super::ffmpeg::{encodes, ffmpeg, is_here, packets_hash, streams};
use crate::recordings::Folder;

const PICTURE: &str = "-f lavfi -i testsrc=s=160x120:r=25:d=3";

fn material() -> Option<Folder> {
    if !is_here() || !encodes("libx264") {
        return None;
    }
    let folder = Folder::new();
    folder.write("subs.srt", b"1\n00:00:00,500 --> 00:00:02,000\nGood evening\n");
    Some(folder)
}

/// Replaces all places of some bytes by others of the same length; there must be one.
fn replaced(file: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut file = file.to_vec();
    let places: Vec<usize> = (0..file.len() - from.len())
        .filter(|at| file[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        file[at..at + to.len()].copy_from_slice(to);
    }
    file
}

#[test]
fn a_track_that_cannot_be_copied_is_left_out_with_a_word() {
    let Some(folder) = material() else { return };
    let film = format!(
        "{PICTURE} -i SPEECH -i subs.srt -t 3 -map 0 -map 1 -map 2 -c:v libx264 -preset ultrafast -c:a aac"
    );
    ffmpeg(&folder, &format!("{film} -c:s mov_text plain.mp4"));
    ffmpeg(&folder, &format!("{film} -c:s srt plain.mkv"));
    folder.write(
        "drone.mp4",
        &replaced(
            &replaced(&folder.read("plain.mp4"), b"tx3g", b"fdsc"),
            b"sbtl",
            b"meta",
        ),
    );
    folder.write(
        "odd.mkv",
        &replaced(&folder.read("plain.mkv"), b"S_TEXT/UTF8", b"S_TEXT/WXYZ"),
    );
    for name in ["drone.mp4", "odd.mkv"] {
        let run = folder.aeden(&format!("clean {name} -o out --mix 0 --verify --json"));
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        let kinds: Vec<String> = streams(&folder.path(&format!("out/{name}")))
            .iter()
            .map(|stream| stream["codec_type"].to_string())
            .collect();
        assert!(
            kinds.iter().any(|kind| kind.contains("video")),
            "{name}: {kinds:?}"
        );
        let before = streams(&folder.path(name)).len();
        let lost = run.json_lines()[0]["lost"].to_string();
        assert!(
            kinds.len() == before || lost.contains("track"),
            "{name}: {kinds:?} {lost}"
        );
        assert!(run.stderr().lines().count() <= 1, "{name}: {}", run.stderr());
        let hashes =
            [name.to_owned(), format!("out/{name}")].map(|name| packets_hash(&folder.path(&name), 0));
        assert_eq!(hashes[0], hashes[1], "{name}");
        if lost.contains("track") {
            folder
                .aeden(&format!("clean {name} -o strict --mix 0 --strict"))
                .failed(1, "--strict");
            assert!(!folder.path(&format!("strict/{name}")).exists());
        }
    }
}

/// Puts a box behind the others in the sample entry `entry`, and makes all around it larger.
fn with_box(file: &[u8], entry: &[u8; 4], new: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let moov = file.windows(4).rposition(|part| part == b"moov").unwrap();
    let at = |kind: &[u8], from: usize| from + file[from..].windows(4).position(|part| part == kind).unwrap();
    let entry = at(entry, moov);
    let before = |kind: &[u8]| file[..entry].windows(4).rposition(|part| part == kind).unwrap();
    let around = [
        moov,
        before(b"trak"),
        before(b"mdia"),
        before(b"minf"),
        before(b"stbl"),
        before(b"stsd"),
        entry,
    ];
    let size = |file: &[u8], at: usize| u32::from_be_bytes(file[at - 4..at].try_into().unwrap());
    let end = entry - 4 + size(&file, entry) as usize;
    for place in around {
        let larger = size(&file, place) + new.len() as u32;
        file[place - 4..place].copy_from_slice(&larger.to_be_bytes());
    }
    file.splice(end..end, new.iter().copied());
    file
}

#[test]
fn descriptions_of_the_picture_stay() {
    let Some(folder) = material() else { return };
    ffmpeg(
        &folder,
        &format!("{PICTURE} -i SPEECH -t 3 -map 0 -map 1 -c:v libx264 -preset ultrafast -c:a aac plain.mp4"),
    );
    // Dolby Vision's configuration (profile 8, level 3), and one that nobody knows.
    let dolby = [&[0, 0, 0, 32][..], b"dvvC", &[1, 0, 0x10, 0x1d, 0x40], &[0; 19]].concat();
    let unknown = [&[0, 0, 0, 12][..], b"zzzz", &[1, 2, 3, 4]].concat();
    for (name, new) in [("dolby.mp4", dolby), ("unknown.mp4", unknown)] {
        folder.write(name, &with_box(&folder.read("plain.mp4"), b"avc1", &new));
        folder
            .aeden(&format!("clean {name} -o out --mix 0 --verify"))
            .quietly();
        let after = folder.read(&format!("out/{name}"));
        assert!(after.windows(new.len()).any(|part| part == new), "{name}");
        assert_eq!(streams(&folder.path(&format!("out/{name}"))).len(), 2);
    }
}

#[test]
fn tracks_of_timed_metadata_stay_what_they_are() {
    let Some(folder) = material() else { return };
    ffmpeg(
        &folder,
        &format!(
            "{PICTURE} -i SPEECH -i subs.srt -t 3 -map 0 -map 1 -map 2 -c:v libx264 -preset ultrafast -c:a aac -c:s mov_text plain.mp4"
        ),
    );
    folder.write(
        "phone.mp4",
        &replaced(
            &replaced(&folder.read("plain.mp4"), b"tx3g", b"mebx"),
            b"sbtl",
            b"meta",
        ),
    );
    let run = folder.aeden("clean phone.mp4 -o out --mix 0 --json");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let tag = |name: &str| {
        streams(&folder.path(name))
            .get(2)
            .map(|stream| stream["codec_tag_string"].clone())
    };
    let lost = run.json_lines()[0]["lost"].to_string();
    assert!(
        tag("phone.mp4") == tag("out/phone.mp4") || lost.contains("data"),
        "{:?} {lost}",
        tag("out/phone.mp4")
    );
}

#[test]
fn what_a_timecode_loses_is_told() {
    let Some(folder) = material() else { return };
    let film = format!("{PICTURE} -i SPEECH -i subs.srt -t 3 -map 0 -map 1");
    let codecs = "-c:v libx264 -preset ultrafast -c:a aac";
    ffmpeg(
        &folder,
        &format!("{film} {codecs} -timecode 01:00:00:00 whole.mov"),
    );
    folder.aeden("clean whole.mov -o out --mix 0 --verify").quietly();
    // A track of that kind from which no time can be read.
    ffmpeg(
        &folder,
        &format!("{film} -map 2 {codecs} -c:s mov_text plain.mp4"),
    );
    let file = replaced(&folder.read("plain.mp4"), b"tx3g", b"tmcd");
    folder.write("broken.mp4", &replaced(&file, b"sbtl", b"meta"));
    let run = folder.aeden("clean broken.mp4 -o out --mix 0 --verify --json");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let lost = run.json_lines()[0]["lost"].to_string();
    assert!(lost.contains("timecode"), "{lost}");
    folder
        .aeden("clean broken.mp4 -o strict --mix 0 --strict")
        .failed(1, "timecode");
}

#[test]
fn a_second_sound_that_cannot_be_decoded_does_not_stop_a_broadcast() {
    let Some(folder) = material() else { return };
    ffmpeg(
        &folder,
        &format!("{PICTURE} -i SPEECH -t 3 -map 0 -map 1 -map 1 -c:v mpeg2video -c:a mp2 plain.ts"),
    );
    let mut file = folder.read("plain.ts");
    let mut random = 1u32;
    // Packets of the second sound, behind the headers of what begins in them.
    for packet in file.chunks_exact_mut(188) {
        let id = u16::from_be_bytes([packet[1], packet[2]]) & 0x1fff;
        if id != 0x102 {
            continue;
        }
        let adaptation = if packet[3] & 0x20 != 0 {
            1 + usize::from(packet[4])
        } else {
            0
        };
        let begins = packet[1] & 0x40 != 0;
        let first = 4 + adaptation + if begins { 20 } else { 0 };
        for byte in packet.iter_mut().skip(first) {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (random >> 24) as u8;
        }
    }
    folder.write("a.ts", &file);
    let run = folder.aeden("clean a.ts -o out --mix 0 --verify --json --quality light");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let sounds = |name: &str| {
        let all = streams(&folder.path(name));
        all.iter()
            .filter(|stream| stream["codec_type"] == "audio")
            .count()
    };
    let lost = run.json_lines()[0]["lost"].to_string();
    assert!(sounds("out/a.ts") == 2 || lost.contains("audio 2"), "{lost}");
    assert!(run.stderr().lines().count() <= 1, "{}", run.stderr());
    let hashes = ["a.ts", "out/a.ts"].map(|name| packets_hash(&folder.path(name), 0));
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn a_second_picture_that_cannot_be_copied_is_left_out_with_a_word() {
    let Some(folder) = material() else { return };
    ffmpeg(&folder, "-f lavfi -i color=red:s=32x32 -frames:v 1 c.jpg");
    ffmpeg(
        &folder,
        &format!(
            "{PICTURE} -i SPEECH -i c.jpg -t 3 -map 0 -map 1 -map 2 -c:v:0 mpeg2video -c:v:1 copy -c:a mp2 a.vob"
        ),
    );
    let run = folder.aeden("clean a.vob -o out --mix 0 --verify --json");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let count = |name: &str| {
        let all = streams(&folder.path(name));
        all.iter()
            .filter(|stream| stream["codec_type"] == "video")
            .count()
    };
    let lost = run.json_lines()[0]["lost"].to_string();
    assert!(
        count("out/a.vob") == count("a.vob") || lost.contains("track"),
        "{lost}"
    );
}
