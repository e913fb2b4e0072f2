//! Clocks of files: gaps and late starts stay, and a clock that is wrong costs no sound.

use super::ffmpeg::{encodes, ffmpeg, is_here, on_timeline, samples};
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
            let [before, after] = [name.clone(), format!("out/{name}")].map(|name| {
                let sound = on_timeline(&folder.path(&name), 0, rate);
                // When the last of it is heard.
                let end = sound.iter().rposition(|x| x.abs() > 0.02).unwrap_or(0);
                (super::ffmpeg::beginning(&folder.path(&name), "a:0"), end)
            });
            let (start, end) = (after.0 - before.0, after.1.abs_diff(before.1));
            // What begins late may begin with silence instead; the first block of an encoder may lie before it.
            assert!(start.abs() < 0.03 || after.0.abs() < 0.1, "{name}: {start}");
            assert!(end < rate as usize / 20, "{name}: {before:?} {after:?}");
        }
    }
}
