//! Nothing is allocated or freed on the audio thread.

use aeden::{BandLimits, Config, Denoiser, Link, Listen, Model};
use allocation_counter::{AllocationInfo, measure};

mod engines;
mod random_model;
use engines::{Effect, Random, denoiser};
use random_model::{ModelFile, long_frames};
use safetensors::Dtype;

#[test]
fn the_counter_counts() {
    let held = std::hint::black_box(vec![1u8; 100]);
    assert_eq!(measure(|| drop(held)).count_current, -1);
    assert_eq!(
        measure(|| drop(std::hint::black_box(vec![1u8; 100]))).count_total,
        1
    );
}

#[test]
fn processing_resetting_and_setting_never_allocate() {
    let bands = BandLimits::new(&[(100.0, 3.0), (2000.0, 30.0)]).unwrap();
    for rate in [
        8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 44_101, 48_000, 88_200, 96_000, 192_000,
    ] {
        for (channels, link) in [(1, Link::Linked), (2, Link::Linked), (2, Link::Independent)] {
            // The engine fails now and then, so that its recovery is covered too.
            for effect in [Effect::Memory, Effect::NanAt(5), Effect::PoisonedAt(3)] {
                let config = Config::new(rate, channels).link(link);
                let mut denoiser = denoiser(&config, effect);
                let mut left = Random(1).noise(20_000);
                let mut right = left.clone();
                let calls = measure(|| {
                    for len in [0, 1, 20_000, 17, 480, 512, 8192] {
                        if channels == 1 {
                            denoiser.process(&mut [&mut left[..len]]);
                        } else {
                            denoiser.process(&mut [&mut left[..len], &mut right[..len]]);
                        }
                        denoiser.set_mix(len as f32 / 20_000.0);
                        denoiser.set_attenuation_limit((len > 100).then_some(len as f32));
                        denoiser.set_bands(if len == 512 { bands } else { BandLimits::default() });
                        denoiser.set_output_gain(len as f32 / 1000.0);
                        denoiser.set_listen(if len == 17 {
                            Listen::Removed
                        } else {
                            Listen::Cleaned
                        });
                        denoiser.set_bypass(len % 2 == 1);
                        denoiser.process(&mut [&mut left[..len]]);
                        if len == 512 {
                            denoiser.reset();
                        }
                    }
                });
                assert_eq!(calls, AllocationInfo::default(), "{config:?}, {effect:?}");
            }
        }
    }
}

#[test]
fn networks_never_allocate() {
    let long_frames = Model::from_bytes(&ModelFile::random(long_frames(), Dtype::F16, 1).bytes()).unwrap();
    for model in [Model::light(), Model::high(), long_frames] {
        for (rate, channels, link) in [
            (48_000, 1, Link::Linked),
            (44_100, 2, Link::Linked),
            (16_000, 2, Link::Independent),
        ] {
            let config = Config::new(rate, channels).link(link);
            let mut denoiser = Denoiser::with_model(&model, &config).unwrap();
            assert!(denoiser.is_real_time());
            let mut left = Random(1).noise(rate as usize);
            let mut right = left.clone();
            let calls = measure(|| {
                for len in [17, 480, 512, 8192, rate as usize] {
                    let (left, right) = (&mut left[..len], &mut right[..len]);
                    let mut both = [left, right];
                    denoiser.process(&mut both[..channels]);
                }
                denoiser.reset();
            });
            assert_eq!(calls, AllocationInfo::default(), "{config:?}");
        }
    }
}
