//! The whole way of the samples: any rate, any block length, any number of channels, in place, in real time.
//!
//! ```text
//! host ─► FIFO ─► down ─► FIFO ─► STFT ─► engine ─► STFT⁻¹ ─► − g·(what went in) ─► FIFO ─► up ─► FIFO ─► +  ─► fade ─► host
//!   └──────────────────────────────── delay by latency() ────────────────────────────────────────── · g ─┘       │
//!                                                └──────────────────────────── dry ──────────────────────────────┘
//! ```
//!
//! Samples are collected until a hop is full, so that the work is always done on the same grid and block lengths never
//! change a bit of the output. All buffers have their final size from the start.
//!
//! # Rates other than the model's
//! The sound is resampled for the model (see [`resample`](crate::resample)), but what comes out is never merely
//! resampled. With x the input and d the same at the model's rate, both delayed as much as the model's output e:
//!
//! > output = up(e − g·d) + g·x
//!
//! An engine that changes nothing (e = d, g = 1) thus gives back x itself. What the model cannot see, that is all above
//! half its rate and the resampler's transition band, goes around it with the gain g. That gain follows what the
//! engine does at the top of what it sees: once a hop, the square root of energy out over energy in, at most 1,
//! in the top third of the band that host and model share (16 to 24 kHz for a model at 48 kHz and a host at 48 kHz
//! or more; 5.3 to 8 kHz for a host at 16 kHz), linear between hops. Where that third holds nothing, g keeps its
//! value; it starts at 1. At the model's own rate there is neither resampling nor g.
//!
//! # Levels
//! Full scale is 1. NaN and infinities count as 0. The model hears inputs under [`TINY`] as 0, so that denormals slow
//! nothing down, and those beyond ±[`HUGE`] too: no recording has them, and limited to it they would still come out as a
//! bang. What comes from the model stays within ±[`HUGE`]. Where the input is asked for untouched (bypass, a mix or limit
//! of 0), it comes bit for bit, whatever it is; otherwise the output holds no denormals and nothing of such samples.
//! A frame in which an engine gives something that is not finite, or absurdly large, becomes silent, and the engine
//! forgets what it heard.
//!
//! An engine listens to silence too (frames below −127 dBFS): that there is no noise between two words says much about the
//! next one. After five seconds, which say nothing about what is to come, it rests, frames stay as they are, and what
//! comes then it hears as at the start. Before the first sound it rests as well, so that it does not count when that comes.

use crate::engine::Engine;
use crate::error::Error;
use crate::kernels::Kernels;
use crate::resample::{Blocks, Resampler};
use crate::stft::{Analysis, Framing, Stft, Synthesis};
use rustfft::num_complex::Complex32;
use std::ops::Range;

/// Inputs smaller than this (−300 dBFS) are silence to the model.
pub const TINY: f32 = 1e-15;

/// Samples beyond ± this (+140 dBFS) are no sound: the model hears them as 0. Recordings in floats scaled to 16 or 24 bits,
/// whose samples reach 8.4e6, fit with room for what filters add.
pub const HUGE: f32 = 1e7;

/// A part of a spectrum beyond ± this cannot come from an engine in its right mind: inputs up to [`HUGE`] under the
/// longest window stay well below it. Squares of it fit `f32`.
const ABSURD: f32 = 1e16;

/// The most frames passed to an engine at once, if it takes so many; more would cost memory and gain nothing.
const MAX_FRAMES: usize = 512;

/// The most bins of all channels and frames that are worked on at once, 32 MiB; one frame is always possible.
const MAX_BINS: usize = 4 << 20;

/// Energy (of unnormalised bins) under which the top of the band says nothing about the engine's gain there.
const NO_ENERGY: f32 = 1e-20;

/// Energy of a bin under which the guide is silent; far above denormals.
const SILENT_BIN: f32 = 1e-30;

/// Mean |X|² relative to the window's length up to which a frame is silent: −127 dBFS of noise.
const SILENT: f32 = 1e-13;

/// Silence in seconds after which an engine rests, and forgets what it heard.
const FORGET: f64 = 5.0;

/// Whether channels share one mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// One mask for all channels, estimated from all of them: keeps the stereo image.
    #[default]
    Linked,
    /// Every channel on its own, each with its own engine: for unrelated recordings side by side.
    Independent,
}

/// What is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listen {
    /// The sound without the noise.
    #[default]
    Cleaned,
    /// What is taken away: the delayed input less what would be heard otherwise.
    Removed,
}

/// What a [`Denoiser`] is built for, and how its controls stand at first.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The host's samples per second, [`MIN_SAMPLE_RATE`](Self::MIN_SAMPLE_RATE) to
    /// [`MAX_SAMPLE_RATE`](Self::MAX_SAMPLE_RATE).
    pub sample_rate: u32,
    /// Channels of every block, 1 to [`MAX_CHANNELS`](Self::MAX_CHANNELS).
    pub channels: usize,
    /// Whether channels share one mask. No difference with one channel.
    pub link: Link,
    /// The most that the level is lowered anywhere, in dB, 0 to [`MAX_LIMIT`](Self::MAX_LIMIT); `None` for no limit.
    pub attenuation_limit: Option<f32>,
    /// The share of the cleaned sound, 0 (the input untouched) to 1 (cleaned).
    pub mix: f32,
    /// What is heard: the cleaned sound, or what is removed from it.
    pub listen: Listen,
    /// Gain of what is heard, in dB, ± [`MAX_GAIN`](Self::MAX_GAIN).
    pub output_gain: f32,
    /// Whether the input passes untouched, delayed by the latency. Then nothing else counts, the gain neither.
    pub bypass: bool,
}

impl Config {
    /// The lowest host rate, in Hz.
    pub const MIN_SAMPLE_RATE: u32 = Framing::MIN_RATE;
    /// The default host rate, in Hz.
    pub const DEFAULT_SAMPLE_RATE: u32 = 48_000;
    /// The highest host rate, in Hz.
    pub const MAX_SAMPLE_RATE: u32 = Framing::MAX_RATE;
    /// The most channels.
    pub const MAX_CHANNELS: usize = 64;
    /// The largest attenuation limit, in dB.
    pub const MAX_LIMIT: f32 = 100.0;
    /// The default mix: the cleaned sound.
    pub const DEFAULT_MIX: f32 = 1.0;
    /// The largest output gain, in dB, and with a minus the smallest.
    pub const MAX_GAIN: f32 = 60.0;

    fn validate(&self) -> Result<(), Error> {
        let Self {
            sample_rate: rate,
            channels,
            attenuation_limit,
            mix,
            output_gain: gain,
            ..
        } = *self;
        let (min, max) = (Self::MIN_SAMPLE_RATE, Self::MAX_SAMPLE_RATE);
        if !(min..=max).contains(&rate) {
            return Err(Error::Setting(format!(
                "the sample rate must be {min} to {max} Hz, not {rate}"
            )));
        }
        let max = Self::MAX_CHANNELS;
        if !(1..=max).contains(&channels) {
            return Err(Error::Setting(format!(
                "the number of channels must be 1 to {max}, not {channels}"
            )));
        }
        let max = Self::MAX_LIMIT;
        if let Some(limit) = attenuation_limit.filter(|limit| !(0.0..=max).contains(limit)) {
            return Err(Error::Setting(format!(
                "the attenuation limit must be 0 to {max} dB, not {limit}"
            )));
        }
        if !(0.0..=1.0).contains(&mix) {
            return Err(Error::Setting(format!("the mix must be 0 to 1, not {mix}")));
        }
        let max = Self::MAX_GAIN;
        if !(-max..=max).contains(&gain) {
            return Err(Error::Setting(format!(
                "the output gain must be -{max} to {max} dB, not {gain}"
            )));
        }
        Ok(())
    }
}

impl Default for Config {
    /// One channel at 48 kHz, fully cleaned, without a limit or a gain.
    fn default() -> Self {
        Self {
            sample_rate: Self::DEFAULT_SAMPLE_RATE,
            channels: 1,
            link: Link::default(),
            attenuation_limit: None,
            mix: Self::DEFAULT_MIX,
            listen: Listen::default(),
            output_gain: 0.0,
            bypass: false,
        }
    }
}

/// Cleans a stream of samples in place.
///
/// Built once on any thread, which may fail and allocates everything; from then on [`process`](Self::process),
/// [`reset`](Self::reset) and the setters neither allocate, lock, fail nor panic, if the engines
/// [are real-time](Self::is_real_time).
///
/// The controls fade over [`FADE_SECONDS`](Self::FADE_SECONDS) from the sample at which they are set, in a straight
/// line, between signals that are aligned to the sample.
///
/// ```
/// # use aeden::{engine::Engine, stft::Framing};
/// # use rustfft::num_complex::Complex32;
/// # struct Identity(Framing, usize);
/// # impl Engine for Identity {
/// #     fn framing(&self) -> &Framing { &self.0 }
/// #     fn channels(&self) -> usize { self.1 }
/// #     fn max_frames(&self) -> usize { 16 }
/// #     fn process(&mut self, _: &[Complex32], _: &mut [Complex32]) {}
/// #     fn reset(&mut self) {}
/// #     fn is_real_time(&self) -> bool { true }
/// # }
/// # let build_engine = |channels| Identity(Framing::default(), channels);
/// use aeden::denoiser::{Config, Denoiser};
///
/// let config = Config { sample_rate: 44_100, channels: 2, ..Config::default() };
/// let mut denoiser = Denoiser::new(&config, |channels| Ok(Box::new(build_engine(channels))))?;
/// denoiser.set_attenuation_limit(Some(12.0));
///
/// let (mut left, mut right) = (vec![0.1; 512], vec![-0.1; 512]);
/// denoiser.process(&mut [&mut left, &mut right]); // now what went in latency() samples earlier
/// assert_eq!(denoiser.latency(), 1322);
/// # Ok::<(), aeden::Error>(())
/// ```
///
/// A file of any length is cleaned in step with the input by dropping the first [`latency`](Self::latency) samples
/// and feeding as many zeros at the end; [`process_recording`](Self::process_recording) does so for one in memory.
///
/// ```
/// # use aeden::{engine::Engine, stft::Framing};
/// # use rustfft::num_complex::Complex32;
/// # struct Identity(Framing, usize);
/// # impl Engine for Identity {
/// #     fn framing(&self) -> &Framing { &self.0 }
/// #     fn channels(&self) -> usize { self.1 }
/// #     fn max_frames(&self) -> usize { 16 }
/// #     fn process(&mut self, _: &[Complex32], _: &mut [Complex32]) {}
/// #     fn reset(&mut self) {}
/// #     fn is_real_time(&self) -> bool { true }
/// # }
/// # let build_engine = |channels| Identity(Framing::default(), channels);
/// # use aeden::denoiser::{Config, Denoiser};
/// # let mut denoiser = Denoiser::new(&Config::default(), |channels| Ok(Box::new(build_engine(channels))))?;
/// # let recording: Vec<f32> = (0..10_000).map(|i| (i as f32 * 0.01).sin()).collect();
/// # let mut out = Vec::new();
/// let mut skip = denoiser.latency();
/// let zeros = vec![0.0; denoiser.latency()];
/// for block in recording.chunks(4096).chain([&zeros[..]]) {
///     let mut block = block.to_vec();
///     denoiser.process(&mut [&mut block]);
///     let early = skip.min(block.len());
///     skip -= early;
///     out.extend_from_slice(&block[early..]);
/// }
/// assert_eq!(out.len(), recording.len());
/// # assert!(out.iter().zip(&recording).all(|(a, b)| (a - b).abs() < 1e-5));
/// # Ok::<(), aeden::Error>(())
/// ```
pub struct Denoiser {
    kernels: Kernels,
    channels: usize,
    latency: usize,
    tail: usize,
    /// Samples of the model's rate between frames.
    hop: usize,
    /// The most samples taken before the engines run, so that no buffer overflows.
    chunk: usize,
    groups: Vec<Group>,
    conversion: Option<Conversion>,
    /// Input at the model's rate, less than a hop between calls.
    model_in: Fifo,
    /// Cleaned at the model's rate.
    model_out: Fifo,
    dry: Delay,
    controls: Controls,
    /// The shares of the cleaned and the untouched sound in the output.
    shares: Fade,
}

impl Denoiser {
    /// How long a change of a control takes, in seconds.
    pub const FADE_SECONDS: f64 = 0.010;

    /// Builds a denoiser. `engine` is called with the number of channels that an engine must take: once with all of
    /// them if they are linked, else once a channel with 1.
    ///
    /// # Errors
    /// [`Error::Setting`] for a field of `config` outside its range, or a rate that cannot be converted to the
    /// model's; [`Error::Model`] for an engine with another framing or number of channels than it should have;
    /// and what `engine` gives.
    pub fn new(
        config: &Config,
        mut engine: impl FnMut(usize) -> Result<Box<dyn Engine>, Error>,
    ) -> Result<Self, Error> {
        config.validate()?;
        let channels = config.channels;
        let (groups, width) = match config.link {
            Link::Linked => (1, channels),
            Link::Independent => (channels, 1),
        };
        let engines = (0..groups)
            .map(|_| engine(width))
            .collect::<Result<Vec<_>, _>>()?;
        let framing = engines[0].framing().clone();
        if let Some(other) = engines
            .iter()
            .find(|e| *e.framing() != framing || e.channels() != width)
        {
            return Err(Error::Model(format!(
                "an engine for {width} channels with {framing:?} was expected, not one for {} with {:?}",
                other.channels(),
                other.framing()
            )));
        }
        let stft = Stft::new(&framing)?;
        let Framing {
            rate, window, hop, ..
        } = framing;
        let offered = engines.iter().map(|e| e.max_frames()).min().unwrap_or(1);
        let frames = offered
            .min(MAX_FRAMES)
            .min(MAX_BINS / (framing.bins() * channels))
            .max(1);

        let blocks = Blocks::between(config.sample_rate, rate)?;
        // Samples that wait at the model's rate from the start, so that the next stage is never short of any.
        let (ahead, chunk, latency, most) = match blocks {
            None => (hop - 1, frames * hop, window - 1, frames * hop),
            Some(Blocks { host, model }) => {
                // After any number of blocks, at most this much of the model's input is less than a hop and waits.
                let waiting = hop - greatest_common_divisor(model, hop);
                // The delay at the model's rate must be a whole number of host samples.
                let step = model / greatest_common_divisor(model, host);
                let delay = (window - hop + waiting).next_multiple_of(step);
                let batch = (frames * hop / model).max(1);
                // A block is collected, then filtered down and up with half a block each.
                let latency = host - 1 + host + delay * host / model;
                (delay - (window - hop), batch * host, latency, batch * model)
            }
        };
        // All frames with the last sound in them and those that the engines add. A conversion's two filters each work
        // on two blocks at once, and so spread sound over up to one and a half more than they delay it.
        let rings = window + engines.iter().map(|e| e.tail()).max().unwrap_or(0) * hop;
        let tail = match blocks {
            None => latency + rings,
            Some(Blocks { host, model }) => latency + (rings * host).div_ceil(model) + 3 * host,
        };
        let conversion = match blocks {
            None => None,
            Some(blocks) => Some(Conversion::new(blocks, ahead, hop, channels, groups, chunk)?),
        };
        let shared_band = f64::from(config.sample_rate.min(rate)) / 2.0 / f64::from(rate) * window as f64;
        let top = (shared_band * 2.0 / 3.0).ceil() as usize..(shared_band as usize + 1).min(framing.bins());
        // Gains are looked up a block late, half a block more for the filter, and by what waits ahead.
        let remembered = (ahead + 3 * most) / hop + window / hop + 8;
        let groups = engines
            .into_iter()
            .enumerate()
            .map(|(i, engine)| Group::new(engine, i * width, &stft, frames, top.clone(), remembered))
            .collect();
        let controls = Controls {
            attenuation_limit: config.attenuation_limit,
            mix: config.mix,
            listen: config.listen,
            output_gain: config.output_gain,
            bypass: config.bypass,
        };
        let mut denoiser = Self {
            kernels: Kernels::best(),
            channels,
            latency,
            tail,
            hop,
            chunk,
            groups,
            conversion,
            model_in: Fifo::new(channels, hop + most, 0),
            model_out: Fifo::new(channels, ahead + hop + most, ahead),
            dry: Delay::new(channels, latency),
            shares: Fade::new(
                controls.shares(),
                (f64::from(config.sample_rate) * Self::FADE_SECONDS) as usize,
            ),
            controls,
        };
        denoiser.reset();
        Ok(denoiser)
    }

    /// How many samples later the output is than the input. Constant and exact.
    pub fn latency(&self) -> usize {
        self.latency
    }

    /// For how many samples sound can still come out after the input has fallen silent; at most a few hops longer than
    /// it is.
    pub fn tail(&self) -> usize {
        self.tail
    }

    /// The number of channels that [`process`](Self::process) expects.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Whether [`process`](Self::process) and [`reset`](Self::reset) may run on an audio thread.
    pub fn is_real_time(&self) -> bool {
        self.groups.iter().all(|group| group.engine.is_real_time())
    }

    /// Replaces the samples of every channel by the cleaned ones of [`latency`](Self::latency) samples earlier.
    ///
    /// Blocks may have any length, 0 too, and how a signal is cut into blocks changes no bit of the output. Long
    /// blocks pass several frames to the engine at once, which is faster.
    ///
    /// Channels should be as many as configured and of one length. If not, the shortest length counts, and what lies
    /// beyond it stays as it is, as do surplus channels; missing channels count as silent.
    pub fn process(&mut self, channels: &mut [&mut [f32]]) {
        let used = channels.len().min(self.channels);
        let channels = &mut channels[..used];
        let len = channels.iter().map(|c| c.len()).min().unwrap_or(0);
        let mut start = 0;
        while start < len {
            let part = start..len.min(start + self.chunk);
            start = part.end;
            self.take(channels, part.clone());
            self.work();
            self.give(channels, part);
        }
    }

    /// Cleans a whole recording in place and in step: sample n of the output belongs to sample n of the input.
    ///
    /// Starts and ends with a [`reset`](Self::reset). Allocates, so it is not for an audio thread. Lengths and numbers
    /// of channels are treated as in [`process`](Self::process).
    pub fn process_recording(&mut self, channels: &mut [&mut [f32]]) {
        self.reset();
        self.process(channels);
        let mut rest = vec![vec![0.0; self.latency]; channels.len()];
        self.process(&mut rest.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
        let len = channels
            .iter()
            .take(self.channels)
            .map(|c| c.len())
            .min()
            .unwrap_or(0);
        for (channel, rest) in channels.iter_mut().zip(&rest).take(self.channels) {
            // The output is the processed channel and then the rest, without the first `latency` samples.
            let early = self.latency.min(len);
            channel.copy_within(early..len, 0);
            channel[len - early..len].copy_from_slice(&rest[self.latency - early..]);
        }
        self.reset();
    }

    /// Forgets everything heard, and finishes fades at once: like a new denoiser with the controls as they stand.
    pub fn reset(&mut self) {
        self.groups.iter_mut().for_each(Group::reset);
        if let Some(conversion) = &mut self.conversion {
            conversion.reset();
        }
        self.model_in.reset();
        self.model_out.reset();
        self.dry.reset();
        self.shares.finish();
    }

    /// Sets the most that the level is lowered anywhere, in dB: input × g is kept under output × (1 − g) with
    /// g = 10^(−limit / 20). Taken into 0 … [`Config::MAX_LIMIT`]; `None` for no limit. NaN changes nothing.
    pub fn set_attenuation_limit(&mut self, limit: Option<f32>) {
        if limit.is_none_or(|limit| !limit.is_nan()) {
            self.controls.attenuation_limit = limit.map(|limit| limit.clamp(0.0, Config::MAX_LIMIT));
            self.shares.go_to(self.controls.shares());
        }
    }

    /// Sets the share of the cleaned sound. Taken into 0 (the input untouched, bit for bit) … 1 (cleaned). NaN
    /// changes nothing.
    pub fn set_mix(&mut self, mix: f32) {
        if !mix.is_nan() {
            self.controls.mix = mix.clamp(0.0, 1.0);
            self.shares.go_to(self.controls.shares());
        }
    }

    /// Lets the cleaned sound be heard, or what is removed. Limit and mix count for both: the two add up to the delayed
    /// input, times the gain.
    pub fn set_listen(&mut self, listen: Listen) {
        self.controls.listen = listen;
        self.shares.go_to(self.controls.shares());
    }

    /// Sets the gain of what is heard, in dB. Taken into ± [`Config::MAX_GAIN`]. NaN changes nothing.
    pub fn set_output_gain(&mut self, gain: f32) {
        if !gain.is_nan() {
            self.controls.output_gain = gain.clamp(-Config::MAX_GAIN, Config::MAX_GAIN);
            self.shares.go_to(self.controls.shares());
        }
    }

    /// Passes the input untouched or not. After the fade the output is the delayed input, bit for bit. The engines
    /// keep listening, so that the way back is a mere fade too.
    pub fn set_bypass(&mut self, bypass: bool) {
        self.controls.bypass = bypass;
        self.shares.go_to(self.controls.shares());
    }

    /// Copies the next input to where it is collected.
    fn take(&mut self, channels: &[&mut [f32]], part: Range<usize>) {
        let input = self
            .conversion
            .as_mut()
            .map_or(&mut self.model_in, |c| &mut c.input);
        let room = input.room(part.len());
        for (c, row) in input.rows.iter_mut().enumerate() {
            match channels.get(c) {
                Some(channel) => self.kernels.compiled(
                    #[inline(always)]
                    || {
                        for (y, &x) in row[room.clone()].iter_mut().zip(&channel[part.clone()]) {
                            *y = audible(x);
                        }
                    },
                ),
                None => row[room.clone()].fill(0.0),
            }
        }
        input.commit(part.len());
    }

    /// Does all blocks and hops that are complete.
    fn work(&mut self) {
        if let Some(conversion) = &mut self.conversion {
            conversion.down(&mut self.model_in);
        }
        let len = self.model_in.len() / self.hop * self.hop;
        let (read, write) = (self.model_in.front(len), self.model_out.room(len));
        for group in &mut self.groups {
            let (input, output) = (&self.model_in.rows, &mut self.model_out.rows);
            group.process(
                input,
                read.clone(),
                output,
                write.clone(),
                self.conversion.is_some(),
            );
        }
        self.model_in.consume(len);
        self.model_out.commit(len);
        if let Some(conversion) = &mut self.conversion {
            conversion.up(&mut self.model_out, &self.groups);
        }
    }

    /// Replaces the input by the output.
    fn give(&mut self, channels: &mut [&mut [f32]], part: Range<usize>) {
        let len = part.len();
        let output = self
            .conversion
            .as_mut()
            .map_or(&mut self.model_out, |c| &mut c.output);
        let ready = output.front(len);
        let (wet_rows, gain_rows) = output.rows.split_at_mut(self.channels);
        for (c, wet) in wet_rows.iter_mut().enumerate() {
            let wet = &mut wet[ready.clone()];
            let Some(channel) = channels.get_mut(c) else {
                // The wet samples are dropped; as good a place as any for the dry ones.
                wet.fill(0.0);
                self.dry.exchange(c, wet);
                continue;
            };
            let channel = &mut channel[part.clone()];
            self.dry.exchange(c, channel);
            // Independent channels have a gain each, linked ones share one.
            if let Some(gains) = gain_rows.get(c).or(gain_rows.first()) {
                for ((wet, dry), gain) in wet.iter_mut().zip(&*channel).zip(&gains[ready.clone()]) {
                    *wet += gain * audible(*dry);
                }
            }
            self.shares.blend(self.kernels, channel, wet);
        }
        self.dry.advance(len);
        self.shares.advance(len);
        output.consume(len);
    }
}

/// A sample as the model hears it.
#[inline(always)]
fn audible(x: f32) -> f32 {
    // Also false for NaN.
    if (TINY..=HUGE).contains(&x.abs()) { x } else { 0.0 }
}

/// The sample, but zero of the same sign for a subnormal number, which would slow down what comes after.
#[inline(always)]
pub fn flushed(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE {
        0f32.copysign(x)
    } else {
        x
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// What the user has set.
struct Controls {
    attenuation_limit: Option<f32>,
    mix: f32,
    listen: Listen,
    output_gain: f32,
    bypass: bool,
}

impl Controls {
    /// The shares that all controls together ask for.
    fn shares(&self) -> Shares {
        if self.bypass {
            return Shares::UNTOUCHED;
        }
        let kept = self.attenuation_limit.map_or(0.0, amplitude_below);
        let cleaned = self.mix * (1.0 - kept);
        // Without a gain exactly 1, so that the shares of an untouched sound stay exact too.
        let gain = amplitude_below(-self.output_gain);
        match self.listen {
            Listen::Cleaned => Shares {
                wet: gain * cleaned,
                dry: gain * (1.0 - cleaned),
            },
            Listen::Removed => Shares {
                wet: -gain * cleaned,
                dry: gain * cleaned,
            },
        }
    }
}

/// The amplitude that lies so many dB below 1.
fn amplitude_below(decibels: f32) -> f32 {
    10f32.powf(-decibels / 20.0)
}

/// How much of the cleaned and of the untouched sound make up the output.
#[derive(Clone, Copy, PartialEq)]
struct Shares {
    wet: f32,
    dry: f32,
}

impl Shares {
    const UNTOUCHED: Shares = Shares { wet: 0.0, dry: 1.0 };
    const CLEANED: Shares = Shares { wet: 1.0, dry: 0.0 };

    #[inline(always)]
    fn blend(self, dry: f32, wet: f32) -> f32 {
        // Not `wet * 0 + dry`, which would lose the sign of a zero.
        if self == Shares::UNTOUCHED {
            return dry;
        }
        let wet = wet.clamp(-HUGE, HUGE);
        if self == Shares::CLEANED {
            return flushed(wet);
        }
        let dry = if dry.abs() <= HUGE { dry } else { 0.0 };
        flushed(wet * self.wet + dry * self.dry)
    }
}

/// Shares that go to where they are told in a straight line over `length` samples.
struct Fade {
    from: Shares,
    to: Shares,
    /// Samples since it was told.
    done: usize,
    length: usize,
}

impl Fade {
    fn new(shares: Shares, length: usize) -> Self {
        Self {
            from: shares,
            to: shares,
            done: length,
            length,
        }
    }

    fn go_to(&mut self, to: Shares) {
        if to != self.to {
            (self.from, self.to, self.done) = (self.at(0), to, 0);
        }
    }

    /// Replaces `dry` by the blend of it and `wet`, from now on.
    fn blend(&self, kernels: Kernels, dry: &mut [f32], wet: &[f32]) {
        let fading = (self.length - self.done).min(dry.len());
        let (dry_now, dry) = dry.split_at_mut(fading);
        let (wet_now, wet) = wet.split_at(fading);
        for (i, (dry, wet)) in dry_now.iter_mut().zip(wet_now).enumerate() {
            *dry = self.at(i).blend(*dry, *wet);
        }
        let shares = self.to;
        if shares != Shares::UNTOUCHED {
            kernels.compiled(
                #[inline(always)]
                || {
                    for (dry, wet) in dry.iter_mut().zip(wet) {
                        *dry = shares.blend(*dry, *wet);
                    }
                },
            );
        }
    }

    /// The shares `i` samples from now; they depend on the sample alone, not on how far it was advanced at once.
    fn at(&self, i: usize) -> Shares {
        let done = self.done + i;
        if done >= self.length {
            return self.to;
        }
        let part = done as f32 / self.length as f32;
        Shares {
            wet: between((self.from.wet, self.to.wet), part),
            dry: between((self.from.dry, self.to.dry), part),
        }
    }

    fn advance(&mut self, samples: usize) {
        self.done = self.length.min(self.done + samples);
    }

    fn finish(&mut self) {
        self.done = self.length;
    }
}

/// A queue of samples, rows (channels, then perhaps gains) in step.
struct Fifo {
    rows: Vec<Vec<f32>>,
    start: usize,
    end: usize,
    /// How many zeros it holds at first.
    ahead: usize,
}

impl Fifo {
    fn new(rows: usize, capacity: usize, ahead: usize) -> Self {
        Self {
            rows: vec![vec![0.0; capacity]; rows],
            start: 0,
            end: ahead,
            ahead,
        }
    }

    fn len(&self) -> usize {
        self.end - self.start
    }

    /// The first `len` samples.
    fn front(&self, len: usize) -> Range<usize> {
        debug_assert!(len <= self.len());
        self.start..self.start + len
    }

    fn consume(&mut self, len: usize) {
        self.start = self.front(len).end;
    }

    /// Where the next `len` samples go, to be made valid by [`commit`](Self::commit).
    fn room(&mut self, len: usize) -> Range<usize> {
        let capacity = self.rows[0].len();
        if self.end + len > capacity {
            debug_assert!(self.len() + len <= capacity);
            for row in &mut self.rows {
                row.copy_within(self.start..self.end, 0);
            }
            (self.start, self.end) = (0, self.len());
        }
        self.end..self.end + len
    }

    fn commit(&mut self, len: usize) {
        self.end += len;
    }

    fn reset(&mut self) {
        self.rows.iter_mut().for_each(|row| row.fill(0.0));
        (self.start, self.end) = (0, self.ahead);
    }
}

/// Delays every channel by the same number of samples, at least 1.
struct Delay {
    rows: Vec<Vec<f32>>,
    /// The oldest sample, which the next one replaces.
    at: usize,
}

impl Delay {
    fn new(channels: usize, samples: usize) -> Self {
        Self {
            rows: vec![vec![0.0; samples]; channels],
            at: 0,
        }
    }

    /// Replaces samples by the delayed ones, NaN and infinities by 0. All channels have their turn before
    /// [`advance`](Self::advance).
    fn exchange(&mut self, channel: usize, mut samples: &mut [f32]) {
        let line = &mut self.rows[channel];
        let mut at = self.at;
        while !samples.is_empty() {
            let (now, later) = samples.split_at_mut(samples.len().min(line.len() - at));
            for (x, slot) in now.iter_mut().zip(&mut line[at..]) {
                let next = if x.is_finite() { *x } else { 0.0 };
                *x = std::mem::replace(slot, next);
            }
            samples = later;
            at = 0;
        }
    }

    fn advance(&mut self, samples: usize) {
        self.at = (self.at + samples) % self.rows[0].len();
    }

    fn reset(&mut self) {
        self.rows.iter_mut().for_each(|row| row.fill(0.0));
        self.at = 0;
    }
}

/// Everything between the host's rate and the model's.
struct Conversion {
    blocks: Blocks,
    down: Resampler,
    up: Resampler,
    /// Less than a block of the host's samples between calls.
    input: Fifo,
    /// The model's share of the output, then for every group the gain of what goes around the model.
    output: Fifo,
    channels: usize,
    hop: usize,
    /// The model's samples that waited from the start.
    ahead: usize,
    /// Blocks that went down and have not come up.
    owed: usize,
    /// Blocks that have come up.
    done: i64,
}

impl Conversion {
    fn new(
        blocks: Blocks,
        ahead: usize,
        hop: usize,
        channels: usize,
        groups: usize,
        chunk: usize,
    ) -> Result<Self, Error> {
        let Blocks { host, model } = blocks;
        Ok(Self {
            blocks,
            down: Resampler::new(host, model, channels)?,
            up: Resampler::new(model, host, channels)?,
            input: Fifo::new(channels, host + chunk, 0),
            output: Fifo::new(channels + groups, host + chunk, host - 1),
            channels,
            hop,
            ahead,
            owed: 0,
            done: 0,
        })
    }

    /// Converts every complete block of input.
    fn down(&mut self, model_in: &mut Fifo) {
        let Blocks { host, model } = self.blocks;
        while self.input.len() >= host {
            let (read, write) = (self.input.front(host), model_in.room(model));
            self.down
                .process(&self.input.rows, read.start, &mut model_in.rows, write.start);
            self.input.consume(host);
            model_in.commit(model);
            self.owed += 1;
        }
    }

    /// Converts as many blocks back, and finds the gains that belong to them.
    fn up(&mut self, model_out: &mut Fifo, groups: &[Group]) {
        let Blocks { host, model } = self.blocks;
        for _ in 0..std::mem::take(&mut self.owed) {
            let (read, write) = (model_out.front(model), self.output.room(host));
            self.up.process(
                &model_out.rows,
                read.start,
                &mut self.output.rows[..self.channels],
                write.start,
            );
            // The filter's delay and what waited ahead lie between the block and the hops that it shows.
            let first = self.done * model as i64 - (model / 2 + self.ahead) as i64;
            let (hop, within) = (
                first.div_euclid(self.hop as i64),
                first.rem_euclid(self.hop as i64),
            );
            let (per_hop, ratio) = (1.0 / self.hop as f32, model as f32 / host as f32);
            for (gains, group) in self.output.rows[self.channels..].iter_mut().zip(groups) {
                let (mut current, mut ends) = (0, group.gains_of(hop));
                for (i, gain) in gains[write.clone()].iter_mut().enumerate() {
                    let hops = (within as f32 + i as f32 * ratio) * per_hop;
                    if hops as i64 != current {
                        current = hops as i64;
                        ends = group.gains_of(hop + current);
                    }
                    *gain = between(ends, hops - current as f32);
                }
            }
            model_out.consume(model);
            self.output.commit(host);
            self.done += 1;
        }
    }

    fn reset(&mut self) {
        self.down.reset();
        self.up.reset();
        self.input.reset();
        self.output.reset();
        (self.owed, self.done) = (0, 0);
    }
}

/// What an engine does in a frame.
#[derive(Clone, Copy, PartialEq)]
enum Turn {
    Work,
    /// Works, having forgotten what it heard.
    Fresh,
    Rest,
}

/// The channels that share an engine and its mask.
struct Group {
    kernels: Kernels,
    engine: Box<dyn Engine>,
    /// The first of its channels.
    first: usize,
    hop: usize,
    bins: usize,
    /// The most frames at once.
    frames: usize,
    analysis: Vec<Analysis>,
    synthesis: Vec<Synthesis>,
    /// `[channel][frame][bin]`, as analysed and as cleaned.
    noisy: Vec<Complex32>,
    clean: Vec<Complex32>,
    /// `[frame][bin]`; empty with one channel, which is its own guide.
    guide: Vec<Complex32>,
    /// `[channel][bin]`, a frame on its own.
    single: Vec<Complex32>,
    /// The bins that tell the gain of what goes around the model.
    top: Range<usize>,
    /// The gains of the last frames, a ring.
    gains: Vec<f32>,
    last_gain: f32,
    /// Frames so far.
    done: i64,
    /// Hops between a frame's completing its first hop and the hop at its middle.
    late: i64,
    /// A hop from the synthesis.
    cleaned: Vec<f32>,
    /// Energy of a frame up to which it is silent, silent frames in a row so far (at the start there was nothing else), and
    /// after how many the engine rests.
    silence: f32,
    silent: usize,
    forget: usize,
    /// `[frame]`
    turns: Vec<Turn>,
}

impl Group {
    fn new(
        engine: Box<dyn Engine>,
        first: usize,
        stft: &Stft,
        frames: usize,
        top: Range<usize>,
        remembered: usize,
    ) -> Self {
        let framing = stft.framing();
        let (channels, bins) = (engine.channels(), framing.bins());
        let spectra = vec![Complex32::ZERO; channels * frames * bins];
        Self {
            kernels: Kernels::best(),
            engine,
            first,
            hop: framing.hop,
            bins,
            frames,
            analysis: (0..channels).map(|_| stft.analysis()).collect(),
            synthesis: (0..channels).map(|_| stft.synthesis()).collect(),
            noisy: spectra.clone(),
            clean: spectra,
            guide: vec![Complex32::ZERO; if channels == 1 { 0 } else { frames * bins }],
            single: vec![Complex32::ZERO; channels * bins],
            top,
            gains: vec![1.0; remembered],
            last_gain: 1.0,
            done: 0,
            late: (framing.window / framing.hop / 2) as i64,
            cleaned: vec![0.0; framing.hop],
            silence: SILENT * framing.window as f32 * bins as f32,
            silent: usize::MAX,
            forget: (FORGET * f64::from(framing.rate) / framing.hop as f64).ceil() as usize,
            turns: vec![Turn::Work; frames],
        }
    }

    fn reset(&mut self) {
        self.engine.reset();
        self.analysis.iter_mut().for_each(Analysis::reset);
        self.synthesis.iter_mut().for_each(Synthesis::reset);
        self.last_gain = 1.0;
        self.done = 0;
        self.silent = usize::MAX;
    }

    /// Cleans whole hops from `input[channel][read]` to `output[channel][write]`; if `around` is set, less the input
    /// times the gain with which it goes around the model.
    fn process(
        &mut self,
        input: &[Vec<f32>],
        read: Range<usize>,
        output: &mut [Vec<f32>],
        write: Range<usize>,
        around: bool,
    ) {
        for from in (0..read.len()).step_by(self.frames * self.hop) {
            let len = (read.len() - from).min(self.frames * self.hop);
            let frames = len / self.hop;
            let (read, write) = (read.start + from, write.start + from);
            for (c, analysis) in self.analysis.iter_mut().enumerate() {
                let input = input[self.first + c][read..read + len].chunks_exact(self.hop);
                let output = output[self.first + c][write..write + len].chunks_exact_mut(self.hop);
                let spectra = self.noisy[c * frames * self.bins..].chunks_exact_mut(self.bins);
                for ((input, output), spectrum) in input.zip(output).zip(spectra) {
                    analysis.frame(input, spectrum);
                    if around {
                        output.copy_from_slice(analysis.aligned());
                    }
                }
            }
            self.clean(frames);
            for f in 0..frames {
                let gains = if around {
                    self.follow_gain(f, frames)
                } else {
                    (0.0, 0.0)
                };
                for (c, synthesis) in self.synthesis.iter_mut().enumerate() {
                    let spectrum = &self.clean[(c * frames + f) * self.bins..][..self.bins];
                    let output = &mut output[self.first + c][write + f * self.hop..][..self.hop];
                    if around {
                        synthesis.frame(spectrum, &mut self.cleaned);
                        for (i, (aligned, cleaned)) in output.iter_mut().zip(&self.cleaned).enumerate() {
                            let gain = between(gains, i as f32 / self.hop as f32);
                            *aligned = cleaned - gain * *aligned;
                        }
                    } else {
                        synthesis.frame(spectrum, output);
                    }
                }
            }
        }
    }

    /// Lets the engine clean `frames` frames from `noisy` to `clean`.
    fn clean(&mut self, frames: usize) {
        let (channels, bins) = (self.analysis.len(), self.bins);
        let all = channels * frames * bins;
        self.clean[..all].copy_from_slice(&self.noisy[..all]);
        // One channel is its own guide.
        let guide = if channels == 1 {
            &self.noisy[..all]
        } else {
            write_guide(&self.noisy[..all], &mut self.guide[..frames * bins]);
            &self.guide[..frames * bins]
        };
        let tail = self.engine.tail();
        for (turn, guide) in self.turns.iter_mut().zip(guide.chunks_exact(bins)) {
            let energy: f32 = guide.iter().map(Complex32::norm_sqr).sum();
            *turn = if energy > self.silence {
                let fresh = self.silent > self.forget.max(tail);
                self.silent = 0;
                if fresh { Turn::Fresh } else { Turn::Work }
            } else {
                self.silent = self.silent.saturating_add(1);
                if self.silent > self.forget.max(tail) {
                    Turn::Rest
                } else {
                    Turn::Work
                }
            };
        }
        let turns = &self.turns[..frames];
        if turns.iter().all(|&turn| turn == Turn::Rest) {
            return;
        }
        let mut from = 0;
        if turns[0] != Turn::Rest && turns[1..].iter().all(|&turn| turn == Turn::Work) {
            if turns[0] == Turn::Fresh {
                self.engine.reset();
            }
            self.engine.process(guide, &mut self.clean[..all]);
            let frame_of = |c: usize, f: usize| (c * frames + f) * bins..(c * frames + f + 1) * bins;
            let is_bad =
                |f: &usize| (0..channels).any(|c| !is_sane(self.kernels, &self.clean[frame_of(c, *f)]));
            let Some(bad) = (0..frames).find(is_bad) else {
                return;
            };
            for c in 0..channels {
                self.clean[frame_of(c, bad)].fill(Complex32::ZERO);
            }
            self.engine.reset();
            from = bad + 1;
        }
        // What follows a bad frame is done again, and all where the engine rests or forgets on the way: frame by frame,
        // so that the outcome does not depend on how many frames went into one call.
        for f in from..frames {
            match self.turns[f] {
                Turn::Rest => continue,
                Turn::Fresh => self.engine.reset(),
                Turn::Work => {}
            }
            let frame_of = |c: usize| (c * frames + f) * bins..(c * frames + f + 1) * bins;
            for c in 0..channels {
                self.single[c * bins..(c + 1) * bins].copy_from_slice(&self.noisy[frame_of(c)]);
            }
            // Not `guide`, which borrows what is looked at below.
            let guide = if channels == 1 { &self.noisy } else { &self.guide };
            self.engine
                .process(&guide[f * bins..(f + 1) * bins], &mut self.single);
            if !is_sane(self.kernels, &self.single) {
                self.single.fill(Complex32::ZERO);
                self.engine.reset();
            }
            for c in 0..channels {
                self.clean[frame_of(c)].copy_from_slice(&self.single[c * bins..(c + 1) * bins]);
            }
        }
    }

    /// Notes the gain that the engine gave the top of the band in frame `f` of `frames`, and tells the gains at the
    /// start and the end of the hop that the frame completes.
    fn follow_gain(&mut self, f: usize, frames: usize) -> (f32, f32) {
        let energy = |spectra: &[Complex32]| -> f32 {
            let channels =
                (0..self.analysis.len()).map(|c| &spectra[(c * frames + f) * self.bins..][self.top.clone()]);
            channels.flatten().map(Complex32::norm_sqr).sum()
        };
        let (noisy, clean) = (energy(&self.noisy), energy(&self.clean));
        if noisy > NO_ENERGY {
            self.last_gain = (clean / noisy).sqrt().min(1.0);
        }
        let remembered = self.gains.len() as i64;
        self.gains[(self.done % remembered) as usize] = self.last_gain;
        self.done += 1;
        self.gains_of(self.done - 1)
    }

    /// The gains of what goes around the model at the start and the end of an output hop.
    fn gains_of(&self, hop: i64) -> (f32, f32) {
        // The hop that a frame completes is its first; its middle lies half a window later.
        let frame = hop - self.late;
        let of = |frame: i64| {
            if frame < 0 {
                1.0
            } else {
                self.gains[(frame % self.gains.len() as i64) as usize]
            }
        };
        (of(frame), of(frame + 1))
    }
}

/// Whether no part of the spectrum is NaN, infinite or absurdly large.
pub(crate) fn is_sane(kernels: Kernels, spectrum: &[Complex32]) -> bool {
    // Looks at all bins, whatever it finds: without a way out the compiler compares several at a time.
    let sane = |x: &Complex32| (x.re.abs() <= ABSURD) & (x.im.abs() <= ABSURD);
    kernels.compiled(
        #[inline(always)]
        || spectrum.iter().fold(true, |all, x| all & sane(x)),
    )
}

fn between((from, to): (f32, f32), part: f32) -> f32 {
    from + (to - from) * part
}

/// From spectra `[channel][frame][bin]` the one that stands for all channels, `[frame][bin]`: the root mean square of
/// their magnitudes with the phase of their sum. Where they cancel, it has the phase of the loudest, so that a voice in
/// opposite phase does not vanish.
fn write_guide(spectra: &[Complex32], guide: &mut [Complex32]) {
    /// The sum's energy relative to the channels' under which they count as cancelling.
    const CANCELLED: f32 = 1e-6;
    let plane = guide.len();
    let channels = (spectra.len() / plane) as f32;
    for (i, guide) in guide.iter_mut().enumerate() {
        let (mut sum, mut energy) = (Complex32::ZERO, 0.0);
        let (mut loudest, mut most) = (Complex32::ZERO, 0.0);
        for &x in spectra[i..].iter().step_by(plane) {
            let own = x.norm_sqr();
            sum += x;
            energy += own;
            if own > most {
                (loudest, most) = (x, own);
            }
        }
        *guide = if energy < SILENT_BIN {
            Complex32::ZERO
        } else if sum.norm_sqr() > CANCELLED * energy {
            sum * (energy / channels / sum.norm_sqr()).sqrt()
        } else {
            loudest * (energy / channels / most).sqrt()
        };
    }
}
