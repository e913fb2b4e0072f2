//! What the ffmpeg that is installed can encode: asked once for each encoder.

use super::programs::{add_samples, ask, ffmpeg, file_argument, unwritable};
use crate::problem::Problem;
use crate::unfinished::Scratch;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What an encoder takes; where a list is empty, anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoder {
    /// Sampling rates in Hz.
    pub rates: Vec<u32>,
    /// Arrangements of loudspeakers, by ffmpeg's names.
    pub layouts: Vec<String>,
}

impl Encoder {
    /// Whether it takes so many channels.
    pub fn takes_channels(&self, channels: u16) -> bool {
        let most = self.layouts.iter().filter_map(|layout| channels_of(layout));
        self.layouts.is_empty() || most.into_iter().any(|count| count == channels)
    }

    /// Whether it takes this rate.
    pub fn takes_rate(&self, rate: u32) -> bool {
        self.rates.is_empty() || self.rates.contains(&rate)
    }

    fn parse(help: &str) -> Self {
        let list = |name: &str| {
            let line = help.lines().find_map(|line| line.trim().strip_prefix(name));
            line.unwrap_or_default().trim().to_owned()
        };
        let numbers = list("Supported sample rates:");
        Encoder {
            rates: numbers
                .split_whitespace()
                .filter_map(|rate| rate.parse().ok())
                .collect(),
            layouts: layouts(&list("Supported channel layouts:")),
        }
    }
}

/// Names of arrangements; some are several words: `2 channels (FC+LFE)`.
fn layouts(line: &str) -> Vec<String> {
    let mut layouts: Vec<String> = Vec::new();
    for word in line.split([' ', ',']).filter(|word| !word.is_empty()) {
        match layouts.last_mut() {
            Some(last) if word == "channels" || (word.starts_with('(') && last.ends_with("channels")) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => layouts.push(word.to_owned()),
        }
    }
    layouts
}

/// How many channels an arrangement has.
fn channels_of(layout: &str) -> Option<u16> {
    let bare = layout.split('(').next().unwrap_or(layout).trim();
    Some(match bare {
        "mono" => 1,
        "stereo" | "downmix" => 2,
        "quad" => 4,
        "hexagonal" => 6,
        "octagonal" | "cube" => 8,
        "hexadecagonal" => 16,
        _ => match bare.strip_suffix("channels") {
            Some(count) => count.trim().parse().ok()?,
            None => bare
                .split('.')
                .map(str::parse::<u16>)
                .sum::<Result<u16, _>>()
                .ok()?,
        },
    })
}

/// What an encoder takes; `None` if this ffmpeg has none of that name. `subject`: what errors are about.
pub fn encoder(name: &str, subject: &Path) -> Result<Option<Arc<Encoder>>, Problem> {
    static KNOWN: Mutex<Option<HashMap<String, Option<Arc<Encoder>>>>> = Mutex::new(None);
    let lock = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get_or_insert_default().get(name) {
        return Ok(known.clone());
    }
    let mut command = ffmpeg();
    command.args(["-h", &format!("encoder={name}")]);
    let help = match ask(&mut command, subject)? {
        Ok(help) => String::from_utf8_lossy(&help).into_owned(),
        Err(said) if said.contains("not recognized") || said.contains("no encoders") => String::new(),
        Err(said) => return Err(unwritable(subject, &said)),
    };
    let found = help
        .starts_with("Encoder ")
        .then(|| Arc::new(Encoder::parse(&help)));
    lock()
        .get_or_insert_default()
        .insert(name.to_owned(), found.clone());
    Ok(found)
}

/// Whether a writer of ffmpeg takes what an encoder with these options makes of samples in the form that ffmpeg calls `feed`, of this
/// rate and number of channels: found by trying with no sound at all. `subject`: what errors are about.
pub fn writes(
    muxer: &str,
    options: &[String],
    (feed, rate, channels): (&str, u32, u16),
    subject: &Path,
) -> Result<bool, Problem> {
    let scratch = Scratch::new()?;
    let mut command = ffmpeg();
    command.args(["-y", "-ar", &rate.to_string(), "-ac", &channels.to_string()]);
    add_samples(&mut command, feed, None);
    command.args(options);
    command.args(["-strict", "experimental", "-f", muxer]);
    command.arg(file_argument(&scratch.path().join("trial")));
    Ok(ask(&mut command, subject)?.is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_encoder_says_of_itself() {
        let help = "Encoder ac3 [ATSC A/52A (AC-3)]:\n    Supported sample rates: 48000 44100 32000\n    Supported sample formats: fltp\n    \
                    Supported channel layouts: mono stereo 3.0(back) 2 channels (FC+LFE) 2.1 4 channels (FL+FR+LFE+BC) 5.1(side)\n";
        let encoder = Encoder::parse(help);
        assert_eq!(encoder.rates, [48_000, 44_100, 32_000]);
        assert_eq!(encoder.layouts.len(), 7);
        let counts: Vec<u16> = encoder
            .layouts
            .iter()
            .filter_map(|layout| channels_of(layout))
            .collect();
        assert_eq!(counts, [1, 2, 3, 2, 3, 4, 6]);
        assert!(encoder.takes_channels(6) && !encoder.takes_channels(8) && !encoder.takes_rate(96_000));
        assert!(Encoder::default().takes_channels(64) && Encoder::default().takes_rate(1));
    }
}
