//! Sharing work among threads.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Results of the output layers, with their numbers a frame.
pub(super) struct Outputs<'a> {
    pub(super) gains: (usize, &'a mut [f32]),
    pub(super) filters: (usize, &'a mut [f32]),
}

impl Outputs<'_> {
    pub(super) fn none() -> Self {
        Outputs {
            gains: (0, &mut []),
            filters: (0, &mut []),
        }
    }
}

/// The frames of one thread.
pub(super) struct Share<'a, S> {
    pub(super) scratch: &'a mut S,
    /// The first of them.
    pub(super) start: usize,
    pub(super) code: &'a mut [f32],
    pub(super) gains: &'a mut [f32],
    pub(super) filters: &'a mut [f32],
}

/// Shares frames, whose numbers are in `code` and `outputs`, among as many threads as there is scratch, and works on each share.
pub(super) fn by_frames<S: Send>(
    scratch: &mut [S],
    frames: Range<usize>,
    code: &mut [f32],
    outputs: Outputs,
    work: impl Fn(&mut Share<S>) + Sync,
) {
    let (bands, mut gains) = outputs.gains;
    let (coefficients, mut filters) = outputs.filters;
    let frame = code.len() / frames.len().max(1);
    let each = frames.len().div_ceil(scratch.len());
    let mut left = frames.len();
    let mut rest = code;
    let mut next = |number: usize, scratch| {
        let count = each.min(left);
        left -= count;
        Some(Share {
            scratch,
            start: frames.start + number * each,
            code: rest.split_off_mut(..count * frame)?,
            gains: gains.split_off_mut(..count * bands)?,
            filters: filters.split_off_mut(..count * coefficients)?,
        })
    };
    if let [own] = scratch {
        return next(0, own).iter_mut().for_each(work);
    }
    let scratch = scratch.iter_mut().enumerate();
    let mut shares: Vec<_> = scratch
        .filter_map(|(number, scratch)| next(number, scratch))
        .filter(|share| !share.code.is_empty())
        .collect();
    side_by_side(&mut shares, work);
}

/// Works on every item in a thread of its own, or in fewer threads where the system gives no more.
pub(crate) fn side_by_side<T: Send>(items: &mut [T], work: impl Fn(&mut T) + Sync) {
    let others = items.len().saturating_sub(1);
    let left = Mutex::new(items.iter_mut());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(item) = next() {
            work(item);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..others {
            if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        work();
    });
}
