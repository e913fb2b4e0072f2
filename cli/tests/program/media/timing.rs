//! Clocks of files: gaps and late starts stay, and a clock that is wrong costs no sound.

use super::ffmpeg::{beginning, delay, encodes, ffmpeg, is_here, on_timeline, samples};
use crate::recordings::Folder;

#[test]
fn a_wrong_clock_of_the_sound_costs_none_of_it() {
    if !is_here() || !encodes("libmp3lame") {
        return;
    }
    let folder = Folder::new();
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc=s=160x120:r=25:d=6 -i SPEECH -t 6 -c:v mpeg4 -c:a libmp3lame -q:a 5 -ar 44100 a.avi",
    );
    let all = samples(&folder.path("a.avi"), 0).len();
    for factor in [100, 3] {
        let mut file = folder.read("a.avi");
        // dwRate, the sixth number behind the kind of the stream.
        let at = file.windows(4).position(|part| part == b"auds").unwrap() + 4 + 4 * 5;
        let rate = u32::from_le_bytes(file[at - 4..at].try_into().unwrap());
        assert!(rate > 0);
        file[at - 4..at].copy_from_slice(&(rate * factor).to_le_bytes());
        let name = format!("wrong{factor}.avi");
        folder.write(&name, &file);
        let run = folder.aeden(&format!("clean {name} out{factor}.wav --mix 0 --verify"));
        assert_eq!(run.status(), 0, "{}", run.stderr());
        let left = samples(&folder.path(&format!("out{factor}.wav")), 0).len();
        assert!(left + 4608 >= all, "{left} of {all}");
    }
}

#[test]
fn sound_alone_keeps_its_gaps_and_its_late_start() {
    if !is_here() || !encodes("libopus") || !encodes("libvorbis") {
        return;
    }
    let folder = Folder::new();
    for (name, codec) in [
        ("a.mka", "libopus"),
        ("b.mka", "aac"),
        ("a.webm", "libopus"),
        ("a.m4a", "aac"),
        ("a.ogg", "libvorbis"),
    ] {
        ffmpeg(
            &folder,
            &format!("-i SPEECH -af aselect='lt(t\\,2)+gt(t\\,5)' -c:a {codec} gap_{name}"),
        );
        ffmpeg(
            &folder,
            &format!("-itsoffset 1.5 -i SPEECH -t 4 -c:a {codec} late_{name}"),
        );
        for kind in ["gap", "late"] {
            let name = format!("{kind}_{name}");
            let run = folder.aeden(&format!("clean {name} -o out --mix 0 --verify"));
            assert_eq!(run.status(), 0, "{name}: {}", run.stderr());
            let rate = 48_000;
            let files = [name.clone(), format!("out/{name}")].map(|name| folder.path(&name));
            let sounds = files.each_ref().map(|file| on_timeline(file, 0, rate));
            let [before, after] = [0, 1].map(|i| {
                // When the last of it is heard.
                let end = sounds[i].iter().rposition(|x| x.abs() > 0.02).unwrap_or(0);
                (beginning(&files[i], "a:0"), end)
            });
            let (start, end) = (after.0 - before.0, after.1.abs_diff(before.1));
            // What begins late may begin with silence instead.
            assert!(start.abs() < 0.002 || after.0.abs() < 0.1, "{name}: {start}");
            assert!(end < rate as usize / 20, "{name}: {before:?} {after:?}");
            if kind == "late" && start.abs() < 0.1 {
                let moved = delay(&sounds[0], &sounds[1], 4800) / f64::from(rate) + start;
                assert!(moved.abs() < 0.002, "{name}: its sound moves by {moved} s");
            }
        }
    }
}

#[test]
fn sound_that_is_all_there_is_not_said_to_be_cut() {
    if !is_here() || !encodes("libopus") || !encodes("libvorbis") {
        return;
    }
    let folder = Folder::new();
    // So short that the page of Ogg that tells of the late start is the last one too.
    let short = "-itsoffset 0.3 -i SPEECH -t 0.9";
    for (name, codec) in [("a.ogg", "libvorbis"), ("a.opus", "libopus"), ("a.oga", "flac")] {
        ffmpeg(&folder, &format!("{short} -c:a {codec} {name}"));
        folder
            .aeden(&format!("clean {name} -o out --mix 0 --verify --strict"))
            .quietly();
        let [before, after] = [name.to_owned(), format!("out/{name}")].map(|name| {
            let sound = samples(&folder.path(&name), 0);
            sound.len()
        });
        assert_eq!(before, after, "{name}");
    }
    // What has lost its end is still named.
    let whole = folder.read("a.ogg");
    folder.write("cut.ogg", &whole[..whole.len() - 100]);
    let run = folder.aeden("clean cut.ogg -o out --mix 0");
    assert!(
        run.status() != 0 || run.stderr().contains("missing") || run.stderr().contains("cut short"),
        "{}",
        run.stderr()
    );
}

#[test]
fn sound_of_films_does_not_wander_from_pass_to_pass() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    for (name, how) in [
        (
            "a.mkv",
            "-f lavfi -i testsrc=s=64x64:r=25:d=3 -map 0 -map 1 -c:v mpeg4 -c:a aac",
        ),
        (
            "a.ts",
            "-f lavfi -i testsrc=s=64x64:r=25:d=3 -map 0 -map 1 -c:v mpeg4 -c:a ac3",
        ),
    ] {
        ffmpeg(&folder, &format!("-i SPEECH {how} -t 3 {name}"));
        let mut last = name.to_owned();
        for pass in 1..=3 {
            let next = format!("{pass}_{name}");
            folder
                .aeden(&format!("clean {last} {next} --mix 0 --verify"))
                .quietly();
            last = next;
        }
        let files = [folder.path(name), folder.path(&last)];
        let [x, y] = files.each_ref().map(|file| on_timeline(file, 0, 48_000));
        // One frame may be more at the end.
        assert!(
            y.len() >= x.len() && y.len() <= x.len() + 4096,
            "{name}: {} {}",
            x.len(),
            y.len()
        );
        let start = beginning(&files[1], "a:0") - beginning(&files[0], "a:0");
        let moved = delay(&x, &y, 4800) / 48_000.0;
        assert!(
            start.abs() < 0.002 && moved.abs() < 0.002,
            "{name}: {start} {moved}"
        );
    }
}

#[test]
fn sound_alone_does_not_wander_from_pass_to_pass() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    // Half a second of silence, in which the silence of one encoder can take the place of that of another.
    ffmpeg(&folder, "-i SPEECH -af adelay=500:all=1 -t 2 in.wav");
    for (name, how) in [
        ("a.mka", "-c:a aac"),
        ("b.mka", "-c:a libmp3lame"),
        ("c.mka", "-c:a ac3"),
        ("a.aac", "-c:a aac"),
        ("a.ac3", "-c:a ac3"),
        ("a.mp2", "-c:a mp2"),
        ("a.spx", "-c:a libspeex -ar 16000"),
        ("a.caf", "-c:a libopus"),
        ("a.asf", "-c:a libmp3lame"),
    ] {
        let encoder = how.split(' ').nth(1).unwrap();
        if !encodes(encoder) {
            println!("skipped: {name}: ffmpeg has no encoder {encoder}");
            continue;
        }
        ffmpeg(&folder, &format!("-i in.wav {how} {name}"));
        let mut last = name.to_owned();
        for pass in 1..=2 {
            let next = format!("{pass}_{name}");
            folder
                .aeden(&format!("clean {last} {next} --mix 0 --verify --quality light"))
                .quietly();
            last = next;
        }
        let [x, y] = [name, &last].map(|name| on_timeline(&folder.path(name), 0, 48_000));
        let moved = delay(&x, &y, 4800) / 48.0;
        // Speex is measured less sharply: its encoder rounds the sound off.
        let most = if name == "a.spx" { 5.0 } else { 1.0 };
        assert!(moved.abs() < most, "{name}: {moved} ms");
    }
}

#[test]
fn sound_that_begins_at_once_keeps_its_beginning_and_its_delay_is_told() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    // What a recorder of broadcasts has cut out: sound from the first block on.
    ffmpeg(&folder, "-i SPEECH -ss 2 -t 3 -af volume=3 -c:a ac3 long.ac3");
    let file = folder.read("long.ac3");
    let at = file[file.len() / 3..]
        .windows(2)
        .position(|bytes| bytes == [0x0b, 0x77])
        .unwrap();
    folder.write("a.ac3", &file[file.len() / 3 + at..]);
    let run = folder.aeden("clean a.ac3 -o out --mix 0 --verify --json --quality light");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let report = &run.json_lines()[0];
    let [x, y] = ["a.ac3", "out/a.ac3"].map(|name| samples(&folder.path(name), 0));
    assert!(y.len() >= x.len(), "{} {}", x.len(), y.len());
    assert!(
        report["warnings"][0].as_str().unwrap().contains(" ms late"),
        "{report}"
    );
    assert!(
        (report["late_us"].as_f64().unwrap() - 256.0 / 48e-3).abs() < 300.0,
        "{report}"
    );
}

#[test]
fn a_late_start_beside_a_picture_that_ffmpeg_passes_over_is_told() {
    if !is_here() || !encodes("libmp3lame") || !encodes("libtheora") || !encodes("libvorbis") {
        return;
    }
    let folder = Folder::new();
    // AVI has empty packets for it.
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc=s=64x64:r=25:d=2 -itsoffset 0.5 -i SPEECH -t 2 -c:v mpeg4 -c:a libmp3lame a.avi",
    );
    folder
        .aeden("clean a.avi -o out --mix 0 --verify")
        .warned("late start");
    // In Ogg the first page, if it is the last, too.
    ffmpeg(
        &folder,
        "-f lavfi -i testsrc=s=160x120:r=25:d=1.2 -itsoffset 0.3 -i SPEECH -t 0.9 -map 0 -map 1 -c:v libtheora -c:a libvorbis a.ogv",
    );
    folder.aeden("clean a.ogv -o out --mix 0").warned("late start");
    ffmpeg(&folder, "-itsoffset 0.5 -i SPEECH -t 2 -c:a wmav2 a.wma");
    folder.aeden("clean a.wma -o out --mix 0 --verify").quietly();
    let [before, after] = ["a.wma", "out/a.wma"].map(|name| {
        let all = super::ffmpeg::probe(&folder.path(name), "-show_streams");
        let start = all["streams"][0]["start_time"].as_str().unwrap();
        start.parse::<f64>().unwrap()
    });
    assert!((before - after).abs() < 0.05 && before > 0.4, "{before} {after}");
}

#[test]
fn the_first_block_of_windows_media_audio_stays() {
    if !is_here() {
        return;
    }
    let folder = Folder::new();
    let picture = "-f lavfi -i testsrc=s=64x64:r=25:d=2";
    for (name, how) in [
        ("a.wma", "-c:a wmav2"),
        ("b.wma", "-c:a wmav2 -ar 16000"),
        ("c.wma", "-c:a wmav1 -ar 32000"),
        ("a.avi", "-c:v mpeg4 -c:a wmav2"),
        ("a.wmv", "-c:v wmv2 -c:a wmav2"),
    ] {
        let picture = if how.starts_with("-c:v") { picture } else { "" };
        ffmpeg(&folder, format!("{picture} -i SPEECH -t 2 {how} {name}").trim());
        folder
            .aeden(&format!("clean {name} -o out --mix 0 --verify"))
            .quietly();
        let [x, y] = [name.to_owned(), format!("out/{name}")].map(|name| {
            let all = samples(&folder.path(&name), 0);
            all.iter().map(|x| *x as f32).collect::<Vec<_>>()
        });
        assert!(y.len() >= x.len(), "{name}: {} {}", x.len(), y.len());
        let moved = delay(&x, &y, 3000);
        assert!(moved.abs() < 1.0, "{name}: {moved} samples");
    }
}
