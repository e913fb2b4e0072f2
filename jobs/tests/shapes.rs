//! How a recording is cut into blocks changes nothing, whatever the job.

use aeden_jobs::codec::{Coarseness, Codec, Depth};
use aeden_jobs::detect::{Detector, THRESHOLD};
use aeden_jobs::find::Describer;
use aeden_jobs::repair::Repairer;

/// Two channels of noise and notes, with a gap.
fn sound(frames: usize) -> Vec<Vec<f32>> {
    let sample = |n: usize, k: usize| {
        let noise = ((n * k) as u32).wrapping_mul(2_654_435_761) >> 8;
        (n as f32 * 0.02 * k as f32).sin() * 0.2 + noise as f32 / 4e9 - 0.002
    };
    let plane = |k| (0..frames).map(|n| sample(n, k)).collect();
    let mut planes: Vec<Vec<f32>> = [1, 3].map(plane).to_vec();
    planes[1][frames / 3..frames / 3 + 900].fill(0.0);
    planes
}

/// The sound in blocks of these lengths, again and again.
fn blocks<'a>(planes: &'a [Vec<f32>], lengths: &'a [usize]) -> impl Iterator<Item = Vec<&'a [f32]>> {
    let mut at = 0usize;
    lengths.iter().cycle().map_while(move |length| {
        let end = planes[0].len().min(at.saturating_add(*length));
        let part = at..end;
        at = end;
        (!part.is_empty()).then(|| planes.iter().map(|plane| &plane[part.clone()]).collect())
    })
}

const LENGTHS: [usize; 4] = [1, 4_096, 977, 20_000];

#[test]
fn descriptors_and_scores_do_not_depend_on_blocks() {
    let planes = sound(100_000);
    let (describer, detector) = (Describer::new(), Detector::new());
    let mut sound = describer.listen(44_100, 2).unwrap();
    let mut recording = detector.listen(44_100, 2).unwrap();
    for block in blocks(&planes, &LENGTHS) {
        sound.push(&block).unwrap();
        recording.push(&block).unwrap();
    }
    assert_eq!(sound.finish(), describer.describe(&planes, 44_100).unwrap());
    let found = detector.examine(recording.finish(), None, THRESHOLD);
    let whole = detector.detect(&planes, 44_100).unwrap();
    assert_eq!((found.scores, found.events), (whole.scores, whole.events));
}

#[test]
fn encoded_bytes_do_not_depend_on_blocks() {
    let planes = sound(100_000);
    let codec = Codec::new();
    let mut listening = codec.listen(48_000, 2).unwrap();
    blocks(&planes, &LENGTHS).for_each(|block| listening.push(&block).unwrap());
    let heard = listening.finish();
    let mut encoder = codec
        .encoder(&heard, Depth::Int16, Coarseness::LOW, Vec::new())
        .unwrap();
    blocks(&planes, &[333]).for_each(|block| encoder.push(&block).unwrap());
    let bytes = encoder.finish().unwrap();
    let whole = codec
        .encode(&planes, 48_000, Depth::Int16, Coarseness::LOW)
        .unwrap();
    let encoded = encoder.into_inner();
    assert_eq!(bytes, encoded.len() as u64);
    assert_eq!(encoded, whole);
}

#[test]
fn repaired_samples_do_not_depend_on_blocks() {
    let planes = sound(700_000);
    let repaired = |lengths: &[usize]| {
        let mut out = vec![Vec::new(); 2];
        let mut repairer = Repairer::new(48_000, 2).unwrap();
        blocks(&planes, lengths).for_each(|block| repairer.push(&block, &mut out).unwrap());
        repairer.finish(&mut out).unwrap();
        (out, repairer.mended().to_vec())
    };
    let (out, mended) = repaired(&LENGTHS);
    assert!(!mended.is_empty());
    assert_eq!((out, mended), repaired(&[usize::MAX]));
}

#[test]
fn a_recording_that_changes_between_listening_and_writing_is_told() {
    let codec = Codec::new();
    let planes = sound(10_000);
    let mut listening = codec.listen(48_000, 2).unwrap();
    listening.push(&planes).unwrap();
    let heard = listening.finish();
    let encoder = || {
        codec
            .encoder(&heard, Depth::Int16, Coarseness::LOW, Vec::new())
            .unwrap()
    };
    let changed = |result| matches!(result, Err(aeden_jobs::Error::Changed { .. }));
    let mut shorter = encoder();
    shorter.push(&[&planes[0][1..], &planes[1][1..]]).unwrap();
    assert!(changed(shorter.finish().map(drop)));
    let mut longer = encoder();
    longer.push(&planes).unwrap();
    assert!(changed(longer.push(&[[0.0], [0.0]])));
}
