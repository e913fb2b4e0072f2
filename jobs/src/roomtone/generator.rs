//! Room tone without end: noise with the colour of a room, moved by a walk through the codes, and the room's tones.
//! With two rooms, from the one to the other.

use super::carrier::Carrier;
use super::gains::{Gains, branch};
use super::path::Path;
use super::room::Room;
use super::sines::Sines;
use crate::Error;
use aeden::spectrum::{Analysis, Bands, Framing, Stft, Synthesis, WindowShape};
use rand_pcg::Pcg64Mcg;
use realfft::num_complex::Complex32;
use std::collections::VecDeque;
use std::sync::Arc;

/// Makes room tone.
pub struct Generator {
    carriers: Vec<Carrier>,
    path: Path,
    /// Samples that are moved at a time.
    hop: usize,
    mover: Option<Mover>,
    sines: Vec<Sines>,
    /// Noise that is not yet moved, by channel.
    waiting: Vec<Vec<f32>>,
    made: Vec<Vec<f32>>,
    /// Samples of noise so far, and of tone.
    carried: u64,
    given: u64,
    /// The whole length.
    total: u64,
}

/// Raises and lowers the bands of noise.
struct Mover {
    gains: Gains,
    bands: Bands,
    /// By channel.
    analyses: Vec<Analysis>,
    syntheses: Vec<Synthesis>,
    spectrum: Vec<Complex32>,
    gain_of_bin: Vec<f32>,
    /// Logarithms of power for the frames to come.
    frames: VecDeque<Vec<f32>>,
    /// Samples that are still to come before the first one.
    early: usize,
}

impl Generator {
    /// For one room, or from the first to the second over `total` samples. Both have one rate and equally many channels.
    pub fn new(rooms: Arc<[Room]>, total: u64, mut random: Pcg64Mcg) -> Result<Generator, Error> {
        let channels = rooms[0].channels();
        let path = Path::new(&rooms);
        let carriers = rooms
            .iter()
            .enumerate()
            .map(|(number, room)| {
                let begins = (rooms.len() > 1).then(|| path.gains(number, 0.0));
                Carrier::new(room.colour.clone(), begins.as_deref(), branch(&mut random))
            })
            .collect();
        let moving = rooms.iter().any(|room| room.movement.is_some());
        let (view, rate) = (rooms[0].model.view(), rooms[0].rate);
        let share = f64::from(rate) / f64::from(view.framing.rate);
        let hop = ((view.framing.hop as f64 * share).round() as usize).max(1);
        let mover = moving.then(|| Mover::new(&rooms, hop, &mut random));
        Ok(Generator {
            carriers,
            path,
            hop,
            mover: mover.transpose()?,
            sines: rooms.iter().map(Sines::new).collect(),
            waiting: vec![Vec::new(); channels],
            made: vec![Vec::new(); channels],
            carried: 0,
            given: 0,
            total,
        })
    }

    /// How far it is on the way to the second room.
    fn share(&self, samples: u64) -> f32 {
        match self.carriers.len() {
            1 => 0.0,
            _ => (samples as f64 / self.total.max(1) as f64).min(1.0) as f32,
        }
    }

    /// The next samples, some of every channel.
    pub fn make(&mut self) -> &[Vec<f32>] {
        self.carry();
        self.made.iter_mut().for_each(Vec::clear);
        self.move_noise();
        self.add_tones();
        &self.made
    }

    /// Makes more noise.
    fn carry(&mut self) {
        let step = self.carriers.iter().map(Carrier::step).max().unwrap_or(1);
        // The piece is loudest one step from where it begins.
        let share = self.share(self.carried + step as u64 / 2);
        self.carried += step as u64;
        if let [carrier] = self.carriers.as_mut_slice() {
            carrier.append(None, &mut self.waiting);
            return;
        }
        let from = self.waiting[0].len();
        for (number, carrier) in self.carriers.iter_mut().enumerate() {
            let gains = self.path.gains(number, share);
            let mut own = vec![Vec::new(); self.waiting.len()];
            carrier.append(Some(&gains), &mut own);
            for (waiting, own) in self.waiting.iter_mut().zip(own) {
                waiting.resize(from + step, 0.0);
                waiting[from..].iter_mut().zip(own).for_each(|(sum, x)| *sum += x);
            }
        }
    }

    /// Moves whole hops of what waits to what is made.
    fn move_noise(&mut self) {
        let whole = self.waiting[0].len() / self.hop * self.hop;
        for from in (0..whole).step_by(self.hop) {
            let hop = from..from + self.hop;
            let share = self.share(self.given + self.made[0].len() as u64);
            if let Some(mover) = &mut self.mover {
                mover.next_frame(share);
            }
            for (channel, made) in self.made.iter_mut().enumerate() {
                let samples = &self.waiting[channel][hop.clone()];
                match &mut self.mover {
                    Some(mover) => mover.hop(channel, samples, made),
                    None => made.extend_from_slice(samples),
                }
            }
        }
        self.waiting.iter_mut().for_each(|plane| _ = plane.drain(..whole));
        if let Some(mover) = &mut self.mover {
            let skipped = mover.early.min(self.made[0].len());
            mover.early -= skipped;
            self.made.iter_mut().for_each(|plane| _ = plane.drain(..skipped));
        }
    }

    fn add_tones(&mut self) {
        let before = self.share(self.given);
        self.given += self.made[0].len() as u64;
        let after = self.share(self.given);
        for (number, sines) in self.sines.iter_mut().enumerate() {
            let level = |share: f32| match number {
                0 => (1.0 - share).sqrt(),
                _ => share.sqrt(),
            };
            sines.add((level(before), level(after)), &mut self.made);
        }
    }
}

impl Mover {
    fn new(rooms: &Arc<[Room]>, hop: usize, random: &mut Pcg64Mcg) -> Result<Mover, Error> {
        let view = rooms[0].model.view();
        let framing = Framing {
            rate: rooms[0].rate,
            window: 2 * hop,
            hop,
            shape: WindowShape::Vorbis,
        };
        let stft = Stft::new(&framing)?;
        // Bins lie as densely as the model's, if its frames overlap by half.
        let last = hop.min(view.framing.window / 2);
        let channels = rooms[0].channels();
        Ok(Mover {
            gains: Gains::new(rooms, random),
            bands: Bands::new(&view.band_steps, last),
            analyses: (0..channels).map(|_| stft.analysis()).collect(),
            syntheses: (0..channels).map(|_| stft.synthesis()).collect(),
            spectrum: stft.spectrum(),
            gain_of_bin: vec![0.0; last + 1],
            frames: VecDeque::new(),
            early: framing.window - framing.hop,
        })
    }

    /// Settles the amplitudes of the next frame.
    fn next_frame(&mut self, share: f32) {
        if self.frames.is_empty() {
            let bands = self.gains.bands;
            self.frames
                .extend(self.gains.step(share).chunks_exact(bands).map(<[f32]>::to_vec));
        }
        let frame = self.frames.pop_front().unwrap_or_default();
        let used: Vec<f32> = frame[..self.bands.len()]
            .iter()
            .map(|g| (0.5 * g).exp())
            .collect();
        self.bands.expand(&used, &mut self.gain_of_bin);
    }

    /// Appends a hop of a channel as the frame has it.
    fn hop(&mut self, channel: usize, samples: &[f32], made: &mut Vec<f32>) {
        self.analyses[channel].frame(samples, &mut self.spectrum);
        let above = self.gain_of_bin[self.gain_of_bin.len() - 1];
        for (k, x) in self.spectrum.iter_mut().enumerate() {
            *x *= self.gain_of_bin.get(k).copied().unwrap_or(above);
        }
        let at = made.len();
        made.resize(at + samples.len(), 0.0);
        self.syntheses[channel].frame(&self.spectrum, &mut made[at..]);
    }
}
