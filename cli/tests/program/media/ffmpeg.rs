//! Files made with ffmpeg, and what ffmpeg and ffprobe say about them. Nothing here comes from the program under test.

use crate::recordings::{Folder, fixture};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Whether ffmpeg and ffprobe are there; says why a test is skipped if not.
pub fn is_here() -> bool {
    let runs = |program| {
        Command::new(program)
            .arg("-version")
            .output()
            .is_ok_and(|out| out.status.success())
    };
    let here = runs("ffmpeg") && runs("ffprobe");
    if !here {
        println!("skipped: ffmpeg is not installed");
    }
    here
}

/// Whether ffmpeg has an encoder.
pub fn encodes(encoder: &str) -> bool {
    let said = Command::new("ffmpeg")
        .args(["-v", "error", "-h", &format!("encoder={encoder}")])
        .output()
        .unwrap();
    !String::from_utf8_lossy(&said.stdout).contains("not recognized")
        && said.status.success()
        && !said.stdout.is_empty()
}

/// Runs ffmpeg in a folder with arguments that are separated by spaces; `SPEECH` is a noisy recording of 9 s, mono, 48 kHz.
#[track_caller]
pub fn ffmpeg(folder: &Folder, arguments: &str) {
    let speech = fixture("noisy.wav");
    let mut command = Command::new("ffmpeg");
    command
        .current_dir(folder)
        .args(["-nostdin", "-v", "error", "-y"]);
    command.args(
        arguments
            .split(' ')
            .map(|a| if a == "SPEECH" { speech.as_str() } else { a }),
    );
    let out = command.output().unwrap();
    assert!(
        out.status.success(),
        "ffmpeg {arguments}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// What ffprobe says of a file, with some of its arguments.
#[track_caller]
pub fn probe(file: &Path, arguments: &str) -> Value {
    let mut command = Command::new("ffprobe");
    command
        .args(["-v", "error", "-of", "json"])
        .args(arguments.split(' '))
        .arg(file);
    let out = command.output().unwrap();
    assert!(
        out.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&out.stderr)
    );
    serde_json::from_slice(&out.stdout).unwrap()
}

/// Streams of a file.
pub fn streams(file: &Path) -> Vec<Value> {
    probe(file, "-show_streams")["streams"]
        .as_array()
        .unwrap()
        .clone()
}

/// The bytes that ffmpeg writes to standard output.
#[track_caller]
fn decoded(file: &Path, before: &str, after: &str) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command
        .args(["-nostdin", "-v", "error"])
        .args(before.split_whitespace())
        .arg("-i")
        .arg(file);
    command.args(after.split_whitespace());
    let out = command.output().unwrap();
    assert!(
        out.status.success(),
        "{}: {}",
        file.display(),
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

/// All samples of a track as integers of 32 bits, interleaved.
pub fn samples(file: &Path, track: usize) -> Vec<i32> {
    let bytes = decoded(file, "", &format!("-map 0:a:{track} -f s32le pipe:1"));
    bytes
        .chunks_exact(4)
        .map(|b| i32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// A track as players place it: mono, gaps filled.
pub fn on_timeline(file: &Path, track: usize, rate: u32) -> Vec<f32> {
    let filter = "-af aresample=async=1:min_hard_comp=0.003 -ac 1";
    let bytes = decoded(
        file,
        "-copyts",
        &format!("-map 0:a:{track} {filter} -ar {rate} -f f32le pipe:1"),
    );
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

/// SHA-256 of the packets of one stream.
pub fn packets_hash(file: &Path, index: usize) -> String {
    let text = decoded(
        file,
        "",
        &format!("-map 0:{index} -c copy -copy_unknown -f streamhash -hash sha256 pipe:1"),
    );
    let text = String::from_utf8(text).unwrap();
    text.trim().rsplit('=').next().unwrap().to_owned()
}

/// Mean time in seconds of a stream's beginning, from its first decoded frames; sharper than a clock of milliseconds.
pub fn beginning(file: &Path, selection: &str) -> f64 {
    let entries = "-show_entries frame=pts_time,nb_samples,sample_rate";
    let frames = probe(
        file,
        &format!("-select_streams {selection} -read_intervals %+#200 {entries}"),
    );
    let rate = probe(
        file,
        &format!("-select_streams {selection} -show_entries stream=sample_rate"),
    );
    let rate = rate["streams"][0]["sample_rate"]
        .as_str()
        .and_then(|n| n.parse::<f64>().ok());
    let time = |frame: &Value| frame["pts_time"].as_str().unwrap().parse::<f64>().unwrap();
    let frames = frames["frames"].as_array().unwrap();
    let Some(rate) = rate else { return time(&frames[0]) };
    let (mut samples, mut starts) = (0.0, Vec::new());
    for frame in frames {
        let start = time(frame) - samples / rate;
        if starts
            .first()
            .is_some_and(|first: &f64| (first - start).abs() > 2e-3)
        {
            break;
        }
        starts.push(start);
        samples += frame["nb_samples"].as_f64().unwrap_or(0.0);
    }
    starts.iter().sum::<f64>() / starts.len() as f64
}

/// By how many samples, in parts of them, `after` lies behind `before`; at most `reach`.
pub fn delay(before: &[f32], after: &[f32], reach: usize) -> f64 {
    let length = before.len().min(after.len());
    assert!(length > 4 * reach, "{length} samples are too few");
    // A second is enough to recognise noise by.
    let inner = reach..(length - reach).min(reach + 48_000);
    let at = |lag: i64| -> f64 {
        let shifted = &after[(inner.start as i64 + lag) as usize..];
        before[inner.clone()]
            .iter()
            .zip(shifted)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum()
    };
    let reach = reach as i64;
    let correlation: Vec<f64> = (-reach..=reach).map(at).collect();
    let best = (0..correlation.len())
        .max_by(|&a, &b| correlation[a].total_cmp(&correlation[b]))
        .unwrap();
    // The top of the parabola through the peak and its neighbours.
    let part = match (
        best.checked_sub(1).map(|i| correlation[i]),
        correlation.get(best + 1),
    ) {
        (Some(left), Some(right)) => (left - right) / (2.0 * (left - 2.0 * correlation[best] + right)),
        _ => 0.0,
    };
    (best as i64 - reach) as f64 + part
}
