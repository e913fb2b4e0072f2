//! The editor of the CLAP plugin in this host, by the program in `examples/editor.rs`: plugins look for their screen in
//! the environment of their process.

use crate::bundles::{built, each};
use aeden_plugin_host::Format;
use std::process::Command;

/// Runs the program for a second on silence or a recording, with options. Gives what it measured, and of the picture that it
/// took the size and the number of colours, then those of its lowest third; nothing where something is missing, which has
/// been said then.
fn opened(sound: &str, options: &[&str]) -> Option<(serde_json::Value, [usize; 4])> {
    opened_for("1", sound, options)
}

fn opened_for(seconds: &str, sound: &str, options: &[&str]) -> Option<(serde_json::Value, [usize; 4])> {
    let program = built("examples/editor", "aeden-plugin-host --examples")?;
    let acts = options.contains(&"--do").then_some("xdotool");
    for needed in ["Xvfb", "import", "identify"].into_iter().chain(acts) {
        if Command::new(needed).arg("--version").output().is_err() {
            println!("skipped: no {needed}; `cargo xtask setup` installs it");
            return None;
        }
    }
    let (folder, mut found) = (tempfile::tempdir().unwrap(), None);
    let picture = folder.path().join("editor.png");
    let measured = std::cell::RefCell::new(None);
    each(|loaded| {
        if loaded.format != Format::Clap {
            return;
        }
        let output = Command::new(&program)
            .arg(&loaded.path)
            .args([sound, seconds, "--picture"])
            .arg(&picture)
            .args(options)
            // Not the user's own presets.
            .env("AEDEN_PRESETS", folder.path().join("presets"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{options:?}: {said}");
        *measured.borrow_mut() = Some(serde_json::from_slice(&output.stdout).unwrap());
    });
    if let Some(measured) = measured.into_inner() {
        let facts = |format: &str, part: &str| {
            let file = format!("{}{part}", picture.display());
            let facts = Command::new("identify")
                .args(["-format", format, &file])
                .output()
                .unwrap();
            let facts = String::from_utf8_lossy(&facts.stdout).into_owned();
            facts
                .split(' ')
                .map(|n| n.parse().unwrap())
                .collect::<Vec<usize>>()
        };
        let whole = facts("%w %h %k", "");
        let (width, height) = (whole[0], whole[1]);
        let lowest = facts(
            "%k",
            &format!("[{width}x{}+0+{}]", height / 3, height - height / 3),
        );
        found = Some((measured, [width, height, whole[2], lowest[0]]));
    }
    found
}

fn voice() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/noisy.wav").to_owned()
}

#[test]
fn it_is_drawn_and_moves_with_the_sound() {
    if let Some((measured, [width, height, colours, of_controls])) = opened(&voice(), &[]) {
        assert_eq!([width, height], [820, 500]);
        assert!(colours > 100, "{colours} colours");
        // Where OpenGL is software they are not drawn again with every picture, and must stay.
        assert!(of_controls > 50, "{of_controls} colours");
        assert!(measured["frames"].as_u64().unwrap() > 1, "{measured}");
    }
}

#[test]
fn sound_wakes_it_after_a_long_silence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 48_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).unwrap();
    // Longer than what is kept for an editor that does not look.
    for n in 0..4 * 48_000 {
        let sound = if n < 2 * 48_000 { 0 } else { n % 97 * 50 };
        file.write_sample(sound as i16).unwrap();
    }
    file.finalize().unwrap();
    if let Some((measured, _)) = opened_for("4", path.to_str().unwrap(), &[]) {
        assert!(measured["frames"].as_u64().unwrap() > 5, "{measured}");
    }
}

#[test]
fn a_saved_size_and_magnification_come_back() {
    if let Some((_, [width, height, colours, _])) = opened("silence", &["--size", "700x400", "--zoom", "1.5"])
    {
        assert_eq!([width, height], [1050, 600]);
        assert!(colours > 100, "{colours} colours");
    }
}

#[test]
fn the_spectrogram_is_chosen_in_the_window_drawn_and_saved() {
    let choose = [
        "--do",
        "mousemove 173 67; sleep 0.3; click 1; sleep 0.5; mousemove 300 480",
    ];
    let Some((measured, [.., colours, _])) = opened_for("3", &voice(), &choose) else {
        return;
    };
    assert_eq!(measured["view"], "spectrogram");
    // It scrolls, and has more colours than the curves.
    assert!(measured["frames"].as_u64().unwrap() > 5, "{measured}");
    assert!(colours > 600, "{colours} colours");
    // As it was saved, and back; bands wait in the other view.
    let saved = ["--view", "spectrogram", "--do", NODE];
    let Some((measured, _)) = opened("silence", &saved) else {
        return;
    };
    assert_eq!(measured["view"], "spectrogram");
    assert_eq!(measured["values"]["Band 1"], "Off");
    let back = [
        "--view",
        "spectrogram",
        "--do",
        "mousemove 95 67; sleep 0.3; click 1; sleep 0.5; mousemove 300 480",
    ];
    let Some((measured, _)) = opened("silence", &back) else {
        return;
    };
    assert_eq!(measured["view"], "spectrum");
    // Whatever else a state names is passed over.
    let Some((measured, _)) = opened("silence", &["--view", "waterfall"]) else {
        return;
    };
    assert_eq!(measured["view"], "spectrum");
}

#[test]
fn its_edge_can_be_dragged_within_bounds_and_it_can_be_opened_again() {
    let options = ["--reopen", "3", "--drag", "900x600"];
    if let Some((_, [width, height, colours, _])) = opened("silence", &options) {
        assert_eq!([width, height], [900, 600]);
        assert!(colours > 100, "{colours} colours");
    }
    if let Some((_, [width, height, ..])) = opened("silence", &["--drag", "10x10"]) {
        assert_eq!([width, height], [600, 380]);
    }
}

/// What xdotool did in the editor's window, and where the parameters of the host stand afterwards.
fn after(actions: &str) -> Option<impl Fn(&str) -> f32 + use<>> {
    let (measured, _) = opened("silence", &["--do", actions])?;
    Some(move |name: &str| {
        let text = measured["values"][name]
            .as_str()
            .unwrap_or_else(|| panic!("{name} in {measured}"));
        match text {
            "On" => 1.0,
            "Off" => 0.0,
            // A number and its unit.
            _ => text
                .split(' ')
                .next()
                .and_then(|number| number.parse().ok())
                .unwrap_or(f32::INFINITY),
        }
    })
}

/// Where 1 kHz and 30 dB are in a window of 820 by 500.
const NODE: &str = "mousemove 401 176; click --repeat 2 --delay 60 1;";

#[test]
fn nodes_are_added_moved_and_removed_by_mouse() {
    let Some(value) = after(NODE) else { return };
    assert_eq!(value("Band 1"), 1.0);
    assert!(
        (value("Band 1 frequency") - 1000.0).abs() < 20.0,
        "{}",
        value("Band 1 frequency")
    );
    assert!(
        (value("Band 1 limit") - 30.0).abs() < 0.5,
        "{}",
        value("Band 1 limit")
    );
    assert_eq!(value("Band 2"), 0.0);

    let drag = "sleep 0.5; mousedown 1; mousemove 450 150; mousemove 550 120; mouseup 1";
    let Some(value) = after(&format!("{NODE} {drag}")) else {
        return;
    };
    assert!(
        (value("Band 1 frequency") - 4090.0).abs() < 100.0,
        "{}",
        value("Band 1 frequency")
    );
    assert!(
        (value("Band 1 limit") - 14.7).abs() < 0.5,
        "{}",
        value("Band 1 limit")
    );

    let removed = "mousemove 200 100; click --repeat 2 --delay 60 1; sleep 0.5; mousemove 401 176; click --repeat 2 --delay 60 1";
    let Some(value) = after(&format!("{NODE} sleep 0.5; {removed}")) else {
        return;
    };
    assert_eq!((value("Band 1"), value("Band 2")), (0.0, 1.0));
}

#[test]
fn nodes_are_added_moved_and_removed_by_keyboard() {
    // A click into the spectrum gives it the focus; what Enter adds has it then.
    let begin = "mousemove 300 250; click 1; key Return;";
    let Some(value) = after(begin) else { return };
    assert_eq!((value("Band 1"), value("Band 1 limit")), (1.0, 18.0));
    let start = value("Band 1 frequency");
    let keys = "key Right; key Right; key Down; key Down; key Up; key Down";
    let Some(value) = after(&format!("{begin} {keys}")) else {
        return;
    };
    assert!((value("Band 1 frequency") / start - 2f32.powf(2.0 / 12.0)).abs() < 0.02);
    assert_eq!(value("Band 1 limit"), 20.0);
    let Some(value) = after(&format!("{begin} key Delete")) else {
        return;
    };
    assert_eq!(value("Band 1"), 0.0);
}

#[test]
fn steps_are_taken_back_and_done_again() {
    let pause = "sleep 0.8;";
    let Some(value) = after(&format!("{NODE} {pause} key ctrl+z; {pause}")) else {
        return;
    };
    assert_eq!(value("Band 1"), 0.0);
    let Some(value) = after(&format!("{NODE} {pause} key ctrl+z; {pause} key ctrl+y; {pause}")) else {
        return;
    };
    assert_eq!(value("Band 1"), 1.0);
    assert!((value("Band 1 limit") - 30.0).abs() < 0.5);
}

/// The knob for Strength gets the focus.
const STRENGTH: &str = "mousemove 77 391; click 1;";

#[test]
fn two_settings_are_compared_and_one_is_copied_to_the_other() {
    let (a, b, copy) = (
        "mousemove 325 27; click 1;",
        "mousemove 361 27; click 1;",
        "mousemove 407 27; click 1;",
    );
    let differ = format!("{STRENGTH} key Home; {b} {STRENGTH} key End; {a}");
    let Some(value) = after(&differ) else { return };
    assert_eq!(value("Strength"), 0.0);
    let Some(value) = after(&format!("{differ} {b}")) else {
        return;
    };
    assert_eq!(value("Strength"), f32::INFINITY);
    let Some(value) = after(&format!("{differ} {copy} {b}")) else {
        return;
    };
    assert_eq!(value("Strength"), 0.0);
}

#[test]
fn a_preset_of_ones_own_is_saved_and_found_again() {
    let save = "mousemove 505 27; click 1; sleep 0.3; mousemove 540 210; click 1; type mine; mousemove 622 210; click 1; sleep 0.3";
    let next = "mousemove 300 480; click 1; sleep 0.3; mousemove 553 27; click 1;";
    let begin = format!("{STRENGTH} key Home; {save}; {next}");
    // From the last to the first, which is Podcast, and back.
    let Some(value) = after(&begin) else { return };
    assert_eq!(value("Strength"), 30.0);
    let Some(value) = after(&format!("{begin} sleep 0.3; mousemove 452 27; click 1")) else {
        return;
    };
    assert_eq!(value("Strength"), 0.0);
}

#[test]
fn a_switch_acts_for_as_long_as_it_is_held() {
    let down = "mousemove 700 378; mousedown 1; sleep 0.7;";
    let Some(value) = after(down) else { return };
    assert_eq!(value("Listen to removed"), 1.0);
    let Some(value) = after(&format!("{down} mouseup 1")) else {
        return;
    };
    assert_eq!(value("Listen to removed"), 0.0);
    let Some(value) = after("mousemove 700 378; click 1; sleep 0.7; key Tab") else {
        return;
    };
    assert_eq!(value("Listen to removed"), 1.0);
}
