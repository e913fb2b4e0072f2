//! `--verify`: the proof, on the user's own file, that what was to be kept has been kept.

use super::mux::Assembly;
use super::probe::{Probe, Stream};
use super::programs::{Program, add_input, ffmpeg, unreadable};
use crate::problem::Problem;
use std::io::{self, Read};
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

/// Samples before and after the sound with which encoders fill their first and last blocks, at most.
const PADDING: u64 = 8192;

/// Samples that a resampler there and one back keep to themselves, at most.
const RESAMPLING: u64 = 1024;

/// Compares the copied tracks of a finished file with the original's, byte for byte, or picture for picture where the
/// container stores the same bytes in another order.
pub fn copied_tracks(path: &Path, subject: &Path, assembly: &Assembly, output: &Probe) -> Result<usize, Problem> {
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
pub fn length(path: &Path, stream: &Stream, (frames, rate): (u64, u32), subject: &Path) -> Result<bool, Problem> {
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
    let found = read(&mut command, subject, |stream| io::copy(stream, &mut io::sink()))? / 4;
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
    let mut text = String::new();
    read(&mut command, subject, |stream| {
        stream.read_to_string(&mut text).map(|n| n as u64)
    })?;
    let hash = text.trim().rsplit_once('=').map(|(_, hash)| hash.to_owned());
    hash.ok_or_else(|| unreadable(subject, "no hash"))
}

/// Runs ffmpeg for as long as it takes; it is silent while it computes.
fn read(
    command: &mut std::process::Command,
    subject: &Path,
    take: impl FnOnce(&mut dyn Read) -> io::Result<u64>,
) -> Result<u64, Problem> {
    let program = Program::start(command.stdin(Stdio::null()).stdout(Stdio::piped()), subject)?;
    let Some(mut stdout) = program.stdout() else {
        unreachable!("piped just above")
    };
    let taken = take(&mut stdout).map_err(|e| Problem::io(subject, &e))?;
    match program.end().map_err(|e| Problem::io(subject, &e))? {
        (true, _) => Ok(taken),
        (false, said) => Err(unreadable(subject, &said)),
    }
}
