//! What the audio thread shows to the editor.

use aeden_plugin::monitor::{Stream, monitor};

#[test]
fn nothing_is_shown_while_nobody_looks() {
    let (mut transmitter, mut receiver) = monitor();
    let mut block = [0.5; 64];
    transmitter.before(&[&mut block]);
    transmitter.after(&[&mut block]);
    let (mut input, mut output) = (Vec::new(), Vec::new());
    receiver.receive(&mut input, &mut output);
    assert!(input.is_empty() && output.is_empty());
    assert_eq!(receiver.peaks(), ([0.0; 2], [0.0; 2]));
    assert_eq!(receiver.load().1, 0);
    // Watched, and no longer.
    drop(receiver.watch());
    transmitter.before(&[&mut block]);
    transmitter.after(&[&mut block]);
    assert_eq!(receiver.load().1, 0);
}

#[test]
fn input_and_output_arrive_in_step_with_peaks_and_load() {
    let (mut transmitter, mut receiver) = monitor();
    let _watching = receiver.watch();
    let (mut left, mut right) = ([0.5; 64], [-0.25; 64]);
    transmitter.before(&[&mut left, &mut right]);
    left.fill(1.0);
    right.fill(0.0);
    transmitter.after(&[&mut left, &mut right]);
    let (mut input, mut output) = (Vec::new(), Vec::new());
    receiver.receive(&mut input, &mut output);
    assert_eq!(input, [0.125; 64]);
    assert_eq!(output, [0.5; 64]);
    assert_eq!(receiver.peaks(), ([0.5, 0.25], [1.0, 0.0]));
    assert_eq!(receiver.load().1, 64);
    assert_eq!(receiver.load().1, 0, "counted once");
}

#[test]
fn an_editor_that_does_not_keep_up_loses_both_sides_alike() {
    let (mut transmitter, mut receiver) = monitor();
    let _watching = receiver.watch();
    let mut block = [0.1; 1000];
    for _ in 0..1000 {
        transmitter.before(&[&mut block]);
        transmitter.after(&[&mut block]);
    }
    let (mut input, mut output) = (Vec::new(), Vec::new());
    receiver.receive(&mut input, &mut output);
    assert!(!input.is_empty() && input.len() < 1_000_000);
    assert_eq!(input.len(), output.len());
}

#[test]
fn the_stream_is_known_to_both_ends() {
    let (transmitter, receiver) = monitor();
    let stream = Stream {
        sample_rate: 44_100,
        latency: 1322,
        channels: 2,
    };
    transmitter.facts().set_stream(stream);
    assert_eq!(receiver.facts().stream(), stream);
}
