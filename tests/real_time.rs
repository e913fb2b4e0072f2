//! Nothing is allocated or freed on the audio thread.

use aeden::denoiser::{Config, Link, Listen};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

mod engines;
use engines::{Effect, Random, denoiser};

struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    // The counter is gone while a thread ends.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `f` calls the allocator.
fn allocations(f: impl FnOnce()) -> usize {
    let before = CALLS.get();
    f();
    CALLS.get() - before
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|| drop(std::hint::black_box(vec![1u8; 100]))) >= 2);
}

#[test]
fn processing_resetting_and_setting_never_allocate() {
    for rate in [
        8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 44_101, 48_000, 88_200, 96_000, 192_000,
    ] {
        for (channels, link) in [(1, Link::Linked), (2, Link::Linked), (2, Link::Independent)] {
            // The engine fails now and then, so that its recovery is covered too.
            for effect in [Effect::Memory, Effect::NanAt(5), Effect::PoisonedAt(3)] {
                let config = Config {
                    sample_rate: rate,
                    channels,
                    link,
                    ..Config::default()
                };
                let mut denoiser = denoiser(&config, effect);
                let mut left = Random(1).noise(20_000);
                let mut right = left.clone();
                let calls = allocations(|| {
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
                assert_eq!(calls, 0, "{config:?}, {effect:?}");
            }
        }
    }
}
