//! Pictures of recordings: spectrograms under one another, or above a curve, as PNG files.

mod picture;
mod png;
mod spectrogram;

use picture::{INK, LEFT, MARK, Picture, TOP};
use spectrogram::{ROWS, WIDTH, brightest_of};
use std::io::{self, Write};

pub use png::{RANGE, pictures};
pub use spectrogram::{Spectrogram, frequency_ticks};

/// Pixels to the right of the panels, between them and below.
const RIGHT: usize = 110;
const GAP: usize = 60;
const BOTTOM: usize = 50;

/// Draws spectrograms with their titles under one another, in seconds, with frequencies in Hz; the colours are those of the
/// loudest of the first two.
pub fn draw(panels: &[(&str, &Spectrogram)], out: impl Write) -> io::Result<()> {
    let bottom = panel_top(panels.len() - 1) + ROWS;
    let mut picture = Picture::new(LEFT + WIDTH + RIGHT, bottom + BOTTOM);
    let brightest = brightest_of(panels[0].1, panels[1].1);
    for (i, (title, spectrogram)) in panels.iter().enumerate() {
        picture.spectrogram(panel_top(i), title, spectrogram, brightest);
        // Numbers where the next one has another axis, too.
        let next = panels.get(i + 1).map(|(_, next)| next.seconds());
        picture.times(
            panel_top(i) + ROWS,
            spectrogram.seconds(),
            next != Some(spectrogram.seconds()),
        );
    }
    picture.scale(brightest);
    picture.write(out)
}

/// Draws a spectrogram, and below it a curve over the same time: `curve` has equally long steps, `threshold` is a line
/// across it. Where the curve is above it, and in the stretches `marked` (seconds), it is red.
pub fn draw_curve(
    spectrogram: &Spectrogram,
    (title, curve): (&str, &[f32]),
    threshold: f32,
    marked: &[(f64, f64)],
    out: impl Write,
) -> io::Result<()> {
    let (top, seconds) = (panel_top(1), spectrogram.seconds());
    let mut picture = Picture::new(LEFT + WIDTH + RIGHT, top + ROWS + BOTTOM);
    let brightest = brightest_of(spectrogram, spectrogram);
    picture.spectrogram(panel_top(0), "sound", spectrogram, brightest);
    picture.times(panel_top(0) + ROWS, seconds, false);
    picture.scale(brightest);

    picture.title(top, title);
    let highest = curve.iter().fold(2.0 * threshold, |m, &x| m.max(x)).max(1e-6);
    let row = |value: f32| ((value / highest).clamp(0.0, 1.0) * (ROWS - 1) as f32) as usize;
    for x in 0..WIDTH {
        let first = x * curve.len() / WIDTH;
        let last = ((x + 1) * curve.len())
            .div_ceil(WIDTH)
            .max(first + 1)
            .min(curve.len());
        let value = curve
            .get(first..last)
            .unwrap_or_default()
            .iter()
            .fold(0.0f32, |m, &v| m.max(v));
        let (from, to) = (
            x as f64 / WIDTH as f64 * seconds,
            (x + 1) as f64 / WIDTH as f64 * seconds,
        );
        let is_marked = marked.iter().any(|&(start, end)| start < to && end > from);
        for y in 0..=row(value) {
            picture.dot(LEFT + x, top + ROWS - 1 - y, if is_marked { MARK } else { INK });
        }
    }
    let line = top + ROWS - 1 - row(threshold);
    for x in (0..WIDTH).filter(|x| x % 8 < 4) {
        picture.dot(LEFT + x, line, MARK);
    }
    picture.text_before(LEFT - 10, line, &format!("{threshold:.1}"));
    picture.text_before(LEFT - 10, top, &format!("{highest:.1}"));
    picture.times(top + ROWS, seconds, true);
    picture.write(out)
}

fn panel_top(number: usize) -> usize {
    TOP + number * (ROWS + GAP)
}
