//! The page of `aeden report`, in a real browser.

use crate::browser::Browser;
use crate::recordings::{Folder, fixture, noise_file};
use serde_json::{Value, json};

/// A page with two recordings and a broken file.
fn with_page() -> Folder {
    let folder = Folder::new();
    folder.write("in/talk.wav", &std::fs::read(fixture("noisy.wav")).unwrap());
    folder.write("in/other.wav", &noise_file(2, 16_000, 64_000));
    folder.write("in/broken <b>.wav", b"");
    let run = folder.aeden("report in -o page.html --preset dialogue --json");
    assert_eq!(run.status(), 1, "{}", run.stderr());
    assert!(
        run.stderr().contains("broken <b>.wav: the file is empty"),
        "{}",
        run.stderr()
    );
    assert!(
        run.stderr().contains("page.html: 2 recordings, 1 failed"),
        "{}",
        run.stderr()
    );
    assert_eq!(run.stdout().lines().count(), 3);
    folder
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let folder = with_page();
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    for outside in ["src=\"http", "href=", "@import", "url(", "fetch("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(!page.contains("<b>.wav"), "names are escaped");
    assert!(page.contains("preset Dialogue, at most 18 dB"));
    // Nothing else was written, and the page is not replaced unasked.
    assert_eq!(folder.names(), ["in", "page.html"]);
    folder.aeden("report in -o page.html").failed(1, "exists already");
    folder.aeden("report in -o in").failed(2, "a folder");
    folder.aeden("report - -o new.html").failed(2, "no name to show");
    let run = folder.aeden("report nothing.wav -o new.html");
    assert_eq!(run.status(), 1);
    assert!(
        run.stderr().contains("nothing.wav: no such file") && run.stderr().contains("no recording to show")
    );
    assert!(!folder.path("new.html").exists());
}

#[test]
fn the_same_recordings_give_the_same_page_however_many_are_done_at_once() {
    let folder = with_page();
    folder.aeden("report in -o one.html --preset dialogue --jobs 1 -q");
    assert!(folder.read("one.html") == folder.read("page.html"));
}

#[test]
fn the_page_plays_switches_sorts_and_changes_its_colours_in_a_browser() {
    let folder = with_page();
    let Some(browser) = Browser::start() else { return };
    browser.open(&folder.path("page.html"));
    let rows = "return [...document.querySelectorAll('tbody tr')].map((row) => row.cells[0].textContent)";
    assert_eq!(
        browser.run(rows),
        json!(["in/broken <b>.wav", "in/other.wav", "in/talk.wav"])
    );
    assert_eq!(browser.run("return document.querySelectorAll('.card').length"), 2);
    assert_eq!(
        browser.run("return document.querySelectorAll('td.error').length"),
        1
    );

    // Sorted by length, down and up; what could not be read stays at the end.
    browser.click("th:nth-child(2) button");
    let shortest_first = browser.run(rows);
    browser.click("th:nth-child(2) button");
    let longest_first = browser.run(rows);
    assert_eq!(shortest_first[0], longest_first[1]);
    assert_eq!(shortest_first[1], longest_first[0]);
    assert_eq!(
        (&shortest_first[2], &longest_first[2]),
        (&json!("in/broken <b>.wav"), &json!("in/broken <b>.wav"))
    );

    // The pictures are there.
    browser.wait_until(
        "const images = [...document.querySelectorAll('.card img')].slice(0, 3); \
                        return images.every((image) => image.complete && image.naturalWidth === 1000)",
    );

    // Keys: which version is heard, and where.
    let heard = "return document.querySelector('.card.chosen [aria-pressed=true]').dataset.version";
    for (key, version) in [
        ("b", "after"),
        ("r", "removed"),
        ("a", "before"),
        ("x", "after"),
        ("x", "before"),
    ] {
        browser.press(key);
        assert_eq!(browser.run(heard), version, "{key}");
    }
    let seconds = "parseFloat(document.querySelector('.card.chosen .time').textContent.split(':')[1])";
    browser.press(" ");
    browser.wait_until(&format!("return {seconds} >= 0.3"));
    let before: f64 = browser.run(&format!("return {seconds}")).as_f64().unwrap();
    browser.press("b");
    let after: f64 = browser.run(&format!("return {seconds}")).as_f64().unwrap();
    assert!(after >= before, "a switch goes on from the same place");
    assert_eq!(
        browser.run("return document.querySelector('.card.chosen .play').textContent"),
        "❚❚ Pause"
    );
    browser.press(" ");
    let stopped = browser.run(&format!("return {seconds}"));
    browser.press("r");
    assert_eq!(browser.run(&format!("return {seconds}")), stopped);
    browser.press("\u{e014}");
    let on = browser.run(&format!("return {seconds}")).as_f64().unwrap();
    assert!(
        (on - stopped.as_f64().unwrap() - 2.0).abs() < 0.11,
        "the right arrow goes on by 2 s"
    );
    // The buttons do the same, and a click into a picture plays it from there.
    browser.click(".card.chosen .versions [data-version=after]");
    assert_eq!(browser.run(heard), "after");
    browser.click(".card.chosen .view[data-version=removed] .picture");
    assert_eq!(browser.run(heard), "removed");
    browser.wait_until("return document.querySelector('.card.chosen .play').textContent.includes('Pause')");
    browser.press("\u{e015}");
    let chosen = browser.run("return document.querySelector('.card.chosen h2').textContent");
    assert_eq!(chosen, "in/talk.wav");

    // Zoom and loops, as on the page of `aeden web`, whose player this is.
    let wide = "return document.querySelector('.card.chosen img').style.width";
    let pressed = "return document.querySelector('.card.chosen .loop').ariaPressed";
    browser.press("+");
    assert_eq!(browser.run(wide), "200%");
    browser.press("l");
    assert_eq!(browser.run(pressed), "true");
    assert_eq!(
        browser.run("return document.querySelector('.card.chosen .chosen-part').hidden"),
        false
    );
    browser.press("\u{e00c}");
    assert_eq!(browser.run(pressed), "false");
    browser.press("0");
    assert_eq!(browser.run(wide), "100%");
    browser.click("#match");
    browser.press("r");

    // What is embedded is the sound itself: as long as the recording, and not silent.
    let decoded: Value = browser.run(
        "const context = new OfflineAudioContext(1, 1, 48000); \
         const load = (name) => context.decodeAudioData( \
             Uint8Array.from(atob(document.getElementById(name).textContent), (c) => c.charCodeAt(0)).buffer); \
         return Promise.all(['sound-before-2', 'sound-after-2'].map(load)).then((sounds) => sounds.map((sound) => \
             [sound.duration, sound.getChannelData(0).reduce((sum, x) => sum + x * x, 0) / sound.length]))",
    );
    let about: Value =
        browser.run("return JSON.parse(document.querySelectorAll('script.recording')[2].textContent)");
    for version in 0..2 {
        let [seconds, power] = [0, 1].map(|i| decoded[version][i].as_f64().unwrap());
        assert!(
            (seconds - about["heard"].as_f64().unwrap()).abs() < 0.001,
            "{decoded}"
        );
        assert!(power > 1e-6, "{decoded}");
    }

    // Light and dark.
    let colour = "return getComputedStyle(document.body).backgroundColor";
    let first = browser.run(colour);
    browser.click("#theme");
    assert_ne!(browser.run(colour), first);
    browser.click("#theme");
    assert_eq!(browser.run(colour), first);
    assert_eq!(browser.errors(), Vec::<Value>::new());
}

#[test]
fn an_empty_recording_has_its_place_on_the_page() {
    let folder = Folder::new();
    folder.write("nothing.wav", &noise_file(2, 8_000, 0));
    folder.aeden("report nothing.wav").quietly();
    assert_eq!(folder.names(), ["nothing.wav", "report.html"]);
}

#[test]
fn long_recordings_are_heard_in_part() {
    let folder = Folder::new();
    folder.write("long.wav", &noise_file(1, 8_000, 80_000));
    folder.aeden("report long.wav -o page.html --excerpt 2").quietly();
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    let data = page
        .split("class=\"recording\">")
        .nth(1)
        .unwrap()
        .split("</script>")
        .next()
        .unwrap();
    let about: Value = serde_json::from_str(data).unwrap();
    assert_eq!(
        (about["seconds"].as_f64(), about["heard"].as_f64()),
        (Some(10.0), Some(2.0025))
    );
}
