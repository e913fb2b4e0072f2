//! Room tone without end: noise with the colour of a room, moved by a walk through the codes, and the room's tones.
//! With two rooms, from the one to the other.

use super::carrier::Carrier;
use super::gains::{Gains, branch};
use super::levels::{Levels, added};
use super::path::Path;
use super::room::Room;
use super::sines::Sines;
use crate::Error;
use aeden::spectrum::{Analysis, Bands, Framing, Stft, Synthesis, WindowShape};
use rand_pcg::Pcg64Mcg;
use realfft::num_complex::Complex32;
use std::collections::VecDeque;
use std::ops::Range;
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
    rooms: Arc<[Room]>,
    gains: Gains,
    bands: Bands,
    /// By channel.
    analyses: Vec<Analysis>,
    syntheses: Vec<Synthesis>,
    /// Of the frame under way, by channel.
    spectra: Vec<Vec<Complex32>>,
    gain_of_bin: Vec<f32>,
    /// Powers of its bins and bands, means over all channels.
    powers: (Vec<f32>, Vec<f32>),
    /// Powers of the bands of all frames so far, `[frame][band]`, where they are wanted.
    seen: Option<Vec<f32>>,
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

    /// From now on, notes how loud the bands are before levels are matched.
    pub fn watch(&mut self) {
        if let Some(mover) = &mut self.mover {
            mover.seen = Some(Vec::new());
        }
    }

    /// Those levels; `None` if nobody watched.
    pub fn watched(&self) -> Option<Levels> {
        let mover = self.mover.as_ref()?;
        let frames = mover.seen.as_ref()?.chunks_exact(mover.bands.len());
        Some(Levels::of(mover.bands.len(), frames))
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
            match &mut self.mover {
                Some(mover) => {
                    let bend = self.path.bend(share);
                    mover.hop(&self.waiting, hop, share, &bend, &mut self.made);
                }
                None => {
                    for (made, waiting) in self.made.iter_mut().zip(&self.waiting) {
                        made.extend_from_slice(&waiting[hop.clone()]);
                    }
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
            spectra: vec![stft.spectrum(); channels],
            gain_of_bin: vec![0.0; last + 1],
            powers: (vec![0.0; last + 1], Vec::new()),
            seen: None,
            rooms: rooms.clone(),
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

    /// Appends a hop of every channel as the frame has it, each band as loud as its rarity wants.
    fn hop(
        &mut self,
        waiting: &[Vec<f32>],
        hop: Range<usize>,
        share: f32,
        bend: &[f32],
        made: &mut [Vec<f32>],
    ) {
        self.next_frame(share);
        for (channel, spectrum) in self.spectra.iter_mut().enumerate() {
            self.analyses[channel].frame(&waiting[channel][hop.clone()], spectrum);
        }
        self.amplify();
        self.match_levels(share, bend);
        for ((channel, spectrum), made) in self.spectra.iter().enumerate().zip(made) {
            let at = made.len();
            made.resize(at + hop.len(), 0.0);
            self.syntheses[channel].frame(spectrum, &mut made[at..]);
        }
    }

    /// Multiplies all channels by the gain of each bin.
    fn amplify(&mut self) {
        let above = self.gain_of_bin[self.gain_of_bin.len() - 1];
        for spectrum in &mut self.spectra {
            for (k, x) in spectrum.iter_mut().enumerate() {
                *x *= self.gain_of_bin.get(k).copied().unwrap_or(above);
            }
        }
    }

    /// Makes each level as frequent as in the rooms.
    fn match_levels(&mut self, share: f32, bend: &[f32]) {
        let matchings = self.rooms.iter().zip([1.0 - share, share]);
        let matchings: Vec<_> = matchings
            .filter_map(|(room, weight)| Some((weight, room.matching.as_deref()?)))
            .collect();
        if matchings.is_empty() && self.seen.is_none() {
            return;
        }
        let (bins, bands) = &mut self.powers;
        bins.fill(0.0);
        for spectrum in &self.spectra {
            bins.iter_mut()
                .zip(spectrum)
                .for_each(|(sum, x)| *sum += x.norm_sqr() / self.spectra.len() as f32);
        }
        bands.resize(self.bands.len(), 0.0);
        self.bands.pool(bins, bands);
        if let Some(seen) = &mut self.seen {
            seen.extend_from_slice(bands);
        }
        if matchings.len() < self.rooms.len() {
            return; // a room that does not move has nothing to match
        }
        for (band, power) in bands.iter_mut().enumerate() {
            let change = added(&matchings, band, power.max(1e-30).ln(), bend[band]);
            *power = (0.5 * change).exp();
        }
        self.bands.expand(bands, &mut self.gain_of_bin);
        self.amplify();
    }
}
