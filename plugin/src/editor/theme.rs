//! Colours, sizes and fonts.

use egui::emath::GuiRounding;
use egui::{
    Color32, CornerRadius, FontFamily, FontId, Mesh, Painter, Rect, Shape, Stroke, TextStyle, Visuals, vec2,
};

/// Behind everything.
pub const BACKGROUND: Color32 = Color32::from_rgb(0x12, 0x14, 0x18);
/// Behind typed text.
pub const WELL: Color32 = Color32::from_rgb(0x0b, 0x0d, 0x10);
/// Behind controls.
pub const SURFACE: Color32 = Color32::from_rgb(0x1c, 0x20, 0x27);
/// Controls under the pointer.
pub const RAISED: Color32 = Color32::from_rgb(0x29, 0x2f, 0x39);
/// Fine lines, tracks of knobs.
pub const LINE: Color32 = Color32::from_rgb(0x2e, 0x35, 0x40);
/// What is read.
pub const TEXT: Color32 = Color32::from_rgb(0xec, 0xef, 0xf3);
/// What is read second; 6.6 to 1 on the background.
pub const FAINT: Color32 = Color32::from_rgb(0x9a, 0xa4, 0xb2);
/// The voice, and what is on.
pub const VOICE: Color32 = Color32::from_rgb(0x45, 0xd6, 0xbd);
/// What is removed.
pub const REMOVED: Color32 = Color32::from_rgb(0xff, 0x86, 0x5e);
/// The input.
pub const INPUT: Color32 = Color32::from_rgb(0xb8, 0xc2, 0xd0);
/// Near full scale.
pub const HOT: Color32 = Color32::from_rgb(0xff, 0x5c, 0x6c);
/// What the keyboard acts on.
pub const FOCUS: Color32 = Color32::from_rgb(0xff, 0xff, 0xff);

/// Roundness of panels.
pub const RADIUS: CornerRadius = CornerRadius::same(8);

/// Text of a size in points.
pub fn text(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Fills a rectangle with hard edges: no triangles for soft ones.
pub fn fill(painter: &Painter, rect: Rect, colour: Color32) {
    let mut mesh = Mesh::default();
    mesh.add_colored_rect(rect, colour);
    painter.add(Shape::mesh(mesh));
}

/// Outlines a graph or a meter. A filled one, of which one would see little, costs more than all else where there is no
/// graphics card.
pub fn frame(painter: &Painter, rect: Rect) {
    sides(painter, rect, LINE);
}

/// Outlines what the keyboard acts on.
pub fn outline(painter: &Painter, rect: Rect) {
    sides(painter, rect, FOCUS);
}

fn sides(painter: &Painter, rect: Rect, colour: Color32) {
    let rect = rect.round_to_pixels(painter.pixels_per_point());
    let pixel = 1.0 / painter.pixels_per_point();
    let (wide, high) = (vec2(rect.width(), pixel), vec2(pixel, rect.height()));
    for side in [
        Rect::from_min_size(rect.min, wide),
        Rect::from_min_size(rect.left_bottom() - vec2(0.0, pixel), wide),
        Rect::from_min_size(rect.min, high),
        Rect::from_min_size(rect.right_top() - vec2(pixel, 0.0), high),
    ] {
        fill(painter, side, colour);
    }
}

/// Makes egui look like this.
pub fn apply(context: &egui::Context) {
    let mut visuals = Visuals::dark();
    visuals.panel_fill = BACKGROUND;
    visuals.window_fill = SURFACE;
    visuals.window_stroke = Stroke::new(1.0, LINE);
    visuals.extreme_bg_color = WELL;
    visuals.override_text_color = Some(TEXT);
    visuals.selection.bg_fill = VOICE.gamma_multiply(0.35);
    visuals.selection.stroke = Stroke::new(1.0, VOICE);
    for (widget, fill) in [
        (&mut visuals.widgets.inactive, SURFACE),
        (&mut visuals.widgets.hovered, RAISED),
        (&mut visuals.widgets.active, RAISED),
        (&mut visuals.widgets.open, RAISED),
    ] {
        widget.weak_bg_fill = fill;
        widget.bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, LINE);
        widget.corner_radius = CornerRadius::same(6);
        widget.expansion = 0.0;
    }
    visuals.widgets.active.bg_stroke = Stroke::new(1.0, FOCUS);
    context.set_visuals(visuals);
    context.all_styles_mut(|style| {
        style.text_styles.insert(TextStyle::Body, text(13.0));
        style.text_styles.insert(TextStyle::Button, text(13.0));
        style.text_styles.insert(TextStyle::Small, text(11.0));
        style.spacing.button_padding = vec2(10.0, 5.0);
        style.spacing.item_spacing = vec2(8.0, 8.0);
        style.interaction.tooltip_delay = 0.6;
        style.interaction.selectable_labels = false;
    });
}
