//! The live spectrum: what came in, what is left, and the difference shaded.

use super::analyser::{Analyser, BANDS, HIGHEST, LOWEST, band_of};
use super::theme;
use egui::epaint::{Mesh, PathShape, Vertex, WHITE_UV};
use egui::{Align2, Color32, Pos2, Rect, Shape, Stroke, StrokeKind, Ui, lerp, pos2};

/// The range of levels shown, in dB relative to full scale.
const TOP: f32 = -6.0;
const BOTTOM: f32 = -96.0;

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

/// Draws the spectrum over a rectangle. `removed_heard`: it is the removed part that is heard.
pub fn show(ui: &Ui, rect: Rect, analyser: &Analyser, removed_heard: bool) {
    let painter = ui.painter_at(rect);
    // An outline: a fill, of which one would see little, costs more than all else where there is no graphics card.
    painter.rect_stroke(
        rect,
        theme::RADIUS,
        Stroke::new(1.0, theme::LINE),
        StrokeKind::Inside,
    );
    let plot = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - 18.0));
    let x_of = |band: f32| lerp(plot.x_range(), (band + 0.5) / BANDS as f32);
    let y_of = |level: f32| {
        lerp(
            plot.bottom()..=plot.top() + 6.0,
            ((level - BOTTOM) / (TOP - BOTTOM)).clamp(0.0, 1.0),
        )
    };

    let fine = Stroke::new(1.0, theme::LINE.gamma_multiply(0.55));
    for (frequency, name) in FREQUENCIES {
        let x = x_of(band_of(frequency));
        painter.vline(x, plot.y_range(), fine);
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
        painter.hline(plot.x_range(), y_of(level), fine);
        painter.text(
            pos2(plot.left() + 6.0, y_of(level) - 7.0),
            Align2::LEFT_CENTER,
            format!("{level:.0} dB"),
            theme::text(10.0),
            theme::FAINT.gamma_multiply(0.7),
        );
    }

    // Nothing lies above half the rate.
    let half_rate = analyser.stream().sample_rate as f32 / 2.0;
    let shown = (band_of(half_rate.max(2.0 * LOWEST)) as usize).clamp(1, BANDS - 1);
    let (before, left): (Vec<Pos2>, Vec<Pos2>) = (0..=shown)
        .map(|band| {
            let [before, left] = analyser.band(band).map(y_of);
            let x = x_of(band as f32);
            (pos2(x, before), pos2(x, left))
        })
        .unzip();
    let floor: Vec<Pos2> = left.iter().map(|p| pos2(p.x, plot.bottom())).collect();
    let (voice, removed) = if removed_heard { (0.12, 0.62) } else { (0.45, 0.34) };
    // Brighter with the level, so that loud parts stand out.
    let glow =
        |y: f32| theme::VOICE.gamma_multiply(voice * (0.15 + 1.2 * (plot.bottom() - y) / plot.height()));
    painter.add(between(&left, &floor, glow));
    // Where a little more is left than came in, nothing was removed.
    let edge: Vec<Pos2> = before
        .iter()
        .zip(&left)
        .map(|(before, left)| pos2(before.x, before.y.min(left.y)))
        .collect();
    painter.add(between(&edge, &left, |_| theme::REMOVED.gamma_multiply(removed)));
    painter.add(PathShape::line(
        before,
        Stroke::new(1.0, theme::INPUT.gamma_multiply(0.7)),
    ));
    let width = if removed_heard { 1.0 } else { 1.8 };
    painter.add(PathShape::line(left, Stroke::new(width, theme::VOICE)));

    let entries = [
        ("in", theme::INPUT),
        ("removed", theme::REMOVED),
        ("left", theme::VOICE),
    ];
    let mut right = rect.right() - 12.0;
    for (name, colour) in entries.into_iter().rev() {
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

/// The area between two lines with the same x, in colours that go with y.
fn between(upper: &[Pos2], lower: &[Pos2], colour: impl Fn(f32) -> Color32) -> Shape {
    let mut mesh = Mesh::default();
    for (upper, lower) in upper.iter().zip(lower) {
        for pos in [*upper, *lower] {
            let (uv, color) = (WHITE_UV, colour(pos.y));
            mesh.vertices.push(Vertex { pos, uv, color });
        }
    }
    for i in 0..(upper.len().min(lower.len()) as u32).saturating_sub(1) {
        mesh.add_triangle(2 * i, 2 * i + 1, 2 * i + 2);
        mesh.add_triangle(2 * i + 1, 2 * i + 3, 2 * i + 2);
    }
    Shape::mesh(mesh)
}
