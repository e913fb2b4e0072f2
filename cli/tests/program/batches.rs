//! Many files at once: order, and that nothing is lost or left behind however often the work is cut off.

use crate::media::ffmpeg::{encodes, ffmpeg, is_here};
use crate::recordings::{Folder, chunk, fmt, noise, noise_file, pcm16, riff, send};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

fn statuses(stdout: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        *counts
            .entry(line["status"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    counts
}

/// Every file below a folder with its content, hidden files too.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn the_largest_files_are_taken_first() {
    let folder = Folder::new();
    for (name, frames) in [("a", 1_000), ("b", 9_000), ("c", 4_000)] {
        folder.write(&format!("in/{name}.wav"), &noise_file(1, 16_000, frames));
    }
    let run = folder.aeden("clean in -o out --jobs 1 --json -q").quietly();
    let names: Vec<String> = run
        .stdout()
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            line["input"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, ["in/b.wav", "in/c.wav", "in/a.wav"]);
}

#[test]
fn leftovers_of_a_killed_run_are_removed_and_those_of_a_running_one_are_not() {
    let folder = Folder::new();
    folder.write("in.wav", &noise_file(1, 16_000, 1_000));
    folder.write(".aeden-dead.part", b"half a file");
    folder.write(".aeden-alive.part", b"half a file");
    let alive = std::fs::File::open(folder.path(".aeden-alive.part")).unwrap();
    alive.lock().unwrap();
    folder.aeden("clean in.wav out.wav").quietly();
    assert_eq!(folder.names(), [".aeden-alive.part", "in.wav", "out.wav"]);
}

#[test]
fn runs_over_the_same_folder_leave_one_another_their_work() {
    let folder = Folder::new();
    for number in 0..6 {
        folder.write(&format!("in/{number}.wav"), &noise_file(1, 16_000, 40_000));
    }
    let run = || {
        folder
            .command([
                "clean",
                "in",
                "-o",
                "out",
                "--skip-existing",
                "--quality",
                "light",
            ])
            .spawn()
            .unwrap()
    };
    for child in [run(), run(), run()] {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && stderr.contains("0 failed"), "{stderr}");
    }
    assert_eq!(std::fs::read_dir(folder.path("out")).unwrap().count(), 6);
}

#[test]
fn shards_share_out_every_input_once_by_its_name() {
    let folder = Folder::new();
    for name in ["a", "b", "c", "sub/a", "sub/d", "e e", "f"] {
        folder.write(&format!("in/{name}.wav"), &noise_file(1, 8_000, 800));
    }
    folder.write("in/broken.wav", b"RIFF");
    let whole = folder.aeden("clean in -o whole -q --quality light");
    assert_eq!(whole.status(), 1);
    let mut failed = 0;
    for shard in 1..=3 {
        let run = folder.aeden(&format!("clean in -o out -q --quality light --shard {shard}/3"));
        failed += usize::from(run.status() != 0);
    }
    assert_eq!(failed, 1, "the broken file is told once");
    assert_eq!(contents(&folder.path("out")), contents(&folder.path("whole")));

    // Documented, so that other programs can tell who has what: FNV-1a of `sub/a.wav` is 0x267bcf4dc447d335.
    let of_one = |shard: &str| {
        let run = folder.aeden(&format!("clean in -o out -y --dry-run --json --shard {shard}"));
        run.stdout().contains("in/sub/a.wav")
    };
    assert_eq!(
        [of_one("1/3"), of_one("2/3"), of_one("3/3")],
        [false, true, false]
    );
    let shard = "2/3";
    folder.write("in/new.wav", &noise_file(1, 8_000, 800));
    std::fs::rename(folder.path("in"), folder.path("moved")).unwrap();
    let run = folder.aeden(&format!("clean moved -o out -y --dry-run --json --shard {shard}"));
    assert!(
        run.stdout().contains("moved/sub/a.wav"),
        "neither mounts nor other files matter"
    );
}

#[test]
fn shards_with_nothing_in_them_are_done_and_wrong_ones_are_refused() {
    let folder = Folder::new();
    folder.write("in/a.wav", &noise_file(1, 8_000, 800));
    for shard in 1..=5 {
        folder
            .aeden(&format!("clean in -o out -q --shard {shard}/5"))
            .quietly();
    }
    assert!(folder.path("out/a.wav").exists());
    for wrong in ["0/5", "6/5", "x", "1/0"] {
        folder
            .aeden(&format!("clean in -o out --shard {wrong}"))
            .failed_usage("--shard");
    }
    folder
        .aeden("clean in/a.wav b.wav --shard 1/5")
        .failed_usage("-o DIR");
    for shard in 1..=2 {
        let run = folder.aeden(&format!("clean none -o out -q --shard {shard}/2"));
        run.failed(1, "none");
    }
}

/// Numbers from the environment, so that `cargo xtask batch` runs the same test with more files and kills.
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Endings and what ffmpeg makes such files with, beside three kinds of WAV; PICTURE stands for a small moving one.
const MIXED: [(&str, &str); 15] = [
    ("flac", "-c:a flac -ar 44100"),
    ("mp3", "-c:a libmp3lame -b:a 64k"),
    ("m4a", "-c:a aac -b:a 64k -ac 2"),
    ("ogg", "-c:a libvorbis -ar 44100"),
    ("opus", "-c:a libopus -b:a 32k"),
    ("mp4", "PICTURE -c:a aac -b:a 64k"),
    ("mkv", "PICTURE -c:a libopus -b:a 32k"),
    ("mov", "PICTURE -c:a pcm_s16le -ar 16000"),
    ("webm", "-c:a libvorbis"),
    ("ts", "PICTURE -c:a mp2 -b:a 64k"),
    ("avi", "PICTURE -c:a libmp3lame -b:a 64k"),
    ("m4a", "-c:a alac -ar 22050"),
    ("aiff", "-c:a pcm_s24be -ar 96000"),
    ("wv", "-c:a wavpack"),
    ("wma", "-c:a wmav2 -b:a 64k"),
];

/// A WAV file of random sound.
fn wav(number: usize) -> Vec<u8> {
    let rates = [8_000u32, 16_000, 22_050, 44_100, 48_000, 96_000];
    let (rate, channels) = (rates[number % rates.len()], [1u16, 2, 1, 6][number % 4]);
    let frames = rate as usize / 10 * (1 + number * 7 % 13);
    let samples = noise(number as u64 + 1, frames * usize::from(channels));
    let (tag, bits, sound) = match number % 3 {
        0 => (1, 16, pcm16(&samples)),
        1 => {
            let bytes = |x: &f32| ((x * 8_388_608.0) as i32).to_le_bytes()[..3].to_vec();
            (1, 24, samples.iter().flat_map(bytes).collect())
        }
        _ => (3, 32, samples.iter().flat_map(|x| x.to_le_bytes()).collect()),
    };
    riff(&[fmt(tag, channels, rate, bits), chunk(b"data", &sound)])
}

/// Recordings and films of all kinds below `in/`, every twentieth of them broken. Gives the number of broken ones.
fn mixed_files(folder: &Folder, files: usize) -> usize {
    let encoders = ["libmp3lame", "libvorbis", "libopus", "mpeg4"];
    let media = is_here() && encoders.iter().all(|encoder| encodes(encoder));
    let mut broken = 0;
    for i in 0..files {
        let (mut ending, mut file) = ("wav", Vec::new());
        match MIXED.get(i % (MIXED.len() + 3)).filter(|_| media) {
            Some((other, how)) => {
                let (start, length) = (i * 3 % 70, 5 + i * 7 % 13);
                let picture = how
                    .contains("PICTURE")
                    .then_some("-f lavfi -i testsrc2=s=64x48:r=10");
                let (picture, how) = (picture.unwrap_or_default(), how.replace("PICTURE", "-c:v mpeg4"));
                let arguments = format!(
                    "{picture} -ss {} -i SPEECH -t {} {how} made.{other}",
                    start as f32 / 10.0,
                    length as f32 / 10.0
                );
                ffmpeg(folder, arguments.trim_start());
                let made = format!("made.{other}");
                (ending, file) = (other, folder.read(&made));
                std::fs::remove_file(folder.path(&made)).unwrap();
            }
            None => file.extend(wav(i)),
        }
        if i % 20 == 7 {
            broken += 1;
            // Of these formats, most of a file is none.
            let needs_all = ["wav", "flac", "m4a", "mp4", "mov"].contains(&ending);
            match broken % 4 {
                0 => file.clear(),
                1 if needs_all => file.truncate(file.len() * 2 / 3),
                2 => file = riff(&[fmt(1, 0, 16_000, 16), chunk(b"data", &[0; 64])]),
                _ => file = b"this is no recording".repeat(50),
            }
        }
        folder.write(&format!("in/day {}/{i:03}.{ending}", i % 5), &file);
    }
    broken
}

/// Files that have their name, among those that a run has left.
fn finished(files: &BTreeMap<String, Vec<u8>>) -> impl Iterator<Item = (&String, &Vec<u8>)> {
    files.iter().filter(|(name, _)| !name.contains(".aeden-"))
}

#[test]
fn a_batch_that_is_killed_again_and_again_loses_nothing_and_leaves_nothing() {
    let (files, kills) = (setting("AEDEN_BATCH_FILES", 40), setting("AEDEN_BATCH_KILLS", 4));
    let folder = Folder::new();
    let broken = mixed_files(&folder, files);
    let good = files - broken;

    let run = folder.aeden("clean in -o undisturbed --json");
    assert_eq!(run.status(), 1);
    let counts = statuses(&run.stdout());
    assert_eq!((counts["cleaned"], counts["failed"]), (good, broken));
    assert!(
        run.stderr()
            .contains(&format!("{good} cleaned, 0 skipped, {broken} failed")),
        "{}",
        run.stderr()
    );
    let undisturbed = contents(&folder.path("undisturbed"));
    assert_eq!(undisturbed.len(), good);

    let mut random = noise(11, 3 * kills).into_iter().map(|x| x + 0.5);
    let (mut killed, mut done_at_kill) = (0, Vec::new());
    for kill in 0..kills {
        let arguments = "clean in -o out --skip-existing --json -q";
        let mut child = folder.command(arguments.split(' ')).spawn().unwrap();
        // Skipped files and failed ones come at once; then so many are cleaned, and one is half done.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = (random.next().unwrap() * 1.5 * good as f32 / kills as f32) as usize;
        let cleaned = |line: &String| line.contains("\"status\":\"cleaned\"");
        lines
            .by_ref()
            .map_while(Result::ok)
            .filter(cleaned)
            .take(wanted)
            .for_each(drop);
        std::thread::sleep(Duration::from_micros((random.next().unwrap() * 20_000.0) as u64));
        let signal = if kill % 4 == 3 { "TERM" } else { "KILL" };
        send(&child, signal);
        let status = child.wait().unwrap();
        killed += usize::from(status.code() != Some(1));
        let so_far = contents(&folder.path("out"));
        for (name, bytes) in finished(&so_far) {
            assert!(undisturbed.get(name) == Some(bytes), "{name} after kill {kill}");
        }
        done_at_kill.push(finished(&so_far).count());
    }
    let run = folder.aeden("clean in -o out --skip-existing --json -q");
    assert_eq!(run.status(), 1);
    assert_eq!(statuses(&run.stdout())["failed"], broken);
    assert!(
        contents(&folder.path("out")) == undisturbed,
        "something is lost or left over"
    );

    let run = folder.aeden("clean in -o out --skip-existing --json -q");
    let counts = statuses(&run.stdout());
    assert_eq!(
        (counts["skipped"], counts["failed"], counts.get("cleaned")),
        (good, broken, None)
    );
    assert!(contents(&folder.path("out")) == undisturbed);
    let mut endings: Vec<&str> = undisturbed
        .keys()
        .filter_map(|name| name.rsplit('.').next())
        .collect();
    endings.sort_unstable();
    endings.dedup();
    println!(
        "{files} files ({}), {broken} of them broken: {good} cleaned, {broken} reported; killed {killed} times with \
         {done_at_kill:?} files done, resumed: {good} files, each equal to that of the undisturbed run, and no other",
        endings.join(", ")
    );
}
