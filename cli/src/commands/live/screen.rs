//! What a person sees: a meter on a terminal, lines elsewhere. Everything here goes to standard error.

use aeden_live::status::Status;
use aeden_media::problem::one_line;
use std::io::{IsTerminal, Write, stderr};

/// The quietest level that the meter shows, in dBFS.
const QUIETEST: f64 = -60.0;

/// Characters of a meter's bar.
const WIDTH: usize = 20;

/// Standard error.
pub struct Screen {
    terminal: bool,
    meter: bool,
    drawn: bool,
}

impl Screen {
    /// Draws a meter if standard error is a terminal and no lines of statistics are wanted instead.
    pub fn new(statistics: bool) -> Self {
        let terminal = stderr().is_terminal();
        Screen {
            terminal,
            meter: terminal && !statistics,
            drawn: false,
        }
    }

    /// Whether [`meter`](Self::meter) shows anything.
    pub fn draws_meter(&self) -> bool {
        self.meter
    }

    /// Prints a line above the meter.
    pub fn say(&mut self, text: &str) {
        let text = one_line(text);
        // The keyboard's raw mode leaves the cursor where it is; nobody may be listening.
        let (start, end) = if self.terminal {
            ("\r\x1b[K", "\r\n")
        } else {
            ("", "\n")
        };
        let _ = write!(stderr(), "{start}aeden: live: {text}{end}");
        self.drawn = false;
    }

    /// Draws the meter.
    pub fn meter(&mut self, status: &Status) {
        if !self.meter {
            return;
        }
        let columns = crossterm::terminal::size().map_or(80, |(columns, _)| usize::from(columns));
        // A line that is longer than the terminal is wide could not be drawn over.
        let line: String = meter(status).chars().take(columns.saturating_sub(1)).collect();
        let _ = write!(stderr(), "\r\x1b[K{line}");
        let _ = stderr().flush();
        self.drawn = true;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(stderr(), "\r\n");
        }
    }
}

/// The most important first: narrow terminals show only that.
fn meter(status: &Status) -> String {
    let level = |db: Option<f64>| bar(db.unwrap_or(QUIETEST));
    let state = match (status.running, status.bypass) {
        (false, _) => "waiting  ",
        (true, true) => "BYPASS  ",
        (true, false) => "",
    };
    format!(
        "{state}in {} out {} removed {:4.1} dB  delay {:.0} ms  load {:.0} %  gaps {}  mix {:.0} %",
        level(status.level_in_db),
        level(status.level_out_db),
        // Without the sign of a zero.
        status.reduction_db.unwrap_or(0.0).max(0.0),
        status.latency_ms.unwrap_or(0.0),
        100.0 * status.load.unwrap_or(0.0),
        status.underruns + status.device_underruns,
        100.0 * status.mix,
    )
}

fn bar(db: f64) -> String {
    let full = ((db - QUIETEST) / -QUIETEST * WIDTH as f64)
        .round()
        .clamp(0.0, WIDTH as f64) as usize;
    format!("[{:<WIDTH$}]", "#".repeat(full))
}

/// One line of statistics for a person.
pub fn line(status: &Status) -> String {
    let number = |value: Option<f64>, digits: usize| value.map_or("-".into(), |v| format!("{v:.digits$}"));
    format!(
        "{:.0} s  {}  latency {} ms  load {} %  drift {} ppm  in {} dB  out {} dB  reduction {} dB  underruns {} ({:.0} ms)  \
         skipped {:.0} ms  lost {:.0} ms  restarts {}",
        status.seconds,
        if status.running { "running" } else { "waiting" },
        number(status.latency_ms, 1),
        number(status.load.map(|load| 100.0 * load), 1),
        number(status.drift_ppm, 0),
        number(status.level_in_db, 1),
        number(status.level_out_db, 1),
        number(status.reduction_db, 1),
        status.underruns,
        status.lacked_ms,
        status.skipped_ms,
        status.lost_ms,
        status.restarts,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_reach_from_quiet_to_full_scale_and_not_beyond() {
        let marks = |db| bar(db).matches('#').count();
        assert_eq!(
            [-200.0, QUIETEST, QUIETEST / 2.0, 0.0, 10.0].map(marks),
            [0, 0, WIDTH / 2, WIDTH, WIDTH]
        );
    }

    #[test]
    fn every_number_of_the_meter_says_what_it_is() {
        let status = Status {
            running: true,
            reduction_db: Some(12.34),
            latency_ms: Some(43.0),
            load: Some(0.05),
            mix: 1.0,
            ..Status::default()
        };
        let line = meter(&status);
        for part in [
            "removed 12.3 dB",
            "delay 43 ms",
            "load 5 %",
            "gaps 0",
            "mix 100 %",
        ] {
            assert!(line.contains(part), "no {part} in {line}");
        }
    }
}
