//! Sound to bytes: a recording is listened to, then written.

use super::blocks::{BLOCK, Layout, State, rotate};
use super::coarseness::Coarseness;
use super::coefficients::quantised;
use super::container::{self, Depth, Header};
use super::entropy::Writer;
use super::envelope::Envelopes;
use crate::Error;
use crate::gate::Gate;
use aeden::autoencoder::Listener;
use std::io::Write;
use std::sync::Arc;

/// A recording that is being listened to, the first of two times.
pub struct Listening {
    envelopes: Arc<Envelopes>,
    gate: Gate,
    /// By channel.
    listeners: Vec<Listener>,
    rotated: Vec<Vec<f32>>,
}

/// The envelopes of a recording that has been listened to.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Fingerprint of the network.
    model: u64,
    rate: u32,
    frames: u64,
    /// By channel, `[patch][unit]`.
    codes: Arc<Vec<Vec<i32>>>,
    /// Mean power of each channel, natural logarithm.
    means: Vec<f32>,
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening")
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}

impl Listening {
    pub(super) fn new(envelopes: &Arc<Envelopes>, rate: u32, channels: usize) -> Result<Listening, Error> {
        let most = usize::from(container::MAX_CHANNELS);
        if channels > most {
            return Err(Error::Channels {
                expected: most,
                found: channels,
            });
        }
        let listener = |_| Listener::new(envelopes.model().view(), rate);
        Ok(Listening {
            gate: Gate::new(rate, channels)?,
            listeners: (0..channels).map(listener).collect::<Result<_, _>>()?,
            envelopes: envelopes.clone(),
            rotated: vec![Vec::new(); channels],
        })
    }

    /// Takes the next samples, equally many of every channel.
    ///
    /// # Errors
    /// [`Error::Channels`], [`Error::Lengths`] for another shape; [`Error::Sample`] for a sample that is no number or
    /// beyond [`LARGEST`](crate::LARGEST).
    pub fn push<S: AsRef<[f32]>>(&mut self, channels: &[S]) -> Result<(), Error> {
        self.gate.admit(channels)?;
        copy_rotated(channels, &mut self.rotated);
        for (listener, plane) in self.listeners.iter_mut().zip(&self.rotated) {
            listener.push(plane);
        }
        Ok(())
    }

    /// Ends the recording.
    pub fn finish(self) -> Heard {
        let (rate, frames, envelopes) = (self.gate.rate(), self.gate.frames(), &self.envelopes);
        let layout = Layout::new(rate, frames, envelopes);
        let patches = layout.patches(layout.blocks() - 1) as usize;
        let (mut codes, mut means) = (Vec::new(), Vec::new());
        for listener in self.listeners {
            let (mut powers, mean) = listener.finish_with_mean();
            envelopes.model().standardise(&mut powers);
            codes.push(envelopes.encode(&powers, patches));
            means.push((mean as f32).ln());
        }
        Heard {
            model: envelopes.model().fingerprint(),
            rate,
            frames,
            codes: Arc::new(codes),
            means,
        }
    }
}

impl Heard {
    /// Length in samples of a channel.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.frames as f64 / f64::from(self.rate)
    }

    /// Bytes of the header that will stand before the blocks.
    pub fn header_bytes(&self) -> u64 {
        self.header(Depth::Int16, Coarseness::MID).size()
    }

    fn header(&self, depth: Depth, coarseness: Coarseness) -> Header {
        Header {
            model: self.model,
            rate: self.rate,
            channels: self.means.len() as u16,
            depth,
            coarseness,
            frames: self.frames,
            means: self.means.clone(),
        }
    }
}

/// Copies samples; sum and difference take the place of two channels.
fn copy_rotated<S: AsRef<[f32]>>(channels: &[S], rotated: &mut [Vec<f32>]) {
    for (rotated, plane) in rotated.iter_mut().zip(channels) {
        rotated.clear();
        rotated.extend_from_slice(plane.as_ref());
    }
    rotate(rotated);
}

/// Writes a recording as it comes, block by block. Dropped before [`finish`](Encoder::finish), it leaves what cannot be
/// read.
pub struct Encoder<W> {
    out: W,
    heard: Heard,
    state: State,
    gate: Gate,
    bytes: u64,
    /// Sound that is not yet written, from a hop before the next transform on.
    waiting: Vec<Vec<f32>>,
    rotated: Vec<Vec<f32>>,
    /// Transforms so far.
    transform: u64,
    bits: Writer,
    /// Of one transform.
    values: Vec<i32>,
    expected: Vec<f32>,
    steps: Vec<f32>,
    coefficients: Vec<f32>,
}

impl<W> std::fmt::Debug for Encoder<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder")
            .field("gate", &self.gate)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

impl<W: Write> Encoder<W> {
    pub(super) fn new(
        envelopes: &Arc<Envelopes>,
        heard: &Heard,
        depth: Depth,
        coarseness: Coarseness,
        mut out: W,
    ) -> Result<Encoder<W>, Error> {
        let given = envelopes.model().fingerprint();
        if heard.model != given {
            return Err(Error::OtherModel {
                stored: heard.model,
                given,
            });
        }
        let header = heard.header(depth, coarseness);
        header.write(&mut out)?;
        let state = State::new(&header, envelopes);
        let (hop, channels) = (state.layout.hop, usize::from(header.channels));
        Ok(Encoder {
            out,
            heard: heard.clone(),
            state,
            gate: Gate::new(header.rate, channels)?,
            bytes: header.size(),
            // A hop of silence before the first sample.
            waiting: vec![vec![0.0; hop]; channels],
            rotated: vec![Vec::new(); channels],
            transform: 0,
            bits: Writer::default(),
            values: vec![0; hop],
            expected: vec![0.0; hop],
            steps: vec![0.0; hop],
            coefficients: vec![0.0; hop],
        })
    }

    /// Takes the next samples, the same as when the recording was listened to, in blocks of any length.
    ///
    /// # Errors
    /// [`Error::Io`]; those of [`Listening::push`]; [`Error::Changed`] for more samples than there were.
    pub fn push<S: AsRef<[f32]>>(&mut self, channels: &[S]) -> Result<(), Error> {
        self.gate.admit(channels)?;
        if self.gate.frames() > self.heard.frames {
            return Err(self.changed());
        }
        copy_rotated(channels, &mut self.rotated);
        for (waiting, plane) in self.waiting.iter_mut().zip(&self.rotated) {
            waiting.extend_from_slice(plane);
        }
        self.transform_waiting()
    }

    /// Writes what is left. Gives the number of all bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Changed`] if fewer samples came than there were.
    pub fn finish(&mut self) -> Result<u64, Error> {
        if self.gate.frames() != self.heard.frames {
            return Err(self.changed());
        }
        let hop = self.state.layout.hop;
        for plane in &mut self.waiting {
            plane.resize(plane.len() + 2 * hop, 0.0);
        }
        self.transform_waiting()?;
        self.out.flush()?;
        Ok(self.bytes)
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn changed(&self) -> Error {
        Error::Changed {
            expected: self.heard.frames,
            found: self.gate.frames(),
        }
    }

    fn transform_waiting(&mut self) -> Result<(), Error> {
        let (hop, transforms) = (self.state.layout.hop, self.state.layout.transforms);
        let mut at = 0;
        while self.waiting[0].len() - at >= 2 * hop && self.transform < transforms {
            let block = self.transform / BLOCK;
            if self.transform.is_multiple_of(BLOCK) {
                let codes = &self.heard.codes;
                self.state.codes(&mut self.bits, block, |channel, patch, size| {
                    codes[channel][patch as usize * size..(patch as usize + 1) * size].to_vec()
                });
            }
            for channel in 0..self.waiting.len() {
                self.write_transform(channel, at);
            }
            self.transform += 1;
            if self.transform.is_multiple_of(BLOCK) || self.transform == transforms {
                let bytes = std::mem::take(&mut self.bits).finish();
                container::write_block(&mut self.out, block as u32, &bytes)?;
                self.bytes += container::block_size(&bytes);
            }
            at += hop;
        }
        for plane in &mut self.waiting {
            plane.drain(..at);
        }
        Ok(())
    }

    /// Writes the coefficients of one transform of one channel.
    fn write_transform(&mut self, channel: usize, at: usize) {
        let (state, hop) = (&mut self.state, self.values.len());
        let (a, b) = self.waiting[channel][at..at + 2 * hop].split_at(hop);
        let mdct = state.transform.clone();
        mdct.process_mdct_with_scratch(a, b, &mut self.coefficients, &mut state.scratch);
        state.expect(self.transform, channel, &mut self.expected, &mut self.steps);
        let unit = state.unit(channel);
        let sizes = self.expected.iter().zip(&self.steps);
        for ((value, x), (e, s)) in self.values.iter_mut().zip(&self.coefficients).zip(sizes) {
            *value = quantised(*x, unit * (e - s).exp());
        }
        state
            .coder
            .frame(&mut self.bits, channel, &self.steps, &mut self.values);
    }
}
