//! Nothing is allocated or freed on the audio thread.

use aeden::{Config, Link, Listen};
use allocation_counter::{AllocationInfo, measure};

mod engines;
use engines::{Effect, Random, denoiser};

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
