//! Sound to blocks and back: a cosine transform (MDCT), in steps that the envelopes set.
//!
//! The transform has frames of 32 ms every 16 ms, so each lies under three frames of the envelope. A block is 80 of
//! them, with the codes of the envelopes that they are the first to need. The sum and difference of two channels take
//! their place.

use super::DECIBEL;
use super::coefficients::{Coder, Steps, quantised, restored};
use super::entropy::{Bits, Numbers, Reader, Writer, rough};
use super::envelope::Envelopes;
use super::file::Header;
use crate::input::{Input, block_frames, unreadable};
use crate::plan::Source;
use crate::problem::Problem;
use aeden::patches::Listener;
use rustdct::DctPlanner;
use rustdct::mdct::{Mdct, window_fn};
use std::f32::consts::FRAC_1_SQRT_2;
use std::sync::Arc;

/// Transforms in a block.
const BLOCK: u64 = 80;

/// What a recording's envelopes are, before anything is written.
pub struct Envelope {
    /// By channel, `[patch][unit]`.
    codes: Vec<Vec<i32>>,
    /// By channel.
    pub means: Vec<f32>,
    /// Length of the recording.
    pub frames: u64,
}

/// Where everything is in time and frequency.
#[derive(Clone)]
struct Layout {
    rate: u64,
    /// Samples between transforms, and coefficients of one.
    hop: usize,
    /// Frames of the envelope in 1000 s, and in a patch.
    envelope_rate: u64,
    patch: u64,
    /// Bins of the model's between coefficients.
    spacing: f32,
    /// Transforms.
    transforms: u64,
}

impl Layout {
    fn new(rate: u32, frames: u64, envelopes: &Envelopes) -> Layout {
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
    fn patches(&self, block: u64) -> u64 {
        let last = ((block + 1) * BLOCK).min(self.transforms) - 1;
        (self.under(last).0 + 3).div_ceil(self.patch)
    }

    fn blocks(&self) -> u64 {
        self.transforms.div_ceil(BLOCK)
    }
}

/// Sum and difference take the place of two channels; the same turns them back.
fn rotate(planes: &mut [Vec<f32>]) {
    if let [left, right] = planes {
        for (l, r) in left.iter_mut().zip(right) {
            (*l, *r) = ((*l + *r) * FRAC_1_SQRT_2, (*l - *r) * FRAC_1_SQRT_2);
        }
    }
}

/// Listens to a whole recording.
pub fn listen(source: &Source, envelopes: &Envelopes) -> Result<Envelope, Problem> {
    let name = source.name();
    let mut input = Input::open(source)?;
    let format = input.format().clone();
    let model = envelopes.model();
    let mut listeners = (0..format.channels)
        .map(|_| Listener::new(model.view(), format.rate).map_err(|e| Problem::file(name, e)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rotated = Vec::new();
    let frames = input.read_all(name, block_frames(format.channels), |_, planes| {
        planes.clone_into(&mut rotated);
        rotate(&mut rotated);
        listeners
            .iter_mut()
            .zip(&rotated)
            .for_each(|(listener, plane)| listener.push(plane));
        Ok(true)
    })?;
    input.finish().map_err(|e| unreadable(name, &e))?;
    let layout = Layout::new(format.rate, frames, envelopes);
    let patches = layout.patches(layout.blocks() - 1) as usize;
    let (mut codes, mut means) = (Vec::new(), Vec::new());
    for listener in listeners {
        let (mut powers, mean) = listener.finish_with_mean();
        model.standardise(&mut powers);
        codes.push(envelopes.encode(&powers, patches));
        means.push((mean as f32).ln());
    }
    Ok(Envelope { codes, means, frames })
}

/// What writing and reading have in common.
struct Codec<'a> {
    envelopes: &'a Envelopes,
    layout: Layout,
    header: Header,
    steps: Steps,
    coder: Coder,
    codes: Numbers<3>,
    /// How large each unit, and its change, usually is: sixteenths, of late.
    usual: Vec<[u32; 2]>,
    /// The last code of each channel.
    last: Vec<Vec<i32>>,
    /// Envelopes by channel, `[frame][band]`, from the frame `first` on.
    powers: Vec<Vec<f32>>,
    first: u64,
    patches: u64,
    transform: Arc<dyn Mdct<f32>>,
    scratch: Vec<f32>,
}

impl<'a> Codec<'a> {
    fn new(header: &Header, envelopes: &'a Envelopes) -> Codec<'a> {
        let layout = Layout::new(header.rate, header.frames, envelopes);
        let channels = usize::from(header.channels);
        let transform = DctPlanner::new().plan_mdct(layout.hop, window_fn::vorbis_invertible);
        Codec {
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
            envelopes,
            layout,
            header: header.clone(),
        }
    }

    fn bands(&self) -> usize {
        self.envelopes.model().view().bands()
    }

    /// Writes or reads the codes that a block is the first to need.
    fn codes(&mut self, bits: &mut impl Bits, block: u64, mut given: impl FnMut(usize, u64) -> Vec<i32>) {
        // What no transform needs any more goes.
        let keep = self.layout.under(block * BLOCK).0.max(self.first);
        let old = ((keep - self.first) as usize * self.bands()).min(self.powers[0].len());
        self.powers
            .iter_mut()
            .for_each(|powers| drop(powers.drain(..old)));
        self.first += (old / self.bands()) as u64;
        for patch in self.patches..self.layout.patches(block) {
            for channel in 0..self.last.len() {
                let mut code = given(channel, patch);
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
    fn expect(&self, transform: u64, channel: usize, expected: &mut [f32], steps: &mut [f32]) {
        let (bands, powers) = (self.bands(), &self.powers[channel]);
        let (first, off) = self.layout.under(transform);
        let at = ((first - self.first) as usize * bands).min(powers.len() - bands);
        let frames = &powers[at..(at + 3 * bands).min(powers.len())];
        let shares = [0.5 - off, 1.0, 0.5 + off];
        self.envelopes
            .spread(frames, &shares, self.layout.spacing, expected);
        // From powers to sizes.
        expected.iter_mut().for_each(|e| *e *= 0.5);
        let coarseness = self.header.decibels() * DECIBEL;
        self.steps.within(expected, coarseness, steps);
    }

    /// The size of a coefficient that is as large as the mean.
    fn unit(&self, channel: usize) -> f32 {
        let framing = &self.envelopes.model().view().framing;
        // The squares of the model's window sum to half its length; bands of other rates have other widths.
        let share = self.header.rate as f32 / framing.rate as f32 / (framing.window / 2) as f32;
        ((0.5 * self.header.means[channel]).exp() * share.sqrt()).max(1e-12)
    }
}

/// Writes a recording as blocks: `take` gets each with its number.
pub fn write(
    source: &Source,
    header: &Header,
    envelopes: &Envelopes,
    envelope: &Envelope,
    mut take: impl FnMut(u32, &[u8]) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let name = source.name();
    let mut input = Input::open(source)?;
    let mut codec = Codec::new(header, envelopes);
    let (hop, channels) = (codec.layout.hop, usize::from(header.channels));
    if input.format().channels != header.channels || input.format().rate != header.rate {
        return Err(Problem::file(name, "was changed while it was read"));
    }
    // A hop of silence before the first sample.
    let mut waiting = vec![vec![0.0; hop]; channels];
    let (mut transform, mut bits, mut rotated) = (0, Writer::default(), Vec::new());
    let mut values = vec![0; hop];
    let (mut expected, mut steps, mut coefficients) = (vec![0.0; hop], vec![0.0; hop], vec![0.0; hop]);
    let mut hear = |waiting: &mut Vec<Vec<f32>>| -> Result<(), Problem> {
        let mut at = 0;
        while waiting[0].len() - at >= 2 * hop && transform < codec.layout.transforms {
            let block = transform / BLOCK;
            if transform % BLOCK == 0 {
                let size = envelopes.code();
                codec.codes(&mut bits, block, |channel, patch| {
                    envelope.codes[channel][patch as usize * size..(patch as usize + 1) * size].to_vec()
                });
            }
            for (channel, plane) in waiting.iter().enumerate() {
                let (a, b) = plane[at..at + 2 * hop].split_at(hop);
                let mdct = codec.transform.clone();
                mdct.process_mdct_with_scratch(a, b, &mut coefficients, &mut codec.scratch);
                codec.expect(transform, channel, &mut expected, &mut steps);
                let unit = codec.unit(channel);
                for (((value, x), e), s) in values.iter_mut().zip(&coefficients).zip(&expected).zip(&steps) {
                    *value = quantised(*x, unit * (e - s).exp());
                }
                codec.coder.frame(&mut bits, channel, &steps, &mut values);
            }
            transform += 1;
            if transform % BLOCK == 0 || transform == codec.layout.transforms {
                take(block as u32, &std::mem::take(&mut bits).finish())?;
            }
            at += hop;
        }
        waiting.iter_mut().for_each(|plane| drop(plane.drain(..at)));
        Ok(())
    };
    let frames = input.read_all(name, block_frames(header.channels), |_, planes| {
        planes.clone_into(&mut rotated);
        rotate(&mut rotated);
        waiting
            .iter_mut()
            .zip(&rotated)
            .for_each(|(waiting, plane)| waiting.extend_from_slice(plane));
        hear(&mut waiting).map(|()| true)
    })?;
    input.finish().map_err(|e| unreadable(name, &e))?;
    if frames != header.frames {
        return Err(Problem::file(name, "was changed while it was read"));
    }
    waiting
        .iter_mut()
        .for_each(|plane| plane.resize(plane.len() + 2 * hop, 0.0));
    hear(&mut waiting)
}

/// Reads blocks, which `next` gives by their numbers; `take` gets the sound.
pub fn read(
    header: &Header,
    envelopes: &Envelopes,
    mut next: impl FnMut(u32) -> Result<Vec<u8>, Problem>,
    mut take: impl FnMut(&[Vec<f32>]) -> Result<(), Problem>,
    damaged: impl Fn() -> Problem,
) -> Result<(), Problem> {
    let mut codec = Codec::new(header, envelopes);
    let (hop, channels) = (codec.layout.hop, usize::from(header.channels));
    let mut overlap = vec![vec![0.0; hop]; channels];
    let mut values = vec![0; hop];
    let (mut expected, mut steps) = (vec![0.0; hop], vec![0.0; hop]);
    let mut noise = 0x9e37_79b9_7f4a_7c15u64;
    let mut left = header.frames;
    for block in 0..codec.layout.blocks() {
        let number = u32::try_from(block).map_err(|_| damaged())?;
        let mut bits = Reader::new(&next(number)?);
        let size = envelopes.code();
        codec.codes(&mut bits, block, |_, _| vec![0; size]);
        let mut planes = vec![Vec::new(); channels];
        for transform in block * BLOCK..((block + 1) * BLOCK).min(codec.layout.transforms) {
            for (channel, plane) in planes.iter_mut().enumerate() {
                codec.expect(transform, channel, &mut expected, &mut steps);
                codec.coder.frame(&mut bits, channel, &steps, &mut values);
                let unit = codec.unit(channel);
                for (k, (e, s)) in expected.iter_mut().zip(&steps).enumerate() {
                    // Uniform, of power 1.
                    noise ^= noise << 13;
                    noise ^= noise >> 7;
                    noise ^= noise << 17;
                    let uniform = ((noise >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * 3f32.sqrt();
                    *e = restored(&values, k, unit * (*e - s).exp(), unit * e.exp(), uniform);
                }
                let at = plane.len();
                plane.extend_from_slice(&overlap[channel]);
                overlap[channel].fill(0.0);
                let mdct = codec.transform.clone();
                mdct.process_imdct_with_scratch(
                    &expected,
                    &mut plane[at..],
                    &mut overlap[channel],
                    &mut codec.scratch,
                );
            }
        }
        if bits.is_damaged() {
            return Err(damaged());
        }
        rotate(&mut planes);
        // The first hop comes before the recording, the last may go beyond it.
        let skipped = if block == 0 { hop } else { 0 };
        for plane in &mut planes {
            plane.drain(..skipped);
            plane.truncate(left.min(plane.len() as u64) as usize);
            plane
                .iter_mut()
                .for_each(|x| *x = if x.is_finite() { *x } else { 0.0 });
        }
        left -= planes[0].len() as u64;
        take(&planes)?;
    }
    Ok(())
}
