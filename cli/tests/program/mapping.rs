//! `aeden map`: a page on which what sounds alike lies together.

use crate::browser::Browser;
use crate::finding::{hiss, library, note};
use crate::recordings::Folder;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn places(folder: &Folder, options: &str) -> Vec<Value> {
    folder
        .aeden(format!("map lib --json {options}").trim_end())
        .quietly()
        .json_lines()
}

/// Where each file is.
fn by_file(places: &[Value]) -> BTreeMap<String, (Value, Value, Value)> {
    let place = |p: &Value| {
        let file = p["file"].as_str().unwrap().to_owned();
        (file, (p["x"].clone(), p["y"].clone(), p["cluster"].clone()))
    };
    let on_map = places
        .iter()
        .filter(|p| p["status"] != "removed" && p["status"] != "failed");
    on_map.map(place).collect()
}

fn statuses(places: &[Value]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for place in places {
        *counts.entry(place["status"].as_str().unwrap()).or_default() += 1;
    }
    counts
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
    assert_eq!(page.matches("id=\"clip").count(), 9);
    assert!(page.contains("\"cluster\":true") && page.ends_with("</html>\n"));
    folder.aeden("map lib/broken.wav -q -o other.html");
    assert_eq!(folder.names(), ["lib", "map.html"]);
}

#[test]
fn the_page_is_the_same_however_many_work_on_it() {
    let folder = library();
    folder.aeden("map lib -o one.html --jobs 1 -q").quietly();
    folder.aeden("map lib -o three.html --jobs 3 -q").quietly();
    assert!(folder.read("one.html") == folder.read("three.html"));
}

#[test]
fn a_map_is_gone_on_with_and_what_stays_does_not_move() {
    let folder = library();
    let first = places(&folder, "");
    assert_eq!(statuses(&first), BTreeMap::from([("new", 9)]));
    let page = folder.read("map.html");
    // Nothing is new: nothing changes.
    let again = places(&folder, "");
    assert_eq!(statuses(&again), BTreeMap::from([("kept", 9)]));
    assert!(by_file(&again) == by_file(&first) && folder.read("map.html") == page);

    // One comes, one goes, one has other contents, one moves, one is written anew as it was.
    folder.write("lib/hiss9.wav", &hiss(77));
    std::fs::remove_file(folder.path("lib/clicks0.wav")).unwrap();
    folder.write("lib/sub/note2.wav", &hiss(78));
    std::fs::create_dir(folder.path("lib/elsewhere")).unwrap();
    std::fs::rename(
        folder.path("lib/hiss0.wav"),
        folder.path("lib/elsewhere/a name.wav"),
    )
    .unwrap();
    folder.write("lib/hiss1.wav", &folder.read("lib/hiss1.wav"));
    let run = folder.aeden("map lib");
    assert_eq!(run.status(), 0, "{}", run.stderr());
    let told = "9 sounds (7 where they were, 1 new, 1 changed and placed anew, 1 gone)";
    assert!(run.stderr().contains(told), "{}", run.stderr());
    let before = by_file(&first);
    let now = by_file(&places(&folder, ""));
    for (file, place) in &now {
        let was = if file.contains("a name") {
            "lib/hiss0.wav"
        } else {
            file
        };
        if !file.contains("hiss9") && !file.contains("note2") {
            assert_eq!(Some(place), before.get(was), "{file}");
        }
    }
    // The new ones are in the cluster of what they sound like.
    assert_eq!(now["lib/hiss9.wav"].2, now["lib/hiss1.wav"].2);
    assert_eq!(now["lib/sub/note2.wav"].2, now["lib/hiss1.wav"].2);

    // Another folder adds to it, and takes nothing away; the page can move with both.
    folder.write("more/hum.wav", &note(90.0));
    let run = folder.aeden("map more -q --json");
    let lines = run.json_lines();
    assert_eq!(statuses(&lines), BTreeMap::from([("kept", 9), ("new", 1)]));
    std::fs::create_dir(folder.path("all")).unwrap();
    for name in ["lib", "more", "map.html"] {
        std::fs::rename(folder.path(name), folder.path(&format!("all/{name}"))).unwrap();
    }
    std::fs::remove_file(folder.path("all/lib/hiss9.wav")).unwrap();
    let lines = folder
        .aeden("map all/lib all/more -o all/map.html --json -q")
        .json_lines();
    assert_eq!(statuses(&lines), BTreeMap::from([("kept", 9), ("removed", 1)]));

    // All anew.
    let lines = folder.aeden("map all -o all/map.html --json -q -y").json_lines();
    assert_eq!(statuses(&lines), BTreeMap::from([("new", 9)]));
}

#[test]
fn a_sound_that_can_no_longer_be_read_keeps_its_place_and_is_told() {
    let folder = library();
    let first = places(&folder, "");
    folder.write("lib/hiss0.wav", b"RIFF");
    let run = folder.aeden("map lib --json -q").failed(1, "hiss0.wav");
    // It was not heard in this run, so it is told by its whole path.
    let by_name = |places: &[Value]| -> BTreeMap<String, _> {
        let named = by_file(places).into_iter();
        named
            .map(|(file, place)| (file.rsplit('/').next().unwrap().to_owned(), place))
            .collect()
    };
    assert!(by_name(&run.json_lines()) == by_name(&first));
    // When none would stay, the map does.
    let page = folder.read("map.html");
    std::fs::remove_dir_all(folder.path("lib")).unwrap();
    std::fs::create_dir(folder.path("lib")).unwrap();
    let run = folder.aeden("map lib");
    assert!(run.status() == 1 && run.stderr().contains("none of its sounds would stay"));
    assert!(folder.read("map.html") == page);
}

#[test]
fn what_cannot_be_gone_on_with_is_told_and_stays() {
    let folder = library();
    folder.aeden("map lib -q").quietly();
    let page = String::from_utf8(folder.read("map.html")).unwrap();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/family/pca.safetensors");
    folder
        .aeden(&format!("map lib --model {model}"))
        .failed(1, "another model");
    for (altered, told) in [
        (
            "no page at all".to_owned(),
            "no map to go on with; -y replaces it",
        ),
        ("\u{fffd}".to_owned() + "<html></html>", "no map to go on with"),
        (page.replacen("hiss1", "hiss7", 1), "damaged, or was altered"),
        (
            page.replacen("\"unit\":", "\"unit\":1", 1),
            "damaged, or was altered",
        ),
        (
            page.replace("\"version\":1", "\"version\":2"),
            "damaged, or was altered",
        ),
        (
            page.lines().filter(|l| !l.contains("class=\"state\"")).collect(),
            "to go on with",
        ),
    ] {
        folder.write("map.html", altered.as_bytes());
        folder.aeden("map lib").failed(1, told);
        assert!(folder.read("map.html") == altered.as_bytes());
    }
    folder.write("map.html", &[0xff, 0xfe, 0]);
    folder.aeden("map lib").failed(1, "no map to go on with");
    folder.aeden("map lib -y -q").quietly();
    assert!(folder.read("map.html") == page.as_bytes());
}

#[test]
fn sounds_of_a_large_map_stay_in_their_files() {
    let folder = library();
    folder.write("lib/sub/a #1 & <b>.wav", &hiss(5));
    let run = folder.aeden("map lib --sound files -o pages/map.html");
    run.failed(1, "pages");
    std::fs::create_dir(folder.path("pages")).unwrap();
    let run = folder.aeden("map lib --sound files -o pages/map.html");
    assert!(
        run.stderr().contains("a click plays the files where they lie"),
        "{}",
        run.stderr()
    );
    let page = String::from_utf8(folder.read("pages/map.html")).unwrap();
    assert!(!page.contains("id=\"clip") && !page.contains("<b>"));
    assert!(page.contains("\"../lib/sub/a%20%231%20%26%20%3Cb%3E.wav\""));
    // And back inside: what no page has heard yet is read again.
    folder
        .aeden("map lib --sound inside -o pages/map.html -q")
        .quietly();
    let page = String::from_utf8(folder.read("pages/map.html")).unwrap();
    assert_eq!(page.matches("id=\"clip").count(), 10);
}

const PLAYS: &str =
    "const p = document.getElementById('player'); return !p.paused || p.ended || p.currentTime > 0";

#[test]
fn the_page_is_drawn_searched_and_heard_in_a_browser() {
    let folder = library();
    folder.write("lib/sub/a #1 & <b>.wav", &note(240.0));
    folder.aeden("map lib -q").quietly();
    let Some(browser) = Browser::start() else { return };
    browser.open(&folder.path("map.html"));
    // Ten points, and no element for any of them.
    assert_eq!(
        browser.run("return document.querySelectorAll('#frame *').length"),
        3
    );
    browser.wait_until("return document.getElementById('count').textContent === '10 sounds'");
    let coloured = "const c = document.getElementById('plane'); \
        const p = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer); \
        return new Set(p).size";
    // The background and two folders.
    browser.wait_until(&format!("{coloured} === 3"));

    // Keys: the nearest, others in each direction, one that is heard.
    browser.run("document.getElementById('plane').focus()");
    let name = "return document.getElementById('name').textContent";
    let mut names = std::collections::BTreeSet::new();
    for key in [
        "\u{e014}", "\u{e013}", "\u{e012}", "\u{e015}", "\u{e014}", "\u{e013}",
    ] {
        browser.press(key);
        names.insert(browser.run(name).as_str().unwrap().to_owned());
    }
    assert!(names.len() >= 2, "{names:?}");
    browser.press("\u{e007}");
    browser.wait_until(PLAYS);
    assert!(
        names
            .iter()
            .all(|name| name.contains("cluster") && name.contains("lib/"))
    );
    assert_eq!(
        browser.run("return document.querySelectorAll('#list button').length"),
        9
    );

    // The search: what is found, in the list; one of them with Enter.
    browser.run(
        "const s = document.getElementById('search'); s.focus(); s.value = 'A #1'; \
         s.dispatchEvent(new Event('input'))",
    );
    assert_eq!(
        browser.run("return document.getElementById('count').textContent"),
        "1 of 10 sounds"
    );
    assert_eq!(
        browser.run("return [...document.querySelectorAll('#list button')].map((e) => e.textContent)"),
        json!(["lib/sub/a #1 & <b>.wav"])
    );
    browser.press("\u{e007}");
    browser.wait_until(&format!("{name}.startsWith('lib/sub/a #1 & <b>.wav')"));
    browser.wait_until(PLAYS);
    browser.run(
        "const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input'))",
    );

    // A click on a point plays it, wherever zoom and drag have brought it.
    browser.run("for (const key of '+++') document.getElementById('plane').dispatchEvent(new KeyboardEvent('keydown', { key }))");
    browser.run("choose(0, false)");
    browser.wait_until("return !document.getElementById('ring').hidden && !waiting");
    let heard = browser.run(
        "const [x, y] = [left(0), top_(0)]; const box = plane.getBoundingClientRect(); \
         chosen = -1; \
         const event = (type) => new PointerEvent(type, { pointerId: 1, clientX: box.left + x, clientY: box.top + y, bubbles: true }); \
         plane.setPointerCapture = () => {}; \
         plane.dispatchEvent(event('pointerdown')); plane.dispatchEvent(event('pointerup')); return chosen",
    );
    assert_eq!(heard, 0);
    browser.wait_until(PLAYS);

    // Groups can be hidden, and made of clusters.
    let groups = "return [...document.querySelectorAll('#legend button')].map((e) => e.textContent)";
    assert_eq!(browser.run(groups), json!(["lib (6)", "sub (4)"]));
    browser.click("#legend button");
    assert_eq!(
        browser.run("return document.getElementById('count').textContent"),
        "4 of 10 sounds"
    );
    browser.run("const c = document.getElementById('colour'); c.value = 'cluster'; c.dispatchEvent(new Event('change'))");
    browser.wait_until("return document.getElementById('count').textContent === '10 sounds'");
    assert!(
        browser.run(groups)[0]
            .as_str()
            .unwrap()
            .starts_with("cluster 1 (")
    );
    assert_eq!(browser.errors(), Vec::<Value>::new());
}

#[test]
fn files_beside_the_page_are_played_from_it_and_a_missing_one_is_told() {
    let folder = library();
    folder.write("lib/sub/a #1 & <b>.wav", &note(240.0));
    folder.aeden("map lib -q --sound files").quietly();
    let Some(browser) = Browser::start() else { return };
    browser.open(&folder.path("map.html"));
    // What plays sound has been touched by a person.
    browser.click("#all");
    browser.run("choose(names.findIndex((name) => name.includes('#1')))");
    browser.wait_until(PLAYS);
    std::fs::remove_file(folder.path("lib/hiss0.wav")).unwrap();
    browser.run("choose(names.findIndex((name) => name.includes('hiss0')))");
    browser.wait_until("return document.getElementById('name').textContent.includes('cannot be played')");
}
