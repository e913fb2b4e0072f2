//! Numbers that audio threads write and others read, without a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A count or sum with one writer at a time.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Reads.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number with one writer.
#[derive(Debug)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Starts with a value.
    pub fn new(value: f64) -> Self {
        Gauge(AtomicU64::new(value.to_bits()))
    }

    /// Writes.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Relaxed);
    }

    /// Adds; only the one writer may.
    pub fn add(&self, value: f64) {
        self.set(self.get() + value);
    }

    /// Reads.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Relaxed))
    }
}

impl Default for Gauge {
    fn default() -> Self {
        Gauge::new(0.0)
    }
}

/// A point in time of the host's clock; starts at 0.
#[derive(Debug, Default)]
pub struct Moment(AtomicU64);

impl Moment {
    /// Writes.
    pub fn set(&self, at: Duration) {
        self.0.store(at.as_nanos() as u64, Relaxed);
    }

    /// Reads.
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }
}
