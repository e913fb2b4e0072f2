//! Learns the sound of a room from a recording.

use super::colour::{self, Colour};
use super::gains::Gains;
use super::generator::Generator;
use super::heard::Heard;
use super::levels::{Levels, Matching};
use super::movement::Movement;
use super::quiet;
use super::room::{Room, length, step};
use crate::Error;
use crate::gate::Gate;
use crate::range::RATES;
use aeden::Kind;
use aeden::autoencoder::Autoencoder;
use aeden::spectrum::{Blocks, Resampler};
use rand_pcg::Pcg64Mcg;
use std::ops::Range;
use std::sync::Arc;

/// Seconds of a recording that are learned from at most; what comes later is not looked at.
pub const LEARNED: f64 = 120.0;
/// The shortest stretch that is learned from, in seconds, and how much there must be in all.
const STRETCH: f64 = 0.4;
const LEAST: f64 = 1.0;
/// Seconds of sound that are made to compare with the recording, and how often.
const TRIAL: f64 = 20.0;
const TRIALS: usize = 3;
/// How often levels are corrected.
const MATCHES: usize = 3;
/// Steps of a walk over which its gains are measured.
const WALK: usize = 4000;
/// The random numbers of trials: the same room is learned alike whatever the seed.
const TRIAL_SEED: u128 = 0x526f_6f6d_746f_6e65_2d74_7269_616c_7301;

/// Learns rooms from recordings.
#[derive(Clone, Debug)]
pub struct Learner {
    model: Arc<Autoencoder>,
    everything: bool,
    moving: bool,
    rate: Option<u32>,
}

#[cfg(feature = "models")]
impl Default for Learner {
    fn default() -> Self {
        Learner::new()
    }
}

impl Learner {
    /// With the built-in network.
    ///
    /// # Panics
    /// Never: the tests run it.
    #[cfg(feature = "models")]
    pub fn new() -> Learner {
        Learner::with_model(crate::models::roomtone()).expect("the built-in network has a linear code")
    }

    /// With another network.
    ///
    /// # Errors
    /// [`Error::Kind`] for a network whose code is not linear.
    pub fn with_model(model: Autoencoder) -> Result<Learner, Error> {
        match model.kind() {
            Kind::Variational | Kind::Undercomplete | Kind::DenoisingL1 | Kind::DenoisingL2 => Ok(Learner {
                model: Arc::new(model),
                everything: false,
                moving: true,
                rate: None,
            }),
            found => Err(Error::Kind {
                job: "roomtone",
                wanted: "a variational autoencoder, or another with a linear code",
                found,
            }),
        }
    }

    /// Learns from all of a recording, loud moments too: of rain or a fire, they belong to it.
    #[must_use]
    pub fn from_everything(mut self, everything: bool) -> Learner {
        self.everything = everything;
        self
    }

    /// Learns noise and tones only, whose bands do not rise and fall; the network is not used.
    #[must_use]
    pub fn steady(mut self, steady: bool) -> Learner {
        self.moving = !steady;
        self
    }

    /// Converts recordings to this rate, which the tone will have.
    #[must_use]
    pub fn at_rate(mut self, rate: u32) -> Learner {
        self.rate = Some(rate);
        self
    }

    /// Learns from a recording, one slice of samples a channel, full scale ±1; of its first [`LEARNED`] seconds. Takes
    /// about 0.9 s for 10 s of one channel at 48 kHz.
    ///
    /// # Errors
    /// [`Error::TooLittle`] if less than 1 s can be learned from; [`Error::Silent`]; [`Error::Rate`] for a rate that is
    /// not 8 to 192 kHz; [`Error::Channels`], [`Error::Lengths`] for no channels or unequal ones; [`Error::Sample`] for a
    /// sample that is no number or beyond [`LARGEST`](crate::LARGEST).
    pub fn learn<S: AsRef<[f32]>>(&self, channels: &[S], rate: u32) -> Result<Room, Error> {
        let frames = Gate::new(rate, channels.len())?.admit(channels)?;
        let most = frames.min((LEARNED * f64::from(rate)) as usize);
        let planes: Vec<&[f32]> = channels.iter().map(|plane| &plane.as_ref()[..most]).collect();
        match self.rate {
            Some(wanted) if wanted != rate => {
                let converted = converted(&planes, rate, wanted)?;
                self.learn_all(&converted.iter().map(Vec::as_slice).collect::<Vec<_>>(), wanted)
            }
            _ => self.learn_all(&planes, rate),
        }
    }

    fn learn_all(&self, planes: &[&[f32]], rate: u32) -> Result<Room, Error> {
        let seconds = planes[0].len() as f64 / f64::from(rate);
        let too_little = |quiet: f64| Error::TooLittle {
            quiet,
            seconds,
            needed: LEAST,
        };
        if seconds < LEAST {
            return Err(too_little(seconds));
        }
        let heard = Heard::of(planes, rate, &self.model)?;
        if (0..heard.frames()).all(|t| heard.is_silent(t)) {
            return Err(Error::Silent);
        }
        let stretches = self.stretches(&heard, planes[0].len(), rate);
        let in_seconds = |samples: usize| samples as f64 / f64::from(rate);
        let quiet: Vec<Range<f64>> = stretches
            .iter()
            .map(|part| in_seconds(part.start)..in_seconds(part.end))
            .collect();
        if length(&quiet) < LEAST {
            return Err(too_little(length(&quiet)));
        }
        self.room(planes, rate, &stretches, quiet)
    }

    /// The samples to learn from.
    fn stretches(&self, heard: &Heard, samples: usize, rate: u32) -> Vec<Range<usize>> {
        let second = self.model.view().frame_rate();
        let sample = |frame: usize| ((frame as f64 / second * f64::from(rate)) as usize).min(samples);
        let quiet = quiet::stretches(heard, self.everything, (STRETCH * second) as usize);
        let stretches = quiet.into_iter().map(|part| {
            // The last frame reaches to the end.
            let end = if part.end == heard.frames() {
                samples
            } else {
                sample(part.end)
            };
            sample(part.start)..end
        });
        stretches
            .filter(|part| part.len() >= colour::window(rate))
            .collect()
    }

    /// Learns from stretches of a recording, in samples.
    fn room(
        &self,
        planes: &[&[f32]],
        rate: u32,
        stretches: &[Range<usize>],
        quiet: Vec<Range<f64>>,
    ) -> Result<Room, Error> {
        let model = &self.model;
        let cut: Vec<Vec<&[f32]>> = stretches
            .iter()
            .map(|stretch| planes.iter().map(|plane| &plane[stretch.clone()]).collect())
            .collect();
        let heard = cut
            .iter()
            .map(|stretch| Heard::of(stretch, rate, model))
            .collect::<Result<Vec<_>, _>>()?;
        let codes = Heard::codes(&heard, model, step(model));
        let mut room = Room {
            model: model.clone(),
            rate,
            colour: Arc::new(Colour::of(&cut, rate)),
            movement: None,
            matching: None,
            centre: mean(&codes, model.code()),
            reach: vec![(0.0, 0.0); model.view().bands()],
            lift: vec![0.0; model.view().bands()],
            powers: Heard::means(&heard),
            quiet,
        };
        if self.moving {
            let frames: usize = heard.iter().map(Heard::frames).sum();
            room.learn_movement(&codes, frames)?;
            room.learn_levels(&Levels::heard(&heard))?;
        }
        Ok(room)
    }
}

impl Room {
    /// Learns how its bands move from the codes of so many frames.
    fn learn_movement(&mut self, codes: &[Vec<f32>], frames: usize) -> Result<(), Error> {
        let model = self.model.clone();
        let still = self.codes(&self.trial()?.0);
        let independent = frames as f64 / model.view().frames as f64;
        let mut movement = Movement::between(codes, &still, model.code(), independent);
        if movement.directions() == 0 {
            return Ok(());
        }
        self.reach = reach(codes, &self.centre, &model);
        for _ in 0..TRIALS {
            self.adopt(movement.clone());
            movement = movement.correct(&self.codes(&self.trial()?.0), &still);
        }
        self.adopt(movement);
        Ok(())
    }

    /// Learns what makes each level as frequent as in the recording.
    fn learn_levels(&mut self, wanted: &Levels) -> Result<(), Error> {
        let (heard, Some(made)) = self.trial()? else {
            return Ok(());
        };
        let mut matching = Matching::new(made);
        matching.correct(wanted, &Levels::heard(&[heard]));
        for _ in 1..MATCHES {
            self.matching = Some(Arc::new(matching.clone()));
            matching.correct(wanted, &Levels::heard(&[self.trial()?.0]));
        }
        self.matching = Some(Arc::new(matching));
        Ok(())
    }

    fn adopt(&mut self, movement: Movement) {
        self.movement = Some(Arc::new(movement));
        self.lift.fill(0.0);
        let bands = self.lift.len();
        let mut gains = Gains::new(&[self.clone()].into(), &mut Pcg64Mcg::new(TRIAL_SEED));
        let mut sums = vec![0.0f64; bands];
        let mut frames = 0.0;
        for _ in 0..WALK {
            for frame in gains.step(0.0).chunks_exact(bands) {
                sums.iter_mut()
                    .zip(frame)
                    .for_each(|(sum, &g)| *sum += f64::from(g).exp());
                frames += 1.0;
            }
        }
        self.lift = sums.iter().map(|sum| (sum / frames).ln() as f32).collect();
    }

    /// Sound that is made as far as the room is known, and its levels before they are matched, if it moves.
    fn trial(&self) -> Result<(Heard, Option<Levels>), Error> {
        let samples = (TRIAL * f64::from(self.rate)) as usize;
        let random = Pcg64Mcg::new(TRIAL_SEED);
        let mut generator = Generator::new([self.clone()].into(), samples as u64, random)?;
        generator.watch();
        let mut planes: Vec<Vec<f32>> = vec![Vec::new(); self.channels()];
        while planes[0].len() < samples {
            let made = generator.make();
            planes
                .iter_mut()
                .zip(made)
                .for_each(|(plane, made)| plane.extend(made));
        }
        let slices: Vec<&[f32]> = planes.iter().map(|plane| &plane[..samples]).collect();
        Ok((Heard::of(&slices, self.rate, &self.model)?, generator.watched()))
    }

    fn codes(&self, heard: &Heard) -> Vec<Vec<f32>> {
        Heard::codes(std::slice::from_ref(heard), &self.model, step(&self.model))
    }
}

/// A recording at another rate, without the delay of converting it.
fn converted(planes: &[&[f32]], from: u32, to: u32) -> Result<Vec<Vec<f32>>, Error> {
    if !RATES.contains(&to) {
        return Err(Error::Rate(to));
    }
    let owned: Vec<Vec<f32>> = planes.iter().map(|plane| plane.to_vec()).collect();
    let Some(blocks) = Blocks::between(from, to)? else {
        return Ok(owned);
    };
    let mut resampler = Resampler::new(blocks.host, blocks.model, planes.len())?;
    let count = planes[0].len() / blocks.host;
    let mut converted = vec![vec![0.0; count * blocks.model]; planes.len()];
    for block in 0..count {
        resampler.process(&owned, block * blocks.host, &mut converted, block * blocks.model);
    }
    // What comes before the first sample.
    let early = resampler.delay().min(converted[0].len());
    converted.iter_mut().for_each(|plane| _ = plane.drain(..early));
    Ok(converted)
}

/// The lowest and the highest value of each band over decoded codes, from that of the mean code.
fn reach(codes: &[Vec<f32>], centre: &[f32], model: &Autoencoder) -> Vec<(f32, f32)> {
    let bands = model.view().bands();
    let decode = |codes: &[f32]| {
        let mut patches = model.decode(codes);
        model.restore(&mut patches);
        patches
    };
    let mean = decode(centre);
    let mut reach = vec![(0.0f32, 0.0f32); bands];
    for codes in codes {
        for (i, x) in decode(codes).iter().enumerate() {
            let x = x - mean[i % mean.len()];
            let (low, high) = &mut reach[i % bands];
            (*low, *high) = (low.min(x), high.max(x));
        }
    }
    reach
}

fn mean(codes: &[Vec<f32>], size: usize) -> Vec<f32> {
    let mut mean = vec![0.0f64; size];
    let mut count = 0.0;
    for code in codes.iter().flat_map(|stretch| stretch.chunks_exact(size)) {
        mean.iter_mut().zip(code).for_each(|(m, &x)| *m += f64::from(x));
        count += 1.0;
    }
    mean.iter().map(|m| (m / count) as f32).collect()
}
