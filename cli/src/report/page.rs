//! The page as it is written: a frame, and one block of data for every recording, from which its script builds the rest.

use super::excerpt::Excerpt;
use crate::inspect::Findings;
use crate::plot::{RANGE, frequency_ticks, pictures};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{self, Write};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const BODY: &str = include_str!("page.html");

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
    out: W,
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
    pub fn begin(mut out: W, head: &Head) -> io::Result<Self> {
        let title = escape(head.title);
        write!(
            out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"generator\" content=\"aeden {}\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n",
            env!("CARGO_PKG_VERSION")
        )?;
        let made = format!("aeden {}, model {}", env!("CARGO_PKG_VERSION"), head.model);
        let body = BODY
            .replace("{{title}}", &title)
            .replace("{{settings}}", &escape(&head.settings))
            .replace("{{made}}", &escape(&made));
        out.write_all(body.as_bytes())?;
        Ok(Page { out, entries: 0 })
    }

    /// How many recordings are on it.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Adds a recording. Its data are text that no browser looks into before the script does.
    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let number = self.entries;
        // Nothing in it may end the element.
        let about = entry.about.to_string().replace('<', "\\u003c");
        writeln!(
            self.out,
            "<script type=\"application/json\" class=\"recording\">{about}</script>"
        )?;
        for (name, bytes) in &entry.files {
            let data = STANDARD.encode(bytes);
            writeln!(
                self.out,
                "<script type=\"text/plain\" id=\"{name}-{number}\">{data}</script>"
            )?;
        }
        self.entries += 1;
        Ok(())
    }

    /// Writes what comes after the recordings.
    pub fn end(mut self) -> io::Result<W> {
        write!(self.out, "<script>\n{SCRIPT}</script>\n</body>\n</html>\n")?;
        Ok(self.out)
    }
}

/// Text as HTML.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
