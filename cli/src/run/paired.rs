//! Pairs of sound before and after cleaning that belong to the same moment.

use crate::run::input::{Input, block_frames};
use aeden::Cleaner;
use aeden_media::problem::Problem;
use std::collections::VecDeque;
use std::mem::replace;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Mutex, PoisonError};

/// Blocks that may wait for the thread that takes them.
const WAITING: usize = 2;

/// How much larger blocks are for several cores, so that there is something to share in each.
const LARGER: usize = 8;

/// Samples, one vector a channel.
pub type Planes = Vec<Vec<f32>>;

/// Passes sound through a cleaner and holds the input back until its output is there.
pub struct PairedCleaner {
    cleaner: Cleaner,
    /// Input whose output has not come yet, by channel.
    waiting: Vec<VecDeque<f32>>,
    /// Before cleaning, by channel.
    before: Planes,
    /// After cleaning, of the same length.
    after: Planes,
}

impl PairedCleaner {
    /// Starts at the beginning of a recording.
    pub fn new(cleaner: Cleaner) -> Self {
        let channels = cleaner.channels();
        PairedCleaner {
            cleaner,
            waiting: vec![VecDeque::new(); channels],
            before: vec![Vec::new(); channels],
            after: vec![Vec::new(); channels],
        }
    }

    /// Cleans all that is left of an input. `take` gets everything before and after cleaning, block by block, in a thread of
    /// its own if this is to be done on several cores. Gives the number of frames.
    pub fn all(
        mut self,
        input: &mut Input,
        name: &Path,
        cores: usize,
        take: impl FnMut(&[Vec<f32>], &[Vec<f32>]) -> Result<(), Problem> + Send,
    ) -> Result<u64, Problem> {
        let block = block_frames(input.format().channels);
        if cores < 2 {
            let mut take = take;
            return self.each(input, name, block, |before, after| {
                take(before, after).map(|()| true)
            });
        }
        let (sender, receiver) = sync_channel::<(Planes, Planes)>(WAITING);
        let (returned, empty) = channel::<(Planes, Planes)>();
        let take = Mutex::new(take);
        let take = &|before: &[Vec<f32>], after: &[Vec<f32>]| {
            let mut take = take.lock().unwrap_or_else(PoisonError::into_inner);
            take(before, after)
        };
        std::thread::scope(|scope| {
            let taker = std::thread::Builder::new().spawn_scoped(scope, move || {
                let mut pairs = receiver.iter();
                pairs.try_for_each(|pair| {
                    take(&pair.0, &pair.1)?;
                    // At the end nobody needs it any more.
                    let _ = returned.send(pair);
                    Ok(())
                })
            });
            let Ok(taker) = taker else {
                // The system gives no more threads.
                return self.each(input, name, block, |before, after| {
                    take(before, after).map(|()| true)
                });
            };
            let given = self.each(input, name, LARGER * block, |before, after| {
                let (used_before, used_after) = empty.try_recv().unwrap_or_default();
                let pair = (replace(before, used_before), replace(after, used_after));
                // Nobody listens any more after an error, which is told below.
                Ok(sender.send(pair).is_ok())
            });
            drop(sender);
            let taken = taker.join().unwrap_or_else(|panic| resume_unwind(panic));
            taken.and(given)
        })
    }

    /// Cleans everything, so many frames at a time, as long as `take` wants more. It may keep what it gets.
    fn each(
        &mut self,
        input: &mut Input,
        name: &Path,
        block: usize,
        mut take: impl FnMut(&mut Planes, &mut Planes) -> Result<bool, Problem>,
    ) -> Result<u64, Problem> {
        let mut wanted = true;
        let frames = input.read_all(name, block, |_, planes| {
            self.push(planes);
            wanted = take(&mut self.before, &mut self.after)?;
            Ok(wanted)
        })?;
        if wanted {
            self.finish();
            take(&mut self.before, &mut self.after)?;
        }
        Ok(frames)
    }

    /// Takes the next input and sets `before` and `after` to what can be paired so far.
    fn push(&mut self, planes: &[Vec<f32>]) {
        for (waiting, plane) in self.waiting.iter_mut().zip(planes) {
            waiting.extend(plane);
        }
        self.start();
        self.cleaner.push(planes, &mut self.after);
        self.pair();
    }

    /// After the last [`push`](PairedCleaner::push): sets `before` and `after` to what is left.
    fn finish(&mut self) {
        self.start();
        self.cleaner.finish(&mut self.after);
        self.pair();
    }

    /// Clears `after`, whose channels may have been taken away.
    fn start(&mut self) {
        self.after.resize(self.waiting.len(), Vec::new());
        self.after.iter_mut().for_each(Vec::clear);
    }

    /// Finds the input to what has come out.
    fn pair(&mut self) {
        self.before.resize(self.waiting.len(), Vec::new());
        for ((after, before), waiting) in self.after.iter().zip(&mut self.before).zip(&mut self.waiting) {
            before.clear();
            before.extend(waiting.drain(..after.len()));
        }
    }
}
