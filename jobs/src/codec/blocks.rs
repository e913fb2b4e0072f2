//! Blocks, for encoding and decoding alike: a cosine transform (MDCT), in steps that the envelopes set.
//!
//! The transform has frames of 32 ms every 16 ms, so each lies under three frames of the envelope. A block is 80 of
//! them, with the codes of the envelopes that they are the first to need. The sum and difference of two channels take
//! their place.

use super::coefficients::{Coder, DECIBEL, Steps};
use super::container::Header;
use super::entropy::{Bits, Numbers, rough};
use super::envelope::Envelopes;
use rustdct::DctPlanner;
use rustdct::mdct::{Mdct, window_fn};
use std::f32::consts::FRAC_1_SQRT_2;
use std::sync::Arc;

/// Transforms in a block.
pub const BLOCK: u64 = 80;

/// The layout in time and frequency.
#[derive(Clone)]
pub struct Layout {
    rate: u64,
    /// Samples between transforms, and coefficients of one.
    pub hop: usize,
    /// Frames of the envelope in 1000 s, and in a patch.
    envelope_rate: u64,
    patch: u64,
    /// Bins of the model's between coefficients.
    spacing: f32,
    /// Transforms.
    pub transforms: u64,
}

impl Layout {
    /// Of a recording.
    pub fn new(rate: u32, frames: u64, envelopes: &Envelopes) -> Layout {
        let (view, rate) = (envelopes.model().view(), u64::from(rate));
        let hop = 2 * ((rate + 62) / 125) as usize;
        let bin = view.framing.rate as f32 / view.framing.window as f32;
        Layout {
            rate,
            hop,
            envelope_rate: u64::from(view.framing.rate) * 1000 / view.framing.hop as u64,
            patch: view.frames as u64,
            spacing: rate as f32 / (2 * hop) as f32 / bin,
            transforms: frames.div_ceil(hop as u64) + 1,
        }
    }

    /// The first of the three frames of the envelope under a transform, and how far the middle of the transform is from
    /// that of the second, -1/2 to 1/2.
    fn under(&self, transform: u64) -> (u64, f32) {
        // Middles: of a transform, hops from the beginning; of a frame, one hop of its own after it begins.
        let (middle, frame) = (transform * self.hop as u64 * self.envelope_rate, 1000 * self.rate);
        let second = ((middle + frame / 2) / frame).max(2) - 1;
        let off = middle as i64 - ((second + 1) * frame) as i64;
        (second - 1, (off as f32 / frame as f32).max(-0.5))
    }

    /// Patches that are needed up to the end of a block.
    pub fn patches(&self, block: u64) -> u64 {
        let last = ((block + 1) * BLOCK).min(self.transforms) - 1;
        (self.under(last).0 + 3).div_ceil(self.patch)
    }

    /// Blocks of the recording.
    pub fn blocks(&self) -> u64 {
        self.transforms.div_ceil(BLOCK)
    }
}

/// Sum and difference take the place of two channels; the same turns them back.
pub fn rotate(planes: &mut [Vec<f32>]) {
    if let [left, right] = planes {
        for (l, r) in left.iter_mut().zip(right) {
            (*l, *r) = ((*l + *r) * FRAC_1_SQRT_2, (*l - *r) * FRAC_1_SQRT_2);
        }
    }
}

/// The state that writing and reading share.
pub struct State {
    envelopes: Arc<Envelopes>,
    pub layout: Layout,
    header: Header,
    steps: Steps,
    pub coder: Coder,
    codes: Numbers<3>,
    /// How large each unit, and its change, usually is: sixteenths, of late.
    usual: Vec<[u32; 2]>,
    /// The last code of each channel.
    last: Vec<Vec<i32>>,
    /// Envelopes by channel, `[frame][band]`, from the frame `first` on.
    powers: Vec<Vec<f32>>,
    first: u64,
    patches: u64,
    pub transform: Arc<dyn Mdct<f32>>,
    pub scratch: Vec<f32>,
}

impl State {
    /// At the beginning of a recording.
    pub fn new(header: &Header, envelopes: &Arc<Envelopes>) -> State {
        let layout = Layout::new(header.rate, header.frames, envelopes);
        let channels = usize::from(header.channels);
        let transform = DctPlanner::new().plan_mdct(layout.hop, window_fn::vorbis_invertible);
        State {
            steps: Steps::new(layout.hop, layout.rate as f32),
            coder: Coder::new(channels, layout.hop),
            codes: Numbers::new([envelopes.code(), 64, 64]),
            usual: vec![[0; 2]; envelopes.code()],
            last: vec![vec![0; envelopes.code()]; channels],
            powers: vec![Vec::new(); channels],
            first: 0,
            patches: 0,
            scratch: vec![0.0; transform.get_scratch_len()],
            transform,
            envelopes: envelopes.clone(),
            layout,
            header: header.clone(),
        }
    }

    fn bands(&self) -> usize {
        self.envelopes.model().view().bands()
    }

    /// Writes or reads the codes that a block is the first to need. `given` has the code of a channel and patch, so many
    /// numbers; a reader ignores them.
    pub fn codes(
        &mut self,
        bits: &mut impl Bits,
        block: u64,
        mut given: impl FnMut(usize, u64, usize) -> Vec<i32>,
    ) {
        // What no transform needs any more goes.
        let keep = self.layout.under(block * BLOCK).0.max(self.first);
        let old = ((keep - self.first) as usize * self.bands()).min(self.powers[0].len());
        self.powers
            .iter_mut()
            .for_each(|powers| drop(powers.drain(..old)));
        self.first += (old / self.bands()) as u64;
        for patch in self.patches..self.layout.patches(block) {
            for channel in 0..self.last.len() {
                let mut code = given(channel, patch, self.usual.len());
                let last = &mut self.last[channel];
                let units = code.iter_mut().zip(last.iter_mut()).zip(&mut self.usual);
                for (unit, ((value, last), usual)) in units.enumerate() {
                    // The change or the value, whichever has been smaller lately.
                    let change = usual[1] < usual[0];
                    let base = if change { *last } else { 0 };
                    let contexts = [
                        unit,
                        rough(usual[usize::from(change)] / 4).min(63),
                        2 * rough(last.unsigned_abs()).min(31) + usize::from(change),
                    ];
                    *value = self
                        .codes
                        .signed(bits, contexts, value.wrapping_sub(base))
                        .wrapping_add(base)
                        .clamp(-2_000_000, 2_000_000);
                    for (usual, size) in usual
                        .iter_mut()
                        .zip([value.unsigned_abs(), value.abs_diff(*last)])
                    {
                        *usual = *usual - *usual / 4 + 4 * size.min(10_000);
                    }
                    *last = *value;
                }
                self.powers[channel].extend(self.envelopes.decode(&code));
            }
        }
        self.patches = self.layout.patches(block);
    }

    /// What is expected of a transform: natural logarithms of the expected size and of how many steps that is, relative
    /// to the recording's mean.
    pub fn expect(&self, transform: u64, channel: usize, expected: &mut [f32], steps: &mut [f32]) {
        let (bands, powers) = (self.bands(), &self.powers[channel]);
        let (first, off) = self.layout.under(transform);
        let at = ((first - self.first) as usize * bands).min(powers.len() - bands);
        let frames = &powers[at..(at + 3 * bands).min(powers.len())];
        let shares = [0.5 - off, 1.0, 0.5 + off];
        self.envelopes
            .spread(frames, &shares, self.layout.spacing, expected);
        // From powers to sizes.
        expected.iter_mut().for_each(|e| *e *= 0.5);
        let coarseness = self.header.coarseness.decibels() * DECIBEL;
        self.steps.within(expected, coarseness, steps);
    }

    /// The size of a coefficient that is as large as the mean.
    pub fn unit(&self, channel: usize) -> f32 {
        let framing = &self.envelopes.model().view().framing;
        // The squares of the model's window sum to half its length; bands of other rates have other widths.
        let share = self.header.rate as f32 / framing.rate as f32 / (framing.window / 2) as f32;
        ((0.5 * self.header.means[channel]).exp() * share.sqrt()).max(1e-12)
    }
}
