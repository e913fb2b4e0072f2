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
