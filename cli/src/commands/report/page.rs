//! The page as it is written: a frame, and one block of data for every recording, from which its script builds the rest.

use super::excerpt::Excerpt;
use crate::commands::inspect::Findings;
use crate::commands::page::{self, logo};
use aeden_media::plot::{RANGE, frequency_ticks, pictures};
use maud::{Markup, html};
use serde_json::{Value, json};
use std::io::{self, Write};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page as a whole says.
pub struct Head<'a> {
    /// At its top.
    pub title: &'a str,
    /// Which network cleaned.
    pub model: &'a str,
    /// And how, in words.
    pub settings: String,
}

/// A page under way.
pub struct Page<W> {
    page: page::Page<W>,
    entries: usize,
}

/// One recording on the page.
pub struct Entry {
    about: Value,
    /// Sounds and pictures by name.
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Entry {
    /// What was found, and what can be heard and seen.
    pub fn new(findings: &Findings, excerpt: &Excerpt) -> io::Result<Self> {
        let [before, after, removed] = &excerpt.spectrograms();
        let ([a, b, c], brightest) = pictures([before, after, removed])?;
        let [sound_before, sound_after] = excerpt.sounds()?;
        let ticks: Vec<_> = frequency_ticks(findings.rate).collect();
        Ok(Entry {
            about: json!({
                "name": findings.file.to_string(),
                "format": findings.format(),
                "seconds": findings.seconds,
                "start": excerpt.start(),
                "heard": excerpt.seconds(),
                "snr": [findings.snr_db, findings.snr_after_db],
                "floor": [findings.noise_floor_dbfs, findings.noise_floor_after_dbfs],
                "lufs": [findings.loudness_lufs, findings.loudness_after_lufs],
                "peak": [findings.true_peak_dbtp, findings.true_peak_after_dbtp],
                "ticks": ticks,
                "scale": [brightest - RANGE, brightest],
                "warnings": findings.warnings,
            }),
            files: vec![
                ("sound-before", sound_before),
                ("sound-after", sound_after),
                ("picture-before", a),
                ("picture-after", b),
                ("picture-removed", c),
            ],
        })
    }

    /// A recording that could not be read.
    pub fn failed(name: &str, error: &str) -> Self {
        Entry {
            about: json!({ "name": name, "error": error }),
            files: Vec::new(),
        }
    }
}

impl<W: Write> Page<W> {
    /// Writes everything that comes before the recordings.
    pub fn begin(out: W, head: &Head) -> io::Result<Self> {
        Ok(Page {
            page: page::Page::begin(out, head.title, STYLE, &top(head))?,
            entries: 0,
        })
    }

    /// How many recordings are on it.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Adds a recording.
    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        self.page.add_data("recording", &entry.about)?;
        for (name, bytes) in &entry.files {
            self.page.add_file(&format!("{name}-{}", self.entries), bytes)?;
        }
        self.entries += 1;
        Ok(())
    }

    /// Writes what comes after the recordings.
    pub fn end(mut self) -> io::Result<W> {
        // The player of `aeden web`, of which this page is one file.
        self.page
            .add_module(&[aeden_page::PLAYER, aeden_page::LOUDNESS, SCRIPT])?;
        self.page.end("")
    }
}

/// What stands on the page before its script has run, and the places that that fills.
fn top(head: &Head) -> Markup {
    let keys = |keys: &[&str]| html! { @for key in keys { kbd { (key) } " " } };
    html! {
        header.top {
            div {
                h1 { (logo()) " " (head.title) }
                p.muted {
                    "aeden " (env!("CARGO_PKG_VERSION")) ", model " (head.model) "; " (head.settings)
                }
            }
            div.tools {
                label.switch { input type="checkbox" #match; " Match loudness" }
                button type="button" #theme aria-label="Light or dark" { "◐" }
            }
        }
        noscript { p.notice { "This page needs JavaScript; it loads nothing from anywhere." } }
        main {
            section.tiles #tiles aria-label="Summary" {}
            div.scroll { table #table { thead {} tbody {} } }
            section #cards aria-label="Recordings" {}
        }
        footer.muted {
            p {
                (keys(&["Space"])) "play or pause · " (keys(&["A"])) "before · " (keys(&["B"])) "after · "
                (keys(&["R"])) "removed · " (keys(&["X"])) "between before and after · "
                (keys(&["←", "→"])) "2 s back or on · " (keys(&["↑", "↓"]))
                "other recording · " (keys(&["+", "-", "0"])) "zoom in, out, show all · " (keys(&["[", "]"]))
                "select from here, to here · " (keys(&["L"])) "loop · " (keys(&["Esc"])) "no selection · a click into a spectrogram \
                 plays that version from there, a drag loops what it crosses, the wheel zooms, with Shift it moves."
            }
            p {
                "SNR is an estimate: loud blocks against the noise floor, the level that a tenth of all 50 ms blocks stay \
                 below. Loudness after EBU R 128, true peak after ITU-R BS.1770. All figures are of the whole recordings. \
                 What can be heard is lossless at 16 bits; of long recordings it is the part that is loudest once \
                 cleaned. “Match loudness” plays the cleaned sound, and what was removed, at the loudness of the original, so that louder \
                 is not mistaken for better."
            }
        }
    }
}
