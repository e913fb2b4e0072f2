//! Pairs of sound before and after cleaning that belong to the same moment.

use aeden::denoiser::Denoiser;
use std::collections::VecDeque;

/// Passes sound through a cleaner and holds the input back until its output is there.
pub struct Aligned {
    cleaner: Denoiser,
    /// Input whose output has not come yet, by channel.
    waiting: Vec<VecDeque<f32>>,
    /// Frames of output that still precede the first one that counts.
    early: usize,
    /// Before cleaning, by channel.
    pub before: Vec<Vec<f32>>,
    /// After cleaning, of the same length.
    pub after: Vec<Vec<f32>>,
}

impl Aligned {
    /// Starts at the beginning of a recording with `channels` channels.
    pub fn new(cleaner: Denoiser, channels: usize) -> Self {
        Aligned {
            early: cleaner.latency(),
            cleaner,
            waiting: vec![VecDeque::new(); channels],
            before: vec![Vec::new(); channels],
            after: vec![Vec::new(); channels],
        }
    }

    /// Takes the next input, one vector a channel, and sets `before` and `after` to what can be paired so far.
    pub fn push(&mut self, planes: &[Vec<f32>]) {
        for ((after, waiting), plane) in self.after.iter_mut().zip(&mut self.waiting).zip(planes) {
            after.clear();
            after.extend_from_slice(plane);
            waiting.extend(plane);
        }
        self.pair();
    }

    /// Call it after the last [`push`](Aligned::push) until it returns false: sets `before` and `after` to what is left.
    pub fn flush(&mut self, most: usize) -> bool {
        let frames = self.waiting.first().map_or(0, VecDeque::len).min(most);
        // The first output that counts may need more zeros than there is input, in a very short recording.
        let zeros = if frames < most {
            frames + self.early
        } else {
            frames
        };
        for after in &mut self.after {
            after.clear();
            after.resize(zeros, 0.0);
        }
        self.pair();
        frames > 0
    }

    fn pair(&mut self) {
        let mut slices: Vec<&mut [f32]> = self.after.iter_mut().map(Vec::as_mut_slice).collect();
        self.cleaner.process(&mut slices);
        let frames = self.after.first().map_or(0, Vec::len);
        let dropped = self.early.min(frames);
        self.early -= dropped;
        for ((after, before), waiting) in self.after.iter_mut().zip(&mut self.before).zip(&mut self.waiting) {
            after.drain(..dropped);
            // Zeros after the end bring out no more than went in.
            after.truncate(waiting.len());
            before.clear();
            before.extend(waiting.drain(..after.len()));
        }
    }
}
