//! `aeden map`: a page on which what sounds alike lies together.

use crate::finding::library;
use crate::recordings::Folder;
use serde_json::Value;

fn places(folder: &Folder, options: &str) -> Vec<Value> {
    folder
        .aeden(&format!("map lib --json {options}"))
        .quietly()
        .json_lines()
}

#[test]
fn what_sounds_alike_lies_together_and_makes_a_cluster() {
    let folder = library();
    let places = places(&folder, "--clusters 3");
    assert_eq!(places.len(), 9);
    let kind = |p: &Value| {
        let file = p["file"].as_str().unwrap();
        ["hiss", "note", "clicks"]
            .into_iter()
            .find(|kind| file.contains(kind))
            .unwrap()
    };
    for a in &places {
        for b in &places {
            assert_eq!(kind(a) == kind(b), a["cluster"] == b["cluster"], "{places:#?}");
        }
    }
    let notes = places.iter().filter(|p| kind(p) == "note");
    assert!(notes.into_iter().all(|p| p["folder"] == "sub"));
}

#[test]
fn the_page_has_every_sound_inside() {
    let folder = library();
    folder.write("lib/broken.wav", b"RIFF");
    folder
        .aeden("map lib -q --colour cluster")
        .failed(1, "broken.wav");
    let page = String::from_utf8(folder.read("map.html")).unwrap();
    assert_eq!(page.matches("class=\"sound\"").count(), 9);
    assert!(page.contains("\"group\":\"cluster 1\"") && page.ends_with("</html>\n"));
    folder.aeden("map lib -q").failed(1, "-y");
    folder.aeden("map lib/broken.wav -q -o other.html");
    assert_eq!(folder.names(), ["lib", "map.html"]);
}
