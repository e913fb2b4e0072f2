//! How unusual every moment of a recording is, by what an autoencoder makes of it: how badly it is reconstructed, and how
//! far its code is from the codes of normal material. The first finds what cannot be described, such as clicks, the second
//! what can be, but does not belong there, such as a tone.

use aeden::autoencoder::Autoencoder;

/// Frames from patch to patch. Every frame lies in several patches, over which errors and codes are averaged.
const EVERY: usize = 2;
/// A band's usual error, and the usual deviation of a unit, are no smaller than this share of their mean, or one
/// that never changes decides everything; nor smaller than `TINY`.
const LEAST_ERROR: f32 = 0.05;
const LEAST_DEVIATION: f32 = 0.2;
const TINY: f32 = 1e-3;
/// The share of normal moments that stay below the limit, before the margin.
const SHARE: f32 = 0.999;
/// The limit relative to what that share stays below.
const MARGIN: f32 = 1.5;
/// No limit is lower: both measures are about 1 where all is normal.
const LEAST_LIMIT: f32 = 0.5;
/// The share of a recording that is taken to be normal if nothing else is.
const OWN_SHARE: f32 = 0.9;
/// Its limit, in spreads above the middle; one log-normal moment in four thousand is above it.
const OWN_SPREADS: f32 = 3.5;

/// A network's measures of one recording.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// `[frame][band]`: standardised log powers.
    powers: Vec<f32>,
    /// `[frame][band]`: squared errors.
    errors: Vec<f32>,
    /// `[frame][unit]`
    codes: Vec<f32>,
    bands: usize,
    units: usize,
}

/// A moment of a recording.
#[derive(Clone, Copy)]
struct Frame<'a> {
    powers: &'a [f32],
    errors: &'a [f32],
    code: &'a [f32],
}

impl Seen {
    /// Of standardised log powers `[frame][band]`. Both ends are mirrored, so that the first and the last moments lie in
    /// as many patches as the others.
    pub fn of(model: &Autoencoder, powers: Vec<f32>) -> Seen {
        let (bands, units, length) = (model.view().bands(), model.code(), model.view().frames);
        let frames = powers.len() / bands;
        let order = (0..length)
            .rev()
            .chain(0..frames)
            .chain((frames - length..frames).rev());
        let mirrored: Vec<f32> = order
            .flat_map(|frame| &powers[frame * bands..(frame + 1) * bands])
            .copied()
            .collect();
        let (mut errors, mut codes) = averages(model, &mirrored);
        let inside = |values: &mut Vec<f32>, width: usize| {
            values.truncate((length + frames) * width);
            values.drain(..length * width);
        };
        inside(&mut errors, bands);
        inside(&mut codes, units);
        Seen {
            powers,
            errors,
            codes,
            bands,
            units,
        }
    }

    fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let (powers, errors) = (
            self.powers.chunks_exact(self.bands),
            self.errors.chunks_exact(self.bands),
        );
        let codes = self.codes.chunks_exact(self.units);
        powers
            .zip(errors)
            .zip(codes)
            .map(|((powers, errors), code)| Frame { powers, errors, code })
    }
}

/// `[frame][band]` squared errors and `[frame][unit]` codes, means over all patches that the frame lies in.
fn averages(model: &Autoencoder, powers: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (bands, units, input) = (model.view().bands(), model.code(), model.input());
    let frames = powers.len() / bands;
    let (mut errors, mut codes) = (vec![0.0f32; frames * bands], vec![0.0f32; frames * units]);
    let mut counts = vec![0u32; frames];
    let last = frames - model.view().frames;
    // The last patch reaches the end, whatever the step.
    let starts: Vec<usize> = (0..last).step_by(EVERY).chain([last]).collect();
    for starts in starts.chunks(64) {
        let patches: Vec<f32> = starts
            .iter()
            .flat_map(|start| &powers[start * bands..start * bands + input])
            .copied()
            .collect();
        let found = model.encode(&patches);
        let made = model.decode(&found);
        for (i, &start) in starts.iter().enumerate() {
            let of_patch = i * input..(i + 1) * input;
            let errors = &mut errors[start * bands..start * bands + input];
            for ((sum, x), y) in errors
                .iter_mut()
                .zip(&patches[of_patch.clone()])
                .zip(&made[of_patch])
            {
                *sum += (x - y) * (x - y);
            }
            let within = start..start + model.view().frames;
            for sums in codes[within.start * units..within.end * units].chunks_exact_mut(units) {
                for (sum, h) in sums.iter_mut().zip(&found[i * units..]) {
                    *sum += h;
                }
            }
            counts[within].iter_mut().for_each(|count| *count += 1);
        }
    }
    for (values, width) in [(&mut errors, bands), (&mut codes, units)] {
        for (frame, count) in values.chunks_exact_mut(width).zip(&counts) {
            frame.iter_mut().for_each(|v| *v /= *count as f32);
        }
    }
    (errors, codes)
}

/// The usual range of the measures, learned from recordings.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    /// `[band]`
    errors: Vec<f32>,
    /// `[unit]`: mean and deviation.
    code: (Vec<f32>, Vec<f32>),
    /// `[band]`
    powers: Vec<f32>,
    /// The level that normal moments stay below, in each measure.
    limits: [f32; 2],
}

impl Usual {
    /// Learned from recordings in which all is normal.
    pub(super) fn of(recordings: &[Seen]) -> Usual {
        let frames: Vec<Frame> = recordings.iter().flat_map(Seen::frames).collect();
        let mut normal = Usual::fit(&frames);
        let measured = normal.measure_all(&frames);
        normal.limits = measured.map(|mut values| (quantile(&mut values, SHARE) * MARGIN).max(LEAST_LIMIT));
        normal
    }

    /// Learned from a recording in which most is normal: without the moments that are among the most unusual tenth.
    pub(super) fn most_of(recording: &Seen) -> Usual {
        let frames: Vec<Frame> = recording.frames().collect();
        let mut normal = Usual::fit(&frames);
        for _ in 0..2 {
            let measured = normal.measure_all(&frames);
            let most = measured
                .each_ref()
                .map(|values| quantile(&mut values.clone(), OWN_SHARE));
            let kept = (0..frames.len())
                .filter(|&i| measured.iter().zip(most).all(|(values, most)| values[i] <= most));
            normal = Usual::fit(&kept.map(|i| frames[i]).collect::<Vec<_>>());
        }
        normal.limits = normal.measure_all(&frames).map(|mut values| {
            let middle = quantile(&mut values, 0.5).max(TINY);
            let spread = (quantile(&mut values, 0.84).max(TINY) / middle).ln();
            (middle * (OWN_SPREADS * spread).exp()).max(LEAST_LIMIT)
        });
        normal
    }

    /// Means and deviations; the limits are not known yet.
    fn fit(frames: &[Frame]) -> Usual {
        Usual {
            errors: floored(mean_and_deviation(frames.iter().map(|f| f.errors)).0, LEAST_ERROR),
            code: {
                let (mean, deviation) = mean_and_deviation(frames.iter().map(|f| f.code));
                (mean, floored(deviation, LEAST_DEVIATION))
            },
            powers: mean_and_deviation(frames.iter().map(|f| f.powers)).0,
            limits: [1.0; 2],
        }
    }

    /// How badly a moment is reconstructed, and how far its code is from normal ones; about 1 is usual. The logarithm
    /// keeps single bands from deciding.
    fn measure(&self, frame: Frame) -> [f32; 2] {
        let errors = frame.errors.iter().zip(&self.errors);
        let error: f32 = errors.map(|(e, usual)| (e / usual).ln_1p()).sum();
        let units = frame.code.iter().zip(&self.code.0).zip(&self.code.1);
        let distance: f32 = units
            .map(|((h, mean), deviation)| ((h - mean) / deviation).powi(2))
            .sum();
        [
            error / self.errors.len() as f32,
            (distance / frame.code.len() as f32).sqrt(),
        ]
    }

    fn measure_all(&self, frames: &[Frame]) -> [Vec<f32>; 2] {
        let (errors, distances) = frames
            .iter()
            .map(|frame| self.measure(*frame).into())
            .unzip::<f32, f32, Vec<_>, Vec<_>>();
        [errors, distances]
    }

    /// `[frame]`: the larger of both measures relative to its limit; normal moments score less than 1.
    pub(super) fn scores(&self, recording: &Seen) -> Vec<f32> {
        let score = |frame| {
            let [error, distance] = self.measure(frame);
            (error / self.limits[0]).max(distance / self.limits[1])
        };
        recording.frames().map(score).collect()
    }

    /// The band that differs most from what is usual in these frames, and whether there is more sound in it.
    fn band(&self, recording: &Seen, frames: std::ops::Range<usize>) -> (usize, bool) {
        let mut sums = vec![0.0f32; recording.bands];
        for frame in recording.frames().skip(frames.start).take(frames.len()) {
            for ((sum, x), mean) in sums.iter_mut().zip(frame.powers).zip(&self.powers) {
                *sum += x - mean;
            }
        }
        let band = (0..sums.len())
            .max_by(|&a, &b| sums[a].abs().total_cmp(&sums[b].abs()))
            .unwrap_or(0);
        (band, sums[band] > 0.0)
    }
}

fn mean_and_deviation<'a>(rows: impl Iterator<Item = &'a [f32]>) -> (Vec<f32>, Vec<f32>) {
    let (mut sums, mut count) = (Vec::new(), 0usize);
    for row in rows {
        sums.resize(row.len(), (0.0f64, 0.0f64));
        for ((sum, square), &x) in sums.iter_mut().zip(row) {
            *sum += f64::from(x);
            *square += f64::from(x) * f64::from(x);
        }
        count += 1;
    }
    let n = count as f64;
    let moments = sums.iter().map(|(sum, square)| {
        let mean = sum / n;
        (mean as f32, (square / n - mean * mean).max(0.0).sqrt() as f32)
    });
    moments.unzip()
}

fn floored(values: Vec<f32>, share: f32) -> Vec<f32> {
    let least = (share * values.iter().sum::<f32>() / values.len() as f32).max(TINY);
    values.into_iter().map(|v| v.max(least)).collect()
}

fn quantile(values: &mut [f32], share: f32) -> f32 {
    let at = ((values.len() - 1) as f32 * share).round() as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// A stretch of frames that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    /// First frame.
    pub start: usize,
    /// The frame after the last.
    pub end: usize,
    /// The highest score in it.
    pub score: f32,
    /// Band in which it is most unusual.
    pub band: usize,
    /// Whether there is more sound than usual in that band, and not less.
    pub louder: bool,
}

/// The stretches above the threshold; those less than `gap` frames apart are one.
pub(super) fn stretches(
    normal: &Usual,
    recording: &Seen,
    scores: &[f32],
    threshold: f32,
    gap: usize,
) -> Vec<Stretch> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for frame in (0..scores.len()).filter(|&frame| scores[frame] > threshold) {
        match found.last_mut() {
            Some((_, end)) if frame < *end + gap => *end = frame + 1,
            _ => found.push((frame, frame + 1)),
        }
    }
    let stretch = |(start, end): (usize, usize)| {
        let (band, louder) = normal.band(recording, start..end);
        Stretch {
            start,
            end,
            score: scores[start..end].iter().fold(0.0f32, |m, &s| m.max(s)),
            band,
            louder,
        }
    };
    found.into_iter().map(stretch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two bands and one unit that wobble a little.
    fn calm(frames: usize) -> Seen {
        let wobble = |i: usize| 0.1 * (i % 7) as f32;
        Seen {
            powers: (0..2 * frames).map(wobble).collect(),
            errors: (0..2 * frames).map(|i| 1.0 + wobble(i)).collect(),
            codes: (0..frames).map(wobble).collect(),
            bands: 2,
            units: 1,
        }
    }

    #[test]
    fn what_is_badly_reconstructed_and_what_has_an_unusual_code_are_events() {
        let mut recording = calm(1000);
        for frame in [40, 41, 46] {
            recording.errors[2 * frame] = 90.0;
            recording.powers[2 * frame] = -5.0;
        }
        recording.codes[800] = 9.0;
        recording.powers[2 * 800 + 1] = 5.0;
        for normal in [Usual::of(&[calm(1000)]), Usual::most_of(&recording)] {
            let scores = normal.scores(&recording);
            assert!(scores[0] < 1.0);
            let found = stretches(&normal, &recording, &scores, 1.0, 10);
            let places: Vec<_> = found.iter().map(|e| (e.start, e.end, e.band, e.louder)).collect();
            assert_eq!(places, [(40, 47, 0, false), (800, 801, 1, true)]);
        }
    }
}
