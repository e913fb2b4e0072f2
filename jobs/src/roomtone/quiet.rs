//! Finds room tone in a recording: the parts where nothing stands out above the floor.

use super::heard::Heard;
use std::ops::Range;

/// Neighbouring bands that are looked at together.
const GROUPS: usize = 8;
/// Frames of 10 ms over which levels are means.
const SMOOTH: usize = 10;
/// The floor and what is still usual, as shares of the frames; levels in between tell how restless the floor is.
const LOW: f64 = 0.05;
const USUAL: f64 = 0.25;
/// What is louder than usual by this, in dB, or by so many times the restlessness of the floor, stands out.
const MARGIN: f64 = 6.0;
const RESTLESS: f64 = 4.0;
/// Frames left out before and after what stands out, which begins softly and ends in reverberation.
const BEFORE: usize = 15;
const AFTER: usize = 25;

/// Frames where nothing stands out, in stretches of at least `least` frames. Digital silence is not room tone either.
pub fn stretches(heard: &Heard, everything: bool, least: usize) -> Vec<Range<usize>> {
    let frames = heard.frames();
    let mut out = vec![false; frames];
    if !everything {
        for group in 0..GROUPS {
            let bands = heard.bands * group / GROUPS..heard.bands * (group + 1) / GROUPS;
            mark(&levels(heard, bands), &mut out);
        }
        out = widened(&out);
    }
    for (t, out) in out.iter_mut().enumerate() {
        *out |= heard.is_silent(t);
    }
    let mut stretches = Vec::new();
    let mut start = 0;
    for t in 0..=frames {
        if t == frames || out[t] {
            if t >= start + least {
                stretches.push(start..t);
            }
            start = t + 1;
        }
    }
    stretches
}

/// Levels of some bands together in dB, smoothed; nothing where there is silence.
fn levels(heard: &Heard, bands: Range<usize>) -> Vec<Option<f64>> {
    let power: Vec<f64> = (0..heard.frames())
        .map(|t| heard.frame(t)[bands.clone()].iter().map(|&p| f64::from(p)).sum())
        .collect();
    let around = |t: usize| {
        let part = &power[t.saturating_sub(SMOOTH / 2)..(t + SMOOTH / 2).min(power.len())];
        part.iter().sum::<f64>() / part.len() as f64
    };
    (0..power.len())
        .map(|t| (!heard.is_silent(t)).then(|| 10.0 * around(t).max(1e-20).log10()))
        .collect()
}

fn mark(levels: &[Option<f64>], out: &mut [bool]) {
    let mut sorted: Vec<f64> = levels.iter().flatten().copied().collect();
    if sorted.is_empty() {
        return;
    }
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted[(share * (sorted.len() - 1) as f64) as usize];
    let usual = at(USUAL);
    let most = usual + MARGIN.max(RESTLESS * (usual - at(LOW)));
    for (out, level) in out.iter_mut().zip(levels) {
        *out |= level.is_some_and(|level| level > most);
    }
}

fn widened(out: &[bool]) -> Vec<bool> {
    let mut wide = vec![false; out.len()];
    for t in (0..out.len()).filter(|&t| out[t]) {
        wide[t.saturating_sub(BEFORE)..(t + AFTER + 1).min(out.len())].fill(true);
    }
    wide
}
