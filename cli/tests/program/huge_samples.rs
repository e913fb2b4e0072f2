//! Finite samples that no recording has: each job says where they are, and no other file suffers from it.

use crate::finding::library;
use crate::recordings::{Folder, chunk, fmt, noise, riff};

/// Two seconds at 44.1 kHz, which is converted, with samples that reach this size from half a second on.
fn huge(size: f32) -> Vec<u8> {
    let mut samples = noise(3, 88_200);
    for x in &mut samples[22_050..] {
        *x = if *x < 0.0 { -size } else { size };
    }
    let sound: Vec<u8> = samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    riff(&[fmt(3, 1, 44_100, 32), chunk(b"data", &sound)])
}

#[test]
fn every_job_refuses_them_in_one_line_and_writes_nothing() {
    for size in [1e13, 1e19, 1e36, 3e38] {
        let folder = Folder::new();
        folder.write("huge.wav", &huge(size));
        for command in [
            "encode huge.wav out.aeden",
            "encode huge.wav out.aeden --rate 16",
            "repair huge.wav out.wav",
            "roomtone huge.wav out.wav --seconds 3",
            "detect huge.wav --csv out.csv",
            "find query huge.wav --index i.redb",
            "map huge.wav -q",
        ] {
            if command.starts_with("find") {
                folder.aeden("find index none.wav --index i.redb -q");
            }
            let run = folder.aeden(command);
            assert_eq!(run.status(), 1, "{command}: {}", run.stderr());
            let said = run.stderr();
            assert!(
                said.contains("huge.wav: the sample at 0.500000 s in channel 1 is "),
                "{said}"
            );
            assert!(!said.contains("panicked") && !said.contains("at fault"), "{said}");
        }
        assert_eq!(folder.names(), ["huge.wav", "i.redb"]);
    }
}

#[test]
fn what_is_merely_loud_is_taken() {
    let folder = Folder::new();
    folder.write("loud.wav", &huge(1e9));
    folder.aeden("detect loud.wav --json").quietly();
    folder.aeden("encode loud.wav").quietly();
    folder.aeden("decode loud.aeden").quietly();
    folder.aeden("repair loud.wav").quietly();
    assert_eq!(
        folder.names(),
        ["loud.aeden", "loud.decoded.wav", "loud.repaired.wav", "loud.wav"]
    );
}

#[test]
fn a_map_and_an_index_have_all_other_sounds() {
    let folder = library();
    folder.write("lib/huge.wav", &huge(1e37));
    folder.write("lib/broken.wav", b"RIFF");
    let run = folder.aeden("map lib --json");
    assert_eq!(run.status(), 1);
    let lines = run.json_lines();
    let failed: Vec<_> = lines.iter().filter(|line| line["status"] == "failed").collect();
    let names: Vec<_> = failed.iter().map(|line| line["file"].as_str().unwrap()).collect();
    assert_eq!(names, ["lib/broken.wav", "lib/huge.wav"]);
    assert!(
        failed[1]["error"]
            .as_str()
            .unwrap()
            .contains("the sample at 0.500000 s")
    );
    assert_eq!(lines.len(), 9 + 2);
    for name in names {
        assert!(run.stderr().contains(name), "{}", run.stderr());
    }
    let page = String::from_utf8(folder.read("map.html")).unwrap();
    assert_eq!(page.matches("id=\"clip").count(), 9);

    let run = folder.aeden("find index lib --index i.redb --json");
    assert_eq!(run.status(), 1);
    assert!(
        run.stderr()
            .contains("9 heard, 0 unchanged, 0 gone, 2 failed; 9 sounds in the index")
    );
    let lines = run.json_lines();
    let failed = lines.iter().filter(|line| line["status"] == "failed");
    assert_eq!(failed.count(), 2);
    assert_eq!(lines.iter().filter(|line| line["status"] == "indexed").count(), 9);
}

#[test]
fn a_folder_job_does_all_other_files() {
    let folder = library();
    folder.write("lib/sub/huge.wav", &huge(1e37));
    for (command, made) in [
        ("encode lib -o small", "small/sub/note1.aeden"),
        ("repair lib -o mended", "mended/sub/note1.wav"),
        ("roomtone lib -o tones --seconds 1 --all", "tones/hiss1.wav"),
    ] {
        let run = folder.aeden(&format!("{command} --json"));
        assert_eq!(run.status(), 1, "{command}: {}", run.stderr());
        let lines = run.json_lines();
        let failed: Vec<_> = lines.iter().filter(|line| line["status"] == "failed").collect();
        assert!(
            failed.iter().any(|line| line["file"] == "lib/sub/huge.wav"),
            "{command}: {lines:#?}"
        );
        assert!(folder.path(made).exists(), "{command}");
        assert!(
            run.stderr().contains("huge.wav: the sample at 0.500000 s"),
            "{command}"
        );
    }
    let run = folder.aeden("detect lib --json");
    assert_eq!(run.status(), 1);
    let heard = run
        .json_lines()
        .into_iter()
        .filter(|line| line["status"] == "heard");
    assert_eq!(heard.count(), 9);
    assert!(run.json_lines().iter().any(|line| line["status"] == "failed"));
}
