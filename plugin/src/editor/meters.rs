//! Bars for levels, with a scale and the largest level as a number, and for the reduction.

use super::analyser::{FLOOR, Level};
use super::theme;
use egui::emath::GuiRounding;
use egui::{Align2, Rect, Sense, Ui, WidgetInfo, accesskit::Role, lerp, pos2};

/// The lowest level of a meter, in dB relative to full scale.
const LOWEST: f32 = -60.0;
/// Where a level begins to be hot.
const HOT: f32 = -3.0;
/// Points above the bars for the number.
const NUMBER: f32 = 16.0;
/// The largest reduction shown, in dB.
const MOST: f32 = 40.0;

/// The levels of the scale, in dB relative to full scale.
const SCALE: [f32; 5] = [-6.0, -12.0, -24.0, -36.0, -48.0];

/// Draws level meters side by side, with the largest level above and a name below. Gives whether the user has clicked on them,
/// to begin anew with that level; red is one above full scale.
pub fn show_levels(ui: &Ui, rect: Rect, name: &str, levels: &[Level]) -> bool {
    let largest = levels.iter().map(|level| level.peak).fold(FLOOR, f32::max);
    let number = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + NUMBER));
    let (text, colour) = match largest {
        level if level <= FLOOR => ("−∞".to_owned(), theme::FAINT),
        level if level > 0.0 => (format!("+{level:.1}"), theme::HOT),
        level => (format!("{level:.1}").replace('-', "−"), theme::FAINT),
    };
    ui.painter().text(
        number.center(),
        Align2::CENTER_CENTER,
        &text,
        theme::text(10.5),
        colour,
    );
    let id = ui.make_persistent_id(("level", name));
    let response = ui.interact(rect, id, Sense::click());
    response.widget_info(|| {
        let label = format!("{name}: largest level {text} dB; resets it");
        WidgetInfo::labeled(Role::Button, ui.is_enabled(), label)
    });
    if response.has_focus() {
        theme::outline(ui.painter(), rect);
    }
    let clicked = response.clicked();
    response.on_hover_text("Largest level, in dB relative to full scale; a click resets it");
    let below = Rect::from_min_max(pos2(rect.left(), number.bottom()), rect.max);
    let well = show_well(ui, below, name);
    let painter = ui.painter();
    let width = (well.width() - 2.0 * (levels.len() as f32 - 1.0)) / levels.len() as f32;
    let height_of = |level: f32| {
        let part = ((level - LOWEST) / -LOWEST).clamp(0.0, 1.0);
        lerp(well.bottom()..=well.top(), part)
    };
    for (i, level) in levels.iter().enumerate() {
        let left = well.left() + i as f32 * (width + 2.0);
        let bar = |from: f32, to: f32| {
            Rect::from_min_max(pos2(left, height_of(to)), pos2(left + width, height_of(from)))
        };
        if level.now > LOWEST {
            theme::fill(painter, bar(LOWEST, level.now.min(HOT)), theme::VOICE);
        }
        if level.now > HOT {
            theme::fill(painter, bar(HOT, level.now), theme::HOT);
        }
        if level.held > LOWEST {
            let colour = if level.held > HOT { theme::HOT } else { theme::TEXT };
            let held = bar(level.held, level.held).expand2(egui::vec2(0.0, 0.75));
            theme::fill(painter, held, colour);
        }
    }
    let pixel = 1.0 / painter.pixels_per_point();
    for level in SCALE {
        let y = height_of(level).round_to_pixels(painter.pixels_per_point());
        // Shorter where it is quieter, so that the eye finds its place.
        let short = if level >= -12.0 { 0.0 } else { 0.25 * well.width() };
        let line = Rect::from_x_y_ranges(well.left() + short..=well.right() - short, y..=y + pixel);
        theme::fill(painter, line, theme::FAINT.gamma_multiply(0.5));
    }
    clicked
}

/// Draws the reduction in dB, from the top downwards, with its value below.
pub fn show_reduction(ui: &Ui, rect: Rect, reduction: f32) {
    let rounded = reduction.round();
    let minus = if rounded > 0.0 { "−" } else { "" };
    let well = show_well(ui, rect, &format!("{minus}{rounded:.0} dB"));
    let part = (reduction / MOST).clamp(0.0, 1.0);
    let bottom = lerp(well.top()..=well.bottom(), part);
    let bar = Rect::from_min_max(well.min, pos2(well.right(), bottom));
    theme::fill(ui.painter(), bar, theme::REMOVED);
}

/// Draws the empty meter and gives the space for its bars.
fn show_well(ui: &Ui, rect: Rect, name: &str) -> Rect {
    let well = Rect::from_min_max(rect.min, pos2(rect.right(), rect.bottom() - 18.0));
    theme::frame(ui.painter(), well);
    ui.painter().text(
        pos2(rect.center().x, rect.bottom() - 7.0),
        Align2::CENTER_CENTER,
        name,
        theme::text(11.0),
        theme::FAINT,
    );
    well.shrink(4.0)
}
