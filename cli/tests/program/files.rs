//! Which files are read and written, and which are never touched.

use crate::media;
use crate::recordings::{Folder, noise_file};
use std::os::unix::fs::{PermissionsExt, symlink};

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
    if media::ffmpeg::is_here() {
        media::ffmpeg::ffmpeg(&folder, "-i in.wav in.mp3");
        folder.aeden("clean in.wav in.flac").quietly();
        media::ffmpeg::ffmpeg(
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
