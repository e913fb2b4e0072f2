//! How cores are shared among files.

use std::sync::atomic::{AtomicUsize, Ordering};

/// So many files at a time, with so many cores for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cores {
    files: usize,
    /// Cores for each of them, at least 1.
    pub each: usize,
}

impl Cores {
    /// For work on `files` files. `jobs`: how many cores there are to be used, by default all.
    pub fn share(jobs: Option<u16>, files: usize) -> Self {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        let cores = jobs.map_or_else(all, usize::from);
        let files = files.clamp(1, cores);
        Cores {
            files,
            each: cores / files,
        }
    }

    /// Calls `work` with the numbers below `count`, in order, several at a time.
    pub fn for_each(self, count: usize, work: impl Fn(usize) + Sync) {
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                work(number);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.files.min(count) {
                // Where the system gives no more threads, fewer do it all.
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            work();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::Cores;

    #[test]
    fn no_core_is_left_out_and_none_is_used_twice() {
        for (jobs, files, expected) in [
            (1, 9, (1, 1)),
            (4, 1, (1, 4)),
            (4, 2, (2, 2)),
            (4, 9, (4, 1)),
            (8, 0, (1, 8)),
        ] {
            let share = Cores::share(Some(jobs), files);
            assert_eq!((share.files, share.each), expected, "{jobs} cores, {files} files");
        }
    }
}
