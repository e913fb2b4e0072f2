//! FLAC files whose metadata is odd and whose sound is whole: `flac -t` accepts them, and so do we.

use super::ffmpeg::{ffmpeg, is_here, samples};
use crate::recordings::Folder;

fn block(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn comments(fields: &[&[u8]]) -> Vec<u8> {
    let sized = |text: &[u8]| [&(text.len() as u32).to_le_bytes(), text].concat();
    let fields: Vec<u8> = fields.iter().flat_map(|field| sized(field)).collect();
    let count = (fields.len().min(1) as u32).to_le_bytes();
    block(4, &[sized(b"me"), count.to_vec(), fields].concat())
}

fn picture(kind: u32) -> Vec<u8> {
    let text = |text: &[u8]| [&(text.len() as u32).to_be_bytes(), text].concat();
    let data = text(b"\x89PNG\r\n\x1a\n not really");
    let body = [
        &kind.to_be_bytes()[..],
        &text(b"image/png"),
        &text(b""),
        &[0; 16],
        &data,
    ]
    .concat();
    block(6, &body)
}

/// A cue sheet of one track, whose ISRC is twelve zeros, and the lead-out.
fn cue_sheet() -> Vec<u8> {
    let track = |number: u8, offset: u64, indexes: u8| {
        let head = [
            &offset.to_be_bytes()[..],
            &[number],
            &[0; 12],
            &[0; 14],
            &[indexes],
        ]
        .concat();
        let index = [&[0; 8][..], &[1], &[0; 3]].concat();
        [head, index.repeat(indexes.into())].concat()
    };
    let head = [&[0; 128][..], &88_200u64.to_be_bytes(), &[0x80], &[0; 258], &[2]].concat();
    block(5, &[head, track(1, 0, 1), track(170, 96_000, 0)].concat())
}

fn seek_table() -> Vec<u8> {
    let point = |sample: u64| [&sample.to_be_bytes()[..], &[0; 8], &[0x10, 0]].concat();
    block(3, &[point(8192), point(4096)].concat())
}

#[test]
fn odd_metadata_costs_no_sound() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    ffmpeg(&folder, "-i SPEECH -t 2 -map_metadata -1 -c:a flac plain.flac");
    let plain = folder.read("plain.flac");
    // STREAMINFO comes first and has 34 bytes.
    let (info, mut at, mut last) = (&plain[4..42], 4, false);
    while !last {
        let size = u32::from_be_bytes([0, plain[at + 1], plain[at + 2], plain[at + 3]]) as usize;
        last = plain[at] & 0x80 != 0;
        at += 4 + size;
    }
    let sound = &plain[at..];
    let cases: &[(&str, Vec<Vec<u8>>, &str)] = &[
        ("latin", vec![comments(&[b"TITLE=Caf\xe9"])], "Latin-1"),
        (
            "twice",
            vec![comments(&[b"TITLE=A"]), comments(&[b"ARTIST=B"])],
            "VORBIS_COMMENT",
        ),
        ("seek", vec![seek_table()], ""),
        ("reserved", vec![block(100, b"who knows")], "reserved kind 100"),
        ("picture", vec![picture(99)], "PICTURE"),
        ("cue", vec![cue_sheet()], ""),
        (
            "many",
            vec![
                seek_table(),
                picture(99),
                comments(&[b"TITLE=A"]),
                block(126, b""),
            ],
            "",
        ),
    ];
    for (name, blocks, part) in cases {
        let mut head = info.to_vec();
        head[0] &= 0x7f;
        let mut file = [&b"fLaC"[..], &head].concat();
        for (number, block) in blocks.iter().enumerate() {
            let start = file.len();
            file.extend(block);
            if number + 1 == blocks.len() {
                file[start] |= 0x80;
            }
        }
        file.extend(sound);
        let name = format!("{name}.flac");
        folder.write(&name, &file);
        let run = folder.aeden(&format!("clean {name} -o out --mix 0 --verify"));
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        assert!(run.stderr().contains(part), "{name}: {}", run.stderr());
        let out = folder.path(&format!("out/{name}"));
        assert_eq!(samples(&out, 0), samples(&folder.path("plain.flac"), 0), "{name}");
        assert_eq!(folder.aeden(&format!("inspect {name}")).status(), 0, "{name}");
    }
    let title = super::ffmpeg::probe(&folder.path("out/latin.flac"), "-show_format");
    assert_eq!(title["format"]["tags"]["TITLE"], "Caf\u{e9}");
}

/// A plain file, and where its frames begin.
fn plain_file(folder: &Folder) -> (Vec<u8>, usize) {
    ffmpeg(folder, "-i SPEECH -t 2 -map_metadata -1 -c:a flac plain.flac");
    let plain = folder.read("plain.flac");
    let (mut at, mut last) = (4, false);
    while !last {
        let size = u32::from_be_bytes([0, plain[at + 1], plain[at + 2], plain[at + 3]]) as usize;
        last = plain[at] & 0x80 != 0;
        at += 4 + size;
    }
    (plain, at)
}

#[test]
fn what_a_header_says_wrongly_is_told_and_costs_no_sound() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    let (plain, _) = plain_file(&folder);
    let sound = samples(&folder.path("plain.flac"), 0);
    // STREAMINFO begins at 8: block sizes, frame sizes, rate and depth, 36 bits of length at 21, MD5 at 26.
    let changed = |at: usize, bytes: &[u8]| {
        let mut file = plain.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    for (name, file, said, damaged) in [
        ("blocks", changed(8, &[0, 16, 0, 16]), "", false),
        ("no_blocks", changed(8, &[0; 4]), "", false),
        ("md5", changed(26, &[7; 16]), "checksum", false),
        ("no_md5", changed(26, &[0; 16]), "", false),
        ("no_length", changed(22, &[0; 4]), "", false),
        (
            "short",
            changed(22, &50_000u32.to_be_bytes()),
            "50000 samples",
            true,
        ),
        // A whole number of blocks, behind which there are more.
        (
            "blocks_short",
            changed(22, &46_080u32.to_be_bytes()),
            "46080 samples",
            true,
        ),
        (
            "long",
            changed(22, &900_000u32.to_be_bytes()),
            "900000 samples",
            true,
        ),
        (
            "few_bytes",
            [plain.clone(), vec![1, 2, 3]].concat(),
            "3 bytes",
            false,
        ),
    ] {
        let name = format!("{name}.flac");
        folder.write(&name, &file);
        let mut command = format!("clean {name} -o out --mix 0 --verify --quality light");
        if damaged {
            folder.aeden(&command).failed(1, "--accept-damage");
            assert!(!folder.path(&format!("out/{name}")).exists());
            command += " --accept-damage";
        }
        let run = folder.aeden(&command);
        assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
        assert!(
            run.stderr().contains(said) && run.stderr().is_empty() == said.is_empty(),
            "{name}: {}",
            run.stderr()
        );
        assert_eq!(samples(&folder.path(&format!("out/{name}")), 0), sound, "{name}");
    }
}

#[test]
fn what_only_an_old_tag_says_is_told() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    let (plain, at) = plain_file(&folder);
    let mut tag = [0; 128];
    tag[..3].copy_from_slice(b"TAG");
    tag[3..8].copy_from_slice(b"Night");
    tag[33..36].copy_from_slice(b"Ann");
    folder.write("old.flac", &[&plain[..], &tag].concat());
    folder.aeden("clean old.flac -o out --mix 0").warned("Night, Ann");
    // The comments say it as well.
    let said = comments(&[b"TITLE=Night walk"]);
    let mut file = plain[..42].to_vec();
    file[4] &= 0x7f;
    let block = file.len();
    file.extend(said);
    file[block] |= 0x80;
    let same = [&file[..], &plain[at..], &tag[..33], &[0; 95]].concat();
    folder.write("same.flac", &same);
    folder.aeden("clean same.flac -o out --mix 0").quietly();
}
