//! Finds damage, as far as it can be told from the samples.

use super::autoregression::burg;
use std::ops::Range;

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// Samples that are missing: one value, from 1 to 100 ms, between sound.
    DropOut,
    /// Single samples, up to 3 ms, that nothing around explains.
    Click,
    /// Peaks that were cut off flat.
    Peak,
    /// A region that was asked for, whatever stands there.
    Region,
}

impl Damage {
    /// The kinds that can be found in samples.
    pub const FOUND: [Damage; 3] = [Damage::DropOut, Damage::Click, Damage::Peak];

    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            Damage::DropOut => "drop-out",
            Damage::Click => "click",
            Damage::Peak => "peak",
            Damage::Region => "region",
        }
    }
}

/// A stretch of samples of one channel that are wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gap {
    /// Why.
    pub damage: Damage,
    /// Its place.
    pub range: Range<usize>,
    /// At which level a peak was cut off; 0 for others.
    pub level: f32,
}

/// The shortest and the longest drop-out, in seconds. Longer silence may be meant.
const DROP_OUT: [f64; 2] = [0.001, 0.1];
/// Seconds around a drop-out in which there must be sound.
const BESIDE: f64 = 0.002;
/// What counts as sound there, -60 dBFS.
const SOUND: f32 = 1e-3;
/// The longest click, and what is taken away around the samples that show it, in seconds.
const CLICK: f64 = 0.003;
const MARGIN: f64 = 0.00006;
/// By how many usual errors of prediction a click stands out, from both sides.
const OUTSTANDING: f64 = 25.0;
/// Clicks that come so near each other, in seconds, are a voice or an engine.
const TRAIN: f64 = 0.03;
/// Seconds that are predicted in one go.
const BLOCK: f64 = 0.05;
/// The longest peak that is restored, in seconds, and the lowest level at which peaks are cut off.
const PEAK: f64 = 0.003;
const PEAK_LEVEL: f32 = 0.05;
/// Seconds in which nothing is higher than a peak that was cut off.
const AROUND: f64 = 0.05;

/// Finds damage of these kinds that begins in `within`; what lies around is looked at too. `step`: of the stored
/// integers.
pub(super) fn find(
    samples: &[f32],
    within: Range<usize>,
    rate: u32,
    step: f32,
    kinds: &[Damage],
) -> Vec<Gap> {
    let at = |seconds: f64| ((seconds * f64::from(rate)) as usize).max(1);
    let mut found = Vec::new();
    let mut t = within.start;
    // A run that began before has been judged before.
    while t > 0 && t < within.end && samples[t] == samples[t - 1] {
        t += 1;
    }
    while t < within.end {
        let end = t + 1 + samples[t + 1..].iter().take_while(|&&x| x == samples[t]).count();
        let (run, level) = (t..end, samples[t]);
        if end - t >= 3
            && end - t <= at(PEAK)
            && kinds.contains(&Damage::Peak)
            && is_peak(samples, &run, at(AROUND), step)
        {
            found.push(Gap {
                damage: Damage::Peak,
                range: run,
                level,
            });
        } else if kinds.contains(&Damage::DropOut)
            && (at(DROP_OUT[0])..=at(DROP_OUT[1])).contains(&(end - t))
            && is_drop_out(samples, &run, at(BESIDE), step)
        {
            found.push(Gap {
                damage: Damage::DropOut,
                range: run,
                level: 0.0,
            });
        }
        t = end;
    }
    if kinds.contains(&Damage::Click) {
        let clicks = clicks(samples, &within, at, step);
        let free = |click: &Range<usize>| {
            found
                .iter()
                .all(|d| d.range.end < click.start || d.range.start > click.end)
        };
        let clicks: Vec<_> = clicks.into_iter().filter(free).collect();
        found.extend(clicks.into_iter().map(|range| Gap {
            damage: Damage::Click,
            range,
            level: 0.0,
        }));
    }
    found.sort_by_key(|gap| gap.range.start);
    found
}

/// Whether there is sound on both sides, which stops and begins abruptly.
fn is_drop_out(samples: &[f32], run: &Range<usize>, beside: usize, step: f32) -> bool {
    let loud = |part: Option<&[f32]>| {
        part.is_some_and(|part| {
            // Without a constant, which is no sound.
            let mean = part.iter().sum::<f32>() / part.len() as f32;
            let power = part.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / part.len() as f32;
            power.sqrt() > SOUND.max(20.0 * step)
        })
    };
    let before = run
        .start
        .checked_sub(beside)
        .map(|from| &samples[from..run.start]);
    loud(before) && loud(samples.get(run.end..run.end + beside))
}

/// Whether the wave rises steeply to this level, stays there, and never goes beyond it around.
fn is_peak(samples: &[f32], run: &Range<usize>, around: usize, step: f32) -> bool {
    let level = samples[run.start];
    if level.abs() < PEAK_LEVEL || run.start == 0 || run.end == samples.len() {
        return false;
    }
    let inwards = |neighbour: f32| (level - neighbour) * level.signum();
    // The top of a slow wave is flat too, but its sides are no steeper than some steps.
    let steep = 6.0 * step.max(1.0 / 32_768.0);
    let part = &samples[run.start.saturating_sub(around)..samples.len().min(run.end + around)];
    let highest = part.iter().fold(0.0f32, |m, x| m.max(x * level.signum()));
    inwards(samples[run.start - 1]) > steep
        && inwards(samples[run.end]) > steep
        && highest <= level.abs() + 1.5 * step
}

/// Samples that cannot be predicted, neither from the past nor from the future (Godsill & Rayner, "Digital Audio
/// Restoration", 1998, chapter 5, from both sides).
fn clicks(samples: &[f32], within: &Range<usize>, at: impl Fn(f64) -> usize, step: f32) -> Vec<Range<usize>> {
    let (block, order, margin) = (at(BLOCK), at(0.0007).clamp(8, 64), at(MARGIN).max(1));
    // Samples that stand out, and by how much, with those around that decide whether they come in trains.
    let mut seen: Vec<(usize, f64)> = Vec::new();
    let reach = at(2.0 * TRAIN);
    let from = within.start.saturating_sub(reach);
    let to = samples.len().min(within.end + reach);
    let mut begin = from / block * block;
    while begin < to {
        let end = samples.len().min(begin + block);
        let (left, right) = (
            begin.saturating_sub(block / 2),
            samples.len().min(end + block / 2),
        );
        let part: Vec<f64> = samples[left..right].iter().map(|&x| x.into()).collect();
        begin = end;
        if part.len() < 4 * order {
            continue;
        }
        let a = burg(&[&part], order);
        let order = a.len() - 1;
        let error = |t: usize, forward: bool| -> f64 {
            let of = |k: usize| if forward { part[t - k] } else { part[t + k] };
            a.iter().enumerate().map(|(k, a)| a * of(k)).sum::<f64>().abs()
        };
        let errors: Vec<f64> = (order..part.len() - order)
            .map(|t| error(t, true).min(error(t, false)))
            .collect();
        let mut sorted = errors.clone();
        let middle = sorted.len() / 2;
        let usual = *sorted.select_nth_unstable_by(middle, f64::total_cmp).1 / 0.45;
        let threshold = (OUTSTANDING * usual).max(4.0 * f64::from(step)).max(1e-4);
        for (i, &error) in errors.iter().enumerate() {
            let t = left + order + i;
            if error > threshold && t < end && t >= end.saturating_sub(block) {
                seen.push((t, error / usual.max(1e-9)));
            }
        }
    }
    // What lies together is one.
    let mut groups: Vec<(Range<usize>, f64)> = Vec::new();
    for (t, strength) in seen {
        match groups.last_mut() {
            Some((range, most)) if t < range.end + at(0.001) => {
                range.end = t + 1;
                *most = most.max(strength);
            }
            _ => groups.push((t..t + 1, strength)),
        }
    }
    let alone = |i: usize| {
        let (range, strength) = &groups[i];
        let near = |other: &&(Range<usize>, f64)| {
            other.0.start.abs_diff(range.start) < at(TRAIN) && other.1 > strength / 3.0
        };
        groups.iter().filter(near).count() <= 2
    };
    (0..groups.len())
        .filter(|&i| groups[i].0.len() <= at(CLICK) && alone(i))
        .map(|i| groups[i].0.start.saturating_sub(margin)..samples.len().min(groups[i].0.end + margin))
        .filter(|range| within.contains(&range.start))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Damage; 3] = Damage::FOUND;

    /// Two seconds of a note with overtones, in 16 bits.
    fn note() -> Vec<f32> {
        let sample = |t: usize| {
            let t = t as f64 / 48_000.0 * std::f64::consts::TAU;
            let x = (220.0 * t).sin() * 0.4 + (440.0 * t + 1.0).sin() * 0.2 + (1310.0 * t).sin() * 0.05;
            ((x * 32_768.0).round() / 32_768.0) as f32
        };
        (0..96_000).map(sample).collect()
    }

    fn found(samples: &[f32]) -> Vec<Gap> {
        find(samples, 0..samples.len(), 48_000, 1.0 / 32_768.0, &ALL)
    }

    #[test]
    fn sound_that_is_whole_has_no_damage() {
        assert_eq!(found(&note()), []);
        assert_eq!(found(&vec![0.0; 48_000]), []);
        let slow: Vec<f32> = (0..48_000)
            .map(|t| ((t as f32 * 0.006).sin() * 3276.0).round() / 32_768.0)
            .collect();
        assert_eq!(found(&slow), []);
    }

    #[test]
    fn each_kind_is_found_where_it_is() {
        let mut x = note();
        x[20_000..20_960].fill(0.0);
        x[40_000] += 0.3;
        x[40_001] -= 0.2;
        for sample in &mut x[60_000..70_000] {
            *sample = sample.min(0.35);
        }
        let found = found(&x);
        let of = |kind: Damage| found.iter().filter(move |d| d.damage == kind);
        let drop_out = of(Damage::DropOut).next().unwrap();
        assert!(drop_out.range.start.abs_diff(20_000) < 3 && drop_out.range.end.abs_diff(20_960) < 3);
        let click: Vec<_> = of(Damage::Click).collect();
        assert!(
            click.len() == 1 && click[0].range.start <= 40_000 && click[0].range.end > 40_001,
            "{click:?}"
        );
        let peaks: Vec<_> = of(Damage::Peak).collect();
        assert!(peaks.len() >= 20, "{}", peaks.len());
        assert!(
            peaks
                .iter()
                .all(|p| (60_000..70_000).contains(&p.range.start) && p.level == 0.35)
        );
    }
}
