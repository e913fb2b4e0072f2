//! `--verify`: the proof, on the user's own file, that what was to be kept has been kept.

use super::mux::Assembly;
use super::probe::{Probe, Stream};
use super::programs::{Pieces, Program, add_input, ffmpeg, unreadable};
use crate::problem::{Problem, counted};
use std::path::Path;
use std::process::Stdio;

/// What has been proved; part of a line of `--json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Proof {
    /// Copied tracks whose every byte is the same.
    pub identical_tracks: usize,
    /// Cleaned tracks that decode to as many samples as they had.
    pub exact_lengths: usize,
    /// Cleaned tracks that decode to silence of the encoder before or after the sound, and to all of the sound.
    pub padded_lengths: usize,
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            (self.identical_tracks, "copied track", "identical"),
            (self.exact_lengths, "cleaned track", "of its exact length"),
            (
                self.padded_lengths,
                "cleaned track",
                "whole, with the encoder's padding",
            ),
        ];
        let parts = parts.into_iter().filter(|(number, ..)| *number > 0);
        let said: Vec<String> = parts
            .map(|(number, noun, what)| format!("{} {what}", counted(number, noun, &format!("{noun}s"))))
            .collect();
        write!(f, "proved: {}", said.join(", "))
    }
}

/// Samples before and after the sound with which encoders fill their first and last blocks, at most.
const PADDING: u64 = 8192;

/// Samples that a resampler there and one back keep to themselves, at most.
const RESAMPLING: u64 = 1024;

/// Compares the copied tracks of a finished file with the original's, byte for byte, or picture for picture where the
/// container stores the same bytes in another order.
pub fn copied_tracks(
    path: &Path,
    subject: &Path,
    assembly: &Assembly,
    output: &Probe,
) -> Result<usize, Problem> {
    let Some((original, probe)) = assembly.original else {
        return Ok(0);
    };
    let mut same = 0;
    for stream in &probe.streams {
        let number = stream.index;
        let cleaned = assembly.tracks.iter().any(|track| track.replaces == Some(number));
        let Some(place) = assembly.place(number, output).filter(|_| !cleaned) else {
            continue;
        };
        let decode = !assembly.same_container;
        if decode && !stream.is_picture() && !stream.is_sound() {
            continue;
        }
        let before = hash(original, number, decode, original)?;
        let after = hash(path, place, decode, subject)?;
        if before != after {
            return Err(Problem::file(
                subject,
                format!(
                    "track {number} ({}) did not come out as it went in; nothing is written",
                    stream.codec_type
                ),
            ));
        }
        same += 1;
    }
    Ok(same)
}

/// Decodes a cleaned track of a finished file, which went into it as `frames` frames at this rate, and compares its length.
/// Gives whether it is exact; an encoder's padding is not, and anything else is an error.
pub fn length(
    path: &Path,
    stream: &Stream,
    (frames, rate): (u64, u32),
    subject: &Path,
) -> Result<bool, Problem> {
    let resampled = stream.rate() != rate;
    let mut command = ffmpeg();
    add_input(&mut command, path);
    command.args([
        "-map",
        &format!("0:{}", stream.index),
        "-ac",
        "1",
        "-ar",
        &rate.to_string(),
        "-f",
        "f32le",
        "pipe:1",
    ]);
    let mut bytes = 0;
    read(&mut command, subject, |piece| bytes += piece.len() as u64)?;
    let found = bytes / 4;
    match found {
        _ if found == frames => Ok(true),
        _ if resampled && found < frames && frames - found <= RESAMPLING => Ok(false),
        _ if found > frames && found - frames <= PADDING => Ok(false),
        _ => Err(Problem::file(
            subject,
            format!("{frames} samples went into the finished file and {found} came out; nothing is written"),
        )),
    }
}

/// The SHA-256 of all packets of a stream, or of what they decode to.
fn hash(path: &Path, number: usize, decode: bool, subject: &Path) -> Result<String, Problem> {
    let mut command = ffmpeg();
    add_input(&mut command, path);
    command.args(["-map", &format!("0:{number}")]);
    if !decode {
        command.args(["-c", "copy"]);
    }
    command.args(["-copy_unknown", "-f", "streamhash", "-hash", "sha256", "pipe:1"]);
    // While it computes, it tells of its progress: signs of life between which the hash stands.
    command.args(["-progress", "pipe:1"]);
    let mut text = Vec::new();
    read(&mut command, subject, |piece| {
        text.extend_from_slice(piece);
        // Only the end counts.
        let old = text.len().saturating_sub(1 << 16);
        text.drain(..old);
    })?;
    let text = String::from_utf8_lossy(&text);
    let hash = text.lines().find_map(|line| line.split_once("SHA256="));
    let hash = hash.map(|(_, hash)| hash.to_owned());
    hash.ok_or_else(|| unreadable(subject, "no hash"))
}

/// Runs ffmpeg to its end, and hands on what it gives.
fn read(
    command: &mut std::process::Command,
    subject: &Path,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Problem> {
    let program = Program::start(command.stdin(Stdio::null()).stdout(Stdio::piped()), subject)?;
    let Some(stdout) = program.stdout() else {
        unreachable!("piped just above")
    };
    for piece in Pieces::of(stdout) {
        take(&piece.map_err(|e| Problem::io(subject, &e))?);
    }
    match program.end().map_err(|e| Problem::io(subject, &e))? {
        (true, _) => Ok(()),
        (false, said) => Err(unreadable(subject, &said)),
    }
}
