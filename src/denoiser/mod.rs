//! The denoiser: samples of any rate, block length and number of channels, cleaned in place, in real time.
//!
//! ```text
//!          front end                    engine              back end
//! host ─► FIFO ─► down ─► FIFO ─► STFT ─► mask ─► STFT⁻¹ ─► − g·(what went in) ─► FIFO ─► up ─► FIFO ─► +  ─► fade ─► host
//!   └──────────────────────────────── delay by latency() ───────────────────────────────────────── · g ─┘       │
//!                                                └─────────────────────────── dry ─────────────────────────────┘
//! ```
//!
//! Samples are collected until a hop is full, so that the work is always done on the same grid and block lengths never
//! change a bit of the output. All buffers have their final size from the start.
//!
//! # Rates other than the network's
//! The sound is resampled for the network (see [`Resampler`](crate::spectrum::Resampler)), but the output is never merely
//! resampled. With x the input and d the same at the network's rate, both delayed as much as the network's output e:
//!
//! > output = up(e − g·d) + g·x
//!
//! An engine that changes nothing (e = d, g = 1) thus gives back x itself. Everything above half the network's rate, and the
//! resampler's transition band, goes around the network with the gain g. That gain follows the engine's at the top of its
//! band: once a hop, the square root of energy out over energy in, at most 1,
//! in the top third of the band that host and network share (16 to 24 kHz for a network at 48 kHz and a host at 48 kHz
//! or more; 5.3 to 8 kHz for a host at 16 kHz), linear between hops. Where that third holds nothing, g keeps its
//! value; it starts at 1. At the network's own rate there is neither resampling nor g.
//!
//! # Levels
//! Full scale is 1. NaN and infinities count as 0. Inputs under [`TINY`] are 0 to the network, so that denormals slow
//! nothing down, and so are those beyond ±[`HUGE`]: no recording has them, and limited to it they would still come out as a
//! bang. What comes from the network stays within ±[`HUGE`]. Where the input is asked for untouched (bypass, a mix or limit of
//! 0), it comes bit for bit, whatever it is; otherwise the output holds no denormals and nothing of such samples.
//! A frame in which an engine gives something that is not finite, or absurdly large, becomes silent, and the engine is reset.
//!
//! An engine works on silence too (frames below −127 dBFS): that there is no noise between two words says much about the
//! next one. After five seconds, which say nothing about what is to come, it rests: frames stay as they are, and the next
//! sound finds it as it was at the start. Before the first sound it rests as well, so that silence does not count when that comes.

mod ahead;
mod back;
mod band_limits;
mod config;
mod delay;
mod fade;
mod fifo;
mod front;
mod group;
mod kept;
mod levels;
mod meter;
mod silence;
mod stream_state;
mod timing;

use crate::engine::Engine;
use crate::error::Error;
use crate::model::Model;
use crate::spectrum::Stft;
use fade::FADE_SECONDS;
use group::Group;
use meter::Meter;
use rustfft::num_complex::Complex32;
use std::fmt;

pub(crate) use back::BackEnd;
pub use band_limits::BandLimits;
pub use config::{Config, Link, Listen};
use front::LateFrames;
pub(crate) use front::{Frames, FrontEnd};
pub use levels::{HUGE, TINY};
pub(crate) use levels::{is_sane, mix_down};
pub(crate) use silence::{SilenceGate, Turn};
pub use stream_state::StreamState;
pub(crate) use timing::Timing;

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
/// use aeden::{Config, Denoiser, Model};
///
/// let mut denoiser = Denoiser::with_model(&Model::light(), &Config::new(44_100, 2))?;
/// denoiser.set_attenuation_limit(Some(12.0));
///
/// let (mut left, mut right) = (vec![0.1; 512], vec![-0.1; 512]);
/// denoiser.process(&mut [&mut left, &mut right]); // now what went in latency() samples earlier
/// assert_eq!(denoiser.latency(), 1322);
/// # Ok::<(), aeden::Error>(())
/// ```
///
/// A file of any length is cleaned in step with the input by dropping the first [`latency`](Self::latency) samples
/// and feeding as many zeros at the end; [`process_recording`](Self::process_recording) does so for one in memory, and a
/// [`Cleaner`](crate::Cleaner) for one that comes in blocks.
pub struct Denoiser {
    channels: usize,
    timing: Timing,
    front: FrontEnd,
    groups: Vec<Group>,
    back: BackEnd,
    noisy: Frames,
    /// `[channel][frame][bin]`
    clean: Vec<Complex32>,
    meter: Meter,
    /// Of engines that look ahead.
    late: LateFrames,
}

impl Denoiser {
    /// Seconds that a change of a control takes.
    pub const FADE_SECONDS: f64 = FADE_SECONDS;

    /// Builds a denoiser with the built-in network for streams, for a rate in Hz, [`Config::MIN_SAMPLE_RATE`] to
    /// [`Config::MAX_SAMPLE_RATE`], and 1 to [`Config::MAX_CHANNELS`] channels.
    ///
    /// # Errors
    /// [`Error::Setting`] for a rate or a number of channels outside its range.
    #[cfg(feature = "high")]
    pub fn new(sample_rate: u32, channels: usize) -> Result<Self, Error> {
        Self::with_model(&Model::high(), &Config::new(sample_rate, channels))
    }

    /// Builds a denoiser with another network, or other settings.
    ///
    /// # Errors
    /// [`Error::Setting`] for a field of `config` outside its range, or a rate that cannot be converted to the
    /// network's; [`Error::Unsupported`] for a model that cannot run over a stream.
    pub fn with_model(model: &Model, config: &Config) -> Result<Self, Error> {
        Self::with_engines(config, |channels| model.engine(channels, config.threads))
    }

    /// Builds a denoiser with a network that [looks ahead](Model::looks_ahead): in real time, with the latency of what it looks
    /// at, nearly two seconds. Its work is shared out evenly among the frames.
    ///
    /// # Errors
    /// As [`with_model`](Self::with_model); [`Error::Unsupported`] for a model that does not look ahead.
    pub fn with_look_ahead(model: &Model, config: &Config) -> Result<Self, Error> {
        Self::with_engines(config, |channels| ahead::engine(model, channels))
    }

    /// Builds a denoiser with engines of your own. `engine` is called with the number of channels that an engine must
    /// take: once with all of them if they are linked, else once a channel with 1.
    ///
    /// # Errors
    /// [`Error::Setting`] for a field of `config` outside its range, or a rate that cannot be converted to the
    /// engine's; [`Error::Model`] for an engine with another framing or number of channels than it should have;
    /// and the errors of `engine`.
    pub fn with_engines(
        config: &Config,
        mut engine: impl FnMut(usize) -> Result<Box<dyn Engine>, Error>,
    ) -> Result<Self, Error> {
        config.validate()?;
        let (groups, width) = config.groups();
        let engines = (0..groups)
            .map(|_| engine(width))
            .collect::<Result<Vec<_>, _>>()?;
        let framing = engines[0].framing().clone();
        if let Some(other) = engines
            .iter()
            .find(|e| *e.framing() != framing || e.channels() != width || e.delay() != engines[0].delay())
        {
            return Err(Error::Model(format!(
                "an engine for {width} channels with {framing:?} was expected, not one for {} with {:?}",
                other.channels(),
                other.framing()
            )));
        }
        let stft = Stft::new(&framing)?;
        let offered = engines.iter().map(|e| e.max_frames()).min().unwrap_or(1);
        let tail = engines.iter().map(|e| e.tail()).max().unwrap_or(0);
        let late = engines[0].delay();
        let timing = Timing::with_delay(config, &framing, offered, tail, late)?;
        let front = FrontEnd::new(&timing, &stft, config.channels, width)?;
        let noisy = front.frames(&timing);
        let frames = timing.frames;
        let mut denoiser = Self {
            channels: config.channels,
            groups: engines
                .into_iter()
                .map(|engine| Group::new(engine, frames))
                .collect(),
            back: BackEnd::new(&timing, &stft, config, width)?,
            clean: vec![Complex32::ZERO; noisy.spectra.len()],
            meter: Meter::new(&framing, config.channels, late),
            late: LateFrames::new(&noisy, &framing, config.channels, groups, late),
            front,
            noisy,
            timing,
        };
        denoiser.reset();
        Ok(denoiser)
    }

    /// Samples by which the output is later than the input. Constant and exact.
    pub fn latency(&self) -> usize {
        self.timing.latency
    }

    /// Samples for which sound can still come out after the input has fallen silent; at most a few hops longer than it is.
    pub fn tail(&self) -> usize {
        self.timing.tail
    }

    /// The number of channels that [`process`](Self::process) expects.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Tells whether [`process`](Self::process) and [`reset`](Self::reset) may run on an audio thread.
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
            let part = start..len.min(start + self.timing.chunk);
            start = part.end;
            let blocks = self.front.take(channels, part.clone());
            self.back.owe(blocks);
            self.clean_frames();
            let share = part.len() as f32 / self.timing.frame_length();
            for group in self.groups.iter_mut().filter(|_| share < 1.0) {
                group.engine.work(share);
            }
            self.back.give(channels, part);
        }
    }

    /// Attenuation of the newest frame by the network, in dB, 0 to [`Config::MAX_LIMIT`]: all channels together,
    /// before limit, mix and gain. 0 in silence, and before the first frame is complete.
    ///
    /// The frame ends with the input, less what does not fill a hop yet; at the output it comes
    /// [`latency`](Self::latency) samples later.
    pub fn reduction(&self) -> f32 {
        self.meter.reduction()
    }

    /// The level of what the network left of the newest frame, which is the speech that it found: in dBFS, where the square
    /// root of a mean square of 1 is 0; −∞ where nothing is left. All channels together, before limit, mix and gain.
    pub fn speech_level(&self) -> f32 {
        self.meter.speech_level()
    }

    /// Cleans all frames that are complete.
    fn clean_frames(&mut self) {
        while self.front.analyse(&mut self.noisy) {
            let all = self.channels * self.noisy.count * self.timing.framing.bins();
            let (noisy, clean) = (&self.noisy.spectra[..all], &mut self.clean[..all]);
            let each = all / self.groups.len();
            let groups = self.groups.iter_mut().zip(noisy.chunks_exact(each));
            for ((group, noisy), clean) in groups.zip(clean.chunks_exact_mut(each)) {
                group.clean(noisy, clean);
            }
            self.meter.take(self.noisy.count, noisy, clean);
            self.late.exchange(&mut self.noisy);
            self.back.synthesise(&self.noisy, clean);
        }
    }

    /// Cleans a whole recording in place and in step: sample n of the output belongs to sample n of the input.
    ///
    /// Starts and ends with a [`reset`](Self::reset). Allocates, so it is not for an audio thread. Lengths and numbers
    /// of channels are treated as in [`process`](Self::process).
    pub fn process_recording(&mut self, channels: &mut [&mut [f32]]) {
        self.reset();
        self.process(channels);
        let mut rest = vec![vec![0.0; self.latency()]; channels.len()];
        self.process(&mut rest.iter_mut().map(|c| &mut c[..]).collect::<Vec<_>>());
        let len = channels
            .iter()
            .take(self.channels)
            .map(|c| c.len())
            .min()
            .unwrap_or(0);
        for (channel, rest) in channels.iter_mut().zip(&rest).take(self.channels) {
            // The output is the processed channel and then the rest, without the first `latency` samples.
            let early = self.latency().min(len);
            channel.copy_within(early..len, 0);
            channel[len - early..len].copy_from_slice(&rest[self.latency() - early..]);
        }
        self.reset();
    }

    /// Resets everything but the controls, and finishes fades at once: like a new denoiser with the controls as they stand.
    pub fn reset(&mut self) {
        self.front.reset();
        self.groups.iter_mut().for_each(Group::reset);
        self.meter.reset();
        self.late.reset();
        self.back.reset();
    }

    /// What it has learned of the stream so far; empty if its engines cannot hand that over, as those that look ahead. Allocates.
    pub fn state(&self) -> StreamState {
        let mut state = StreamState::default();
        state.numbers.reserve_exact(self.state_numbers());
        self.write_state(&mut state);
        state
    }

    /// The numbers of a [`state`](Self::state).
    pub(crate) fn state_numbers(&self) -> usize {
        self.groups.iter().map(|group| group.engine.state_of().1).sum()
    }

    /// As [`state`](Self::state), into one that was taken before, of this denoiser or of one with more masks; else nothing happens.
    /// Does not allocate.
    pub fn write_state(&self, state: &mut StreamState) {
        let (network, len) = self.groups[0].engine.state_of();
        let numbers = len * self.groups.len();
        if state.numbers.capacity() < numbers {
            return;
        }
        (state.network, state.len) = (network, len);
        state.numbers.clear();
        state.numbers.resize(numbers, 0.0);
        if len > 0 {
            for (group, numbers) in self.groups.iter().zip(state.numbers.chunks_exact_mut(len)) {
                group.engine.save(numbers);
            }
        }
        state.round();
    }

    /// Lets streams begin with what another one has taught, from the next [`reset`](Self::reset) on, which also is the case after
    /// silence of five seconds; `None` or an empty state: with nothing. Gives whether the state is of this network; if not, nothing
    /// changes. Does not allocate.
    ///
    /// Where there are more masks than in the state, several begin alike.
    pub fn begin_with(&mut self, state: Option<&StreamState>) -> bool {
        let Some(state) = state.filter(|state| !state.is_empty()) else {
            self.groups.iter_mut().for_each(|group| group.begin_with(None));
            return true;
        };
        if self.groups[0].engine.state_of() != (state.network, state.len) {
            return false;
        }
        let learned = state.numbers.chunks_exact(state.len).cycle();
        for (group, learned) in self.groups.iter_mut().zip(learned) {
            group.begin_with(Some(learned));
        }
        true
    }

    /// Sets the most that the level is lowered anywhere, in dB: input × g is kept under output × (1 − g) with
    /// g = 10^(−limit / 20). Taken into 0 … [`Config::MAX_LIMIT`]; `None` for no limit. NaN changes nothing.
    pub fn set_attenuation_limit(&mut self, limit: Option<f32>) {
        if limit.is_none_or(|limit| !limit.is_nan()) {
            let limit = limit.map(|limit| limit.clamp(0.0, Config::MAX_LIMIT));
            self.back.control(|controls| controls.attenuation_limit = limit);
        }
    }

    /// Sets the most that the level is lowered along frequency. Where [the limit for all](Self::set_attenuation_limit) is smaller,
    /// that one counts. A change fades as frames overlap, from the next frame that is complete on.
    pub fn set_bands(&mut self, bands: BandLimits) {
        self.back.control(|controls| controls.bands = bands);
    }

    /// Sets the share of the cleaned sound. Taken into 0 (the input untouched, bit for bit) … 1 (cleaned). NaN
    /// changes nothing.
    pub fn set_mix(&mut self, mix: f32) {
        if !mix.is_nan() {
            self.back.control(|controls| controls.mix = mix.clamp(0.0, 1.0));
        }
    }

    /// Gives the cleaned sound, or the noise that is removed. Limit and mix count for both: the two add up to the delayed
    /// input, times the gain.
    pub fn set_listen(&mut self, listen: Listen) {
        self.back.control(|controls| controls.listen = listen);
    }

    /// Sets the gain of the output, in dB. Taken into ± [`Config::MAX_GAIN`]. NaN changes nothing.
    pub fn set_output_gain(&mut self, gain: f32) {
        if !gain.is_nan() {
            let gain = gain.clamp(-Config::MAX_GAIN, Config::MAX_GAIN);
            self.back.control(|controls| controls.output_gain = gain);
        }
    }

    /// Passes the input untouched or not. After the fade the output is the delayed input, bit for bit. The engines
    /// keep working, so that the way back is a mere fade too.
    pub fn set_bypass(&mut self, bypass: bool) {
        self.back.control(|controls| controls.bypass = bypass);
    }
}

impl fmt::Debug for Denoiser {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Denoiser")
            .field("channels", &self.channels)
            .field("timing", &self.timing)
            .finish_non_exhaustive()
    }
}
