//! Spectrograms of a recording before and after cleaning, and of what was removed, as one PNG picture.

use realfft::{RealFftPlanner, RealToComplex};
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

/// Pixels of one spectrogram, one a frequency band; the width is that of the finished picture.
const ROWS: usize = 240;
const WIDTH: usize = 1000;
const LEFT: usize = 90;
const RIGHT: usize = 110;
const TOP: usize = 40;
const GAP: usize = 52;
const BOTTOM: usize = 50;
/// The darkest colour stands for so much less than the brightest, in dB.
pub const RANGE: f32 = 80.0;
/// Colours of a picture with few bytes.
const SHADES: usize = 96;

/// Powers over time and frequency, in memory that does not grow with the recording: whenever there are twice as many
/// columns as the picture is wide, neighbours are merged. Frequencies stand on the mel scale, where speech has room.
pub struct Spectrogram {
    transform: Arc<dyn RealToComplex<f32>>,
    taper: Vec<f32>,
    /// Samples between transforms.
    hop: usize,
    rate: u32,
    /// Samples not yet transformed, by channel.
    waiting: Vec<VecDeque<f32>>,
    /// First and last bin of every row.
    bands: Vec<(usize, usize)>,
    columns: Vec<[f32; ROWS]>,
    /// Transforms in a column, and in the last one so far.
    full: usize,
    in_last: usize,
    frames: u64,
}

impl Spectrogram {
    /// Starts at the beginning of a recording.
    pub fn new(rate: u32, channels: usize) -> Self {
        // 43 ms at 48 kHz.
        let window = (rate as usize / 24).next_power_of_two();
        let taper = (0..window).map(|n| {
            let phase = std::f32::consts::TAU * n as f32 / window as f32;
            0.5 - 0.5 * phase.cos()
        });
        let bin = rate as f32 / window as f32;
        let bands = (0..ROWS).map(|row| {
            let low = frequency_at(row as f32 / ROWS as f32, rate) / bin;
            let high = frequency_at((row + 1) as f32 / ROWS as f32, rate) / bin;
            let middle = ((low + high) / 2.0).round();
            (
                (low.ceil().min(middle) as usize).min(window / 2),
                (high.floor().max(middle) as usize).min(window / 2),
            )
        });
        Spectrogram {
            transform: RealFftPlanner::new().plan_fft_forward(window),
            bands: bands.collect(),
            taper: taper.collect(),
            hop: window / 4,
            rate,
            // The first transform has the first sample in its middle.
            waiting: vec![VecDeque::from(vec![0.0; window / 2]); channels],
            columns: Vec::new(),
            full: 1,
            in_last: 0,
            frames: 0,
        }
    }

    /// Takes the next samples, one vector a channel.
    pub fn push(&mut self, planes: &[Vec<f32>]) {
        self.frames += planes.first().map_or(0, Vec::len) as u64;
        for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
            waiting.extend(plane);
        }
        self.transform_waiting();
    }

    /// Ends the recording.
    pub fn finish(&mut self) {
        for waiting in &mut self.waiting {
            waiting.extend(vec![0.0; self.taper.len() / 2]);
        }
        self.transform_waiting();
    }

    fn transform_waiting(&mut self) {
        let window = self.taper.len();
        let (mut input, mut output) = (self.transform.make_input_vec(), self.transform.make_output_vec());
        // A full-scale sine has power 1.
        let scale = (4.0 / window as f32).powi(2) / self.waiting.len() as f32;
        while self
            .waiting
            .first()
            .is_some_and(|waiting| waiting.len() >= window)
        {
            let mut power = vec![0.0f32; output.len()];
            for waiting in &mut self.waiting {
                for ((x, &sample), &taper) in input.iter_mut().zip(waiting.iter()).zip(&self.taper) {
                    *x = sample * taper;
                }
                waiting.drain(..self.hop);
                if self.transform.process(&mut input, &mut output).is_ok() {
                    power
                        .iter_mut()
                        .zip(&output)
                        .for_each(|(p, x)| *p += x.norm_sqr() * scale);
                }
            }
            self.add_column(&power);
        }
    }

    fn add_column(&mut self, power: &[f32]) {
        if self.columns.is_empty() || self.in_last == self.full {
            if self.columns.len() == 2 * WIDTH {
                for i in 0..WIDTH {
                    let (a, b) = (self.columns[2 * i], self.columns[2 * i + 1]);
                    self.columns[i] = std::array::from_fn(|row| a[row] + b[row]);
                }
                self.columns.truncate(WIDTH);
                self.full *= 2;
            }
            self.columns.push([0.0; ROWS]);
            self.in_last = 0;
        }
        self.in_last += 1;
        let Some(column) = self.columns.last_mut() else {
            return;
        };
        for (sum, &(first, last)) in column.iter_mut().zip(&self.bands) {
            *sum += power[first..=last].iter().sum::<f32>() / (last - first + 1) as f32;
        }
    }

    fn seconds(&self) -> f64 {
        self.frames as f64 / f64::from(self.rate)
    }

    /// Level in dBFS at a place of the picture.
    fn level(&self, x: usize, row: usize) -> f32 {
        if self.columns.is_empty() {
            return f32::NEG_INFINITY;
        }
        let first = x * self.columns.len() / WIDTH;
        let last = ((x + 1) * self.columns.len())
            .div_ceil(WIDTH)
            .max(first + 1)
            .min(self.columns.len());
        let sum: f32 = (first..last)
            .map(|i| self.columns[i][row] / self.transforms_in(i) as f32)
            .sum();
        10.0 * (sum / (last - first) as f32).log10()
    }

    fn transforms_in(&self, column: usize) -> usize {
        if column + 1 == self.columns.len() {
            self.in_last
        } else {
            self.full
        }
    }

    fn loudest(&self) -> f32 {
        let levels = (0..self.columns.len()).flat_map(|i| {
            let transforms = self.transforms_in(i) as f32;
            self.columns[i].iter().map(move |power| power / transforms)
        });
        10.0 * levels.fold(0.0, f32::max).log10()
    }
}

/// Mel scale of O'Shaughnessy (1987), as a share of half the sampling rate's.
fn position_of(frequency: f32, rate: u32) -> f32 {
    let mel = |f: f32| (f / 700.0).ln_1p();
    mel(frequency) / mel(rate as f32 / 2.0)
}

fn frequency_at(position: f32, rate: u32) -> f32 {
    700.0 * (position * (rate as f32 / 1400.0).ln_1p()).exp_m1()
}

/// The level in dBFS that the brightest colour stands for.
fn brightest_of(before: &Spectrogram, after: &Spectrogram) -> f32 {
    let loudest = before.loudest().max(after.loudest());
    // Silence is drawn on the scale of full scale.
    if loudest > -100.0 {
        (loudest / 10.0).ceil() * 10.0
    } else {
        0.0
    }
}

/// Frequencies with a tick: in Hz, and their place as a share of the height from below.
pub fn frequency_ticks(rate: u32) -> impl Iterator<Item = (u32, f32)> {
    let ticks = [0, 200, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000];
    let placed = ticks
        .into_iter()
        .map(move |frequency| (frequency, position_of(frequency as f32, rate)));
    placed.filter(|(_, position)| *position < 1.0)
}

/// The three spectrograms on the colours of one scale, without axes, as PNG files of few bytes; and the level in dBFS of
/// the brightest colour. The darkest stands for [`RANGE`] dB less.
pub fn pictures(spectrograms: [&Spectrogram; 3]) -> io::Result<([Vec<u8>; 3], f32)> {
    let brightest = brightest_of(spectrograms[0], spectrograms[1]);
    let mut files = [(); 3].map(|()| Vec::new());
    for (spectrogram, file) in spectrograms.into_iter().zip(&mut files) {
        let places = (0..ROWS).rev().flat_map(|row| (0..WIDTH).map(move |x| (x, row)));
        let pixels: Vec<u8> = places
            .map(|(x, row)| {
                let value = (spectrogram.level(x, row) - brightest) / RANGE + 1.0;
                (value.clamp(0.0, 1.0) * (SHADES - 1) as f32) as u8
            })
            .collect();
        let mut encoder = png::Encoder::new(file, WIDTH as u32, ROWS as u32);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(
            (0..SHADES)
                .flat_map(|i| colour(i as f32 / (SHADES - 1) as f32))
                .collect::<Vec<_>>(),
        );
        write_png(encoder, &pixels)?;
    }
    Ok((files, brightest))
}

fn write_png(encoder: png::Encoder<impl Write>, pixels: &[u8]) -> io::Result<()> {
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.map_err(|e| match e {
        png::EncodingError::IoError(e) => e,
        other => io::Error::other(other),
    })
}

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

    picture.text(LEFT, top - TITLE, title);
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
    picture.text_before(LEFT - 10, line.saturating_sub(7), &format!("{threshold:.1}"));
    picture.text_before(LEFT - 10, top, &format!("{highest:.1}"));
    picture.times(top + ROWS, seconds, true);
    picture.write(out)
}

fn panel_top(number: usize) -> usize {
    TOP + number * (ROWS + GAP)
}

/// 1, 2 or 5 times a power of ten, such that there are about ten ticks.
fn tick_step(seconds: f64) -> f64 {
    let rough = (seconds / 10.0).max(1e-3);
    let decade = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * decade >= rough * 0.999);
    factor.unwrap_or(10.0) * decade
}

/// From dark at 0 to bright at 1, through colours whose lightness rises all the way.
fn colour(value: f32) -> [u8; 3] {
    const STOPS: [[f32; 3]; 6] = [
        [4.0, 4.0, 16.0],
        [52.0, 16.0, 96.0],
        [128.0, 32.0, 120.0],
        [214.0, 68.0, 88.0],
        [250.0, 150.0, 70.0],
        [252.0, 248.0, 196.0],
    ];
    let place = value.clamp(0.0, 1.0) * (STOPS.len() - 1) as f32;
    let stop = (place as usize).min(STOPS.len() - 2);
    let share = place - stop as f32;
    std::array::from_fn(|i| (STOPS[stop][i] * (1.0 - share) + STOPS[stop + 1][i] * share) as u8)
}

/// Pixels from the top of a title or unit to that of its panel: more than half a label beside the panel's top edge and the
/// title itself are high.
const TITLE: usize = 24;

const INK: [u8; 3] = [30, 30, 30];
const MARK: [u8; 3] = [214, 40, 40];
/// Pixels of the picture to a dot of a letter, and dots of a letter with the space after it.
const DOT: usize = 2;
const ADVANCE: usize = 6 * DOT;
const LINE: usize = 7 * DOT;

struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
    /// Where texts are: left, top, right, bottom.
    texts: Vec<[usize; 4]>,
}

impl Picture {
    fn new(width: usize, height: usize) -> Self {
        Picture {
            width,
            height,
            pixels: vec![0xff; width * height * 3],
            texts: Vec::new(),
        }
    }

    fn dot(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 3;
            self.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }

    /// A spectrogram with its title above and frequencies beside it.
    fn spectrogram(&mut self, top: usize, title: &str, spectrogram: &Spectrogram, brightest: f32) {
        self.text(LEFT, top - TITLE, title);
        self.text_before(LEFT - 10, top - TITLE, "Hz");
        for x in 0..WIDTH {
            for row in 0..ROWS {
                let level = spectrogram.level(x, row);
                self.dot(
                    LEFT + x,
                    top + ROWS - 1 - row,
                    colour((level - brightest) / RANGE + 1.0),
                );
            }
        }
        for (frequency, position) in frequency_ticks(spectrogram.rate) {
            let y = top + ROWS - 1 - (position * (ROWS - 1) as f32) as usize;
            self.line(LEFT - 6, y, 6, 1);
            self.text_before(LEFT - 10, y.saturating_sub(7), &frequency.to_string());
        }
    }

    /// Ticks of the time axis, and what they say.
    fn times(&mut self, y: usize, seconds: f64, with_numbers: bool) {
        let step = tick_step(seconds);
        for tick in 0..=(seconds / step + 1e-9) as usize {
            let at = tick as f64 * step;
            let x = LEFT
                + if seconds > 0.0 {
                    (at / seconds * (WIDTH - 1) as f64) as usize
                } else {
                    0
                };
            self.line(x, y, 1, 6);
            if with_numbers {
                let digits = if step < 1.0 {
                    (-step.log10()).ceil() as usize
                } else {
                    0
                };
                self.text_around(x, y + 12, &format!("{at:.digits$}"));
            }
        }
        if with_numbers {
            self.text(LEFT + WIDTH + 30, y + 12, "s");
        }
    }

    /// What the colours stand for, beside the first panel.
    fn scale(&mut self, brightest: f32) {
        let bar = LEFT + WIDTH + 20;
        for y in 0..ROWS {
            for x in 0..16 {
                self.dot(bar + x, TOP + ROWS - 1 - y, colour(y as f32 / (ROWS - 1) as f32));
            }
        }
        self.text(bar, TOP - TITLE, "dBFS");
        for part in 0..=4 {
            let y = TOP + (ROWS - 1) * part / 4;
            self.line(bar + 16, y, 5, 1);
            let level = brightest - RANGE * part as f32 / 4.0;
            self.text(
                bar + 26,
                (y.saturating_sub(7)).max(TOP - 7),
                &format!("{level:.0}"),
            );
        }
    }

    fn line(&mut self, x: usize, y: usize, width: usize, height: usize) {
        for dy in 0..height {
            for dx in 0..width {
                self.dot(x + dx, y + dy, INK);
            }
        }
    }

    /// A text, unless it would lie over another one: then it is left out, as ticks that are close have but one number.
    fn text(&mut self, x: usize, y: usize, text: &str) {
        let place = [x, y, x + text.len() * ADVANCE, y + LINE];
        let over = |other: &[usize; 4]| {
            place[0] < other[2] && other[0] < place[2] && place[1] < other[3] && other[1] < place[3]
        };
        if self.texts.iter().any(over) {
            return;
        }
        self.texts.push(place);
        for (i, letter) in text.chars().enumerate() {
            for (row, bits) in glyph(letter).into_iter().enumerate() {
                for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                    self.line(x + i * ADVANCE + column * DOT, y + row * DOT, DOT, DOT);
                }
            }
        }
    }

    /// Text that ends at `x`.
    fn text_before(&mut self, x: usize, y: usize, text: &str) {
        self.text(x.saturating_sub(text.len() * ADVANCE - DOT), y, text);
    }

    /// Text whose middle is at `x`.
    fn text_around(&mut self, x: usize, y: usize, text: &str) {
        self.text(x.saturating_sub((text.len() * ADVANCE - DOT) / 2), y, text);
    }

    fn write(&self, out: impl Write) -> io::Result<()> {
        let mut encoder = png::Encoder::new(out, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        write_png(encoder, &self.pixels)
    }
}

/// The letters that the axes need, seven rows of five dots, the leftmost dot in the highest bit.
fn glyph(letter: char) -> [u8; 7] {
    match letter {
        '0' => [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        '1' => [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        '2' => [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
        '3' => [0b11110, 0b00001, 0b00001, 0b01110, 0b00001, 0b00001, 0b11110],
        '4' => [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        '5' => [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
        '6' => [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
        '7' => [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
        '8' => [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
        '9' => [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
        '.' => [0, 0, 0, 0, 0, 0b01100, 0b01100],
        '-' => [0, 0, 0, 0b11111, 0, 0, 0],
        'B' => [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110],
        'F' => [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000],
        'H' => [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        'S' => [0b01111, 0b10000, 0b10000, 0b01110, 0b00001, 0b00001, 0b11110],
        'a' => [0, 0, 0b01110, 0b00001, 0b01111, 0b10001, 0b01111],
        'b' => [0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b10001, 0b11110],
        'c' => [0, 0, 0b01111, 0b10000, 0b10000, 0b10000, 0b01111],
        'd' => [0b00001, 0b00001, 0b01111, 0b10001, 0b10001, 0b10001, 0b01111],
        'e' => [0, 0, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110],
        'f' => [0b00110, 0b01001, 0b01000, 0b11100, 0b01000, 0b01000, 0b01000],
        'h' => [0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b10001, 0b10001],
        'm' => [0, 0, 0b11010, 0b10101, 0b10101, 0b10101, 0b10101],
        'n' => [0, 0, 0b10110, 0b11001, 0b10001, 0b10001, 0b10001],
        'o' => [0, 0, 0b01110, 0b10001, 0b10001, 0b10001, 0b01110],
        'r' => [0, 0, 0b10110, 0b11001, 0b10000, 0b10000, 0b10000],
        's' => [0, 0, 0b01111, 0b10000, 0b01110, 0b00001, 0b11110],
        't' => [0b01000, 0b01000, 0b11100, 0b01000, 0b01000, 0b01001, 0b00110],
        'u' => [0, 0, 0b10001, 0b10001, 0b10001, 0b10011, 0b01101],
        'v' => [0, 0, 0b10001, 0b10001, 0b10001, 0b01010, 0b00100],
        'z' => [0, 0, 0b11111, 0b00010, 0b00100, 0b01000, 0b11111],
        _ => [0; 7],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_picture_says_has_its_own_place() {
        for rate in [8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000] {
            for brightest in [-100.0, -10.0, 0.0, 20.0] {
                let sound = Spectrogram::new(rate, 1);
                let mut picture = Picture::new(LEFT + WIDTH + RIGHT, panel_top(1) + ROWS + BOTTOM);
                picture.spectrogram(panel_top(0), "before", &sound, brightest);
                picture.times(panel_top(0) + ROWS, 3600.0, true);
                picture.scale(brightest);
                // Title, Hz, dBFS and its five levels, eight times and their s; at least four frequencies.
                let least = 3 + 5 + 9 + 4;
                assert!(picture.texts.len() >= least, "{rate} Hz: {}", picture.texts.len());
                let inside = |[left, top, right, bottom]: &[usize; 4]| {
                    left < right && top < bottom && *right <= picture.width && *bottom <= picture.height
                };
                assert!(picture.texts.iter().all(inside), "{rate} Hz");
            }
        }
    }
}
