//! A picture with axes and letters.

use super::png::{RANGE, colour, write_png};
use super::spectrogram::{ROWS, Spectrogram, WIDTH, frequency_ticks};
use embedded_graphics::Pixel;
use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::iso_8859_1::FONT_10X20;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{DrawTarget, Drawable, OriginDimensions, Point, RgbColor, Size};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyleBuilder};
use std::convert::Infallible;
use std::io::{self, Write};

/// Pixels to the left of the panels, and above the first.
pub const LEFT: usize = 90;
pub const TOP: usize = 40;

/// Pixels from the middle of a title down to its panel, and from a panel down to the middle of its times.
const TITLE: usize = 24;
const TIMES: usize = 18;

/// What lines and letters are drawn with.
pub const INK: [u8; 3] = [30, 30, 30];
/// What stands out.
pub const MARK: [u8; 3] = [214, 40, 40];

/// A picture that is being drawn.
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// All white.
    pub fn new(width: usize, height: usize) -> Self {
        Picture {
            width,
            height,
            pixels: vec![0xff; width * height * 3],
        }
    }

    /// Colours one pixel, if it lies in the picture.
    pub fn dot(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 3;
            self.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }

    /// A spectrogram with its title above and frequencies beside it.
    pub fn spectrogram(&mut self, top: usize, title: &str, spectrogram: &Spectrogram, brightest: f32) {
        self.title(top, title);
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
            self.text_before(LEFT - 10, y, &frequency.to_string());
        }
        self.text_before(LEFT - 10, top - TITLE, "Hz");
    }

    /// Ticks of the time axis, and what they say.
    pub fn times(&mut self, y: usize, seconds: f64, with_numbers: bool) {
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
                self.text_around(x, y + TIMES, &format!("{at:.digits$}"));
            }
        }
        if with_numbers {
            self.text(LEFT + WIDTH + 30, y + TIMES, "s");
        }
    }

    /// What the colours stand for, beside the first panel.
    pub fn scale(&mut self, brightest: f32) {
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
            self.text(bar + 26, y, &format!("{level:.0}"));
        }
    }

    fn line(&mut self, x: usize, y: usize, width: usize, height: usize) {
        for dy in 0..height {
            for dx in 0..width {
                self.dot(x + dx, y + dy, INK);
            }
        }
    }

    /// The title of a panel.
    pub fn title(&mut self, top: usize, title: &str) {
        self.text(LEFT, top - TITLE, title);
    }

    /// Text that begins at `x`, with its middle at the height `y`.
    pub fn text(&mut self, x: usize, y: usize, text: &str) {
        self.letters(x, y, text, Alignment::Left);
    }

    /// Text that ends at `x`.
    pub fn text_before(&mut self, x: usize, y: usize, text: &str) {
        self.letters(x, y, text, Alignment::Right);
    }

    /// Text whose middle is at `x`.
    fn text_around(&mut self, x: usize, y: usize, text: &str) {
        self.letters(x, y, text, Alignment::Center);
    }

    fn letters(&mut self, x: usize, y: usize, text: &str, alignment: Alignment) {
        let [r, g, b] = INK;
        let letters = MonoTextStyle::new(&FONT_10X20, Rgb888::new(r, g, b));
        let style = TextStyleBuilder::new()
            .alignment(alignment)
            .baseline(Baseline::Middle)
            .build();
        let place = Point::new(x as i32, y as i32);
        let Ok(_) = Text::with_text_style(text, place, letters, style).draw(self);
    }

    /// As a PNG file.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let mut encoder = png::Encoder::new(out, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        write_png(encoder, &self.pixels)
    }
}

impl OriginDimensions for Picture {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Picture {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(place, colour) in pixels {
            if let (Ok(x), Ok(y)) = (usize::try_from(place.x), usize::try_from(place.y)) {
                self.dot(x, y, [colour.r(), colour.g(), colour.b()]);
            }
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_and_sign_is_drawn_and_differs_from_the_others() {
        let drawn = |letter: char| {
            let mut picture = Picture::new(16, 24);
            picture.text(2, 12, &letter.to_string());
            picture.pixels
        };
        let blank = Picture::new(16, 24).pixels;
        let letters: Vec<char> = ('!'..='~').chain(['°', 'µ', 'ü']).collect();
        for (i, &letter) in letters.iter().enumerate() {
            assert_ne!(drawn(letter), blank, "{letter}");
            for &other in &letters[..i] {
                assert_ne!(drawn(letter), drawn(other), "{letter} {other}");
            }
        }
    }

    #[test]
    fn nothing_lies_over_the_numbers_of_the_scale() {
        // Rows of pixels in which the unit and the highest level stand.
        let rows = |draw: &dyn Fn(&mut Picture)| {
            let mut picture = Picture::new(LEFT + WIDTH + 110, TOP + ROWS + 50);
            draw(&mut picture);
            let inked = |row: &&[u8]| row.iter().any(|x| *x != 0xff);
            let rows: Vec<bool> = picture
                .pixels
                .chunks(3 * picture.width)
                .map(|row| inked(&row))
                .collect();
            rows
        };
        let unit = rows(&|picture| picture.text(LEFT, TOP - TITLE, "dBFS"));
        let level = rows(&|picture| picture.text(LEFT, TOP, "-10"));
        assert!(unit.iter().zip(&level).all(|(a, b)| !(a & b)));
    }
}
