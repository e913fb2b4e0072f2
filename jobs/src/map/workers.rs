//! Work on threads.

use std::sync::{Mutex, PoisonError};

/// Does `work` with items piece by piece, on up to so many threads; it gets the number of a piece's first item. Each item
/// depends on its number alone, so the threads change no bit.
pub fn share<T: Send>(items: &mut [T], piece: usize, workers: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    let workers = workers.min(items.len().div_ceil(piece));
    let pieces = Mutex::new(items.chunks_mut(piece).enumerate());
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    let run = || {
        while let Some((number, items)) = next() {
            work(number * piece, items);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(run);
        }
        run();
    });
}
