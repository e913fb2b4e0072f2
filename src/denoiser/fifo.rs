//! Queues of samples.

use std::ops::Range;

/// A queue of samples, rows (channels, then perhaps gains) in step.
#[derive(Debug)]
pub(super) struct Fifo {
    pub(super) rows: Vec<Vec<f32>>,
    start: usize,
    end: usize,
    /// Zeros that it holds at first.
    ahead: usize,
}

impl Fifo {
    pub(super) fn new(rows: usize, capacity: usize, ahead: usize) -> Self {
        Self {
            rows: vec![vec![0.0; capacity]; rows],
            start: 0,
            end: ahead,
            ahead,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// The first `len` samples.
    pub(super) fn front(&self, len: usize) -> Range<usize> {
        debug_assert!(len <= self.len());
        self.start..self.start + len
    }

    pub(super) fn consume(&mut self, len: usize) {
        self.start = self.front(len).end;
    }

    /// Makes room for the next `len` samples, to be made valid by [`commit`](Self::commit).
    pub(super) fn room(&mut self, len: usize) -> Range<usize> {
        let capacity = self.rows[0].len();
        if self.end + len > capacity {
            debug_assert!(self.len() + len <= capacity);
            for row in &mut self.rows {
                row.copy_within(self.start..self.end, 0);
            }
            (self.start, self.end) = (0, self.len());
        }
        self.end..self.end + len
    }

    pub(super) fn commit(&mut self, len: usize) {
        self.end += len;
    }

    pub(super) fn reset(&mut self) {
        self.rows.iter_mut().for_each(|row| row.fill(0.0));
        (self.start, self.end) = (0, self.ahead);
    }
}
