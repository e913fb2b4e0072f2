//! `--loudness`, measured by `aeden inspect`.

use crate::recordings::{Folder, chunk, fixture, fmt, noise, pcm16, riff};
use serde_json::Value;

fn inspected(folder: &Folder, name: &str) -> (f64, f64) {
    let run = folder.aeden(&format!("inspect {name} --json")).quietly();
    let found: Value = serde_json::from_str(&run.stdout()).unwrap();
    (
        found["loudness_lufs"].as_f64().unwrap(),
        found["true_peak_dbtp"].as_f64().unwrap(),
    )
}

#[test]
fn the_output_has_the_loudness_that_was_asked_for() {
    let folder = Folder::new();
    folder.write("in.wav", &std::fs::read(fixture("noisy.wav")).unwrap());
    let (original, _) = inspected(&folder, "in.wav");
    for (wish, expected) in [("-30", -30.0), ("-27.5", -27.5), ("keep", original)] {
        let run = folder.aeden(&format!("clean in.wav out.wav -y --json --loudness {wish}"));
        assert_eq!(run.status(), 0);
        let line: Value = serde_json::from_str(&run.stdout()).unwrap();
        let (lufs, _) = inspected(&folder, "out.wav");
        assert!((lufs - expected).abs() < 0.1, "{wish}: {lufs}");
        // The gate at -70 LUFS does not move with the gain: pauses may count before it and not after.
        assert!((line["loudness"]["output_lufs"].as_f64().unwrap() - lufs).abs() < 0.1);
        assert!((line["loudness"]["input_lufs"].as_f64().unwrap() - original).abs() < 0.05);
        // Length and place of the sound are as without it.
        assert_eq!(folder.read("out.wav").len(), folder.read("in.wav").len());
    }
}

#[test]
fn no_peak_is_raised_into_clipping_and_that_is_said() {
    let folder = Folder::new();
    // Quiet noise with a bang.
    let mut samples: Vec<f32> = noise(3, 96_000).iter().map(|x| x * 0.1).collect();
    samples[48_000..48_200].fill(0.7);
    folder.write(
        "in.wav",
        &riff(&[fmt(1, 1, 48_000, 16), chunk(b"data", &pcm16(&samples))]),
    );
    folder
        .aeden("clean in.wav out.wav --mix 0 --loudness -9")
        .warned("not -9.0: with more gain the true peak would be above -1 dBTP");
    let (lufs, peak) = inspected(&folder, "out.wav");
    assert!(
        lufs < -10.0 && (-1.5..=-0.9).contains(&peak),
        "{lufs} LUFS, {peak} dBTP"
    );
}

#[test]
fn a_pipe_can_have_its_loudness_set_too() {
    let folder = Folder::new();
    let file = std::fs::read(fixture("noisy.wav")).unwrap();
    let run = folder.aeden_with_input("clean - - --loudness -31", &file);
    assert_eq!((run.status(), run.stderr().as_str()), (0, ""));
    folder.write("out.wav", &run.0.stdout);
    let (lufs, _) = inspected(&folder, "out.wav");
    assert!((lufs + 31.0).abs() < 0.1, "{lufs}");
}

#[test]
fn silence_has_no_loudness_to_set() {
    let folder = Folder::new();
    folder.write(
        "in.wav",
        &riff(&[fmt(1, 1, 8_000, 16), chunk(b"data", &[0; 16_000])]),
    );
    folder
        .aeden("clean in.wav out.wav --loudness -16")
        .warned("too quiet for its loudness to be measured");
    folder
        .aeden("clean in.wav o.wav --loudness loud")
        .failed_usage("'keep', or a number of LUFS");
}

/// A voice that nobody speaks: noise in syllables, with pauses, and now and then a plosive that is much louder.
fn syllables(seed: u64, plosive: f32) -> Vec<u8> {
    let mut samples = noise(seed, 480_000);
    for (n, x) in samples.iter_mut().enumerate() {
        let second = n as f32 / 48_000.0;
        let syllable = (second * 4.0 * std::f32::consts::TAU).sin().max(0.0);
        let pause = if second % 3.0 > 2.2 { 0.01 } else { 1.0 };
        let loud = if n % 96_000 < 480 { plosive } else { 1.0 };
        *x = (*x * 0.06 * syllable * pause * loud).clamp(-1.0, 1.0);
    }
    riff(&[fmt(1, 1, 48_000, 16), chunk(b"data", &pcm16(&samples))])
}

#[test]
fn peaks_are_lowered_so_that_the_loudness_is_reached() {
    let folder = Folder::new();
    folder.write("noisy.wav", &std::fs::read(fixture("noisy.wav")).unwrap());
    folder.write("clean.wav", &std::fs::read(fixture("clean.wav")).unwrap());
    for (name, plosive) in [("even.wav", 1.0), ("plosive.wav", 8.0), ("loud.wav", 14.0)] {
        folder.write(name, &syllables(3, plosive));
    }
    let mut limited = 0;
    for name in ["noisy.wav", "clean.wav", "even.wav", "plosive.wav", "loud.wav"] {
        for arguments in [
            "--preset podcast --loudness -16",
            "--mix 0 --loudness -16",
            "--mix 0 --loudness -14",
        ] {
            let run = folder.aeden(&format!("clean {name} -o out.wav -y --json {arguments}"));
            assert_eq!(run.status(), 0, "{}", run.stderr());
            let line = &run.json_lines()[0];
            let (lufs, peak) = inspected(&folder, "out.wav");
            let target = arguments.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap();
            let told = line["loudness"]["output_lufs"].as_f64().unwrap();
            assert!(
                (told - lufs).abs() < 0.1,
                "{name} {arguments}: told {told}, is {lufs}"
            );
            assert!(peak <= -0.9, "{name} {arguments}: {peak} dBTP");
            let near = (lufs - target).abs() <= 0.3;
            let named = run.stderr().contains(&format!("{name}: warning: loudness is"));
            assert!(near != named, "{name} {arguments}: {lufs} LUFS, {}", run.stderr());
            limited += usize::from(line["loudness"]["limited_db"].as_f64().unwrap() > 1.0);
            assert_eq!(folder.read("out.wav").len(), folder.read(name).len());
        }
    }
    assert!(limited >= 3, "{limited}");
}
