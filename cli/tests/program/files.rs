//! Which files are read and written, and which are never touched.

use crate::media::ffmpeg;
use crate::recordings::{Folder, noise_file};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

fn with_input() -> (Folder, Vec<u8>) {
    let folder = Folder::new();
    let file = noise_file(1, 16_000, 2000);
    folder.write("in.wav", &file);
    (folder, file)
}

#[test]
fn without_a_name_the_output_goes_beside_the_input() {
    let (folder, _) = with_input();
    folder.aeden("clean in.wav").quietly();
    assert_eq!(folder.names(), ["in.clean.wav", "in.wav"]);
    folder.write("sub/TALK.WAV", &folder.read("in.wav"));
    folder.aeden("clean sub/TALK.WAV").quietly();
    assert!(folder.path("sub/TALK.clean.WAV").exists());
}

#[test]
fn an_existing_file_is_replaced_only_on_request() {
    let (folder, file) = with_input();
    folder.write("out.wav", b"precious");
    folder.aeden("clean in.wav out.wav").failed(1, "-y");
    folder
        .aeden("clean in.wav new.wav --removed out.wav")
        .failed(1, "-y");
    folder
        .aeden("clean in.wav new.wav --plot out.wav")
        .failed(1, "-y");
    folder.aeden("clean in.wav out.wav --skip-existing").quietly();
    assert_eq!(folder.read("out.wav"), b"precious");
    assert_eq!(folder.names(), ["in.wav", "out.wav"]);
    folder.aeden("clean in.wav out.wav -y --mix 0").quietly();
    assert!(folder.read("out.wav") == file);
    assert_eq!(
        folder.aeden("clean in.wav out.wav -y --skip-existing").status(),
        2
    );
}

#[test]
fn a_second_recording_is_never_taken_for_the_output() {
    let (folder, file) = with_input();
    let other = noise_file(2, 44_100, 3000);
    folder.write("other.wav", &other);
    folder.write(".config/aeden/config.toml", b"skip-existing = true\n");
    for options in [
        "",
        " -y",
        " --skip-existing",
        " -y --no-config",
        " --no-config",
        " --dry-run",
    ] {
        let run = folder.aeden(&format!("clean in.wav other.wav{options}"));
        let told = format!("{}{}", run.stdout(), run.stderr());
        assert_eq!((run.status(), told.lines().count()), (1, 1), "{options}: {told}");
        assert!(
            told.contains("add -o DIR") && told.contains("-o other.wav -y"),
            "{told}"
        );
        assert!(folder.read("other.wav") == other, "{options}");
    }
    // A copy with the same name elsewhere is a recording too, and so is what was made from another one.
    folder.write("sub/in.wav", &file);
    folder.aeden("clean in.wav sub/in.wav -y").failed(1, "-o DIR");
    folder.aeden("clean other.wav made.wav").quietly();
    folder.aeden("clean in.wav made.wav -y").failed(1, "-o DIR");
    // Who says so replaces it: by name, or because it was made from the same recording.
    folder
        .aeden("clean other.wav made.wav -y --mix 0 --no-config")
        .quietly();
    assert!(folder.read("made.wav") == other);
    folder.aeden("clean other.wav made.wav").quietly();
    folder
        .aeden("clean in.wav -o made.wav --no-config")
        .failed(1, "-y");
    folder
        .aeden("clean in.wav -o made.wav -y --mix 0 --no-config")
        .quietly();
    assert!(folder.read("made.wav") == file);
    folder.aeden("clean in.wav -o new.wav --mix 0").quietly();
    assert!(folder.read("new.wav") == file);
}

#[test]
fn an_empty_output_is_not_done() {
    let (folder, _) = with_input();
    folder.write("out/in.wav", b"");
    folder.aeden("clean in.wav -o out").failed(1, "-y");
    folder.aeden("clean in.wav -o out --skip-existing").quietly();
    assert!(folder.read("out/in.wav").len() > 44);
}

/// What is said of an output has reached the disk: file, name and folder, in this order.
#[test]
fn an_output_is_on_the_disk_before_it_counts_as_done() {
    use std::process::Command;
    let (folder, _) = with_input();
    if Command::new("strace").arg("-V").output().is_err() {
        println!("skipped: strace is not installed");
        return;
    }
    if ffmpeg::is_here() {
        ffmpeg::ffmpeg(&folder, "-i in.wav in.mp3");
        folder.aeden("clean in.wav in.flac").quietly();
        ffmpeg::ffmpeg(
            &folder,
            "-f lavfi -i testsrc=s=64x64:d=1 -i in.wav -c:v mpeg4 in.mkv",
        );
    }
    let names = folder.names();
    for name in names.iter().filter(|name| name.starts_with("in.")) {
        let output = Command::new("strace")
            .args([
                "-f",
                "-y",
                "-e",
                "trace=fsync,fdatasync,rename,renameat,renameat2,linkat,write",
            ])
            .args([env!("CARGO_BIN_EXE_aeden"), "clean", name, "-o", "out", "--json"])
            .current_dir(&folder)
            .output()
            .unwrap();
        let trace = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() && trace.contains("ptrace") {
            println!("skipped: strace may not trace here");
            return;
        }
        let at = |call: &str, what: &str| {
            let found = trace
                .lines()
                .position(|line| line.contains(call) && line.contains(what));
            found.unwrap_or_else(|| panic!("{name}: no {call} of {what} in {trace}"))
        };
        let (file, named) = (at("sync(", ".part>"), at("rename", &format!("out/{name}")));
        let folder = trace
            .lines()
            .position(|line| line.contains("sync(") && line.contains("/out>"));
        let told = at("write(1<", "bits");
        let order = [
            file,
            named,
            folder.unwrap_or_else(|| panic!("{name}: {trace}")),
            told,
        ];
        assert!(order.is_sorted(), "{name}: {order:?} in {trace}");
    }
}

#[test]
fn lines_of_json_that_cannot_be_written_are_told() {
    let (folder, file) = with_input();
    folder.write("other.wav", &file);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = folder
        .command(["clean", "in.wav", "other.wav", "-o", "out", "--json", "-q"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr,
        "aeden: clean: -: no space left on the disk; free some, or write elsewhere\n"
    );
}

#[test]
fn the_input_is_never_an_output_by_any_name() {
    let (folder, file) = with_input();
    symlink("in.wav", folder.path("link.wav")).unwrap();
    std::fs::hard_link(folder.path("in.wav"), folder.path("hard.wav")).unwrap();
    std::fs::create_dir(folder.path("sub")).unwrap();
    symlink("..", folder.path("sub/up")).unwrap();
    for name in [
        "in.wav",
        "./in.wav",
        "sub/../in.wav",
        "sub/up/in.wav",
        "link.wav",
        "hard.wav",
    ] {
        folder
            .aeden(&format!("clean in.wav {name} -y"))
            .failed(1, "the input itself");
        folder
            .aeden(&format!("clean {name} in.wav -y"))
            .failed(1, "the input itself");
        folder
            .aeden(&format!("clean in.wav out.wav --removed {name} -y"))
            .failed(1, "the input itself");
        folder
            .aeden(&format!("clean in.wav out.wav --plot {name} -y"))
            .failed(1, "the input itself");
    }
    folder.aeden("clean in.wav -o . -y").failed(1, "the input itself");
    assert!(folder.read("in.wav") == file);
    assert_eq!(folder.names(), ["hard.wav", "in.wav", "link.wav", "sub"]);
}

#[test]
fn no_page_table_or_picture_takes_the_place_of_a_recording() {
    let (folder, file) = with_input();
    // Another one, whose name does not say that it is one.
    folder.write("page.html", &file);
    folder.write("plot.png", &file);
    symlink("in.wav", folder.path("link.html")).unwrap();
    for command in [
        "report in.wav -o in.wav",
        "report . -o page.html",
        "map in.wav -o in.wav",
        "map . -o link.html",
        "detect in.wav --csv page.html",
        "detect page.html --normal in.wav --csv in.wav",
        "detect page.html --normal in.wav --markers in.wav",
        "detect in.wav --labels page.html",
        "detect in.wav --plot plot.png",
        "roomtone in.wav out.wav --seconds 1 --plot plot.png",
        "clean in.wav out.wav --plot plot.png",
    ] {
        let run = folder.aeden(&format!("{command} -y"));
        assert_ne!(run.status(), 0, "{command}");
        assert_eq!(run.stderr().lines().count(), 1, "{command}: {}", run.stderr());
        for name in ["in.wav", "page.html", "plot.png"] {
            assert!(folder.read(name) == file, "{command}: {name}");
        }
    }
    assert_eq!(folder.aeden("find index in.wav --index i").status(), 0);
    folder
        .aeden("find query in.wav --index i --html page.html -y")
        .failed(1, "is a recording");
    folder
        .aeden("find index . --index page.html --rebuild")
        .failed(1, "is a recording");
    assert!(folder.read("page.html") == file);
    assert_eq!(
        folder.names(),
        ["i", "in.wav", "link.html", "page.html", "plot.png"]
    );
}

#[test]
fn standard_output_into_the_input_is_refused() {
    let (folder, file) = with_input();
    let onto_itself = std::fs::File::options()
        .append(true)
        .open(folder.path("in.wav"))
        .unwrap();
    let output = folder
        .command(["clean", "in.wav", "-"])
        .stdout(onto_itself)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(folder.read("in.wav") == file);
}

#[test]
fn outputs_may_not_be_one_another() {
    let (folder, file) = with_input();
    folder
        .aeden("clean in.wav out.wav --removed ./out.wav")
        .failed(1, "written already");
    folder
        .aeden("clean in.wav out.wav --removed r.wav --plot r.wav")
        .failed(1, "written already");
    folder.write("a/x.wav", &file);
    folder.write("b/x.wav", &file);
    let run = folder.aeden("clean a/x.wav b/x.wav -o out");
    assert_eq!(run.status(), 1);
    assert!(
        run.stderr()
            .contains("b/x.wav: its output out/x.wav is written already"),
        "{}",
        run.stderr()
    );
    assert!(folder.path("out/x.wav").exists());
    // Nor may one file's output be another one's input.
    folder.write("b/y.wav", &file);
    let run = folder.aeden("clean a/x.wav b/x.wav b/y.wav -o b -y");
    assert!(
        run.stderr()
            .contains("a/x.wav: its output b/x.wav is another input"),
        "{}",
        run.stderr()
    );
    assert!(folder.read("b/x.wav") == file);
}

#[test]
fn a_link_stays_a_link_to_the_replaced_file() {
    let (folder, file) = with_input();
    folder.write("store/real.wav", b"old");
    symlink("store/real.wav", folder.path("out.wav")).unwrap();
    folder.aeden("clean in.wav out.wav -y --mix 0").quietly();
    assert!(folder.path("out.wav").is_symlink());
    assert!(folder.read("store/real.wav") == file);
}

#[test]
fn outputs_are_as_readable_as_any_new_file() {
    let (folder, _) = with_input();
    folder.write("other", b"");
    let mode = |name: &str| std::fs::metadata(folder.path(name)).unwrap().permissions().mode();
    folder.aeden("clean in.wav out.wav").quietly();
    assert_eq!(mode("out.wav"), mode("other"));
    // What was private stays private.
    std::fs::set_permissions(folder.path("out.wav"), std::fs::Permissions::from_mode(0o600)).unwrap();
    folder.aeden("clean in.wav out.wav -y").quietly();
    assert_eq!(mode("out.wav") & 0o777, 0o600);
}

#[test]
fn folders_and_patterns_keep_their_inner_folders() {
    let (folder, file) = with_input();
    for name in [
        "day1/a.wav",
        "day1/deep/b.WAV",
        "day2/a.wav",
        "day2/.hidden.wav",
        "day2/notes.txt",
    ] {
        folder.write(name, &file);
    }
    folder.aeden("clean day1 day2 -o flat -q");
    folder.aeden("clean day1 -o one -q").quietly();
    assert!(folder.path("one/a.wav").exists() && folder.path("one/deep/b.WAV").exists());
    folder.aeden("clean day?/*.wav -o two -q").quietly();
    assert!(folder.path("two/day1/a.wav").exists() && folder.path("two/day2/a.wav").exists());
    assert!(!folder.path("two/day2/.hidden.wav").exists());
    folder.aeden("clean **/b.* -o three -q").quietly();
    assert!(folder.path("three/day1/deep/b.WAV").exists());
    // The folder of the outputs is no input the second time.
    folder.aeden("clean day1 -o day1/out -q").quietly();
    folder
        .aeden("clean day1 -o day1/out -q --skip-existing")
        .quietly();
    assert!(!folder.path("day1/out/out").exists());
    folder
        .aeden("clean nothing*.wav -o four")
        .failed(1, "no file matches");
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder
        .aeden("clean empty -o four")
        .failed(1, "no sound or film files");
}

#[test]
fn a_name_with_brackets_is_a_name_if_there_is_such_a_file() {
    let (folder, file) = with_input();
    folder.write("take[1].wav", &file);
    folder.aeden("clean take[1].wav").quietly();
    assert!(folder.path("take[1].clean.wav").exists());
}

#[test]
fn no_command_replaces_its_second_path_if_that_may_be_an_input() {
    let (folder, file) = with_input();
    folder.write("b.wav", &file);
    for command in [
        "repair in.wav b.wav -y",
        "roomtone in.wav b.wav --seconds 1 --all -y",
    ] {
        folder.aeden(command).failed(1, "two paths mean IN OUT");
        assert_eq!(folder.read("b.wav"), file, "{command}");
    }
    // What was made of the same input before is made anew, and what -o names is meant.
    folder.aeden("repair in.wav new.wav").quietly();
    folder.aeden("repair in.wav new.wav -y").quietly();
    folder.aeden("repair in.wav -o b.wav -y").quietly();
    assert_eq!(folder.read("b.wav"), folder.read("new.wav"));
}

#[test]
fn what_minus_o_names_is_a_file_if_it_ends_like_one() {
    let (folder, _) = with_input();
    folder.aeden("repair in.wav -o repaired.wav").quietly();
    folder.aeden("encode in.wav -o small.aeden").quietly();
    folder.aeden("decode small.aeden -o decoded.flac").quietly();
    folder.aeden("decode small.aeden -o folder").quietly();
    for file in ["repaired.wav", "small.aeden", "decoded.flac", "folder/small.wav"] {
        assert!(folder.path(file).is_file(), "{file}");
    }
}

#[test]
fn several_inputs_need_a_folder() {
    let (folder, file) = with_input();
    folder.write("b.wav", &file);
    folder.write("c.wav", &file);
    folder
        .aeden("clean in.wav b.wav")
        .failed(1, "two paths mean IN OUT");
    folder.aeden("clean in.wav b.wav c.wav").failed(2, "-o DIR");
    folder.aeden("clean .").failed(2, "-o DIR");
    folder.aeden("clean *.wav").failed(2, "-o DIR");
    folder
        .aeden("clean in.wav b.wav -o out --removed r.wav")
        .failed(2, "one by one");
    folder
        .aeden("clean in.wav b.wav -o c.wav")
        .failed(2, "not a folder");
    folder.aeden("clean - -o out").failed(1, "no name");
    std::fs::create_dir(folder.path("out")).unwrap();
    folder.aeden("clean in.wav out").failed(2, "-o out");
    assert_eq!(folder.names(), ["b.wav", "c.wav", "in.wav", "out"]);
}

#[test]
fn a_dry_run_says_what_would_happen_and_does_nothing() {
    let (folder, file) = with_input();
    folder.write("done.wav", &file);
    folder.write("out/done.wav", &file);
    let run = folder.aeden("clean in.wav done.wav missing.wav -o out --skip-existing --dry-run");
    assert_eq!(run.status(), 1);
    let stdout = run.stdout();
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines[0], "clean in.wav -> out/in.wav");
    assert_eq!(lines[1], "skip done.wav -> out/done.wav: the output exists");
    assert!(lines[2].starts_with("refuse missing.wav: no such file"));
    assert!(!folder.path("out/in.wav").exists());
    folder.aeden("clean in.wav -o new --dry-run").quietly();
    assert!(!folder.path("new").exists());
}

#[test]
fn one_bad_file_does_not_stop_the_others() {
    let (folder, file) = with_input();
    folder.write("bad.wav", b"");
    folder.write("z.wav", &file);
    let run = folder.aeden("clean bad.wav in.wav z.wav -o out --jobs 2");
    assert_eq!(run.status(), 1);
    let stderr = run.stderr();
    assert!(stderr.contains("bad.wav: the file is empty"), "{stderr}");
    assert!(
        stderr
            .lines()
            .last()
            .unwrap()
            .starts_with("aeden: clean: 2 cleaned, 0 skipped, 1 failed"),
        "{stderr}"
    );
    assert!(folder.path("out/in.wav").exists() && folder.path("out/z.wav").exists());
    assert!(!folder.path("out/bad.wav").exists());
}

#[test]
fn names_that_are_no_unicode_are_names_like_others() {
    use std::os::unix::ffi::OsStrExt;
    let (folder, file) = with_input();
    let name = std::ffi::OsStr::from_bytes(b"t\xffalk.wav");
    std::fs::write(folder.path("").join(name), &file).unwrap();
    for arguments in [
        &["clean", "--json"][..],
        &["clean", "--json", "--dry-run", "-y"],
        &["inspect", "--json"],
    ] {
        let output = folder.command(arguments).arg(name).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(String::from_utf8(output.stdout).unwrap().contains("alk.wav"));
    }
    let cleaned = std::ffi::OsStr::from_bytes(b"t\xffalk.clean.wav");
    assert!(folder.path("").join(cleaned).exists());
}

/// The permissions of what is made in a folder, run after run, where the umask takes what it usually takes.
struct Modes<'a>(&'a Folder);

impl Modes<'_> {
    fn set(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.0.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[track_caller]
    fn are(&self, arguments: &str, expected: &[(&str, u32)]) {
        let mut command = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_aeden");
        command.args(["-c", &format!("umask 022; exec {program} {arguments}")]);
        let output = command
            .current_dir(self.0)
            .env("XDG_CONFIG_HOME", self.0.path(".config"))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        for (name, mode) in expected {
            let found = std::fs::metadata(self.0.path(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, *mode, "{arguments}: {name} has {found:o}, not {mode:o}");
        }
    }
}

#[test]
fn outputs_are_no_more_readable_than_their_inputs() {
    let (folder, file) = with_input();
    let modes = Modes(&folder);
    for name in ["secret.wav", "group.wav", "old.wav"] {
        folder.write(name, &file);
    }
    modes.set("secret.wav", 0o600);
    modes.set("group.wav", 0o640);
    modes.are("clean in.wav open.wav", &[("open.wav", 0o644)]);
    modes.are("clean group.wav g.wav", &[("g.wav", 0o640)]);
    modes.are(
        "clean secret.wav a.wav --removed b.wav --plot c.png",
        &[("a.wav", 0o600), ("b.wav", 0o600), ("c.png", 0o600)],
    );
    modes.are("clean secret.wav a.flac", &[("a.flac", 0o600)]);
    // Whatever the file that is replaced allowed.
    modes.are("clean secret.wav -o old.wav -y", &[("old.wav", 0o600)]);
    modes.are("clean secret.wav -o a.wav -y --loudness -30", &[("a.wav", 0o600)]);
    // Each of many has its own; what is made of all has the least.
    modes.are(
        "clean in.wav secret.wav group.wav -o out",
        &[
            ("out/in.wav", 0o644),
            ("out/secret.wav", 0o600),
            ("out/group.wav", 0o640),
        ],
    );
    modes.are(
        "report in.wav secret.wav -o page.html -q",
        &[("page.html", 0o600)],
    );
    modes.are("report in.wav -o open.html -q", &[("open.html", 0o644)]);
    // Redirected, it is the same file.
    modes.are("clean - piped.wav < secret.wav", &[("piped.wav", 0o600)]);
    // Other commands read and write in the same way.
    modes.are("detect secret.wav --plot found.png", &[("found.png", 0o600)]);
    modes.are("map in.wav secret.wav -o map.html -q", &[("map.html", 0o600)]);
    // Folders that are made for outputs are no more open than those they stand for.
    folder.write("day/private/x.wav", &file);
    modes.set("day/private", 0o700);
    modes.are(
        "clean day -o done -q",
        &[
            ("done", 0o755),
            ("done/private", 0o700),
            ("done/private/x.wav", 0o644),
        ],
    );
    if ffmpeg::is_here() {
        modes.are("clean secret.wav a.mp3", &[("a.mp3", 0o600)]);
        ffmpeg::ffmpeg(
            &folder,
            "-f lavfi -i testsrc2=s=64x64:d=1 -i in.wav -c:v mpeg4 film.mkv",
        );
        modes.set("film.mkv", 0o600);
        modes.are("clean film.mkv film2.mkv", &[("film2.mkv", 0o600)]);
    }
}

#[test]
fn a_name_that_is_no_unicode_can_be_opened_again_from_json() {
    use base64::Engine;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let (folder, file) = with_input();
    let name = std::ffi::OsStr::from_bytes(b"t\xff\xe9lk.wav");
    std::fs::write(folder.path("").join(name), &file).unwrap();
    let named = |line: &serde_json::Value, role: &str| {
        let bytes = line[format!("{role}_bytes")].as_str().expect(role);
        let bytes = base64::engine::general_purpose::STANDARD.decode(bytes).unwrap();
        std::ffi::OsString::from_vec(bytes)
    };
    for (arguments, roles) in [
        (&["clean", "--json"][..], &["input", "output"][..]),
        (&["clean", "--json", "--dry-run", "-y"], &["input", "output"]),
        (&["clean", "--json", "--limit", "3", "--track", "2"], &["input"]),
        (&["inspect", "--json"], &["file"]),
        (&["report", "--json", "-q"], &["file"]),
    ] {
        let output = folder.command(arguments).arg(name).output().unwrap();
        let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for role in roles {
            let found = named(&line, role);
            if *role == "output" {
                assert_eq!(found.as_bytes(), b"t\xff\xe9lk.clean.wav");
            } else {
                assert_eq!(found, name, "{arguments:?}");
            }
        }
    }
    // Names that are Unicode need no second form.
    let line = &folder.aeden("clean in.wav --json --dry-run").json_lines()[0];
    assert!(line.get("input_bytes").is_none(), "{line}");
}

#[test]
fn what_turns_or_hides_writing_never_reaches_a_terminal() {
    let (folder, file) = with_input();
    let evil = "talk\u{202e}gpj\u{2066}\u{200b}.wav";
    folder.write(evil, &file);
    folder.write("bad\u{202e}gpj.wav", b"RIFF and nothing more");
    for arguments in [
        &["clean", evil][..],
        &["clean", evil, "--json", "-y"],
        &["clean", evil, "--dry-run", "-y"],
        &["clean", evil],
        &["clean", "bad\u{202e}gpj.wav"],
        &["clean", "--\u{202e}gpj.wav"],
        &["inspect", evil],
        &["inspect", evil, "--json"],
        &["report", evil, "--json"],
        &["detect", evil],
        &["find", "index", "."],
        &["models", evil],
    ] {
        let output = folder.command(arguments).output().unwrap();
        for said in [output.stdout, output.stderr] {
            let said = String::from_utf8(said).unwrap();
            assert!(
                !said.contains(['\u{202e}', '\u{2066}', '\u{200b}']),
                "{arguments:?}: {said:?}"
            );
        }
    }
    // In JSON the name is what it was.
    let line = &folder
        .command(["inspect", evil, "--json"])
        .output()
        .map(crate::recordings::Run)
        .unwrap()
        .json_lines()[0];
    assert_eq!(line["file"], evil);
}

#[test]
fn pipes_in_folders_are_told_and_not_waited_for() {
    let (folder, file) = with_input();
    folder.write("day/a.wav", &file);
    std::fs::create_dir(folder.path("out")).unwrap();
    let pipe = |name: &str| {
        let made = Command::new("mkfifo").arg(folder.path(name)).status().unwrap();
        assert!(made.success());
    };
    // In seconds that a hanging run would take.
    let aeden = |arguments: &str| {
        let mut command = Command::new("timeout");
        command
            .args(["60", env!("CARGO_BIN_EXE_aeden")])
            .args(arguments.split(' '));
        let output = command
            .current_dir(&folder)
            .env("XDG_CONFIG_HOME", folder.path(".config"));
        crate::recordings::Run(output.output().unwrap())
    };
    pipe("out/.aeden-x.part");
    symlink("/dev/zero", folder.path("out/.aeden-y.part")).unwrap();
    aeden("clean day -o out -q").quietly();
    pipe("day/pipe.wav");
    for arguments in [
        "clean day -o out -q -y",
        "clean day/*.wav -o out -q -y",
        "report day -o page.html -q",
    ] {
        aeden(arguments).failed(1, "day/pipe.wav: is a pipe or device");
    }
    assert!(folder.path("out/a.wav").is_file() && !folder.path("out/pipe.wav").exists());
    // Nor is one that stands where an output would go.
    std::fs::remove_file(folder.path("out/a.wav")).unwrap();
    pipe("out/a.wav");
    aeden("clean day/a.wav -o out -y").failed(1, "out/a.wav: is a pipe or device");
    let _listening = std::os::unix::net::UnixListener::bind(folder.path("talk.wav")).unwrap();
    aeden("clean talk.wav b.wav").failed(1, "talk.wav: is a socket, or a device that is not connected");
}

/// The limit is in blocks of 512 bytes.
#[test]
fn a_limit_of_the_size_of_files_is_told_in_a_line_and_the_others_go_on() {
    let folder = Folder::new();
    folder.write("short.wav", &noise_file(1, 16_000, 2000));
    folder.write("long.wav", &noise_file(1, 16_000, 200_000));
    let script = "ulimit -f 400; exec \"$0\" clean short.wav long.wav -o out";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_aeden")])
        .current_dir(&folder)
        .env("XDG_CONFIG_HOME", folder.path(".config"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("long.wav: files may not grow"), "{said}");
    let made: Vec<_> = std::fs::read_dir(folder.path("out")).unwrap().collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(folder.path("out/short.wav").is_file());
}

#[test]
fn too_little_memory_is_told_in_a_line() {
    let (folder, _) = with_input();
    let run = |kilobytes: u32, arguments: &str| {
        let program = env!("CARGO_BIN_EXE_aeden");
        let script = format!("ulimit -v {kilobytes}; exec {program} {arguments}");
        let mut command = Command::new("sh");
        command.args(["-c", &script]).current_dir(&folder);
        command
            .env("XDG_CONFIG_HOME", folder.path(".config"))
            .output()
            .unwrap()
    };
    // From where on the program can be loaded at all.
    let first = (10_000..)
        .step_by(1000)
        .find(|&kilobytes| run(kilobytes, "--version").status.success());
    for kilobytes in (first.unwrap()..).step_by(4000).take(20) {
        for arguments in [
            "clean in.wav out.wav -y",
            "clean in.wav out.wav -y --jobs 8",
            "clean in.wav out.wav -y --quality best --jobs 4",
            "inspect in.wav",
        ] {
            let output = run(kilobytes, arguments);
            let stderr = String::from_utf8_lossy(&output.stderr);
            let lines = stderr.lines().count();
            assert!(
                output.status.success() || (output.status.code() == Some(1) && lines == 1),
                "{kilobytes} KB, {arguments}: {} {stderr}",
                output.status
            );
            let left = folder.names().into_iter().find(|name| name.ends_with(".part"));
            assert_eq!(left, None, "{kilobytes} KB, {arguments}");
        }
    }
}
