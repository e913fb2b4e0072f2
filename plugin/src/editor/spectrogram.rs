//! What came in and what is left, one above the other, as levels along time and frequency that scroll.
//!
//! The picture is a ring of columns: a new column replaces the oldest, and two rectangles show the ring in the order of time. So
//! a column is painted once, and scrolling paints nothing anew.

use super::analyser::{BANDS, COLUMN_SECONDS, Column, FLOOR, band_of};
use super::{spectrum, theme};
use egui::emath::GuiRounding;
use egui::epaint::{Mesh, Vertex};
use egui::{
    Align2, Color32, ColorImage, Painter, Pos2, Rect, Shape, TextureHandle, TextureOptions, Ui, lerp, pos2,
    remap_clamp, vec2,
};
use std::collections::VecDeque;

/// The most columns that are remembered, for windows that become wider; one is a pixel wide.
const MOST: usize = 3200;
/// The levels at which colours begin and end, in dB relative to full scale.
const QUIET: f32 = -92.0;
const LOUD: f32 = -26.0;
/// What is lowered by so much, in dB, has the colour of what is removed.
const GONE: f32 = 18.0;
/// The part of the colours that is dark, below the pure hue.
const DARK: f32 = 0.65;
/// Horizontal marks, in Hz.
const FREQUENCIES: [(f32, &str); 3] = [(100.0, "100"), (1_000.0, "1k"), (10_000.0, "10k")];
/// Points above the picture.
const ABOVE: f32 = 27.0;
/// Seconds between the marks of time.
const SECONDS: f32 = 5.0;

/// Draws it, and remembers what it shows.
#[derive(Default)]
pub struct Spectrogram {
    /// The last columns, the newest last.
    past: VecDeque<Column>,
    /// The newest ones that are not painted yet.
    fresh: usize,
    /// Columns since the last one with sound in it.
    silent: usize,
    picture: Option<Picture>,
}

/// A picture on its side: a row of it is a column of the spectrogram.
struct Picture {
    texture: TextureHandle,
    /// The row that comes next, the oldest.
    next: usize,
}

impl Spectrogram {
    /// Takes a column.
    pub fn push(&mut self, column: Column) {
        let sounds = column.iter().flatten().any(|level| *level > FLOOR);
        self.silent = if sounds { 0 } else { self.silent + 1 };
        if self.past.len() == MOST {
            self.past.pop_front();
        }
        self.past.push_back(column);
        self.fresh = (self.fresh + 1).min(self.past.len());
    }

    /// Tells whether there is any sound in it, which moves with every column.
    pub fn is_blank(&self) -> bool {
        self.silent >= self.past.len()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Draws it over a rectangle.
    pub fn show(&mut self, ui: &Ui, rect: Rect) {
        let painter = ui.painter_at(rect);
        theme::frame(&painter, rect);
        let scale = ui.pixels_per_point();
        let plot = spectrum::plot(rect, scale);
        let side = |points: f32| ((points * scale).round() as usize).clamp(2, 8192);
        // Below the names of the views; and of an even height, so that both halves are alike.
        let top = (plot.top() + ABOVE).round_to_pixels(scale);
        let plot = Rect::from_min_max(pos2(plot.left(), top), plot.max);
        let (width, height) = (side(plot.width()), side(plot.height()) / 2 * 2);
        let plot = Rect::from_min_size(plot.min, vec2(plot.width(), height as f32 / scale));
        self.paint(ui, width, height);
        if let Some(picture) = &self.picture {
            picture.show(&painter, plot, width);
        }
        show_marks(&painter, rect, plot);
    }

    /// Paints the columns that are new; all, where the size has changed.
    fn paint(&mut self, ui: &Ui, width: usize, height: usize) {
        let picture = match &mut self.picture {
            Some(picture) if picture.texture.size() == [height, width] => picture,
            other => {
                self.fresh = self.past.len();
                let empty = ColorImage::filled([height, width], theme::BACKGROUND);
                let texture = ui
                    .ctx()
                    .load_texture("spectrogram", empty, TextureOptions::NEAREST);
                other.insert(Picture { texture, next: 0 })
            }
        };
        let mut rest = std::mem::take(&mut self.fresh).min(width);
        while rest > 0 {
            let rows = rest.min(width - picture.next);
            let from = self.past.len() - rest;
            let columns = self.past.range(from..from + rows);
            let pixels: Vec<Color32> = columns.flat_map(|column| pixels(column, height)).collect();
            picture.texture.set_partial(
                [0, picture.next],
                ColorImage::new([height, rows], pixels),
                TextureOptions::NEAREST,
            );
            picture.next = (picture.next + rows) % width;
            rest -= rows;
        }
    }
}

impl Picture {
    /// Shows the ring from its oldest column to its newest.
    fn show(&self, painter: &Painter, plot: Rect, width: usize) {
        let mut mesh = Mesh::with_texture(self.texture.id());
        let share = |column: usize| column as f32 / width as f32;
        let border = lerp(plot.x_range(), 1.0 - share(self.next));
        for (from, to, left, right) in [
            (self.next, width, plot.left(), border),
            (0, self.next, border, plot.right()),
        ] {
            let first = mesh.vertices.len() as u32;
            for (pos, uv) in [
                (pos2(left, plot.top()), pos2(0.0, share(from))),
                (pos2(right, plot.top()), pos2(0.0, share(to))),
                (pos2(left, plot.bottom()), pos2(1.0, share(from))),
                (pos2(right, plot.bottom()), pos2(1.0, share(to))),
            ] {
                let color = Color32::WHITE;
                mesh.vertices.push(Vertex { pos, uv, color });
            }
            mesh.add_triangle(first, first + 1, first + 2);
            mesh.add_triangle(first + 1, first + 3, first + 2);
        }
        painter.add(Shape::mesh(mesh));
    }
}

/// The pixels of a column from the top down: what came in, and below it what is left.
fn pixels(column: &Column, height: usize) -> impl Iterator<Item = Color32> + use<'_> {
    let half = height / 2;
    (0..height).map(move |y| {
        let below_top = (y % half) as f32 + 0.5;
        let band = (1.0 - below_top / half as f32) * BANDS as f32 - 0.5;
        let from = (band.max(0.0) as usize).min(BANDS - 1);
        let to = (from + 1).min(BANDS - 1);
        let part = (band - from as f32).clamp(0.0, 1.0);
        let [before, left] = [0, 1].map(|which| lerp(column[which][from]..=column[which][to], part));
        if y < half {
            let gone = ((before - left) / GONE).clamp(0.0, 1.0);
            colour(before, theme::VOICE.lerp_to_gamma(theme::REMOVED, gone))
        } else {
            colour(left, theme::VOICE)
        }
    })
}

/// The colour of a level in dB: from dark over a hue to light.
fn colour(level: f32, hue: Color32) -> Color32 {
    let share = remap_clamp(level, QUIET..=LOUD, 0.0..=1.0);
    if share < DARK {
        theme::BACKGROUND.lerp_to_gamma(hue, share / DARK)
    } else {
        hue.lerp_to_gamma(theme::TEXT, (share - DARK) / (1.0 - DARK))
    }
}

/// Writes a word over the picture, which may have any colour there.
fn write(painter: &Painter, left: Pos2, word: &str) {
    let word = painter.layout_no_wrap(word.to_owned(), theme::text(10.0), theme::INPUT);
    let place = Align2::LEFT_CENTER.anchor_size(left, word.size());
    theme::fill(
        painter,
        place.expand2(vec2(2.0, 0.0)),
        theme::BACKGROUND.gamma_multiply(0.7),
    );
    painter.galley(place.min, word, theme::INPUT);
}

/// Marks of frequency and time, and the names of both halves.
fn show_marks(painter: &Painter, rect: Rect, plot: Rect) {
    let scale = painter.pixels_per_point();
    let pixel = 1.0 / scale;
    let middle = plot.center().y.round_to_pixels(scale);
    theme::fill(
        painter,
        Rect::from_x_y_ranges(plot.x_range(), middle..=middle + pixel),
        theme::LINE,
    );
    spectrum::show_legend(
        painter,
        rect,
        &[("removed", theme::REMOVED), ("left", theme::VOICE)],
    );
    for (top, bottom, name) in [(plot.top(), middle, "in"), (middle, plot.bottom(), "left")] {
        write(painter, pos2(plot.right() - 26.0, bottom - 10.0), name);
        for (frequency, name) in FREQUENCIES {
            let y = lerp(bottom..=top, (band_of(frequency) + 0.5) / BANDS as f32).round_to_pixels(scale);
            let mark = Rect::from_x_y_ranges(plot.left()..=plot.left() + 6.0, y..=y + pixel);
            theme::fill(painter, mark, theme::FAINT);
            write(painter, pos2(plot.left() + 10.0, y), name);
        }
    }
    let apart = SECONDS / COLUMN_SECONDS * pixel;
    let mut x = plot.right();
    for count in 0.. {
        if x < plot.left() + 20.0 {
            break;
        }
        let (align, text) = match count {
            0 => (Align2::RIGHT_CENTER, "now".to_owned()),
            _ => (Align2::CENTER_CENTER, format!("−{:.0} s", SECONDS * count as f32)),
        };
        painter.text(
            pos2(x, rect.bottom() - 9.0),
            align,
            text,
            theme::text(10.5),
            theme::FAINT,
        );
        x -= apart;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A column with one level in what came in, and another in what is left.
    fn column(before: f32, left: f32) -> Column {
        [[before; BANDS], [left; BANDS]]
    }

    #[test]
    fn what_is_removed_is_told_from_what_stays_by_its_hue() {
        let all = |before, left| pixels(&column(before, left), 20).collect::<Vec<_>>();
        let middle = QUIET + DARK * (LOUD - QUIET);
        assert!(all(middle, middle).iter().all(|pixel| *pixel == theme::VOICE));
        let gone = all(middle, QUIET);
        assert!(gone[..10].iter().all(|pixel| *pixel == theme::REMOVED));
        assert!(gone[10..].iter().all(|pixel| *pixel == theme::BACKGROUND));
        assert!(all(FLOOR, FLOOR).iter().all(|pixel| *pixel == theme::BACKGROUND));
    }

    #[test]
    fn a_new_column_replaces_the_oldest_and_all_are_painted_again_in_another_size() {
        let context = egui::Context::default();
        let mut spectrogram = Spectrogram::default();
        let next = |spectrogram: &Spectrogram| spectrogram.picture.as_ref().unwrap().next;
        // Gives the rows that were painted.
        let paint = |spectrogram: &mut Spectrogram, width, height| -> usize {
            let mut output = context.run_ui(egui::RawInput::default(), |ui| {
                spectrogram.paint(ui, width, height);
            });
            let deltas = output.textures_delta.set.values().flatten();
            let rows = deltas.map(|delta| delta.image.height()).sum();
            // Nobody else would.
            output.textures_delta.clear();
            rows
        };
        spectrogram.push(column(-40.0, -60.0));
        paint(&mut spectrogram, 10, 8);
        assert_eq!((next(&spectrogram), spectrogram.fresh), (1, 0));
        for _ in 0..12 {
            spectrogram.push(column(-40.0, -60.0));
        }
        // Up to the end of the ring, and from its start.
        assert_eq!(paint(&mut spectrogram, 10, 8), 10);
        assert_eq!(next(&spectrogram), 1);
        paint(&mut spectrogram, 20, 8);
        assert_eq!(next(&spectrogram), 13);
        assert!(!spectrogram.is_blank());
        for _ in 0..MOST {
            spectrogram.push(column(FLOOR, FLOOR));
        }
        assert!(spectrogram.is_blank());
        spectrogram.clear();
        assert!(spectrogram.is_blank() && spectrogram.past.is_empty());
    }
}
