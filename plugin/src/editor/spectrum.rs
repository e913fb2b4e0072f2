//! The live spectrum: what came in, what is left, and the difference shaded.
//!
//! The curves are a picture that is painted here, column by column, and one rectangle for OpenGL. The thin triangles and wide
//! blends of the same in shapes take three times as long where there is no graphics card.

use super::analyser::{Analyser, BANDS, HIGHEST, LOWEST, band_of, frequency_of};
use super::theme;
use egui::emath::GuiRounding;
use egui::epaint::{Mesh, Vertex};
use egui::{
    Align2, Color32, ColorImage, Painter, Rect, Shape, TextureHandle, TextureOptions, Ui, lerp, pos2,
};
use std::ops::RangeInclusive;

/// The range of levels shown, in dB relative to full scale.
const TOP: f32 = -6.0;
const BOTTOM: f32 = -96.0;

/// Points above the highest level.
const ABOVE: f32 = 6.0;

/// Vertical lines, in Hz, and what is written at them.
const FREQUENCIES: [(f32, &str); 9] = [
    (50.0, "50"),
    (100.0, "100"),
    (200.0, "200"),
    (500.0, "500"),
    (1_000.0, "1k"),
    (2_000.0, "2k"),
    (5_000.0, "5k"),
    (10_000.0, "10k"),
    (20_000.0, "20k"),
];

/// Draws it, and keeps the picture of the curves.
#[derive(Default)]
pub struct Spectrum {
    picture: Option<TextureHandle>,
    columns: Columns,
}

impl Spectrum {
    /// Draws the spectrum over a rectangle. `removed_heard`: it is the removed part that is heard.
    pub fn show(&mut self, ui: &Ui, rect: Rect, analyser: &Analyser, removed_heard: bool) {
        let painter = ui.painter_at(rect);
        theme::frame(&painter, rect);
        let scale = ui.pixels_per_point();
        let plot = plot(rect, scale);
        show_grid(&painter, rect, plot);

        let side = |points: f32| ((points * scale).round() as usize).clamp(1, 8192);
        let (width, height) = (side(plot.width()), side(plot.height()));
        self.columns.paint(width, height, scale, analyser, removed_heard);
        self.show_picture(ui, &painter, plot, width, height);
        let entries = [
            ("in", theme::INPUT),
            ("removed", theme::REMOVED),
            ("left", theme::VOICE),
        ];
        show_legend(&painter, rect, &entries);
    }

    /// Shows what the columns have in them, from the topmost pixel on.
    fn show_picture(&mut self, ui: &Ui, painter: &Painter, plot: Rect, width: usize, height: usize) {
        // On its side: a column of the spectrum is a row of the picture.
        let options = TextureOptions::NEAREST;
        let picture = match &mut self.picture {
            Some(picture) if picture.size() == [height, width] => picture,
            other => {
                let empty = ColorImage::filled([height, width], Color32::TRANSPARENT);
                other.insert(ui.ctx().load_texture("spectrum", empty, options))
            }
        };
        let top = self.columns.top;
        if top >= height {
            return;
        }
        let pixels = self.columns.pixels.clone();
        picture.set_partial([top, 0], ColorImage::new([height - top, width], pixels), options);
        let share = top as f32 / height as f32;
        let filled = Rect::from_min_max(pos2(plot.left(), lerp(plot.y_range(), share)), plot.max);
        let mut mesh = Mesh::with_texture(picture.id());
        for (pos, uv) in [
            (filled.left_top(), pos2(share, 0.0)),
            (filled.right_top(), pos2(share, 1.0)),
            (filled.left_bottom(), pos2(1.0, 0.0)),
            (filled.right_bottom(), pos2(1.0, 1.0)),
        ] {
            let color = Color32::WHITE;
            mesh.vertices.push(Vertex { pos, uv, color });
        }
        mesh.add_triangle(0, 1, 2);
        mesh.add_triangle(1, 3, 2);
        painter.add(Shape::mesh(mesh));
    }
}

/// The part of the spectrum's rectangle that the curves are in, at so many pixels to a point.
pub fn plot(rect: Rect, scale: f32) -> Rect {
    Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - 18.0)).round_to_pixels(scale)
}

/// Where a frequency in Hz is in a plot, from the left.
pub fn x_of(plot: Rect, frequency: f32) -> f32 {
    lerp(plot.x_range(), (band_of(frequency) + 0.5) / BANDS as f32)
}

/// The frequency in Hz at a place in a plot.
pub fn frequency_at(plot: Rect, x: f32) -> f32 {
    frequency_of((x - plot.left()) / plot.width() * BANDS as f32 - 0.5)
}

/// The pixels of the curves.
#[derive(Default)]
struct Columns {
    /// The first row in which anything is.
    top: usize,
    /// One column after the other, from `top` down.
    pixels: Vec<Color32>,
    /// Where the curves are on the left edge of each column and on the right one of the last, in pixels from the top.
    edges: Vec<[f32; 2]>,
    /// The colours of what is left, from the top down.
    glow: Vec<Color32>,
}

impl Columns {
    /// `scale` in pixels to a point.
    fn paint(&mut self, width: usize, height: usize, scale: f32, analyser: &Analyser, removed_heard: bool) {
        let bottom = height as f32;
        let y_of = |level: f32| {
            bottom - (bottom - ABOVE * scale) * ((level - BOTTOM) / (TOP - BOTTOM)).clamp(0.0, 1.0)
        };
        let bands: Vec<[f32; 2]> = (0..BANDS).map(|band| analyser.band(band).map(y_of)).collect();
        let band_at = |x: usize| x as f32 * BANDS as f32 / width as f32 - 0.5;
        // Nothing lies above half the rate.
        let half_rate = analyser.stream().sample_rate as f32 / 2.0;
        let highest = band_of(half_rate.max(2.0 * LOWEST)).min(BANDS as f32);
        self.edges.clear();
        self.edges.extend((0..=width).map(|x| {
            let band = band_at(x);
            if band > highest {
                return [bottom; 2];
            }
            let from = (band.max(0.0) as usize).min(BANDS - 1);
            let to = (from + 1).min(BANDS - 1);
            let part = (band - from as f32).clamp(0.0, 1.0);
            [0, 1].map(|curve| lerp(bands[from][curve]..=bands[to][curve], part))
        }));

        let (voice, removed) = if removed_heard { (0.12, 0.62) } else { (0.45, 0.34) };
        // Brighter with the level, so that loud parts stand out.
        let glow = |y: usize| theme::VOICE.gamma_multiply(voice * (0.15 + 1.2 * (1.0 - y as f32 / bottom)));
        self.glow.clear();
        self.glow.extend((0..height).map(glow));
        let removed = theme::REMOVED.gamma_multiply(removed);
        let (thin, thick) = (scale, scale * if removed_heard { 1.0 } else { 1.8 });

        let highest = self.edges.iter().flatten().fold(bottom, |y, edge| y.min(*edge));
        self.top = (highest - thick).max(0.0) as usize;
        let rows = height - self.top.min(height);
        self.pixels.clear();
        self.pixels.resize(width * rows, Color32::TRANSPARENT);
        if rows == 0 {
            return;
        }
        let top = self.top;
        let row = |y: f32| (y.round() as usize).clamp(top, height) - top;
        for (column, edges) in self.pixels.chunks_exact_mut(rows).zip(self.edges.windows(2)) {
            let [before, left] = [0, 1].map(|curve| 0.5 * (edges[0][curve] + edges[1][curve]));
            let voice = row(left);
            column[voice..].copy_from_slice(&self.glow[top + voice..]);
            // Where a little more is left than came in, nothing was removed.
            column[row(before.min(left))..voice].fill(removed);
            for (curve, wide, colour) in [
                (0, thin, theme::INPUT.gamma_multiply(0.7)),
                (1, thick, theme::VOICE),
            ] {
                let [a, b] = [edges[0][curve], edges[1][curve]].map(|y| y - top as f32);
                line(column, a.min(b) - 0.5 * wide..=a.max(b) + 0.5 * wide, colour);
            }
        }
    }
}

/// Puts a colour over a part of a column, over pixels in which it begins or ends by its share.
fn line(column: &mut [Color32], part: RangeInclusive<f32>, colour: Color32) {
    let (from, to) = (part.start().max(0.0), part.end().min(column.len() as f32));
    for y in from as usize..(to.ceil() as usize).min(column.len()) {
        let share = (to.min(y as f32 + 1.0) - from.max(y as f32)).clamp(0.0, 1.0);
        column[y] = column[y].blend(colour.gamma_multiply(share));
    }
}

fn show_grid(painter: &Painter, rect: Rect, plot: Rect) {
    let y_of = |level: f32| {
        lerp(
            plot.bottom()..=plot.top() + ABOVE,
            (level - BOTTOM) / (TOP - BOTTOM),
        )
    };
    let colour = theme::LINE.gamma_multiply(0.55);
    let pixel = 1.0 / painter.pixels_per_point();
    let scale = painter.pixels_per_point();
    for (frequency, name) in FREQUENCIES {
        let x = x_of(plot, frequency).round_to_pixels(scale);
        theme::fill(
            painter,
            Rect::from_x_y_ranges(x..=x + pixel, plot.y_range()),
            colour,
        );
        let align = if frequency == HIGHEST {
            Align2::RIGHT_CENTER
        } else {
            Align2::CENTER_CENTER
        };
        painter.text(
            pos2(x, rect.bottom() - 9.0),
            align,
            name,
            theme::text(10.5),
            theme::FAINT,
        );
    }
    for level in [-24.0, -48.0, -72.0] {
        let y = y_of(level).round_to_pixels(scale);
        theme::fill(
            painter,
            Rect::from_x_y_ranges(plot.x_range(), y..=y + pixel),
            colour,
        );
        painter.text(
            pos2(plot.left() + 6.0, y - 7.0),
            Align2::LEFT_CENTER,
            format!("{level:.0} dB"),
            theme::text(10.0),
            theme::FAINT.gamma_multiply(0.7),
        );
    }
}

/// Names colours in the top right corner of a graph.
pub fn show_legend(painter: &Painter, rect: Rect, entries: &[(&str, Color32)]) {
    let mut right = rect.right() - 12.0;
    for &(name, colour) in entries.iter().rev() {
        let text = painter.text(
            pos2(right, rect.top() + 14.0),
            Align2::RIGHT_CENTER,
            name,
            theme::text(11.0),
            theme::FAINT,
        );
        painter.circle_filled(pos2(text.left() - 8.0, text.center().y), 3.5, colour);
        right = text.left() - 24.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_covers_as_much_as_it_is_wide() {
        for (from, to) in [
            (2.0, 3.0),
            (2.25, 4.05),
            (1.4, 1.6),
            (-3.0, 1.5),
            (8.5, 20.0),
            (20.0, 30.0),
        ] {
            let mut column = [Color32::TRANSPARENT; 10];
            line(&mut column, from..=to, Color32::WHITE);
            let covered = column
                .iter()
                .map(|pixel| f32::from(pixel.a()) / 255.0)
                .sum::<f32>();
            let within = (to.min(10.0) - from.max(0.0)).max(0.0);
            assert!((covered - within).abs() < 0.02, "{from} to {to}: {covered}");
        }
    }

    #[test]
    fn pictures_of_any_size_are_as_large_as_their_rows() {
        let (mut columns, analyser) = (Columns::default(), Analyser::new());
        for (width, height) in [(1, 1), (660, 250), (3, 700)] {
            columns.paint(width, height, 1.5, &analyser, false);
            assert_eq!(columns.pixels.len(), width * (height - columns.top));
        }
    }
}
