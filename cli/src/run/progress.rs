//! Progress bars on a terminal; nothing elsewhere.

use aeden_media::problem::{Problem, one_line};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Somebody who follows the work on a file otherwise than on a terminal.
pub trait Follower: Send + Sync {
    /// The sound is being cleaned: so many frames, as far as that is known, at a rate in Hz.
    fn begin(&self, frames: Option<u64>, rate: u32);

    /// Hears a block before and after cleaning, one vector a channel. An error ends the work.
    fn hear(&self, before: &[Vec<f32>], after: &[Vec<f32>]) -> Result<(), Problem>;

    /// Something else is done with the file now.
    fn turn_to(&self, what: &str);
}

/// All bars of a run, and the lines that are printed between them.
#[derive(Clone)]
pub struct Progress {
    bars: MultiProgress,
    shown: bool,
    /// The bar of all files together, in bytes of input.
    total: Option<ProgressBar>,
    share: Option<Arc<Share>>,
    follower: Option<Arc<dyn Follower>>,
}

/// What one file has in the bar of all. Whatever becomes of the file, in the end the bar has gone on by its size.
struct Share {
    total: ProgressBar,
    size: u64,
    done: AtomicU64,
}

/// The bar of one file. It vanishes when it is dropped.
pub struct FileProgress {
    bar: ProgressBar,
    name: String,
    rate: f64,
    share: Option<(Arc<Share>, f64)>,
    follower: Option<Arc<dyn Follower>>,
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
            total: None,
            share: None,
            follower: None,
        }
    }

    /// Draws nothing and tells a follower.
    pub fn followed(follower: Arc<dyn Follower>) -> Self {
        Progress {
            follower: Some(follower),
            ..Progress::new(false)
        }
    }

    /// The same with a bar below all others for `size` bytes of input.
    pub fn with_total(mut self, size: u64) -> Self {
        if self.shown {
            // Where there is nothing to do, nothing is a hundred percent of it.
            let template = match size {
                0 => "{msg}",
                _ => "{msg} [{bar:30}] {percent}%  {eta} left",
            };
            let style = ProgressStyle::with_template(template);
            let style = style
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ");
            self.total = Some(self.bars.add(ProgressBar::new(size).with_style(style)));
        }
        self
    }

    /// The same for the file whose input has `size` bytes of the total.
    pub fn of_file(&self, size: u64) -> Self {
        let share = self.total.clone().map(|total| {
            Arc::new(Share {
                total,
                size,
                done: AtomicU64::new(0),
            })
        });
        Progress {
            share,
            ..self.clone()
        }
    }

    /// Writes beside the bar of all files how they went so far.
    pub fn tell(&self, text: &str) {
        if let Some(total) = &self.total {
            total.set_message(text.to_owned());
        }
    }

    /// Takes the bar of all files away.
    pub fn finish(&self) {
        if let Some(total) = &self.total {
            total.finish_and_clear();
        }
    }

    /// Whether anything is drawn.
    pub fn is_shown(&self) -> bool {
        self.shown
    }

    /// A bar for a file of `frames` frames, as far as that is known.
    pub fn file(&self, name: &Path, frames: Option<u64>, rate: u32) -> FileProgress {
        let follower = self.follower.clone();
        if let Some(follower) = &follower {
            follower.begin(frames, rate);
        }
        if !self.shown {
            return FileProgress {
                bar: ProgressBar::hidden(),
                name: String::new(),
                rate: 1.0,
                share: None,
                follower,
            };
        }
        let rate = f64::from(rate);
        // At first nothing is known of it.
        let speed = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            if state.elapsed() >= Duration::from_secs(1) {
                let _ = write!(out, "{}", Speed(state.per_sec() / rate));
            }
        };
        let heard = move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let seconds = (state.pos() as f64 / rate) as u64;
            let _ = write!(out, "{}:{:02} done", seconds / 60, seconds % 60);
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
        let name = one_line(&name.display().to_string());
        let bar = bar.with_style(style).with_message(name.clone());
        let bar = match &self.total {
            Some(total) => self.bars.insert_before(total, bar),
            None => self.bars.add(bar),
        };
        let share = self.share.clone().zip(frames.filter(|frames| *frames > 0));
        let share = share.map(|(share, frames)| {
            let bytes_a_frame = share.size as f64 / frames as f64;
            (share, bytes_a_frame)
        });
        FileProgress {
            bar,
            name,
            rate,
            share,
            follower,
        }
    }

    /// Prints one line to standard error without tearing a bar.
    pub fn line(&self, text: &str) {
        let text = one_line(text);
        // Nobody may be listening, which is no reason to stop.
        self.bars.suspend(|| _ = writeln!(std::io::stderr(), "{text}"));
    }
}

impl FileProgress {
    /// A block has been cleaned. The error is that of a follower.
    pub fn hear(&self, before: &[Vec<f32>], after: &[Vec<f32>]) -> Result<(), Problem> {
        self.advance(before.first().map_or(0, Vec::len));
        self.follower
            .as_ref()
            .map_or(Ok(()), |follower| follower.hear(before, after))
    }

    /// So many frames more have been done.
    pub fn advance(&self, frames: usize) {
        self.bar.inc(frames as u64);
        if let Some((share, bytes_a_frame)) = &self.share {
            share.advance((frames as f64 * bytes_a_frame) as u64);
        }
    }
}

impl aeden_media::ffmpeg::film::Progress for FileProgress {
    // Something else is done with the file now, which `reach` may tell more about: the bar begins again.
    fn begin(&self, what: &str) {
        if let Some(follower) = &self.follower {
            follower.turn_to(what);
        }
        if self.bar.is_hidden() {
            return;
        }
        // How far it is where that is told; otherwise how long it has been at it, and a sign of life.
        let part = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            if state.pos() > 0 && state.len().is_some() {
                let _ = write!(out, "{:.0}%  ", 100.0 * state.fraction());
            }
        };
        let style = ProgressStyle::with_template("{msg} {spinner} {part}{elapsed}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        self.bar.set_style(style.with_key("part", part));
        self.bar.set_message(format!("{}: {what}", self.name));
        self.bar.reset();
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }

    fn reach(&self, seconds: f64) {
        self.bar.set_position((seconds * self.rate) as u64);
    }
}

impl Share {
    fn advance(&self, bytes: u64) {
        let before = self.done.fetch_add(bytes, Ordering::Relaxed);
        self.total.inc(bytes.min(self.size.saturating_sub(before)));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.advance(self.size);
    }
}

impl Drop for FileProgress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// How many times faster than the sound lasts, for a person: whole numbers, and a digit more where one would be zero.
pub struct Speed(pub f64);

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = usize::from(self.0 < 9.95);
        write!(f, "{:.digits$} x real time", self.0)
    }
}
