//! The order in which the layers of a network go over the frames of a call.

use crate::kernels::{Direction, Matrix, Mixer};
use crate::network::{Gru, Layer, Network};
use std::ops::Range;

/// Frames that go through a layer together. The weights of a layer fit the first cache, so that a few frames are enough to
/// hide the rest; more would fall out of the second.
pub(crate) const CHUNK: usize = 8;

/// The frames of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) frames: usize,
    /// The first so many of them get masks. Those behind are context for backward GRUs.
    pub(super) wanted: usize,
}

impl Span {
    /// Cuts frames into chunks, in the order of time. No chunk lies on both sides of the last wanted frame.
    pub(super) fn chunks(self, frames: Range<usize>) -> impl DoubleEndedIterator<Item = Range<usize>> {
        let end_of_wanted = self.wanted.clamp(frames.start, frames.end);
        let cut = |from: usize, to: usize| {
            let starts = (from..to).step_by(CHUNK);
            starts.map(move |start| start..to.min(start + CHUNK))
        };
        cut(frames.start, end_of_wanted).chain(cut(end_of_wanted, frames.end))
    }
}

/// One pass over the frames of a call.
pub(super) struct Pass<'a> {
    pub(super) work: Work<'a>,
    /// A backward GRU needs the result for all frames, not for the wanted ones alone.
    whole: bool,
    /// The frames that the GRUs before have left with each thread, by sub-bands.
    held: Held,
}

/// Some of the frames of a call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    None,
    Wanted,
    All,
}

/// The work of a pass on each frame.
pub(super) enum Work<'a> {
    /// The input layers: features → channels of each sub-band.
    Encode,
    /// Adds the hidden states of a GRU.
    Recur(&'a Gru, Time),
    /// A mixing layer.
    Mix(&'a Matrix, &'a Mixer),
    /// The output layers: channels → gains and filters.
    Decode,
}

/// The direction of a GRU, and its hidden state.
#[derive(Clone, Copy)]
pub(super) enum Time {
    /// Goes on from the hidden state of this number, which is kept from call to call. The GRU is the layer alone, or has a
    /// backward one beside it, which takes the same input.
    Forward { state: usize, alone: bool },
    /// Begins anew at the last frame of each call. The forward GRU of the layer has been before.
    Backward,
}

impl Pass<'_> {
    /// The chunks of the pass, in the order in which they must be done.
    pub(super) fn chunk(&self, number: usize, span: Span) -> Option<Range<usize>> {
        let mut chunks = span.chunks(0..self.frames(span));
        match self.work.direction() {
            Direction::Forward => chunks.nth(number),
            Direction::Backward => chunks.nth_back(number),
        }
    }

    /// The first so many frames have to be done.
    pub(super) fn frames(&self, span: Span) -> usize {
        if self.whole { span.frames } else { span.wanted }
    }

    /// The first so many frames are with each thread when the pass begins, by sub-bands; the others are together.
    pub(super) fn held(&self, span: Span) -> usize {
        match self.held {
            Held::None => 0,
            Held::Wanted => span.wanted,
            Held::All => span.frames,
        }
    }
}

impl Work<'_> {
    pub(super) fn direction(&self) -> Direction {
        match self {
            Work::Recur(_, Time::Backward) => Direction::Backward,
            _ => Direction::Forward,
        }
    }
}

/// All passes of a network, in order.
pub(super) fn passes(network: &Network) -> impl Iterator<Item = Pass<'_>> {
    let backward = works(network)
        .enumerate()
        .filter(|(_, work)| work.direction() == Direction::Backward);
    let last_backward = backward.map(|(number, _)| number).last();
    let mut held = Held::None;
    works(network).enumerate().map(move |(number, work)| {
        // The forward GRU beside the last backward one serves the wanted frames alone.
        let whole = last_backward.is_some_and(|last| number <= last && number + 1 != last);
        let after = match work {
            Work::Recur(..) => held.max(if whole { Held::All } else { Held::Wanted }),
            _ => Held::None,
        };
        Pass {
            work,
            whole,
            held: std::mem::replace(&mut held, after),
        }
    })
}

fn works(network: &Network) -> impl Iterator<Item = Work<'_>> {
    let mut states = 0..;
    let layers = network.layers.iter().flat_map(move |layer| match layer {
        Layer::Recurrent { forward, backward } => {
            let time = Time::Forward {
                state: states.next().unwrap_or(0),
                alone: backward.is_none(),
            };
            let backward = backward.as_ref().map(|gru| Work::Recur(gru, Time::Backward));
            [Some(Work::Recur(forward, time)), backward]
        }
        Layer::Mixing { channels, across } => [Some(Work::Mix(channels, across)), None],
    });
    let (first, last) = (std::iter::once(Work::Encode), std::iter::once(Work::Decode));
    first.chain(layers.flatten()).chain(last)
}
