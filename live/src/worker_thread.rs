//! The thread that a worker runs on in real life.

use crate::bridge::Worker;
use crate::device::AudioError;
use crate::priority;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Ends the thread when it is dropped.
struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It has no way to panic that is worth more than a line on standard error, which there is already.
            let _ = thread.join();
        }
    }
}

/// Runs a worker whenever its intake wakes it.
///
/// # Errors
/// [`AudioError::Unsupported`] if the operating system gives no thread.
pub fn spawn(mut worker: Worker) -> Result<Box<dyn Send>, AudioError> {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    let run = move || {
        priority::raise();
        let counters = worker.counters().clone();
        // Set once: a worker runs on one thread.
        let _ = counters.worker.set(std::thread::current());
        while !asked.load(Relaxed) {
            let start = Instant::now();
            if worker.run() > 0 {
                counters.busy.add(start.elapsed().as_secs_f64());
            }
            // Woken by input; the timeout only bounds how long stopping takes if there is none.
            std::thread::park_timeout(Duration::from_millis(100));
        }
    };
    let thread = std::thread::Builder::new()
        .name("aeden-clean".into())
        .spawn(run)
        .map_err(|e| {
            AudioError::Unsupported(format!("no thread for the denoiser: {e}; close other programs"))
        })?;
    Ok(Box::new(Running {
        stop,
        thread: Some(thread),
    }))
}
