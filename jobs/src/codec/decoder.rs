//! Bytes to sound.

use super::blocks::{BLOCK, State, rotate};
use super::coefficients::restored;
use super::container::{Header, read_block, read_end};
use super::entropy::Reader;
use super::envelope::Envelopes;
use crate::{Error, FormatError};
use std::io::Read;
use std::sync::Arc;

/// Reads a recording block by block.
pub struct Decoder<R> {
    input: R,
    header: Header,
    state: State,
    /// The next block.
    block: u64,
    /// Samples of a channel that are still to come.
    left: u64,
    /// What the last transform adds to the next, by channel.
    overlap: Vec<Vec<f32>>,
    noise: Noise,
    /// Of one transform.
    values: Vec<i32>,
    expected: Vec<f32>,
    steps: Vec<f32>,
    planes: Vec<Vec<f32>>,
}

/// Noise that takes the place of zeros: uniform, of power 1 (xorshift, Marsaglia 2003). It is a part of the format, so
/// that every decoder gives the same samples.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * 3f32.sqrt()
    }
}

impl<R> std::fmt::Debug for Decoder<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("header", &self.header)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl<R: Read> Decoder<R> {
    pub(super) fn new(envelopes: &Arc<Envelopes>, mut input: R) -> Result<Decoder<R>, Error> {
        let header = Header::read(&mut input)?;
        let given = envelopes.model().fingerprint();
        if header.model != given {
            return Err(Error::OtherModel {
                stored: header.model,
                given,
            });
        }
        let state = State::new(&header, envelopes);
        let (hop, channels) = (state.layout.hop, usize::from(header.channels));
        Ok(Decoder {
            input,
            left: header.frames,
            header,
            state,
            block: 0,
            overlap: vec![vec![0.0; hop]; channels],
            noise: Noise(0x9e37_79b9_7f4a_7c15),
            values: vec![0; hop],
            expected: vec![0.0; hop],
            steps: vec![0.0; hop],
            planes: vec![Vec::new(); channels],
        })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The samples of the next block, one vector a channel, 1.28 s or less; `None` at the end, where nothing may follow.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that were cut short or altered; [`Error::Io`].
    pub fn next_block(&mut self) -> Result<Option<&[Vec<f32>]>, Error> {
        if self.block == self.state.layout.blocks() {
            read_end(&mut self.input)?;
            return Ok(None);
        }
        let number = u32::try_from(self.block).map_err(|_| FormatError::Senseless)?;
        let mut bits = Reader::new(&read_block(&mut self.input, number)?);
        self.state
            .codes(&mut bits, self.block, |_, _, size| vec![0; size]);
        self.planes.iter_mut().for_each(Vec::clear);
        let transforms = self.block * BLOCK..((self.block + 1) * BLOCK).min(self.state.layout.transforms);
        for transform in transforms {
            for channel in 0..self.planes.len() {
                self.read_transform(&mut bits, transform, channel);
            }
        }
        if bits.is_damaged() {
            return Err(FormatError::Senseless.into());
        }
        rotate(&mut self.planes);
        // The first hop comes before the recording, the last may go beyond it.
        let skipped = if self.block == 0 { self.values.len() } else { 0 };
        for plane in &mut self.planes {
            plane.drain(..skipped);
            plane.truncate(self.left.min(plane.len() as u64) as usize);
            plane
                .iter_mut()
                .for_each(|x| *x = if x.is_finite() { *x } else { 0.0 });
        }
        self.left -= self.planes[0].len() as u64;
        self.block += 1;
        Ok(Some(&self.planes))
    }

    /// Reads the coefficients of one transform of one channel, and adds a hop of its sound.
    fn read_transform(&mut self, bits: &mut Reader, transform: u64, channel: usize) {
        let state = &mut self.state;
        state.expect(transform, channel, &mut self.expected, &mut self.steps);
        state.coder.frame(bits, channel, &self.steps, &mut self.values);
        let unit = state.unit(channel);
        for (k, (e, s)) in self.expected.iter_mut().zip(&self.steps).enumerate() {
            let (step, size) = (unit * (*e - s).exp(), unit * e.exp());
            *e = restored(&self.values, k, step, size, self.noise.next());
        }
        let (plane, overlap) = (&mut self.planes[channel], &mut self.overlap[channel]);
        let at = plane.len();
        plane.extend_from_slice(overlap);
        overlap.fill(0.0);
        let mdct = state.transform.clone();
        mdct.process_imdct_with_scratch(&self.expected, &mut plane[at..], overlap, &mut state.scratch);
    }
}
