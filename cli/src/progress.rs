//! Progress bars on a terminal; nothing elsewhere.

use crate::problem::one_line;
use indicatif::{
    HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

/// All bars of a run, and the lines that are printed between them.
#[derive(Clone)]
pub struct Progress {
    bars: MultiProgress,
    shown: bool,
}

/// The bar of one file. It vanishes when it is dropped.
pub struct FileProgress {
    bar: ProgressBar,
}

impl Progress {
    /// Draws on standard error if that is a terminal and the user wants it.
    pub fn new(wanted: bool) -> Self {
        let shown = wanted && std::io::stderr().is_terminal();
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Progress {
            bars: MultiProgress::with_draw_target(target),
            shown,
        }
    }

    /// Whether anything is drawn.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// A bar for a file of `frames` frames, as far as that is known.
    pub fn file(&self, name: &Path, frames: Option<u64>, rate: u32) -> FileProgress {
        if !self.shown {
            return FileProgress {
                bar: ProgressBar::hidden(),
            };
        }
        let rate = f64::from(rate);
        let speed = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(out, "{:.0} x real time", state.per_sec() / rate);
        };
        let heard = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = write!(
                out,
                "{}",
                HumanDuration(Duration::from_secs_f64(state.pos() as f64 / rate))
            );
        };
        let (bar, template) = match frames {
            Some(frames) => (
                ProgressBar::new(frames),
                "{msg} [{bar:30}] {percent}%  {speed}  {eta} left",
            ),
            None => (ProgressBar::no_length(), "{msg} {spinner} {heard}  {speed}"),
        };
        // The templates are constants that the tests draw.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let style = style
            .progress_chars("=> ")
            .with_key("speed", speed)
            .with_key("heard", heard);
        let bar = self.bars.add(
            bar.with_style(style)
                .with_message(one_line(&name.display().to_string())),
        );
        FileProgress { bar }
    }

    /// Prints one line to standard error without tearing a bar.
    pub fn line(&self, text: &str) {
        let text = one_line(text);
        // Nobody may be listening, which is no reason to stop.
        self.bars.suspend(|| _ = writeln!(std::io::stderr(), "{text}"));
    }
}

impl FileProgress {
    /// So many frames more have been done.
    pub fn advance(&self, frames: usize) {
        self.bar.inc(frames as u64);
    }
}

impl Drop for FileProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
