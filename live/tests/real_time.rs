//! Nothing is allocated or freed on the audio threads and the worker.

mod identity;

use aeden::Config;
use aeden::spectrum::Framing;
use aeden_live::audio::Format;
use aeden_live::bridge::{Bridge, Controls, OutputPlan};
use allocation_counter::{AllocationInfo, measure};
use std::sync::Arc;
use std::time::Duration;

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
            let denoiser = identity::denoiser(input, Framing::default(), false).unwrap();
            let mut bridge =
                Bridge::build(input, &[plan.clone(), plan], denoiser, controls.clone(), true).unwrap();
            let samples = vec![0.25; 4800 * input.channels];
            let mut played = vec![0.0; 4800 * output];
            let calls = measure(|| {
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
            });
            assert_eq!(
                calls,
                AllocationInfo::default(),
                "{input:?} to {output} channels at {rate} Hz"
            );
            let counters = &bridge.outlet_counters[0];
            assert!(counters.skips.get() > 0 && counters.underruns.get() > 0 && counters.played.get() > 0);
        }
    }
}
