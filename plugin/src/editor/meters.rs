//! Bars for levels and for the reduction.

use super::analyser::Level;
use super::theme;
use egui::{Align2, Rect, Ui, lerp, pos2};

/// The lowest level of a meter, in dB relative to full scale.
const LOWEST: f32 = -60.0;
/// Where a level begins to be hot.
const HOT: f32 = -3.0;
/// The largest reduction shown, in dB.
const MOST: f32 = 40.0;

/// Draws level meters side by side, with a name below.
pub fn show_levels(ui: &Ui, rect: Rect, name: &str, levels: &[Level]) {
    let well = show_well(ui, rect, name);
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
