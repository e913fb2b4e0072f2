//! Nothing is allocated or freed on the audio threads and the worker.

mod identity;

use aeden::denoiser::Config;
use aeden_live::audio::Format;
use aeden_live::bridge::{Bridge, Controls, OutputPlan};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

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

#[test]
fn callbacks_and_worker_never_allocate() {
    for (input, output) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        for (rate, same_clock) in [(48_000, false), (44_100, false), (48_000, true)] {
            let input = Format {
                rate: 48_000,
                channels: input,
            };
            let plan = OutputPlan {
                format: Format {
                    rate,
                    channels: output,
                },
                same_clock,
                drift: 0.0,
            };
            let controls = Arc::new(Controls::new(&Config::default()));
            let denoiser = identity::denoiser(input, false).unwrap();
            let mut bridge =
                Bridge::build(input, &[plan.clone(), plan], denoiser, controls.clone(), true).unwrap();
            let samples = vec![0.25; 4800 * input.channels];
            let mut played = vec![0.0; 4800 * output];
            let before = CALLS.get();
            for block in 0..2000u64 {
                let at = Duration::from_millis(10 * block);
                // Now and then a stall of either side, so that skipping and running dry are covered too.
                let frames = if block % 331 == 0 { 4800 } else { 480 };
                if block % 400 < 350 {
                    bridge.intake.push(&samples[..frames * input.channels], at);
                }
                if block % 97 != 0 {
                    bridge.worker.run();
                }
                controls.set_mix((block % 10) as f32 / 10.0);
                if block % 501 > 30 {
                    for outlet in &mut bridge.outlets {
                        outlet.pull(&mut played[..480 * output], at);
                    }
                }
            }
            assert_eq!(
                CALLS.get() - before,
                0,
                "{input:?} to {output} channels at {rate} Hz"
            );
            let counters = &bridge.outlet_counters[0];
            assert!(counters.skips.get() > 0 && counters.underruns.get() > 0 && counters.played.get() > 0);
        }
    }
}
