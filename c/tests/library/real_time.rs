//! What may run on an audio thread allocates nothing; what is freed is freed.

use super::Random;
use aeden_c::interface::*;
use aeden_c::status::Status;
use allocation_counter::{AllocationInfo, measure};
use std::ptr::null_mut;

#[test]
fn nothing_but_making_and_freeing_allocates() {
    for (rate, channels, quality, link) in [(48_000, 1, 0, 0), (44_100, 2, 1, 0), (16_000, 2, 0, 1)] {
        let mut denoiser = null_mut();
        let mut sound = Random(1).noise(channels as usize * 9000);
        let mut words: Vec<i16> = sound.iter().map(|x| (x * 32_768.0) as i16).collect();
        // SAFETY: a denoiser until it is freed, and enough samples.
        unsafe {
            let status = aeden_create(rate, channels, quality, link, &mut denoiser, null_mut(), 0);
            assert_eq!(status, Status::Ok);
            let (samples, integers) = (sound.as_mut_ptr(), words.as_mut_ptr());
            let calls = measure(|| {
                let (rows, wide) = ([samples; 2], [integers; 2]);
                for frames in [0, 1, 480, 9000, 17] {
                    aeden_process_interleaved_f32(denoiser, samples, samples, frames);
                    aeden_process_interleaved_i16(denoiser, integers, integers, frames);
                    aeden_process_f32(denoiser, rows.as_ptr().cast(), rows.as_ptr(), frames);
                    aeden_process_i16(denoiser, wide.as_ptr().cast(), wide.as_ptr(), frames);
                    aeden_set_strength(denoiser, frames as f32);
                    aeden_set_bands(denoiser, [100.0, 3000.0].as_ptr(), [3.0, 30.0].as_ptr(), 2);
                    aeden_set_bands(denoiser, [3000.0, 100.0].as_ptr(), [3.0, 30.0].as_ptr(), 2);
                    aeden_set_mix(denoiser, 0.5);
                    aeden_set_gain(denoiser, 3.0);
                    aeden_set_removed(denoiser, 1);
                    aeden_set_bypass(denoiser, i32::from(frames == 1));
                    aeden_reduction(denoiser);
                    aeden_speech_level(denoiser);
                    aeden_latency(denoiser);
                    aeden_tail(denoiser);
                    aeden_status_text(2);
                    if frames == 480 {
                        aeden_reset(denoiser);
                    }
                }
            });
            assert_eq!(calls, AllocationInfo::default(), "{rate} Hz");
            assert_eq!(aeden_free(denoiser), Status::Ok);
        }
    }
}

#[test]
fn bands_reach_the_sound() {
    let input = Random(3).noise(20_000);
    let cleaned = |frequencies: &[f32], limits: &[f32], strength: f32| {
        let (mut denoiser, mut sound) = (null_mut(), input.clone());
        // SAFETY: a denoiser until it is freed, and as many numbers as it is told.
        unsafe {
            assert_eq!(
                aeden_create(48_000, 1, 0, 0, &mut denoiser, null_mut(), 0),
                Status::Ok
            );
            let status = aeden_set_bands(denoiser, frequencies.as_ptr(), limits.as_ptr(), limits.len());
            assert_eq!(status, Status::Ok);
            assert_eq!(aeden_set_strength(denoiser, strength), Status::Ok);
            aeden_process_interleaved_f32(denoiser, sound.as_ptr(), sound.as_mut_ptr(), sound.len());
            sound.drain(..aeden_latency(denoiser));
            assert_eq!(aeden_free(denoiser), Status::Ok);
        }
        sound
    };
    let none = f32::INFINITY;
    let untouched = cleaned(&[0.0, 500.0], &[0.0, 0.0], none);
    // The fade from the settings of a new denoiser is over by then.
    assert!(untouched[480..] == input[480..untouched.len()]);
    let (limited, equal) = (
        cleaned(&[], &[], 12.0),
        cleaned(&[100.0, 900.0], &[12.0, 12.0], none),
    );
    assert!(
        limited[2000..]
            .iter()
            .zip(&equal[2000..])
            .all(|(a, b)| (a - b).abs() < 1e-4)
    );
    assert!(cleaned(&[100.0, 900.0], &[3.0, 40.0], none)[2000..] != limited[2000..]);
}

#[test]
fn what_is_freed_is_gone() {
    let calls = measure(|| {
        let mut denoiser = null_mut();
        // SAFETY: freed once, and not used after.
        unsafe {
            aeden_create(44_100, 2, 1, 1, &mut denoiser, null_mut(), 0);
            assert_eq!(aeden_free(denoiser), Status::Ok);
        }
    });
    // Debug builds keep the shell, to tell when it is used again.
    assert_eq!(
        calls.count_current,
        i64::from(cfg!(debug_assertions)),
        "{calls:?}"
    );
    assert!(calls.bytes_current < 1000, "{calls:?}");
}
