//! Decoded sound on the clock of its container: gaps become silence, overlaps are cut, as players do it, and every sample
//! that is put in or left out is counted. A clock that does not fit the sound is not followed.

use std::collections::VecDeque;

/// A gap or overlap of times from this length on is filled or cut, so that everything stays at its place. It is longer
/// than the roundings of Matroska's clock.
const GAP_SECONDS: f64 = 0.003;

/// Time that goes back by more is a clock that begins anew: in joined recordings.
const BACK_SECONDS: f64 = 1.0;

/// Frames from which it is told whether the clock fits.
const WINDOW: usize = 64;

/// Frames from which it is told whether a time is right: the middle one of their times counts. Where blocks of Vorbis change
/// their length, single times are wrong by half a block.
const NEXT: usize = 9;

/// The most samples of one channel that wait for later frames, for codecs with long frames.
const WAITING: u64 = 1 << 18;

/// What is cut at most, in parts of the sound and in seconds; more than both, and the clock is not followed any more.
const MOST_CUT: (f64, f64) = (0.02, 0.1);

/// What a decoder says about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Time of its first sample, counted in samples; `None` where the container has none.
    pub at: Option<i64>,
    /// Samples of each channel.
    pub samples: u64,
}

/// What is to be done with samples, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many come out as they are.
    Pass(u64),
    /// So many are left out.
    Cut(u64),
    /// So many of silence come out.
    Silence(u64),
}

/// What has been done so far, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Silence in gaps.
    pub silence: u64,
    /// Sound that lay over other sound.
    pub cut: u64,
    /// Decoded sound.
    pub decoded: u64,
    /// How often the clock went back.
    pub back: u64,
    /// Whether the clock is not followed.
    pub clockless: bool,
}

/// Settles what becomes of each frame.
#[derive(Debug)]
pub struct Timeline {
    rate: f64,
    has_clock: bool,
    /// Frames that wait until more is known about the clock.
    waiting: VecDeque<Placed>,
    /// Whether the clock has been found to fit, or not.
    judged: bool,
    /// Decoded samples of all frames that have come.
    come: i64,
    /// Time of the first sample, without the silence and with the cuts so far.
    origin: Option<i64>,
    account: Account,
}

/// A frame, and the time at which the first sample would be if all were one after the other.
#[derive(Clone, Copy, Debug)]
struct Placed {
    origin: Option<i64>,
    samples: u64,
}

impl Timeline {
    /// Starts. `has_clock`: the container has times of its own, which are more than counted samples.
    pub fn new(rate: u32, has_clock: bool) -> Self {
        Timeline {
            rate: rate.into(),
            has_clock,
            waiting: VecDeque::new(),
            judged: !has_clock,
            come: 0,
            origin: None,
            account: Account {
                clockless: !has_clock,
                ..Account::default()
            },
        }
    }

    /// What has been done so far.
    pub fn account(&self) -> Account {
        self.account
    }

    /// Whether the container has times of its own.
    pub fn has_clock(&self) -> bool {
        self.has_clock
    }

    /// Takes the next frame and adds to `steps` what is settled.
    pub fn push(&mut self, frame: Frame, steps: &mut VecDeque<Step>) {
        self.waiting.push_back(Placed {
            origin: frame.at.map(|at| at.saturating_sub(self.come)),
            samples: frame.samples,
        });
        self.come += frame.samples as i64;
        let samples: u64 = self.waiting.iter().map(|frame| frame.samples).sum();
        if !self.judged && (self.waiting.len() >= WINDOW || samples >= WAITING) {
            self.judge();
        }
        while self.judged && (self.account.clockless || self.waiting.len() > NEXT || samples >= WAITING) {
            let Some(frame) = self.waiting.pop_front() else {
                return;
            };
            self.place(frame, steps);
        }
    }

    /// No frame comes any more: adds what is left to `steps`.
    pub fn finish(&mut self, steps: &mut VecDeque<Step>) {
        if !self.judged {
            self.judge();
        }
        while let Some(frame) = self.waiting.pop_front() {
            self.place(frame, steps);
        }
    }

    /// Finds whether most frames begin where the one before them has ended.
    fn judge(&mut self) {
        let pairs = self.waiting.iter().zip(self.waiting.iter().skip(1));
        let steps: Vec<i64> = pairs
            .filter_map(|(frame, next)| Some(next.origin?.saturating_sub(frame.origin?)))
            .collect();
        let off = steps.iter().filter(|step| self.is_gap(**step)).count();
        self.account.clockless = steps.len() >= 8 && off * 2 > steps.len();
        self.judged = true;
    }

    fn is_gap(&self, step: i64) -> bool {
        step.unsigned_abs() as f64 > GAP_SECONDS * self.rate
    }

    /// By how much the clock goes on before a frame, if it does not stand still: later frames must agree.
    fn step(&self, frame: Placed) -> Option<i64> {
        let (at, before) = frame.origin.zip(self.origin)?;
        let apart = at.saturating_sub(before);
        if self.account.clockless || !self.is_gap(apart) {
            return None;
        }
        let later = self
            .waiting
            .iter()
            .filter_map(|frame| frame.origin)
            .take(NEXT - 1);
        let mut all: Vec<i64> = std::iter::once(at).chain(later).collect();
        let confirmed = all.get(1).is_none_or(|next| !self.is_gap(next - at));
        all.sort_unstable();
        // Of two that differ, that which changes less.
        let middle = match apart > 0 {
            true => all[(all.len() - 1) / 2],
            false => all[all.len() / 2],
        };
        let agreed = middle.saturating_sub(before);
        if !self.is_gap(agreed) || agreed.signum() != apart.signum() {
            return None;
        }
        Some(if confirmed { apart } else { agreed })
    }

    fn place(&mut self, frame: Placed, steps: &mut VecDeque<Step>) {
        let mut left = frame.samples;
        let step = self.step(frame);
        match step {
            Some(gap @ 1..) => {
                steps.push_back(Step::Silence(gap as u64));
                self.account.silence += gap as u64;
                self.origin = self.origin.map(|origin| origin + gap);
            }
            Some(back) if (-back) as f64 > BACK_SECONDS * self.rate => {
                self.account.back += 1;
                self.origin = self.origin.map(|origin| origin + back);
            }
            Some(overlap) => {
                let cut = left.min(overlap.unsigned_abs());
                steps.push_back(Step::Cut(cut));
                self.account.cut += cut;
                left -= cut;
                self.origin = self.origin.map(|origin| origin - cut as i64);
            }
            None => {}
        }
        if left > 0 {
            steps.push_back(Step::Pass(left));
        }
        self.account.decoded += frame.samples;
        self.origin = self.origin.or(frame.origin);
        let cut = self.account.cut as f64;
        let most = (MOST_CUT.0 * self.account.decoded as f64).max(MOST_CUT.1 * self.rate);
        self.account.clockless |= cut > most;
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Frame, Step, Timeline};
    use std::collections::VecDeque;

    /// Frames of 100 samples at these times, at 10 kHz: a gap is longer than 30.
    fn placed(times: impl Iterator<Item = i64>) -> (Vec<Step>, Account) {
        let (mut timeline, mut steps) = (Timeline::new(10_000, true), VecDeque::new());
        for at in times {
            let (at, samples) = (Some(at), 100);
            timeline.push(Frame { at, samples }, &mut steps);
        }
        timeline.finish(&mut steps);
        (steps.into(), timeline.account())
    }

    #[test]
    fn gaps_become_silence_and_overlaps_are_cut() {
        let (steps, account) = placed([500, 600, 1000, 1100, 1150, 1250].into_iter());
        let pass = Step::Pass(100);
        let (gap, cut) = (Step::Silence(300), Step::Cut(50));
        assert_eq!(steps, [pass, pass, gap, pass, pass, cut, Step::Pass(50), pass]);
        assert_eq!((account.silence, account.cut, account.decoded), (300, 50, 600));
        // Also where an overlap is longer than a frame.
        let (steps, account) = placed((0..30).map(|i| if i < 10 { i * 100 } else { i * 100 - 250 }));
        let lost: Vec<_> = steps.iter().filter(|step| **step != pass).collect();
        assert_eq!(
            lost,
            [&Step::Cut(100), &Step::Cut(100), &Step::Cut(50), &Step::Pass(50)]
        );
        assert_eq!(account.cut, 250);
    }

    #[test]
    fn a_single_time_that_is_wrong_changes_nothing() {
        for wrong in [-70, 45, 5_000, -100_000] {
            let (steps, account) = placed((0..200).map(|i| i * 100 + if i % 12 == 5 { wrong } else { 0 }));
            assert!(steps.iter().all(|step| *step == Step::Pass(100)), "{wrong}");
            assert_eq!(
                account,
                Account {
                    decoded: 20_000,
                    ..Account::default()
                }
            );
        }
    }

    #[test]
    fn roundings_change_nothing_and_do_not_add_up() {
        let (steps, account) = placed((0..1000).map(|i| i * 100 + [0, 9, -9, 20][i as usize % 4]));
        assert_eq!(steps.len(), 1000);
        assert_eq!((account.silence, account.cut), (0, 0));
    }

    #[test]
    fn a_clock_that_is_wrong_all_along_is_not_followed() {
        for wrong in [|i: i64| i, |i: i64| i * 50, |i: i64| i * 10_000, |_: i64| 7] {
            let (steps, account) = placed((0..500).map(wrong));
            assert!(steps.iter().all(|step| *step == Step::Pass(100)), "{steps:?}");
            assert!(account.clockless);
        }
    }

    #[test]
    fn a_clock_that_goes_wrong_later_costs_little() {
        let (_, account) = placed((0..500).map(|i| if i < 100 { i * 100 } else { 10_000 + (i - 100) * 20 }));
        assert!(account.clockless && account.cut <= 1200, "{account:?}");
    }

    #[test]
    fn a_clock_that_begins_anew_cuts_nothing() {
        let (steps, account) = placed((0..300).map(|i| 1_000_000 + (i % 150) * 100));
        assert!(steps.iter().all(|step| *step == Step::Pass(100)));
        assert_eq!((account.back, account.cut, account.clockless), (1, 0, false));
    }
}
