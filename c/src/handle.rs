//! The target of a caller's pointer: a denoiser and its guards.

use crate::controls::Controls;
use crate::samples::{Sample, read, write};
use crate::status::{Status, guarded};
use aeden::{Config, Denoiser};
use std::cell::UnsafeCell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU8, AtomicU32};

/// Samples of a channel that are cleaned at once.
const PART: usize = 4096;

/// No thread works on the denoiser.
const IDLE: u8 = 0;
/// One does.
const BUSY: u8 = 1;
/// One had a fault while it did.
const BROKEN: u8 = 2;
/// It is no more.
const FREED: u8 = 3;

/// A denoiser for streams. Its fields are nobody's business.
#[derive(Debug)]
pub struct Handle {
    state: AtomicU8,
    pub(crate) facts: Facts,
    pub(crate) controls: Controls,
    /// The last measurements, as bits of `f32`.
    reduction: AtomicU32,
    speech_level: AtomicU32,
    /// For the thread alone that has set `state` to busy.
    work: UnsafeCell<Option<Box<Work>>>,
}

/// Constants of a denoiser.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub sample_rate: u32,
    pub channels: usize,
    pub latency: usize,
    pub tail: usize,
    pub is_real_time: bool,
}

#[derive(Debug)]
struct Work {
    denoiser: Denoiser,
    /// `[channel][PART]`
    rows: Vec<Vec<f32>>,
}

// SAFETY: `state` lets one thread at a time to `work`; all else is constant or atomic.
unsafe impl Sync for Handle {}

impl Handle {
    pub fn new(denoiser: Denoiser, sample_rate: u32) -> Handle {
        let channels = denoiser.channels();
        Handle {
            state: AtomicU8::new(IDLE),
            facts: Facts {
                sample_rate,
                channels,
                latency: denoiser.latency(),
                tail: denoiser.tail(),
                is_real_time: denoiser.is_real_time(),
            },
            controls: Controls::new(),
            reduction: AtomicU32::new(0),
            speech_level: AtomicU32::new(f32::NEG_INFINITY.to_bits()),
            work: UnsafeCell::new(Some(Box::new(Work {
                denoiser,
                rows: vec![vec![0.0; PART]; channels],
            }))),
        }
    }

    /// The handle behind a caller's pointer.
    ///
    /// # Safety
    /// `pointer` must be null, or come from [`Handle::new`] in a box; in debug builds it may have been freed by
    /// [`Handle::free`], in others not.
    pub unsafe fn at<'a>(pointer: *const Handle) -> Result<&'a Handle, Status> {
        // SAFETY: null, or alive: debug builds keep what was freed.
        let handle = unsafe { pointer.as_ref() }.ok_or(Status::Null)?;
        if handle.state.load(Relaxed) == FREED {
            return Err(Status::Freed);
        }
        Ok(handle)
    }

    /// Frees a handle. Debug builds keep its shell, a few dozen bytes, so that they can tell when it is used again.
    ///
    /// # Safety
    /// As for [`at`](Handle::at).
    pub unsafe fn free(pointer: *mut Handle) -> Status {
        // SAFETY: the caller's.
        let handle = match unsafe { Handle::at(pointer) } {
            Ok(handle) => handle,
            Err(status) => return status,
        };
        let free = |state| (state != BUSY && state != FREED).then_some(FREED);
        if let Err(state) = handle.state.fetch_update(Acquire, Relaxed, free) {
            return if state == BUSY {
                Status::Busy
            } else {
                Status::Freed
            };
        }
        // SAFETY: nobody is at work, and nobody comes to it any more.
        drop(unsafe { (*handle.work.get()).take() });
        if !cfg!(debug_assertions) {
            // SAFETY: a box until here.
            drop(unsafe { Box::from_raw(pointer) });
        }
        Status::Ok
    }

    /// Lets this thread work on the denoiser, alone.
    fn enter(&self, work: impl FnOnce(&mut Work)) -> Status {
        match self.state.compare_exchange(IDLE, BUSY, Acquire, Relaxed) {
            Ok(_) => {}
            Err(BUSY) => return Status::Busy,
            Err(FREED) => return Status::Freed,
            Err(_) => return Status::Internal,
        }
        // SAFETY: only the thread that made IDLE to BUSY comes here.
        let Some(inside) = (unsafe { &mut *self.work.get() }) else {
            return Status::Freed;
        };
        let status = guarded(Status::Internal, || {
            self.controls.apply(&mut inside.denoiser);
            work(inside);
            self.reduction
                .store(inside.denoiser.reduction().to_bits(), Relaxed);
            self.speech_level
                .store(inside.denoiser.speech_level().to_bits(), Relaxed);
            Status::Ok
        });
        let state = if status == Status::Ok { IDLE } else { BROKEN };
        self.state.store(state, Release);
        status
    }

    pub fn reset(&self) -> Status {
        self.enter(|work| work.denoiser.reset())
    }

    /// In dB.
    pub fn reduction(&self) -> f32 {
        f32::from_bits(self.reduction.load(Relaxed))
    }

    /// In dBFS.
    pub fn speech_level(&self) -> f32 {
        f32::from_bits(self.speech_level.load(Relaxed))
    }

    /// Cleans `frames` samples a channel. Channel c begins at `input(c)` and goes to `output(c)`, its samples `stride`
    /// apart.
    ///
    /// # Safety
    /// All that memory must be there. Input and output may be the same.
    pub unsafe fn process<S: Sample>(
        &self,
        input: impl Fn(usize) -> *const S,
        output: impl Fn(usize) -> *mut S,
        stride: usize,
        frames: usize,
    ) -> Status {
        let channels = self.facts.channels;
        let bytes = frames
            .checked_mul(stride)
            .and_then(|samples| samples.checked_mul(size_of::<S>()));
        if bytes.is_none_or(|bytes| bytes > isize::MAX as usize) {
            return Status::Length;
        }
        self.enter(|Work { denoiser, rows }| {
            for from in (0..frames).step_by(PART) {
                let len = PART.min(frames - from);
                for (c, row) in rows.iter_mut().enumerate() {
                    // SAFETY: the caller's memory, within `frames`.
                    unsafe { read(input(c).add(from * stride), stride, &mut row[..len]) };
                }
                let mut parts: [&mut [f32]; Config::MAX_CHANNELS] = std::array::from_fn(|_| &mut [][..]);
                for (part, row) in parts.iter_mut().zip(rows.iter_mut()) {
                    *part = &mut row[..len];
                }
                denoiser.process(&mut parts[..channels]);
                for (c, row) in rows.iter().enumerate() {
                    // SAFETY: as above.
                    unsafe { write(&row[..len], output(c).add(from * stride), stride) };
                }
            }
        })
    }
}
