//! Room tone without end: noise with the colour of a room, moved by a walk through the codes, and the room's tones.
//! With two rooms, from the one to the other.

use super::carrier::Carrier;
use super::colour::Tone;
use super::movement::Walk;
use super::room::{Room, step};
use crate::problem::Problem;
use aeden::autoencoder::Autoencoder;
use aeden::bands::{Bands, centres};
use aeden::stft::{Analysis, Framing, Stft, Synthesis, WindowShape};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;
use realfft::num_complex::{Complex32, Complex64};
use std::collections::VecDeque;
use std::f64::consts::{PI, TAU};

/// Powers of bands below this share of the loudest one are taken for it.
const FAINT: f64 = 1e-12;

/// Makes room tone.
pub struct Generator<'a> {
    carriers: Vec<Carrier<'a>>,
    path: Path<'a>,
    gains: Option<Gains<'a>>,
    bands: Bands,
    framing: Framing,
    analyses: Vec<Analysis>,
    syntheses: Vec<Synthesis>,
    spectrum: Vec<Complex32>,
    gain_of_bin: Vec<f32>,
    /// Logarithms of power for the frames to come.
    frames: VecDeque<Vec<f32>>,
    sines: Vec<Sines>,
    /// Noise that is not yet moved, by channel.
    waiting: Vec<Vec<f32>>,
    made: Vec<Vec<f32>>,
    /// Samples that are still to come before the first one.
    early: usize,
    /// Samples of noise so far, and of tone.
    carried: u64,
    given: u64,
    /// The whole length.
    total: u64,
}

impl<'a> Generator<'a> {
    /// For one room, or from the first to the second over `total` samples.
    pub fn new(
        rooms: &'a [Room],
        model: &'a Autoencoder,
        rate: u32,
        total: u64,
        mut random: Pcg64Mcg,
    ) -> Result<Generator<'a>, Problem> {
        let view = model.view();
        let hop = ((view.framing.hop as f64 * f64::from(rate) / f64::from(view.framing.rate)).round()
            as usize)
            .max(1);
        let framing = Framing {
            rate,
            window: 2 * hop,
            hop,
            shape: WindowShape::Vorbis,
        };
        let stft = Stft::new(&framing).map_err(Problem::model)?;
        // Bins lie as densely as the model's, if its frames overlap by half.
        let last = hop.min(view.framing.window / 2);
        let channels = rooms[0].colour.channels();
        let path = Path::new(rooms, model, rate);
        let carriers = rooms
            .iter()
            .enumerate()
            .map(|(number, room)| {
                let begins = (rooms.len() > 1).then(|| path.gains(number, 0.0));
                Carrier::new(&room.colour, begins.as_deref(), branch(&mut random))
            })
            .collect();
        let moving = rooms.iter().any(|room| room.movement.is_some());
        Ok(Generator {
            carriers,
            path,
            gains: moving.then(|| Gains::new(rooms, model, &mut random)),
            bands: Bands::new(centres(&view.band_steps, last)),
            analyses: (0..channels).map(|_| stft.analysis()).collect(),
            syntheses: (0..channels).map(|_| stft.synthesis()).collect(),
            spectrum: stft.spectrum(),
            gain_of_bin: vec![0.0; last + 1],
            frames: VecDeque::new(),
            sines: rooms.iter().map(Sines::new).collect(),
            waiting: vec![Vec::new(); channels],
            made: vec![Vec::new(); channels],
            early: framing.window - framing.hop,
            framing,
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
        let step = self.carriers.iter().map(Carrier::step).max().unwrap_or(1);
        // The piece is loudest one step from where it begins.
        let share = self.share(self.carried + step as u64 / 2);
        let wanted = self.waiting[0].len() + step;
        if self.carriers.len() == 1 {
            self.carriers[0].append(None, &mut self.waiting);
        } else {
            for number in 0..self.carriers.len() {
                let gains = self.path.gains(number, share);
                let mut own = vec![Vec::new(); self.waiting.len()];
                self.carriers[number].append(Some(&gains), &mut own);
                for (waiting, own) in self.waiting.iter_mut().zip(own) {
                    let from = wanted - step;
                    waiting.resize(wanted, 0.0);
                    waiting[from..].iter_mut().zip(own).for_each(|(sum, x)| *sum += x);
                }
            }
        }
        self.carried += step as u64;

        self.made.iter_mut().for_each(Vec::clear);
        let hop = self.framing.hop;
        let hops = self.waiting[0].len() / hop;
        let mut out = vec![0.0; hop];
        for number in 0..hops {
            if self.gains.is_some() {
                self.next_gains();
            }
            for channel in 0..self.waiting.len() {
                let samples = &self.waiting[channel][number * hop..(number + 1) * hop];
                if self.gains.is_none() {
                    self.made[channel].extend_from_slice(samples);
                    continue;
                }
                self.analyses[channel].frame(samples, &mut self.spectrum);
                let above = self.gain_of_bin[self.gain_of_bin.len() - 1];
                for (k, x) in self.spectrum.iter_mut().enumerate() {
                    *x *= self.gain_of_bin.get(k).copied().unwrap_or(above);
                }
                self.syntheses[channel].frame(&self.spectrum, &mut out);
                self.made[channel].extend_from_slice(&out);
            }
        }
        self.waiting
            .iter_mut()
            .for_each(|plane| _ = plane.drain(..hops * hop));
        let skipped = match self.gains {
            Some(_) => self.early.min(self.made[0].len()),
            None => 0,
        };
        self.early -= skipped;
        self.made.iter_mut().for_each(|plane| _ = plane.drain(..skipped));
        let (before, count) = (self.share(self.given), self.made[0].len());
        self.given += count as u64;
        let after = self.share(self.given);
        for (number, sines) in self.sines.iter_mut().enumerate() {
            let level = |share: f32| match number {
                0 => (1.0 - share).sqrt(),
                _ => share.sqrt(),
            };
            sines.add((level(before), level(after)), &mut self.made);
        }
        &self.made
    }

    /// Amplitudes for the next frame.
    fn next_gains(&mut self) {
        let share = self.share(self.given + self.made[0].len() as u64);
        let Some(gains) = &mut self.gains else { return };
        if self.frames.is_empty() {
            let bands = gains.bands;
            self.frames
                .extend(gains.step(share).chunks_exact(bands).map(<[f32]>::to_vec));
        }
        let frame = self.frames.pop_front().unwrap_or_default();
        let used: Vec<f32> = frame[..self.bands.len()]
            .iter()
            .map(|g| (0.5 * g).exp())
            .collect();
        self.bands.expand(&used, &mut self.gain_of_bin);
    }
}

/// Random numbers of their own.
fn branch(random: &mut Pcg64Mcg) -> Pcg64Mcg {
    Pcg64Mcg::new(u128::from(random.next_u64()) << 64 | u128::from(random.next_u64()) | 1)
}

/// How the bands rise and fall, without end.
pub struct Gains<'a> {
    rooms: &'a [Room],
    model: &'a Autoencoder,
    walks: Vec<Option<Walk<'a>>>,
    /// Bands of a frame.
    bands: usize,
    taper: Vec<f32>,
    /// Sums of the patches so far, from the next frame on.
    overlap: Vec<f32>,
    step: usize,
}

impl<'a> Gains<'a> {
    /// Begins in the middle of a walk.
    pub fn new(rooms: &'a [Room], model: &'a Autoencoder, random: &mut Pcg64Mcg) -> Gains<'a> {
        let (frames, bands) = (model.view().frames, model.view().bands());
        let step = step(model);
        let hann = |t: usize| (PI * (t as f64 + 0.5) / frames as f64).sin().powi(2);
        let sum: f64 = (0..frames).step_by(step).map(hann).sum();
        let mut gains = Gains {
            walks: rooms
                .iter()
                .map(|room| {
                    room.movement
                        .as_ref()
                        .map(|movement| movement.walk(branch(random)))
                })
                .collect(),
            taper: (0..frames).map(|t| (hann(t) / sum) as f32).collect(),
            overlap: vec![0.0; frames * bands],
            rooms,
            model,
            bands,
            step,
        };
        for _ in 0..frames / step {
            gains.step(0.0);
        }
        gains
    }

    /// Logarithms of the power by which bands are raised, `[frame][band]`, for the next frames.
    pub fn step(&mut self, share: f32) -> Vec<f32> {
        let weights = [1.0 - share, share];
        let middle = between(self.rooms, share, self.model.code());
        let mut code = middle.clone();
        for (walk, weight) in self.walks.iter_mut().zip(weights) {
            if let Some(walk) = walk {
                walk.step(weight.sqrt(), &mut code);
            }
        }
        let mut both = self.model.decode(&[code, middle].concat());
        self.model.restore(&mut both);
        let (moved, middle) = both.split_at(both.len() / 2);
        let bands = self.bands;
        for (t, weight) in self.taper.iter().enumerate() {
            for i in t * bands..(t + 1) * bands {
                self.overlap[i] += weight * (moved[i] - middle[i]);
            }
        }
        let mut out: Vec<f32> = self.overlap.drain(..self.step * bands).collect();
        self.overlap.resize(self.taper.len() * bands, 0.0);
        for frame in out.chunks_exact_mut(bands) {
            for (band, x) in frame.iter_mut().enumerate() {
                let (mut low, mut high, mut lift) = (0.0, 0.0, 0.0);
                for (room, weight) in self.rooms.iter().zip(weights) {
                    low += weight * room.reach[band].0;
                    high += weight * room.reach[band].1;
                    lift += weight * room.lift[band];
                }
                *x = x.clamp(low, high) - lift;
            }
        }
        out
    }
}

/// The mean code on the way from the first room to the second.
fn between(rooms: &[Room], share: f32, size: usize) -> Vec<f32> {
    let mut code = vec![0.0; size];
    for (room, weight) in rooms.iter().zip([1.0 - share, share]) {
        code.iter_mut()
            .zip(&room.centre)
            .for_each(|(sum, x)| *sum += weight * x);
    }
    code
}

/// The spectrum on the way from one room to another: a straight line between their mean codes, decoded.
struct Path<'a> {
    rooms: &'a [Room],
    model: &'a Autoencoder,
    /// Logarithms of the power of the bands of each room, and as its mean code says it.
    powers: Vec<Vec<f32>>,
    decoded: Vec<Vec<f32>>,
    /// `[room][bin]`: the band below each bin of the room's colour, and how far the bin is from it to the next.
    places: Vec<Vec<(usize, f32)>>,
}

impl<'a> Path<'a> {
    fn new(rooms: &'a [Room], model: &'a Autoencoder, rate: u32) -> Path<'a> {
        let view = model.view();
        let most = rooms
            .iter()
            .flat_map(|room| &room.powers)
            .fold(0.0f64, |m, &p| m.max(p));
        let log = |room: &Room| {
            room.powers
                .iter()
                .map(|p| p.max(FAINT * most).ln() as f32)
                .collect()
        };
        let hz: Vec<f64> = (0..view.bands()).map(|band| view.centre(band)).collect();
        let place = |bin: usize, window: usize| {
            let at = bin as f64 * f64::from(rate) / window as f64;
            let above = hz.partition_point(|&hz| hz <= at);
            match above {
                0 => (0, 0.0),
                n if n == hz.len() => (n - 2, 1.0),
                n => (n - 1, ((at - hz[n - 1]) / (hz[n] - hz[n - 1])) as f32),
            }
        };
        let mut path = Path {
            rooms,
            model,
            powers: rooms.iter().map(log).collect(),
            decoded: Vec::new(),
            places: rooms
                .iter()
                .map(|room| {
                    (0..=room.colour.window / 2)
                        .map(|bin| place(bin, room.colour.window))
                        .collect()
                })
                .collect(),
        };
        if rooms.len() > 1 {
            path.decoded = [0.0, 1.0].map(|share| path.decode(share)).to_vec();
        }
        path
    }

    /// Logarithms of the power of each band that the code at `share` of the way stands for.
    fn decode(&self, share: f32) -> Vec<f32> {
        let mut patch = self.model.decode(&between(self.rooms, share, self.model.code()));
        self.model.restore(&mut patch);
        let (frames, bands) = (self.model.view().frames, self.model.view().bands());
        (0..bands)
            .map(|band| (0..frames).map(|t| patch[t * bands + band]).sum::<f32>() / frames as f32)
            .collect()
    }

    /// Amplitudes for the bins of a room's colour, at `share` of the way.
    fn gains(&self, number: usize, share: f32) -> Vec<f32> {
        let now = self.decode(share);
        let weights = [1.0 - share, share];
        let change: Vec<f32> = (0..now.len())
            .map(|band| {
                let line = |ends: &[Vec<f32>]| weights[0] * ends[0][band] + weights[1] * ends[1][band];
                // What the codes of the ends do not tell of the ends is added along the way.
                now[band] - line(&self.decoded) + line(&self.powers) - self.powers[number][band]
            })
            .collect();
        self.places[number]
            .iter()
            .map(|&(band, part)| {
                let log = change[band] + (change[band + 1] - change[band]) * part;
                (weights[number] * log.exp()).sqrt()
            })
            .collect()
    }
}

/// The tones of a room, going on.
struct Sines {
    /// For each tone, its turn per sample and in every channel where it is.
    tones: Vec<(Complex64, Vec<Complex64>)>,
}

impl Sines {
    fn new(room: &Room) -> Sines {
        let tone = |tone: &Tone| (Complex64::from_polar(1.0, TAU * tone.turn), tone.parts.clone());
        Sines {
            tones: room.colour.tones.iter().map(tone).collect(),
        }
    }

    /// Adds them, from one level to another.
    fn add(&mut self, (before, after): (f32, f32), planes: &mut [Vec<f32>]) {
        let count = planes[0].len();
        let slope = (after - before) / count.max(1) as f32;
        for (turn, parts) in &mut self.tones {
            for (part, plane) in parts.iter_mut().zip(planes.iter_mut()) {
                let size = part.norm();
                let mut level = before;
                for x in plane {
                    *x += level * part.re as f32;
                    level += slope;
                    *part *= *turn;
                }
                // Rounding would let it grow or fade in the course of hours.
                *part *= size / part.norm().max(1e-300);
            }
        }
    }
}
