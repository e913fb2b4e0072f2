//! Values as users read and type them.

use nice_plug::prelude::BoolParam;
use std::sync::Arc;

/// A parameter that is on or off, and refuses any other word.
pub fn switch(name: &str, default: bool) -> BoolParam {
    BoolParam::new(name, default)
        .with_value_to_string(Arc::new(|on| if on { "On" } else { "Off" }.to_owned()))
        .with_string_to_value(Arc::new(|text| match text.trim().to_ascii_lowercase().as_str() {
            "on" | "yes" | "true" | "1" => Some(true),
            "off" | "no" | "false" | "0" => Some(false),
            _ => None,
        }))
}

/// With one decimal, and no minus before a zero.
pub fn decimal(value: f32) -> String {
    let tenths = (value * 10.0).round();
    format!("{:.1}", if tenths == 0.0 { 0.0 } else { tenths / 10.0 })
}

/// A finite number with or without its unit; a comma is a decimal point too, and a true minus sign a minus.
pub fn number(text: &str, unit: &str) -> Option<f32> {
    let digits = without_unit(text, unit).replace(',', ".").replace('−', "-");
    digits.parse().ok().filter(|value: &f32| value.is_finite())
}

/// Text without the unit at its end, in any case.
pub fn without_unit<'a>(text: &'a str, unit: &str) -> &'a str {
    let text = text.trim();
    let cut = text.len().saturating_sub(unit.len());
    match text.get(cut..) {
        Some(end) if end.eq_ignore_ascii_case(unit) => text[..cut].trim(),
        _ => text,
    }
}
