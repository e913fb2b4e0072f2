//! Quality against CPU time, as an SVG that follows the reader's light or dark theme.

use super::{GROUPS, cost};
use anyhow::{Context, Result};
use serde_json::Value;

/// The whole picture, in units that are pixels where it is shown at its own size.
const SIZE: (f64, f64) = (760.0, 430.0);
/// A panel's inside: its width and height, and the distances to the left and to the top.
const PANEL: (f64, f64) = (310.0, 300.0);
const LEFT: f64 = 60.0;
const TOP: f64 = 60.0;
/// From panel to panel.
const GAP: f64 = 40.0;
/// Shares of one core in percent, from end to end of the axis, which is logarithmic.
const CPU: (f64, f64) = (0.15, 15.0);
/// PESQ from bottom to top.
const PESQ: (f64, f64) = (1.2, 2.6);
/// A letter of the labels.
const LETTER: (f64, f64) = (7.6, 14.0);

/// Colours of `web/page/files/palette.css`: theirs is the orange of `--removed`, ours the green of `--after`.
const STYLE: &str = "\
  text { font: 13px sans-serif; fill: #1b1f27 } .small { fill: #59616f }
  .back { fill: #ffffff } .line { stroke: #cdd3dd; fill: none } .noisy { stroke: #59616f; stroke-dasharray: 5 4 }
  .peer { fill: #a34a14 } .ours { fill: #0b7463 } text.ours { font-weight: bold }
  @media (prefers-color-scheme: dark) {
    text { fill: #eceff3 } .small { fill: #9aa4b2 }
    .back { fill: #121418 } .line { stroke: #3a4352 } .noisy { stroke: #9aa4b2 }
    .peer { fill: #ff865e } .ours { fill: #45d6bd }
  }";

/// A rectangle: left, top, right, bottom.
type Place = [f64; 4];

/// The picture.
///
/// # Errors
/// If a score is missing, or lies outside of the axes.
pub fn draw(list: &[Value]) -> Result<String> {
    let (width, height) = SIZE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>Quality of denoisers against the CPU time that they take</title>\n<style>\n{STYLE}\n</style>\n\
         <rect class=\"back\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    for (number, (group, title)) in GROUPS
        .iter()
        .zip(["speech at 16 kHz", "speech at 48 kHz"])
        .enumerate()
    {
        let left = LEFT + number as f64 * (PANEL.0 + GAP);
        panel(list, group, title, left, number == 0, &mut svg)?;
    }
    let (x, y) = (width / 2.0, height - 14.0);
    svg += &text(
        "small",
        x,
        y,
        "middle",
        "CPU time: share of one core while sound runs at its own speed (less is better)",
    );
    svg += &text(
        "small",
        LEFT - 45.0,
        24.0,
        "start",
        "PESQ: closeness to the clean recording (more is better)",
    );
    Ok(svg + "</svg>\n")
}

/// One group of recordings.
fn panel(
    list: &[Value],
    group: &str,
    title: &str,
    left: f64,
    has_axis: bool,
    svg: &mut String,
) -> Result<()> {
    let (right, bottom) = (left + PANEL.0, TOP + PANEL.1);
    *svg += &text("", left + PANEL.0 / 2.0, TOP - 12.0, "middle", title);
    *svg += &format!(
        "<rect class=\"line\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/>\n",
        PANEL.0, PANEL.1
    );
    for percent in [0.3, 1.0, 3.0, 10.0] {
        let x = across(percent, left);
        *svg += &format!("<path class=\"line\" d=\"M{x:.1} {TOP}V{bottom}\"/>\n");
        *svg += &text("small", x, bottom + 18.0, "middle", &format!("{percent} %"));
    }
    for pesq in [1.5, 2.0, 2.5] {
        let y = up(pesq);
        *svg += &format!("<path class=\"line\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n");
        if has_axis {
            *svg += &text("small", left - 8.0, y + 4.0, "end", &format!("{pesq:.1}"));
        }
    }
    let mut taken: Vec<Place> = Vec::new();
    let mut points = Vec::new();
    for denoiser in list {
        let name = denoiser["title"].as_str().context("a denoiser without a title")?;
        let pesq = denoiser["scores"][group]["pesq_wb"].as_f64();
        let pesq = pesq.with_context(|| format!("{name} has no PESQ of {group}"))?;
        anyhow::ensure!(
            (PESQ.0..=PESQ.1).contains(&pesq),
            "{name}: PESQ {pesq} is outside of the chart"
        );
        let Some(cost) = cost(denoiser) else {
            // What was not processed costs nothing, and is a line.
            let y = up(pesq);
            *svg += &format!("<path class=\"noisy\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n");
            let label = [
                left + 6.0,
                y - LETTER.1 - 3.0,
                left + 6.0 + width_of(name),
                y - 3.0,
            ];
            *svg += &text("small", label[0], label[3] - 3.0, "start", name);
            taken.push(label);
            continue;
        };
        // 10 ms take so many µs: a hundredth of that is percent.
        let percent = cost / 100.0;
        anyhow::ensure!(
            (CPU.0..=CPU.1).contains(&percent),
            "{name}: {percent} % is outside of the chart"
        );
        let (x, y) = (across(percent, left), up(pesq));
        taken.push([x - 6.0, y - 6.0, x + 6.0, y + 6.0]);
        points.push((name, denoiser["ours"] == true, x, y));
    }
    for (name, ours, x, y) in points {
        let class = if ours { "ours" } else { "peer" };
        *svg += &format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"/>\n");
        let label = free_place(x, y, width_of(name), &taken, [left, TOP, right, bottom]);
        let label = label.with_context(|| format!("no room for the label of {name}"))?;
        let (from, anchor) = if label[2] < x {
            (label[2], "end")
        } else {
            (label[0], "start")
        };
        *svg += &text(if ours { "ours" } else { "" }, from, label[3] - 3.0, anchor, name);
        taken.push(label);
    }
    Ok(())
}

/// Where a label beside a point covers neither a point nor another label: the nearest of some places.
fn free_place(x: f64, y: f64, width: f64, taken: &[Place], inside: Place) -> Option<Place> {
    let height = LETTER.1;
    let shifts = (0..12).flat_map(|step| [f64::from(step) * 4.0, f64::from(step) * -4.0]);
    let places = shifts.flat_map(|shift| {
        [x + 9.0, x - 9.0 - width, x - width / 2.0].map(|from| {
            let aside = if from == x - width / 2.0 { height } else { 0.0 };
            let middle = y + shift + aside.copysign(shift);
            [from, middle - height / 2.0, from + width, middle + height / 2.0]
        })
    });
    let apart = |a: &Place, b: &Place| a[2] < b[0] || b[2] < a[0] || a[3] < b[1] || b[3] < a[1];
    let fits = |place: &Place| {
        place[0] >= inside[0] && place[2] <= inside[2] && place[1] >= inside[1] && place[3] <= inside[3]
    };
    places
        .into_iter()
        .find(|place| fits(place) && taken.iter().all(|other| apart(place, other)))
}

fn width_of(label: &str) -> f64 {
    LETTER.0 * label.chars().count() as f64
}

fn across(percent: f64, left: f64) -> f64 {
    left + PANEL.0 * (percent / CPU.0).ln() / (CPU.1 / CPU.0).ln()
}

fn up(pesq: f64) -> f64 {
    TOP + PANEL.1 * (PESQ.1 - pesq) / (PESQ.1 - PESQ.0)
}

fn text(class: &str, x: f64, y: f64, anchor: &str, words: &str) -> String {
    format!("<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>\n")
}
