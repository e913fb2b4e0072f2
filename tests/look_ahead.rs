//! A network that looks ahead, over a stream: the same place in time at every rate, the same bits for any blocks, nothing allocated,
//! and nearly what the recording gets as a whole.

use aeden::{Cleaner, Config, Context, Denoiser, Link, Model};
use allocation_counter::{AllocationInfo, measure};
use safetensors::Dtype;

mod engines;
mod random_model;
use engines::{Random, config, difference_db};
use random_model::{ModelFile, small_settings};

/// A small network that runs both ways, with random weights, or one that lets everything pass.
fn small(identity: bool, grids: usize) -> Model {
    let mut settings = small_settings();
    settings["both_ways"] = true.into();
    settings["grids"] = grids.into();
    settings["filter_ahead"] = 1.into();
    let mut file = ModelFile::random(settings, Dtype::F32, 3);
    if identity {
        file.let_pass();
    }
    Model::from_bytes(&file.bytes()).unwrap()
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
        let mut sound = vec![Random(1).noise(latency * 2 + 20 * rate as usize); 2];
        for channel in &mut sound {
            let second = rate as usize;
            channel[second..2 * second].fill(0.0);
            channel[4 * second..11 * second].fill(0.0);
        }
        let mut expected = sound.clone();
        process(&mut denoiser, &mut expected, || 512);
        let mut random = Random(5);
        for round in 0..3 {
            denoiser.reset();
            let mut out = sound.clone();
            process(&mut denoiser, &mut out, || 1 + random.below(4000) as usize);
            assert!(out == expected, "{rate} Hz, round {round}");
        }
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

#[test]
fn best_does_to_a_stream_nearly_what_it_does_to_the_recording() {
    let rate = 48_000;
    let (len, mut noise) = (rate * 12, Random(3));
    let noise = noise.noise(len as usize);
    let buzz = |n: u32| {
        let time = n as f32 / rate as f32;
        let speaks = ((3.0 * time).fract() < 0.6) as u32 as f32;
        speaks * 0.3 * ((time * (120.0 + 20.0 * (2.0 * time).sin())).fract() - 0.5)
    };
    let sound: Vec<f32> = (0..len)
        .zip(&noise)
        .map(|(n, noise)| buzz(n) + 0.03 * noise)
        .collect();
    let config = Config::new(rate, 1);
    let mut cleaner = Cleaner::with_model(&Model::best(), Context::LookAhead, &config).unwrap();
    let mut whole = vec![Vec::new()];
    cleaner.push(&[&sound[..]], &mut whole);
    cleaner.finish(&mut whole);
    let mut denoiser = Denoiser::with_look_ahead(&Model::best(), &config).unwrap();
    let mut stream = sound.clone();
    denoiser.process_recording(&mut [&mut stream]);
    let power = |sound: &[f32]| sound.iter().map(|x| x * x).sum::<f32>();
    let apart: Vec<f32> = stream.iter().zip(&whole[0]).map(|(a, b)| a - b).collect();
    let removed: Vec<f32> = stream.iter().zip(&sound).map(|(a, b)| a - b).collect();
    let decibels = 10.0 * (power(&apart) / power(&removed)).log10();
    println!("{decibels:.1} dB of what is removed");
    assert!(decibels < -10.0, "{decibels:.1} dB");
    assert!(
        (denoiser.latency() as f32 / rate as f32 - 2.0).abs() < 0.01,
        "{}",
        denoiser.latency()
    );
}
