//! A network that looks ahead, over a stream: the same place in time at every rate, the same bits for any blocks, nothing allocated,
//! and nearly what the recording gets as a whole.

use aeden::{Cleaner, Context, Denoiser, Link, Model};
use allocation_counter::{AllocationInfo, measure};

mod engines;
mod random_model;
use engines::{Random, config, difference_db};
use random_model::looking_ahead;

fn small(identity: bool, grids: usize) -> Model {
    Model::from_bytes(&looking_ahead(identity, grids).bytes()).unwrap()
}

fn process(denoiser: &mut Denoiser, sound: &mut [Vec<f32>], mut block: impl FnMut() -> usize) {
    let mut start = 0;
    while start < sound[0].len() {
        let end = sound[0].len().min(start + block());
        let mut part: Vec<_> = sound.iter_mut().map(|channel| &mut channel[start..end]).collect();
        denoiser.process(&mut part);
        start = end;
    }
}

#[test]
fn a_network_that_lets_everything_pass_gives_the_input_its_latency_later() {
    for rate in [8000, 16_000, 22_050, 44_100, 44_101, 48_000, 96_000, 192_000] {
        for grids in [1, 2] {
            let config = config(rate, 2);
            let mut denoiser = Denoiser::with_look_ahead(&small(true, grids), &config).unwrap();
            let latency = denoiser.latency();
            let sound = vec![
                Random(7).noise(latency + 30_000),
                Random(8).noise(latency + 30_000),
            ];
            let mut out = sound.clone();
            process(&mut denoiser, &mut out, || 1000);
            for (out, sound) in out.iter().zip(&sound) {
                let difference = difference_db(&out[latency..], &sound[..30_000]);
                assert!(difference < -100.0, "{rate} Hz, {grids} grids: {difference} dB");
            }
        }
    }
}

#[test]
fn blocks_of_any_length_give_the_same_bits_and_a_reset_begins_anew() {
    for (rate, link) in [(48_000, Link::Linked), (44_100, Link::Independent)] {
        let config = config(rate, 2).link(link);
        let mut denoiser = Denoiser::with_look_ahead(&small(false, 2), &config).unwrap();
        let latency = denoiser.latency();
        // Sounds with silences between them, in which the network rests, and shorter ones.
        let mut sound = vec![Random(1).noise(latency + 9 * rate as usize); 2];
        for channel in &mut sound {
            let second = rate as usize;
            channel[second..second + 9000].fill(0.0);
            channel[2 * second + 99..8 * second].fill(0.0);
        }
        let mut expected = sound.clone();
        process(&mut denoiser, &mut expected, || 512);
        let mut random = Random(5);
        denoiser.reset();
        let mut out = sound.clone();
        process(&mut denoiser, &mut out, || 1 + random.below(4000));
        assert!(out == expected, "{rate} Hz");
    }
}

#[test]
fn nothing_is_allocated() {
    for rate in [44_100, 48_000] {
        let config = config(rate, 2);
        let mut denoiser = Denoiser::with_look_ahead(&small(false, 2), &config).unwrap();
        let mut left = Random(1).noise(5 * rate as usize);
        let mut right = Random(2).noise(5 * rate as usize);
        let calls = measure(|| {
            for len in [0, 1, 480, 8192, left.len(), 17] {
                denoiser.process(&mut [&mut left[..len], &mut right[..len]]);
            }
            denoiser.reset();
        });
        assert_eq!(calls, AllocationInfo::default(), "{rate} Hz");
    }
}

#[test]
fn a_network_that_does_not_look_ahead_is_refused() {
    let told = Denoiser::with_look_ahead(&Model::light(), &config(48_000, 1)).unwrap_err();
    assert!(told.to_string().contains("does not look ahead"), "{told}");
}

/// What is done to a stream, against what the recording gets as a whole: their difference in dB of what is taken away.
fn apart(model: &Model, sound: &[f32]) -> f64 {
    let config = config(48_000, 1);
    let mut cleaner = Cleaner::with_model(model, Context::LookAhead, &config).unwrap();
    let mut whole = vec![Vec::new()];
    cleaner.push(&[sound], &mut whole);
    cleaner.finish(&mut whole);
    let mut denoiser = Denoiser::with_look_ahead(model, &config).unwrap();
    let seconds = denoiser.latency() as f64 / 48_000.0;
    assert!(seconds < 2.01, "{seconds} s of latency");
    let mut stream = sound.to_vec();
    denoiser.process_recording(&mut [&mut stream]);
    // The end is in it: silence behind the sound counts for no more than nothing behind it.
    let removed = |out: &[f32]| sound.iter().zip(out).map(|(x, y)| x - y).collect::<Vec<f32>>();
    difference_db(&removed(&stream), &removed(&whole[0]))
}

/// A network of random weights forgets soon, so that what lies beyond the context counts for nothing: all else is alike.
#[test]
fn where_the_context_is_enough_a_stream_gets_what_the_recording_gets() {
    for grids in [1, 2] {
        let mut sound = Random(4).noise(6 * 48_000);
        sound[100_000..150_000].fill(0.0);
        let apart = apart(&small(false, grids), &sound);
        println!("{grids} grids: {apart:.1} dB");
        assert!(apart < -50.0, "{grids} grids: {apart} dB");
    }
}
