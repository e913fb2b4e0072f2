//! Nothing is allocated or freed on the audio threads and the worker.

mod identity;

use aeden::Config;
use aeden::spectrum::Framing;
use aeden_live::audio::Format;
use aeden_live::bridge::{Bridge, OutputPlan};
use aeden_live::processor::Controls;
use allocation_counter::{AllocationInfo, measure};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn callbacks_and_worker_never_allocate() {
    for (input, output) in [(1, 1), (1, 2), (2, 1), (2, 2), (4, 2), (3, 1), (2, 6)] {
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

#[test]
fn any_channels_and_rates_are_passed_on_or_refused() {
    let plan = |rate, channels| OutputPlan {
        format: Format { rate, channels },
        same_clock: false,
        drift: 0.0,
    };
    for (inputs, outputs) in [(1, 64), (3, 2), (4, 1), (5, 4), (64, 2), (8, 8)] {
        let input = Format {
            rate: 48_000,
            channels: inputs,
        };
        let controls = Arc::new(Controls::new(&Config::default()));
        let denoiser = identity::denoiser(input, Framing::default(), false).unwrap();
        let plans = [plan(48_000, outputs), plan(44_100, outputs)];
        let mut bridge = Bridge::build(input, &plans, denoiser, controls, true).unwrap();
        // Channel c has the value c + 1; what comes out is the mean of those that a place stands for.
        let samples: Vec<f32> = (0..480 * inputs).map(|i| (i % inputs + 1) as f32).collect();
        let mut played = vec![0.0; 480 * outputs];
        for block in 0..50 {
            let at = Duration::from_millis(10 * block);
            bridge.intake.push(&samples, at);
            bridge.worker.run();
            for outlet in bridge.outlets.iter_mut().rev() {
                outlet.pull(&mut played, at);
            }
        }
        for (place, y) in played[470 * outputs..471 * outputs].iter().enumerate() {
            let own: Vec<f32> = (place..inputs).step_by(outputs).map(|c| (c + 1) as f32).collect();
            let mean = own.iter().sum::<f32>() / own.len().max(1) as f32;
            let expected = if inputs == 1 { 1.0 } else { mean };
            assert!(
                (y - expected).abs() < 0.01,
                "{inputs} to {outputs}, {place}: {y}, not {expected}"
            );
        }
    }
    let good = Format {
        rate: 48_000,
        channels: 2,
    };
    let format = |rate, channels| Format { rate, channels };
    for (input, output) in [
        (format(48_000, 0), good),
        (format(48_000, 3), good),
        (format(48_000, 65), good),
        (format(0, 2), good),
        (format(u32::MAX, 2), good),
        (good, format(48_000, 0)),
        (good, format(48_000, 65)),
        (good, format(0, 2)),
        (good, format(u32::MAX, 2)),
    ] {
        let controls = Arc::new(Controls::new(&Config::default()));
        let denoiser = identity::denoiser(good, Framing::default(), false).unwrap();
        let plans = [OutputPlan {
            format: output,
            same_clock: false,
            drift: 0.0,
        }];
        assert!(
            Bridge::build(input, &plans, denoiser, controls, true).is_err(),
            "{input:?} to {output:?}"
        );
    }
}
