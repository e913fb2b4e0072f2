//! How unusual every moment of a recording is: the error of an autoencoder's reconstruction, relative to normal material.

use aeden::autoencoder::Autoencoder;

/// Frames from patch to patch. Every frame lies in several patches, whose errors are averaged.
const EVERY: usize = 2;
/// Bands' normal errors are no smaller than this share of their mean, or a band that never changes decides everything.
const LEAST: f32 = 0.05;
/// The share of normal moments that score less than the threshold, before the margin.
const SHARE: f32 = 0.999;
/// The threshold above what that share stays below.
const MARGIN: f32 = 1.25;
/// The share of a recording that is taken to be normal if nothing else is.
const OWN_SHARE: f32 = 0.9;

/// Errors of one recording.
pub struct Errors {
    /// `[frame][band]`: mean squared error over all patches that the frame lies in.
    squared: Vec<f32>,
    /// `[frame]`: how much louder the frame is than the mean of the recording, in deviations, mean over bands.
    louder: Vec<f32>,
    bands: usize,
}

impl Errors {
    /// Of standardised log powers `[frame][band]`. Both ends are mirrored, so that the first and the last moments lie in
    /// as many patches as the others.
    pub fn of(model: &Autoencoder, powers: &[f32]) -> Errors {
        let (bands, length) = (model.view().bands(), model.view().frames);
        let frames = powers.len() / bands;
        let order = (0..length)
            .rev()
            .chain(0..frames)
            .chain((frames - length..frames).rev());
        let mirrored: Vec<f32> = order
            .flat_map(|frame| &powers[frame * bands..(frame + 1) * bands])
            .copied()
            .collect();
        let squared = squared_errors(model, &mirrored);
        let mean = powers.iter().sum::<f32>() / powers.len() as f32;
        let level = |frame: &[f32]| frame.iter().sum::<f32>() / bands as f32 - mean;
        Errors {
            squared: squared[length * bands..(length + frames) * bands].to_vec(),
            louder: powers.chunks_exact(bands).map(level).collect(),
            bands,
        }
    }

    fn frames(&self) -> impl Iterator<Item = &[f32]> {
        self.squared.chunks_exact(self.bands)
    }
}

/// `[frame][band]`: mean squared error over all patches that the frame lies in.
fn squared_errors(model: &Autoencoder, powers: &[f32]) -> Vec<f32> {
    let (bands, input) = (model.view().bands(), model.input());
    let frames = powers.len() / bands;
    let mut squared = vec![0.0f32; powers.len()];
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
        let made = model.decode(&model.encode(&patches));
        for ((start, patch), made) in starts
            .iter()
            .zip(patches.chunks_exact(input))
            .zip(made.chunks_exact(input))
        {
            for (i, (x, y)) in patch.iter().zip(made).enumerate() {
                squared[start * bands + i] += (x - y) * (x - y);
            }
            for count in &mut counts[*start..start + model.view().frames] {
                *count += 1;
            }
        }
    }
    for (frame, count) in squared.chunks_exact_mut(bands).zip(&counts) {
        frame.iter_mut().for_each(|e| *e /= *count as f32);
    }
    squared
}

/// What errors are usual: of every band, and of all together.
pub struct Normal {
    /// `[band]`
    error: Vec<f32>,
    /// Scores above it are unusual.
    pub threshold: f32,
}

impl Normal {
    /// Learned from recordings in which all is normal.
    pub fn of(recordings: &[Errors]) -> Normal {
        let error = usual(recordings.iter().flat_map(Errors::frames));
        let mut normal = Normal {
            error,
            threshold: 0.0,
        };
        let mut scores: Vec<f32> = recordings.iter().flat_map(|r| normal.scores(r)).collect();
        normal.threshold = quantile(&mut scores, SHARE) * MARGIN;
        normal
    }

    /// Learned from a recording in which most is normal: without its tenth of the largest errors.
    pub fn most_of(recording: &Errors) -> Normal {
        let totals: Vec<f32> = recording.frames().map(|frame| frame.iter().sum()).collect();
        let most = quantile(&mut totals.clone(), OWN_SHARE);
        let frames = recording
            .frames()
            .zip(&totals)
            .filter(|(_, total)| **total <= most);
        let error = usual(frames.map(|(frame, _)| frame));
        let mut normal = Normal {
            error,
            threshold: 0.0,
        };
        // The spread of what is normal, carried on to where one moment in a thousand lies if it is log-normal.
        let mut scores = normal.scores(recording);
        let middle = quantile(&mut scores, 0.5).max(f32::MIN_POSITIVE);
        let spread = (quantile(&mut scores, 0.84).max(f32::MIN_POSITIVE) / middle).ln();
        normal.threshold = middle * (3.1 * spread).exp() * MARGIN;
        normal
    }

    /// `[frame]`: the mean over the bands of the error relative to the usual one, so 1 where all is usual.
    pub fn scores(&self, recording: &Errors) -> Vec<f32> {
        let score = |frame: &[f32]| {
            let relative = frame.iter().zip(&self.error).map(|(e, usual)| e / usual);
            relative.sum::<f32>() / self.error.len() as f32
        };
        recording.frames().map(score).collect()
    }

    /// The band with the largest share in the score of these frames.
    fn band(&self, recording: &Errors, frames: std::ops::Range<usize>) -> usize {
        let mut sums = vec![0.0f32; self.error.len()];
        for frame in recording.frames().skip(frames.start).take(frames.len()) {
            for ((sum, e), usual) in sums.iter_mut().zip(frame).zip(&self.error) {
                *sum += e / usual;
            }
        }
        (0..sums.len())
            .max_by(|&a, &b| sums[a].total_cmp(&sums[b]))
            .unwrap_or(0)
    }
}

fn usual<'a>(frames: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let (mut sums, mut count) = (Vec::new(), 0usize);
    for frame in frames {
        sums.resize(frame.len(), 0.0f64);
        sums.iter_mut()
            .zip(frame)
            .for_each(|(sum, e)| *sum += f64::from(*e));
        count += 1;
    }
    let means: Vec<f32> = sums.iter().map(|sum| (sum / count as f64) as f32).collect();
    let mean = means.iter().sum::<f32>() / means.len() as f32;
    means.iter().map(|m| m.max(LEAST * mean).max(1e-6)).collect()
}

fn quantile(values: &mut [f32], share: f32) -> f32 {
    let at = ((values.len() - 1) as f32 * share).round() as usize;
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// First frame.
    pub start: usize,
    /// The frame after the last.
    pub end: usize,
    /// The highest score in it.
    pub score: f32,
    /// Band in which it is most unusual.
    pub band: usize,
    /// Whether there is more sound than usual, and not less.
    pub louder: bool,
}

/// The stretches above the threshold; those less than `gap` frames apart are one.
pub fn events(normal: &Normal, recording: &Errors, scores: &[f32], threshold: f32, gap: usize) -> Vec<Event> {
    let mut stretches: Vec<(usize, usize)> = Vec::new();
    for frame in (0..scores.len()).filter(|&frame| scores[frame] > threshold) {
        match stretches.last_mut() {
            Some((_, end)) if frame < *end + gap => *end = frame + 1,
            _ => stretches.push((frame, frame + 1)),
        }
    }
    let event = |(start, end): (usize, usize)| Event {
        start,
        end,
        score: scores[start..end].iter().fold(0.0f32, |m, &s| m.max(s)),
        band: normal.band(recording, start..end),
        louder: recording.louder[start..end].iter().sum::<f32>() > 0.0,
    };
    stretches.into_iter().map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(frames: usize, peaks: &[(usize, f32)]) -> Errors {
        let mut squared = vec![1.0; frames * 2];
        for &(frame, error) in peaks {
            squared[frame * 2] = error;
        }
        Errors {
            squared,
            louder: vec![1.0; frames],
            bands: 2,
        }
    }

    #[test]
    fn a_score_of_one_is_usual_and_what_stands_out_is_an_event() {
        let normal = Normal::of(&[flat(1000, &[])]);
        let recording = flat(100, &[(40, 50.0), (41, 50.0), (46, 20.0), (80, 30.0)]);
        let scores = normal.scores(&recording);
        assert!((scores[0] - 1.0).abs() < 1e-5 && (normal.threshold - MARGIN).abs() < 1e-5);
        let found = events(&normal, &recording, &scores, normal.threshold, 10);
        let places: Vec<_> = found.iter().map(|e| (e.start, e.end, e.band)).collect();
        assert_eq!(places, [(40, 47, 0), (80, 81, 0)]);
        assert!(found[0].score > found[1].score && found[0].louder);
    }

    #[test]
    fn a_recording_that_is_its_own_measure_still_has_events() {
        let mut recording = flat(1000, &[(500, 40.0)]);
        for (i, e) in recording.squared.iter_mut().enumerate() {
            *e *= 1.0 + 0.1 * (i % 7) as f32;
        }
        let normal = Normal::most_of(&recording);
        let scores = normal.scores(&recording);
        let found = events(&normal, &recording, &scores, normal.threshold, 10);
        assert_eq!(found.iter().map(|e| e.start).collect::<Vec<_>>(), [500]);
    }
}
